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
//! `glibc-hwcaps` directories are left out on purpose: what they hold is for newer CPUs than the
//! platform tag promises. Then, because a build tree is not an installation: a file whose SONAME is
//! the needed name, and a file of the wheel that no rule leads to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use truewheel_wheel::{MemberPath, Scheme};

use super::disk::{self, Candidate, Disk};
use super::{Found, Graph, Node, NodeId, Place, Resolution};
use crate::binary::ElfFile;
use crate::error::{MissingLibrary, Result};
use crate::options::SearchOptions;
use crate::target;

/// What the search must know besides the files themselves.
pub(crate) struct Context<'a> {
    pub(crate) options: &'a SearchOptions,
    /// Directories of step 5, with the rule that names them.
    pub(crate) defaults: Vec<(PathBuf, String)>,
    /// Whether the target has this library at every level of its policy.
    pub(crate) is_provided: &'a dyn Fn(&str) -> bool,
    /// The exclude pattern that matches a needed name or a path.
    pub(crate) excluded: &'a dyn Fn(&str) -> Option<String>,
}

/// One directory to look in.
enum Directory {
    /// Below site-packages, by installed path.
    Wheel(String),
    /// On this machine.
    Disk(PathBuf),
    /// Relative to a file of the wheel, and outside what the wheel installs.
    Outside(String),
}

struct SearchPlace {
    directory: Directory,
    rule: String,
    takes_soname: Soname,
}

/// When a file may be taken for its SONAME alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Soname {
    /// In its turn, like a file name.
    Now,
    /// When no directory has a file of that name.
    Late,
    /// Never: the directory is large, and none of the caller's.
    Never,
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
        search.load(root)?;
    }
    let Search { mut graph, resolved, .. } = search;
    graph.libraries = disk.into_libraries();
    for (id, mut needs) in resolved {
        let names = graph.node(id).file.needed.clone();
        let listed = names.into_iter().filter_map(|name| Some((name.clone(), needs.remove(&name)?)));
        graph.needs.insert(id, listed.collect());
    }
    name_users(&mut graph);
    Ok(graph)
}

/// Errors speak of who needs a library; that is known once every node has its name.
fn name_users(graph: &mut Graph) {
    let names: Vec<String> = (0..graph.nodes.len()).map(|index| graph.name(NodeId(index))).collect();
    for (id, needs) in &mut graph.needs {
        for (_, resolution) in needs {
            if let Resolution::Missing(missing) = resolution {
                missing.users = vec![names[id.0].clone()];
            }
        }
    }
}

