//! Which bytes of a file are in use, which are free, and how far a segment can grow.
//!
//! Between two segments linkers leave zeros up to the next page (GNU ld with `-z separate-code` nearly
//! a page after each). A read-only segment can grow into them: its pages are mapped anyway, and
//! neither the file nor the program header table gets larger.

use crate::encoding::Encoding;
use crate::header::Segment;
use crate::image::Image;

/// Padding at the end of a file that still counts as nothing. Editors and linkers round the size up.
const MOST_PADDING: u64 = 64;

/// Bytes that may be used: from a file offset and the address it is mapped at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// The program header that maps it, by index; `None` for one that is still to be made.
    pub(crate) segment: Option<usize>,
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

/// What is in use, as [start, end) of the file, without what is to move away.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    ranges: Vec<(u64, u64)>,
}

impl Used {
    /// Everything that section headers, program headers and the header tables cover. A `PT_LOAD`
    /// is in use as a whole where no section headers say more.
    pub(crate) fn new(image: &Image<'_>) -> Self {
        let header = &image.elf.header;
        let encoding: Encoding = image.elf.bytes.encoding;
        let mut ranges = vec![(0, header.e_ehsize), image.program_headers()];
        if header.e_shoff != 0 {
            let size = encoding.section_size() * u64::from(header.e_shnum);
            ranges.push((header.e_shoff, header.e_shoff.saturating_add(size)));
        }
        for section in &image.sections {
            ranges.push((section.sh_offset, section.sh_offset.saturating_add(section.file_size())));
        }
        for segment in image.segments() {
            if !segment.is_load() || image.sections.is_empty() {
                ranges.push((segment.p_offset, segment.file_end()));
            }
        }
        ranges.retain(|(start, end)| start < end);
        ranges.sort_unstable();
        Used { ranges }
    }

    /// Where the next byte in use is, from `offset` on.
    pub(crate) fn next(&self, offset: u64, moved: &[(u64, u64)]) -> Option<u64> {
        self.ranges
            .iter()
            .filter(|range| range.1 > offset && !is_within(range, moved))
            .map(|range| range.0.max(offset))
            .min()
    }

    /// The end of the last byte in use.
    pub(crate) fn end(&self) -> u64 {
        self.ranges.iter().map(|range| range.1).max().unwrap_or(0)
    }

    /// Whether every use of `[start, end)` is by ranges that lie wholly inside it.
    pub(crate) fn is_closed(&self, start: u64, end: u64) -> bool {
        self.ranges
            .iter()
            .filter(|range| range.0 < end && range.1 > start)
            .all(|range| range.0 >= start && range.1 <= end)
    }
}

fn is_within(range: &(u64, u64), moved: &[(u64, u64)]) -> bool {
    moved.iter().any(|moved| moved.0 <= range.0 && range.1 <= moved.1)
}

/// How many of the bytes `[start, end)` are zero, from the first on.
pub(crate) fn zeros(image: &Image<'_>, start: u64, end: u64) -> u64 {
    let size = end.saturating_sub(start);
    let bytes = image.elf.bytes.range("padding", start, size).unwrap_or_default();
    bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len()) as u64
}

/// The room behind the `PT_LOAD` at `index`, if it can grow at all.
pub(crate) fn behind_segment(image: &Image<'_>, used: &Used, index: usize) -> Option<Room> {
    let segment = image.segments().get(index).filter(|segment| segment.is_load())?;
    // What memory has beyond the file is zero-filled data that must stay where it is.
    if segment.p_filesz != segment.p_memsz || segment.p_filesz == 0 {
        return None;
    }
    let start = segment.file_end();
    let file_end = image.elf.bytes.size();
    let rest = file_end.checked_sub(start)?;
    let others = image.segments().iter().enumerate();
    let loads = others.filter(|(other, load)| *other != index && load.is_load());
    let next_load = loads.clone().map(|(_, load)| load.p_offset).filter(|&at| at >= start).min();
    let next = [used.next(start, &[]), next_load].into_iter().flatten().min();
    let in_file = match next {
        Some(next) => zeros(image, start, next),
        // The segment ends the file, which can grow.
        None if rest <= MOST_PADDING && zeros(image, start, file_end) == rest => u64::MAX >> 1,
        None => zeros(image, start, file_end),
    };
    // The page that the next segment begins in is its own: a loader maps it whole.
    let address = segment.memory_end();
    let limit = loads
        .filter(|(_, load)| load.p_vaddr > segment.p_vaddr)
        .map(|(_, load)| page_start(load))
        .min()
        .unwrap_or(image.elf.bytes.encoding.pick(1 << 32, 1 << 47));
    let size = in_file.min(limit.checked_sub(address)?);
    Some(Room { segment: Some(index), offset: start, address, size })
}

/// The start of the page in which `segment` begins, for the largest page it can be loaded with.
fn page_start(segment: &Segment) -> u64 {
    segment.p_vaddr - segment.p_vaddr.checked_rem(segment.p_align).unwrap_or(0)
}

/// How many bytes `.dynstr` can grow where it is, if `moved` gives way.
pub(crate) fn behind_strings(image: &Image<'_>, used: &Used, moved: &[(u64, u64)]) -> Option<Room> {
    let strings = image.strings;
    let end = strings.offset + strings.size;
    let is_home = |segment: &&Segment| {
        segment.is_load()
            && segment.offset_of(strings.address, strings.size) == Some(strings.offset)
    };
    let home = image.segments().iter().position(|segment| is_home(&segment))?;
    let segment = image.segments().get(home)?;
    let address = strings.address + strings.size;
    let room = |size| Some(Room { segment: Some(home), offset: end, address, size });
    if segment.file_end() > end {
        if let Some(next) = used.next(end, moved).filter(|&next| next <= segment.file_end()) {
            return room(free(image, end, next, moved));
        }
        // Only padding is left to the end of the segment.
        let padding = segment.file_end() - end;
        if image.sections.is_empty() || free(image, end, segment.file_end(), moved) < padding {
            return None;
        }
    }
    let beyond = behind_segment(image, used, home)
        .filter(|room| !segment.is_writable() || room.size > u64::from(u32::MAX) >> 1);
    room((segment.file_end() - end) + beyond.map_or(0, |room| room.size))
}

/// The number of bytes from `start` that are zero or about to move away, at most up to `end`.
fn free(image: &Image<'_>, start: u64, end: u64, moved: &[(u64, u64)]) -> u64 {
    let mut at = start;
    while at < end {
        if let Some(block) = moved.iter().find(|block| block.0 <= at && at < block.1) {
            at = block.1.min(end);
            continue;
        }
        let next = moved.iter().map(|block| block.0).filter(|&block| block > at).min();
        let stop = next.unwrap_or(end).min(end);
        let clear = zeros(image, at, stop);
        at += clear;
        if at < stop {
            break;
        }
    }
    at - start
}
