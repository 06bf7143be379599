//! Makes the room that was found, and writes the pieces into it.

use object::pe as p;

use crate::debug::DebugEntry;
use crate::edit::Draft;
use crate::error::{ErrorKind, Result};
use crate::place::{optional, section, write_at};
use crate::read::Pe;
use crate::room::{Block, Placed, Room, file_end, header_slot};
use crate::section::Section;

/// What a section of our own is called.
const NAME: [u8; 8] = *b".wheel\0\0";
/// Read-only data, like the import tables of other linkers.
const CHARACTERISTICS: u32 = p::IMAGE_SCN_CNT_INITIALIZED_DATA.0 | p::IMAGE_SCN_MEM_READ.0;

/// Writes `pieces` to their places in a file that ends at `end`.
pub(crate) fn grow(
    pe: &Pe<'_>,
    placed: &Placed,
    pieces: &[Vec<u8>],
    end: u64,
    draft: &mut Draft<'_>,
) -> Result<()> {
    match &placed.room {
        Room::Padding(sizes) => {
            for (&rva, bytes) in placed.rvas.iter().zip(pieces) {
                write_at(pe, draft, rva, bytes, "section padding")?;
            }
            for (&index, &size) in sizes {
                let field = pe.section_field(index, section::VIRTUAL_SIZE);
                draft.write_u32(field.ok_or(ErrorKind::TooLarge)?, size)?;
            }
            Ok(())
        }
        Room::NewSection(block) => {
            let content = content(*block, &placed.rvas, pieces);
            new_section(pe, *block, &content, end, draft)
        }
        Room::LastSection { block, moved_to } => {
            let content = content(*block, &placed.rvas, pieces);
            longer_section(pe, *block, *moved_to, &content, draft)
        }
    }
}

/// The pieces as they stand in a block.
fn content(block: Block, rvas: &[u32], pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut content = Vec::new();
    for (rva, piece) in rvas.iter().zip(pieces) {
        content.resize(rva.saturating_sub(block.rva) as usize, 0);
        content.extend_from_slice(piece);
    }
    content
}

fn new_section(
    pe: &Pe<'_>,
    block: Block,
    content: &[u8],
    end: u64,
    draft: &mut Draft<'_>,
) -> Result<()> {
    let header = header_slot(pe).ok_or(ErrorKind::TooLarge)?;
    let offset = file_end(pe, end);
    let raw_size = aligned(block.size, pe.file_alignment())?;
    let pointer = u32::try_from(offset).map_err(|_| ErrorKind::TooLarge)?;
    let mut bytes = NAME.to_vec();
    // Relocations and line numbers, the four between, are for object files.
    for field in [block.size, block.rva, raw_size, pointer, 0, 0, 0, CHARACTERISTICS] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    draft.write(header, &bytes)?;
    let count = u16::try_from(pe.sections().len().saturating_add(1));
    draft.write_u16(pe.section_count_field(), count.map_err(|_| ErrorKind::TooLarge)?)?;
    write_sizes(pe, block, raw_size, draft)?;
    draft.append(offset, content, pe.file_alignment())
}

/// Makes the last section end with the block.
fn longer_section(
    pe: &Pe<'_>,
    block: Block,
    moved_to: Option<u64>,
    content: &[u8],
    draft: &mut Draft<'_>,
) -> Result<()> {
    let index = pe.sections().len().saturating_sub(1);
    let last = pe.sections().get(index).ok_or(ErrorKind::TooLarge)?;
    let inside = block.rva.saturating_sub(last.virtual_address);
    let size = inside.checked_add(block.size).ok_or(ErrorKind::TooLarge)?;
    let raw_size = aligned(size, pe.file_alignment())?;
    let start = u64::from(last.pointer_to_raw_data);
    let offset = moved_to.unwrap_or(start);
    let pointer = u32::try_from(offset).map_err(|_| ErrorKind::TooLarge)?;
    if moved_to.is_some() {
        move_debug_data(pe, last, pointer, draft)?;
    }
    let mut fields = vec![
        (section::VIRTUAL_SIZE, size),
        (section::SIZE_OF_RAW_DATA, raw_size),
        (section::POINTER_TO_RAW_DATA, pointer),
    ];
    // What the loader reads is not to be thrown away, and is data even where there was only code.
    let flags = last.characteristics & !p::IMAGE_SCN_MEM_DISCARDABLE.0;
    fields.push((section::CHARACTERISTICS, flags));
    for (field, value) in fields {
        draft.write_u32(pe.section_field(index, field).ok_or(ErrorKind::TooLarge)?, value)?;
    }
    write_sizes(pe, block, raw_size.saturating_sub(last.size_of_raw_data), draft)?;

    let block_offset = offset.checked_add(inside.into()).ok_or(ErrorKind::TooLarge)?;
    if moved_to.is_some() {
        // By now it holds all that was written to it.
        let range =
            usize::try_from(start).ok().zip(usize::try_from(last.raw_end().unwrap_or(start)).ok());
        let data = range.and_then(|(start, end)| draft.bytes().get(start..end)).map(<[u8]>::to_vec);
        draft.append(offset, &data.ok_or(ErrorKind::TooLarge)?, 1)?;
    }
    draft.append(block_offset, content, 1)?;
    draft.append(offset.saturating_add(raw_size.into()), &[], 1)
}

/// `SizeOfImage`, which ends with the block, and `SizeOfInitializedData`.
fn write_sizes(pe: &Pe<'_>, block: Block, added: u32, draft: &mut Draft<'_>) -> Result<()> {
    let image_end = block.rva.checked_add(block.size).ok_or(ErrorKind::TooLarge)?;
    let image_end = aligned(image_end, pe.section_alignment())?;
    draft.write_u32(pe.optional_field(optional::SIZE_OF_IMAGE), image_end)?;
    // Nobody reads it; a linker that wrote nonsense there has no better sum from us.
    let data = pe.size_of_initialized_data().saturating_add(added);
    draft.write_u32(pe.optional_field(optional::SIZE_OF_INITIALIZED_DATA), data)
}

/// Makes the debug directory follow the data of a section that starts at `pointer` now.
fn move_debug_data(
    pe: &Pe<'_>,
    section: &Section<'_>,
    pointer: u32,
    draft: &mut Draft<'_>,
) -> Result<()> {
    let start = section.pointer_to_raw_data;
    let end = start.saturating_add(section.size_of_raw_data);
    let inside = |entry: &DebugEntry| entry.size > 0 && (start..end).contains(&entry.pointer);
    for entry in pe.debug_entries()?.into_iter().filter(inside) {
        let moved = entry.pointer.saturating_sub(start).checked_add(pointer);
        let moved = moved.ok_or(ErrorKind::TooLarge)?.to_le_bytes();
        write_at(pe, draft, entry.pointer_rva, &moved, "debug directory")?;
    }
    Ok(())
}

fn aligned(size: u32, alignment: u32) -> Result<u32> {
    Ok(size.checked_next_multiple_of(alignment).ok_or(ErrorKind::TooLarge)?)
}
