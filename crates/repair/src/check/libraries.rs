//! The names of libraries that a wheel brings or needs, whatever its format.
//!
//! A vendored library has digits in its name (`libgfortran-040039e1.so.5.0.0`); patterns and messages
//! speak of `libgfortran.so.5`, so both names count.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Facts;
use crate::binary::Binary;

/// Name → where it comes from: members that are it, members that need it.
pub(super) fn names(facts: &Facts) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |name: &str, place: String| {
        for name in [name.to_owned(), unmangled(name)] {
            names.entry(name).or_default().insert(place.clone());
        }
    };
    for (path, facet) in &facts.binaries {
        add(path.file_name(), format!("{path} is it"));
        let (own, needed) = own_and_needed(&facet.binary);
        for name in own {
            add(&name, format!("{path} is it"));
        }
        for name in needed {
            add(&name, format!("{path} needs it"));
        }
    }
    names
}

/// What a binary asks its loader for.
pub(super) fn needed(binary: &Binary) -> Vec<String> {
    own_and_needed(binary).1
}

fn own_and_needed(binary: &Binary) -> (Vec<String>, Vec<String>) {
    match binary {
        Binary::Elf(file) => (file.soname.iter().cloned().collect(), file.needed.clone()),
        Binary::MachO(file) => {
            let ids = file.slices.iter().filter_map(|slice| slice.install_id.clone());
            let loads = file.slices.iter().flat_map(|slice| &slice.loads);
            (ids.collect(), loads.map(|load| load.install_name.clone()).collect())
        }
        Binary::Pe(file) => {
            let needed = file.imports.iter().chain(&file.delay_imports).cloned();
            (Vec::new(), needed.collect())
        }
        Binary::Unreadable(..) => (Vec::new(), Vec::new()),
    }
}

/// `libgfortran-040039e1.so.5.0.0` → `libgfortran.so.5.0.0`; delvewheel's digits are 32.
pub(super) fn unmangled(name: &str) -> String {
    let is_digits = |text: &str| {
        matches!(text.len(), 8 | 32)
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    for (at, _) in name.match_indices('-') {
        let (stem, rest) = name.split_at(at);
        let digits = rest.get(1..).unwrap_or_default();
        let end = digits.find('.').unwrap_or(digits.len());
        let (digits, rest) = digits.split_at(end);
        if !stem.is_empty() && is_digits(digits) {
            return format!("{stem}{rest}");
        }
    }
    name.to_owned()
}

/// `libgfortran-040039e1.so.5.0.0` → `libgfortran`: what stays when versions and digits go.
pub(super) fn base(name: &str) -> String {
    let name = unmangled(name.rsplit('/').next().unwrap_or(name));
    let end = [".so", ".dylib", ".dll"].iter().filter_map(|end| name.find(end)).min();
    let stem = name.get(..end.unwrap_or(name.len())).unwrap_or_default();
    // macOS puts versions before the ending: `libgfortran.5.dylib`.
    let is_version = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mut stem = stem;
    while let Some((rest, version)) = stem.rsplit_once('.')
        && name.ends_with(".dylib")
        && is_version(version)
    {
        stem = rest;
    }
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_a_repair_are_no_part_of_a_librarys_name() {
        for (name, plain, stem) in [
            ("libgfortran-040039e1.so.5.0.0", "libgfortran.so.5.0.0", "libgfortran"),
            ("libgfortran.5.dylib", "libgfortran.5.dylib", "libgfortran"),
            ("libgomp-e985bcbb.so.1.0.0", "libgomp.so.1.0.0", "libgomp"),
            ("libX11-6a7b8c9d.so.6.4.0", "libX11.so.6.4.0", "libX11"),
            ("msvcp140-263139962577ecda4cd9469ca360a746.dll", "msvcp140.dll", "msvcp140"),
            ("libfoo-1a2b3c4d", "libfoo", "libfoo"),
        ] {
            assert_eq!(unmangled(name), plain);
            assert_eq!(base(name), stem);
        }
    }
}
