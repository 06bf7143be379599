//! What was typed. Flags are named as auditwheel, delocate and delvewheel name them.

mod check;
mod merge;
mod needed;
mod search;
mod show;
mod tree;
mod windows;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use merge::Merge;
pub(crate) use needed::{Needed, ReplaceNeeded};
pub(crate) use search::Search;
pub(crate) use show::Show;
pub(crate) use tree::Tree;
pub(crate) use windows::{Layout, Windows};

/// Repairs Python wheels for Linux, macOS and Windows, on any machine.
#[derive(Debug, Parser)]
#[command(name = "truewheel", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  truewheel repair dist/*.whl      repaired wheels in wheelhouse/
  truewheel check wheelhouse/*.whl
  truewheel show dist/*.whl
  truewheel help repair            every option, with examples and the environment

Exit status: 0 all was done, 1 a wheel cannot be repaired or is wrong, 2 wrong usage.")]
#[command(after_long_help = "\
Examples:
  truewheel repair dist/*.whl      repaired wheels in wheelhouse/
  truewheel check wheelhouse/*.whl
  truewheel show dist/*.whl
  truewheel help repair            every option of a command, with examples

Environment, of which what is typed takes the place:
  TRUEWHEEL_LIBRARY_PATH             more directories to look for libraries in, as --lib-path
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
    /// List the named sets of libraries that --exclude-group leaves out
    Groups(Groups),
}

/// How an RPATH is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RpathStyle {
    /// DT_RPATH on Linux, DT_RUNPATH on Android
    Target,
    /// DT_RPATH: wins over LD_LIBRARY_PATH
    Rpath,
    /// DT_RUNPATH: LD_LIBRARY_PATH wins over it
    Runpath,
}

/// How a tag says macOS 12.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MacosRound {
    /// As 13.0
    Up,
    /// As 12.0, where it may not run
    Down,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel repair dist/*.whl
  truewheel repair -w wheelhouse --lib-path build/lib demo-1.0-cp312-cp312-linux_x86_64.whl
  truewheel repair --plat manylinux_2_28_x86_64 --exclude 'libcuda.so*' demo-1.0-*.whl
  truewheel repair --dry-run demo-1.0-cp312-cp312-linux_x86_64.whl

Environment: libraries are looked for in TRUEWHEEL_LIBRARY_PATH, then for Linux in
AUDITWHEEL_LD_LIBRARY_PATH and LD_LIBRARY_PATH, for macOS in REPAIR_LIBRARY_PATH,
DYLD_LIBRARY_PATH and DYLD_FALLBACK_LIBRARY_PATH, for Windows in VCToolsRedistDir and PATH.
AUDITWHEEL_PLAT, MACOSX_DEPLOYMENT_TARGET,
SOURCE_DATE_EPOCH, AUDITWHEEL_ZIP_COMPRESSION_LEVEL and TRUEWHEEL_THREADS are understood.

Exit status: 0 every wheel was written, 1 a wheel cannot be repaired and nothing was written,
2 wrong usage.")]
pub(crate) struct Repair {
    /// The wheels; patterns are expanded where the shell does not
    #[arg(required = true, value_name = "WHEEL")]
    pub(crate) wheels: Vec<PathBuf>,
    /// Directory for the repaired wheels
    #[arg(short = 'w', long, value_name = "DIR", default_value = "wheelhouse")]
    pub(crate) wheel_dir: PathBuf,
    /// Platform tag, such as manylinux_2_28_x86_64, or `auto` for the best that the wheel earns
    #[arg(long, value_name = "TAG")]
    pub(crate) plat: Option<String>,
    /// Give the wheel only the tag of --plat and its older name
    #[arg(long)]
    pub(crate) only_plat: bool,
    /// Leave the tags as they are; with --plat the wheel must keep what that tag promises all the same
    #[arg(long)]
    pub(crate) no_update_tags: bool,
    /// What is appended to the distribution's name for the directory of libraries [default: .libs]; on
    /// macOS the directory in the package [default: .dylibs]
    #[arg(short = 'L', long, value_name = "SUFFIX")]
    pub(crate) lib_sdir: Option<String>,
    #[command(flatten)]
    pub(crate) search: Search,
    /// macOS: the newest system that a file may need, such as 11.0 [environment:
    /// MACOSX_DEPLOYMENT_TARGET, below which no tag goes]
    #[arg(long, value_name = "VERSION")]
    pub(crate) max_minos: Option<String>,
    /// macOS: CPUs that every binary must have code for beside those of the tag, such as universal2
    #[arg(long, value_name = "ARCHS", value_delimiter = ',')]
    pub(crate) require_archs: Vec<String>,
    /// macOS: what a tag says where a file needs a version that installers do not know, such as 12.3
    #[arg(long, value_name = "WAY", default_value = "up")]
    pub(crate) macos_round: MacosRound,
    /// Bring libraries that match although every target has its own or they belong to a driver
    #[arg(long, value_name = "GLOB")]
    pub(crate) force_vendor: Vec<String>,
    /// Bring a library that is opened at run time: its path or name; DIR is its place in the wheel
    #[arg(long, value_name = "LIB[=DIR]")]
    pub(crate) include: Vec<String>,
    /// Bring libraries that match under their own names
    #[arg(long, value_name = "GLOB")]
    pub(crate) no_mangle: Vec<String>,
    #[command(flatten)]
    pub(crate) windows: Windows,
    /// Which tag search paths are written as
    #[arg(long, value_name = "STYLE", default_value = "target")]
    pub(crate) rpath_style: RpathStyle,
    /// Clear the executable-stack flag, which glibc 2.41 refuses
    #[arg(long)]
    pub(crate) clear_execstack: bool,
    /// Take debug information and symbols that no loader reads out of every binary, the wheel's own
    /// and those brought in
    #[arg(long, conflicts_with = "strip_debug")]
    pub(crate) strip: bool,
    /// Take debug information out of them, and leave the symbols
    #[arg(long)]
    pub(crate) strip_debug: bool,
    /// Do not refuse binaries marked as needing x86-64-v2, -v3 or -v4
    #[arg(long)]
    pub(crate) disable_isa_ext_check: bool,
    /// Leave libraries that are found nowhere out of a wheel for macOS instead of refusing it
    #[arg(long)]
    pub(crate) ignore_missing_dependencies: bool,
    /// Write no list of what was brought along (`.dist-info/sboms/truewheel.cdx.json`)
    #[arg(long)]
    pub(crate) no_sbom: bool,
    /// Bring the licences of the packages that libraries come from, as far as they are found
    #[arg(long)]
    pub(crate) licenses: bool,
    /// Deflate level of new and changed members, 0 to 12
    #[arg(short = 'z', long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=12))]
    pub(crate) zip_compression_level: Option<u32>,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
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
    Cli::try_parse_from(words)
}
