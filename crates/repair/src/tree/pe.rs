//! PE files, as Windows looks for the DLLs that they import ("Dynamic-link library search order").
//!
//! Python loads an extension with `LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR`
//! (bpo-36085): beside the extension, then directories that the package adds itself
//! (`os.add_dll_directory`), then the system's. A file cannot say which directories a package adds, so a
//! DLL of the wheel that lies elsewhere is taken when its directory is one that repaired wheels keep
//! libraries in (`*.libs`), or when it is the only one of its name. Names are compared without
//! regard to case.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use truewheel_wheel::Wheel;

use super::shelf::{Shelf, Spot};
use super::{Need, Status, Tree, TreeFile};
use crate::binary::{Binary, PeFile};
use crate::error::Result;
use crate::left_out::Choices;
use crate::options::Options;
use crate::policy::windows::{Machine, Origin, WindowsPolicy};
use crate::scan::Scan;

/// The tree of one file on this machine.
pub(super) fn of_file(path: &Path, file: PeFile, options: &Options) -> Result<Tree> {
    let choices = Choices::new(options)?;
    let mut search = Search::new(options, &choices, WindowsPolicy::of_file());
    let spot = search.shelf.insert_file(path, file.clone());
    let root = search.file(&spot, &file);
    search.load(root);
    search.tree.roots.push(root);
    search.tree.files[root].path = path.display().to_string();
    Ok(Tree { unmatched: choices.unmatched(), ..search.tree })
}

/// The trees of a wheel's PE files.
pub(super) fn of_wheel(wheel: &Wheel, scan: &Scan, options: &Options) -> Result<Tree> {
    let choices = Choices::new(options)?;
    let mut search = Search::new(options, &choices, WindowsPolicy::of_wheel(wheel));
    let mut files = Vec::new();
    for (path, file) in &scan.pe {
        if let Some(spot) = search.shelf.insert(path, file.clone()) {
            files.push((spot, file));
        }
    }
    for (spot, file) in files {
        let root = search.file(&spot, file);
        search.load(root);
    }
    search.tree.choose_roots();
    Ok(Tree { unmatched: choices.unmatched(), ..search.tree })
}

struct Search<'a> {
    options: &'a Options,
    choices: &'a Choices,
    policy: WindowsPolicy,
    shelf: Shelf<PeFile>,
    tree: Tree,
    /// Place and facts of each file of the tree.
    sources: Vec<(Spot, PeFile)>,
    known: BTreeMap<Spot, usize>,
    is_searched: Vec<bool>,
}

impl<'a> Search<'a> {
    fn new(options: &'a Options, choices: &'a Choices, policy: WindowsPolicy) -> Self {
        let take = |binary| match binary {
            Binary::Pe(file) => Some(*file),
            _ => None,
        };
        Self {
            options,
            choices,
            policy,
            shelf: Shelf::new(take),
            tree: Tree::empty(),
            sources: Vec::new(),
            known: BTreeMap::new(),
            is_searched: Vec::new(),
        }
    }

    /// The index of a file, entered into the tree when it is new.
    fn file(&mut self, spot: &Spot, file: &PeFile) -> usize {
        let index = self.tree.files.len();
        let known = *self.known.entry(spot.clone()).or_insert(index);
        if known == index {
            self.sources.push((spot.clone(), file.clone()));
            self.is_searched.push(false);
            self.tree.files.push(facts(self.shelf.name(spot), spot, file));
        }
        known
    }

    fn load(&mut self, root: usize) {
        let mut queue = VecDeque::from([root]);
        while let Some(file) = queue.pop_front() {
            if std::mem::replace(&mut self.is_searched[file], true) {
                continue;
            }
            let facts = self.sources[file].1.clone();
            let imports = facts.imports.iter().map(|name| (name, "import"));
            let delayed = facts.delay_imports.iter().map(|name| (name, "delay"));
            let forwards = facts.forwards.iter().filter(|name| {
                !facts.imports.iter().any(|import| library_name(import) == library_name(name))
            });
            let forwards = forwards.map(|name| (name, "forward"));
            for (name, kind) in imports.chain(delayed).chain(forwards) {
                let need = self.need(root, file, name, kind);
                queue.extend(need.file.filter(|target| !self.is_searched[*target]));
                self.tree.files[file].needs.push(need);
            }
        }
    }

