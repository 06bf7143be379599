//! The edits that make ld.so find the vendored libraries.
//!
//! Every ELF file is planned for, also one that needs nothing: a search path that names a directory
//! of the build machine lets whoever can create that directory there load code into the process.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_elf::{Edits, SonameEdit, Strip, Strippable};
use truewheel_wheel::{MemberPath, Wheel};

use super::data;
use super::needs::is_reached;
use super::programs::{self, Libpython};
use super::runtimes;
use super::search_path::{self, Ground};
use super::{FileEdits, Findings, Plan, Vendored};
use crate::binary::{ElfFile, is_nothing};
use crate::error::{Error, Result};
use crate::left_out;
use crate::mangle::{self, Made};
use crate::options::{Options, RpathStyle};
use crate::pattern::Rules;
use crate::search::paths::base_name;
use crate::search::{NodeId, Place, Resolution};
use crate::shim::{self, Shim};
use crate::target::Libc;

/// Plans the edits of every ELF file, and the libraries to bring along.
pub(super) fn plan(
    findings: &Findings<'_>,
    plan: &mut Plan,
) -> Result<BTreeMap<NodeId, MemberPath>> {
    let directory = libraries_directory(findings.wheel, findings.options)?;
    let keeps_name = left_out::keeps_name(findings.options)?;
    let of = |_| mangle::NO_DIGITS.to_owned();
    let places = places(findings, &directory, &keeps_name, &of)?;
    plan.unmatched.extend(keeps_name.unmatched(left_out::NOT_VENDORED));
    let is_opened_by_name = findings.graph.included.iter().any(|included| included.is_by_name);
    let members = findings.graph.members().map(|(_, path, _)| path);
    let ground = Ground::new(members, findings.target.libc);
    let mut planner = Planner { findings, directory, places, is_opened_by_name, ground };
    // The digits hang on the edits, and these on nothing of a name but its digits.
    let digits = mangle::digits(findings.graph, &planner.made());
    let of = |id| digits.get(&id).cloned().unwrap_or_default();
    planner.places = self::places(findings, &planner.directory, &keeps_name, &of)?;
    planner.vendored(plan)?;
    let members: Vec<(NodeId, MemberPath)> =
        findings.graph.members().map(|(id, path, _)| (id, path.clone())).collect();
    for (id, path) in members {
        planner.member(id, &path, plan)?;
    }
    plan.notes.extend(runtimes::notes(findings.graph, &planner.places));
    Ok(planner.places)
}

/// Where each vendored library goes, and under which name. An included one keeps its own: it is opened
/// by it.
fn places(
    findings: &Findings<'_>,
    directory: &MemberPath,
    keeps_name: &Rules,
    digits: &dyn Fn(NodeId) -> String,
) -> Result<BTreeMap<NodeId, MemberPath>> {
    let of_data = data::directories(
        &data::Needs {
            members: findings.graph.members().map(|(id, path, _)| (id, path)).collect(),
            included: findings.graph.included.iter().map(|included| included.id).collect(),
            of: &|id| findings.graph.libraries_needed_by(id),
        },
        directory,
    )?;
    let keeps = |name: &str| keeps_name.find(name, &[name]).is_some();
    let names = mangle::names(findings.graph, findings.fetched, digits, &keeps);
    let mut places: BTreeMap<NodeId, MemberPath> = names
        .into_iter()
        .map(|(id, name)| Ok((id, of_data.get(&id).unwrap_or(directory).join(&name)?)))
        .collect::<Result<_>>()?;
    for included in &findings.graph.included {
        places.insert(included.id, included.member.clone());
    }
    Ok(places)
}

/// `<distribution>.libs`, or what the caller appends instead; `/sub/libs` gives a nested one.
pub(crate) fn libraries_directory(wheel: &Wheel, options: &Options) -> Result<MemberPath> {
    let name = &wheel.filename().distribution;
    let path = format!("{name}{}", options.lib_sdir.as_deref().unwrap_or(".libs"));
    Ok(MemberPath::new(path.trim_end_matches('/'))?)
}

pub(super) struct Planner<'a> {
    pub(super) findings: &'a Findings<'a>,
    pub(super) directory: MemberPath,
    /// Vendored libraries, where they will be.
    pub(super) places: BTreeMap<NodeId, MemberPath>,
    /// Some library is opened by its name alone: the loader looks for it along the search path of the
    /// file that calls dlopen(3), and any file of the wheel may be that.
    pub(super) is_opened_by_name: bool,
    ground: Ground,
}

