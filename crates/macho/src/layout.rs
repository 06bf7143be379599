//! Where the content of a slice lies: segments, tables, and the room behind the load commands.
//!
//! The kernel and dyld refuse a file whose segments or tables end behind it, or whose segments share bytes, so such
//! a file is refused here before anybody asks for what is missing.

use std::ops::Range;

use object::Endianness;
use object::macho as m;
use object::pod::Pod;

use crate::command::LoadCommand;
use crate::error::{ErrorKind, Result};
use crate::segment::{Segment, read_segment};
use crate::window::Window;

/// What the load commands of a slice say together of its content.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The lowest offset of content that is not header: the first byte load commands may not use.
    pub(crate) first_content: u64,
    /// Where the last table but the code signature ends; 0 without tables.
    pub(crate) tables_end: u64,
    /// In the order of their commands.
    pub(crate) segments: Vec<Segment>,
}

/// Checks that everything the commands point at is in the slice, and finds the first content.
pub(crate) fn check(
    slice: Window<'_>,
    commands: &[LoadCommand<'_>],
    endian: Endianness,
) -> Result<Layout> {
    let mut layout = Layout { first_content: slice.size(), tables_end: 0, segments: Vec::new() };
    for command in commands {
        if let Some(segment) = read_segment(command, endian)? {
            slice.part(segment.offset, segment.size, "segment")?;
            let first = first_of_segment(&segment).unwrap_or(u64::MAX);
            layout.first_content = layout.first_content.min(first);
            layout.segments.push(segment);
            continue;
        }
        let is_signature = command.is(m::LC_CODE_SIGNATURE);
        for (place, what) in tables(command, endian)? {
            let size = place.end.saturating_sub(place.start);
            slice.part(place.start, size, what)?;
            if size != 0 {
                layout.first_content = layout.first_content.min(place.start);
                let end = if is_signature { 0 } else { place.end };
                layout.tables_end = layout.tables_end.max(end);
            }
        }
    }
    check_overlaps(slice, &layout.segments)?;
    Ok(layout)
}

/// The lowest offset that a segment's content takes, by cctools' rule: of its sections that are neither empty nor
/// zero-fill; of a segment without sections its own, unless it starts with the header.
fn first_of_segment(segment: &Segment) -> Option<u64> {
    if segment.sections.is_empty() {
        return (segment.offset != 0 && segment.size != 0).then_some(segment.offset);
    }
    segment
        .sections
        .iter()
        .filter(|section| section.is_in_file())
        .map(|section| section.offset)
        .min()
}

/// dyld maps each segment by itself: bytes in two of them would be in memory twice, and an edit of the one would
/// be one of the other.
fn check_overlaps(slice: Window<'_>, segments: &[Segment]) -> Result<()> {
    let mut places: Vec<_> = segments
        .iter()
        .filter(|segment| segment.size != 0)
        .map(|segment| (segment.offset, segment.size))
        .collect();
    places.sort_unstable();
    let mut free = 0_u64;
    for (offset, size) in places {
        if offset < free {
            let (offset, free) = (slice.position(offset), slice.position(free));
            return Err(ErrorKind::SegmentsOverlap { offset, free }.into());
        }
        free = offset.saturating_add(size);
    }
    Ok(())
}

type Table = (Range<u64>, &'static str);

fn table(offset: u32, size: u64, what: &'static str) -> Table {
    let start = u64::from(offset);
    (start..start.saturating_add(size), what)
}

/// The tables of `__LINKEDIT` that a command points at.
fn tables(command: &LoadCommand<'_>, endian: Endianness) -> Result<Vec<Table>> {
    if command.is(m::LC_SYMTAB) {
        let raw: &m::SymtabCommand<Endianness> = command.read()?;
        // The smaller of the two sizes of an entry: the exact check is made when symbols are read.
        let entry = size_of::<m::Nlist32<Endianness>>() as u64;
        let size = u64::from(raw.nsyms.get(endian)).saturating_mul(entry);
        let (offset, strings) = (raw.stroff.get(endian), raw.strsize.get(endian));
        return Ok(vec![
            table(raw.symoff.get(endian), size, "symbol table"),
            table(offset, strings.into(), "string table"),
        ]);
    }
    if command.is(m::LC_DYLD_INFO) || command.is(m::LC_DYLD_INFO_ONLY) {
        let raw: &m::DyldInfoCommand<Endianness> = command.read()?;
        let places = [
            (raw.rebase_off, raw.rebase_size),
            (raw.bind_off, raw.bind_size),
            (raw.weak_bind_off, raw.weak_bind_size),
            (raw.lazy_bind_off, raw.lazy_bind_size),
            (raw.export_off, raw.export_size),
        ];
        let place = |(offset, size): &(object::U32<Endianness>, object::U32<Endianness>)| {
            table(offset.get(endian), size.get(endian).into(), "dyld info")
        };
        return Ok(places.iter().map(place).collect());
    }
    if is_linkedit_data(command) {
        return Ok(vec![(linkedit_data(command, endian)?, "__LINKEDIT data")]);
    }
    Ok(Vec::new())
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
            | m::LC_ATOM_INFO
            | m::LC_FUNCTION_VARIANTS
            | m::LC_FUNCTION_VARIANT_FIXUPS
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
