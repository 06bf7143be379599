//! The edits that make dyld find the vendored libraries.
//!
//! A load command names its library by the path from the file that has it (`@loader_path`), so no search path is
//! needed, and none can lead elsewhere. A vendored library keeps its file name: dyld knows loaded files by path
//! and install ID, and gets an ID here that no other wheel has, `/DLC/demo/.dylibs/libfoo.1.dylib` (the prefix
//! that wheels for macOS have had for ten years; nothing is ever installed there).
//!
//! Every file is planned for, also one that needs nothing: an `LC_RPATH` that names a directory of the build
//! machine lets whoever can create that directory there load code into the process.

mod names;
mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use truewheel_macho::{Edits, SliceEdits};
use truewheel_wheel::MemberPath;

use super::elf::unreachable;
use super::programs;
use super::search_path::Ground;
use super::{FileEdits, MacFindings, Plan, Vendored};
use crate::binary::{MH_EXECUTE, MachFile, MachSlice};
use crate::error::{Error, Result};
use crate::left_out;
use crate::sbom::Uses;
use crate::search::macho::{MachGraph, SliceId, is_of_macos};
use crate::search::paths::{base_name, environment_path, loader_relative};
use crate::search::{Included, NodeId, Place, Resolution};
use crate::shim;
use names::Names;
pub(crate) use places::directory;

/// Plans the edits of every Mach-O file, and the libraries to bring along.
pub(crate) fn plan(
    findings: &MacFindings<'_>,
    plan: &mut Plan,
) -> Result<BTreeMap<NodeId, MemberPath>> {
    let graph = &findings.macos.graph;
    let places = places::places(findings, &mut plan.notes)?;
    let ground = Ground::new(graph.members().map(|(_, path)| path), None);
    let members = graph.members().filter_map(|(id, path)| Some((environment_path(path)?, id)));
    let installed = members.collect();
    let mut planner =
        Planner { findings, graph, places, ground, installed, removed: BTreeMap::new() };
    planner.vendored(plan)?;
    let members: Vec<(NodeId, MemberPath)> =
        graph.members().map(|(id, path)| (id, path.clone())).collect();
    for (id, path) in members {
        planner.member(id, &path, plan)?;
    }
    plan.notes.extend(planner.removed.iter().map(|(entry, files)| {
        format!("LC_RPATH `{entry}` is removed from {}", left_out::listed(files))
    }));
    Ok(planner.places)
}

/// Who needs which file of the result.
pub(super) fn uses(graph: &MachGraph, libraries: &BTreeMap<NodeId, MemberPath>) -> Uses {
    let mut uses = Uses::default();
    let in_wheel = |id: &NodeId| match &graph.node(*id).place {
        Place::Member(path) => Some(path),
        Place::Library(_) => libraries.get(id),
    };
    for (user, load, resolution) in graph.all_needs() {
        let Resolution::File(target, found) = resolution else { continue };
        let (Some(user), Some(member)) = (in_wheel(&user.file), in_wheel(target)) else { continue };
        uses.needs.entry(user.clone()).or_default().insert(member.clone());
        if libraries.contains_key(target) && !found.by_soname && !found.directory.is_empty() {
            let path = Path::new(&found.directory).join(base_name(&load.install_name));
            uses.found_at.entry(member.clone()).or_default().insert(path);
        }
    }
    uses
}

struct Planner<'a> {
    findings: &'a MacFindings<'a>,
    graph: &'a MachGraph,
    /// Vendored libraries, where they will be.
    places: BTreeMap<NodeId, MemberPath>,
    ground: Ground,
    /// Path in an environment → file of the wheel.
    installed: BTreeMap<String, NodeId>,
    /// Entries of search paths that go, with the files that had them.
    removed: BTreeMap<String, BTreeSet<String>>,
}

/// What a file needs from elsewhere, and what it is called where it goes.
struct Planned {
    edits: Edits,
    /// Install names, as they will be, that the wheel does not answer for.
    outside: BTreeSet<String>,
    /// A name that leads to where no path leads from this file.
    unreachable: Option<String>,
}

