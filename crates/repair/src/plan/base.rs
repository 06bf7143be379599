//! The plans that others begin with: nothing to do, and what every wheel gets.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{Timestamp, Wheel};

use super::{Plan, links_into, metadata};
use crate::error::Result;
use crate::links::Links;
use crate::options::Options;
use crate::scan::Scan;

/// What every wheel gets, also one without binaries: a sound RECORD and WHEEL.
pub(crate) fn base(wheel: &Wheel, scan: &Scan, options: &Options) -> Result<Plan> {
    let filename = wheel.filename();
    let old_tags: Vec<String> = filename.platforms.iter().map(ToString::to_string).collect();
    let modified = match options.source_date_epoch {
        Some(seconds) => Timestamp::from_unix(seconds),
        None => newest(wheel),
    };
    let mut plan = Plan {
        new_tags: old_tags.clone(),
        old_tags,
        corrects_record: !scan.notes.is_empty(),
        notes: scan.notes.clone(),
        ..Plan::nothing(file_name_of(wheel), modified)
    };
    metadata::drop_signatures(wheel, &mut plan)?;
    Ok(plan)
}

impl Plan {
    /// Nothing to do, for a result of this name with new files of this date.
    pub(crate) fn nothing(output_name: String, modified: Timestamp) -> Self {
        Self {
            output_name,
            modified,
            old_tags: Vec::new(),
            new_tags: Vec::new(),
            corrects_record: false,
            old_wheel_tags: Vec::new(),
            new_wheel_tags: Vec::new(),
            notes: Vec::new(),
            unmatched: Vec::new(),
            vendored: Vec::new(),
            edits: BTreeMap::new(),
            strips: BTreeMap::new(),
            replaced: BTreeMap::new(),
            added: BTreeMap::new(),
            shims: BTreeMap::new(),
            sbom: None,
            dropped: BTreeMap::new(),
            renamed: BTreeMap::new(),
            copies: BTreeMap::new(),
            outside: BTreeMap::new(),
            repaired_by_delvewheel: None,
            left_out: BTreeSet::new(),
            given: Vec::new(),
            dll_directories: BTreeSet::new(),
        }
    }
}

/// A wheel with a Linux tag and no ELF file: nothing to vendor, and no better tag to earn.
pub(crate) fn without_binaries(
    wheel: &Wheel,
    scan: &Scan,
    links: &Links,
    options: &Options,
) -> Result<Plan> {
    let mut plan = base(wheel, scan, options)?;
    plan.notes.push("no ELF file in the wheel: its tags stay as they are".to_owned());
    plan.notes.extend(links.notes.iter().cloned());
    links_into(links, &mut plan);
    Ok(plan)
}

fn file_name_of(wheel: &Wheel) -> String {
    wheel
        .path()
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_else(|| wheel.filename().to_string())
}

/// New members are as old as the youngest of the input: a result that does not hang on the clock.
fn newest(wheel: &Wheel) -> Timestamp {
    wheel
        .members()
        .iter()
        .map(|member| member.modified)
        .max()
        .unwrap_or(Timestamp::EPOCH_1980)
        .max(Timestamp::EPOCH_1980)
}
