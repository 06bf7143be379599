//! Versions of macOS, and which of them a tag can say.
//!
//! Up to 10.15 each minor version has a tag of its own. From 11 on installers know only those with minor 0
//! (`packaging.tags.mac_platforms`): a machine with 12.3 takes `macosx_12_0` and no `macosx_12_3`, and so does one
//! with 12.0. What needs 12.3 is honestly called 13.0.

use std::fmt;
use std::str::FromStr;

/// A version of macOS as tags name it: patch releases fix faults and add no interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacosVersion {
    /// The year's release from 11 on; 10 before.
    pub major: u32,
    /// The release up to 10.15; an update within the year from 11 on.
    pub minor: u32,
}

/// What becomes of a version from 11 on that no tag can say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// 12.3 is called 13.0: no machine gets a wheel that does not run there.
    #[default]
    Up,
    /// 12.3 is called 12.0, and on machines with 12.0 to 12.2 the wheel installs and may not load.
    Down,
}

/// No Mac with Apple's own processor has an older system.
pub(crate) const ARM64_FLOOR: MacosVersion = MacosVersion::new(11, 0);

impl MacosVersion {
    /// The version `major.minor`; 10.16 is what 11.0 calls itself to programs built before it.
    pub const fn new(major: u32, minor: u32) -> Self {
        match (major, minor) {
            (10, 16..) => Self { major: 11, minor: 0 },
            _ => Self { major, minor },
        }
    }

    /// Whether installers know a tag of this version.
    pub(crate) fn has_tag(self) -> bool {
        self.major < 11 || self.minor == 0
    }

    /// The version that a tag says for this one.
    pub(crate) fn rounded(self, rounding: Rounding) -> Self {
        match rounding {
            _ if self.has_tag() => self,
            Rounding::Up => Self::new(self.major.saturating_add(1), 0),
            Rounding::Down => Self::new(self.major, 0),
        }
    }

    /// The version, or the oldest that runs on `architecture` if that is newer.
    pub(crate) fn floored(self, architecture: &str) -> Self {
        if architecture.starts_with("arm64") { self.max(ARM64_FLOOR) } else { self }
    }
}

impl fmt::Display for MacosVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for MacosVersion {
    type Err = String;

    /// Takes `11`, `10.13` and `12.3.1`, as `MACOSX_DEPLOYMENT_TARGET` is written.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no version of macOS, such as 10.13 or 11.0");
        let parts: Vec<u32> = text
            .trim()
            .split('.')
            .map(|part| match part.bytes().all(|byte| byte.is_ascii_digit()) {
                true => part.parse().map_err(|_| wrong()),
                false => Err(wrong()),
            })
            .collect::<Result<_, _>>()?;
        match *parts.as_slice() {
            [major] if major >= 10 => Ok(Self::new(major, 0)),
            [major, minor] | [major, minor, _] if major >= 10 => Ok(Self::new(major, minor)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> MacosVersion {
        text.parse().unwrap()
    }

    #[test]
    fn from_11_on_a_tag_says_only_whole_versions() {
        for (needs, up, down) in [
            ("10.9", "10.9", "10.9"),
            ("10.15.7", "10.15", "10.15"),
            ("10.16", "11.0", "11.0"),
            ("11", "11.0", "11.0"),
            ("12.0.1", "12.0", "12.0"),
            ("12.3", "13.0", "12.0"),
            ("15.4", "16.0", "15.0"),
        ] {
            assert_eq!(version(needs).rounded(Rounding::Up).to_string(), up);
            assert_eq!(version(needs).rounded(Rounding::Down).to_string(), down);
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "x", "9.0", "11.", "11.0.0.0", "+11", "11 .0", "99999999999"] {
            let error = text.parse::<MacosVersion>().unwrap_err();
            assert_eq!(error, format!("`{text}` is no version of macOS, such as 10.13 or 11.0"));
        }
    }
}
