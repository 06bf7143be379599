//! Exports: the names a library gives, and those it passes on to another library.
//!
//! "PE Format", Export Directory Table: a table of addresses, and beside it a sorted table of names with, for each,
//! the index of its address. An address inside the export directory is no code but the text `library.symbol`
//! or `library.#ordinal`, a forwarder: the library named there is needed as much as an imported one.

use object::LittleEndian as LE;
use object::pe as p;

use crate::budget::Budget;
use crate::error::{ErrorKind, Result};
use crate::section::Image;

/// What a library exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exports<'a> {
    /// The name the library was linked under; empty where the linker wrote none. The loader does not read it.
    pub dll_name: &'a str,
    /// Every export, in the order of its ordinal; one with several names comes once for each.
    pub symbols: Vec<ExportedSymbol<'a>>,
}

/// One export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportedSymbol<'a> {
    /// Its name; `None` where it is known by number only.
    pub name: Option<&'a str>,
    /// Its number, the directory's base included.
    pub ordinal: u32,
    /// Where it is.
    pub rva: u32,
    /// `library.symbol` or `library.#ordinal`, where it is another library's.
    pub forwarder: Option<&'a str>,
}

/// Reads the export directory at `start`.
pub(crate) fn read<'a>(image: &Image<'a>, (start, size): (u32, u32)) -> Result<Exports<'a>> {
    let raw: p::ImageExportDirectory = image.read(start, "export directory")?;
    let mut budget = Budget::new(image);
    let dll_name = match raw.name.get(LE) {
        0 => "",
        rva => budget.name(image, rva, "exported DLL name")?,
    };
    let count = raw.number_of_functions.get(LE);
    let addresses: &[object::U32<LE>] =
        image.table(raw.address_of_functions.get(LE), count, "export address table")?;
    let names = read_names(image, &raw, &mut budget)?;

    let base = raw.base.get(LE);
    let directory = start..start.saturating_add(size);
    let mut names = names.into_iter().peekable();
    let mut symbols = Vec::new();
    for (index, address) in (0..count).zip(addresses) {
        let rva = address.get(LE);
        let forwarder = if directory.contains(&rva) {
            Some(budget.name(image, rva, "forwarder")?)
        } else {
            None
        };
        let ordinal = base.wrapping_add(index);
        let mut symbol = ExportedSymbol { name: None, ordinal, rva, forwarder };
        let mut named = false;
        while let Some((_, name)) = names.next_if(|&(of, _)| of == index) {
            symbol.name = Some(name);
            symbols.push(symbol);
            named = true;
        }
        // An address of 0 is a number that is not used.
        if !named && rva != 0 {
            symbols.push(symbol);
        }
    }
    Ok(Exports { dll_name, symbols })
}

/// One entry of the export address table that is no address but the name of another library's symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forwarder<'a> {
    /// Where the entry stands.
    pub(crate) entry_rva: u32,
    /// Where the text stands, which is what the entry says.
    pub(crate) text_rva: u32,
    /// `library.symbol` or `library.#ordinal`.
    pub(crate) text: &'a str,
}

/// The forwarders, in the order of the export address table.
pub(crate) fn forwarders<'a>(
    image: &Image<'a>,
    (start, size): (u32, u32),
) -> Result<Vec<Forwarder<'a>>> {
    let raw: p::ImageExportDirectory = image.read(start, "export directory")?;
    let mut budget = Budget::new(image);
    let table = raw.address_of_functions.get(LE);
    let count = raw.number_of_functions.get(LE);
    let addresses: &[object::U32<LE>] = image.table(table, count, "export address table")?;
    let directory = start..start.saturating_add(size);
    let mut found = Vec::new();
    for (index, address) in (0_u32..).zip(addresses) {
        let text_rva = address.get(LE);
        if directory.contains(&text_rva) {
            let entry_rva = table.saturating_add(index.saturating_mul(4));
            let text = budget.name(image, text_rva, "forwarder")?;
            found.push(Forwarder { entry_rva, text_rva, text });
        }
    }
    Ok(found)
}

/// The names, each with the index of its address, sorted by index.
fn read_names<'a>(
    image: &Image<'a>,
    raw: &p::ImageExportDirectory,
    budget: &mut Budget,
) -> Result<Vec<(u32, &'a str)>> {
    let count = raw.number_of_names.get(LE);
    let names: &[object::U32<LE>] =
        image.table(raw.address_of_names.get(LE), count, "export name table")?;
    let indices_rva = raw.address_of_name_ordinals.get(LE);
    let indices: &[object::U16<LE>] = image.table(indices_rva, count, "export ordinal table")?;
    let functions = raw.number_of_functions.get(LE);
    let mut found = Vec::new();
    for ((at, name), index) in (0_u32..).zip(names).zip(indices) {
        let index = u32::from(index.get(LE));
        if index >= functions {
            let rva = indices_rva.saturating_add(at.saturating_mul(2));
            return Err(ErrorKind::ExportIndex { rva, index, count: functions }.into());
        }
        found.push((index, budget.name(image, name.get(LE), "exported name")?));
    }
    // Stable: the names of one export stay in the order of the table.
    found.sort_by_key(|&(index, _)| index);
    Ok(found)
}
