//! Finds the shared libraries that a wheel needs and its target does not provide, brings them along
//! under names of their own, and makes each loader find them.
//!
//! [`repair`] is eight steps: open, scan, resolve, assess, plan, patch, write, verify. The first four
//! are the survey, which takes any wheel as it is; [`plan()`] is the first five: nothing is changed
//! before the plan, and nothing is decided after it.

mod binary;
mod check;
mod deflating;
mod directory;
mod dll_code;
mod dlopen;
mod error;
mod expect;
mod fetch;
pub mod groups;
mod init_patch;
mod left_out;
mod licenses;
mod links;
mod lock;
mod mangle;
mod merge;
mod names;
mod options;
mod patch;
mod pattern;
mod plan;
pub mod policy;
mod provided;
mod provider;
mod replace_needed;
mod report;
mod retag;
mod sbom;
mod scan;
mod search;
mod shim;
mod show;
mod survey;
pub mod target;
mod text_patch;
mod together;
mod tree;
mod usage;
mod verify;
mod wheel_target;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use truewheel_wheel::{MemberPath, Wheel, Written};

pub use check::{
    CHECK_SCHEMA, CheckOptions, CheckReport, Exception, Finding, RULES, Rule, Severity,
    SymbolPattern, check,
};
pub use directory::{DirectoryReport, repair_directory};
pub use error::{Error, ErrorKind, MissingLibrary, Result};
pub use lock::{Lock, LockEntry, LockedLibrary};
pub use merge::{MergeInput, MergeOptions, MergeReport, PreparedMerge, plan_merge, prepare_merge};
pub use names::{WheelName, matches_any, nearest_name};
pub use options::{
    Include, Layout, MacosOptions, Options, RpathStyle, SearchDirectory, SearchOptions,
    WindowsOptions,
};
pub use pattern::Unmatched;
pub use plan::{FileEdits, Plan, Vendored};
pub use policy::macos::{ARCHITECTURE_NAMES, MacosVersion, Rounding};
pub use provided::{Given, ProvidedBy};
pub use provider::{LicenseFile, Provider};
pub use replace_needed::{NameChanges, needed, replace_needed};
pub use report::{Report, VendoredLibrary, plain};
pub use retag::add_platforms;
pub use sbom::{Component, SbomPlan};
pub use search::sites::SitePackages;
pub use shim::Shim;
pub use show::{
    BundledLibrary, Claim, Level, LevelState, NeededLibrary, RunTimeName, SearchPath, Show,
    ShownBinary, Verdict, show,
};
pub use text_patch::apply_patch;
pub use together::{Stopped, persist_all};
pub use tree::{Need, Status, Tree, TreeFile, tree};
pub use truewheel_elf::Strip;
pub use truewheel_wheel::PlatformTag;

use binary::ElfFile;
use fetch::{Fetched, Keep};
use scan::Scan;
use survey::{Kind, LinuxSurvey, Survey};

/// Repairs `wheel` and returns what was done. The input is never changed, and the result gets its
/// name when it has been read again and found to be what was planned.
///
/// # Errors
///
/// The wheel cannot be read, needs a library that is not found, or does not earn the tag that was
/// asked for. Nothing is written then.
pub fn repair(path: &Path, options: &Options) -> Result<Report> {
    prepare(path, options)?.persist()
}

/// Works with `threads` threads from now on; without this call, with one for each core. The results
/// are the same.
///
/// # Errors
///
/// The threads are already running, or the system refuses them.
pub fn use_threads(threads: usize) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| Error::refused(error.to_string()))
}

/// The files that `pattern` matches, sorted. Wildcards stand in its last part only.
///
/// # Errors
///
/// `pattern` is not one.
pub fn expand_pattern(pattern: &Path) -> Result<Vec<PathBuf>> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let shown = pattern.display();
    pattern::check(&shown.to_string(), &name)?;
    let matcher = pattern::globs(&[name.into_owned()])?;
    let directory = pattern.parent().unwrap_or(Path::new(""));
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    if !here.is_dir() {
        let text = directory.to_string_lossy();
        return Err(match text.contains(['*', '?', '[']) {
            true => Error::refused(format!("`{shown}`: wildcards stand in the last part only")),
            false => Error::refused(format!("no file matches `{shown}`: there is no `{text}`")),
        });
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir(here)
        .map_err(|error| Error::io(here, error))?
        .flatten()
        .map(|item| item.file_name())
        .filter(|name| matcher.is_match(Path::new(name)))
        .map(|name| directory.join(name))
        .collect();
    found.sort();
    Ok(found)
}

/// The rule of [`check()`] whose code is most like `code`.
pub fn nearest_rule(code: &str) -> Option<&'static Rule> {
    let near = pattern::nearest(code, RULES.iter().map(|rule| rule.code))?;
    RULES.iter().find(|rule| rule.code == near)
}

/// Does all of [`repair`] but give the result its name, so that several wheels can be written
/// together or not at all.
///
/// # Errors
///
/// As [`repair`].
pub fn prepare(path: &Path, options: &Options) -> Result<Prepared> {
    // On one of rayon's threads, so that what runs in the background has the others, and there is
    // none too many.
    rayon::scope(|_| prepare_here(path, options))
}

fn prepare_here(path: &Path, options: &Options) -> Result<Prepared> {
    let mut survey = survey::survey(path, options)?;
    let keep = Keep::Contents(options.compression_level);
    let (plan, libraries) = decide(&mut survey, options, keep)?;
    let Survey { wheel, scan, .. } = survey;
    carry_out(path, &wheel, &scan, plan, libraries, options)
}

