//! What to change in one file, and the changed bytes, both as plain data.
//!
//! [`Edits`] is the wish, [`PatchSet`] the answer: bytes in place, and where names found no room or certificates
//! went, a new end of the file. The rest is not copied, so a caller may apply it to a file, to memory or to a
//! stream.

use std::collections::BTreeMap;
use std::fmt;

use crate::dll_name::{check_name, dll_key};
use crate::error::{ErrorKind, Result};

/// The changes to one file. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Renames the libraries that the file names: those of imports, of delay imports, and the library part of
    /// forwarders. Old names are compared as the loader compares them ([`dll_key`]); new ones are written as
    /// they are given.
    pub dll_names: BTreeMap<String, String>,
    /// Sets `DependentLoadFlags` to 0. A linker's `/DEPENDENTLOADFLAG:0x800` makes the loader look for everything the
    /// file needs in the system's directory only, where no vendored library is.
    pub clear_dependent_load_flags: bool,
}

impl Edits {
    /// The new names, each by the key of its old name.
    ///
    /// # Errors
    ///
    /// For names that no file can have, and for edits that cannot all be done.
    pub(crate) fn renames(&self) -> Result<BTreeMap<String, &str>> {
        let mut renames = BTreeMap::new();
        for (old, new) in &self.dll_names {
            check_name(new)?;
            if renames.insert(dll_key(old), new.as_str()).is_some_and(|other| other != new) {
                return Err(ErrorKind::Contradiction(old.clone()).into());
            }
        }
        // A name that is both taken away and given has no meaning that holds when the edits are made again.
        for new in self.dll_names.values() {
            if renames.get(&dll_key(new)).is_some_and(|next| next != new) {
                return Err(ErrorKind::Contradiction(new.clone()).into());
            }
        }
        Ok(renames)
    }
}

/// The bytes that change, and what a user should hear of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchSet {
    /// File offsets with the bytes to be written there: ascending, not overlapping, all inside what is kept.
    pub edits: Vec<(u64, Vec<u8>)>,
    /// The new end of the file: what stood from this offset on is gone, and these bytes follow. `None` where the
    /// file keeps its size.
    pub tail: Option<(u64, Vec<u8>)>,
    /// What was given up for the edit.
    pub notes: Vec<Note>,
}

/// Something that an edit gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Authenticode certificates are gone: they vouched for other bytes.
    SignatureLost,
    /// `FORCE_INTEGRITY` is cleared: with it, Windows loads no file without a valid signature.
    IntegrityNotForced,
    /// Addresses that were bound when the file was built are looked up again at each load.
    Unbound,
    /// The file holds .NET code with a strong name, which vouched for other bytes.
    StrongNameLost,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignatureLost => "the signature is dropped: it vouched for other bytes",
            Self::IntegrityNotForced => {
                "FORCE_INTEGRITY is cleared: it would keep a file without a signature from being loaded"
            }
            Self::Unbound => "bound imports are dropped: addresses are looked up at each load",
            Self::StrongNameLost => "the strong name of the .NET code is no longer true",
        })
    }
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
}

