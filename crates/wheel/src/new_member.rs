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
        Self::from_compressed_parts(path, bytes, &Digest::of(bytes), compressed, mode, modified)
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
        Self::from_hashed_pieces(path, bytes, &Digest::of(bytes), pieces, mode, modified)
    }

    /// [`NewMember::from_pieces`] with the digest of `bytes`, for callers that hash on one thread
    /// while they deflate on others: without hardware for it, SHA-256 takes a third of the time that
    /// deflate takes.
    ///
    /// # Errors
    ///
    /// As [`NewMember::from_pieces`]; `digest` is of another size.
    pub fn from_hashed_pieces(
        path: MemberPath,
        bytes: &[u8],
        digest: &Digest,
        pieces: Vec<Piece>,
        mode: u32,
        modified: Timestamp,
    ) -> Result<Self> {
        let compressed = deflate::join(pieces).map_err(|error| error.in_member(path.as_str()))?;
        Self::from_compressed_parts(path, bytes, digest, compressed, mode, modified)
    }

    /// From `bytes`, deflated as a whole, for example by [`deflate::splice()`]. That the stream holds
    /// these very bytes is for the caller to know: only its size and CRC-32 are compared here.
    ///
    /// # Errors
    ///
    /// `compressed` or `digest` is of other contents; `mode` is not a regular file's.
    pub fn from_compressed_parts(
        path: MemberPath,
        bytes: &[u8],
        digest: &Digest,
        compressed: Compressed,
        mode: u32,
        modified: Timestamp,
    ) -> Result<Self> {
        let error = |kind| Error::of_member(kind, path.as_str());
        if !matches!(mode & S_IFMT, 0 | S_IFREG) {
            return Err(error(ErrorKind::SpecialFile { mode }));
        }
        for declared in [compressed.size, digest.size] {
            let found = bytes.len() as u64;
            if declared != found {
                return Err(error(ErrorKind::Size { declared, found: Some(found) }));
            }
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
        Ok(Self { path, mode, modified, digest: *digest, crc32: found, method, data })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> MemberPath {
        MemberPath::new("a").unwrap()
    }

    #[test]
    fn what_deflate_makes_no_smaller_is_stored() {
        let new = |bytes| NewMember::new(path(), bytes, 0o755, Timestamp::EPOCH_1980, 6).unwrap();
        let short = new(b"abc");
        assert_eq!((short.method, &*short.data), (METHOD_STORED, &b"abc"[..]));
        assert_eq!(new(b"").method, METHOD_STORED);
        let long = new(&[7; 1000]);
        assert_eq!(long.method, METHOD_DEFLATE);
        assert!(long.compressed_size() < 50);
        assert_eq!(long.mode(), 0o100_755);
    }

    #[test]
    fn pieces_give_the_same_member_as_one_thread() {
        let bytes: Vec<u8> =
            (0..3_000_000_u32).map(|i| i.wrapping_mul(i).to_le_bytes()[1]).collect();
        let new = NewMember::new(path(), &bytes, 0o644, Timestamp::EPOCH_1980, 6).unwrap();
        let ranges = deflate::pieces(bytes.len()).into_iter().rev();
        let mut pieces: Vec<Piece> =
            ranges.map(|range| deflate::compress_piece(&bytes, range, 6).unwrap()).collect();
        pieces.reverse();
        let time = Timestamp::EPOCH_1980;
        let joined = NewMember::from_pieces(path(), &bytes, pieces.clone(), 0o644, time).unwrap();
        assert!(pieces.len() > 1);
        assert_eq!((joined.data, joined.crc32, joined.digest), (new.data, new.crc32, new.digest));

        let error = NewMember::from_pieces(path(), b"other", pieces, 0o644, time).unwrap_err();
        let message = "a: the archive declares 3000000 bytes, the contents have 5";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn only_files_are_written() {
        for mode in [0o120_777, 0o040_755, 0o020_000] {
            let new = NewMember::new(path(), b"x", mode, Timestamp::EPOCH_1980, 6);
            let message = format!("a: mode {mode:#o} is neither a file, a directory nor a symlink");
            assert!(new.is_err_and(|error| mode == 0o020_000 || error.to_string() == message));
        }
    }
}
