//! Proves that an edited file is the old one but for the edits, by reading both.
//!
//! The editor knows what it meant to do; this file does not. It asks both files what a loader would see
//! and compares the answers. What fails here is a bug of ours or a trick of the file, and either way the
//! caller gets an error and no file.

use std::collections::BTreeSet;

use object::elf::{self, DynamicTag};

use crate::dynamic::is_address;
use crate::edit::{Edits, SearchPathEdit, SonameEdit};
use crate::encoding::Budget;
use crate::error::{Error, Result};
use crate::hash;
use crate::header::{Section, Segment, offset_of};
use crate::image::Image;
use crate::read::{Elf, ExecutableStack};
use crate::symbols::SymbolTable;
use crate::versions::VersionNeed;
use crate::wanted;

/// Compares `bytes`, the edited file, with `old` and with what `edits` ask for.
pub(crate) fn prove(old: &Image<'_>, edits: &Edits, bytes: &[u8]) -> Result<()> {
    let new = Image::read(bytes)?;
    segments_are_right(&new)?;
    headers_are_kept(old, &new)?;
    names_are_those_asked_for(&old.elf, &new.elf, edits)?;
    dynamic_entries_are_kept(old, &new)?;
    versions_are_kept(&old.elf, &new.elf, edits)?;
    symbols_are_kept(old, &new)?;
    sections_are_kept(old, &new)?;
    if !wanted::wanted(&new, edits)?.changes_nothing(&new) {
        return Err(Error::unproven("the same edits would change it again"));
    }
    Ok(())
}

fn check(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::unproven(what())) }
}

/// gABI, "Program Header": `PT_LOAD` entries ascend by address, address and offset agree modulo the
/// alignment, and what is in the file is in the file.
fn segments_are_right(new: &Image<'_>) -> Result<()> {
    let size = new.elf.bytes.size();
    let mut end = 0;
    for load in new.segments().iter().filter(|segment| segment.is_load()) {
        let at = load.p_vaddr;
        check(at >= end, || format!("the segment at address {at:#x} is out of order"))?;
        check(load.p_filesz <= load.p_memsz && load.memory_end() != u64::MAX, || {
            format!("the segment at address {at:#x} is larger in the file than in memory")
        })?;
        check(load.file_end() <= size, || {
            format!("the segment at address {at:#x} runs past the end of the file")
        })?;
        let align = load.p_align.max(1);
        check(at % align == load.p_offset % align, || {
            format!("address {at:#x} and offset {:#x} disagree in the page", load.p_offset)
        })?;
        end = load.memory_end();
    }
    let limit = new.elf.bytes.encoding.pick(1 << 32, u64::MAX);
    check(end <= limit, || "the last segment ends beyond the address space".into())?;
    let (start, table_end) = new.program_headers();
    for segment in new.segments() {
        let at = segment.p_offset;
        let mapped = match segment.p_type {
            elf::PT_PHDR => {
                check(at == start && segment.file_end() == table_end, || {
                    "PT_PHDR is not where the program headers are".into()
                })?;
                true
            }
            elf::PT_DYNAMIC | elf::PT_INTERP | elf::PT_GNU_PROPERTY => true,
            _ => false,
        };
        let found = offset_of(new.segments(), "a segment", segment.p_vaddr, segment.p_filesz);
        check(!mapped || found == Ok(at), || {
            format!("the segment at offset {at:#x} is not where its address is")
        })?;
    }
    Ok(())
}

