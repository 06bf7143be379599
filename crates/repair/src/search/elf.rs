//! Search as ld.so does it (ld.so(8); `_dl_map_object` in glibc's elf/dl-load.c).
//!
//! For a name that file F needs, loaded on behalf of L, loaded on behalf of … the root:
//! 1. a file already loaded under that name or SONAME, in this root's process;
//! 2. unless F has `DT_RUNPATH`: `DT_RPATH` of F, of L, … of the root, skipping those that have
//!    `DT_RUNPATH` themselves;
//! 3. `LD_LIBRARY_PATH`; here come the caller's own directories first;
//! 4. `DT_RUNPATH` of F alone: it is not inherited;
//! 5. ld.so.conf and the default directories, unless F has `DF_1_NODEFLIB`.
//!
//! musl has rules of its own (`load_library` in its ldso/dynlink.c): `LD_LIBRARY_PATH` comes first, then
//! the search path of F, of L, … of the root, whichever tag it has, then the system's directories; and
//! it knows a loaded file by the name that was asked for, not by its SONAME. Android's reads
//! `DT_RUNPATH` and no `DT_RPATH` (bionic, "Changes for NDK developers").
//!
//! `glibc-hwcaps` directories are left out on purpose: what they hold is for newer CPUs than the
//! platform tag promises. Then, because a build tree is not an installation: a file whose SONAME is
//! the needed name, and a file of the wheel that no rule leads to.

mod include;
mod one_file;
mod places;
mod settle;
mod take;
mod unread;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use truewheel_wheel::{MemberPath, relative};

use super::disk::{self, Disk};
use super::miss::Miss;
use super::paths::{base_name, environment_path, join, parent, words};
use super::{Found, Graph, Node, NodeId, ONLY_ONE_OF_NAME, Place, Resolution};
use crate::binary::ElfFile;
use crate::error::Result;
use crate::left_out::Choices;
use crate::options::{Include, SearchDirectory, SearchOptions};
use crate::shim;
use crate::target::{self, Libc};
pub(crate) use include::{destination, unfit};
pub(crate) use one_file::resolve_file;
use places::{Directory, SearchPlace, Soname};
use settle::Answers;

/// What the search must know besides the files themselves.
pub(crate) struct Context<'a> {
    pub(crate) options: &'a SearchOptions,
    /// The target's C library, whose loader's rules count.
    pub(crate) libc: Option<Libc>,
    /// Directories of step 5, with the rule that names them.
    pub(crate) defaults: Vec<(PathBuf, String)>,
    /// Whether the target has this library at every level of its policy.
    pub(crate) is_provided: &'a dyn Fn(&str) -> bool,
    /// What the caller leaves out, and what is vendored by force.
    pub(crate) choices: &'a Choices,
    /// What is brought along although nothing needs it.
    pub(crate) include: &'a [Include],
    /// The wheel's directory of vendored libraries.
    pub(crate) libraries: &'a MemberPath,
}

/// Resolves every needed name of every ELF member.
pub(crate) fn resolve(
    members: Vec<(MemberPath, ElfFile)>,
    aliases: &BTreeMap<MemberPath, MemberPath>,
    context: &Context<'_>,
    mut disk: Disk,
) -> Result<Graph> {
    let mut search = Search::new(members, aliases, context, &mut disk);
    for root in search.roots() {
        search.process = Process::default();
        search.load(root)?;
    }
    for wish in context.include {
        search.process = Process::default();
        search.include(wish, context.libraries)?;
    }
    let Search { graph, answers, .. } = search;
    let roots = graph.members().map(|(id, ..)| id).chain(graph.included.iter().map(|i| i.id));
    let roots = roots.collect();
    Ok(settle::settle(graph, answers, disk.into_libraries(), roots))
}

struct Search<'a> {
    context: &'a Context<'a>,
    disk: &'a mut Disk,
    graph: Graph,
    /// Path in an environment → member.
    installed: BTreeMap<String, NodeId>,
    process: Process,
    answers: Answers,
}

/// What is known of one process: a library may find its needs only through what loads it, so each
/// process has nodes of its own for libraries on disk.
#[derive(Default)]
struct Process {
    /// Library on disk → node.
    nodes: BTreeMap<usize, NodeId>,
    /// Directories that `$ORIGIN` of a library may stand for; the loader's own choice is the first.
    origins: BTreeMap<NodeId, Vec<PathBuf>>,
}

impl<'a> Search<'a> {
    fn new(
        members: Vec<(MemberPath, ElfFile)>,
        aliases: &BTreeMap<MemberPath, MemberPath>,
        context: &'a Context<'a>,
        disk: &'a mut Disk,
    ) -> Self {
        let mut graph = Graph::default();
        let mut installed = BTreeMap::new();
        for (path, file) in members {
            let id = NodeId(graph.nodes.len());
            let names = aliases.iter().filter(|(_, kept)| **kept == path).map(|(alias, _)| alias);
            for place in names.chain([&path]).filter_map(environment_path) {
                installed.insert(place, id);
            }
            graph.nodes.push(Node { place: Place::Member(path), file: Arc::new(file) });
        }
        let (process, answers) = (Process::default(), Answers::default());
        Self { context, disk, graph, installed, process, answers }
    }

