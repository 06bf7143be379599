//! Which sections go, and whether the file is one that can lose them.
//!
//! Section headers are hints: nothing that runs checks them. Before they decide over bytes they must
//! agree with each other and with the file; else the file is left alone, with the reason.

use object::elf::{self, SectionType};

use super::Strip;
use crate::encoding::Bytes;
use crate::header::{Section, Segment};
use crate::read::Elf;

/// Why a file is left alone.
pub(super) type Unfit = &'static str;

/// Alignments above this are not believed: sections outside of segments have 1 to 16.
const MOST_ALIGN: u64 = 1 << 12;

/// More program headers than this are not believed: real files have a dozen.
const MOST_SEGMENTS: usize = 256;

/// Debug information by the whole name: DWARF 1, gdb's index, and the link to a file that `dwz` has
/// made of what several files of debug information share.
const NAMES: [&[u8]; 4] = [b".debug", b".line", b".gdb_index", b".gnu_debugaltlink"];

/// Debug information by the start of the name: DWARF 2 to 5, the same compressed the old way, that of
/// link-time optimisation, that of old C++ compilers, and stabs.
const PREFIXES: [&[u8]; 5] =
    [b".debug_", b".zdebug_", b".gnu.debuglto_", b".gnu.linkonce.wi.", b".stab"];

/// The sections of a file, and which of them stay.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) sections: Vec<Section>,
    /// By number: whether it stays.
    pub(super) stays: Vec<bool>,
    /// Bytes in the file that keep together and their addresses: ascending, apart from each other.
    pub(super) blocks: Vec<(u64, u64)>,
    /// Symbol tables that stay and lose symbols.
    pub(super) filtered: Vec<usize>,
}

impl Choice {
    /// How many sections go, and their bytes in the file.
    pub(super) fn gone(&self) -> (usize, u64) {
        let gone = self.numbered().filter(|(.., stays)| !stays);
        gone.fold((0, 0), |(count, size), (_, section, _)| (count + 1, size + extent(section)))
    }

    /// Number, header and whether it stays.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &Section, bool)> {
        let stays = self.stays.iter().copied();
        self.sections
            .iter()
            .zip(stays)
            .enumerate()
            .map(|(index, (section, stays))| (index, section, stays))
    }

    /// Sections that stay, with their numbers.
    pub(super) fn kept(&self) -> impl Iterator<Item = (usize, &Section)> {
        self.numbered().filter(|(.., stays)| *stays).map(|(index, section, _)| (index, section))
    }

    /// The number that section `index` has afterwards.
    pub(super) fn renumbered(&self) -> Vec<Option<usize>> {
        let mut next = 0;
        let number = |&stays: &bool| {
            stays.then(|| {
                next += 1;
                next - 1
            })
        };
        self.stays.iter().map(number).collect()
    }

    /// Whether the bytes of `section` are part of a block.
    pub(super) fn is_in_block(&self, section: &Section) -> bool {
        section.is_alloc() || is_inside(&self.blocks, section)
    }
}

/// Bytes that a section takes in the file.
pub(super) fn extent(section: &Section) -> u64 {
    if section.sh_type == elf::SHT_NULL { 0 } else { section.file_size() }
}

/// The section that `number` means; 0 means none.
pub(super) fn linked(sections: &[Section], number: u32) -> Option<(usize, &Section)> {
    let index = usize::try_from(number).ok().filter(|&index| index != 0)?;
    sections.get(index).map(|section| (index, section))
}

/// Whether `sh_info` of a section is the number of another one.
pub(super) fn info_is_section(section: &Section) -> bool {
    is_relocations(section.sh_type) || section.sh_flags.contains(elf::SHF_INFO_LINK)
}

fn is_relocations(sh_type: SectionType) -> bool {
    matches!(sh_type, elf::SHT_REL | elf::SHT_RELA | elf::SHT_CREL)
}

