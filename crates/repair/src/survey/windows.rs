//! Steps 3 and 4 for wheels for Windows.
//!
//! A tag of Windows names a machine and no release, so nothing is earned: step 4 says what has to be
//! brought along, and whether every module is for the machine of the tag.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_pe::dll_key;
use truewheel_wheel::{MemberPath, PlatformTag, Wheel, WindowsArch};

use crate::binary::{Format, PeFile, PeSymbol};
use crate::dll_code::is_module;
use crate::error::{Error, ErrorKind, MissingLibrary, Result};
use crate::left_out::{Choices, listed};
use crate::options::Options;
use crate::plan;
use crate::policy::windows::{Machine, Origin, Release, WindowsPolicy};
use crate::scan::Scan;
use crate::search::pe::{self, Context, PeGraph, Tie, runs};
use crate::search::{NodeId, Place, Resolution};

/// A wheel for Windows.
#[derive(Debug)]
pub(crate) struct WinSurvey {
    pub(crate) policy: WindowsPolicy,
    pub(crate) graph: PeGraph,
    /// DLLs of this machine that the wheel must bring along.
    pub(crate) vendor: BTreeSet<NodeId>,
    /// Things worth a line in the report.
    pub(crate) notes: Vec<String>,
}

/// Follows what each file needs, and says what is to be brought along.
pub(super) fn survey(
    wheel: &Wheel,
    scan: &Scan,
    options: &Options,
    faults: &mut Vec<Error>,
) -> Result<WinSurvey> {
    // Windows would refuse it as well, or map what we cannot see.
    let damaged = scan.unreadable.iter().filter(|(_, format, _)| *format == Format::Pe);
    faults.extend(damaged.map(|(path, _, fault)| Error::damaged(path, fault)));
    let policy = WindowsPolicy::of_wheel(wheel);
    let choices = Choices::new(options)?;
    let wanted = machines(&wheel.filename().platforms);
    let mut notes = Vec::new();
    let mut members = Vec::new();
    for (path, file) in &scan.pe {
        if wanted.iter().any(|machine| runs(file.architecture, machine)) {
            members.push((path.clone(), file.clone()));
        // An extension module has no other use than to be loaded by the Python of the tag.
        } else if is_module(path) {
            faults.push(foreign_module(path, file, &wanted));
        } else {
            notes.push(format!(
                "{path} is for {} and left as it is, the wheel is for {}",
                file.architecture,
                wanted.join(", ")
            ));
        }
    }
    let libraries = plan::libraries_directory(wheel, options)?;
    let mut graph = pe::resolve(
        members,
        &Context {
            options,
            policy: &policy,
            choices: &choices,
            libraries: &libraries,
            architecture: wanted.first().copied().unwrap_or("x64"),
        },
    )?;
    let missing = missing(&graph);
    if !missing.is_empty() {
        faults.push(Error::new(ErrorKind::Missing(missing)));
    }
    let refused = graph.faults.drain(..);
    faults.extend(refused.map(|(what, hint)| Error::refused_with(what, hint)));
    faults.extend(lacking(&graph));
    notes.extend(choices.plain_notes());
    graph.unmatched = choices.unmatched();
    graph.left_out = choices.left_out();
    graph.given = choices.provided.given();
    notes.extend(left_to_the_machine(&graph, &policy));
    let roots = graph.members().map(|(id, _)| id).chain(graph.included.iter().map(|it| it.id));
    let is_library = |id: &NodeId| matches!(graph.node(*id).place, Place::Library(_));
    let vendor: BTreeSet<NodeId> = graph.closure(roots).into_iter().filter(is_library).collect();
    notes.extend(from_path(&graph, &vendor));
    Ok(WinSurvey { policy, graph, vendor, notes })
}

/// The architectures of the tags' processes.
fn machines(tags: &[PlatformTag]) -> Vec<&'static str> {
    let machine = |tag: &PlatformTag| match tag {
        PlatformTag::Windows { arch: WindowsArch::Win32 } => Some("x86"),
        PlatformTag::Windows { arch: WindowsArch::Amd64 } => Some("x64"),
        PlatformTag::Windows { arch: WindowsArch::Arm64 } => Some("arm64"),
        PlatformTag::Windows { arch: WindowsArch::Arm32 } => Some("arm"),
        _ => None,
    };
    tags.iter().filter_map(machine).collect()
}

