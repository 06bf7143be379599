//! The dynamic section and the version needs as they should be, before anything has a place.
//!
//! Names are names here and not yet indices into `.dynstr`. A name that stays keeps its index.

use std::collections::{BTreeMap, BTreeSet};

use object::elf::{self, DynamicTag};

use crate::dynamic::Entry;
use crate::edit::{Edits, SearchPathEdit, SonameEdit};
use crate::error::{ErrorKind, Result};
use crate::image::Image;
use crate::symbols::SymbolTable;
use crate::versions::{self, NeedRecord};

/// What stands in an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number, an address, or the index of a name that stays.
    Number(u64),
    /// A name that gets an index.
    Name(String),
}

/// One entry of the dynamic section to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedEntry {
    pub(crate) tag: DynamicTag,
    pub(crate) value: Value,
    /// Its place in the old list, if it was there.
    pub(crate) origin: Option<usize>,
}

/// Everything that names have to do with.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) entries: Vec<WantedEntry>,
    /// The new `vn_file` by the file offset of its record.
    pub(crate) renamed: BTreeMap<u64, String>,
    /// The version needs that are left, in order, and whether any is gone.
    pub(crate) needs: Vec<NeedRecord>,
    pub(crate) needs_removed: bool,
    /// Indices into `.dynstr` that nothing of what is changed here uses any more.
    pub(crate) dropped: BTreeSet<u64>,
}

/// Works out what `edits` ask for.
pub(crate) fn wanted(image: &Image<'_>, edits: &Edits) -> Result<Wanted> {
    let elf = &image.elf;
    let name = |entry: &Entry| image.strings.get(&elf.bytes, "a dynamic string", entry.value);
    let mut needed = BTreeSet::new();
    for entry in image.dynamic.entries.iter().filter(|entry| entry.tag == elf::DT_NEEDED) {
        needed.insert(name(entry)?);
    }
    let arriving: BTreeSet<&String> = edits
        .replace_needed
        .iter()
        .filter_map(|(old, new)| needed.contains(old.as_str()).then_some(new))
        .collect();
    for (old, new) in &edits.replace_needed {
        // Where the new name already stands in place of the old one, the edit has been made before;
        // where it comes from another old name, this one is only in `.gnu.version_r`: a library may
        // be needed by its path and asked for versions by its SONAME.
        let comes = needed.contains(new.as_str()) || arriving.contains(new);
        if !needed.contains(old.as_str()) && (old == new || !comes) {
            return Err(ErrorKind::NoSuchNeeded(old.clone()).into());
        }
    }
    let mut entries = Vec::new();
    let mut dropped = BTreeSet::new();
    for (origin, entry) in image.dynamic.entries.iter().enumerate() {
        let fate =
            if is_name(entry.tag) { fate(edits, entry.tag, name(entry)?) } else { Fate::Stays };
        let value = match fate {
            Fate::Stays => Value::Number(entry.value),
            Fate::Goes | Fate::Becomes(..) => {
                dropped.insert(entry.value);
                match fate {
                    Fate::Becomes(name) => Value::Name(name),
                    _ => continue,
                }
            }
        };
        entries.push(WantedEntry { tag: entry.tag, value, origin: Some(origin) });
    }
    retag_search_path(edits, &mut entries, &mut dropped);
    if edits.soname.is_some() {
        keep_one(&mut entries, elf::DT_SONAME, &mut dropped);
    }
    add_missing(edits, &needed, &mut entries);
    let mut wanted = Wanted {
        entries,
        renamed: BTreeMap::new(),
        needs: Vec::new(),
        needs_removed: false,
        dropped,
    };
    change_version_needs(image, edits, &needed, &mut wanted)?;
    Ok(wanted)
}

enum Fate {
    Stays,
    Goes,
    Becomes(String),
}

fn is_name(tag: DynamicTag) -> bool {
    matches!(tag, elf::DT_NEEDED | elf::DT_SONAME | elf::DT_RPATH | elf::DT_RUNPATH)
}

