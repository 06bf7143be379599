//! Gives up bound imports: addresses that were written into the file for one version of each library.
//!
//! `bind.exe` sets the time stamps of the import descriptors and writes the bound import directory, whose names old
//! loaders follow before they read the import directory. With the time stamps 0 and the directory gone, every
//! loader looks symbols up by the import lookup table. The address table gets back what the linker wrote: the same
//! as that.

use std::mem::offset_of;

use object::pe as p;

use crate::edit::{Draft, Note};
use crate::error::Result;
use crate::header::PeKind;
use crate::import::Import;
use crate::place::write_at;
use crate::read::Pe;
use crate::tables::Tables;
use crate::wanted::Wanted;

/// Clears what binding wrote.
pub(crate) fn unbind(
    pe: &Pe<'_>,
    tables: &Tables<'_>,
    wanted: &Wanted,
    draft: &mut Draft<'_>,
    notes: &mut Vec<Note>,
) -> Result<()> {
    let bound = p::IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT;
    let mut found = false;
    if let (Some(field), true) = (pe.directory_field(bound), pe.raw_directory(bound) != (0, 0)) {
        draft.write(field, &[0; 8])?;
        found = true;
    }
    if let Some((start, end)) = pe.bound_table() {
        let size = usize::try_from(end.saturating_sub(start)).unwrap_or_default();
        draft.write(start, &vec![0; size])?;
    }
    for import in tables.imports.iter().filter(|import| import.time_date_stamp != 0) {
        // `TimeDateStamp` and, behind it, `ForwarderChain`.
        write_at(pe, draft, time_stamp_rva(import), &[0; 8], "import descriptor")?;
        restore_addresses(pe, import, draft)?;
        found = true;
    }
    let late = tables.delay_imports.iter().enumerate();
    for (_, import) in late
        .filter(|(at, import)| import.time_date_stamp != 0 && wanted.delay_imports.contains_key(at))
    {
        write_at(pe, draft, delay_time_stamp_rva(import), &[0; 4], "delay import descriptor")?;
        found = true;
    }
    if found {
        notes.push(Note::Unbound);
    }
    Ok(())
}

/// Where the time stamp of an import descriptor stands.
pub(crate) fn time_stamp_rva(import: &Import<'_>) -> u32 {
    let field = offset_of!(p::ImageImportDescriptor, time_date_stamp);
    import.descriptor_rva.saturating_add(u32::try_from(field).unwrap_or_default())
}

/// Where the time stamp of a delay import descriptor stands.
pub(crate) fn delay_time_stamp_rva(import: &Import<'_>) -> u32 {
    let field = offset_of!(p::ImageDelayloadDescriptor, time_date_stamp);
    import.descriptor_rva.saturating_add(u32::try_from(field).unwrap_or_default())
}

/// Size in bytes of an import's lookup or address table without its end.
pub(crate) fn table_size(pe: &Pe<'_>, import: &Import<'_>) -> u32 {
    let thunk = match pe.kind() {
        PeKind::Pe32 => 4,
        PeKind::Pe32Plus => 8,
    };
    u32::try_from(import.symbols.len()).unwrap_or(u32::MAX).saturating_mul(thunk)
}

fn restore_addresses(pe: &Pe<'_>, import: &Import<'_>, draft: &mut Draft<'_>) -> Result<()> {
    let size = table_size(pe, import);
    if size == 0 {
        return Ok(());
    }
    let names = pe.image.part(import.lookup_table_rva, size, "import lookup table")?;
    write_at(pe, draft, import.address_table_rva, names, "import address table")
}
