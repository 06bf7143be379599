//! The WHEEL file: which tags the wheel has, and whether it goes to purelib.
//!
//! Headers as in mail (PyPA, "Binary distribution format"). It is changed by line: headers nobody
//! here knows, their order and the line ends stay, and a change that changes nothing leaves every
//! byte.

use crate::error::{Error, ErrorKind, Result};
use crate::tag::Tag;
use std::collections::BTreeSet;
use std::fmt;

const ROOT_IS_PURELIB: &str = "Root-Is-Purelib";
const TAG: &str = "Tag";

/// The text of a WHEEL file, by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelFile {
    /// Each with its line end.
    lines: Vec<String>,
}

impl WheelFile {
    /// Takes the text of the file.
    ///
    /// # Errors
    ///
    /// A line that is not `Name: value`, or no `Wheel-Version`.
    pub fn parse(text: &str) -> Result<Self> {
        let file = Self { lines: text.split_inclusive('\n').map(ToOwned::to_owned).collect() };
        for (index, line) in file.lines.iter().enumerate() {
            let plain = line.trim_start_matches('\u{feff}');
            let other = plain.trim().is_empty() || plain.starts_with([' ', '\t']);
            if !other && !plain.contains(':') {
                let what = "not a header, it should be `Name: value`".to_owned();
                return Err(ErrorKind::Line { line: index + 1, what }.into());
            }
        }
        if file.wheel_version().is_none() {
            return Err(Error::zip("WHEEL has no `Wheel-Version` such as `1.0`"));
        }
        Ok(file)
    }

    /// `Wheel-Version`, major and minor. Installers must refuse a major version they do not know.
    #[must_use]
    pub fn wheel_version(&self) -> Option<(u32, u32)> {
        let (major, minor) = self.values("Wheel-Version").next()?.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    /// Every `Tag`, compressed sets expanded.
    ///
    /// # Errors
    ///
    /// A value that is not a tag.
    pub fn tags(&self) -> Result<Vec<Tag>> {
        let mut tags = Vec::new();
        for value in self.values(TAG) {
            tags.extend(Tag::expand(value)?);
        }
        Ok(tags)
    }

    /// `Root-Is-Purelib`, the first if there are several; `None` if it is neither true nor false.
    #[must_use]
    pub fn root_is_purelib(&self) -> Option<bool> {
        bool_of(self.values(ROOT_IS_PURELIB).next()?)
    }

    /// How many lines `Root-Is-Purelib` there are: there should be one.
    #[must_use]
    pub fn root_is_purelib_count(&self) -> usize {
        self.values(ROOT_IS_PURELIB).count()
    }

    /// Makes `tags` the tags, one line each, where the first tag stood. The same tags in another
    /// order, or as a compressed set, change nothing.
    pub fn set_tags(&mut self, tags: &[Tag]) {
        let old: Option<BTreeSet<Tag>> = self.tags().ok().map(|tags| tags.into_iter().collect());
        if old.is_some_and(|old| old == tags.iter().cloned().collect()) {
            return;
        }
        self.replace(TAG, tags.iter().map(ToString::to_string).collect());
    }

    /// Makes `value` the only `Root-Is-Purelib`, where the first stood.
    pub fn set_root_is_purelib(&mut self, value: bool) {
        if self.root_is_purelib() == Some(value) && self.root_is_purelib_count() == 1 {
            return;
        }
        self.replace(ROOT_IS_PURELIB, vec![value.to_string()]);
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers().filter_map(move |line| value_of(line, name))
    }

    /// The lines before the first empty one.
    fn headers(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str).take_while(|line| !line.trim().is_empty())
    }

