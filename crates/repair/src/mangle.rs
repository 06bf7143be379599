//! The new name of a vendored library.
//!
//! Two wheels in one process may each bring their own `libfoo.so.1`. A loader that has one loaded
//! takes it for the other, because it compares names and not files. So a vendored library gets a name
//! that only its contents can produce: `libfoo.so.1` becomes `libfoo-1a2b3c4d.so.1`, where the digits
//! begin the SHA-256 of the file as it was found.
//!
//! What is written differs from that file in more than the SONAME when the library is stripped, when
//! it is led to others, or when an option asks for anything else. Then the digits come from the file
//! and all of its edits, so that two files of one name are equal. The loader also shares what the
//! library needs, so they come from all that it leads to as well: equal names mean equal contents
//! *and* equal dependencies. What the wheel had before is part of that by its path, which no other
//! wheel has.

pub(crate) mod dll;

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use truewheel_elf::{Edits, SearchPathEdit, Strip};

use crate::fetch::Fetched;
use crate::search::{Graph, NodeId, Place, Resolution};

/// What stands in a name until its digits are known.
pub(crate) const NO_DIGITS: &str = "00000000";

/// How a vendored library is made.
#[derive(Debug)]
pub(crate) struct Made {
    /// SHA-256 of the file as it was found.
    pub(crate) source: [u8; 32],
    /// What is taken out of it before its edits; `None` also where there is nothing to take.
    pub(crate) strip: Option<Strip>,
    /// Its edits, with [`NO_DIGITS`] in each new name.
    pub(crate) edits: Edits,
}

/// Gives each library in `fetched` its new file name, with these digits.
pub(crate) fn names(
    graph: &Graph,
    fetched: &BTreeMap<NodeId, Fetched>,
    digits: &dyn Fn(NodeId) -> String,
    keeps_name: &dyn Fn(&str) -> bool,
) -> BTreeMap<NodeId, String> {
    let name = |id: &NodeId| {
        let Place::Library(index) = graph.node(*id).place else { return None };
        let library = graph.libraries.get(index)?;
        let file_name = crate::search::disk::file_name(&library.path);
        if let Some(soname) = library.file.soname.as_deref().or(Some(&*file_name))
            && (keeps_name(&file_name) || keeps_name(soname))
        {
            return Some((*id, soname.rsplit('/').next().unwrap_or(soname).to_owned()));
        }
        let is_repaired = library.path.parent().is_some_and(is_vendored_directory);
        Some((*id, mangle(&file_name, &digits(*id), is_repaired)))
    };
    fetched.keys().filter_map(name).collect()
}

/// The first 8 hexadecimal digits of what tells each library from any other.
pub(crate) fn digits(graph: &Graph, made: &BTreeMap<NodeId, Made>) -> BTreeMap<NodeId, String> {
    made.iter().map(|(id, library)| (*id, digits_of(graph, made, *id, library))).collect()
}

fn digits_of(graph: &Graph, made: &BTreeMap<NodeId, Made>, id: NodeId, library: &Made) -> String {
    let leads_on = graph.needs_of(id).iter().any(|(_, resolution)| match resolution {
        Resolution::File(target, _) => {
            made.contains_key(target) || matches!(graph.node(*target).place, Place::Member(_))
        }
        _ => false,
    });
    match leads_on || library.strip.is_some() || !is_plain(&library.edits) {
        true => hexadecimal(&of_all_behind(graph, made, id)),
        false => hexadecimal(&library.source),
    }
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the file gets a SONAME, loses its search path, and is else as it was found.
fn is_plain(edits: &Edits) -> bool {
    let Edits {
        soname: _,
        replace_needed,
        remove_needed,
        add_needed,
        search_path,
        clear_executable_stack,
    } = edits;
    replace_needed.is_empty()
        && remove_needed.is_empty()
        && add_needed.is_empty()
        && matches!(search_path, None | Some(SearchPathEdit::Remove))
        && !clear_executable_stack
}

/// The library and all that it leads to, numbered in the order in which a loader meets them: how each
/// is made, and the number behind each of its needs. As no two of them are alike, equal sums mean
/// equal libraries.
fn of_all_behind(graph: &Graph, made: &BTreeMap<NodeId, Made>, id: NodeId) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let mut met = vec![id];
    let mut numbers = BTreeMap::from([(id, 0)]);
    let mut next = 0;
    while let Some(user) = met.get(next).copied() {
        next += 1;
        if let Some(library) = made.get(&user) {
            put_made(&mut hasher, library);
        }
        for (needed, resolution) in graph.needs_of(user) {
            let Resolution::File(target, _) = resolution else { continue };
            if made.contains_key(target) {
                let number = *numbers.entry(*target).or_insert_with(|| {
                    met.push(*target);
                    met.len() - 1
                });
                put(&mut hasher, &["vendored", needed, &number.to_string()]);
            } else if let Place::Member(path) = &graph.node(*target).place {
                put(&mut hasher, &["in the wheel", needed, path.as_str()]);
            }
        }
    }
    hasher.finalize().into()
}

