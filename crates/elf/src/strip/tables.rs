//! What is inside of symbol and string tables when sections are gone.
//!
//! A string table loses every byte that no name reaches any more and keeps the order of the rest, so
//! names that share their ends go on sharing them, and it never grows.

use std::collections::BTreeMap;

use object::elf;

use super::choose::{Choice, linked};
use crate::encoding::{Bytes, Encoding};
use crate::error::{Error, Result};
use crate::header::Section;
use crate::read::Elf;

/// New contents, by the number that the section had.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) contents: BTreeMap<usize, Vec<u8>>,
    /// `sh_info` of a symbol table: the number of its first symbol that is not local.
    pub(super) first_global: BTreeMap<usize, u32>,
    /// `sh_name`, where `.shstrtab` is new.
    pub(super) names: Option<Moved>,
}

/// Where the strings of a table are that has lost some.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    /// Old and new place of each string that is asked for, ascending.
    places: Vec<(u32, u32)>,
}

impl Moved {
    /// The new place of the string at `old`.
    pub(super) fn place(&self, old: u32) -> Option<u32> {
        let at = self.places.binary_search_by_key(&old, |place| place.0).ok()?;
        self.places.get(at).map(|place| place.1)
    }
}

/// A symbol as a filter looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) st_name: u32,
    pub(super) st_info: u8,
    pub(super) st_shndx: u16,
}

/// Makes the new contents of every table that changes.
pub(super) fn tables(elf: &Elf<'_>, choice: &Choice) -> Result<Tables> {
    let mut tables = Tables::default();
    // Who asks for strings of which table: symbols by their table's number, and the section headers.
    let mut asked: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    let mut kept: BTreeMap<usize, Vec<Entry>> = BTreeMap::new();
    let shstrndx = usize::from(elf.header.e_shstrndx);
    let names = choice.kept().map(|(_, section)| section.sh_name).collect();
    asked.insert(shstrndx, names);
    for &index in &choice.filtered {
        let Some(section) = choice.sections.get(index) else { continue };
        let symbols = kept_symbols(&elf.bytes, choice, section)?;
        if let Some((strings, _)) = linked(&choice.sections, section.sh_link) {
            asked.entry(strings).or_default().extend(symbols.iter().map(|symbol| symbol.st_name));
        }
        kept.insert(index, symbols);
    }
    let mut moved: BTreeMap<usize, Moved> = BTreeMap::new();
    for (index, starts) in asked {
        if let Some(section) = choice.sections.get(index).filter(|s| is_ours(choice, index, s)) {
            let bytes = elf.bytes.range("a string table", section.sh_offset, section.sh_size)?;
            let (bytes, places) = compact(bytes, starts, section.sh_offset)?;
            tables.contents.insert(index, bytes);
            moved.insert(index, places);
        }
    }
    let renumbered = choice.renumbered();
    for (index, symbols) in kept {
        let Some(section) = choice.sections.get(index) else { continue };
        let strings = linked(&choice.sections, section.sh_link).map(|(strings, _)| strings);
        let strings = strings.and_then(|strings| moved.get(&strings));
        let bytes = symbol_bytes(&elf.bytes, &symbols, strings, &renumbered)?;
        let locals = symbols.iter().take_while(|symbol| symbol.st_info >> 4 == elf::STB_LOCAL.0);
        tables.first_global.insert(index, u32::try_from(locals.count()).unwrap_or(u32::MAX));
        tables.contents.insert(index, bytes);
    }
    tables.names = moved.remove(&shstrndx);
    Ok(tables)
}

/// Whether a string table moves, and nobody asks for its strings but those we know.
fn is_ours(choice: &Choice, index: usize, section: &Section) -> bool {
    let asks = |(asker, other): (usize, &Section)| {
        linked(&choice.sections, other.sh_link).is_some_and(|(link, _)| link == index)
            && !choice.filtered.contains(&asker)
    };
    !choice.is_in_block(section) && !choice.kept().any(asks)
}

/// The symbols that stay: all but those of sections that go, and the names of source files and
/// sections, which only debug information asks for.
fn kept_symbols(bytes: &Bytes<'_>, choice: &Choice, section: &Section) -> Result<Vec<Entry>> {
    let size = bytes.encoding.symbol_size();
    let mut kept = Vec::new();
    for number in 0..section.sh_size / size {
        let symbol = Entry::read(bytes, section.sh_offset + number * size)?;
        if number == 0 || stays(choice, symbol) {
            kept.push(symbol);
        }
    }
    Ok(kept)
}