/// What stays and what goes; `None` if nothing goes.
pub(super) fn choose(elf: &Elf<'_>, level: Strip) -> Result<Option<Choice>, Unfit> {
    let header = &elf.header;
    if header.e_shoff == 0 || header.e_shnum == 0 {
        return Ok(None);
    }
    if header.e_type == elf::ET_REL.0 {
        return Err("it is an object for the linker");
    }
    let sections = header.sections(&elf.bytes);
    let names = names(elf, &sections)?;
    check_kind(elf, &sections)?;
    let stays = stays(&sections, names, usize::from(header.e_shstrndx), level)?;
    if !stays.contains(&false) {
        return Ok(None);
    }
    let blocks = blocks(elf, &sections)?;
    let mut choice = Choice { sections, stays, blocks, filtered: Vec::new() };
    check_places(elf, &choice)?;
    choice.filtered = filtered(&elf.bytes, header.e_machine, &choice)?;
    Ok(Some(choice))
}

/// The bytes of `.shstrtab`.
fn names<'data>(elf: &Elf<'data>, sections: &[Section]) -> Result<&'data [u8], Unfit> {
    let entry_size = elf.bytes.u16("e_shentsize", elf.bytes.encoding.pick(46, 58));
    if sections.is_empty() || entry_size.map(u64::from) != Ok(elf.bytes.encoding.section_size()) {
        return Err("its section headers are not all in the file");
    }
    let table = sections.get(usize::from(elf.header.e_shstrndx));
    let table = table.filter(|table| table.sh_type == elf::SHT_STRTAB);
    let bytes =
        table.and_then(|table| elf.bytes.range(".shstrtab", table.sh_offset, table.sh_size).ok());
    let named = |bytes: &&[u8]| {
        let inside = |name: u32| usize::try_from(name).is_ok_and(|name| name < bytes.len());
        sections.iter().all(|section| section.sh_name == 0 || inside(section.sh_name))
            && bytes.last() == Some(&0)
    };
    bytes.filter(named).ok_or("its sections have no names")
}

/// Refuses what is neither a program nor a library that runs.
fn check_kind(elf: &Elf<'_>, sections: &[Section]) -> Result<(), Unfit> {
    if !matches!(elf.header.e_type, t if t == elf::ET_EXEC.0 || t == elf::ET_DYN.0)
        || !elf.segments.iter().any(Segment::is_load)
    {
        return Err("it is neither a program nor a library");
    }
    let odd = |segment: &Segment| segment.is_load() && !is_align(segment.p_align);
    if elf.segments.len() > MOST_SEGMENTS || elf.segments.iter().any(odd) {
        return Err("its program headers are none that a loader takes");
    }
    // `objcopy --only-keep-debug` leaves the headers of what runs and takes the bytes.
    let mut code = sections
        .iter()
        .filter(|section| section.is_alloc() && section.sh_flags.contains(elf::SHF_EXECINSTR))
        .peekable();
    if code.peek().is_some() && code.all(|section| section.sh_type == elf::SHT_NOBITS) {
        return Err("it holds the debug information of another file");
    }
    Ok(())
}

