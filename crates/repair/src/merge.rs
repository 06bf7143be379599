//! `merge`: one wheel for both kinds of Mac out of two that are each for one.
//!
//! A universal2 wheel has every file once. Files that are the same in both wheels stay; binaries are fused, each
//! slice as it is, so signatures stay valid (`<mach-o/fat.h>`: a slice is a whole file). What else differs is for
//! the caller to decide: to take one of them in silence would give half of the users another program. A file that
//! only one wheel has may stay when no code for the other CPU leads to it.

mod conflict;
mod fuse;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use truewheel_wheel::{
    MemberKind, MemberPath, PlatformTag, Wheel, WheelFile, WheelFilename, Written, normalize_name,
    normalize_version,
};

use crate::error::{Error, ErrorKind, Result};
use crate::pattern::{Rules, Unmatched};
use crate::policy::ObstacleKind;
use crate::policy::macos::{self, Rounding};
use crate::scan::{self, Scan};

use conflict::Difference;
use fuse::Fused;

/// The form of [`MergeReport`] as JSON.
const SCHEMA: &str = "truewheel.merge/1";
/// Where lists of what was brought along are (PEP 770).
const SBOMS: &str = "sboms/";

/// What the caller of [`prepare_merge`] may choose.
#[derive(Clone, Debug)]
pub struct MergeOptions {
    /// The directory that gets the new wheel; created with its parents.
    pub output: PathBuf,
    /// Globs on members; where the wheels differ, the file of the first is taken.
    pub take_first: Vec<String>,
    /// The same for the second.
    pub take_second: Vec<String>,
    /// Files that differ, are no binaries, and that no glob names are those of the second wheel, and told.
    pub else_second: bool,
    /// How a tag says a version of macOS that installers do not know.
    pub rounding: Rounding,
    /// Deflate level of new members, 0 to 12.
    pub compression_level: u32,
}

/// One of the two wheels, read.
#[derive(Debug)]
pub struct MergeInput {
    wheel: Wheel,
    scan: Scan,
}

/// What was done, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MergeReport {
    /// `truewheel.merge/1`.
    pub schema: &'static str,
    /// The two wheels.
    pub wheels: [PathBuf; 2],
    /// The result.
    pub output: PathBuf,
    /// Platform tags of the result.
    pub tags: Vec<String>,
    /// Members that hold the code of both.
    pub fused: Vec<String>,
    /// Members that only the first wheel has.
    pub only_in_first: Vec<String>,
    /// Members that only the second wheel has.
    pub only_in_second: Vec<String>,
    /// Members that differ and were taken from one, by the option that says so.
    pub taken: BTreeMap<String, String>,
    /// Things the user should know.
    pub notes: Vec<String>,
    /// Options that did nothing.
    pub unmatched: Vec<Unmatched>,
}

/// What becomes of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// Copied from the wheel with this index.
    Copy(usize),
    /// Fused of both.
    Fuse(Fused),
    /// Written under names that say for which CPUs it is.
    Both,
    /// New contents.
    Write(Vec<u8>),
}

/// A merged wheel that has been verified and has no name yet; dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct PreparedMerge {
    written: Written,
    report: MergeReport,
    name: String,
}

impl MergeInput {
    /// Reads a wheel.
    ///
    /// # Errors
    ///
    /// It is no wheel, is not for macOS, or has a binary or a RECORD that is wrong.
    pub fn open(path: &Path) -> Result<Self> {
        let wheel = Wheel::open(path)?;
        let platforms = &wheel.filename().platforms;
        let is_foreign = |tag: &&PlatformTag| !matches!(tag, PlatformTag::Macosx { .. });
        if let Some(tag) = platforms.iter().find(is_foreign) {
            let hint = "give it two wheels for macOS, one for each kind of Mac";
            return Err(Error::refused_with(format!("the tag `{tag}` is not for macOS"), hint));
        }
        let mut scan = scan::scan(&wheel)?;
        if !scan.faults.is_empty() {
            return Err(scan.faults.swap_remove(0));
        }
        if let Some((path, _, fault)) = scan.unreadable.first() {
            return Err(Error::refused(format!("{path}: {fault}")));
        }
        if let Some(path) = scan.links.keys().next() {
            let hint = "build the wheel with files alone: no installer makes links";
            return Err(Error::refused_with(format!("{path} is a symbolic link"), hint));
        }
        Ok(Self { wheel, scan })
    }

