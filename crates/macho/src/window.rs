//! Bounded reading: the one place where an offset and a size meet the bytes they speak of.
//!
//! A window is a part of the file that knows where it starts, so that code can use the offsets of the standard
//! (which count from the slice) while errors give the offsets of the file (which a hex viewer shows).

use object::pod::{self, Pod};

use crate::error::{ErrorKind, Result};

/// Some bytes of the file and the offset of the first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    bytes: &'a [u8],
    base: u64,
}

impl<'a> Window<'a> {
    /// The whole file.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, base: 0 }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The offset in the file of a byte in this window.
    pub(crate) fn position(&self, offset: u64) -> u64 {
        self.base.saturating_add(offset)
    }

    /// The part of `size` bytes at `offset`.
    pub(crate) fn part(&self, offset: u64, size: u64, what: &'static str) -> Result<Window<'a>> {
        let range = || {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(size).ok()?)?;
            self.bytes.get(start..end)
        };
        let bytes = range().ok_or_else(|| self.truncated(offset, size, what))?;
        Ok(Window { bytes, base: self.position(offset) })
    }

    /// The structure `T` at `offset`.
    pub(crate) fn read<T: Pod>(&self, offset: u64, what: &'static str) -> Result<&'a T> {
        let size = size_of::<T>() as u64;
        let part = self.part(offset, size, what)?;
        match pod::from_bytes(part.bytes) {
            Ok((value, _)) => Ok(value),
            Err(()) => Err(self.truncated(offset, size, what)),
        }
    }

    /// The NUL-terminated string at `offset`, without its NUL.
    pub(crate) fn string(&self, offset: u64, what: &'static str) -> Result<&'a str> {
        let text = self.until_nul(offset, what)?;
        let offset = self.position(offset);
        str::from_utf8(text).map_err(|_| ErrorKind::NotUtf8 { what, offset }.into())
    }

    /// The bytes from `offset` to the next NUL, which must come before the end.
    pub(crate) fn until_nul(&self, offset: u64, what: &'static str) -> Result<&'a [u8]> {
        let rest = self.part(offset, self.size().saturating_sub(offset).max(1), what)?.bytes;
        let end = rest.iter().position(|&byte| byte == 0);
        let text = end.and_then(|end| rest.get(..end));
        text.ok_or_else(|| ErrorKind::Unterminated { what, offset: self.position(offset) }.into())
    }

    fn truncated(&self, offset: u64, size: u64, what: &'static str) -> crate::Error {
        let available = self.size().saturating_sub(offset);
        ErrorKind::Truncated { what, offset: self.position(offset), size, available }.into()
    }
}
