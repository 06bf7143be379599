//! Proves that a stripped file is the old one but for what was to go, by reading both.
//!
//! What a loader reads is compared byte by byte; sections and symbols by what their headers say. What
//! fails here is a bug of ours or a trick of the file, and the caller gets an error and no file.

use object::elf;

use super::choose::{self, Choice, extent, info_is_section, linked};
use super::tables::{self, Entry};
use super::{Strip, Strippable};
use crate::encoding::Budget;
use crate::error::{Error, Result};
use crate::header::{Section, Segment, offset_of};
use crate::read::Elf;

/// Compares `stripped` with `old`.
pub(super) fn prove(old: &Elf<'_>, choice: &Choice, level: Strip, stripped: &[u8]) -> Result<()> {
    let new = Elf::parse(stripped)?;
    let sections = new.header.sections(&new.bytes);
    loaded_bytes_are_kept(old, &new, choice)?;
    let kept: Vec<(usize, &Section)> = choice.kept().collect();
    check(kept.len() == sections.len(), || "a section header is gone".into())?;
    let names = (names(old, &choice.sections)?, names(&new, &sections)?);
    let numbers = choice.renumbered();
    for ((index, before), after) in kept.into_iter().zip(&sections) {
        let wrong = |what: &str| Error::unproven(format!("section {index} has {what}"));
        if name(names.0, before) != name(names.1, after) {
            return Err(wrong("another name"));
        }
        header_is_kept(before, after, choice, &numbers).map_err(wrong)?;
        let at_home = |elf: &Elf<'_>, section: &Section| {
            let (address, size) = (section.sh_addr, extent(section));
            offset_of(&elf.segments, "a section", address, size) == Ok(section.sh_offset)
        };
        let stays = !before.is_alloc() || !at_home(old, before) || at_home(&new, after);
        check(stays, || format!("section {index} is not where its address is"))?;
        let is_symbols = matches!(before.sh_type, elf::SHT_SYMTAB | elf::SHT_DYNSYM);
        if is_symbols {
            let filters = choice.filtered.contains(&index);
            let tables = (
                Symbols { elf: old, table: before, sections: &choice.sections },
                Symbols { elf: &new, table: after, sections: &sections },
            );
            symbols_are_kept(&tables, choice, filters, &numbers)?;
        } else if before.sh_type != elf::SHT_STRTAB || choice.is_in_block(before) {
            // Strings are compared where they are asked for.
            let before = old.bytes.range("a section", before.sh_offset, extent(before))?;
            let after = new.bytes.range("a section", after.sh_offset, extent(after))?;
            check(before == after, || format!("section {index} has other bytes"))?;
        }
    }
    nothing_overlaps(&new, &sections)?;
    let left = match choose::choose(&new, level) {
        Ok(None) => Strippable::Nothing,
        Ok(Some(_)) => Strippable::Yes { sections: 1, size: 0 },
        Err(reason) => Strippable::Unfit(reason),
    };
    check(left == Strippable::Nothing, || format!("stripping it again says {left:?}"))
}

fn check(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::unproven(what())) }
}

/// Program headers, and all that they speak of: the same bytes at the same addresses.
fn loaded_bytes_are_kept(old: &Elf<'_>, new: &Elf<'_>, choice: &Choice) -> Result<()> {
    let free = free_bytes(old, choice);
    same_bytes(old, new, (0, 0), old.header.e_ehsize, &free)?;
    check(old.segments.len() == new.segments.len(), || "a program header is gone".into())?;
    for (before, after) in old.segments.iter().zip(&new.segments) {
        let alike = Segment { p_offset: before.p_offset, ..*after } == *before;
        let page = before.p_align.max(1);
        let agrees = before.p_offset.abs_diff(after.p_offset) % page == 0;
        check(alike && (agrees || !before.is_load()), || {
            format!("the program header {:?} changed", before.p_type)
        })?;
        let offsets = (before.p_offset, after.p_offset);
        same_bytes(old, new, offsets, before.p_filesz, &free)?;
        // Where it is in its PT_LOAD.
        let home = |elf: &Elf<'_>, segment: &Segment| {
            let found = offset_of(&elf.segments, "a segment", segment.p_vaddr, segment.p_filesz);
            found == Ok(segment.p_offset)
        };
        check(!home(old, before) || home(new, after), || {
            format!("the segment at offset {:#x} is not where its address is", after.p_offset)
        })?;
    }
    let phdr = |elf: &Elf<'_>| {
        elf.segments
            .iter()
            .position(|s| s.p_offset == elf.header.e_phoff && s.p_type == elf::PT_PHDR)
    };
    check(phdr(old) == phdr(new), || "PT_PHDR is not where the program headers are".into())?;
    Ok(())
}

