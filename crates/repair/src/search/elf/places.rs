//! The directories that the target's loader looks in for one file's needs, in order.

use std::path::{Path, PathBuf};

use super::Search;
use crate::binary::ElfFile;
use crate::search::paths::{entry_in_environment, origin_relative};
use crate::search::{NodeId, Place, conf};
use crate::target::Libc;

/// One directory to look in.
pub(super) enum Directory {
    /// In the environment that the wheel is installed in.
    Wheel(String),
    /// On this machine.
    Disk(PathBuf),
    /// Relative to a file of the wheel, and outside what the wheel installs.
    Outside(String),
}

/// A directory in the loader's order.
pub(super) struct SearchPlace {
    pub(super) directory: Directory,
    pub(super) rule: String,
    pub(super) takes_soname: Soname,
    /// `$ORIGIN` is taken for a directory that the loader would not take it for, such as the one
    /// behind a link.
    pub(super) is_guess: bool,
}

/// When a file may be taken for its SONAME alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Soname {
    /// In its turn, like a file name.
    Now,
    /// When no directory has a file of that name.
    Late,
    /// Never: the directory is large, and none of the caller's.
    Never,
}

impl Search<'_> {
    /// Every directory that the loader would look in, in order, for what `chain[0]` needs.
    pub(super) fn places(&self, chain: &[NodeId]) -> Vec<SearchPlace> {
        let mut places = Vec::new();
        let Some(&file) = chain.first() else { return places };
        match self.context.libc {
            Some(Libc::Musl) => {
                self.named(&mut places);
                for &loader in chain {
                    self.own(loader, &mut places);
                }
            }
            Some(Libc::Bionic) => {
                self.named(&mut places);
                self.own(file, &mut places);
            }
            Some(Libc::Glibc) | None => self.glibc(chain, &mut places),
        }
        let is_barred = self.graph.node(file).file.no_default_libraries
            && self.context.libc != Some(Libc::Musl);
        if !is_barred || self.context.options.ldpaths.is_some() {
            places.extend(self.context.defaults.iter().map(|(path, rule)| SearchPlace {
                directory: Directory::Disk(path.clone()),
                rule: rule.clone(),
                takes_soname: Soname::Never,
                is_guess: false,
            }));
        }
        // What the loader would not do comes behind all that it does.
        places.sort_by_key(|place| place.is_guess);
        places
    }

    /// Directories of search paths that are not read for what `chain[0]` needs, though a reader may think
    /// so: a RUNPATH serves its own file alone and bars every RPATH (ld.so(8)), and on Android nothing is
    /// inherited.
    pub(super) fn unread(&self, chain: &[NodeId]) -> Vec<SearchPlace> {
        let mut places = Vec::new();
        let facts = |id: NodeId| &self.graph.node(id).file;
        let Some((&file, loaders)) = chain.split_first() else { return places };
        if self.context.libc == Some(Libc::Musl) {
            return places;
        }
        let inherits = self.context.libc != Some(Libc::Bionic) && facts(file).runpath.is_none();
        for &id in chain {
            let is_loader = loaders.contains(&id);
            if let Some(runpath) = facts(id).runpath.as_ref().filter(|_| is_loader) {
                self.entries(id, runpath, "RUNPATH", &mut places);
            }
            let is_read = facts(id).runpath.is_none() && (inherits || !is_loader);
            if let Some(rpath) = facts(id).rpath.as_ref().filter(|_| !is_read) {
                self.entries(id, rpath, "RPATH", &mut places);
            }
        }
        places
    }

    fn glibc(&self, chain: &[NodeId], places: &mut Vec<SearchPlace>) {
        let Some(&file) = chain.first() else { return };
        let facts = &self.graph.node(file).file;
        if facts.runpath.is_none() {
            for &loader in chain {
                let node = self.graph.node(loader);
                if let (Some(rpath), None) = (&node.file.rpath, &node.file.runpath) {
                    self.entries(loader, rpath, "RPATH", places);
                }
            }
        }
        self.named(places);
        if let Some(runpath) = &facts.runpath {
            self.entries(file, runpath, "RUNPATH", places);
        }
    }

    /// The directories that the caller and the environment name.
    fn named(&self, places: &mut Vec<SearchPlace>) {
        let options = self.context.options;
        for (directories, takes_soname) in
            [(&options.lib_paths, Soname::Now), (&options.environment, Soname::Late)]
        {
            places.extend(directories.iter().map(|item| SearchPlace {
                directory: Directory::Disk(item.path.clone()),
                rule: item.origin.clone(),
                takes_soname,
                is_guess: false,
            }));
        }
    }

    /// The one search path that a file has for loaders other than glibc's.
    fn own(&self, file: NodeId, places: &mut Vec<SearchPlace>) {
        let facts = &self.graph.node(file).file;
        // Where the build has put a library is told by either tag, also on Android, whose loader reads
        // but one: the rule's name says so to whoever asks what the loader will find.
        let rpath = match self.context.libc {
            Some(Libc::Bionic) => "unread DT_RPATH",
            _ => "RPATH",
        };
        match (&facts.runpath, &facts.rpath) {
            (Some(runpath), _) => self.entries(file, runpath, "RUNPATH", places),
            (None, Some(path)) => self.entries(file, path, rpath, places),
            (None, None) => {}
        }
    }

    /// The entries of a RPATH or RUNPATH of `owner`. An empty entry is the working directory of the
    /// process, and a relative one hangs on it: nothing that a repair may depend on.
    fn entries(&self, owner: NodeId, list: &str, tag: &str, places: &mut Vec<SearchPlace>) {
        let rule = format!("{tag} of {}", self.name(owner));
        for entry in list.split(':').filter(|entry| !entry.is_empty()) {
            for (directory, is_guess) in self.expand(owner, entry) {
                let rule = rule.clone();
                places.push(SearchPlace { directory, rule, takes_soname: Soname::Late, is_guess });
            }
        }
    }

    /// The directories that an entry stands for, and whether each is a guess.
    fn expand(&self, owner: NodeId, entry: &str) -> Vec<(Directory, bool)> {
        let node = self.graph.node(owner);
        let mut directories = Vec::new();
        for entry in expand_lib(entry, &node.file) {
            match (origin_relative(&entry), &node.place) {
                (Some(rest), Place::Member(path)) => {
                    let directory = match entry_in_environment(path, rest) {
                        Some(directory) => Directory::Wheel(directory),
                        None => Directory::Outside(entry.clone()),
                    };
                    directories.push((directory, false));
                }
                (Some(rest), Place::Library(_)) => {
                    let rest = rest.trim_start_matches('/');
                    let origins = self.process.origins.get(&owner).into_iter().flatten();
                    directories.extend(
                        origins
                            .enumerate()
                            .map(|(index, origin)| (Directory::Disk(origin.join(rest)), index > 0)),
                    );
                }
                (None, _) if entry.starts_with('/') => {
                    let places = self.disk.places(Path::new(&entry)).into_iter();
                    directories.extend(places.map(|place| (Directory::Disk(place), false)));
                }
                (None, _) => {}
            }
        }
        directories
    }
}

/// `$LIB` is `lib64`, `lib` or Debian's multiarch directory, as the target's ld.so was built;
/// `$PLATFORM` is its AT_PLATFORM, which is the architecture's name.
fn expand_lib(entry: &str, file: &ElfFile) -> Vec<String> {
    let platform = file.machine.arch.map_or("", |arch| arch.as_str());
    let entry = entry.replace("${PLATFORM}", platform).replace("$PLATFORM", platform);
    if !entry.contains("$LIB") && !entry.contains("${LIB}") {
        return vec![entry];
    }
    let triplet = file.machine.arch.map(|arch| format!("lib/{}", conf::triplet(arch)));
    let lib64 = file.machine.is_64.then(|| "lib64".to_owned());
    lib64
        .into_iter()
        .chain(["lib".to_owned()])
        .chain(triplet)
        .map(|lib| entry.replace("${LIB}", &lib).replace("$LIB", &lib))
        .collect()
}