fn foreign_module(path: &MemberPath, file: &PeFile, wanted: &[&str]) -> Error {
    Error::refused_with(
        format!("{path} is for {}, the wheel is for {}", file.architecture, wanted.join(", ")),
        "give the wheel the tag of the machine that it was built for",
    )
}

/// What must be there and is found nowhere, each name once.
fn missing(graph: &PeGraph) -> Vec<MissingLibrary> {
    let mut missing: BTreeMap<String, BTreeMap<String, &MissingLibrary>> = BTreeMap::new();
    for (id, needs) in &graph.needs {
        for need in needs.iter().filter(|need| need.tie != Tie::Delay) {
            if let Resolution::Missing(library) = &need.resolution {
                let users = missing.entry(need.name.to_ascii_lowercase()).or_default();
                users.insert(graph.name(*id), library);
            }
        }
    }
    missing.values().map(MissingLibrary::of_users).collect()
}

/// Symbols that a file takes from a DLL which does not have them, or passes on: Windows does not load such a file,
/// or ends the process at the first call.
fn lacking(graph: &PeGraph) -> Option<Error> {
    let mut reasons = Vec::new();
    for id in graph.needs.keys() {
        for (need, target) in graph.targets(*id) {
            let wanted = graph.node(*id).file.imported.get(&dll_key(&need.name));
            let exported = &graph.node(target).file.exported;
            let lacking = wanted.into_iter().flatten().filter(|symbol| !exported.contains(symbol));
            let lacking: BTreeSet<String> = lacking.map(in_words).collect();
            if !lacking.is_empty() {
                let (user, library) = (graph.name(*id), graph.name(target));
                reasons.push(format!("{user} takes {} from {library}", listed(&lacking)));
            }
        }
    }
    let what = "a DLL was found that does not have what is taken from it".to_owned();
    let hints = vec!["name the directory of the right one with `--lib-path`".to_owned()];
    (!reasons.is_empty()).then(|| Error::new(ErrorKind::Refusals { what, reasons, hints }))
}

fn in_words(symbol: &PeSymbol) -> String {
    match symbol {
        PeSymbol::Name(name) => format!("`{name}`"),
        PeSymbol::Ordinal(ordinal) => format!("number {ordinal}"),
    }
}

/// What a driver brings, what nobody has and may be absent, and what only later releases of Windows have than the oldest of the wheel's.
fn left_to_the_machine(graph: &PeGraph, policy: &WindowsPolicy) -> Vec<String> {
    let mut drivers: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut absent: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut later: BTreeMap<(String, Release, Release), BTreeSet<String>> = BTreeMap::new();
    for (id, needs) in &graph.needs {
        let machine = Machine::of_architecture(graph.node(*id).file.architecture);
        for need in needs {
            let origin = || policy.origin(&dll_key(&need.name), machine);
            match &need.resolution {
                Resolution::Driver => {
                    drivers.entry(&need.name).or_default().insert(graph.name(*id));
                }
                Resolution::Missing(_) if need.tie == Tie::Delay => {
                    absent.entry(&need.name).or_default().insert(graph.name(*id));
                }
                Resolution::Provided => {
                    if let Some(Origin::Windows(release)) = origin()
                        && release > policy.oldest(machine)
                    {
                        let key = (need.name.to_lowercase(), release, policy.oldest(machine));
                        later.entry(key).or_default().insert(graph.name(*id));
                    }
                }
                _ => {}
            }
        }
    }
    let drivers = drivers.into_iter().map(|(name, users)| {
        format!(
            "`{name}` belongs to a driver of the machine and is left to it (needed by {}); \
             `--force-vendor {name}` vendors it all the same",
            listed(&users)
        )
    });
    let later = later.into_iter().map(|((name, release, oldest), users)| {
        format!(
            "`{name}` comes with {release}, and the wheel's Python runs on {oldest} too (needed by {})",
            listed(&users)
        )
    });
    let absent = absent.into_iter().map(|(name, users)| {
        format!(
            "`{name}` is not found and may be absent (loaded at the first call of {})",
            listed(&users)
        )
    });
    drivers.chain(absent).chain(later).collect()
}

/// What was found where nobody said that it should be looked for.
fn from_path(graph: &PeGraph, vendor: &BTreeSet<NodeId>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for need in graph.needs.values().flatten() {
        if let Resolution::File(id, by) = &need.resolution
            && by.rule == "PATH"
            && vendor.contains(id)
        {
            found.insert(format!("`{}` was found along PATH: {}", need.name, graph.name(*id)));
        }
    }
    found.into_iter().collect()
}