/// Whether a symbol stays in a table that loses some.
pub(super) fn stays(choice: &Choice, symbol: Entry) -> bool {
    let kind = elf::SymbolType(symbol.st_info & 15);
    let is_for_debuggers = matches!(kind, elf::STT_FILE | elf::STT_SECTION);
    let goes = choice.stays.get(usize::from(symbol.st_shndx)) == Some(&false);
    !is_for_debuggers && !goes
}

impl Entry {
    pub(super) fn read(bytes: &Bytes<'_>, offset: u64) -> Result<Self> {
        let at = |elf32, elf64| offset + bytes.encoding.pick(elf32, elf64);
        Ok(Entry {
            offset,
            st_name: bytes.u32("st_name", offset)?,
            st_info: bytes.u8("st_info", at(12, 4))?,
            st_shndx: bytes.u16("st_shndx", at(14, 6))?,
        })
    }
}

/// The symbols with the new places of their names and the new numbers of their sections.
fn symbol_bytes(
    bytes: &Bytes<'_>,
    symbols: &[Entry],
    strings: Option<&Moved>,
    renumbered: &[Option<usize>],
) -> Result<Vec<u8>> {
    let encoding = bytes.encoding;
    let mut out = Vec::new();
    for symbol in symbols {
        let wrong = |reason| Error::table("a symbol table", symbol.offset, reason);
        let raw = bytes.range("a symbol", symbol.offset, encoding.symbol_size())?;
        let st_name = match strings {
            Some(strings) => strings.place(symbol.st_name).ok_or_else(|| wrong("has no names"))?,
            None => symbol.st_name,
        };
        let st_shndx = section_number(renumbered, symbol.st_shndx)
            .ok_or_else(|| wrong("has a symbol of a section that is debug information"))?;
        let start = out.len();
        out.extend_from_slice(raw);
        put(&mut out, start, encoding, |encoding, field| encoding.put_u32(field, st_name));
        let at = usize::try_from(encoding.pick(14, 6)).unwrap_or(0);
        put(&mut out, start + at, encoding, |encoding, field| encoding.put_u16(field, st_shndx));
    }
    Ok(out)
}

/// Writes a number over the bytes at `at`.
pub(super) fn put(
    out: &mut [u8],
    at: usize,
    encoding: Encoding,
    number: impl FnOnce(Encoding, &mut Vec<u8>),
) {
    let mut field = Vec::new();
    number(encoding, &mut field);
    if let Some(target) = out.get_mut(at..at.saturating_add(field.len())) {
        target.copy_from_slice(&field);
    }
}

/// The new number of a symbol's section; `SHN_UNDEF` and the reserved numbers stay. `None` if the
/// section goes.
pub(super) fn section_number(renumbered: &[Option<usize>], st_shndx: u16) -> Option<u16> {
    match renumbered.get(usize::from(st_shndx)) {
        Some(new) => new.and_then(|new| u16::try_from(new).ok()),
        None => Some(st_shndx),
    }
}

/// `table` with no bytes but those of the strings that begin at `starts`, and of its first string.
fn compact(table: &[u8], mut starts: Vec<u32>, offset: u64) -> Result<(Vec<u8>, Moved)> {
    starts.push(0);
    starts.sort_unstable();
    starts.dedup();
    let wrong = |reason| Error::table("a string table", offset, reason);
    let mut next = starts.into_iter().peekable();
    let mut places = Vec::new();
    let mut out = Vec::new();
    let mut is_asked = false;
    for (at, &byte) in table.iter().enumerate() {
        if next.peek().is_some_and(|&start| start as usize == at) {
            let new = u32::try_from(out.len()).map_err(|_| wrong("is larger than 4 GiB"))?;
            places.extend(next.next().map(|start| (start, new)));
            is_asked = true;
        }
        if is_asked {
            out.push(byte);
        }
        is_asked &= byte != 0;
    }
    match (next.next(), is_asked) {
        (None, false) => Ok((out, Moved { places })),
        _ => Err(wrong("ends before one of its strings")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_table_keeps_what_is_asked_for_and_shared_ends() {
        let (bytes, moved) = compact(b"\0gone\0.rela.text\0.debug\0", vec![11, 6], 0).unwrap();
        assert_eq!(bytes, b"\0.rela.text\0");
        let places = [0, 6, 11, 1].map(|old| moved.place(old));
        assert_eq!(places, [Some(0), Some(1), Some(6), None]);
    }

    #[test]
    fn a_name_outside_of_its_table_is_an_error() {
        for (table, start) in [(&b"\0a\0"[..], 3), (b"\0ab", 1), (b"", 0)] {
            let error = compact(table, vec![start], 0x40).unwrap_err();
            let text = "a string table at offset 0x40 ends before one of its strings";
            assert_eq!(error.to_string(), text);
        }
    }
}
