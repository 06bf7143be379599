//! The optional header: its two widths as one, and the data directories behind it.
//!
//! "PE Format", Optional Header: the magic number says PE32 or PE32+; `NumberOfRvaAndSizes` directories follow the
//! fixed part. A header that ends before the sixteenth lacks the rest, and the loader takes those for empty.

use object::LittleEndian as LE;
use object::pe as p;

use crate::error::{ErrorKind, Result};
use crate::window::Window;

/// The width of a PE file's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeKind {
    /// 32-bit, `IMAGE_NT_OPTIONAL_HDR32_MAGIC`.
    Pe32,
    /// 64-bit, `IMAGE_NT_OPTIONAL_HDR64_MAGIC`.
    Pe32Plus,
}

/// What the two optional headers have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Optional {
    pub(crate) kind: PeKind,
    pub(crate) size: u64,
    pub(crate) image_base: u64,
    pub(crate) linker_version: (u8, u8),
    pub(crate) section_alignment: u32,
    pub(crate) file_alignment: u32,
    pub(crate) os_version: (u16, u16),
    pub(crate) subsystem_version: (u16, u16),
    pub(crate) subsystem: u16,
    pub(crate) size_of_initialized_data: u32,
    pub(crate) size_of_image: u32,
    pub(crate) size_of_headers: u32,
    pub(crate) check_sum: u32,
    pub(crate) dll_characteristics: u16,
    pub(crate) directories: u32,
}

pub(crate) fn read_optional(file: Window<'_>, offset: u64, size: u16) -> Result<Optional> {
    let magic: &object::U16<LE> = file.read(offset, "optional header")?;
    let optional = match magic.get(LE) {
        p::IMAGE_NT_OPTIONAL_HDR32_MAGIC => optional_32(file.read(offset, "optional header")?),
        p::IMAGE_NT_OPTIONAL_HDR64_MAGIC => optional_64(file.read(offset, "optional header")?),
        magic => return Err(ErrorKind::OptionalHeaderMagic { magic }.into()),
    };
    if u64::from(size) < optional.size {
        return Err(ErrorKind::OptionalHeaderSize { size, needed: optional.size }.into());
    }
    for (what, value) in [
        ("SectionAlignment", optional.section_alignment),
        ("FileAlignment", optional.file_alignment),
    ] {
        if !value.is_power_of_two() {
            return Err(ErrorKind::Alignment { what, value }.into());
        }
    }
    Ok(optional)
}

/// The directories that the count, the format (16) and the size of the header allow.
pub(crate) fn read_directories(
    file: Window<'_>,
    optional_offset: u64,
    optional_size: u16,
    optional: &Optional,
) -> Result<Vec<(u32, u32)>> {
    let entry = size_of::<p::ImageDataDirectory>() as u64;
    let room = u64::from(optional_size).saturating_sub(optional.size) / entry;
    let count =
        u64::from(optional.directories).min(p::IMAGE_NUMBEROF_DIRECTORY_ENTRIES as u64).min(room);
    let start = optional_offset.saturating_add(optional.size);
    (0..count)
        .map(|index| {
            let offset = start.saturating_add(index.saturating_mul(entry));
            let raw: &p::ImageDataDirectory = file.read(offset, "data directory")?;
            Ok((raw.virtual_address.get(LE), raw.size.get(LE)))
        })
        .collect()
}

fn optional_32(raw: &p::ImageOptionalHeader32) -> Optional {
    Optional {
        kind: PeKind::Pe32,
        size: size_of_val(raw) as u64,
        image_base: u64::from(raw.image_base.get(LE)),
        linker_version: (raw.major_linker_version, raw.minor_linker_version),
        section_alignment: raw.section_alignment.get(LE),
        file_alignment: raw.file_alignment.get(LE),
        os_version: (
            raw.major_operating_system_version.get(LE),
            raw.minor_operating_system_version.get(LE),
        ),
        subsystem_version: (
            raw.major_subsystem_version.get(LE),
            raw.minor_subsystem_version.get(LE),
        ),
        subsystem: raw.subsystem.get(LE).0,
        size_of_initialized_data: raw.size_of_initialized_data.get(LE),
        size_of_image: raw.size_of_image.get(LE),
        size_of_headers: raw.size_of_headers.get(LE),
        check_sum: raw.check_sum.get(LE),
        dll_characteristics: raw.dll_characteristics.get(LE).0,
        directories: raw.number_of_rva_and_sizes.get(LE),
    }
}

fn optional_64(raw: &p::ImageOptionalHeader64) -> Optional {
    Optional {
        kind: PeKind::Pe32Plus,
        size: size_of_val(raw) as u64,
        image_base: raw.image_base.get(LE),
        linker_version: (raw.major_linker_version, raw.minor_linker_version),
        section_alignment: raw.section_alignment.get(LE),
        file_alignment: raw.file_alignment.get(LE),
        os_version: (
            raw.major_operating_system_version.get(LE),
            raw.minor_operating_system_version.get(LE),
        ),
        subsystem_version: (
            raw.major_subsystem_version.get(LE),
            raw.minor_subsystem_version.get(LE),
        ),
        subsystem: raw.subsystem.get(LE).0,
        size_of_initialized_data: raw.size_of_initialized_data.get(LE),
        size_of_image: raw.size_of_image.get(LE),
        size_of_headers: raw.size_of_headers.get(LE),
        check_sum: raw.check_sum.get(LE),
        dll_characteristics: raw.dll_characteristics.get(LE).0,
        directories: raw.number_of_rva_and_sizes.get(LE),
    }
}
