//! A member to be written, ready deflated.
//!
//! Deflating is what takes time, so it happens here, on whatever thread the caller likes, and not
//! in the writer.

use crate::deflate::{self, Compressed, Piece};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::header::{METHOD_DEFLATE, METHOD_STORED};
use crate::member::{S_IFMT, S_IFREG};
use crate::path::MemberPath;
use crate::timestamp::Timestamp;

/// A file with its contents, deflated or, where that is no smaller, stored.
#[derive(Clone, Debug)]
pub struct NewMember {
    path: MemberPath,
    mode: u32,
    modified: Timestamp,
    digest: Digest,
    pub(crate) crc32: u32,
    pub(crate) method: u16,
    pub(crate) data: Vec<u8>,
}

impl NewMember {
    /// Deflates `bytes` on this thread. `mode` is `st_mode`, with or without the file type;
    /// `level` is libdeflate's, see [`deflate::LEVEL`]. The same bytes as from
    /// [`NewMember::from_pieces`].
    ///
    /// # Errors
    ///
    /// `mode` is not a regular file's, or the level is none.
    pub fn new(
        path: MemberPath,
        bytes: &[u8],
        mode: u32,
        modified: Timestamp,
        level: u32,
    ) -> Result<Self> {
        let compressed = deflate::compress_all(bytes, level);
        let compressed = compressed.map_err(|error| error.in_member(path.as_str()))?;
        Self::from_compressed(path, bytes, compressed, mode, modified)
    }

    /// From all pieces of `bytes`, deflated by [`deflate::compress_piece`], in order.
    ///
    /// # Errors
    ///
    /// Pieces are not those of `bytes`; `mode` is not a regular file's.
    pub fn from_pieces(
        path: MemberPath,
        bytes: &[u8],
        pieces: Vec<Piece>,
        mode: u32,
        modified: Timestamp,
    ) -> Result<Self> {
        let compressed = deflate::join(pieces).map_err(|error| error.in_member(path.as_str()))?;
        Self::from_compressed(path, bytes, compressed, mode, modified)
    }

    fn from_compressed(
        path: MemberPath,
        bytes: &[u8],
        compressed: Compressed,
        mode: u32,
        modified: Timestamp,
    ) -> Result<Self> {
        let error = |kind| Error::of_member(kind, path.as_str());
        if !matches!(mode & S_IFMT, 0 | S_IFREG) {
            return Err(error(ErrorKind::SpecialFile { mode }));
        }
        let digest = Digest::of(bytes);
        if compressed.size != digest.size {
            let (declared, found) = (compressed.size, Some(digest.size));
            return Err(error(ErrorKind::Size { declared, found }));
        }
        let found = libdeflater::crc32(bytes);
        if compressed.crc32 != found {
            return Err(error(ErrorKind::Crc { declared: compressed.crc32, found }));
        }
        let is_smaller = compressed.bytes.len() < bytes.len();
        let (method, data) = match is_smaller {
            true => (METHOD_DEFLATE, compressed.bytes),
            false => (METHOD_STORED, bytes.to_vec()),
        };
        let mode = mode & !S_IFMT | S_IFREG;
        Ok(Self { path, mode, modified, digest, crc32: found, method, data })
    }

    /// Where it will be in the wheel.
    #[must_use]
    pub fn path(&self) -> &MemberPath {
        &self.path
    }

    /// `st_mode`, of a regular file.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Its date.
    #[must_use]
    pub fn modified(&self) -> Timestamp {
        self.modified
    }

    /// SHA-256 and size of its contents.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Bytes it takes in the archive.
    #[must_use]
    pub fn compressed_size(&self) -> u64 {
        self.data.len() as u64
    }
}
