//! Code directories: what a signature says of the code, page by page.
//!
//! `CS_CodeDirectory` of `<kern/cs_blobs.h>`, big-endian on every CPU. Its fields grew with `version`; a field that
//! the version does not have is not read. The hashes of special slots stand before `hashOffset` in descending
//! order, those of the pages from there on.

use object::BigEndian;
use object::macho as m;

use crate::digest::HashType;
use crate::error::{ErrorKind, Result};
use crate::window::Window;

/// The executable segment, as a code directory of version 0x20400 and newer gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecSegment {
    /// `execSegBase`: its offset in the slice.
    pub base: u64,
    /// `execSegLimit`: its size in bytes. ld-prime writes less than the segment has.
    pub limit: u64,
    /// `execSegFlags`, `CS_EXECSEG_*`: 1 is a program.
    pub flags: u64,
}

/// One code directory.
#[derive(Debug, Clone, Copy)]
pub struct CodeDirectory<'a> {
    /// The slot it stands in: 0, or 0x1000 and up for those with other hashes of the same.
    pub slot: u32,
    /// `version`, e.g. 0x20400.
    pub version: u32,
    /// `flags`, `CS_*`: 2 is ad hoc, 0x10000 the hardened runtime, 0x20000 signed by the linker.
    pub flags: u32,
    /// What is signed, by name.
    pub identifier: &'a str,
    /// Who signed it: the team of a developer's certificate.
    pub team: Option<&'a str>,
    /// How it hashes.
    pub hash_type: HashType,
    /// The power of two that is the size of a page; 0 for one hash of everything.
    pub page_shift: u8,
    /// `codeLimit`: how many bytes from the start of the slice are hashed.
    pub code_limit: u64,
    /// The executable segment, from version 0x20400 on.
    pub exec_segment: Option<ExecSegment>,
    /// `nSpecialSlots`: the highest special slot with a hash.
    pub special_slots: u32,
    /// `nCodeSlots`: the number of pages.
    pub code_slots: u32,
    hash_offset: u32,
    window: Window<'a>,
}

impl<'a> CodeDirectory<'a> {
    /// Reads the directory that fills `window`.
    pub(crate) fn read(window: Window<'a>, slot: u32) -> Result<Self> {
        let raw: &m::CsCodeDirectoryV0 = window.read(0, "code directory")?;
        let version = raw.version.get(BigEndian).0;
        let wrong = |field, value| ErrorKind::SignatureField {
            field,
            offset: window.position(0),
            value: u64::from(value),
        };
        let number = raw.hash_type.0;
        let hash_type =
            HashType::from_number(number).ok_or_else(|| wrong("hashType", u32::from(number)))?;
        if raw.hash_size != hash_type.size() {
            return Err(wrong("hashSize", raw.hash_size.into()).into());
        }
        if raw.page_size > 31 {
            return Err(wrong("pageSize", raw.page_size.into()).into());
        }
        let directory = Self {
            slot,
            version,
            flags: raw.flags.get(BigEndian).0,
            identifier: window.string(raw.ident_offset.get(BigEndian).into(), "identifier")?,
            team: read_team(window, version)?,
            hash_type,
            page_shift: raw.page_size,
            code_limit: read_limit(window, version, raw.code_limit.get(BigEndian))?,
            exec_segment: read_exec_segment(window, version)?,
            special_slots: raw.n_special_slots.get(BigEndian),
            code_slots: raw.n_code_slots.get(BigEndian),
            hash_offset: raw.hash_offset.get(BigEndian),
            window,
        };
        directory.check_tables()?;
        Ok(directory)
    }

    /// The hashes must be where the directory says.
    fn check_tables(&self) -> Result<()> {
        let offset = self.window.position(0);
        let value = u64::from(self.special_slots);
        let size = u64::from(self.hash_type.size());
        if value.saturating_mul(size) > u64::from(self.hash_offset) {
            return Err(ErrorKind::SignatureField { field: "nSpecialSlots", offset, value }.into());
        }
        self.pages().map(|_| ())
    }

    /// The hash of the special slot `slot`, `CSSLOT_*`, from 1 on. `None` where it has none or only zeros.
    #[must_use]
    pub fn special_hash(&self, slot: u32) -> Option<&'a [u8]> {
        if slot == 0 || slot > self.special_slots {
            return None;
        }
        let size = u64::from(self.hash_type.size());
        let back = u64::from(slot).checked_mul(size)?;
        let offset = u64::from(self.hash_offset).checked_sub(back)?;
        let hash = self.window.part(offset, size, "special slot").ok()?.bytes();
        hash.iter().any(|&byte| byte != 0).then_some(hash)
    }

    /// The hashes of all pages, one behind the other.
    pub(crate) fn pages(&self) -> Result<&'a [u8]> {
        let size = u64::from(self.code_slots).saturating_mul(self.hash_type.size().into());
        Ok(self.window.part(self.hash_offset.into(), size, "page hashes")?.bytes())
    }

    /// The size of a page in bytes, 0 for one hash of everything.
    pub(crate) fn page_size(&self) -> usize {
        if self.page_shift == 0 { 0 } else { 1 << self.page_shift }
    }

    /// `CS_ADHOC`: nobody vouches for it.
    #[must_use]
    pub fn is_ad_hoc(&self) -> bool {
        self.flags & m::CS_ADHOC.0 != 0
    }

    /// `CS_LINKER_SIGNED`: made by the linker, to be replaced by any tool.
    #[must_use]
    pub fn is_linker_signed(&self) -> bool {
        self.flags & m::CS_LINKER_SIGNED.0 != 0
    }
}

const V0: usize = size_of::<m::CsCodeDirectoryV0>();
const V2: usize = V0 + size_of::<m::CsCodeDirectoryV1>();
const V3: usize = V2 + size_of::<m::CsCodeDirectoryV2>();
const V4: usize = V3 + size_of::<m::CsCodeDirectoryV3>();

/// The size of a directory's fixed part in version 0x20400, which is what we write.
pub(crate) const V4_SIZE: usize = V4 + size_of::<m::CsCodeDirectoryV4>();

fn read_team(window: Window<'_>, version: u32) -> Result<Option<&str>> {
    if version < m::CS_SUPPORTSTEAMID.0 {
        return Ok(None);
    }
    let raw: &m::CsCodeDirectoryV2 = window.read(V2 as u64, "code directory")?;
    match raw.team_offset.get(BigEndian) {
        0 => Ok(None),
        offset => window.string(offset.into(), "team").map(Some),
    }
}

/// `codeLimit64` counts where it is not 0.
fn read_limit(window: Window<'_>, version: u32, limit: u32) -> Result<u64> {
    if version < m::CS_SUPPORTSCODELIMIT64.0 {
        return Ok(limit.into());
    }
    let raw: &m::CsCodeDirectoryV3 = window.read(V3 as u64, "code directory")?;
    match raw.code_limit64.get(BigEndian) {
        0 => Ok(limit.into()),
        limit => Ok(limit),
    }
}

fn read_exec_segment(window: Window<'_>, version: u32) -> Result<Option<ExecSegment>> {
    if version < m::CS_SUPPORTSEXECSEG.0 {
        return Ok(None);
    }
    let raw: &m::CsCodeDirectoryV4 = window.read(V4 as u64, "code directory")?;
    Ok(Some(ExecSegment {
        base: raw.exec_seg_base.get(BigEndian),
        limit: raw.exec_seg_limit.get(BigEndian),
        flags: raw.exec_seg_flags.get(BigEndian).0,
    }))
}
