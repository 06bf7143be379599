//! Symbol versions: what a file needs (`.gnu.version_r`) and what it defines (`.gnu.version_d`).
//!
//! LSB Core, "Symbol Versioning". Both tables are chains of records: `vn_next` leads to the next file,
//! `vna_next` to its next version, all relative to the record they stand in. `DT_VERNEEDNUM` and
//! `vn_cnt` say how many there are; a chain is followed no further, so one that runs in a circle
//! ends too.

use object::elf;

use crate::dynamic::{Dynamic, StringTable};
use crate::encoding::{Budget, Bytes};
use crate::error::{Error, Result};
use crate::header::{Segment, offset_of};

/// Indices of versions have 15 bits, and a version that follows another repeats its name. More names
/// than this are records that share their names, to make a small file expensive.
const MOST_VERSIONS: usize = 1 << 16;

/// The versions that a file needs of one library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionNeed<'data> {
    /// The library, by the name in `DT_NEEDED` (`vn_file`).
    pub file: &'data str,
    /// The versions, in the file's order.
    pub versions: Vec<NeededVersion<'data>>,
}

/// One version that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeededVersion<'data> {
    /// Its name, such as `GLIBC_2.28`.
    pub name: &'data str,
    /// Whether the loader goes on without it (`VER_FLG_WEAK`).
    pub weak: bool,
    /// The index that `.gnu.version` has for it (`vna_other`).
    pub index: u16,
}

/// One version that is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionDefinition<'data> {
    /// Its name.
    pub name: &'data str,
    /// Whether it is the file itself and no version (`VER_FLG_BASE`).
    pub base: bool,
    /// Whether it has no symbols of its own (`VER_FLG_WEAK`).
    pub weak: bool,
    /// The index that `.gnu.version` has for it (`vd_ndx`).
    pub index: u16,
}

/// A `Elf32_Verneed` or `Elf64_Verneed`; the two are the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NeedRecord {
    /// File offset of the record.
    pub(crate) offset: u64,
    pub(crate) vn_cnt: u16,
    pub(crate) vn_file: u32,
    pub(crate) vn_aux: u32,
    pub(crate) vn_next: u32,
}

/// A `Vernaux`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NeedVersion {
    pub(crate) vna_flags: u16,
    pub(crate) vna_other: u16,
    pub(crate) vna_name: u32,
}

/// A `Verdef` with the names in its `Verdaux` records: its own, then those of versions it follows.
#[derive(Clone, Debug)]
pub(crate) struct DefinitionRecord {
    pub(crate) vd_flags: u16,
    pub(crate) vd_ndx: u16,
    pub(crate) vda_names: Vec<u32>,
}

/// The records of `.gnu.version_r`, or none if there is no such table.
pub(crate) fn need_records(
    bytes: &Bytes<'_>,
    segments: &[Segment],
    dynamic: &Dynamic,
) -> Result<Vec<NeedRecord>> {
    const WHAT: &str = "DT_VERNEED";
    let (Some(address), Some(count)) =
        (dynamic.value(elf::DT_VERNEED), dynamic.value(elf::DT_VERNEEDNUM))
    else {
        return Ok(Vec::new());
    };
    let mut records = Vec::new();
    let mut offset = offset_of(segments, WHAT, address, 16)?;
    while (records.len() as u64) < count {
        if bytes.u16(WHAT, offset)? != elf::VER_NEED_CURRENT {
            return Err(Error::table(WHAT, offset, "has a version that is not 1"));
        }
        let record = NeedRecord {
            offset,
            vn_cnt: bytes.u16(WHAT, offset + 2)?,
            vn_file: bytes.u32(WHAT, offset + 4)?,
            vn_aux: bytes.u32(WHAT, offset + 8)?,
            vn_next: bytes.u32(WHAT, offset + 12)?,
        };
        records.push(record);
        if record.vn_next < 16 {
            break;
        }
        offset = next(offset, record.vn_next)?;
    }
    if (records.len() as u64) < count {
        return Err(Error::table(WHAT, offset, "ends before DT_VERNEEDNUM records"));
    }
    Ok(records)
}

/// The versions of one record.
pub(crate) fn need_versions(bytes: &Bytes<'_>, record: &NeedRecord) -> Result<Vec<NeedVersion>> {
    const WHAT: &str = "vn_aux";
    let mut versions = Vec::new();
    let mut offset = next(record.offset, record.vn_aux)?;
    for _ in 0..record.vn_cnt {
        versions.push(NeedVersion {
            vna_flags: bytes.u16(WHAT, offset + 4)?,
            vna_other: bytes.u16(WHAT, offset + 6)?,
            vna_name: bytes.u32(WHAT, offset + 8)?,
        });
        let vna_next = bytes.u32(WHAT, offset + 12)?;
        // Below 16 the records would overlap; 0 ends the chain.
        if vna_next < 16 {
            break;
        }
        offset = next(offset, vna_next)?;
    }
    Ok(versions)
}

