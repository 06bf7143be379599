//! Search as the Windows loader would, had the wheel been installed where it was built.
//!
//! A PE file names DLLs and no places, and the loader looks where the process says. On the machine that
//! built the wheel that was `PATH`, a directory of the build, or a package manager's. So the order is ours:
//! 1. what Windows, Python and drivers bring, and what the caller leaves out;
//! 2. the directory of the file that needs it, in the wheel or on this machine;
//! 3. the rest of the wheel: what a wheel has it means to use; the nearest of several;
//! 4. `--lib-path` and its aliases, `TRUEWHEEL_LIBRARY_PATH`;
//! 5. the runtime that Visual Studio redistributes, where this machine has it, then `PATH`, which is told.
//!
//! Names are compared without regard to case ("Dynamic-link library search order"); a file for another
//! machine is passed over. Of Microsoft's C++ runtime the newest is taken, not the first.

mod graph;
mod include;
mod runtime;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use truewheel_pe::dll_key;
use truewheel_wheel::MemberPath;

use super::disk;
use super::miss::Miss;
use super::paths::{environment_path, parent};
use super::store::{Store, Stored};
use super::{Found, NodeId, Place, Resolution};
use crate::binary::{Binary, Format, PeFile};
use crate::error::Result;
use crate::left_out::Choices;
use crate::mangle::dll::without_digits;
use crate::options::{Options, SearchDirectory};
use crate::policy::windows::{Machine, Origin, WindowsPolicy, is_needless};

pub(crate) use graph::{PeGraph, PeNeed, PeNode, Tie};

/// The rule of a DLL that lies in another directory of the wheel.
pub(crate) const IN_WHEEL: &str = "elsewhere in the wheel";

/// What the search must know besides the files themselves.
pub(crate) struct Context<'a> {
    pub(crate) options: &'a Options,
    pub(crate) policy: &'a WindowsPolicy,
    /// What the caller leaves out, and what only force brings in.
    pub(crate) choices: &'a Choices,
    /// Where DLLs go that the caller wants and gives no directory.
    pub(crate) libraries: &'a MemberPath,
    /// The architecture of the wheel's processes.
    pub(crate) architecture: &'static str,
}

/// Resolves every DLL that the files of the wheel name.
pub(crate) fn resolve(
    members: Vec<(MemberPath, PeFile)>,
    context: &Context<'_>,
) -> Result<PeGraph> {
    let mut search = Search::new(context);
    for (path, file) in members {
        search.insert(path, file);
    }
    for wish in &context.options.include {
        search.include(wish)?;
    }
    search.load_all()?;
    Ok(search.finish())
}

/// Resolves the names of one file of this machine, which is the first of the graph.
pub(crate) fn resolve_file(path: &Path, context: &Context<'_>) -> Result<PeGraph> {
    let mut search = Search::new(context);
    if let Stored::Fit(index) = search.store.at(path)? {
        search.library_node(index);
    }
    search.load_all()?;
    Ok(search.finish())
}

/// ARM64X files serve both kinds of process on ARM64.
pub(crate) fn runs(library: &str, process: &str) -> bool {
    library == process || (library == "arm64x" && matches!(process, "arm64" | "arm64ec"))
}

struct Search<'a> {
    context: &'a Context<'a>,
    store: Store<PeFile>,
    graph: PeGraph,
    /// Path in an environment, in lower case → member.
    installed: BTreeMap<String, NodeId>,
    /// File name, in lower case → members.
    by_name: BTreeMap<String, Vec<NodeId>>,
    /// DLL on disk → node.
    library_nodes: BTreeMap<usize, NodeId>,
    /// Directory → names in lower case → names.
    listings: BTreeMap<PathBuf, BTreeMap<String, PathBuf>>,
    /// The best of the runtimes that are too old, for the name that is looked for just now.
    older: Option<Older>,
}

/// A C++ runtime that is older than a toolset.
struct Older {
    index: usize,
    version: Option<(u16, u16, u16, u16)>,
    rule: String,
    directory: String,
    /// What is wrong, and what to do.
    fault: (String, String),
}

