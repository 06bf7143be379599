//! What to change in one file, and the changed bytes, both as plain data.
//!
//! [`Edits`] is the wish, [`PatchSet`] the answer: a few edits in place, and where a signature or a slice moves, a new
//! end of the file. The rest is not copied, so a caller may apply it to a file, to memory or to a stream.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{ErrorKind, Result};

/// The changes to one file. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// The install ID of every slice, `LC_ID_DYLIB`. Only libraries have one.
    pub install_id: Option<String>,
    /// The changes to each slice, by its place in [`MachO::slices`](crate::MachO::slices).
    pub slices: BTreeMap<usize, SliceEdits>,
    /// What the file is called, without its directory: codesign makes the signature's identifier from it. May be
    /// empty where no slice gets a signature.
    pub file_name: String,
}

/// The changes to one slice. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SliceEdits {
    /// Renames the libraries that the slice names, whatever ties it to them. Their order and number stay: symbols
    /// say by position from which library they come.
    pub install_names: BTreeMap<String, String>,
    /// These are the `LC_RPATH` entries afterwards, in this order.
    pub rpaths: Option<Vec<String>>,
}

impl Edits {
    /// Refuses names that no file can hold, and edits that cannot all be done.
    pub(crate) fn check(&self, slice_count: usize) -> Result<()> {
        self.install_id.iter().try_for_each(|name| check_name(name))?;
        if let Some((&index, _)) = self.slices.iter().find(|&(&index, _)| index >= slice_count) {
            return Err(ErrorKind::NoSuchSlice { index, count: slice_count }.into());
        }
        self.slices.values().try_for_each(SliceEdits::check)
    }
}

impl SliceEdits {
    fn check(&self) -> Result<()> {
        let rpaths = self.rpaths.iter().flatten();
        self.install_names.values().chain(rpaths).try_for_each(|name| check_name(name))?;
        // A name that is both taken away and given has no meaning that holds when the edits are made again.
        for name in self.install_names.values() {
            if self.install_names.get(name).is_some_and(|to| to != name) {
                return Err(ErrorKind::Contradiction(name.clone()).into());
            }
        }
        let mut seen = BTreeSet::new();
        match self.rpaths.iter().flatten().find(|path| !seen.insert(*path)) {
            Some(path) => Err(ErrorKind::Contradiction(path.clone()).into()),
            None => Ok(()),
        }
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.contains('\0') {
        return Err(ErrorKind::BadName(name.to_owned()).into());
    }
    Ok(())
}

/// The bytes that change, and what a user should hear of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchSet {
    /// File offsets with the bytes to be written there: ascending, not overlapping, all inside what is kept.
    pub edits: Vec<(u64, Vec<u8>)>,
    /// The new end of the file: what stood from this offset on is gone, and these bytes follow. `None` where the
    /// file keeps its size.
    pub tail: Option<(u64, Vec<u8>)>,
    /// What was given up for the edit, in the order of the slices.
    pub notes: Vec<Note>,
}

/// Something that an edit gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A signature with a certificate is gone: the file is signed ad hoc now, and Gatekeeper asks again.
    SignatureLost {
        /// The slice.
        architecture: &'static str,
        /// What was signed, by name.
        identifier: String,
        /// Whose certificate it was.
        team: Option<String>,
    },
    /// The hardened runtime was asked for, which an ad-hoc signature cannot vouch for.
    RuntimeLost {
        /// The slice.
        architecture: &'static str,
    },
    /// The old signature could not be read, so nothing of it was kept.
    SignatureUnreadable {
        /// The slice.
        architecture: &'static str,
        /// Why.
        reason: String,
    },
    /// An optional load command made room for names.
    CommandDropped {
        /// The slice.
        architecture: &'static str,
        /// What is gone, in the words of the standard.
        what: &'static str,
    },
}