    /// The CPUs of its tags.
    fn cpus(&self) -> BTreeSet<&str> {
        macos::promises(&self.wheel.filename().platforms).into_keys().collect()
    }

    /// Its files but RECORD, which is written anew, and signatures of it.
    fn files(&self) -> impl Iterator<Item = &MemberPath> {
        let record = format!("{}/RECORD", self.wheel.dist_info());
        let is_record = move |path: &MemberPath| {
            let rest = path.as_str().strip_prefix(&record);
            rest.is_some_and(|rest| matches!(rest, "" | ".jws" | ".p7s"))
        };
        let members = self.wheel.members().iter();
        let files = members.filter(|member| member.kind != MemberKind::Directory);
        files.map(|member| &member.path).filter(move |path| !is_record(path))
    }

    fn read(&self, path: &MemberPath) -> Result<Vec<u8>> {
        let member = self.wheel.member(path.as_str());
        let member = member.ok_or_else(|| Error::verify(path.as_str(), "it is not there"))?;
        Ok(self.wheel.read(member)?)
    }
}

/// Says what [`prepare_merge`] would write.
///
/// # Errors
///
/// As [`prepare_merge`].
pub fn plan_merge(inputs: &[MergeInput; 2], options: &MergeOptions) -> Result<MergeReport> {
    Ok(plan(inputs, options)?.report)
}

/// Writes the two as one wheel, which gets its name by [`PreparedMerge::persist`].
///
/// # Errors
///
/// The wheels are not of one project, version and Python, or for the same CPU; files other than binaries differ; a
/// binary lacks a CPU on which others lead to it; the operating system refuses the output.
pub fn prepare_merge(inputs: &[MergeInput; 2], options: &MergeOptions) -> Result<PreparedMerge> {
    let plan = plan(inputs, options)?;
    refuse_to_replace(inputs, &plan.report)?;
    let written = fuse::write(inputs, &plan.fates, options)?;
    let name = plan.name.to_string();
    verify::verify(inputs, &written, &plan.fates, &name)?;
    Ok(PreparedMerge { written, report: plan.report, name })
}

impl PreparedMerge {
    /// Gives the wheel its name, over a file that has it already.
    ///
    /// # Errors
    ///
    /// The operating system refuses the name.
    pub fn persist(self) -> Result<MergeReport> {
        self.written.persist(&self.name)?;
        Ok(self.report)
    }
}

struct MergePlan {
    fates: BTreeMap<MemberPath, Fate>,
    name: WheelFilename,
    report: MergeReport,
}

fn plan(inputs: &[MergeInput; 2], options: &MergeOptions) -> Result<MergePlan> {
    let [first, second] = inputs;
    are_counterparts(first, second)?;
    let mut report = MergeReport {
        schema: SCHEMA,
        wheels: [first.wheel.path().to_owned(), second.wheel.path().to_owned()],
        output: PathBuf::new(),
        tags: Vec::new(),
        fused: Vec::new(),
        only_in_first: Vec::new(),
        only_in_second: Vec::new(),
        taken: BTreeMap::new(),
        notes: Vec::new(),
        unmatched: Vec::new(),
    };
    let mut fates = fates(inputs, options, &mut report)?;
    let merged = fuse::facts(inputs, &fates);
    let files = macos::files(&merged);
    let tags = inputs.iter().flat_map(|input| input.wheel.filename().platforms.clone());
    let tags: Vec<PlatformTag> = tags.collect();
    let verdict = macos::combine(&files, &tags, options.rounding);
    if let Some(fault) = verdict.fault.or_else(|| lacks_processors(&files, &tags)) {
        return Err(fault);
    }
    report.notes.extend(verdict.notes);
    let name = first.wheel.filename().with_platforms(verdict.tags);
    report.tags = name.platforms.iter().map(ToString::to_string).collect();
    report.output = options.output.join(name.to_string());
    let (path, text) = wheel_file(inputs, &name)?;
    fates.insert(path, Fate::Write(text));
    Ok(MergePlan { fates, name, report })
}

