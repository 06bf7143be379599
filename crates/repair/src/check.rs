//! Whether a finished wheel keeps what it promises, told from the wheel alone.
//!
//! `repair` asks what must be done to a wheel on the machine that built it; `check` asks what a
//! stranger gets who installs it. So no directory of this machine is searched: a library is in the
//! wheel, or the tag promises it, or it is missing. What is wrong is data, a [`Finding`] each: a
//! wheel may have many faults, and one reading tells them all. [`RULES`] lists them.
//!
//! What is not proved is not called an error. A finding that depends on what else an environment
//! has is a warning, and its message says on what.

mod blas;
mod content;
mod dist_info;
mod dlopen;
mod facts;
mod finding;
mod lack;
mod libraries;
mod linux;
mod macos;
mod names;
mod record;
mod requires;
mod rules;
mod systems;
mod unmatched;
mod windows;

use std::path::{Path, PathBuf};

use serde::Serialize;
use truewheel_wheel::{ErrorKind as WheelErrorKind, PlatformTag, Wheel};

use crate::error::{ErrorKind, Result};
use crate::groups::Group;
use crate::lock::{self, Lock};
use crate::options::Options;
use crate::pattern::{self, Unmatched};
pub(crate) use facts::Facts;
use requires::Requires;

pub use finding::Finding;
pub use names::SymbolPattern;
pub use rules::{Exception, RULES, Rule, Severity};

/// The version of the report's form; a reader of JSON looks at it first.
pub const CHECK_SCHEMA: &str = "truewheel.check/1";

/// What a check may be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Globs on needed names: what matches is brought by somebody else.
    pub exclude: Vec<String>,
    /// Named sets of such globs.
    pub exclude_groups: Vec<&'static Group>,
    /// Globs on names of libraries that must not be in the wheel or needed by it.
    pub forbid: Vec<String>,
    /// Globs on names of libraries of which one must be in the wheel or needed by it.
    pub require: Vec<String>,
    /// Symbols that no binary may use or define.
    pub forbid_symbol: Vec<SymbolPattern>,
    /// Symbols that a binary must use or define.
    pub require_symbol: Vec<SymbolPattern>,
    /// Largest size of the wheel file, in bytes.
    pub max_size: Option<u64>,
    /// Largest size of all contents together, in bytes.
    pub max_unpacked_size: Option<u64>,
    /// Do not look at x86-64-v2/v3/v4 markers.
    pub allow_isa_extensions: bool,
    /// What the wheel may bring along.
    pub lock: Option<Lock>,
    /// Codes of findings that do not count and are not listed.
    pub ignore: Vec<String>,
    /// Warnings fail the check.
    pub strict: bool,
}

impl CheckOptions {
    /// What a repair is told that a check is told as well.
    pub(crate) fn of_repair(options: &Options) -> Self {
        Self {
            exclude: options.exclude.clone(),
            exclude_groups: options.exclude_groups.clone(),
            allow_isa_extensions: options.allow_isa_extensions,
            ..Self::default()
        }
    }

    /// Every glob of what somebody else brings.
    fn excluded(&self) -> Vec<String> {
        let groups = self.exclude_groups.iter().flat_map(|group| group.patterns);
        self.exclude.iter().cloned().chain(groups.map(|glob| (*glob).to_owned())).collect()
    }
}

/// The verdict on one wheel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// [`CHECK_SCHEMA`].
    pub schema: &'static str,
    /// The file.
    #[serde(serialize_with = "crate::report::as_text")]
    pub wheel: PathBuf,
    /// Whether it passed.
    pub passed: bool,
    /// Platform tags of the file name.
    pub tags: Vec<String>,
    /// The best platform tag that the contents earn, where there are policies to say so.
    pub earned: Option<String>,
    /// Findings left out by `--ignore`.
    pub ignored: usize,
    /// Heaviest first.
    pub findings: Vec<Finding>,
    /// Options that did nothing for this wheel.
    pub unmatched: Vec<Unmatched>,
}

impl CheckReport {
    fn new(
        wheel: &Path,
        tags: Vec<String>,
        earned: Option<String>,
        mut findings: Vec<Finding>,
        options: &CheckOptions,
    ) -> Self {
        finding::sort(&mut findings);
        let all = findings.len();
        findings.retain(|finding| !options.ignore.iter().any(|code| code == finding.code));
        let ignored = all - findings.len();
        let (schema, wheel, passed) = (CHECK_SCHEMA, wheel.to_owned(), false);
        let mut report =
            Self { schema, wheel, passed, tags, earned, ignored, findings, unmatched: Vec::new() };
        report.passed = report.count(Severity::Error) == 0
            && (!options.strict || report.count(Severity::Warning) == 0);
        report
    }

    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// What the checks of one wheel work on, and what they say.
struct Check<'a> {
    wheel: &'a Wheel,
    facts: &'a Facts,
    requires: Requires,
    options: &'a CheckOptions,
    findings: Vec<Finding>,
    earned: Option<PlatformTag>,
}

