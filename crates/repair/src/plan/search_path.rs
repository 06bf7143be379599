//! The one search path that a file has in the result: which of its own entries stay, and which tag
//! they are written as.
//!
//! ld.so reads `DT_RPATH` before `LD_LIBRARY_PATH` and `DT_RUNPATH` after it (ld.so(8)). A vendored
//! library must win over one the user happens to have, so `DT_RPATH` is written where the target's
//! loader knows it; Android's knows only `DT_RUNPATH`.

use std::collections::BTreeSet;

use truewheel_elf::{Edits, SearchPathEdit};
use truewheel_wheel::{MemberPath, Scheme};

use crate::binary::ElfFile;
use crate::options::RpathStyle;
use crate::search::paths::{join_relative, origin_relative, parent, site_packages_path};
use crate::target::Libc;

/// The entry that leads `way`, which is relative to the file's own directory.
pub(super) fn origin(way: &str) -> String {
    if way == "." { "$ORIGIN".to_owned() } else { format!("$ORIGIN/{way}") }
}

/// Entries of the file's own search path that still lead somewhere after installation.
pub(super) fn kept_entries(
    file: &ElfFile,
    path: &MemberPath,
    notes: &mut Vec<String>,
) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for entry in own_entries(file) {
        if !keeps_entry(entry, path) {
            notes.push(format!("{path}: search path entry `{entry}` is removed"));
        } else if !kept.iter().any(|known| known == entry) {
            kept.push(entry.to_owned());
        }
    }
    kept
}

/// Whether the file's own search path loses entries.
pub(super) fn is_cut(file: &ElfFile, path: &MemberPath) -> bool {
    own_entries(file).any(|entry| !keeps_entry(entry, path))
}

/// ld.so ignores `DT_RPATH` of a file that has `DT_RUNPATH`.
fn own_entries(file: &ElfFile) -> impl Iterator<Item = &str> {
    let list = file.runpath.as_deref().or(file.rpath.as_deref()).unwrap_or_default();
    list.split(':').filter(|entry| !entry.is_empty())
}

/// Writes `entries` as the one search path of the file, if that changes anything.
pub(super) fn set(
    file: &ElfFile,
    entries: &[String],
    (style, libc): (RpathStyle, Option<Libc>),
    edits: &mut Edits,
) {
    let wanted = entries.join(":");
    let has_both = file.rpath.is_some() && file.runpath.is_some();
    let current = file.runpath.as_ref().or(file.rpath.as_ref());
    if wanted.is_empty() {
        if current.is_some() {
            edits.search_path = Some(SearchPathEdit::Remove);
        }
        return;
    }
    // An own entry that stays as it was keeps its tag: what its author chose is not ours.
    if current.is_some_and(|current| *current == wanted) && !has_both {
        return;
    }
    let adds = current.is_none_or(|current| {
        let old: BTreeSet<&str> = current.split(':').collect();
        entries.iter().any(|entry| !old.contains(entry.as_str()))
    });
    let is_runpath = match (style, libc) {
        (RpathStyle::Rpath, _) => false,
        (RpathStyle::Runpath, _) | (RpathStyle::Target, Some(Libc::Bionic)) => true,
        (RpathStyle::Target, _) => !adds && file.runpath.is_some(),
    };
    edits.search_path = Some(if is_runpath {
        SearchPathEdit::Runpath(wanted)
    } else {
        SearchPathEdit::Rpath(wanted)
    });
}

/// Whether an entry leads to a place that installations have: below site-packages, whoever fills it,
/// or the environment's `lib`, where conda and wheels with a `data` directory put libraries.
/// Site-packages is `lib/pythonX.Y/site-packages` there.
fn keeps_entry(entry: &str, path: &MemberPath) -> bool {
    let Some(rest) = origin_relative(entry) else { return false };
    match site_packages_path(path) {
        Some(installed) => {
            let below = format!("lib/python/site-packages/{}", parent(&installed));
            join_relative(&below, rest).is_some_and(|place| {
                place == "lib"
                    || place == "lib/python/site-packages"
                    || place.starts_with("lib/python/site-packages/")
            })
        }
        // A program's way to the environment's own libraries, such as `$ORIGIN/../lib`.
        None => {
            let installed = path.installed();
            let below = match installed.scheme {
                Scheme::Scripts => format!("bin/{}", parent(&installed.path)),
                Scheme::Data => parent(&installed.path).to_owned(),
                _ => return false,
            };
            join_relative(&below, rest).is_some_and(|place| !place.is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_where_an_installation_has_a_place_for_them() {
        for (entry, member, stays) in [
            ("$ORIGIN", "demo/_ext.so", true),
            ("${ORIGIN}/lib", "demo/_ext.so", true),
            ("$ORIGIN/../nvidia/cublas/lib", "demo/_ext.so", true),
            ("$ORIGIN/../../../../lib", "demo/_ext.so", true),
            ("$ORIGIN/../../..", "demo/_ext.so", true),
            ("$ORIGIN/../../../../../build/lib", "demo/_ext.so", false),
            ("$ORIGIN/../../other", "demo/_ext.so", false),
            ("/home/me/build/lib", "demo/_ext.so", false),
            ("lib", "demo/_ext.so", false),
            ("$ORIGINAL/lib", "demo/_ext.so", false),
            ("$ORIGIN/../lib", "demo-1.data/scripts/tool", true),
            ("$ORIGIN/..", "demo-1.data/platlib/demo/_ext.so", true),
        ] {
            let path = MemberPath::new(member).unwrap();
            assert_eq!(keeps_entry(entry, &path), stays, "{entry} in {member}");
        }
    }
}
