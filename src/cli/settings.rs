//! What a run may be told beside its files: each thing once, under one name.
//!
//! The same groups are parsed from the command line (`--lib-path`) and read as keys of a table of
//! settings (`lib-path`), so that neither knows a thing that the other does not. What is not said is
//! `None` or empty; defaults are given in [`config`](crate::config), when all sources are laid over
//! each other. A switch takes a value (`--strip=no`), so that the command line can take back what a
//! file of settings says.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Command, ValueEnum};
use serde::{Deserialize, Serialize};

/// The value of an option that is on when it is named.
pub(crate) const SWITCH: &str = "BOOL";

/// How an RPATH is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RpathStyle {
    /// DT_RPATH on Linux, DT_RUNPATH on Android
    Target,
    /// DT_RPATH: wins over LD_LIBRARY_PATH
    Rpath,
    /// DT_RUNPATH: LD_LIBRARY_PATH wins over it
    Runpath,
}

/// How a tag says macOS 12.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MacosRound {
    /// As 13.0
    Up,
    /// As 12.0, where it may not run
    Down,
}

/// Where vendored DLLs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Layout {
    /// Beside the modules where those lie in one directory, else as `libs`
    Auto,
    /// In each directory of modules that need them
    Beside,
    /// In the wheel's directory of libraries, which packages tell Windows of
    Libs,
}

/// Everything that may be told, in groups that commands take as they need them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) search: Search,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) left_out: LeftOut,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) processors: Processors,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) repairing: Repairing,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) windows: Windows,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) expected: Expected,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) judging: Judging,
}

/// Where libraries are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Search {
    /// Directory to look for libraries in, before LD_LIBRARY_PATH; more than one is allowed
    #[arg(long, value_name = "DIR", visible_alias = "add-path")]
    pub(crate) lib_path: Vec<String>,
    /// Directories instead of ld.so.conf and the system's own, separated by `:`
    #[arg(long, value_name = "DIRS")]
    pub(crate) ldpaths: Option<String>,
    /// Root of the target's file system
    #[arg(long, value_name = "DIR")]
    pub(crate) sysroot: Option<PathBuf>,
    /// Python, or the root of its environment, whose installed packages bring libraries that are found nowhere
    /// else [default: the active environment, else that of python3 on PATH]
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// Take libraries of no installed package but these
    #[arg(long, value_name = "PROJECT")]
    pub(crate) from_package: Vec<String>,
    /// Leave libraries to a package that is installed beside the wheel, which must require it; it must be
    /// installed here as well, to say where they lie
    #[arg(long, value_name = "PROJECT")]
    pub(crate) provided_by: Vec<String>,
    /// Take no libraries of installed packages
    #[arg(long, value_name = SWITCH, conflicts_with_all = ["python", "from_package"])]
    pub(crate) no_site_packages: Option<bool>,
}

/// Which libraries are left to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct LeftOut {
    /// Leave out libraries that somebody else brings: needed name, SONAME or path; `*` matches anything
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Leave out named sets of libraries, such as cuda,torch; `truewheel groups` lists them
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) exclude_group: Vec<String>,
}

/// What is asked of processors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Processors {
    /// Do not refuse binaries marked as needing x86-64-v2, -v3 or -v4
    #[arg(long, value_name = SWITCH)]
    pub(crate) disable_isa_ext_check: Option<bool>,
}

