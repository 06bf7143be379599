//! What one search looked at.
//!
//! A name that is found nowhere is told with every place searched and every file passed over, so that
//! its reader need not guess which of both is wrong.

use crate::error::MissingLibrary;

/// What a search looked at, for the error.
#[derive(Default)]
pub(crate) struct Miss {
    pub(crate) searched: Vec<String>,
    near_misses: Vec<String>,
}

impl Miss {
    pub(crate) fn near(&mut self, what: String) {
        if !self.near_misses.contains(&what) {
            self.near_misses.push(what);
        }
    }

    /// The libraries of installed packages were looked at, in so many directories.
    pub(crate) fn in_packages(&mut self, directories: usize) {
        match directories {
            0 => {}
            1 => self.searched.push("1 directory of installed Python packages".to_owned()),
            many => self.searched.push(format!("{many} directories of installed Python packages")),
        }
    }

    pub(crate) fn into_missing(self, needed: &str) -> MissingLibrary {
        MissingLibrary {
            needed: needed.to_owned(),
            users: Vec::new(),
            searched: self.searched,
            near_misses: self.near_misses,
            hint: None,
        }
    }
}
