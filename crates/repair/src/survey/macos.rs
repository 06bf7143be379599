//! Steps 3 and 4 for wheels for macOS.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use truewheel_wheel::{Digest, MemberPath, PlatformTag, Wheel};

use super::{fuse, of_result};
use crate::binary::{Format, MachFile};
use crate::error::{Error, ErrorKind, MissingLibrary, Result};
use crate::left_out::{self, Choices};
use crate::links::Links;
use crate::options::Options;
use crate::plan;
use crate::policy::macos::{self as policy, wanted_architectures};
use crate::scan::Scan;
use crate::search::macho::{self, Context, MachGraph, SliceId, may_be_absent};
use crate::search::{NodeId, Place, Resolution};

/// A wheel for macOS.
#[derive(Debug)]
pub(crate) struct MacSurvey {
    pub(crate) graph: MachGraph,
    /// Libraries of this machine that the wheel must bring along.
    pub(crate) vendor: BTreeSet<NodeId>,
    /// The platform tags of the repaired wheel.
    pub(crate) tags: Vec<PlatformTag>,
    /// Things worth a line in the report.
    pub(crate) notes: Vec<String>,
}

/// Follows what each slice needs, and says what is to be brought along.
pub(super) fn survey(
    wheel: &Wheel,
    scan: &Scan,
    links: &Links,
    options: &Options,
    faults: &mut Vec<Error>,
) -> Result<MacSurvey> {
    // dyld would refuse it as well, or map what we cannot see.
    let damaged = scan.unreadable.iter().filter(|(_, format, _)| *format == Format::MachO);
    faults.extend(damaged.map(|(path, _, fault)| Error::damaged(path, fault)));
    let tags = &wheel.filename().platforms;
    let files = Files {
        members: of_result(&scan.macho, links),
        aliases: &links.aliases,
        digests: &scan.digests,
        libraries: &plan::macos_directory(wheel, options)?,
        root: None,
    };
    let (graph, reach, mut notes) = follow(files, &wanted_architectures(tags, options), options)?;
    faults.extend(fault_of_missing(&graph, &reach, options, &mut notes));
    let vendor = reach.libraries;
    let (tags, fault) = judge(&graph, &vendor, tags, options, &mut notes);
    faults.extend(fault);
    Ok(MacSurvey { graph, vendor, tags, notes })
}

/// The files of a directory: all of them are for all of their CPUs, and no tag is earned.
///
/// # Errors
///
/// A library is missing, or the operating system refuses one.
pub(crate) fn of_directory(files: Files<'_>, options: &Options) -> Result<MacSurvey> {
    let (graph, reach, mut notes) = follow(files, &BTreeSet::new(), options)?;
    match fault_of_missing(&graph, &reach, options, &mut notes) {
        Some(fault) => Err(fault),
        None => Ok(MacSurvey { graph, vendor: reach.libraries, tags: Vec::new(), notes }),
    }
}

/// Mach-O files that lie together.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    pub(crate) members: Vec<(MemberPath, MachFile)>,
    /// Further names of files.
    pub(crate) aliases: &'a BTreeMap<MemberPath, MemberPath>,
    pub(crate) digests: &'a BTreeMap<MemberPath, Digest>,
    /// The directory of vendored libraries.
    pub(crate) libraries: &'a MemberPath,
    /// Where the files lie, if it is not in a wheel.
    pub(crate) root: Option<&'a Path>,
}

/// What each slice needs, and what processes of the CPUs `wanted` load of it.
fn follow(
    files: Files<'_>,
    wanted: &BTreeSet<String>,
    options: &Options,
) -> Result<(MachGraph, Reach, Vec<String>)> {
    let choices = Choices::new(options)?;
    let context = Context {
        options: &options.search,
        root: files.root,
        choices: &choices,
        digests: files.digests,
        include: &options.include,
        libraries: files.libraries,
    };
    let loaded = files.members.into_iter().filter(|(_, file)| is_loaded(file)).collect();
    let mut graph = macho::resolve(loaded, files.aliases, &context)?;
    let libraries = Reach::of(&graph, wanted).libraries;
    fuse::fuse(&mut graph, &libraries)?;
    let reach = Reach::of(&graph, wanted);
    let mut notes = choices.plain_notes();
    notes.extend(left_behind(&graph, wanted));
    Ok((graph, reach, notes))
}

/// What is found nowhere: a fault, or a note where it may be so.
fn fault_of_missing(
    graph: &MachGraph,
    reach: &Reach,
    options: &Options,
    notes: &mut Vec<String>,
) -> Option<Error> {
    let missing = missing(graph, reach);
    match options.ignore_missing {
        _ if missing.is_empty() => {}
        true => notes.extend(missing.iter().map(|library| {
            let users = library.users.join(", ");
            format!(
                "`{}` is not found, and left to whoever has it (needed by {users})",
                library.needed
            )
        })),
        false => return Some(Error::new(ErrorKind::Missing(missing))),
    }
    None
}

/// Whether dyld has to do with it: object files and debug information are read by other programs.
fn is_loaded(file: &MachFile) -> bool {
    !file.slices.is_empty() && file.slices.iter().all(policy::is_loaded)
}

