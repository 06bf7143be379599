//! Names of older tools that lead to truewheel.
//!
//! A link where links can be, else a copy: Windows lets few users make links. A file that is not ours
//! keeps its place unless the user says otherwise, so that no tool is lost by a mistyped directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Shims to be put into a directory.
#[derive(Debug)]
pub(crate) struct Shims {
    /// The program that they lead to, as an absolute path.
    pub(crate) program: PathBuf,
    pub(crate) directory: PathBuf,
    /// File names, with the ending that programs have here.
    pub(crate) names: Vec<String>,
    pub(crate) copy: bool,
    pub(crate) force: bool,
}

/// Why a shim could not be put there.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Another program has the name.
    Taken(PathBuf),
    Io(PathBuf, io::Error),
}

/// Puts every shim there, and returns their paths. Nothing is changed where one name is taken.
pub(crate) fn install(shims: &Shims) -> Result<Vec<PathBuf>, Fault> {
    let directory = &shims.directory;
    fs::create_dir_all(directory).map_err(|error| Fault::Io(directory.clone(), error))?;
    let paths: Vec<PathBuf> = shims.names.iter().map(|name| directory.join(name)).collect();
    let is_foreign = |path: &&PathBuf| !shims.force && !is_ours(path, &shims.program);
    if let Some(path) = paths.iter().find(is_foreign) {
        return Err(Fault::Taken(path.clone()));
    }
    for path in &paths {
        put(path, shims).map_err(|error| Fault::Io(path.clone(), error))?;
    }
    Ok(paths)
}

/// Whether nothing is there, or what an earlier call put there: a link to a truewheel, or its copy.
fn is_ours(path: &Path, program: &Path) -> bool {
    if let Ok(target) = fs::read_link(path) {
        return target.file_stem() == program.file_stem();
    }
    match (fs::read(path), fs::read(program)) {
        (Ok(there), Ok(ours)) => there == ours,
        (Err(error), _) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Under a name of its own first, so that a program that runs just now does not find half a file.
fn put(path: &Path, shims: &Shims) -> io::Result<()> {
    let made = path.with_extension("truewheel-new");
    match fs::remove_file(&made) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if shims.copy || link(&shims.program, &made).is_err() {
        fs::copy(&shims.program, &made)?;
    }
    fs::rename(&made, path)
}

#[cfg(unix)]
fn link(program: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(program, path)
}

#[cfg(windows)]
fn link(program: &Path, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(program, path)
}

#[cfg(not(any(unix, windows)))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
