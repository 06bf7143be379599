//! Step 8: the written wheel, read again, against the plan.
//!
//! object read what we edited; goblin reads what we wrote. A member that was copied has the very bytes
//! it has in the input, which step 2 inflated and checked; every other one is inflated and its CRC
//! compared. RECORD is read back and must be the rows that the writer made from the contents as it
//! got them, so that nothing needs to be hashed twice. Every ELF file that was edited says what the plan says, and each name that it needs is in
//! the wheel, on its search path, or was left to the target on purpose.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use goblin::elf::Elf;
use goblin::elf::SectionHeader;
use goblin::elf::dynamic::{DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME};
use goblin::elf::section_header::SHT_SYMTAB;
use rayon::prelude::*;
use truewheel_elf::{Edits, SearchPathEdit, SonameEdit, Strip};
use truewheel_wheel::{Member, MemberKind, MemberPath, Record, Wheel, Written};

use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::sbom;
use crate::search::paths::{entry_in_environment, environment_path, join, origin_relative};

/// Reads `written` as a wheel of the plan's name.
pub(crate) fn verify(input: &Wheel, written: &Written, plan: &Plan) -> Result<()> {
    let wheel = Wheel::open_as(written.path(), &plan.output_name)?;
    let mut files: Vec<(usize, &Member)> = wheel
        .members()
        .iter()
        .filter(|member| member.kind != MemberKind::Directory)
        .enumerate()
        .collect();
    // Largest first, so that no thread is left alone with one at the end.
    files.sort_by_key(|(index, member)| (Reverse(member.size), *index));
    let mut seen: Vec<(usize, Result<Checked>)> = files
        .into_par_iter()
        .with_max_len(1)
        .map(|(index, member)| (index, check_member(input, &wheel, member, plan)))
        .collect();
    seen.sort_by_key(|(index, _)| *index);
    let seen: Vec<_> = seen.into_iter().map(|(_, seen)| seen).collect::<Result<_>>()?;
    check_record(&wheel, written.record(), &seen)?;
    let installed: BTreeSet<String> =
        seen.iter().filter_map(|(path, ..)| environment_path(path)).collect();
    for (path, _, seen) in &seen {
        if let Some(seen) = seen {
            check_needs(path, seen, plan.outside.get(path), &installed)?;
        }
    }
    sbom::check(&wheel, plan, written.record())?;
    for path in plan
        .edits
        .keys()
        .chain(plan.replaced.keys())
        .chain(plan.shims.keys())
        .chain(plan.added.keys())
    {
        if wheel.member(path.as_str()).is_none() {
            return Err(Error::verify(path.as_str(), "it is planned and not there"));
        }
    }
    Ok(())
}

/// A member, its size, and what was seen of it if it was edited.
type Checked = (MemberPath, u64, Option<Seen>);

/// Reads `member` if it was not copied, and holds it against its edits if it has any.
fn check_member(input: &Wheel, wheel: &Wheel, member: &Member, plan: &Plan) -> Result<Checked> {
    if member.kind == MemberKind::Symlink {
        return Err(Error::verify(member.path.as_str(), "it is a symbolic link"));
    }
    let seen = match plan.edits.get(&member.path) {
        Some(edits) => {
            let bytes = wheel.read(member)?;
            check_stripped(&member.path, &bytes, plan.strips.get(&member.path))?;
            Some(check_edits(&member.path, &bytes, edits)?)
        }
        None if is_copied(input, wheel, member)? => None,
        None => {
            wheel.read(member)?;
            None
        }
    };
    Ok((member.path.clone(), member.size, seen))
}

/// Whether `member` has the deflate stream, size and CRC of the input's member of that name.
fn is_copied(input: &Wheel, wheel: &Wheel, member: &Member) -> Result<bool> {
    let Some(original) = input.member(member.path.as_str()) else { return Ok(false) };
    let is_alike = original.size == member.size
        && original.crc32 == member.crc32
        && original.compressed_size == member.compressed_size;
    if !is_alike {
        return Ok(false);
    }
    let raw = wheel.read_raw(member)?;
    Ok(raw.is_some() && raw == input.read_raw(original)?)
}

/// What goblin sees of one file.
struct Seen {
    needed: Vec<String>,
    search_path: Vec<String>,
}

/// What was to be stripped has no debug information left, nor symbols if they were to go too.
fn check_stripped(path: &MemberPath, bytes: &[u8], strip: Option<&Strip>) -> Result<()> {
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

fn check_edits(path: &MemberPath, bytes: &[u8], edits: &Edits) -> Result<Seen> {
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

fn check_record(wheel: &Wheel, written: &Record, seen: &[Checked]) -> Result<()> {
    let path = format!("{}/RECORD", wheel.dist_info());
    let wrong = |what: &str| Error::verify(path.as_str(), what);
    let last = wheel.members().last();
    let member = last.filter(|member| member.path.as_str() == path);
    let member = member.ok_or_else(|| wrong("it is not the last member"))?;
    let text = String::from_utf8(wheel.read(member)?).map_err(|_| wrong("it is not UTF-8"))?;
    let rows = Record::parse(&text)?;
    if rows != *written {
        return Err(wrong("it is not what was written"));
    }
    if rows.rows.len() != seen.len() {
        return Err(wrong("it does not have a row for each member"));
    }
    for (row, (member, size, _)) in rows.rows.iter().zip(seen) {
        let is_right = row.path == member.as_str()
            && (row.path == path || (row.hash.is_some() && row.size == Some(*size)));
        if !is_right {
            return Err(wrong(&format!("the row of `{}` is not right", row.path)));
        }
    }
    Ok(())
}

/// Follows every needed name as ld.so will, with nothing but the wheel there.
fn check_needs(
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