/// The records of `.gnu.version_d`, or none if there is no such table.
pub(crate) fn definition_records(
    bytes: &Bytes<'_>,
    segments: &[Segment],
    dynamic: &Dynamic,
) -> Result<Vec<DefinitionRecord>> {
    const WHAT: &str = "DT_VERDEF";
    let (Some(address), Some(count)) =
        (dynamic.value(elf::DT_VERDEF), dynamic.value(elf::DT_VERDEFNUM))
    else {
        return Ok(Vec::new());
    };
    let mut total = 0;
    let mut records = Vec::new();
    let mut offset = offset_of(segments, WHAT, address, 20)?;
    while (records.len() as u64) < count {
        if bytes.u16(WHAT, offset)? != elf::VER_DEF_CURRENT {
            return Err(Error::table(WHAT, offset, "has a version that is not 1"));
        }
        let vd_cnt = bytes.u16(WHAT, offset + 6)?;
        let mut vda_names = Vec::new();
        let mut aux = next(offset, bytes.u32(WHAT, offset + 12)?)?;
        for _ in 0..vd_cnt {
            vda_names.push(bytes.u32("vd_aux", aux)?);
            let vda_next = bytes.u32("vd_aux", aux + 4)?;
            if vda_next < 8 {
                break;
            }
            aux = next(aux, vda_next)?;
        }
        total += vda_names.len();
        if total > MOST_VERSIONS {
            return Err(Error::table(WHAT, offset, "has more versions than indices"));
        }
        records.push(DefinitionRecord {
            vd_flags: bytes.u16(WHAT, offset + 2)?,
            vd_ndx: bytes.u16(WHAT, offset + 4)?,
            vda_names,
        });
        let vd_next = bytes.u32(WHAT, offset + 16)?;
        if vd_next < 20 {
            break;
        }
        offset = next(offset, vd_next)?;
    }
    if (records.len() as u64) < count {
        return Err(Error::table(WHAT, offset, "ends before DT_VERDEFNUM records"));
    }
    Ok(records)
}

fn next(offset: u64, step: u32) -> Result<u64> {
    // 1 << 48 is beyond any file and far enough from overflow for the small sums above.
    offset
        .checked_add(u64::from(step))
        .filter(|&next| next < 1 << 48)
        .ok_or_else(|| Error::truncated("a version record", offset))
}

/// What the file needs, with names.
pub(crate) fn needs<'data>(
    bytes: &Bytes<'data>,
    segments: &[Segment],
    dynamic: &Dynamic,
    strings: &StringTable,
) -> Result<Vec<VersionNeed<'data>>> {
    let mut budget = Budget::new(bytes);
    let mut total = 0;
    let mut needs = Vec::new();
    for record in need_records(bytes, segments, dynamic)? {
        let file = strings.get(bytes, "vn_file", record.vn_file.into())?;
        budget.spend("DT_VERNEED", record.offset, file.len())?;
        let mut versions = Vec::new();
        for version in need_versions(bytes, &record)? {
            let name = strings.get(bytes, "vna_name", version.vna_name.into())?;
            budget.spend("DT_VERNEED", record.offset, name.len())?;
            versions.push(NeededVersion {
                name,
                weak: version.vna_flags & elf::VER_FLG_WEAK.0 != 0,
                index: version.vna_other,
            });
        }
        total += versions.len();
        if total > MOST_VERSIONS {
            return Err(Error::table(
                "DT_VERNEED",
                record.offset,
                "has more versions than indices",
            ));
        }
        needs.push(VersionNeed { file, versions });
    }
    Ok(needs)
}

/// What the file defines, with names.
pub(crate) fn definitions<'data>(
    bytes: &Bytes<'data>,
    segments: &[Segment],
    dynamic: &Dynamic,
    strings: &StringTable,
) -> Result<Vec<VersionDefinition<'data>>> {
    let records = definition_records(bytes, segments, dynamic)?;
    let named = records.iter().filter_map(|record| Some((record, *record.vda_names.first()?)));
    let mut budget = Budget::new(bytes);
    named
        .map(|(record, name)| {
            let name = strings.get(bytes, "vda_name", name.into())?;
            budget.spend("DT_VERDEF", strings.offset, name.len())?;
            Ok(VersionDefinition {
                name,
                base: record.vd_flags & elf::VER_FLG_BASE.0 != 0,
                weak: record.vd_flags & elf::VER_FLG_WEAK.0 != 0,
                index: record.vd_ndx,
            })
        })
        .collect()
}
