//! What goblin sees of an edited PE file, and whether the names in it lead somewhere.

use std::collections::BTreeSet;

use goblin::pe::PE;
use goblin::pe::options::ParseOptions;
use truewheel_pe::{Edits, Pe, dll_key};
use truewheel_wheel::MemberPath;

use crate::error::{Error, Result};
use crate::search::paths::{environment_path, join, parent};

/// The DLLs that one file names, as they are compared.
pub(super) struct Seen(BTreeSet<String>);

/// The file names what its edits ask for, and none of the names that they replace.
pub(super) fn check_edits(path: &MemberPath, bytes: &[u8], edits: &Edits) -> Result<Seen> {
    let wrong = |what: String| Error::verify(path.as_str(), what);
    let seen = names(bytes).map_err(wrong)?;
    let mut options = ParseOptions::default();
    options.parse_attribute_certificates = false;
    let goblin = PE::parse_with_opts(bytes, &options).map_err(|e| wrong(format!("goblin: {e}")))?;
    let imported: BTreeSet<String> = goblin.libraries.iter().map(|name| dll_key(name)).collect();
    for (old, new) in &edits.dll_names {
        if !seen.0.contains(&dll_key(new)) {
            return Err(wrong(format!("`{old}` is not replaced by `{new}`")));
        }
        if [&seen.0, &imported].iter().any(|names| names.contains(&dll_key(old))) {
            return Err(wrong(format!("it still names `{old}`")));
        }
    }
    // goblin reads imports and no delay imports.
    if let Some(name) = imported.difference(&seen.0).next() {
        return Err(wrong(format!("goblin sees `{name}` there, and nobody else does")));
    }
    Ok(seen)
}

fn names(bytes: &[u8]) -> std::result::Result<Seen, String> {
    let words = |error: truewheel_pe::Error| error.to_string();
    let pe = Pe::parse(bytes).map_err(words)?;
    let imports = pe.imports().map_err(words)?.into_iter();
    let all = imports.chain(pe.delay_imports().map_err(words)?);
    let mut names: BTreeSet<String> = all.map(|import| dll_key(import.dll)).collect();
    let exports = pe.exports().map_err(words)?;
    let forwards = exports.iter().flat_map(|exports| &exports.symbols);
    let forwards = forwards.filter_map(|symbol| truewheel_pe::split_forwarder(symbol.forwarder?));
    names.extend(forwards.map(|(library, _)| dll_key(library)));
    Ok(Seen(names))
}

/// Every DLL that the file names lies beside it, or in a directory that some package names, or was left to
/// others on purpose.
pub(super) fn check_needs(
    path: &MemberPath,
    seen: &Seen,
    outside: Option<&BTreeSet<String>>,
    installed: &BTreeSet<String>,
    directories: &BTreeSet<String>,
) -> Result<()> {
    let Some(place) = environment_path(path) else { return Ok(()) };
    let own = parent(&place).to_ascii_lowercase();
    for name in &seen.0 {
        let is_outside = outside.is_some_and(|outside| outside.contains(name));
        let is_in = |directory: &str| installed.contains(&join(directory, name));
        if !is_outside && !is_in(&own) && !directories.iter().any(|directory| is_in(directory)) {
            let what = format!("`{name}` leads to no file that Windows would look at");
            return Err(Error::verify(path.as_str(), what));
        }
    }
    Ok(())
}