/// By number, whether a section stays.
fn stays(
    sections: &[Section],
    names: &[u8],
    shstrndx: usize,
    level: Strip,
) -> Result<Vec<bool>, Unfit> {
    let goes_by_itself = |(index, section): (usize, &Section)| {
        let is_symbols = section.sh_type == elf::SHT_SYMTAB && level == Strip::All;
        let may_go = index != 0 && index != shstrndx && !section.is_alloc();
        may_go && (is_symbols || is_debug_information(names, section))
    };
    let first: Vec<bool> = sections.iter().enumerate().map(goes_by_itself).collect();
    // Relocations of what goes, and what numbers symbols that go.
    let went =
        |number: u32| usize::try_from(number).ok().and_then(|at| first.get(at)) == Some(&true);
    let mut goes = first.clone();
    for (goes, section) in goes.iter_mut().zip(sections).filter(|(_, section)| !section.is_alloc())
    {
        let of_symbols = linked(sections, section.sh_link)
            .is_some_and(|(_, link)| link.sh_type == elf::SHT_SYMTAB && went(section.sh_link));
        *goes |= of_symbols || (is_relocations(section.sh_type) && went(section.sh_info));
    }
    if goes.first() == Some(&true) || goes.get(shstrndx) == Some(&true) {
        return Err("its section headers contradict each other");
    }
    // Strings that only sections that go have asked for.
    let mut asked = vec![(false, false); sections.len()];
    for (section, goes) in sections.iter().zip(&goes) {
        let index = usize::try_from(section.sh_link).unwrap_or(usize::MAX);
        if let Some((by_gone, by_kept)) = asked.get_mut(index) {
            *by_gone |= *goes;
            *by_kept |= !*goes;
        }
    }
    let strings = sections.iter().zip(&asked).enumerate().map(|(index, (section, asked))| {
        let is_strings = section.sh_type == elf::SHT_STRTAB && !section.is_alloc();
        is_strings && index != shstrndx && *asked == (true, false)
    });
    Ok(goes.iter().zip(strings).map(|(goes, strings)| !(*goes || strings)).collect())
}

