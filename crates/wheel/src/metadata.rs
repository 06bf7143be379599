//! METADATA: name, version and requirements of the project (PyPA, "Core metadata").
//!
//! The file has the form of a mail: headers, an empty line, and a long description, in which nothing is
//! looked for. All that is ever changed in it is the list of licence files.

use crate::error::{Error, ErrorKind, Result};

/// The headers of a METADATA file, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    headers: Vec<(String, String)>,
}

impl Metadata {
    /// Reads the headers.
    ///
    /// # Errors
    ///
    /// A line before the first empty one that is neither a header nor goes on with one; no `Name`
    /// or no `Version`.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut headers: Vec<(String, String)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t'])
                && let Some((_, value)) = headers.last_mut()
            {
                value.push('\n');
                value.push_str(line);
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| no_header(index + 1))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let metadata = Self { headers };
        for name in ["Name", "Version"] {
            if metadata.all(name).next().is_none_or(str::is_empty) {
                return Err(Error::zip(format!("METADATA has no `{name}`")));
            }
        }
        Ok(metadata)
    }

    /// `Name`
    #[must_use]
    pub fn name(&self) -> &str {
        self.all("Name").next().unwrap_or("")
    }

    /// `Version`
    #[must_use]
    pub fn version(&self) -> &str {
        self.all("Version").next().unwrap_or("")
    }

    /// Every `Requires-Dist`, as it stands.
    pub fn requires_dist(&self) -> impl Iterator<Item = &str> {
        self.all("Requires-Dist")
    }

    /// `Metadata-Version` as numbers, such as (2, 4); `None` if it is not two.
    #[must_use]
    pub fn metadata_version(&self) -> Option<(u32, u32)> {
        let (major, minor) = self.all("Metadata-Version").next()?.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    /// Every value of a header. Names are compared without case, as in mail.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |header: &&(String, String)| header.0.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| &**value)
    }
}

/// `text` with a `License-File` for each of `files` that it does not have, behind those it has or, if
/// there is none, behind all headers. Every other byte stays.
///
/// # Errors
///
/// As [`Metadata::parse`].
pub fn with_license_files(text: &str, files: &[String]) -> Result<String> {
    let metadata = Metadata::parse(text)?;
    let known: Vec<&str> = metadata.all("License-File").collect();
    let new = files.iter().filter(|file| !known.contains(&file.as_str()));
    let first = text.split_inclusive('\n').next().unwrap_or_default();
    let ending = if first.ends_with("\r\n") { "\r\n" } else { "\n" };
    let lines: String = new.map(|file| format!("License-File: {file}{ending}")).collect();
    let (mut at, mut place, mut in_list) = (0, None, false);
    for line in text.split_inclusive('\n') {
        if line.trim_end_matches(['\r', '\n']).is_empty() {
            break;
        }
        at += line.len();
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or_default();
            in_list = name.trim().eq_ignore_ascii_case("License-File");
        }
        if in_list {
            place = Some(at);
        }
    }
    let (before, after) = text.split_at(place.unwrap_or(at));
    // A file of headers alone may lack the last line feed.
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { ending };
    Ok(format!("{before}{gap}{lines}{after}"))
}

fn no_header(line: usize) -> Error {
    ErrorKind::Line { line, what: "not a header, it should be `Name: value`".to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_up_to_the_empty_line() {
        let text = "Metadata-Version: 2.1\r\nName: demo\r\nversion:1.0\r\nLicense: a\r\n  b: c\r\n\
                    Requires-Dist: numpy (>=1)\r\nRequires-Dist: x\r\n\r\nName: other\r\nno header";
        let metadata = Metadata::parse(text).unwrap();
        assert_eq!((metadata.name(), metadata.version()), ("demo", "1.0"));
        assert_eq!(metadata.requires_dist().collect::<Vec<_>>(), ["numpy (>=1)", "x"]);
        assert_eq!(metadata.all("license").next(), Some("a\n  b: c"));
    }

    #[test]
    fn metadata_without_name_or_version_is_refused() {
        let message = |text| Metadata::parse(text).unwrap_err().to_string();
        assert_eq!(message("Version: 1\n"), "METADATA has no `Name`");
        assert_eq!(message("Name: a\nVersion:\n\n"), "METADATA has no `Version`");
        assert_eq!(message("Name: a\nb\n"), "line 2: not a header, it should be `Name: value`");
        assert_eq!(message("  a\n"), "line 1: not a header, it should be `Name: value`");
    }

    #[test]
    fn licence_files_stand_behind_those_that_are_there() {
        for (text, expected) in [
            ("Name: a\nVersion: 1\n\nb\n", "Name: a\nVersion: 1\nLicense-File: b/c\n\nb\n"),
            ("Name: a\nVersion: 1", "Name: a\nVersion: 1\nLicense-File: b/c\n"),
            (
                "Name: a\r\nlicense-file: x\r\nVersion: 1\r\n\r\nLicense-File: no\r\n",
                "Name: a\r\nlicense-file: x\r\nLicense-File: b/c\r\nVersion: 1\r\n\r\n\
                 License-File: no\r\n",
            ),
            (
                "Name: a\nVersion: 1\nLicense-File: b/c\n",
                "Name: a\nVersion: 1\nLicense-File: b/c\n",
            ),
        ] {
            assert_eq!(with_license_files(text, &["b/c".to_owned()]).unwrap(), expected);
        }
    }

    #[test]
    fn a_metadata_version_is_two_numbers() {
        let version = |text: &str| {
            let text = format!("Metadata-Version: {text}\nName: a\nVersion: 1\n");
            Metadata::parse(&text).unwrap().metadata_version()
        };
        assert_eq!((version("2.4"), version("2.10")), (Some((2, 4)), Some((2, 10))));
        assert_eq!(version("new"), None);
    }
}
