//! Code signatures: the blobs behind `LC_CODE_SIGNATURE`, and whether they fit the code.
//!
//! `CS_SuperBlob` of `<kern/cs_blobs.h>`: an index of slots, each with the offset of its blob; every blob starts
//! with a magic number and its length. Big-endian on every CPU. The kernel compares a page with its hash when it is
//! first touched, and kills the process when they differ; [`CodeSignature::faults`] compares them all.

use std::fmt;
use std::ops::Range;

use object::BigEndian;
use object::macho as m;

use crate::code_directory::CodeDirectory;
use crate::digest::HashType;
use crate::error::{ErrorKind, Result};
use crate::read::Slice;
use crate::window::Window;

/// The slot of entitlements as XML.
const ENTITLEMENTS: u32 = m::CSSLOT_ENTITLEMENTS.0;
/// The slot of the CMS signature.
const CMS: u32 = m::CSSLOT_SIGNATURESLOT.0;
/// Every blob starts with its magic number and its length.
const BLOB_HEADER: usize = 8;

/// One blob of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob<'a> {
    /// Its slot, `CSSLOT_*`.
    pub slot: u32,
    /// Its magic number, `CSMAGIC_*`.
    pub magic: u32,
    /// All its bytes, magic number and length included.
    pub bytes: &'a [u8],
}

/// The code signature of one slice.
#[derive(Debug, Clone)]
pub struct CodeSignature<'a> {
    blobs: Vec<Blob<'a>>,
    directories: Vec<CodeDirectory<'a>>,
    place: Range<u64>,
}

/// What does not fit between a signature and its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureFault {
    /// A page is not the one that was signed.
    Page {
        /// The page's offset in the slice.
        offset: u64,
        /// How the directory hashes.
        hash_type: HashType,
    },
    /// A blob of the signature, or the embedded Info.plist, is not the one that was signed.
    SpecialSlot {
        /// Its slot, `CSSLOT_*`.
        slot: u32,
        /// How the directory hashes.
        hash_type: HashType,
    },
    /// The signature covers less or more than what stands before it.
    CodeLimit {
        /// `codeLimit`.
        limit: u64,
        /// Where the signature starts.
        signature: u64,
    },
    /// The number of page hashes is not that of the pages.
    PageCount {
        /// `nCodeSlots`.
        found: u32,
        /// How many pages there are.
        expected: u64,
    },
    /// No code directory hashes with SHA-256, which every system since 10.11.4 asks for.
    NoSha256,
    /// Bytes follow the signature, which is the last thing a slice may have.
    NotLast {
        /// Where the signature ends.
        end: u64,
        /// The size of the slice.
        size: u64,
    },
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page { offset, hash_type } => {
                write!(f, "the page at offset {offset:#x} is not the signed one ({hash_type:?})")
            }
            Self::SpecialSlot { slot, hash_type } => {
                write!(f, "slot {slot} of the signature is not the signed one ({hash_type:?})")
            }
            Self::CodeLimit { limit, signature } => {
                write!(f, "the signature at offset {signature:#x} covers {limit:#x} bytes")
            }
            Self::PageCount { found, expected } => {
                write!(f, "the signature has hashes of {found} pages, there are {expected}")
            }
            Self::NoSha256 => write!(f, "the signature has no SHA-256 hashes"),
            Self::NotLast { end, size } => {
                write!(f, "the signature ends at offset {end:#x} of {size:#x}, it must be last")
            }
        }
    }
}

impl<'a> Slice<'a> {
    /// The slice's code signature, `None` where it has no `LC_CODE_SIGNATURE`.
    ///
    /// # Errors
    ///
    /// When what the command points at is no signature: a wrong magic number, a blob or a table that does not lie
    /// inside, a slot that is there twice.
    pub fn signature(&self) -> Result<Option<CodeSignature<'a>>> {
        let Some(place) = self.code_signature() else { return Ok(None) };
        let size = place.end.saturating_sub(place.start);
        let area = self.window.part(place.start, size, "code signature")?;
        CodeSignature::read(area, place).map(Some)
    }
}