/// What becomes of an entry that holds `name`.
fn fate(edits: &Edits, tag: DynamicTag, name: &str) -> Fate {
    match tag {
        elf::DT_NEEDED if edits.remove_needed.contains(name) => Fate::Goes,
        elf::DT_NEEDED => match edits.replace_needed.get(name) {
            Some(new) if new != name => Fate::Becomes(new.clone()),
            _ => Fate::Stays,
        },
        elf::DT_SONAME => match &edits.soname {
            Some(SonameEdit::Remove) => Fate::Goes,
            Some(SonameEdit::Set(new)) if new != name => Fate::Becomes(new.clone()),
            _ => Fate::Stays,
        },
        _ => match &edits.search_path {
            Some(SearchPathEdit::Remove) => Fate::Goes,
            Some(SearchPathEdit::Rpath(new) | SearchPathEdit::Runpath(new)) if new != name => {
                Fate::Becomes(new.clone())
            }
            _ => Fate::Stays,
        },
    }
}

/// Gives the search path its one tag; a second entry goes.
fn retag_search_path(edits: &Edits, entries: &mut Vec<WantedEntry>, dropped: &mut BTreeSet<u64>) {
    let tag = match &edits.search_path {
        Some(SearchPathEdit::Rpath(_)) => elf::DT_RPATH,
        Some(SearchPathEdit::Runpath(_)) => elf::DT_RUNPATH,
        _ => return,
    };
    for entry in entries.iter_mut() {
        if matches!(entry.tag, elf::DT_RPATH | elf::DT_RUNPATH) {
            entry.tag = tag;
        }
    }
    keep_one(entries, tag, dropped);
}

/// Drops all but the first entry with `tag`.
fn keep_one(entries: &mut Vec<WantedEntry>, tag: DynamicTag, dropped: &mut BTreeSet<u64>) {
    let mut seen = false;
    entries.retain(|entry| {
        let again = entry.tag == tag && seen;
        seen |= entry.tag == tag;
        if let (true, Value::Number(index)) = (again, &entry.value) {
            dropped.insert(*index);
        }
        !again
    });
}

/// Adds what is asked for and not there, behind the last of the names that are.
fn add_missing(edits: &Edits, needed: &BTreeSet<&str>, entries: &mut Vec<WantedEntry>) {
    let mut new = Vec::new();
    let replaced: BTreeSet<&str> = edits.replace_needed.values().map(String::as_str).collect();
    let mut added = BTreeSet::new();
    for name in &edits.add_needed {
        let there = needed.contains(name.as_str()) || replaced.contains(name.as_str());
        if !there && added.insert(name) {
            new.push((elf::DT_NEEDED, name));
        }
    }
    let has = |tag| entries.iter().any(|entry| entry.tag == tag);
    if let (Some(SonameEdit::Set(name)), false) = (&edits.soname, has(elf::DT_SONAME)) {
        new.push((elf::DT_SONAME, name));
    }
    match &edits.search_path {
        Some(SearchPathEdit::Rpath(path)) if !has(elf::DT_RPATH) => {
            new.push((elf::DT_RPATH, path));
        }
        Some(SearchPathEdit::Runpath(path)) if !has(elf::DT_RUNPATH) => {
            new.push((elf::DT_RUNPATH, path));
        }
        _ => {}
    }
    // Linkers put these tags first; a loader does not mind, a reader does.
    let behind = entries.iter().rposition(|entry| is_name(entry.tag)).map_or(0, |last| last + 1);
    let tail = entries.split_off(behind);
    entries.extend(new.into_iter().map(|(tag, name)| WantedEntry {
        tag,
        value: Value::Name(name.clone()),
        origin: None,
    }));
    entries.extend(tail);
}

/// Renames `vn_file` along with `DT_NEEDED`, and drops the needs of a library that goes.
fn change_version_needs(
    image: &Image<'_>,
    edits: &Edits,
    needed: &BTreeSet<&str>,
    wanted: &mut Wanted,
) -> Result<()> {
    let elf = &image.elf;
    for record in versions::need_records(&elf.bytes, &elf.segments, &image.dynamic)? {
        let file = image.strings.get(&elf.bytes, "vn_file", record.vn_file.into())?;
        if edits.remove_needed.contains(file) && needed.contains(file) {
            refuse_if_bound(image, &record, file)?;
            wanted.needs_removed = true;
            wanted.dropped.insert(record.vn_file.into());
            continue;
        }
        if let Some(new) = edits.replace_needed.get(file).filter(|new| *new != file) {
            wanted.renamed.insert(record.offset, new.clone());
            wanted.dropped.insert(record.vn_file.into());
        }
        wanted.needs.push(record);
    }
    if wanted.needs_removed {
        let count = wanted.needs.len() as u64;
        wanted.entries.retain(|entry| {
            count > 0 || !matches!(entry.tag, elf::DT_VERNEED | elf::DT_VERNEEDNUM)
        });
        for entry in wanted.entries.iter_mut().filter(|entry| entry.tag == elf::DT_VERNEEDNUM) {
            entry.value = Value::Number(count);
        }
    }
    Ok(())
}

