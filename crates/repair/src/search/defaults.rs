//! Step 5 of ld.so's search: where a system of the target keeps its libraries.
//!
//! Read from the sysroot, or from this machine when none is named, with the target's C library in
//! mind: glibc's list comes from ld.so.conf, musl's from its `.path` file. Candidates of another
//! machine or C library are passed over one by one, so a foreign host does no harm.

use std::fs;
use std::path::{Path, PathBuf};

use super::conf;
use super::disk::below;
use crate::options::SearchOptions;
use crate::target::Libc;
use crate::wheel_target::WheelTarget;

/// The default directories on this machine, each with the rule that names it.
pub(crate) fn directories(target: &WheelTarget, search: &SearchOptions) -> Vec<(PathBuf, String)> {
    if let Some(ldpaths) = &search.ldpaths {
        return ldpaths.iter().map(|path| (path.clone(), "--ldpaths".to_owned())).collect();
    }
    let root = search.sysroot.as_deref().unwrap_or(Path::new("/"));
    let read = |path: &Path| fs::read_to_string(path).ok();
    let mut directories: Vec<(PathBuf, String)> = Vec::new();
    let mut add = |path: PathBuf, rule: &str| {
        if !directories.iter().any(|(known, _)| *known == path) {
            directories.push((path, rule.to_owned()));
        }
    };
    match target.libc {
        Some(Libc::Musl) => {
            let listed = conf::musl_path(root, target.arch, &read);
            let is_listed = listed.is_some();
            for path in listed.into_iter().flatten() {
                add(path, "ld-musl path file");
            }
            // musl reads its path file instead of the built-in list, not before it (ld-musl).
            if is_listed {
                return directories;
            }
        }
        Some(Libc::Glibc) | None => {
            for path in conf::ld_so_conf(root, &read, &expand) {
                add(path, "ld.so.conf");
            }
        }
        // A phone's directories are never those of the machine that builds for it.
        Some(Libc::Bionic) => return directories,
    }
    for path in conf::default_directories(target.arch, target.libc.unwrap_or(Libc::Glibc)) {
        add(below(root, Path::new(&path)), "default directory");
    }
    directories
}

/// Files that match a pattern of ld.so.conf's `include`, sorted as glob(3) does. Only the last part
/// of a path has wildcards there.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Vec::new();
    };
    let Ok(glob) = globset::Glob::new(&name.to_string_lossy()) else { return Vec::new() };
    let matcher = glob.compile_matcher();
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|item| matcher.is_match(Path::new(&item.file_name())))
        .map(|item| item.path())
        .collect();
    paths.sort();
    paths
}
