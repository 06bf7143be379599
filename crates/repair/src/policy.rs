//! Step 4: what the target provides, what it forbids, and which tag the wheel earns.
//!
//! A policy says three things: which libraries every system with its tag has, up to which symbol
//! version, and which of their symbols a wheel must not use. The earned level is the lowest one at
//! which all three hold for every file of the wheel and every library that would be vendored at that
//! level. A version counts only against the library that provides it: a private libstdc++ inside the
//! wheel may be as new as it likes.

pub mod android;
mod candidates;
pub(crate) mod macos;
pub mod manylinux;
pub mod musllinux;
mod notes;
mod obstacle;
mod standing;
mod tags;
mod uses;
pub(crate) mod windows;

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::PlatformTag;

use crate::error::{Error, ErrorKind, MissingLibrary, Result};
use crate::options::Options;
use crate::search::paths::base_name;
use crate::search::{Graph, NodeId, Place, Resolution};
use crate::target::{Arch, Libc};
use crate::wheel_target::WheelTarget;

use manylinux::Level;
pub(crate) use obstacle::{ISA_REMEDY, has_instructions};
pub use obstacle::{Obstacle, ObstacleKind};
pub(crate) use standing::{Claim, Standing, stand};
use tags::Tags;
pub(crate) use tags::{oldest_first, promise_of, tag_of};
use uses::{android_obstacles, isa_extension, python_obstacle, users_of};

/// One step of a policy family: what a platform tag promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// glibc of this version or later.
    Manylinux(Level),
    /// musl of this version or later.
    Musllinux(u32, u32),
    /// Android of this API level or later.
    Android(u32),
}

/// The result of step 4.
#[derive(Debug)]
pub struct Assessment {
    /// Libraries of this machine that the wheel must bring along.
    pub vendor: BTreeSet<NodeId>,
    /// The best promise that the content keeps.
    pub earned: Option<Promise>,
    /// What keeps it from the promise one better than the earned one.
    pub obstacles: Vec<Obstacle>,
    /// The platform tags of the repaired wheel.
    pub tags: Vec<PlatformTag>,
    /// Things worth a line in the report.
    pub notes: Vec<String>,
    /// How the wheel stands to each promise that was tried, ascending.
    pub(crate) outcomes: Vec<Outcome>,
    /// Why a repair must not go on: libraries that are missing, or a tag that is not earned.
    pub(crate) fault: Option<Error>,
}

/// Holds the graph against the policies of `target`.
pub(crate) fn assess(
    graph: &Graph,
    target: &WheelTarget,
    existing: &[PlatformTag],
    options: &Options,
) -> Result<Assessment> {
    let policy = Policy { graph, target, options };
    let hint = options.platform_hint.as_ref().filter(|tag| policy.fits(tag));
    let requested = policy.asked_for();
    let promised = requested.map(|tag| policy.promise(tag)).transpose()?.flatten();
    let candidates = policy.candidates(existing);
    let outcomes: Vec<Outcome> = candidates.iter().map(|at| policy.try_promise(*at)).collect();
    let earned = best(&outcomes);
    let kept = policy.kept_promise(existing, &outcomes);
    // A wish of the surroundings that the content does not keep is no order.
    let hinted = hint.and_then(|tag| Some((tag, promise_of(tag)?)));
    let hinted = hinted.filter(|(_, at)| earned.is_some_and(|earned| earned.at <= *at));
    let (requested, promised) = match (requested, hinted) {
        (None, Some((tag, at))) => (Some(tag), Some(at)),
        _ => (requested, promised.or(kept)),
    };
    // What is vendored follows the strictest tag that the file name will carry.
    let is_alone = tags::stands_alone(requested, earned, options);
    let outcome = match (promised, earned) {
        (Some(promise), Some(earned)) if is_alone || earned.at > promise => {
            policy.try_promise(promise)
        }
        (Some(promise), None) => policy.try_promise(promise),
        (_, Some(earned)) => earned.clone(),
        (None, None) => match outcomes.last() {
            Some(outcome) => outcome.clone(),
            None => policy.without_policy(),
        },
    };
    let obstacles = obstacles_below(&outcomes, earned);
    let earned = earned.map(|outcome| outcome.at);
    let fault = policy.fault(&outcome, earned);
    let mut tags = Tags { policy: &policy, requested, promised, earned, is_alone }.choose(existing);
    tags.sort();
    tags.dedup();
    let mut notes = policy.notes(&outcome.vendor);
    notes.extend(policy.untrue_tags(existing, &outcome.vendor));
    let vendor = outcome.vendor;
    Ok(Assessment { vendor, earned, obstacles, tags, notes, outcomes, fault })
}

