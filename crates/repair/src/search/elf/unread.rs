//! Files that a search path leads to which the loader does not read, for the error.

use super::places::Directory;
use super::{Miss, Search};
use crate::error::Result;
use crate::search::disk::{self, Candidate};
use crate::search::{NodeId, Place};

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
