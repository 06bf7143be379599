//! What will be done: the command line over a file of settings over the environment over the defaults. Nothing else in
//! truewheel reads the environment.

mod check;
mod files;
mod in_force;
mod layers;
mod lock;
mod macos;
mod manual;
mod merge;
mod needed;
mod options;
mod project;
mod python;
mod search;
mod windows;

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use truewheel_repair::groups::{self, GROUPS, Group};
use truewheel_repair::{Lock, Options, SearchDirectory};

use crate::cli::{self, Cli, ColorChoice, Command, Settings};
use crate::frontends::{self, AddplatTask, ListdepsTask, PatchTask, PathTask, TOOLS, Voice};
use crate::shims::Shims;
use files::expand;
use layers::{Layer, Merged, Source};
use project::{Choice, Project};

pub(crate) use check::CheckTask;
pub(crate) use in_force::{InForce, Setting};
pub(crate) use lock::text as lock_text;
pub(crate) use merge::MergeTask;
pub(crate) use needed::ReplaceNeededTask;
pub(crate) use options::includes;
#[cfg(test)]
pub(crate) use project::SYSTEMS;

/// More than any machine has cores for.
const MOST_THREADS: usize = 1024;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// Everything a run needs to know.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) verbosity: Verbosity,
    pub(crate) color: ColorChoice,
    pub(crate) threads: Option<usize>,
    /// In whose manner the run speaks.
    pub(crate) voice: Voice,
    /// What was typed and may be a mistake.
    pub(crate) warnings: Vec<String>,
    pub(crate) task: Task,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Task {
    Repair(RepairTask),
    Check(CheckTask),
    Merge(Box<MergeTask>),
    Show(LookTask),
    Tree(LookTask),
    Needed(PathBuf),
    ReplaceNeeded(Box<ReplaceNeededTask>),
    InstallShims(Shims),
    Listdeps(ListdepsTask),
    Addplat(AddplatTask),
    Patch(Box<PatchTask>),
    Path(PathTask),
    Groups(GroupsTask),
    InForce {
        found: Box<InForce>,
        json: bool,
    },
    /// What was asked for is there no more; what to say of it.
    Gone(String),
    /// A text that hangs on nothing but the program.
    Text(String),
    /// The manual, into a directory.
    Manual(PathBuf),
}

/// One file and what is to be done to it.
#[derive(Debug)]
pub(crate) struct Job<T> {
    pub(crate) file: PathBuf,
    pub(crate) options: T,
}

/// A repair of several wheels.
#[derive(Debug)]
pub(crate) struct RepairTask {
    pub(crate) jobs: Vec<Job<Options>>,
    /// The list that takes over what the wheels bring along.
    pub(crate) update_lock: Option<Lock>,
    pub(crate) dry_run: bool,
    pub(crate) json: bool,
}

/// Files to look at, without changing anything.
#[derive(Debug)]
pub(crate) struct LookTask {
    pub(crate) jobs: Vec<Job<Options>>,
    /// A wheel without binaries is as good as any.
    pub(crate) is_pure_fine: bool,
    pub(crate) json: bool,
}

/// A list of named sets of libraries.
#[derive(Debug)]
pub(crate) struct GroupsTask {
    pub(crate) groups: Vec<&'static Group>,
    pub(crate) json: bool,
}

/// What counts beside what is typed for a command, and what is to be said of all that.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// The file of settings.
    project: Option<Project>,
    /// No file of the project counts.
    is_alone: bool,
    /// The lock is going to be written, so wheels are not held against it.
    updates_lock: bool,
    pub(crate) warnings: Vec<String>,
}

impl Surroundings {
    /// For a command line that has no word for the file of settings.
    pub(crate) fn usual() -> Result<Self> {
        Self::chosen(&Choice::default())
    }

    fn chosen(choice: &Choice) -> Result<Self> {
        let project = Project::find(choice)?;
        Ok(Self { project, is_alone: choice.none, ..Self::default() })
    }

