//! The imports of chained fixups: what a slice needs from others, where its symbol table no longer says so.
//!
//! `<mach-o/fixup-chains.h>`: a header, then an entry for each import with the ordinal of its library, whether it may
//! stay undefined, and where its name starts among the names. dyld binds by these alone, so `strip` may take the
//! same symbols from the symbol table.

use object::Endianness;
use object::macho as m;

use crate::error::{ErrorKind, Result};
use crate::layout;
use crate::read::Slice;
use crate::symbols::{Names, UndefinedSymbol};

/// `n_desc` of a symbol that any library may bring, and of one that the program brings.
const DYNAMIC_LOOKUP: u8 = 254;
const EXECUTABLE: u8 = 255;

impl<'a> Slice<'a> {
    /// The imports, in the order of their table.
    pub(crate) fn chained_imports(&self) -> Result<Vec<UndefinedSymbol<'a>>> {
        let mut commands = self.commands().iter();
        let Some(command) = commands.find(|command| command.is(m::LC_DYLD_CHAINED_FIXUPS)) else {
            return Ok(Vec::new());
        };
        let place = layout::linkedit_data(command, self.endian)?;
        let size = place.end.saturating_sub(place.start);
        if size == 0 {
            return Ok(Vec::new());
        }
        let fixups = self.window.part(place.start, size, "chained fixups")?;
        let header: &m::DyldChainedFixupsHeader<Endianness> = fixups.read(0, "chained fixups")?;
        let unknown = |what, value| {
            let offset = fixups.position(0);
            Err(ErrorKind::UnknownFormat { what, offset, value }.into())
        };
        let compression = header.symbols_format.get(self.endian);
        if compression != 0 {
            return unknown("symbols_format", compression);
        }
        let format = header.imports_format.get(self.endian);
        let entry_size = match format {
            m::DYLD_CHAINED_IMPORT => 4,
            m::DYLD_CHAINED_IMPORT_ADDEND => 8,
            m::DYLD_CHAINED_IMPORT_ADDEND64 => 16,
            _ => return unknown("imports_format", format.0),
        };
        let start = u64::from(header.symbols_offset.get(self.endian));
        let names = fixups.part(start, size.saturating_sub(start), "import names")?;
        let mut names = Names::new(names);
        let mut offset = u64::from(header.imports_offset.get(self.endian));
        let mut found = Vec::new();
        // Each entry is read inside the table, so a lying count ends at the first that is not there.
        for _ in 0..header.imports_count.get(self.endian) {
            let (ordinal, weak, name) = if entry_size == 16 {
                let raw: &object::U64<Endianness> = fixups.read(offset, "import")?;
                let raw = m::DyldChainedImport64(raw.get(self.endian));
                (raw.dylib(), raw.weak_import(), raw.name_offset())
            } else {
                let raw: &object::U32<Endianness> = fixups.read(offset, "import")?;
                let raw = m::DyldChainedImport32(raw.get(self.endian));
                (raw.dylib(), raw.weak_import(), raw.name_offset())
            };
            let name = names.get(name)?;
            found.push(UndefinedSymbol { name, library_ordinal: library_ordinal(ordinal), weak });
            offset = offset.saturating_add(entry_size);
        }
        Ok(found)
    }
}

/// The ordinal as a symbol table has it, which has no numbers for libraries beyond the 253rd.
fn library_ordinal(dylib: m::BindDylib) -> u8 {
    match dylib {
        m::BIND_SPECIAL_DYLIB_MAIN_EXECUTABLE => EXECUTABLE,
        dylib => u8::try_from(dylib.0)
            .ok()
            .filter(|ordinal| *ordinal < DYNAMIC_LOOKUP)
            .unwrap_or(DYNAMIC_LOOKUP),
    }
}