impl<'a> Search<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        let take = |binary| match binary {
            Binary::Pe(file) => Some(*file),
            _ => None,
        };
        Self {
            context,
            store: Store::new(None, Format::Pe, take),
            graph: PeGraph::default(),
            installed: BTreeMap::new(),
            by_name: BTreeMap::new(),
            library_nodes: BTreeMap::new(),
            listings: BTreeMap::new(),
            older: None,
        }
    }

    fn insert(&mut self, path: MemberPath, file: PeFile) {
        let id = NodeId(self.graph.nodes.len());
        if let Some(place) = environment_path(&path) {
            self.installed.insert(place.to_ascii_lowercase(), id);
        }
        self.by_name.entry(path.file_name().to_ascii_lowercase()).or_default().push(id);
        self.graph.nodes.push(PeNode { place: Place::Member(path), file });
    }

    /// Loads every file, and what it leads to.
    fn load_all(&mut self) -> Result<()> {
        let mut next = 0;
        while next < self.graph.nodes.len() {
            self.load(NodeId(next))?;
            next += 1;
        }
        Ok(())
    }

    fn load(&mut self, id: NodeId) -> Result<()> {
        let file = &self.graph.node(id).file;
        let imports = file.imports.iter().map(|name| (name.clone(), Tie::Import));
        let delayed = file.delay_imports.iter().map(|name| (name.clone(), Tie::Delay));
        let named: BTreeSet<String> = file.tables.iter().map(|name| dll_key(name)).collect();
        let forwards = file.forwards.iter().filter(|name| !named.contains(&dll_key(name)));
        let forwards = forwards.map(|name| (name.clone(), Tie::Forward));
        let names: Vec<(String, Tie)> = imports.chain(delayed).chain(forwards).collect();
        let mut needs = Vec::new();
        for (name, tie) in names {
            let resolution = self.resolve(id, &name)?;
            needs.push(PeNeed { name, tie, resolution });
        }
        self.graph.needs.insert(id, needs);
        Ok(())
    }

    fn resolve(&mut self, user: NodeId, name: &str) -> Result<Resolution> {
        let key = dll_key(name);
        if let Some(option) = self.context.choices.excluded.find(name, &[name, &key]) {
            return Ok(Resolution::Excluded(option));
        }
        let machine = Machine::of_architecture(self.graph.node(user).file.architecture);
        let is_forced = || self.context.choices.forced.find(name, &[name, &key]).is_some();
        match self.context.policy.origin(&key, machine) {
            Some(Origin::Python) => return Ok(Resolution::Libpython),
            Some(Origin::Windows(_)) if !is_forced() => return Ok(Resolution::Provided),
            Some(Origin::Driver) if !is_forced() => return Ok(Resolution::Driver),
            _ => {}
        }
        let user_name = self.file_name(user);
        let (stem, extension) = user_name.rsplit_once('.').unwrap_or((&user_name, ""));
        if is_needless(&format!("{}.{extension}", without_digits(stem)), &key) {
            return Ok(Resolution::Provided);
        }
        let mut miss = Miss::default();
        if let Some(found) = self.find(user, &key, &mut miss)? {
            return Ok(found);
        }
        miss.searched.insert(0, "the wheel".to_owned());
        Ok(Resolution::Missing(Box::new(miss.into_missing(name))))
    }

    /// A runtime that is too old is one only where no directory has a newer one.
    fn find(&mut self, user: NodeId, key: &str, miss: &mut Miss) -> Result<Option<Resolution>> {
        self.older = None;
        if let Some(found) = self.find_first(user, key, miss)? {
            return Ok(Some(found));
        }
        let Some(older) = self.older.take() else { return Ok(None) };
        self.graph.faults.push(older.fault);
        let id = self.library_node(older.index);
        Ok(Some(file(id, &older.rule, &older.directory)))
    }

    fn find_first(
        &mut self,
        user: NodeId,
        key: &str,
        miss: &mut Miss,
    ) -> Result<Option<Resolution>> {
        if let Some(found) = self.in_wheel(user, key, miss) {
            return Ok(Some(found));
        }
        if self.elsewhere_in_wheel(user, key, &mut Miss::default()).is_none()
            && let Some(given) = self.context.choices.provided.give(key)
        {
            return Ok(Some(Resolution::InPackage(given)));
        }
        if let Place::Library(index) = self.graph.node(user).place
            && let Some(library) = self.store.library(index)
        {
            let directory = library.path.parent().unwrap_or(Path::new("")).to_owned();
            let rule = format!("beside {}", self.file_name(user));
            let beside = [SearchDirectory { path: directory, origin: rule }];
            if let Some(found) = self.on_disk(user, key, &beside, miss)? {
                return Ok(Some(found));
            }
        }
        if let Some(found) = self.elsewhere_in_wheel(user, key, miss) {
            return Ok(Some(found));
        }
        let named = self.context.options.search.lib_paths.clone();
        if let Some(found) = self.on_disk(user, key, &named, miss)? {
            return Ok(Some(found));
        }
        let mut packages = self.context.options.search.packages.directories();
        let count = packages.len();
        packages.retain(|directory| self.listed(&directory.path, key).is_some());
        if let Some(found) = self.on_disk(user, key, &packages, miss)? {
            return Ok(Some(found));
        }
        miss.in_packages(count);
        let architecture = self.graph.node(user).file.architecture;
        let last = self.context.options.windows.last_resorts(architecture);
        self.on_disk(user, key, &last, miss)
    }

    /// Beside the file that needs it.
    fn in_wheel(&self, user: NodeId, key: &str, miss: &mut Miss) -> Option<Resolution> {
        let Place::Member(path) = &self.graph.node(user).place else { return None };
        let place = environment_path(path)?.to_ascii_lowercase();
        let beside = super::paths::join(parent(&place), key);
        let id = *self.installed.get(&beside)?;
        self.fits(user, id, miss).then(|| file(id, &format!("beside {path}"), ""))
    }

    /// Anywhere in the wheel: of several, the one that shares most directories with the file that needs
    /// it.
    fn elsewhere_in_wheel(&self, user: NodeId, key: &str, miss: &mut Miss) -> Option<Resolution> {
        let place = |id: NodeId| match &self.graph.node(id).place {
            Place::Member(path) => environment_path(path).unwrap_or_default(),
            Place::Library(_) => String::new(),
        };
        let from = place(user);
        let shared = |id: NodeId| {
            let to = place(id);
            from.split('/')
                .zip(to.split('/'))
                .take_while(|(a, b)| a.eq_ignore_ascii_case(b))
                .count()
        };
        let named = self.by_name.get(key)?.iter().copied().filter(|id| *id != user);
        let fitting: Vec<NodeId> = named.filter(|id| self.fits(user, *id, miss)).collect();
        let best = fitting.into_iter().rev().max_by_key(|id| shared(*id))?;
        Some(file(best, IN_WHEEL, ""))
    }

    fn fits(&self, user: NodeId, id: NodeId, miss: &mut Miss) -> bool {
        let (library, process) =
            (self.graph.node(id).file.architecture, self.graph.node(user).file.architecture);
        if !runs(library, process) {
            miss.near(format!("{}: for {library}, and not for {process}", self.name(id)));
        }
        runs(library, process)
    }

    fn on_disk(
        &mut self,
        user: NodeId,
        key: &str,
        directories: &[SearchDirectory],
        miss: &mut Miss,
    ) -> Result<Option<Resolution>> {
        let process = self.graph.node(user).file.architecture;
        let found = self.first_on_disk(process, key, directories, miss)?;
        let Some((index, directory)) = found else { return Ok(None) };
        let (rule, directory) = (&directory.origin, directory.path.display().to_string());
        if let Some((what, hint)) = self.too_old(user, key, index) {
            miss.near(what.clone());
            let version = self.store.library(index).and_then(|library| library.file.file_version);
            if self.older.as_ref().is_none_or(|older| older.version < version) {
                let (rule, fault) = (rule.clone(), (what, hint));
                self.older = Some(Older { index, version, rule, directory, fault });
            }
            return Ok(None);
        }
        let id = self.library_node(index);
        Ok(Some(file(id, rule, &directory)))
    }

    /// In the first of `directories` that has it; the newest of all for the C++ runtime.
    fn first_on_disk<'d>(
        &mut self,
        process: &str,
        key: &str,
        directories: &'d [SearchDirectory],
        miss: &mut Miss,
    ) -> Result<Option<(usize, &'d SearchDirectory)>> {
        let mut found: Option<(usize, &SearchDirectory)> = None;
        for directory in directories {
            let words = match directory.origin.as_str() {
                // There are many, and none was meant for the wheel.
                "PATH" => "PATH".to_owned(),
                origin => format!("{} ({origin})", directory.path.display()),
            };
            if !miss.searched.contains(&words) {
                miss.searched.push(words);
            }
            let Some(path) = self.listed(&directory.path, key) else { continue };
            let index = match self.store.at(&path)? {
                Stored::Fit(index) => index,
                Stored::Absent => continue,
                Stored::Unfit(why) => {
                    miss.near(format!("{}: {why}", path.display()));
                    continue;
                }
            };
            let facts = |index| self.store.library(index).map(|library| &library.file);
            let architecture = facts(index).map_or("unknown", |file| file.architecture);
            if !runs(architecture, process) {
                miss.near(format!("{}: for {architecture}, and not for {process}", path.display()));
                continue;
            }
            if directory.origin == "PATH" && self.is_of_windows(&path) && !runtime::is_runtime(key)
            {
                miss.near(format!("{}: Windows' own, which no wheel brings", path.display()));
                continue;
            }
            let version = |index| facts(index).and_then(|file| file.file_version);
            if found.is_none_or(|(best, _)| version(best) < version(index)) {
                found = Some((index, directory));
            }
            if !runtime::is_runtime(key) {
                break;
            }
        }
        Ok(found)
    }

    /// Whether a file lies where Windows itself does.
    fn is_of_windows(&self, path: &Path) -> bool {
        let lower = |path: &Path| path.to_string_lossy().to_ascii_lowercase();
        let root = self.context.options.windows.system_root.as_deref();
        root.is_some_and(|root| Path::new(&lower(path)).starts_with(lower(root)))
    }

    /// Whether a library is of the C++ runtime and older than the toolset of what loads it: of the file that is
    /// asked for, and of the wheel's files that need it too, as a process has one for all.
    fn too_old(&self, user: NodeId, key: &str, index: usize) -> Option<(String, String)> {
        let library = self.store.library(index).filter(|_| runtime::is_runtime(key))?;
        let needs_it =
            |id: &NodeId| self.graph.node(*id).file.tables.iter().any(|name| dll_key(name) == key);
        let members = self.graph.members().map(|(id, _)| id).filter(needs_it);
        let toolset_of = |id: NodeId| runtime::toolset(self.graph.node(id).file.linker_version);
        let builds = members.chain([user]).filter_map(|id| Some((toolset_of(id)?, id)));
        let ((major, minor), built) = builds.max_by_key(|(toolset, _)| *toolset)?;
        let version = runtime::older((major, minor), library.file.file_version)?;
        let what = format!(
            "{} was built with toolset {major}.{minor}, and {} is of the older version {version}",
            self.name(built),
            library.path.display(),
        );
        let hint = format!(
            "name the directory of a newer {key} with `--lib-path`: that of Visual Studio's \
             `VC\\Redist\\MSVC` with the number of the toolset or a higher one"
        );
        Some((what, hint))
    }

    fn library_node(&mut self, index: usize) -> NodeId {
        let next = NodeId(self.graph.nodes.len());
        let id = *self.library_nodes.entry(index).or_insert(next);
        if id == next
            && let Some(library) = self.store.library(index)
        {
            self.graph
                .nodes
                .push(PeNode { place: Place::Library(index), file: library.file.clone() });
        }
        id
    }

    /// The file of this name in a directory, whatever its case.
    fn listed(&mut self, directory: &Path, key: &str) -> Option<PathBuf> {
        let listing = self.listings.entry(directory.to_owned()).or_insert_with(|| {
            let items = fs::read_dir(directory).into_iter().flatten().flatten();
            let mut names: Vec<PathBuf> =
                items.map(|item| PathBuf::from(item.file_name())).collect();
            names.sort();
            let lower = |name: &PathBuf| name.to_string_lossy().to_ascii_lowercase();
            names.into_iter().rev().map(|name| (lower(&name), name)).collect()
        });
        listing.get(key).map(|name| directory.join(name))
    }

    /// How messages name a file; the graph gets its libraries at the end.
    fn name(&self, id: NodeId) -> String {
        match &self.graph.node(id).place {
            Place::Member(path) => path.to_string(),
            Place::Library(index) => {
                let path = self.store.library(*index).map(|library| library.path.display());
                path.map(|path| path.to_string()).unwrap_or_default()
            }
        }
    }

    fn file_name(&self, id: NodeId) -> String {
        match &self.graph.node(id).place {
            Place::Member(path) => path.file_name().to_owned(),
            Place::Library(index) => {
                let library = self.store.library(*index);
                library.map(|library| disk::file_name(&library.path)).unwrap_or_default()
            }
        }
    }

    fn finish(mut self) -> PeGraph {
        self.graph.libraries = self.store.into_libraries();
        if self.context.options.windows.include_only_unneeded {
            self.graph.forget_needed_ones();
        }
        self.graph
    }
}

fn file(id: NodeId, rule: &str, directory: &str) -> Resolution {
    let (rule, directory) = (rule.to_owned(), directory.to_owned());
    Resolution::File(id, Found { rule, directory, by_soname: false })
}
