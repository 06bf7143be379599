//! Notes: the build ID, which x86-64 level the code needs, and whether the NDK made it.
//!
//! gABI, "Note Section": name size, descriptor size, type, name, descriptor, each padded to 4 bytes; in
//! a segment aligned to 8 the descriptor is padded to 8 (Linux gABI extensions,
//! `NT_GNU_PROPERTY_TYPE_0`).

use object::elf::{self, GnuPropertyType};

use crate::encoding::{Bytes, align_up};
use crate::error::Result;
use crate::header::Segment;

const WHAT: &str = "PT_NOTE";

/// The owner of the notes that GNU defines.
const GNU: &[u8] = b"GNU\0";

/// The descriptor of the first note of this owner and type, by file offset and size.
fn find_note(
    bytes: &Bytes<'_>,
    segment: &Segment,
    owner: &[u8],
    n_type: u32,
) -> Result<Option<(u64, u64)>> {
    let align = if segment.p_align == 8 { 8 } else { 4 };
    bytes.range(WHAT, segment.p_offset, segment.p_filesz)?;
    let end = segment.file_end();
    let mut offset = segment.p_offset;
    while end - offset >= 12 {
        let n_namesz = u64::from(bytes.u32(WHAT, offset)?);
        let n_descsz = u64::from(bytes.u32(WHAT, offset + 4)?);
        let kind = bytes.u32(WHAT, offset + 8)?;
        let name = offset + 12;
        // Sums of a file offset and 32-bit sizes: far from 2^64.
        let descriptor = segment.p_offset
            + align_up(name + n_namesz - segment.p_offset, align).unwrap_or(u64::MAX >> 1);
        let next = descriptor.saturating_add(align_up(n_descsz, align).unwrap_or(u64::MAX >> 1));
        if descriptor.saturating_add(n_descsz) > end {
            break;
        }
        if kind == n_type && bytes.range(WHAT, name, n_namesz)? == owner {
            return Ok(Some((descriptor, n_descsz)));
        }
        if next > end {
            break;
        }
        offset = next;
    }
    Ok(None)
}

/// The bytes of `NT_GNU_BUILD_ID`.
pub(crate) fn build_id<'data>(
    bytes: &Bytes<'data>,
    segments: &[Segment],
) -> Result<Option<&'data [u8]>> {
    for segment in segments.iter().filter(|segment| segment.p_type == elf::PT_NOTE) {
        if let Some((offset, size)) = find_note(bytes, segment, GNU, elf::NT_GNU_BUILD_ID.0)? {
            return bytes.range(WHAT, offset, size).map(Some);
        }
    }
    Ok(None)
}

/// Whether there is `.note.android.ident`, which the NDK's start files put into every binary with the
/// API level it was built for (bionic, `libc/arch-common/bionic/crtbrand.S`).
pub(crate) fn is_android(bytes: &Bytes<'_>, segments: &[Segment]) -> Result<bool> {
    const NT_VERSION: u32 = 1;
    for segment in segments.iter().filter(|segment| segment.p_type == elf::PT_NOTE) {
        if find_note(bytes, segment, b"Android\0", NT_VERSION)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bits of `GNU_PROPERTY_X86_ISA_1_NEEDED`, 0 if the file does not say.
pub(crate) fn x86_isa_needed(bytes: &Bytes<'_>, segments: &[Segment]) -> Result<u32> {
    let places = [elf::PT_GNU_PROPERTY, elf::PT_NOTE];
    for place in places {
        for segment in segments.iter().filter(|segment| segment.p_type == place) {
            let kind = elf::NT_GNU_PROPERTY_TYPE_0.0;
            if let Some((offset, size)) = find_note(bytes, segment, GNU, kind)? {
                return isa_property(bytes, offset, offset + size);
            }
        }
    }
    Ok(0)
}

/// Looks through the properties of one note: type, size, data padded to the size of an address.
fn isa_property(bytes: &Bytes<'_>, mut offset: u64, end: u64) -> Result<u32> {
    while end.saturating_sub(offset) >= 8 {
        let kind = GnuPropertyType(bytes.u32(WHAT, offset)?);
        let size = u64::from(bytes.u32(WHAT, offset + 4)?);
        if kind == elf::GNU_PROPERTY_X86_ISA_1_NEEDED && size == 4 {
            return bytes.u32(WHAT, offset + 8);
        }
        offset += 8 + align_up(size, bytes.encoding.word_size()).unwrap_or(size);
    }
    Ok(0)
}
