//! Deflate streams of edited contents, made from the streams they had before.
//!
//! An edit of a library leaves nearly all its bytes where they were, and to deflate them is what
//! takes the time of a repair. A deflate stream is a row of blocks (RFC 1951 § 3.2.3), and a block
//! makes the same bytes as before if none of them changed and none was copied from a byte that
//! changed. Such blocks are copied, shifted by some bits; what lies between is deflated anew, without
//! looking back at what is before it. No block is inflated.
//!
//! Whoever splices holds the result against the contents by inflating it: nothing here knows whether
//! the old stream was that of the old contents, or the ranges are all that changed.

use super::bit_writer::BitWriter;
use super::walk::{Walker, touches};
use super::{Compressed, compress, compress_all, known_level};
use crate::error::Result;
use std::iter;
use std::ops::Range;

/// How far back a match may lie (RFC 1951 § 2).
const WINDOW: usize = 32_768;
/// Of a hundred bytes, how many may be deflated anew before all are: beyond, there is little to gain,
/// and what is deflated in one go is smaller.
const MAX_DIRTY: usize = 60;
/// More runs than a real edit makes; each takes memory.
const MAX_STEPS: usize = 1 << 16;

/// A run of bytes in the new stream, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Coded blocks of the old stream, of which the last begins at the bit `last_header`.
    Copy { bits: Range<usize>, last_header: usize },
    /// These bytes of the contents, stored as they were before.
    Store(Range<usize>),
    /// These bytes of the contents, deflated anew.
    Deflate(Range<usize>),
}

/// One raw deflate stream of `new`, made from `old_stream`, the stream of the `old_len` bytes before
/// the edit. `changed` are the ranges of `new` that differ from the old contents, sorted; all behind
/// `old_len` counts as changed. `level` is libdeflate's, 0 to 12, for what is deflated anew.
///
/// Where nothing can be kept, or too little, all is deflated anew: the stream is then that of
/// [`compress_all`].
///
/// # Errors
///
/// A level that there is not.
pub fn splice(
    old_stream: &[u8],
    old_len: usize,
    new: &[u8],
    changed: &[Range<usize>],
    level: u32,
) -> Result<Compressed> {
    match try_splice(old_stream, old_len, new, changed, level)? {
        Some(compressed) => Ok(compressed),
        None => compress_all(new, level),
    }
}

/// [`splice()`], but `None` where all is better deflated anew, which the caller can do in pieces on
/// many threads. That is soon known: nothing has been deflated then.
///
/// # Errors
///
/// A level that there is not.
pub fn try_splice(
    old_stream: &[u8],
    old_len: usize,
    new: &[u8],
    changed: &[Range<usize>],
    level: u32,
) -> Result<Option<Compressed>> {
    known_level(level)?;
    let steps = changes(changed, old_len, new.len())
        .and_then(|changes| plan(old_stream, old_len, new.len(), &changes));
    let Some(steps) = steps else { return Ok(None) };
    let Some((bytes, deflated)) = write(old_stream, new, &steps, level)? else { return Ok(None) };
    // Stored blocks may have become more; that is all that can be larger than before.
    let limit = old_stream.len().saturating_add(old_stream.len() / 50).saturating_add(deflated);
    if bytes.len() > limit {
        return Ok(None);
    }
    Ok(Some(Compressed { bytes, crc32: libdeflater::crc32(new), size: new.len() as u64 }))
}

/// All that changed, in ranges apart from each other; `None` if they are not in order, or the
/// contents have become shorter.
fn changes(changed: &[Range<usize>], old_len: usize, new_len: usize) -> Option<Vec<Range<usize>>> {
    (old_len <= new_len).then_some(())?;
    let mut changes: Vec<Range<usize>> = Vec::new();
    for range in changed.iter().cloned().chain(iter::once(old_len..new_len)) {
        (range.start <= range.end).then_some(())?;
        let range = range.start..range.end.min(new_len);
        if range.is_empty() {
            continue;
        }
        match changes.last_mut() {
            // Appended bytes may be named, too.
            Some(last) if range.start <= last.end => {
                (last.start <= range.start).then_some(())?;
                last.end = last.end.max(range.end);
            }
            _ => changes.push(range),
        }
    }
    Some(changes)
}

