//! Patterns of the command line: globs over names and paths, what they matched, and what they may
//! have meant.
//!
//! A pattern that matches nothing is the costliest typing error of a repair: `--exclude libamdhip64.so`
//! leaves `libamdhip64.so.7` in, and the wheel has 890 MB more. So every rule remembers what it
//! matched, and one without a match is told with the name that is nearest to it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::search::macho::is_of_macos;
use crate::search::paths::base_name;
use crate::target::is_c_library;

/// A name longer than this resembles nothing that somebody typed; comparing takes quadratic time.
const LONGEST_COMPARED: usize = 200;

/// Compiles patterns as `fnmatch` has them: `*` also matches `/`. Names of DLLs have no case.
pub(crate) fn globs(patterns: &[String]) -> Result<globset::GlobSet> {
    let mut set = globset::GlobSetBuilder::new();
    for pattern in patterns {
        let is_dll = pattern.to_ascii_lowercase().ends_with(".dll");
        let glob = globset::GlobBuilder::new(pattern).case_insensitive(is_dll).build();
        let glob = glob.map_err(|error| {
            Error::refused(format!("`{pattern}` is no pattern: {}", error.kind()))
        })?;
        set.add(glob);
    }
    set.build().map_err(|error| Error::refused(error.to_string()))
}

/// Whether `glob` is a pattern; `option` is how it was typed.
pub(crate) fn check(option: &str, glob: &str) -> Result<()> {
    match globset::Glob::new(glob) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::refused(format!("`{option}` is no pattern: {}", error.kind()))),
    }
}

/// An option that did nothing for one wheel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unmatched {
    /// As it was typed, such as `--exclude libfoo.so`.
    pub option: String,
    /// The name in the wheel that was most likely meant.
    pub nearest: Option<String>,
    /// What it matches nothing of, in words.
    pub message: String,
}

impl Unmatched {
    pub(crate) fn new(option: &str, what: &str, nearest: Option<&str>) -> Self {
        let near = nearest.map(|name| format!("; the nearest name is `{name}`"));
        Self {
            option: option.to_owned(),
            nearest: nearest.map(str::to_owned),
            message: format!("`{option}` {what}{}", near.unwrap_or_default()),
        }
    }

    /// The options that did nothing for any of several wheels: one that works for one of them is no
    /// mistake. Told with a name that was meant, if some wheel has one.
    pub fn in_all<'a>(wheels: impl IntoIterator<Item = &'a [Self]>) -> Vec<Self> {
        let mut wheels = wheels.into_iter();
        let mut all: Vec<Self> = wheels.next().unwrap_or_default().to_vec();
        for wheel in wheels {
            all.retain_mut(|one| {
                let other = wheel.iter().find(|other| other.option == one.option);
                if one.nearest.is_none()
                    && let Some(other) = other
                {
                    *one = other.clone();
                }
                other.is_some()
            });
        }
        all
    }
}

/// What was typed for one purpose, and what of the wheel it matched.
#[derive(Debug)]
pub(crate) struct Rules {
    /// As it was typed, such as `--exclude libfoo*` or `--exclude-group cuda`.
    options: Vec<String>,
    globs: globset::GlobSet,
    /// Glob → option.
    option_of: Vec<usize>,
    /// Option → needed names that it matched.
    matched: RefCell<BTreeMap<usize, BTreeSet<String>>>,
    /// Every needed name that they were held against.
    asked: RefCell<BTreeSet<String>>,
}

