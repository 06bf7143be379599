//! One ELF file as its loader sees it.
//!
//! [`Elf::parse`] reads the header and the program headers; each question reads what it needs when it
//! is asked. Section headers tell only the build attributes of an Arm file, which no segment holds: a
//! file without them runs as well.

use std::ops::Range;

use object::elf::{self, DynamicTag};

use crate::attributes;
use crate::dynamic::{Dynamic, StringTable};
use crate::encoding::{Budget, Bytes, Class, Endian};
use crate::error::{ErrorKind, Result};
use crate::header::{FileHeader, Segment, read_ident};
use crate::notes;
use crate::symbols::{self, Symbol};
use crate::versions::{self, VersionDefinition, VersionNeed};

/// An ELF file: its header, its program headers, and the rest by asking.
#[derive(Clone, Debug)]
pub struct Elf<'data> {
    pub(crate) bytes: Bytes<'data>,
    pub(crate) header: FileHeader,
    pub(crate) segments: Vec<Segment>,
}

/// What `DT_FLAGS`, `DT_FLAGS_1` and the older tags for the same things say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DynamicFlags {
    /// `DT_FLAGS`, 0 if there is none.
    pub flags: u64,
    /// `DT_FLAGS_1`, 0 if there is none.
    pub flags_1: u64,
    /// Code is relocated: `DT_TEXTREL` or `DF_TEXTREL`.
    pub textrel: bool,
    /// All symbols are bound at load: `DT_BIND_NOW`, `DF_BIND_NOW` or `DF_1_NOW`.
    pub bind_now: bool,
    /// The default directories are not searched: `DF_1_NODEFLIB`.
    pub nodeflib: bool,
    /// A position-independent program and no library: `DF_1_PIE`.
    pub pie: bool,
    /// Packed relative relocations, which glibc knows from 2.36 on: `DT_RELR`.
    pub relr: bool,
}

/// What `PT_GNU_STACK` asks of the loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecutableStack {
    /// `PF_X` is set: glibc 2.41 and later refuse to `dlopen` the file.
    Yes,
    /// `PF_X` is not set.
    No,
    /// There is no `PT_GNU_STACK`: the machine's default, which is an executable stack on some.
    Unmarked,
}

/// Whether `bytes` begin as an ELF file does.
#[must_use]
pub fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

impl<'data> Elf<'data> {
    /// Reads the ELF header and the program headers.
    ///
    /// # Errors
    /// If they are not all there, or say something that no rule allows.
    pub fn parse(bytes: &'data [u8]) -> Result<Self> {
        let bytes = read_ident(bytes)?;
        let header = FileHeader::read(&bytes)?;
        let segments = header.segments(&bytes)?;
        Ok(Elf { bytes, header, segments })
    }

    /// The size of an address.
    #[must_use]
    pub fn class(&self) -> Class {
        self.bytes.encoding.class
    }

    /// The byte order.
    #[must_use]
    pub fn endian(&self) -> Endian {
        self.bytes.encoding.endian
    }

    /// `e_machine`.
    #[must_use]
    pub fn machine(&self) -> u16 {
        self.header.e_machine
    }

