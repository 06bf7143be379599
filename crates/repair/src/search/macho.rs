//! Search as dyld does it (dyld(1), "DYNAMIC LIBRARY LOADING"; `PathOverrides` and `Loader` in its sources).
//!
//! For an install name in a slice of file F, loaded on behalf of L, loaded on behalf of … the root:
//! 1. `DYLD_LIBRARY_PATH`, by the name's last part (of a framework by the part from its directory on);
//!    here stand the caller's own directories;
//! 2. a file that the process has loaded under that very name, or that has it as its install ID;
//! 3. `@rpath`: each `LC_RPATH` of F, of L, … of the root; `@loader_path`: the directory of F;
//!    `@executable_path`: that of the program; any other name is a path;
//! 4. `DYLD_FALLBACK_LIBRARY_PATH`, by the name's last part.
//!
//! The wheel's own copy comes before all of this, because where the wheel goes, it is the only one. Each
//! slice of a universal file is a file of its own: processes of its CPU load it, with the slices for that CPU of
//! the files it leads to. Then, because a build tree is not an installation: a library in the caller's own
//! directories that has the name as its install ID, and a library of the wheel that no rule leads to, if there is
//! only one of that name.

mod by_id;
mod graph;
mod identity;
mod include;
mod names;
mod places;
mod take;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use truewheel_macho::DylibKind;
use truewheel_wheel::{Digest, MemberPath};

use super::miss::Miss;
use super::paths::{base_name, environment_path, parent, words};
use super::store::Store;
use super::{ALREADY_LOADED, Found, NodeId, ONLY_ONE_OF_NAME, Place, Resolution};
use crate::binary::{Binary, Format, MachFile};
use crate::error::Result;
use crate::left_out::Choices;
use crate::options::{Include, SearchOptions};

pub(crate) use graph::{MachGraph, MachNode, SliceId};
pub(crate) use names::{in_framework, is_of_macos, is_python};

/// What the search must know besides the files themselves.
pub(crate) struct Context<'a> {
    pub(crate) options: &'a SearchOptions,
    /// Where the files lie, if they are those of a directory and not of a wheel: `@loader_path` leads out of it then.
    pub(crate) root: Option<&'a Path>,
    /// What the caller leaves out.
    pub(crate) choices: &'a Choices,
    /// Contents of the wheel's files: a library outside with the same bytes is the wheel's own.
    pub(crate) digests: &'a BTreeMap<MemberPath, Digest>,
    /// What is brought along although nothing needs it.
    pub(crate) include: &'a [Include],
    /// The wheel's directory of vendored libraries.
    pub(crate) libraries: &'a MemberPath,
}

/// Resolves every install name of every slice of the wheel. `aliases` are further names of its files.
pub(crate) fn resolve(
    members: Vec<(MemberPath, MachFile)>,
    aliases: &BTreeMap<MemberPath, MemberPath>,
    context: &Context<'_>,
) -> Result<MachGraph> {
    let mut search = Search::new(context);
    for (path, file) in members {
        search.insert(path, file, aliases);
    }
    for root in search.roots() {
        search.load(root)?;
    }
    for wish in context.include {
        search.include(wish)?;
    }
    Ok(search.finish())
}

/// Resolves the install names of one file of this machine, which is the first of the graph.
pub(crate) fn resolve_file(path: &Path, context: &Context<'_>) -> Result<MachGraph> {
    let mut search = Search::new(context);
    if let super::store::Stored::Fit(index) = search.store.at(path)? {
        let real = search.store.library(index).map(|library| library.path.clone());
        if let Some(root) = real.and_then(|real| search.library_node(index, &real)) {
            for slice in search.graph.slices_of(root) {
                search.load(slice)?;
            }
        }
    }
    Ok(search.finish())
}

