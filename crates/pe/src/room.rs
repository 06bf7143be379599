//! Where names go that fit into no slot: padding, a new section, or a longer last section.
//!
//! Padding is what a section has in the file beyond its `VirtualSize`. It is used only where it is in nobody's way:
//! read-only data, every byte of it zero, memory of pages that are mapped anyway. A `VirtualSize` of 0 means that the
//! whole of the data counts, so such a section has no padding.
//!
//! A new section needs 40 free bytes behind the section table; its data goes behind the file, whatever overlay that
//! ends with, since `PointerToRawData` need only be aligned. Addresses must have no gap (the loader refuses such
//! images), so it starts where the last section's pages end. Without room in the headers the last section grows;
//! where an overlay stands behind its data, the data goes behind the overlay and takes its debug offsets along.

use std::collections::BTreeMap;

use object::pe as p;

use crate::read::Pe;
use crate::section::{PAGE, SECTOR, Section};

/// Size of a section header.
pub(crate) const HEADER: u64 = p::IMAGE_SIZEOF_SECTION_HEADER as u64;
/// Windows XP took no more sections; the headers must fit into two pages anyway.
const MAX_SECTIONS: usize = 96;
/// Zeros in memory that a longer last section may have to bring into the file.
const MAX_ZEROS: u32 = 1 << 20;
/// No image is larger: addresses count from its base, in 31 bits on 32-bit systems.
const MAX_IMAGE: u64 = 1 << 31;

/// What a piece needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// Its size in bytes.
    pub(crate) size: u32,
    /// Its address is a multiple of this.
    pub(crate) alignment: u32,
}

/// Where the pieces go.
#[derive(Debug)]
pub(crate) struct Placed {
    /// The address of each piece, in the order they were given.
    pub(crate) rvas: Vec<u32>,
    /// What has to be changed to have them there.
    pub(crate) room: Room,
}

/// What makes room.
#[derive(Debug)]
pub(crate) enum Room {
    /// Sections, by their place in the table, with their new `VirtualSize`.
    Padding(BTreeMap<usize, u32>),
    /// A section of its own.
    NewSection(Block),
    /// The last section, longer: the block is the longer end of it. Its data moves to `moved_to` if another place in
    /// the file is needed.
    LastSection {
        /// The longer end.
        block: Block,
        /// The data's new place in the file.
        moved_to: Option<u64>,
    },
}

/// Bytes behind everything else in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// Its address.
    pub(crate) rva: u32,
    /// Its size in bytes.
    pub(crate) size: u32,
}

