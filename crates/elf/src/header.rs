//! The ELF header, the program headers and the section headers.
//!
//! The loader reads the first two and nothing else (gABI, "Program Loading"), so they are the truth
//! here. Section headers are for debuggers and `strip`; a file may have none, or wrong ones, and still
//! run. They are read as hints and kept consistent.

use object::elf::{self, ProgramFlags, ProgramType, SectionFlags, SectionType};

use crate::encoding::{Bytes, Class, Encoding, Endian};
use crate::error::{Error, ErrorKind, Result};

/// The fields of `Elf32_Ehdr` and `Elf64_Ehdr` that are used here, in the standard's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) os_abi: u8,
    pub(crate) e_type: u16,
    pub(crate) e_machine: u16,
    pub(crate) e_flags: u32,
    pub(crate) e_ehsize: u64,
    pub(crate) e_phoff: u64,
    pub(crate) e_phnum: u16,
    pub(crate) e_shoff: u64,
    pub(crate) e_shnum: u16,
    pub(crate) e_shstrndx: u16,
}

/// One program header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) p_type: ProgramType,
    pub(crate) p_flags: ProgramFlags,
    pub(crate) p_offset: u64,
    pub(crate) p_vaddr: u64,
    pub(crate) p_paddr: u64,
    pub(crate) p_filesz: u64,
    pub(crate) p_memsz: u64,
    pub(crate) p_align: u64,
}

/// One section header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) sh_name: u32,
    pub(crate) sh_type: SectionType,
    pub(crate) sh_flags: SectionFlags,
    pub(crate) sh_addr: u64,
    pub(crate) sh_offset: u64,
    pub(crate) sh_size: u64,
    pub(crate) sh_link: u32,
    pub(crate) sh_info: u32,
    pub(crate) sh_addralign: u64,
    pub(crate) sh_entsize: u64,
}

impl Encoding {
    /// The size of one program header in bytes.
    pub(crate) fn segment_size(self) -> u64 {
        self.pick(32, 56)
    }

    /// The size of one section header in bytes.
    pub(crate) fn section_size(self) -> u64 {
        self.pick(40, 64)
    }
}

/// Reads `e_ident`: the magic number, the class and the byte order.
pub(crate) fn read_ident(bytes: &[u8]) -> Result<Bytes<'_>> {
    let [0x7f, b'E', b'L', b'F', class, data, version, ..] = *bytes else {
        return Err(ErrorKind::NotElf.into());
    };
    let class = match class {
        1 => Class::Elf32,
        2 => Class::Elf64,
        _ => return Err(wrong("EI_CLASS", class)),
    };
    let endian = match data {
        1 => Endian::Little,
        2 => Endian::Big,
        _ => return Err(wrong("EI_DATA", data)),
    };
    if version != 1 {
        return Err(wrong("EI_VERSION", version));
    }
    Ok(Bytes { bytes, encoding: Encoding { class, endian } })
}

fn wrong(field: &'static str, value: impl Into<u64>) -> Error {
    ErrorKind::Header { field, value: value.into() }.into()
}

impl FileHeader {
    pub(crate) fn read(bytes: &Bytes<'_>) -> Result<Self> {
        const WHAT: &str = "the ELF header";
        let encoding = bytes.encoding;
        let pick = |elf32, elf64| encoding.pick(elf32, elf64);
        let header = FileHeader {
            os_abi: bytes.u8(WHAT, 7)?,
            e_type: bytes.u16(WHAT, 16)?,
            e_machine: bytes.u16(WHAT, 18)?,
            e_phoff: bytes.word(WHAT, pick(28, 32))?,
            e_shoff: bytes.word(WHAT, pick(32, 40))?,
            e_flags: bytes.u32(WHAT, pick(36, 48))?,
            e_ehsize: pick(52, 64),
            e_phnum: bytes.u16(WHAT, pick(44, 56))?,
            e_shnum: bytes.u16(WHAT, pick(48, 60))?,
            e_shstrndx: bytes.u16(WHAT, pick(50, 62))?,
        };
        bytes.range(WHAT, 0, header.e_ehsize)?;
        let e_phentsize = bytes.u16(WHAT, pick(42, 54))?;
        if header.e_phnum != 0 && u64::from(e_phentsize) != encoding.segment_size() {
            return Err(wrong("e_phentsize", e_phentsize));
        }
        // PN_XNUM moves the count into a section header, for core files with over 65534 segments.
        // No loader takes such a library.
        if header.e_phnum == elf::PN_XNUM {
            return Err(wrong("e_phnum", header.e_phnum));
        }
        Ok(header)
    }