/// Steps 6 to 8: nothing is decided any more, only done.
fn carry_out(
    path: &Path,
    wheel: &Wheel,
    scan: &Scan,
    plan: Plan,
    libraries: Libraries,
    options: &Options,
) -> Result<Prepared> {
    refuse_to_replace(path, &plan, options)?;
    let written = if plan.is_nothing() {
        Written::copy_of(wheel, &options.output)?
    } else {
        let mut members = patch::patch(wheel, &plan, libraries, options)?;
        members.extend(sbom::member(&plan, &members, options)?);
        let written = write::write(wheel, scan, &plan, members, &options.output)?;
        verify::verify(wheel, &written, &plan)?;
        written
    };
    expect::hold(&written, &plan.output_name, &options.expected)?;
    let output = options.output.join(&plan.output_name);
    Ok(Prepared { input: path.to_owned(), output, written, plan })
}

/// A repaired wheel that has been verified and has no name yet; dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Prepared {
    input: PathBuf,
    /// As the caller spelled the directory.
    output: PathBuf,
    written: Written,
    plan: Plan,
}

impl Prepared {
    /// The file name that the wheel will get.
    pub fn output_name(&self) -> &str {
        &self.plan.output_name
    }

    /// Gives the wheel its name, over a file that has it already.
    ///
    /// # Errors
    ///
    /// The operating system refuses the name.
    pub fn persist(self) -> Result<Report> {
        self.written.persist(&self.plan.output_name)?;
        Ok(Report::new(self.input, self.output, self.plan))
    }
}

/// The input stays as it is, also when the result has its name and shall lie beside it.
fn refuse_to_replace(input: &Path, plan: &Plan, options: &Options) -> Result<()> {
    let output = options.output.join(&plan.output_name);
    let is_same = match (std::fs::canonicalize(input), std::fs::canonicalize(&output)) {
        (Ok(input), Ok(output)) => input == output,
        _ => false,
    };
    if is_same && !plan.is_nothing() && !options.in_place {
        return Err(Error::refused_with(
            "the repaired wheel has the name of the input and would take its place",
            "choose another directory with `--wheel-dir`",
        ));
    }
    Ok(())
}

/// Says what [`repair`] would do to `wheel`, and changes nothing.
///
/// # Errors
///
/// As [`repair`], as far as they show before anything is written.
pub fn plan(path: &Path, options: &Options) -> Result<Plan> {
    let mut survey = survey::survey(path, options)?;
    decide(&mut survey, options, Keep::Digest).map(|(plan, _)| plan)
}

/// Vendored libraries as they were found, by their path in the wheel.
type Libraries = BTreeMap<MemberPath, Fetched>;

/// Refuses what no repair may touch, then step 5.
fn decide(survey: &mut Survey, options: &Options, keep: Keep) -> Result<(Plan, Libraries)> {
    if !survey.faults.is_empty() {
        return Err(survey.faults.swap_remove(0));
    }
    let Survey { wheel, scan, links, kind, .. } = survey;
    let unmatched = left_out::nothing_matched(options)?;
    let alone = |plan: Plan| (Plan { unmatched, ..plan }, Libraries::new());
    let (plan, paths, mut fetched) = match kind {
        Kind::Linux(linux) => {
            let LinuxSurvey { target, graph, assessment } = &mut **linux;
            search::identity::unite(graph, &mut assessment.vendor);
            let wanted = graph.libraries_of(&assessment.vendor);
            let strip = |file: &Arc<ElfFile>| fetch::strippable(file, options.strip);
            let fetched = fetch::fetch(&mut graph.libraries, wanted, keep, strip)?;
            let (plan, paths) = plan::plan(&plan::Findings {
                wheel,
                scan,
                links,
                graph,
                target,
                assessment,
                fetched: &fetched,
                options,
            })?;
            (plan, paths, fetched)
        }
        Kind::Macos(macos) => {
            let wanted = macos.graph.libraries_of(&macos.vendor);
            let fetched = fetch::fetch(&mut macos.graph.libraries, wanted, keep, |_| None)?;
            let findings = plan::MacFindings {
                directory: plan::macos_directory(wheel, options)?,
                files: wheel.members().iter().map(|member| &member.path).collect(),
                distribution: &wheel.filename().distribution,
                is_directory: false,
                macos,
                fetched: &fetched,
                options,
            };
            let (plan, paths) = plan::macos(wheel, scan, links, &findings)?;
            (plan, paths, fetched)
        }
        Kind::Windows(windows) => {
            let wanted = windows.graph.libraries_of(&windows.vendor);
            let fetched = fetch::fetch(&mut windows.graph.libraries, wanted, keep, |_| None)?;
            let findings = plan::WinFindings { wheel, scan, windows, fetched: &fetched, options };
            let (plan, paths) = plan::windows(&findings)?;
            (plan, paths, fetched)
        }
        Kind::Other | Kind::Any => return plan::base(wheel, scan, options).map(alone),
        Kind::WithoutBinaries | Kind::Unfit => {
            return plan::without_binaries(wheel, scan, links, options).map(alone);
        }
    };
    let libraries =
        paths.into_iter().filter_map(|(id, path)| Some((path, fetched.remove(&id)?))).collect();
    Ok((plan, libraries))
}

/// Whether a tag is for a system whose wheels are only looked at.
pub(crate) fn is_foreign(tag: &PlatformTag) -> bool {
    matches!(tag, PlatformTag::Ios { .. } | PlatformTag::Wasm(_))
}
