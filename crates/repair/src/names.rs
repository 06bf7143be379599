//! What the name of a wheel says before the wheel is opened, and patterns over such names.

use std::path::Path;

use truewheel_wheel::{PlatformTag, WheelFilename};

use crate::error::Result;
use crate::pattern;

/// The tags of a wheel, by its file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelName {
    /// The file name.
    pub name: String,
    /// Each whole tag, such as `cp312-cp312-manylinux_2_28_x86_64`.
    pub tags: Vec<String>,
    /// `linux`, `android`, `macos` or `windows`, where the platform tags are for one of them.
    pub system: Option<&'static str>,
}

impl WheelName {
    /// Reads the file name of `path`; `None` where it is not that of a wheel.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let filename: WheelFilename = name.parse().ok()?;
        let tags = filename.tags().iter().map(ToString::to_string).collect();
        let system = filename.platforms.iter().find_map(system);
        Some(Self { name: name.to_owned(), tags, system })
    }

    /// Whether one of `patterns` matches the file name or one of the tags.
    ///
    /// # Errors
    ///
    /// A pattern is none.
    pub fn is_selected(&self, patterns: &[String]) -> Result<bool> {
        let names: Vec<&str> = self.tags.iter().chain([&self.name]).map(String::as_str).collect();
        matches_any(patterns, &names)
    }
}

fn system(tag: &PlatformTag) -> Option<&'static str> {
    match tag {
        PlatformTag::Linux { .. }
        | PlatformTag::Manylinux { .. }
        | PlatformTag::ManylinuxAlias { .. }
        | PlatformTag::Musllinux { .. } => Some("linux"),
        PlatformTag::Android { .. } => Some("android"),
        PlatformTag::Macosx { .. } => Some("macos"),
        PlatformTag::Windows { .. } => Some("windows"),
        _ => None,
    }
}

/// Whether one of `patterns` matches one of `names`; `*` matches anything.
///
/// # Errors
///
/// A pattern is none.
pub fn matches_any(patterns: &[String], names: &[&str]) -> Result<bool> {
    let globs = pattern::globs(patterns)?;
    Ok(names.iter().any(|name| globs.is_match(name)))
}

/// The one of `names` that is most like `name`, if any is like it.
pub fn nearest_name<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    pattern::nearest(name, names)
}