    /// Files that no other file of the wheel needs come first: a library may find its needs only
    /// through the RPATH of what loads it.
    fn roots(&self) -> Vec<NodeId> {
        let needed: BTreeSet<&str> = self
            .graph
            .nodes
            .iter()
            .flat_map(|node| node.file.needed.iter())
            .map(|name| base_name(name))
            .collect();
        let mut roots: Vec<NodeId> = (0..self.graph.nodes.len()).map(NodeId).collect();
        roots.sort_by_key(|id| {
            let node = self.graph.node(*id);
            let Place::Member(path) = &node.place else { return true };
            let soname = node.file.soname.as_deref().unwrap_or_default();
            needed.contains(path.file_name()) || needed.contains(soname)
        });
        roots
    }

    /// Loads `root` and everything it needs, breadth first, as one process would.
    fn load(&mut self, root: NodeId) -> Result<()> {
        let mut loaded: BTreeMap<String, NodeId> = BTreeMap::new();
        self.know_by_soname(root, &mut loaded);
        // Each object with the chain of its loaders, itself first.
        let mut queue = VecDeque::from([vec![root]]);
        let mut seen = BTreeSet::from([root]);
        while let Some(chain) = queue.pop_front() {
            let file = chain[0];
            for needed in self.graph.node(file).file.needed.clone() {
                let resolution = self.need(&chain, &needed, &loaded)?;
                if let Resolution::File(target, _) = &resolution {
                    let target = *target;
                    loaded.entry(needed.clone()).or_insert(target);
                    self.know_by_soname(target, &mut loaded);
                    if seen.insert(target) {
                        let mut longer = vec![target];
                        longer.extend(&chain);
                        queue.push_back(longer);
                    }
                }
                self.answers.add(file, needed, resolution);
            }
        }
        Ok(())
    }

    /// A file that is loaded answers to its SONAME as well, but not for musl.
    fn know_by_soname(&self, id: NodeId, loaded: &mut BTreeMap<String, NodeId>) {
        if let Some(soname) = &self.graph.node(id).file.soname
            && self.context.libc != Some(Libc::Musl)
        {
            loaded.entry(soname.clone()).or_insert(id);
        }
    }

    fn need(
        &mut self,
        chain: &[NodeId],
        needed: &str,
        loaded: &BTreeMap<String, NodeId>,
    ) -> Result<Resolution> {
        let base = base_name(needed);
        if let Some(option) = self.context.choices.excluded.find(needed, &[needed, base]) {
            return Ok(Resolution::Excluded(option));
        }
        if target::is_libpython(base) {
            return Ok(Resolution::Libpython);
        }
        if disk::is_loader(needed) {
            return Ok(Resolution::Provided);
        }
        let member = self.in_wheel(chain, needed);
        let is_member = member.is_some();
        let is_forced = !is_member && self.context.choices.forces(needed);
        if is_forced {
            self.graph.forced.insert(base.to_owned());
        }
        if !is_member && !is_forced && (self.context.is_provided)(base) {
            return Ok(Resolution::Provided);
        }
        if !is_member
            && !is_forced
            && let Some(given) = self.context.choices.provided.give(base)
        {
            return Ok(Resolution::InPackage(given));
        }
        if let Some(&target) = loaded.get(needed) {
            let found = Found {
                rule: super::ALREADY_LOADED.to_owned(),
                directory: String::new(),
                by_soname: false,
            };
            return Ok(Resolution::File(target, found));
        }
        if !is_member && !is_forced && target::is_driver(base) {
            return Ok(Resolution::Driver);
        }
        // LD_LIBRARY_PATH comes before RUNPATH for the loader of this machine; where the wheel goes, its
        // own copy is the only one.
        if let Some(resolution) = member.filter(|_| !needed.contains('/')) {
            return Ok(resolution);
        }
        // What was included is opened in a process that has the wheel's own libraries.
        let root = chain.last().copied();
        let is_opened = root.is_some_and(|root| self.graph.included.iter().any(|i| i.id == root));
        if is_opened && let Some(resolution) = self.anywhere_in_wheel(chain[0], base) {
            return Ok(resolution);
        }
        self.search(chain, needed)
    }

    /// A library that the wheel brings along is used, also when targets provide one of that name.
    fn in_wheel(&self, chain: &[NodeId], needed: &str) -> Option<Resolution> {
        self.places(chain).into_iter().find_map(|place| match place.directory {
            Directory::Wheel(directory) => {
                let id = self.member_at(&directory, needed)?;
                Some(Resolution::File(id, Found { rule: place.rule, directory, by_soname: false }))
            }
            _ => None,
        })
    }

