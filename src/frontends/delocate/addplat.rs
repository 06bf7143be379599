//! `delocate-addplat`: more platform tags for a wheel.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use truewheel_repair::{Error, Options, PlatformTag};

use super::wheel::directory_of;
use super::{Common, Refusal, VERSION, parsed};
use crate::cli::Settings;
use crate::config::{self, Config, Job, Surroundings, Task, UsageError};

/// Adds platform tags to the names of wheels and to their WHEEL files.
#[derive(Debug, Parser)]
#[command(name = "delocate-addplat", version = VERSION, infer_long_args = true)]
struct DelocateAddplat {
    #[command(flatten)]
    common: Common,
    /// The wheels
    #[arg(value_name = "WHEEL", required = true)]
    wheels: Vec<PathBuf>,
    /// A platform tag to add
    #[arg(short = 'p', long, value_name = "TAG")]
    plat_tag: Vec<String>,
    /// A version of macOS, such as 10_9, whose tags for two kinds of CPU to add
    #[arg(short = 'x', long, value_name = "VERSION")]
    osx_ver: Vec<String>,
    /// What the tag for several CPUs says
    #[arg(short = 'd', long, value_name = "ARCH", default_value = "intel")]
    dual_arch_type: String,
    /// Directory for the wheels [default: that of each wheel]
    #[arg(short = 'w', long, value_name = "DIR")]
    wheel_dir: Option<PathBuf>,
    /// Write over a wheel that has the new name
    #[arg(short, long)]
    clobber: bool,
    /// Remove the wheel of the old name
    #[arg(short, long)]
    rm_orig: bool,
    /// Go on with the next wheel where one cannot have the tags
    #[arg(short = 'k', long)]
    skip_errors: bool,
}

/// What is to be added to which wheels.
#[derive(Debug)]
pub(crate) struct AddplatTask {
    pub(crate) jobs: Vec<Job<Options>>,
    pub(crate) tags: Vec<PlatformTag>,
    pub(crate) clobber: bool,
    pub(crate) remove: bool,
    pub(crate) skip_errors: bool,
}

#[cfg(test)]
pub(super) fn command() -> clap::Command {
    <DelocateAddplat as clap::CommandFactory>::command()
}

pub(in crate::frontends) fn configure(words: Vec<OsString>) -> Result<Config, Refusal> {
    let typed: DelocateAddplat = parsed(words)?;
    let mut names = typed.plat_tag.clone();
    for version in &typed.osx_ver {
        let version = version.replace('.', "_");
        let dual = &typed.dual_arch_type;
        names.extend([format!("macosx_{version}_{dual}"), format!("macosx_{version}_x86_64")]);
    }
    if names.is_empty() {
        return Err(UsageError("a tag is needed: `--osx-ver` or `--plat-tag`".to_owned()).into());
    }
    let tags = names.iter().map(|name| config::platform_tag(name)).collect();
    let mut here = Surroundings::usual()?;
    let mut settings = Settings::default();
    settings.repairing.wheel_dir = typed.wheel_dir.clone().map(config::from_home);
    let mut jobs = config::repair_jobs(typed.wheels, &settings, &mut here)?;
    for job in jobs.iter_mut().filter(|_| typed.wheel_dir.is_none()) {
        job.options.output = directory_of(&job.file);
    }
    let (clobber, remove, skip_errors) = (typed.clobber, typed.rm_orig, typed.skip_errors);
    let task = AddplatTask { jobs, tags, clobber, remove, skip_errors };
    typed.common.config(here.warnings, Task::Addplat(task))
}

/// Adds the tags to one wheel; its new path, or nothing where it has them.
pub(crate) fn addplat(job: &Job<Options>, task: &AddplatTask) -> Result<Option<PathBuf>, Error> {
    let prepared = truewheel_repair::add_platforms(&job.file, &task.tags, &job.options)?;
    if job.file.file_name().is_some_and(|name| name == prepared.output_name()) {
        return Ok(None);
    }
    if !task.clobber && job.options.output.join(prepared.output_name()).exists() {
        return Err(Error::taken(prepared.output_name(), "--clobber"));
    }
    let report = prepared.persist()?;
    if task.remove {
        std::fs::remove_file(&job.file).map_err(|error| Error::of_file(&job.file, error))?;
    }
    Ok(Some(report.output))
}
