//! Mach-O files, as dyld looks for what they need (dyld(1), "DYLD ENVIRONMENT VARIABLES" and
//! "DYNAMIC LIBRARY LOADING").
//!
//! `@loader_path` is the directory of the file that has the command, `@executable_path` that of the
//! program, `@rpath` each `LC_RPATH` of the file, of what loaded it, … of the first file. What is not
//! there is looked for by its last part in the caller's own directories. `/usr/lib` and `/System` are the
//! system's and seldom on disk. Each slice is loaded by processes of its own CPU only.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use truewheel_macho::DylibKind;

use super::shelf::{Case, Shelf, Spot};
use super::{Need, Status, Tree, TreeFile, is_of_macos};
use crate::binary::{Binary, Load, MachFile, MachSlice};
use crate::error::Result;
use crate::left_out::Choices;
use crate::options::Options;
use crate::scan::Scan;
use crate::search::paths::base_name;
use crate::target;

/// The tree of one file on this machine: a root for each slice.
pub(super) fn of_file(path: &Path, file: MachFile, options: &Options) -> Result<Tree> {
    let choices = Choices::new(options)?;
    let mut search = Search::new(options, &choices);
    let slices = file.slices.clone();
    let spot = search.shelf.insert_file(path, file);
    for slice in &slices {
        let root = search.file(&spot, slice);
        search.load(root);
        search.tree.roots.push(root);
        search.tree.files[root].path = path.display().to_string();
    }
    Ok(search.tree)
}

/// The trees of a wheel's Mach-O files.
pub(super) fn of_wheel(scan: &Scan, options: &Options) -> Result<Tree> {
    let choices = Choices::new(options)?;
    let mut search = Search::new(options, &choices);
    let mut files = Vec::new();
    for (path, file) in &scan.macho {
        if let Some(spot) = search.shelf.insert(path, file.clone()) {
            files.push((spot, file));
        }
    }
    // A library may find its needs only through the rpaths of what loads it, so it comes later.
    files.sort_by_key(|(_, file)| file.slices.iter().any(|slice| slice.install_id.is_some()));
    for (spot, file) in files {
        for slice in &file.slices {
            let root = search.file(&spot, slice);
            search.load(root);
        }
    }
    search.tree.choose_roots();
    Ok(search.tree)
}

struct Search<'a> {
    options: &'a Options,
    choices: &'a Choices,
    shelf: Shelf<MachFile>,
    tree: Tree,
    /// Place and facts of each file of the tree.
    slices: Vec<(Spot, MachSlice)>,
    /// A slice is known by its place and its CPU.
    known: BTreeMap<(Spot, &'static str), usize>,
    is_searched: Vec<bool>,
}

/// What one search came to.
enum Outcome {
    Found(usize, String),
    Missing { searched: Vec<String>, passed_over: Vec<String> },
}

impl<'a> Search<'a> {
    fn new(options: &'a Options, choices: &'a Choices) -> Self {
        let take = |binary| match binary {
            Binary::MachO(file) => Some(*file),
            _ => None,
        };
        Self {
            options,
            choices,
            shelf: Shelf::new(Case::Matters, take),
            tree: Tree::empty(),
            slices: Vec::new(),
            known: BTreeMap::new(),
            is_searched: Vec::new(),
        }
    }

    /// The index of a slice, entered into the tree when it is new.
    fn file(&mut self, spot: &Spot, slice: &MachSlice) -> usize {
        let index = self.tree.files.len();
        let key = (spot.clone(), slice.architecture);
        let known = *self.known.entry(key).or_insert(index);
        if known == index {
            self.slices.push((spot.clone(), slice.clone()));
            self.is_searched.push(false);
            self.tree.files.push(facts(self.shelf.name(spot), spot, slice));
        }
        known
    }

    /// Loads `root` and what it needs, breadth first. A file that was loaded before is not searched
    /// again: the rpaths of its first loader decide.
    fn load(&mut self, root: usize) {
        let mut queue = VecDeque::from([vec![root]]);
        while let Some(chain) = queue.pop_front() {
            let file = chain[0];
            if std::mem::replace(&mut self.is_searched[file], true) {
                continue;
            }
            let loads = self.slices[file].1.loads.clone();
            for load in &loads {
                let need = self.need(&chain, load);
                if let Some(target) = need.file.filter(|target| !self.is_searched[*target]) {
                    let mut longer = vec![target];
                    longer.extend(&chain);
                    queue.push_back(longer);
                }
                self.tree.files[file].needs.push(need);
            }
        }
    }

    fn need(&mut self, chain: &[usize], load: &Load) -> Need {
        let (name, kind) = (load.install_name.as_str(), kind(load.kind));
        let settled = |status, rule: &str| Need::settled(name, kind, status, Some(rule.to_owned()));
        if is_python(name) {
            return settled(Status::Interpreter, "the interpreter has it");
        }
        if let Some(option) = self.choices.excluded.find(name, &[name, base_name(name)]) {
            return settled(Status::Excluded, &option);
        }
        if is_of_macos(name) {
            return settled(Status::Provided, "macOS has it");
        }
        match self.search(chain, name) {
            Outcome::Found(file, rule) => {
                let status = match self.tree.files[file].in_wheel {
                    true => Status::Wheel,
                    false => Status::External,
                };
                Need { file: Some(file), ..settled(status, &rule) }
            }
            Outcome::Missing { searched, passed_over } => {
                let need = Need::settled(name, kind, Status::Missing, None);
                Need { searched, passed_over, ..need }
            }
        }
    }

