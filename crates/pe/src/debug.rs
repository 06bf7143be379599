//! The debug directory: each of its entries has its data's place twice, in memory and in the file.
//!
//! "PE Format", Debug Directory: `PointerToRawData` is a file offset, so it has to follow when data moves in the
//! file.

use std::mem::offset_of;

use object::LittleEndian as LE;
use object::pe as p;

use crate::error::Result;
use crate::section::Image;

/// What an entry says of the place of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DebugEntry {
    /// Where `PointerToRawData` stands.
    pub(crate) pointer_rva: u32,
    /// `PointerToRawData`, a file offset.
    pub(crate) pointer: u32,
    /// `SizeOfData`, in bytes.
    pub(crate) size: u32,
}

/// Reads the debug directory.
pub(crate) fn read(image: &Image<'_>, directory: Option<(u32, u32)>) -> Result<Vec<DebugEntry>> {
    let Some((start, size)) = directory else { return Ok(Vec::new()) };
    let entry = u32::try_from(size_of::<p::ImageDebugDirectory>()).unwrap_or(u32::MAX);
    let field = u32::try_from(offset_of!(p::ImageDebugDirectory, pointer_to_raw_data)).unwrap_or(0);
    let count = size / entry;
    let entries: &[p::ImageDebugDirectory] = image.table(start, count, "debug directory")?;
    let place = |index: u32| start.saturating_add(index.saturating_mul(entry));
    let found = (0_u32..).zip(entries).map(|(index, raw)| DebugEntry {
        pointer_rva: place(index).saturating_add(field),
        pointer: raw.pointer_to_raw_data.get(LE),
        size: raw.size_of_data.get(LE),
    });
    Ok(found.collect())
}
