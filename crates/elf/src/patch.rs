//! `patch()`.
use crate::edit::{Draft, Edits, PatchSet};
use crate::error::{Error, Result};
/// Computes the changes.
///
/// # Errors
/// If it cannot be done.
pub fn patch(bytes: &[u8], edits: &Edits) -> Result<PatchSet> {
    edits.check()?;
    if *edits == Edits::default() {
        return Ok(Draft::new(bytes).finish());
    }
    Err(Error::no_room("the edits", "placing them is not written yet"))
}
