//! A file that is to be changed: what the loader reads in it, and the section headers as hints.

use object::elf;

use crate::dynamic::{Dynamic, StringTable};
use crate::error::{Error, ErrorKind, Result};
use crate::header::{Section, Segment};
use crate::read::Elf;

/// More program headers than this are not believed. Real files have a dozen; a limit keeps searches
/// over them cheap.
const MOST_SEGMENTS: usize = 256;

/// Likewise: real files have some tens of entries, and a few hundred needed names at most.
const MOST_ENTRIES: usize = 4096;

/// One file with everything that an edit looks at more than once.
#[derive(Clone, Debug)]
pub(crate) struct Image<'data> {
    pub(crate) elf: Elf<'data>,
    pub(crate) dynamic: Dynamic,
    pub(crate) strings: StringTable,
    /// Empty if the file has none, or such as cannot be true.
    pub(crate) sections: Vec<Section>,
}

impl<'data> Image<'data> {
    /// # Errors
    /// If the file is not dynamic, or too odd to be changed without doubt.
    pub(crate) fn read(bytes: &'data [u8]) -> Result<Self> {
        let elf = Elf::parse(bytes)?;
        if elf.segments.len() > MOST_SEGMENTS {
            let offset = elf.header.e_phoff;
            return Err(Error::table("e_phoff", offset, "has more than 256 program headers"));
        }
        for load in elf.segments.iter().filter(|segment| segment.is_load()) {
            let offset = load.p_offset;
            elf.bytes.range("a PT_LOAD segment", offset, load.p_filesz)?;
            // From here on the sum of two addresses or an address and a size cannot overflow.
            if load.memory_end() > 1 << 62 || load.p_filesz > load.p_memsz || load.p_align > 1 << 32
            {
                let reason = "has a size or alignment that no loader takes";
                return Err(Error::table("a PT_LOAD segment", offset, reason));
            }
        }
        let dynamic = elf.dynamic()?.ok_or(ErrorKind::NotDynamic)?;
        if dynamic.entries.len() > MOST_ENTRIES {
            let offset = dynamic.offset;
            return Err(Error::table("PT_DYNAMIC", offset, "has more than 4096 entries"));
        }
        let strings = dynamic.strings(&elf.segments)?;
        let sections = elf.header.sections(&elf.bytes);
        let image = Image { elf, dynamic, strings, sections };
        image.check_strings()?;
        // Chains of versions are walked more than once. Here they are found to be of bounded length.
        image.elf.version_needs()?;
        image.elf.version_definitions()?;
        Ok(image)
    }

    /// The gABI: a string table ends with a NUL. What we append would otherwise lengthen its last
    /// string.
    fn check_strings(&self) -> Result<()> {
        let StringTable { offset, size, .. } = self.strings;
        let last = size.checked_sub(1).map(|last| self.elf.bytes.u8("DT_STRTAB", offset + last));
        match last.transpose()? {
            Some(0) => Ok(()),
            _ => Err(Error::table("DT_STRTAB", offset, "does not end with a NUL")),
        }
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.elf.segments
    }

    /// The bytes of `.dynstr`.
    pub(crate) fn string_bytes(&self) -> Result<&'data [u8]> {
        self.elf.bytes.range("DT_STRTAB", self.strings.offset, self.strings.size)
    }

    /// Whether the file is a program: it names its loader.
    pub(crate) fn is_program(&self) -> bool {
        self.elf.segments.iter().any(|segment| segment.p_type == elf::PT_INTERP)
    }

    /// The address of the dynamic section.
    pub(crate) fn dynamic_address(&self) -> u64 {
        let segment = self.elf.segments.iter().find(|segment| segment.p_type == elf::PT_DYNAMIC);
        segment.map_or(0, |segment| segment.p_vaddr)
    }

    /// File offset and end of the program header table.
    pub(crate) fn program_headers(&self) -> (u64, u64) {
        let start = self.elf.header.e_phoff;
        (start, start + self.elf.bytes.encoding.segment_size() * self.elf.segments.len() as u64)
    }

    /// The section that stands exactly at `address` and has this type.
    pub(crate) fn section_at(
        &self,
        address: u64,
        sh_type: elf::SectionType,
    ) -> Option<(usize, &Section)> {
        self.sections.iter().enumerate().find(|(_, section)| {
            section.is_alloc() && section.sh_type == sh_type && section.sh_addr == address
        })
    }
}
