//! `delocate-path`: the libraries that the files of a directory need.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use truewheel_repair::{DirectoryReport, Error, Options};

use super::{Common, Refusal, VERSION, Vendoring, parsed};
use crate::config::{self, Config, Job, Surroundings, Task};

/// Brings the libraries that the files of directories need into them.
#[derive(Debug, Parser)]
#[command(name = "delocate-path", version = VERSION, infer_long_args = true)]
#[command(after_help = "\
Files are edited in their places, when all of a directory's can be. Libraries are looked for in
DYLD_LIBRARY_PATH, REPAIR_LIBRARY_PATH and DYLD_FALLBACK_LIBRARY_PATH.")]
struct DelocatePath {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    vendoring: Vendoring,
    /// The directories
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Directory of libraries, from each PATH
    #[arg(short = 'L', long, value_name = "DIR", default_value = ".dylibs")]
    lib_path: PathBuf,
}

/// What is to be done to which directories.
#[derive(Debug)]
pub(crate) struct PathTask {
    pub(crate) jobs: Vec<Job<Options>>,
    pub(crate) libraries: PathBuf,
}

#[cfg(test)]
pub(super) fn command() -> clap::Command {
    <DelocatePath as clap::CommandFactory>::command()
}

pub(in crate::frontends) fn configure(words: Vec<OsString>) -> Result<Config, Refusal> {
    let typed: DelocatePath = parsed(words)?;
    let mut here = Surroundings::usual()?;
    let mut jobs = config::repair_jobs(typed.paths, &typed.vendoring.settings(), &mut here)?;
    jobs.iter_mut().for_each(|job| typed.vendoring.complete(&mut job.options));
    let task = PathTask { jobs, libraries: typed.lib_path };
    typed.common.config(here.warnings, Task::Path(task))
}

/// Edits one directory.
pub(crate) fn path(job: &Job<Options>, task: &PathTask) -> Result<DirectoryReport, Error> {
    truewheel_repair::repair_directory(&job.file, &task.libraries, &job.options)
}
