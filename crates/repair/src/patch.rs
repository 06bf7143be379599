//! Step 6: the plan's edits, applied and deflated in parallel.
//!
//! The largest files come first, and each is deflated in pieces, so that one 25 MB library does not
//! keep one core busy while the others wait.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;

use rayon::prelude::*;
use truewheel_elf::Strip;
use truewheel_wheel::{Digest, MemberPath, NewMember, Timestamp, Wheel, deflate};

use crate::Libraries;
use crate::deflating::Deflating;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::plan::{FileEdits, Plan, Vendored};

/// Where the bytes of a new member come from.
enum Source<'a> {
    /// A library on this machine, as the plan knows it, and its contents where they are kept.
    Library(&'a Vendored, Option<Deflating>),
    /// A member of the input.
    Member(&'a MemberPath),
    /// The plan itself.
    Bytes(&'a [u8]),
    /// The script that runs a program.
    Script(String),
}

struct Job<'a> {
    path: &'a MemberPath,
    source: Source<'a>,
    strip: Option<Strip>,
    edits: Option<&'a FileEdits>,
    mode: u32,
    modified: Timestamp,
    size: u64,
}

/// A regular file, as the upper bits of `st_mode` say it.
const S_IFREG: u32 = 0o100_000;

/// Makes every member that is not copied as it is, in the order of their paths.
pub(crate) fn patch(
    wheel: &Wheel,
    plan: &Plan,
    libraries: Libraries,
    options: &Options,
) -> Result<Vec<NewMember>> {
    let mut jobs = jobs(wheel, plan, libraries)?;
    jobs.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(b.path)));
    let made: Result<Vec<NewMember>> = jobs
        .into_par_iter()
        .with_max_len(1)
        .map(|job| make(wheel, job, options.compression_level))
        .collect();
    let mut made = made?;
    made.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(made)
}

fn jobs<'a>(wheel: &'a Wheel, plan: &'a Plan, mut libraries: Libraries) -> Result<Vec<Job<'a>>> {
    let mut jobs = Vec::new();
    for library in &plan.vendored {
        jobs.push(Job {
            path: &library.member,
            source: Source::Library(
                library,
                libraries.remove(&library.member).and_then(|fetched| fetched.contents),
            ),
            strip: plan.strips.get(&library.member).copied(),
            edits: plan.edits.get(&library.member),
            mode: S_IFREG | library.mode,
            modified: plan.modified,
            size: library.digest.size,
        });
    }
    for (path, bytes) in &plan.replaced {
        let mut job = member_job(wheel, plan, path, path)?;
        job.source = Source::Bytes(bytes);
        jobs.push(job);
    }
    jobs.extend(plan.added.iter().map(|(path, bytes)| Job {
        path,
        source: Source::Bytes(bytes),
        strip: None,
        edits: None,
        mode: S_IFREG | 0o644,
        modified: plan.modified,
        size: bytes.len() as u64,
    }));
    jobs.extend(plan.shims.iter().map(|(path, shim)| Job {
        path,
        source: Source::Script(shim.text()),
        edits: None,
        strip: None,
        mode: S_IFREG | 0o755,
        modified: plan.modified,
        size: 0,
    }));
    let renamed: Vec<&MemberPath> = plan.renamed.values().collect();
    for (old, new) in &plan.renamed {
        jobs.push(member_job(wheel, plan, new, old)?);
    }
    for (path, source) in &plan.copies {
        jobs.push(member_job(wheel, plan, path, source)?);
    }
    for path in plan.edits.keys() {
        let is_made = renamed.contains(&path)
            || plan.copies.contains_key(path)
            || plan.vendored.iter().any(|library| library.member == *path);
        if !is_made {
            jobs.push(member_job(wheel, plan, path, path)?);
        }
    }
    Ok(jobs)
}

