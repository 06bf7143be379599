//! What does not fit where it stands, piece by piece, and who waits for each.
//!
//! A name is a piece of its own, once for all that want it. Forwarders come as one piece with an export directory:
//! what makes an entry of the address table a forwarder is that it leads into that directory, so the texts of all
//! of them follow it to a new place. The tables of addresses and names stay; the directory says where they are.

use std::collections::BTreeMap;

use object::pe as p;

use crate::edit::Draft;
use crate::error::{ErrorKind, Result};
use crate::import::Import;
use crate::place::write_at;
use crate::read::Pe;
use crate::room::Need;
use crate::slots::Slots;
use crate::tables::Tables;
use crate::wanted::Wanted;

/// The pieces, and what will lead to them.
#[derive(Debug, Default)]
pub(crate) struct Pieces<'t, 'a> {
    /// The content of each piece.
    pub(crate) bytes: Vec<Vec<u8>>,
    /// Imports, each with its new name and the number of its piece.
    imports: Vec<(&'t Import<'a>, &'t str, usize)>,
    /// The new export directory.
    exports: Option<ExportPiece>,
}

#[derive(Debug)]
struct ExportPiece {
    number: usize,
    /// Where in the piece the text of each forwarder starts.
    texts: Vec<u32>,
}

impl<'t, 'a> Pieces<'t, 'a> {
    /// Writes the names that fit where the old ones stand, and keeps the others.
    pub(crate) fn left_by_slots(
        pe: &Pe<'a>,
        tables: &'t Tables<'a>,
        wanted: &'t Wanted,
        draft: &mut Draft<'_>,
    ) -> Result<Self> {
        let slots = Slots::new(pe, tables, wanted);
        let mut pieces = Self::default();
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        for (import, new) in wanted.all_imports(tables) {
            if let Some(offset) = slots.of_import(import, new) {
                draft.write(offset, &padded(new, import.dll))?;
                continue;
            }
            let number = *numbers.entry(new).or_insert_with(|| {
                pieces.bytes.push([new.as_bytes(), b"\0"].concat());
                pieces.bytes.len().saturating_sub(1)
            });
            pieces.imports.push((import, new, number));
        }
        let forwarders: Vec<_> = wanted
            .all_forwarders(tables)
            .map(|(found, new)| (slots.of_forwarder(found, new), found.text, new))
            .collect();
        if forwarders.iter().any(|(slot, ..)| slot.is_none()) {
            pieces.add_exports(pe, tables, wanted)?;
            return Ok(pieces);
        }
        for (slot, old, new) in forwarders {
            draft.write(slot.unwrap_or_default(), &padded(new, old))?;
        }
        Ok(pieces)
    }

    fn add_exports(&mut self, pe: &Pe<'a>, tables: &Tables<'a>, wanted: &Wanted) -> Result<()> {
        let Some((rva, _)) = pe.directory(p::IMAGE_DIRECTORY_ENTRY_EXPORT) else { return Ok(()) };
        let size = size_of::<p::ImageExportDirectory>();
        let size = u32::try_from(size).map_err(|_| ErrorKind::TooLarge)?;
        let mut bytes = pe.image.part(rva, size, "export directory")?.to_vec();
        let mut starts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut texts = Vec::new();
        for (at, found) in tables.forwarders.iter().enumerate() {
            let text = wanted.forwarders.get(&at).map_or(found.text, String::as_str);
            let next = u32::try_from(bytes.len()).map_err(|_| ErrorKind::TooLarge)?;
            let start = *starts.entry(text).or_insert(next);
            if start == next {
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(0);
            }
            texts.push(start);
        }
        self.exports = Some(ExportPiece { number: self.bytes.len(), texts });
        self.bytes.push(bytes);
        Ok(())
    }

    /// Whether the export directory is among them.
    pub(crate) fn have_exports(&self) -> bool {
        self.exports.is_some()
    }

    /// What each piece needs.
    pub(crate) fn needs(&self) -> Result<Vec<Need>> {
        let exports = self.exports.as_ref().map(|exports| exports.number);
        let need = |(number, bytes): (usize, &Vec<u8>)| {
            let size = u32::try_from(bytes.len()).map_err(|_| ErrorKind::TooLarge)?;
            // An export directory is made of 32-bit fields.
            let alignment = if exports == Some(number) { 4 } else { 1 };
            Ok(Need { size, alignment })
        };
        self.bytes.iter().enumerate().map(need).collect()
    }

    /// An old name and its new one, for the error that there is no room.
    pub(crate) fn example(&self, tables: &Tables<'_>, wanted: &Wanted) -> (String, String) {
        let import = self.imports.first().map(|(import, new, _)| (import.dll, *new));
        let mut forwarders = wanted.all_forwarders(tables);
        let longer = forwarders.find(|(found, new)| new.len() > found.text.len());
        let found = import.or(longer.map(|(found, new)| (found.text, new)));
        let (old, new) = found.unwrap_or_default();
        (old.to_owned(), new.to_owned())
    }

    /// Makes the tables lead to the pieces, which are at `rvas`.
    pub(crate) fn link(
        &self,
        pe: &Pe<'_>,
        tables: &Tables<'_>,
        rvas: &[u32],
        draft: &mut Draft<'_>,
    ) -> Result<()> {
        let rva = |number: usize| rvas.get(number).copied().ok_or(ErrorKind::TooLarge);
        for (import, _, number) in &self.imports {
            let address = name_address(pe, import, rva(*number)?)?;
            let field = import.name_field_rva();
            write_at(pe, draft, field, &address.to_le_bytes(), "import descriptor")?;
        }
        let Some(exports) = &self.exports else { return Ok(()) };
        let start = rva(exports.number)?;
        for (forwarder, text) in tables.forwarders.iter().zip(&exports.texts) {
            let text = start.checked_add(*text).ok_or(ErrorKind::TooLarge)?.to_le_bytes();
            write_at(pe, draft, forwarder.entry_rva, &text, "export address table")?;
        }
        let size = self.bytes.get(exports.number).map_or(0, Vec::len);
        let size = u32::try_from(size).map_err(|_| ErrorKind::TooLarge)?;
        if let Some(field) = pe.directory_field(p::IMAGE_DIRECTORY_ENTRY_EXPORT) {
            draft.write_u32(field, start)?;
            draft.write_u32(field.saturating_add(4), size)?;
        }
        Ok(())
    }
}

/// A name with the NULs that make it as long as the one it is written over.
fn padded(new: &str, old: &str) -> Vec<u8> {
    let mut bytes = new.as_bytes().to_vec();
    bytes.resize(old.len().max(bytes.len()), 0);
    bytes
}

/// What an import's descriptor says of a name at `rva`.
fn name_address(pe: &Pe<'_>, import: &Import<'_>, rva: u32) -> Result<u32> {
    if !import.virtual_addresses {
        return Ok(rva);
    }
    let address = pe.image_base().saturating_add(u64::from(rva));
    u32::try_from(address).map_err(|_| ErrorKind::TooLarge.into())
}
