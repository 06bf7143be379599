//! Libraries that are brought along although nothing needs them by name (`--include`), as for ELF files.
//!
//! What a program opens with dlopen(3) is in no load command, so only the caller knows of it. A bundle is as good
//! as a library here: it is opened by its path.

use std::collections::BTreeMap;
use std::path::Path;

use super::names::is_python;
use super::{Process, Search, SliceId, is_of_macos};
use crate::binary::MH_EXECUTE;
use crate::error::{Error, Result};
use crate::options::Include;
use crate::search::elf::{destination, unfit};
use crate::search::miss::Miss;
use crate::search::paths::environment_path;
use crate::search::store::Stored;
use crate::search::{Found, Included, Place, Resolution};

impl Search<'_> {
    /// Finds the library and follows its needs.
    pub(super) fn include(&mut self, wish: &Include) -> Result<()> {
        let directory = wish.directory.as_deref().unwrap_or(self.context.libraries.as_str());
        let member = destination(wish, directory)?;
        let option = wish.option();
        if environment_path(&member).is_some_and(|path| self.installed.contains_key(&path)) {
            let note = format!("`{option}`: {member} is in the wheel already, and stays");
            self.graph.notes.push(note);
            return Ok(());
        }
        refuse_what_is_there(wish, &wish.library)?;
        let (id, found) = match self.wanted(wish)? {
            Resolution::File(id, found) => (id, found),
            other => return Err(unfit(wish, &other)),
        };
        let node = self.graph.node(id);
        if let Place::Member(path) = &node.place {
            let note = format!("`{option}`: it is in the wheel already, as {path}");
            self.graph.notes.push(note);
            return Ok(());
        }
        for id in node.file.slices.iter().filter_map(|slice| slice.install_id.as_deref()) {
            refuse_what_is_there(wish, id)?;
        }
        let (rule, is_by_name) = (found.rule, wish.directory.is_none());
        let new = Included { id, member, option, rule, is_by_name };
        match self.graph.included.iter().find(|old| old.id == id) {
            Some(old) if old.member == new.member => return Ok(()),
            Some(old) => {
                return Err(Error::refused_with(
                    format!("`{}` and `{}` are one library", old.option, new.option),
                    "include it once: a wheel holds each library in one place",
                ));
            }
            None => self.graph.included.push(new),
        }
        self.graph.slices_of(id).try_for_each(|slice| self.load(slice))
    }

    /// By its path, or by its name as each file of the wheel would look for it, one after the other.
    fn wanted(&mut self, wish: &Include) -> Result<Resolution> {
        let mut miss = Miss::default();
        if wish.is_path() {
            for place in self.store.places(Path::new(&wish.library)) {
                if let Some(found) = self.at_path(&place, &mut miss)? {
                    return Ok(found);
                }
            }
            return Ok(Resolution::Missing(Box::new(miss.into_missing(&wish.library))));
        }
        let mut missing = Resolution::Missing(Box::new(miss.into_missing(&wish.library)));
        let members = self.graph.members().flat_map(|(file, _)| self.graph.slices_of(file));
        for root in members.collect::<Vec<SliceId>>() {
            let (loaded, loader) = (BTreeMap::new(), BTreeMap::new());
            let process = Process { loaded, loader, root };
            match self.need(&process, root, &wish.library)? {
                Resolution::Missing(found) => missing = Resolution::Missing(found),
                found => return Ok(found),
            }
        }
        Ok(missing)
    }

    fn at_path(&mut self, path: &Path, miss: &mut Miss) -> Result<Option<Resolution>> {
        let index = match self.store.at(path)? {
            Stored::Absent => return Ok(None),
            Stored::Unfit(reason) => {
                miss.near(format!("{}: {reason}", path.display()));
                return Ok(None);
            }
            Stored::Fit(index) => index,
        };
        let Some(library) = self.store.library(index) else { return Ok(None) };
        if library.file.slices.iter().any(|slice| slice.file_type == MH_EXECUTE) {
            miss.near(format!("{}: a program", path.display()));
            return Ok(None);
        }
        if let Some(resolution) = self.unwanted(path, library) {
            return Ok(Some(resolution));
        }
        let directory = path.parent().unwrap_or(Path::new("/"));
        let rule = "its path".to_owned();
        let found = Found { rule, directory: directory.display().to_string(), by_soname: false };
        Ok(self.library_node(index, path).map(|id| Resolution::File(id, found)))
    }
}

/// A second copy would be another library than the one that the process has.
fn refuse_what_is_there(wish: &Include, name: &str) -> Result<()> {
    let refused = |what: String, hint: &str| {
        Err(Error::refused_with(format!("`{}`: {what}", wish.option()), hint))
    };
    if is_python(name) {
        let what = format!("`{name}` belongs to the process that loads the wheel");
        return refused(what, "take it out: no wheel can bring it");
    }
    if is_of_macos(name) {
        return refused(format!("every Mac has `{name}`"), "take it out: macOS brings it");
    }
    Ok(())
}
