//! `patch()`: the steps of an edit, in order.
//!
//! First which names change, then where the new ones go, then the bytes. The result is read again and held against
//! the input before anyone sees it.

use crate::edit::{Edits, PatchSet};
use crate::error::Result;
use crate::read::Pe;
use crate::rewrite::rewrite;
use crate::tables::Tables;
use crate::verify;
use crate::wanted::Wanted;

/// Computes the bytes that change in `bytes` for `edits`. No edits change nothing, and the same edits twice change
/// nothing the second time.
///
/// A file that changes loses its certificates and its bound imports, and gets a new checksum if it had one. One that
/// does not change keeps every byte, and with them its signature.
///
/// # Errors
///
/// If `bytes` is no PE file or contradicts itself; if the edits contradict each other or name what is not there; if
/// it is packed; if there is no safe place for a longer name; if the result, read again, is not what it should be.
pub fn patch(bytes: &[u8], edits: &Edits) -> Result<PatchSet> {
    Ok(proven(bytes, edits)?.0)
}

/// [`patch()`] and the edited file, the very bytes that were proven: for callers that want both, and whose file is
/// large enough that another copy counts.
///
/// # Errors
///
/// As [`patch()`].
pub fn patch_file(bytes: &[u8], edits: &Edits) -> Result<(PatchSet, Vec<u8>)> {
    let (patch, file) = proven(bytes, edits)?;
    Ok((patch, file.unwrap_or_else(|| bytes.to_vec())))
}

/// What changes, and the file after it; no file if nothing does.
fn proven(bytes: &[u8], edits: &Edits) -> Result<(PatchSet, Option<Vec<u8>>)> {
    if *edits == Edits::default() {
        return Ok((PatchSet::default(), None));
    }
    let pe = Pe::parse(bytes)?;
    let tables = Tables::read(&pe)?;
    let wanted = Wanted::of(&pe, &tables, edits)?;
    if wanted.is_empty() {
        return Ok((PatchSet::default(), None));
    }
    let (patch, file) = rewrite(&pe, &tables, &wanted)?;
    verify::prove(&pe, &tables, edits, &wanted, &file)?;
    Ok((patch, Some(file)))
}