impl Planner<'_> {
    /// How each vendored library is made, as far as that does not hang on digits.
    fn made(&self) -> BTreeMap<NodeId, Made> {
        let made = |(id, member): (&NodeId, &MemberPath)| {
            let source = self.findings.fetched.get(id)?.digest.sha256;
            let file = &self.findings.graph.node(*id).file;
            let changes = |level: &Strip| matches!(file.strippable(*level), Strippable::Yes { .. });
            let strip = self.findings.options.strip.filter(changes);
            let edits = self.library_edits(*id, member, &mut Vec::new());
            Some((*id, Made { source, strip, edits }))
        };
        self.places.iter().filter_map(made).collect()
    }

    fn vendored(&self, plan: &mut Plan) -> Result<()> {
        let mut taken: BTreeSet<&MemberPath> = BTreeSet::new();
        for (id, member) in &self.places {
            if !taken.insert(member) {
                return Err(self.same_name(member));
            }
            let Place::Library(index) = self.findings.graph.node(*id).place else { continue };
            let library = &self.findings.graph.libraries[index];
            let Some(fetched) = self.findings.fetched.get(id) else { continue };
            if self.findings.wheel.member(member.as_str()).is_some() {
                return Err(Error::refused_with(
                    format!("the wheel already has {member}, and it is not the library to add"),
                    "choose another directory with `--lib-sdir`",
                ));
            }
            let edits = self.library_edits(*id, member, &mut plan.notes);
            plan.vendored.push(Vendored {
                source: library.path.clone(),
                digest: fetched.digest,
                names: library.file.soname.iter().map(|name| ("soname", name.clone())).collect(),
                identifiers: library
                    .file
                    .build_id
                    .iter()
                    .map(|id| ("build-id", id.clone()))
                    .collect(),
                member: member.clone(),
                mode: library.mode | 0o600,
                modified: library.modified,
                users: self.users(*id),
            });
            self.remember_outside(*id, member, member, plan);
            self.strip(*id, member, plan);
            plan.edits.insert(member.clone(), FileEdits::Elf(edits));
        }
        plan.vendored.sort_by(|a, b| a.member.cmp(&b.member));
        Ok(())
    }

    /// Only names that are kept can be the same.
    fn same_name(&self, member: &MemberPath) -> Error {
        let ids = self.places.iter().filter(|(_, place)| *place == member).map(|(id, _)| *id);
        let paths: Vec<String> = ids.map(|id| self.findings.graph.name(id)).collect();
        Error::refused_with(
            format!(
                "two different libraries would both be {member} in the wheel: {}",
                paths.join(" and ")
            ),
            "take them out of `--no-mangle` or `--include`, which keep names as they are",
        )
    }

    fn users(&self, library: NodeId) -> Vec<String> {
        let included = self.findings.graph.included.iter().find(|i| i.id == library);
        let mut users: Vec<String> = included
            .map(|included| {
                format!("asked for by `{}`, found by {}", included.option, included.rule)
            })
            .into_iter()
            .collect();
        for (id, needs) in &self.findings.graph.needs {
            for (needed, resolution) in needs {
                match resolution {
                    Resolution::File(target, found) if *target == library => {
                        let user = self.findings.graph.name(*id);
                        let by = if found.by_soname { ", by its SONAME" } else { "" };
                        users.push(format!(
                            "needed by {user} as `{needed}`, found by {}{by}",
                            found.rule
                        ));
                    }
                    _ => {}
                }
            }
        }
        users
    }

    fn library_edits(&self, id: NodeId, member: &MemberPath, notes: &mut Vec<String>) -> Edits {
        let file = &self.findings.graph.node(id).file;
        let mut edits = Edits::default();
        let name = member.file_name();
        let is_included = self.findings.graph.included.iter().any(|included| included.id == id);
        if file.soname.as_deref() != Some(name) && !is_included {
            edits.soname = Some(SonameEdit::Set(name.to_owned()));
        }
        let needs = self.rename_needs(id, &member.installed().parent(), &mut edits);
        self.edit_libpython(id, member, &needs.libpython, &mut edits, notes);
        search_path::set(file, &needs.directories, self.rpath_style(), &mut edits);
        self.clear_stack(file, &mut edits);
        edits
    }

    fn member(&self, id: NodeId, path: &MemberPath, plan: &mut Plan) -> Result<()> {
        let file = &self.findings.graph.node(id).file;
        let mut edits = Edits::default();
        let mut needs = self.rename_needs(id, &path.installed().parent(), &mut edits);
        let mut to = path.clone();
        if let Some(name) = needs.unreachable.take() {
            let shim = self.shim(path, file, &name)?;
            edits = Edits::default();
            needs = self.rename_needs(id, &shim.program.installed().parent(), &mut edits);
            if let Some(name) = needs.unreachable {
                return Err(unreachable(path, &name));
            }
            let taken = |path: &MemberPath| self.findings.wheel.member(path.as_str()).is_some();
            programs::move_program(path, &shim, &taken, plan)?;
            to = shim.program;
        }
        self.edit_libpython(id, path, &needs.libpython, &mut edits, &mut plan.notes);
        let kept = self.ground.kept_entries(file, path, &mut plan.notes);
        let mut entries: Vec<String> = match to == *path {
            true => kept,
            false => kept.iter().filter_map(|e| programs::moved_entry(e, path, &to)).collect(),
        };
        // A search path that loses entries gets those that make the file independent of what loads
        // it; one that is whole stays as it is.
        let reached = if self.ground.is_cut(file, path) { needs.reached } else { Vec::new() };
        for directory in needs.directories.into_iter().chain(reached) {
            if !entries.contains(&directory) {
                entries.push(directory);
            }
        }
        search_path::set(file, &entries, self.rpath_style(), &mut edits);
        self.clear_stack(file, &mut edits);
        self.remember_outside(id, path, &to, plan);
        let is_stripped = self.strip(id, &to, plan);
        if to != *path || !is_nothing(&edits) || is_stripped {
            plan.edits.insert(to, FileEdits::Elf(edits));
        }
        Ok(())
    }

    /// How a program that needs `name` from site-packages can have it.
    fn shim(&self, path: &MemberPath, file: &ElfFile, name: &str) -> Result<Shim> {
        let distribution = &self.findings.wheel.filename().distribution;
        let shim = if file.is_program() { shim::of(path, distribution) } else { None };
        shim.unwrap_or_else(|| Err(unreachable(path, name)))
    }

    fn edit_libpython(
        &self,
        id: NodeId,
        path: &MemberPath,
        names: &[String],
        edits: &mut Edits,
        notes: &mut Vec<String>,
    ) {
        for needed in names {
            match programs::libpython(self.findings.graph, id, self.findings.target.libc) {
                Libpython::Wanted => {}
                Libpython::Kept(why) => {
                    notes.push(format!("{path}: `{needed}` stays needed by name: {why}"));
                }
                Libpython::Removed => {
                    notes.push(format!(
                        "{path}: `{needed}` is no longer needed by name, the interpreter has its symbols"
                    ));
                    edits.remove_needed.insert(needed.clone());
                }
            }
        }
    }

    fn rpath_style(&self) -> (RpathStyle, Option<Libc>) {
        (self.findings.options.rpath_style, self.findings.target.libc)
    }

    fn clear_stack(&self, file: &ElfFile, edits: &mut Edits) {
        edits.clear_executable_stack = self.findings.options.clear_executable_stack
            && file.asks_for_executable_stack(self.findings.target.libc);
    }

    /// Whether the file at `path` is to be stripped; the plan gets it, or the reason why not.
    fn strip(&self, id: NodeId, path: &MemberPath, plan: &mut Plan) -> bool {
        let Some(level) = self.findings.options.strip else { return false };
        match self.findings.graph.node(id).file.strippable(level) {
            Strippable::Yes { .. } => plan.strips.insert(path.clone(), level).is_none(),
            Strippable::Nothing => false,
            Strippable::Unfit(reason) => {
                plan.notes.push(format!("{path} is not stripped: {reason}"));
                false
            }
        }
    }

    /// What the loader will not find on the file's own search path, for the check of the finished
    /// wheel: what the target has, and what only the file's loaders lead to.
    fn remember_outside(&self, id: NodeId, member: &MemberPath, to: &MemberPath, plan: &mut Plan) {
        let own = [format!("RPATH of {member}"), format!("RUNPATH of {member}")];
        let is_outside = |needed: &str, resolution: &Resolution| match resolution {
            Resolution::File(target, found) => match self.findings.graph.node(*target).place {
                Place::Library(_) => !self.places.contains_key(target),
                Place::Member(_) => {
                    is_reached(found) && !own.contains(&found.rule) && !needed.contains('/')
                }
            },
            Resolution::InPackage(_) => false,
            _ => true,
        };
        let outside: BTreeSet<String> = self
            .findings
            .graph
            .needs_of(id)
            .iter()
            .filter(|(needed, resolution)| is_outside(needed, resolution))
            .flat_map(|(needed, _)| [needed.clone(), base_name(needed).to_owned()])
            .collect();
        plan.outside.insert(to.clone(), outside);
    }
}

pub(super) fn unreachable(path: &MemberPath, name: &str) -> Error {
    Error::refused_with(
        format!("{path} is installed outside site-packages and needs `{name}` from there"),
        "install it as part of the package",
    )
}