/// A member made from one of the input keeps its mode and date.
fn member_job<'a>(
    wheel: &Wheel,
    plan: &'a Plan,
    path: &'a MemberPath,
    source: &'a MemberPath,
) -> Result<Job<'a>> {
    let member = wheel.member(source.as_str()).ok_or_else(|| {
        Error::verify(source.as_str(), "the plan names a member that is not there")
    })?;
    let mode = member.mode.filter(|mode| mode & 0o777 != 0).unwrap_or(0o644) & 0o7777;
    // What is in `scripts` can be run whatever its mode is; elsewhere the mode says it.
    let is_moved = plan.shims.values().any(|shim| shim.program == *path);
    let mode = if is_moved { mode | 0o755 } else { mode };
    Ok(Job {
        path,
        source: Source::Member(source),
        strip: plan.strips.get(path).copied(),
        edits: plan.edits.get(path),
        mode: S_IFREG | mode,
        modified: member.modified,
        size: member.size,
    })
}

/// Contents before their edit, and what is deflated of them already.
enum Contents {
    /// Nothing.
    Plain(Vec<u8>),
    /// All of it, as the input has it.
    Deflated(Vec<u8>, Vec<u8>),
    /// Piece by piece, and not yet all.
    Deflating(Deflating),
}

impl Contents {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) | Self::Deflated(bytes, _) => bytes,
            Self::Deflating(deflating) => deflating.bytes(),
        }
    }
}

fn make(wheel: &Wheel, job: Job<'_>, level: u32) -> Result<NewMember> {
    let name = match &job.source {
        Source::Library(library, _) => library.source.display().to_string(),
        _ => job.path.as_str().to_owned(),
    };
    let mut contents = contents(wheel, job.source)?;
    // Stripping comes first: what an edit appends then follows what stays, and leaves no hole.
    if let Some(level) = job.strip
        && let Some(stripped) = truewheel_elf::strip(contents.bytes(), level)
            .map_err(|error| Error::elf(name.clone(), error))?
    {
        contents = Contents::Plain(stripped);
    }
    let (changed, bytes) = edited(&name, contents.bytes(), job.edits)?;
    // The hash first: it is one long job, and other threads deflate meanwhile.
    let (digest, compressed) =
        rayon::join(|| Digest::of(&bytes), || deflate_edited(&bytes, contents, &changed, level));
    let (path, mode) = (job.path.clone(), job.mode);
    Ok(NewMember::from_compressed_parts(path, &bytes, &digest, compressed?, mode, job.modified)?)
}

/// What an edit changed, whatever the format.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Positions of what stands in place of other bytes.
    ranges: Vec<Range<u64>>,
    /// From here on the file is new, or cut off.
    end: Option<u64>,
}

impl Changed {
    fn add(&mut self, edits: &[(u64, Vec<u8>)]) {
        let range = |(at, bytes): &(u64, Vec<u8>)| *at..at.saturating_add(bytes.len() as u64);
        self.ranges.extend(edits.iter().map(range));
        self.ranges.sort_by_key(|range| (range.start, range.end));
    }

    fn touches(&self, piece: &Range<usize>) -> bool {
        let (start, end) = (piece.start as u64, piece.end as u64);
        self.ranges.iter().any(|range| range.start < end && range.end > start)
            || self.end.is_some_and(|at| at <= end)
    }
}

/// The file called `name` after its edits, by the editor of its format.
pub(crate) fn edited(
    name: &str,
    bytes: &[u8],
    edits: Option<&FileEdits>,
) -> Result<(Changed, Vec<u8>)> {
    let mut changed = Changed::default();
    match edits {
        None => Ok((changed, bytes.to_vec())),
        Some(FileEdits::Elf(edits)) => {
            let (set, new) =
                truewheel_elf::patch_file(bytes, edits).map_err(|e| Error::elf(name, e))?;
            changed.add(&set.edits);
            changed.end = (!set.append.is_empty()).then_some(set.append_at);
            Ok((changed, new))
        }
        Some(FileEdits::MachO(edits)) => {
            let set = truewheel_macho::patch(bytes, edits).map_err(|e| Error::macho(name, e))?;
            changed.add(&set.edits);
            changed.end = set.tail.as_ref().map(|(at, _)| *at);
            Ok((changed, set.apply(bytes)))
        }
        Some(FileEdits::Pe(edits)) => {
            let (set, new) =
                truewheel_pe::patch_file(bytes, edits).map_err(|e| Error::pe(name, e))?;
            changed.add(&set.edits);
            changed.end = set.tail.as_ref().map(|(at, _)| *at);
            Ok((changed, new))
        }
    }
}

