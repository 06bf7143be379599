//! How the loader compares the names of libraries, and which names a library can have.
//!
//! `LoadLibrary`: names are compared without regard to case; one without an extension gets `.dll`, and a dot at the
//! end says that there is none to add. A forwarder is `library.symbol` or `library.#ordinal`, where the loader adds
//! `.dll`; it is split at its last dot, as symbols have none and libraries may.

use crate::error::{ErrorKind, Result};

/// The longest name that a file can have on NTFS.
const MAX_NAME: usize = 255;
/// Not allowed in file names, or not part of a name.
const FORBIDDEN: &str = "<>:\"/\\|?*";

/// What two names of one library have in common: lower case, with an extension.
#[must_use]
pub fn dll_key(name: &str) -> String {
    let mut key = name.to_ascii_lowercase();
    if key.ends_with('.') {
        key.pop();
    } else if !key.contains('.') {
        key.push_str(".dll");
    }
    key
}

/// A forwarder's library, without `.dll` as a rule, and its symbol or `#ordinal`; `None` without a dot.
#[must_use]
pub fn split_forwarder(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once('.')
}

/// The keys that the library part of a forwarder may stand for. `foo` is `foo.dll`; `foo-1.2` is a file of that
/// name, or `foo-1.2.dll` to loaders that always add the extension.
pub(crate) fn forwarder_keys(library: &str) -> [String; 2] {
    [dll_key(library), format!("{}.dll", library.to_ascii_lowercase())]
}

/// The library part of a forwarder to a file of this name. Linkers leave `.dll` out; it stays where the rest has a
/// dot, because some loaders take what follows that for the extension.
pub(crate) fn forwarder_library(name: &str) -> &str {
    let stem = name.len().checked_sub(4).and_then(|at| name.split_at_checked(at));
    match stem {
        Some((stem, extension)) if extension.eq_ignore_ascii_case(".dll") => {
            if stem.is_empty() || stem.contains('.') { name } else { stem }
        }
        _ => name,
    }
}

/// Refuses a name that no file can have. The loader reads names in the code page of the machine it runs on, so only
/// ASCII means the same everywhere.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let is_bad = |c: char| !c.is_ascii() || c.is_ascii_control() || FORBIDDEN.contains(c);
    if name.is_empty() || name.len() > MAX_NAME || name.ends_with(' ') || name.contains(is_bad) {
        return Err(ErrorKind::BadName(name.to_owned()).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_the_loader_compares_them() {
        for (name, key) in [
            ("Foo.DLL", "foo.dll"),
            ("foo", "foo.dll"),
            ("foo.", "foo"),
            ("foo-1.2", "foo-1.2"),
            ("module.pyd", "module.pyd"),
        ] {
            assert_eq!(dll_key(name), key);
        }
    }

    #[test]
    fn forwarders_name_libraries_without_dll() {
        for (name, library) in [
            ("foo.dll", "foo"),
            ("Foo-0123abcd.DLL", "Foo-0123abcd"),
            ("foo-1.2.dll", "foo-1.2.dll"),
            ("foo.pyd", "foo.pyd"),
            ("foo", "foo"),
            (".dll", ".dll"),
        ] {
            assert_eq!(forwarder_library(name), library);
        }
        assert_eq!(split_forwarder("foo.dll.bar"), Some(("foo.dll", "bar")));
        assert_eq!(split_forwarder("foo.#7"), Some(("foo", "#7")));
        assert_eq!(split_forwarder("foo"), None);
        assert_eq!(forwarder_keys("Foo"), ["foo.dll", "foo.dll"]);
        assert_eq!(forwarder_keys("foo-1.2"), ["foo-1.2", "foo-1.2.dll"]);
    }
}
