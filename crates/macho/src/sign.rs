//! The ad-hoc signature, byte for byte as `codesign --force --sign -` writes it.
//!
//! A SuperBlob of one code directory (two where a system before 10.11.4 may read it: that knows SHA-1 only), an empty
//! set of requirements and an empty CMS signature. codesign reserves room for a CMS signature that never comes, so a
//! signature is some 18,000 bytes larger than its blobs. What a former signature said that is still true is kept:
//! entitlements, and the hashes of files beside the binary.

use object::macho as m;

use crate::code_directory::{CodeDirectory, ExecSegment, V4_SIZE};
use crate::digest::HashType;
use crate::edit::Note;
use crate::error::{ErrorKind, Result};
use crate::fat::MachO;
use crate::identifier::identifier;
use crate::read::Slice;
use crate::signature::{Blob, CodeSignature};
use crate::version::MinimumOs;

/// An empty set of requirements: magic number, length, no entries.
const REQUIREMENTS: [u8; 12] = [0xfa, 0xde, 0x0c, 0x01, 0, 0, 0, 12, 0, 0, 0, 0];
/// An empty CMS signature: magic number and length.
const NO_CMS: [u8; 8] = [0xfa, 0xde, 0x0b, 0x01, 0, 0, 0, 8];
/// What codesign adds for a CMS signature, for each code directory after the first, and rounds to.
const CMS_ROOM: u64 = 18_000;
const CMS_ROOM_PER_DIRECTORY: u64 = 8;
const ROUNDED_TO: u64 = 16;
/// Pages of 4 KiB, which codesign took until macOS 26; since then of 16 KiB for ARM64.
const PAGE_SHIFT_4K: u8 = 12;
const PAGE_SHIFT_16K: u8 = 14;
const FIRST_SDK_OF_16K: u16 = 26;
/// The headers of a SuperBlob and of an entry of its index.
const SUPER_BLOB_SIZE: usize = 12;
const INDEX_SIZE: usize = 8;

const INFO_PLIST: u32 = m::CSSLOT_INFOSLOT.0;
const RESOURCES: u32 = m::CSSLOT_RESOURCEDIR.0;
const ENTITLEMENTS: [u32; 2] = [m::CSSLOT_ENTITLEMENTS.0, m::CSSLOT_DER_ENTITLEMENTS.0];