/// Program headers that are not about the edits say the same about the same bytes.
fn headers_are_kept(old: &Image<'_>, new: &Image<'_>) -> Result<()> {
    // A library's PT_PHDR may go, and one PT_LOAD may come.
    let others = |image: &Image<'_>| -> Vec<Segment> {
        let skipped =
            [elf::PT_LOAD, elf::PT_PHDR, elf::PT_NULL, elf::PT_DYNAMIC, elf::PT_GNU_STACK];
        let kept = image.segments().iter().filter(|segment| !skipped.contains(&segment.p_type));
        kept.copied().collect()
    };
    let (before, after) = (others(old), others(new));
    check(before.len() == after.len(), || "a program header is gone".into())?;
    for (before, after) in before.iter().zip(&after) {
        let contents = |image: &Image<'_>, segment: &Segment| {
            image
                .elf
                .bytes
                .range("a segment", segment.p_offset, segment.p_filesz)
                .ok()
                .map(<[u8]>::to_vec)
        };
        let moves = crate::blocks::moves(before.p_type);
        let same = before.p_type == after.p_type
            && before.p_flags == after.p_flags
            && before.p_memsz == after.p_memsz
            && (!moves || contents(old, before) == contents(new, after))
            && (moves || before == after);
        check(same, || format!("the program header {:?} changed", before.p_type))?;
    }
    let loads = |image: &Image<'_>| -> Vec<Segment> {
        image.segments().iter().filter(|segment| segment.is_load()).copied().collect()
    };
    let (before, after) = (loads(old), loads(new));
    check(after.len() <= before.len() + 1, || "there are two new segments".into())?;
    for (before, after) in before.iter().zip(&after) {
        let same = before.p_offset == after.p_offset
            && before.p_vaddr == after.p_vaddr
            && before.p_flags == after.p_flags
            && before.p_align == after.p_align
            && before.p_memsz - before.p_filesz.min(before.p_memsz)
                == after.p_memsz - after.p_filesz.min(after.p_memsz)
            && before.p_filesz <= after.p_filesz;
        check(same, || format!("the segment at address {:#x} changed", before.p_vaddr))?;
    }
    let program = old.is_program();
    check(old.elf.interpreter() == new.elf.interpreter() && program == new.is_program(), || {
        "PT_INTERP changed".into()
    })
}

/// SONAME, needed names, search path and stack are what the edits say.
fn names_are_those_asked_for(old: &Elf<'_>, new: &Elf<'_>, edits: &Edits) -> Result<()> {
    let mut needed: Vec<&str> = Vec::new();
    for name in old.needed()? {
        if !edits.remove_needed.contains(name) {
            needed.push(edits.replace_needed.get(name).map_or(name, String::as_str));
        }
    }
    for name in &edits.add_needed {
        if !needed.contains(&name.as_str()) {
            needed.push(name);
        }
    }
    let found = new.needed()?;
    check(found == needed, || format!("DT_NEEDED is {found:?} and not {needed:?}"))?;
    let soname = match &edits.soname {
        None => old.soname()?,
        Some(SonameEdit::Remove) => None,
        Some(SonameEdit::Set(name)) => Some(name.as_str()),
    };
    let found = new.soname()?;
    check(found == soname, || format!("DT_SONAME is {found:?} and not {soname:?}"))?;
    let paths = match &edits.search_path {
        None => (old.rpath()?, old.runpath()?),
        Some(SearchPathEdit::Remove) => (None, None),
        Some(SearchPathEdit::Rpath(path)) => (Some(path.as_str()), None),
        Some(SearchPathEdit::Runpath(path)) => (None, Some(path.as_str())),
    };
    let found = (new.rpath()?, new.runpath()?);
    check(found == paths, || format!("the search path is {found:?} and not {paths:?}"))?;
    let stack = match edits.clear_executable_stack {
        true => ExecutableStack::No,
        false => old.executable_stack(),
    };
    check(new.executable_stack() == stack, || "PT_GNU_STACK is not as asked for".into())
}

