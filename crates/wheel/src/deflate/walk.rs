//! Walks over a deflate stream without inflating it (RFC 1951).
//!
//! To find where its last block begins, every code before it must be read, for a block does not say
//! how long it is. But only the *lengths* of codes count: what a literal is, or how far back a
//! match lies, is skipped. So a table has one byte per code: how many bits it takes with its extra
//! bits, and whether it is a literal, a match or the end of the block.

/// Where the last block begins and the stream ends, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) last_block: usize,
    pub(super) end: usize,
}

/// Longest code (RFC 1951 § 3.2.7).
const MAX_CODE: usize = 15;
/// What a table's byte says besides the number of bits.
const BITS: u8 = 0x1f;
const MATCH: u8 = 0x20;
const END: u8 = 0x40;
/// The order in which the lengths of the code length code are written (§ 3.2.7).
const CODE_LENGTH_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// `None` if `stream` is not a deflate stream.
pub(super) fn walk(stream: &[u8]) -> Option<Walk> {
    let mut bits = Bits { stream, next: 0, buffer: 0, count: 0 };
    loop {
        let last_block = bits.position();
        let is_last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => bits.skip_stored()?,
            1 => bits.skip_codes(&fixed_literals()?, &fixed_distances()?)?,
            2 => {
                let (literals, distances) = read_tables(&mut bits)?;
                bits.skip_codes(&literals, &distances)?;
            }
            _ => return None,
        }
        let end = bits.position();
        if end > stream.len() * 8 {
            return None;
        }
        if is_last {
            return Some(Walk { last_block, end });
        }
    }
}

/// A stream, read by bits from the lowest of each byte.
struct Bits<'a> {
    stream: &'a [u8],
    /// The first byte that is not wholly in the buffer.
    next: usize,
    buffer: u64,
    /// Bits of the buffer that count.
    count: usize,
}

impl Bits<'_> {
    fn position(&self) -> usize {
        self.next * 8 - self.count
    }

    /// At least 56 bits; behind the stream's end they are zeros, which `position` tells.
    #[inline(always)]
    fn refill(&mut self) {
        let word = self.stream.get(self.next..self.next + 8).and_then(|word| word.try_into().ok());
        if let Some(word) = word {
            self.buffer |= u64::from_le_bytes(word) << self.count;
            self.next += (63 - self.count) / 8;
            self.count |= 56;
        } else {
            while self.count < 56 {
                let byte = self.stream.get(self.next).copied().unwrap_or(0);
                self.buffer |= u64::from(byte) << self.count;
                self.next += 1;
                self.count += 8;
            }
        }
    }

    #[inline(always)]
    fn consume(&mut self, count: u8) {
        self.buffer >>= count;
        self.count -= usize::from(count);
    }

    /// Up to 16 bits; `None` behind the end.
    fn take(&mut self, count: u8) -> Option<usize> {
        self.refill();
        let value = self.buffer & ((1 << count) - 1);
        self.consume(count);
        (self.position() <= self.stream.len() * 8).then_some(())?;
        usize::try_from(value).ok()
    }

    fn skip_stored(&mut self) -> Option<()> {
        let header = self.position().div_ceil(8);
        let len: [u8; 2] = self.stream.get(header..header + 2)?.try_into().ok()?;
        self.next = header + 4 + usize::from(u16::from_le_bytes(len));
        (self.buffer, self.count) = (0, 0);
        (self.next <= self.stream.len()).then_some(())
    }

    /// Up to the end of the block.
    fn skip_codes(&mut self, literals: &Table, distances: &Table) -> Option<()> {
        loop {
            // The zeros behind the stream could be codes too, and have no end.
            if self.next > self.stream.len() + 16 {
                return None;
            }
            self.refill();
            let mut code = literals.get(self.buffer)?;
            // Three literals take at most 45 bits, so that one more code with its extra bits may
            // run out of the buffer: then it is filled again.
            for _ in 0..2 {
                if code > BITS {
                    break;
                }
                self.consume(code);
                code = literals.get(self.buffer)?;
            }
            if code & (MATCH | END) == 0 {
                self.consume(code);
                continue;
            }
            self.consume(code & BITS);
            if code & END != 0 {
                return Some(());
            }
            self.refill();
            let distance = distances.get(self.buffer)?;
            self.consume(distance & BITS);
        }
    }
}

