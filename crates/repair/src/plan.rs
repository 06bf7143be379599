//! Step 5: everything that will be done, as plain data.
//!
//! A plan can be printed before one byte is changed, compared with another, and held against the
//! finished wheel. After it nothing is decided any more.

mod base;
mod data;
mod describe;
mod elf;
mod file_edits;
mod macho;
mod metadata;
mod needs;
mod pe;
mod programs;
mod runtimes;
mod search_path;

pub(crate) use base::{base, without_binaries};
pub(crate) use elf::libraries_directory;
pub use file_edits::FileEdits;
pub(crate) use macho::{directory as macos_directory, plan as plan_macho};
pub(crate) use metadata::delvewheel;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use truewheel_elf::Strip;
use truewheel_wheel::{Digest, MemberPath, PlatformTag, Timestamp, Wheel};

use crate::error::{Error, Line, Result};
use crate::fetch::Fetched;
use crate::left_out;
use crate::licenses;
use crate::links::Links;
use crate::options::Options;
use crate::pattern::Unmatched;
use crate::policy::Assessment;
use crate::provided::{self, Given};
use crate::provider::Provider;
use crate::report::plain;
use crate::sbom::{self, SbomPlan, Uses};
use crate::scan::Scan;
use crate::search::paths::base_name;
use crate::search::{Graph, NodeId, Place, Resolution};
use crate::shim::Shim;
use crate::survey::{MacSurvey, WinSurvey};
use crate::wheel_target::WheelTarget;

/// A library that the wheel will bring along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vendored {
    /// The file on this machine, behind every link.
    pub source: PathBuf,
    /// Its digest, before any edit.
    pub digest: Digest,
    /// What it calls itself there, such as `soname`; the copy has another name.
    pub names: BTreeMap<&'static str, String>,
    /// What the copy keeps, such as `build-id`.
    pub identifiers: BTreeMap<&'static str, String>,
    /// Where it goes.
    pub member: MemberPath,
    /// Permission bits of the copy.
    pub mode: u32,
    /// When the source was last changed.
    pub modified: Option<SystemTime>,
    /// Who needs it, by which name, and the rule that found it.
    pub users: Vec<String>,
}

/// Everything that will be done to one wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The file name of the result.
    pub output_name: String,
    /// Platform tags of the input.
    pub old_tags: Vec<String>,
    /// Platform tags of the result.
    pub new_tags: Vec<String>,
    /// Tags of the input's WHEEL, in its order; nothing where WHEEL was not looked at.
    pub old_wheel_tags: Vec<String>,
    /// Tags of the result's WHEEL.
    pub new_wheel_tags: Vec<String>,
    /// Libraries to bring along, by member path.
    pub vendored: Vec<Vendored>,
    /// Changes to binaries, by their path in the result; those of vendored libraries too.
    pub edits: BTreeMap<MemberPath, FileEdits>,
    /// ELF files that are stripped before their edits, by their path in the result. Each has its
    /// [`edits`](Plan::edits), which may be none.
    pub strips: BTreeMap<MemberPath, Strip>,
    /// New contents of members.
    pub replaced: BTreeMap<MemberPath, Vec<u8>>,
    /// New members that are no libraries.
    pub added: BTreeMap<MemberPath, Vec<u8>>,
    /// Scripts that take the place of programs, by their path in the result.
    pub shims: BTreeMap<MemberPath, Shim>,
    /// The list of what is vendored, but for the digests of the finished libraries.
    pub sbom: Option<SbomPlan>,
    /// Members that are left out, with the reason.
    pub dropped: BTreeMap<MemberPath, String>,
    /// Path in the input → path in the result.
    pub renamed: BTreeMap<MemberPath, MemberPath>,
    /// Path in the result → member of the input whose contents it gets.
    pub copies: BTreeMap<MemberPath, MemberPath>,
    /// RECORD of the input does not tell the truth, and is written anew.
    pub corrects_record: bool,
    /// Needed names that stay and that the target or the user answers for, by member.
    pub outside: BTreeMap<MemberPath, BTreeSet<String>>,
    /// The version of delvewheel that says, in the input, to have repaired it.
    pub repaired_by_delvewheel: Option<String>,
    /// Needed names that the caller left out.
    pub left_out: BTreeSet<String>,
    /// Libraries that are left to other distributions.
    pub given: Vec<Given>,
    /// Directories of an environment, in lower case, where Windows looks for DLLs because some package
    /// says so.
    pub(crate) dll_directories: BTreeSet<String>,
    /// Things the user should know.
    pub notes: Vec<String>,
    /// Options that did nothing for this wheel.
    pub unmatched: Vec<Unmatched>,
    /// Date of new members.
    pub modified: Timestamp,
}

