//! `delocate-wheel`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::{Common, Refusal, VERSION, Vendoring, parsed};
use crate::config::{self, Config, RepairTask, Surroundings, Task};

/// Brings the libraries that wheels for macOS need into them.
#[derive(Debug, Parser)]
#[command(name = "delocate-wheel", version = VERSION, infer_long_args = true)]
#[command(after_help = "\
Environment: libraries are looked for in DYLD_LIBRARY_PATH, REPAIR_LIBRARY_PATH and
DYLD_FALLBACK_LIBRARY_PATH; MACOSX_DEPLOYMENT_TARGET is the oldest macOS that a tag may name.
Everything else that truewheel does is in `truewheel --help`; `truewheel help migrate` has its
names for these options.

Exit status: 0 every wheel was written, 1 one cannot be repaired and nothing was written, 2 wrong
usage.")]
struct DelocateWheel {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    vendoring: Vendoring,
    /// The wheels
    #[arg(value_name = "WHEEL", required = true)]
    wheels: Vec<PathBuf>,
    /// Directory for the repaired wheels [default: each takes the place of its input]
    #[arg(short = 'w', long, value_name = "DIR")]
    wheel_dir: Option<PathBuf>,
    /// Directory of libraries in the package [default: .dylibs]
    #[arg(short = 'L', long, value_name = "NAME")]
    lib_sdir: Option<String>,
    /// Always so: every binary has code for each CPU of the tag
    #[arg(short = 'k', long)]
    check_archs: bool,
    /// CPUs that every binary must have code for: a name, `intel`, `universal2`, or several with `,`
    #[arg(long, value_name = "ARCHS")]
    require_archs: Option<String>,
    /// The oldest macOS that a tag may name, and the newest that a file may need
    #[arg(long, value_name = "VERSION")]
    require_target_macos_version: Option<String>,
}

#[cfg(test)]
pub(super) fn command() -> clap::Command {
    <DelocateWheel as clap::CommandFactory>::command()
}

pub(in crate::frontends) fn wheel(words: Vec<OsString>) -> Result<Config, Refusal> {
    let typed: DelocateWheel = parsed(words)?;
    let mut here = Surroundings::usual()?;
    let task = task(&typed, &mut here)?;
    typed.common.config(here.warnings, Task::Repair(task))
}

fn task(typed: &DelocateWheel, here: &mut Surroundings) -> Result<RepairTask, Refusal> {
    let mut settings = typed.vendoring.settings();
    let repairing = &mut settings.repairing;
    let beside = typed.lib_sdir.as_deref().and_then(|text| text.strip_prefix("../"));
    repairing.lib_sdir = beside.map(str::to_owned).or_else(|| typed.lib_sdir.clone());
    let archs = typed.require_archs.iter().flat_map(|list| list.split(',')).map(str::trim);
    repairing.require_archs = archs.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    repairing.wheel_dir = typed.wheel_dir.clone().map(config::from_home);
    let mut jobs = config::repair_jobs(typed.wheels.clone(), &settings, here)?;
    for job in &mut jobs {
        if typed.wheel_dir.is_none() {
            job.options.output = directory_of(&job.file);
            job.options.in_place = true;
        }
        job.options.macos.first_package = true;
        job.options.macos.only = true;
        job.options.macos.beside_package = beside.is_some();
        typed.vendoring.complete(&mut job.options);
        if let Some(version) = &typed.require_target_macos_version {
            let option = "--require-target-macos-version";
            job.options.macos.deployment_target = Some(config::macos_version(option, version)?);
        }
    }
    Ok(RepairTask { jobs, update_lock: None, dry_run: false, json: false })
}

pub(super) fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