/// A module that only one wheel has, or a library that only one has and code of both leads to.
fn lacks_processors(files: &[macos::File<'_>], tags: &[PlatformTag]) -> Option<Error> {
    let mut obstacles = macos::obstacles(files, tags);
    obstacles.retain(|obstacle| obstacle.kind == ObstacleKind::Architecture);
    let rows: Vec<String> = obstacles.iter().map(|o| format!("{} needs {o}", o.file)).collect();
    (!rows.is_empty()).then(|| {
        refusals(
            "a universal wheel needs code for each CPU in every file that is loaded there",
            rows,
            vec!["build both wheels with the same modules and libraries".to_owned()],
        )
    })
}

/// Refuses two wheels that are not one wheel for two CPUs.
fn are_counterparts(first: &MergeInput, second: &MergeInput) -> Result<()> {
    let (one, two) = (first.wheel.filename(), second.wheel.filename());
    let set = |tags: &[String]| tags.iter().cloned().collect::<BTreeSet<_>>();
    let facts = |name: &WheelFilename| {
        [
            ("project", normalize_name(&name.distribution), name.distribution.clone()),
            ("version", normalize_version(&name.version), name.version.clone()),
            ("build", format!("{:?}", name.build), name.build.clone().unwrap_or("none".into())),
            ("Python tag", format!("{:?}", set(&name.python)), name.python.join(".")),
            ("ABI tag", format!("{:?}", set(&name.abi)), name.abi.join(".")),
        ]
    };
    for ((what, left, one), (_, right, two)) in facts(one).into_iter().zip(facts(two)) {
        if left != right {
            return Err(Error::refused_with(
                format!("the {what} of one wheel is `{one}` and of the other `{two}`"),
                "give it two wheels that differ in nothing but the CPU",
            ));
        }
    }
    let (one, two) = (first.wheel.dist_info(), second.wheel.dist_info());
    if one != two {
        let what = format!("the wheels call their metadata `{one}` and `{two}`");
        return Err(Error::refused_with(what, "build both with the same tool"));
    }
    let (cpus, others) = (first.cpus(), second.cpus());
    if let Some(both) = cpus.intersection(&others).next() {
        return Err(Error::refused_with(
            format!("both wheels are for {both}"),
            "give it one wheel for arm64 and one for x86_64; one for universal2 needs no other",
        ));
    }
    Ok(())
}

/// Decides on every member but WHEEL.
fn fates(
    inputs: &[MergeInput; 2],
    options: &MergeOptions,
    report: &mut MergeReport,
) -> Result<BTreeMap<MemberPath, Fate>> {
    let [first, second] = inputs;
    let wheel_file = format!("{}/WHEEL", first.wheel.dist_info());
    let takes = [
        Rules::of_patterns("--take-first", &options.take_first)?,
        Rules::of_patterns("--take-second", &options.take_second)?,
    ];
    let (mut fates, mut differences) = (BTreeMap::new(), Vec::new());
    let theirs: BTreeSet<&MemberPath> = second.files().collect();
    for path in first.files().filter(|path| path.as_str() != wheel_file) {
        if !theirs.contains(path) {
            report.only_in_first.push(path.to_string());
            fates.insert(path.clone(), Fate::Copy(0));
        } else if first.scan.digests.get(path) == second.scan.digests.get(path) {
            fates.insert(path.clone(), Fate::Copy(0));
        } else if let Some((index, option)) = taken(&takes, path)? {
            report.taken.insert(path.to_string(), option);
            fates.insert(path.clone(), Fate::Copy(index));
        } else if path.as_str().starts_with(&format!("{}/{SBOMS}", first.wheel.dist_info())) {
            fates.insert(path.clone(), Fate::Both);
        } else {
            let contents = (first.read(path)?, second.read(path)?);
            match Fused::of(inputs, &contents.0, &contents.1) {
                Some(Ok(fused)) => {
                    report.fused.push(path.to_string());
                    fates.insert(path.clone(), Fate::Fuse(fused));
                }
                Some(Err(fault)) => return Err(Error::refused(format!("{path}: {fault}"))),
                None if options.else_second => {
                    let what = Difference::of(path, &contents.0, &contents.1);
                    report.notes.push(what.of_second());
                    fates.insert(path.clone(), Fate::Copy(1));
                }
                None => differences.push(Difference::of(path, &contents.0, &contents.1)),
            }
        }
    }
    let ours: BTreeSet<&MemberPath> = first.files().collect();
    for path in second.files().filter(|path| !ours.contains(path)) {
        report.only_in_second.push(path.to_string());
        fates.insert(path.clone(), Fate::Copy(1));
    }
    let names = |path: &MemberPath| path.to_string();
    let all: BTreeSet<String> = ours.iter().chain(&theirs).map(|path| names(path)).collect();
    for rules in &takes {
        report.unmatched.extend(rules.unmatched_among(&all, "matches nothing that differs"));
    }
    conflict::refuse(&differences)?;
    Ok(fates)
}

/// From which wheel the caller wants a file that differs, and by which option.
fn taken(takes: &[Rules; 2], path: &MemberPath) -> Result<Option<(usize, String)>> {
    let found = takes.iter().map(|rules| rules.find(path.as_str(), &[path.as_str()]));
    let mut found: Vec<(usize, String)> =
        found.enumerate().filter_map(|(index, option)| Some((index, option?))).collect();
    if found.len() > 1 {
        let options: Vec<&str> = found.iter().map(|(_, option)| option.as_str()).collect();
        let what = format!("{path} is to be taken from both wheels: `{}`", options.join("` and `"));
        return Err(Error::refused(what));
    }
    Ok(found.pop())
}

/// WHEEL of the first with the new tags; what the two may differ in is who built them.
fn wheel_file(inputs: &[MergeInput; 2], name: &WheelFilename) -> Result<(MemberPath, Vec<u8>)> {
    let path = MemberPath::new(&format!("{}/WHEEL", inputs[0].wheel.dist_info()))?;
    let mut parsed = Vec::new();
    for input in inputs {
        let text = String::from_utf8(input.read(&path)?)
            .map_err(|_| Error::refused(format!("{path}: not UTF-8, the format of WHEEL is")))?;
        let file = WheelFile::parse(&text).map_err(|e| Error::refused(format!("{path}: {e}")))?;
        parsed.push(file);
    }
    let roots: Vec<_> = parsed.iter().map(WheelFile::root_is_purelib).collect();
    if roots.first() != roots.last() {
        let what = format!("{path}: Root-Is-Purelib is not the same in both wheels");
        return Err(Error::refused_with(what, "build both with the same tool"));
    }
    let mut file = parsed.swap_remove(0);
    file.set_tags(&name.tags());
    Ok((path, file.to_string().into_bytes()))
}

fn refuse_to_replace(inputs: &[MergeInput; 2], report: &MergeReport) -> Result<()> {
    let output = std::fs::canonicalize(&report.output).ok();
    let is_same = |input: &MergeInput| std::fs::canonicalize(input.wheel.path()).ok() == output;
    if output.is_some() && inputs.iter().any(is_same) {
        return Err(Error::refused_with(
            "the new wheel has the name of an input and would take its place",
            "choose another directory with `--wheel-dir`",
        ));
    }
    Ok(())
}

/// The name of a file that tells of the contents of one wheel: the CPUs stand behind its first word.
fn name_for(path: &MemberPath, input: &MergeInput) -> Result<MemberPath> {
    let cpus: Vec<&str> = input.cpus().into_iter().collect();
    let name = path.file_name();
    let (stem, rest) = name.split_once('.').unwrap_or((name, ""));
    let dot = if rest.is_empty() { "" } else { "." };
    let parent = path.parent();
    Ok(MemberPath::new(&format!("{parent}/{stem}.{}{dot}{rest}", cpus.join("-")))?)
}

/// Several files are why a merge is refused.
fn refusals(what: &str, reasons: Vec<String>, hints: Vec<String>) -> Error {
    Error::new(ErrorKind::Refusals { what: what.to_owned(), reasons, hints })
}
