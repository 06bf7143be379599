//! Candidate libraries on disk: each file read, hashed and parsed once, however many names lead to it.
//!
//! `libfoo.so → libfoo.so.1 → libfoo.so.1.2` is one file, as it is for the loader. A copy in another
//! directory is another one, because `$ORIGIN` may lead it to other libraries; that it has the same
//! bytes is remembered, and `identity.rs` decides.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::script;
use crate::binary::{ElfFile, Machine};
use crate::error::{Error, Result};
use crate::target::{self, Libc};

/// A library on this machine that the target would load.
#[derive(Clone, Debug)]
pub(crate) struct Library<T = Arc<ElfFile>> {
    /// The file behind every link.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Permission bits, for the copy.
    pub mode: u32,
    /// When the file was last changed, to notice that it changed again.
    pub modified: Option<SystemTime>,
    /// What is in it.
    pub file: T,
    /// The first library of the list that has the same bytes.
    pub same_as: usize,
    /// Made of several files, none of which has all its bytes: it cannot be read again.
    pub is_made: bool,
    /// All its bytes, until they are fetched; `None` where many libraries were read, and where
    /// another one has the same.
    pub contents: Option<Vec<u8>>,
}

impl<T> Library<T> {
    /// All its bytes, as they were kept or as they are now.
    pub(crate) fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        match &self.contents {
            Some(contents) => Ok(Cow::Borrowed(contents)),
            None => fs::read(&self.path).map(Cow::Owned).map_err(|e| Error::io(&self.path, e)),
        }
    }
}

impl<T: Clone> Library<T> {
    /// The same without its bytes.
    pub(crate) fn facts(&self) -> Self {
        Self {
            path: self.path.clone(),
            size: self.size,
            mode: self.mode,
            modified: self.modified,
            file: self.file.clone(),
            same_as: self.same_as,
            is_made: self.is_made,
            contents: None,
        }
    }
}

/// What a path turned out to be.
#[derive(Clone, Debug)]
pub(crate) enum Candidate {
    /// Nothing there, or a directory.
    Absent,
    /// A GNU ld script that stands for this library: a path, or a name beside the script.
    Script(String),
    /// A file that this loader passes over, with the reason.
    Unfit(String),
    /// Index into [`Disk::libraries`].
    Fit(usize),
}

/// Bytes of libraries, all together, that are kept until it is known which are vendored.
pub(super) const MOST_KEPT: u64 = 1 << 26;

/// The files looked at so far.
#[derive(Debug)]
pub(crate) struct Disk {
    sysroot: Option<PathBuf>,
    machine: Machine,
    libc: Option<Libc>,
    libraries: Vec<Library>,
    /// How many bytes of them are kept.
    kept: u64,
    /// What is there, as it was asked for: most files look for the same names in the same places.
    by_path: HashMap<PathBuf, Candidate>,
    by_real_path: HashMap<PathBuf, Candidate>,
    /// Libraries that are the first with their bytes.
    by_size: HashMap<u64, Vec<usize>>,
    sonames: HashMap<PathBuf, BTreeMap<String, PathBuf>>,
    /// No file is looked at.
    is_empty: bool,
}

impl Disk {
    /// An empty view of this machine for binaries of `machine` and `libc`.
    pub(crate) fn new(sysroot: Option<PathBuf>, machine: Machine, libc: Option<Libc>) -> Self {
        Self {
            sysroot,
            machine,
            libc,
            libraries: Vec::new(),
            kept: 0,
            by_path: HashMap::new(),
            by_real_path: HashMap::new(),
            by_size: HashMap::new(),
            sonames: HashMap::new(),
            is_empty: false,
        }
    }

    /// A machine without a single library: what is not in the wheel is nowhere.
    pub(crate) fn none(machine: Machine, libc: Option<Libc>) -> Self {
        Self { is_empty: true, ..Self::new(None, machine, libc) }
    }

