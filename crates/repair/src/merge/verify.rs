//! The merged wheel, read again: every member is there once, and goblin finds in each fused file the very slices of
//! the two inputs, each at a place that its CPU can map.

use std::collections::{BTreeMap, BTreeSet};

use goblin::mach::{Mach, MultiArch};
use rayon::prelude::*;
use truewheel_wheel::{Digest, MemberKind, MemberPath, Record, Wheel, Written};

use super::fuse::Fused;
use super::{Fate, MergeInput, name_for};
use crate::error::{Error, Result};

/// Reads `written` as a wheel called `name`.
pub(super) fn verify(
    inputs: &[MergeInput; 2],
    written: &Written,
    fates: &BTreeMap<MemberPath, Fate>,
    name: &str,
) -> Result<()> {
    let wheel = Wheel::open_as(written.path(), name)?;
    let record = MemberPath::new(&format!("{}/RECORD", wheel.dist_info()))?;
    let mut expected = BTreeSet::from([record.clone()]);
    for (path, fate) in fates {
        match fate {
            Fate::Both => {
                expected.insert(name_for(path, &inputs[0])?);
                expected.insert(name_for(path, &inputs[1])?);
            }
            _ => drop(expected.insert(path.clone())),
        }
    }
    let files = wheel.members().iter().filter(|member| member.kind == MemberKind::File);
    let found: BTreeSet<MemberPath> = files.map(|member| member.path.clone()).collect();
    if let Some(path) = expected.symmetric_difference(&found).next() {
        let is_there = found.contains(path);
        let what = if is_there { "nobody planned it" } else { "it is planned and not there" };
        return Err(Error::verify(path.as_str(), what));
    }
    let found: Vec<&MemberPath> = found.iter().collect();
    let digests: Vec<Result<(MemberPath, Digest)>> = found
        .into_par_iter()
        .with_max_len(1)
        .map(|path| Ok((path.clone(), check(inputs, &wheel, path, fates.get(path))?)))
        .collect();
    check_record(&wheel, &record, &digests.into_iter().collect::<Result<_>>()?)
}

/// Reads one member; what was copied has the digest that it had.
fn check(
    inputs: &[MergeInput; 2],
    wheel: &Wheel,
    path: &MemberPath,
    fate: Option<&Fate>,
) -> Result<Digest> {
    let wrong = |what: &str| Error::verify(path.as_str(), what);
    let member = wheel.member(path.as_str()).ok_or_else(|| wrong("it is not there"))?;
    let bytes = wheel.read(member)?;
    let digest = Digest::of(&bytes);
    match fate {
        Some(Fate::Copy(index)) if inputs[*index].scan.digests.get(path) != Some(&digest) => {
            return Err(wrong("it is not what the input has"));
        }
        Some(Fate::Write(planned)) if *planned != bytes => {
            return Err(wrong("it is not what was planned"));
        }
        Some(Fate::Fuse(fused)) => check_fused(inputs, path, fused, &bytes)?,
        _ => {}
    }
    Ok(digest)
}

fn check_fused(
    inputs: &[MergeInput; 2],
    path: &MemberPath,
    fused: &Fused,
    bytes: &[u8],
) -> Result<()> {
    let wrong = |what: String| Error::verify(path.as_str(), what);
    let goblins = |error: goblin::error::Error| wrong(format!("goblin: {error}"));
    let (first, second) = (inputs[0].read(path)?, inputs[1].read(path)?);
    let mut planned: BTreeMap<(u32, u32), &[u8]> = BTreeMap::new();
    for part in fused.chosen(&first, &second)? {
        planned.insert((part.cpu_type, part.cpu_subtype), part.bytes);
    }
    let universal = MultiArch::new(bytes).map_err(goblins)?;
    for arch in universal.iter_arches() {
        let arch = arch.map_err(goblins)?;
        let slice = arch.slice(bytes);
        let cpu = (arch.cputype, arch.cpusubtype);
        if planned.remove(&cpu) != Some(slice) {
            return Err(wrong(format!(
                "the code for CPU type {:#x} is not that of an input",
                cpu.0
            )));
        }
        let align = 1_u64.checked_shl(arch.align).unwrap_or(u64::MAX);
        if !u64::from(arch.offset).is_multiple_of(align) {
            return Err(wrong(format!("the slice at {:#x} is not aligned", arch.offset)));
        }
        if !slice.starts_with(b"!<arch>\n") {
            Mach::parse(slice).map_err(goblins)?;
        }
    }
    match planned.is_empty() {
        true => Ok(()),
        false => Err(wrong("it lacks code of an input".to_owned())),
    }
}

fn check_record(
    wheel: &Wheel,
    record: &MemberPath,
    digests: &BTreeMap<MemberPath, Digest>,
) -> Result<()> {
    let wrong = |what: String| Error::verify(record.as_str(), what);
    let member = wheel.member(record.as_str()).ok_or_else(|| wrong("it is not there".into()))?;
    let text =
        String::from_utf8(wheel.read(member)?).map_err(|_| wrong("it is not UTF-8".into()))?;
    let rows = Record::parse(&text)?.rows;
    let digests =
        digests.iter().map(|(path, digest)| (path.as_str().to_owned(), *digest)).collect();
    match truewheel_wheel::record::compare(&rows, &digests).first() {
        Some(disagreement) => Err(wrong(disagreement.to_string())),
        None => Ok(()),
    }
}
