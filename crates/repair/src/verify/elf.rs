//! What goblin sees of an edited ELF file, and whether ld.so finds what it needs.

use std::collections::{BTreeMap, BTreeSet};

use goblin::elf::Elf;
use goblin::elf::SectionHeader;
use goblin::elf::dynamic::{DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME};
use goblin::elf::section_header::SHT_SYMTAB;
use truewheel_elf::{Edits, SearchPathEdit, SonameEdit, Strip};
use truewheel_wheel::MemberPath;

use crate::error::{Error, Result};
use crate::search::paths::{entry_in_environment, environment_path, join, origin_relative};

/// What goblin sees of one file.
pub(super) struct Seen {
    needed: Vec<String>,
    search_path: Vec<String>,
}

/// What was to be stripped has no debug information left, nor symbols if they were to go too.
pub(super) fn check_stripped(path: &MemberPath, bytes: &[u8], strip: Option<&Strip>) -> Result<()> {
    let Some(strip) = strip else { return Ok(()) };
    let wrong = |what: String| Error::verify(path.as_str(), what);
    let options = goblin::options::ParseOptions::strict();
    let elf =
        Elf::parse_with_opts(bytes, &options).map_err(|error| wrong(format!("goblin: {error}")))?;
    let is_left = |section: &&SectionHeader| {
        let name = elf.shdr_strtab.get_at(section.sh_name).unwrap_or_default();
        let is_symbols = section.sh_type == SHT_SYMTAB && *strip == Strip::All;
        !section.is_alloc() && (is_symbols || name.starts_with(".debug_"))
    };
    match elf.section_headers.iter().find(is_left) {
        Some(section) => {
            let name = elf.shdr_strtab.get_at(section.sh_name).unwrap_or_default();
            Err(wrong(format!("section `{name}` is still there")))
        }
        None => Ok(()),
    }
}

pub(super) fn check_edits(path: &MemberPath, bytes: &[u8], edits: &Edits) -> Result<Seen> {
    let wrong = |what: String| Error::verify(path.as_str(), what);
    let elf = Pieces::read(bytes).map_err(|error| wrong(format!("goblin: {error}")))?;
    match &edits.soname {
        Some(SonameEdit::Set(name)) if elf.one(DT_SONAME) != Some(name) => {
            return Err(wrong(format!("SONAME is {:?}, not `{name}`", elf.one(DT_SONAME))));
        }
        Some(SonameEdit::Remove) if elf.one(DT_SONAME).is_some() => {
            return Err(wrong("it still has a SONAME".to_owned()));
        }
        _ => {}
    }
    let needed: Vec<String> = elf.all(DT_NEEDED);
    for (old, new) in &edits.replace_needed {
        let is_kept = edits.replace_needed.values().any(|value| value == old);
        if !needed.contains(new) || (needed.contains(old) && !is_kept) {
            return Err(wrong(format!("`{old}` is not replaced by `{new}`: {needed:?}")));
        }
    }
    if let Some(name) = edits.remove_needed.iter().find(|name| needed.contains(name)) {
        return Err(wrong(format!("`{name}` is still needed")));
    }
    let paths = (elf.one(DT_RPATH), elf.one(DT_RUNPATH));
    let is_right = match &edits.search_path {
        Some(SearchPathEdit::Rpath(wanted)) => paths == (Some(wanted), None),
        Some(SearchPathEdit::Runpath(wanted)) => paths == (None, Some(wanted)),
        Some(SearchPathEdit::Remove) => paths == (None, None),
        None => true,
    };
    if !is_right {
        return Err(wrong(format!("RPATH and RUNPATH are {paths:?}")));
    }
    // glibc aborts when a version is wanted of a file that is not needed.
    let is_stale = |file: &&String| {
        (edits.replace_needed.contains_key(*file) || edits.remove_needed.contains(*file))
            && !needed.contains(file)
    };
    if let Some(file) = elf.version_files.iter().find(is_stale) {
        return Err(wrong(format!("versions are still wanted of `{file}`")));
    }
    let list = paths.1.or(paths.0).cloned().unwrap_or_default();
    let search_path = list.split(':').filter(|e| !e.is_empty()).map(str::to_owned).collect();
    Ok(Seen { needed, search_path })
}

/// The parts of an ELF file that the plan speaks of, by goblin's readers.
struct Pieces {
    dynamic: BTreeMap<u64, Vec<String>>,
    version_files: Vec<String>,
}

impl Pieces {
    fn read(bytes: &[u8]) -> goblin::error::Result<Self> {
        let options = goblin::options::ParseOptions::strict();
        let elf = Elf::parse_with_opts(bytes, &options)?;
        let mut dynamic: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for entry in elf.dynamic.iter().flat_map(|dynamic| &dynamic.dyns) {
            if [DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH].contains(&entry.d_tag) {
                let at = usize::try_from(entry.d_val).unwrap_or(usize::MAX);
                let text = elf.dynstrtab.get_at(at).ok_or_else(|| {
                    goblin::error::Error::Malformed(format!("no string at {at:#x} in .dynstr"))
                })?;
                dynamic.entry(entry.d_tag).or_default().push(text.to_owned());
            }
        }
        let mut version_files = Vec::new();
        for need in elf.verneed.iter().flat_map(|section| section.iter()) {
            if let Some(file) = elf.dynstrtab.get_at(need.vn_file) {
                version_files.push(file.to_owned());
            }
        }
        Ok(Self { dynamic, version_files })
    }

    fn one(&self, tag: u64) -> Option<&String> {
        self.dynamic.get(&tag)?.first()
    }

    fn all(&self, tag: u64) -> Vec<String> {
        self.dynamic.get(&tag).cloned().unwrap_or_default()
    }
}

/// Follows every needed name as ld.so will, with nothing but the wheel there.
pub(super) fn check_needs(
    path: &MemberPath,
    seen: &Seen,
    outside: Option<&BTreeSet<String>>,
    installed: &BTreeSet<String>,
) -> Result<()> {
    // Where headers go, nobody knows before installation.
    if environment_path(path).is_none() {
        return Ok(());
    }
    let directories: Vec<String> = seen
        .search_path
        .iter()
        .filter_map(|entry| entry_in_environment(path, origin_relative(entry)?))
        .collect();
    for needed in &seen.needed {
        let is_outside = outside.is_some_and(|outside| outside.contains(needed));
        let is_here =
            directories.iter().any(|directory| installed.contains(&join(directory, needed)));
        if !is_outside && !is_here {
            return Err(Error::verify(
                path.as_str(),
                format!("`{needed}` is not on its search path {:?}", seen.search_path),
            ));
        }
    }
    Ok(())
}
