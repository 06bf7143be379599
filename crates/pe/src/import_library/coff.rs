//! One object of an import library: short, or an ordinary COFF object that holds a DLL's name.

use std::collections::BTreeMap;

use object::LittleEndian as LE;
use object::pe::{IMAGE_SYM_CLASS_STATIC, ImageFileHeader, ImageSectionHeader};
use object::read::coff::{CoffHeader, SectionTable, Symbol as _, SymbolTable};

use crate::error::{ErrorKind, Result};

const FILE_HEADER: usize = 20;
const SECTION_HEADER: usize = 40;
const SYMBOL: usize = 18;

/// `IMPORT_OBJECT_HEADER`: no machine, 0xffff sections and version 0.
fn is_short(body: &[u8]) -> bool {
    body.len() >= FILE_HEADER && body.starts_with(&[0, 0, 0xff, 0xff, 0, 0])
}

/// The parts of a short import object behind its header: the symbol, the DLL, and what may follow.
fn short_parts(body: &[u8]) -> Result<(&[u8], &[u8], &[u8])> {
    let truncated = || {
        crate::Error::from(ErrorKind::Archive {
            what: "a short import object that ends early",
            offset: 0,
        })
    };
    let size = body.get(12..16).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
    let size = size.and_then(|size| usize::try_from(size).ok());
    let end = size.and_then(|size| size.checked_add(FILE_HEADER));
    let data = end.and_then(|end| body.get(FILE_HEADER..end)).ok_or_else(truncated)?;
    let mut parts = data.splitn(3, |byte| *byte == 0);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(symbol), Some(dll), Some(rest)) => Ok((symbol, dll, rest)),
        _ => Err(truncated()),
    }
}

/// The DLL that an object names; `None` for one that names none, or that is of no kind known here.
pub(super) fn dll_name(body: &[u8]) -> Result<Option<String>> {
    if is_short(body) {
        return Ok(text(short_parts(body)?.1));
    }
    Ok(Coff::read(body).and_then(|coff| coff.dll_section()).map(|(_, name)| name))
}