impl Assessment {
    /// The promise to hold needs against: the earned one, or the weakest that was tried.
    pub(crate) fn reference(&self) -> Option<Promise> {
        self.earned.or_else(|| self.outcomes.last().map(|outcome| outcome.at))
    }
}

/// How the wheel stands to one promise.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The promise.
    pub(crate) at: Promise,
    /// What a repair would bring along to keep it.
    pub(crate) vendor: BTreeSet<NodeId>,
    /// What it would have to bring along, and nobody knows where it is.
    pub(crate) missing: Vec<MissingLibrary>,
    /// What no repair can change.
    pub(crate) obstacles: Vec<Obstacle>,
}

impl Outcome {
    /// Whether a repair can keep the promise.
    pub(crate) fn is_kept(&self) -> bool {
        self.missing.is_empty() && self.obstacles.is_empty()
    }
}

/// The fewer libraries the better, then the lower level: a wheel that needs libexpat, which systems
/// have from 2_12 on, does not bring its own to be called 2_5.
fn best(outcomes: &[Outcome]) -> Option<&Outcome> {
    outcomes
        .iter()
        .filter(|outcome| outcome.is_kept())
        .min_by_key(|outcome| (outcome.vendor.len(), outcome.at))
}

fn obstacles_below(outcomes: &[Outcome], earned: Option<&Outcome>) -> Vec<Obstacle> {
    outcomes
        .iter()
        .rev()
        .find(|outcome| earned.is_none_or(|earned| outcome.at < earned.at))
        .map(|outcome| outcome.obstacles.clone())
        .unwrap_or_default()
}

struct Policy<'a> {
    graph: &'a Graph,
    target: &'a WheelTarget,
    options: &'a Options,
}