/// What the next bits are, for every value they can have.
struct Table {
    codes: Vec<u8>,
    mask: u64,
}

impl Table {
    /// From the length of each symbol's code (§ 3.2.2); `meaning` adds extra bits and kind.
    fn new(lengths: &[u8], meaning: impl Fn(usize) -> Option<u8>) -> Option<Self> {
        let longest = usize::from(lengths.iter().copied().max()?).max(1);
        if longest > MAX_CODE {
            return None;
        }
        let mut counts = [0_usize; MAX_CODE + 1];
        for length in lengths.iter().filter(|length| **length > 0) {
            *counts.get_mut(usize::from(*length))? += 1;
        }
        // The first code of each length follows the last of the length before, one bit longer.
        let mut first = [0_usize; MAX_CODE + 2];
        for length in 1..=MAX_CODE {
            *first.get_mut(length + 1)? = (first.get(length)? + counts.get(length)?) << 1;
        }
        let mut codes = vec![0; 1 << longest];
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let (width, next) = (usize::from(*length), first.get_mut(usize::from(*length))?);
            let reversed = reverse(*next, width);
            *next += 1;
            // More codes of a length than there is room for: no prefix code.
            (*next <= 1 << width).then_some(())?;
            let code = length + meaning(symbol)?;
            codes.iter_mut().skip(reversed).step_by(1 << width).for_each(|place| *place = code);
        }
        Some(Self { codes, mask: (1 << longest) - 1 })
    }

    /// `None` for bits that are no code.
    #[inline(always)]
    fn get(&self, buffer: u64) -> Option<u8> {
        let index = usize::try_from(buffer & self.mask).ok()?;
        self.codes.get(index).copied().filter(|code| *code != 0)
    }
}

fn reverse(code: usize, width: usize) -> usize {
    (0..width).fold(0, |reversed, bit| reversed << 1 | (code >> bit & 1))
}

/// § 3.2.5: matches of length 3 to 258 are symbols 257 to 285.
fn literal_meaning(symbol: usize) -> Option<u8> {
    match symbol {
        0..=255 => Some(0),
        256 => Some(END),
        257..=264 | 285 => Some(MATCH),
        265..=284 => u8::try_from((symbol - 261) / 4).ok().map(|extra| MATCH + extra),
        _ => Some(0),
    }
}

fn distance_meaning(symbol: usize) -> Option<u8> {
    u8::try_from((symbol / 2).saturating_sub(1)).ok()
}

fn code_length_meaning(symbol: usize) -> Option<u8> {
    u8::try_from(symbol << 3).ok()
}

/// § 3.2.6
fn fixed_literals() -> Option<Table> {
    let mut lengths = [8; 288];
    lengths.get_mut(144..256)?.fill(9);
    lengths.get_mut(256..280)?.fill(7);
    Table::new(&lengths, literal_meaning)
}

fn fixed_distances() -> Option<Table> {
    Table::new(&[5; 30], distance_meaning)
}