/// All that a signature says but the hashes of the pages.
#[derive(Debug)]
pub(crate) struct Signer<'a> {
    identifier: String,
    hash_types: Vec<HashType>,
    page_shift: u8,
    exec_segment: ExecSegment,
    /// The content of special slots, in the order of the slots: what is hashed, and whether it is in the signature.
    content: Vec<(Blob<'a>, bool)>,
    /// Hashes that cannot be made anew: of files beside the binary.
    sealed: Vec<(u32, HashType, &'a [u8])>,
}

impl<'a> Signer<'a> {
    /// What the signature of `slice` in `file` will say.
    ///
    /// # Errors
    ///
    /// Without a file name there is no identifier.
    pub(crate) fn new(
        file: &MachO<'a>,
        slice: &Slice<'a>,
        file_name: &str,
        notes: &mut Vec<Note>,
    ) -> Result<Self> {
        if file_name.is_empty() {
            return Err(ErrorKind::NoFileName.into());
        }
        let former = former(slice, notes);
        let directory = former.as_ref().and_then(|former| former.directories().first());
        let sealed = former.as_ref().map_or_else(Vec::new, |former| sealed(slice, former));
        let is_bundle = sealed.iter().any(|(slot, ..)| *slot == INFO_PLIST);
        let known = directory.map(|directory| directory.identifier);
        Ok(Self {
            // Inside a bundle the name is that of the bundle, which stands in a file beside this one.
            identifier: match known {
                Some(name) if is_bundle => name.to_owned(),
                _ => identifier(file, slice, file_name, known),
            },
            hash_types: hash_types(file),
            page_shift: page_shift(slice, directory),
            exec_segment: exec_segment(slice, former.as_ref()),
            content: content(slice, former.as_ref()),
            sealed,
        })
    }

    /// The highest special slot with a hash.
    fn special_slots(&self) -> u32 {
        let sealed = self.sealed.iter().map(|(slot, ..)| *slot);
        self.content.iter().map(|(blob, _)| blob.slot).chain(sealed).max().unwrap_or(0)
    }

    /// The size of one code directory.
    fn directory_size(&self, hash_type: HashType, code_size: u64) -> u64 {
        let pages = code_size.div_ceil(1 << self.page_shift);
        let hashes = pages.saturating_add(self.special_slots().into());
        (V4_SIZE as u64)
            .saturating_add(self.identifier.len() as u64)
            .saturating_add(1)
            .saturating_add(hashes.saturating_mul(hash_type.size().into()))
    }

    /// `datasize`: the bytes that the signature of `code_size` bytes takes in the file.
    pub(crate) fn size(&self, code_size: u64) -> u64 {
        let directories = self.hash_types.len() as u64;
        let embedded = self.content.iter().filter(|(_, embedded)| *embedded);
        let blobs: u64 = embedded.clone().map(|(blob, _)| blob.bytes.len() as u64).sum();
        let count = directories.saturating_add(embedded.count() as u64).saturating_add(1);
        let hashes =
            self.hash_types.iter().map(|&hash_type| self.directory_size(hash_type, code_size));
        (SUPER_BLOB_SIZE as u64)
            .saturating_add(count.saturating_mul(INDEX_SIZE as u64))
            .saturating_add(blobs)
            .saturating_add(hashes.fold(NO_CMS.len() as u64, u64::saturating_add))
            .saturating_add(CMS_ROOM)
            .saturating_add(CMS_ROOM_PER_DIRECTORY.saturating_mul(directories.saturating_sub(1)))
            .next_multiple_of(ROUNDED_TO)
    }

    /// The signature of `code`, as it stands in the file.
    pub(crate) fn sign(&self, code: &[u8]) -> Result<Vec<u8>> {
        let mut blobs: Vec<(u32, Vec<u8>)> = Vec::new();
        for (place, &hash_type) in (0_u32..).zip(&self.hash_types) {
            let slot = match place {
                0 => m::CSSLOT_CODEDIRECTORY.0,
                _ => m::CSSLOT_ALTERNATE_CODEDIRECTORIES.saturating_add(place).saturating_sub(1),
            };
            blobs.push((slot, self.directory(hash_type, code)?));
        }
        for (blob, embedded) in &self.content {
            if *embedded {
                blobs.push((blob.slot, blob.bytes.to_vec()));
            }
        }
        blobs.push((m::CSSLOT_SIGNATURESLOT.0, NO_CMS.to_vec()));
        blobs.sort_by_key(|(slot, _)| *slot);
        let mut signature = super_blob(&blobs)?;
        let size = self.size(code.len() as u64);
        signature.resize(usize::try_from(size).unwrap_or(signature.len()), 0);
        Ok(signature)
    }

    fn directory(&self, hash_type: HashType, code: &[u8]) -> Result<Vec<u8>> {
        let pages = (code.len() as u64).div_ceil(1 << self.page_shift);
        let special_slots = self.special_slots();
        let identifier_end = V4_SIZE.saturating_add(self.identifier.len()).saturating_add(1);
        let special_size = u64::from(special_slots).saturating_mul(hash_type.size().into());
        let hash_offset = (identifier_end as u64).saturating_add(special_size);
        let size = self.directory_size(hash_type, code.len() as u64);
        let mut bytes = Vec::with_capacity(identifier_end);
        for number in [
            m::CSMAGIC_CODEDIRECTORY.into(),
            size,
            m::CS_SUPPORTSEXECSEG.0.into(),
            m::CS_ADHOC.0.into(),
            hash_offset,
            V4_SIZE as u64,
            special_slots.into(),
            pages,
            code.len() as u64,
        ] {
            bytes.extend(word(number, "the signature")?);
        }
        bytes.extend([hash_type.size(), hash_type.number(), 0, self.page_shift]);
        // spare2, scatterOffset, teamOffset, spare3, codeLimit64
        bytes.extend([0; 4 * 4 + 8]);
        let ExecSegment { base, limit, flags } = self.exec_segment;
        bytes.extend([base, limit, flags].into_iter().flat_map(u64::to_be_bytes));
        bytes.extend(self.identifier.as_bytes());
        bytes.push(0);
        for slot in (1..=special_slots).rev() {
            bytes.extend(self.special_hash(slot, hash_type));
        }
        bytes.extend(hash_type.of_pages(code, 1 << self.page_shift));
        Ok(bytes)
    }

    /// The hash of a special slot, zeros where there is none.
    fn special_hash(&self, slot: u32, hash_type: HashType) -> Vec<u8> {
        if let Some((blob, _)) = self.content.iter().find(|(blob, _)| blob.slot == slot) {
            return hash_type.of(blob.bytes);
        }
        let is_it = |found: &&(u32, HashType, &[u8])| (found.0, found.1) == (slot, hash_type);
        match self.sealed.iter().find(is_it) {
            Some((.., hash)) => hash.to_vec(),
            None => vec![0; hash_type.size().into()],
        }
    }
}

/// The former signature, if anything of it may be kept; says what of it is lost.
fn former<'a>(slice: &Slice<'a>, notes: &mut Vec<Note>) -> Option<CodeSignature<'a>> {
    let architecture = slice.architecture();
    let signature = match slice.signature() {
        Ok(found) => found?,
        Err(error) => {
            let reason = error.to_string();
            notes.push(Note::SignatureUnreadable { architecture, reason });
            return None;
        }
    };
    let directory = signature.directories().first()?;
    if !signature.is_ad_hoc() {
        notes.push(Note::SignatureLost {
            architecture,
            identifier: directory.identifier.to_owned(),
            team: directory.team.map(str::to_owned),
        });
    }
    if directory.flags & m::CS_RUNTIME.0 != 0 {
        notes.push(Note::RuntimeLost { architecture });
    }
    // The linker's signature is a stopgap: it names the file and hashes pages, nothing else.
    (!signature.is_linker_signed()).then_some(signature)
}