impl Plan {
    /// Whether the result is the input, byte by byte.
    pub fn is_nothing(&self) -> bool {
        self.vendored.is_empty()
            && self.edits.is_empty()
            && self.replaced.is_empty()
            && self.added.is_empty()
            && self.dropped.is_empty()
            && self.renamed.is_empty()
            && self.copies.is_empty()
            && !self.corrects_record
    }
}

/// What the plan is made from.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    pub(crate) wheel: &'a Wheel,
    pub(crate) scan: &'a Scan,
    pub(crate) links: &'a Links,
    pub(crate) graph: &'a Graph,
    pub(crate) target: &'a WheelTarget,
    pub(crate) assessment: &'a Assessment,
    pub(crate) fetched: &'a BTreeMap<NodeId, Fetched>,
    pub(crate) options: &'a Options,
}

/// What the plan of a wheel for macOS is made from.
#[derive(Debug)]
pub(crate) struct MacFindings<'a> {
    /// The directory of vendored libraries.
    pub(crate) directory: MemberPath,
    /// Every file that is there.
    pub(crate) files: Vec<&'a MemberPath>,
    /// The name that programs are moved aside under.
    pub(crate) distribution: &'a str,
    /// The files are those of a directory, and lie where they stay: their own install IDs are for whoever links
    /// against them, and search paths may lead out of it.
    pub(crate) is_directory: bool,
    pub(crate) macos: &'a MacSurvey,
    pub(crate) fetched: &'a BTreeMap<NodeId, Fetched>,
    pub(crate) options: &'a Options,
}

/// What the plan of a wheel for Windows is made from.
#[derive(Debug)]
pub(crate) struct WinFindings<'a> {
    pub(crate) wheel: &'a Wheel,
    pub(crate) scan: &'a Scan,
    pub(crate) windows: &'a WinSurvey,
    pub(crate) fetched: &'a BTreeMap<NodeId, Fetched>,
    pub(crate) options: &'a Options,
}

/// Where each vendored library goes.
type Places = BTreeMap<NodeId, MemberPath>;

/// Decides everything that remains to be decided. The second value says where each library goes.
pub(crate) fn plan(findings: &Findings<'_>) -> Result<(Plan, Places)> {
    let mut plan = base(findings.wheel, findings.scan, findings.options)?;
    plan.notes.extend(findings.links.notes.iter().cloned());
    plan.notes.extend(findings.graph.notes.iter().cloned());
    plan.notes.extend(findings.assessment.notes.iter().cloned());
    plan.unmatched.extend(findings.graph.unmatched.iter().cloned());
    plan.left_out.clone_from(&findings.graph.left_out);
    links_into(findings.links, &mut plan);
    provided::plan(findings.wheel, &findings.graph.given, &mut plan)?;
    let libraries = elf::plan(findings, &mut plan)?;
    set_tags(findings.wheel, &findings.assessment.tags, &mut plan)?;
    let uses = uses(findings.graph, &libraries);
    origins(findings.wheel, &mut plan, uses, findings.options)?;
    Ok((plan, libraries))
}

/// [`plan`] for a wheel for macOS.
pub(crate) fn macos(
    wheel: &Wheel,
    scan: &Scan,
    links: &Links,
    findings: &MacFindings<'_>,
) -> Result<(Plan, Places)> {
    let mut plan = base(wheel, scan, findings.options)?;
    plan.notes.extend(links.notes.iter().cloned());
    plan.notes.extend(findings.macos.graph.notes.iter().cloned());
    plan.notes.extend(findings.macos.notes.iter().cloned());
    plan.unmatched.extend(findings.macos.graph.unmatched.iter().cloned());
    plan.left_out.clone_from(&findings.macos.graph.left_out);
    links_into(links, &mut plan);
    if findings.options.strip.is_some() {
        plan.notes.push("Mach-O files are not stripped: only ELF files are".to_owned());
    }
    provided::plan(wheel, &findings.macos.graph.given, &mut plan)?;
    let libraries = macho::plan(findings, &mut plan)?;
    // Every library keeps its name; an option that names none of them is a mistake all the same.
    let keeps_name = left_out::keeps_name(findings.options)?;
    for library in &plan.vendored {
        let name = crate::search::disk::file_name(&library.source);
        keeps_name.find(&name, &[&name]);
    }
    plan.unmatched.extend(keeps_name.unmatched(left_out::NOT_VENDORED));
    set_tags(wheel, &findings.macos.tags, &mut plan)?;
    let uses = macho::uses(&findings.macos.graph, &libraries);
    origins(wheel, &mut plan, uses, findings.options)?;
    Ok((plan, libraries))
}

