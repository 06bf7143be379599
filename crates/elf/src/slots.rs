//! Room for another program header.
//!
//! The table stands behind the ELF header, and linkers leave no gap behind it.

use object::elf;

use crate::blocks::{self, Block};
use crate::header::Segment;
use crate::image::Image;
use crate::space::{self, Used};

/// Where the program headers that are lacking come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    /// Indices of program headers that are given up, ascending.
    pub(crate) dropped: Vec<usize>,
    /// Blocks behind the table that give way.
    pub(crate) evicted: Vec<Block>,
    /// The table itself moves.
    pub(crate) table_moves: bool,
}

/// Finds room for `lacking` more program headers, or says that there is none.
pub(crate) fn find(image: &Image<'_>, used: &Used, lacking: usize) -> Option<Slots> {
    let mut slots = Slots::default();
    // PT_PHDR tells a program's start-up code where the table is. A library's loader knows.
    let program = image.is_program();
    let spare = |segment: &Segment| {
        segment.p_type == elf::PT_NULL || (segment.p_type == elf::PT_PHDR && !program)
    };
    let spares = image.segments().iter().enumerate().filter(|(_, segment)| spare(segment));
    slots.dropped = spares.map(|(index, _)| index).take(lacking).collect();
    let lacking = (lacking - slots.dropped.len()) as u64;
    if lacking == 0 {
        return Some(slots);
    }
    let (_, end) = image.program_headers();
    let wanted = end + lacking * image.elf.bytes.encoding.segment_size();
    if let Some(evicted) = evict(image, used, end, wanted) {
        slots.evicted = evicted;
        return Some(slots);
    }
    // A static-pie program has no PT_INTERP, but finds its own headers through the kernel.
    if program || is_static_program(image) {
        return None;
    }
    slots.table_moves = true;
    Some(slots)
}

fn is_static_program(image: &Image<'_>) -> bool {
    let flags = image.elf.dynamic_flags().unwrap_or_default();
    flags.pie || image.elf.file_type() == elf::ET_EXEC.0
}

/// The blocks that must move so that `[start, end)` is free behind the table.
fn evict(image: &Image<'_>, used: &Used, start: u64, end: u64) -> Option<Vec<Block>> {
    // The table must still be in the segment that maps it.
    let mapped = |segment: &Segment| {
        segment.is_load() && segment.p_offset <= start && start <= segment.file_end()
    };
    let home = image.segments().iter().find(|segment| mapped(segment))?;
    if end > home.file_end() {
        return None;
    }
    let mut evicted: Vec<Block> = Vec::new();
    loop {
        let moved: Vec<(u64, u64)> = evicted.iter().map(Block::range).collect();
        let next = used.next(start, &moved).unwrap_or(image.elf.bytes.size());
        let free = next.min(end);
        // Between what moves there may be padding, and nothing but padding.
        let mut at = start;
        for &(from, to) in moved.iter().chain([&(free, free)]) {
            if space::zeros(image, at, from.min(free)) < from.min(free).saturating_sub(at) {
                return None;
            }
            at = at.max(to);
        }
        if next >= end {
            return Some(evicted);
        }
        evicted.push(blocks::movable(image, used, next)?);
    }
}

/// The program headers with `load` behind the last `PT_LOAD` (they must ascend, gABI) and `others` at
/// the end.
pub(crate) fn fill(
    segments: Vec<Segment>,
    slots: &Slots,
    load: Option<Segment>,
    others: &[Segment],
) -> Vec<Segment> {
    let kept = segments.into_iter().enumerate();
    let kept = kept.filter(|(index, _)| !slots.dropped.contains(index));
    let mut segments: Vec<Segment> = kept.map(|(_, segment)| segment).collect();
    let behind = segments.iter().rposition(Segment::is_load).map_or(0, |last| last + 1);
    let tail = segments.split_off(behind);
    segments.extend(load);
    segments.extend(tail);
    segments.extend_from_slice(others);
    segments
}