/// Deflates `bytes`, and as little of them as what is done already allows.
fn deflate_edited(
    bytes: &[u8],
    old: Contents,
    changed: &Changed,
    level: u32,
) -> Result<deflate::Compressed> {
    let done = match old {
        Contents::Plain(_) => None,
        Contents::Deflating(deflating) => Some(deflating),
        Contents::Deflated(old, stream) => {
            let ranges = changed_ranges(changed)?;
            if let Some(all) = deflate::try_splice(&stream, old.len(), bytes, &ranges, level)? {
                return Ok(all);
            }
            None
        }
    };
    deflate_pieces(bytes, done, changed, level)
}

/// The bytes that an edit puts in place of others, by position.
fn changed_ranges(changed: &Changed) -> Result<Vec<Range<usize>>> {
    let position = |at: u64| {
        usize::try_from(at).map_err(|_| Error::refused("the file is larger than memory can be"))
    };
    changed.ranges.iter().map(|range| Ok(position(range.start)?..position(range.end)?)).collect()
}

/// Deflates the pieces of `bytes` that `done` does not have, or that `changed` touches.
fn deflate_pieces(
    bytes: &[u8],
    done: Option<Deflating>,
    changed: &Changed,
    level: u32,
) -> Result<deflate::Compressed> {
    let is_done = |range: &Range<usize>| {
        done.as_ref().is_some_and(|done| done.has(range)) && !changed.touches(range)
    };
    let all = deflate::pieces(bytes.len());
    let left: Vec<Range<usize>> = all.iter().filter(|range| !is_done(range)).cloned().collect();
    let (fresh, kept) = rayon::join(
        || {
            let left = left.into_par_iter().with_max_len(1);
            left.map(|range| deflate::compress_piece(bytes, range, level)).collect::<Vec<_>>()
        },
        || done.map_or(Ok(Vec::new()), Deflating::finish),
    );
    let mut pieces = BTreeMap::new();
    // What an edit cuts off has pieces too, which are no pieces of the result.
    let kept = kept?.into_iter().filter(|piece| all.contains(&piece.range()));
    for piece in kept.map(Ok).chain(fresh) {
        let piece = piece?;
        pieces.insert(piece.range().start, piece);
    }
    Ok(deflate::join(pieces.into_values().collect())?)
}

fn contents(wheel: &Wheel, source: Source<'_>) -> Result<Contents> {
    Ok(match source {
        Source::Bytes(bytes) => Contents::Plain(bytes.to_vec()),
        Source::Script(text) => Contents::Plain(text.into_bytes()),
        Source::Member(path) => {
            let member = wheel.member(path.as_str()).ok_or_else(|| {
                Error::verify(path.as_str(), "the plan names a member that is not there")
            })?;
            let bytes = wheel.read(member)?;
            match wheel.read_raw(member)? {
                Some(stream) => Contents::Deflated(bytes, stream),
                None => Contents::Plain(bytes),
            }
        }
        Source::Library(_, Some(deflating)) => Contents::Deflating(deflating),
        Source::Library(library, None) => Contents::Plain(read_library(library)?),
    })
}

/// A build that still runs may replace the file between its reading and now. Size and time tell, as
/// make(1) takes them to, for a fraction of what another SHA-256 costs.
pub(crate) fn read_library(library: &Vendored) -> Result<Vec<u8>> {
    let path = &library.source;
    let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    if bytes.len() as u64 != library.digest.size || modified != library.modified {
        return Err(Error::changed(path));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_edit_cuts_off_leaves_no_piece_behind() {
        let old: Vec<u8> = (0..5_300_000_u32).map(|i| (i / 7 % 251) as u8).collect();
        let sizes = [5_299_999, 4_200_000, 4_000_000, 3_100_000, 1000, 5_300_000, 6_500_000];
        for size in sizes {
            let mut new = old.clone();
            new.resize(size, 3);
            new[10] = 9;
            let common = old.len().min(size) as u64;
            let mut changed = Changed { end: Some(common), ..Changed::default() };
            changed.add(&[(10, vec![9])]);
            let done = Some(Deflating::begin(old.clone(), 1));
            let made = deflate_pieces(&new, done, &changed, 1).unwrap();
            let none = Changed::default();
            assert_eq!(made, deflate_pieces(&new, None, &none, 1).unwrap(), "{size}");
        }
    }
}