/// [`plan`] for a wheel for Windows. A DLL that several directories get is read for the first of them here.
pub(crate) fn windows(findings: &WinFindings<'_>) -> Result<(Plan, Places)> {
    let mut plan = base(findings.wheel, findings.scan, findings.options)?;
    plan.notes.extend(findings.windows.graph.notes.iter().cloned());
    plan.notes.extend(findings.windows.notes.iter().cloned());
    plan.unmatched.extend(findings.windows.graph.unmatched.iter().cloned());
    plan.left_out.clone_from(&findings.windows.graph.left_out);
    provided::plan(findings.wheel, &findings.windows.graph.given, &mut plan)?;
    let places = pe::plan(findings, &mut plan)?;
    plan.repaired_by_delvewheel = metadata::delvewheel(findings.wheel)?;
    if let Some(mark) = &findings.options.windows.mark
        && plan.repaired_by_delvewheel.is_none()
        && !plan.is_nothing()
    {
        let path = metadata::delvewheel_path(findings.wheel);
        plan.added.insert(MemberPath::new(&path)?, mark.clone().into_bytes());
    }
    let uses = pe::uses(&findings.windows.graph, &places);
    origins(findings.wheel, &mut plan, uses, findings.options)?;
    let first =
        |(id, members): (NodeId, BTreeSet<MemberPath>)| Some((id, members.into_iter().next()?));
    Ok((plan, places.into_iter().filter_map(first).collect()))
}

/// Where the libraries come from: their packages, licences, and the list of them.
fn origins(wheel: &Wheel, plan: &mut Plan, uses: Uses, options: &Options) -> Result<()> {
    let providers = sbom::providers(plan, &uses, options);
    licenses::plan(wheel, plan, &providers, options)?;
    sbom::plan(wheel, plan, uses, providers, options)
}

/// Who needs which file of the result.
fn uses(graph: &Graph, libraries: &BTreeMap<NodeId, MemberPath>) -> Uses {
    let mut uses = Uses::default();
    let in_wheel = |id: &NodeId| match &graph.node(*id).place {
        Place::Member(path) => Some(path),
        Place::Library(_) => libraries.get(id),
    };
    for (user, needs) in &graph.needs {
        let Some(user) = in_wheel(user) else { continue };
        for (needed, resolution) in needs {
            let Resolution::File(target, found) = resolution else { continue };
            let Some(member) = in_wheel(target) else { continue };
            uses.needs.entry(user.clone()).or_default().insert(member.clone());
            if libraries.contains_key(target) && !found.by_soname && !found.directory.is_empty() {
                let path = Path::new(&found.directory).join(base_name(needed));
                uses.found_at.entry(member.clone()).or_default().insert(path);
            }
        }
    }
    uses
}

fn links_into(links: &Links, plan: &mut Plan) {
    for (alias, kept) in &links.aliases {
        if !links.renamed.contains_key(alias) {
            plan.dropped.insert(alias.clone(), format!("another name of {kept}"));
        }
    }
    plan.renamed = links.renamed.clone();
    plan.copies = links.copies.clone();
}

