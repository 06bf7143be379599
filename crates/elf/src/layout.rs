//! Decides what moves where, so that `.dynstr`, `.dynamic` and the program headers have room.
//!
//! In order of what it costs the file:
//!
//! 1. `.dynstr` grows where it is: into padding, or with its segment if that ends with it.
//! 2. The tables behind `.dynstr` give way, or `.dynstr` itself moves, whichever is smaller;
//! 3. into the padding behind a read-only segment, or behind the segment that ends the file (one that an
//!    earlier edit made, say);
//! 4. else into one new segment at the end of the file. Its program header takes the place of a
//!    `PT_PHDR` or `PT_NULL` that a library does not need, or of the notes behind the table, which
//!    move too. Only where neither is possible does the table itself move, and never in a program:
//!    Linux before 5.18 tells a program the wrong place of a table that is not in its first segment.
//!
//! A table that has moved lies between sections and in none. GNU strip keeps it; eu-strip does not,
//! because elfutils' libelf fills with zeros whatever no section has, but the ELF header, the section
//! headers and what is in front of the first section. Only one more section, with its header and its
//! name, would keep it, and tables of the linker would have to move for a file that is complete as it
//! is. So a library without room in front of its code is to be stripped before its edits, as
//! [`strip`](crate::strip()) and the engine do it.

use object::elf;

use crate::blocks::{self, Block};
use crate::encoding::align_up;
use crate::error::{Error, Result};
use crate::header::Segment;
use crate::image::Image;
use crate::slots::{self, Slots};
use crate::space::{self, Room, Used};

/// Where appended segments begin in the file: a multiple of this, for tables that want alignment.
const FILE_ALIGN: u64 = 16;

/// What there must be room for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Bytes behind the last string of `.dynstr`.
    pub(crate) strings: u64,
    /// The size in bytes of a `.dynamic` that does not fit in its place.
    pub(crate) dynamic: Option<u64>,
    /// Program headers that are not there yet, besides a new `PT_LOAD`.
    pub(crate) headers: Vec<Segment>,
}

/// A block and its new place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) block: Block,
    pub(crate) offset: u64,
    pub(crate) address: u64,
}

/// Where everything is afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) moves: Vec<Move>,
    /// The program headers; those whose contents move still say where it was.
    pub(crate) segments: Vec<Segment>,
    /// File offset and address of the program header table, if it moves.
    pub(crate) table: Option<(u64, u64)>,
}

/// A block with the size it needs at its new place.
type Sized = (Block, u64);

/// Finds a layout for `demand`.
pub(crate) fn layout(image: &Image<'_>, demand: &Demand) -> Result<Layout> {
    let used = Used::new(image);
    if let Some(layout) = without_new_segment(image, &used, demand)? {
        return Ok(layout);
    }
    with_new_segment(image, &used, demand)
}

/// What must move, and the program headers with what grows in place.
struct Movers {
    blocks: Vec<Sized>,
    segments: Vec<Segment>,
    /// The segment that `.dynstr` makes grow, and by how many bytes.
    grown: Option<(usize, u64)>,
}

fn without_new_segment(image: &Image<'_>, used: &Used, demand: &Demand) -> Result<Option<Layout>> {
    let Some(slots) = slots::find(image, used, demand.headers.len()) else { return Ok(None) };
    let Movers { blocks, mut segments, grown } = movers(image, used, demand, &slots)?;
    let mut moves = Vec::new();
    if slots.table_moves {
        return Ok(None);
    }
    if !blocks.is_empty() {
        let Some(room) = existing_room(image, used, demand, grown, &blocks) else {
            return Ok(None);
        };
        let end = place(&room, &blocks, &mut moves)?;
        if let Some(segment) = room.segment.and_then(|index| segments.get_mut(index)) {
            segment.p_filesz = end - segment.p_vaddr;
            segment.p_memsz = segment.p_filesz;
        }
    }
    let segments = slots::fill(segments, &slots, None, &demand.headers);
    Ok(Some(Layout { moves, segments, table: None }))
}

