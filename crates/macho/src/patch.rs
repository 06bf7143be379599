//! `patch()`: the steps of an edit, in order.
//!
//! For each slice first the names, then their room, then the bytes with their signature. The slices are put into
//! their places, and the result is read again and held against the input before anyone sees it.

use std::borrow::Cow;

use object::macho as m;

use crate::edit::{Edits, Note, PatchSet};
use crate::error::{Error, Result};
use crate::fat::MachO;
use crate::read::Slice;
use crate::rewrite::rewrite;
use crate::room::{self, LINKEDIT_DATA_SIZE};
use crate::sign::Signer;
use crate::table::Table;
use crate::universal;
use crate::verify;
use crate::wanted::wanted;

/// Computes the bytes that change in `bytes` for `edits`. No edits change nothing, and the same edits twice change
/// nothing the second time.
///
/// A slice that changes is signed ad hoc, as `codesign --force --sign -` would, if it is for ARM64 or was signed;
/// one that does not change keeps its bytes and its signature.
///
/// # Errors
///
/// If `bytes` is no Mach-O file or contradicts itself; if the edits contradict each other or name what is not there;
/// if the load commands do not fit before the first content; if the result, read again, is not what it should be.
pub fn patch(bytes: &[u8], edits: &Edits) -> Result<PatchSet> {
    let file = MachO::parse(bytes)?;
    edits.check(file.slices().len())?;
    let mut notes = Vec::new();
    let mut changed = Vec::new();
    for (index, slice) in file.slices().iter().enumerate() {
        let table = match edits.touch(index) {
            true => wanted(slice, index, edits)?,
            false => {
                changed.push(None);
                continue;
            }
        };
        let is_same = table == Table::read(slice)?;
        let signs = must_sign(slice).then_some(edits.file_name.as_str());
        changed.push(match is_same {
            true => None,
            false => Some(change(&file, slice, table, signs, &mut notes)?),
        });
    }
    finish(bytes, &file, changed, notes, |new| verify::prove(&file, edits, new))
}

/// Signs every slice anew, ad hoc, as `codesign --force --sign -` would sign a file named `file_name`.
///
/// # Errors
///
/// As [`patch`].
pub fn sign(bytes: &[u8], file_name: &str) -> Result<PatchSet> {
    let file = MachO::parse(bytes)?;
    let mut notes = Vec::new();
    let mut changed = Vec::new();
    for slice in file.slices() {
        let table = Table::read(slice)?;
        changed.push(Some(change(&file, slice, table, Some(file_name), &mut notes)?));
    }
    finish(bytes, &file, changed, notes, |new| verify::prove(&file, &Edits::default(), new))
}

impl Edits {
    /// Whether they speak of slice `index`.
    fn touch(&self, index: usize) -> bool {
        self.install_id.is_some() || self.slices.contains_key(&index)
    }
}

/// Macs with Apple's own processor run no page without a valid signature. Elsewhere an unsigned file is fine, and a
/// damaged signature is not.
fn must_sign(slice: &Slice<'_>) -> bool {
    slice.is_arm64() || slice.has_code_signature()
}

/// The bytes of `slice` with these commands.
fn change(
    file: &MachO<'_>,
    slice: &Slice<'_>,
    mut table: Table<'_>,
    file_name: Option<&str>,
    notes: &mut Vec<Note>,
) -> Result<Vec<u8>> {
    if ![m::MH_EXECUTE, m::MH_DYLIB, m::MH_BUNDLE].iter().any(|kind| kind.0 == slice.file_type) {
        let reason = "it is neither a library nor a bundle nor a program";
        return Err(Error::not_editable(slice.architecture(), reason));
    }
    let signer = match file_name {
        Some(file_name) => Some(Signer::new(file, slice, file_name, notes)?),
        None => None,
    };
    let adds_signature = signer.is_some() && !slice.has_code_signature();
    room::fit(
        slice,
        &mut table,
        if adds_signature { LINKEDIT_DATA_SIZE.into() } else { 0 },
        notes,
    )?;
    rewrite(slice, table, signer.as_ref())
}

/// Puts the slices into their places, and proves the result.
fn finish(
    bytes: &[u8],
    file: &MachO<'_>,
    changed: Vec<Option<Vec<u8>>>,
    notes: Vec<Note>,
    prove: impl FnOnce(&[u8]) -> Result<()>,
) -> Result<PatchSet> {
    if changed.iter().all(Option::is_none) {
        return Ok(PatchSet::default());
    }
    let mut changed = changed.into_iter().zip(file.slices()).peekable();
    let mut contents = Vec::new();
    // Static archives have a record and are no slice.
    for arch in file.arches() {
        let is_next = |(_, slice): &(_, &Slice<'_>)| slice.offset == arch.offset;
        contents.push(match changed.next_if(is_next) {
            Some((Some(new), _)) => Cow::Owned(new),
            Some((None, slice)) => Cow::Borrowed(slice.bytes()),
            None => Cow::Borrowed(file.content(arch)?),
        });
    }
    let new = universal::lay_out(bytes, file, &contents)?;
    prove(&new)?;
    Ok(PatchSet::between(bytes, &new, notes))
}
