//! One file on disk that a rule of the search leads to: whether it is taken, and as what.

use std::path::Path;
use std::sync::Arc;

use super::{Miss, Search};
use crate::error::Result;
use crate::search::disk::{self, Candidate, Library};
use crate::search::paths::base_name;
use crate::search::{Found, Node, NodeId, Place, Resolution};
use crate::target::{self, Libc};

impl Search<'_> {
    /// Takes the library at `path`, if it is one that the target loads.
    pub(super) fn take(
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
            Candidate::Script(library) => return self.follow(path, &library, rule, miss),
            Candidate::Fit(index) => index,
        };
        let directory = path.parent().unwrap_or(Path::new("/"));
        let Some(library) = self.disk.library(index) else { return Ok(None) };
        if let Some(resolution) = self.unwanted(path, library) {
            return Ok(Some(resolution));
        }
        let Some(id) = self.library_node(index, directory) else { return Ok(None) };
        let directory = directory.display().to_string();
        Ok(Some(Resolution::File(id, Found { rule: rule.to_owned(), directory, by_soname })))
    }

    /// The node that this process has for a library, found in `directory`; made when it is new.
    pub(super) fn library_node(&mut self, index: usize, directory: &Path) -> Option<NodeId> {
        let library = self.disk.library(index)?;
        let id = *self.process.nodes.entry(index).or_insert_with(|| {
            let (place, file) = (Place::Library(index), Arc::clone(&library.file));
            self.graph.nodes.push(Node { place, file });
            NodeId(self.graph.nodes.len() - 1)
        });
        let real = library.path.parent().unwrap_or(directory);
        // Android's loader takes the directory behind every link (`set_dt_runpath` in bionic's linker).
        let ways = match self.context.libc {
            Some(Libc::Bionic) => [real, directory],
            _ => [directory, real],
        };
        let origins = self.process.origins.entry(id).or_default();
        for origin in ways {
            if !origins.iter().any(|known| known == origin) {
                origins.push(origin.to_owned());
            }
        }
        Some(id)
    }

    /// What keeps a library from being vendored that its needed name does not give away.
    fn unwanted(&self, path: &Path, library: &Library) -> Option<Resolution> {
        let needed = disk::file_name(path);
        let soname = library.file.soname.as_deref().unwrap_or(&needed);
        let real = library.path.to_string_lossy();
        let names = [&*needed, soname, &*real, &*path.to_string_lossy()];
        if let Some(option) = self.context.choices.excluded.find(&needed, &names) {
            return Some(Resolution::Excluded(option));
        }
        // A second interpreter under another name is a second interpreter all the same.
        if [soname, &*disk::file_name(&library.path)].iter().any(|name| target::is_libpython(name))
        {
            return Some(Resolution::Libpython);
        }
        let forces = |name| self.context.choices.forces(name);
        let is_driver = target::is_driver(soname) && !forces(soname) && !forces(&needed);
        is_driver.then_some(Resolution::Driver)
    }

    /// Takes the library that the GNU ld script at `path` names. Builds link through such a file; the
    /// loader never sees it, so one script leads no further.
    fn follow(
        &mut self,
        path: &Path,
        library: &str,
        rule: &str,
        miss: &mut Miss,
    ) -> Result<Option<Resolution>> {
        // `libc.so` of musl, as glibc's linker has it: a second C library in one process.
        if target::is_c_library(base_name(library)) {
            miss.near(format!(
                "{}: a linker script for `{}`, which is a part of the C library",
                path.display(),
                base_name(library)
            ));
            return Ok(None);
        }
        let places = match library.starts_with('/') {
            true => self.disk.places(Path::new(library)),
            false => vec![path.with_file_name(library)],
        };
        for place in places {
            if matches!(self.disk.candidate(&place)?, Candidate::Fit(_)) {
                let rule = format!("{rule}, through the linker script {}", path.display());
                return self.take(&place, &rule, false, miss);
            }
        }
        miss.near(format!(
            "{}: a linker script, and no library that fits is at `{library}`, which it names",
            path.display()
        ));
        Ok(None)
    }
}
