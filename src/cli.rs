//! What was typed. Flags are named as auditwheel, delocate and delvewheel name them.

mod check;
mod config;
pub(crate) mod keys;
mod merge;
mod needed;
mod repair;
mod settings;
mod shell;
mod shims;
mod show;
mod tree;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(crate) use merge::Merge;
pub(crate) use needed::{Needed, ReplaceNeeded};
pub(crate) use repair::Repair;
pub(crate) use settings::{
    Expected, Judging, Layout, LeftOut, MacosRound, Processors, Repairing, RpathStyle, SWITCH,
    Search, Settings, Windows,
};
pub(crate) use shell::{Completions, Manual, completions, manual};
pub(crate) use shims::InstallShims;
pub(crate) use show::Show;
pub(crate) use tree::Tree;

/// Repairs Python wheels for Linux, macOS and Windows, on any machine.
#[derive(Debug, Parser)]
#[command(name = "truewheel", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  truewheel repair dist/*.whl      repaired wheels in wheelhouse/
  truewheel check wheelhouse/*.whl
  truewheel show dist/*.whl
  truewheel help repair            every option, with examples and the environment
  truewheel help migrate           from auditwheel, delocate or delvewheel

Exit status: 0 all was done, 1 a wheel cannot be repaired or is wrong, 2 wrong usage.")]
#[command(after_long_help = "\
Examples:
  truewheel repair dist/*.whl      repaired wheels in wheelhouse/
  truewheel check wheelhouse/*.whl
  truewheel show dist/*.whl
  truewheel help repair            every option of a command, with examples

Environment, of which what is typed takes the place:
  TRUEWHEEL_CONFIG                   as --config
  TRUEWHEEL_LIBRARY_PATH             more directories to look for libraries in, as --lib-path
  VIRTUAL_ENV, CONDA_PREFIX, PATH    the Python whose packages bring libraries, as --python
  AUDITWHEEL_LD_LIBRARY_PATH         the same behind the RPATH of the files, for Linux
  LD_LIBRARY_PATH                    the same; unused with --ldpaths
  REPAIR_LIBRARY_PATH                the same for macOS
  DYLD_LIBRARY_PATH                  the same
  DYLD_FALLBACK_LIBRARY_PATH         the same where dyld looks last
  AUDITWHEEL_PLAT                    the platform tag, where the wheel earns it
  MACOSX_DEPLOYMENT_TARGET           the oldest macOS that a tag may name
  SOURCE_DATE_EPOCH                  date of new members, in seconds since 1970
  AUDITWHEEL_ZIP_COMPRESSION_LEVEL   as --zip-compression-level
  TRUEWHEEL_THREADS                  as --threads
  NO_COLOR, CLICOLOR_FORCE           messages without and with colours

Exit status: 0 all was done, 1 a wheel cannot be repaired or is wrong, 2 wrong usage.
Not 0 means that no wheel was written, also when only one of several failed.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

pub(crate) use check::Check;
pub(crate) use config::ConfigCommand;

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "For every command")]
pub(crate) struct Global {
    /// Say more; every decision with its reason
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say only what went wrong or may be a mistake
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Colour in messages
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// File of settings: a pyproject.toml with `[tool.truewheel]`, or a TOML file of these settings alone
    /// [environment: TRUEWHEEL_CONFIG]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "project")]
    pub(crate) config: Option<PathBuf>,
    /// Look for pyproject.toml in this directory and those above it, instead of the working directory
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// Read no file of settings
    #[arg(long, global = true, conflicts_with_all = ["config", "project"])]
    pub(crate) no_config: bool,
    /// Threads to work with [default: one for each core; environment: TRUEWHEEL_THREADS]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

/// When messages have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the libraries a wheel needs into it, and give it the tag it earns
    Repair(Box<Repair>),
    /// Say whether wheels keep what their tags promise, and fail if they do not
    Check(Box<Check>),
    /// Make one wheel for both kinds of Mac (universal2) out of two that are each for one
    Merge(Merge),
    /// Show what a wheel needs, what it brings along, the tag it earns, and what keeps it from better ones
    Show(Show),
    /// Show the libraries behind each binary of a wheel, or behind one file, as a tree
    Tree(Tree),
    /// List the DLLs that one file for Windows imports
    Needed(Needed),
    /// Give DLLs that one file for Windows imports other names, in the file itself or a copy
    ReplaceNeeded(ReplaceNeeded),
    /// Print the settings that are in force, and where each comes from
    Config(ConfigCommand),
    /// Put the names of older tools into a directory, each leading to truewheel
    InstallShims(InstallShims),
    /// List the named sets of libraries that --exclude-group leaves out
    Groups(Groups),
    /// Print the script that lets a shell complete what is typed
    Completions(Completions),
    /// Print the manual, or write it into a directory
    Man(Manual),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel groups
  truewheel groups -v cuda
  truewheel repair --exclude-group cuda,torch demo-1.0-cp312-cp312-linux_x86_64.whl

Exit status: 0 they were listed, 2 there is no group of that name.")]
pub(crate) struct Groups {
    /// The groups to show [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Print them as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads the command line; the first word is the program.
pub(crate) fn parse(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command().try_get_matches_from(words)?)
}

/// The whole command line, for the parser and for what is made from it.
pub(crate) fn command() -> clap::Command {
    settings::with_switches(Cli::command())
}