fn put_made(hasher: &mut Sha256, library: &Made) {
    hasher.update(library.source);
    let strip = match library.strip {
        Some(Strip::Debug) => "without debug information",
        Some(Strip::All) => "without symbols",
        None => "",
    };
    // The SONAME is the name that the digits are for.
    let Edits {
        soname: _,
        replace_needed,
        remove_needed,
        add_needed,
        search_path,
        clear_executable_stack,
    } = &library.edits;
    let (tag, path) = match search_path {
        None => ("", ""),
        Some(SearchPathEdit::Remove) => ("none", ""),
        Some(SearchPathEdit::Rpath(path)) => ("RPATH", path.as_str()),
        Some(SearchPathEdit::Runpath(path)) => ("RUNPATH", path.as_str()),
    };
    let stack = if *clear_executable_stack { "cleared" } else { "" };
    put(hasher, &["made", strip, tag, path, stack]);
    for (old, new) in replace_needed {
        put(hasher, &["renamed", old, new]);
    }
    remove_needed.iter().for_each(|name| put(hasher, &["removed", name]));
    add_needed.iter().for_each(|name| put(hasher, &["added", name]));
}

/// Words with their lengths, so that no two lists of them give the same bytes.
fn put(hasher: &mut Sha256, words: &[&str]) {
    for word in words {
        hasher.update((word.len() as u64).to_le_bytes());
        hasher.update(word);
    }
}

/// Directories that repaired wheels keep their libraries in.
fn is_vendored_directory(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".libs") || name.ends_with(".dylibs")
}

/// Puts `digits` into `file_name`, in front of `.so` where it has one, else of its first dot. The
/// digits of an earlier repair are replaced, so that no name is mangled twice.
pub(crate) fn mangle(file_name: &str, digits: &str, is_repaired: bool) -> String {
    let split = so_suffix(file_name)
        .or_else(|| file_name.find('.').filter(|dot| *dot > 0))
        .unwrap_or(file_name.len());
    let (base, rest) = file_name.split_at(split);
    // Older tools put the digits of a second repair behind those of the first.
    let mut base = base;
    while let Some(stem) = without_digits(base, is_repaired) {
        base = stem;
    }
    format!("{base}-{digits}{rest}")
}

/// `libgomp` of `libgomp.so.1` and of `libgomp-a34b3233.so.1.0.0`.
pub(crate) fn base_of(file_name: &str) -> &str {
    let end = so_suffix(file_name).unwrap_or(file_name.len());
    let base = file_name.get(..end).unwrap_or(file_name);
    without_digits(base, false).unwrap_or(base)
}

/// Where `.so` stands with nothing but versions behind it.
fn so_suffix(file_name: &str) -> Option<usize> {
    file_name.match_indices(".so").map(|(at, _)| at).find(|at| {
        let rest = &file_name[at + 3..];
        *at > 0 && (rest.is_empty() || rest.starts_with('.'))
    })
}

/// `libfoo` of `libfoo-1a2b3c4d`. Eight decimal digits may as well be a date, so they count only in
/// a directory of vendored libraries.
fn without_digits(base: &str, is_repaired: bool) -> Option<&str> {
    let (stem, digits) = base.rsplit_once('-')?;
    let is_hash = digits.len() == 8
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && (is_repaired || digits.bytes().any(|byte| byte.is_ascii_lowercase()));
    (is_hash && !stem.is_empty()).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_front_of_the_version() {
        for (name, mangled) in [
            ("libfoo.so", "libfoo-01234567.so"),
            ("libfoo.so.1.2.3", "libfoo-01234567.so.1.2.3"),
            ("libglib-2.0.so.0", "libglib-2.0-01234567.so.0"),
            (
                "libscipy_openblas64_p-r0.3.24.dev.so",
                "libscipy_openblas64_p-r0.3.24.dev-01234567.so",
            ),
            ("libstdc++.so.6", "libstdc++-01234567.so.6"),
            ("plugin", "plugin-01234567"),
            ("plugin.bin", "plugin-01234567.bin"),
            ("lib.sound.so.1", "lib.sound-01234567.so.1"),
            ("libé.so", "libé-01234567.so"),
            (".so", ".so-01234567"),
        ] {
            assert_eq!(mangle(name, "01234567", false), mangled);
        }
    }

    #[test]
    fn no_name_is_mangled_twice() {
        assert_eq!(
            mangle("libgfortran-040039e1.so.5.0.0", "01234567", true),
            "libgfortran-01234567.so.5.0.0"
        );
        assert_eq!(
            mangle("libgcc_s-0cd532bd-c8f934f9.so.1", "01234567", false),
            "libgcc_s-01234567.so.1"
        );
        assert_eq!(mangle("libfoo-1a2b3c4d.so", "01234567", false), "libfoo-01234567.so");
    }

    #[test]
    fn a_date_is_no_digest() {
        assert_eq!(mangle("libfoo-20240131.so", "01234567", false), "libfoo-20240131-01234567.so");
    }
}
