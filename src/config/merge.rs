//! What `merge` will do.

use std::path::PathBuf;

use truewheel_repair::{MergeOptions, Options};

use super::{Result, Surroundings, UsageError, expand, layers, macos, sources, wrong};
use crate::cli;

/// Two wheels to be made one.
#[derive(Debug)]
pub(crate) struct MergeTask {
    pub(crate) wheels: [PathBuf; 2],
    pub(crate) options: MergeOptions,
    pub(crate) dry_run: bool,
    pub(crate) json: bool,
}

pub(super) fn merge(typed: cli::Merge, here: &Surroundings) -> Result<MergeTask> {
    let mut settings = cli::Settings::default();
    settings.repairing.zip_compression_level = typed.zip_compression_level;
    let told = layers::merge(&sources(&settings, here.project.as_ref(), None)?)?.settings.repairing;
    let options = MergeOptions {
        output: typed.wheel_dir,
        take_first: typed.take_first,
        take_second: typed.take_second,
        else_second: false,
        rounding: macos::rounding(typed.macos_round),
        compression_level: told
            .zip_compression_level
            .unwrap_or(Options::default().compression_level),
    };
    options.validate().map_err(wrong)?;
    let wheels = expand(typed.wheels)?;
    let count = wheels.len();
    let wheels = wheels
        .try_into()
        .map_err(|_| UsageError(format!("`merge` takes two different wheels, not {count}")))?;
    Ok(MergeTask { wheels, options, dry_run: typed.dry_run, json: typed.json })
}
