//! The load configuration: where dependencies may be loaded from, and hybrid ARM64 code.
//!
//! "PE Format", The Load Configuration Structure. It has grown with every Windows; its own first field says how much
//! of it a file has, and what lies behind that is absent, whatever bytes are there.

use std::mem::offset_of;

use object::LittleEndian as LE;
use object::pe as p;

use crate::error::Result;
use crate::header::PeKind;
use crate::section::Image;

/// What of the load configuration concerns a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadConfig {
    /// Its own size in bytes, which says which fields a file has.
    pub size: u32,
    /// `DependentLoadFlags`: where the loader looks for the libraries this file needs (`LOAD_LIBRARY_SEARCH_*`);
    /// `None` in files that are older than the field.
    pub dependent_load_flags: Option<u16>,
    /// Where `DependentLoadFlags` stands, for an edit; `None` as above.
    pub dependent_load_flags_rva: Option<u32>,
    /// `CHPEMetadataPointer`; other than 0 in ARM64EC and ARM64X files.
    pub chpe_metadata_pointer: u64,
}

/// Where the two fields stand in a structure of this width.
struct Fields {
    dependent_load_flags: usize,
    chpe_metadata_pointer: usize,
    pointer_size: usize,
}

const FIELDS_32: Fields = Fields {
    dependent_load_flags: offset_of!(p::ImageLoadConfigDirectory32, dependent_load_flags),
    chpe_metadata_pointer: offset_of!(p::ImageLoadConfigDirectory32, chpe_metadata_pointer),
    pointer_size: 4,
};

const FIELDS_64: Fields = Fields {
    dependent_load_flags: offset_of!(p::ImageLoadConfigDirectory64, dependent_load_flags),
    chpe_metadata_pointer: offset_of!(p::ImageLoadConfigDirectory64, chpe_metadata_pointer),
    pointer_size: 8,
};

/// Reads the load configuration.
pub(crate) fn read(
    image: &Image<'_>,
    kind: PeKind,
    directory: Option<(u32, u32)>,
) -> Result<Option<LoadConfig>> {
    let Some((start, _)) = directory else { return Ok(None) };
    let size: object::U32<LE> = image.read(start, "load configuration")?;
    let size = size.get(LE);
    let fields = match kind {
        PeKind::Pe32 => FIELDS_32,
        PeKind::Pe32Plus => FIELDS_64,
    };
    let flags_rva = place(start, size, fields.dependent_load_flags, size_of::<u16>());
    let dependent_load_flags = match flags_rva {
        Some(rva) => {
            let flags: object::U16<LE> = image.read(rva, "DependentLoadFlags")?;
            Some(flags.get(LE))
        }
        None => None,
    };
    let chpe_rva = place(start, size, fields.chpe_metadata_pointer, fields.pointer_size);
    let chpe_metadata_pointer = match (chpe_rva, kind) {
        (None, _) => 0,
        (Some(rva), PeKind::Pe32) => {
            let pointer: object::U32<LE> = image.read(rva, "CHPEMetadataPointer")?;
            u64::from(pointer.get(LE))
        }
        (Some(rva), PeKind::Pe32Plus) => {
            let pointer: object::U64<LE> = image.read(rva, "CHPEMetadataPointer")?;
            pointer.get(LE)
        }
    };
    Ok(Some(LoadConfig {
        size,
        dependent_load_flags,
        dependent_load_flags_rva: flags_rva,
        chpe_metadata_pointer,
    }))
}

/// The RVA of a field, if the structure is long enough to have it.
fn place(start: u32, size: u32, offset: usize, field: usize) -> Option<u32> {
    let offset = u32::try_from(offset).ok()?;
    let end = offset.checked_add(u32::try_from(field).ok()?)?;
    if end <= size { start.checked_add(offset) } else { None }
}