    /// Every library that fitted, in the order in which they were met.
    pub(crate) fn into_libraries(self) -> Vec<Library> {
        self.libraries
    }

    pub(crate) fn library(&self, index: usize) -> Option<&Library> {
        self.libraries.get(index)
    }

    /// Where absolute directory `path` of the target lies on this machine: below the sysroot, and
    /// as it is, because a build directory of a cross build is a path of this machine.
    pub(crate) fn places(&self, path: &Path) -> Vec<PathBuf> {
        match &self.sysroot {
            None => vec![path.to_owned()],
            Some(root) if path.starts_with(root) => vec![path.to_owned()],
            Some(root) => vec![below(root, path), path.to_owned()],
        }
    }

    /// Looks at `path`, follows its links and says whether the target would load it.
    pub(crate) fn candidate(&mut self, path: &Path) -> Result<Candidate> {
        if self.is_empty {
            return Ok(Candidate::Absent);
        }
        if let Some(known) = self.by_path.get(path) {
            return Ok(known.clone());
        }
        let candidate = self.follow(path)?;
        if !matches!(candidate, Candidate::Absent) {
            self.by_path.insert(path.to_owned(), candidate.clone());
        }
        Ok(candidate)
    }

    fn follow(&mut self, path: &Path) -> Result<Candidate> {
        let Some(real) = real_path(self.sysroot.as_deref(), path) else {
            return Ok(Candidate::Absent);
        };
        if let Some(known) = self.by_real_path.get(&real) {
            return Ok(known.clone());
        }
        let candidate = self.read(&real)?;
        self.by_real_path.insert(real, candidate.clone());
        Ok(candidate)
    }

    fn read(&mut self, real: &Path) -> Result<Candidate> {
        let metadata = match fs::metadata(real) {
            Ok(metadata) if metadata.is_file() => metadata,
            _ => return Ok(Candidate::Absent),
        };
        // The magic number first: a directory of libraries also holds archives of gigabytes.
        if !begins_like_elf(real) {
            if let Some(library) = script::read(real, metadata.len()) {
                return Ok(Candidate::Script(library));
            }
            return Ok(Candidate::Unfit("not an ELF file (a linker script?)".to_owned()));
        }
        let bytes = fs::read(real).map_err(|error| Error::io(real, error))?;
        let name = file_name(real);
        let file = match ElfFile::read(&bytes, &name) {
            Ok(file) => file,
            Err(error) => return Ok(Candidate::Unfit(error.to_string())),
        };
        if let Some(reason) = self.unfit(&file) {
            return Ok(Candidate::Unfit(reason));
        }
        let index = self.libraries.len();
        let (size, mode) = (bytes.len() as u64, permission_bits(&metadata));
        let (path, modified) = (real.to_owned(), metadata.modified().ok());
        let mut library = Library {
            path,
            size,
            mode,
            modified,
            file: Arc::new(file),
            same_as: index,
            is_made: false,
            contents: None,
        };
        match self.same_contents(&bytes)? {
            Some(first) => {
                library.same_as = first;
                library.file = Arc::clone(&self.libraries[first].file);
            }
            None => {
                self.by_size.entry(size).or_default().push(index);
                let is_kept = size <= MOST_KEPT.saturating_sub(self.kept);
                self.kept += if is_kept { size } else { 0 };
                library.contents = is_kept.then_some(bytes);
            }
        }
        self.libraries.push(library);
        Ok(Candidate::Fit(index))
    }

    /// A library met before that has the same bytes.
    fn same_contents(&self, bytes: &[u8]) -> Result<Option<usize>> {
        for index in self.by_size.get(&(bytes.len() as u64)).into_iter().flatten() {
            if *self.libraries[*index].bytes()? == *bytes {
                return Ok(Some(*index));
            }
        }
        Ok(None)
    }

