//! Symbols: what a slice needs from others, and what it gives.
//!
//! `<mach-o/nlist.h>`: entries of `LC_SYMTAB`. An external, undefined one is needed; the high byte of `n_desc`
//! says from which library (by its position among the load commands) in a two-level file. dyld reads chained fixups
//! instead, where a file has them.
//! What a slice gives stands in its export trie, which is all that dyld reads; a file without one (a relocatable
//! object, or of a very old linker) gives its external, defined symbols.

use std::borrow::Cow;

use object::Endianness;
use object::macho as m;
use object::pod::Pod;

use crate::error::{ErrorKind, Result};
use crate::exports;
use crate::layout;
use crate::read::Slice;
use crate::window::Window;

/// Names may share bytes (a linker may let one name be the tail of another), but a table that holds more than this
/// many times its size was made to cost time.
const MAX_SHARING: u64 = 16;

/// A symbol that another library must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndefinedSymbol<'a> {
    /// Its name, with the leading underscore of C symbols.
    pub name: &'a str,
    /// Which of [`Slice::loads`] brings it, counted from 1; 0 is the slice itself, 254 any library, 255 the program.
    pub library_ordinal: u8,
    /// It may stay undefined, `N_WEAK_REF`.
    pub weak: bool,
}

/// The four fields that matter of an entry of either width.
struct Nlist {
    name: u32,
    kind: u8,
    description: u16,
    value: u64,
}

impl<'a> Slice<'a> {
    /// The symbols other libraries must bring, in the order of the symbol table; where that has been stripped of them,
    /// in the order of the chained fixups.
    ///
    /// # Errors
    ///
    /// When the table or a name lies outside the slice.
    pub fn undefined_symbols(&self) -> Result<Vec<UndefinedSymbol<'a>>> {
        let mut found = Vec::new();
        self.each_symbol(|entry, name| {
            if is_external(entry) && entry.kind & m::N_TYPE == m::N_UNDF.0 && entry.value == 0 {
                let [library_ordinal, _] = entry.description.to_be_bytes();
                let weak = entry.description & m::N_WEAK_REF.0 != 0;
                found.push(UndefinedSymbol { name: name()?, library_ordinal, weak });
            }
            Ok(())
        })?;
        if found.is_empty() { self.chained_imports() } else { Ok(found) }
    }

    /// The names other files may bind to, from the export trie, else from the symbol table; sorted.
    ///
    /// # Errors
    ///
    /// When the trie or the symbol table is damaged.
    pub fn exported_symbols(&self) -> Result<Vec<Cow<'a, str>>> {
        let mut names = match self.export_trie()? {
            Some(trie) => exports::read_trie(trie)?.into_iter().map(Cow::Owned).collect(),
            None => self.external_symbols()?,
        };
        names.sort_unstable();
        Ok(names)
    }

    fn external_symbols(&self) -> Result<Vec<Cow<'a, str>>> {
        let mut found = Vec::new();
        self.each_symbol(|entry, name| {
            let hidden = entry.kind & m::N_PEXT.0 != 0;
            if is_external(entry) && !hidden && entry.kind & m::N_TYPE != m::N_UNDF.0 {
                found.push(Cow::Borrowed(name()?));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The export trie, from whichever of the two commands has it.
    fn export_trie(&self) -> Result<Option<Window<'a>>> {
        let commands = self.commands();
        if let Some(command) = commands.iter().find(|command| command.is(m::LC_DYLD_EXPORTS_TRIE)) {
            let place = layout::linkedit_data(command, self.endian)?;
            let size = place.end.saturating_sub(place.start);
            return self.window.part(place.start, size, "export trie").map(Some);
        }
        let info = match layout::find(commands, m::LC_DYLD_INFO_ONLY)? {
            Some(info) => Some(info),
            None => layout::find::<m::DyldInfoCommand<Endianness>>(commands, m::LC_DYLD_INFO)?,
        };
        let Some(info) = info else { return Ok(None) };
        let (offset, size) = (info.export_off.get(self.endian), info.export_size.get(self.endian));
        self.window.part(u64::from(offset), u64::from(size), "export trie").map(Some)
    }

    /// Calls `visit` with each symbol that is no debugging entry, and a way to read its name.
    fn each_symbol(
        &self,
        mut visit: impl FnMut(&Nlist, &mut dyn FnMut() -> Result<&'a str>) -> Result<()>,
    ) -> Result<()> {
        let found = layout::find::<m::SymtabCommand<Endianness>>(self.commands(), m::LC_SYMTAB)?;
        let Some(symtab) = found else { return Ok(()) };
        let endian = self.endian;
        let entry_size = if self.is_64 {
            size_of::<m::Nlist64<Endianness>>()
        } else {
            size_of::<m::Nlist32<Endianness>>()
        } as u64;
        let table_size = u64::from(symtab.nsyms.get(endian)).saturating_mul(entry_size);
        let table =
            self.window.part(u64::from(symtab.symoff.get(endian)), table_size, "symbol table")?;
        let (offset, size) = (symtab.stroff.get(endian), symtab.strsize.get(endian));
        let strings = self.window.part(u64::from(offset), u64::from(size), "string table")?;
        let mut names = Names::new(strings);
        let mut offset = 0;
        while offset < table.size() {
            let entry = if self.is_64 {
                nlist_64(read_entry(table, offset)?, endian)
            } else {
                nlist_32(read_entry(table, offset)?, endian)
            };
            if entry.kind & m::N_STAB == 0 {
                visit(&entry, &mut || names.get(entry.name))?;
            }
            offset = offset.saturating_add(entry_size);
        }
        Ok(())
    }
}

fn is_external(entry: &Nlist) -> bool {
    entry.kind & m::N_EXT.0 != 0
}

fn read_entry<'a, T: Pod>(table: Window<'a>, offset: u64) -> Result<&'a T> {
    table.read(offset, "symbol")
}

fn nlist_32(raw: &m::Nlist32<Endianness>, endian: Endianness) -> Nlist {
    Nlist {
        name: raw.n_strx.get(endian),
        kind: raw.n_type.0,
        description: raw.n_desc.get(endian).0,
        value: u64::from(raw.n_value.get(endian)),
    }
}

fn nlist_64(raw: &m::Nlist64<Endianness>, endian: Endianness) -> Nlist {
    Nlist {
        name: raw.n_strx.get(endian),
        kind: raw.n_type.0,
        description: raw.n_desc.get(endian).0,
        value: raw.n_value.get(endian),
    }
}

/// A string table that gives out a bounded number of bytes.
pub(crate) struct Names<'a> {
    strings: Window<'a>,
    limit: u64,
    left: u64,
}

impl<'a> Names<'a> {
    pub(crate) fn new(strings: Window<'a>) -> Self {
        let limit = strings.size().saturating_mul(MAX_SHARING);
        Self { strings, limit, left: limit }
    }

    pub(crate) fn get(&mut self, offset: u32) -> Result<&'a str> {
        let name = self.strings.string(u64::from(offset), "symbol name")?;
        let used = (name.len() as u64).saturating_add(1);
        self.left = self.left.checked_sub(used).ok_or(ErrorKind::NamesTooLong {
            what: "string table",
            offset: self.strings.position(0),
            limit: self.limit,
        })?;
        Ok(name)
    }
}