impl Policy<'_> {
    fn try_promise(&self, at: Promise) -> Outcome {
        let mut outcome = self.closure(at);
        let vendor = outcome.vendor.clone();
        let members = self.graph.members().map(|(id, ..)| id);
        for id in members.chain(vendor) {
            self.obstacles_of(id, at, &mut outcome.obstacles);
        }
        outcome.obstacles.sort();
        outcome.obstacles.dedup();
        outcome
    }

    /// An architecture without any policy: everything found is vendored, nothing is promised, and the
    /// wheel keeps its `linux` tag.
    fn without_policy(&self) -> Outcome {
        let mut outcome = self.closure(Promise::Manylinux(Level::new(2, 5)));
        if self.target.libc == Some(Libc::Bionic) {
            outcome.obstacles.push(Obstacle {
                file: "the wheel".to_owned(),
                kind: ObstacleKind::Architecture,
                what: "a tag such as `android_24_arm64_v8a`, and has none".to_owned(),
                symbols: Vec::new(),
            });
        }
        outcome
    }

    /// The libraries that must come along when the target keeps `at`, and those not found.
    fn closure(&self, at: Promise) -> Outcome {
        let mut outcome =
            Outcome { at, vendor: BTreeSet::new(), missing: Vec::new(), obstacles: Vec::new() };
        let mut missing: BTreeMap<&str, BTreeMap<String, &MissingLibrary>> = BTreeMap::new();
        let included = self.graph.included.iter().map(|included| included.id);
        outcome.vendor.extend(included.clone());
        let mut queue: Vec<NodeId> =
            self.graph.members().map(|(id, ..)| id).chain(included).collect();
        let mut seen: BTreeSet<NodeId> = queue.iter().copied().collect();
        while let Some(id) = queue.pop() {
            for (needed, resolution) in self.graph.needs_of(id) {
                match resolution {
                    Resolution::File(target, _) if self.is_member(*target) => {}
                    _ if self.provides(at, base_name(needed)) => {}
                    Resolution::File(target, _) => {
                        outcome.vendor.insert(*target);
                        if seen.insert(*target) {
                            queue.push(*target);
                        }
                    }
                    Resolution::Missing(library) => {
                        missing.entry(needed).or_default().insert(self.graph.name(id), library);
                    }
                    _ => {}
                }
            }
        }
        outcome.missing = missing.values().map(MissingLibrary::of_users).collect();
        outcome
    }

    /// The tag that the wheel must earn.
    fn asked_for(&self) -> Option<&PlatformTag> {
        let hint = self.options.platform_hint.as_ref();
        let order = hint.filter(|tag| self.options.platform_hint_is_order && self.fits(tag));
        self.options.platform.as_ref().or(order)
    }

    fn is_member(&self, id: NodeId) -> bool {
        matches!(self.graph.node(id).place, Place::Member(_))
    }

    fn provides(&self, at: Promise, soname: &str) -> bool {
        !self.graph.forced.contains(soname) && is_provided(at, self.target.arch, soname)
    }

    /// What file `id` uses that a system keeping `at` need not have.
    fn obstacles_of(&self, id: NodeId, at: Promise, obstacles: &mut Vec<Obstacle>) {
        let node = self.graph.node(id);
        let file = &node.file;
        let name = self.graph.name(id);
        let mut add = |kind, what, symbols| {
            obstacles.push(Obstacle { file: name.clone(), kind, what, symbols });
        };
        for (provider, versions) in &file.version_needs {
            // A library of the wheel answers for itself; one left out is the user's promise.
            if !self.provides(at, provider) && !crate::target::is_loader(provider)
                || self.is_own(id, provider)
            {
                continue;
            }
            for (version, is_weak) in versions {
                if !is_weak && !self.allows(at, provider, version) {
                    let symbols = users_of(file, provider, version);
                    add(ObstacleKind::Version, format!("{version} of {provider}"), symbols);
                }
            }
        }
        for symbol in file.undefined.iter().filter(|symbol| !symbol.is_weak) {
            if let Some(what) = self.forbids(id, at, &symbol.name, symbol.version.as_ref()) {
                add(ObstacleKind::Symbol, what, Vec::new());
            }
        }
        if file.has_relr && at < Promise::Musllinux(1, 2) && matches!(at, Promise::Musllinux(..)) {
            let what = "DT_RELR relocations, which musl reads from 1.2.4 on".to_owned();
            add(ObstacleKind::Relocations, what, Vec::new());
        }
        for (kind, what) in android_obstacles(self.graph, id, at) {
            add(kind, what, Vec::new());
        }
        if let Some(what) = python_obstacle(file) {
            add(ObstacleKind::Python, what, Vec::new());
        }
        if !self.options.allow_isa_extensions
            && let Some(isa) = isa_extension(file.x86_isa_needed)
        {
            let what = format!("instructions of {isa}, which the tag does not promise");
            add(ObstacleKind::Instructions, what, Vec::new());
        }
    }

    fn is_own(&self, user: NodeId, provider: &str) -> bool {
        self.graph.needs_of(user).iter().any(|(needed, resolution)| match resolution {
            Resolution::File(target, _) => base_name(needed) == provider && self.is_member(*target),
            _ => false,
        })
    }

    fn allows(&self, at: Promise, provider: &str, version: &str) -> bool {
        match at {
            Promise::Manylinux(level) => {
                manylinux::allows(level, self.target.arch, provider, version)
            }
            // musl and Bionic ignore versions; `GLIBC_…` needs are how a glibc file gives itself away.
            Promise::Musllinux(..) => !version.starts_with("GLIBC_"),
            Promise::Android(_) => true,
        }
    }

    fn forbids(
        &self,
        id: NodeId,
        at: Promise,
        symbol: &str,
        version: Option<&(String, String)>,
    ) -> Option<String> {
        let forbidden_of = |library: &str| match at {
            Promise::Manylinux(level) => manylinux::is_forbidden(level, library, symbol),
            Promise::Musllinux(..) => musllinux::is_forbidden(library, symbol),
            Promise::Android(_) => false,
        };
        let library = self.graph.needs_of(id).iter().find_map(|(needed, resolution)| {
            let is_of_wheel =
                matches!(resolution, Resolution::File(target, _) if self.is_member(*target));
            let is_asked = version.is_none_or(|(_, file)| file == needed);
            let base = base_name(needed);
            (!is_of_wheel && is_asked && self.provides(at, base) && forbidden_of(base))
                .then_some(base)
        });
        if let Some(library) = library {
            return Some(format!("`{symbol}` of {library}, which some systems do not have"));
        }
        if let Promise::Musllinux(major, minor) = at
            && let Some(needs) = musllinux::symbol_needs(symbol, self.target.arch)
            && needs > (major, minor)
        {
            return Some(format!("`{symbol}`, which musl has from {}.{} on", needs.0, needs.1));
        }
        None
    }

    fn fault(&self, outcome: &Outcome, earned: Option<Promise>) -> Option<Error> {
        if !outcome.missing.is_empty() {
            return Some(Error::new(ErrorKind::Missing(outcome.missing.clone())));
        }
        // Tags that stay are noted where they are not true; one that is asked for must be.
        let stays = self.options.keep_tags && self.asked_for().is_none();
        let is_earned = outcome.obstacles.is_empty() || stays;
        (!is_earned).then(|| self.not_earned(outcome, earned))
    }

    fn not_earned(&self, outcome: &Outcome, earned: Option<Promise>) -> Error {
        let arch = self.target.arch;
        let nearest = tag_of(outcome.at, arch).to_string();
        let requested = self.asked_for().map(ToString::to_string);
        let reasons = outcome.obstacles.iter().map(|o| format!("{} needs {o}", o.file)).collect();
        let earned = earned.or_else(|| self.higher_api(outcome.at));
        Error::new(ErrorKind::NotEarned {
            requested,
            nearest,
            reasons,
            earned: earned.map(|promise| tag_of(promise, arch).to_string()),
            kinds: outcome.obstacles.iter().map(|obstacle| obstacle.kind).collect(),
        })
    }
}

