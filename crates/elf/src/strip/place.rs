//! Where what stays has its place in the shorter file.
//!
//! First the blocks, which segments cover: each follows the one before it, but moves by whole pages,
//! because address and offset must agree modulo the page (gABI, "Program Header", `p_align`). Those in
//! front of the first section that can move stay. Then the other sections in their old order, and the
//! section headers last, in the gaps that blocks leave as long as they fit.

use std::collections::BTreeMap;

use super::choose::{Choice, extent};
use super::tables::Tables;
use crate::encoding::align_up;
use crate::error::{Error, Result};
use crate::header::{Section, Segment};
use crate::read::Elf;

/// Offsets in the new file.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Old and new offset of each block, ascending.
    pub(super) blocks: Vec<(u64, u64)>,
    /// Of sections outside of blocks, by their old numbers.
    pub(super) sections: BTreeMap<usize, u64>,
    /// Of the section headers.
    pub(super) table: u64,
    /// The size of the file.
    pub(super) size: u64,
}

impl Places {
    /// The new offset of what is in a block, or behind it and has no bytes.
    pub(super) fn moved(&self, offset: u64) -> u64 {
        let at = self.blocks.partition_point(|block| block.0 <= offset);
        let block = at.checked_sub(1).and_then(|at| self.blocks.get(at));
        block.map_or(offset, |(old, new)| offset - (old - new))
    }

    /// The new offset of section `index`, which was at `old`.
    pub(super) fn offset(&self, index: usize, old: u64) -> u64 {
        self.sections.get(&index).copied().unwrap_or_else(|| self.moved(old))
    }
}

/// Gives everything its place.
pub(super) fn places(elf: &Elf<'_>, choice: &Choice, tables: &Tables) -> Result<Places> {
    let movable = |index: usize, section: &Section| index != 0 && !choice.is_in_block(section);
    let first = choice
        .numbered()
        .filter(|(index, section, _)| movable(*index, section) && extent(section) > 0)
        .map(|(_, section, _)| section.sh_offset)
        .min()
        .unwrap_or(u64::MAX);
    let page = page(elf);
    let mut blocks = Vec::new();
    let mut gaps = Gaps { at: 0, blocks: Vec::new() };
    let mut end = 0;
    for &(old, block_end) in &choice.blocks {
        let place = block_place(elf, (old, block_end), first, end, page)?;
        blocks.push((old, place));
        end = place + (block_end - old);
        if old < first {
            gaps.at = end;
        } else {
            gaps.blocks.push((place, end));
        }
    }
    gaps.blocks.reverse();
    let mut order: Vec<(usize, &Section)> =
        choice.kept().filter(|(index, section)| movable(*index, section)).collect();
    order.sort_by_key(|(index, section)| (section.sh_offset, *index));
    let mut sections = BTreeMap::new();
    for (index, section) in order {
        let new = tables.contents.get(&index).map(|contents| contents.len() as u64);
        let size = new.unwrap_or_else(|| extent(section));
        sections.insert(index, gaps.place(size, section.sh_addralign)?);
    }
    let headers = choice.kept().count() as u64 * elf.bytes.encoding.section_size();
    let table = gaps.place(headers, elf.bytes.encoding.word_size())?;
    let size = end.max(gaps.at);
    if size > elf.bytes.size().saturating_add(headers).saturating_add(MOST_GROWTH) {
        return Err(grows());
    }
    Ok(Places { blocks, sections, table, size })
}

/// A file that loses next to nothing may end a little later: its section headers may find no room
/// in front of a block that cannot move, and sections may have been packed more tightly than their
/// alignment asks for. More than this is no honest file and gets no memory.
const MOST_GROWTH: u64 = 1 << 12;

/// The room between blocks and behind the last.
struct Gaps {
    /// Where the next section can begin.
    at: u64,
    /// Start and end of the blocks ahead, the last one first.
    blocks: Vec<(u64, u64)>,
}

impl Gaps {
    /// The next place for `size` bytes.
    fn place(&mut self, size: u64, align: u64) -> Result<u64> {
        loop {
            let start = align_up(self.at, align).ok_or_else(grows)?;
            let end = start.checked_add(size).ok_or_else(grows)?;
            match self.blocks.last() {
                Some(block) if block.0 < end => {
                    self.at = block.1;
                    self.blocks.pop();
                }
                _ => {
                    self.at = end;
                    return Ok(start);
                }
            }
        }
    }
}

fn grows() -> Error {
    Error::no_room("the sections that stay", "the file would grow")
}

/// The largest page that any segment is made for.
fn page(elf: &Elf<'_>) -> u64 {
    let loads = elf.segments.iter().filter(|segment| segment.is_load());
    loads.map(|segment: &Segment| segment.p_align).max().unwrap_or(1).max(1)
}

/// The lowest offset from `end` on that agrees with the old one in the page.
fn block_place(
    elf: &Elf<'_>,
    (old, block_end): (u64, u64),
    first: u64,
    end: u64,
    page: u64,
) -> Result<u64> {
    // Linux before 5.18 counts the program headers of a program from its first segment, so their
    // offset is part of where they are in memory.
    let is_program = elf.segments.iter().any(|s| s.p_type == object::elf::PT_INTERP);
    let has_table = old <= elf.header.e_phoff && elf.header.e_phoff < block_end;
    let stays = old < first || (is_program && has_table);
    let gap = old.checked_sub(end).ok_or_else(grows)?;
    Ok(if stays { old } else { old - gap / page * page })
}