    fn search(&mut self, chain: &[NodeId], needed: &str) -> Result<Resolution> {
        let mut miss = Miss::default();
        if needed.contains('/')
            && let Some(resolution) = self.by_path(needed, &mut miss)?
        {
            return Ok(resolution);
        }
        let base = base_name(needed);
        let places = self.places(chain);
        for place in &places {
            if let Some(resolution) = self.look(place, base, &mut miss)? {
                return Ok(resolution);
            }
        }
        for place in places.iter().filter(|place| place.takes_soname == Soname::Late) {
            if let Directory::Disk(directory) = &place.directory
                && let Some(resolution) = self.by_soname(directory, base, &place.rule)?
            {
                return Ok(resolution);
            }
        }
        if let Some(resolution) = self.anywhere_in_wheel(chain[0], base) {
            return Ok(resolution);
        }
        if let Some(resolution) = self.in_packages(base, &mut miss)? {
            return Ok(resolution);
        }
        self.tell_unread(chain, base, &mut miss)?;
        Ok(Resolution::Missing(Box::new(miss.into_missing(needed))))
    }

    /// What no rule of the loader leads to may be a library of an installed Python package.
    fn in_packages(&mut self, base: &str, miss: &mut Miss) -> Result<Option<Resolution>> {
        let directories = self.context.options.packages.directories();
        for SearchDirectory { path, origin } in &directories {
            if let Some(resolution) = self.take(&path.join(base), origin, false, miss)? {
                return Ok(Some(resolution));
            }
        }
        for SearchDirectory { path, origin } in &directories {
            if let Some(resolution) = self.by_soname(path, base, origin)? {
                return Ok(Some(resolution));
            }
        }
        miss.in_packages(directories.len());
        Ok(None)
    }

    /// ld.so takes a name with a slash as a path and searches nothing.
    fn by_path(&mut self, needed: &str, miss: &mut Miss) -> Result<Option<Resolution>> {
        let path = Path::new(needed);
        if !path.is_absolute() && !needed.starts_with('/') {
            return Ok(None);
        }
        for place in self.disk.places(path) {
            if let Some(resolution) = self.take(&place, "its absolute path", false, miss)? {
                return Ok(Some(resolution));
            }
        }
        Ok(None)
    }

    fn look(
        &mut self,
        place: &SearchPlace,
        needed: &str,
        miss: &mut Miss,
    ) -> Result<Option<Resolution>> {
        match &place.directory {
            Directory::Outside(entry) => {
                miss.searched.push(format!("{entry} (outside the wheel)"));
                Ok(None)
            }
            Directory::Wheel(directory) => {
                miss.searched.push(words(directory));
                Ok(self.member_at(directory, needed).map(|id| {
                    let (rule, directory) = (place.rule.clone(), words(directory));
                    let found = Found { rule, directory, by_soname: false };
                    Resolution::File(id, found)
                }))
            }
            Directory::Disk(directory) => {
                miss.searched.push(format!("{} ({})", directory.display(), place.rule));
                let path = directory.join(needed);
                if let Some(resolution) = self.take(&path, &place.rule, false, miss)? {
                    return Ok(Some(resolution));
                }
                match place.takes_soname {
                    Soname::Now => self.by_soname(&directory.clone(), needed, &place.rule),
                    _ => Ok(None),
                }
            }
        }
    }

    fn by_soname(
        &mut self,
        directory: &Path,
        soname: &str,
        rule: &str,
    ) -> Result<Option<Resolution>> {
        match self.disk.by_soname(directory, soname)? {
            Some(path) => self.take(&path, rule, true, &mut Miss::default()),
            None => Ok(None),
        }
    }

    fn member_at(&self, directory: &str, needed: &str) -> Option<NodeId> {
        let path = join(directory, base_name(needed));
        let id = *self.installed.get(&path)?;
        Some(id)
    }

    /// A library of the wheel that only its name gives away, when there is exactly one.
    fn anywhere_in_wheel(&self, user: NodeId, needed: &str) -> Option<Resolution> {
        let node = self.graph.node(user);
        let machine = &node.file.machine;
        let here = match &node.place {
            Place::Member(path) => path.installed().parent(),
            Place::Library(_) => self.context.libraries.installed(),
        };
        // A program that needs something there moves to site-packages.
        let moved = match &node.place {
            Place::Member(path) if node.file.is_program() && shim::is_movable(path) => {
                self.context.libraries.installed()
            }
            _ => here.clone(),
        };
        let mut fitting = self.graph.members().filter(|(id, path, file)| {
            *id != user
                && machine.loads(&file.machine)
                && file.is_dynamic
                && [&here, &moved].iter().any(|dir| relative(dir, &path.installed()).is_some())
                && (path.file_name() == needed || file.soname.as_deref() == Some(needed))
        });
        let (id, path, _) = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        Some(Resolution::File(
            id,
            Found {
                rule: ONLY_ONE_OF_NAME.to_owned(),
                directory: words(environment_path(path).as_deref().map_or("", parent)),
                by_soname: path.file_name() != needed,
            },
        ))
    }
}