/// A file while it is being changed, and where it was.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    old: &'a [u8],
    new: Vec<u8>,
    touched: Vec<(usize, usize)>,
    kept: usize,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(old: &'a [u8]) -> Self {
        Self { old, new: old.to_vec(), touched: Vec::new(), kept: old.len() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.new
    }

    /// Writes over what is there.
    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let (what, size) = ("edit", bytes.len() as u64);
        let available = (self.new.len() as u64).saturating_sub(offset);
        let outside = || ErrorKind::Truncated { what, offset, size, available };
        let start = usize::try_from(offset).map_err(|_| outside())?;
        let end = start.checked_add(bytes.len()).ok_or_else(outside)?;
        self.new.get_mut(start..end).ok_or_else(outside)?.copy_from_slice(bytes);
        self.touched.push((start, end));
        Ok(())
    }

    pub(crate) fn write_u32(&mut self, offset: u64, value: u32) -> Result<()> {
        self.write(offset, &value.to_le_bytes())
    }

    pub(crate) fn write_u16(&mut self, offset: u64, value: u16) -> Result<()> {
        self.write(offset, &value.to_le_bytes())
    }

    /// Drops what stands from `end` on.
    pub(crate) fn truncate(&mut self, end: u64) {
        self.new.truncate(usize::try_from(end).unwrap_or(usize::MAX));
        self.kept = self.kept.min(self.new.len());
    }

    /// Puts `bytes` behind the file, at `offset`, with zeros before it and as many behind it as make a multiple of
    /// `alignment`.
    pub(crate) fn append(&mut self, offset: u64, bytes: &[u8], alignment: u32) -> Result<()> {
        let large = || ErrorKind::TooLarge;
        let start = usize::try_from(offset).map_err(|_| large())?;
        let end = start.checked_add(bytes.len()).ok_or_else(large)?;
        let end = end.checked_next_multiple_of(alignment as usize).ok_or_else(large)?;
        if start > self.new.len() {
            self.new.resize(start, 0);
        }
        self.new.extend_from_slice(bytes);
        self.new.resize(end.max(self.new.len()), 0);
        Ok(())
    }

    /// What changed, and the file after it.
    pub(crate) fn finish(mut self, notes: Vec<Note>) -> (PatchSet, Vec<u8>) {
        self.touched.sort_unstable();
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (start, end) in self.touched {
            let (start, end) = (start.min(self.kept), end.min(self.kept));
            match runs.last_mut() {
                Some((_, last)) if start <= *last => *last = end.max(*last),
                _ => runs.push((start, end)),
            }
        }
        let mut edits = Vec::new();
        for (start, end) in runs {
            let (was, is) = (self.old.get(start..end), self.new.get(start..end));
            if let Some(((was, is), true)) = was.zip(is).map(|pair| (pair, pair.0 != pair.1)) {
                let same = was.iter().zip(is).take_while(|(was, is)| was == is).count();
                let is = is.get(same..).unwrap_or_default();
                edits.push((start.saturating_add(same) as u64, is.to_vec()));
            }
        }
        let resized = self.new.len() != self.old.len() || self.kept != self.old.len();
        let tail = self.new.get(self.kept..).unwrap_or_default();
        let tail = resized.then(|| (self.kept as u64, tail.to_vec()));
        (PatchSet { edits, tail, notes }, self.new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renames(pairs: &[(&str, &str)]) -> Edits {
        let dll_names = pairs.iter().map(|&(old, new)| (old.to_owned(), new.to_owned())).collect();
        Edits { dll_names, ..Edits::default() }
    }

    #[test]
    fn a_draft_gives_what_changes_and_the_file_after_it() {
        let old: Vec<u8> = (0..100).collect();
        let mut draft = Draft::new(&old);
        draft.write(10, &[10, 11, 0xee, 13]).unwrap();
        draft.write(14, &[0xdd]).unwrap();
        draft.write(50, &[50, 51]).unwrap();
        draft.write(88, &[1; 10]).unwrap();
        draft.truncate(90);
        draft.append(96, &[7; 3], 8).unwrap();
        let (patch, new) = draft.finish(Vec::new());
        assert_eq!(patch.edits, [(12, vec![0xee, 13, 0xdd]), (88, vec![1, 1])]);
        assert_eq!(patch.tail, Some((90, [vec![0; 6], vec![7; 3], vec![0; 5]].concat())));
        assert_eq!(patch.apply(&old), new);

        let mut draft = Draft::new(&old);
        draft.write(0, &[0, 1]).unwrap();
        assert_eq!(draft.finish(Vec::new()), (PatchSet::default(), old.clone()));
        let mut draft = Draft::new(&old);
        assert_eq!(
            draft.write(99, &[0, 1]).unwrap_err().to_string(),
            "edit at offset 0x63 needs 2 bytes, 1 bytes are there"
        );
    }

    #[test]
    fn edits_that_contradict_each_other_are_refused() {
        for (pairs, about) in [
            (&[("a.dll", "b.dll"), ("b.dll", "c.dll")][..], "b.dll"),
            (&[("a.dll", "B"), ("b.dll", "c.dll")], "B"),
            (&[("A.dll", "b.dll"), ("a.DLL", "c.dll")], "a.DLL"),
        ] {
            let error = renames(pairs).renames().unwrap_err().to_string();
            assert_eq!(error, format!("the edits contradict each other about `{about}`"));
        }
        for pairs in [
            &[("a.dll", "A.dll")][..],
            &[("a.dll", "c.dll"), ("b.dll", "c.dll")],
            &[("a.dll", "c.dll"), ("A.dll", "c.dll")],
        ] {
            renames(pairs).renames().unwrap();
        }
    }

    #[test]
    fn names_that_no_file_can_have_are_refused() {
        let long = "a".repeat(256);
        for name in ["", "a\0b", "a/b.dll", "a\\b.dll", "c:a.dll", "a*.dll", "ä.dll", "a ", &long]
        {
            assert_eq!(
                renames(&[("a.dll", name)]).renames().unwrap_err().to_string(),
                format!("`{}` cannot name a DLL in a PE file", name.escape_default())
            );
        }
        renames(&[("my lib.dll", "lib'(1)-+_.2.dll")]).renames().unwrap();
    }
}
