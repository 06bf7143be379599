//! Several files get their names together, or none does.
//!
//! A rename is whole or not at all, but no file system renames several files as one. So each file that
//! would be replaced is kept under another name until the last rename has succeeded; when one fails,
//! what was new is removed and what was replaced comes back. A process that is killed in between leaves
//! whole wheels, and files whose names end in `.part`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::{Error, Result};
use crate::replace::Staged;
use crate::writer::{self, Written};

/// A name that could not be given.
#[derive(Debug)]
pub struct Stopped {
    /// The file, counted from 0.
    pub index: usize,
    /// Why it has no name.
    pub error: Error,
    /// New files that could not be taken back: they are there, whole.
    pub left: Vec<PathBuf>,
}

/// A file that has its name, and what it replaced.
struct Named {
    path: PathBuf,
    /// The file of that name from before; dropped, it is removed.
    replaced: Option<TempPath>,
}

/// Gives each wheel its name, as [`Written::persist`], and returns their paths.
///
/// # Errors
///
/// A name cannot be given; then none is, as far as the operating system allows, and
/// [`Stopped::left`] has the rest.
pub fn persist_all(wheels: Vec<(Written, String)>) -> std::result::Result<Vec<PathBuf>, Stopped> {
    // One rename needs no way back.
    let is_alone = wheels.len() == 1;
    let mut named: Vec<Named> = Vec::new();
    for (index, (written, name)) in wheels.into_iter().enumerate() {
        match give_name(written, &name, is_alone) {
            Ok(wheel) => named.push(wheel),
            Err(error) => return Err(Stopped { index, error, left: take_back(named) }),
        }
    }
    Ok(named.into_iter().map(|wheel| wheel.path).collect())
}

/// Puts all of `files` in their places, as [`persist_all`] does wheels.
///
/// # Errors
///
/// As [`persist_all`].
pub fn replace_all(files: Vec<Staged>) -> std::result::Result<(), Stopped> {
    let mut named: Vec<Named> = Vec::new();
    for (index, Staged { file, path }) in files.into_iter().enumerate() {
        let replaced = match path.is_file() {
            true => {
                keep(&path).map(Some).map_err(|source| Error::io("cannot replace", &path, source))
            }
            false => Ok(None),
        };
        match replaced.and_then(|replaced| writer::rename(file, &path).map(|()| replaced)) {
            Ok(replaced) => named.push(Named { path, replaced }),
            Err(error) => return Err(Stopped { index, error, left: take_back(named) }),
        }
    }
    Ok(())
}

fn give_name(written: Written, name: &str, is_alone: bool) -> Result<Named> {
    let path = written.destination(name)?;
    let replaced = match path.is_file() && !is_alone {
        true => Some(keep(&path).map_err(|source| Error::io("cannot replace", &path, source))?),
        false => None,
    };
    let path = written.persist(name)?;
    Ok(Named { path, replaced })
}

/// A second name for the file: a link where the file system has links, else a copy.
fn keep(path: &Path) -> io::Result<TempPath> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let make = |kept: &Path| match fs::hard_link(path, kept) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            fs::copy(path, kept).map(drop)
        }
        linked => linked,
    };
    Ok(writer::builder().make_in(directory, make)?.into_temp_path())
}

/// Undoes what was done, last first; the paths that stay as they are now.
fn take_back(named: Vec<Named>) -> Vec<PathBuf> {
    let mut left = Vec::new();
    for Named { path, replaced } in named.into_iter().rev() {
        let is_back = match replaced {
            Some(kept) => kept.persist(&path).is_ok(),
            None => fs::remove_file(&path).is_ok(),
        };
        if !is_back {
            left.push(path);
        }
    }
    left.reverse();
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Wheel;
    use crate::raw_zip::{self, RawZip};

    /// Wheels in `directory` that wait for these names.
    fn waiting(directory: &Path, names: &[&str]) -> Vec<(Written, String)> {
        let (_directory, path) = raw_zip::file(&RawZip::wheel().bytes());
        let wheel = Wheel::open(&path).unwrap();
        let copy = |name: &&str| (Written::copy_of(&wheel, directory).unwrap(), (*name).to_owned());
        names.iter().map(copy).collect()
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn all_get_their_names_and_replace_what_was_there() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("b.whl"), "old").unwrap();
        let paths = persist_all(waiting(directory.path(), &["a.whl", "b.whl"])).unwrap();
        assert_eq!(paths, ["a.whl", "b.whl"].map(|name| directory.path().join(name)));
        assert_eq!(names(directory.path()), ["a.whl", "b.whl"]);
        assert!(fs::read(&paths[1]).unwrap().starts_with(b"PK"));
    }

    #[test]
    fn files_are_replaced_together_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("a"), "old").unwrap();
        fs::create_dir_all(path("c/full")).unwrap();
        let permissions = fs::metadata(path("a")).unwrap().permissions();
        let staged = |names: &[&str]| -> Vec<Staged> {
            let stage =
                |name: &&str| Staged::new(&path(name), b"new", permissions.clone()).unwrap();
            names.iter().map(stage).collect()
        };
        let stopped = replace_all(staged(&["a", "b", "c", "d"])).unwrap_err();
        assert_eq!((stopped.index, stopped.left.len()), (2, 0));
        assert_eq!(names(directory.path()), ["a", "c"]);
        assert_eq!(fs::read(path("a")).unwrap(), b"old");
        replace_all(staged(&["a", "b"])).unwrap();
        assert_eq!(names(directory.path()), ["a", "b", "c"]);
        assert_eq!(fs::read(path("a")).unwrap(), b"new");
    }

    #[test]
    fn a_name_that_cannot_be_given_takes_the_others_back() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("b.whl"), "old").unwrap();
        fs::create_dir_all(directory.path().join("c.whl/full")).unwrap();
        let wheels = waiting(directory.path(), &["a.whl", "b.whl", "c.whl", "d.whl"]);
        let stopped = persist_all(wheels).unwrap_err();
        assert_eq!((stopped.index, stopped.left.len()), (2, 0));
        let path = directory.path().join("c.whl");
        let start = format!("cannot write `{}`: ", path.display());
        assert!(stopped.error.to_string().starts_with(&start), "{}", stopped.error);
        assert_eq!(names(directory.path()), ["b.whl", "c.whl"]);
        assert_eq!(fs::read(directory.path().join("b.whl")).unwrap(), b"old");
    }
}
