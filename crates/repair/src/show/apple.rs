//! Wheels for macOS: the CPUs that every binary has code for, and the oldest macOS that all of them run on.
//!
//! The rules are those of the repair ([`crate::policy::macos`]); here they are held against the tags that the
//! wheel has.

use truewheel_wheel::PlatformTag;

use super::{Level, LevelState, Show, Verdict};
use crate::options::Options;
use crate::policy::macos as policy;
use crate::survey::{MacSurvey, Survey};

/// Adds what the slices say of the tags.
pub(super) fn judge(survey: &Survey, macos: &MacSurvey, show: &mut Show) {
    if survey.scan.macho.is_empty() {
        return;
    }
    let platforms = &survey.wheel.filename().platforms;
    let files = policy::files(&survey.scan.macho);
    let assessed = policy::assess(&files, platforms, &Options::default());
    show.architecture = policy::architecture(&files);
    show.repaired = macos.tags.iter().map(ToString::to_string).collect();
    for (claim, tag) in show.tags.iter_mut().zip(platforms) {
        if !matches!(tag, PlatformTag::Macosx { .. }) {
            continue;
        }
        let obstacles = policy::obstacles(&files, std::slice::from_ref(tag));
        claim.kept = Some(obstacles.is_empty());
        let state = if obstacles.is_empty() { LevelState::Kept } else { LevelState::NotKept };
        let (vendor, missing) = (Vec::new(), Vec::new());
        show.levels.push(Level { tag: tag.to_string(), state, vendor, missing, obstacles });
    }
    let is_whole = macos.vendor.is_empty() && survey.faults.is_empty();
    let earned: Vec<String> = assessed.earned.iter().map(ToString::to_string).collect();
    show.earned = (is_whole && !earned.is_empty()).then(|| earned.join("."));
    let is_kept = show.tags.iter().all(|claim| claim.kept != Some(false));
    show.verdict = if is_whole && is_kept { Verdict::Good } else { Verdict::NeedsRepair };
}
