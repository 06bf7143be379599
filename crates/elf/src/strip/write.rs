//! Lays the shorter file out: bytes that stay, sections that moved, and the headers that say so.

use object::elf;

use super::choose::{Choice, extent, follows, info_is_section, linked};
use super::place::Places;
use super::tables::{Entry, Tables, put, section_number};
use crate::encoding::{Bytes, Encoding};
use crate::error::{Error, Result};
use crate::header::Section;
use crate::read::Elf;

/// The bytes of the new file.
pub(super) fn write(
    elf: &Elf<'_>,
    choice: &Choice,
    tables: &Tables,
    places: &Places,
) -> Result<Vec<u8>> {
    let mut out = vec![0; position(places.size)?];
    for (&(start, end), &(_, new)) in choice.blocks.iter().zip(&places.blocks) {
        copy(&mut out, new, elf.bytes.range("a segment", start, end - start)?)?;
    }
    for (index, section) in choice.kept() {
        if let Some(&offset) = places.sections.get(&index) {
            let old = elf.bytes.range("a section", section.sh_offset, extent(section))?;
            copy(&mut out, offset, tables.contents.get(&index).map_or(old, Vec::as_slice))?;
        }
    }
    renumber_symbols(&mut out, elf, choice, places)?;
    write_segments(&mut out, elf, choice, places)?;
    write_headers(&mut out, elf.bytes.encoding, choice, tables, places)?;
    write_file_header(&mut out, elf, choice, places)?;
    Ok(out)
}

fn position(offset: u64) -> Result<usize> {
    usize::try_from(offset).map_err(|_| Error::truncated("a section", offset))
}

fn copy(out: &mut [u8], offset: u64, bytes: &[u8]) -> Result<()> {
    let start = position(offset)?;
    let target = out.get_mut(start..start.saturating_add(bytes.len()));
    target.ok_or_else(|| Error::truncated("a section", offset))?.copy_from_slice(bytes);
    Ok(())
}

/// The section numbers of symbols in tables that keep all of their symbols: `.dynsym`. They change
/// where a section in front of the symbol's own goes, as after a linker or editor that puts debug
/// information between others.
fn renumber_symbols(
    out: &mut Vec<u8>,
    elf: &Elf<'_>,
    choice: &Choice,
    places: &Places,
) -> Result<()> {
    let renumbered = choice.renumbered();
    let encoding = elf.bytes.encoding;
    for (index, section) in choice.kept() {
        let is_table = matches!(section.sh_type, elf::SHT_DYNSYM | elf::SHT_SYMTAB);
        if !is_table || choice.filtered.contains(&index) {
            continue;
        }
        let offset = places.offset(index, section.sh_offset);
        for number in 0..section.sh_size / encoding.symbol_size() {
            let at = offset + number * encoding.symbol_size();
            let symbol = Entry::read(&Bytes { bytes: out, encoding }, at)?;
            let new = section_number(&renumbered, symbol.st_shndx).ok_or_else(|| {
                Error::table(
                    "a symbol table",
                    at,
                    "has a symbol of a section that is debug information",
                )
            })?;
            if new != symbol.st_shndx {
                let at = position(at + encoding.pick(14, 6))?;
                put(out, at, encoding, |encoding, field| encoding.put_u16(field, new));
            }
        }
    }
    Ok(())
}

/// `p_offset` of every segment.
fn write_segments(out: &mut [u8], elf: &Elf<'_>, choice: &Choice, places: &Places) -> Result<()> {
    let encoding = elf.bytes.encoding;
    let mut bytes = Vec::new();
    for segment in &elf.segments {
        let mut moved = *segment;
        moved.p_offset = places.moved(segment.p_offset);
        if follows(elf, &choice.sections, segment) {
            let mut section = choice.kept().filter(|(_, section)| {
                extent(section) > 0 && section.sh_offset == segment.p_offset
            });
            let place = section.find_map(|(index, _)| places.sections.get(&index));
            moved.p_offset =
                *place.ok_or_else(|| Error::unproven("a segment has lost its section"))?;
        }
        moved.write(encoding, &mut bytes)?;
    }
    copy(out, places.moved(elf.header.e_phoff), &bytes)
}

fn write_headers(
    out: &mut [u8],
    encoding: Encoding,
    choice: &Choice,
    tables: &Tables,
    places: &Places,
) -> Result<()> {
    let renumbered = choice.renumbered();
    // What stays and meant a section that goes now means none.
    let number = |old: u32| {
        let (index, _) = linked(&choice.sections, old)?;
        Some(renumbered.get(index).copied().flatten().and_then(|new| u32::try_from(new).ok()))
    };
    let mut bytes = Vec::new();
    for (index, old) in choice.kept() {
        let mut section = Section { ..*old };
        section.sh_offset = places.offset(index, old.sh_offset);
        if let Some(contents) = tables.contents.get(&index) {
            section.sh_size = contents.len() as u64;
        }
        if let Some(names) = &tables.names {
            let lost = || Error::unproven("a section has lost its name");
            section.sh_name = names.place(section.sh_name).ok_or_else(lost)?;
        }
        if let Some(new) = number(old.sh_link) {
            section.sh_link = new.unwrap_or(0);
        }
        if let Some(first_global) = tables.first_global.get(&index) {
            section.sh_info = *first_global;
        } else if let (true, Some(new)) = (info_is_section(old), number(old.sh_info)) {
            section.sh_info = new.unwrap_or(0);
        }
        section.write(encoding, &mut bytes)?;
    }
    copy(out, places.table, &bytes)
}

fn write_file_header(
    out: &mut [u8],
    elf: &Elf<'_>,
    choice: &Choice,
    places: &Places,
) -> Result<()> {
    let encoding = elf.bytes.encoding;
    let mut tables = Vec::new();
    encoding.put_word(&mut tables, places.moved(elf.header.e_phoff))?;
    encoding.put_word(&mut tables, places.table)?;
    copy(out, encoding.pick(28, 32), &tables)?;
    let names = choice.renumbered().get(usize::from(elf.header.e_shstrndx)).copied().flatten();
    let count = u16::try_from(choice.kept().count()).ok();
    let numbers = count.zip(names.and_then(|names| u16::try_from(names).ok()));
    let lost = || Error::unproven("the section names are lost");
    let (e_shnum, e_shstrndx) = numbers.ok_or_else(lost)?;
    let mut fields = Vec::new();
    encoding.put_u16(&mut fields, e_shnum);
    encoding.put_u16(&mut fields, e_shstrndx);
    copy(out, encoding.pick(48, 60), &fields)
}
