//! What will be done: the command line over the environment over the defaults. Nothing else in
//! truewheel reads the environment.

mod check;
mod macos;
mod merge;
mod needed;
mod windows;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use truewheel_repair::groups::{self, GROUPS, Group};
use truewheel_repair::{
    Include, Options, PlatformTag, RpathStyle, SearchDirectory, SearchOptions, Strip,
};

use crate::cli::{self, Cli, ColorChoice, Command};

pub(crate) use check::CheckTask;
pub(crate) use merge::MergeTask;
pub(crate) use needed::ReplaceNeededTask;

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
    /// What was typed and may be a mistake.
    pub(crate) warnings: Vec<String>,
    pub(crate) task: Task,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Task {
    Repair(Box<RepairTask>),
    Check(Box<CheckTask>),
    Merge(Box<MergeTask>),
    Show(Box<LookTask>),
    Tree(Box<LookTask>),
    Needed(PathBuf),
    ReplaceNeeded(Box<ReplaceNeededTask>),
    Groups(GroupsTask),
}

/// A repair of several wheels.
#[derive(Debug)]
pub(crate) struct RepairTask {
    pub(crate) wheels: Vec<PathBuf>,
    pub(crate) options: Options,
    pub(crate) dry_run: bool,
    pub(crate) json: bool,
}

/// Files to look at, without changing anything.
#[derive(Debug)]
pub(crate) struct LookTask {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) options: Options,
    pub(crate) json: bool,
}

/// A list of named sets of libraries.
#[derive(Debug)]
pub(crate) struct GroupsTask {
    pub(crate) groups: Vec<&'static Group>,
    pub(crate) json: bool,
}

/// Wrong usage, in words.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

type Result<T> = std::result::Result<T, UsageError>;

/// What was typed, the program first.
pub(crate) fn typed() -> Vec<OsString> {
    needed::with_two_dashes(env::args_os())
}

/// Turns what was typed into what will be done.
pub(crate) fn configure(cli: Cli) -> Result<Config> {
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    };
    let threads = match cli.global.threads {
        Some(threads) => Some(threads),
        None => number("TRUEWHEEL_THREADS")?,
    };
    if let Some(threads) = threads.filter(|threads| !(1..=MOST_THREADS).contains(threads)) {
        let what = format!("the number of threads is {threads}, it should be 1 to {MOST_THREADS}");
        return Err(UsageError(what));
    }
    let mut warnings = Vec::new();
    let task = match cli.command {
        Command::Repair(typed) => Task::Repair(Box::new(repair(*typed, &mut warnings)?)),
        Command::Check(typed) => Task::Check(Box::new(check::check(*typed)?)),
        Command::Merge(typed) => Task::Merge(Box::new(merge::merge(typed)?)),
        Command::Show(typed) => Task::Show(Box::new(show(typed, &mut warnings)?)),
        Command::Tree(typed) => Task::Tree(Box::new(tree(typed, &mut warnings)?)),
        Command::Needed(typed) => Task::Needed(typed.file),
        Command::ReplaceNeeded(typed) => {
            Task::ReplaceNeeded(Box::new(needed::replace_needed(typed)?))
        }
        Command::Groups(typed) => Task::Groups(GroupsTask {
            groups: match typed.names.as_slice() {
                [] => GROUPS.iter().collect(),
                names => groups_of(names)?,
            },
            json: typed.json,
        }),
    };
    Ok(Config { verbosity, color: cli.global.color, threads, warnings, task })
}

fn repair(typed: cli::Repair, warnings: &mut Vec<String>) -> Result<RepairTask> {
    if typed.only_plat && typed.no_update_tags {
        warnings.push("`--only-plat` does nothing beside `--no-update-tags`".to_owned());
    }
    let options = Options {
        output: typed.wheel_dir,
        platform: platform(typed.plat.as_deref())?,
        platform_hint: platform_hint(typed.plat.as_deref(), warnings),
        only_platform: typed.only_plat,
        keep_tags: typed.no_update_tags,
        lib_sdir: typed.lib_sdir,
        force_vendor: given(typed.force_vendor),
        include: includes(given(typed.include))?,
        no_mangle: match typed.windows.no_mangle_all {
            true => vec!["*".to_owned()],
            false => given(typed.no_mangle),
        },
        windows: windows::options(typed.windows)?,
        macos: macos::options(typed.max_minos, typed.require_archs, typed.macos_round)?,
        rpath_style: match typed.rpath_style {
            cli::RpathStyle::Target => RpathStyle::Target,
            cli::RpathStyle::Rpath => RpathStyle::Rpath,
            cli::RpathStyle::Runpath => RpathStyle::Runpath,
        },
        clear_executable_stack: typed.clear_execstack,
        strip: match (typed.strip, typed.strip_debug) {
            (true, _) => Some(Strip::All),
            (false, true) => Some(Strip::Debug),
            (false, false) => None,
        },
        allow_isa_extensions: typed.disable_isa_ext_check,
        ignore_missing: typed.ignore_missing_dependencies,
        sbom: !typed.no_sbom,
        licenses: typed.licenses,
        source_date_epoch: number("SOURCE_DATE_EPOCH")?,
        compression_level: level(typed.zip_compression_level)?,
        ..look(typed.search, warnings)?
    };
    options.validate().map_err(wrong)?;
    let wheels = expand(typed.wheels)?;
    Ok(RepairTask { wheels, options, dry_run: typed.dry_run, json: typed.json })
}

