//! Tags `python-abi-platform` and compressed tag sets (PEP 425).
//!
//! In a file name and, against the specification but often, in WHEEL, each of the three parts may
//! be a set joined by dots: `py2.py3-none-any` stands for `py2-none-any` and `py3-none-any`.

use crate::error::{Error, ErrorKind, Result};
use crate::platform::PlatformTag;
use std::fmt;
use std::str::FromStr;

/// More tags than this from one compressed set is an attack: real wheels have under 100, and the
/// product of three sets grows with the third power of the text.
const MAX_TAGS: usize = 10_000;

/// One tag: which Python, which ABI, which platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    /// For example `cp312`.
    pub python: String,
    /// For example `cp312`, `abi3` or `none`.
    pub abi: String,
    /// For example `linux_x86_64`.
    pub platform: PlatformTag,
}

impl Tag {
    /// Every tag of a compressed set, in the order in which the text lists them: platforms change
    /// fastest, Pythons slowest.
    ///
    /// # Errors
    ///
    /// `text` does not have three parts of non-empty tags, or stands for more than 10,000 tags.
    pub fn expand(text: &str) -> Result<Vec<Self>> {
        let [python, abi, platforms] = parts(text)?;
        product(text, &python, &abi, &platforms)
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut tags = Self::expand(text)?;
        match (tags.pop(), tags.is_empty()) {
            (Some(tag), true) => Ok(tag),
            _ => Err(error(text, "a set, not one tag")),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

/// All combinations; `text` is for the error only.
pub(crate) fn product<S: AsRef<str>, P: ToString>(
    text: &str,
    pythons: &[S],
    abis: &[S],
    platforms: &[P],
) -> Result<Vec<Tag>> {
    let len = pythons
        .len()
        .checked_mul(abis.len())
        .and_then(|len| len.checked_mul(platforms.len()))
        .filter(|len| *len <= MAX_TAGS)
        .ok_or_else(|| error(text, "it stands for more than 10,000 tags"))?;
    let mut tags = Vec::with_capacity(len);
    for python in pythons {
        for abi in abis {
            tags.extend(platforms.iter().map(|platform| Tag {
                python: python.as_ref().to_owned(),
                abi: abi.as_ref().to_owned(),
                platform: PlatformTag::from(&*platform.to_string()),
            }));
        }
    }
    Ok(tags)
}

/// The members of a set joined by dots, or what is wrong with them.
pub(crate) fn set(text: &str) -> std::result::Result<Vec<String>, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split('.')
        .map(|tag| match tag {
            "" => Err("a part of its tag is empty"),
            _ if !tag.chars().all(plain) => {
                Err("its tag has a character other than letters, digits and `_`")
            }
            _ => Ok(tag.to_owned()),
        })
        .collect()
}

fn parts(text: &str) -> Result<[Vec<String>; 3]> {
    let mut parts = text.split('-');
    let (Some(python), Some(abi), Some(platform), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(error(text, "it should have three parts, `python-abi-platform`"));
    };
    let set = |part| set(part).map_err(|reason| error(text, reason));
    Ok([set(python)?, set(abi)?, set(platform)?])
}

fn error(text: &str, reason: &'static str) -> Error {
    ErrorKind::Tag { text: text.to_owned(), reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_set_stands_for_every_combination() {
        let tags = Tag::expand("py2.py3-none-manylinux1_x86_64.any").unwrap();
        let text: Vec<String> = tags.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "py2-none-manylinux1_x86_64",
                "py2-none-any",
                "py3-none-manylinux1_x86_64",
                "py3-none-any"
            ]
        );
    }

    #[test]
    fn one_tag_goes_in_and_out() {
        let tag: Tag = "cp312-cp312-linux_x86_64".parse().unwrap();
        assert_eq!(tag.platform, PlatformTag::Linux { arch: "x86_64".into() });
        assert_eq!(tag.to_string(), "cp312-cp312-linux_x86_64");
    }

    #[test]
    fn what_is_no_tag_is_refused_with_its_reason() {
        for (text, message) in [
            (
                "py3-none",
                "`py3-none` is not a tag: it should have three parts, `python-abi-platform`",
            ),
            (
                "py3-none-any-x",
                "`py3-none-any-x` is not a tag: it should have three parts, `python-abi-platform`",
            ),
            ("py3--any", "`py3--any` is not a tag: a part of its tag is empty"),
            (
                "py3-none-a b",
                "`py3-none-a b` is not a tag: its tag has a character other than letters, digits and `_`",
            ),
            ("py2.py3-none-any", "`py2.py3-none-any` is not a tag: a set, not one tag"),
        ] {
            assert_eq!(text.parse::<Tag>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_set_of_a_million_tags_is_refused() {
        let part = vec!["a"; 100].join(".");
        let error = Tag::expand(&format!("{part}-{part}-{part}")).unwrap_err();
        assert!(error.to_string().ends_with("it stands for more than 10,000 tags"));
    }
}
