//! delvewheel's command line, as of its version 1.13.
//!
//! Lists have `;`, `:` or `,` between their items, on every system: one command line serves all. DLLs go
//! where delvewheel puts them, into the wheel's directory of libraries that packages name. What its
//! `--ignore-existing`, `--analyze-existing` and `--analyze-existing-exes` ask for is always so here: DLLs
//! and programs of the wheel are looked at, and DLLs of the wheel are used.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use truewheel_repair::matches_any;

use super::{Refusal, Voice};
use crate::cli::{ColorChoice, Layout, Settings};
use crate::config::{
    self, Config, LookTask, RepairTask, Surroundings, Task, UsageError, Verbosity,
};

/// The release that the answers are like, then truewheel's own.
const VERSION: &str = concat!("1.13.2 (truewheel ", env!("CARGO_PKG_VERSION"), ")");
/// What the file in `.dist-info` says that tells delvewheel of a repair; no path of this machine is in it.
const MARK: &str =
    concat!("Version: 1.13.2\nGenerator: truewheel ", env!("CARGO_PKG_VERSION"), "\n");

/// Self-contained wheels for Windows, as delvewheel makes them; made by truewheel.
#[derive(Debug, Parser)]
#[command(name = "delvewheel", version = VERSION, infer_long_args = true)]
#[command(after_help = "\
Lists of DLLs and directories have `;`, `:` or `,` between their items, on every system.
Everything else that truewheel does is in `truewheel --help`; `truewheel help migrate` has its
names for these options.

Exit status: 0 all was done, 1 a wheel cannot be repaired and nothing was written, 2 wrong usage.")]
struct Delvewheel {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the DLLs that a wheel needs
    Show(Show),
    /// Bring the DLLs that wheels need into them
    Repair(Box<Repair>),
    /// List the DLLs that one file needs
    Needed(Needed),
    /// Give DLLs that one file needs other names, in the file itself
    ReplaceNeeded(ReplaceNeeded),
}

#[derive(Debug, Args)]
struct Common {
    /// The wheels
    #[arg(value_name = "WHEEL", required = true)]
    wheels: Vec<PathBuf>,
    /// Directories to look for DLLs in, before PATH
    #[arg(long, value_name = "PATHS")]
    add_path: Vec<String>,
    /// Bring these DLLs, which nothing needs by name
    #[arg(long, alias = "add-dll", value_name = "DLLS")]
    include: Vec<String>,
    /// Leave these DLLs out; `*` matches anything
    #[arg(long, alias = "no-dll", value_name = "DLLS")]
    exclude: Vec<String>,
    /// Always so: DLLs of the wheel are used and not brought again
    #[arg(long, alias = "ignore-in-wheel")]
    ignore_existing: bool,
    /// Always so: DLLs of the wheel get what they need
    #[arg(long)]
    analyze_existing: bool,
    /// Always so: programs of the wheel get what they need
    #[arg(long)]
    analyze_existing_exes: bool,
    /// Say more
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
    /// Means nothing: wheels are not unpacked
    #[arg(long, hide = true, value_name = "DIR")]
    extract_dir: Option<PathBuf>,
    /// Means nothing
    #[arg(long, hide = true, value_name = "LIST")]
    test: Vec<String>,
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Repair {
    #[command(flatten)]
    common: Common,
    /// Directory for the repaired wheels [default: wheelhouse]
    #[arg(short = 'w', long, value_name = "TARGET")]
    wheel_dir: Option<PathBuf>,
    /// Bring these DLLs under their own names; `*` matches anything
    #[arg(long, value_name = "DLLS")]
    no_mangle: Vec<String>,
    /// Bring every DLL under its own name
    #[arg(long, conflicts_with = "with_mangle")]
    no_mangle_all: bool,
    /// Always so, but for those of --no-mangle; goes with --ignore-existing
    #[arg(long, requires = "ignore_existing")]
    with_mangle: bool,
    /// Means nothing: no name needs it
    #[arg(long)]
    strip: bool,
    /// What is appended to the distribution's name for the directory of DLLs [default: .libs]
    #[arg(short = 'L', long, value_name = "LIB_SDIR")]
    lib_sdir: Option<String>,
    /// Namespace packages, which get no code
    #[arg(long, value_name = "PKGS", conflicts_with = "custom_patch")]
    namespace_pkg: Vec<String>,
    /// Code goes where a line `# delvewheel: patch` is, and nowhere else
    #[arg(long)]
    custom_patch: bool,
    /// NAME.pdb beside each NAME.dll that is brought in comes along
    #[arg(long)]
    include_symbols: bool,
    /// NAME.lib beside each NAME.dll that is brought in comes along, and names the DLL as it is in the wheel
    #[arg(long)]
    include_imports: bool,
    /// Always so: no command line is written into the wheel
    #[arg(long, hide = true)]
    no_diagnostic: bool,
}

#[derive(Debug, Args)]
struct Needed {
    /// A .pyd, .dll or .exe file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Say more
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Args)]
struct ReplaceNeeded {
    /// A .pyd, .dll or .exe file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A DLL that the file needs, and its new name; also as `-change`, and more than once
    #[arg(long, required = true, num_args = 2, value_names = ["OLD", "NEW"])]
    change: Vec<String>,
    /// Means nothing: no name needs it
    #[arg(long)]
    strip: bool,
    /// Say more
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
}

