//! What one search looked at.
//!
//! A name that is found nowhere is told with every place searched and every file passed over, so that
//! its reader need not guess which of both is wrong.

use super::Search;
use super::places::Directory;
use crate::error::{MissingLibrary, Result};
use crate::search::disk::{self, Candidate};
use crate::search::{NodeId, Place};

/// What a search looked at, for the error.
#[derive(Default)]
pub(super) struct Miss {
    pub(super) searched: Vec<String>,
    near_misses: Vec<String>,
}

impl Miss {
    pub(super) fn near(&mut self, what: String) {
        if !self.near_misses.contains(&what) {
            self.near_misses.push(what);
        }
    }

    pub(super) fn into_missing(self, needed: &str) -> MissingLibrary {
        MissingLibrary {
            needed: needed.to_owned(),
            users: Vec::new(),
            searched: self.searched,
            near_misses: self.near_misses,
            hint: None,
        }
    }
}

impl Search<'_> {
    /// Tells the files that would have been found by a search path that the loader does not read for
    /// what `chain[0]` needs.
    pub(super) fn tell_unread(
        &mut self,
        chain: &[NodeId],
        needed: &str,
        miss: &mut Miss,
    ) -> Result<()> {
        let Some(&user) = chain.first() else { return Ok(()) };
        for place in self.unread(chain) {
            let Directory::Disk(directory) = &place.directory else { continue };
            let path = directory.join(needed);
            if matches!(self.disk.candidate(&path)?, Candidate::Fit(_)) {
                let (path, rule) = (path.display(), &place.rule);
                let user = self.name(user);
                miss.near(format!(
                    "{path}: the {rule} leads there, which the loader does not read for {user}"
                ));
            }
        }
        Ok(())
    }

    /// The member, or the file name of a library on disk.
    pub(super) fn name(&self, id: NodeId) -> String {
        match &self.graph.node(id).place {
            Place::Member(path) => path.as_str().to_owned(),
            Place::Library(index) => {
                let path = self.disk.library(*index).map(|library| disk::file_name(&library.path));
                path.unwrap_or_default()
            }
        }
    }
}
