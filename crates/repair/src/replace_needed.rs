//! `needed` and `replace-needed`: the DLLs that one PE file imports, listed and renamed, without a wheel.
//!
//! For builds that name a DLL differently from what they linked with, as a Python that is not CPython must. What
//! `patchelf --replace-needed` and `install_name_tool -change` do for ELF and Mach-O.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use truewheel_pe::{Edits, Pe, dll_key, is_pe, patch_file, split_forwarder};
use truewheel_wheel::replace_file;

use crate::error::{Error, Result};

/// New names for DLLs: no old one twice, no new one twice, none that stays the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameChanges {
    names: BTreeMap<String, String>,
}

impl NameChanges {
    /// Each pair is an old name and its new one.
    ///
    /// # Errors
    ///
    /// A name stands twice on one side; both names of a pair are one to the loader.
    pub fn new(pairs: &[[String; 2]]) -> Result<Self> {
        let (mut olds, mut news) = (BTreeSet::new(), BTreeSet::new());
        for [old, new] in pairs {
            if dll_key(old) == dll_key(new) {
                let what = format!("`{old}` and `{new}` are one name to the loader of Windows");
                return Err(Error::refused(what));
            }
            if !olds.insert(dll_key(old)) {
                return Err(Error::refused(format!("`{old}` is given two new names")));
            }
            if !news.insert(dll_key(new)) {
                return Err(Error::refused(format!("two names would become `{new}`")));
            }
        }
        Ok(Self { names: pairs.iter().cloned().map(|[old, new]| (old, new)).collect() })
    }
}

/// The DLLs that the PE file at `path` imports, also those of delay imports: as the file spells them, each once,
/// sorted without regard to case.
///
/// # Errors
///
/// The file cannot be read, is no PE file or contradicts itself.
pub fn needed(path: &Path) -> Result<Vec<String>> {
    let bytes = read(path)?;
    let wrong = |error| Error::pe(path.to_string_lossy(), error);
    let pe = Pe::parse(&bytes).map_err(wrong)?;
    imports(&pe).map_err(wrong)
}

/// Gives DLLs that the PE file at `path` imports or forwards to other names, and writes the file to `output`, which
/// may be `path` itself. It gets its name when it is whole. Returns what was given up, such as a signature.
///
/// A `DependentLoadFlags` that keeps the loader from finding DLLs outside the system's directory is cleared.
///
/// # Errors
///
/// The file cannot be read, is no PE file or contradicts itself; it names no DLL of an old name; no DLL can have a
/// new name, or there is no safe place for it; `output` cannot be written. Nothing is written then.
pub fn replace_needed(path: &Path, output: &Path, changes: &NameChanges) -> Result<Vec<String>> {
    let bytes = read(path)?;
    let wrong = |error| Error::pe(path.to_string_lossy(), error);
    let pe = Pe::parse(&bytes).map_err(wrong)?;
    let named = named(&pe).map_err(wrong)?;
    if let Some(old) = changes.names.keys().find(|old| !named.contains(&dll_key(old))) {
        let all = imports(&pe).map_err(wrong)?.join(", ");
        return Err(Error::refused_for(
            format!("no DLL that the file imports is called `{old}`"),
            vec![format!("imported: {}", if all.is_empty() { "none" } else { &all })],
            "`truewheel needed` lists them",
        ));
    }
    let edits = Edits { dll_names: changes.names.clone(), clear_dependent_load_flags: true };
    let (set, file) = patch_file(&bytes, &edits).map_err(wrong)?;
    replace_file(output, &file, path)?;
    Ok(set.notes.iter().map(ToString::to_string).collect())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
    if is_pe(&bytes) {
        return Ok(bytes);
    }
    let hint = match bytes.starts_with(b"PK\x03\x04") {
        true => "this is an archive: `truewheel show` says what a wheel needs",
        false => "`truewheel tree` says what ELF and Mach-O files need, too",
    };
    Err(Error::refused_with("not a PE file, as .pyd, .dll and .exe files of Windows are", hint))
}

fn imports(pe: &Pe<'_>) -> truewheel_pe::Result<Vec<String>> {
    let (imports, delayed) = (pe.imports()?, pe.delay_imports()?);
    let mut names = BTreeMap::new();
    for import in imports.iter().chain(&delayed) {
        names.entry(import.dll.to_ascii_lowercase()).or_insert_with(|| import.dll.to_owned());
    }
    Ok(names.into_values().collect())
}

/// The keys of every DLL that an edit can rename.
fn named(pe: &Pe<'_>) -> truewheel_pe::Result<BTreeSet<String>> {
    let mut keys: BTreeSet<String> = imports(pe)?.iter().map(|name| dll_key(name)).collect();
    for symbol in pe.exports()?.iter().flat_map(|exports| &exports.symbols) {
        if let Some((library, _)) = symbol.forwarder.and_then(split_forwarder) {
            // `foo-1.2` is a file of that name, or `foo-1.2.dll` to loaders that always add the extension.
            keys.extend([dll_key(library), format!("{}.dll", library.to_ascii_lowercase())]);
        }
    }
    Ok(keys)
}
