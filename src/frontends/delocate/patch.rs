//! `delocate-patch`: a text patch for the files of a wheel.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use truewheel_repair::{Error, Options, Report};

use super::wheel::directory_of;
use super::{Common, Refusal, VERSION, parsed};
use crate::cli::Settings;
use crate::config::{self, Config, Job, Surroundings, Task, UsageError};

/// Applies a patch to the files of a wheel.
#[derive(Debug, Parser)]
#[command(name = "delocate-patch", version = VERSION, infer_long_args = true)]
struct DelocatePatch {
    #[command(flatten)]
    common: Common,
    /// The wheel
    wheel: PathBuf,
    /// The patch, in the unified format, with names as `patch -p1` takes them
    patch: PathBuf,
    /// Directory for the patched wheel [default: it takes the place of its input]
    #[arg(short = 'w', long, value_name = "DIR")]
    wheel_dir: Option<PathBuf>,
}

/// What is to be patched.
#[derive(Debug)]
pub(crate) struct PatchTask {
    pub(crate) job: Job<Options>,
    pub(crate) patch: PathBuf,
}

#[cfg(test)]
pub(super) fn command() -> clap::Command {
    <DelocatePatch as clap::CommandFactory>::command()
}

pub(in crate::frontends) fn configure(words: Vec<OsString>) -> Result<Config, Refusal> {
    let typed: DelocatePatch = parsed(words)?;
    let mut here = Surroundings::usual()?;
    let mut settings = Settings::default();
    settings.repairing.wheel_dir = typed.wheel_dir.clone().map(config::from_home);
    let mut jobs = config::repair_jobs(vec![typed.wheel], &settings, &mut here)?;
    let (Some(mut job), true) = (jobs.pop(), jobs.is_empty()) else {
        return Err(UsageError("one wheel is patched at a time".to_owned()).into());
    };
    if typed.wheel_dir.is_none() {
        job.options.output = directory_of(&job.file);
        job.options.in_place = true;
    }
    let patch = config::from_home(typed.patch);
    typed.common.config(here.warnings, Task::Patch(Box::new(PatchTask { job, patch })))
}

/// Writes the patched wheel.
pub(crate) fn patch(task: &PatchTask) -> Result<Report, Error> {
    let PatchTask { job, patch } = task;
    truewheel_repair::apply_patch(&job.file, patch, &job.options)?.persist()
}
