//! Deflate, cut into pieces so that one large member takes all cores.
//!
//! A repair is mostly the deflate of one large library, and that is one stream. It is cut into
//! pieces of a fixed size that are deflated each for itself, by libdeflate, and joined. The pieces
//! do not depend on the number of threads, so neither do the bytes.
//!
//! libdeflate ends each piece with a block marked as the last (BFINAL, RFC 1951 § 3.2.3) and says
//! neither where that block begins nor at which bit it ends. `walk` finds both without inflating.
//! Then the mark is cleared and an empty stored block appended, which ends at a whole byte: joined
//! pieces are one stream, without shifting a bit.
//!
//! Why libdeflate, level 6 and 1 MiB: measured by `examples/deflate.rs` on the 25 MB OpenBLAS of
//! PyPI's scipy-openblas64 (x86_64). Bytes are relative to zlib 1.2.13 at level 6, which other
//! repairing tools use and which must not be exceeded; time is of one thread, relative to zlib-rs 6,
//! the best of 35 runs over 4 MiB from its middle.
//!
//! | | bytes | time |
//! |---|---|---|
//! | zlib-rs 6, one stream | 1.018 | 1 |
//! | libdeflate 5, pieces of 1 MiB | 1.004 | 0.76 |
//! | libdeflate 6, one stream | 0.992 | 0.77 |
//! | **libdeflate 6, pieces of 1 MiB** | **0.996** | **0.85** |
//! | libdeflate 7, pieces of 1 MiB | 0.990 | about 1 |
//! | libdeflate 8, pieces of 1 MiB | 0.988 | 1.2 |
//!
//! Cutting costs 0.4 % of the bytes, because a piece does not see the 32 KiB before it, and the walk
//! some of the time; both are the price of using every core.
//!
//! A member of the input that is edited has been deflated before, and [`splice()`] keeps of that
//! stream what the edit does not touch: for that library, a fifth of the time of deflating all of it.

mod bit_writer;
mod runs;
mod splice;
mod table;
mod walk;

pub use splice::{splice, try_splice};

use crate::error::{Error, ErrorKind, Result};
use std::ops::Range;

/// The level for members that truewheel writes, in libdeflate's scale of 0 to 12.
pub const LEVEL: u32 = 6;
/// Bytes of a member that are deflated as one piece.
const PIECE: usize = 1 << 20;
/// An empty stored block behind its three header bits: LEN 0 and its complement.
const EMPTY_STORED: [u8; 4] = [0, 0, 0xff, 0xff];
/// CRC-32's polynomial, bits reversed.
const CRC_POLYNOMIAL: u32 = 0xedb8_8320;

/// One deflated piece of a member.
#[derive(Clone, Debug)]
pub struct Piece {
    range: Range<usize>,
    bytes: Vec<u8>,
    crc32: u32,
    is_last: bool,
}

/// A whole member, deflated: one raw deflate stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed {
    /// The stream.
    pub bytes: Vec<u8>,
    /// The CRC-32 of what it holds.
    pub crc32: u32,
    /// Bytes of what it holds.
    pub size: u64,
}

