//! glibc's search, once more: from files in memory, and as short as its manual page.
//!
//! It shares no code with the program. `_dl_map_object` (elf/dl-load.c) looks for a name among what is
//! loaded, by every name it was asked for and by SONAME; then along `DT_RPATH` of the file and of what
//! loaded it, `LD_LIBRARY_PATH`, `DT_RUNPATH` of the file, and the system's directories; a file that is
//! loaded already under another name is not loaded again. `_dl_map_object_deps` goes breadth first.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Facts;

/// Files by their absolute paths, and links to them.
#[derive(Clone, Default)]
pub(super) struct Files {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) links: BTreeMap<String, String>,
    /// `LD_LIBRARY_PATH`.
    pub(super) environment: Vec<String>,
    /// What ld.so.conf names.
    pub(super) system: Vec<String>,
}

/// One loaded file.
pub(super) struct Object {
    /// As the loader came to it.
    pub(super) path: String,
    /// Behind every link.
    pub(super) real: String,
    pub(super) facts: Facts,
    /// Its needs that no system has, in order, with the object that each led to.
    pub(super) needs: Vec<(String, Option<usize>)>,
    loader: Option<usize>,
    names: BTreeSet<String>,
}

/// What one process has loaded, in order.
pub(super) struct Process<'a> {
    files: &'a Files,
    pub(super) objects: Vec<Object>,
}

impl<'a> Process<'a> {
    pub(super) fn new(files: &'a Files) -> Self {
        Self { files, objects: Vec::new() }
    }

    /// Opens the file at `path` as dlopen(3) does, with all it needs; its object.
    pub(super) fn open(&mut self, path: &str) -> usize {
        let mut next = self.objects.len();
        let root = self.map_file(path.to_owned(), path, None).expect("the file to open");
        while next < self.objects.len() {
            let needed = self.objects[next].facts.needed.clone();
            let found = needed.into_iter().filter(|name| !is_of_system(name)).map(|name| {
                let found = self.map(&name, next);
                (name, found)
            });
            let found = found.collect();
            self.objects[next].needs = found;
            next += 1;
        }
        root
    }

    fn map(&mut self, name: &str, loader: usize) -> Option<usize> {
        let is_it = |object: &Object| {
            object.names.contains(name) || object.facts.soname.as_deref() == Some(name)
        };
        if let Some(known) = self.objects.iter().position(is_it) {
            self.objects[known].names.insert(name.to_owned());
            return Some(known);
        }
        let directories = self.directories(loader);
        directories
            .iter()
            .find_map(|directory| self.map_file(format!("{directory}/{name}"), name, Some(loader)))
    }

    fn map_file(&mut self, path: String, name: &str, loader: Option<usize>) -> Option<usize> {
        let real = self.files.links.get(&path).unwrap_or(&path).clone();
        let facts = Facts::of(self.files.files.get(&real)?);
        if let Some(known) = self.objects.iter().position(|object| object.real == real) {
            self.objects[known].names.insert(name.to_owned());
            return Some(known);
        }
        let names = BTreeSet::from([name.to_owned()]);
        self.objects.push(Object { path, real, facts, needs: Vec::new(), loader, names });
        Some(self.objects.len() - 1)
    }

    fn directories(&self, file: usize) -> Vec<String> {
        let mut directories = Vec::new();
        let own = &self.objects[file].facts.runpath;
        let mut user = if own.is_none() { Some(file) } else { None };
        while let Some(object) = user.map(|index| &self.objects[index]) {
            if object.facts.runpath.is_none() {
                directories.extend(entries(object, object.facts.rpath.as_deref()));
            }
            user = object.loader;
        }
        directories.extend(self.files.environment.iter().cloned());
        directories.extend(entries(&self.objects[file], own.as_deref()));
        directories.extend(self.files.system.iter().cloned());
        directories
    }
}

/// Every system of a tag has these, and they are of no interest here.
fn is_of_system(name: &str) -> bool {
    name.starts_with("libm.so") || name.starts_with("libc.so")
}

fn entries(object: &Object, list: Option<&str>) -> Vec<String> {
    let (origin, _) = object.path.rsplit_once('/').expect("an absolute path");
    let entries = list.unwrap_or_default().split(':').filter(|entry| !entry.is_empty());
    entries.map(|entry| plain(&entry.replace("$ORIGIN", origin))).collect()
}

/// `/a/b/../c` as `/a/c`: no directory here is a link.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
