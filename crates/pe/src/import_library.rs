//! The DLL names in import libraries (`NAME.lib`, `libNAME.dll.a`), which linkers write into what links with them.
//!
//! An import library is an archive (PE/COFF specification, "Archive (Library) File Format"). A DLL's name stands in
//! its short import objects ("Import Library Format"), or in an ordinary object: alone in the section `.idata$6`
//! (Microsoft, LLVM) or `.idata$7` (GNU). Short import objects make linkers ask for `__IMPORT_DESCRIPTOR_` and the
//! DLL's name without its extension, so the symbols of that form are renamed as well, in the objects and in the
//! archive's own lists of symbols. What else is in the archive stays, and an archive that names none of the DLLs
//! keeps every byte.

mod archive;
mod coff;

use std::collections::BTreeMap;

use crate::dll_name::{check_name, dll_key};
use crate::error::{Error, Result};
use archive::Archive;

/// The DLLs that an import library names, in lower case; none for a library of ordinary objects.
///
/// # Errors
///
/// If `bytes` is no archive, or one of its objects runs past its end.
pub fn imported_dlls(bytes: &[u8]) -> Result<Vec<String>> {
    let archive = Archive::parse(bytes)?;
    let mut names = Vec::new();
    for member in archive.objects() {
        if let Some(name) = coff::dll_name(member.body)? {
            names.push(dll_key(&name));
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The import library with other DLL names: `names` has the new name for each old one, the old ones in any case.
///
/// The result is read again with another reader, and names no DLL by a name that was to go.
///
/// # Errors
///
/// If `bytes` is no archive, or one of its objects or lists of symbols contradicts itself; if a name is none that a
/// DLL can have; if the result is not what it should be.
pub fn rename_imported_dlls(bytes: &[u8], names: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut wanted = BTreeMap::new();
    for (old, new) in names {
        check_name(new)?;
        wanted.insert(dll_key(old), new.clone());
    }
    let mut archive = Archive::parse(bytes)?;
    let mut symbols = BTreeMap::new();
    let mut texts = BTreeMap::new();
    for member in archive.objects() {
        let Some(old) = coff::dll_name(member.body)? else { continue };
        let Some(new) = wanted.get(&dll_key(&old)).filter(|new| **new != old) else { continue };
        symbols.extend(descriptor_symbols(&old, new));
        texts.insert(old, new.clone());
    }
    if texts.is_empty() {
        return Ok(bytes.to_vec());
    }
    archive.edit_objects(|body| coff::renamed(body, &texts, &symbols))?;
    let edited = archive.write(&symbols)?;
    prove(bytes, &edited, &texts)?;
    Ok(edited)
}

/// The symbols that linkers make of a DLL's name.
fn descriptor_symbols(old: &str, new: &str) -> [(Vec<u8>, Vec<u8>); 2] {
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let (old, new) = (stem(old), stem(new));
    let descriptor = |stem: &str| format!("__IMPORT_DESCRIPTOR_{stem}").into_bytes();
    let thunk = |stem: &str| format!("\x7f{stem}_NULL_THUNK_DATA").into_bytes();
    [(descriptor(&old), descriptor(&new)), (thunk(&old), thunk(&new))]
}

/// Another reader sees as many objects as before, each symbol where an object starts, and the new names alone.
fn prove(before: &[u8], after: &[u8], texts: &BTreeMap<String, String>) -> Result<()> {
    use object::read::archive::ArchiveFile as Reader;
    use object::read::coff::ImportFile as Short;
    let read = |bytes| Reader::parse(bytes).map_err(|error| Error::unproven(error.to_string()));
    let (old, new) = (read(before)?, read(after)?);
    let (mut count, mut new_names) = (0_usize, Vec::new());
    for member in new.members() {
        let member = member.map_err(|error| Error::unproven(error.to_string()))?;
        let data = member.data(after).map_err(|error| Error::unproven(error.to_string()))?;
        count += 1;
        if let Ok(import) = Short::parse(data) {
            new_names.push(String::from_utf8_lossy(import.dll()).into_owned());
        }
        new_names.extend(coff::dll_name(data)?);
    }
    if old.members().count() != count {
        return Err(Error::unproven(format!("it has {count} objects")));
    }
    if let Some(name) = new_names.iter().find(|name| texts.contains_key(*name)) {
        return Err(Error::unproven(format!("it still names `{name}`")));
    }
    if let Some(name) = texts.values().find(|name| !new_names.contains(name)) {
        return Err(Error::unproven(format!("it does not name `{name}`")));
    }
    let symbols = |file: &Reader<'_>| -> Result<usize> {
        let symbols = file.symbols().map_err(|error| Error::unproven(error.to_string()))?;
        let mut count = 0_usize;
        for symbol in symbols.into_iter().flatten() {
            let symbol = symbol.map_err(|error| Error::unproven(error.to_string()))?;
            file.member(symbol.offset()).map_err(|error| Error::unproven(error.to_string()))?;
            count += 1;
        }
        Ok(count)
    };
    if symbols(&read(before)?)? != symbols(&read(after)?)? {
        return Err(Error::unproven("its list of symbols has another length"));
    }
    Ok(())
}
