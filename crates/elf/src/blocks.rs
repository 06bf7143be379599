//! Tables that can move, because everything that points at them is known.
//!
//! The tables of dynamic linking are found by `DT_*` tags, notes and the interpreter's path by program
//! headers. Both can be changed. Code and data are found by addresses in instructions and
//! relocations, and stay.

use object::elf::{self, ProgramType, SectionType};

use crate::dynamic::is_address;
use crate::image::Image;
use crate::space::Used;

/// A run of the file that moves as one, and where it is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) align: u64,
}

impl Block {
    pub(crate) fn range(&self) -> (u64, u64) {
        (self.offset, self.offset + self.size)
    }
}

/// The block that begins at the file offset `offset`, if what is there can move.
pub(crate) fn movable(image: &Image<'_>, used: &Used, offset: u64) -> Option<Block> {
    let end = closure(image, offset)?;
    if !used.is_closed(offset, end) {
        return None;
    }
    let mut sections = image.sections.iter().filter(|section| {
        let start = section.sh_offset;
        section.is_alloc() && start >= offset && start < end && section.file_size() > 0
    });
    if !sections.clone().all(|section| can_move(image, section.sh_type, section.sh_addr)) {
        return None;
    }
    let load = image.segments().iter().find(|segment| {
        segment.is_load() && segment.p_offset <= offset && end <= segment.file_end()
    })?;
    let address = load.p_vaddr.checked_add(offset - load.p_offset)?;
    if sections.clone().any(|section| section.sh_addr != address + (section.sh_offset - offset)) {
        return None;
    }
    // An address of which we do not know what it means must not be moved from under its owner.
    let foreign = image.dynamic.entries.iter().any(|entry| {
        let inside = entry.value >= address && entry.value - address < end - offset;
        inside && is_address(image.elf.header.e_machine, entry.tag) && !is_known(entry.tag)
    });
    if foreign {
        return None;
    }
    let wanted = sections.by_ref().map(|section| section.sh_addralign).max().unwrap_or(1);
    Some(Block { offset, address, size: end - offset, align: wanted.clamp(8, 64) })
}

/// The program headers that may move with what they point at.
pub(crate) fn moves(p_type: ProgramType) -> bool {
    /// `PT_MIPS_REGINFO` and `PT_MIPS_ABIFLAGS`: what they point at holds no address of its own.
    const MIPS: [ProgramType; 2] = [ProgramType(0x7000_0000), ProgramType(0x7000_0003)];
    matches!(p_type, elf::PT_INTERP | elf::PT_NOTE | elf::PT_GNU_PROPERTY) || MIPS.contains(&p_type)
}

/// The tags whose tables are moved here.
pub(crate) fn is_known(tag: elf::DynamicTag) -> bool {
    matches!(
        tag,
        elf::DT_STRTAB
            | elf::DT_SYMTAB
            | elf::DT_HASH
            | elf::DT_GNU_HASH
            | elf::DT_VERSYM
            | elf::DT_VERNEED
            | elf::DT_VERDEF
    )
}

/// The end of what must move together, beginning with what stands at `offset`: a `PT_NOTE` that spans
/// three note sections moves as one. `None` if nothing begins there.
fn closure(image: &Image<'_>, offset: u64) -> Option<u64> {
    let sections = image
        .sections
        .iter()
        .map(|section| (section.sh_offset, section.sh_offset.saturating_add(section.file_size())));
    let headers = image.segments().iter().filter(|segment| moves(segment.p_type));
    let headers = headers.map(|segment| (segment.p_offset, segment.file_end()));
    let mut ranges: Vec<(u64, u64)> =
        sections.chain(headers).filter(|(start, end)| start < end && *end > offset).collect();
    ranges.sort_unstable();
    let mut closed = None;
    for (start, end) in ranges {
        match closed {
            None if start == offset => closed = Some(end),
            None => return None,
            Some(so_far) if start < so_far => closed = Some(end.max(so_far)),
            Some(_) => break,
        }
    }
    closed
}

/// Whether the section of this type at this address is known by what points at it.
fn can_move(image: &Image<'_>, sh_type: SectionType, address: u64) -> bool {
    const SHT_MIPS_REGINFO: SectionType = SectionType(0x7000_0006);
    const SHT_MIPS_ABIFLAGS: SectionType = SectionType(0x7000_002a);
    let is = |tag| image.dynamic.value(tag) == Some(address);
    let has_header = || {
        image.segments().iter().any(|segment| {
            moves(segment.p_type)
                && address
                    .checked_sub(segment.p_vaddr)
                    .is_some_and(|inside| inside < segment.p_filesz)
        })
    };
    match sh_type {
        elf::SHT_STRTAB => is(elf::DT_STRTAB),
        elf::SHT_DYNSYM => is(elf::DT_SYMTAB),
        elf::SHT_HASH => is(elf::DT_HASH),
        elf::SHT_GNU_HASH => is(elf::DT_GNU_HASH),
        elf::SHT_GNU_VERSYM => is(elf::DT_VERSYM),
        elf::SHT_GNU_VERNEED => is(elf::DT_VERNEED),
        elf::SHT_GNU_VERDEF => is(elf::DT_VERDEF),
        elf::SHT_NOTE | elf::SHT_PROGBITS | SHT_MIPS_REGINFO | SHT_MIPS_ABIFLAGS => has_header(),
        _ => false,
    }
}