/// Whether every system that keeps `at` has `soname`.
pub(crate) fn is_provided(at: Promise, arch: Arch, soname: &str) -> bool {
    match at {
        Promise::Manylinux(level) => manylinux::is_provided_on(level, arch, soname),
        Promise::Musllinux(..) => musllinux::is_provided(soname, arch),
        Promise::Android(api) => android::is_provided(api, soname),
    }
}

/// Whether the target has `soname` whatever the tag will be.
pub(crate) fn is_always_provided(target: &WheelTarget, soname: &str) -> bool {
    let lowest = match target.libc {
        Some(Libc::Musl) => Promise::Musllinux(1, 1),
        Some(Libc::Bionic) => Promise::Android(21),
        Some(Libc::Glibc) | None => Promise::Manylinux(Level::new(2, 5)),
    };
    is_provided(lowest, target.arch, soname)
}

/// Whether some tag of the target promises `soname`: a later level keeps what an earlier one promised.
pub(crate) fn is_ever_provided(target: &WheelTarget, soname: &str) -> bool {
    let highest = match target.libc {
        Some(Libc::Musl) => Promise::Musllinux(1, 2),
        Some(Libc::Bionic) => Promise::Android(u32::MAX),
        Some(Libc::Glibc) | None => {
            let levels = manylinux::levels(target.arch);
            Promise::Manylinux(levels.last().copied().unwrap_or(Level::new(2, 5)))
        }
    };
    is_provided(highest, target.arch, soname)
}
