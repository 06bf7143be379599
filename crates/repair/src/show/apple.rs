//! Wheels for macOS: the CPUs that every binary has code for, and the oldest macOS that all of them run on.
//!
//! The rules are those of the repair ([`crate::policy::macos`]); here they are held against the tags that the
//! wheel has.

use truewheel_wheel::PlatformTag;

use super::{Level, LevelState, Show, Verdict};
use crate::options::Options;
use crate::policy::macos;
use crate::survey::Survey;

/// Adds what the slices say of the tags.
pub(super) fn judge(survey: &Survey, show: &mut Show) {
    if survey.scan.macho.is_empty() {
        return;
    }
    let platforms = &survey.wheel.filename().platforms;
    let files = macos::files(&survey.scan.macho);
    let assessed = macos::assess(&files, platforms, &Options::default());
    show.architecture = macos::architecture(&files);
    show.notes.extend(assessed.notes);
    // What a repair brings along may need more; only without a library to bring is this its tag.
    if !show.lacks_any() && !show.reaches_outside() && assessed.fault.is_none() {
        show.repaired = assessed.tags.iter().map(ToString::to_string).collect();
    }
    for (claim, tag) in show.tags.iter_mut().zip(platforms) {
        if !matches!(tag, PlatformTag::Macosx { .. }) {
            continue;
        }
        let obstacles = macos::obstacles(&files, std::slice::from_ref(tag));
        claim.kept = Some(obstacles.is_empty());
        let state = if obstacles.is_empty() { LevelState::Kept } else { LevelState::NotKept };
        let (vendor, missing) = (Vec::new(), Vec::new());
        show.levels.push(Level { tag: tag.to_string(), state, vendor, missing, obstacles });
    }
    let is_whole = !show.lacks_any() && !show.reaches_outside();
    let earned: Vec<String> = assessed.earned.iter().map(ToString::to_string).collect();
    show.earned = (is_whole && !earned.is_empty()).then(|| earned.join("."));
    show.judge_by_needs();
    if let Some(fault) = assessed.fault {
        show.verdict = Verdict::Blocked;
        show.problems.insert(0, fault.to_string());
    }
}
