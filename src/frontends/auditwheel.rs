//! auditwheel's command line, as of its version 6.8.
//!
//! The options are truewheel's own where both have them. Two things are auditwheel's alone: the platform
//! of `AUDITWHEEL_PLAT` must be earned where it is one for the wheel, because images set it so that a
//! wheel that does not fit them is no success; and a wheel without binaries is copied with a word about
//! it, where auditwheel refuses it, because a build that has nothing to repair needs its wheel too.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use truewheel_repair::Options;

use super::{Refusal, Voice};
use crate::cli::{ColorChoice, Settings};
use crate::config::{
    self, Config, Job, LookTask, RepairTask, Surroundings, Task, UsageError, Verbosity,
};

/// The release that the answers are like, which programs compare with a least version; then truewheel's own.
const VERSION: &str = concat!("6.8.2 (truewheel ", env!("CARGO_PKG_VERSION"), ")");

/// Cross-distribution wheels for Linux, as auditwheel makes them; made by truewheel.
#[derive(Debug, Parser)]
#[command(name = "auditwheel", version = VERSION, infer_long_args = true, disable_version_flag = true)]
#[command(after_help = "\
Everything else that truewheel does is in `truewheel --help`; `truewheel help migrate` has its
names for these options.

Exit status: 0 every wheel was written, 1 one cannot be read or repaired and nothing was written,
2 wrong usage, or a wheel that does not earn the tag.")]
pub(super) struct Auditwheel {
    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    /// Give more output; can be given more than once
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a wheel needs and which platform tag it earns
    Show(Show),
    /// Bring the libraries that wheels need into them
    Repair(Box<Repair>),
    /// List the libraries behind one ELF file
    Lddtree(Lddtree),
    /// Taken out of auditwheel
    #[command(hide = true)]
    Addtag(Addtag),
}

#[derive(Debug, Args)]
struct Show {
    /// The wheel
    #[arg(value_name = "WHEEL_FILE")]
    wheel: PathBuf,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    /// Do not look at marks of x86-64-v2, -v3 and -v4
    #[arg(long)]
    disable_isa_ext_check: bool,
    /// A wheel without binaries is no error
    #[arg(long)]
    allow_pure_python_wheel: bool,
    #[command(flatten)]
    paths: Paths,
}

#[derive(Debug, Args)]
struct Paths {
    /// Directories instead of the system's own, separated by `:`; AUDITWHEEL_LD_LIBRARY_PATH adds some
    #[arg(long, value_name = "LDPATHS")]
    ldpaths: Option<String>,
}

#[derive(Debug, Args)]
struct Repair {
    /// The wheels
    #[arg(value_name = "WHEEL_FILE", required = true)]
    wheels: Vec<PathBuf>,
    /// Deflate level [environment: AUDITWHEEL_ZIP_COMPRESSION_LEVEL]
    #[arg(short = 'z', long, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(0..=9))]
    zip_compression_level: Option<u32>,
    /// The platform tag [default: auto; environment: AUDITWHEEL_PLAT]
    #[arg(long, value_name = "PLATFORM")]
    plat: Option<String>,
    /// What is appended to the distribution's name for the directory of libraries [default: .libs]
    #[arg(short = 'L', long, value_name = "LIB_SDIR")]
    lib_sdir: Option<String>,
    /// Directory for the repaired wheels [default: wheelhouse/]
    #[arg(short = 'w', long, value_name = "WHEEL_DIR")]
    wheel_dir: Option<PathBuf>,
    /// Leave the tags as they are
    #[arg(long)]
    no_update_tags: bool,
    /// Take symbols out of the binaries
    #[arg(long)]
    strip: bool,
    /// Leave a library out, by SONAME or path; `*` matches anything
    #[arg(long, value_name = "EXCLUDE")]
    exclude: Vec<String>,
    /// Give the wheel only the tag of --plat and its older name
    #[arg(long)]
    only_plat: bool,
    /// Do not look at marks of x86-64-v2, -v3 and -v4
    #[arg(long)]
    disable_isa_ext_check: bool,
    /// A wheel without binaries is copied without a word
    #[arg(long)]
    allow_pure_python_wheel: bool,
    #[command(flatten)]
    paths: Paths,
    /// Means nothing: truewheel edits ELF files itself [environment: AUDITWHEEL_PATCHER]
    #[arg(long, value_name = "PATCHER")]
    patcher: Option<String>,
}