impl Planner<'_> {
    fn vendored(&mut self, plan: &mut Plan) -> Result<()> {
        for (id, member) in &self.places.clone() {
            let Some(index) = self.graph.node(*id).place.library() else { continue };
            let (Some(library), Some(fetched)) =
                (self.graph.libraries.get(index), self.findings.fetched.get(id))
            else {
                continue;
            };
            let ids = library.file.slices.iter().filter_map(|slice| slice.install_id.clone());
            plan.vendored.push(Vendored {
                source: library.path.clone(),
                digest: fetched.digest,
                names: ids.take(1).map(|id| ("install-id", id)).collect(),
                identifiers: identifiers(&library.file),
                member: member.clone(),
                mode: library.mode | 0o600,
                modified: library.modified,
                users: self.users(*id),
            });
            let mut planned = self.file(*id, member, None);
            if let Some(name) = planned.unreachable {
                return Err(unreachable(member, &name));
            }
            planned.edits.install_id = library.file.is_library().then(|| install_id(member));
            plan.notes.extend(lost_signature(member, &library.file, &planned.edits));
            plan.outside.insert(member.clone(), planned.outside);
            plan.edits.insert(member.clone(), FileEdits::MachO(planned.edits));
        }
        plan.vendored.sort_by(|a, b| a.member.cmp(&b.member));
        Ok(())
    }

    fn users(&self, library: NodeId) -> Vec<String> {
        let included = self.graph.included.iter().filter(|included| included.id == library);
        let mut users: Vec<String> = included
            .map(|included| {
                format!("asked for by `{}`, found by {}", included.option, included.rule)
            })
            .collect();
        for (user, load, resolution) in self.graph.all_needs() {
            match resolution {
                Resolution::File(target, found) if *target == library => {
                    let (user, name) = (self.graph.name(user.file), &load.install_name);
                    let by = if found.by_soname { ", by its install ID" } else { "" };
                    let line = format!("needed by {user} as `{name}`, found by {}{by}", found.rule);
                    if !users.contains(&line) {
                        users.push(line);
                    }
                }
                _ => {}
            }
        }
        users
    }

    fn member(&mut self, id: NodeId, path: &MemberPath, plan: &mut Plan) -> Result<()> {
        let graph = self.graph;
        let file = &graph.node(id).file;
        let mut planned = self.file(id, path, Some(path));
        let mut to = path.clone();
        if let Some(name) = planned.unreachable {
            let distribution = self.findings.distribution;
            let shim = if is_program(file) { shim::of(path, distribution) } else { None };
            let shim = shim.unwrap_or_else(|| Err(unreachable(path, &name)))?;
            planned = self.file(id, &shim.program, Some(path));
            if let Some(name) = planned.unreachable {
                return Err(unreachable(path, &name));
            }
            let taken = |path: &MemberPath| self.findings.files.contains(&path);
            programs::move_program(path, &shim, &taken, plan)?;
            to = shim.program;
        }
        if !self.findings.is_directory {
            planned.edits.install_id = own_id(file, path, &mut plan.notes);
        }
        let is_edited = planned.edits.install_id.is_some() || !planned.edits.slices.is_empty();
        if is_edited || to != *path {
            plan.notes.extend(lost_signature(&to, file, &planned.edits));
            plan.outside.insert(to.clone(), planned.outside);
            plan.edits.insert(to, FileEdits::MachO(planned.edits));
        }
        Ok(())
    }

    /// The edits of one file where it will be, at `at`. `from` is where a file of the wheel is now.
    fn file(&mut self, id: NodeId, at: &MemberPath, from: Option<&MemberPath>) -> Planned {
        let file_name = at.file_name().to_owned();
        let edits = Edits { file_name, ..Edits::default() };
        let mut planned = Planned { edits, outside: BTreeSet::new(), unreachable: None };
        for slice in self.graph.slices_of(id) {
            let rpaths = self.rpaths(slice, at, from);
            let stays = from == Some(at);
            let names = self.load_names(slice, at, &rpaths, stays, &mut planned);
            let is_same = self.graph.slice(slice).rpaths == rpaths;
            let edits = SliceEdits { install_names: names, rpaths: (!is_same).then_some(rpaths) };
            if edits != SliceEdits::default() {
                planned.edits.slices.insert(slice.slice, edits);
            }
        }
        planned
    }

    /// The search path of a slice: its own entries that still lead somewhere after installation, each once.
    fn rpaths(
        &mut self,
        slice: SliceId,
        at: &MemberPath,
        from: Option<&MemberPath>,
    ) -> Vec<String> {
        let mut kept: Vec<String> = Vec::new();
        for entry in &self.graph.slice(slice).rpaths {
            let new = match (loader_relative(entry), from) {
                _ if is_of_macos(&format!("{entry}/")) => Some(entry.clone()),
                (_, None) => None,
                (Some(_), Some(_)) if self.findings.is_directory => Some(entry.clone()),
                (Some(rest), Some(from)) if self.ground.keeps_way(rest, from) => {
                    names::moved(entry, rest, from, at)
                }
                // The directory of the program, which is the interpreter's: conda's libraries are there.
                (None, Some(_)) if entry.starts_with("@executable_path") => Some(entry.clone()),
                (_, Some(_)) if self.findings.options.macos.keep_rpaths => Some(entry.clone()),
                _ => None,
            };
            match new {
                Some(new) if !kept.contains(&new) => kept.push(new),
                Some(_) => {}
                None => {
                    if let Some(from) = from {
                        let files = self.removed.entry(entry.clone()).or_default();
                        files.insert(from.as_str().to_owned());
                    }
                }
            }
        }
        // dlopen(3) looks for a bare name along the rpaths of the file that calls it, and any of the wheel's own
        // may be that; a library from outside knows nothing of it, and may have no room.
        let is_opened = |included: &&Included| included.is_by_name && from.is_some();
        for included in self.graph.included.iter().filter(is_opened) {
            let Some(way) = names::way_to_directory(at, &included.member) else { continue };
            let entry =
                if way == "." { "@loader_path".to_owned() } else { format!("@loader_path/{way}") };
            if !kept.contains(&entry) {
                kept.push(entry);
            }
        }
        kept
    }

    /// The new names of what a slice needs. What `stays` where it was keeps names that lead to the right file
    /// already.
    fn load_names(
        &self,
        slice: SliceId,
        at: &MemberPath,
        rpaths: &[String],
        stays: bool,
        planned: &mut Planned,
    ) -> BTreeMap<String, String> {
        let mut names = Names::of(self.graph.slice(slice));
        for (load, resolution) in self.graph.needs_of(slice) {
            let name = &load.install_name;
            let target = match resolution {
                Resolution::File(target, _) => target,
                Resolution::InPackage(given) => {
                    let is_led = stays && names::places(name, at, rpaths).contains(&given.place);
                    match given.way_from(&at.installed().parent()) {
                        _ if is_led => {}
                        Some(way) => names.set(name, &way),
                        None => planned.unreachable = Some(name.clone()),
                    }
                    continue;
                }
                _ => {
                    planned.outside.insert(name.clone());
                    continue;
                }
            };
            let member = match &self.graph.node(*target).place {
                Place::Member(path) => path,
                Place::Library(_) => match self.places.get(target) {
                    Some(member) => member,
                    // Only code of a CPU that no tag names needs it.
                    None => {
                        planned.outside.insert(name.clone());
                        continue;
                    }
                },
            };
            if stays && names::lead(name, at, rpaths, &self.installed) == Some(*target) {
                continue;
            }
            match names::way(at, member) {
                Some(way) => names.set(name, &way),
                None => planned.unreachable = Some(name.clone()),
            }
        }
        names.changed
    }
}

