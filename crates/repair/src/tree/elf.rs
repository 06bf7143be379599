//! ELF files: the graph of the search, with what the target provides.

use std::path::Path;

use truewheel_wheel::MemberPath;

use super::{Need, Status, Tree, TreeFile};
use crate::binary::ElfFile;
use crate::error::Result;
use crate::left_out::Choices;
use crate::options::Options;
use crate::policy;
use crate::scan::Scan;
use crate::search::disk::Disk;
use crate::search::elf::Context;
use crate::search::paths::base_name;
use crate::search::{self, Graph, NodeId, Place, Resolution, defaults};
use crate::survey::LinuxSurvey;
use crate::wheel_target::WheelTarget;

/// The tree of one file on this machine. Nothing is taken for provided: it is shown where the loader
/// would find it.
pub(super) fn of_file(path: &Path, file: &ElfFile, options: &Options) -> Result<Tree> {
    let machine = file.machine;
    let defaults = match (machine.arch, &options.search.ldpaths) {
        (Some(arch), _) => {
            let target = WheelTarget { arch, libc: file.libc, machine };
            defaults::directories(&target, &options.search)
        }
        (None, Some(paths)) => {
            paths.iter().map(|path| (path.clone(), "--ldpaths".to_owned())).collect()
        }
        (None, None) => Vec::new(),
    };
    let choices = Choices::new(options)?;
    let no_wheel = MemberPath::new("none")?;
    let context = Context {
        options: &options.search,
        libc: file.libc,
        defaults,
        is_provided: &|_| false,
        choices: &choices,
        include: &[],
        libraries: &no_wheel,
    };
    let disk = Disk::new(options.search.sysroot.clone(), machine, file.libc);
    let mut tree = Tree::empty();
    match search::elf::resolve_file(path, &context, disk)? {
        Some(graph) => {
            tree = of(&graph, &|_| None);
            tree.notes = graph.notes;
        }
        // Static: no loader looks at it.
        None => tree.files.push(facts(path.display().to_string(), false, file)),
    }
    tree.roots = vec![0];
    tree.unmatched = choices.unmatched();
    if let Some(root) = tree.files.first_mut() {
        root.path = path.display().to_string();
    }
    Ok(tree)
}

/// The tree of a wheel, with what every system has that keeps the wheel's best promise.
pub(super) fn of_graph(linux: &LinuxSurvey, scan: &Scan) -> Tree {
    let LinuxSurvey { target, graph, assessment } = linux;
    let promise = assessment.reference();
    let provider = |name: &str| {
        let at = promise.filter(|at| policy::is_provided(*at, target.arch, base_name(name)))?;
        Some(format!("every {} has it", policy::tag_of(at, target.arch)))
    };
    let mut tree = of(graph, &provider);
    tree.unmatched.clone_from(&graph.unmatched);
    // Files for other machines have no place in the graph.
    for (path, file) in &scan.elf {
        if !target.machine.loads(&file.machine) {
            tree.files.push(unsearched(path.as_str(), file));
        }
    }
    tree.choose_roots();
    tree
}

/// ELF files of a wheel whose loader is another: their needs, and no search for them.
pub(super) fn unresolved(scan: &Scan) -> Tree {
    let mut tree = Tree::empty();
    tree.files = scan.elf.iter().map(|(path, file)| unsearched(path.as_str(), file)).collect();
    tree.choose_roots();
    tree
}

fn unsearched(path: &str, file: &ElfFile) -> TreeFile {
    let mut found = facts(path.to_owned(), true, file);
    let rule = || Some("not searched: the wheel is for another loader".to_owned());
    let needs = file.needed.iter();
    found.needs =
        needs.map(|name| Need::settled(name, "needed", Status::Missing, rule())).collect();
    found
}

fn of(graph: &Graph, provider: &dyn Fn(&str) -> Option<String>) -> Tree {
    let mut tree = Tree::empty();
    for (index, node) in graph.nodes.iter().enumerate() {
        let id = NodeId(index);
        let in_wheel = matches!(node.place, Place::Member(_));
        let mut file = facts(graph.name(id), in_wheel, &node.file);
        if let Place::Library(library) = node.place {
            file.size = graph.libraries.get(library).map(|library| library.size);
        }
        file.needs = graph
            .needs_of(id)
            .iter()
            .map(|(name, resolution)| need(graph, name, resolution, provider))
            .collect();
        tree.files.push(file);
    }
    tree
}

fn need(
    graph: &Graph,
    name: &str,
    resolution: &Resolution,
    provider: &dyn Fn(&str) -> Option<String>,
) -> Need {
    let settled = |status, rule| Need::settled(name, "needed", status, rule);
    let is_member = |id: &NodeId| matches!(graph.node(*id).place, Place::Member(_));
    match resolution {
        Resolution::File(id, found) if is_member(id) => {
            Need { file: Some(id.0), ..settled(Status::Wheel, Some(rule(found))) }
        }
        Resolution::Excluded(option) => settled(Status::Excluded, Some(option.clone())),
        Resolution::InPackage(given) => settled(Status::Excluded, Some(given.words())),
        Resolution::Driver => settled(Status::Driver, Some("part of the driver".to_owned())),
        Resolution::Libpython => {
            settled(Status::Interpreter, Some("the interpreter has it".to_owned()))
        }
        Resolution::Provided => {
            let rule = provider(name).unwrap_or_else(|| "the loader itself".to_owned());
            settled(Status::Provided, Some(rule))
        }
        _ if provider(name).is_some() => settled(Status::Provided, provider(name)),
        Resolution::File(id, found) => {
            Need { file: Some(id.0), ..settled(Status::External, Some(rule(found))) }
        }
        Resolution::Missing(missing) => Need {
            searched: missing.searched.clone(),
            passed_over: missing.near_misses.clone(),
            ..settled(Status::Missing, None)
        },
    }
}

fn rule(found: &search::Found) -> String {
    match found.by_soname {
        true => format!("{}, by its SONAME", found.rule),
        false => found.rule.clone(),
    }
}

fn facts(path: String, in_wheel: bool, file: &ElfFile) -> TreeFile {
    let entries = |list: &Option<String>| -> Vec<String> {
        let list = list.as_deref().unwrap_or_default();
        list.split(':').filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    };
    TreeFile {
        path,
        in_wheel,
        size: None,
        format: "elf",
        // Python itself defines the entry points of its built-in modules.
        kind: match (file.is_program(), file.is_extension) {
            (true, _) => "program",
            (false, true) => "extension",
            (false, false) => "library",
        },
        signed: None,
        architecture: file.machine.describe(),
        os_abi: Some(file.os_abi),
        libc: file.libc.map(|libc| libc.to_string()),
        interpreter: file.interpreter.clone(),
        own_name: file.soname.clone(),
        minimum_os: None,
        rpath: entries(&file.rpath),
        runpath: entries(&file.runpath),
        needs: Vec::new(),
    }
}
