//! METADATA: name, version and requirements of the project (PyPA, "Core metadata").
//!
//! Only read, never written. The file has the form of a mail: headers, an empty line, and a long
//! description, in which nothing is looked for.

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

    /// Every value of a header. Names are compared without case, as in mail.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |header: &&(String, String)| header.0.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| &**value)
    }
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
}
