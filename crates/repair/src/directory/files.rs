//! The files of a directory: what Mach-O files it has, and by which further names they are known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use truewheel_wheel::{Digest, MemberPath};

use super::places::Site;
use crate::binary::{Binary, Format, MachFile};
use crate::error::{Error, Result};

/// What lies in a directory and in that of its libraries.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Every Mach-O file.
    pub(super) macho: Vec<(MemberPath, MachFile)>,
    /// Their contents.
    pub(super) digests: BTreeMap<MemberPath, Digest>,
    /// Link → Mach-O file.
    pub(super) aliases: BTreeMap<MemberPath, MemberPath>,
    /// Mach-O files and their links, and every name in the directory of libraries.
    pub(super) files: BTreeSet<MemberPath>,
    pub(super) notes: Vec<String>,
}

/// Reads what lies there. A link to a directory is not followed: what is behind it lies elsewhere too.
pub(super) fn find(site: &Site) -> Result<Found> {
    let mut paths = below(&site.top)?;
    if !site.libraries.starts_with(&site.top) && site.libraries.is_dir() {
        paths.extend(below(&site.libraries)?);
    }
    paths.sort();
    let read: Result<Vec<Option<(MemberPath, Read)>>> =
        paths.into_par_iter().with_max_len(1).map(|path| read(site, &path)).collect();
    let mut found = Found::default();
    let mut links = Vec::new();
    for (member, read) in read?.into_iter().flatten() {
        found.files.insert(member.clone());
        match read {
            Read::MachO(file, digest) => {
                found.digests.insert(member.clone(), digest);
                found.macho.push((member, *file));
            }
            Read::Link(real) => links.push((member, real)),
            Read::Other => {}
        }
    }
    for (link, real) in links {
        match site.member(&real) {
            Ok(file) if found.digests.contains_key(&file) => {
                found.aliases.insert(link, file);
            }
            _ => found.notes.push(format!(
                "{link} is a link to {}, which lies elsewhere and stays as it is",
                real.display()
            )),
        }
    }
    Ok(found)
}

/// What one name stands for.
enum Read {
    MachO(Box<MachFile>, Digest),
    /// A link, and the Mach-O file that it leads to.
    Link(PathBuf),
    /// A name of the directory of libraries that no other may get.
    Other,
}

fn read(site: &Site, path: &Path) -> Result<Option<(MemberPath, Read)>> {
    let is_link = path.is_symlink();
    if is_macho(path) {
        let member = site.member(path)?;
        if is_link {
            let real = fs::canonicalize(path).map_err(|error| Error::io(path, error))?;
            return Ok(Some((member, Read::Link(real))));
        }
        let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
        match Binary::read(&bytes, member.file_name()) {
            Some(Binary::MachO(file)) => {
                return Ok(Some((member, Read::MachO(file, Digest::of(&bytes)))));
            }
            // dyld would refuse it as well, or map what we cannot see.
            Some(Binary::Unreadable(_, fault)) => {
                return Err(Error::refused(format!("{member}: {fault}")));
            }
            _ => {}
        }
    }
    if !path.starts_with(&site.libraries) {
        return Ok(None);
    }
    Ok(site.member(path).ok().map(|member| (member, Read::Other)))
}

/// By the magic number, so that other files need not be read.
fn is_macho(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    read.is_ok() && Format::of(&start) == Some(Format::MachO)
}

/// Every name below `directory` that is no directory.
fn below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let failed = |error| Error::io(&directory, error);
        for item in fs::read_dir(&directory).map_err(failed)? {
            let item = item.map_err(failed)?;
            match item.file_type().map_err(failed)? {
                kind if kind.is_dir() => waiting.push(item.path()),
                kind if kind.is_file() || item.path().is_file() => names.push(item.path()),
                _ => {}
            }
        }
    }
    Ok(names)
}