/// Bytes of the old file, inside of segments too, that another check compares by what they say: some
/// fields of the ELF header, the program headers, and symbol tables.
fn free_bytes(old: &Elf<'_>, choice: &Choice) -> Vec<(u64, u64)> {
    let encoding = old.bytes.encoding;
    let table = encoding.segment_size() * old.segments.len() as u64;
    let mut free = vec![
        (encoding.pick(28, 32), encoding.pick(36, 48)),
        (encoding.pick(48, 60), encoding.pick(52, 64)),
        (old.header.e_phoff, old.header.e_phoff + table),
    ];
    for (_, section) in choice.kept() {
        if matches!(section.sh_type, elf::SHT_DYNSYM | elf::SHT_SYMTAB) {
            free.push((section.sh_offset, section.sh_offset.saturating_add(section.sh_size)));
        }
    }
    free.sort_unstable();
    free
}

/// Compares `size` bytes, but for the `free` ones, in order, by their offsets in the old file.
fn same_bytes(
    old: &Elf<'_>,
    new: &Elf<'_>,
    (before, after): (u64, u64),
    size: u64,
    free: &[(u64, u64)],
) -> Result<()> {
    let compare = |start: u64, end: u64| {
        let size = end.saturating_sub(start);
        let there = after.saturating_add(start.saturating_sub(before));
        let same = old.bytes.range("a segment", start, size)?
            == new.bytes.range("a segment", there, size)?;
        check(same, || format!("bytes behind offset {start:#x} that a loader reads changed"))
    };
    let end = before.saturating_add(size);
    let mut at = before;
    for &(from, to) in free.iter().filter(|(from, to)| *from < end && *to > before) {
        compare(at, from)?;
        at = at.max(to);
    }
    compare(at, end)
}

fn names<'data>(elf: &Elf<'data>, sections: &[Section]) -> Result<&'data [u8]> {
    let table = sections.get(usize::from(elf.header.e_shstrndx));
    let table = table.ok_or_else(|| Error::unproven("the section names are lost"))?;
    elf.bytes.range(".shstrtab", table.sh_offset, table.sh_size)
}

/// The name of a section; `None` if it has none. Names are compared whole.
fn name<'data>(names: &'data [u8], section: &Section) -> Option<&'data [u8]> {
    let rest = names.get(usize::try_from(section.sh_name).ok()?..)?;
    rest.split(|&byte| byte == 0).next()
}

/// All of a header but the place and size of what moves, with links to the same sections.
fn header_is_kept(
    before: &Section,
    after: &Section,
    choice: &Choice,
    numbers: &[Option<usize>],
) -> Result<(), &'static str> {
    let same_link = |old: u32, new: u32| match linked(&choice.sections, old) {
        None => old == new,
        Some((index, _)) => numbers.get(index).copied().flatten().unwrap_or(0) as u64 == new.into(),
    };
    if !same_link(before.sh_link, after.sh_link) {
        return Err("another link");
    }
    let is_symbols = before.sh_type == elf::SHT_SYMTAB && !choice.is_in_block(before);
    let same_info = match info_is_section(before) {
        true => same_link(before.sh_info, after.sh_info),
        false => is_symbols || before.sh_info == after.sh_info,
    };
    let resizes = is_symbols || before.sh_type == elf::SHT_STRTAB;
    let moves = !choice.is_in_block(before);
    let expected = Section {
        sh_name: after.sh_name,
        sh_link: after.sh_link,
        sh_info: after.sh_info,
        sh_offset: after.sh_offset,
        sh_size: if resizes && moves { after.sh_size } else { before.sh_size },
        ..*before
    };
    if !same_info || expected != *after {
        return Err("another header");
    }
    Ok(())
}

/// A symbol table of one of the two files.
struct Symbols<'a, 'data> {
    elf: &'a Elf<'data>,
    table: &'a Section,
    sections: &'a [Section],
}

