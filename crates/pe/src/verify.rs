//! Proves that an edited file is the old one but for the edits, by reading both.
//!
//! The editor knows what it meant to do; this file does not. It asks both files what the loader would see, and
//! compares the answers: sections, sizes, every library with every symbol, every export. Then it compares the
//! bytes: outside the places that an edit may change, each must be what it was. What fails here is a bug of ours or
//! a trick of the file, and either way the caller gets an error and no file.

use std::collections::BTreeMap;

use object::pe as p;

use crate::dll_name::{dll_key, forwarder_keys, forwarder_library, split_forwarder};
use crate::edit::Edits;
use crate::error::{Error, Result};
use crate::export::{ExportedSymbol, Exports};
use crate::import::Import;
use crate::read::Pe;
use crate::room::section_end;
use crate::section::{SECTOR, Section};
use crate::tables::Tables;
use crate::verify_bytes::bytes_are_kept;
use crate::wanted::Wanted;

/// Compares `bytes`, the edited file, with `old` and with what `edits` ask for.
pub(crate) fn prove(
    old: &Pe<'_>,
    was: &Tables<'_>,
    edits: &Edits,
    wanted: &Wanted,
    bytes: &[u8],
) -> Result<()> {
    let new = Pe::parse(bytes)?;
    let is = Tables::read(&new)?;
    header_is_kept(old, &new)?;
    sections_are_right(old, &new)?;
    let names = NewNames(edits.renames()?);
    imports_are_those_asked_for(&was.imports, &is.imports, &names, "import")?;
    imports_are_those_asked_for(&was.delay_imports, &is.delay_imports, &names, "delay import")?;
    exports_are_those_asked_for(was.exports.as_ref(), is.exports.as_ref(), &names)?;
    load_config_is_right(old, &new, edits)?;
    check(old.version_resource()? == new.version_resource()?, || {
        "it has another version resource".into()
    })?;
    nothing_void_is_left(&new, wanted)?;
    bytes_are_kept(old, was, wanted, &new)?;
    check(Wanted::of(&new, &is, edits)?.is_empty(), || {
        "the same edits would change it again".into()
    })
}

pub(crate) fn check(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::unproven(what())) }
}

fn header_is_kept(old: &Pe<'_>, new: &Pe<'_>) -> Result<()> {
    let kept = |pe: &Pe<'_>| {
        let what = (pe.machine(), pe.kind(), pe.characteristics(), pe.subsystem());
        let versions = (pe.linker_version(), pe.os_version(), pe.subsystem_version());
        let layout =
            (pe.image_base(), pe.section_alignment(), pe.file_alignment(), pe.size_of_headers());
        (what, versions, layout, pe.architecture(), pe.coff_symbols())
    };
    check(kept(old) == kept(new), || "its header is another".into())?;
    let integrity = p::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY.0;
    let flags = (old.dll_characteristics() & !integrity, new.dll_characteristics());
    check(flags.0 == flags.1, || format!("DllCharacteristics is {:#x}", flags.1))?;
    let directories = [
        p::IMAGE_DIRECTORY_ENTRY_EXPORT,
        p::IMAGE_DIRECTORY_ENTRY_SECURITY,
        p::IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT,
    ];
    for index in (0..p::IMAGE_NUMBEROF_DIRECTORY_ENTRIES).filter(|it| !directories.contains(it)) {
        check(old.raw_directory(index) == new.raw_directory(index), || {
            format!("data directory {index} is another")
        })?;
    }
    Ok(())
}

/// The same sections at the same addresses, perhaps larger, perhaps one more; without gap or overlap.
fn sections_are_right(old: &Pe<'_>, new: &Pe<'_>) -> Result<()> {
    let (was, is) = (old.sections(), new.sections());
    let added = is.len().checked_sub(was.len());
    check(added.is_some_and(|added| added <= 1), || "it has other sections".into())?;
    for (at, (one, other)) in was.iter().zip(is).enumerate() {
        section_is_kept(one, other, at.saturating_add(1) == was.len())?;
        let end = section_end(new, other);
        check(section_end(old, one) == end || at.saturating_add(1) == is.len(), || {
            format!("section {at} ends at RVA {end:#x}")
        })?;
    }
    let last = is.last().map(|last| section_end(new, last));
    let grew = was.last().map(|last| section_end(old, last)) != last || added == Some(1);
    let size = new.size_of_image();
    let right = last == Some(size.into()) || (!grew && size == old.size_of_image());
    check(right, || format!("SizeOfImage is {size:#x}"))?;
    for (one, other) in was.iter().zip(is).filter(|(one, other)| one != other) {
        // Padding is in the file already; what is new in the file stands behind all that was there.
        if one.pointer_to_raw_data != other.pointer_to_raw_data {
            block_is_right(old, new, other)?;
        }
    }
    match is.get(was.len()) {
        Some(section) => {
            let start = was.last().map(|last| section_end(old, last));
            check(start == Some(section.virtual_address.into()), || {
                format!("the new section starts at RVA {:#x}", section.virtual_address)
            })?;
            let header = section.header_offset.saturating_add(40);
            let first = is.iter().filter(|section| section.raw_end().is_some());
            let first = first.map(|section| u64::from(section.pointer_to_raw_data)).min();
            let limit = first.unwrap_or(u64::MAX).min(new.size_of_headers().into());
            check(header <= limit, || "the section table runs into data".into())?;
            block_is_right(old, new, section)
        }
        None => Ok(()),
    }
}