    /// `e_flags`, whose meaning depends on the machine.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.header.e_flags
    }

    /// `e_type`: 2 for `ET_EXEC`, 3 for `ET_DYN`.
    #[must_use]
    pub fn file_type(&self) -> u16 {
        self.header.e_type
    }

    /// `e_ident[EI_OSABI]`.
    #[must_use]
    pub fn os_abi(&self) -> u8 {
        self.header.os_abi
    }

    /// Whether there is a `PT_DYNAMIC`.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.segments.iter().any(|segment| segment.p_type == elf::PT_DYNAMIC)
    }

    /// The loader that a program asks for (`PT_INTERP`).
    ///
    /// # Errors
    /// If its path is not a string in the file.
    pub fn interpreter(&self) -> Result<Option<&'data str>> {
        let segment = self.segments.iter().find(|segment| segment.p_type == elf::PT_INTERP);
        let Some(segment) = segment else { return Ok(None) };
        self.bytes.string("PT_INTERP", segment.p_offset, segment.file_end()).map(Some)
    }

    /// `DT_SONAME`.
    ///
    /// # Errors
    /// If the dynamic section or the name cannot be read.
    pub fn soname(&self) -> Result<Option<&'data str>> {
        self.last_string("DT_SONAME", elf::DT_SONAME)
    }

    /// All `DT_NEEDED` names, in the file's order.
    ///
    /// # Errors
    /// If the dynamic section or a name cannot be read.
    pub fn needed(&self) -> Result<Vec<&'data str>> {
        let Some(dynamic) = self.dynamic()? else { return Ok(Vec::new()) };
        let mut needed =
            dynamic.entries.iter().filter(|entry| entry.tag == elf::DT_NEEDED).peekable();
        if needed.peek().is_none() {
            return Ok(Vec::new());
        }
        let strings = dynamic.strings(&self.segments)?;
        let mut budget = Budget::new(&self.bytes);
        needed
            .map(|entry| {
                let name = strings.get(&self.bytes, "DT_NEEDED", entry.value)?;
                budget.spend("DT_NEEDED", strings.offset, name.len())?;
                Ok(name)
            })
            .collect()
    }

    /// `DT_RPATH`.
    ///
    /// # Errors
    /// If the dynamic section or the path cannot be read.
    pub fn rpath(&self) -> Result<Option<&'data str>> {
        self.last_string("DT_RPATH", elf::DT_RPATH)
    }

    /// `DT_RUNPATH`.
    ///
    /// # Errors
    /// If the dynamic section or the path cannot be read.
    pub fn runpath(&self) -> Result<Option<&'data str>> {
        self.last_string("DT_RUNPATH", elf::DT_RUNPATH)
    }

    /// What the dynamic section says about loading and binding.
    ///
    /// # Errors
    /// If the dynamic section cannot be read.
    pub fn dynamic_flags(&self) -> Result<DynamicFlags> {
        let Some(dynamic) = self.dynamic()? else { return Ok(DynamicFlags::default()) };
        let flags = dynamic.value(elf::DT_FLAGS).unwrap_or(0);
        let flags_1 = dynamic.value(elf::DT_FLAGS_1).unwrap_or(0);
        let has = |flag: elf::DynamicFlags| flags & flag.0 != 0;
        let has_1 = |flag: elf::DynamicFlags1| flags_1 & flag.0 != 0;
        Ok(DynamicFlags {
            flags,
            flags_1,
            textrel: has(elf::DF_TEXTREL) || dynamic.has(elf::DT_TEXTREL),
            bind_now: has(elf::DF_BIND_NOW)
                || has_1(elf::DF_1_NOW)
                || dynamic.has(elf::DT_BIND_NOW),
            nodeflib: has_1(elf::DF_1_NODEFLIB),
            pie: has_1(elf::DF_1_PIE),
            relr: dynamic.has(elf::DT_RELR) || dynamic.has(elf::DT_ANDROID_RELR),
        })
    }

    /// The symbol versions that the file needs, by library.
    ///
    /// # Errors
    /// If `.gnu.version_r` cannot be read.
    pub fn version_needs(&self) -> Result<Vec<VersionNeed<'data>>> {
        let Some((dynamic, strings)) = self.dynamic_and(elf::DT_VERNEED)? else {
            return Ok(Vec::new());
        };
        versions::needs(&self.bytes, &self.segments, &dynamic, &strings)
    }

    /// The symbol versions that the file defines.
    ///
    /// # Errors
    /// If `.gnu.version_d` cannot be read.
    pub fn version_definitions(&self) -> Result<Vec<VersionDefinition<'data>>> {
        let Some((dynamic, strings)) = self.dynamic_and(elf::DT_VERDEF)? else {
            return Ok(Vec::new());
        };
        versions::definitions(&self.bytes, &self.segments, &dynamic, &strings)
    }

    /// The dynamic symbols, in the file's order, without the first, which the standard reserves.
    ///
    /// # Errors
    /// If the symbols, their names or their versions cannot be read.
    pub fn symbols(&self) -> Result<Vec<Symbol<'data>>> {
        let Some(dynamic) = self.dynamic()? else { return Ok(Vec::new()) };
        symbols::symbols(&self.bytes, self.header.e_machine, &self.segments, &dynamic)
    }

    /// The build ID (`NT_GNU_BUILD_ID`).
    ///
    /// # Errors
    /// If a note segment is not in the file.
    pub fn build_id(&self) -> Result<Option<&'data [u8]>> {
        notes::build_id(&self.bytes, &self.segments)
    }

    /// Whether Android's NDK made the file (`.note.android.ident`).
    ///
    /// # Errors
    /// If a note segment is not in the file.
    pub fn is_android(&self) -> Result<bool> {
        notes::is_android(&self.bytes, &self.segments)
    }

    /// Where the names of the dynamic section and of its symbols stand in the file; `None` if there is no
    /// such table, or it is not in the file.
    #[must_use]
    pub fn dynamic_strings(&self) -> Option<Range<usize>> {
        let (_, strings) = self.dynamic_and(elf::DT_STRTAB).ok()??;
        let start = usize::try_from(strings.offset).ok()?;
        let end = start.checked_add(usize::try_from(strings.size).ok()?)?;
        self.bytes.range("DT_STRTAB", strings.offset, strings.size).ok().map(|_| start..end)
    }

    /// `Tag_CPU_arch` of an Arm file's build attributes; `None` if it has none that can be read, or is
    /// for another machine.
    #[must_use]
    pub fn arm_cpu_arch(&self) -> Option<u8> {
        if self.header.e_machine != elf::EM_ARM.0 {
            return None;
        }
        attributes::cpu_arch(&self.bytes, &self.header.sections(&self.bytes))
    }

    /// `Tag_ABI_VFP_args` of an Arm file's build attributes: floating-point arguments travel as in the
    /// base standard (0), in floating-point registers (1), as some tool chain has it (2), or there are
    /// none (3). `None` if the file does not say it, or is for another machine.
    #[must_use]
    pub fn arm_vfp_args(&self) -> Option<u8> {
        if self.header.e_machine != elf::EM_ARM.0 {
            return None;
        }
        attributes::abi_vfp_args(&self.bytes, &self.header.sections(&self.bytes))
    }

    /// The x86-64 levels that the code needs, as the bits of `GNU_PROPERTY_X86_ISA_1_NEEDED`
    /// (1 baseline, 2 v2, 4 v3, 8 v4); 0 if the file does not say or is for another machine.
    ///
    /// # Errors
    /// If a note segment is not in the file.
    pub fn x86_isa_needed(&self) -> Result<u32> {
        // Other machines use the same property numbers for other things.
        let machines = [elf::EM_386, elf::EM_X86_64, elf::EM_IAMCU];
        if !machines.iter().any(|machine| machine.0 == self.header.e_machine) {
            return Ok(0);
        }
        notes::x86_isa_needed(&self.bytes, &self.segments)
    }

    /// Whether the file asks for an executable stack.
    #[must_use]
    pub fn executable_stack(&self) -> ExecutableStack {
        match self.segments.iter().find(|segment| segment.p_type == elf::PT_GNU_STACK) {
            None => ExecutableStack::Unmarked,
            Some(segment) if segment.is_executable() => ExecutableStack::Yes,
            Some(_) => ExecutableStack::No,
        }
    }

    /// Whether relocated data becomes read-only (`PT_GNU_RELRO`).
    #[must_use]
    pub fn has_relro(&self) -> bool {
        self.segments.iter().any(|segment| segment.p_type == elf::PT_GNU_RELRO)
    }

    /// The largest `p_align` of the `PT_LOAD` segments, in bytes: the largest page the file can be
    /// loaded with.
    #[must_use]
    pub fn load_alignment(&self) -> u64 {
        let loads = self.segments.iter().filter(|segment| segment.is_load());
        loads.map(|segment| segment.p_align).max().unwrap_or(0)
    }

    pub(crate) fn dynamic(&self) -> Result<Option<Dynamic>> {
        Dynamic::read(&self.bytes, &self.segments)
    }

    /// The dynamic section and its strings, if it has `tag`.
    fn dynamic_and(&self, tag: DynamicTag) -> Result<Option<(Dynamic, StringTable)>> {
        let Some(dynamic) = self.dynamic()? else { return Ok(None) };
        if !dynamic.has(tag) {
            return Ok(None);
        }
        let strings = dynamic.strings(&self.segments)?;
        Ok(Some((dynamic, strings)))
    }

    fn last_string(&self, what: &'static str, tag: DynamicTag) -> Result<Option<&'data str>> {
        let Some((dynamic, strings)) = self.dynamic_and(tag)? else { return Ok(None) };
        let index = dynamic.value(tag).ok_or(ErrorKind::NotDynamic)?;
        strings.get(&self.bytes, what, index).map(Some)
    }
}
