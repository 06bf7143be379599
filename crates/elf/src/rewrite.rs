//! Writes the headers and tables that say where everything is, once it is known.

use object::elf;

use crate::blocks;
use crate::dynamic::{StringTable, is_address};
use crate::dynstr::Names;
use crate::edit::Draft;
use crate::error::{Error, Result};
use crate::header::Section;
use crate::image::Image;
use crate::layout::{Demand, Layout, Move};
use crate::patch::index;
use crate::wanted::{Value, Wanted};

impl Layout {
    /// The move that takes the byte at `offset` along.
    fn moving(&self, offset: u64) -> Option<&Move> {
        self.moves.iter().find(|change| {
            let (start, end) = change.block.range();
            start <= offset && offset < end
        })
    }

    /// The new address of what is at `address`.
    fn relocated(&self, address: u64) -> u64 {
        let found = self.moves.iter().find_map(|change| {
            let inside = address.checked_sub(change.block.address)?;
            (inside < change.block.size).then(|| change.address + inside)
        });
        found.unwrap_or(address)
    }
}

impl Move {
    /// The new place of a part of the block that is at `offset` and `address`.
    fn carry(&self, offset: u64) -> (u64, u64) {
        let inside = offset - self.block.offset;
        (self.offset + inside, self.address + inside)
    }
}

/// Where `.dynstr` is afterwards.
pub(crate) fn strings(image: &Image<'_>, layout: &Layout, names: &Names) -> StringTable {
    let StringTable { address, offset, size } = image.strings;
    let size = size + names.behind.len() as u64;
    match layout.moving(offset) {
        Some(change) => {
            let (offset, address) = change.carry(offset);
            StringTable { address, offset, size }
        }
        None => StringTable { address, offset, size },
    }
}

/// Offset, address and size of `.dynamic` afterwards.
fn dynamic_place(image: &Image<'_>, demand: &Demand, layout: &Layout) -> (u64, u64, u64) {
    let old = image.dynamic.capacity * image.elf.bytes.encoding.dynamic_size();
    let offset = image.dynamic.offset;
    match (layout.moving(offset), demand.dynamic) {
        (Some(change), Some(size)) => {
            let (offset, address) = change.carry(offset);
            (offset, address, size)
        }
        _ => (offset, image.dynamic_address(), old),
    }
}

/// Writes all entries; what is left of the place is `DT_NULL`.
pub(crate) fn dynamic(
    draft: &mut Draft<'_>,
    image: &Image<'_>,
    wanted: &Wanted,
    names: &Names,
    demand: &Demand,
    layout: &Layout,
) -> Result<()> {
    let encoding = image.elf.bytes.encoding;
    let entry_size = encoding.dynamic_size();
    let (offset, address, size) = dynamic_place(image, demand, layout);
    let machine = image.elf.header.e_machine;
    let mut out = Vec::new();
    for entry in &wanted.entries {
        let value = match &entry.value {
            Value::Name(name) => index(names, name)?.into(),
            Value::Number(size) if entry.tag == elf::DT_STRSZ => size + names.behind.len() as u64,
            Value::Number(value) if is_address(machine, entry.tag) => layout.relocated(*value),
            // The offset of a word from this entry itself, which may have another place now.
            Value::Number(value)
                if machine == elf::EM_MIPS.0 && entry.tag == elf::DT_MIPS_RLD_MAP_REL =>
            {
                let origin = entry.origin.unwrap_or(0) as u64;
                let old = image.dynamic_address() + origin * entry_size;
                let new = address + out.len() as u64;
                let value = value.wrapping_add(old).wrapping_sub(new);
                value & encoding.pick(u32::MAX.into(), u64::MAX)
            }
            Value::Number(value) => *value,
        };
        encoding.put_word(&mut out, entry.tag.0.cast_unsigned())?;
        encoding.put_word(&mut out, value)?;
    }
    let written = usize::try_from(size).ok().filter(|&size| out.len() < size);
    out.resize(written.ok_or_else(|| Error::no_room("PT_DYNAMIC", "it has no end"))?, 0);
    draft.write(offset, out)
}