    /// Puts lines `name: value` in the place of the first such line, or behind the last header.
    fn replace(&mut self, name: &str, values: Vec<String>) {
        let end = self.headers().count();
        let first = self.headers().position(|line| value_of(line, name).is_some());
        let line_end =
            if self.lines.iter().any(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
        let body = self.lines.split_off(end);
        let at = first.unwrap_or(end);
        // Only the file's last line can lack its end; something now follows it.
        for line in self.lines.iter_mut().filter(|line| !line.ends_with('\n')) {
            line.push_str(line_end);
        }
        let new = values.into_iter().map(|value| format!("{name}: {value}{line_end}"));
        let after = self.lines.split_off(at);
        let after = after.into_iter().filter(|line| value_of(line, name).is_none());
        self.lines.extend(new.chain(after).chain(body));
    }
}

impl fmt::Display for WheelFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| f.write_str(line))
    }
}

fn value_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = line.trim_start_matches('\u{feff}').split_once(':')?;
    found.trim_end().eq_ignore_ascii_case(name).then(|| value.trim())
}

fn bool_of(text: &str) -> Option<bool> {
    match &*text.to_ascii_lowercase() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Wheel-Version: 1.0\r\nGenerator: x (1.2)\r\nRoot-Is-Purelib: False\r\n\
                        Tag: cp312-cp312-linux_x86_64\r\nTag: py2.py3-none-any\r\nBuild: 1\r\n\r\n";

    fn tags(text: &[&str]) -> Vec<Tag> {
        text.iter().map(|tag| tag.parse().unwrap()).collect()
    }

    #[test]
    fn fields_are_read() {
        let file = WheelFile::parse(TEXT).unwrap();
        assert_eq!(file.wheel_version(), Some((1, 0)));
        assert_eq!(file.root_is_purelib(), Some(false));
        let expected = tags(&["cp312-cp312-linux_x86_64", "py2-none-any", "py3-none-any"]);
        assert_eq!(file.tags().unwrap(), expected);
    }

    #[test]
    fn no_change_no_byte() {
        let mut file = WheelFile::parse(TEXT).unwrap();
        file.set_tags(&tags(&["py3-none-any", "py2-none-any", "cp312-cp312-linux_x86_64"]));
        file.set_root_is_purelib(false);
        assert_eq!(file.to_string(), TEXT);
    }

    #[test]
    fn only_the_lines_of_the_change_change() {
        let mut file = WheelFile::parse(TEXT).unwrap();
        file.set_tags(&tags(&["cp312-cp312-manylinux_2_17_x86_64", "py3-none-any"]));
        file.set_root_is_purelib(true);
        assert_eq!(
            file.to_string(),
            "Wheel-Version: 1.0\r\nGenerator: x (1.2)\r\nRoot-Is-Purelib: true\r\n\
             Tag: cp312-cp312-manylinux_2_17_x86_64\r\nTag: py3-none-any\r\nBuild: 1\r\n\r\n"
        );
    }

    #[test]
    fn root_is_purelib_is_there_once_afterwards() {
        for (before, after) in [
            ("Wheel-Version: 1.0", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"),
            ("Wheel-Version: 1.0\nroot-is-purelib: true\nX: y\nRoot-Is-Purelib: false\n\nZ", ""),
        ] {
            let Ok(mut file) = WheelFile::parse(before) else {
                assert!(after.is_empty());
                continue;
            };
            file.set_root_is_purelib(false);
            assert_eq!(file.to_string(), after);
        }
        let mut file = WheelFile::parse(
            "Wheel-Version: 1.0\nroot-is-purelib: false\nX: y\nRoot-Is-Purelib: false\n\n",
        )
        .unwrap();
        file.set_root_is_purelib(false);
        assert_eq!(file.to_string(), "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nX: y\n\n");
    }

    #[test]
    fn a_file_that_is_no_wheel_file_is_refused() {
        let message = |text| WheelFile::parse(text).unwrap_err().to_string();
        assert_eq!(message(""), "WHEEL has no `Wheel-Version` such as `1.0`");
        assert_eq!(
            message("Wheel-Version: 1.0\nTag\n"),
            "line 2: not a header, it should be `Name: value`"
        );
    }
}