impl Piece {
    /// The bytes of the member that it holds.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

/// How a member of `len` bytes is cut: at least one piece, at the same places whatever its length
/// and the number of threads, so that a piece that no edit touches serves after the edit as well.
#[must_use]
pub fn pieces(len: usize) -> Vec<Range<usize>> {
    let count = len.div_ceil(PIECE).max(1);
    let cut = |index: usize| index.saturating_mul(PIECE).min(len);
    (0..count).map(|index| cut(index)..cut(index + 1)).collect()
}

/// Deflates one of the [`pieces`] of `bytes`, the whole member. `level` is libdeflate's, 0 to 12.
///
/// # Errors
///
/// A level that there is not, or a piece that is not in `bytes`.
pub fn compress_piece(bytes: &[u8], piece: Range<usize>, level: u32) -> Result<Piece> {
    let is_last = piece.end == bytes.len();
    let outside = ErrorKind::Pieces { expected: bytes.len(), found: piece.end };
    let contents = bytes.get(piece.clone()).ok_or(outside)?;
    let mut compressed = compress(contents, level)?;
    if !is_last {
        open_end(&mut compressed)?;
    }
    let crc32 = libdeflater::crc32(contents);
    Ok(Piece { range: piece, bytes: compressed, crc32, is_last })
}

/// Joins all pieces of a member, in order, to one stream.
///
/// # Errors
///
/// Pieces are missing, or not in order.
pub fn join(pieces: Vec<Piece>) -> Result<Compressed> {
    let mut end = 0;
    let mut crc32 = 0;
    let mut complete = false;
    let mut bytes = Vec::with_capacity(pieces.iter().map(|piece| piece.bytes.len()).sum());
    for piece in pieces {
        let found = piece.range.start;
        if found != end || complete {
            return Err(ErrorKind::Pieces { expected: end, found }.into());
        }
        crc32 = combine(crc32, piece.crc32, piece.range.len() as u64);
        bytes.extend(piece.bytes);
        (end, complete) = (piece.range.end, piece.is_last);
    }
    if complete {
        Ok(Compressed { bytes, crc32, size: end as u64 })
    } else {
        Err(Error::zip(format!("the last piece of the member, at {end:#x}, is missing")))
    }
}

/// Deflates a whole member on this thread, to the same bytes as its pieces on many.
///
/// # Errors
///
/// A level that there is not.
pub fn compress_all(bytes: &[u8], level: u32) -> Result<Compressed> {
    let pieces = pieces(bytes.len()).into_iter();
    join(pieces.map(|piece| compress_piece(bytes, piece, level)).collect::<Result<_>>()?)
}

fn compress(contents: &[u8], level: u32) -> Result<Vec<u8>> {
    let mut compressor = libdeflater::Compressor::new(known_level(level)?);
    let bound = compressor.deflate_compress_bound(contents.len());
    let mut compressed = vec![0; bound];
    // The bound is libdeflate's own, so that this cannot happen.
    let len = compressor
        .deflate_compress(contents, &mut compressed)
        .map_err(|_| ErrorKind::Memory { size: bound as u64 })?;
    compressed.truncate(len);
    Ok(compressed)
}

fn known_level(level: u32) -> Result<libdeflater::CompressionLvl> {
    let known = i32::try_from(level).ok().filter(|level| (0..=12).contains(level));
    let known = known.and_then(|level| libdeflater::CompressionLvl::new(level).ok());
    Ok(known.ok_or(ErrorKind::Level(level))?)
}

/// Makes a stream one that goes on: clears the mark of its last block, ends it at a whole byte.
fn open_end(stream: &mut Vec<u8>) -> Result<()> {
    let walk = walk::walk(stream).ok_or(ErrorKind::BadDeflate)?;
    let header = stream.get_mut(walk.last_block / 8).ok_or(ErrorKind::BadDeflate)?;
    *header &= !(1 << (walk.last_block % 8));
    // Three zero bits: not the last, stored, and then zeros up to the byte. Bits behind the end of
    // the stream are zero already.
    stream.resize((walk.end + 3).div_ceil(8), 0);
    stream.extend(EMPTY_STORED);
    Ok(())
}

/// The CRC-32 of two texts one after the other, the second of `len` bytes.
///
/// A CRC is a remainder: the first one's, moved up by as many bits as the second has, and the
/// second's are added. Moving up is a multiplication by x^(8·len) modulo the polynomial, found by
/// squaring.
fn combine(first: u32, second: u32, len: u64) -> u32 {
    // With bits reversed, the highest bit is 1 and the second is x; x^8 is eight bits lower.
    let (mut factor, mut power, mut rest) = (1 << 31, 1 << 23, len);
    while rest > 0 {
        if rest & 1 == 1 {
            factor = multiply(factor, power);
        }
        power = multiply(power, power);
        rest >>= 1;
    }
    multiply(first, factor) ^ second
}

/// The product of two polynomials over two elements, modulo CRC-32's.
fn multiply(left: u32, mut right: u32) -> u32 {
    let mut product = 0;
    for bit in (0..32).rev() {
        if left >> bit & 1 == 1 {
            product ^= right;
        }
        right = if right & 1 == 1 { right >> 1 ^ CRC_POLYNOMIAL } else { right >> 1 };
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::DeflateDecoder;
    use std::io::Read as _;

    /// With another library than the one that deflates.
    fn inflate(stream: &[u8]) -> Vec<u8> {
        let mut decoder = DeflateDecoder::new(stream);
        let mut bytes = Vec::new();
        decoder.read_to_end(&mut bytes).unwrap();
        assert_eq!(decoder.total_in(), stream.len() as u64, "bytes behind the stream");
        bytes
    }

    /// Text, noise, zeros and something between, so that blocks of all types come up.
    fn contents(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 24
        };
        (0..len)
            .map(|index| match index / 70_000 % 4 {
                0 => b"the quick brown fox"[index % 19],
                1 => u8::try_from(next()).unwrap(),
                2 => 0,
                _ => u8::try_from(next() & next() & 15).unwrap() + b'a',
            })
            .collect()
    }

    #[test]
    fn joined_pieces_are_one_stream_of_the_whole_member() {
        for len in [0, 1, 5, 65_535, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 12_345] {
            let bytes = contents(len);
            for level in [0, 1, LEVEL, 9, 12] {
                let all = compress_all(&bytes, level).unwrap();
                assert!(inflate(&all.bytes) == bytes, "{len} bytes at level {level}");
                assert_eq!(all.crc32, libdeflater::crc32(&bytes));
                assert_eq!(all.size, len as u64);
            }
        }
    }

    #[test]
    fn pieces_of_any_size_can_be_joined() {
        let bytes = contents(300_000);
        for size in [1, 2, 3, 1000, 4099, 99_999] {
            let bytes = &bytes[..size * 3 + 1];
            let starts = (0..bytes.len()).step_by(size);
            let ranges = starts.map(|start| start..(start + size).min(bytes.len()));
            let pieces = ranges.map(|range| compress_piece(bytes, range, 6).unwrap()).collect();
            assert!(inflate(&join(pieces).unwrap().bytes) == bytes, "pieces of {size} bytes");
        }
    }

    #[test]
    fn pieces_cover_every_byte_once() {
        for len in [0, 1, PIECE, PIECE + 1, 25_000_000, 2_000_000_001] {
            let mut end = 0;
            for piece in pieces(len) {
                assert_eq!(piece.start, end);
                assert!(piece.len() <= PIECE);
                end = piece.end;
            }
            assert_eq!(end, len);
        }
    }

    #[test]
    fn pieces_missing_or_in_disorder_are_refused() {
        let bytes = contents(2 * PIECE + 2);
        let cut: Vec<Piece> = pieces(bytes.len())
            .into_iter()
            .map(|range| compress_piece(&bytes, range, 1).unwrap())
            .collect();
        let message = |order: &[usize]| {
            join(order.iter().map(|index| cut[*index].clone()).collect()).unwrap_err().to_string()
        };
        let second = "a piece begins at 0x100000, the one before ends at 0x0";
        assert_eq!(message(&[1, 0, 2]), second);
        assert_eq!(message(&[0, 1]), "the last piece of the member, at 0x200000, is missing");
        assert_eq!(message(&[]), "the last piece of the member, at 0x0, is missing");
        assert!(message(&[0, 1, 2, 2]).starts_with("a piece begins at 0x200000"));
    }

    #[test]
    fn levels_and_pieces_that_there_are_not_are_refused() {
        let message = |level| compress_all(b"a", level).unwrap_err().to_string();
        assert!(compress_all(b"a", 0).is_ok());
        assert_eq!(message(13), "deflate level 13, it should be 0 to 12");
        assert!(compress_piece(b"abc", 2..5, 6).is_err());
    }

    #[test]
    fn combined_crcs_are_those_of_the_whole() {
        let bytes = contents(100_000);
        for at in [0, 1, 7, 255, 256, 65_537, 99_999, 100_000] {
            let (left, right) = bytes.split_at(at);
            let crc =
                combine(libdeflater::crc32(left), libdeflater::crc32(right), right.len() as u64);
            assert_eq!(crc, libdeflater::crc32(&bytes));
        }
    }
}
