//! The new name of a vendored library.
//!
//! Two wheels in one process may each bring their own `libfoo.so.1`. A loader that has one loaded
//! takes it for the other, because it compares names and not files. So a vendored library gets a name
//! that only its contents can produce: `libfoo.so.1` becomes `libfoo-1a2b3c4d.so.1`, where the digits
//! begin the SHA-256 of the file as it was found. A file that is stripped on the way has other contents
//! than one that is not, so it has other digits too.
//!
//! The loader also shares what the library needs. Where that is vendored too, the digits come from
//! all of it: equal names mean equal contents *and* equal dependencies. What the wheel had before is
//! part of that by its path, which no other wheel has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use truewheel_elf::{Strip, Strippable};
use truewheel_wheel::MemberPath;

use crate::fetch::Fetched;
use crate::search::{Graph, NodeId, Place, Resolution};

/// Gives each library in `fetched` its new file name.
pub(crate) fn names(
    graph: &Graph,
    fetched: &BTreeMap<NodeId, Fetched>,
    strip: Option<Strip>,
    keeps_name: &dyn Fn(&str) -> bool,
) -> BTreeMap<NodeId, String> {
    let identities = identities(graph, fetched, strip);
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
        Some((*id, mangle(&file_name, &digits(graph, &identities, *id), is_repaired)))
    };
    fetched.keys().filter_map(name).collect()
}

/// Directories that repaired wheels keep their libraries in.
fn is_vendored_directory(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".libs") || name.ends_with(".dylibs")
}

/// The first 8 hexadecimal digits of what tells this library from any other.
fn digits(graph: &Graph, vendor: &Identities, id: NodeId) -> String {
    let closure = closure(graph, vendor, id);
    let mut lines: Vec<([u8; 32], &str, [u8; 32])> = Vec::new();
    for user in &closure {
        for (needed, target) in vendored_needs(graph, vendor, *user) {
            lines.push((digest(vendor, *user), needed, digest(vendor, target)));
        }
        for (needed, path) in member_needs(graph, *user) {
            lines.push((digest(vendor, *user), needed, Sha256::digest(path.as_str()).into()));
        }
    }
    if lines.is_empty() {
        return hexadecimal(&digest(vendor, id));
    }
    let mut hasher = Sha256::new();
    hasher.update(digest(vendor, id));
    lines.sort_unstable();
    for (user, needed, target) in lines {
        hasher.update(user);
        hasher.update(needed);
        hasher.update(target);
    }
    hexadecimal(&hasher.finalize())
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// `id` and every vendored library that it leads to.
fn closure(graph: &Graph, vendor: &Identities, id: NodeId) -> BTreeSet<NodeId> {
    let mut closure = BTreeSet::from([id]);
    let mut queue = vec![id];
    while let Some(user) = queue.pop() {
        for (_, target) in vendored_needs(graph, vendor, user) {
            if closure.insert(target) {
                queue.push(target);
            }
        }
    }
    closure
}

fn vendored_needs<'a>(
    graph: &'a Graph,
    vendor: &'a Identities,
    id: NodeId,
) -> impl Iterator<Item = (&'a str, NodeId)> {
    graph.needs_of(id).iter().filter_map(|(needed, resolution)| match resolution {
        Resolution::File(target, _) if vendor.contains_key(target) => {
            Some((needed.as_str(), *target))
        }
        _ => None,
    })
}

fn member_needs(graph: &Graph, id: NodeId) -> impl Iterator<Item = (&str, &MemberPath)> {
    graph.needs_of(id).iter().filter_map(|(needed, resolution)| match resolution {
        Resolution::File(target, _) => match &graph.node(*target).place {
            Place::Member(path) => Some((needed.as_str(), path)),
            Place::Library(_) => None,
        },
        _ => None,
    })
}

/// What tells the contents of each vendored library from any other's, but for the names in it.
type Identities = BTreeMap<NodeId, [u8; 32]>;

fn identities(
    graph: &Graph,
    fetched: &BTreeMap<NodeId, Fetched>,
    strip: Option<Strip>,
) -> Identities {
    let identity = |(id, fetched): (&NodeId, &Fetched)| {
        let found = fetched.digest.sha256;
        let how: &[u8] = match strip {
            Some(Strip::Debug) => b"without debug information",
            Some(Strip::All) => b"without symbols",
            None => return (*id, found),
        };
        let file = &graph.node(*id).file;
        let changes =
            strip.is_some_and(|level| matches!(file.strippable(level), Strippable::Yes { .. }));
        let stripped = || Sha256::new_with_prefix(found).chain_update(how).finalize().into();
        (*id, if changes { stripped() } else { found })
    };
    fetched.iter().map(identity).collect()
}

fn digest(vendor: &Identities, id: NodeId) -> [u8; 32] {
    vendor.get(&id).copied().unwrap_or_default()
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
