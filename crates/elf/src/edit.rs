//! What to change in one file, and the changed bytes, both as plain data.
//!
//! [`Edits`] is the wish, [`PatchSet`] the answer: a few edits in place and at most one appendix. The
//! rest of the file is not copied, so a caller may apply it to a file, to memory or to a stream.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind, Result};

/// The changes to one file. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Sets or removes `DT_SONAME`.
    pub soname: Option<SonameEdit>,
    /// Renames `DT_NEEDED` entries, and with them the file names in `.gnu.version_r`: glibc aborts
    /// when a version is needed of a file that is not. A name that stands only there can be renamed
    /// to one that some needed name becomes.
    pub replace_needed: BTreeMap<String, String>,
    /// Removes `DT_NEEDED` entries, and what `.gnu.version_r` says of them. One that is not there
    /// is no error; one that symbols are bound to by version is.
    pub remove_needed: BTreeSet<String>,
    /// Adds `DT_NEEDED` entries behind those that are there, unless they are there already.
    pub add_needed: Vec<String>,
    /// Sets or removes `DT_RPATH` and `DT_RUNPATH`.
    pub search_path: Option<SearchPathEdit>,
    /// Takes `PF_X` from `PT_GNU_STACK`.
    pub clear_executable_stack: bool,
}

/// What becomes of `DT_SONAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SonameEdit {
    /// This is the SONAME afterwards, whether there was one or not.
    Set(String),
    /// There is none afterwards.
    Remove,
}

/// What becomes of `DT_RPATH` and `DT_RUNPATH`. At most one of them is there afterwards: a loader
/// that knows both ignores `DT_RPATH` beside `DT_RUNPATH` (gABI, "Shared Object Dependencies").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchPathEdit {
    /// Neither is there.
    Remove,
    /// Only `DT_RPATH`, with this value.
    Rpath(String),
    /// Only `DT_RUNPATH`, with this value.
    Runpath(String),
}

impl Edits {
    /// Refuses names that no file can hold, and edits that cannot all be done.
    pub(crate) fn check(&self) -> Result<()> {
        let soname = match &self.soname {
            Some(SonameEdit::Set(name)) => Some(name),
            _ => None,
        };
        let path = match &self.search_path {
            Some(SearchPathEdit::Rpath(path) | SearchPathEdit::Runpath(path)) => Some(path),
            _ => None,
        };
        let new = self.replace_needed.values().chain(&self.add_needed);
        for name in new.clone().chain(soname).chain(path) {
            if name.is_empty() || name.contains('\0') {
                return Err(ErrorKind::BadName(name.clone()).into());
            }
        }
        // A name that is both taken away and asked for has no meaning that holds when the edits
        // are applied a second time.
        for name in new {
            let renamed = self.replace_needed.get(name).is_some_and(|to| to != name);
            if renamed || self.remove_needed.contains(name) {
                return Err(ErrorKind::Contradiction(name.clone()).into());
            }
        }
        match self.replace_needed.keys().find(|name| self.remove_needed.contains(*name)) {
            Some(name) => Err(ErrorKind::Contradiction(name.clone()).into()),
            None => Ok(()),
        }
    }
}

/// The bytes that change, and the bytes that are added behind the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchSet {
    /// File offsets with the bytes to be written there: ascending, not overlapping, all inside the
    /// file.
    pub edits: Vec<(u64, Vec<u8>)>,
    /// The file offset of `append`: the size of the file, or 0 if nothing is appended.
    pub append_at: u64,
    /// The bytes behind the end of the file.
    pub append: Vec<u8>,
}

impl PatchSet {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.append.is_empty()
    }

    /// The changed copy of `bytes`, which must be the bytes the patch was made for.
    #[must_use]
    pub fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = Vec::with_capacity(bytes.len().saturating_add(self.append.len()));
        copy.extend_from_slice(bytes);
        self.apply_to(copy)
    }

    /// Changes `bytes` itself, which must be the bytes the patch was made for.
    ///
    /// Bytes that are shorter than that keep their size: what lies outside is left out.
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
        if !self.append.is_empty() && bytes.len() as u64 == self.append_at {
            bytes.extend_from_slice(&self.append);
        }
        bytes
    }
}

/// The edits of one file while they are being made.
#[derive(Debug)]
pub(crate) struct Draft<'data> {
    bytes: &'data [u8],
    edits: Vec<(u64, Vec<u8>)>,
    append: Vec<u8>,
}

impl<'data> Draft<'data> {
    pub(crate) fn new(bytes: &'data [u8]) -> Self {
        Draft { bytes, edits: Vec::new(), append: Vec::new() }
    }

    /// Writes `new` at `offset`, where it may cross the end of the file or stand behind it.
    pub(crate) fn write(&mut self, offset: u64, mut new: Vec<u8>) -> Result<()> {
        let end = self.bytes.len() as u64;
        let inside = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let behind = if inside < new.len() { new.split_off(inside) } else { Vec::new() };
        if !behind.is_empty() {
            let start = usize::try_from(offset.saturating_sub(end))
                .map_err(|_| Error::truncated("an edit", offset))?;
            let stop = start.saturating_add(behind.len());
            if self.append.len() < stop {
                self.append.resize(stop, 0);
            }
            if let Some(target) = self.append.get_mut(start..stop) {
                target.copy_from_slice(&behind);
            }
        }
        if !new.is_empty() {
            self.edits.push((offset, new));
        }
        Ok(())
    }