fn with_new_segment(image: &Image<'_>, used: &Used, demand: &Demand) -> Result<Layout> {
    refuse_payload(image, used)?;
    let lacking = demand.headers.len() + 1;
    let Some(slots) = slots::find(image, used, lacking) else {
        let reason = "the program header table is full and must not move in a program";
        return Err(Error::no_room("a new segment", reason));
    };
    let Movers { blocks, segments, .. } = movers(image, used, demand, &slots)?;
    let mut room = new_room(image, &segments)?;
    let (start, base) = (room.offset, room.address);
    let mut table = None;
    if slots.table_moves {
        table = Some((room.offset, room.address));
        let count = (segments.len() - slots.dropped.len() + lacking) as u64;
        let size = count * image.elf.bytes.encoding.segment_size();
        room.offset += size;
        room.address += size;
    }
    let mut moves = Vec::new();
    let end = place(&room, &blocks, &mut moves)?;
    let size = end - base;
    let flags = if needs_write(image, demand) { elf::PF_R | elf::PF_W } else { elf::PF_R };
    let segment = Segment {
        p_type: elf::PT_LOAD,
        p_flags: flags,
        p_offset: start,
        p_vaddr: base,
        p_paddr: base,
        p_filesz: size,
        p_memsz: size,
        p_align: load_align(image),
    };
    let segments = slots::fill(segments, &slots, Some(segment), &demand.headers);
    Ok(Layout { moves, segments, table })
}

/// A program may carry data of its own behind everything ELF knows, and look for it from the end of
/// the file. What we append would hide it.
fn refuse_payload(image: &Image<'_>, used: &Used) -> Result<()> {
    let end = image.elf.bytes.size();
    let last = used.end().min(end);
    if image.is_program()
        && !image.sections.is_empty()
        && space::zeros(image, last, end) < end - last
    {
        let reason = "the program has data of its own behind the last section";
        return Err(Error::no_room("a new segment", reason));
    }
    Ok(())
}

/// The blocks that the slots, `.dynamic` and `.dynstr` make move, `.dynstr` last, so that it can grow
/// again.
fn movers(image: &Image<'_>, used: &Used, demand: &Demand, slots: &Slots) -> Result<Movers> {
    let mut segments = image.segments().to_vec();
    let mut grown = None;
    let mut blocks = slots.evicted.clone();
    if demand.dynamic.is_some() {
        blocks.push(dynamic_block(image)?);
    }
    let strings = image.strings;
    let is_strings = |block: &Block| block.offset == strings.offset;
    if demand.strings > 0 && !blocks.iter().any(is_strings) {
        match strings_room(image, used, demand, &mut blocks) {
            Some(room) => grown = grow(&mut segments, &room, demand.strings),
            None => blocks.push(strings_block(image, used)?),
        }
    }
    blocks.sort_by_key(|block| (is_strings(block), block.offset));
    let sized = |block: Block| {
        let size = match demand.dynamic {
            _ if is_strings(&block) => block.size + demand.strings,
            Some(size) if block.offset == image.dynamic.offset => size,
            _ => block.size,
        };
        (block, size)
    };
    Ok(Movers { blocks: blocks.into_iter().map(sized).collect(), segments, grown })
}

/// Room behind `.dynstr` for what is demanded, if need be by moving the tables behind it. `blocks` gets
/// them; it stays as it is where moving `.dynstr` itself is cheaper.
fn strings_room(
    image: &Image<'_>,
    used: &Used,
    demand: &Demand,
    blocks: &mut Vec<Block>,
) -> Option<Room> {
    let end = image.strings.offset + image.strings.size;
    let mut moving = blocks.clone();
    let mut cost = 0;
    loop {
        let moved: Vec<(u64, u64)> = moving.iter().map(Block::range).collect();
        let room = space::behind_strings(image, used, &moved);
        if let Some(room) = room.filter(|room| room.size >= demand.strings) {
            *blocks = moving;
            return Some(room);
        }
        let next = used.next(end, &moved)?;
        let block = blocks::movable(image, used, next)?;
        cost += block.size;
        if cost >= image.strings.size {
            return None;
        }
        moving.push(block);
    }
}

/// Makes the segment grow that ends with `.dynstr`, if what is added leaves it.
fn grow(segments: &mut [Segment], room: &Room, size: u64) -> Option<(usize, u64)> {
    let index = room.segment?;
    let segment = segments.get_mut(index)?;
    let more = (room.offset + size).checked_sub(segment.file_end()).filter(|&more| more > 0)?;
    segment.p_filesz += more;
    segment.p_memsz += more;
    Some((index, more))
}

/// Puts the blocks one behind the other; returns the address behind the last.
fn place(room: &Room, blocks: &[Sized], moves: &mut Vec<Move>) -> Result<u64> {
    let overflow = || Error::no_room("a table", "its address would be beyond the address space");
    let mut end = room.address;
    for &(block, size) in blocks {
        let address = align_up(end, block.align).ok_or_else(overflow)?;
        let offset = room.offset + (address - room.address);
        moves.push(Move { block, offset, address });
        end = address.checked_add(size).ok_or_else(overflow)?;
    }
    Ok(end)
}

