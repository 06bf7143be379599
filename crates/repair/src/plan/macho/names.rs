//! The strings of one slice's load commands, and where they lead.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{Installed, MemberPath, Scheme, relative};

use crate::binary::MachSlice;
use crate::search::NodeId;
use crate::search::paths::{
    entry_in_environment, environment_path, loader_relative, parent, place_in_environment,
};

/// The install names of a slice while they change.
pub(super) struct Names {
    /// Old name → new name.
    pub(super) changed: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(slice: &MachSlice) -> Self {
        let taken = slice.loads.iter().map(|load| load.install_name.clone()).collect();
        Self { changed: BTreeMap::new(), taken }
    }

    /// Lets `name` lead the `way`, which begins at the file's directory. dyld of macOS 26 refuses a file that
    /// names one library twice in the same words, and a command cannot be taken out: `./` tells two names
    /// that lead to one file.
    pub(super) fn set(&mut self, name: &str, way: &str) {
        if self.changed.contains_key(name) {
            return;
        }
        let mut new = format!("@loader_path/{way}");
        let mut dots = String::new();
        while new != name && self.taken.contains(&new) {
            dots.push_str("./");
            new = format!("@loader_path/{dots}{way}");
        }
        if new != name {
            self.taken.insert(new.clone());
            self.changed.insert(name.to_owned(), new);
        }
    }
}

/// The path from the directory of `at` to `member`.
pub(super) fn way(at: &MemberPath, member: &MemberPath) -> Option<String> {
    relative(&at.installed().parent(), &member.installed())
}

/// The path from the directory of `at` to that of `member`.
pub(super) fn way_to_directory(at: &MemberPath, member: &MemberPath) -> Option<String> {
    relative(&at.installed().parent(), &member.installed().parent())
}

/// The file of the wheel that `name` leads to from a file at `at` with these rpaths, whatever loads it.
pub(super) fn lead(
    name: &str,
    at: &MemberPath,
    rpaths: &[String],
    installed: &BTreeMap<String, NodeId>,
) -> Option<NodeId> {
    places(name, at, rpaths).iter().find_map(|place| installed.get(place).copied())
}

/// The paths in an environment where dyld looks for `name`, one after the other.
pub(super) fn places(name: &str, at: &MemberPath, rpaths: &[String]) -> Vec<String> {
    let place = |rest: &str| place_in_environment(at, rest);
    match name.strip_prefix("@rpath/") {
        Some(rest) => rpaths
            .iter()
            .filter_map(|entry| {
                let directory = loader_relative(entry)?.trim_end_matches('/');
                place(&format!("{directory}/{rest}"))
            })
            .collect(),
        None => loader_relative(name).and_then(place).into_iter().collect(),
    }
}

/// An `LC_RPATH` of a file at `from` that leads to the same place from `at`. `rest` is what follows
/// `@loader_path` in it.
pub(super) fn moved(entry: &str, rest: &str, from: &MemberPath, at: &MemberPath) -> Option<String> {
    if from == at {
        return Some(entry.to_owned());
    }
    let place = entry_in_environment(from, rest)?;
    let root = |path: &str| Installed { scheme: Scheme::Data, path: path.to_owned() };
    let way = relative(&root(parent(&environment_path(at)?)), &root(&place))?;
    Some(if way == "." { "@loader_path".to_owned() } else { format!("@loader_path/{way}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(taken: &[&str]) -> Names {
        let taken = taken.iter().map(|name| (*name).to_owned()).collect();
        Names { changed: BTreeMap::new(), taken }
    }

    #[test]
    fn two_names_that_lead_to_one_library_stay_two() {
        let mut names = names(&["/a/libz.dylib", "/b/libz.dylib", "/c/libz.dylib"]);
        for name in ["/a/libz.dylib", "/b/libz.dylib", "/c/libz.dylib"] {
            names.set(name, "lib/libz.dylib");
        }
        let new: Vec<&str> = names.changed.values().map(String::as_str).collect();
        assert_eq!(
            new,
            [
                "@loader_path/lib/libz.dylib",
                "@loader_path/./lib/libz.dylib",
                "@loader_path/././lib/libz.dylib"
            ]
        );
    }

    #[test]
    fn a_name_that_stands_there_already_is_not_given_to_another() {
        let mut names = names(&["@loader_path/libz.dylib", "/b/libz.dylib"]);
        names.set("/b/libz.dylib", "libz.dylib");
        assert_eq!(names.changed["/b/libz.dylib"], "@loader_path/./libz.dylib");
        names.set("@loader_path/libz.dylib", "libz.dylib");
        assert_eq!(names.changed.len(), 1);
    }

    #[test]
    fn an_rpath_leads_to_the_same_place_after_the_move() {
        let path = |path| MemberPath::new(path).unwrap();
        let (from, at) = (path("d-1.data/scripts/tool"), path("d.scripts/tool"));
        let moved = moved("@loader_path/../lib", "/../lib", &from, &at);
        assert_eq!(moved.as_deref(), Some("@loader_path/../../.."));
    }
}