impl Symbols<'_, '_> {
    fn size(&self) -> u64 {
        self.elf.bytes.encoding.symbol_size()
    }

    fn count(&self) -> u64 {
        self.table.sh_size / self.size()
    }

    fn entry(&self, number: u64) -> Result<Entry> {
        Entry::read(&self.elf.bytes, self.table.sh_offset + number * self.size())
    }

    /// The bytes of a symbol but its name and section, and its name.
    fn facts(&self, entry: Entry, budget: &mut Budget) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
        let bytes = &self.elf.bytes;
        let mut raw = bytes.range("a symbol", entry.offset, self.size())?.to_vec();
        tables::put(&mut raw, 0, bytes.encoding, |encoding, field| encoding.put_u32(field, 0));
        let at = usize::try_from(bytes.encoding.pick(14, 6)).unwrap_or(0);
        tables::put(&mut raw, at, bytes.encoding, |encoding, field| encoding.put_u16(field, 0));
        let strings = linked(self.sections, self.table.sh_link).map(|(_, strings)| strings);
        let name = strings.and_then(|strings| self.name(entry, strings).ok());
        budget.spend("a symbol table", entry.offset, name.map_or(0, <[u8]>::len))?;
        Ok((raw, name.map(<[u8]>::to_vec)))
    }

    fn name(&self, entry: Entry, strings: &Section) -> Result<&[u8]> {
        let (start, end) = (strings.sh_offset, strings.sh_offset.saturating_add(strings.sh_size));
        self.elf.bytes.raw_string("st_name", start.saturating_add(entry.st_name.into()), end)
    }
}

/// All symbols are there, with the same names and sections, but those that were to go.
fn symbols_are_kept(
    (old, new): &(Symbols<'_, '_>, Symbols<'_, '_>),
    choice: &Choice,
    filters: bool,
    numbers: &[Option<usize>],
) -> Result<()> {
    let mut budgets = (Budget::new(&old.elf.bytes), Budget::new(&old.elf.bytes));
    let mut at = 0;
    let mut locals = 0;
    for number in 0..old.count() {
        let before = old.entry(number)?;
        if filters && number != 0 && !tables::stays(choice, before) {
            continue;
        }
        let after = new.entry(at)?;
        at += 1;
        locals += u64::from(after.st_info >> 4 == elf::STB_LOCAL.0 && locals + 1 == at);
        let number = numbers.get(usize::from(before.st_shndx)).copied();
        let number = number.map_or(Some(before.st_shndx), |new| u16::try_from(new?).ok());
        let same = number == Some(after.st_shndx)
            && old.facts(before, &mut budgets.0)? == new.facts(after, &mut budgets.1)?;
        check(same, || format!("the symbol at offset {:#x} changed", before.offset))?;
    }
    check(at == new.count(), || "there are more symbols than before".into())?;
    check(!filters || locals == u64::from(new.table.sh_info), || {
        "sh_info does not count the local symbols".into()
    })
}

/// Sections, segments and section headers are all in the file, and what moved overlaps nothing.
fn nothing_overlaps(new: &Elf<'_>, sections: &[Section]) -> Result<()> {
    let header = &new.header;
    let size = new.bytes.encoding.section_size() * u64::from(header.e_shnum);
    let table = (header.e_shoff, header.e_shoff.saturating_add(size));
    let end = new.bytes.size();
    check(table.1 <= end, || "the section headers are not all in the file".into())?;
    let mut ranges = vec![(table.0, table.1, false)];
    for section in sections.iter().filter(|section| extent(section) > 0) {
        let range_end = section.sh_offset.saturating_add(extent(section));
        check(range_end <= end, || "a section is not all in the file".into())?;
        ranges.push((section.sh_offset, range_end, section.is_alloc()));
    }
    ranges.sort_unstable();
    let overlap = |pair: &[(u64, u64, bool)]| matches!(pair, [a, b] if a.1 > b.0 && !(a.2 && b.2));
    check(!ranges.windows(2).any(overlap), || "sections overlap".into())?;
    for load in new.segments.iter().filter(|segment| segment.p_filesz > 0) {
        check(load.file_end() <= end, || "a segment is not all in the file".into())?;
        check(load.file_end() <= table.0 || table.1 <= load.p_offset, || {
            "the section headers overlap a segment".into()
        })?;
    }
    Ok(())
}