    /// The file's bytes in `[start, end)` with the edits made so far, which are forgotten where they
    /// stood: what is there now moves away, and zeros stay behind.
    pub(crate) fn take(&mut self, start: u64, end: u64) -> Result<Vec<u8>> {
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let mut block = range
            .and_then(|(start, end)| self.bytes.get(start..end))
            .ok_or_else(|| Error::truncated("a table that moves", start))?
            .to_vec();
        for (offset, edit) in &self.edits {
            let inside = offset.checked_sub(start).and_then(|at| usize::try_from(at).ok());
            if let Some(target) = inside.and_then(|at| block.get_mut(at..at + edit.len())) {
                target.copy_from_slice(edit);
            }
        }
        self.edits.retain(|(offset, _)| *offset < start || *offset >= end);
        self.edits.push((start, vec![0; block.len()]));
        Ok(block)
    }

    /// The patch: later edits win over earlier ones, and bytes that stay as they are are left out.
    pub(crate) fn finish(mut self) -> PatchSet {
        let mut runs: Vec<(u64, Vec<u8>)> = Vec::new();
        // One buffer per touched run: edits sorted by offset (stable, so by time within one), laid
        // over the file's bytes.
        let mut order: Vec<usize> = (0..self.edits.len()).collect();
        let spans: Vec<(u64, u64)> =
            self.edits.iter().map(|(at, new)| (*at, at + new.len() as u64)).collect();
        order.sort_by_key(|&index| spans.get(index).copied());
        for &index in &order {
            let Some(&(start, end)) = spans.get(index) else { continue };
            match runs.last_mut() {
                Some((first, bytes)) if *first + bytes.len() as u64 >= start => {
                    let have = *first + bytes.len() as u64;
                    bytes.extend_from_slice(slice(self.bytes, have, end));
                }
                _ => runs.push((start, slice(self.bytes, start, end).to_vec())),
            }
        }
        for (offset, new) in std::mem::take(&mut self.edits) {
            let at = runs.partition_point(|(first, _)| *first <= offset);
            let Some((first, bytes)) = at.checked_sub(1).and_then(|at| runs.get_mut(at)) else {
                continue;
            };
            let start = usize::try_from(offset - *first).unwrap_or(usize::MAX);
            if let Some(target) = bytes.get_mut(start..start.saturating_add(new.len())) {
                target.copy_from_slice(&new);
            }
        }
        let edits = runs.into_iter().filter_map(|run| trim(self.bytes, run)).collect();
        let append_at = if self.append.is_empty() { 0 } else { self.bytes.len() as u64 };
        PatchSet { edits, append_at, append: self.append }
    }
}

/// `bytes[start..end]`, or nothing if that is not inside.
fn slice(bytes: &[u8], start: u64, end: u64) -> &[u8] {
    usize::try_from(start)
        .ok()
        .zip(usize::try_from(end).ok())
        .and_then(|(start, end)| bytes.get(start..end))
        .unwrap_or_default()
}

/// The part of an edit that changes anything.
fn trim(bytes: &[u8], (offset, mut new): (u64, Vec<u8>)) -> Option<(u64, Vec<u8>)> {
    let old = slice(bytes, offset, offset + new.len() as u64);
    let first = new.iter().zip(old).position(|(new, old)| new != old)?;
    let last = new.iter().zip(old).rposition(|(new, old)| new != old)?;
    new.truncate(last + 1);
    Some((offset + first as u64, new.split_off(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_splits_at_the_end_of_the_file_and_leaves_out_what_stays() {
        let mut draft = Draft::new(b"abcdef");
        draft.write(4, b"XYZ".to_vec()).unwrap();
        draft.write(9, b"!".to_vec()).unwrap();
        draft.write(0, b"aBc".to_vec()).unwrap();
        let patch = draft.finish();
        assert_eq!(patch.edits, [(1, b"B".to_vec()), (4, b"XY".to_vec())]);
        assert_eq!((patch.append_at, patch.append.as_slice()), (6, &b"Z\0\0!"[..]));
        assert_eq!(patch.apply(b"abcdef"), b"aBcdXYZ\0\0!");
    }

    #[test]
    fn what_moves_takes_its_edits_along_and_leaves_zeros() {
        let mut draft = Draft::new(b"abcdef");
        draft.write(2, b"C".to_vec()).unwrap();
        let moved = draft.take(1, 4).unwrap();
        assert_eq!(moved, b"bCd");
        draft.write(2, b"x".to_vec()).unwrap();
        assert_eq!(draft.finish().apply(b"abcdef"), b"a\0x\0ef");
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for name in ["", "a\0b"] {
            let edits = Edits { add_needed: vec![name.into()], ..Edits::default() };
            let error = edits.check().unwrap_err().to_string();
            let shown = name.escape_default();
            assert_eq!(error, format!("`{shown}` is empty or has a NUL byte in it"));
        }
    }

    #[test]
    fn edits_that_contradict_each_other_are_refused() {
        let chain = Edits {
            replace_needed: [("a".into(), "b".into()), ("b".into(), "c".into())].into(),
            ..Edits::default()
        };
        let removed = Edits {
            replace_needed: [("a".into(), "b".into())].into(),
            remove_needed: ["b".into()].into(),
            ..Edits::default()
        };
        for edits in [chain, removed] {
            let error = edits.check().unwrap_err().to_string();
            assert_eq!(error, "the edits contradict each other about `b`");
        }
    }
}