/// Whether the wheel is for the CPU of a slice.
fn is_wanted(graph: &MachGraph, id: SliceId, wanted: &BTreeSet<String>) -> bool {
    wanted.is_empty() || wanted.contains(graph.slice(id).architecture)
}

/// What the processes of the wheel's CPUs load.
struct Reach {
    slices: BTreeSet<SliceId>,
    libraries: BTreeSet<NodeId>,
}

impl Reach {
    fn of(graph: &MachGraph, wanted: &BTreeSet<String>) -> Self {
        let included: Vec<NodeId> = graph.included.iter().map(|included| included.id).collect();
        let files = graph.members().map(|(id, _)| id).chain(included.iter().copied());
        let slices = files.flat_map(|file| graph.slices_of(file));
        let mut queue: Vec<SliceId> = slices.filter(|id| is_wanted(graph, *id, wanted)).collect();
        let libraries = included.into_iter().collect();
        let mut reach = Self { slices: BTreeSet::new(), libraries };
        while let Some(id) = queue.pop() {
            if !reach.slices.insert(id) {
                continue;
            }
            for (_, resolution) in graph.needs_of(id) {
                let Resolution::File(file, _) = resolution else { continue };
                if matches!(graph.node(*file).place, Place::Library(_)) {
                    reach.libraries.insert(*file);
                }
                queue.extend(graph.slice_for(id, *file));
            }
        }
        reach
    }
}

/// What must be there and is found nowhere, each name once.
fn missing(graph: &MachGraph, reach: &Reach) -> Vec<MissingLibrary> {
    let mut missing: BTreeMap<&str, BTreeMap<String, &MissingLibrary>> = BTreeMap::new();
    for (id, load, resolution) in graph.all_needs() {
        if let Resolution::Missing(library) = resolution
            && !may_be_absent(load.kind)
            && reach.slices.contains(&id)
        {
            let users = missing.entry(&load.install_name).or_default();
            users.entry(graph.name(id.file)).or_insert(library);
        }
    }
    missing.values().map(MissingLibrary::of_users).collect()
}

/// Names that stay although nothing answers for them.
fn left_behind(graph: &MachGraph, wanted: &BTreeSet<String>) -> Vec<String> {
    let mut absent: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut other: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    let mut python: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (id, load, resolution) in graph.all_needs() {
        let (name, user) = (load.install_name.as_str(), graph.name(id.file));
        match resolution {
            Resolution::Missing(_) if may_be_absent(load.kind) => {
                absent.entry(name).or_default().insert(user);
            }
            Resolution::Missing(_) if !is_wanted(graph, id, wanted) => {
                let architecture = graph.slice(id).architecture;
                other.entry((name, architecture)).or_default().insert(user);
            }
            Resolution::Libpython if matches!(graph.node(id.file).place, Place::Member(_)) => {
                python.entry(name).or_default().insert(user);
            }
            _ => {}
        }
    }
    let listed = left_out::listed;
    let absent = absent.into_iter().map(|(name, users)| {
        format!("`{name}` is not found and may be absent (weak in {})", listed(&users))
    });
    let other = other.into_iter().map(|((name, architecture), users)| {
        format!(
            "`{name}` is not found for {architecture}, which no tag of the wheel names (needed by {})",
            listed(&users)
        )
    });
    let python = python.into_iter().map(|(name, users)| {
        format!(
            "`{name}` is one interpreter's own library, and stays needed by that name (needed by {}); \
             modules linked with `-undefined dynamic_lookup` run in every Python",
            listed(&users)
        )
    });
    absent.chain(other).chain(python).collect()
}

/// The tags that the files of the result earn.
fn judge(
    graph: &MachGraph,
    vendor: &BTreeSet<NodeId>,
    tags: &[PlatformTag],
    options: &Options,
    notes: &mut Vec<String>,
) -> (Vec<PlatformTag>, Option<Error>) {
    // Code for a CPU that the library lacks; what nothing else answers for is missing already.
    let needed: BTreeSet<NodeId> = graph
        .all_needs()
        .filter_map(|(user, _, resolution)| Some((user, resolution.file()?)))
        .filter(|(user, file)| graph.slice_for(*user, *file).is_none())
        .map(|(_, file)| file)
        .collect();
    let in_result =
        |id: &NodeId| vendor.contains(id) || matches!(graph.node(*id).place, Place::Member(_));
    let ids: Vec<NodeId> = (0..graph.nodes.len()).map(NodeId).filter(in_result).collect();
    let names: Vec<String> = ids.iter().map(|id| graph.name(*id)).collect();
    let files: Vec<policy::File<'_>> = ids
        .iter()
        .zip(&names)
        .map(|(id, name)| {
            let (file, is_needed) = (&graph.node(*id).file, needed.contains(id));
            policy::File { name, file, is_needed }
        })
        .collect();
    let verdict = policy::assess(&files, tags, options);
    notes.extend(verdict.notes);
    (verdict.tags, verdict.fault)
}