    /// Where the lock is if nobody says.
    fn usual_lock(&self) -> PathBuf {
        lock::usual_path(self.project.as_ref().map(|project| &*project.path))
    }
}

/// Wrong usage, in words.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

type Result<T> = std::result::Result<T, UsageError>;

/// What was typed, the program first.
pub(crate) fn typed() -> Vec<OsString> {
    needed::with_two_dashes(env::args_os())
}

/// `help migrate` is no help for a command: the page on what older tools' options are called here.
pub(crate) fn migration(words: &[OsString]) -> Result<Option<Config>> {
    let [_, help, migrate, rest @ ..] = words else { return Ok(None) };
    if help != "help" || migrate != "migrate" {
        return Ok(None);
    }
    let tool = rest.first().map(|word| word.to_string_lossy().into_owned());
    let page = frontends::migration(tool.as_deref())?;
    Ok(Some(Config {
        verbosity: Verbosity::Normal,
        color: ColorChoice::Auto,
        threads: None,
        voice: Voice::Own,
        warnings: Vec::new(),
        task: Task::Text(page),
    }))
}

/// Turns what was typed into what will be done.
pub(crate) fn configure(cli: Cli) -> Result<Config> {
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    };
    let threads = threads(cli.global.threads)?;
    let choice = Choice {
        file: cli.global.config,
        directory: cli.global.project,
        none: cli.global.no_config,
    };
    let mut here = Surroundings::chosen(&choice)?;
    let task = match cli.command {
        Command::Repair(typed) => Task::Repair(repair(*typed, &mut here)?),
        Command::Check(typed) => Task::Check(check::check(*typed, &mut here)?),
        Command::Merge(typed) => Task::Merge(Box::new(merge::merge(typed, &here)?)),
        Command::Show(typed) => Task::Show(show(typed, &mut here)?),
        Command::Tree(typed) => Task::Tree(tree(typed, &mut here)?),
        Command::Needed(typed) => Task::Needed(typed.file),
        Command::ReplaceNeeded(typed) => {
            Task::ReplaceNeeded(Box::new(needed::replace_needed(typed)?))
        }
        Command::Config(typed) => in_force::in_force(typed, &here)?,
        Command::InstallShims(typed) => Task::InstallShims(shims(typed)?),
        Command::Groups(typed) => Task::Groups(GroupsTask {
            groups: match typed.names.as_slice() {
                [] => GROUPS.iter().collect(),
                names => groups_of(names)?,
            },
            json: typed.json,
        }),
        Command::Completions(typed) => Task::Text(cli::completions(typed.shell)),
        Command::Man(typed) => manual::manual(typed)?,
    };
    let (color, voice) = (cli.global.color, Voice::Own);
    let warnings = here.warnings;
    Ok(Config { verbosity, color, threads, voice, warnings, task })
}

fn shims(typed: cli::InstallShims) -> Result<Shims> {
    let program = env::current_exe().and_then(std::fs::canonicalize);
    let program = program
        .map_err(|error| UsageError(format!("where truewheel lies cannot be told: {error}")))?;
    let names = TOOLS.iter().map(|(name, _)| format!("{name}{}", env::consts::EXE_SUFFIX));
    let cli::InstallShims { directory, copy, force } = typed;
    Ok(Shims { program, directory, names: names.collect(), copy, force })
}

/// Two wheels to be made one, as `typed`.
pub(crate) fn merge(typed: cli::Merge) -> Result<MergeTask> {
    merge::merge(typed, &Surroundings::usual()?)
}

/// A version of macOS that `option` names.
pub(crate) fn macos_version(option: &str, text: &str) -> Result<truewheel_repair::MacosVersion> {
    macos::version(option, text)
}

/// A platform tag, whatever it is for.
pub(crate) fn platform_tag(text: &str) -> truewheel_repair::PlatformTag {
    options::tag(text)
}

