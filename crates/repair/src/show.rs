//! What one wheel needs, brings along and earns, as data: the answer to "what is in this wheel, and
//! what shall I do about it?".
//!
//! Nothing is decided here: the survey found it, the tree says where each needed name leads, and this
//! puts it in the order in which a packager asks.

mod apple;
mod linux;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use truewheel_wheel::Wheel;

use crate::check::{self, CheckOptions, CheckReport, Facts, Finding};
use crate::dlopen;
use crate::error::Result;
use crate::options::Options;
use crate::pattern::Unmatched;
use crate::policy::Obstacle;
use crate::survey::{self, Kind, Survey};
use crate::tree::{self, Status, Tree};

/// What is to be done with a wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It has all it needs, its tags promise what it keeps, and [`check()`](crate::check()) passes it.
    Good,
    /// It has all it needs, its tags promise what it keeps, and something else is wrong: see
    /// [`Show::findings`].
    Faulty,
    /// A repair makes it good.
    NeedsRepair,
    /// Something stands in the way of a repair: see [`Show::problems`].
    Blocked,
    /// There is nothing that a repair is about: no binaries, or data for several systems.
    NothingToRepair,
}

/// A platform tag of the wheel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The tag.
    pub tag: String,
    /// Whether the wheel keeps, as it is, what the tag promises; `None` where nobody can tell.
    pub kept: Option<bool>,
}

/// A needed name, whoever needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeededLibrary {
    /// As the binaries spell it.
    pub name: String,
    /// What became of it.
    pub status: Status,
    /// The member or the file on this machine.
    pub path: Option<String>,
    /// Bytes of that file.
    pub size: Option<u64>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Who needs it: members, or libraries of this machine that members lead to.
    pub needed_by: Vec<String>,
    /// Where it was looked for, when it is missing.
    pub searched: Vec<String>,
    /// What nearly fitted, when it is missing.
    pub passed_over: Vec<String>,
}

/// A library that the wheel has and other files of it need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BundledLibrary {
    /// The member.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// The members that need it.
    pub used_by: Vec<String>,
}

/// How a wheel stands to one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LevelState {
    /// It keeps the promise as it is.
    Kept,
    /// It keeps it when libraries have been vendored.
    AfterRepair,
    /// Something stands in the way.
    NotKept,
}

/// One platform tag that the wheel might have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    /// The tag.
    pub tag: String,
    /// How the wheel stands to it.
    pub state: LevelState,
    /// Libraries that systems of the tag need not have, and that were found.
    pub vendor: Vec<String>,
    /// Libraries that systems of the tag need not have, and that were found nowhere.
    pub missing: Vec<String>,
    /// What no repair can change.
    pub obstacles: Vec<Obstacle>,
}

/// Where a file tells its loader to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SearchPath {
    /// The member.
    pub file: String,
    /// `RPATH`, `RUNPATH` or `LC_RPATH`.
    pub kind: &'static str,
    /// Its entries, in order.
    pub entries: Vec<String>,
}

/// A name that may be opened at run time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunTimeName {
    /// The string.
    pub name: String,
    /// The members that have it.
    pub found_in: Vec<String>,
}

/// A binary of the wheel; of a universal Mach-O file one slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownBinary {
    /// The member.
    pub path: String,
    /// `elf`, `mach-o` or `pe`.
    pub format: &'static str,
    /// `extension`, `library` or `program`.
    pub kind: &'static str,
    /// As its system calls it.
    pub architecture: String,
    /// The oldest system it runs on; not of ELF files.
    pub minimum_os: Option<String>,
    /// Its bytes, all slices together.
    pub size: Option<u64>,
}

/// Everything that is shown of one wheel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Show {
    /// `truewheel.show/1`; the number changes when something that was there changes its meaning.
    pub schema: &'static str,
    /// The wheel, as it was named.
    pub wheel: String,
    /// The project's name in the file name.
    pub name: String,
    /// The version in the file name.
    pub version: String,
    /// `linux`, `android`, `macos`, `windows`, `any` or `other`.
    pub system: &'static str,
    /// The CPU that the wheel is for, as its tags call it.
    pub architecture: Option<String>,
    /// The C library it was built for.
    pub libc: Option<String>,
    /// What is to be done.
    pub verdict: Verdict,
    /// The platform tags in the file name.
    pub tags: Vec<Claim>,
    /// The best tag that it keeps as it is.
    pub earned: Option<String>,
    /// The platform tags that a repair would give it; empty where none is possible.
    pub repaired: Vec<String>,
    /// What a repair says against it.
    pub problems: Vec<String>,
    /// Every needed name, missing ones first.
    pub needs: Vec<NeededLibrary>,
    /// Libraries of the wheel that other files of it need.
    pub bundled: Vec<BundledLibrary>,
    /// The tags it might have, ascending: the lowest asks least of a system.
    pub levels: Vec<Level>,
    /// The versions of symbols that its ELF files and the libraries found for them ask for, by library.
    pub symbol_versions: BTreeMap<String, BTreeSet<String>>,
    /// Every search path.
    pub search_paths: Vec<SearchPath>,
    /// Members whose stack is executable, which glibc 2.41 refuses.
    pub executable_stacks: Vec<String>,
    /// Names in binaries that may be opened at run time, and that nobody brings.
    pub run_time_names: Vec<RunTimeName>,
    /// The version of delvewheel that says to have repaired it.
    #[serde(skip)]
    pub delvewheel: Option<String>,
    /// Whether [`check()`](crate::check()) passes the wheel as it is.
    pub passed: bool,
    /// What it found, heaviest first.
    pub findings: Vec<Finding>,
    /// Every binary.
    pub binaries: Vec<ShownBinary>,
    /// Other things worth knowing.
    pub notes: Vec<String>,
    /// Options that did nothing for this wheel.
    pub unmatched: Vec<Unmatched>,
}

