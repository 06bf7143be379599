//! The hashes of code signatures.
//!
//! `<kern/cs_blobs.h>`, `CS_HASHTYPE_*`. SHA-1 is what systems before 10.11.4 read; nothing rests on it here that
//! SHA-256 does not say as well.

use ring::digest;

/// How a code directory hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashType {
    /// `CS_HASHTYPE_SHA1`, 20 bytes.
    Sha1,
    /// `CS_HASHTYPE_SHA256`, 32 bytes.
    Sha256,
    /// `CS_HASHTYPE_SHA256_TRUNCATED`, the first 20 bytes of SHA-256.
    Sha256Truncated,
    /// `CS_HASHTYPE_SHA384`, 48 bytes.
    Sha384,
}

impl HashType {
    /// The type that `hashType` names.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Sha1),
            2 => Some(Self::Sha256),
            3 => Some(Self::Sha256Truncated),
            4 => Some(Self::Sha384),
            _ => None,
        }
    }

    /// `hashType`.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 2,
            Self::Sha256Truncated => 3,
            Self::Sha384 => 4,
        }
    }

    /// `hashSize`: the size of one hash in bytes.
    pub(crate) fn size(self) -> u8 {
        match self {
            Self::Sha1 | Self::Sha256Truncated => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// The hash of `bytes`.
    pub(crate) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 | Self::Sha256Truncated => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
        };
        let mut hash = digest::digest(algorithm, bytes).as_ref().to_vec();
        hash.truncate(usize::from(self.size()));
        hash
    }

    /// The hashes of the pages of `code`, one behind the other; one hash where `page_size` is 0.
    pub(crate) fn of_pages(self, code: &[u8], page_size: usize) -> Vec<u8> {
        if page_size == 0 {
            return self.of(code);
        }
        code.chunks(page_size).flat_map(|page| self.of(page)).collect()
    }
}