impl Rules {
    /// Each option with its patterns.
    pub(crate) fn new(rules: impl IntoIterator<Item = (String, Vec<String>)>) -> Result<Self> {
        let (mut options, mut option_of, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
        for (option, globs) in rules {
            option_of.extend(globs.iter().map(|_| options.len()));
            patterns.extend(globs);
            options.push(option);
        }
        let globs = globs(&patterns)?;
        Ok(Self {
            options,
            globs,
            option_of,
            matched: RefCell::default(),
            asked: RefCell::default(),
        })
    }

    /// One option for each pattern.
    pub(crate) fn of_patterns(option: &str, patterns: &[String]) -> Result<Self> {
        Self::new(patterns.iter().map(|glob| (format!("{option} {glob}"), vec![glob.clone()])))
    }

    /// The first option with a pattern that one of `names` matches; all of them remember `needed`.
    pub(crate) fn find(&self, needed: &str, names: &[&str]) -> Option<String> {
        if self.options.is_empty() {
            return None;
        }
        self.asked.borrow_mut().insert(needed.to_owned());
        let globs = names.iter().flat_map(|name| self.globs.matches(name));
        let found: BTreeSet<usize> =
            globs.filter_map(|glob| self.option_of.get(glob).copied()).collect();
        let first = found.first().and_then(|option| self.options.get(*option)).cloned();
        let mut matched = self.matched.borrow_mut();
        for option in found {
            matched.entry(option).or_default().insert(needed.to_owned());
        }
        first
    }

    /// What was typed and the names it matched, for those that matched any.
    pub(crate) fn matched(&self) -> Vec<(String, BTreeSet<String>)> {
        let matched = self.matched.borrow();
        let named = matched.iter().map(|(option, names)| (self.options.get(*option), names));
        named.filter_map(|(option, names)| Some((option?.clone(), names.clone()))).collect()
    }

    /// The options that matched nothing, each with the nearest of the names that it was held against.
    /// `what` says of what, such as "matches nothing that is needed".
    pub(crate) fn unmatched(&self, what: &str) -> Vec<Unmatched> {
        // Nobody means what is never brought.
        let is_ours = |name: &&String| !is_c_library(base_name(name)) && !is_of_macos(name);
        let asked = self.asked.borrow();
        let names = asked.iter().filter(is_ours).map(|name| base_name(name).to_owned());
        self.unmatched_among(&names.collect(), what)
    }

    /// The same with the nearest of `names`.
    pub(crate) fn unmatched_among(&self, names: &BTreeSet<String>, what: &str) -> Vec<Unmatched> {
        let matched = self.matched.borrow();
        let told = |(_, option): (usize, &String)| {
            let typed = option.split_once(' ').filter(|(flag, _)| *flag != "--exclude-group");
            let near = typed.and_then(|(_, pattern)| {
                nearest(pattern.rsplit('/').next()?, names.iter().map(String::as_str))
            });
            Unmatched::new(option, what, near)
        };
        let options = self.options.iter().enumerate();
        options.filter(|(index, _)| !matched.contains_key(index)).map(told).collect()
    }

    /// The names among `names` that `option` would have matched.
    pub(crate) fn would_match(&self, option: &str, names: &BTreeSet<String>) -> BTreeSet<String> {
        let of_option = |glob: usize| {
            let index = self.option_of.get(glob);
            index.and_then(|index| self.options.get(*index)).is_some_and(|typed| typed == option)
        };
        let matches = |name: &&String| {
            let tried = [name.as_str(), base_name(name)];
            tried.iter().flat_map(|name| self.globs.matches(name)).any(of_option)
        };
        names.iter().filter(matches).cloned().collect()
    }
}

/// The name that is most like `typed`: one that differs in its version alone, then one that has it
/// in it or is in it, then one that a few letters make the same.
pub(crate) fn nearest<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wildcards = |c: char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '!');
    let typed: String = typed.chars().filter(|c| !wildcards(*c)).collect();
    let wanted = stem(&typed);
    if wanted.len() < 2 || typed.len() > LONGEST_COMPARED {
        return None;
    }
    let rank = |name: &'a str| {
        let have = stem(name);
        let distance = strsim::damerau_levenshtein(have, wanted);
        let rank = match have {
            have if have == wanted => 0,
            have if have.len() > 2 && (have.contains(wanted) || wanted.contains(have)) => 1,
            _ if distance <= wanted.len().div_ceil(4) => 2,
            _ => return None,
        };
        Some((rank, distance, name))
    };
    let short = names.into_iter().filter(|name| name.len() <= LONGEST_COMPARED);
    short.filter_map(rank).min().map(|(.., name)| name)
}

