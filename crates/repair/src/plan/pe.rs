//! The edits that make Windows find the vendored DLLs.
//!
//! A PE file names a DLL and no place, so an edit only changes names; where the DLLs lie, and which packages
//! have to say so, is in [`layout`]. A file that needs no edit keeps every byte, and with them the
//! signature that it may have.

mod companions;
mod layout;
mod packages;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use truewheel_pe::{Edits, dll_key};
use truewheel_wheel::{MemberPath, Scheme};

use super::{FileEdits, Plan, Vendored, WinFindings};
use crate::dll_code::is_module;
use crate::error::{Error, Result};
use crate::fetch::Fetched;
use crate::left_out;
use crate::mangle::dll::{self, Dll};
use crate::pattern::Rules;
use crate::plan::libraries_directory;
use crate::sbom::Uses;
use crate::search::pe::{PeGraph, Tie};
use crate::search::{NodeId, Place, Resolution};
use layout::{Arrangement, Packages};

/// Where each vendored DLL goes: one place or several.
pub(super) type DllPlaces = BTreeMap<NodeId, BTreeSet<MemberPath>>;

/// Plans the edits of every PE file, the DLLs to bring along and the packages that name their directory.
pub(super) fn plan(findings: &WinFindings<'_>, plan: &mut Plan) -> Result<DllPlaces> {
    let graph = &findings.windows.graph;
    let keeps_name = left_out::keeps_name(findings.options)?;
    let names = names(findings, &keeps_name)?;
    // All is asked of a wheel that may need nothing, too.
    let unmatched = keeps_name.unmatched(left_out::NOT_VENDORED).into_iter();
    plan.unmatched.extend(unmatched.filter(|it| it.option != "--no-mangle *"));
    let roots = roots(graph);
    let packages = Packages::of_wheel(findings)?;
    let libraries = libraries_directory(findings.wheel, findings.options)?;
    let arrangement = arrangement(findings, &roots, &packages, libraries.as_str());
    let placer = Placer { findings, arrangement: &arrangement, roots: &roots, names: &names };
    let places = placer.places()?;
    let planner = Planner { findings, names: &names, places: &places };
    planner.vendored(plan)?;
    planner.companions(plan)?;
    planner.members(plan);
    packages::patch(findings, &packages, &arrangement, &roots, &names, plan)?;
    Ok(places)
}

/// Who needs which file of the result.
pub(super) fn uses(graph: &PeGraph, places: &DllPlaces) -> Uses {
    let mut uses = Uses::default();
    let in_wheel = |id: NodeId| -> Vec<MemberPath> {
        match &graph.node(id).place {
            Place::Member(path) => vec![path.clone()],
            Place::Library(_) => places.get(&id).into_iter().flatten().cloned().collect(),
        }
    };
    for id in graph.needs.keys() {
        for (need, target) in graph.targets(*id) {
            let members = in_wheel(target);
            for user in in_wheel(*id) {
                uses.needs.entry(user).or_default().extend(members.iter().cloned());
            }
            let Resolution::File(_, found) = &need.resolution else { continue };
            if places.contains_key(&target) && !found.directory.is_empty() {
                for member in members {
                    let path = Path::new(&found.directory).join(&need.name);
                    uses.found_at.entry(member).or_default().insert(path);
                }
            }
        }
    }
    uses
}

/// The file names of vendored DLLs in the wheel. An included one keeps its own: it is opened by it.
fn names(findings: &WinFindings<'_>, keeps: &Rules) -> Result<BTreeMap<NodeId, String>> {
    let graph = &findings.windows.graph;
    let keeps = |name: &str| keeps.find(name, &[name, &name.to_ascii_lowercase()]).is_some();
    let is_kept = |id: &NodeId| {
        // Each name is asked about, so that an option which names one is known to do something.
        let is_named = graph.targets_named(*id).filter(|name| keeps(name)).count() > 0;
        let is_called = keeps(&graph.file_name(*id));
        is_named || is_called || graph.included.iter().any(|included| included.id == *id)
    };
    let (kept, mangled): (Vec<NodeId>, Vec<NodeId>) =
        findings.windows.vendor.iter().copied().partition(is_kept);
    let mut names: BTreeMap<NodeId, String> =
        kept.into_iter().map(|id| (id, graph.file_name(id))).collect();
    let file_names: Vec<String> = mangled.iter().map(|id| graph.file_name(*id)).collect();
    let contents = mangled
        .iter()
        .map(|id| contents(graph, *id, findings.fetched.get(id)))
        .collect::<Result<Vec<_>>>()?;
    let index: BTreeMap<NodeId, usize> =
        mangled.iter().enumerate().map(|(index, id)| (*id, index)).collect();
    let dlls: Vec<Dll<'_>> = mangled
        .iter()
        .zip(file_names.iter().zip(&contents))
        .map(|(id, (name, bytes))| Dll { name, bytes, needs: ordered_needs(graph, *id, &index) })
        .collect();
    names.extend(mangled.iter().copied().zip(dll::names(&dlls)));
    Ok(names)
}