/// What to copy and what to deflate; `None` if too much is to be deflated, or `old_stream` is not a
/// stream of `old_len` bytes.
fn plan(
    old_stream: &[u8],
    old_len: usize,
    new_len: usize,
    changes: &[Range<usize>],
) -> Option<Vec<Step>> {
    let mut walker = Walker::new(old_stream);
    let mut steps = Vec::new();
    let mut dirty = new_len - old_len;
    loop {
        let block = walker.next(before(changes, walker.output()))?;
        let output = block.output;
        (output.end <= old_len && steps.len() < MAX_STEPS).then_some(())?;
        // Blocks without contents only end a stream, or part of it, at a whole byte.
        if !output.is_empty() {
            let step = if block.reads_avoided || touches(changes, &output) {
                dirty = dirty.checked_add(output.len())?;
                Step::Deflate(output)
            } else if block.is_stored {
                Step::Store(output)
            } else {
                Step::Copy { last_header: block.bits.start, bits: block.bits }
            };
            push(&mut steps, step);
        }
        if block.is_last {
            break;
        }
    }
    push(&mut steps, Step::Deflate(walker.output()..new_len));
    let is_worth_it = dirty.checked_mul(100)? <= new_len.checked_mul(MAX_DIRTY)?;
    (walker.output() == old_len && is_worth_it).then_some(steps)
}

/// Those of `changes` that a match at `position` or behind it can reach.
fn before(changes: &[Range<usize>], position: usize) -> &[Range<usize>] {
    let start = position.saturating_sub(WINDOW);
    let first = changes.partition_point(|range| range.end <= start);
    let end = changes.partition_point(|range| range.start < position);
    changes.get(first..end).unwrap_or_default()
}

/// Adds a step to those before it, in one with the last if it goes on where that ends.
fn push(steps: &mut Vec<Step>, step: Step) {
    match (steps.last_mut(), step) {
        (_, Step::Deflate(range)) if range.is_empty() => {}
        (Some(Step::Deflate(last)), Step::Deflate(range)) => last.end = range.end,
        (Some(Step::Store(last)), Step::Store(range)) if last.end == range.start => {
            last.end = range.end;
        }
        (
            Some(Step::Copy { bits: last, last_header }),
            Step::Copy { bits, last_header: header },
        ) if last.end == bits.start => {
            last.end = bits.end;
            *last_header = header;
        }
        (_, step) => steps.push(step),
    }
}

/// The new stream, and how many of its bytes were deflated anew; `None` if a step is of something
/// that is not there, or there is none.
fn write(
    old_stream: &[u8],
    new: &[u8],
    steps: &[Step],
    level: u32,
) -> Result<Option<(Vec<u8>, usize)>> {
    let mut writer = BitWriter::default();
    let mut deflated = 0;
    for step in steps {
        let written = match step {
            Step::Copy { bits, last_header } => {
                writer.copy_blocks(old_stream, bits.clone(), *last_header)
            }
            Step::Store(range) => new.get(range.clone()).map(|contents| writer.store(contents)),
            Step::Deflate(range) => match new.get(range.clone()) {
                Some(contents) => {
                    let start = writer.len();
                    let stream = compress(contents, level)?;
                    let written = append(&mut writer, &stream, contents);
                    deflated += writer.len() - start;
                    written
                }
                None => None,
            },
        };
        if written.is_none() {
            return Ok(None);
        }
    }
    Ok(writer.finish().map(|bytes| (bytes, deflated)))
}

/// Appends all blocks of `stream`, which makes `contents`.
fn append(writer: &mut BitWriter, stream: &[u8], contents: &[u8]) -> Option<()> {
    let mut walker = Walker::new(stream);
    loop {
        let block = walker.next(&[])?;
        if block.is_stored {
            writer.store(contents.get(block.output)?);
        } else {
            writer.copy_blocks(stream, block.bits.clone(), block.bits.start)?;
        }
        if block.is_last {
            return (walker.output() == contents.len()).then_some(());
        }
    }
}

#[cfg(test)]
mod tests;