impl<'a> CodeSignature<'a> {
    fn read(area: Window<'a>, place: Range<u64>) -> Result<Self> {
        let raw: &m::CsSuperBlob = area.read(0, "code signature")?;
        check_magic(
            "code signature",
            area,
            raw.magic.get(BigEndian),
            m::CSMAGIC_EMBEDDED_SIGNATURE,
        )?;
        let length = raw.length.get(BigEndian);
        let area = area.part(0, length.into(), "code signature")?;
        let mut signature = Self { blobs: Vec::new(), directories: Vec::new(), place };
        let mut offset = size_of_val(raw) as u64;
        // Each entry is read inside the blob, so a lying count ends at the first that is not there.
        for _ in 0..raw.count.get(BigEndian) {
            let entry: &m::CsBlobIndex = area.read(offset, "signature index")?;
            let (slot, start) = (entry.slot.get(BigEndian).0, entry.offset.get(BigEndian));
            signature.take(area, slot, start)?;
            offset = offset.saturating_add(size_of_val(entry) as u64);
        }
        if signature.directories.is_empty() {
            let value = 0;
            return Err(ErrorKind::SignatureField {
                field: "number of code directories",
                offset: area.position(0),
                value,
            }
            .into());
        }
        Ok(signature)
    }

    fn take(&mut self, area: Window<'a>, slot: u32, start: u32) -> Result<()> {
        // A slot has one blob. This bounds the directories, each of which is compared with the whole slice.
        if self.blobs.iter().any(|blob| blob.slot == slot) || self.blobs.len() >= MAX_BLOBS {
            let value = u64::from(slot);
            let offset = area.position(0);
            return Err(ErrorKind::SignatureField { field: "slot", offset, value }.into());
        }
        let raw: &m::CsGenericBlob = area.read(start.into(), "signature blob")?;
        let (magic, length) = (raw.magic.get(BigEndian), u64::from(raw.length.get(BigEndian)));
        let window = area.part(start.into(), length.max(BLOB_HEADER as u64), "signature blob")?;
        if is_directory(slot) {
            check_magic("code directory", window, magic, m::CSMAGIC_CODEDIRECTORY)?;
            self.directories.push(CodeDirectory::read(window, slot)?);
        }
        self.blobs.push(Blob { slot, magic, bytes: window.bytes() });
        Ok(())
    }

    /// The code directories in the order of the index: the first is the one that old systems read.
    #[must_use]
    pub fn directories(&self) -> &[CodeDirectory<'a>] {
        &self.directories
    }

    /// The blobs in the order of the index.
    #[must_use]
    pub fn blobs(&self) -> &[Blob<'a>] {
        &self.blobs
    }