/// Entries that no edit is about are still there, say the same, and point at something.
fn dynamic_entries_are_kept(old: &Image<'_>, new: &Image<'_>) -> Result<()> {
    let machine = old.elf.header.e_machine;
    let named = |tag: DynamicTag| {
        matches!(tag, elf::DT_NEEDED | elf::DT_SONAME | elf::DT_RPATH | elf::DT_RUNPATH)
    };
    // What may change or go, each checked by another rule or no loss to any loader.
    let free = |tag: DynamicTag| {
        matches!(
            tag,
            elf::DT_STRSZ
                | elf::DT_VERNEED
                | elf::DT_VERNEEDNUM
                | elf::DT_DEBUG
                | elf::DT_BIND_NOW
                | elf::DT_RELACOUNT
                | elf::DT_RELCOUNT
        )
    };
    let kept = |image: &Image<'_>| -> Vec<_> {
        let entries = image.dynamic.entries.iter();
        entries.filter(|entry| !named(entry.tag) && !free(entry.tag)).copied().collect()
    };
    let (before, after) = (kept(old), kept(new));
    check(before.len() == after.len(), || "an entry of the dynamic section is gone".into())?;
    let is_mapped = |image: &Image<'_>, address: u64| {
        let mut loads = image.segments().iter().filter(|segment| segment.is_load());
        loads.any(|load| load.p_vaddr <= address && address <= load.memory_end())
    };
    for (before, after) in before.iter().zip(&after) {
        let tag = before.tag;
        check(tag == after.tag, || format!("the dynamic entry {tag:?} is gone"))?;
        let moves = crate::blocks::is_known(tag);
        let relative = machine == elf::EM_MIPS.0 && tag == elf::DT_MIPS_RLD_MAP_REL;
        check(before.value == after.value || moves || relative, || {
            format!("the dynamic entry {tag:?} changed")
        })?;
        let lost = is_address(machine, tag)
            && is_mapped(old, before.value)
            && !is_mapped(new, after.value);
        check(!lost, || format!("{tag:?} address {:#x} is in no segment", after.value))?;
    }
    relative_map_is_kept(old, new)
}

/// `DT_MIPS_RLD_MAP_REL` still means the same word, counted from its own entry.
fn relative_map_is_kept(old: &Image<'_>, new: &Image<'_>) -> Result<()> {
    if old.elf.header.e_machine != elf::EM_MIPS.0 {
        return Ok(());
    }
    let target = |image: &Image<'_>| {
        let mut entries = image.dynamic.entries.iter();
        let index = entries.position(|entry| entry.tag == elf::DT_MIPS_RLD_MAP_REL)?;
        let value = image.dynamic.entries.get(index)?.value;
        let encoding = image.elf.bytes.encoding;
        let entry = image.dynamic_address() + encoding.dynamic_size() * index as u64;
        Some(entry.wrapping_add(value) & encoding.pick(u32::MAX.into(), u64::MAX))
    };
    check(target(old) == target(new), || "DT_MIPS_RLD_MAP_REL means another word".into())
}

/// The needs are the old ones under the new names, and of libraries that are needed.
fn versions_are_kept(old: &Elf<'_>, new: &Elf<'_>, edits: &Edits) -> Result<()> {
    let before = old.needed()?;
    let mut wanted: Vec<VersionNeed<'_>> = old.version_needs()?;
    wanted.retain(|need| !(edits.remove_needed.contains(need.file) && before.contains(&need.file)));
    for need in &mut wanted {
        need.file = edits.replace_needed.get(need.file).map_or(need.file, String::as_str);
    }
    let found = new.version_needs()?;
    check(found == wanted, || "the needed versions changed".into())?;
    check(old.version_definitions()? == new.version_definitions()?, || {
        "the defined versions changed".into()
    })?;
    // A need of a library that is not needed was there before, if at all.
    let orphans = |elf: &Elf<'_>| -> Result<usize> {
        let needed: BTreeSet<&str> = elf.needed()?.into_iter().collect();
        Ok(elf.version_needs()?.iter().filter(|need| !needed.contains(need.file)).count())
    };
    check(orphans(new)? <= orphans(old)?, || {
        "a version is needed of a library that is not needed".into()
    })
}