/// The parser, also for what is made from it.
pub(super) fn command() -> clap::Command {
    Delvewheel::command()
}

pub(super) fn configure(words: Vec<OsString>) -> Result<Config, Refusal> {
    let typed = Delvewheel::from_arg_matches(&command().try_get_matches_from(words)?)?;
    let mut here = Surroundings::usual()?;
    let (verbose, task) = match typed.command {
        Command::Show(Show { common }) => {
            let (verbose, settings) = (common.verbose, shared(&common, &mut here)?);
            let mut jobs = config::look_jobs(common.wheels, &settings, &mut here)?;
            for job in &mut jobs {
                job.options.include = config::includes(&settings.repairing.include)?;
                job.options.windows.include_only_unneeded = true;
            }
            (verbose, Task::Show(LookTask { jobs, is_pure_fine: true, json: false }))
        }
        Command::Repair(repair) => {
            (repair.common.verbose, Task::Repair(repaired(*repair, &mut here)?))
        }
        Command::Needed(Needed { file, verbose }) => (verbose, Task::Needed(file)),
        Command::ReplaceNeeded(typed) => {
            say_strip(typed.strip, &mut here);
            let task = config::replace_needed_in_place(typed.file, &typed.change)?;
            (typed.verbose, Task::ReplaceNeeded(Box::new(task)))
        }
    };
    Ok(Config {
        verbosity: if verbose == 0 { Verbosity::Normal } else { Verbosity::Verbose },
        color: ColorChoice::Auto,
        threads: config::threads(None)?,
        voice: Voice::Delvewheel,
        warnings: here.warnings,
        task,
    })
}

fn say_strip(strip: bool, here: &mut Surroundings) {
    if strip {
        here.warnings.push("`--strip` does nothing: DLLs are renamed without it".to_owned());
    }
}

fn shared(common: &Common, here: &mut Surroundings) -> Result<Settings, Refusal> {
    if let Some(directory) = &common.extract_dir {
        let shown = directory.display();
        here.warnings
            .push(format!("`--extract-dir {shown}` does nothing: wheels are not unpacked"));
    }
    if !common.test.is_empty() {
        here.warnings.push("`--test` does nothing".to_owned());
    }
    let mut settings = Settings::default();
    settings.search.lib_path = directories(&common.add_path);
    settings.left_out.exclude = dlls("--exclude", &common.exclude)?;
    settings.repairing.include = dlls("--include", &common.include)?;
    for name in &settings.repairing.include {
        if name.contains('*') {
            return Err(UsageError(format!("`--include {name}` is no name of a DLL")).into());
        }
        for pattern in &settings.left_out.exclude {
            let is_left_out = matches_any(std::slice::from_ref(pattern), &[name]);
            if is_left_out.map_err(config::wrong)? {
                let text =
                    format!("`--include {name}` and `--exclude {pattern}` contradict each other");
                return Err(UsageError(text).into());
            }
        }
    }
    Ok(settings)
}

