//! Sections, and from an address in memory (RVA) to bytes of the file.
//!
//! The loader maps the headers at RVA 0 and each section at its `VirtualAddress`; what a section has in memory
//! beyond its data in the file is zero. Facts that "PE Format" leaves out and the loader keeps:
//! a `VirtualSize` of 0 means `SizeOfRawData`; `PointerToRawData` is rounded down to 512 bytes; an image whose
//! `SectionAlignment` is below the page size is mapped as it stands in the file, so RVA and offset are the same.

use object::LittleEndian as LE;
use object::pe as p;
use object::pod::{self, Pod};

use crate::error::{ErrorKind, Result};
use crate::window::Window;

/// The page size that decides how the loader maps an image.
pub(crate) const PAGE: u32 = 0x1000;
/// The loader reads whole disk sectors.
pub(crate) const SECTOR: u32 = 0x200;

/// One section, as its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'a> {
    /// Its name without the filling NULs. `/123` is an offset in the string table behind the COFF symbols.
    pub name: &'a [u8],
    /// `VirtualSize`, in bytes; may be 0 (then `SizeOfRawData` counts).
    pub virtual_size: u32,
    /// `VirtualAddress`, an RVA.
    pub virtual_address: u32,
    /// `SizeOfRawData`, in bytes; 0 for a section that is zero in memory.
    pub size_of_raw_data: u32,
    /// `PointerToRawData`, in bytes from the start of the file.
    pub pointer_to_raw_data: u32,
    /// `Characteristics`, `IMAGE_SCN_*`.
    pub characteristics: u32,
    /// Where the section header stands, in bytes from the start of the file.
    pub header_offset: u64,
}

impl Section<'_> {
    /// Bytes the section takes in memory, before rounding to pages.
    #[must_use]
    pub fn memory_size(&self) -> u32 {
        if self.virtual_size == 0 { self.size_of_raw_data } else { self.virtual_size }
    }

    /// Where the section's data ends in the file; `None` when it has none there.
    #[must_use]
    pub fn raw_end(&self) -> Option<u64> {
        let end = u64::from(self.pointer_to_raw_data).checked_add(u64::from(self.size_of_raw_data));
        if self.size_of_raw_data == 0 || self.pointer_to_raw_data == 0 { None } else { end }
    }
}

/// The file as the loader maps it.
#[derive(Debug, Clone)]
pub(crate) struct Image<'a> {
    pub(crate) file: Window<'a>,
    pub(crate) size_of_headers: u32,
    pub(crate) section_alignment: u32,
    pub(crate) sections: Vec<Section<'a>>,
}

/// What an address leads to: bytes of the file, then zeros.
struct Mapped<'a> {
    bytes: &'a [u8],
    /// How many zeros follow the bytes in memory.
    zeros: u64,
}

impl<'a> Image<'a> {
    /// Reads `count` section headers at `offset` and checks that the loader would take them.
    pub(crate) fn read_sections(&mut self, offset: u64, count: u16) -> Result<()> {
        let mut offset = offset;
        let mut free = 0_u64;
        for index in 0..usize::from(count) {
            let raw: &p::ImageSectionHeader = self.file.read(offset, "section header")?;
            let section = section(raw, offset);
            // The loader asks for ascending addresses; it is also what lets us search them.
            let start = u64::from(section.virtual_address);
            if start < free {
                let rva = section.virtual_address;
                return Err(ErrorKind::SectionOrder { index, rva, free }.into());
            }
            free = start.saturating_add(u64::from(section.memory_size()));
            if section.raw_end().is_some() {
                let (offset, size) = (section.pointer_to_raw_data, section.size_of_raw_data);
                self.file.part(u64::from(offset), u64::from(size), "section data")?;
            }
            self.sections.push(section);
            offset = offset.saturating_add(size_of_val(raw) as u64);
        }
        Ok(())
    }

    /// The structure `T` at `rva`; it may run from the data in the file into the zeros behind it.
    pub(crate) fn read<T: Pod>(&self, rva: u32, what: &'static str) -> Result<T> {
        let size = size_of::<T>();
        let outside = ErrorKind::OutsideSection { what, rva, size: size as u64 };
        let mapped = self.map(rva, what)?;
        // The largest structure read by address is an export directory of 40 bytes.
        let mut buffer = [0_u8; 64];
        let taken = mapped.bytes.len().min(size);
        match (buffer.get_mut(..taken), mapped.bytes.get(..taken)) {
            (Some(target), Some(source)) => target.copy_from_slice(source),
            _ => return Err(outside.into()),
        }
        let missing = size.saturating_sub(taken) as u64;
        match pod::from_bytes::<T>(&buffer) {
            Ok((value, _)) if missing <= mapped.zeros => Ok(*value),
            _ => Err(outside.into()),
        }
    }

