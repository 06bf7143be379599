//! What `merge` will do.

use std::path::PathBuf;

use truewheel_repair::MergeOptions;

use super::{Result, UsageError, expand, given, level, macos, wrong};
use crate::cli;

/// Two wheels to be made one.
#[derive(Debug)]
pub(crate) struct MergeTask {
    pub(crate) wheels: [PathBuf; 2],
    pub(crate) options: MergeOptions,
    pub(crate) dry_run: bool,
    pub(crate) json: bool,
}

pub(super) fn merge(typed: cli::Merge) -> Result<MergeTask> {
    let options = MergeOptions {
        output: typed.wheel_dir,
        take_first: given(typed.take_first),
        take_second: given(typed.take_second),
        rounding: macos::rounding(typed.macos_round),
        compression_level: level(typed.zip_compression_level)?,
    };
    options.validate().map_err(wrong)?;
    let wheels = expand(typed.wheels)?;
    let count = wheels.len();
    let wheels = wheels
        .try_into()
        .map_err(|_| UsageError(format!("`merge` takes two different wheels, not {count}")))?;
    Ok(MergeTask { wheels, options, dry_run: typed.dry_run, json: typed.json })
}