fn contents<'a>(
    graph: &'a PeGraph,
    id: NodeId,
    fetched: Option<&'a Fetched>,
) -> Result<std::borrow::Cow<'a, [u8]>> {
    if let Some(contents) = fetched.and_then(|fetched| fetched.contents.as_ref()) {
        return Ok(contents.bytes().into());
    }
    match graph.node(id).place {
        Place::Library(index) => graph.libraries[index].bytes(),
        Place::Member(_) => Ok(Vec::new().into()),
    }
}

/// As often and in the order that the import tables have them: delvewheel's digits hang on both.
fn ordered_needs(graph: &PeGraph, id: NodeId, index: &BTreeMap<NodeId, usize>) -> Vec<usize> {
    let targets: BTreeMap<String, NodeId> =
        graph.targets(id).map(|(need, target)| (dll_key(&need.name), target)).collect();
    let tables = graph.node(id).file.tables.iter();
    tables.filter_map(|name| index.get(targets.get(&dll_key(name))?).copied()).collect()
}

/// A file that begins a load: a module that Python loads, a program, or a DLL that nothing of the wheel
/// needs, which is opened by its path.
pub(super) struct Root {
    pub(super) path: MemberPath,
    /// Its directory below site-packages; `None` for one that is installed elsewhere, and for programs, which look
    /// beside themselves alone.
    pub(super) directory: Option<String>,
    /// All that it loads.
    pub(super) closure: BTreeSet<NodeId>,
}

fn roots(graph: &PeGraph) -> Vec<Root> {
    let needed: BTreeSet<NodeId> =
        graph.needs.keys().flat_map(|id| graph.targets(*id).map(|(_, target)| target)).collect();
    let is_root = |id: NodeId, path: &MemberPath| {
        is_module(path) || !graph.node(id).file.is_dll || !needed.contains(&id)
    };
    let members = graph.members().filter(|(id, path)| is_root(*id, path));
    let mut roots: Vec<Root> = members
        .map(|(id, path)| Root {
            path: path.clone(),
            directory: graph.node(id).file.is_dll.then(|| site_directory(path)).flatten(),
            closure: graph.closure([id]),
        })
        .collect();
    // DLLs that only need each other are loaded by one of them all the same.
    let reached: BTreeSet<NodeId> = roots.iter().flat_map(|root| root.closure.clone()).collect();
    let left = graph.members().filter(|(id, _)| !reached.contains(id));
    roots.extend(left.map(|(id, path)| Root {
        path: path.clone(),
        directory: site_directory(path),
        closure: graph.closure([id]),
    }));
    roots
}

/// The directory below site-packages that a member is installed in.
fn site_directory(path: &MemberPath) -> Option<String> {
    let installed = path.installed();
    let is_site = matches!(installed.scheme, Scheme::Platlib | Scheme::Purelib);
    is_site.then(|| installed.parent().path)
}

fn arrangement(
    findings: &WinFindings<'_>,
    roots: &[Root],
    packages: &Packages,
    libraries: &str,
) -> Arrangement {
    let vendor = &findings.windows.vendor;
    let needing = roots.iter().filter(|root| !root.closure.is_disjoint(vendor));
    let directories: BTreeSet<String> = needing.filter_map(|root| root.directory.clone()).collect();
    let options = &findings.options.windows;
    layout::arrange(packages, &directories, options.layout, libraries, options.custom_patch)
}

struct Placer<'a> {
    findings: &'a WinFindings<'a>,
    arrangement: &'a Arrangement,
    roots: &'a [Root],
    names: &'a BTreeMap<NodeId, String>,
}

impl Placer<'_> {
    fn places(&self) -> Result<DllPlaces> {
        let mut places = DllPlaces::new();
        let vendor = &self.findings.windows.vendor;
        for root in self.roots.iter().filter(|root| !root.closure.is_disjoint(vendor)) {
            let directory = self.directory_for(root);
            for id in root.closure.intersection(vendor) {
                self.put(*id, &directory, &mut places)?;
            }
        }
        for included in &self.findings.windows.graph.included {
            places.entry(included.id).or_default().insert(included.member.clone());
            let closure = self.findings.windows.graph.closure([included.id]);
            // It is opened by its path, and looks for what it needs beside itself.
            for id in closure.intersection(vendor).filter(|id| **id != included.id) {
                self.put(*id, included.member.parent(), &mut places)?;
            }
        }
        Ok(places)
    }

    fn put(&self, id: NodeId, directory: &str, places: &mut DllPlaces) -> Result<()> {
        let Some(name) = self.names.get(&id) else { return Ok(()) };
        let path = MemberPath::new(&crate::search::paths::join(directory, name))?;
        places.entry(id).or_default().insert(path);
        Ok(())
    }

    /// The archive directory that DLLs for this root go to.
    fn directory_for(&self, root: &Root) -> String {
        match (&root.directory, &self.arrangement.shared) {
            (Some(directory), Some(shared)) if self.arrangement.sharing.contains(directory) => {
                shared.clone()
            }
            _ => root.path.parent().to_owned(),
        }
    }
}

