//! Patterns of the command line: globs over names and paths.

use crate::error::{Error, Result};

/// Compiles patterns as `fnmatch` has them: `*` also matches `/`.
pub(crate) fn globs(patterns: &[String]) -> Result<globset::GlobSet> {
    let mut set = globset::GlobSetBuilder::new();
    for pattern in patterns {
        let glob = globset::Glob::new(pattern).map_err(|error| {
            Error::refused(format!("`{pattern}` is no pattern: {}", error.kind()))
        })?;
        set.add(glob);
    }
    set.build().map_err(|error| Error::refused(error.to_string()))
}
