//! Build attributes of 32-bit Arm: which processor the code was built for.
//!
//! "Addenda to, and Errata in, the ABI for the Arm Architecture", chapter 3: the section
//! `.ARM.attributes` is the byte `A` and then subsections, each its size, a vendor's name and blocks for
//! the file, for sections or for symbols. A block is a tag, its size, and pairs of a tag and a value:
//! both ULEB128, but the values of some tags are text. ARMv6 and ARMv7 have one `e_machine` and the same
//! `e_flags`; `Tag_CPU_arch` is all that tells them apart. `Tag_ABI_VFP_args` says in which registers
//! floating-point arguments travel; old linkers do not say it in `e_flags` as well.

use object::elf;

use crate::encoding::Bytes;
use crate::header::Section;

const SHT_ARM_ATTRIBUTES: u32 = 0x7000_0003;
const TAG_FILE: u64 = 1;
const TAG_CPU_RAW_NAME: u64 = 4;
const TAG_CPU_NAME: u64 = 5;
const TAG_CPU_ARCH: u64 = 6;
const TAG_ABI_VFP_ARGS: u64 = 28;
const TAG_COMPATIBILITY: u64 = 32;

/// `Tag_CPU_arch` of the file; `None` if nothing says it.
pub(crate) fn cpu_arch(bytes: &Bytes<'_>, sections: &[Section]) -> Option<u8> {
    of_file(bytes, sections, TAG_CPU_ARCH)
}

/// `Tag_ABI_VFP_args` of the file; `None` if nothing says it.
pub(crate) fn abi_vfp_args(bytes: &Bytes<'_>, sections: &[Section]) -> Option<u8> {
    of_file(bytes, sections, TAG_ABI_VFP_ARGS)
}

fn of_file(bytes: &Bytes<'_>, sections: &[Section], wanted: u64) -> Option<u8> {
    let section = sections.iter().find(|section| {
        section.sh_type == elf::SectionType(SHT_ARM_ATTRIBUTES) && section.sh_size > 0
    })?;
    let data = bytes.range(".ARM.attributes", section.sh_offset, section.sh_size).ok()?;
    let is_little_endian = bytes.encoding.endian == crate::Endian::Little;
    of_section(data, is_little_endian, wanted)
}

fn of_section(data: &[u8], is_little_endian: bool, wanted: u64) -> Option<u8> {
    let mut rest = data.strip_prefix(b"A")?;
    while !rest.is_empty() {
        let size = word(rest, is_little_endian)?;
        let subsection = rest.get(4..size)?;
        rest = rest.get(size..)?;
        if let Some(blocks) = subsection.strip_prefix(b"aeabi\0") {
            return of_blocks(blocks, is_little_endian, wanted);
        }
    }
    None
}

/// The attributes of the whole file; of those of single sections the linker has made its sum.
fn of_blocks(mut blocks: &[u8], is_little_endian: bool, wanted: u64) -> Option<u8> {
    while !blocks.is_empty() {
        let (tag, rest) = uleb128(blocks)?;
        // The size counts the tag and itself.
        let size = word(rest, is_little_endian)?;
        let head = blocks.len() - rest.len() + 4;
        if tag == TAG_FILE {
            return of_attributes(blocks.get(head..size)?, wanted);
        }
        blocks = blocks.get(size.max(head)..)?;
    }
    None
}

fn of_attributes(mut data: &[u8], wanted: u64) -> Option<u8> {
    while !data.is_empty() {
        let (tag, rest) = uleb128(data)?;
        data = match tag {
            tag if tag == wanted => return u8::try_from(uleb128(rest)?.0).ok(),
            TAG_CPU_RAW_NAME | TAG_CPU_NAME => after_text(rest)?,
            TAG_COMPATIBILITY => after_text(uleb128(rest)?.1)?,
            // Above 32 the parity of a tag tells its kind, so that unknown ones can be passed over.
            tag if tag > TAG_COMPATIBILITY && tag % 2 == 1 => after_text(rest)?,
            _ => uleb128(rest)?.1,
        };
    }
    None
}

/// A 32-bit size.
fn word(data: &[u8], is_little_endian: bool) -> Option<usize> {
    let word: [u8; 4] = data.get(..4)?.try_into().ok()?;
    let size = if is_little_endian { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) };
    usize::try_from(size).ok()
}

/// A number of at most 63 bits, and what follows it.
fn uleb128(data: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in data.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, data.get(index + 1..)?));
        }
    }
    None
}

/// What follows a text that ends with a NUL.
fn after_text(data: &[u8]) -> Option<&[u8]> {
    let end = data.iter().position(|byte| *byte == 0)?;
    data.get(end + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section with one block of the file.
    fn section(attributes: &[u8]) -> Vec<u8> {
        let size = u32::try_from(attributes.len()).unwrap();
        let mut data = b"A".to_vec();
        data.extend((4 + 6 + 5 + size).to_le_bytes());
        data.extend(b"aeabi\0\x01");
        data.extend((5 + size).to_le_bytes());
        data.extend(attributes);
        data
    }

    #[test]
    fn the_processor_is_found_behind_any_other_attributes() {
        for (attributes, expected) in [
            (&b"\x06\x06"[..], Some(6)),
            (b"\x05ARM1176JZF-S\0\x06\x06\x08\x01", Some(6)),
            (b"\x04v7\0\x07A\x20\x01gnu\0\x43two\0\x42\x81\x01\x06\x0a", Some(10)),
            (b"\x08\x01", None),
            (b"\x06\xff\xff\x01", None),
            (b"\x05no end", None),
            (b"", None),
        ] {
            assert_eq!(
                of_section(&section(attributes), true, TAG_CPU_ARCH),
                expected,
                "{attributes:?}"
            );
        }
    }

    #[test]
    fn the_registers_of_floating_point_arguments_are_found_behind_any_other_attributes() {
        for (attributes, expected) in [
            (&b"\x05v7\0\x06\x0a\x1c\x01"[..], Some(1)),
            (b"\x06\x0a\x1c\x00", Some(0)),
            (b"\x06\x0a\x20\x01gnu\0\x1c\x03", Some(3)),
            (b"\x06\x0a", None),
        ] {
            let found = of_section(&section(attributes), true, TAG_ABI_VFP_ARGS);
            assert_eq!(found, expected, "{attributes:?}");
        }
    }

    #[test]
    fn attributes_of_other_vendors_are_passed_over() {
        let mut data = b"A\x09\0\0\0gnu\0x".to_vec();
        data.extend(&section(b"\x06\x0a")[1..]);
        assert_eq!(of_section(&data, true, TAG_CPU_ARCH), Some(10));
    }

    #[test]
    fn a_section_cut_at_any_length_says_nothing() {
        let whole = section(b"\x05cortex\0\x06\x0a");
        for len in 0..whole.len() {
            assert_eq!(of_section(&whole[..len], true, TAG_CPU_ARCH), None, "{len}");
        }
        assert_eq!(of_section(b"A\0\0\0\0", true, TAG_CPU_ARCH), None);
        assert_eq!(of_section(b"A\xff\xff\xff\xffaeabi\0", true, TAG_CPU_ARCH), None);
    }
}
