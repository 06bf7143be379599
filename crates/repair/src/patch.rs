//! Step 6: the plan's edits, applied and deflated in parallel.
//!
//! The largest files come first, and each is deflated in pieces, so that one 25 MB library does not
//! keep one core busy while the others wait.

use std::fs;

use rayon::prelude::*;
use truewheel_elf::Edits;
use truewheel_wheel::{Digest, MemberPath, NewMember, Timestamp, Wheel, deflate};

use crate::error::{Error, Result};
use crate::options::Options;
use crate::plan::{Plan, Vendored};

/// Where the bytes of a new member come from.
enum Source<'a> {
    /// A library on this machine, as the plan knows it.
    Library(&'a Vendored),
    /// A member of the input.
    Member(&'a MemberPath),
    /// The plan itself.
    Bytes(&'a [u8]),
}

struct Job<'a> {
    path: &'a MemberPath,
    source: Source<'a>,
    edits: Option<&'a Edits>,
    mode: u32,
    modified: Timestamp,
    size: u64,
}

/// A regular file, as the upper bits of `st_mode` say it.
const S_IFREG: u32 = 0o100_000;

/// Makes every member that is not copied as it is, in the order of their paths.
pub(crate) fn patch(wheel: &Wheel, plan: &Plan, options: &Options) -> Result<Vec<NewMember>> {
    let mut jobs = jobs(wheel, plan)?;
    jobs.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(b.path)));
    let made: Result<Vec<NewMember>> = jobs
        .par_iter()
        .with_max_len(1)
        .map(|job| make(wheel, job, options.compression_level))
        .collect();
    let mut made = made?;
    made.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(made)
}

fn jobs<'a>(wheel: &'a Wheel, plan: &'a Plan) -> Result<Vec<Job<'a>>> {
    let mut jobs = Vec::new();
    for library in &plan.vendored {
        jobs.push(Job {
            path: &library.member,
            source: Source::Library(library),
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
    Ok(Job {
        path,
        source: Source::Member(source),
        edits: plan.edits.get(path),
        mode: S_IFREG | mode,
        modified: member.modified,
        size: member.size,
    })
}

fn make(wheel: &Wheel, job: &Job<'_>, level: u32) -> Result<NewMember> {
    let bytes = contents(wheel, &job.source)?;
    let bytes = match job.edits {
        Some(edits) => {
            let name = match job.source {
                Source::Library(library) => library.source.display().to_string(),
                _ => job.path.as_str().to_owned(),
            };
            let set =
                truewheel_elf::patch(&bytes, edits).map_err(|error| Error::elf(name, error))?;
            set.apply_to(bytes)
        }
        None => bytes,
    };
    let (pieces, digest) = rayon::join(|| deflate_pieces(&bytes, level), || Digest::of(&bytes));
    let (path, mode) = (job.path.clone(), job.mode);
    Ok(NewMember::from_hashed_pieces(path, &bytes, &digest, pieces?, mode, job.modified)?)
}

fn deflate_pieces(bytes: &[u8], level: u32) -> Result<Vec<deflate::Piece>> {
    let pieces = deflate::pieces(bytes.len()).into_par_iter().with_max_len(1);
    Ok(pieces
        .map(|piece| deflate::compress_piece(bytes, piece, level))
        .collect::<std::result::Result<_, _>>()?)
}

fn contents(wheel: &Wheel, source: &Source<'_>) -> Result<Vec<u8>> {
    match source {
        Source::Bytes(bytes) => Ok(bytes.to_vec()),
        Source::Member(path) => {
            let member = wheel.member(path.as_str()).ok_or_else(|| {
                Error::verify(path.as_str(), "the plan names a member that is not there")
            })?;
            Ok(wheel.read(member)?)
        }
        Source::Library(library) => read_library(library),
    }
}

/// A build that still runs may replace the file between its reading and now. Size and time tell, as
/// make(1) takes them to, for a fraction of what another SHA-256 costs.
fn read_library(library: &Vendored) -> Result<Vec<u8>> {
    let path = &library.source;
    let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    if bytes.len() as u64 != library.digest.size || modified != library.modified {
        return Err(Error::refused_with(
            format!("{} changed while the wheel was being repaired", path.display()),
            "run the repair again when the build has ended",
        ));
    }
    Ok(bytes)
}
