//! Imports and delay imports: which libraries, and which symbols of each.
//!
//! "PE Format", Import Directory Table: descriptors up to one without a name or without an address table, whatever
//! size the directory has (the loader does not look at it). Delay-Load Directory Table: descriptors up to one
//! without a name; their addresses are RVAs where bit 0 of the attributes is set, and virtual addresses in files of
//! Visual C++ 6. Each name is found through its own address, in whatever section that is.

use std::mem::offset_of;

use object::LittleEndian as LE;
use object::pe as p;

use crate::budget::Budget;
use crate::error::{ErrorKind, Result};
use crate::header::PeKind;
use crate::section::Image;

/// A library a file needs, and what it needs of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import<'a> {
    /// The library's name as it stands in the file. The loader compares names without regard to case and
    /// adds `.dll` to one without an extension.
    pub dll: &'a str,
    /// The symbols, in the order of the lookup table.
    pub symbols: Vec<ImportedSymbol<'a>>,
    /// Where the name stands, for an edit.
    pub name_rva: u32,
    /// Where the descriptor stands, for an edit.
    pub descriptor_rva: u32,
    /// Where the loader reads which symbols are wanted: the import lookup table (INT).
    pub lookup_table_rva: u32,
    /// Where the loader writes the addresses of the symbols: the import address table (IAT).
    pub address_table_rva: u32,
    /// `TimeDateStamp`; other than 0 in a bound import.
    pub time_date_stamp: u32,
    /// Whether it is one of the delay import directory.
    pub is_delay: bool,
    /// Whether the descriptor holds virtual addresses and not RVAs (old delay imports only).
    pub virtual_addresses: bool,
}

impl Import<'_> {
    /// Where the address of the name stands, in the descriptor: of both kinds, at another offset.
    pub(crate) fn name_field_rva(&self) -> u32 {
        let field = match self.is_delay {
            true => offset_of!(p::ImageDelayloadDescriptor, dll_name_rva),
            false => offset_of!(p::ImageImportDescriptor, name),
        };
        self.descriptor_rva.saturating_add(u32::try_from(field).unwrap_or_default())
    }
}

/// One symbol of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImportedSymbol<'a> {
    /// Found by name.
    Name {
        /// Where in the library's name table the loader looks first.
        hint: u16,
        /// The name.
        name: &'a str,
    },
    /// Found by its number alone.
    Ordinal(u16),
}

/// What reading imports needs of the file.
pub(crate) struct Context<'c, 'a> {
    pub(crate) image: &'c Image<'a>,
    pub(crate) kind: PeKind,
    pub(crate) image_base: u64,
    pub(crate) budget: Budget,
}

/// What the addresses of a table count from.
#[derive(Debug, Clone, Copy)]
enum Base {
    Image,
    Zero(u64),
}

impl Base {
    /// An address of the table as an RVA.
    fn rva(self, address: u64, what: &'static str) -> Result<u32> {
        let rva = match self {
            Base::Image => address,
            Base::Zero(image_base) => address
                .checked_sub(image_base)
                .ok_or(ErrorKind::BelowImageBase { what, address })?,
        };
        u32::try_from(rva).map_err(|_| ErrorKind::Unmapped { what, rva }.into())
    }
}

/// Reads the import directory.
pub(crate) fn imports<'a>(
    context: &mut Context<'_, 'a>,
    directory: Option<(u32, u32)>,
) -> Result<Vec<Import<'a>>> {
    let mut found = Vec::new();
    let Some((start, _)) = directory else { return Ok(found) };
    for descriptor in (Descriptors { image: context.image, rva: Some(start) }) {
        let (rva, raw) = descriptor?;
        let (lookup, time_date_stamp) =
            (raw.original_first_thunk.get(LE), raw.time_date_stamp.get(LE));
        // Linkers of the nineties wrote no lookup table; the address table holds the same until it is bound.
        let thunks = match lookup {
            0 if time_date_stamp != 0 => return Err(ErrorKind::BoundWithoutNames { rva }.into()),
            0 => raw.first_thunk.get(LE),
            lookup => lookup,
        };
        let name_rva = raw.name.get(LE);
        found.push(Import {
            dll: context.budget.name(context.image, name_rva, "imported DLL name")?,
            symbols: symbols(context, thunks, Base::Image)?,
            name_rva,
            descriptor_rva: rva,
            lookup_table_rva: thunks,
            address_table_rva: raw.first_thunk.get(LE),
            time_date_stamp,
            is_delay: false,
            virtual_addresses: false,
        });
    }
    Ok(found)
}