/// A segment that can grow by all of `blocks`: a read-only one, or the one that ends the file.
fn existing_room(
    image: &Image<'_>,
    used: &Used,
    demand: &Demand,
    grown: Option<(usize, u64)>,
    blocks: &[Sized],
) -> Option<Room> {
    let strings = image.strings;
    let is_home = |segment: &Segment| segment.offset_of(strings.address, strings.size).is_some();
    (0..image.segments().len()).find_map(|index| {
        let segment = image.segments().get(index)?;
        let mut room = space::behind_segment(image, used, index)?;
        let endless = room.size > u64::from(u32::MAX);
        // Strings do not belong among code unless they were there before.
        let fits = match needs_write(image, demand) {
            true => segment.is_writable() && !segment.is_executable(),
            false => {
                (!segment.is_writable() || endless)
                    && (!segment.is_executable() || is_home(segment))
            }
        };
        let taken = grown.filter(|(other, _)| *other == index).map_or(0, |(_, size)| size);
        room.offset += taken;
        room.address += taken;
        room.size = room.size.checked_sub(taken)?;
        let end = place(&room, blocks, &mut Vec::new()).ok()?;
        (fits && end - room.address <= room.size).then_some(room)
    })
}

/// Whether what moves must be writable. ld.so before 2.35 writes addresses into `.dynamic`, but not
/// where it is read-only, as on MIPS.
fn needs_write(image: &Image<'_>, demand: &Demand) -> bool {
    let offset = image.dynamic.offset;
    let holds = |segment: &&Segment| {
        segment.is_load() && segment.p_offset <= offset && offset < segment.file_end()
    };
    let home = image.segments().iter().find(holds);
    demand.dynamic.is_some() && home.is_some_and(Segment::is_writable)
}

/// The alignment of a new segment: that of the file's own segments.
fn load_align(image: &Image<'_>) -> u64 {
    image.elf.load_alignment().max(0x1000)
}

/// The place of a new segment: behind the end of the file, and on a page of its own in memory. Only
/// the position within the page must agree (gABI: `p_vaddr` ≡ `p_offset` modulo `p_align`), so the
/// file is not padded to a page.
fn new_room(image: &Image<'_>, segments: &[Segment]) -> Result<Room> {
    let loads = segments.iter().filter(|segment| segment.is_load());
    let file_end = loads.clone().map(Segment::file_end).max().unwrap_or(0);
    let memory_end = loads.map(Segment::memory_end).max().unwrap_or(0);
    let align = load_align(image);
    if !align.is_power_of_two() {
        let offset = image.elf.header.e_phoff;
        return Err(Error::table("e_phoff", offset, "has a p_align that is no power of two"));
    }
    let place = || {
        let offset = align_up(image.elf.bytes.size().max(file_end), FILE_ALIGN)?;
        let address = align_up(memory_end, align)?.checked_add(offset % align)?;
        Some(Room { segment: None, offset, address, size: u64::MAX })
    };
    let reason = "its address would be beyond the address space";
    place().ok_or_else(|| Error::no_room("a new segment", reason))
}

fn dynamic_block(image: &Image<'_>) -> Result<Block> {
    let offset = image.dynamic.offset;
    let size = image.dynamic.capacity * image.elf.bytes.encoding.dynamic_size();
    let block = Block { offset, address: image.dynamic_address(), size, align: 8 };
    check_alone(image, &block, elf::DT_NULL)?;
    Ok(block)
}

fn strings_block(image: &Image<'_>, used: &Used) -> Result<Block> {
    let strings = image.strings;
    let block =
        Block { offset: strings.offset, address: strings.address, size: strings.size, align: 8 };
    check_alone(image, &block, elf::DT_STRTAB)?;
    let (start, end) = block.range();
    if !image.sections.is_empty() && !used.is_closed(start, end) {
        return Err(Error::table("DT_STRTAB", start, "overlaps another table"));
    }
    Ok(block)
}

/// Refuses to move a table in which an address other than that of `tag` lies.
fn check_alone(image: &Image<'_>, block: &Block, tag: elf::DynamicTag) -> Result<()> {
    let machine = image.elf.header.e_machine;
    let other = image.dynamic.entries.iter().any(|entry| {
        entry.tag != tag
            && crate::dynamic::is_address(machine, entry.tag)
            && entry.value.checked_sub(block.address).is_some_and(|inside| inside < block.size)
    });
    if other {
        return Err(Error::table("a dynamic table", block.offset, "has another one inside"));
    }
    Ok(())
}