/// A path whose `~` the shell has left to the program.
pub(crate) fn from_home(path: PathBuf) -> PathBuf {
    let rest = path.strip_prefix("~").ok().map(Path::to_path_buf);
    match (rest, variable("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path,
    }
}

/// New names for what one file for Windows imports, in the file itself.
pub(crate) fn replace_needed_in_place(
    file: PathBuf,
    change: &[String],
) -> Result<ReplaceNeededTask> {
    let typed = cli::ReplaceNeeded { file, change: change.to_vec(), output: None };
    needed::replace_needed(typed)
}

/// The number of threads that was asked for.
pub(crate) fn threads(typed: Option<usize>) -> Result<Option<usize>> {
    let threads = match typed {
        Some(threads) => Some(threads),
        None => number("TRUEWHEEL_THREADS")?,
    };
    match threads.filter(|threads| !(1..=MOST_THREADS).contains(threads)) {
        Some(threads) => Err(UsageError(format!(
            "the number of threads is {threads}, it should be 1 to {MOST_THREADS}"
        ))),
        None => Ok(threads),
    }
}

fn repair(typed: cli::Repair, here: &mut Surroundings) -> Result<RepairTask> {
    let cli::Repair { wheels, repairing, search, left_out, windows, .. } = typed;
    let cli::Repair { processors, expected, update_lock, dry_run, json, .. } = typed;
    let judging = cli::Judging::default();
    let settings = Settings { search, left_out, processors, repairing, windows, expected, judging };
    here.updates_lock = update_lock;
    let jobs = repair_jobs(wheels, &settings, here)?;
    let update_lock = match update_lock {
        true => Some(lock_to_update(&settings, here)?),
        false => None,
    };
    Ok(RepairTask { jobs, update_lock, dry_run, json })
}

/// The lock that is to be written, as it is now.
fn lock_to_update(typed: &Settings, here: &Surroundings) -> Result<Lock> {
    let merged = layers::merge(&sources(typed, here.project.as_ref(), None)?)?;
    let said = merged.settings.expected.lock;
    lock::read(&said.unwrap_or_else(|| here.usual_lock()), true)
}

/// Each wheel with what a repair is told of it; `typed` is what the command line says.
pub(crate) fn repair_jobs(
    wheels: Vec<PathBuf>,
    typed: &Settings,
    here: &mut Surroundings,
) -> Result<Vec<Job<Options>>> {
    jobs(wheels, typed, here, options::repair)
}

/// Each file with where its libraries are looked for; `typed` is what the command line says.
pub(crate) fn look_jobs(
    files: Vec<PathBuf>,
    typed: &Settings,
    here: &mut Surroundings,
) -> Result<Vec<Job<Options>>> {
    jobs(files, typed, here, options::look)
}

fn show(typed: cli::Show, here: &mut Surroundings) -> Result<LookTask> {
    let cli::Show { wheels, search, left_out, processors, json } = typed;
    let settings = Settings { search, left_out, processors, ..Settings::default() };
    Ok(LookTask { jobs: look_jobs(wheels, &settings, here)?, is_pure_fine: true, json })
}

fn tree(typed: cli::Tree, here: &mut Surroundings) -> Result<LookTask> {
    let cli::Tree { files, search, left_out, json } = typed;
    let settings = Settings { search, left_out, ..Settings::default() };
    Ok(LookTask { jobs: look_jobs(files, &settings, here)?, is_pure_fine: true, json })
}

/// Makes the options of each file out of all that is said about it.
fn jobs<T>(
    files: Vec<PathBuf>,
    typed: &Settings,
    here: &mut Surroundings,
    make: impl Fn(&Merged, &mut Vec<String>) -> Result<T>,
) -> Result<Vec<Job<T>>> {
    let mut jobs = Vec::new();
    for file in expand(files)? {
        let mut merged = layers::merge(&sources(typed, here.project.as_ref(), Some(&file))?)?;
        let usual = Some(here.usual_lock()).filter(|path| !here.is_alone && path.is_file());
        let said = merged.settings.expected.lock.take();
        merged.settings.expected.lock = said.or(usual).filter(|_| !here.updates_lock);
        let options = make(&merged, &mut here.warnings)?;
        jobs.push(Job { file, options });
    }
    // Files share most of what is said about them, and so its mistakes.
    let mut seen = BTreeSet::new();
    here.warnings.retain(|warning| seen.insert(warning.clone()));
    Ok(jobs)
}

/// All that says what to do with `file`, the highest first.
fn sources(typed: &Settings, project: Option<&Project>, file: Option<&Path>) -> Result<Vec<Layer>> {
    let mut sources = vec![Layer::new(Source::CommandLine, typed)?];
    if let Some(project) = project {
        sources.extend(project.layers(file)?);
    }
    sources.extend(environment(&sources)?);
    Ok(sources)
}

/// What variables say that options say as well. A variable that others are over is not even read.
fn environment(above: &[Layer]) -> Result<Vec<Layer>> {
    let paths = "TRUEWHEEL_LIBRARY_PATH";
    let mut of_paths = Settings::default();
    for directory in from_variable(paths)? {
        let text = directory.path.into_os_string().into_string();
        of_paths.search.lib_path.push(text.map_err(|path| {
            UsageError(format!("{paths} has `{}`, which is no text", path.display()))
        })?);
    }
    let level = "AUDITWHEEL_ZIP_COMPRESSION_LEVEL";
    let mut of_level = Settings::default();
    if !above.iter().any(|layer| layer.settings.contains_key("zip-compression-level")) {
        of_level.repairing.zip_compression_level = match number(level)? {
            Some(number @ 13..) => {
                return Err(UsageError(format!("{level} is {number}, it should be 0 to 12")));
            }
            number => number,
        };
    }
    Ok(vec![
        Layer::new(Source::Variable(paths), &of_paths)?,
        Layer::new(Source::Variable(level), &of_level)?,
    ])
}

/// What the engine says of options that no wheel can satisfy.
pub(crate) fn wrong(error: truewheel_repair::Error) -> UsageError {
    UsageError(error.to_string())
}

/// A left-over placeholder of a build tool, such as `{ldpaths}`, is no value.
fn is_placeholder(value: &str) -> bool {
    value.len() > 2
        && value.starts_with('{')
        && value.ends_with('}')
        && value[1..value.len() - 1].bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Each named group once, in the order of the names.
fn groups_of(names: &[String]) -> Result<Vec<&'static Group>> {
    let mut groups = Vec::new();
    for name in names.iter().map(|name| name.trim()) {
        let group = groups::find(name).ok_or_else(|| {
            let near = groups::nearest(name);
            let near = near.map(|group| format!("; the nearest is `{}`", group.name));
            UsageError(format!(
                "there is no group `{name}`{}\n  hint: `truewheel groups` lists them",
                near.unwrap_or_default()
            ))
        })?;
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    Ok(groups)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty() && !is_placeholder(value))
}

fn number<T: std::str::FromStr>(name: &str) -> Result<Option<T>> {
    let Some(value) = variable(name) else { return Ok(None) };
    match value.trim().parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(UsageError(format!("{name} is `{value}`, it should be a whole number"))),
    }
}

/// The directories of a list variable.
fn from_variable(name: &str) -> Result<Vec<SearchDirectory>> {
    let Some(value) = env::var_os(name) else { return Ok(Vec::new()) };
    split(&value)
        .iter()
        .map(|path| Ok(SearchDirectory { path: files::absolute(path)?, origin: name.to_owned() }))
        .collect()
}

/// The parts of a list of directories, as the system separates them. An empty one is the working
/// directory for ld.so; a repair must not hang on where it was started, so such are left out.
fn split(value: &OsStr) -> Vec<PathBuf> {
    env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).collect()
}
