//! A file that many threads read at once, by position.
//!
//! `pread` and its Windows kin take the position with each call, so no thread moves another's. On
//! Windows the file's own position does move; nothing here uses it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// An open file and its size when it was opened.
#[derive(Debug)]
pub(crate) struct Positioned {
    file: File,
    size: u64,
}

impl Positioned {
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Fills all of `bytes` from `offset` on; an error if the file ends before.
    pub(crate) fn read_exact_at(&self, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.read_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    bytes = bytes.get_mut(len..).unwrap_or_default();
                    offset = offset.saturating_add(len as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    #[cfg(unix)]
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, bytes, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, bytes, offset)
    }
}

/// A reader with a position of its own, for code that wants to seek.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    file: &'a Positioned,
    position: u64,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(file: &'a Positioned) -> Self {
        Self { file, position: 0 }
    }
}

impl Read for Cursor<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(bytes, self.position)?;
        self.position = self.position.saturating_add(len as u64);
        Ok(len)
    }
}

impl Seek for Cursor<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.file.size.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