    fn search(&mut self, chain: &[usize], name: &str) -> Outcome {
        let (mut searched, mut passed_over) = (Vec::new(), Vec::new());
        let Some(&user) = chain.first() else { return Outcome::Missing { searched, passed_over } };
        let architecture = self.slices[user].1.architecture;
        for (spot, rule) in self.candidates(chain, name) {
            let Some((spot, file)) = self.shelf.at(&spot) else {
                searched.push(format!("{} ({rule})", spot.words()));
                continue;
            };
            match file.slices.iter().find(|slice| runs(slice.architecture, architecture)) {
                Some(slice) => return Outcome::Found(self.file(&spot, slice), rule),
                None => {
                    let has: Vec<&str> =
                        file.slices.iter().map(|slice| slice.architecture).collect();
                    let name = self.shelf.name(&spot);
                    passed_over.push(format!(
                        "{name}: for {}, and not for {architecture}",
                        has.join(", ")
                    ));
                }
            }
        }
        let leaf = base_name(name);
        for spot in self.shelf.members(leaf) {
            let member = self.shelf.name(&spot);
            if !passed_over.iter().any(|line| line.starts_with(&member)) {
                passed_over.push(format!("{member}: no path of the loader leads to it"));
            }
        }
        Outcome::Missing { searched, passed_over }
    }

    /// Every place that dyld would look at, in order, with the rule that names it.
    fn candidates(&self, chain: &[usize], name: &str) -> Vec<(Spot, String)> {
        let mut places = Vec::new();
        if let Some(rest) = name.strip_prefix("@rpath/") {
            for &loader in chain {
                let (_, slice) = &self.slices[loader];
                for rpath in &slice.rpaths {
                    let rule = format!("LC_RPATH {rpath} of {}", self.tree.files[loader].path);
                    let path = format!("{}/{rest}", rpath.trim_end_matches('/'));
                    let spots = self.expand(chain, loader, &path);
                    places.extend(spots.into_iter().map(|spot| (spot, rule.clone())));
                }
            }
        } else if let Some(&user) = chain.first() {
            let rule = match name.split_once('/') {
                Some((first @ ("@loader_path" | "@executable_path"), _)) => first,
                _ => "its install name",
            };
            let spots = self.expand(chain, user, name);
            places.extend(spots.into_iter().map(|spot| (spot, rule.to_owned())));
        }
        for directory in &self.options.search.lib_paths {
            let path = directory.path.join(base_name(name));
            places.push((Spot::Disk(path), directory.origin.clone()));
        }
        places
    }

    /// The places that `path` in a command of file `owner` stands for. A relative path hangs on the
    /// working directory of a process, which nobody knows.
    fn expand(&self, chain: &[usize], owner: usize, path: &str) -> Vec<Spot> {
        if let Some(rest) = path.strip_prefix("@loader_path/") {
            return self.slices[owner].0.beside(rest).into_iter().collect();
        }
        if let Some(rest) = path.strip_prefix("@executable_path/") {
            let program = chain.last().map(|root| &self.slices[*root]);
            let program = program.filter(|(_, slice)| slice.file_type == MH_EXECUTE);
            return program.and_then(|(spot, _)| spot.beside(rest)).into_iter().collect();
        }
        if !path.starts_with('/') {
            return Vec::new();
        }
        let sysroot = self.options.search.sysroot.as_ref();
        let below = sysroot.map(|root| root.join(path.trim_start_matches('/')));
        below.into_iter().chain([PathBuf::from(path)]).map(Spot::Disk).collect()
    }
}

/// File types of `<mach-o/loader.h>`.
const MH_EXECUTE: u32 = 2;
const MH_BUNDLE: u32 = 8;

/// A process of `process` takes a slice for `slice`: the Haswell slice of x86_64 is one for some
/// machines only, and is taken where there is no other.
fn runs(slice: &str, process: &str) -> bool {
    slice == process || (process == "x86_64" && slice == "x86_64h")
}

/// `Python.framework/Versions/3.12/Python`, `libpython3.12.dylib`.
fn is_python(name: &str) -> bool {
    let leaf = base_name(name);
    let library = leaf.strip_suffix(".dylib").map(|stem| format!("{stem}.so"));
    library.is_some_and(|name| target::is_libpython(&name))
        || (name.contains("Python.framework/") && leaf == "Python")
        || (name.contains("PythonT.framework/") && leaf == "PythonT")
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

fn facts(path: String, spot: &Spot, slice: &MachSlice) -> TreeFile {
    let minimum_os = slice.minimum_os.map(|found| {
        let (major, minor, patch) = found.version;
        let patch = if patch > 0 { format!(".{patch}") } else { String::new() };
        format!("{} {major}.{minor}{patch}", platform(found.platform))
    });
    TreeFile {
        path,
        in_wheel: matches!(spot, Spot::Wheel(_)),
        size: None,
        format: "mach-o",
        kind: match slice.file_type {
            MH_EXECUTE => "program",
            MH_BUNDLE => "extension",
            _ => "library",
        },
        signed: Some(slice.is_signed),
        architecture: slice.architecture.to_owned(),
        libc: None,
        interpreter: None,
        own_name: slice.install_id.clone(),
        minimum_os,
        rpath: slice.rpaths.clone(),
        runpath: Vec::new(),
        needs: Vec::new(),
    }
}

/// `PLATFORM_*` of `<mach-o/loader.h>`.
fn platform(number: u32) -> String {
    let names = ["macOS", "iOS", "tvOS", "watchOS", "bridgeOS", "Mac Catalyst", "iOS Simulator"];
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    match index.and_then(|index| names.get(index)) {
        Some(name) => (*name).to_owned(),
        None => format!("platform {number}"),
    }
}