fn section_is_kept(was: &Section<'_>, is: &Section<'_>, is_last: bool) -> Result<()> {
    let name = String::from_utf8_lossy(was.name);
    let place = |section: &Section<'_>| (section.virtual_address, section.header_offset);
    check(was.name == is.name && place(was) == place(is), || format!("section `{name}` moved"))?;
    check(is.memory_size() >= was.memory_size(), || format!("section `{name}` is shorter"))?;
    let raw = |section: &Section<'_>| (section.pointer_to_raw_data, section.size_of_raw_data);
    let discardable = p::IMAGE_SCN_MEM_DISCARDABLE.0;
    let flags = match is_last && raw(was) != raw(is) {
        true => was.characteristics & !discardable,
        false => was.characteristics,
    };
    let fine = flags == is.characteristics && (is_last || raw(was) == raw(is));
    check(fine, || format!("section `{name}` has other data"))
}

/// Data that has a new place in the file: aligned, and behind everything that was there.
fn block_is_right(old: &Pe<'_>, new: &Pe<'_>, section: &Section<'_>) -> Result<()> {
    let start = section.pointer_to_raw_data;
    let aligned = start.is_multiple_of(SECTOR) && start.is_multiple_of(new.file_alignment());
    let whole = section.size_of_raw_data.is_multiple_of(new.file_alignment());
    let end = new.bytes().len() as u64;
    check(aligned && whole && section.raw_end() == Some(end), || {
        format!("section data at offset {start:#x} is not aligned, or not the end of the file")
    })?;
    check(u64::from(start) >= old.end_without_certificates(), || {
        format!("section data at offset {start:#x} lies over what was there")
    })
}

fn imports_are_those_asked_for(
    was: &[Import<'_>],
    is: &[Import<'_>],
    names: &NewNames<'_>,
    what: &str,
) -> Result<()> {
    check(was.len() == is.len(), || format!("it has {} {what}s, not {}", is.len(), was.len()))?;
    for (old, new) in was.iter().zip(is) {
        let wanted = names.of(&[dll_key(old.dll)]).unwrap_or(old.dll);
        check(new.dll == wanted, || format!("{what} `{}` is `{}` now", old.dll, new.dll))?;
        check(new.symbols == old.symbols, || format!("`{wanted}` gives it other symbols"))?;
        let rest = |import: &Import<'_>| {
            let tables = (import.lookup_table_rva, import.address_table_rva);
            (import.descriptor_rva, tables, import.virtual_addresses)
        };
        check(rest(old) == rest(new), || format!("the tables of `{wanted}` moved"))?;
    }
    Ok(())
}

/// The new names, each by the key of its old one.
struct NewNames<'e>(BTreeMap<String, &'e str>);

impl<'e> NewNames<'e> {
    /// The new name of a library with one of these keys.
    fn of(&self, keys: &[String]) -> Option<&'e str> {
        keys.iter().find_map(|key| self.0.get(key)).copied()
    }

    /// What a forwarder should be.
    fn of_forwarder(&self, text: &str) -> String {
        let renamed = split_forwarder(text).and_then(|(library, symbol)| {
            let new = self.of(&forwarder_keys(library))?;
            let library = if library.contains('.') { new } else { forwarder_library(new) };
            Some(format!("{library}.{symbol}"))
        });
        renamed.unwrap_or_else(|| text.to_owned())
    }
}

fn exports_are_those_asked_for(
    was: Option<&Exports<'_>>,
    is: Option<&Exports<'_>>,
    names: &NewNames<'_>,
) -> Result<()> {
    let (was, is) = match (was, is) {
        (None, None) => return Ok(()),
        (Some(was), Some(is)) => (was, is),
        _ => return Err(Error::unproven("its exports came or went")),
    };
    let same = was.dll_name == is.dll_name && was.symbols.len() == is.symbols.len();
    check(same, || "it exports other symbols".into())?;
    for (old, new) in was.symbols.iter().zip(&is.symbols) {
        let key = |symbol: &ExportedSymbol<'_>| (symbol.ordinal, symbol.name.map(str::to_owned));
        check(key(old) == key(new), || "it exports other symbols".into())?;
        let wanted = old.forwarder.map(|text| names.of_forwarder(text));
        let fine =
            new.forwarder.map(str::to_owned) == wanted && (old.rva == new.rva || wanted.is_some());
        check(fine, || format!("export {} is another", old.ordinal))?;
    }
    Ok(())
}

fn load_config_is_right(old: &Pe<'_>, new: &Pe<'_>, edits: &Edits) -> Result<()> {
    let mut wanted = old.load_config()?;
    if let Some(config) = wanted.as_mut().filter(|_| edits.clear_dependent_load_flags) {
        config.dependent_load_flags = config.dependent_load_flags.map(|_| 0);
    }
    check(new.load_config()? == wanted, || "its load configuration is another".into())
}

/// No certificate, no bound address, no wrong checksum.
fn nothing_void_is_left(new: &Pe<'_>, wanted: &Wanted) -> Result<()> {
    let security = new.raw_directory(p::IMAGE_DIRECTORY_ENTRY_SECURITY);
    check(security == (0, 0), || "its certificates are for other bytes".into())?;
    if wanted.renames() {
        check(!new.has_bound_imports()?, || "it has bound imports".into())?;
    }
    let (stored, computed) = (new.checksum(), new.computed_checksum());
    check(stored == 0 || stored == computed, || {
        format!("CheckSum is {stored:#x}, and should be {computed:#x}")
    })
}