/// All symbols have their names and versions, and both hash tables find them as before.
fn symbols_are_kept(old: &Image<'_>, new: &Image<'_>) -> Result<()> {
    let (before, after) = (symbol_facts(old)?, symbol_facts(new)?);
    check(before.names == after.names, || "the names of the dynamic symbols changed".into())?;
    check(before.others == after.others, || "the dynamic symbols changed".into())?;
    check(before.versions == after.versions, || "the versions of the symbols changed".into())?;
    check(before.found == after.found, || "a hash table no longer finds its symbols".into())
}

struct SymbolFacts<'data> {
    names: Vec<&'data [u8]>,
    others: Vec<(u8, u16)>,
    versions: &'data [u8],
    found: Vec<(bool, bool)>,
}

fn symbol_facts<'data>(image: &Image<'data>) -> Result<SymbolFacts<'data>> {
    let elf = &image.elf;
    let machine = elf.header.e_machine;
    let bytes = &elf.bytes;
    let mut facts =
        SymbolFacts { names: Vec::new(), others: Vec::new(), versions: &[], found: Vec::new() };
    let table = SymbolTable::find(bytes, machine, &elf.segments, &image.dynamic)?;
    let Some(table) = table else { return Ok(facts) };
    let end = image.strings.offset + image.strings.size;
    let mut budget = Budget::new(bytes);
    for index in 0..table.count {
        let symbol = table.get(bytes, index)?;
        let name = image.strings.offset + u64::from(symbol.st_name);
        let name = bytes.raw_string("st_name", name, end)?;
        budget.spend("DT_SYMTAB", table.offset, name.len())?;
        facts.names.push(name);
        facts.others.push((symbol.st_info, symbol.st_shndx));
    }
    if let Some(address) = image.dynamic.value(elf::DT_VERSYM) {
        let size = 2 * table.count;
        let offset = offset_of(&elf.segments, "DT_VERSYM", address, size)?;
        facts.versions = bytes.range("DT_VERSYM", offset, size)?;
    }
    facts.found = hash::found(bytes, machine, &elf.segments, &image.dynamic, &facts.names)?;
    Ok(facts)
}

/// Section headers agree with the program headers where they did, and all sections but those that
/// edits write in have the same bytes.
fn sections_are_kept(old: &Image<'_>, new: &Image<'_>) -> Result<()> {
    check(old.sections.len() == new.sections.len(), || "a section header is gone".into())?;
    let strings = old.section_at(old.strings.address, elf::SHT_STRTAB).map(|found| found.0);
    let pairs = old.sections.iter().zip(&new.sections).enumerate();
    for (index, (before, after)) in pairs {
        let place = |image: &Image<'_>, section: &Section| {
            let found =
                offset_of(image.segments(), "a section", section.sh_addr, section.file_size());
            found == Ok(section.sh_offset)
        };
        let agrees = !before.is_alloc() || !place(old, before) || place(new, after);
        check(agrees, || format!("section {index} is not where its address is"))?;
        let edited = strings == Some(index)
            || matches!(
                before.sh_type,
                elf::SHT_DYNAMIC | elf::SHT_GNU_VERNEED | elf::SHT_SYMTAB | elf::SHT_DYNSYM
            );
        let same = before.sh_type == after.sh_type
            && before.sh_flags == after.sh_flags
            && (edited || before.sh_size == after.sh_size)
            && (edited || same_bytes(old, before, new, after));
        check(same, || format!("section {index} changed"))?;
    }
    Ok(())
}

fn same_bytes(old: &Image<'_>, before: &Section, new: &Image<'_>, after: &Section) -> bool {
    let before = old.elf.bytes.range("a section", before.sh_offset, before.file_size());
    let after = new.elf.bytes.range("a section", after.sh_offset, after.file_size());
    before.ok() == after.ok()
}