/// Writes the program headers and, where it changes, the place and size of their table.
pub(crate) fn program_headers(
    draft: &mut Draft<'_>,
    image: &Image<'_>,
    demand: &Demand,
    layout: &Layout,
) -> Result<()> {
    let encoding = image.elf.bytes.encoding;
    let (old_start, old_end) = image.program_headers();
    let count = layout.segments.len();
    let table_size = encoding.segment_size() * count as u64;
    let mut out = Vec::new();
    for segment in &layout.segments {
        let mut segment = *segment;
        let moved = layout.moving(segment.p_offset).filter(|_| segment.p_filesz > 0);
        if segment.p_type == elf::PT_DYNAMIC {
            let (offset, address, size) = dynamic_place(image, demand, layout);
            if offset != segment.p_offset {
                (segment.p_offset, segment.p_vaddr, segment.p_paddr) = (offset, address, address);
                (segment.p_filesz, segment.p_memsz) = (size, size);
            }
        } else if let (Some(change), true) = (moved, blocks::moves(segment.p_type)) {
            (segment.p_offset, segment.p_vaddr) = change.carry(segment.p_offset);
            segment.p_paddr = segment.p_vaddr;
        } else if segment.p_type == elf::PT_PHDR {
            if let Some((offset, address)) = layout.table {
                (segment.p_offset, segment.p_vaddr, segment.p_paddr) = (offset, address, address);
            }
            (segment.p_filesz, segment.p_memsz) = (table_size, table_size);
        }
        segment.write(encoding, &mut out)?;
    }
    if let Some((offset, _)) = layout.table {
        draft.take(old_start, old_end)?;
        let mut field = Vec::new();
        encoding.put_word(&mut field, offset)?;
        draft.write(encoding.pick(28, 32), field)?;
    }
    draft.write(layout.table.map_or(old_start, |(offset, _)| offset), out)?;
    let count = u16::try_from(count)
        .map_err(|_| Error::no_room("a program header", "there are 65535 of them"))?;
    let mut field = Vec::new();
    encoding.put_u16(&mut field, count);
    draft.write(encoding.pick(44, 56), field)
}

/// Writes the section headers that change.
pub(crate) fn section_headers(
    draft: &mut Draft<'_>,
    image: &Image<'_>,
    wanted: &Wanted,
    demand: &Demand,
    layout: &Layout,
    strings: &StringTable,
) -> Result<()> {
    let encoding = image.elf.bytes.encoding;
    let place = |index: usize| image.elf.header.e_shoff + encoding.section_size() * index as u64;
    let dynstr = image.section_at(image.strings.address, elf::SHT_STRTAB).map(|found| found.0);
    let verneed = image
        .dynamic
        .value(elf::DT_VERNEED)
        .and_then(|address| image.section_at(address, elf::SHT_GNU_VERNEED))
        .map(|found| found.0);
    for (index, old) in image.sections.iter().enumerate() {
        let mut section = moved_section(layout, old);
        if dynstr == Some(index) {
            section.sh_size = strings.size;
        }
        let moves = section.sh_offset != old.sh_offset;
        if let (elf::SHT_DYNAMIC, true, Some(size)) = (section.sh_type, moves, demand.dynamic) {
            section.sh_size = size;
        }
        if verneed == Some(index) && wanted.needs_removed {
            section.sh_info = u32::try_from(wanted.needs.len()).unwrap_or(u32::MAX);
        }
        if section != *old {
            let mut out = Vec::new();
            section.write(encoding, &mut out)?;
            draft.write(place(index), out)?;
        }
    }
    Ok(())
}

fn moved_section(layout: &Layout, old: &Section) -> Section {
    let mut section = *old;
    let moved = layout.moving(old.sh_offset).filter(|_| old.is_alloc() && old.file_size() > 0);
    if let Some(change) = moved {
        (section.sh_offset, section.sh_addr) = change.carry(old.sh_offset);
    }
    section
}

/// Moves the symbols of sections that move (`STT_SECTION`, `_DYNAMIC`): debuggers and `strip` compare
/// them with the section headers.
pub(crate) fn section_symbols(
    draft: &mut Draft<'_>,
    image: &Image<'_>,
    layout: &Layout,
) -> Result<()> {
    let moved: Vec<bool> =
        image.sections.iter().map(|section| moved_section(layout, section) != *section).collect();
    if !moved.contains(&true) {
        return Ok(());
    }
    let bytes = &image.elf.bytes;
    let encoding = bytes.encoding;
    let entry = encoding.symbol_size();
    for section in &image.sections {
        if !matches!(section.sh_type, elf::SHT_SYMTAB | elf::SHT_DYNSYM) {
            continue;
        }
        bytes.range("a symbol table", section.sh_offset, section.sh_size)?;
        for at in (0..section.sh_size / entry).map(|symbol| section.sh_offset + symbol * entry) {
            let st_shndx = bytes.u16("st_shndx", at + encoding.pick(14, 6))?;
            if moved.get(usize::from(st_shndx)) != Some(&true) {
                continue;
            }
            let place = at + encoding.pick(4, 8);
            let st_value = bytes.word("st_value", place)?;
            let mut field = Vec::new();
            encoding.put_word(&mut field, layout.relocated(st_value))?;
            draft.write(place, field)?;
        }
    }
    Ok(())
}