/// The tags of the wheel and `more`, each once; all else stays.
pub(crate) fn with_platforms(
    wheel: &Wheel,
    scan: &Scan,
    more: &[PlatformTag],
    options: &Options,
) -> Result<Plan> {
    let mut plan = base(wheel, scan, options)?;
    let mut tags = wheel.filename().platforms.clone();
    for tag in more {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    if tags != wheel.filename().platforms {
        set_tags(wheel, &tags, &mut plan)?;
    }
    Ok(plan)
}

fn set_tags(wheel: &Wheel, tags: &[PlatformTag], plan: &mut Plan) -> Result<()> {
    let filename = wheel.filename();
    if tags.is_empty() {
        return Err(Error::refused("no platform tag is left for the wheel"));
    }
    let same: BTreeSet<String> = tags.iter().map(ToString::to_string).collect();
    let old: BTreeSet<String> = filename.platforms.iter().map(ToString::to_string).collect();
    if same != old {
        let renamed = filename.with_platforms(tags.to_vec());
        plan.output_name = renamed.to_string();
        plan.new_tags = tags.iter().map(ToString::to_string).collect();
    }
    metadata::wheel_file(wheel, tags, plan)
}

impl Plan {
    /// The package that a vendored library comes from, as far as that was asked.
    pub fn provider(&self, member: &MemberPath) -> Option<&Provider> {
        let components = self.sbom.iter().flat_map(|sbom| &sbom.components);
        components.filter(|item| item.member == *member).find_map(|item| item.provider.as_ref())
    }

    /// New members that are no libraries.
    fn added_members(&self) -> impl Iterator<Item = &MemberPath> {
        self.added.keys().chain(self.sbom.iter().map(|sbom| &sbom.member))
    }

    /// The plan for programs: what is vendored, edited, renamed, left out and rewritten.
    pub fn to_json(&self) -> serde_json::Value {
        let vendored: Vec<serde_json::Value> = self
            .vendored
            .iter()
            .map(|library| {
                serde_json::json!({
                    "member": library.member.as_str(),
                    "source": plain(&library.source),
                    "sha256": library.digest.hex(),
                    "size": library.digest.size,
                    "provider": self.provider(&library.member).map(|provider| &provider.purl),
                    "users": library.users,
                })
            })
            .collect();
        let edits: BTreeMap<&str, Vec<String>> = self
            .edits
            .iter()
            .map(|(path, edits)| (path.as_str(), describe::describe(edits, self.strips.get(path))))
            .collect();
        let names = |pairs: &BTreeMap<MemberPath, MemberPath>| -> BTreeMap<String, String> {
            pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
        };
        let dropped: BTreeMap<&str, &String> =
            self.dropped.iter().map(|(path, reason)| (path.as_str(), reason)).collect();
        let shims: BTreeMap<&str, &str> =
            self.shims.iter().map(|(path, shim)| (path.as_str(), shim.program.as_str())).collect();
        let mut provided: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for given in &self.given {
            let words = format!("{}=={}", given.project, given.version);
            provided.entry(words).or_default().push(&given.path);
        }
        serde_json::json!({
            "schema": "truewheel.plan/1",
            "output": self.output_name,
            "unchanged": self.is_nothing(),
            "old_tags": self.old_tags,
            "new_tags": self.new_tags,
            "vendored": vendored,
            "edits": edits,
            "renamed": names(&self.renamed),
            "copies": names(&self.copies),
            "dropped": dropped,
            "shims": shims,
            "rewritten": self.replaced.keys().map(MemberPath::as_str).collect::<Vec<_>>(),
            "added": self.added_members().map(MemberPath::as_str).collect::<Vec<_>>(),
            "provided_by": provided,
            "corrects_record": self.corrects_record,
            "notes": self.notes,
            "unmatched": self.unmatched,
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "result: {}", self.output_name)?;
        if self.old_tags != self.new_tags {
            writeln!(f, "tags: {} -> {}", self.old_tags.join("."), self.new_tags.join("."))?;
        }
        for library in &self.vendored {
            writeln!(f, "vendor {} <- {}", library.member, Line(plain(&library.source)))?;
            if let Some(provider) = self.provider(&library.member) {
                writeln!(f, "  of {}, by {}", Line(&provider.purl), Line(&provider.database))?;
            }
            for user in &library.users {
                writeln!(f, "  {}", Line(user))?;
            }
        }
        for (member, edits) in &self.edits {
            writeln!(f, "edit {member}")?;
            for line in describe::describe(edits, self.strips.get(member)) {
                writeln!(f, "  {}", Line(line))?;
            }
        }
        for (old, new) in &self.renamed {
            writeln!(f, "rename {old} to {new}")?;
        }
        for (path, source) in &self.copies {
            writeln!(f, "write {path} as a copy of {source}")?;
        }
        for (path, reason) in &self.dropped {
            writeln!(f, "leave out {path}: {}", Line(reason))?;
        }
        for (path, shim) in &self.shims {
            writeln!(f, "write {path}, a script that runs {}", shim.program)?;
        }
        for path in self.replaced.keys() {
            writeln!(f, "rewrite {path}")?;
        }
        for path in self.added_members() {
            writeln!(f, "add {path}")?;
        }
        if self.corrects_record {
            writeln!(f, "correct RECORD")?;
        }
        if self.is_nothing() {
            writeln!(f, "nothing to change")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {}", Line(note))?;
        }
        Ok(())
    }
}