    /// The blob in the slot `CSSLOT_*`.
    #[must_use]
    pub fn blob(&self, slot: u32) -> Option<Blob<'a>> {
        self.blobs.iter().find(|blob| blob.slot == slot).copied()
    }

    /// The entitlements: an XML property list. `None` where there are none.
    #[must_use]
    pub fn entitlements(&self) -> Option<&'a [u8]> {
        self.blob(ENTITLEMENTS)?.bytes.get(BLOB_HEADER..)
    }

    /// The CMS signature of a certificate; `None` for an ad-hoc signature, which has an empty one or none.
    #[must_use]
    pub fn cms(&self) -> Option<&'a [u8]> {
        let bytes = self.blob(CMS)?.bytes.get(BLOB_HEADER..)?;
        (!bytes.is_empty()).then_some(bytes)
    }

    /// Whether nobody vouches for it: no certificate, or the flag that says so.
    #[must_use]
    pub fn is_ad_hoc(&self) -> bool {
        self.cms().is_none() || self.directories.iter().all(CodeDirectory::is_ad_hoc)
    }

    /// Whether the linker made it.
    #[must_use]
    pub fn is_linker_signed(&self) -> bool {
        self.directories.iter().any(CodeDirectory::is_linker_signed)
    }

    /// Compares the signature with `slice`, which must be the slice it was read from: each page with its hash, each
    /// blob with the hash of its slot. Empty for a signature that the system accepts.
    #[must_use]
    pub fn faults(&self, slice: &Slice<'_>) -> Vec<SignatureFault> {
        let mut faults = Vec::new();
        if !self.directories.iter().any(|found| found.hash_type == HashType::Sha256) {
            faults.push(SignatureFault::NoSha256);
        }
        if self.place.end != slice.size {
            faults.push(SignatureFault::NotLast { end: self.place.end, size: slice.size });
        }
        for directory in &self.directories {
            self.page_faults(directory, slice, &mut faults);
            self.slot_faults(directory, slice, &mut faults);
        }
        faults
    }

    fn page_faults(
        &self,
        directory: &CodeDirectory<'_>,
        slice: &Slice<'_>,
        faults: &mut Vec<SignatureFault>,
    ) {
        let (limit, signature) = (directory.code_limit, self.place.start);
        if limit != signature {
            faults.push(SignatureFault::CodeLimit { limit, signature });
        }
        let Ok(code) = slice.window.part(0, limit.min(slice.size), "signed code") else { return };
        let Ok(hashes) = directory.pages() else { return };
        let page_size = directory.page_size();
        let expected = match page_size {
            0 => 1,
            size => limit.div_ceil(size as u64),
        };
        if u64::from(directory.code_slots) != expected {
            let found = directory.code_slots;
            faults.push(SignatureFault::PageCount { found, expected });
        }
        let hash_type = directory.hash_type;
        let hashes = hashes.chunks(usize::from(hash_type.size()));
        let pages =
            code.bytes().chunks(if page_size == 0 { code.bytes().len().max(1) } else { page_size });
        let mut offset = 0_u64;
        for (page, hash) in pages.zip(hashes) {
            if hash_type.of(page) != hash {
                faults.push(SignatureFault::Page { offset, hash_type });
            }
            offset = offset.saturating_add(page.len() as u64);
        }
    }

    /// Slots without a blob (the Info.plist and resources of a bundle) are files of their own, and not compared;
    /// an Info.plist in the slice is.
    fn slot_faults(
        &self,
        directory: &CodeDirectory<'_>,
        slice: &Slice<'_>,
        faults: &mut Vec<SignatureFault>,
    ) {
        let hash_type = directory.hash_type;
        for slot in 1..=directory.special_slots.min(MAX_SLOTS) {
            let stated = directory.special_hash(slot);
            let content = match self.blob(slot) {
                Some(blob) => Some(blob.bytes),
                None if slot == m::CSSLOT_INFOSLOT.0 => slice.info_plist(),
                None => None,
            };
            let right = match (content, stated) {
                (Some(content), Some(stated)) => hash_type.of(content) == stated,
                (Some(_), None) => self.blob(slot).is_none(),
                (None, _) => true,
            };
            if !right {
                faults.push(SignatureFault::SpecialSlot { slot, hash_type });
            }
        }
    }
}

/// A signature has a dozen slots; more than this are there to cost time.
const MAX_BLOBS: usize = 32;
/// The highest special slot is 11.
const MAX_SLOTS: u32 = 32;

fn is_directory(slot: u32) -> bool {
    slot == m::CSSLOT_CODEDIRECTORY.0 || m::CsSlot(slot).is_alternate_codedirectory()
}

fn check_magic(what: &'static str, window: Window<'_>, magic: u32, expected: u32) -> Result<()> {
    if magic == expected {
        return Ok(());
    }
    Err(ErrorKind::SignatureMagic { what, offset: window.position(0), magic }.into())
}