/// Whether any import descriptor has a time stamp, which only binding writes.
pub(crate) fn any_time_stamp(image: &Image<'_>, directory: Option<(u32, u32)>) -> Result<bool> {
    let Some((start, _)) = directory else { return Ok(false) };
    for descriptor in (Descriptors { image, rva: Some(start) }) {
        let (_, raw) = descriptor?;
        if raw.time_date_stamp.get(LE) != 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads the delay import directory.
pub(crate) fn delay_imports<'a>(
    context: &mut Context<'_, 'a>,
    directory: Option<(u32, u32)>,
) -> Result<Vec<Import<'a>>> {
    let mut found = Vec::new();
    let Some((start, _)) = directory else { return Ok(found) };
    let mut next = Some(start);
    while let Some(rva) = next {
        let what = "delay import descriptor";
        let raw: p::ImageDelayloadDescriptor = context.image.read(rva, what)?;
        if raw.dll_name_rva.get(LE) == 0 {
            break;
        }
        context.budget.entry()?;
        let virtual_addresses = raw.attributes.get(LE) & p::IMAGE_DELAYLOAD_RVA_BASED == 0;
        let base = if virtual_addresses { Base::Zero(context.image_base) } else { Base::Image };
        let name_rva = base.rva(u64::from(raw.dll_name_rva.get(LE)), "delay-imported DLL name")?;
        let thunks =
            base.rva(u64::from(raw.import_name_table_rva.get(LE)), "delay import name table")?;
        let addresses = raw.import_address_table_rva.get(LE);
        let addresses = base.rva(u64::from(addresses), "delay import address table")?;
        let name = context.budget.name(context.image, name_rva, "delay-imported DLL name")?;
        found.push(Import {
            dll: name,
            symbols: symbols(context, thunks, base)?,
            name_rva,
            descriptor_rva: rva,
            lookup_table_rva: thunks,
            address_table_rva: addresses,
            time_date_stamp: raw.time_date_stamp.get(LE),
            is_delay: true,
            virtual_addresses,
        });
        next = advance(rva, size_of_val(&raw));
    }
    Ok(found)
}

/// The import descriptors, each with its RVA.
struct Descriptors<'c, 'a> {
    image: &'c Image<'a>,
    rva: Option<u32>,
}

impl Iterator for Descriptors<'_, '_> {
    type Item = Result<(u32, p::ImageImportDescriptor)>;

    fn next(&mut self) -> Option<Self::Item> {
        let rva = self.rva.take()?;
        let raw: p::ImageImportDescriptor = match self.image.read(rva, "import descriptor") {
            Ok(raw) => raw,
            Err(error) => return Some(Err(error)),
        };
        if raw.name.get(LE) == 0 || raw.first_thunk.get(LE) == 0 {
            return None;
        }
        self.rva = advance(rva, size_of_val(&raw));
        Some(Ok((rva, raw)))
    }
}

fn symbols<'a>(
    context: &mut Context<'_, 'a>,
    thunks: u32,
    base: Base,
) -> Result<Vec<ImportedSymbol<'a>>> {
    let mut found = Vec::new();
    let mut next = Some(thunks);
    while let Some(rva) = next {
        let (value, ordinal_flag, size) = thunk(context, rva)?;
        if value == 0 {
            break;
        }
        context.budget.entry()?;
        found.push(if value & ordinal_flag != 0 {
            // The other bits above the number are to be 0.
            let ordinal = u16::try_from(value & !ordinal_flag);
            ImportedSymbol::Ordinal(ordinal.map_err(|_| ErrorKind::Thunk { rva, value })?)
        } else {
            named(context, base, rva, value)?
        });
        next = advance(rva, size);
    }
    Ok(found)
}

/// A thunk's value, the bit that marks an ordinal, and its size in bytes.
fn thunk(context: &Context<'_, '_>, rva: u32) -> Result<(u64, u64, usize)> {
    let what = "import lookup table";
    match context.kind {
        PeKind::Pe32 => {
            let raw: object::U32<LE> = context.image.read(rva, what)?;
            Ok((u64::from(raw.get(LE)), u64::from(p::IMAGE_ORDINAL_FLAG32), size_of_val(&raw)))
        }
        PeKind::Pe32Plus => {
            let raw: object::U64<LE> = context.image.read(rva, what)?;
            Ok((raw.get(LE), p::IMAGE_ORDINAL_FLAG64, size_of_val(&raw)))
        }
    }
}

fn named<'a>(
    context: &mut Context<'_, 'a>,
    base: Base,
    rva: u32,
    value: u64,
) -> Result<ImportedSymbol<'a>> {
    let bad = ErrorKind::Thunk { rva, value };
    let hint_rva = base.rva(value, "imported symbol").map_err(|_| bad.clone())?;
    let hint: object::U16<LE> = context.image.read(hint_rva, "imported symbol")?;
    let name_rva = advance(hint_rva, size_of_val(&hint)).ok_or(bad)?;
    let name = context.budget.name(context.image, name_rva, "imported symbol")?;
    Ok(ImportedSymbol::Name { hint: hint.get(LE), name })
}

/// The address `size` bytes further on; `None` at the end of the address space, where every table ends.
fn advance(rva: u32, size: usize) -> Option<u32> {
    rva.checked_add(u32::try_from(size).ok()?)
}