    pub(crate) fn segments(&self, bytes: &Bytes<'_>) -> Result<Vec<Segment>> {
        const WHAT: &str = "the program header table";
        let entry = bytes.encoding.segment_size();
        let size = entry * u64::from(self.e_phnum);
        bytes.range(WHAT, self.e_phoff, size)?;
        (0..u64::from(self.e_phnum))
            .map(|index| Segment::read(bytes, self.e_phoff + index * entry))
            .collect()
    }

    /// The section headers, or none if the file has none that can be read.
    pub(crate) fn sections(&self, bytes: &Bytes<'_>) -> Vec<Section> {
        let entry = bytes.encoding.section_size();
        // e_shnum 0 with a table means 65280 sections or more (gABI); no shared library has them.
        let read = || -> Result<Vec<Section>> {
            bytes.range(
                "the section header table",
                self.e_shoff,
                entry * u64::from(self.e_shnum),
            )?;
            (0..u64::from(self.e_shnum))
                .map(|index| Section::read(bytes, self.e_shoff + index * entry))
                .collect()
        };
        if self.e_shoff == 0 { Vec::new() } else { read().unwrap_or_default() }
    }
}

impl Segment {
    fn read(bytes: &Bytes<'_>, offset: u64) -> Result<Self> {
        const WHAT: &str = "a program header";
        let at = |elf32, elf64| offset + bytes.encoding.pick(elf32, elf64);
        Ok(Segment {
            p_type: ProgramType(bytes.u32(WHAT, offset)?),
            p_flags: ProgramFlags(bytes.u32(WHAT, at(24, 4))?),
            p_offset: bytes.word(WHAT, at(4, 8))?,
            p_vaddr: bytes.word(WHAT, at(8, 16))?,
            p_paddr: bytes.word(WHAT, at(12, 24))?,
            p_filesz: bytes.word(WHAT, at(16, 32))?,
            p_memsz: bytes.word(WHAT, at(20, 40))?,
            p_align: bytes.word(WHAT, at(28, 48))?,
        })
    }

    pub(crate) fn write(&self, encoding: Encoding, out: &mut Vec<u8>) -> Result<()> {
        encoding.put_u32(out, self.p_type.0);
        if encoding.class == Class::Elf64 {
            encoding.put_u32(out, self.p_flags.0);
        }
        for value in [self.p_offset, self.p_vaddr, self.p_paddr, self.p_filesz, self.p_memsz] {
            encoding.put_word(out, value)?;
        }
        if encoding.class == Class::Elf32 {
            encoding.put_u32(out, self.p_flags.0);
        }
        encoding.put_word(out, self.p_align)
    }

    pub(crate) fn is_load(&self) -> bool {
        self.p_type == elf::PT_LOAD
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.p_flags.contains(elf::PF_W)
    }

    pub(crate) fn is_executable(&self) -> bool {
        self.p_flags.contains(elf::PF_X)
    }

    /// The end in the file; `u64::MAX` where it would be beyond that.
    pub(crate) fn file_end(&self) -> u64 {
        self.p_offset.saturating_add(self.p_filesz)
    }

    /// The end in memory; `u64::MAX` where it would be beyond that.
    pub(crate) fn memory_end(&self) -> u64 {
        self.p_vaddr.saturating_add(self.p_memsz)
    }

    /// The file offset of `size` bytes at `address`, if this segment maps them all from the file.
    pub(crate) fn offset_of(&self, address: u64, size: u64) -> Option<u64> {
        let inside = address.checked_sub(self.p_vaddr)?;
        if inside.checked_add(size)? > self.p_filesz {
            return None;
        }
        self.p_offset.checked_add(inside)
    }
}

