//! The version resource: which of two copies of a library is newer.
//!
//! "PE Format", The .rsrc Section: three levels of tables (type, name, language) whose offsets count from the start
//! of the resource directory; the last leads to a data entry with an RVA. The version is the first resource of type
//! `RT_VERSION`: a `VS_VERSIONINFO` header with the UTF-16 key `VS_VERSION_INFO`, then a `VS_FIXEDFILEINFO`.

use object::LittleEndian as LE;
use object::pe as p;

use crate::error::{ErrorKind, Result};
use crate::section::Image;

/// The signature of `VS_FIXEDFILEINFO`.
const VS_FFI_SIGNATURE: u32 = 0xfeef_04bd;
/// Behind three words and sixteen UTF-16 characters, rounded to four bytes.
const FIXED_FILE_INFO: usize = 40;
/// The offset of a deeper table has the top bit set.
const IS_TABLE: u32 = 0x8000_0000;

/// The versions that a file states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionInfo {
    /// The version of the file, e.g. `(14, 44, 35211, 0)`.
    pub file_version: (u16, u16, u16, u16),
    /// The version of what it is part of.
    pub product_version: (u16, u16, u16, u16),
}

/// Which entry of a table to follow.
#[derive(Debug, Clone, Copy)]
enum Entry {
    Id(u32),
    First,
}

/// Reads the version resource.
pub(crate) fn version(
    image: &Image<'_>,
    directory: Option<(u32, u32)>,
) -> Result<Option<VersionInfo>> {
    let Some((start, _)) = directory else { return Ok(None) };
    let mut table = 0;
    for entry in [Entry::Id(u32::from(p::RT_VERSION)), Entry::First] {
        match find(image, start, table, entry)? {
            Some(next) if next & IS_TABLE != 0 => table = next & !IS_TABLE,
            _ => return Ok(None),
        }
    }
    let Some(entry) = find(image, start, table, Entry::First)? else { return Ok(None) };
    let entry_rva = below(start, entry)?;
    let entry: p::ImageResourceDataEntry = image.read(entry_rva, "resource data entry")?;
    let data = image.part(entry.offset_to_data.get(LE), entry.size.get(LE), "version resource")?;
    Ok(data.get(FIXED_FILE_INFO..).and_then(fixed_file_info))
}

/// The offset that the entry of a table leads to.
fn find(image: &Image<'_>, start: u32, table: u32, wanted: Entry) -> Result<Option<u32>> {
    let rva = below(start, table)?;
    let raw: p::ImageResourceDirectory = image.read(rva, "resource directory")?;
    let named = u32::from(raw.number_of_named_entries.get(LE));
    let count = named.saturating_add(u32::from(raw.number_of_id_entries.get(LE)));
    let header = u32::try_from(size_of_val(&raw)).unwrap_or(u32::MAX);
    let entries: &[p::ImageResourceDirectoryEntry] =
        image.table(below(rva, header)?, count, "resource directory entries")?;
    let is_wanted = |entry: &&p::ImageResourceDirectoryEntry| match wanted {
        Entry::Id(id) => entry.name_or_id.get(LE) == id,
        Entry::First => true,
    };
    Ok(entries.iter().find(is_wanted).map(|entry| entry.offset_to_data_or_directory.get(LE)))
}

fn below(start: u32, offset: u32) -> Result<u32> {
    let rva = u64::from(start).saturating_add(u64::from(offset));
    u32::try_from(rva).map_err(|_| ErrorKind::Unmapped { what: "resource", rva }.into())
}

fn fixed_file_info(bytes: &[u8]) -> Option<VersionInfo> {
    let word = |index: usize| {
        let start = index.checked_mul(4)?;
        let bytes = bytes.get(start..start.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    if word(0)? != VS_FFI_SIGNATURE {
        return None;
    }
    Some(VersionInfo {
        file_version: four(word(2)?, word(3)?),
        product_version: four(word(4)?, word(5)?),
    })
}

fn four(high: u32, low: u32) -> (u16, u16, u16, u16) {
    let [a, b, c, d] = high.to_be_bytes();
    let [e, f, g, h] = low.to_be_bytes();
    let pair = |high, low| u16::from_be_bytes([high, low]);
    (pair(a, b), pair(c, d), pair(e, f), pair(g, h))
}
