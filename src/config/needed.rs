//! What `replace-needed` will do.

use std::ffi::OsString;
use std::path::PathBuf;

use truewheel_repair::NameChanges;

use super::{Result, wrong};
use crate::cli;

/// New names for DLLs that one file imports.
#[derive(Debug)]
pub(crate) struct ReplaceNeededTask {
    pub(crate) file: PathBuf,
    pub(crate) output: PathBuf,
    pub(crate) changes: NameChanges,
}

pub(super) fn replace_needed(typed: cli::ReplaceNeeded) -> Result<ReplaceNeededTask> {
    let (pairs, _) = typed.change.as_chunks();
    let changes = NameChanges::new(pairs).map_err(wrong)?;
    let output = typed.output.unwrap_or_else(|| typed.file.clone());
    Ok(ReplaceNeededTask { file: typed.file, output, changes })
}

/// delvewheel spells the option as install_name_tool does, with one dash.
pub(super) fn with_two_dashes(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let words: Vec<OsString> = words.collect();
    let is_it = words.iter().skip(1).any(|word| word == "replace-needed");
    let spelled =
        |word: OsString| if is_it && word == "-change" { "--change".into() } else { word };
    words.into_iter().map(spelled).collect()
}