impl PatchSet {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.tail.is_none()
    }

    /// The changed copy of `bytes`, which must be the bytes the patch was made for.
    #[must_use]
    pub fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        self.apply_to(bytes.to_vec())
    }

    /// Changes `bytes` itself, which must be the bytes the patch was made for.
    #[must_use]
    pub fn apply_to(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for (offset, edit) in &self.edits {
            let target = usize::try_from(*offset)
                .ok()
                .and_then(|start| bytes.get_mut(start..start.checked_add(edit.len())?));
            if let Some(target) = target {
                target.copy_from_slice(edit);
            }
        }
        if let Some((offset, tail)) = &self.tail {
            bytes.truncate(usize::try_from(*offset).unwrap_or(usize::MAX));
            bytes.extend_from_slice(tail);
        }
        bytes
    }

    /// The patch that makes `new` of `old`.
    pub(crate) fn between(old: &[u8], new: &[u8], notes: Vec<Note>) -> Self {
        let mut edits: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut offset = 0_usize;
        // Equal blocks are skipped as a whole, so a large file costs no more than a comparison.
        for (was, is) in old.chunks(BLOCK).zip(new.chunks(BLOCK)) {
            if was != is {
                add_run(&mut edits, offset, was, is);
            }
            offset = offset.saturating_add(was.len().min(is.len()));
        }
        let common = old.len().min(new.len());
        let tail = (old.len() != new.len())
            .then(|| (common as u64, new.get(common..).unwrap_or_default().to_vec()));
        Self { edits, tail, notes }
    }
}

/// Edits are found to this many bytes, and then trimmed.
const BLOCK: usize = 512;

/// Adds the bytes of one block that differ; one edit where the block before ended with one.
fn add_run(edits: &mut Vec<(u64, Vec<u8>)>, offset: usize, was: &[u8], is: &[u8]) {
    let differs = |(was, is): (&u8, &u8)| was != is;
    let pairs = || was.iter().zip(is);
    let Some(first) = pairs().position(differs) else { return };
    let last = pairs().rposition(differs);
    let Some(new) = last.and_then(|last| is.get(first..=last)) else { return };
    let start = (offset as u64).saturating_add(first as u64);
    match edits.last_mut() {
        Some((at, run)) if at.saturating_add(run.len() as u64) == start => {
            run.extend_from_slice(new);
        }
        _ => edits.push((start, new.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_between_two_files_makes_the_second_of_the_first() {
        let old: Vec<u8> = (0..5000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for (at, len) in [(0, 1), (511, 2), (512, 512), (1000, 2000), (4999, 1)] {
            for size in [4000, 5000, 5001, 7000] {
                let mut new = old.clone();
                new[at..at + len].fill(0xee);
                new.resize(size, 7);
                let patch = PatchSet::between(&old, &new, Vec::new());
                assert_eq!(patch.apply(&old), new, "{at} {len} {size}");
                assert!(patch.edits.len() <= 1 + len.div_ceil(BLOCK), "{at} {len} {size}");
            }
        }
        assert!(PatchSet::between(&old, &old, Vec::new()).is_empty());
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for name in ["", "a\0b"] {
            let rpaths = SliceEdits { rpaths: Some(vec![name.into()]), ..SliceEdits::default() };
            let names = [("x".to_owned(), name.to_owned())].into();
            let names = SliceEdits { install_names: names, ..SliceEdits::default() };
            let id = Edits { install_id: Some(name.into()), ..Edits::default() };
            for edits in [rpaths, names] {
                let edits = Edits { slices: [(0, edits)].into(), ..Edits::default() };
                let error = edits.check(1).unwrap_err().to_string();
                let shown = name.escape_default();
                assert_eq!(error, format!("`{shown}` is empty or has a NUL byte in it"));
                assert_eq!(id.check(1).unwrap_err().to_string(), error);
            }
        }
    }

    #[test]
    fn edits_that_contradict_each_other_are_refused() {
        let chain = [("a".into(), "b".into()), ("b".into(), "c".into())].into();
        let chain = SliceEdits { install_names: chain, ..SliceEdits::default() };
        let twice =
            SliceEdits { rpaths: Some(vec!["b".into(), "b".into()]), ..SliceEdits::default() };
        for edits in [chain, twice] {
            let edits = Edits { slices: [(0, edits)].into(), ..Edits::default() };
            let error = edits.check(1).unwrap_err().to_string();
            assert_eq!(error, "the edits contradict each other about `b`");
            assert_eq!(edits.check(0).unwrap_err().to_string(), "no slice 0, the file has 0");
        }
    }
}