fn repaired(typed: Repair, here: &mut Surroundings) -> Result<RepairTask, Refusal> {
    say_strip(typed.strip, here);
    let mut settings = shared(&typed.common, here)?;
    let on = |switch: bool| switch.then_some(true);
    let repairing = &mut settings.repairing;
    repairing.wheel_dir = typed.wheel_dir;
    repairing.no_mangle = dlls("--no-mangle", &typed.no_mangle)?;
    repairing.no_mangle_all = on(typed.no_mangle_all);
    repairing.lib_sdir = typed.lib_sdir;
    settings.windows.layout = Some(Layout::Libs);
    settings.windows.namespace_pkg = items(&typed.namespace_pkg);
    settings.windows.custom_patch = on(typed.custom_patch);
    settings.windows.include_symbols = on(typed.include_symbols);
    settings.windows.include_imports = on(typed.include_imports);
    let mut jobs = config::repair_jobs(typed.common.wheels, &settings, here)?;
    for job in &mut jobs {
        job.options.windows.mark = Some(MARK.to_owned());
        job.options.windows.include_only_unneeded = true;
    }
    Ok(RepairTask { jobs, update_lock: None, dry_run: false, json: false })
}

/// The items of lists of names.
fn items(lists: &[String]) -> Vec<String> {
    let items = lists.iter().flat_map(|list| list.split([';', ':', ',']));
    items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// The same of DLLs, whose case says nothing. Of wildcards delvewheel knows `*` alone.
fn dlls(option: &str, lists: &[String]) -> Result<Vec<String>, UsageError> {
    let name = |name: String| match name.contains(|c: char| r#"<>"/\|?"#.contains(c)) {
        true => Err(UsageError(format!("`{option} {name}` is no name of a DLL"))),
        false => Ok(name.to_lowercase()),
    };
    items(lists).into_iter().map(name).collect()
}

/// The items of lists of directories: a colon behind one letter is a drive's, and a directory that is there
/// is one.
fn directories(lists: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for part in lists.iter().flat_map(|list| list.split(';')).map(str::trim) {
        if Path::new(part).is_dir() {
            found.push(part.to_owned());
            continue;
        }
        let mut item = String::new();
        for piece in part.split_inclusive([':', ',']) {
            item.push_str(piece);
            let ends = piece.ends_with([':', ',']) && !is_drive(&item, part);
            if ends {
                item.pop();
                found.push(std::mem::take(&mut item));
            }
        }
        found.push(item);
    }
    found.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// Whether `item`, so far, is `C:` in front of a slash.
fn is_drive(item: &str, part: &str) -> bool {
    let mut chars = item.trim_start().chars();
    let is_letter = chars.next().is_some_and(|letter| letter.is_ascii_alphabetic());
    let is_alone = chars.as_str() == ":";
    let behind = part.find(item).and_then(|at| part.get(at + item.len()..));
    is_letter && is_alone && behind.is_some_and(|rest| rest.starts_with(['/', '\\']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_each_separator_and_no_drive_is_cut_off() {
        for (list, wanted) in [
            ("a.dll;b.dll", &["a.dll", "b.dll"][..]),
            ("a.dll:b.dll, c.dll", &["a.dll", "b.dll", "c.dll"]),
            (" ; ", &[]),
        ] {
            assert_eq!(items(&[list.to_owned()]), wanted, "{list}");
        }
        for (list, wanted) in [
            (r"C:\a;D:\b", &[r"C:\a", r"D:\b"][..]),
            ("C:/a:D:/b", &["C:/a", "D:/b"]),
            ("a/b:c/d,e", &["a/b", "c/d", "e"]),
            ("/a/b:/c", &["/a/b", "/c"]),
            ("x:/y/z;q", &["x:/y/z", "q"]),
        ] {
            assert_eq!(directories(&[list.to_owned()]), wanted, "{list}");
        }
    }
}
