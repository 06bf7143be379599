//! Binaries of two wheels put into one file, and the new wheel written.
//!
//! Each wheel gives the code for the CPUs of its tags. Where its file lacks one, as a library that is universal in
//! the other wheel only, the other's is taken; code for CPUs that neither tag names comes from the first that has it.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use truewheel_macho::{Part, is_archive, is_macho, merge_parts, parts};
use truewheel_wheel::{MemberPath, NewMember, WheelWriter, Written};

use super::{Fate, MergeInput, MergeOptions, name_for};
use crate::binary::MachFile;
use crate::error::{Error, Result};

/// From which wheel the code for each CPU comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fused {
    pub(super) sources: BTreeMap<&'static str, usize>,
}

/// The CPU in whose processes code runs: arm64e and x86_64h are kinds of arm64 and x86_64.
fn family(architecture: &str) -> &str {
    match architecture {
        "arm64e" => "arm64",
        "x86_64h" => "x86_64",
        plain => plain,
    }
}

impl Fused {
    /// How to fuse two files; `None` where one of them is no binary for macOS.
    pub(super) fn of(
        inputs: &[MergeInput; 2],
        first: &[u8],
        second: &[u8],
    ) -> Option<std::result::Result<Self, truewheel_macho::Error>> {
        let is_binary = |bytes: &[u8]| is_macho(bytes) || is_archive(bytes);
        if !is_binary(first) || !is_binary(second) {
            return None;
        }
        Some(parts(first).and_then(|first| Ok(Self::choose(inputs, &first, &parts(second)?))))
    }

    fn choose(inputs: &[MergeInput; 2], first: &[Part<'_>], second: &[Part<'_>]) -> Self {
        let cpus = [inputs[0].cpus(), inputs[1].cpus()];
        let has = [first, second]
            .map(|parts| parts.iter().map(|part| part.architecture).collect::<BTreeSet<_>>());
        let source = |architecture: &'static str| {
            let owner = usize::from(cpus[1].contains(family(architecture)));
            (architecture, if has[owner].contains(architecture) { owner } else { 1 - owner })
        };
        Self { sources: has[0].union(&has[1]).copied().map(source).collect() }
    }

    /// The parts of the result.
    pub(super) fn chosen<'a>(&self, first: &'a [u8], second: &'a [u8]) -> Result<Vec<Part<'a>>> {
        let mut chosen = Vec::new();
        for (index, bytes) in [first, second].into_iter().enumerate() {
            let parts = parts(bytes).map_err(|error| Error::refused(error.to_string()))?;
            let is_taken = |part: &Part<'_>| self.sources.get(part.architecture) == Some(&index);
            chosen.extend(parts.into_iter().filter(is_taken));
        }
        Ok(chosen)
    }
}

/// What dyld will see in each Mach-O file of the result.
pub(super) fn facts(
    inputs: &[MergeInput; 2],
    fates: &BTreeMap<MemberPath, Fate>,
) -> Vec<(MemberPath, MachFile)> {
    let files = inputs.each_ref().map(|input| {
        input.scan.macho.iter().map(|(path, file)| (path, file)).collect::<BTreeMap<_, _>>()
    });
    let of = |path: &MemberPath, fate: &Fate| match fate {
        Fate::Copy(index) => files[*index].get(path).map(|file| (*file).clone()),
        Fate::Fuse(fused) => {
            let slices = files.iter().enumerate().flat_map(|(index, files)| {
                let slices = files.get(path).into_iter().flat_map(|file| &file.slices);
                slices.filter(move |slice| fused.sources.get(slice.architecture) == Some(&index))
            });
            Some(MachFile { slices: slices.cloned().collect() })
        }
        Fate::Both | Fate::Write(_) => None,
    };
    fates.iter().filter_map(|(path, fate)| Some((path.clone(), of(path, fate)?))).collect()
}

/// Writes the wheel, without giving it its name.
pub(super) fn write(
    inputs: &[MergeInput; 2],
    fates: &BTreeMap<MemberPath, Fate>,
    options: &MergeOptions,
) -> Result<Written> {
    let jobs: Vec<(&MemberPath, &Fate)> = fates.iter().collect();
    let made: Vec<Result<Vec<NewMember>>> = jobs
        .into_par_iter()
        .with_max_len(1)
        .map(|(path, fate)| make(inputs, path, fate, options.compression_level))
        .collect();
    let made: Vec<Vec<NewMember>> = made.into_iter().collect::<Result<_>>()?;
    let mut made: BTreeMap<MemberPath, NewMember> =
        made.into_iter().flatten().map(|member| (member.path().clone(), member)).collect();
    let [first, second] = inputs;
    let record = MemberPath::new(&format!("{}/RECORD", first.wheel.dist_info()))?;
    let mut writer = WheelWriter::create(&options.output, record)?;
    for (index, input) in inputs.iter().enumerate() {
        for path in input.files() {
            let Some(member) = input.wheel.member(path.as_str()) else { continue };
            if let Some(made) = made.remove(path) {
                writer.add(made)?;
            } else if fates.get(path) == Some(&Fate::Copy(index)) {
                let digest = input.scan.digests.get(path);
                let digest =
                    digest.ok_or_else(|| Error::verify(path.as_str(), "it was not read"))?;
                writer.copy(&input.wheel, member, digest)?;
            }
        }
    }
    for member in made.into_values() {
        writer.add(member)?;
    }
    let newest = |input: &MergeInput| input.wheel.members().iter().map(|m| m.modified).max();
    let modified = newest(first).max(newest(second));
    let modified = modified.ok_or_else(|| Error::refused("the wheels have no member"))?;
    Ok(writer.finish(modified)?)
}

/// The members that are not copied.
fn make(
    inputs: &[MergeInput; 2],
    path: &MemberPath,
    fate: &Fate,
    level: u32,
) -> Result<Vec<NewMember>> {
    let new = |input: &MergeInput, name: MemberPath, bytes: &[u8]| -> Result<NewMember> {
        let member = input.wheel.member(path.as_str());
        let member = member.ok_or_else(|| Error::verify(path.as_str(), "it is not there"))?;
        let mode = member.mode.filter(|mode| mode & 0o777 != 0).unwrap_or(0o644) & 0o7777;
        Ok(NewMember::new(name, bytes, mode, member.modified, level)?)
    };
    match fate {
        Fate::Copy(_) => Ok(Vec::new()),
        Fate::Write(bytes) => Ok(vec![new(&inputs[0], path.clone(), bytes)?]),
        Fate::Both => inputs
            .iter()
            .map(|input| new(input, name_for(path, input)?, &input.read(path)?))
            .collect(),
        Fate::Fuse(fused) => {
            let (first, second) = (inputs[0].read(path)?, inputs[1].read(path)?);
            let bytes = merge_parts(&fused.chosen(&first, &second)?)
                .map_err(|error| Error::refused(format!("{path}: {error}")))?;
            Ok(vec![new(&inputs[0], path.clone(), &bytes)?])
        }
    }
}
