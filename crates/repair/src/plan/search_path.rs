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
use crate::search::paths::{
    SITE_PACKAGES, entry_in_environment, environment_path, origin_relative, parent,
};
use crate::target::Libc;

/// The entry that leads `way`, which is relative to the file's own directory.
pub(super) fn origin(way: &str) -> String {
    if way == "." { "$ORIGIN".to_owned() } else { format!("$ORIGIN/{way}") }
}

/// What decides which entries stay.
pub(super) struct Ground {
    libc: Option<Libc>,
    /// Directories of an environment that get libraries from the wheel.
    filled: BTreeSet<String>,
}

impl Ground {
    /// For a wheel with these files.
    pub(super) fn new<'a>(
        members: impl Iterator<Item = &'a MemberPath>,
        libc: Option<Libc>,
    ) -> Self {
        let paths = members.filter_map(environment_path);
        Self { libc, filled: paths.map(|path| parent(&path).to_owned()).collect() }
    }

    /// Entries of the file's own search path that still lead somewhere after installation.
    pub(super) fn kept_entries(
        &self,
        file: &ElfFile,
        path: &MemberPath,
        notes: &mut Vec<String>,
    ) -> Vec<String> {
        let mut kept: Vec<String> = Vec::new();
        for entry in own_entries(file) {
            if !self.keeps(entry, path) {
                notes.push(format!("{path}: search path entry `{entry}` is removed"));
            } else if !kept.iter().any(|known| known == entry) {
                kept.push(entry.to_owned());
            }
        }
        kept
    }

    /// Whether the file's own search path loses entries.
    pub(super) fn is_cut(&self, file: &ElfFile, path: &MemberPath) -> bool {
        own_entries(file).any(|entry| !self.keeps(entry, path))
    }

    /// Whether an entry leads to a place that installations have: below site-packages, whoever fills
    /// it; the environment's `lib`, where conda and wheels with a `data` directory put libraries; or
    /// another directory that this wheel fills.
    fn keeps(&self, entry: &str, path: &MemberPath) -> bool {
        let Some(rest) = origin_relative(entry) else { return false };
        // musl gives up the whole search path of a file that has any other word with a dollar sign
        // (`fixup_rpath` in its ldso/dynlink.c).
        if self.libc == Some(Libc::Musl) && rest.contains('$') {
            return false;
        }
        self.keeps_way(rest, path)
    }

    /// The same for what follows the word for the directory of the file at `path`.
    pub(super) fn keeps_way(&self, rest: &str, path: &MemberPath) -> bool {
        let Some(place) = entry_in_environment(path, rest) else { return false };
        let is_site = place == SITE_PACKAGES || place.starts_with(&format!("{SITE_PACKAGES}/"));
        match path.installed().scheme {
            // A program's way to the environment's own libraries, such as `$ORIGIN/../lib`.
            Scheme::Scripts | Scheme::Data => !place.is_empty(),
            _ => is_site || place == "lib" || self.filled.contains(&place),
        }
    }
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
    let is_unread = libc == Some(Libc::Bionic) && file.rpath.is_some();
    // An own entry that stays as it was keeps its tag: what its author chose is not ours.
    if current.is_some_and(|current| *current == wanted) && !has_both && !is_unread {
        return;
    }
    let adds = current.is_none_or(|current| {
        let old: BTreeSet<&str> = current.split(':').collect();
        entries.iter().any(|entry| !old.contains(entry.as_str()))
    });
    let is_runpath = match (style, libc) {
        (RpathStyle::Runpath, _) | (_, Some(Libc::Bionic)) => true,
        (RpathStyle::Rpath, _) => false,
        (RpathStyle::Target, _) => !adds && file.runpath.is_some(),
    };
    edits.search_path = Some(if is_runpath {
        SearchPathEdit::Runpath(wanted)
    } else {
        SearchPathEdit::Rpath(wanted)
    });
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
            let ground = Ground { libc: Some(Libc::Glibc), filled: BTreeSet::new() };
            assert_eq!(ground.keeps(entry, &path), stays, "{entry} in {member}");
        }
    }

    #[test]
    fn an_entry_that_leads_where_the_wheel_itself_puts_libraries_stays() {
        let path = MemberPath::new("demo/_ext.so").unwrap();
        let filled = BTreeSet::from(["share/demo".to_owned()]);
        let ground = Ground { libc: Some(Libc::Glibc), filled };
        assert!(ground.keeps("$ORIGIN/../../../../share/demo", &path));
        assert!(!ground.keeps("$ORIGIN/../../../../share/other", &path));
    }

    #[test]
    fn no_word_that_musl_does_not_know_stays_in_its_search_path() {
        let path = MemberPath::new("demo/_ext.so").unwrap();
        for (libc, stays) in [(Libc::Musl, false), (Libc::Glibc, true)] {
            let ground = Ground { libc: Some(libc), filled: BTreeSet::new() };
            assert_eq!(ground.keeps("$ORIGIN/$LIB", &path), stays);
            assert!(ground.keeps("${ORIGIN}/lib", &path));
        }
    }
}
