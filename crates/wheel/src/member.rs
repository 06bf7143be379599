//! One member of a wheel as the archive describes it.

use crate::error::{Error, ErrorKind, Result};
use crate::header::Entry;
use crate::path::MemberPath;
use crate::timestamp::Timestamp;

pub(crate) const S_IFMT: u32 = 0o170_000;
pub(crate) const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFLNK: u32 = 0o120_000;

/// What a member is. Symlinks are no part of the wheel format; they come anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symlink; its contents are where it leads.
    Symlink,
}

/// One member, as the central directory and its local header agree on it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Where it is in the wheel.
    pub path: MemberPath,
    /// What it is.
    pub kind: MemberKind,
    /// Bytes of its contents.
    pub size: u64,
    /// Bytes it takes in the archive.
    pub compressed_size: u64,
    /// The CRC-32 of its contents, as declared.
    pub crc32: u32,
    /// `st_mode`, if the archive was made on a Unix and says it.
    pub mode: Option<u32>,
    /// Its date.
    pub modified: Timestamp,
    pub(crate) method: u16,
    pub(crate) data_offset: u64,
    /// Seconds since 1970, of the extra field `UT`.
    pub(crate) unix_time: Option<[u8; 4]>,
}

impl Member {
    pub(crate) fn new(entry: &Entry, data_offset: u64) -> Result<Self> {
        let name = entry.name.as_str();
        let (text, is_directory) = match name.strip_suffix('/') {
            Some(text) => (text, true),
            None => (name, false),
        };
        let mode = entry.unix_mode();
        let kind = match (mode.unwrap_or(0) & S_IFMT, is_directory) {
            // Readers go by the name here, and some builders give directories the mode of a file.
            (0 | S_IFDIR | S_IFREG, true) => MemberKind::Directory,
            (0 | S_IFREG, false) => MemberKind::File,
            (S_IFLNK, false) => MemberKind::Symlink,
            _ => {
                let kind = ErrorKind::SpecialFile { mode: mode.unwrap_or(0) };
                return Err(Error::of_member(kind, name));
            }
        };
        if is_directory && entry.size != 0 {
            let kind = ErrorKind::Size { declared: entry.size, found: Some(0) };
            return Err(Error::of_member(kind, name));
        }
        Ok(Self {
            path: MemberPath::new(text)?,
            kind,
            size: entry.size,
            compressed_size: entry.compressed_size,
            crc32: entry.crc32,
            mode,
            modified: entry.modified,
            method: entry.method,
            data_offset,
            unix_time: entry.unix_time,
        })
    }

    /// Whether its contents are deflated and not stored as they are.
    #[must_use]
    pub fn is_deflated(&self) -> bool {
        self.method == crate::header::METHOD_DEFLATE
    }
}
