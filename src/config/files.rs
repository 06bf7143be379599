//! Files and directories that were named, as absolute paths; patterns as what they match.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Result, UsageError, split, wrong};

/// cmd.exe hands patterns over as they are; so does a quoted argument elsewhere.
pub(super) fn expand(wheels: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let mut expanded: Vec<PathBuf> = Vec::new();
    for wheel in wheels {
        let text = wheel.to_string_lossy().into_owned();
        if wheel.exists() || !text.contains(['*', '?', '[']) {
            expanded.push(wheel);
            continue;
        }
        let found = truewheel_repair::expand_pattern(&wheel).map_err(wrong)?;
        if found.is_empty() {
            return Err(UsageError(format!("no file matches `{text}`")));
        }
        expanded.extend(found);
    }
    // One file is one wheel, also under `./demo.whl`; under another file name it is another wheel.
    let mut seen = BTreeSet::new();
    expanded.retain(|wheel| {
        let real = std::fs::canonicalize(wheel).unwrap_or_else(|_| wheel.clone());
        seen.insert((real, wheel.file_name().map(ToOwned::to_owned)))
    });
    Ok(expanded)
}

/// The absolute directories of one value; a file cannot be meant.
pub(super) fn directories(option: &str, value: &str) -> Result<Vec<PathBuf>> {
    split(value.as_ref())
        .into_iter()
        .map(|path| match path.is_file() {
            true => Err(UsageError(format!(
                "`{option} {}` is a file, it should be a directory",
                path.display()
            ))),
            false => absolute(&path),
        })
        .collect()
}

pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| UsageError(format!("`{}` is no directory: {error}", path.display())))
}

pub(super) fn existing_directory(path: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(path)
        .ok()
        .filter(|path| path.is_dir())
        .ok_or_else(|| UsageError(format!("there is no directory `{}`", path.display())))
}
