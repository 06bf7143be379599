//! What was done, as data. The program makes words and JSON of it.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use truewheel_wheel::MemberPath;

use crate::pattern::Unmatched;
use crate::plan::Plan;

/// One library that was brought along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VendoredLibrary {
    /// Where it came from.
    #[serde(serialize_with = "as_text")]
    pub source: PathBuf,
    /// SHA-256 of the source, hexadecimal.
    pub sha256: String,
    /// Bytes of the source.
    pub size: u64,
    /// Its path in the wheel.
    pub member: String,
    /// The package it comes from, as a package URL, if some database says.
    pub provider: Option<String>,
    /// Who needs it, by which name, and the rule that found it.
    pub users: Vec<String>,
}

/// What was done to one wheel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `truewheel.repair/1`; the number changes when something that was there changes its meaning.
    pub schema: &'static str,
    /// The input.
    #[serde(serialize_with = "as_text")]
    pub wheel: PathBuf,
    /// The result.
    #[serde(serialize_with = "as_text")]
    pub output: PathBuf,
    /// Whether the result is the input, byte by byte.
    pub unchanged: bool,
    /// Platform tags of the input.
    pub old_tags: Vec<String>,
    /// Platform tags of the result.
    pub new_tags: Vec<String>,
    /// Tags of the input's WHEEL, in its order; nothing where WHEEL was not looked at.
    #[serde(skip)]
    pub old_wheel_tags: Vec<String>,
    /// Tags of the result's WHEEL.
    #[serde(skip)]
    pub new_wheel_tags: Vec<String>,
    /// Libraries brought along.
    pub vendored: Vec<VendoredLibrary>,
    /// Members that were edited, in order.
    pub edited: Vec<String>,
    /// Python files that got code which names a directory of DLLs.
    pub patched: Vec<String>,
    /// The version of delvewheel that says, in the input, to have repaired it.
    pub delvewheel: Option<String>,
    /// Needed names that an option left out.
    pub left_out: Vec<String>,
    /// Things the user should know.
    pub notes: Vec<String>,
    /// Options that did nothing for this wheel.
    pub unmatched: Vec<Unmatched>,
}

fn python_file(member: &MemberPath) -> Option<String> {
    member.as_str().ends_with(".py").then(|| member.to_string())
}

/// JSON is Unicode and a path need not be: what is not text in it is written as U+FFFD.
pub(crate) fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&plain(path))
}

/// A path as people write it: Windows gives real paths as `\\?\C:\lib`, which few programs take.
pub fn plain(path: &Path) -> String {
    let text = path.to_string_lossy();
    match text.strip_prefix(r"\\?\") {
        Some(rest) => match rest.strip_prefix(r"UNC\") {
            Some(share) => format!(r"\\{share}"),
            None => rest.to_owned(),
        },
        None => text.into_owned(),
    }
}

impl Report {
    pub(crate) fn new(wheel: PathBuf, output: PathBuf, plan: Plan) -> Self {
        let unchanged = plan.is_nothing();
        let vendored = plan.vendored.iter().map(|library| VendoredLibrary {
            source: library.source.clone(),
            sha256: library.digest.hex(),
            size: library.digest.size,
            member: library.member.as_str().to_owned(),
            provider: plan.provider(&library.member).map(|provider| provider.purl.clone()),
            users: library.users.clone(),
        });
        Self {
            schema: "truewheel.repair/1",
            wheel,
            output,
            unchanged,
            vendored: vendored.collect(),
            edited: plan.edits.keys().map(|path| path.as_str().to_owned()).collect(),
            patched: plan.replaced.keys().filter_map(python_file).collect(),
            delvewheel: plan.repaired_by_delvewheel,
            left_out: plan.left_out.into_iter().collect(),
            old_tags: plan.old_tags,
            new_tags: plan.new_tags,
            old_wheel_tags: plan.old_wheel_tags,
            new_wheel_tags: plan.new_wheel_tags,
            notes: plan.notes,
            unmatched: plan.unmatched,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_paths_of_windows_are_shown_as_people_write_them() {
        for (real, shown) in [
            (r"\\?\C:\lib\foo.dll", r"C:\lib\foo.dll"),
            (r"\\?\UNC\server\share\foo.dll", r"\\server\share\foo.dll"),
            (r"\\server\share", r"\\server\share"),
            ("/usr/lib/libfoo.so.1", "/usr/lib/libfoo.so.1"),
        ] {
            assert_eq!(plain(Path::new(real)), shown);
        }
    }
}
