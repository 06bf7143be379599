//! Writes what is wanted: names into their slots, the rest into the room that was made, and what follows from it.
//!
//! Certificates vouch for the old bytes, so they go with any change, and with them `FORCE_INTEGRITY`, which makes
//! Windows refuse a file without them. A checksum that is not 0 is computed anew. When a name changes, addresses that
//! were bound for the library of the old name are given up.

use object::pe as p;

use crate::checksum;
use crate::edit::{Draft, Note, PatchSet};
use crate::error::{ErrorKind, Result};
use crate::grow::grow;
use crate::pieces::Pieces;
use crate::place::{optional, write_at};
use crate::read::Pe;
use crate::room::{self, Placed};
use crate::tables::Tables;
use crate::unbind::unbind;
use crate::wanted::Wanted;

/// What changes, and the file after it.
pub(crate) fn rewrite(
    pe: &Pe<'_>,
    tables: &Tables<'_>,
    wanted: &Wanted,
) -> Result<(PatchSet, Vec<u8>)> {
    let mut draft = Draft::new(pe.bytes());
    let mut notes = Vec::new();
    if wanted.renames() {
        unbind(pe, tables, wanted, &mut draft, &mut notes)?;
    }
    if let Some(rva) = wanted.load_flags {
        write_at(pe, &mut draft, rva, &[0, 0], "DependentLoadFlags")?;
    }
    let pieces = Pieces::left_by_slots(pe, tables, wanted, &mut draft)?;
    let end = drop_certificates(pe, &mut draft, &mut notes)?;
    if !pieces.bytes.is_empty() {
        let placed = place(pe, tables, wanted, &pieces, end)?;
        pieces.link(pe, tables, &placed.rvas, &mut draft)?;
        grow(pe, &placed, &pieces.bytes, end, &mut draft)?;
    }
    if pe.has_strong_name()? {
        notes.push(Note::StrongNameLost);
    }
    if pe.checksum() != 0 {
        let field = pe.optional_field(optional::CHECK_SUM);
        let sum = checksum::compute(draft.bytes(), field);
        draft.write_u32(field, sum)?;
    }
    Ok(draft.finish(notes))
}

/// Finds room for the pieces.
fn place(
    pe: &Pe<'_>,
    tables: &Tables<'_>,
    wanted: &Wanted,
    pieces: &Pieces<'_, '_>,
    end: u64,
) -> Result<Placed> {
    // In an ARM64X file the fixups of its other half rewrite data directories, and they know the old places.
    let placed = if pieces.have_exports() && pe.architecture() == "arm64x" {
        Err("the export directory of an ARM64X file cannot move")
    } else {
        room::place(pe, &pieces.needs()?, end)
    };
    placed.map_err(|reason| {
        let (old, new) = pieces.example(tables, wanted);
        ErrorKind::NoRoom { old, new, reason }.into()
    })
}

/// Drops the certificates and the wish for them, and returns where the file ends without.
fn drop_certificates(pe: &Pe<'_>, draft: &mut Draft<'_>, notes: &mut Vec<Note>) -> Result<u64> {
    let flag = p::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY.0;
    if pe.dll_characteristics() & flag != 0 {
        let field = pe.optional_field(optional::DLL_CHARACTERISTICS);
        draft.write_u16(field, pe.dll_characteristics() & !flag)?;
        notes.push(Note::IntegrityNotForced);
    }
    let security = p::IMAGE_DIRECTORY_ENTRY_SECURITY;
    if let (Some(field), true) =
        (pe.directory_field(security), pe.raw_directory(security) != (0, 0))
    {
        draft.write(field, &[0; 8])?;
    }
    if pe.certificates().is_some() {
        notes.push(Note::SignatureLost);
    }
    let end = pe.end_without_certificates();
    draft.truncate(end);
    Ok(end)
}
