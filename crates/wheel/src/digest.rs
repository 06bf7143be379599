//! What RECORD says of a file: its SHA-256 and its size.
//!
//! Contents are hashed by ring: where the processor has no SHA instructions, it takes little more
//! than half the time of sha2, and a repair of one large library spends a third of its time here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use std::fmt;

/// SHA-256 and size of a member's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    /// The SHA-256 of the contents.
    pub sha256: [u8; 32],
    /// Bytes of the contents, not compressed.
    pub size: u64,
}

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut sha256 = [0; 32];
        // SHA256_OUTPUT_LEN is 32: `zip` takes every byte of it.
        for (to, from) in sha256.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
            *to = *from;
        }
        Self { sha256, size: bytes.len() as u64 }
    }

    /// The SHA-256 as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.to_string()
    }

    /// As RECORD writes it: `sha256=` and URL-safe base64 without padding (PEP 376, PEP 427).
    #[must_use]
    pub fn record_hash(&self) -> String {
        format!("sha256={}", URL_SAFE_NO_PAD.encode(self.sha256))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nothing_is_the_one_every_record_has() {
        let digest = Digest::of(b"");
        assert_eq!(digest.record_hash(), "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest.hex(), hex);
    }
}
