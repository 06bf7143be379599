//! Wheels for Linux and Android: tags by content.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_elf::ExecutableStack;
use truewheel_wheel::PlatformTag;

use super::{Level, LevelState, Show, Verdict};
use crate::policy::{Outcome, Promise, promise_of, tag_of};
use crate::search::paths::base_name;
use crate::search::{Graph, NodeId};
use crate::survey::{LinuxSurvey, Survey};
use crate::target::Libc;
use crate::wheel_target::{self, WheelTarget};

/// Adds what the policies say.
pub(super) fn judge(survey: &Survey, linux: &LinuxSurvey, show: &mut Show) {
    let LinuxSurvey { target, graph, assessment } = linux;
    if target.libc == Some(Libc::Bionic) {
        show.system = "android";
    }
    show.architecture = Some(target.arch.to_string());
    show.libc = target.libc.map(|libc| libc.to_string());
    let outcomes = &assessment.outcomes;
    show.levels = outcomes.iter().map(|outcome| level(graph, target, outcome)).collect();
    let best = outcomes.iter().find(|outcome| is_kept_as_it_is(outcome));
    show.earned = best.map(|outcome| tag_of(outcome.at, target.arch).to_string());
    show.repaired = assessment.tags.iter().map(ToString::to_string).collect();
    for (claim, tag) in show.tags.iter_mut().zip(&survey.wheel.filename().platforms) {
        claim.kept = Some(keeps(tag, target, outcomes));
    }
    show.symbol_versions = symbol_versions(graph);
    let stack = |file: &crate::binary::ElfFile| file.executable_stack == ExecutableStack::Yes;
    show.executable_stacks = graph
        .members()
        .filter(|(.., file)| stack(file))
        .map(|(_, path, _)| path.to_string())
        .collect();
    let is_plain = |tag: &PlatformTag| matches!(tag, PlatformTag::Linux { .. });
    let promises = survey.wheel.filename().platforms.iter().any(|tag| !is_plain(tag));
    let is_kept = show.tags.iter().all(|claim| claim.kept == Some(true));
    show.verdict = match promises && is_kept && assessment.vendor.is_empty() {
        true => Verdict::Good,
        false => Verdict::NeedsRepair,
    };
}

/// By the wheel's files and the libraries that were found for them, which would come along; also what they ask of
/// the wheel's own libraries.
fn symbol_versions(graph: &Graph) -> BTreeMap<String, BTreeSet<String>> {
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in &graph.nodes {
        for (library, versions) in &node.file.version_needs {
            asked.entry(library.clone()).or_default().extend(versions.keys().cloned());
        }
    }
    asked
}

fn is_kept_as_it_is(outcome: &Outcome) -> bool {
    outcome.is_kept() && outcome.vendor.is_empty()
}

/// Whether the wheel keeps, as it is, what `tag` promises.
fn keeps(tag: &PlatformTag, target: &WheelTarget, outcomes: &[Outcome]) -> bool {
    let (arch, _) = wheel_target::of_tag(tag);
    if arch != Some(target.arch) {
        return false;
    }
    let lowest = outcomes.iter().find(|outcome| is_kept_as_it_is(outcome));
    match (tag, promise_of(tag)) {
        (PlatformTag::Linux { .. }, _) => true,
        // Without a C library it runs with any.
        (_, Some(_)) if target.libc.is_none() => lowest.is_some(),
        // A newer system has no less.
        (_, Some(promise)) => lowest.is_some_and(|lowest| {
            std::mem::discriminant(&promise) == std::mem::discriminant(&lowest.at)
                && (lowest.at <= promise || is_kept_at(promise, outcomes))
        }),
        _ => false,
    }
}

fn is_kept_at(promise: Promise, outcomes: &[Outcome]) -> bool {
    outcomes.iter().any(|outcome| outcome.at == promise && is_kept_as_it_is(outcome))
}

fn level(graph: &Graph, target: &WheelTarget, outcome: &Outcome) -> Level {
    let mut vendor: Vec<String> = outcome.vendor.iter().map(|id| name(graph, *id)).collect();
    vendor.sort();
    vendor.dedup();
    Level {
        tag: tag_of(outcome.at, target.arch).to_string(),
        state: match (outcome.is_kept(), outcome.vendor.is_empty()) {
            (true, true) => LevelState::Kept,
            (true, false) => LevelState::AfterRepair,
            (false, _) => LevelState::NotKept,
        },
        vendor,
        missing: outcome.missing.iter().map(|library| library.needed.clone()).collect(),
        obstacles: outcome.obstacles.clone(),
    }
}

/// The name that others need a library by.
fn name(graph: &Graph, id: NodeId) -> String {
    let mut needs = graph.needs.values().flatten();
    let needed = needs.find(|(_, resolution)| resolution.file() == Some(id));
    match needed {
        Some((needed, _)) => needed.clone(),
        // It is included, and keeps its name.
        None => base_name(&graph.name(id)).to_owned(),
    }
}
