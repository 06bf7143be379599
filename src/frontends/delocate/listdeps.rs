//! `delocate-listdeps`: the libraries behind wheels and directories, as a sorted list.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Parser;
use truewheel_repair::{Error, Options, Status, Tree, plain};

use super::{Common, Refusal, VERSION, parsed};
use crate::cli::Settings;
use crate::config::{self, Config, Job, Surroundings, Task};

/// Lists the libraries that wheels or directories need.
#[derive(Debug, Parser)]
#[command(name = "delocate-listdeps", version = VERSION, infer_long_args = true)]
struct DelocateListdeps {
    #[command(flatten)]
    common: Common,
    /// The wheels or directories
    #[arg(value_name = "WHEEL_OR_PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Also those of macOS itself
    #[arg(short, long)]
    all: bool,
    /// Who needs each of them
    #[arg(short, long)]
    depending: bool,
}

/// What is to be listed.
#[derive(Debug)]
pub(crate) struct ListdepsTask {
    pub(crate) jobs: Vec<Job<Options>>,
    pub(crate) all: bool,
    pub(crate) depending: bool,
}

#[cfg(test)]
pub(super) fn command() -> clap::Command {
    <DelocateListdeps as clap::CommandFactory>::command()
}

pub(in crate::frontends) fn configure(words: Vec<OsString>) -> Result<Config, Refusal> {
    let typed: DelocateListdeps = parsed(words)?;
    let mut here = Surroundings::usual()?;
    let jobs = config::look_jobs(typed.paths, &Settings::default(), &mut here)?;
    let task = ListdepsTask { jobs, all: typed.all, depending: typed.depending };
    typed.common.config(here.warnings, Task::Listdeps(task))
}

/// The libraries behind one wheel or directory.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    /// Each library with the files that need it.
    pub(crate) libraries: BTreeMap<String, BTreeSet<String>>,
    /// Names that lead nowhere, with the files that need them.
    pub(crate) missing: BTreeMap<String, BTreeSet<String>>,
}

/// Reads `job`'s wheel, or every Mach-O file of its directory.
pub(crate) fn listdeps(job: &Job<Options>, all: bool) -> Result<Dependencies, Error> {
    let mut found = Dependencies::default();
    if !job.file.is_dir() {
        found.take(&truewheel_repair::tree(&job.file, &job.options)?, all, str::to_owned);
        return Ok(found);
    }
    for file in files_below(&job.file) {
        if is_macho(&file) {
            found.take(&truewheel_repair::tree(&file, &job.options)?, all, from_here);
        }
    }
    Ok(found)
}

impl Dependencies {
    /// `shown` is what is printed for a path: below a wheel or absolute, of a directory's files from here.
    fn take(&mut self, tree: &Tree, all: bool, shown: fn(&str) -> String) {
        for file in &tree.files {
            for need in &file.needs {
                let user = || shown(&file.path);
                let name = match need.file.and_then(|index| tree.files.get(index)) {
                    Some(library) => shown(&library.path),
                    None if need.status == Status::Provided && all => need.name.clone(),
                    None if need.status == Status::Missing => {
                        self.missing.entry(need.name.clone()).or_default().insert(user());
                        continue;
                    }
                    None => continue,
                };
                self.libraries.entry(name).or_default().insert(user());
            }
        }
    }
}

/// The real path, below the working directory as it is named from there.
fn from_here(path: &str) -> String {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let here = fs::canonicalize(".").unwrap_or_default();
    plain(real.strip_prefix(&here).unwrap_or(&real))
}

/// Sorted; a link to a directory is not followed, so that no circle is walked.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for item in fs::read_dir(&directory).into_iter().flatten().flatten() {
            match item.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(item.path()),
                Ok(_) if item.path().is_file() => files.push(item.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// By the magic number, and for universal files by a number of slices that no Java class has.
fn is_macho(path: &Path) -> bool {
    let mut start = [0; 8];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    match (read, start) {
        (Ok(()), [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..]) => true,
        (Ok(()), [0xca, 0xfe, 0xba, 0xbe | 0xbf, 0, 0, 0, count]) => count < 20,
        _ => false,
    }
}