struct Search<'a> {
    context: &'a Context<'a>,
    disk: &'a mut Disk,
    graph: Graph,
    /// Installed path below site-packages → member.
    installed: BTreeMap<String, NodeId>,
    /// Library on disk → node.
    library_nodes: BTreeMap<usize, NodeId>,
    resolved: BTreeMap<NodeId, BTreeMap<String, Resolution>>,
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
            for place in names.chain([&path]).filter_map(site_packages_path) {
                installed.insert(place, id);
            }
            graph.nodes.push(Node { place: Place::Member(path), file, origins: Vec::new() });
        }
        let resolved = BTreeMap::new();
        Self { context, disk, graph, installed, library_nodes: BTreeMap::new(), resolved }
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
                    if let Some(soname) = self.graph.node(target).file.soname.clone() {
                        loaded.entry(soname).or_insert(target);
                    }
                    if seen.insert(target) {
                        let mut longer = vec![target];
                        longer.extend(&chain);
                        queue.push_back(longer);
                    }
                }
                self.remember(file, needed, resolution);
            }
        }
        Ok(())
    }

    /// The first root that finds a library decides; a later one that comes to another file is told.
    fn remember(&mut self, file: NodeId, needed: String, resolution: Resolution) {
        let known = self.resolved.entry(file).or_default();
        match (known.get(&needed), &resolution) {
            (None | Some(Resolution::Missing(_)), _) => {
                known.insert(needed, resolution);
            }
            (Some(Resolution::File(first, _)), Resolution::File(other, found)) if first != other => {
                self.graph.notes.push(format!(
                    "`{needed}` leads to different files, depending on who loads it; the one in {} \
                     is not used",
                    found.directory
                ));
            }
            _ => {}
        }
    }

    fn need(
        &mut self,
        chain: &[NodeId],
        needed: &str,
        loaded: &BTreeMap<String, NodeId>,
    ) -> Result<Resolution> {
        let base = base_name(needed);
        if target::is_libpython(base) {
            return Ok(Resolution::Libpython);
        }
        if disk::is_loader(needed) {
            return Ok(Resolution::Provided);
        }
        if let Some(pattern) = (self.context.excluded)(needed) {
            return Ok(Resolution::Excluded(pattern));
        }
        let is_member = self.in_wheel(chain, needed)?;
        if is_member.is_none() && (self.context.is_provided)(base) {
            return Ok(Resolution::Provided);
        }
        if let Some(&target) = loaded.get(needed) {
            let found =
                Found { rule: "already loaded".to_owned(), directory: String::new(), by_soname: false };
            return Ok(Resolution::File(target, found));
        }
        if is_member.is_none() && target::is_driver(base) {
            return Ok(Resolution::Driver);
        }
        self.search(chain, needed)
    }

    /// A library that the wheel brings along is used, also when targets provide one of that name.
    fn in_wheel(&mut self, chain: &[NodeId], needed: &str) -> Result<Option<NodeId>> {
        let found = self.places(chain).into_iter().find_map(|place| match place.directory {
            Directory::Wheel(directory) => self.member_at(&directory, needed),
            _ => None,
        });
        Ok(found)
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
        Ok(Resolution::Missing(Box::new(miss.into_missing(needed))))
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

    fn look(&mut self, place: &SearchPlace, needed: &str, miss: &mut Miss) -> Result<Option<Resolution>> {
        match &place.directory {
            Directory::Outside(entry) => {
                miss.searched.push(format!("{entry} (outside the wheel)"));
                Ok(None)
            }
            Directory::Wheel(directory) => {
                miss.searched.push(format!("{directory}/ in the wheel"));
                Ok(self.member_at(directory, needed).map(|id| {
                    let directory = directory.clone();
                    let found = Found { rule: place.rule.clone(), directory, by_soname: false };
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

    /// Takes the library at `path`, if it is one that the target loads.
    fn take(
        &mut self,
        path: &Path,
        rule: &str,
        by_soname: bool,
        miss: &mut Miss,
    ) -> Result<Option<Resolution>> {
        let index = match self.disk.candidate(path)? {
            Candidate::Absent => return Ok(None),
            Candidate::Unfit(reason) => {
                miss.near(format!("{}: {reason}", path.display()));
                return Ok(None);
            }
            Candidate::Fit(index) => index,
        };
        let directory = path.parent().unwrap_or(Path::new("/"));
        let Some(library) = self.disk.library(index) else { return Ok(None) };
        let real = library.path.clone();
        if let Some(pattern) = (self.context.excluded)(&real.to_string_lossy())
            .or_else(|| (self.context.excluded)(&path.to_string_lossy()))
        {
            return Ok(Some(Resolution::Excluded(pattern)));
        }
        let id = match self.library_nodes.get(&index) {
            Some(id) => *id,
            None => {
                let id = NodeId(self.graph.nodes.len());
                let file = library.file.clone();
                let place = Place::Library(index);
                self.graph.nodes.push(Node { place, file, origins: Vec::new() });
                self.library_nodes.insert(index, id);
                id
            }
        };
        let origins = &mut self.graph.nodes[id.0].origins;
        for origin in [directory, real.parent().unwrap_or(directory)] {
            if !origins.iter().any(|known| known == origin) {
                origins.push(origin.to_owned());
            }
        }
        let directory = directory.display().to_string();
        Ok(Some(Resolution::File(id, Found { rule: rule.to_owned(), directory, by_soname })))
    }

    fn member_at(&self, directory: &str, needed: &str) -> Option<NodeId> {
        let path = join(directory, base_name(needed));
        let id = *self.installed.get(&path)?;
        Some(id)
    }

    /// A library of the wheel that only its name gives away, when there is exactly one.
    fn anywhere_in_wheel(&self, user: NodeId, needed: &str) -> Option<Resolution> {
        let machine = &self.graph.node(user).file.machine;
        let mut fitting = self.graph.members().filter(|(id, path, file)| {
            *id != user
                && machine.loads(&file.machine)
                && file.is_dynamic
                && site_packages_path(path).is_some()
                && (path.file_name() == needed || file.soname.as_deref() == Some(needed))
        });
        let (id, path, _) = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        Some(Resolution::File(
            id,
            Found {
                rule: "the only one of that name in the wheel".to_owned(),
                directory: path.parent().to_owned(),
                by_soname: path.file_name() != needed,
            },
        ))
    }

    /// Every directory that the loader would look in, in order, for what `chain[0]` needs.
    fn places(&self, chain: &[NodeId]) -> Vec<SearchPlace> {
        let mut places = Vec::new();
        let Some(&file) = chain.first() else { return places };
        let facts = &self.graph.node(file).file;
        if facts.runpath.is_none() {
            for &loader in chain {
                let node = self.graph.node(loader);
                if let (Some(rpath), None) = (&node.file.rpath, &node.file.runpath) {
                    self.entries(loader, rpath, "RPATH", &mut places);
                }
            }
        }
        let options = self.context.options;
        for (directories, takes_soname) in
            [(&options.lib_paths, Soname::Now), (&options.environment, Soname::Late)]
        {
            places.extend(directories.iter().map(|item| SearchPlace {
                directory: Directory::Disk(item.path.clone()),
                rule: item.origin.clone(),
                takes_soname,
            }));
        }
        if let Some(runpath) = &facts.runpath {
            self.entries(file, runpath, "RUNPATH", &mut places);
        }
        if !facts.no_default_libraries || options.ldpaths.is_some() {
            places.extend(self.context.defaults.iter().map(|(path, rule)| SearchPlace {
                directory: Directory::Disk(path.clone()),
                rule: rule.clone(),
                takes_soname: Soname::Never,
            }));
        }
        places
    }

    /// The entries of a RPATH or RUNPATH of `owner`. An empty entry is the working directory of the
    /// process, and a relative one hangs on it: nothing that a repair may depend on.
    fn entries(&self, owner: NodeId, list: &str, tag: &str, places: &mut Vec<SearchPlace>) {
        let node = self.graph.node(owner);
        let rule = match &node.place {
            Place::Member(path) => format!("{tag} of {}", path.as_str()),
            Place::Library(index) => {
                let path = self.disk.library(*index).map(|library| disk::file_name(&library.path));
                format!("{tag} of {}", path.unwrap_or_default())
            }
        };
        for entry in list.split(':').filter(|entry| !entry.is_empty()) {
            for directory in self.expand(node, entry) {
                places.push(SearchPlace { directory, rule: rule.clone(), takes_soname: Soname::Late });
            }
        }
    }

    fn expand(&self, node: &Node, entry: &str) -> Vec<Directory> {
        let mut directories = Vec::new();
        for entry in expand_lib(entry, &node.file) {
            match (origin_relative(&entry), &node.place) {
                (Some(rest), Place::Member(path)) => {
                    directories.push(match site_packages_path(path).as_deref() {
                        Some(installed) => match join_relative(parent(installed), rest) {
                            Some(directory) => Directory::Wheel(directory),
                            None => Directory::Outside(entry.clone()),
                        },
                        None => Directory::Outside(entry.clone()),
                    });
                }
                (Some(rest), Place::Library(_)) => {
                    let rest = rest.trim_start_matches('/');
                    directories
                        .extend(node.origins.iter().map(|origin| Directory::Disk(origin.join(rest))));
                }
                (None, _) if entry.starts_with('/') => {
                    let places = self.disk.places(Path::new(&entry));
                    directories.extend(places.into_iter().map(Directory::Disk));
                }
                (None, _) => {}
            }
        }
        directories
    }
}

/// What a search looked at, for the error.
#[derive(Default)]
struct Miss {
    searched: Vec<String>,
    near_misses: Vec<String>,
}

impl Miss {
    fn near(&mut self, what: String) {
        if !self.near_misses.contains(&what) {
            self.near_misses.push(what);
        }
    }

    fn into_missing(self, needed: &str) -> MissingLibrary {
        MissingLibrary {
            needed: needed.to_owned(),
            users: Vec::new(),
            searched: self.searched,
            near_misses: self.near_misses,
            hint: None,
        }
    }
}

/// The rest of an entry after `$ORIGIN` or `${ORIGIN}`.
pub(crate) fn origin_relative(entry: &str) -> Option<&str> {
    let rest = entry.strip_prefix("$ORIGIN").or_else(|| entry.strip_prefix("${ORIGIN}"))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// `$LIB` is `lib64`, `lib` or Debian's multiarch directory, as the target's ld.so was built;
/// `$PLATFORM` is its AT_PLATFORM, which is the architecture's name.
fn expand_lib(entry: &str, file: &ElfFile) -> Vec<String> {
    let platform = file.machine.arch.map_or("", |arch| arch.as_str());
    let entry = entry.replace("${PLATFORM}", platform).replace("$PLATFORM", platform);
    if !entry.contains("$LIB") && !entry.contains("${LIB}") {
        return vec![entry];
    }
    let triplet = file.machine.arch.map(|arch| format!("lib/{}", super::conf::triplet(arch)));
    let lib64 = file.machine.is_64.then(|| "lib64".to_owned());
    lib64
        .into_iter()
        .chain(["lib".to_owned()])
        .chain(triplet)
        .map(|lib| entry.replace("${LIB}", &lib).replace("$LIB", &lib))
        .collect()
}

/// Path below site-packages where an installer puts a member; `None` for scripts, data and headers,
/// whose place relative to site-packages no wheel can know.
pub(crate) fn site_packages_path(path: &MemberPath) -> Option<String> {
    let installed = path.installed();
    matches!(installed.scheme, Scheme::Platlib | Scheme::Purelib).then_some(installed.path)
}

/// `rest` taken from `directory`, both below site-packages; `None` when it leaves site-packages.
pub(crate) fn join_relative(directory: &str, rest: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in rest.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

pub(crate) fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