struct Planner<'a> {
    findings: &'a WinFindings<'a>,
    names: &'a BTreeMap<NodeId, String>,
    places: &'a DllPlaces,
}

impl Planner<'_> {
    fn vendored(&self, plan: &mut Plan) -> Result<()> {
        let graph = &self.findings.windows.graph;
        let mut taken: BTreeMap<String, NodeId> = BTreeMap::new();
        for (id, members) in self.places {
            let (Some(index), Some(fetched)) =
                (graph.node(*id).place.library(), self.findings.fetched.get(id))
            else {
                continue;
            };
            let library = &graph.libraries[index];
            let edits = self.edits(*id);
            for member in members {
                if taken.insert(member.as_str().to_ascii_lowercase(), *id).is_some() {
                    return Err(Error::refused(format!(
                        "two different DLLs would both be {member} in the wheel"
                    )));
                }
                self.refuse_to_replace(member)?;
                plan.vendored.push(Vendored {
                    source: library.path.clone(),
                    digest: fetched.digest,
                    names: BTreeMap::new(),
                    identifiers: identifiers(&library.file),
                    member: member.clone(),
                    mode: library.mode & 0o777 | 0o600,
                    modified: library.modified,
                    users: self.users(*id),
                });
                self.insert(*id, member, edits.clone(), plan);
            }
        }
        plan.vendored.sort_by(|a, b| a.member.cmp(&b.member));
        Ok(())
    }

    fn refuse_to_replace(&self, member: &MemberPath) -> Result<()> {
        let is_there = |path: &MemberPath| path.as_str().eq_ignore_ascii_case(member.as_str());
        if self.findings.scan.digests.keys().any(is_there) {
            return Err(Error::refused_with(
                format!("the wheel already has {member}, and it is not the file to add"),
                "choose another directory with `--lib-sdir`, or leave the DLL out with `--exclude`",
            ));
        }
        Ok(())
    }

    fn users(&self, library: NodeId) -> Vec<String> {
        let graph = &self.findings.windows.graph;
        let included = graph.included.iter().filter(|included| included.id == library);
        let mut users: Vec<String> = included
            .map(|it| format!("asked for by `{}`, found by {}", it.option, it.rule))
            .collect();
        for id in graph.needs.keys() {
            for (need, _) in graph.targets(*id).filter(|(_, target)| *target == library) {
                let Resolution::File(_, found) = &need.resolution else { continue };
                let (user, name) = (graph.name(*id), &need.name);
                let how = match need.tie {
                    Tie::Import => "needed",
                    Tie::Delay => "needed at the first call",
                    Tie::Forward => "an export leads there",
                };
                users.push(format!("{how} by {user} as `{name}`, found by {}", found.rule));
            }
        }
        users
    }

    fn members(&self, plan: &mut Plan) {
        for (id, path) in self.findings.windows.graph.members() {
            let edits = self.edits(id);
            self.insert(id, path, edits, plan);
        }
    }

    /// An edit that changes nothing is none: the file keeps its bytes.
    fn insert(&self, id: NodeId, path: &MemberPath, edits: Edits, plan: &mut Plan) {
        plan.outside.insert(path.clone(), self.outside(id));
        if edits != Edits::default() {
            if self.findings.windows.graph.node(id).file.is_signed {
                plan.notes.push(format!("{path} loses its signature, which is for other bytes"));
            }
            plan.edits.insert(path.clone(), FileEdits::Pe(edits));
        }
    }

    fn edits(&self, id: NodeId) -> Edits {
        let graph = &self.findings.windows.graph;
        let mut edits = Edits::default();
        for (need, target) in graph.targets(id) {
            if let Some(name) = self.names.get(&target)
                && dll_key(name) != dll_key(&need.name)
            {
                edits.dll_names.insert(need.name.clone(), name.clone());
            }
        }
        let needs_others = graph.targets(id).next().is_some();
        edits.clear_dependent_load_flags = needs_others && graph.node(id).file.limits_search;
        edits
    }

    /// Names that the wheel does not answer for, as they are compared.
    fn outside(&self, id: NodeId) -> BTreeSet<String> {
        let needs = self.findings.windows.graph.needs_of(id).iter();
        let outside = needs.filter(|need| {
            !matches!(need.resolution, Resolution::File(..) | Resolution::InPackage(_))
        });
        outside.map(|need| dll_key(&need.name)).collect()
    }
}

fn identifiers(file: &crate::binary::PeFile) -> BTreeMap<&'static str, String> {
    let version =
        file.file_version.map(|(a, b, c, d)| ("file-version", format!("{a}.{b}.{c}.{d}")));
    version.into_iter().collect()
}
