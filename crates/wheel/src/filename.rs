//! The file name of a wheel: `name-version(-build)?-python-abi-platform.whl`.
//!
//! PyPA, "Binary distribution format", "File name convention". The name is the only thing an
//! installer reads before it chooses a wheel, so it is printed exactly as it was read.

use crate::error::{Error, ErrorKind, Result};
use crate::platform::PlatformTag;
use crate::tag::{self, Tag};
use std::fmt;
use std::str::FromStr;

/// The parts of a wheel's file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WheelFilename {
    /// The project's name as the file spells it, for example `scipy_openblas64`.
    pub distribution: String,
    /// The version as the file spells it.
    pub version: String,
    /// The build number: begins with a digit.
    pub build: Option<String>,
    /// At least one.
    pub python: Vec<String>,
    /// At least one.
    pub abi: Vec<String>,
    /// At least one.
    pub platforms: Vec<PlatformTag>,
}

impl WheelFilename {
    /// Every tag the name stands for, platforms changing fastest. Empty if the name, against the
    /// rules, stands for more than 10,000; [`FromStr`] refuses such names.
    #[must_use]
    pub fn tags(&self) -> Vec<Tag> {
        tag::product("", &self.python, &self.abi, &self.platforms).unwrap_or_default()
    }

    /// The same name with other platform tags.
    #[must_use]
    pub fn with_platforms(&self, platforms: Vec<PlatformTag>) -> Self {
        Self { platforms, ..self.clone() }
    }
}

impl FromStr for WheelFilename {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let error = |reason| Error::new(ErrorKind::Filename { name: name.to_owned(), reason });
        let stem = name.strip_suffix(".whl").ok_or_else(|| error("it should end in `.whl`"))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (distribution, version, build, tags) = match *parts.as_slice() {
            [name, version, ref tags @ ..] if tags.len() == 3 => (name, version, None, tags),
            [name, version, build, ref tags @ ..] if tags.len() == 3 => {
                (name, version, Some(build), tags)
            }
            _ => return Err(error("it should have 5 parts, or 6 with a build number")),
        };
        check(distribution, version, build).map_err(error)?;
        let [python, abi, platform] = tags else { return Err(error("it has no tags")) };
        let platforms = tag::set(platform).map_err(error)?;
        let filename = Self {
            distribution: distribution.to_owned(),
            version: version.to_owned(),
            build: build.map(ToOwned::to_owned),
            python: tag::set(python).map_err(error)?,
            abi: tag::set(abi).map_err(error)?,
            platforms: platforms.iter().map(|text| PlatformTag::from(&**text)).collect(),
        };
        if filename.tags().is_empty() {
            return Err(error("it stands for more than 10,000 tags"));
        }
        Ok(filename)
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.distribution, self.version)?;
        if let Some(build) = &self.build {
            write!(f, "-{build}")?;
        }
        let platforms: Vec<String> = self.platforms.iter().map(ToString::to_string).collect();
        let (python, abi) = (self.python.join("."), self.abi.join("."));
        write!(f, "-{python}-{abi}-{}.whl", platforms.join("."))
    }
}

/// The name as projects are compared (PEP 503): lower case, each run of `-`, `_` and `.` one `-`.
#[must_use]
pub fn normalize_name(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// A spelling of `version` that is equal for versions that PEP 440 calls equal.
///
/// Separators do not count, nor does case, a leading `v`, leading zeros of numbers or `.0` at the
/// end of the release; `alpha`, `preview`, `rev` and the like have their short names, and a
/// missing number is 0. Two versions that differ may be given the same text only by their
/// separators (`1.0-1` and `1.0.1`), which is near enough for asking if a directory is the
/// right one.
#[must_use]
pub fn normalize_version(version: &str) -> String {
    let lower = version.trim().to_lowercase();
    let text = lower.strip_prefix('v').unwrap_or(&lower);
    let (epoch, rest) = text.split_once('!').unwrap_or(("0", text));
    let (public, local) = rest.split_once('+').unwrap_or((rest, ""));

    let mut words = words(public);
    let release = words.iter().position(|word| !is_number(word)).unwrap_or(words.len());
    let zeros = words.iter().take(release).rev().take_while(|word| *word == "0").count();
    words.drain(release - zeros..release);

    let mut normal = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let number_follows = words.peek().is_some_and(|next| is_number(next));
        let needs_number = !is_number(&word) && !number_follows;
        normal.push(word);
        if needs_number {
            normal.push("0".to_owned());
        }
    }
    let epoch = epoch.trim_start_matches('0');
    let local = self::words(local).join(".");
    format!("{epoch}!{}+{local}", normal.join("."))
}

/// Runs of digits and runs of letters, under their short names.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in text.chars() {
        if c.is_alphanumeric() {
            let continues = last.is_alphanumeric() && last.is_numeric() == c.is_numeric();
            match words.last_mut().filter(|_| continues) {
                Some(word) => word.push(c),
                None => words.push(c.to_string()),
            }
        }
        last = c;
    }
    words.into_iter().map(short).collect()
}

