//! Where the content of a slice lies: segments, tables, and the room behind the load commands.
//!
//! The kernel and dyld refuse a file whose segments or tables end behind it, so a truncated file is refused here
//! before anybody asks for what is missing.

use std::ops::Range;

use object::Endianness;
use object::macho as m;
use object::pod::Pod;

use crate::command::LoadCommand;
use crate::error::Result;
use crate::window::Window;

/// What the segment commands of a slice say together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// The lowest offset of content that is not header: the first byte load commands may not use.
    pub(crate) first_content: u64,
}

/// A segment's own place in the file and those of its sections.
struct Segment {
    offset: u64,
    size: u64,
    sections: u32,
    /// Size of the fixed part of the command, behind which the section headers stand.
    fixed: u64,
}

/// Checks that everything the commands point at is in the slice, and finds the first content.
pub(crate) fn check(
    slice: Window<'_>,
    commands: &[LoadCommand<'_>],
    endian: Endianness,
) -> Result<Layout> {
    let mut first_content = slice.size();
    for command in commands {
        if let Some(segment) = read_segment(command, endian)? {
            slice.part(segment.offset, segment.size, "segment")?;
            let first = first_of_segment(command, endian, &segment)?;
            first_content = first_content.min(first.unwrap_or(u64::MAX));
        } else {
            check_tables(slice, command, endian)?;
        }
    }
    Ok(Layout { first_content })
}

fn read_segment(command: &LoadCommand<'_>, endian: Endianness) -> Result<Option<Segment>> {
    if command.is(m::LC_SEGMENT_64) {
        let raw: &m::SegmentCommand64<Endianness> = command.read()?;
        Ok(Some(Segment {
            offset: raw.fileoff.get(endian),
            size: raw.filesize.get(endian),
            sections: raw.nsects.get(endian),
            fixed: size_of_val(raw) as u64,
        }))
    } else if command.is(m::LC_SEGMENT) {
        let raw: &m::SegmentCommand32<Endianness> = command.read()?;
        Ok(Some(Segment {
            offset: u64::from(raw.fileoff.get(endian)),
            size: u64::from(raw.filesize.get(endian)),
            sections: raw.nsects.get(endian),
            fixed: size_of_val(raw) as u64,
        }))
    } else {
        Ok(None)
    }
}

/// The lowest offset that a segment's content takes, by cctools' rule: of its sections that are neither empty nor
/// zero-fill; of a segment without sections its own, unless it starts with the header.
fn first_of_segment(
    command: &LoadCommand<'_>,
    endian: Endianness,
    segment: &Segment,
) -> Result<Option<u64>> {
    if segment.sections == 0 {
        return Ok((segment.offset != 0 && segment.size != 0).then_some(segment.offset));
    }
    let mut first = None;
    let mut offset = segment.fixed;
    // Each header is read inside the command, so a lying count ends at the first that is not there.
    for _ in 0..segment.sections {
        let (size, place) = if command.is(m::LC_SEGMENT_64) {
            let raw: &m::Section64<Endianness> = command.read_at(offset, "section header")?;
            let place =
                content(raw.size.get(endian), raw.offset.get(endian), raw.flags.get(endian));
            (size_of_val(raw), place)
        } else {
            let raw: &m::Section32<Endianness> = command.read_at(offset, "section header")?;
            let size = u64::from(raw.size.get(endian));
            (size_of_val(raw), content(size, raw.offset.get(endian), raw.flags.get(endian)))
        };
        first = first.into_iter().chain(place).min();
        offset = offset.saturating_add(size as u64);
    }
    Ok(first)
}

fn content(size: u64, offset: u32, flags: m::SectionFlags) -> Option<u64> {
    let kind = m::SectionType((flags.0 & m::SECTION_TYPE).to_le_bytes()[0]);
    let zero_fill = matches!(kind, m::S_ZEROFILL | m::S_GB_ZEROFILL | m::S_THREAD_LOCAL_ZEROFILL);
    (size != 0 && !zero_fill).then_some(u64::from(offset))
}

/// The commands that point at a table of `__LINKEDIT`.
fn check_tables(slice: Window<'_>, command: &LoadCommand<'_>, endian: Endianness) -> Result<()> {
    if command.is(m::LC_SYMTAB) {
        let raw: &m::SymtabCommand<Endianness> = command.read()?;
        // The smaller of the two sizes of an entry: the exact check is made when symbols are read.
        let entry = size_of::<m::Nlist32<Endianness>>() as u64;
        let size = u64::from(raw.nsyms.get(endian)).saturating_mul(entry);
        slice.part(u64::from(raw.symoff.get(endian)), size, "symbol table")?;
        let (offset, size) = (raw.stroff.get(endian), raw.strsize.get(endian));
        slice.part(u64::from(offset), u64::from(size), "string table")?;
    } else if command.is(m::LC_DYLD_INFO) || command.is(m::LC_DYLD_INFO_ONLY) {
        let raw: &m::DyldInfoCommand<Endianness> = command.read()?;
        for (offset, size) in [
            (raw.rebase_off, raw.rebase_size),
            (raw.bind_off, raw.bind_size),
            (raw.weak_bind_off, raw.weak_bind_size),
            (raw.lazy_bind_off, raw.lazy_bind_size),
            (raw.export_off, raw.export_size),
        ] {
            let (offset, size) = (offset.get(endian), size.get(endian));
            slice.part(u64::from(offset), u64::from(size), "dyld info")?;
        }
    } else if is_linkedit_data(command) {
        let place = linkedit_data(command, endian)?;
        slice.part(place.start, place.end.saturating_sub(place.start), "__LINKEDIT data")?;
    }
    Ok(())
}

/// The commands that are a `linkedit_data_command`.
fn is_linkedit_data(command: &LoadCommand<'_>) -> bool {
    matches!(
        m::LoadCommandType(command.command),
        m::LC_CODE_SIGNATURE
            | m::LC_SEGMENT_SPLIT_INFO
            | m::LC_FUNCTION_STARTS
            | m::LC_DATA_IN_CODE
            | m::LC_DYLIB_CODE_SIGN_DRS
            | m::LC_LINKER_OPTIMIZATION_HINT
            | m::LC_DYLD_EXPORTS_TRIE
            | m::LC_DYLD_CHAINED_FIXUPS
    )
}

/// The range of a `linkedit_data_command`, in bytes from the start of the slice.
pub(crate) fn linkedit_data(command: &LoadCommand<'_>, endian: Endianness) -> Result<Range<u64>> {
    let raw: &m::LinkeditDataCommand<Endianness> = command.read()?;
    let start = u64::from(raw.dataoff.get(endian));
    Ok(start..start.saturating_add(u64::from(raw.datasize.get(endian))))
}

/// The first command with the number `number`, as the structure `T`.
pub(crate) fn find<'a, T: Pod>(
    commands: &[LoadCommand<'a>],
    number: m::LoadCommandType,
) -> Result<Option<&'a T>> {
    commands.iter().find(|command| command.is(number)).map(LoadCommand::read).transpose()
}
