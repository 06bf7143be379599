//! Dynamic symbols: what a file defines and what it wants defined.
//!
//! No tag says how many there are. `DT_HASH` does (its `nchain`), MIPS has `DT_MIPS_SYMTABNO`, and the
//! chains of `DT_GNU_HASH` end with the last symbol. A file whose GNU table is empty, because it
//! exports nothing, has at least the symbols that its relocations name.

use std::collections::BTreeMap;

use object::elf::{self, SymbolBind};

use crate::dynamic::{Dynamic, StringTable};
use crate::encoding::{Budget, Bytes, Class, Encoding};
use crate::error::{Error, Result};
use crate::hash;
use crate::header::{Segment, offset_of};
use crate::versions;

/// One dynamic symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'data> {
    /// Its name.
    pub name: &'data str,
    /// Who sees it.
    pub binding: Binding,
    /// What it is: `STT_FUNC`, `STT_OBJECT` and so on, as a number.
    pub kind: u8,
    /// Whether it is in this file; if not, another must have it.
    pub defined: bool,
    /// Its version, if it has one.
    pub version: Option<SymbolVersion<'data>>,
}

/// `ELF32_ST_BIND` of `st_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `STB_LOCAL`.
    Local,
    /// `STB_GLOBAL`.
    Global,
    /// `STB_WEAK`: the loader goes on without it.
    Weak,
    /// Another number, such as 10 for `STB_GNU_UNIQUE`.
    Other(u8),
}

/// The version of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolVersion<'data> {
    /// The name of the version.
    pub name: &'data str,
    /// The library that must have it, if the version is needed and not defined here.
    pub file: Option<&'data str>,
    /// Whether it is not the default version (`VERSYM_HIDDEN`).
    pub hidden: bool,
}

/// A symbol table entry as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawSymbol {
    pub(crate) st_name: u32,
    pub(crate) st_info: u8,
    pub(crate) st_shndx: u16,
}

/// Where `.dynsym` is and how many symbols it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SymbolTable {
    pub(crate) offset: u64,
    pub(crate) count: u64,
}

impl Encoding {
    /// The size of one symbol in bytes.
    pub(crate) fn symbol_size(self) -> u64 {
        self.pick(16, 24)
    }
}

impl RawSymbol {
    /// Reads the symbol at the file offset `offset`.
    pub(crate) fn read(bytes: &Bytes<'_>, offset: u64) -> Result<Self> {
        const WHAT: &str = "a symbol";
        let at = |elf32, elf64| offset + bytes.encoding.pick(elf32, elf64);
        Ok(RawSymbol {
            st_name: bytes.u32(WHAT, offset)?,
            st_info: bytes.u8(WHAT, at(12, 4))?,
            st_shndx: bytes.u16(WHAT, at(14, 6))?,
        })
    }

    pub(crate) fn is_defined(&self) -> bool {
        self.st_shndx != elf::SHN_UNDEF.0
    }

    fn binding(&self) -> Binding {
        match SymbolBind(self.st_info >> 4) {
            elf::STB_LOCAL => Binding::Local,
            elf::STB_GLOBAL => Binding::Global,
            elf::STB_WEAK => Binding::Weak,
            SymbolBind(other) => Binding::Other(other),
        }
    }
}

impl SymbolTable {
    /// Finds the table, or `None` if there is no `DT_SYMTAB`.
    pub(crate) fn find(
        bytes: &Bytes<'_>,
        machine: u16,
        segments: &[Segment],
        dynamic: &Dynamic,
    ) -> Result<Option<Self>> {
        const WHAT: &str = "DT_SYMTAB";
        let Some(address) = dynamic.value(elf::DT_SYMTAB) else { return Ok(None) };
        let count = count(bytes, machine, segments, dynamic)?;
        let size = count.checked_mul(bytes.encoding.symbol_size());
        let size = size.ok_or_else(|| Error::truncated(WHAT, address))?;
        let offset = offset_of(segments, WHAT, address, size)?;
        bytes.range(WHAT, offset, size)?;
        Ok(Some(SymbolTable { offset, count }))
    }

    pub(crate) fn get(&self, bytes: &Bytes<'_>, index: u64) -> Result<RawSymbol> {
        if index >= self.count {
            return Err(Error::table("DT_SYMTAB", self.offset, "is shorter than an index into it"));
        }
        RawSymbol::read(bytes, self.offset + index * bytes.encoding.symbol_size())
    }
}

