//! Segments and their sections, as their load commands give them.
//!
//! `segment_command` and `segment_command_64` of `<mach-o/loader.h>`, each followed by its section headers.

use std::ops::Range;

use object::Endianness;
use object::macho as m;

use crate::command::LoadCommand;
use crate::error::Result;
use crate::read::Slice;

/// A part of the slice that is mapped as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its name, e.g. `__TEXT`, without the zeros behind it.
    pub name: Vec<u8>,
    /// Where it is mapped, before dyld slides the file.
    pub address: u64,
    /// How much memory it takes.
    pub memory_size: u64,
    /// Where it starts, in bytes from the start of the slice.
    pub offset: u64,
    /// How many bytes it has in the slice.
    pub size: u64,
    /// Its sections, in order.
    pub sections: Vec<Section>,
    /// Where its command starts, in bytes from the start of the slice.
    pub(crate) command_offset: u64,
}

/// A part of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name, e.g. `__text`, without the zeros behind it.
    pub name: Vec<u8>,
    /// Where it starts, in bytes from the start of the slice.
    pub offset: u64,
    /// Its size in bytes; in memory only where it is zero-fill.
    pub size: u64,
    /// `flags`: its type in the low byte, `S_*`.
    pub flags: u32,
}

impl Section {
    /// Whether it has bytes in the slice.
    #[must_use]
    pub fn is_in_file(&self) -> bool {
        let [kind, ..] = self.flags.to_le_bytes();
        let kind = m::SectionType(kind);
        let zero_fill =
            matches!(kind, m::S_ZEROFILL | m::S_GB_ZEROFILL | m::S_THREAD_LOCAL_ZEROFILL);
        self.size != 0 && !zero_fill
    }
}

impl<'a> Slice<'a> {
    /// The segments, in the order of their commands.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.layout.segments
    }

    pub(crate) fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments().iter().find(|segment| segment.name == name.as_bytes())
    }

    /// The property list that the linker put into the slice, which is the `Info.plist` of a file that is in no
    /// bundle. `None` where there is none.
    #[must_use]
    pub fn info_plist(&self) -> Option<&'a [u8]> {
        let mut sections = self.segment("__TEXT")?.sections.iter();
        let section = sections.find(|section| section.name == b"__info_plist")?;
        let part = self.window.part(section.offset, section.size, "__info_plist");
        section.is_in_file().then_some(part.ok()?.bytes())
    }

    /// The bytes of a range of the slice that is known to be inside.
    pub(crate) fn range(&self, range: Range<u64>) -> Result<&'a [u8]> {
        let size = range.end.saturating_sub(range.start);
        Ok(self.window.part(range.start, size, "content")?.bytes())
    }
}

/// The segment of a command, `None` for another command.
pub(crate) fn read_segment(
    command: &LoadCommand<'_>,
    endian: Endianness,
) -> Result<Option<Segment>> {
    let (mut segment, count, fixed) = if command.is(m::LC_SEGMENT_64) {
        let raw: &m::SegmentCommand64<Endianness> = command.read()?;
        let segment = Segment {
            name: until_zero(&raw.segname),
            address: raw.vmaddr.get(endian),
            memory_size: raw.vmsize.get(endian),
            offset: raw.fileoff.get(endian),
            size: raw.filesize.get(endian),
            sections: Vec::new(),
            command_offset: command.offset,
        };
        (segment, raw.nsects.get(endian), size_of_val(raw))
    } else if command.is(m::LC_SEGMENT) {
        let raw: &m::SegmentCommand32<Endianness> = command.read()?;
        let segment = Segment {
            name: until_zero(&raw.segname),
            address: raw.vmaddr.get(endian).into(),
            memory_size: raw.vmsize.get(endian).into(),
            offset: raw.fileoff.get(endian).into(),
            size: raw.filesize.get(endian).into(),
            sections: Vec::new(),
            command_offset: command.offset,
        };
        (segment, raw.nsects.get(endian), size_of_val(raw))
    } else {
        return Ok(None);
    };
    let mut offset = fixed as u64;
    // Each header is read inside the command, so a lying count ends at the first that is not there.
    for _ in 0..count {
        let (section, size) = read_section(command, endian, offset)?;
        segment.sections.push(section);
        offset = offset.saturating_add(size as u64);
    }
    Ok(Some(segment))
}

fn read_section(
    command: &LoadCommand<'_>,
    endian: Endianness,
    offset: u64,
) -> Result<(Section, usize)> {
    const WHAT: &str = "section header";
    if command.is(m::LC_SEGMENT_64) {
        let raw: &m::Section64<Endianness> = command.read_at(offset, WHAT)?;
        let section = Section {
            name: until_zero(&raw.sectname),
            offset: raw.offset.get(endian).into(),
            size: raw.size.get(endian),
            flags: raw.flags.get(endian).0,
        };
        return Ok((section, size_of_val(raw)));
    }
    let raw: &m::Section32<Endianness> = command.read_at(offset, WHAT)?;
    let section = Section {
        name: until_zero(&raw.sectname),
        offset: raw.offset.get(endian).into(),
        size: raw.size.get(endian).into(),
        flags: raw.flags.get(endian).0,
    };
    Ok((section, size_of_val(raw)))
}

fn until_zero(name: &[u8; 16]) -> Vec<u8> {
    name.iter().copied().take_while(|&byte| byte != 0).collect()
}