/// What a repair makes of a wheel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Repairing {
    /// Directory for the repaired wheels [default: wheelhouse]
    #[arg(short = 'w', long, value_name = "DIR")]
    pub(crate) wheel_dir: Option<PathBuf>,
    /// Platform tag, such as manylinux_2_28_x86_64, or `auto` for the best that the wheel earns
    #[arg(long, value_name = "TAG")]
    pub(crate) plat: Option<String>,
    /// Give the wheel only the tag of --plat and its older name
    #[arg(long, value_name = SWITCH)]
    pub(crate) only_plat: Option<bool>,
    /// Leave the tags as they are; with --plat the wheel must keep what that tag promises all the same
    #[arg(long, value_name = SWITCH)]
    pub(crate) no_update_tags: Option<bool>,
    /// What is appended to the distribution's name for the directory of libraries [default: .libs]; on
    /// macOS the directory in the package [default: .dylibs]
    #[arg(short = 'L', long, value_name = "SUFFIX")]
    pub(crate) lib_sdir: Option<String>,
    /// macOS: the newest system that a file may need, such as 11.0 [environment:
    /// MACOSX_DEPLOYMENT_TARGET, below which no tag goes]
    #[arg(long, value_name = "VERSION")]
    pub(crate) max_minos: Option<String>,
    /// macOS: CPUs that every binary must have code for beside those of the tag, such as universal2
    #[arg(long, value_name = "ARCHS", value_delimiter = ',')]
    pub(crate) require_archs: Vec<String>,
    /// macOS: what a tag says where a file needs a version that installers do not know, such as 12.3
    /// [default: up]
    #[arg(long, value_name = "WAY")]
    pub(crate) macos_round: Option<MacosRound>,
    /// Bring libraries that match although every target has its own or they belong to a driver
    #[arg(long, value_name = "GLOB")]
    pub(crate) force_vendor: Vec<String>,
    /// Bring a library that is opened at run time: its path or name; DIR is its place in the wheel
    #[arg(long, value_name = "LIB[=DIR]")]
    pub(crate) include: Vec<String>,
    /// Bring libraries that match under their own names
    #[arg(long, value_name = "GLOB")]
    pub(crate) no_mangle: Vec<String>,
    /// Bring every library under its own name
    #[arg(long, value_name = SWITCH)]
    pub(crate) no_mangle_all: Option<bool>,
    /// Which tag search paths are written as [default: target]
    #[arg(long, value_name = "STYLE")]
    pub(crate) rpath_style: Option<RpathStyle>,
    /// Clear the executable-stack flag, which glibc 2.41 refuses
    #[arg(long, value_name = SWITCH)]
    pub(crate) clear_execstack: Option<bool>,
    /// Take debug information and symbols that no loader reads out of every binary, the wheel's own
    /// and those brought in
    #[arg(long, value_name = SWITCH, conflicts_with = "strip_debug")]
    pub(crate) strip: Option<bool>,
    /// Take debug information out of them, and leave the symbols
    #[arg(long, value_name = SWITCH)]
    pub(crate) strip_debug: Option<bool>,
    /// Leave libraries that are found nowhere out of a wheel for macOS instead of refusing it
    #[arg(long, value_name = SWITCH)]
    pub(crate) ignore_missing_dependencies: Option<bool>,
    /// Write no list of what was brought along (`.dist-info/sboms/truewheel.cdx.json`)
    #[arg(long, value_name = SWITCH)]
    pub(crate) no_sbom: Option<bool>,
    /// Bring the licences of the packages that libraries come from, as far as they are found
    #[arg(long, value_name = SWITCH)]
    pub(crate) licenses: Option<bool>,
    /// Deflate level of new and changed members, 0 to 12
    #[arg(short = 'z', long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=12))]
    pub(crate) zip_compression_level: Option<u32>,
}

/// What only wheels for Windows are told, named as delvewheel names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Windows {
    /// Windows: where DLLs go [default: auto]
    #[arg(long, value_name = "WHERE")]
    pub(crate) layout: Option<Layout>,
    /// Windows: packages that other distributions share, separated by `;` or `,`, which get no code
    #[arg(long, value_name = "PACKAGES")]
    pub(crate) namespace_pkg: Vec<String>,
    /// Windows: code goes where a line `# delvewheel: patch` is, and nowhere else
    #[arg(long, value_name = SWITCH)]
    pub(crate) custom_patch: Option<bool>,
    /// Windows: debugging symbols, NAME.pdb beside each NAME.dll that is brought in, come along
    #[arg(long, value_name = SWITCH)]
    pub(crate) include_symbols: Option<bool>,
    /// Windows: import libraries, NAME.lib and NAME.dll.a, come along and name the DLL as it is in the wheel
    #[arg(long, value_name = SWITCH)]
    pub(crate) include_imports: Option<bool>,
}

/// What must be so of a finished wheel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Expected {
    /// Libraries that must not be in the wheel or needed by it
    #[arg(long, value_name = "GLOB")]
    pub(crate) forbid: Vec<String>,
    /// Libraries of which one must be in the wheel or needed by it
    #[arg(long, value_name = "GLOB")]
    pub(crate) require: Vec<String>,
    /// Symbols that no binary may use or define; with `=FILE` only in members that match
    #[arg(long, value_name = "GLOB[=FILE]")]
    pub(crate) forbid_symbol: Vec<String>,
    /// Symbols that some binary must use or define; with `=FILE` one of the members that match
    #[arg(long, value_name = "GLOB[=FILE]")]
    pub(crate) require_symbol: Vec<String>,
    /// Largest size of the wheel: bytes, or with K, M, G (thousands) or Ki, Mi, Gi (1024)
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<String>,
    /// Largest size of all that is in it
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_unpacked_size: Option<String>,
    /// List of what wheels may bring along [default: truewheel.lock beside the file of settings or in
    /// the working directory, where it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
}

/// How findings are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Judging {
    /// Findings that do not count, by their codes
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Let warnings fail, too
    #[arg(long, value_name = SWITCH)]
    pub(crate) strict: Option<bool>,
}

/// Lets every switch be named alone, or with a value behind `=`.
pub(crate) fn with_switches(command: Command) -> Command {
    let is_switch = |names: Option<&[clap::builder::Str]>| {
        names.is_some_and(|names| names.iter().any(|name| name == SWITCH))
    };
    let command = command.mut_args(|arg| match is_switch(arg.get_value_names()) {
        true => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .hide_possible_values(true)
            .value_parser(BoolishValueParser::new()),
        false => arg,
    });
    command.mut_subcommands(with_switches)
}