/// Places the pieces in a file that ends at `end`, without certificates. The reason is for the user.
pub(crate) fn place(pe: &Pe<'_>, needs: &[Need], end: u64) -> Result<Placed, &'static str> {
    if pe.section_alignment() < PAGE {
        return Err("the file is mapped as it stands, so it cannot grow");
    }
    if let Some(placed) = in_padding(pe, needs) {
        return Ok(placed);
    }
    let sections = pe.sections();
    let Some(last) = sections.last() else { return Err("the file has no section") };
    let has_header = header_slot(pe).is_some();
    let start = if has_header { Some(section_end(pe, last)) } else { longer_end(last) };
    let (rvas, block) = start
        .and_then(|start| in_block(needs, start))
        .ok_or("no section header is free, and the last section cannot grow")?;
    let room = if has_header {
        Room::NewSection(block)
    } else {
        let moved_to = (last.raw_end() != Some(end)).then(|| file_end(pe, end));
        Room::LastSection { block, moved_to }
    };
    Ok(Placed { rvas, room })
}

/// Where data can start behind a file of `end` bytes.
pub(crate) fn file_end(pe: &Pe<'_>, end: u64) -> u64 {
    let alignment = u64::from(pe.file_alignment().max(SECTOR));
    end.checked_next_multiple_of(alignment).unwrap_or(u64::MAX)
}

/// Where the pages of a section end in memory, by the alignment of this image.
pub(crate) fn section_end(pe: &Pe<'_>, section: &Section<'_>) -> u64 {
    let end = u64::from(section.virtual_address).saturating_add(u64::from(section.memory_size()));
    end.checked_next_multiple_of(u64::from(pe.section_alignment())).unwrap_or(u64::MAX)
}

/// Each piece goes into the first section that has room for it, that of the import directory before all others: GNU
/// objdump shows no name that stands elsewhere. `None` if a piece finds no room.
fn in_padding(pe: &Pe<'_>, needs: &[Need]) -> Option<Placed> {
    let mut free: Vec<(usize, u32, u32)> = paddings(pe);
    let has_imports = |&(index, ..): &(usize, u32, u32)| {
        let section = pe.sections().get(index);
        section.is_some_and(|section| holds(pe, section, p::IMAGE_DIRECTORY_ENTRY_IMPORT))
    };
    free.sort_by_key(|place| !has_imports(place));
    let mut sections = BTreeMap::new();
    let mut rvas = Vec::new();
    for need in needs {
        let fits = |&(index, start, end): &(usize, u32, u32)| {
            let start = start.checked_next_multiple_of(need.alignment)?;
            (end.saturating_sub(start) >= need.size).then_some((index, start))
        };
        let (place, (index, start)) =
            free.iter_mut().find_map(|place| fits(place).map(|found| (place, found)))?;
        let section = pe.sections().get(index)?;
        place.1 = start.checked_add(need.size)?;
        rvas.push(section.virtual_address.checked_add(start)?);
        sections.insert(index, place.1);
    }
    Some(Placed { rvas, room: Room::Padding(sections) })
}

/// The padding of each section that has some: its place in the table, and the range inside the section.
fn paddings(pe: &Pe<'_>) -> Vec<(usize, u32, u32)> {
    let range = |(index, section): (usize, &Section<'_>)| {
        let (size, raw_size) = (section.virtual_size, section.size_of_raw_data);
        if size == 0 || size >= raw_size || !holds_constants(pe, section) {
            return None;
        }
        let raw = u64::from(section.pointer_to_raw_data);
        let start = usize::try_from(raw.checked_add(u64::from(size))?).ok()?;
        let end = usize::try_from(section.raw_end()?).ok()?;
        if pe.bytes().get(start..end)?.iter().any(|&byte| byte != 0) {
            return None;
        }
        // A text at the very end may count on the zeros behind it.
        let ends_with_zero = pe.bytes().get(start.checked_sub(1)?) == Some(&0);
        let first = if ends_with_zero { size } else { size.checked_add(1)? };
        let next = pe.sections().get(index.saturating_add(1));
        let next = next.map_or(u32::MAX, |next| next.virtual_address);
        let space = next.saturating_sub(section.virtual_address);
        let end = raw_size.min(size.checked_next_multiple_of(PAGE)?).min(space);
        (first < end).then_some((index, first, end))
    };
    pe.sections().iter().enumerate().filter_map(range).collect()
}

/// Whether the table of a data directory starts in a section.
fn holds(pe: &Pe<'_>, section: &Section<'_>, index: usize) -> bool {
    let start = pe.directory(index).map(|(rva, _)| u64::from(rva));
    let section = u64::from(section.virtual_address)..section_end(pe, section);
    start.is_some_and(|start| section.contains(&start))
}

/// Whether names may stand in a section: read-only data that nobody writes anew, in a part of the file that is this
/// section's alone. `UpdateResource` rewrites the section of the resources, and so do signing tools that of the
/// relocations.
fn holds_constants(pe: &Pe<'_>, section: &Section<'_>) -> bool {
    let has = |flag: p::SectionFlags| section.characteristics & flag.0 != 0;
    let right = has(p::IMAGE_SCN_CNT_INITIALIZED_DATA) && has(p::IMAGE_SCN_MEM_READ);
    let wrong = [
        p::IMAGE_SCN_CNT_CODE,
        p::IMAGE_SCN_CNT_UNINITIALIZED_DATA,
        p::IMAGE_SCN_GPREL,
        p::IMAGE_SCN_LNK_NRELOC_OVFL,
        p::IMAGE_SCN_MEM_DISCARDABLE,
        p::IMAGE_SCN_MEM_SHARED,
        p::IMAGE_SCN_MEM_EXECUTE,
    ];
    // GNU ld's is writable for the loader's sake, and has nothing of the program's.
    let is_written = has(p::IMAGE_SCN_MEM_WRITE) && section.name != b".idata";
    let rewritten = holds(pe, section, p::IMAGE_DIRECTORY_ENTRY_RESOURCE)
        || holds(pe, section, p::IMAGE_DIRECTORY_ENTRY_BASERELOC);
    right && !wrong.into_iter().any(has) && !is_written && !rewritten && has_own_data(pe, section)
}

/// Whether the data of a section is nothing else's, and where the section says.
fn has_own_data(pe: &Pe<'_>, section: &Section<'_>) -> bool {
    let (start, Some(end)) = (u64::from(section.pointer_to_raw_data), section.raw_end()) else {
        return false;
    };
    let apart = |from: u64, to: u64| to <= start || end <= from;
    let others = pe.sections().iter().filter(|other| other.header_offset != section.header_offset);
    let mut others =
        others.filter_map(|it| Some((u64::from(it.pointer_to_raw_data), it.raw_end()?)));
    let pieces = [pe.coff_symbols(), pe.certificates(), Some((0, pe.size_of_headers().into()))];
    section.pointer_to_raw_data.is_multiple_of(SECTOR)
        && others.all(|(from, to)| apart(from, to))
        && pieces.into_iter().flatten().all(|(at, size)| apart(at, at.saturating_add(size)))
}

/// Where a section header can be added: 40 bytes of zeros behind the table, or of the bound imports, which go.
pub(crate) fn header_slot(pe: &Pe<'_>) -> Option<u64> {
    let start = pe.sections().last()?.header_offset.checked_add(HEADER)?;
    let end = start.checked_add(HEADER)?;
    let data = pe.sections().iter().filter(|section| section.raw_end().is_some());
    let data = data.map(|section| section.pointer_to_raw_data & !(SECTOR - 1)).min();
    let first = pe.sections().first()?.virtual_address;
    let limit = pe.size_of_headers().min(data.unwrap_or(u32::MAX)).min(first);
    if end > u64::from(limit) || pe.sections().len() >= MAX_SECTIONS {
        return None;
    }
    let bound = pe.bound_table().unwrap_or((start, start));
    let bytes = pe.bytes().get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
    let is_free = |(at, &byte): (u64, &u8)| byte == 0 || (bound.0..bound.1).contains(&at);
    let in_use = (0..p::IMAGE_NUMBEROF_DIRECTORY_ENTRIES)
        .filter(|index| {
            ![p::IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT, p::IMAGE_DIRECTORY_ENTRY_SECURITY]
                .contains(index)
        })
        .filter_map(|index| pe.directory(index))
        .any(|(rva, size)| {
            u64::from(rva) < end && start < u64::from(rva).saturating_add(size.into())
        });
    ((start..).zip(bytes).all(is_free) && !in_use).then_some(start)
}

/// Where the last section can go on, behind all it has in memory and in the file.
fn longer_end(last: &Section<'_>) -> Option<u64> {
    let has = |flag: p::SectionFlags| last.characteristics & flag.0 != 0;
    let zeros = last.memory_size().saturating_sub(last.size_of_raw_data);
    let aligned = last.pointer_to_raw_data.is_multiple_of(SECTOR);
    let fine = has(p::IMAGE_SCN_MEM_READ) && !has(p::IMAGE_SCN_MEM_SHARED);
    if last.raw_end().is_none() || !aligned || !fine || zeros > MAX_ZEROS {
        return None;
    }
    let end = last.memory_size().max(last.size_of_raw_data);
    u64::from(last.virtual_address).checked_add(u64::from(end))
}

/// One piece behind the other from `start` on.
fn in_block(needs: &[Need], start: u64) -> Option<(Vec<u32>, Block)> {
    let start = u32::try_from(start).ok()?;
    let mut rvas = Vec::new();
    let mut end = start;
    for need in needs {
        let rva = end.checked_next_multiple_of(need.alignment)?;
        rvas.push(rva);
        end = rva.checked_add(need.size)?;
    }
    (u64::from(end) < MAX_IMAGE).then_some(())?;
    Some((rvas, Block { rva: start, size: end.checked_sub(start)? }))
}