/// Where no file ever is.
const INSTALL_ID_ROOT: &str = "/DLC/";

fn install_id(member: &MemberPath) -> String {
    format!("{INSTALL_ID_ROOT}{}", member.installed().path)
}

/// The ID for a library of the wheel that has a path of the build machine for one. A name such as
/// `@rpath/libfoo.dylib` is what other packages may know it by, and stays.
fn own_id(file: &MachFile, path: &MemberPath, notes: &mut Vec<String>) -> Option<String> {
    let is_foreign =
        |id: &&str| id.starts_with('/') && !id.starts_with(INSTALL_ID_ROOT) && !is_of_macos(id);
    let ids = || file.slices.iter().filter_map(|slice| slice.install_id.as_deref());
    let foreign = ids().find(is_foreign)?;
    if !file.is_library() || ids().count() != file.slices.len() {
        return None;
    }
    let id = install_id(path);
    // It is better off with the ID it has than refused for one that it can do without.
    let fits = |slice: &MachSlice| {
        let old = slice.install_id.as_deref().unwrap_or_default().len();
        let grows = command_size(id.len()).saturating_sub(command_size(old));
        slice.header_pad >= (grows + SIGNATURE_COMMAND) as u64 || grows == 0
    };
    if !file.slices.iter().all(fits) {
        notes.push(format!("{path} keeps its install ID {foreign}: there is no room for another"));
        return None;
    }
    Some(id)
}

/// What an `LC_CODE_SIGNATURE` takes, which a first signature adds.
const SIGNATURE_COMMAND: usize = 16;

/// The size of a command with a string of this length: with its NUL, to the next multiple of 8.
fn command_size(len: usize) -> usize {
    (len / 8 + 1) * 8
}

/// A certificate that an edit makes worthless.
fn lost_signature(member: &MemberPath, file: &MachFile, edits: &Edits) -> Option<String> {
    let is_edited = |index: usize| edits.install_id.is_some() || edits.slices.contains_key(&index);
    let mut slices = file.slices.iter().enumerate().filter(|(index, _)| is_edited(*index));
    let certificate = slices.find_map(|(_, slice)| slice.certificate.as_ref())?;
    Some(format!("{member} loses the signature of {certificate}, and is signed ad hoc"))
}

fn is_program(file: &MachFile) -> bool {
    file.slices.iter().all(|slice| slice.file_type == MH_EXECUTE)
}

/// What tells one build of a library from another: `LC_UUID`, which no edit changes.
fn identifiers(file: &MachFile) -> BTreeMap<&'static str, String> {
    let of_slice = |slice: &MachSlice| {
        slice.uuid.map(|uuid| format!("{} {}", slice.architecture, hexadecimal(&uuid)))
    };
    let uuids: Vec<String> = file.slices.iter().filter_map(of_slice).collect();
    (!uuids.is_empty()).then(|| ("uuid", uuids.join(", "))).into_iter().collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Two files for one path of the wheel.
fn taken(member: &MemberPath) -> Error {
    Error::refused_with(
        format!("the wheel already has {member}, and it is not the library to add"),
        "choose another directory with `--lib-sdir`",
    )
}