    /// ld.so goes on past a file of another machine (`open_verify` in elf/dl-load.c). A library for
    /// the other C library would load and then crash, so it is passed over as well.
    fn unfit(&self, file: &ElfFile) -> Option<String> {
        if !self.machine.loads(&file.machine) {
            return Some(format!(
                "for {}, the wheel is for {}",
                file.machine.describe(),
                self.machine.describe()
            ));
        }
        if !file.is_dynamic {
            return Some("not a shared library".to_owned());
        }
        match (self.libc, file.libc) {
            (Some(wanted), Some(found)) if wanted != found => {
                Some(format!("for {found}, the wheel is for {wanted}"))
            }
            _ => None,
        }
    }

    /// The file in `directory` whose SONAME is `soname`. The first in order of file name wins when
    /// several different ones have it.
    pub(crate) fn by_soname(&mut self, directory: &Path, soname: &str) -> Result<Option<PathBuf>> {
        if !self.sonames.contains_key(directory) {
            let index = self.index_sonames(directory)?;
            self.sonames.insert(directory.to_owned(), index);
        }
        Ok(self.sonames.get(directory).and_then(|index| index.get(soname)).cloned())
    }

    fn index_sonames(&mut self, directory: &Path) -> Result<BTreeMap<String, PathBuf>> {
        let mut index = BTreeMap::new();
        if self.is_empty {
            return Ok(index);
        }
        for name in shared_object_names(directory) {
            let path = directory.join(&name);
            if let Candidate::Fit(library) = self.candidate(&path)?
                && let Some(soname) = self.library(library).and_then(|l| l.file.soname.clone())
            {
                index.entry(soname).or_insert(path);
            }
        }
        Ok(index)
    }
}

/// Names in `directory` that look like shared objects, sorted. An unreadable directory has none.
fn shared_object_names(directory: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|item| item.file_name())
        .filter(|name| name.to_string_lossy().contains(".so"))
        .collect();
    names.sort();
    names
}

fn begins_like_elf(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 4];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && truewheel_elf::is_elf(&magic)
}

#[cfg(unix)]
pub(super) fn permission_bits(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o777
}

#[cfg(not(unix))]
pub(super) fn permission_bits(_: &fs::Metadata) -> u32 {
    0o755
}

/// The last part of `path`, as text.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// `path`, taken as absolute, below `root`.
pub(crate) fn below(root: &Path, path: &Path) -> PathBuf {
    let mut place = root.to_owned();
    for part in path.components() {
        match part {
            Component::Normal(part) => place.push(part),
            Component::ParentDir => {
                place.pop();
                if !place.starts_with(root) {
                    place = root.to_owned();
                }
            }
            _ => {}
        }
    }
    place
}

/// Follows every link of `path`; an absolute link inside `root` stays inside it, as chroot(2) would
/// have it. `None` when there is nothing.
pub(crate) fn real_path(root: Option<&Path>, path: &Path) -> Option<PathBuf> {
    let Some(root) = root.filter(|root| path.starts_with(root)) else {
        return fs::canonicalize(path).ok();
    };
    // As many as Linux follows (ELOOP, path_resolution(7)).
    let mut links_left = 40;
    let mut done = root.to_owned();
    let mut rest: Vec<OsString> = parts(path.strip_prefix(root).ok()?);
    rest.reverse();
    while let Some(part) = rest.pop() {
        if part == ".." {
            if done != root {
                done.pop();
            }
            continue;
        }
        let next = done.join(&part);
        match fs::read_link(&next) {
            Err(_) => done = next,
            Ok(link) => {
                links_left -= 1;
                if links_left == 0 {
                    return None;
                }
                if link.is_absolute() {
                    done = root.to_owned();
                }
                rest.extend(parts(&link).into_iter().rev());
            }
        }
    }
    fs::canonicalize(&done).ok().map(|_| done)
}

fn parts(path: &Path) -> Vec<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

/// Whether `name` is one of the loader's own names, which no directory search decides.
pub(crate) fn is_loader(name: &str) -> bool {
    target::is_loader(name.rsplit('/').next().unwrap_or(name))
}
