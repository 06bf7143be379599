//! Libraries on disk of one format, each read once, however many names lead to it.
//!
//! Identity is content, as for ELF files: a link, and a copy in another directory, are one library.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::disk::{self, Library, MOST_KEPT, below, file_name, real_path};
use crate::binary::{Binary, Format};
use crate::error::{Error, Result};

/// What a path turned out to be.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    /// Nothing there, or a directory.
    Absent,
    /// A file that is none of this format, or a damaged one, with the reason.
    Unfit(String),
    /// Index of the library.
    Fit(usize),
}

/// The files looked at so far.
#[derive(Debug)]
pub(crate) struct Store<T> {
    sysroot: Option<PathBuf>,
    format: Format,
    take: fn(Binary) -> Option<T>,
    libraries: Vec<Library<T>>,
    /// How many bytes of them are kept.
    kept: u64,
    by_real_path: BTreeMap<PathBuf, Stored>,
    by_size: BTreeMap<u64, Vec<usize>>,
}

impl<T> Store<T> {
    /// An empty view of this machine for files of `format`, out of which `take` takes the facts.
    pub(crate) fn new(
        sysroot: Option<PathBuf>,
        format: Format,
        take: fn(Binary) -> Option<T>,
    ) -> Self {
        Self {
            sysroot,
            format,
            take,
            libraries: Vec::new(),
            kept: 0,
            by_real_path: BTreeMap::new(),
            by_size: BTreeMap::new(),
        }
    }

    /// Every library, in the order in which they were met.
    pub(crate) fn into_libraries(self) -> Vec<Library<T>> {
        self.libraries
    }

    pub(crate) fn library(&self, index: usize) -> Option<&Library<T>> {
        self.libraries.get(index)
    }

    /// Where absolute path `path` of the target lies on this machine: below the sysroot, and as it is,
    /// because a build directory of a cross build is a path of this machine.
    pub(crate) fn places(&self, path: &Path) -> Vec<PathBuf> {
        match &self.sysroot {
            Some(root) if !path.starts_with(root) => vec![below(root, path), path.to_owned()],
            _ => vec![path.to_owned()],
        }
    }

    /// Looks at `path` and follows its links.
    pub(crate) fn at(&mut self, path: &Path) -> Result<Stored> {
        let Some(real) = real_path(self.sysroot.as_deref(), path) else {
            return Ok(Stored::Absent);
        };
        if let Some(known) = self.by_real_path.get(&real) {
            return Ok(known.clone());
        }
        let stored = self.read(&real)?;
        self.by_real_path.insert(real, stored.clone());
        Ok(stored)
    }

    fn read(&mut self, real: &Path) -> Result<Stored> {
        let metadata = match fs::metadata(real) {
            Ok(metadata) if metadata.is_file() => metadata,
            _ => return Ok(Stored::Absent),
        };
        // The magic number first: a directory of libraries also holds archives of gigabytes.
        if Format::of(&beginning(real)) != Some(self.format) {
            return Ok(Stored::Unfit(format!("not a {} file", self.format.name())));
        }
        let bytes = fs::read(real).map_err(|error| Error::io(real, error))?;
        let facts = match Binary::read(&bytes, &file_name(real)) {
            Some(Binary::Unreadable(_, fault)) => return Ok(Stored::Unfit(fault.to_string())),
            Some(binary) => (self.take)(binary),
            None => None,
        };
        let Some(file) = facts else { return Ok(Stored::Absent) };
        let size = bytes.len() as u64;
        if let Some(index) = self.same_contents(&bytes)? {
            return Ok(Stored::Fit(index));
        }
        let index = self.libraries.len();
        self.by_size.entry(size).or_default().push(index);
        let (mode, modified) = (disk::permission_bits(&metadata), metadata.modified().ok());
        let is_kept = size <= MOST_KEPT.saturating_sub(self.kept);
        self.kept += if is_kept { size } else { 0 };
        let (path, contents) = (real.to_owned(), is_kept.then_some(bytes));
        self.libraries.push(Library {
            path,
            size,
            mode,
            modified,
            file,
            same_as: index,
            is_made: false,
            contents,
        });
        Ok(Stored::Fit(index))
    }

    /// A library met before that has the same bytes.
    fn same_contents(&self, bytes: &[u8]) -> Result<Option<usize>> {
        for index in self.by_size.get(&(bytes.len() as u64)).into_iter().flatten() {
            if let Some(library) = self.libraries.get(*index)
                && *library.bytes()? == *bytes
            {
                return Ok(Some(*index));
            }
        }
        Ok(None)
    }
}

/// As much of a file as tells its format.
fn beginning(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path);
    // What cannot be read has no magic number, which is then said of it.
    let _ = file.and_then(|file| file.take(4096).read_to_end(&mut bytes));
    bytes
}
