//! Which of a file's tables will say what: names first, places later.
//!
//! Descriptors and forwarders keep their order and number, so each is matched with its new name alone.

use std::collections::BTreeMap;

use crate::dll_name::{dll_key, forwarder_keys, forwarder_library, split_forwarder};
use crate::edit::Edits;
use crate::error::{ErrorKind, Result};
use crate::export::Forwarder;
use crate::import::Import;
use crate::read::Pe;
use crate::tables::Tables;

/// What the edits come to in one file.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// The places in `Tables::imports` that get a new name.
    pub(crate) imports: BTreeMap<usize, String>,
    /// The places in `Tables::delay_imports` that get a new name.
    pub(crate) delay_imports: BTreeMap<usize, String>,
    /// The places in `Tables::forwarders` that get a new text.
    pub(crate) forwarders: BTreeMap<usize, String>,
    /// Where `DependentLoadFlags` stands, if it is to be cleared.
    pub(crate) load_flags: Option<u32>,
}

impl Wanted {
    /// What `edits` change in a file with these tables.
    pub(crate) fn of(pe: &Pe<'_>, tables: &Tables<'_>, edits: &Edits) -> Result<Self> {
        let renames = edits.renames()?;
        let wanted = Self {
            imports: renamed(&tables.imports, &renames),
            delay_imports: renamed(&tables.delay_imports, &renames),
            forwarders: forwarded(&tables.forwarders, &renames),
            load_flags: load_flags(pe, edits)?,
        };
        let named = tables.keys();
        for (old, new) in &edits.dll_names {
            // Where the new name stands already and the old one does not, the edit has been made before.
            if !named.contains(&dll_key(old)) && !named.contains(&dll_key(new)) {
                return Err(ErrorKind::NoSuchDll(old.clone()).into());
            }
        }
        if let (true, Some(packer)) = (wanted.renames(), pe.packer()) {
            return Err(ErrorKind::Packed { packer }.into());
        }
        Ok(wanted)
    }

    /// Whether any name changes.
    pub(crate) fn renames(&self) -> bool {
        !self.imports.is_empty() || !self.delay_imports.is_empty() || !self.forwarders.is_empty()
    }

    /// The imports and delay imports that change, each with its new name.
    pub(crate) fn all_imports<'t, 'a>(
        &'t self,
        tables: &'t Tables<'a>,
    ) -> impl Iterator<Item = (&'t Import<'a>, &'t str)> {
        let imports = with_new(&tables.imports, &self.imports);
        imports.chain(with_new(&tables.delay_imports, &self.delay_imports))
    }

    /// The forwarders that change, each with its new text.
    pub(crate) fn all_forwarders<'t, 'a>(
        &'t self,
        tables: &'t Tables<'a>,
    ) -> impl Iterator<Item = (&'t Forwarder<'a>, &'t str)> {
        with_new(&tables.forwarders, &self.forwarders)
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.renames() && self.load_flags.is_none()
    }
}

fn with_new<'t, T>(
    table: &'t [T],
    new: &'t BTreeMap<usize, String>,
) -> impl Iterator<Item = (&'t T, &'t str)> {
    new.iter().filter_map(|(&at, name)| Some((table.get(at)?, name.as_str())))
}

fn renamed(imports: &[Import<'_>], renames: &BTreeMap<String, &str>) -> BTreeMap<usize, String> {
    let new = |(at, import): (usize, &Import<'_>)| {
        let new = renames.get(&dll_key(import.dll)).filter(|new| **new != import.dll)?;
        Some((at, (*new).to_owned()))
    };
    imports.iter().enumerate().filter_map(new).collect()
}

fn forwarded(
    forwarders: &[Forwarder<'_>],
    renames: &BTreeMap<String, &str>,
) -> BTreeMap<usize, String> {
    let new = |(at, found): (usize, &Forwarder<'_>)| {
        let (library, symbol) = split_forwarder(found.text)?;
        let new = forwarder_keys(library).iter().find_map(|key| renames.get(key).copied())?;
        // The old text says whether the extension is written out.
        let spelled_out = dll_key(library) == library.to_ascii_lowercase();
        let library = if spelled_out { new } else { forwarder_library(new) };
        let text = format!("{library}.{symbol}");
        (text != found.text).then_some((at, text))
    };
    forwarders.iter().enumerate().filter_map(new).collect()
}

fn load_flags(pe: &Pe<'_>, edits: &Edits) -> Result<Option<u32>> {
    if !edits.clear_dependent_load_flags {
        return Ok(None);
    }
    let config = pe.load_config()?;
    let config = config.filter(|config| config.dependent_load_flags.is_some_and(|it| it != 0));
    Ok(config.and_then(|config| config.dependent_load_flags_rva))
}