/// `libfoo` of `libfoo.so.1`, `libfoo.1.dylib` and `libfoo.dll`.
fn stem(name: &str) -> &str {
    let ends = [".so", ".dylib", ".dll"].iter().filter_map(|end| name.find(end));
    let Some((mut stem, end)) = ends.min().and_then(|at| name.split_at_checked(at)) else {
        return name;
    };
    // macOS has the version before the ending.
    let is_version =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    while let Some((rest, version)) = stem.rsplit_once('.')
        && end == ".dylib"
        && is_version(version)
    {
        stem = rest;
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_dlls_have_no_case() {
        let of = |pattern: &str| globs(&[pattern.to_owned()]).unwrap();
        assert!(of("cublasLt64_12.dll").is_match("cublaslt64_12.dll"));
        assert!(of("cublaslt*.DLL").is_match("cublasLt64_12.dll"));
        assert!(!of("libLLVM.so").is_match("libllvm.so"));
    }

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let names = ["libamdhip64.so.7", "libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12"];
        for (typed, meant) in [
            ("libamdhip64.so", Some("libamdhip64.so.7")),
            ("libamdhip64.so.6", Some("libamdhip64.so.7")),
            ("libamdhip64", Some("libamdhip64.so.7")),
            ("amdhip64*", Some("libamdhip64.so.7")),
            ("libcublas.so.11*", Some("libcublas.so.12")),
            ("libcudrat.so*", Some("libcudart.so.12")),
            ("libfoo.so", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }

    #[test]
    fn the_nearest_name_differs_in_its_version_alone_on_every_system() {
        let names = ["libhdf5.320.0.0.dylib", "libhdf5_hl.320.0.0.dylib", "zlib1.dll"];
        for (typed, meant) in [
            ("libhdf5.dylib", Some("libhdf5.320.0.0.dylib")),
            ("libhdf5.310.dylib", Some("libhdf5.320.0.0.dylib")),
            ("libhdf5_hl.dylib", Some("libhdf5_hl.320.0.0.dylib")),
            ("zlib.dll", Some("zlib1.dll")),
            ("libquite.dylib", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }

    #[test]
    fn a_very_long_name_is_not_compared() {
        let long = format!("libfoo{}.so", "o".repeat(LONGEST_COMPARED));
        assert_eq!(nearest("libfoo.so", [&*long]), None);
        assert_eq!(nearest(&long, ["libfoo.so"]), None);
    }

    #[test]
    fn every_option_that_matches_remembers_it() {
        let typed = ["libfoo*".to_owned(), "libfoo.so.1".to_owned(), "libbar".to_owned()];
        let rules = Rules::of_patterns("--exclude", &typed).unwrap();
        let first = rules.find("libfoo.so.1", &["libfoo.so.1"]);
        assert_eq!(first.as_deref(), Some("--exclude libfoo*"));
        assert_eq!(rules.find("libbar.so", &["libbar.so"]), None);
        let unmatched = rules.unmatched("matches nothing that is needed");
        assert_eq!(unmatched.len(), 1);
        assert_eq!(unmatched[0].option, "--exclude libbar");
        assert_eq!(unmatched[0].nearest.as_deref(), Some("libbar.so"));
        assert_eq!(
            unmatched[0].message,
            "`--exclude libbar` matches nothing that is needed; the nearest name is `libbar.so`"
        );
        let names = ["libbar".to_owned(), "libfoo.so.1".to_owned()].into();
        assert_eq!(rules.would_match("--exclude libbar", &names), ["libbar".to_owned()].into());
    }

    #[test]
    fn of_several_wheels_only_what_none_has_is_told() {
        let of = |option: &str, near: Option<&str>| Unmatched::new(option, "matches nothing", near);
        let one = [of("--exclude a", None), of("--exclude b", None)];
        let two = [of("--exclude b", Some("libb.so")), of("--exclude c", None)];
        assert_eq!(Unmatched::in_all([&one[..], &two]), [two[0].clone()]);
        assert_eq!(Unmatched::in_all([&one[..]]), one);
        assert_eq!(Unmatched::in_all([&one[..], &[]]), []);
    }
}