/// The version of [`Show`] as JSON.
const SCHEMA: &str = "truewheel.show/1";

/// Shows the wheel at `path`.
///
/// # Errors
///
/// The archive cannot be read, or an option contradicts itself. A wheel that cannot be repaired is
/// shown like any other.
pub fn show(path: &Path, options: &Options) -> Result<Show> {
    let wheel = Wheel::open(path)?;
    // Read once, for the check and for the repair that is thought of.
    let mut facts = Facts::read(&wheel);
    let scan = facts.scan(&wheel)?;
    let checked = check::of_facts(&wheel, &facts, &CheckOptions::of_repair(options))?;
    let strings = facts.into_strings();
    let survey = survey::of_scan(wheel, scan, options)?;
    let tree = tree::of_survey(&survey, options)?;
    let mut show = known(path, &survey, &tree);
    let opened = dlopen::candidates(&survey, strings, options)?;
    show.unmatched = Unmatched::in_all([&*show.unmatched, &opened.unmatched]);
    show.run_time_names = opened
        .names
        .into_iter()
        .map(|(name, files)| RunTimeName { name, found_in: files.into_iter().collect() })
        .collect();
    match &survey.kind {
        Kind::Linux(linux) => linux::judge(&survey, linux, &mut show),
        Kind::Macos(macos) => apple::judge(&survey, macos, &mut show),
        Kind::Windows(_) => windows::judge(&survey, &mut show),
        Kind::Any | Kind::WithoutBinaries | Kind::Other => {}
        Kind::Unfit => show.system = "linux",
    }
    show.delvewheel = crate::plan::delvewheel(&survey.wheel)?;
    show.problems.extend(survey.faults.iter().map(ToString::to_string));
    if !survey.faults.is_empty() {
        show.verdict = Verdict::Blocked;
        show.repaired.clear();
    }
    show.take(checked);
    Ok(show)
}

/// What is known whatever the wheel is for.
fn known(path: &Path, survey: &Survey, tree: &Tree) -> Show {
    let filename = survey.wheel.filename();
    let is_any = matches!(survey.kind, Kind::Any);
    let mut notes = survey.scan.notes.clone();
    notes.extend(survey.links.notes.iter().cloned());
    notes.extend(tree.notes.iter().cloned());
    if let Kind::Linux(linux) = &survey.kind {
        notes.extend(linux.graph.notes.iter().cloned());
        notes.extend(linux.assessment.notes.iter().cloned());
    }
    if let Kind::Macos(macos) = &survey.kind {
        notes.extend(macos.notes.iter().cloned());
    }
    let claims = filename.platforms.iter().map(|tag| Claim {
        tag: tag.to_string(),
        kept: is_any.then_some(tree.files.is_empty()).filter(|kept| *kept),
    });
    Show {
        schema: SCHEMA,
        wheel: path.display().to_string(),
        name: filename.distribution.clone(),
        version: filename.version.clone(),
        system: match &survey.kind {
            Kind::Linux(_) | Kind::WithoutBinaries | Kind::Unfit => "linux",
            Kind::Macos(_) => "macos",
            Kind::Windows(_) => "windows",
            Kind::Any => "any",
            Kind::Other => "other",
        },
        architecture: None,
        libc: None,
        verdict: Verdict::NothingToRepair,
        tags: claims.collect(),
        earned: None,
        repaired: Vec::new(),
        problems: Vec::new(),
        needs: needs(tree),
        bundled: bundled(tree),
        levels: Vec::new(),
        symbol_versions: BTreeMap::new(),
        search_paths: search_paths(tree),
        executable_stacks: Vec::new(),
        run_time_names: Vec::new(),
        delvewheel: None,
        passed: false,
        findings: Vec::new(),
        binaries: binaries(tree),
        notes,
        unmatched: tree.unmatched.clone(),
    }
}

