//! The entries of `.dynamic`, and where the tables they point at are.
//!
//! gABI, "Dynamic Section": an array of (tag, value), ended by `DT_NULL`. `PT_DYNAMIC` says where it
//! is and how many entries fit. Linkers leave some places behind `DT_NULL` (GNU ld and mold five, lld
//! none).

use object::elf::{self, DynamicTag};

use crate::encoding::{Bytes, Encoding};
use crate::error::{Error, Result};
use crate::header::{Segment, offset_of};

/// More entries than this are not believed: real files have some tens.
const MOST_ENTRIES: u64 = 1 << 16;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) tag: DynamicTag,
    pub(crate) value: u64,
}

/// All entries before `DT_NULL`, and where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dynamic {
    /// File offset of the first entry.
    pub(crate) offset: u64,
    /// Entries that fit, with the `DT_NULL` at the end.
    pub(crate) capacity: u64,
    pub(crate) entries: Vec<Entry>,
}

/// Where `.dynstr` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StringTable {
    pub(crate) address: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Encoding {
    /// The size of one entry of `.dynamic` in bytes.
    pub(crate) fn dynamic_size(self) -> u64 {
        2 * self.word_size()
    }
}

impl Dynamic {
    /// Reads the entries, or `None` if there is no `PT_DYNAMIC`.
    pub(crate) fn read(bytes: &Bytes<'_>, segments: &[Segment]) -> Result<Option<Self>> {
        const WHAT: &str = "PT_DYNAMIC";
        let Some(segment) = segments.iter().find(|segment| segment.p_type == elf::PT_DYNAMIC)
        else {
            return Ok(None);
        };
        // Debug files made by `objcopy --only-keep-debug` keep the header and drop the bytes.
        let size = segment.p_filesz;
        if size == 0 {
            return Ok(None);
        }
        let entry = bytes.encoding.dynamic_size();
        let offset = segment.p_offset;
        bytes.range(WHAT, offset, size)?;
        // The loader looks at the address, readers at the offset. They must be the same place.
        if offset_of(segments, WHAT, segment.p_vaddr, size)? != offset {
            return Err(Error::table(WHAT, offset, "is not where its address is"));
        }
        let capacity = size / entry;
        let mut entries = Vec::new();
        for index in 0..capacity {
            let at = offset + index * entry;
            // The tag is signed and its constants are positive in 32-bit files too, so no sign is
            // carried over.
            let tag = DynamicTag(bytes.word(WHAT, at)?.cast_signed());
            if tag == elf::DT_NULL {
                return Ok(Some(Dynamic { offset, capacity, entries }));
            }
            if index == MOST_ENTRIES {
                return Err(Error::table(WHAT, offset, "has more than 65536 entries"));
            }
            entries.push(Entry { tag, value: bytes.word(WHAT, at + entry / 2)? });
        }
        Err(Error::table(WHAT, offset, "does not end with DT_NULL"))
    }

    /// The value of `tag`. Of several the last counts, as for glibc and musl.
    pub(crate) fn value(&self, tag: DynamicTag) -> Option<u64> {
        self.entries.iter().rev().find(|entry| entry.tag == tag).map(|entry| entry.value)
    }

    pub(crate) fn has(&self, tag: DynamicTag) -> bool {
        self.value(tag).is_some()
    }

    /// Finds `.dynstr` by `DT_STRTAB` and `DT_STRSZ`.
    pub(crate) fn strings(&self, segments: &[Segment]) -> Result<StringTable> {
        const WHAT: &str = "DT_STRTAB";
        let missing = |what| Error::table("PT_DYNAMIC", self.offset, what);
        let address = self.value(elf::DT_STRTAB).ok_or_else(|| missing("has no DT_STRTAB"))?;
        let size = self.value(elf::DT_STRSZ).ok_or_else(|| missing("has no DT_STRSZ"))?;
        let offset = offset_of(segments, WHAT, address, size)?;
        Ok(StringTable { address, offset, size })
    }
}

impl StringTable {
    /// The string at `index` of the table.
    pub(crate) fn get<'data>(
        &self,
        bytes: &Bytes<'data>,
        what: &'static str,
        index: u64,
    ) -> Result<&'data str> {
        let end = self.offset.saturating_add(self.size);
        let offset = self.offset.checked_add(index).filter(|&offset| offset < end);
        let offset = offset.ok_or_else(|| {
            Error::table("DT_STRTAB", self.offset, "is shorter than an index into it")
        })?;
        bytes.string(what, offset, end)
    }
}

/// Whether the value of `tag` is an address. Unknown tags follow the gABI's rule for tags from
/// `DT_ENCODING` on: even ones are addresses; where a processor's own tags break it, that is below.
pub(crate) fn is_address(machine: u16, tag: DynamicTag) -> bool {
    match tag {
        elf::DT_PLTGOT
        | elf::DT_HASH
        | elf::DT_STRTAB
        | elf::DT_SYMTAB
        | elf::DT_RELA
        | elf::DT_INIT
        | elf::DT_FINI
        | elf::DT_REL
        | elf::DT_JMPREL
        | elf::DT_INIT_ARRAY
        | elf::DT_FINI_ARRAY
        | elf::DT_PREINIT_ARRAY
        | elf::DT_SYMTAB_SHNDX
        | elf::DT_RELR
        | elf::DT_VERSYM
        | elf::DT_VERDEF
        | elf::DT_VERNEED
        | elf::DT_ANDROID_REL
        | elf::DT_ANDROID_RELA
        | elf::DT_ANDROID_RELR => true,
        DynamicTag(elf::DT_ADDRRNGLO..=elf::DT_ADDRRNGHI) => true,
        DynamicTag(elf::DT_LOPROC..=elf::DT_HIPROC) => processor_address(machine, tag),
        _ => false,
    }
}

/// The tags of each processor's psABI whose values are addresses.
fn processor_address(machine: u16, tag: DynamicTag) -> bool {
    use elf::{EM_MIPS, EM_PPC, EM_PPC64};
    let number = tag.0 - elf::DT_LOPROC;
    match machine {
        // BASE_ADDRESS, CONFLICT, LIBLIST, RLD_MAP, OPTIONS, XHASH; RLD_MAP_REL is an offset.
        m if m == EM_MIPS.0 => {
            matches!(number, 0x06 | 0x08 | 0x09 | 0x16 | 0x29 | 0x32 | 0x34 | 0x36)
        }
        // PPC_GOT; PPC64_GLINK, PPC64_OPD.
        m if m == EM_PPC.0 => number == 0,
        m if m == EM_PPC64.0 => matches!(number, 0 | 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::elf::{DT_FLAGS, DT_GNU_HASH, DT_NEEDED, DT_RELACOUNT, DT_STRSZ, DT_VERNEEDNUM};

    #[test]
    fn counts_and_string_indices_are_no_addresses() {
        for tag in [DT_NEEDED, DT_STRSZ, DT_FLAGS, DT_RELACOUNT, DT_VERNEEDNUM] {
            assert!(!is_address(elf::EM_X86_64.0, tag), "{tag:?}");
        }
        assert!(is_address(elf::EM_X86_64.0, DT_GNU_HASH));
    }

    #[test]
    fn mips_rld_map_is_an_address_and_rld_map_rel_is_not() {
        assert!(is_address(elf::EM_MIPS.0, elf::DT_MIPS_RLD_MAP));
        assert!(!is_address(elf::EM_MIPS.0, elf::DT_MIPS_RLD_MAP_REL));
    }
}