/// A symbol that is bound to a version of a library cannot be left without it: the loader would look
/// its version up by an index that nothing explains.
fn refuse_if_bound(image: &Image<'_>, record: &NeedRecord, file: &str) -> Result<()> {
    let elf = &image.elf;
    let versions: BTreeSet<u16> = versions::need_versions(&elf.bytes, record)?
        .iter()
        .map(|version| version.vna_other & !elf::VERSYM_HIDDEN.0)
        .collect();
    let table = SymbolTable::find(&elf.bytes, elf.header.e_machine, &elf.segments, &image.dynamic)?;
    let (Some(table), Some(address)) = (table, image.dynamic.value(elf::DT_VERSYM)) else {
        return Ok(());
    };
    let what = "DT_VERSYM";
    let versym = crate::header::offset_of(&elf.segments, what, address, 2 * table.count)?;
    for index in 1..table.count {
        let version = elf.bytes.u16(what, versym + 2 * index)? & !elf::VERSYM_HIDDEN.0;
        if versions.contains(&version) {
            let symbol = table.get(&elf.bytes, index)?;
            let symbol = image.strings.get(&elf.bytes, "st_name", symbol.st_name.into())?;
            let (needed, symbol) = (file.to_owned(), symbol.to_owned());
            return Err(ErrorKind::NeededInUse { needed, symbol }.into());
        }
    }
    Ok(())
}

impl Wanted {
    /// Whether the dynamic section and the version needs are as they were.
    pub(crate) fn changes_nothing(&self, image: &Image<'_>) -> bool {
        let same = |(index, (new, old)): (usize, (&WantedEntry, &Entry))| {
            new.origin == Some(index) && new.tag == old.tag && new.value == Value::Number(old.value)
        };
        self.renamed.is_empty()
            && !self.needs_removed
            && self.entries.len() == image.dynamic.entries.len()
            && self.entries.iter().zip(&image.dynamic.entries).enumerate().all(same)
    }

    /// The new names, in the order they appear, each once.
    pub(crate) fn names(&self) -> Vec<&str> {
        let entries = self.entries.iter().filter_map(|entry| match &entry.value {
            Value::Name(name) => Some(name.as_str()),
            Value::Number(_) => None,
        });
        let mut seen = BTreeSet::new();
        entries
            .chain(self.renamed.values().map(String::as_str))
            .filter(|name| seen.insert(*name))
            .collect()
    }

    /// Removes entries that a loader does not miss, until the list and its `DT_NULL` fit in
    /// `capacity`. Says whether they do.
    pub(crate) fn fit(&mut self, image: &Image<'_>, capacity: u64) -> bool {
        let flags = image.elf.dynamic_flags().unwrap_or_default();
        let flagged = flags.flags & elf::DF_BIND_NOW.0 != 0 || flags.flags_1 & elf::DF_1_NOW.0 != 0;
        // DT_DEBUG is filled in for programs only. DT_BIND_NOW says again what a flag says.
        // DT_RELACOUNT and DT_RELCOUNT only save the loader a comparison.
        let spare = [
            (elf::DT_DEBUG, !image.is_program()),
            (elf::DT_BIND_NOW, flagged),
            (elf::DT_RELACOUNT, true),
            (elf::DT_RELCOUNT, true),
        ];
        for (tag, allowed) in spare {
            if (self.entries.len() as u64) < capacity {
                break;
            }
            if allowed {
                self.entries.retain(|entry| entry.tag != tag);
            }
        }
        (self.entries.len() as u64) < capacity
    }
}
