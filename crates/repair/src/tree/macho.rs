//! Mach-O files: the graph of the search, a file of the tree for each slice.

use std::collections::BTreeMap;
use std::path::Path;

use truewheel_macho::DylibKind;
use truewheel_wheel::MemberPath;

use super::{Need, Status, Tree, TreeFile};
use crate::binary::{Load, MH_BUNDLE, MH_EXECUTE, MachSlice, platform_name};
use crate::error::Result;
use crate::left_out::Choices;
use crate::options::Options;
use crate::scan::Scan;
use crate::search::macho::{self, Context, MachGraph, SliceId};
use crate::search::{NodeId, Place, Resolution};

/// The tree of one file on this machine: a root for each slice.
pub(super) fn of_file(path: &Path, options: &Options) -> Result<Tree> {
    let choices = Choices::new(options)?;
    let digests = BTreeMap::new();
    let no_wheel = MemberPath::new("none")?;
    let context = Context {
        root: None,
        options: &options.search,
        choices: &choices,
        digests: &digests,
        include: &[],
        libraries: &no_wheel,
    };
    let graph = macho::resolve_file(path, &context)?;
    let mut tree = of_graph(&graph);
    // The file itself is the first of the graph, and the first of the tree are its slices.
    tree.roots = (0..graph.needs.keys().take_while(|id| id.file == NodeId(0)).count()).collect();
    for root in tree.roots.clone() {
        tree.files[root].path = path.display().to_string();
    }
    Ok(tree)
}

/// The trees of a wheel's Mach-O files, where the wheel is for another system.
pub(super) fn of_wheel(scan: &Scan, options: &Options) -> Result<Tree> {
    let choices = Choices::new(options)?;
    let no_wheel = MemberPath::new("none")?;
    let context = Context {
        root: None,
        options: &options.search,
        choices: &choices,
        digests: &scan.digests,
        include: &[],
        libraries: &no_wheel,
    };
    let graph = macho::resolve(scan.macho.clone(), &BTreeMap::new(), &context)?;
    Ok(of_graph(&graph))
}

/// The tree of a graph.
pub(super) fn of_graph(graph: &MachGraph) -> Tree {
    let mut tree = Tree::empty();
    let indices: BTreeMap<SliceId, usize> =
        graph.needs.keys().enumerate().map(|(index, id)| (*id, index)).collect();
    for id in graph.needs.keys() {
        let is_member = matches!(graph.node(id.file).place, Place::Member(_));
        let mut file = facts(graph.name(id.file), is_member, graph.slice(*id));
        let library = graph.node(id.file).place.library().and_then(|at| graph.libraries.get(at));
        file.size = library.map(|library| library.size);
        file.needs = graph
            .needs_of(*id)
            .map(|(load, resolution)| need(graph, &indices, *id, load, resolution))
            .collect();
        tree.files.push(file);
    }
    tree.notes.clone_from(&graph.notes);
    tree.unmatched.clone_from(&graph.unmatched);
    tree.choose_roots();
    tree
}

fn need(
    graph: &MachGraph,
    indices: &BTreeMap<SliceId, usize>,
    user: SliceId,
    load: &Load,
    resolution: &Resolution,
) -> Need {
    let (name, kind) = (load.install_name.as_str(), kind(load.kind));
    let settled = |status, rule: &str| Need::settled(name, kind, status, Some(rule.to_owned()));
    match resolution {
        Resolution::Libpython => settled(Status::Interpreter, "the interpreter has it"),
        Resolution::Provided | Resolution::Driver => settled(Status::Provided, "macOS has it"),
        Resolution::Excluded(option) => settled(Status::Excluded, option),
        Resolution::InPackage(given) => settled(Status::Excluded, &given.words()),
        Resolution::File(file, found) => {
            let status = match graph.node(*file).place {
                Place::Member(_) => Status::Wheel,
                Place::Library(_) => Status::External,
            };
            let slice = graph.slice_for(user, *file);
            let file = slice.and_then(|slice| indices.get(&slice).copied());
            Need { file, ..settled(status, &found.rule) }
        }
        Resolution::Missing(missing) => {
            let (searched, passed_over) = (missing.searched.clone(), missing.near_misses.clone());
            let status = match load.kind {
                DylibKind::Weak => Status::MayBeAbsent,
                _ => Status::Missing,
            };
            Need { searched, passed_over, ..Need::settled(name, kind, status, None) }
        }
    }
}

fn kind(kind: DylibKind) -> &'static str {
    match kind {
        DylibKind::Id | DylibKind::Load => "load",
        DylibKind::Weak => "weak",
        DylibKind::Reexport => "reexport",
        DylibKind::Lazy => "lazy",
        DylibKind::Upward => "upward",
    }
}

fn facts(path: String, in_wheel: bool, slice: &MachSlice) -> TreeFile {
    let minimum_os = slice.minimum_os.map(|found| {
        let (major, minor, patch) = found.version;
        let patch = if patch > 0 { format!(".{patch}") } else { String::new() };
        format!("{} {major}.{minor}{patch}", platform_name(found.platform))
    });
    TreeFile {
        path,
        in_wheel,
        size: None,
        format: "mach-o",
        kind: match slice.file_type {
            MH_EXECUTE => "program",
            MH_BUNDLE => "extension",
            _ => "library",
        },
        signed: Some(slice.is_signed),
        architecture: slice.architecture.to_owned(),
        os_abi: None,
        libc: None,
        interpreter: None,
        own_name: slice.install_id.clone(),
        minimum_os,
        rpath: slice.rpaths.clone(),
        runpath: Vec::new(),
        needs: Vec::new(),
    }
}
