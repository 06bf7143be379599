//! DLLs that are brought along although nothing needs them by name (`--include`).
//!
//! What a program opens with `LoadLibrary` is in no import table, so only the caller knows of it. Each keeps its
//! name, because that is what it is opened by, and its own needs are followed like those of a file of the wheel.

use std::path::Path;

use truewheel_pe::dll_key;
use truewheel_wheel::MemberPath;

use super::{Miss, Search, Stored};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Include;
use crate::search::Included;

impl Search<'_> {
    /// A DLL that nothing needs by name, by its path or its name.
    pub(super) fn include(&mut self, wish: &Include) -> Result<()> {
        let mut miss = Miss::default();
        let name = wish.file_name();
        let (index, rule) = if wish.is_path() {
            match self.store.at(Path::new(&wish.library))? {
                Stored::Fit(index) => (index, "its path".to_owned()),
                Stored::Absent => {
                    return Err(Error::refused(format!("{} is not there", wish.library)));
                }
                Stored::Unfit(why) => {
                    return Err(Error::refused(format!("{}: {why}", wish.library)));
                }
            }
        } else {
            let options = self.context.options;
            let mut directories = options.search.lib_paths.clone();
            directories.extend(options.windows.last_resorts(self.context.architecture));
            let process = self.context.architecture;
            match self.first_on_disk(process, &dll_key(name), &directories, &mut miss)? {
                Some((index, directory)) => (index, directory.origin.clone()),
                None => {
                    let mut missing = miss.into_missing(name);
                    missing.users.push(format!("`{}`", wish.option()));
                    return Err(Error::new(ErrorKind::Missing(vec![missing])));
                }
            }
        };
        let id = self.library_node(index);
        let directory = match &wish.directory {
            Some(directory) => MemberPath::new(directory.trim_end_matches('/'))?,
            None => self.context.libraries.clone(),
        };
        let (member, option) = (directory.join(name)?, wish.option());
        let is_by_name = wish.directory.is_none();
        self.graph.included.push(Included { id, member, option, rule, is_by_name });
        Ok(())
    }
}