/// The object with other names; `None` when it has none of those.
pub(super) fn renamed(
    body: &[u8],
    texts: &BTreeMap<String, String>,
    symbols: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> Result<Option<Vec<u8>>> {
    if is_short(body) {
        let (symbol, dll, rest) = short_parts(body)?;
        let Some(new) = text(dll).and_then(|dll| texts.get(&dll)) else { return Ok(None) };
        let data = [symbol, &[0], new.as_bytes(), &[0], rest].concat();
        let size = u32::try_from(data.len()).map_err(|_| ErrorKind::TooLarge)?;
        let mut object = body.get(..FILE_HEADER).unwrap_or_default().to_vec();
        put(&mut object, 12, &size.to_le_bytes());
        object.extend(data);
        return Ok(Some(object));
    }
    let Some(coff) = Coff::read(body) else { return Ok(None) };
    let section = coff.dll_section().and_then(|(index, name)| Some((index, texts.get(&name)?)));
    let names = coff.symbols_named(symbols);
    if section.is_none() && names.is_empty() {
        return Ok(None);
    }
    coff.write(section, &names).map(Some)
}

/// Printable ASCII, as a file name is.
fn text(bytes: &[u8]) -> Option<String> {
    let is_text = !bytes.is_empty() && bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
    is_text.then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// An ordinary object whose tables lie in it.
struct Coff<'a> {
    body: &'a [u8],
    header: &'a ImageFileHeader,
    /// Where the section table starts.
    table: usize,
    sections: SectionTable<'a>,
    symbols: SymbolTable<'a>,
}

impl<'a> Coff<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        // x86, x64, ARM, ARM64, ARM64EC, ARM64X: anything else would be no object for Windows.
        const MACHINES: [u16; 6] = [0x14c, 0x8664, 0x1c4, 0xaa64, 0xa641, 0xa64e];
        let mut offset = 0;
        let header = ImageFileHeader::parse(body, &mut offset).ok()?;
        if !MACHINES.contains(&header.machine.get(LE).0) {
            return None;
        }
        let sections = header.sections(body, offset).ok()?;
        let symbols = header.symbols(body).ok()?;
        Some(Self { body, header, table: usize::try_from(offset).ok()?, sections, symbols })
    }

    fn named(&self, name: &[u8]) -> Option<(usize, &'a ImageSectionHeader)> {
        let strings = self.symbols.strings();
        self.sections.iter().enumerate().find(|(_, it)| it.name(strings) == Ok(name))
    }

    /// The section that holds a DLL's name and nothing else: its index from 0, and the name. An `.idata$6` without
    /// the descriptor in `.idata$2` holds the name of a function.
    fn dll_section(&self) -> Option<(usize, String)> {
        let microsoft = self.named(b".idata$6").filter(|_| self.named(b".idata$2").is_some());
        let (index, section) = microsoft.or_else(|| self.named(b".idata$7"))?;
        if section.number_of_relocations.get(LE) != 0 {
            return None;
        }
        let data = section.coff_data(self.body).ok()?;
        let end = data.iter().position(|byte| *byte == 0)?;
        let (name, rest) = data.split_at_checked(end)?;
        rest.iter().all(|byte| *byte == 0).then(|| text(name))?.map(|name| (index, name))
    }

    /// The symbols that get another name: the index of each, and the name.
    fn symbols_named<'r>(&self, renames: &'r BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<(usize, &'r [u8])> {
        let strings = self.symbols.strings();
        let named = self.symbols.iter().filter_map(|(index, symbol)| {
            let new = renames.get(symbol.name(strings).ok()?)?;
            Some((index.0, new.as_slice()))
        });
        named.collect()
    }

    fn write(
        &self,
        section: Option<(usize, &String)>,
        names: &[(usize, &[u8])],
    ) -> Result<Vec<u8>> {
        let symbols = usize::try_from(self.header.pointer_to_symbol_table.get(LE)).unwrap_or(0);
        let strings = symbols.saturating_add(self.symbols.len().saturating_mul(SYMBOL));
        let size = self.body.get(strings..).and_then(|rest| rest.first_chunk());
        let size = size.and_then(|size| usize::try_from(u32::from_le_bytes(*size)).ok());
        let end = strings.saturating_add(size.unwrap_or(0).max(4)).min(self.body.len());
        let mut tables = match symbols {
            0 => Vec::new(),
            _ => self.body.get(symbols..end).unwrap_or_default().to_vec(),
        };
        let strings = strings.saturating_sub(symbols);
        if !tables.is_empty() && tables.len() < strings + 4 {
            tables.resize(strings, 0);
            tables.extend(4_u32.to_le_bytes());
        }
        for (index, name) in names {
            let field = match <[u8; 8]>::try_from(padded(name, 8)) {
                Ok(short) => short,
                Err(_) => long_name(&mut tables, strings, name)?,
            };
            put(&mut tables, index.saturating_mul(SYMBOL), &field);
        }
        // As a rule the tables end the object, and move behind what grows.
        let is_last = symbols != 0 && end == self.body.len();
        let kept = if is_last { self.body.get(..symbols) } else { Some(self.body) };
        let mut object = kept.unwrap_or_default().to_vec();
        if let Some((index, name)) = section {
            self.put_name(index, name, &mut object, &mut tables)?;
        }
        if !tables.is_empty() {
            let start = offset(object.len())?;
            put(&mut object, 8, &start.to_le_bytes());
            let size = offset(tables.len() - strings)?;
            put(&mut tables, strings, &size.to_le_bytes());
            object.extend(tables);
        }
        Ok(object)
    }

    /// Puts a DLL's name where the old one is if it fits, else behind everything.
    fn put_name(
        &self,
        index: usize,
        name: &str,
        object: &mut Vec<u8>,
        tables: &mut [u8],
    ) -> Result<()> {
        let Some(header) = self.sections.iter().nth(index) else { return Ok(()) };
        let Some((start, size)) = header.coff_file_range() else { return Ok(()) };
        let (place, size) = (usize::try_from(start).unwrap_or(usize::MAX), size as usize);
        let mut data = padded(name.as_bytes(), size.max((name.len() + 1).next_multiple_of(2)));
        if data.len() == size {
            put(object, place, &data);
            return Ok(());
        }
        put(object, place, &vec![0; size]);
        object.resize(object.len().next_multiple_of(4), 0);
        data.resize(data.len().next_multiple_of(4), 0);
        let (start, size) =
            (offset(object.len())?.to_le_bytes(), offset(data.len())?.to_le_bytes());
        object.extend(data);
        let entry = self.table.saturating_add(index.saturating_mul(SECTION_HEADER));
        put(object, entry.saturating_add(16), &size);
        put(object, entry.saturating_add(20), &start);
        // The section's own symbol says its size again.
        for (at, symbol) in self.symbols.iter() {
            let is_section = symbol.storage_class == IMAGE_SYM_CLASS_STATIC
                && symbol.number_of_aux_symbols > 0
                && usize::from(symbol.section_number.get(LE)) == index + 1
                && symbol.value.get(LE) == 0;
            if is_section {
                put(tables, at.0.saturating_add(1).saturating_mul(SYMBOL), &size);
            }
        }
        Ok(())
    }
}

/// With zeros behind it, up to a size.
fn padded(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut all = bytes.to_vec();
    all.resize(all.len().max(size), 0);
    all
}

/// Adds a name to the table of strings, and gives the field that leads there.
fn long_name(tables: &mut Vec<u8>, strings: usize, name: &[u8]) -> Result<[u8; 8]> {
    let place = offset(tables.len() - strings)?;
    tables.extend_from_slice(name);
    tables.push(0);
    let mut field = [0; 8];
    put(&mut field, 4, &place.to_le_bytes());
    Ok(field)
}

fn offset(value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| ErrorKind::TooLarge.into())
}

/// What lies outside stays: every offset was read from the same bytes before.
fn put(bytes: &mut [u8], offset: usize, new: &[u8]) {
    let range = offset..offset.saturating_add(new.len());
    if let Some(old) = bytes.get_mut(range) {
        old.copy_from_slice(new);
    }
}