fn count(bytes: &Bytes<'_>, machine: u16, segments: &[Segment], dynamic: &Dynamic) -> Result<u64> {
    let is_mips = machine == elf::EM_MIPS.0;
    if let (true, Some(count)) = (is_mips, dynamic.value(elf::DT_MIPS_SYMTABNO)) {
        return Ok(count);
    }
    if let Some(count) = hash::sysv_count(bytes, machine, segments, dynamic)? {
        return Ok(count);
    }
    match hash::gnu_count(bytes, segments, dynamic)? {
        hash::GnuCount::Exact(count) => Ok(count),
        hash::GnuCount::AtLeast(count) => {
            Ok(count.max(relocated_symbols(bytes, machine, segments, dynamic)?))
        }
    }
}

/// One more than the highest symbol index in any relocation.
fn relocated_symbols(
    bytes: &Bytes<'_>,
    machine: u16,
    segments: &[Segment],
    dynamic: &Dynamic,
) -> Result<u64> {
    let word = bytes.encoding.word_size();
    let plt_is_rela = dynamic.value(elf::DT_PLTREL) == Some(elf::DT_RELA.0.cast_unsigned());
    let tables = [
        (elf::DT_RELA, elf::DT_RELASZ, 3 * word),
        (elf::DT_REL, elf::DT_RELSZ, 2 * word),
        (elf::DT_JMPREL, elf::DT_PLTRELSZ, if plt_is_rela { 3 * word } else { 2 * word }),
    ];
    let mut count = 0;
    for (table, size, entry) in tables {
        let (Some(address), Some(size)) = (dynamic.value(table), dynamic.value(size)) else {
            continue;
        };
        if size == 0 {
            continue;
        }
        let offset = offset_of(segments, "a relocation table", address, size)?;
        for index in 0..size / entry {
            let r_info = bytes.word("r_info", offset + index * entry + word)?;
            let symbol = match bytes.encoding.class {
                Class::Elf32 => r_info >> 8,
                // MIPS64 little-endian has r_sym in the low half; it never comes here because it
                // has DT_MIPS_SYMTABNO.
                Class::Elf64 if machine != elf::EM_MIPS.0 => r_info >> 32,
                Class::Elf64 => 0,
            };
            count = count.max(symbol + 1);
        }
    }
    Ok(count)
}

/// All dynamic symbols but the first, which the standard reserves.
pub(crate) fn symbols<'data>(
    bytes: &Bytes<'data>,
    machine: u16,
    segments: &[Segment],
    dynamic: &Dynamic,
) -> Result<Vec<Symbol<'data>>> {
    let Some(table) = SymbolTable::find(bytes, machine, segments, dynamic)? else {
        return Ok(Vec::new());
    };
    let strings = dynamic.strings(segments)?;
    let names = version_names(bytes, segments, dynamic, &strings)?;
    let versym = match dynamic.value(elf::DT_VERSYM) {
        Some(address) => Some(offset_of(segments, "DT_VERSYM", address, 2 * table.count)?),
        None => None,
    };
    let mut budget = Budget::new(bytes);
    let mut symbols = Vec::new();
    for index in 1..table.count {
        let raw = table.get(bytes, index)?;
        let version = match versym {
            None => None,
            Some(offset) => {
                let versym = bytes.u16("DT_VERSYM", offset + 2 * index)?;
                let hidden = versym & elf::VERSYM_HIDDEN.0 != 0;
                let index = versym & !elf::VERSYM_HIDDEN.0;
                names.get(&index).map(|&(name, file)| SymbolVersion { name, file, hidden })
            }
        };
        let name = strings.get(bytes, "st_name", raw.st_name.into())?;
        budget.spend("DT_SYMTAB", table.offset, name.len())?;
        symbols.push(Symbol {
            name,
            binding: raw.binding(),
            kind: raw.st_info & 0xf,
            defined: raw.is_defined(),
            version,
        });
    }
    Ok(symbols)
}

/// The versions by their index; 0 (local) and 1 (the file itself) are none.
fn version_names<'data>(
    bytes: &Bytes<'data>,
    segments: &[Segment],
    dynamic: &Dynamic,
    strings: &StringTable,
) -> Result<BTreeMap<u16, (&'data str, Option<&'data str>)>> {
    let mut names = BTreeMap::new();
    for definition in versions::definitions(bytes, segments, dynamic, strings)? {
        if !definition.base {
            names.insert(definition.index, (definition.name, None));
        }
    }
    for need in versions::needs(bytes, segments, dynamic, strings)? {
        for version in need.versions {
            // LSB: the high bit of vna_other is "hidden" here too, though no linker sets it.
            names.insert(version.index & !elf::VERSYM_HIDDEN.0, (version.name, Some(need.file)));
        }
    }
    names.remove(&0);
    names.remove(&1);
    Ok(names)
}