impl Check<'_> {
    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn tags(&self) -> &[PlatformTag] {
        &self.wheel.filename().platforms
    }

    /// Whether `repair` takes the wheel, so that a remedy may name it.
    fn is_repaired(&self) -> bool {
        !self.tags().iter().any(crate::is_foreign)
    }
}

/// Whether a finding is about what the caller expects of this wheel, and of no other.
pub(crate) fn is_expectation(finding: &Finding) -> bool {
    let rules = [
        rules::SIZE,
        rules::UNPACKED_SIZE,
        rules::FORBIDDEN_LIBRARY,
        rules::REQUIRED_LIBRARY,
        rules::FORBIDDEN_SYMBOL,
        rules::REQUIRED_SYMBOL,
        rules::LOCK,
    ];
    rules.iter().any(|rule| rule.code == finding.code)
}

/// Checks the wheel at `path`. A wheel that cannot be read, or that is not there, is a finding, too: of
/// several wheels none is passed over.
///
/// # Errors
///
/// A pattern of `options` is none.
pub fn check(path: &Path, options: &CheckOptions) -> Result<CheckReport> {
    match Wheel::open(path) {
        Ok(wheel) => of_facts(&wheel, &Facts::read(&wheel), options),
        Err(error) => {
            let tags = Vec::new();
            let mut report = CheckReport::new(path, tags, None, vec![unopened(&error)], options);
            report.unmatched = unmatched::of(&Facts::default(), options)?;
            Ok(report)
        }
    }
}

/// The verdict on a wheel that was read.
pub(crate) fn of_facts(
    wheel: &Wheel,
    facts: &Facts,
    options: &CheckOptions,
) -> Result<CheckReport> {
    let (requires, findings) = (Requires::default(), facts.findings());
    let mut check = Check { wheel, facts, requires, options, findings, earned: None };
    if let Err(error) = check.all() {
        match error.kind() {
            ErrorKind::Io { .. } => check.add(Finding::new(rules::UNREADABLE, error.to_string())),
            _ => return Err(error),
        }
    }
    let tags = check.tags().iter().map(ToString::to_string).collect();
    let earned = check.earned.as_ref().map(ToString::to_string);
    let mut report = CheckReport::new(wheel.path(), tags, earned, check.findings, options);
    report.unmatched = unmatched::of(facts, options)?;
    Ok(report)
}

impl Check<'_> {
    fn all(&mut self) -> Result<()> {
        record::check(self);
        dist_info::check(self);
        content::check(self)?;
        linux::check(self)?;
        macos::check(self)?;
        windows::check(self)?;
        systems::check(self);
        blas::check(self);
        names::check(self)?;
        locked(self)?;
        dlopen::check(self)
    }
}

/// What the project's lock says against the libraries that are brought along.
fn locked(check: &mut Check<'_>) -> Result<()> {
    let Some(lock) = &check.options.lock else { return Ok(()) };
    let (differences, is_whole) = lock::differences(lock, check.wheel)?;
    if !is_whole {
        let message = "the wheel has no list of what truewheel brought along: its libraries are held \
                       against the lock by their names alone";
        check.add(Finding::new(rules::LOCK, message).weighs(Severity::Note));
    }
    for difference in differences {
        let remedy = "if that is meant, `truewheel repair --update-lock` takes it over";
        check.add(Finding::new(rules::LOCK, difference).remedy(remedy));
    }
    Ok(())
}

/// What the opening of a wheel says, as a finding.
fn unopened(error: &truewheel_wheel::Error) -> Finding {
    let rule = match error.kind() {
        WheelErrorKind::Io { .. } => rules::UNREADABLE,
        WheelErrorKind::Filename { .. } => rules::FILE_NAME,
        WheelErrorKind::NoSuchMember(path) if path.ends_with("/RECORD") => rules::RECORD_MISSING,
        WheelErrorKind::NoSuchMember(path) if path.ends_with("/WHEEL") => rules::WHEEL_FILE,
        WheelErrorKind::NoSuchMember(path) if path.ends_with("/METADATA") => rules::METADATA,
        WheelErrorKind::NoDistInfo
        | WheelErrorKind::ManyDistInfo(_)
        | WheelErrorKind::OtherDistInfo { .. } => rules::DIST_INFO,
        _ => rules::ARCHIVE,
    };
    Finding::new(rule, error.to_string())
}

/// Whether some pattern matches a name or, where `name` is a path, its last part.
struct Patterns {
    texts: Vec<String>,
    globs: globset::GlobSet,
}

impl Patterns {
    fn new(texts: &[String]) -> Result<Self> {
        Ok(Self { texts: texts.to_vec(), globs: pattern::globs(texts)? })
    }

    /// The first pattern that matches.
    fn of(&self, name: &str) -> Option<&str> {
        let base = crate::search::paths::base_name(name);
        let first = |name: &str| self.globs.matches(name).first().copied();
        let index = first(name).or_else(|| first(base))?;
        self.texts.get(index).map(String::as_str)
    }
}
