//! Which new names fit where the old ones stand.
//!
//! The slot of a name is its bytes and its NUL, and not the zeros that may follow: those can be the hint of an
//! imported symbol, or anybody's constant. A slot counts only if nobody else reads it. Linkers may let one string end
//! another, and two strings that share a byte share their NUL; so each string is known by where it ends.

use std::collections::BTreeMap;

use crate::export::Forwarder;
use crate::import::{Import, ImportedSymbol};
use crate::read::Pe;
use crate::tables::Tables;
use crate::wanted::Wanted;

/// Where every string of the tables ends in the file, with the number of its users.
#[derive(Debug)]
pub(crate) struct Slots<'p, 'a> {
    pe: &'p Pe<'a>,
    users: BTreeMap<usize, usize>,
    /// The places that get one text: those that share their string.
    takers: BTreeMap<(u32, String), usize>,
}

impl<'p, 'a> Slots<'p, 'a> {
    pub(crate) fn new(pe: &'p Pe<'a>, tables: &Tables<'a>, wanted: &Wanted) -> Self {
        let mut slots = Self { pe, users: BTreeMap::new(), takers: BTreeMap::new() };
        for import in tables.imports.iter().chain(&tables.delay_imports) {
            slots.add_import(import);
        }
        if let Some(exports) = &tables.exports {
            slots.add(exports.dll_name);
            exports
                .symbols
                .iter()
                .filter_map(|symbol| symbol.name)
                .for_each(|name| slots.add(name));
        }
        tables.forwarders.iter().for_each(|found| slots.add(found.text));

        wanted.all_imports(tables).for_each(|(import, new)| slots.take(import.name_rva, new));
        wanted.all_forwarders(tables).for_each(|(found, new)| slots.take(found.text_rva, new));
        slots
    }

    /// Where `new` can be written over the name of an import.
    pub(crate) fn of_import(&self, import: &Import<'_>, new: &str) -> Option<u64> {
        self.slot(import.name_rva, import.dll, new)
    }

    /// Where `new` can be written over a forwarder.
    pub(crate) fn of_forwarder(&self, forwarder: &Forwarder<'_>, new: &str) -> Option<u64> {
        self.slot(forwarder.text_rva, forwarder.text, new)
    }

    fn slot(&self, rva: u32, old: &str, new: &str) -> Option<u64> {
        if new.len() > old.len() {
            return None;
        }
        let size = u32::try_from(old.len()).ok()?;
        let (start, end) =
            (self.pe.file_offset(rva)?, self.pe.file_offset(rva.checked_add(size)?)?);
        let users = self.users.get(&usize::try_from(end).ok()?);
        let takers = self.takers.get(&(rva, new.to_owned()));
        (end == start.checked_add(u64::from(size))? && users == takers).then_some(start)
    }

    fn add_import(&mut self, import: &Import<'_>) {
        self.add(import.dll);
        for symbol in &import.symbols {
            if let ImportedSymbol::Name { name, .. } = symbol {
                self.add(name);
            }
        }
    }

    /// Counts a user of the string `text`, which is a part of the file's bytes.
    fn add(&mut self, text: &str) {
        let start = (text.as_ptr() as usize).checked_sub(self.pe.bytes().as_ptr() as usize);
        if let Some(end) = start.and_then(|start| start.checked_add(text.len())) {
            let users = self.users.entry(end).or_default();
            *users = users.saturating_add(1);
        }
    }

    fn take(&mut self, rva: u32, new: &str) {
        let takers = self.takers.entry((rva, new.to_owned())).or_default();
        *takers = takers.saturating_add(1);
    }
}
