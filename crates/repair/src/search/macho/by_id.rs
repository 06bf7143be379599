//! Libraries of the caller's own directories that are called otherwise than their install ID.
//!
//! What is linked against a library is given its install ID for a name, whatever the file is called:
//! `libscipy_openblas64_.dylib` has said `/usr/local/lib/libscipy_openblas64_.0.dylib` of itself, where it never
//! lay. A loader has no use for that; whoever names the directory means the library.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::places::{Candidate, Spot};
use super::{Miss, Search, SliceId};
use crate::error::Result;
use crate::search::Resolution;
use crate::search::paths::base_name;
use crate::search::store::Stored;

impl Search<'_> {
    /// The first library with the install ID `name`, or with one that ends like it, in the order of the
    /// directories and of the file names.
    pub(super) fn by_id(
        &mut self,
        user: SliceId,
        name: &str,
        miss: &mut Miss,
    ) -> Result<Option<Resolution>> {
        let options = self.context.options;
        let named = options.lib_paths.iter().chain(&options.dyld).chain(&options.dyld_fallback);
        for directory in named {
            self.index(&directory.path)?;
            for key in [name, base_name(name)] {
                let files = self.ids.get(&directory.path).and_then(|ids| ids.get(key));
                for path in files.cloned().into_iter().flatten() {
                    let place =
                        Candidate { spot: Spot::Disk(path), rule: directory.origin.clone() };
                    if let Some(mut resolution) = self.on_disk(user, &place, miss)? {
                        if let Resolution::File(_, found) = &mut resolution {
                            found.by_soname = true;
                        }
                        return Ok(Some(resolution));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Reads the install IDs of the libraries in `directory`, once.
    fn index(&mut self, directory: &Path) -> Result<()> {
        if self.ids.contains_key(directory) {
            return Ok(());
        }
        let mut ids: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for path in library_files(directory) {
            let Stored::Fit(index) = self.store.at(&path)? else { continue };
            let slices = self.store.library(index).map(|library| &library.file.slices);
            for id in slices.into_iter().flatten().filter_map(|slice| slice.install_id.as_deref()) {
                for key in [id, base_name(id)] {
                    let files = ids.entry(key.to_owned()).or_default();
                    if !files.contains(&path) {
                        files.push(path.clone());
                    }
                }
            }
        }
        self.ids.insert(directory.to_owned(), ids);
        Ok(())
    }
}

/// Files of `directory` that are called as libraries are, sorted. An unreadable directory has none.
fn library_files(directory: &Path) -> Vec<PathBuf> {
    let is_library = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "dylib" || extension == "so")
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_library).collect();
    files.sort();
    files
}