    /// The table of `count` values `T` at `rva`, which must be in the file.
    pub(crate) fn table<T: Pod>(
        &self,
        rva: u32,
        count: u32,
        what: &'static str,
    ) -> Result<&'a [T]> {
        if count == 0 {
            return Ok(&[]);
        }
        let bytes = self.map(rva, what)?.bytes;
        match pod::slice_from_bytes(bytes, count as usize) {
            Ok((values, _)) => Ok(values),
            Err(()) => {
                let size = u64::from(count).saturating_mul(size_of::<T>() as u64);
                Err(ErrorKind::OutsideSection { what, rva, size }.into())
            }
        }
    }

    /// The `size` bytes at `rva`, which must be in the file.
    pub(crate) fn part(&self, rva: u32, size: u32, what: &'static str) -> Result<&'a [u8]> {
        let bytes = self.map(rva, what)?.bytes;
        let outside = ErrorKind::OutsideSection { what, rva, size: u64::from(size) };
        Ok(bytes.get(..size as usize).ok_or(outside)?)
    }

    /// The NUL-terminated string at `rva`, without its NUL.
    pub(crate) fn string(&self, rva: u32, what: &'static str) -> Result<&'a str> {
        let mapped = self.map(rva, what)?;
        let end = match mapped.bytes.iter().position(|&byte| byte == 0) {
            Some(end) => end,
            None if mapped.zeros > 0 => mapped.bytes.len(),
            None => return Err(ErrorKind::Unterminated { what, rva }.into()),
        };
        let text = mapped.bytes.get(..end).unwrap_or_default();
        str::from_utf8(text).map_err(|_| ErrorKind::NotUtf8 { what, rva }.into())
    }

    /// The file offset of the byte at `rva`; `None` where memory has no byte of the file.
    pub(crate) fn offset(&self, rva: u32) -> Option<u64> {
        if rva < self.size_of_headers || self.section_alignment < PAGE {
            return (u64::from(rva) < self.file.size()).then_some(u64::from(rva));
        }
        let section = self.section_at(rva)?;
        let inside = rva.checked_sub(section.virtual_address)?;
        let (start, size) = raw_data(section);
        (inside < size).then(|| u64::from(start).saturating_add(u64::from(inside)))
    }

    fn map(&self, rva: u32, what: &'static str) -> Result<Mapped<'a>> {
        let unmapped = ErrorKind::Unmapped { what, rva: u64::from(rva) };
        if self.section_alignment < PAGE {
            let bytes = self.file.bytes().get(rva as usize..).ok_or(unmapped)?;
            return Ok(Mapped { bytes, zeros: 0 });
        }
        if rva < self.size_of_headers {
            let end = self.file.bytes().len().min(self.size_of_headers as usize);
            let bytes = self.file.bytes().get(rva as usize..end).ok_or(unmapped)?;
            return Ok(Mapped { bytes, zeros: 0 });
        }
        let section = self.section_at(rva).ok_or(unmapped)?;
        let inside = rva.saturating_sub(section.virtual_address);
        let (start, size) = raw_data(section);
        let left_in_memory = self.memory_end(section).saturating_sub(u64::from(rva));
        let left = size.saturating_sub(inside);
        let offset = u64::from(start).saturating_add(u64::from(inside));
        let bytes = if left == 0 {
            &[]
        } else {
            self.file.part(offset, u64::from(left), "section data")?
        };
        Ok(Mapped { bytes, zeros: left_in_memory.saturating_sub(u64::from(left)) })
    }

    fn section_at(&self, rva: u32) -> Option<&Section<'a>> {
        let after = self.sections.partition_point(|section| section.virtual_address <= rva);
        let section = self.sections.get(after.checked_sub(1)?)?;
        (u64::from(rva) < self.memory_end(section)).then_some(section)
    }

    /// Memory comes in whole pages.
    fn memory_end(&self, section: &Section<'_>) -> u64 {
        let end =
            u64::from(section.virtual_address).saturating_add(u64::from(section.memory_size()));
        end.checked_next_multiple_of(u64::from(PAGE)).unwrap_or(u64::MAX)
    }
}

/// Where the part of a section that is mapped from the file starts, and its size.
fn raw_data(section: &Section<'_>) -> (u32, u32) {
    if section.raw_end().is_none() {
        return (0, 0);
    }
    let start = section.pointer_to_raw_data & !(SECTOR - 1);
    // What the rounding added in front is lost behind: the loader maps SizeOfRawData bytes. What does not fit in the
    // section's pages is not mapped.
    let pages = section.memory_size().checked_next_multiple_of(PAGE).unwrap_or(u32::MAX);
    (start, section.size_of_raw_data.min(pages))
}

fn section(raw: &p::ImageSectionHeader, header_offset: u64) -> Section<'_> {
    let name = raw.name.split(|&byte| byte == 0).next().unwrap_or_default();
    Section {
        name,
        virtual_size: raw.virtual_size.get(LE),
        virtual_address: raw.virtual_address.get(LE),
        size_of_raw_data: raw.size_of_raw_data.get(LE),
        pointer_to_raw_data: raw.pointer_to_raw_data.get(LE),
        characteristics: raw.characteristics.get(LE).0,
        header_offset,
    }
}
