//! How much one file may make us read.
//!
//! Tables point at tables and names by address, and nothing in the format stops a thousand of them from pointing at
//! the same megabyte: a small file could then cost hours. No linker shares more than the tail of a name, so what
//! is read in all is bounded by a multiple of the file's size.

use crate::error::{ErrorKind, Result};
use crate::section::Image;

/// Names may share bytes, as the tails of others or by being imported twice; more than this is made on purpose.
const MAX_SHARING: u64 = 4;

/// What may still be read for one table.
#[derive(Debug)]
pub(crate) struct Budget {
    entries: u64,
    entry_limit: u64,
    name_bytes: u64,
    name_limit: u64,
}

impl Budget {
    /// A table in `image` whose entries take at least four bytes each.
    pub(crate) fn new(image: &Image<'_>) -> Self {
        let size = image.file.size();
        let (entries, name_bytes) = (size / 4, size.saturating_mul(MAX_SHARING));
        Self { entries, entry_limit: entries, name_bytes, name_limit: name_bytes }
    }

    /// Pays for one entry.
    pub(crate) fn entry(&mut self) -> Result<()> {
        self.entries = self
            .entries
            .checked_sub(1)
            .ok_or(ErrorKind::TooMuch { what: "table entries", limit: self.entry_limit })?;
        Ok(())
    }

    /// The name at `rva`, paid for.
    pub(crate) fn name<'a>(
        &mut self,
        image: &Image<'a>,
        rva: u32,
        what: &'static str,
    ) -> Result<&'a str> {
        let name = image.string(rva, what)?;
        let size = (name.len() as u64).saturating_add(1);
        self.name_bytes = self
            .name_bytes
            .checked_sub(size)
            .ok_or(ErrorKind::TooMuch { what: "bytes of names", limit: self.name_limit })?;
        Ok(name)
    }
}
