//! Bounded reading by file offset: the one place where an offset and a size meet the bytes of the file.

use object::pod::{self, Pod};

use crate::error::{ErrorKind, Result};

/// The whole file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    bytes: &'a [u8],
}

impl<'a> Window<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The `size` bytes at `offset`.
    pub(crate) fn part(&self, offset: u64, size: u64, what: &'static str) -> Result<&'a [u8]> {
        let range = || {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(size).ok()?)?;
            self.bytes.get(start..end)
        };
        range().ok_or_else(|| {
            let available = self.size().saturating_sub(offset);
            ErrorKind::Truncated { what, offset, size, available }.into()
        })
    }

    /// The structure `T` at `offset`.
    pub(crate) fn read<T: Pod>(&self, offset: u64, what: &'static str) -> Result<&'a T> {
        let size = size_of::<T>() as u64;
        let part = self.part(offset, size, what)?;
        match pod::from_bytes(part) {
            Ok((value, _)) => Ok(value),
            // The structures of the format are made of bytes, so alignment never fails.
            Err(()) => Err(ErrorKind::Truncated { what, offset, size, available: 0 }.into()),
        }
    }
}
