//! Where the fields that an edit writes stand in the file.

use std::mem::offset_of;

use object::pe as p;

use crate::edit::Draft;
use crate::error::{ErrorKind, Result};
use crate::overlay::OverlayKind;
use crate::read::Pe;

/// Where fields stand in both optional headers, which differ only elsewhere.
pub(crate) mod optional {
    pub(crate) const SIZE_OF_INITIALIZED_DATA: u64 = 8;
    pub(crate) const SIZE_OF_IMAGE: u64 = 56;
    pub(crate) const CHECK_SUM: u64 = 64;
    pub(crate) const DLL_CHARACTERISTICS: u64 = 70;
}

/// Where fields stand in a section header.
pub(crate) mod section {
    use super::{offset_of, p};

    pub(crate) const VIRTUAL_SIZE: usize = offset_of!(p::ImageSectionHeader, virtual_size);
    pub(crate) const SIZE_OF_RAW_DATA: usize = offset_of!(p::ImageSectionHeader, size_of_raw_data);
    pub(crate) const POINTER_TO_RAW_DATA: usize =
        offset_of!(p::ImageSectionHeader, pointer_to_raw_data);
    pub(crate) const CHARACTERISTICS: usize = offset_of!(p::ImageSectionHeader, characteristics);
}

impl Pe<'_> {
    /// Where the field at `offset` of the optional header stands.
    pub(crate) fn optional_field(&self, offset: u64) -> u64 {
        self.optional_offset.saturating_add(offset)
    }

    /// Where `NumberOfSections` stands, in the file header before the optional header.
    pub(crate) fn section_count_field(&self) -> u64 {
        let back = size_of::<p::ImageFileHeader>()
            .saturating_sub(offset_of!(p::ImageFileHeader, number_of_sections));
        self.optional_offset.saturating_sub(back as u64)
    }

    /// Where a data directory stands; `None` if the header ends before it.
    pub(crate) fn directory_field(&self, index: usize) -> Option<u64> {
        self.directories.get(index)?;
        let before = (index as u64).checked_mul(size_of::<p::ImageDataDirectory>() as u64)?;
        self.optional_offset.checked_add(self.optional.size)?.checked_add(before)
    }

    /// Where a field of a section header stands.
    pub(crate) fn section_field(&self, index: usize, field: usize) -> Option<u64> {
        self.sections().get(index)?.header_offset.checked_add(field as u64)
    }

    /// Where the section table ends.
    pub(crate) fn section_table_end(&self) -> Option<u64> {
        let last = self.sections().last()?;
        last.header_offset.checked_add(size_of::<p::ImageSectionHeader>() as u64)
    }

    /// The bound import directory as a range of the file, if it lies in the headers behind the section table,
    /// where linkers put it.
    pub(crate) fn bound_table(&self) -> Option<(u64, u64)> {
        let (start, size) = self.directory(p::IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT)?;
        let end = u64::from(start).checked_add(size.into())?;
        let fits =
            u64::from(start) >= self.section_table_end()? && end <= self.size_of_headers().into();
        fits.then_some((start.into(), end))
    }

    /// Where the file ends without its certificates. If something stands behind them it must not move, and they stay,
    /// as bytes that nobody asks for.
    pub(crate) fn end_without_certificates(&self) -> u64 {
        let data_end = self.data_end();
        match &self.overlay_parts()[..] {
            // Up to 7 zeros stand before them, to align them.
            [only]
                if only.kind == OverlayKind::Certificate
                    && only.offset < data_end.saturating_add(8) =>
            {
                data_end
            }
            [.., last] if last.kind == OverlayKind::Certificate => last.offset,
            _ => self.bytes().len() as u64,
        }
    }

    /// The file offset of the `size` bytes at `rva`, if all of them come from one place of the file.
    pub(crate) fn place_of(&self, rva: u32, size: u64, what: &'static str) -> Result<u64> {
        let outside = || ErrorKind::OutsideSection { what, rva, size };
        let last = size.checked_sub(1).and_then(|size| rva.checked_add(u32::try_from(size).ok()?));
        let start = self.file_offset(rva).ok_or_else(outside)?;
        let end = last.and_then(|last| self.file_offset(last)).ok_or_else(outside)?;
        let is_whole = end.checked_sub(start) == size.checked_sub(1);
        if is_whole { Ok(start) } else { Err(outside().into()) }
    }
}

/// Writes over what memory has at `rva`.
pub(crate) fn write_at(
    pe: &Pe<'_>,
    draft: &mut Draft<'_>,
    rva: u32,
    bytes: &[u8],
    what: &'static str,
) -> Result<()> {
    draft.write(pe.place_of(rva, bytes.len() as u64, what)?, bytes)
}
