//! Files that are replaced whole, one or several together.
//!
//! Who reads it sees the old contents or the new ones and never a part: the new ones are written beside it under
//! another name, and the rename is one step (POSIX `rename`, Windows `MoveFileEx`). A process that is killed in
//! between leaves the old file, and perhaps one whose name ends in `.part`.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::writer;

/// Gives the file at `path` these contents. A file that is there keeps its permissions, and a symbolic link stays
/// one: what it leads to is replaced. A new file gets the permissions of `model`.
///
/// # Errors
///
/// `model` cannot be read; the file at `path` is read-only, or something else than a file; the operating system
/// refuses to write beside it or to replace it. The old file is as it was then.
pub fn replace_file(path: &Path, bytes: &[u8], model: &Path) -> Result<()> {
    let failed = |source| Error::io("cannot write", path, source);
    // A link that leads nowhere yet is replaced itself.
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions = match fs::metadata(&real) {
        Ok(found) if !found.is_file() => {
            return Err(failed(io::Error::other("it is there and no file")));
        }
        Ok(found) if found.permissions().readonly() => {
            let source = io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only");
            return Err(failed(source));
        }
        Ok(found) => found.permissions(),
        Err(_) => fs::metadata(model).map_err(failed)?.permissions(),
    };
    let Staged { file, path } = Staged::new(&real, bytes, permissions)?;
    writer::rename(file, &path)
}

/// New contents that lie beside the file that they are for, under another name. Dropped, they are gone.
#[derive(Debug)]
pub struct Staged {
    pub(crate) file: NamedTempFile,
    pub(crate) path: PathBuf,
}

impl Staged {
    /// Writes `bytes` beside `path`, whose directory is there.
    ///
    /// # Errors
    ///
    /// The operating system refuses.
    pub fn new(path: &Path, bytes: &[u8], permissions: Permissions) -> Result<Self> {
        let failed = |source| Error::io("cannot write", path, source);
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let made = writer::builder().tempfile_in(directory.unwrap_or(Path::new(".")));
        let mut file = made.map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        fs::set_permissions(file.path(), permissions).map_err(failed)?;
        Ok(Self { file, path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in a directory, sorted.
    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_nothing_stays_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let (old, new) = (directory.path().join("a.dll"), directory.path().join("b.dll"));
        fs::write(&old, "old").unwrap();
        replace_file(&new, b"other", &old).unwrap();
        replace_file(&old, b"new", &old).unwrap();
        assert_eq!(fs::read(&old).unwrap(), b"new");
        assert_eq!(fs::read(&new).unwrap(), b"other");
        assert_eq!(names(directory.path()), ["a.dll", "b.dll"]);
    }

    #[test]
    fn what_cannot_be_replaced_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.dll");
        fs::write(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        let error = replace_file(&path, b"new", &path).unwrap_err();
        let shown = path.display();
        assert_eq!(error.to_string(), format!("cannot write `{shown}`: it is read-only"));
        let error = replace_file(directory.path(), b"new", &path).unwrap_err();
        let shown = directory.path().display();
        assert_eq!(error.to_string(), format!("cannot write `{shown}`: it is there and no file"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["a.dll"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("a.dll"), directory.path().join("link.dll"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o751)).unwrap();
        symlink("a.dll", &link).unwrap();
        replace_file(&link, b"new", &path).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o751);
    }
}