fn is_debug_information(names: &[u8], section: &Section) -> bool {
    let start = usize::try_from(section.sh_name).unwrap_or(usize::MAX);
    let name = names.get(start..).unwrap_or_default();
    let is = |whole: &[u8]| name.strip_prefix(whole).is_some_and(|rest| rest.first() == Some(&0));
    NAMES.iter().any(|whole| is(whole)) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Everything that a segment covers or an address is given to, in ranges that do not touch.
fn blocks(elf: &Elf<'_>, sections: &[Section]) -> Result<Vec<(u64, u64)>, Unfit> {
    let header = &elf.header;
    let table = elf.bytes.encoding.segment_size() * u64::from(header.e_phnum);
    let mut ranges =
        vec![(0, header.e_ehsize), (header.e_phoff, header.e_phoff.saturating_add(table))];
    for segment in elf.segments.iter().filter(|segment| !follows(elf, sections, segment)) {
        // A segment of zeros alone may begin inside a page, which the loader maps from the file: the
        // byte before it keeps that page in the file.
        let is_zeros = segment.is_load() && segment.p_filesz == 0;
        let start = segment.p_offset.saturating_sub(is_zeros.into());
        ranges.push((start, segment.file_end()));
    }
    for section in sections.iter().filter(|section| section.is_alloc() && extent(section) > 0) {
        ranges.push((section.sh_offset, section.sh_offset.saturating_add(extent(section))));
    }
    ranges.retain(|(start, end)| start < end);
    ranges.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (start, end) in ranges {
        match merged.last_mut() {
            Some(last) if last.1 >= start => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    match merged.last() {
        Some((_, end)) if *end <= elf.bytes.size() => Ok(merged),
        _ => Err("a segment or section is not all in the file"),
    }
}

/// Whether a segment is no more than a pointer to a section that no memory has, as
/// `PT_RISCV_ATTRIBUTES` is, and follows it to another place.
pub(super) fn follows(elf: &Elf<'_>, sections: &[Section], segment: &Segment) -> bool {
    let of_section = |section: &Section| {
        !section.is_alloc()
            && extent(section) > 0
            && (section.sh_offset, section.sh_size) == (segment.p_offset, segment.p_filesz)
    };
    let overlaps = |load: &Segment| {
        load.is_load() && load.p_offset < segment.file_end() && segment.p_offset < load.file_end()
    };
    segment.p_type == elf::PT_RISCV_ATTRIBUTES
        && elf.header.e_machine == elf::EM_RISCV.0
        && sections.iter().filter(|section| of_section(section)).count() == 1
        && !elf.segments.iter().any(overlaps)
}

fn is_inside(ranges: &[(u64, u64)], section: &Section) -> bool {
    let at = ranges.partition_point(|(start, _)| *start <= section.sh_offset);
    let range = at.checked_sub(1).and_then(|at| ranges.get(at));
    extent(section) > 0
        && range.is_some_and(|range| section.sh_offset.saturating_add(extent(section)) <= range.1)
}

fn is_align(align: u64) -> bool {
    align == 0 || align.is_power_of_two()
}

/// Sections that move are in the file, do not overlap, and nothing lies behind the last.
fn check_places(elf: &Elf<'_>, choice: &Choice) -> Result<(), Unfit> {
    let size = elf.bytes.size();
    let mut ranges = choice.blocks.clone();
    for section in choice.sections.iter().filter(|section| !choice.is_in_block(section)) {
        let end = section.sh_offset.saturating_add(extent(section));
        if section.sh_addralign > MOST_ALIGN || !is_align(section.sh_addralign) {
            return Err("a section has an alignment that none has");
        }
        if extent(section) > 0 {
            ranges.push((section.sh_offset, end));
        }
    }
    let table = elf.bytes.encoding.section_size() * u64::from(elf.header.e_shnum);
    let table = elf.header.e_shoff.saturating_add(table);
    let end = ranges.iter().map(|range| range.1).fold(table, u64::max);
    if end > size {
        return Err("a segment or section is not all in the file");
    }
    ranges.sort_unstable();
    // Sections in memory may overlap in honest files, but not many times over.
    let total = choice.sections.iter().fold(0, |sum: u64, s| sum.saturating_add(extent(s)));
    if total > size.saturating_mul(4)
        || ranges.windows(2).any(|pair| matches!(pair, [a, b] if a.1 > b.0))
    {
        return Err("its sections overlap");
    }
    let rest = elf.bytes.range("the end", end, size - end).unwrap_or_default();
    if rest.iter().any(|&byte| byte != 0) {
        return Err("it has data of its own behind the last section");
    }
    Ok(())
}

/// The symbol tables that stay. Symbols of sections that go must leave them, so nothing that stays may
/// number their symbols.
fn filtered(bytes: &Bytes<'_>, machine: u16, choice: &Choice) -> Result<Vec<usize>, Unfit> {
    let is_symbols = |section: &Section| {
        section.sh_type == elf::SHT_SYMTAB && !choice.is_in_block(section) && extent(section) > 0
    };
    let mut found = Vec::new();
    for (index, section) in choice.kept().filter(|(_, section)| is_symbols(section)) {
        let entry = bytes.encoding.symbol_size();
        let strings = linked(&choice.sections, section.sh_link).map(|(_, strings)| strings);
        if section.sh_entsize != entry
            || section.sh_size % entry != 0
            || strings.is_none_or(|strings| strings.sh_type != elf::SHT_STRTAB)
        {
            return Err("its symbol table is not one");
        }
        found.push(index);
    }
    for (_, section) in choice.kept() {
        let index = usize::try_from(section.sh_link).unwrap_or(usize::MAX);
        if found.contains(&index) && !numbers_no_symbol(bytes, machine, section) {
            return Err("it keeps the linker's relocations, which number its symbols");
        }
    }
    Ok(found)
}

/// Whether `section` is made of relocations that name no symbol, as those of a static program are.
fn numbers_no_symbol(bytes: &Bytes<'_>, machine: u16, section: &Section) -> bool {
    let pick = |elf32, elf64| bytes.encoding.pick(elf32, elf64);
    let size = match section.sh_type {
        elf::SHT_REL => pick(8, 16),
        elf::SHT_RELA => pick(12, 24),
        _ => return false,
    };
    // MIPS writes the symbol of a 64-bit entry first, as a number of its own (64-bit ELF object file
    // specification, "Relocation").
    let is_mips64 = machine == elf::EM_MIPS.0 && pick(0, 1) == 1;
    (0..section.sh_size / size).all(|entry| {
        let at = section.sh_offset + entry * size;
        let symbol = match is_mips64 {
            true => bytes.u32("r_info", at + 8).map(u64::from),
            false => bytes.word("r_info", at + pick(4, 8)).map(|info| info >> pick(8, 32)),
        };
        symbol == Ok(0)
    })
}