fn short(word: String) -> String {
    match &*word {
        "alpha" => "a".into(),
        "beta" => "b".into(),
        "c" | "pre" | "preview" => "rc".into(),
        "r" | "rev" => "post".into(),
        _ if is_number(&word) => match word.trim_start_matches('0') {
            "" => "0".into(),
            digits => digits.to_owned(),
        },
        _ => word,
    }
}

fn is_number(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_digit())
}

fn check(
    distribution: &str,
    version: &str,
    build: Option<&str>,
) -> std::result::Result<(), &'static str> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    if distribution.is_empty() || !distribution.chars().all(plain) {
        return Err("the project's name should be letters, digits, `_` and `.`");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '!');
    if version.is_empty() || !version.chars().all(plain) {
        return Err("the version should be letters, digits, `_`, `.`, `+` and `!`");
    }
    match build {
        Some(build) if !build.starts_with(|c: char| c.is_ascii_digit()) => {
            Err("the build number should begin with a digit")
        }
        Some(build) if !build.chars().all(plain) => {
            Err("the build number should be letters, digits, `_` and `.`")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printed_as_they_were_read() {
        for name in [
            "numpy-2.4.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            "torch-2.9.1+cpu-cp314-cp314t-win_arm64.whl",
            "demo-1!2.0.post1-1abc-py2.py3-none-any.whl",
            "ruamel.yaml-0.18-py3-none-any.whl",
            "d-1-cp39-abi3-macosx_10_12_x86_64.macosx_11_0_arm64.macosx_10_12_universal2.whl",
            "x-1-py3-none-Strange_Tag.whl",
        ] {
            assert_eq!(name.parse::<WheelFilename>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn parts_have_their_places() {
        let name: WheelFilename = "demo-1.0-2x-py2.py3-none-linux_i686.whl".parse().unwrap();
        assert_eq!((&*name.distribution, &*name.version), ("demo", "1.0"));
        assert_eq!(name.build.as_deref(), Some("2x"));
        assert_eq!(name.python, ["py2", "py3"]);
        assert_eq!(name.tags().len(), 2);
        let other = name.with_platforms(vec!["any".into()]);
        assert_eq!(other.to_string(), "demo-1.0-2x-py2.py3-none-any.whl");
    }

    #[test]
    fn what_is_no_wheel_is_refused_with_its_reason() {
        for (name, reason) in [
            ("demo-1.0.tar.gz", "it should end in `.whl`"),
            ("demo-1.0-py3-none.whl", "it should have 5 parts, or 6 with a build number"),
            ("a-b-c-d-e-f-g.whl", "it should have 5 parts, or 6 with a build number"),
            ("demo-1.0-x1-py3-none-any.whl", "the build number should begin with a digit"),
            ("-1.0-py3-none-any.whl", "the project's name should be letters, digits, `_` and `.`"),
            (
                "../a-1.0-py3-none-any.whl",
                "the project's name should be letters, digits, `_` and `.`",
            ),
            (
                "a-1/0-py3-none-any.whl",
                "the version should be letters, digits, `_`, `.`, `+` and `!`",
            ),
            (
                "demo-1.0-py3-none-any (1).whl",
                "its tag has a character other than letters, digits and `_`",
            ),
            ("demo-1.0-py3..py2-none-any.whl", "a part of its tag is empty"),
        ] {
            let error = name.parse::<WheelFilename>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{name}` is not the name of a wheel: {reason}"));
        }
    }

    #[test]
    fn equal_names_and_versions_have_one_normal_form() {
        assert_eq!(normalize_name("Foo__Bar.-baz"), normalize_name("foo-bar_baz"));
        for (left, right) in [
            ("1.0", "1"),
            ("1.0.0", "v1.00"),
            ("1.0alpha1", "1.0.A.1"),
            ("1.0rc", "1.0c0"),
            ("1.0.post", "1.0-rev0"),
            ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
            ("0!1.0", "1.0"),
            ("1.0.dev03", "1.0_dev3"),
        ] {
            assert_eq!(normalize_version(left), normalize_version(right), "{left} {right}");
        }
        for (left, right) in
            [("1.0", "1.0.1"), ("1.0a1", "1.0b1"), ("1!1.0", "1.0"), ("1.0+a", "1.0"), ("10", "1")]
        {
            assert_ne!(normalize_version(left), normalize_version(right), "{left} {right}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_name_that_is_taken_is_printed_as_it_was(name in "[a-z0-9._+-]{1,30}[.]whl") {
            if let Ok(filename) = name.parse::<WheelFilename>() {
                proptest::prop_assert_eq!(filename.to_string(), name);
            }
        }

        #[test]
        fn any_version_has_a_normal_form(version in "\\PC{0,20}") {
            let normal = normalize_version(&version);
            proptest::prop_assert_eq!(normalize_version(&format!(" {version} ")), normal);
        }
    }
}