    fn need(&mut self, root: usize, user: usize, name: &str, kind: &'static str) -> Need {
        let settled = |status, rule: &str| Need::settled(name, kind, status, Some(rule.to_owned()));
        let library = library_name(name);
        let architecture = self.sources[user].1.architecture;
        let origin = self.policy.origin(&library, Machine::of_architecture(architecture));
        if origin == Some(Origin::Python) {
            return settled(Status::Interpreter, "Python brings it");
        }
        if let Some(option) = self.choices.excluded.find(name, &[name, &library]) {
            return settled(Status::Excluded, &option);
        }
        match origin {
            Some(Origin::Windows(release)) => {
                return settled(Status::Provided, &format!("{release} has it"));
            }
            Some(Origin::Driver) => return settled(Status::Driver, "a driver brings it"),
            _ => {}
        }
        let (mut searched, mut passed_over) = (Vec::new(), Vec::new());
        for (spot, rule) in self.candidates(root, user, &library) {
            let Some((spot, file)) = self.shelf.at(&spot) else {
                searched.push(format!("{} ({rule})", spot.words()));
                continue;
            };
            if !runs(file.architecture, architecture) {
                let path = self.shelf.name(&spot);
                passed_over
                    .push(format!("{path}: for {}, and not for {architecture}", file.architecture));
                continue;
            }
            let file = self.file(&spot, &file);
            let status = match self.tree.files[file].in_wheel {
                true => Status::Wheel,
                false => Status::External,
            };
            return Need { file: Some(file), ..settled(status, &rule) };
        }
        let status = if kind == "delay" { Status::MayBeAbsent } else { Status::Missing };
        Need { searched, passed_over, ..Need::settled(name, kind, status, None) }
    }

    /// Where a DLL may lie, in order, with the rule. `library` is in lower case.
    fn candidates(&self, root: usize, user: usize, library: &str) -> Vec<(Spot, String)> {
        let mut places: Vec<(Spot, String)> = Vec::new();
        for index in [root, user] {
            let (spot, _) = &self.sources[index];
            let rule = format!("beside {}", self.tree.files[index].path);
            places.extend(spot.beside(library).map(|spot| (spot, rule)));
        }
        let named = self.shelf.members(library);
        let is_only = named.len() == 1;
        for spot in named {
            let Spot::Wheel(path) = &spot else { continue };
            let is_vendored = path.split('/').rev().skip(1).any(|part| part.ends_with(".libs"));
            if is_vendored {
                places.push((spot, "the wheel's directory of libraries".to_owned()));
            } else if is_only {
                places.push((spot, "the only one of that name in the wheel".to_owned()));
            }
        }
        let search = &self.options.search;
        for directory in search.lib_paths.iter().chain(&search.packages.directories()) {
            places.push((Spot::Disk(directory.path.join(library)), directory.origin.clone()));
        }
        let mut seen = std::collections::BTreeSet::new();
        places.retain(|(spot, _)| seen.insert(spot.clone()));
        places
    }
}

/// As the loader looks for it: in lower case, with `.dll` where there is no extension.
fn library_name(name: &str) -> String {
    let name = name.to_lowercase();
    if name.contains('.') { name } else { format!("{name}.dll") }
}

/// ARM64X files serve both kinds of process on ARM64.
fn runs(library: &str, process: &str) -> bool {
    library == process || (library == "arm64x" && matches!(process, "arm64" | "arm64ec"))
}

fn facts(path: String, spot: &Spot, file: &PeFile) -> TreeFile {
    let (major, minor) = file.subsystem_version;
    let is_pyd = path.to_lowercase().ends_with(".pyd");
    TreeFile {
        path,
        in_wheel: matches!(spot, Spot::Wheel(_)),
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
