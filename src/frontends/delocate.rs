//! delocate's programs, each with its own command line, as of version 0.13.
//!
//! `--exclude` is a part of a path here and no pattern, a wheel is repaired in its place unless a directory
//! is named, and success says nothing. Tags are truewheel's own: where a file needs macOS 12.3, delocate
//! writes `12_0`, where the wheel does not load, and truewheel `13_0`.

mod addplat;
mod listdeps;
mod patch;
mod path;
mod wheel;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, Parser};
use truewheel_repair::Options;

use super::{Refusal, Voice};
use crate::cli::{self, ColorChoice, Settings};
use crate::config::{self, Config, Task, Verbosity};

pub(super) use addplat::configure as configure_addplat;
pub(crate) use addplat::{AddplatTask, addplat};
pub(super) use listdeps::configure as configure_listdeps;
pub(crate) use listdeps::{Dependencies, ListdepsTask, listdeps};
pub(super) use patch::configure as configure_patch;
pub(crate) use patch::{PatchTask, patch};
pub(super) use path::configure as configure_path;
pub(crate) use path::{PathTask, path};
pub(super) use wheel::wheel;

/// The release that the answers are like, then truewheel's own.
const VERSION: &str = concat!("0.13.0 (truewheel ", env!("CARGO_PKG_VERSION"), ")");

/// What every program takes.
#[derive(Debug, Args)]
struct Common {
    /// Say more; can be given more than once
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

impl Common {
    fn config(&self, warnings: Vec<String>, task: Task) -> Result<Config, Refusal> {
        Ok(Config {
            verbosity: if self.verbose == 0 { Verbosity::Normal } else { Verbosity::Verbose },
            color: ColorChoice::Auto,
            threads: config::threads(None)?,
            voice: Voice::Delocate,
            warnings,
            task,
        })
    }
}

/// What delocate-wheel and delocate-path take alike.
#[derive(Debug, Args)]
struct Vendoring {
    /// Means nothing: files are told by their contents
    #[arg(short, long)]
    dylibs_only: bool,
    /// Leave libraries out whose path has this in it
    #[arg(short, long, value_name = "STR")]
    exclude: Vec<String>,
    /// What `@executable_path` stands for
    #[arg(long, value_name = "DIR")]
    executable_path: Option<PathBuf>,
    /// Leave out libraries that are found nowhere
    #[arg(long)]
    ignore_missing_dependencies: bool,
    /// Take out LC_RPATH entries of the build machine, as is done anyway
    #[arg(long, overrides_with = "no_sanitize_rpaths")]
    sanitize_rpaths: bool,
    /// Keep them
    #[arg(long)]
    no_sanitize_rpaths: bool,
}

impl Vendoring {
    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.left_out.exclude = self.exclude.iter().map(|part| contains(part)).collect();
        settings.repairing.ignore_missing_dependencies =
            self.ignore_missing_dependencies.then_some(true);
        settings
    }

    /// What no setting says.
    fn complete(&self, options: &mut Options) {
        options.macos.keep_rpaths = self.no_sanitize_rpaths;
        options.search.executable_path.clone_from(&self.executable_path);
    }
}

/// The pattern of paths that have `part` in them.
fn contains(part: &str) -> String {
    let mut pattern = String::from("*");
    for c in part.chars() {
        match c {
            '*' | '?' | '[' | ']' | '{' | '}' => pattern.extend(['[', c, ']']),
            '\\' => pattern.push_str("\\\\"),
            c => pattern.push(c),
        }
    }
    pattern + "*"
}

fn parsed<P: Parser>(words: Vec<OsString>) -> Result<P, Refusal> {
    Ok(P::try_parse_from(words)?)
}

/// Makes one wheel for both kinds of Mac out of two.
#[derive(Debug, Parser)]
#[command(name = "delocate-merge", version = VERSION, infer_long_args = true)]
struct Merge {
    #[command(flatten)]
    common: Common,
    /// A wheel for one kind of Mac, and the same wheel for the other
    #[arg(num_args = 2, required = true, value_names = ["WHEEL1", "WHEEL2"])]
    wheels: Vec<PathBuf>,
    /// Directory for the new wheel [default: that of the first wheel]
    #[arg(short = 'w', long)]
    wheel_dir: Option<PathBuf>,
}

pub(super) fn merge(words: Vec<OsString>) -> Result<Config, Refusal> {
    let Merge { common, wheels, wheel_dir } = parsed(words)?;
    let beside = wheels.first().and_then(|wheel| wheel.parent()).map(Path::to_path_buf);
    let beside = beside.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| ".".into());
    let typed = cli::Merge {
        wheels,
        wheel_dir: wheel_dir.map_or(beside, config::from_home),
        take_first: Vec::new(),
        take_second: Vec::new(),
        macos_round: None,
        zip_compression_level: None,
        dry_run: false,
        json: false,
    };
    let mut task = config::merge(typed)?;
    // The command line has no word for it, and delocate does so.
    task.options.else_second = true;
    common.config(Vec::new(), Task::Merge(Box::new(task)))
}

/// delocate took this program out; it answers with what took its place.
#[derive(Debug, Parser)]
#[command(name = "delocate-fuse", version = VERSION)]
struct Fuse {
    /// Whatever was typed
    #[arg(value_name = "WORDS", allow_hyphen_values = true, trailing_var_arg = true)]
    words: Vec<OsString>,
}

pub(super) fn fuse(words: Vec<OsString>) -> Result<Config, Refusal> {
    let Fuse { words } = parsed(words)?;
    let common = Common { verbose: 0 };
    let pair = match words.as_slice() {
        [] | [_] => "WHEEL OTHER".to_owned(),
        words => words.join(" ".as_ref()).to_string_lossy().into_owned(),
    };
    let text = format!("delocate-fuse has been removed\n  hint: `delocate-merge {pair}`\n");
    common.config(Vec::new(), Task::Gone(text))
}

/// Every parser, for what is made from them.
#[cfg(test)]
pub(super) fn commands() -> Vec<clap::Command> {
    let merge = <Merge as clap::CommandFactory>::command();
    let two = [addplat::command(), patch::command()];
    let three = [wheel::command(), listdeps::command(), path::command()];
    two.into_iter().chain(three).chain([merge]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_excluded_is_a_part_and_no_pattern() {
        assert_eq!(contains("/opt/lib"), "*/opt/lib*");
        assert_eq!(contains("a*[b]"), "*a[*][[]b[]]*");
    }
}