/// The file offset of `size` bytes at `address`.
pub(crate) fn offset_of(
    segments: &[Segment],
    what: &'static str,
    address: u64,
    size: u64,
) -> Result<u64> {
    segments
        .iter()
        .filter(|segment| segment.is_load())
        .find_map(|segment| segment.offset_of(address, size))
        .ok_or_else(|| ErrorKind::Unmapped { what, address }.into())
}

impl Section {
    fn read(bytes: &Bytes<'_>, offset: u64) -> Result<Self> {
        const WHAT: &str = "a section header";
        let at = |elf32, elf64| offset + bytes.encoding.pick(elf32, elf64);
        let flags = bytes.word(WHAT, offset + 8)?;
        Ok(Section {
            sh_name: bytes.u32(WHAT, offset)?,
            sh_type: SectionType(bytes.u32(WHAT, offset + 4)?),
            sh_flags: SectionFlags(flags),
            sh_addr: bytes.word(WHAT, at(12, 16))?,
            sh_offset: bytes.word(WHAT, at(16, 24))?,
            sh_size: bytes.word(WHAT, at(20, 32))?,
            sh_link: bytes.u32(WHAT, at(24, 40))?,
            sh_info: bytes.u32(WHAT, at(28, 44))?,
            sh_addralign: bytes.word(WHAT, at(32, 48))?,
            sh_entsize: bytes.word(WHAT, at(36, 56))?,
        })
    }

    pub(crate) fn write(&self, encoding: Encoding, out: &mut Vec<u8>) -> Result<()> {
        encoding.put_u32(out, self.sh_name);
        encoding.put_u32(out, self.sh_type.0);
        for value in [self.sh_flags.0, self.sh_addr, self.sh_offset, self.sh_size] {
            encoding.put_word(out, value)?;
        }
        encoding.put_u32(out, self.sh_link);
        encoding.put_u32(out, self.sh_info);
        encoding.put_word(out, self.sh_addralign)?;
        encoding.put_word(out, self.sh_entsize)
    }

    pub(crate) fn is_alloc(&self) -> bool {
        self.sh_flags.contains(elf::SHF_ALLOC)
    }

    /// Bytes that the section takes in the file.
    pub(crate) fn file_size(&self) -> u64 {
        if self.sh_type == elf::SHT_NOBITS { 0 } else { self.sh_size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODINGS: [Encoding; 4] = [
        Encoding { class: Class::Elf32, endian: Endian::Little },
        Encoding { class: Class::Elf32, endian: Endian::Big },
        Encoding { class: Class::Elf64, endian: Endian::Little },
        Encoding { class: Class::Elf64, endian: Endian::Big },
    ];

    #[test]
    fn headers_are_read_as_they_are_written() {
        let segment = Segment {
            p_type: elf::PT_LOAD,
            p_flags: elf::PF_R,
            p_offset: 1,
            p_vaddr: 2,
            p_paddr: 3,
            p_filesz: 4,
            p_memsz: 5,
            p_align: 6,
        };
        let section = Section {
            sh_name: 1,
            sh_type: elf::SHT_STRTAB,
            sh_flags: elf::SHF_ALLOC,
            sh_addr: 4,
            sh_offset: 5,
            sh_size: 6,
            sh_link: 7,
            sh_info: 8,
            sh_addralign: 9,
            sh_entsize: 10,
        };
        for encoding in ENCODINGS {
            let mut out = Vec::new();
            segment.write(encoding, &mut out).unwrap();
            assert_eq!(out.len() as u64, encoding.segment_size());
            assert_eq!(Segment::read(&Bytes { bytes: &out, encoding }, 0).unwrap(), segment);
            out.clear();
            section.write(encoding, &mut out).unwrap();
            assert_eq!(out.len() as u64, encoding.section_size());
            assert_eq!(Section::read(&Bytes { bytes: &out, encoding }, 0).unwrap(), section);
        }
    }

    #[test]
    fn what_is_not_elf_is_refused() {
        for bytes in [&b""[..], b"\x7fEL", b"MZ\x90\0\x03\0\0\0"] {
            let error = read_ident(bytes).unwrap_err();
            assert_eq!(error.to_string(), "the file does not begin with `\\x7fELF`");
        }
    }
}
