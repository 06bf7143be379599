//! Which packages a wheel requires, and whether one of them may bring a library.
//!
//! The contents of other packages are not known here, so names must do: `libcublas.so.12` is told of
//! `nvidia-cublas-cu12`, `../nvidia/cublas/lib` as well. A name is a hint and no proof; what it
//! explains is a warning and not silence.

use std::collections::BTreeMap;

use globset::GlobSet;
use truewheel_wheel::{Metadata, Wheel, normalize_name};

use crate::groups::GROUPS;
use crate::pattern;
use crate::provided::{ProvidedBy, is_extra, required_project};
use crate::sbom;
use crate::search::paths::base_name;

/// Shorter words are in too many names to say anything.
const SHORTEST_WORD: usize = 4;

/// The projects that METADATA requires.
#[derive(Debug, Default)]
pub(super) struct Requires {
    /// Normalised (PEP 503).
    projects: Vec<String>,
    /// Named sets of libraries that one of the projects may be the source of.
    groups: Vec<(GlobSet, String)>,
    /// Names of libraries, in lower case, that the wheel's SBOM says to be one of the projects'.
    given: BTreeMap<String, String>,
}

impl Requires {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let own = normalize_name(metadata.name());
        let required =
            metadata.requires_dist().filter(|text| !is_extra(text)).map(required_project);
        let projects: Vec<String> =
            required.filter(|name| !name.is_empty() && *name != own).collect();
        let groups = GROUPS.iter().filter_map(|group| {
            let project = projects.iter().find(|project| project.contains(group.name))?;
            let patterns: Vec<String> = group.patterns.iter().map(ToString::to_string).collect();
            Some((pattern::globs(&patterns).ok()?, project.clone()))
        });
        Self { groups: groups.collect(), projects, given: BTreeMap::new() }
    }

    /// Adds what the SBOM of a repair says to be left to projects; one that is not required brings nothing.
    pub(super) fn add_sbom(&mut self, wheel: &Wheel) {
        let provided = sbom::provided_by(wheel).into_iter();
        for ProvidedBy { project, libraries, .. } in
            provided.filter(|it| self.projects.contains(&it.project))
        {
            let names = libraries.iter().map(|path| base_name(path).to_ascii_lowercase());
            self.given.extend(names.map(|name| (name, project.clone())));
        }
    }

    /// The required project that a library was left to when the wheel was repaired.
    pub(super) fn given_by(&self, name: &str) -> Option<&str> {
        let base = base_name(name).to_ascii_lowercase();
        self.given.get(&base).map(String::as_str)
    }

    /// The required project that the directory `path` below site-packages may be of.
    pub(super) fn of_directory(&self, path: &str) -> Option<&str> {
        let top = path.split('/').next().unwrap_or(path);
        let top = normalize_name(top.trim_end_matches(".libs"));
        let is_it = |name: &&String| {
            **name == top || name.strip_prefix(&*top).is_some_and(|rest| rest.starts_with('-'))
        };
        self.projects.iter().find(is_it).map(String::as_str)
    }

    /// The required project that a library of this name may be of.
    pub(super) fn of_library(&self, name: &str) -> Option<&str> {
        let base = base_name(name);
        if let Some((_, project)) = self.groups.iter().find(|(globs, _)| globs.is_match(base)) {
            return Some(project);
        }
        let stem = stem(name);
        if stem.len() < SHORTEST_WORD {
            return None;
        }
        let is_it = |project: &&String| {
            let plain: String = project.chars().filter(char::is_ascii_alphanumeric).collect();
            plain.contains(&stem)
                || project
                    .split('-')
                    .any(|word| word.len() > SHORTEST_WORD && stem.starts_with(word))
        };
        self.projects.iter().find(is_it).map(String::as_str)
    }
}

/// `libcublas.so.12` → `cublas`; letters and digits in lower case.
fn stem(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let name = name.strip_prefix("lib").unwrap_or(&name);
    let end = [".so", ".dylib", ".dll"].iter().filter_map(|end| name.find(end)).min();
    let name = name.get(..end.unwrap_or(name.len())).unwrap_or(name);
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    plain.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requires(lines: &[&str]) -> Requires {
        let text: String = lines.iter().map(|line| format!("Requires-Dist: {line}\n")).collect();
        let text = format!("Name: demo\nVersion: 1\n{text}");
        Requires::of(&Metadata::parse(&text).expect("metadata"))
    }

    #[test]
    fn a_library_is_told_of_the_project_that_has_its_name() {
        let requires =
            requires(&["nvidia-cublas-cu12 (==12.1); platform_system == 'Linux'", "torch>=2"]);
        assert_eq!(requires.of_library("libcublas.so.12"), Some("nvidia-cublas-cu12"));
        assert_eq!(requires.of_library("libtorch_cpu.so"), Some("torch"));
        assert_eq!(requires.of_library("libc10.so"), Some("torch"));
        assert_eq!(requires.of_library("libfoo.so.1"), None);
    }

    #[test]
    fn a_directory_is_told_of_the_project_that_begins_with_it() {
        let requires = requires(&["nvidia-cublas-cu12", "numpy"]);
        assert_eq!(requires.of_directory("nvidia/cublas/lib"), Some("nvidia-cublas-cu12"));
        assert_eq!(requires.of_directory("numpy.libs"), Some("numpy"));
        assert_eq!(requires.of_directory("scipy.libs"), None);
    }

    #[test]
    fn an_extra_brings_nothing() {
        assert_eq!(requires(&["foobar; extra == 'all'"]).of_library("libfoobar.so"), None);
    }
}