#[derive(Debug, Args)]
struct Lddtree {
    /// The ELF file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    paths: Paths,
}

#[derive(Debug, Args)]
struct Addtag {
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    words: Vec<OsString>,
}

/// The parser, also for what is made from it.
pub(super) fn command() -> clap::Command {
    Auditwheel::command()
}

pub(super) fn configure(mut words: Vec<OsString>) -> Result<Config, Refusal> {
    if words.len() == 1 {
        words.push("--help".into());
    }
    let typed = Auditwheel::from_arg_matches(&command().try_get_matches_from(words)?)?;
    let mut here = Surroundings::usual()?;
    let task = match typed.command {
        Command::Show(show) => look(show, &mut here)?,
        Command::Repair(repair) => Task::Repair(repaired(*repair, &mut here)?),
        Command::Lddtree(tree) => {
            let settings = searching(tree.paths);
            let jobs = config::look_jobs(vec![tree.file], &settings, &mut here)?;
            Task::Tree(LookTask { jobs, is_pure_fine: true, json: true })
        }
        Command::Addtag(_) => {
            let text =
                "auditwheel has no `addtag` any more: `repair` adds the tag that a wheel earns";
            return Err(UsageError(text.to_owned()).into());
        }
    };
    Ok(Config {
        verbosity: match typed.verbose {
            0 => Verbosity::Normal,
            _ => Verbosity::Verbose,
        },
        color: ColorChoice::Auto,
        threads: config::threads(None)?,
        voice: Voice::Auditwheel,
        warnings: here.warnings,
        task,
    })
}

fn searching(paths: Paths) -> Settings {
    let mut settings = Settings::default();
    settings.search.ldpaths = paths.ldpaths;
    settings
}

fn look(typed: Show, here: &mut Surroundings) -> Result<Task, Refusal> {
    let mut settings = searching(typed.paths);
    settings.processors.disable_isa_ext_check = typed.disable_isa_ext_check.then_some(true);
    let jobs = config::look_jobs(vec![typed.wheel], &settings, here)?;
    all_there(&jobs)?;
    let (is_pure_fine, json) = (typed.allow_pure_python_wheel, typed.json);
    Ok(Task::Show(LookTask { jobs, is_pure_fine, json }))
}

/// auditwheel looks before it begins, and says it as wrong usage.
fn all_there(jobs: &[Job<Options>]) -> Result<(), UsageError> {
    match jobs.iter().find(|job| !job.file.is_file()) {
        Some(job) => Err(UsageError(format!("cannot access {}. No such file", job.file.display()))),
        None => Ok(()),
    }
}

fn repaired(typed: Repair, here: &mut Surroundings) -> Result<RepairTask, Refusal> {
    let on = |switch: bool| switch.then_some(true);
    let mut settings = searching(typed.paths);
    settings.left_out.exclude = typed.exclude;
    settings.processors.disable_isa_ext_check = on(typed.disable_isa_ext_check);
    let repairing = &mut settings.repairing;
    repairing.zip_compression_level = typed.zip_compression_level;
    repairing.plat = typed.plat;
    let dotted = typed.lib_sdir.clone().filter(|text| text.ends_with('.') && !text.contains('/'));
    repairing.lib_sdir = match &dotted {
        Some(text) => {
            Some(text.trim_end_matches('.')).filter(|it| !it.is_empty()).map(str::to_owned)
        }
        None => typed.lib_sdir,
    };
    repairing.wheel_dir = typed.wheel_dir;
    repairing.no_update_tags = on(typed.no_update_tags);
    repairing.strip = on(typed.strip);
    repairing.only_plat = on(typed.only_plat);
    if let Some(patcher) = typed.patcher {
        here.warnings.push(format!(
            "`--patcher {patcher}` means nothing: truewheel edits ELF files without another program"
        ));
    }
    let mut jobs = config::repair_jobs(typed.wheels, &settings, here)?;
    all_there(&jobs)?;
    for job in &mut jobs {
        job.options.platform_hint_is_order = true;
        job.options.older_name_stands_alone = true;
        // `.` gives `demo.`: Linux has such directories, Windows, which has none, installs no such wheel.
        if dotted.is_some() {
            job.options.lib_sdir.clone_from(&dotted);
        }
    }
    Ok(RepairTask { jobs, update_lock: None, dry_run: false, json: false })
}