/// § 3.2.7: the tables before a block with codes of its own.
fn read_tables(bits: &mut Bits<'_>) -> Option<(Table, Table)> {
    let literals = bits.take(5)? + 257;
    let distances = bits.take(5)? + 1;
    let code_lengths = bits.take(4)? + 4;
    let mut lengths = [0; 19];
    for symbol in CODE_LENGTH_ORDER.iter().take(code_lengths) {
        *lengths.get_mut(*symbol)? = u8::try_from(bits.take(3)?).ok()?;
    }
    // The byte holds the symbol above a code of at most 7 bits.
    let table = Table::new(&lengths, code_length_meaning)?;
    let mut lengths = Vec::with_capacity(literals + distances);
    while lengths.len() < literals + distances {
        bits.refill();
        let code = table.get(bits.buffer)?;
        bits.consume(code & 7);
        let (value, repeat) = match code >> 3 {
            16 => (*lengths.last()?, bits.take(2)? + 3),
            17 => (0, bits.take(3)? + 3),
            18 => (0, bits.take(7)? + 11),
            length => (length, 1),
        };
        lengths.extend(std::iter::repeat_n(value, repeat));
    }
    let (literal_lengths, distance_lengths) = lengths.split_at_checked(literals)?;
    let distance_lengths = distance_lengths.get(..distances)?;
    // The end of the block needs a code; distances need none where there are only literals.
    literal_lengths.get(256).filter(|length| **length > 0)?;
    let literals = Table::new(literal_lengths, literal_meaning)?;
    Some((literals, Table::new(distance_lengths, distance_meaning)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress, Status};

    /// A stream of the other library, whose blocks end where it is told to flush.
    fn zlib(parts: &[&[u8]], level: u32) -> (Vec<u8>, usize) {
        let mut compress = Compress::new(Compression::new(level), false);
        let mut stream = Vec::with_capacity(1 << 20);
        let mut last = 0;
        for (index, part) in parts.iter().enumerate() {
            let is_last = index + 1 == parts.len();
            let flush = if is_last { FlushCompress::Finish } else { FlushCompress::Sync };
            last = stream.len() * 8;
            let status = compress.compress_vec(part, &mut stream, flush).unwrap();
            assert_eq!(status == Status::StreamEnd, is_last);
        }
        (stream, last)
    }

    #[test]
    fn the_last_block_is_found_in_streams_of_another_library() {
        let noise: Vec<u8> =
            (0..5000_u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let text = b"it was the best of times, it was the worst of times, it was".repeat(20);
        for level in [0, 1, 6, 9] {
            for parts in [&[&b"a"[..], b"bc"][..], &[&noise, &text, b"x"], &[&text, &noise], &[b""]]
            {
                let (stream, last) = zlib(parts, level);
                let walk = walk(&stream).unwrap();
                assert_eq!(walk.last_block, last, "level {level}");
                assert_eq!(walk.end.div_ceil(8), stream.len());
            }
        }
    }

    #[test]
    fn a_stream_cut_anywhere_is_none() {
        let text = b"it was the best of times, it was the worst of times, it was".repeat(20);
        for level in [0, 6] {
            let (stream, _) = zlib(&[&text], level);
            for len in 0..stream.len() {
                assert_eq!(walk(&stream[..len]), None, "{len}");
            }
        }
    }

    #[test]
    fn what_is_no_stream_is_none() {
        // Block type 3; 300 bytes of zeros behind a stored block's header that has one byte only;
        // a dynamic block whose code length code has four codes of one bit.
        assert_eq!(walk(&[0b110]), None);
        assert_eq!(walk(&[0, 1, 0, 0xfe, 0xff]), None);
        assert_eq!(walk(&[0b101, 0, 0b0010_0100, 0b1001, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn a_block_of_matches_without_end_is_none() {
        // One code only, a match of one bit, and one distance of one bit: 0 and 0 for ever.
        let mut bits = Bits { stream: &[0; 9], next: 0, buffer: 0, count: 0 };
        let mut lengths = [0; 258];
        lengths[257] = 1;
        let literals = Table::new(&lengths, literal_meaning).unwrap();
        let distances = Table::new(&[1], distance_meaning).unwrap();
        assert_eq!(bits.skip_codes(&literals, &distances), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_walked_without_panic_and_never_beyond_their_end(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)
        ) {
            if let Some(walk) = walk(&bytes) {
                proptest::prop_assert!(walk.last_block < walk.end);
                proptest::prop_assert!(walk.end <= bytes.len() * 8);
            }
        }
    }
}
