//! PE files: the graph of the search.

use std::path::Path;

use truewheel_pe::dll_key;
use truewheel_wheel::{MemberPath, Wheel};

use super::{Need, Status, Tree, TreeFile};
use crate::binary::PeFile;
use crate::error::Result;
use crate::left_out::Choices;
use crate::options::{Options, SearchDirectory};
use crate::policy::windows::{Machine, Origin, WindowsPolicy};
use crate::scan::Scan;
use crate::search::pe::{self, Context, PeGraph, PeNeed, Tie};
use crate::search::{NodeId, Place, Resolution};
use crate::survey::WinSurvey;

/// The tree of one file on this machine. What it loads is looked for beside it as well, whatever needs it.
pub(super) fn of_file(path: &Path, options: &Options) -> Result<Tree> {
    let choices = Choices::new(options)?;
    let policy = WindowsPolicy::of_file();
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let origin = format!("beside {}", path.display());
    let mut options = options.clone();
    options.search.lib_paths.insert(0, SearchDirectory { path: directory, origin });
    let graph = pe::resolve_file(path, &context(&options, &policy, &choices, &none()?))?;
    let mut tree = of_graph(&graph, &policy);
    tree.unmatched = choices.unmatched();
    tree.roots = vec![0];
    if let Some(root) = tree.files.first_mut() {
        root.path = path.display().to_string();
    }
    Ok(tree)
}

/// The trees of a wheel's PE files, where the wheel is for another system.
pub(super) fn of_wheel(wheel: &Wheel, scan: &Scan, options: &Options) -> Result<Tree> {
    let choices = Choices::new(options)?;
    let policy = WindowsPolicy::of_wheel(wheel);
    let libraries = none()?;
    let graph = pe::resolve(scan.pe.clone(), &context(options, &policy, &choices, &libraries))?;
    let mut tree = of_graph(&graph, &policy);
    tree.unmatched = choices.unmatched();
    Ok(tree)
}

/// The trees of a wheel for Windows; files for other machines than its tags' stand alone.
pub(super) fn of_survey(windows: &WinSurvey, scan: &Scan) -> Tree {
    let mut tree = of_graph(&windows.graph, &windows.policy);
    let is_known = |path: &MemberPath| windows.graph.members().any(|(_, known)| known == path);
    for (path, file) in scan.pe.iter().filter(|(path, _)| !is_known(path)) {
        let mut found = facts(path.to_string(), true, file);
        let rule = || Some("not searched: it is for another machine than the wheel".to_owned());
        let needs = file.imports.iter();
        found.needs =
            needs.map(|name| Need::settled(name, "import", Status::Missing, rule())).collect();
        tree.files.push(found);
    }
    tree.unmatched.clone_from(&windows.graph.unmatched);
    tree.choose_roots();
    tree
}

fn none() -> Result<MemberPath> {
    Ok(MemberPath::new("none")?)
}

fn context<'a>(
    options: &'a Options,
    policy: &'a WindowsPolicy,
    choices: &'a Choices,
    libraries: &'a MemberPath,
) -> Context<'a> {
    Context { options, policy, choices, libraries, architecture: "x64" }
}

fn of_graph(graph: &PeGraph, policy: &WindowsPolicy) -> Tree {
    let mut tree = Tree::empty();
    for (index, node) in graph.nodes.iter().enumerate() {
        let id = NodeId(index);
        let in_wheel = matches!(node.place, Place::Member(_));
        let mut file = facts(graph.name(id), in_wheel, &node.file);
        let library = node.place.library().and_then(|library| graph.libraries.get(library));
        file.size = library.map(|library| library.size);
        let machine = Machine::of_architecture(node.file.architecture);
        file.needs =
            graph.needs_of(id).iter().map(|one| need(graph, one, policy, machine)).collect();
        tree.files.push(file);
    }
    tree.notes.clone_from(&graph.notes);
    tree.choose_roots();
    tree
}

fn need(graph: &PeGraph, need: &PeNeed, policy: &WindowsPolicy, machine: Machine) -> Need {
    let kind = match need.tie {
        Tie::Import => "import",
        Tie::Delay => "delay",
        Tie::Forward => "forward",
    };
    let settled =
        |status, rule: &str| Need::settled(&need.name, kind, status, Some(rule.to_owned()));
    match &need.resolution {
        Resolution::Libpython => settled(Status::Interpreter, "Python brings it"),
        Resolution::Excluded(option) => settled(Status::Excluded, option),
        Resolution::InPackage(given) => settled(Status::Excluded, &given.words()),
        Resolution::Driver => settled(Status::Driver, "a driver brings it"),
        Resolution::Provided => match policy.origin(&dll_key(&need.name), machine) {
            Some(Origin::Windows(release)) => {
                settled(Status::Provided, &format!("{release} has it"))
            }
            _ => settled(Status::Provided, "never called"),
        },
        Resolution::File(file, found) => {
            let status = match graph.node(*file).place {
                Place::Member(_) => Status::Wheel,
                Place::Library(_) => Status::External,
            };
            Need { file: Some(file.0), ..settled(status, &found.rule) }
        }
        Resolution::Missing(missing) => {
            let (searched, passed_over) = (missing.searched.clone(), missing.near_misses.clone());
            let status = if need.tie == Tie::Delay { Status::MayBeAbsent } else { Status::Missing };
            Need { searched, passed_over, ..Need::settled(&need.name, kind, status, None) }
        }
    }
}

fn facts(path: String, in_wheel: bool, file: &PeFile) -> TreeFile {
    let (major, minor) = file.subsystem_version;
    let is_pyd = path.to_lowercase().ends_with(".pyd");
    TreeFile {
        path,
        in_wheel,
        size: None,
        format: "pe",
        kind: match (is_pyd, file.is_dll) {
            (true, _) => "extension",
            (false, true) => "library",
            (false, false) => "program",
        },
        signed: Some(file.is_signed),
        architecture: file.architecture.to_owned(),
        os_abi: None,
        libc: None,
        interpreter: None,
        own_name: None,
        minimum_os: Some(format!("Windows {major}.{minor}")),
        rpath: Vec::new(),
        runpath: Vec::new(),
        needs: Vec::new(),
    }
}