/// One row for each name and what it leads to, whoever needs it.
fn needs(tree: &Tree) -> Vec<NeededLibrary> {
    let mut rows: BTreeMap<(u8, &str, Option<usize>), NeededLibrary> = BTreeMap::new();
    for file in &tree.files {
        for need in &file.needs {
            let target = need.file.and_then(|index| tree.files.get(index));
            let key = (order(need.status), need.name.as_str(), need.file);
            let row = rows.entry(key).or_insert_with(|| NeededLibrary {
                name: need.name.clone(),
                status: need.status,
                path: target.map(|file| file.path.clone()),
                size: target.and_then(|file| file.size),
                rule: need.rule.clone(),
                needed_by: Vec::new(),
                searched: need.searched.clone(),
                passed_over: need.passed_over.clone(),
            });
            if row.needed_by.last() != Some(&file.path) {
                row.needed_by.push(file.path.clone());
            }
        }
    }
    rows.into_values().collect()
}

/// What asks for a decision comes first.
fn order(status: Status) -> u8 {
    match status {
        Status::Missing => 0,
        Status::External => 1,
        Status::MayBeAbsent => 2,
        Status::Excluded => 3,
        Status::Driver => 4,
        Status::Wheel => 5,
        Status::Interpreter => 6,
        Status::Provided => 7,
    }
}

fn bundled(tree: &Tree) -> Vec<BundledLibrary> {
    let mut users: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for file in tree.files.iter().filter(|file| file.in_wheel) {
        for target in file.needs.iter().filter_map(|need| tree.files.get(need.file?)) {
            if target.in_wheel && target.path != file.path {
                let row = users.entry(&target.path).or_default();
                row.0 = target.size.unwrap_or_default();
                row.1.insert(&file.path);
            }
        }
    }
    // Libraries that nothing needs lie there all the same, and most of them by mistake.
    let is_vendored =
        |path: &str| path.split('/').any(|part| part.ends_with(".libs") || part == ".dylibs");
    for file in tree.files.iter().filter(|file| file.in_wheel && is_vendored(&file.path)) {
        users.entry(&file.path).or_insert((file.size.unwrap_or_default(), BTreeSet::new()));
    }
    let row = |(path, (size, users)): (&str, (u64, BTreeSet<&str>))| BundledLibrary {
        path: path.to_owned(),
        size,
        used_by: users.into_iter().map(str::to_owned).collect(),
    };
    users.into_iter().map(row).collect()
}

fn search_paths(tree: &Tree) -> Vec<SearchPath> {
    let mut paths: Vec<SearchPath> = Vec::new();
    for file in tree.files.iter().filter(|file| file.in_wheel) {
        let first = if file.format == "mach-o" { "LC_RPATH" } else { "RPATH" };
        for (kind, entries) in [(first, &file.rpath), ("RUNPATH", &file.runpath)] {
            let path = SearchPath { file: file.path.clone(), kind, entries: entries.clone() };
            if !entries.is_empty() && !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

fn binaries(tree: &Tree) -> Vec<ShownBinary> {
    let members = tree.files.iter().filter(|file| file.in_wheel);
    members
        .map(|file| ShownBinary {
            path: file.path.clone(),
            format: file.format,
            kind: file.kind,
            architecture: file.architecture.clone(),
            minimum_os: file.minimum_os.clone(),
            size: file.size,
        })
        .collect()
}

impl Show {
    /// The verdict on a wheel that no policy judges, from its needs and its tags.
    fn judge_by_needs(&mut self) {
        let is_whole = !self.lacks_any() && !self.reaches_outside();
        let is_kept = self.tags.iter().all(|claim| claim.kept != Some(false));
        self.verdict = match (is_whole, is_kept) {
            (true, true) => Verdict::Good,
            _ if self.lacks_any() => Verdict::Blocked,
            _ => Verdict::NeedsRepair,
        };
        let missing = self.needs.iter().filter(|need| need.status == Status::Missing);
        self.problems.extend(missing.map(|need| {
            format!("{} needs `{}`, which was not found", need.needed_by.join(", "), need.name)
        }));
    }

    /// Adds what a check says. A wheel that does not pass is not called good.
    fn take(&mut self, checked: CheckReport) {
        let is_well = matches!(self.verdict, Verdict::Good | Verdict::NothingToRepair);
        if is_well && !checked.passed {
            self.verdict = Verdict::Faulty;
        }
        self.passed = checked.passed;
        self.findings = checked.findings;
    }

    /// Whether some needed library is nowhere.
    fn lacks_any(&self) -> bool {
        self.needs.iter().any(|need| need.status == Status::Missing)
    }

    /// Whether some needed library lies outside the wheel.
    fn reaches_outside(&self) -> bool {
        self.needs.iter().any(|need| need.status == Status::External)
    }
}