fn show(typed: cli::Show, warnings: &mut Vec<String>) -> Result<LookTask> {
    let mut options = look(typed.search, warnings)?;
    options.allow_isa_extensions = typed.disable_isa_ext_check;
    Ok(LookTask { files: expand(typed.wheels)?, options, json: typed.json })
}

fn tree(typed: cli::Tree, warnings: &mut Vec<String>) -> Result<LookTask> {
    let options = look(typed.search, warnings)?;
    Ok(LookTask { files: expand(typed.files)?, options, json: typed.json })
}

/// Where is looked for libraries, and which are left out; the rest is as usual.
fn look(typed: cli::Search, warnings: &mut Vec<String>) -> Result<Options> {
    let options = Options {
        search: search(&typed.lib_path, typed.ldpaths.as_deref(), typed.sysroot, warnings)?,
        exclude: given(typed.exclude),
        exclude_groups: groups_of(&given(typed.exclude_group))?,
        ..Options::default()
    };
    options.validate().map_err(wrong)?;
    Ok(options)
}

/// What the engine says of options that no wheel can satisfy.
fn wrong(error: truewheel_repair::Error) -> UsageError {
    UsageError(error.to_string())
}

/// A left-over placeholder of a build tool, such as `{ldpaths}`, is no value.
fn is_placeholder(value: &str) -> bool {
    value.len() > 2
        && value.starts_with('{')
        && value.ends_with('}')
        && value[1..value.len() - 1].bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn given(values: Vec<String>) -> Vec<String> {
    values.into_iter().filter(|value| !value.is_empty() && !is_placeholder(value)).collect()
}

/// `LIB` or `LIB=DIR`; a path may be a pattern, as the shell expands none in front of `=`.
fn includes(typed: Vec<String>) -> Result<Vec<Include>> {
    let mut includes = Vec::new();
    for text in typed {
        let (library, directory) = match text.rsplit_once('=') {
            Some((library, directory)) if !Path::new(&text).exists() => {
                (library.to_owned(), Some(directory.to_owned()))
            }
            _ => (text.clone(), None),
        };
        if library.is_empty() || directory.as_deref() == Some("") {
            return Err(UsageError(format!(
                "`--include {text}` should be a library, or a library, `=` and a directory"
            )));
        }
        if !library.contains(std::path::is_separator) {
            includes.push(Include { library, directory });
            continue;
        }
        if Path::new(&library).is_dir() {
            let library = library.trim_end_matches(std::path::is_separator);
            return Err(UsageError(format!(
                "`--include {text}` names a directory, it should be a library\n  hint: \
                 `--include '{library}/*.so'` names those in it"
            )));
        }
        for path in expand(vec![PathBuf::from(library)])? {
            let library = absolute(&path)?.to_string_lossy().into_owned();
            includes.push(Include { library, directory: directory.clone() });
        }
    }
    Ok(includes)
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

fn platform(typed: Option<&str>) -> Result<Option<PlatformTag>> {
    let Some(text) = typed.filter(|value| !is_placeholder(value)) else { return Ok(None) };
    if matches!(text, "auto" | "") {
        return Ok(None);
    }
    if !matches!(tag(text), PlatformTag::Other(_) | PlatformTag::Any) {
        return Ok(Some(tag(text)));
    }
    // `manylinux_2_28` is how people speak of manylinux_2_28_x86_64.
    let whole = format!("{text}_x86_64");
    Err(UsageError(match tag(&whole) {
        PlatformTag::Other(_) | PlatformTag::Any => {
            format!("`--plat {text}` is no platform tag, such as manylinux_2_28_x86_64 or `auto`")
        }
        _ => format!("`--plat {text}` lacks the architecture, as in {whole}"),
    }))
}

/// The manylinux images set AUDITWHEEL_PLAT: a wish, not an order, for wheels of their kind.
fn platform_hint(typed: Option<&str>, warnings: &mut Vec<String>) -> Option<PlatformTag> {
    if typed.is_some_and(|value| !is_placeholder(value)) {
        return None;
    }
    let text = variable("AUDITWHEEL_PLAT").filter(|text| text != "auto")?;
    let hint = tag(&text);
    if matches!(hint, PlatformTag::Other(_) | PlatformTag::Any) {
        warnings
            .push(format!("AUDITWHEEL_PLAT is `{text}`, which is no platform tag: it is not used"));
        return None;
    }
    Some(hint)
}

fn tag(text: &str) -> PlatformTag {
    text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

fn level(typed: Option<u32>) -> Result<u32> {
    let name = "AUDITWHEEL_ZIP_COMPRESSION_LEVEL";
    let level = match typed {
        Some(level) => Some(level),
        None => number(name)?,
    };
    match level {
        None => Ok(Options::default().compression_level),
        Some(level @ 0..=12) => Ok(level),
        Some(level) => Err(UsageError(format!("{name} is {level}, it should be 0 to 12"))),
    }
}

fn search(
    lib_path: &[String],
    ldpaths: Option<&str>,
    sysroot: Option<PathBuf>,
    warnings: &mut Vec<String>,
) -> Result<SearchOptions> {
    let mut lib_paths = Vec::new();
    for value in lib_path.iter().filter(|value| !is_placeholder(value)) {
        for path in directories("--lib-path", value)? {
            // It may be meant, as builds put libraries into `lib` or `lib64`; it may be misspelt, too.
            if !path.exists() {
                let shown = path.display();
                warnings.push(format!("`--lib-path {shown}`: there is no such directory"));
            }
            lib_paths.push(SearchDirectory { path, origin: "--lib-path".to_owned() });
        }
    }
    let name = "TRUEWHEEL_LIBRARY_PATH";
    for directory in from_variable(name)? {
        let shown = directory.path.display();
        if !directory.path.is_dir() {
            warnings.push(format!("{name} has `{shown}`: there is no such directory"));
        }
        lib_paths.push(directory);
    }
    let mut environment = from_variable("AUDITWHEEL_LD_LIBRARY_PATH")?;
    let ldpaths = match ldpaths.filter(|value| !is_placeholder(value)) {
        Some(value) => Some(directories("--ldpaths", value)?),
        None => {
            environment.extend(from_variable("LD_LIBRARY_PATH")?);
            None
        }
    };
    // cibuildwheel's own name for what macOS takes out of the environment of every /bin/sh.
    let mut dyld = from_variable("REPAIR_LIBRARY_PATH")?;
    dyld.extend(from_variable("DYLD_LIBRARY_PATH")?);
    let dyld_fallback = from_variable("DYLD_FALLBACK_LIBRARY_PATH")?;
    let sysroot = sysroot.map(|path| existing_directory(&path)).transpose()?;
    Ok(SearchOptions { lib_paths, environment, dyld, dyld_fallback, ldpaths, sysroot })
}

/// The absolute directories of one value; a file cannot be meant.
fn directories(option: &str, value: &str) -> Result<Vec<PathBuf>> {
    let paths = env::split_paths(value).filter(|path| !path.as_os_str().is_empty());
    paths
        .map(|path| match path.is_file() {
            true => Err(UsageError(format!(
                "`{option} {}` is a file, it should be a directory",
                path.display()
            ))),
            false => absolute(&path),
        })
        .collect()
}

/// The absolute directories of a list variable. An empty entry is the working directory for ld.so;
/// a repair must not hang on where it was started, so such entries are left out.
fn from_variable(name: &str) -> Result<Vec<SearchDirectory>> {
    let Some(value) = env::var_os(name) else { return Ok(Vec::new()) };
    env::split_paths(&value)
        .filter(|path| !path.as_os_str().is_empty())
        .map(|path| Ok(SearchDirectory { path: absolute(&path)?, origin: name.to_owned() }))
        .collect()
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| UsageError(format!("`{}` is no directory: {error}", path.display())))
}

fn existing_directory(path: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(path)
        .ok()
        .filter(|path| path.is_dir())
        .ok_or_else(|| UsageError(format!("there is no directory `{}`", path.display())))
}

/// cmd.exe hands patterns over as they are; so does a quoted argument elsewhere.
fn expand(wheels: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let mut expanded: Vec<PathBuf> = Vec::new();
    for wheel in wheels {
        let text = wheel.to_string_lossy().into_owned();
        if wheel.exists() || !text.contains(['*', '?', '[']) {
            expanded.push(wheel);
            continue;
        }
        let found = truewheel_repair::expand_pattern(&wheel).map_err(wrong)?;
        if found.is_empty() {
            return Err(UsageError(format!("no file matches `{text}`")));
        }
        expanded.extend(found);
    }
    // One file is one wheel, also under `./demo.whl`; under another file name it is another wheel.
    let mut seen = std::collections::BTreeSet::new();
    expanded.retain(|wheel| {
        let real = std::fs::canonicalize(wheel).unwrap_or_else(|_| wheel.clone());
        seen.insert((real, wheel.file_name().map(ToOwned::to_owned)))
    });
    Ok(expanded)
}