struct Search<'a> {
    context: &'a Context<'a>,
    store: Store<MachFile>,
    graph: MachGraph,
    /// Path in an environment → member.
    installed: BTreeMap<String, NodeId>,
    /// File name, or install ID, of a library of the wheel → members.
    by_name: BTreeMap<String, BTreeSet<NodeId>>,
    /// Contents → member.
    by_digest: BTreeMap<(u64, [u8; 32]), NodeId>,
    /// Library on disk, and the directory it lies in where that decides what it finds → node.
    library_nodes: BTreeMap<(usize, Option<PathBuf>), NodeId>,
    resolved: BTreeMap<SliceId, Vec<Resolution>>,
    /// Directory of the caller's → install IDs and their last parts → files.
    ids: BTreeMap<PathBuf, BTreeMap<String, Vec<PathBuf>>>,
    /// Slices whose needs are found without those that load them.
    settled: BTreeSet<SliceId>,
}

/// One process: what it has loaded, and on whose behalf.
struct Process {
    loaded: BTreeMap<String, NodeId>,
    /// The first slice that needed a slice; the root has none.
    loader: BTreeMap<SliceId, SliceId>,
    root: SliceId,
}

impl Process {
    /// `slice`, its loader, … the root.
    fn chain(&self, slice: SliceId) -> impl Iterator<Item = SliceId> {
        std::iter::successors(Some(slice), |slice| self.loader.get(slice).copied())
    }
}

