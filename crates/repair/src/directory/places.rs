//! Where the directory and its libraries lie, and what their files are called in the plan.
//!
//! The plan takes paths of a wheel. Here they begin at the nearest directory that holds both, so that
//! `demo/_ext.so` of a directory `build/demo` is what it would be in the wheel, and a library gets the install ID that it
//! would get there.

use std::fs::{self, Permissions};
use std::path::{Component, Path, PathBuf};

use truewheel_wheel::MemberPath;

use crate::error::{Error, Result};

/// Real paths of the directory and what is around it.
#[derive(Debug)]
pub(super) struct Site {
    /// What paths of the plan begin at.
    pub(super) root: PathBuf,
    pub(super) top: PathBuf,
    pub(super) libraries: PathBuf,
    /// The directory as the caller spells it.
    spelled: PathBuf,
}

impl Site {
    pub(super) fn new(directory: &Path, libraries: &Path) -> Result<Self> {
        let top = fs::canonicalize(directory).map_err(|error| Error::io(directory, error))?;
        if !top.is_dir() {
            return Err(Error::refused("it is no directory"));
        }
        let libraries = real(&top.join(libraries))?;
        let mut root = top.parent().unwrap_or(&top);
        while !is_root(root, &top, &libraries) {
            root = root.parent().ok_or_else(|| {
                Error::refused(format!("no directory holds {} as well", libraries.display()))
            })?;
        }
        Ok(Self { root: root.to_owned(), spelled: directory.to_owned(), top, libraries })
    }

    /// The name of the directory.
    pub(super) fn name(&self) -> String {
        let name = self.top.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What the plan calls the file at `path`, a real path below the root.
    pub(super) fn member(&self, path: &Path) -> Result<MemberPath> {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
        let parts = parts
            .ok_or_else(|| Error::refused(format!("{}: the name is not UTF-8", path.display())))?;
        Ok(MemberPath::new(&parts.join("/"))?)
    }

    /// Where a file of the plan lies.
    pub(super) fn path(&self, member: &MemberPath) -> PathBuf {
        self.root.join(member.as_str())
    }

    /// [`path`](Self::path), as the caller spells the directory.
    pub(super) fn shown(&self, member: &MemberPath) -> PathBuf {
        let path = self.path(member);
        match path.strip_prefix(&self.top) {
            Ok(below) => self.spelled.join(below),
            Err(_) => path,
        }
    }
}

/// Whether paths can begin here. What begins with a directory called `….data` is installed elsewhere.
fn is_root(root: &Path, top: &Path, libraries: &Path) -> bool {
    let is_below = |path: &Path| match path.strip_prefix(root) {
        Ok(below) => below.iter().next().is_some_and(|first| {
            !first.to_string_lossy().ends_with(".data") || root.parent().is_none()
        }),
        Err(_) => false,
    };
    is_below(libraries) && (is_below(top) || root.parent().is_none())
}

/// The real path of what need not be there yet.
fn real(path: &Path) -> Result<PathBuf> {
    let mut real = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            Component::CurDir => {}
            part => real.push(part),
        }
        if let Ok(found) = fs::canonicalize(&real) {
            real = found;
        }
    }
    match fs::metadata(&real) {
        Ok(metadata) if !metadata.is_dir() => {
            Err(Error::refused(format!("{} is there and no directory", real.display())))
        }
        _ => Ok(real),
    }
}

/// Makes `directory` with its parents; those that were not there, the innermost first.
pub(super) fn make_directory(directory: &Path) -> Result<Vec<PathBuf>> {
    let absent = directory.ancestors().take_while(|path| !path.exists());
    let made = absent.map(Path::to_path_buf).collect();
    fs::create_dir_all(directory).map_err(|error| Error::io(directory, error))?;
    Ok(made)
}

/// Permissions of a library that is brought along: those of its source, and its owner may write it.
#[cfg(unix)]
pub(super) fn permissions(_source: &Path, mode: u32) -> Result<Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(Permissions::from_mode(mode & 0o777))
}

/// Permissions of a library that is brought along: it can be written.
#[cfg(not(unix))]
pub(super) fn permissions(source: &Path, _mode: u32) -> Result<Permissions> {
    let metadata = fs::metadata(source).map_err(|error| Error::io(source, error))?;
    let mut permissions = metadata.permissions();
    permissions.set_readonly(false);
    Ok(permissions)
}
