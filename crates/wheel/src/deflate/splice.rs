//! Deflate streams of edited contents, made from the streams they had before.

use super::{Compressed, compress_all};
use crate::error::Result;
use std::ops::Range;

/// One raw deflate stream of `new`, made from `old_stream`, the stream of the `old_len` bytes before
/// the edit. `changed` are the ranges of `new` that differ from the old contents, sorted; all behind
/// `old_len` counts as changed.
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

/// [`splice()`], but `None` where all is better deflated anew, which the caller may do on many threads.
///
/// # Errors
///
/// A level that there is not.
pub fn try_splice(
    _old_stream: &[u8],
    _old_len: usize,
    _new: &[u8],
    _changed: &[Range<usize>],
    _level: u32,
) -> Result<Option<Compressed>> {
    Ok(None)
}