/// The hashes of the Info.plist and the resources of the bundle that the slice is in.
fn sealed<'a>(slice: &Slice<'a>, former: &CodeSignature<'a>) -> Vec<(u32, HashType, &'a [u8])> {
    let own_plist = slice.info_plist().is_some();
    let mut sealed = Vec::new();
    for directory in former.directories() {
        for slot in [INFO_PLIST, RESOURCES] {
            let hash = directory.special_hash(slot);
            if let Some(hash) = hash.filter(|_| slot != INFO_PLIST || !own_plist) {
                sealed.push((slot, directory.hash_type, hash));
            }
        }
    }
    sealed
}

/// What the special slots hash, in order, and whether it stands in the signature.
fn content<'a>(slice: &Slice<'a>, former: Option<&CodeSignature<'a>>) -> Vec<(Blob<'a>, bool)> {
    let mut content = Vec::new();
    if let Some(bytes) = slice.info_plist() {
        content.push((Blob { slot: INFO_PLIST, magic: 0, bytes }, false));
    }
    let slot = m::CSSLOT_REQUIREMENTS.0;
    let magic = m::CSMAGIC_REQUIREMENTS;
    content.push((Blob { slot, magic, bytes: &REQUIREMENTS }, true));
    let kept = ENTITLEMENTS.iter().filter_map(|&slot| former?.blob(slot));
    content.extend(kept.map(|blob| (blob, true)));
    content
}

/// SHA-256, and SHA-1 before it where a slice of the file runs on a system that knows no other.
fn hash_types(file: &MachO<'_>) -> Vec<HashType> {
    let is_old = |slice: &Slice<'_>| slice.minimum_os().is_none_or(needs_sha1);
    if file.slices().iter().any(is_old) {
        vec![HashType::Sha1, HashType::Sha256]
    } else {
        vec![HashType::Sha256]
    }
}

/// The first versions that read SHA-256; watchOS is not trusted to, and all other systems are younger.
fn needs_sha1(minimum: MinimumOs) -> bool {
    match m::Platform(minimum.platform) {
        m::PLATFORM_MACOS => minimum.version < (10, 11, 4),
        m::PLATFORM_IOS | m::PLATFORM_TVOS => minimum.version < (11, 0, 0),
        m::PLATFORM_WATCHOS => true,
        _ => false,
    }
}

/// The page size that codesign would take: that of the former signature it made, else by the SDK, which says how
/// old the tools are.
fn page_shift(slice: &Slice<'_>, former: Option<&CodeDirectory<'_>>) -> u8 {
    if let Some(shift @ (PAGE_SHIFT_4K | PAGE_SHIFT_16K)) = former.map(|former| former.page_shift) {
        return shift;
    }
    let is_new = slice.minimum_os().is_some_and(|os| os.sdk.0 >= FIRST_SDK_OF_16K);
    if slice.is_arm64() && is_new { PAGE_SHIFT_16K } else { PAGE_SHIFT_4K }
}

/// Where `__TEXT` is, and whether it is a program's; entitlements allow a program more.
fn exec_segment(slice: &Slice<'_>, former: Option<&CodeSignature<'_>>) -> ExecSegment {
    let place = slice.segment("__TEXT").map_or((0, 0), |text| (text.offset, text.size));
    let is_program = slice.file_type == m::MH_EXECUTE.0;
    let mut flags = if is_program { m::CS_EXECSEG_MAIN_BINARY.0 } else { 0 };
    if let Some(former) = former.filter(|former| former.entitlements().is_some()) {
        let directories = former.directories().iter();
        flags |= directories.filter_map(|one| one.exec_segment).fold(0, |all, one| all | one.flags);
    }
    ExecSegment { base: place.0, limit: place.1, flags }
}

/// Blobs behind their index.
fn super_blob(blobs: &[(u32, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut offset = SUPER_BLOB_SIZE.saturating_add(blobs.len().saturating_mul(INDEX_SIZE)) as u64;
    let mut index = Vec::new();
    for (slot, blob) in blobs {
        index.extend(slot.to_be_bytes());
        index.extend(word(offset, "the signature")?);
        offset = offset.saturating_add(blob.len() as u64);
    }
    let mut bytes = m::CSMAGIC_EMBEDDED_SIGNATURE.to_be_bytes().to_vec();
    bytes.extend(word(offset, "the signature")?);
    bytes.extend(word(blobs.len() as u64, "the signature")?);
    bytes.extend(index);
    bytes.extend(blobs.iter().flat_map(|(_, blob)| blob));
    Ok(bytes)
}

fn word(number: u64, what: &'static str) -> Result<[u8; 4]> {
    let number = u32::try_from(number).map_err(|_| ErrorKind::TooLarge { what, size: number })?;
    Ok(number.to_be_bytes())
}