impl<'a> Search<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        let take = |binary| match binary {
            Binary::MachO(file) => Some(*file),
            _ => None,
        };
        Self {
            context,
            store: Store::new(context.options.sysroot.clone(), Format::MachO, take),
            graph: MachGraph::default(),
            installed: BTreeMap::new(),
            by_name: BTreeMap::new(),
            by_digest: BTreeMap::new(),
            library_nodes: BTreeMap::new(),
            resolved: BTreeMap::new(),
            ids: BTreeMap::new(),
            settled: BTreeSet::new(),
        }
    }

    fn insert(
        &mut self,
        path: MemberPath,
        file: MachFile,
        aliases: &BTreeMap<MemberPath, MemberPath>,
    ) {
        let id = NodeId(self.graph.nodes.len());
        let names = aliases.iter().filter(|(_, kept)| **kept == path).map(|(alias, _)| alias);
        for name in names.chain([&path]) {
            self.installed.extend(environment_path(name).map(|place| (place, id)));
            if file.is_library() {
                self.by_name.entry(name.file_name().to_owned()).or_default().insert(id);
            }
        }
        for install_id in file.slices.iter().filter_map(|slice| slice.install_id.clone()) {
            self.by_name.entry(install_id).or_default().insert(id);
        }
        if let Some(digest) = self.context.digests.get(&path) {
            self.by_digest.entry((digest.size, digest.sha256)).or_insert(id);
        }
        let origin = self.context.root.map(|root| root.join(path.parent()));
        let (place, origins) = (Place::Member(path), origin.into_iter().collect());
        self.graph.nodes.push(MachNode { place, file, origins });
    }

    /// A library may find its needs only through the rpaths of what loads it, so it comes later.
    fn roots(&self) -> Vec<SliceId> {
        let mut files: Vec<NodeId> = (0..self.graph.nodes.len()).map(NodeId).collect();
        files.sort_by_key(|id| {
            self.graph.node(*id).file.slices.iter().any(|slice| slice.install_id.is_some())
        });
        files.into_iter().flat_map(|file| self.graph.slices_of(file)).collect()
    }

    /// Loads `root` and everything it needs, breadth first, as one process would.
    fn load(&mut self, root: SliceId) -> Result<()> {
        let (loaded, loader) = (BTreeMap::new(), BTreeMap::new());
        let mut process = Process { loaded, loader, root };
        let mut queue = VecDeque::from([root]);
        let mut seen = BTreeSet::from([root]);
        while let Some(user) = queue.pop_front() {
            self.needs(&process, user)?;
            for index in 0..self.graph.slice(user).loads.len() {
                let known = self.resolved.get(&user).and_then(|needs| needs.get(index));
                let Some(Resolution::File(file, _)) = known else { continue };
                let file = *file;
                self.remember_loaded(&mut process, user, index, file);
                if let Some(target) = self.graph.slice_for(user, file)
                    && seen.insert(target)
                {
                    process.loader.insert(target, user);
                    queue.push_back(target);
                }
            }
        }
        Ok(())
    }

    fn remember_loaded(&self, process: &mut Process, user: SliceId, index: usize, file: NodeId) {
        let name = self.graph.slice(user).loads.get(index).map(|load| load.install_name.clone());
        let id = self.graph.slice_for(user, file);
        let id = id.and_then(|id| self.graph.slice(id).install_id.clone());
        for name in name.into_iter().chain(id) {
            process.loaded.entry(name).or_insert(file);
        }
    }

    /// Resolves what `user` needs, if another process has not come to an answer that holds for all.
    fn needs(&mut self, process: &Process, user: SliceId) -> Result<()> {
        if self.settled.contains(&user) {
            return Ok(());
        }
        self.resolved.entry(user).or_default();
        let mut is_settled = true;
        for (index, load) in self.graph.slice(user).loads.clone().iter().enumerate() {
            let resolution = self.need(process, user, &load.install_name)?;
            is_settled &= match &resolution {
                Resolution::File(_, found) => !found.is_guess() && !is_inherited(found),
                Resolution::Missing(_) => false,
                _ => true,
            };
            self.remember(user, index, &load.install_name, resolution);
        }
        if is_settled {
            self.settled.insert(user);
        }
        Ok(())
    }

    /// The first process that finds a library decides; a later one that comes to another file is told.
    fn remember(&mut self, user: SliceId, index: usize, name: &str, resolution: Resolution) {
        let known = self.resolved.entry(user).or_default();
        match (known.get_mut(index), resolution) {
            (None, resolution) => known.push(resolution),
            (Some(known @ Resolution::Missing(_)), resolution) => *known = resolution,
            (Some(Resolution::File(first, _)), Resolution::File(other, found))
                if *first != other =>
            {
                let note = format!(
                    "`{name}` leads to different files, depending on who loads it; the one in {} is \
                     not used",
                    found.directory
                );
                if !self.graph.notes.contains(&note) {
                    self.graph.notes.push(note);
                }
            }
            _ => {}
        }
    }

    fn need(&mut self, process: &Process, user: SliceId, name: &str) -> Result<Resolution> {
        if let Some(option) = self.context.choices.excluded.find(name, &[name, base_name(name)]) {
            return Ok(Resolution::Excluded(option));
        }
        if is_python(name) {
            return Ok(Resolution::Libpython);
        }
        if is_of_macos(name) {
            return Ok(Resolution::Provided);
        }
        let mut miss = Miss::default();
        let candidates = self.candidates(process, user, name);
        let in_wheel = candidates.iter().find_map(|place| self.member(user, place, &mut miss));
        if let Some(resolution) = in_wheel {
            return Ok(resolution);
        }
        let is_swift = name.starts_with("@rpath/") && names::is_swift(name);
        if is_swift || candidates.iter().any(places::is_of_macos) {
            return Ok(Resolution::Provided);
        }
        if let Some(given) = self.context.choices.provided.give(base_name(name)) {
            return Ok(Resolution::InPackage(given));
        }
        for place in self.named(name, places::Turn::First) {
            if let Some(resolution) = self.on_disk(user, &place, &mut miss)? {
                return Ok(resolution);
            }
        }
        if let Some(&file) = process.loaded.get(name)
            && self.graph.slice_for(user, file).is_some()
        {
            let (rule, directory) = (ALREADY_LOADED.to_owned(), String::new());
            return Ok(Resolution::File(file, Found { rule, directory, by_soname: false }));
        }
        for place in candidates.into_iter().chain(self.named(name, places::Turn::Last)) {
            if let Some(resolution) = self.on_disk(user, &place, &mut miss)? {
                return Ok(resolution);
            }
        }
        if let Some(resolution) = self.by_id(user, name, &mut miss)? {
            return Ok(resolution);
        }
        if let Some(resolution) = self.anywhere_in_wheel(user, name, &mut miss) {
            return Ok(resolution);
        }
        if let Some(resolution) = self.in_packages(user, name, &mut miss)? {
            return Ok(resolution);
        }
        let mut missing = miss.into_missing(name);
        missing.users = vec![self.name(user.file)];
        missing.hint = self.hint();
        Ok(Resolution::Missing(Box::new(missing)))
    }

    /// What no rule of dyld leads to may be a library of an installed Python package.
    fn in_packages(
        &mut self,
        user: SliceId,
        name: &str,
        miss: &mut Miss,
    ) -> Result<Option<Resolution>> {
        let directories = self.context.options.packages.directories();
        let count = directories.len();
        for directory in directories {
            let path = directory.path.join(base_name(name));
            if !path.is_file() {
                continue;
            }
            let place =
                places::Candidate { spot: places::Spot::Disk(path), rule: directory.origin };
            if let Some(resolution) = self.on_disk(user, &place, miss)? {
                return Ok(Some(resolution));
            }
        }
        miss.in_packages(count);
        Ok(None)
    }

    /// A library of the wheel that only its name or its install ID gives away, when there is exactly one.
    fn anywhere_in_wheel(&self, user: SliceId, name: &str, miss: &mut Miss) -> Option<Resolution> {
        let fits = |id: &&NodeId| {
            **id != user.file
                && self.graph.slice_for(user, **id).is_some()
                && self.is_reachable(user.file, **id)
        };
        let fitting = |key: &str| -> Vec<NodeId> {
            self.by_name.get(key).into_iter().flatten().filter(fits).copied().collect()
        };
        let by_id = fitting(name);
        let (found, by_soname) = match by_id.as_slice() {
            [] => (fitting(base_name(name)), false),
            _ => (by_id, true),
        };
        match found.as_slice() {
            [one] => {
                let Place::Member(path) = &self.graph.node(*one).place else { return None };
                let directory = words(environment_path(path).as_deref().map_or("", parent));
                let rule = ONLY_ONE_OF_NAME.to_owned();
                Some(Resolution::File(*one, Found { rule, directory, by_soname }))
            }
            several => {
                for id in several {
                    miss.near(format!("{}: no path of the loader leads to it", self.name(*id)));
                }
                None
            }
        }
    }

    /// How messages name a file.
    fn name(&self, id: NodeId) -> String {
        match &self.graph.node(id).place {
            Place::Member(path) => path.as_str().to_owned(),
            Place::Library(index) => match self.store.library(*index) {
                Some(library) => library.path.display().to_string(),
                None => String::new(),
            },
        }
    }

    /// What macOS does to the variable that others would have set.
    fn hint(&self) -> Option<String> {
        let options = self.context.options;
        (options.dyld.is_empty() && options.dyld_fallback.is_empty()).then(|| {
            "DYLD_LIBRARY_PATH is empty here; macOS removes it when /bin/sh starts. REPAIR_LIBRARY_PATH \
             and `--lib-path` arrive"
                .to_owned()
        })
    }

    fn finish(self) -> MachGraph {
        let Self { context, mut graph, store, resolved, .. } = self;
        graph.unmatched = context.choices.unmatched();
        graph.left_out = context.choices.left_out();
        graph.given = context.choices.provided.given();
        graph.libraries = store.into_libraries();
        graph.needs = resolved;
        identity::unite(&mut graph);
        graph
    }
}

/// The rule of a search path that a loader of the file brought.
const INHERITED: &str = ", which loads it";

fn is_inherited(found: &Found) -> bool {
    found.rule == ALREADY_LOADED || found.rule.ends_with(INHERITED)
}

/// Whether a file does without what the load command names.
pub(crate) fn may_be_absent(kind: DylibKind) -> bool {
    kind == DylibKind::Weak
}
