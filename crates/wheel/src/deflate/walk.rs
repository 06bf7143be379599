//! Walks over a deflate stream without inflating it (RFC 1951).
//!
//! To find where its blocks begin, every code must be read, for a block does not say how long it is.
//! But only *lengths* count: how many bits a code takes and how many bytes it makes, not which. How
//! far back a match lies is read too: it tells which blocks read bytes that an edit changed.

use super::runs::{Next, Runs};
use super::table::Table;
use std::ops::Range;

/// Where the last block begins and the stream ends, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) last_block: usize,
    pub(super) end: usize,
}

/// One block of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Its place in the stream, in bits, with its header of three bits.
    pub(super) bits: Range<usize>,
    /// The bytes it makes, counted from the beginning of the contents.
    pub(super) output: Range<usize>,
    /// Whether its contents are stored and not coded.
    pub(super) is_stored: bool,
    /// BFINAL.
    pub(super) is_last: bool,
    /// Whether it copies bytes that were to be avoided.
    pub(super) reads_avoided: bool,
}

/// A stream, walked block by block.
#[derive(Debug)]
pub(super) struct Walker<'a> {
    bits: Bits<'a>,
    output: usize,
    literals: Table,
    distances: Table,
    runs: Runs,
    /// Whether the tables are those of § 3.2.6, which blocks may share.
    fixed: bool,
}

/// How far [`Walker::skip_codes`] came.
struct Skipped {
    is_end: bool,
    reads_avoided: bool,
}

/// The order in which the lengths of the code length code are written (§ 3.2.7).
const CODE_LENGTH_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// How many bytes a literal makes.
pub(super) const LITERAL: usize = 1;
/// What the end of a block is worth: no match has 2 bytes.
pub(super) const END: usize = 2;
/// Turns of the loop over single codes, at most four a turn, after which [`Runs`] are worth making.
const FEW: usize = 256;

/// `None` if `stream` is not a deflate stream.
pub(super) fn walk(stream: &[u8]) -> Option<Walk> {
    let mut walker = Walker::new(stream);
    loop {
        let block = walker.next(&[])?;
        if block.is_last {
            return Some(Walk { last_block: block.bits.start, end: block.bits.end });
        }
    }
}

impl<'a> Walker<'a> {
    pub(super) fn new(stream: &'a [u8]) -> Self {
        let bits = Bits { stream, next: 0, buffer: 0, count: 0 };
        let (literals, distances) = (Table::new(), Table::new());
        Self { bits, output: 0, literals, distances, runs: Runs::new(), fixed: false }
    }

    /// Bytes made so far: where the next block's begin.
    pub(super) fn output(&self) -> usize {
        self.output
    }

    /// The next block. `avoided` are bytes before it, in order and apart from each other, of which it
    /// says whether it copies any. `None` if it is not a block, or does not end in the stream.
    pub(super) fn next(&mut self, avoided: &[Range<usize>]) -> Option<Block> {
        let (start, output) = (self.bits.position(), self.output);
        let is_last = self.bits.take(1)? == 1;
        let kind = self.bits.take(2)?;
        let mut reads_avoided = false;
        match kind {
            0 => self.output = output.checked_add(self.bits.skip_stored()?)?,
            1 => self.set_fixed()?,
            2 => self.read_tables()?,
            _ => return None,
        }
        if kind != 0 {
            reads_avoided = self.skip_block(avoided)?;
        }
        let end = self.bits.position();
        (end <= self.bits.stream.len() * 8).then_some(Block {
            bits: start..end,
            output: output..self.output,
            is_stored: kind == 0,
            is_last,
            reads_avoided,
        })
    }

    /// Up to the end of the block; whether it reads one of `avoided`.
    fn skip_block(&mut self, avoided: &[Range<usize>]) -> Option<bool> {
        if !avoided.is_empty() {
            return self.skip_codes(avoided, usize::MAX).map(|skipped| skipped.reads_avoided);
        }
        if !self.skip_codes(&[], FEW)?.is_end {
            self.runs.set(&self.literals, &self.distances);
            self.skip_runs()?;
        }
        Some(false)
    }

    /// Code by code, up to the end of the block or so many `turns`.
    fn skip_codes(&mut self, avoided: &[Range<usize>], turns: usize) -> Option<Skipped> {
        let literals = &self.literals;
        let mut bits = self.bits;
        let hull = hull(avoided);
        let mut reads_avoided = false;
        let mut output = self.output;
        let mut is_end = false;
        for _ in 0..turns {
            bits.refill()?;
            let mut entry = literals.get(bits.buffer)?;
            // Three literals take at most 45 bits, so that one more code with its extra bits may
            // run out of the buffer: then it is filled again.
            for _ in 0..2 {
                if entry.value() != LITERAL {
                    break;
                }
                bits.consume(entry.total());
                output += 1;
                entry = literals.get(bits.buffer)?;
            }
            let len = entry.sum(bits.buffer);
            bits.consume(entry.total());
            match entry.value() {
                LITERAL => output += 1,
                END => {
                    is_end = true;
                    break;
                }
                _ => {
                    bits.refill()?;
                    let entry = self.distances.get(bits.buffer)?;
                    // Before the beginning there is nothing to copy.
                    let from = output.checked_sub(entry.sum(bits.buffer))?;
                    bits.consume(entry.total());
                    if from < hull.end && from + len > hull.start {
                        reads_avoided |= touches(avoided, &(from..from + len));
                    }
                    output = output.checked_add(len)?;
                }
            }
        }
        self.bits = bits;
        self.output = output;
        Some(Skipped { is_end, reads_avoided })
    }

    /// Run by run, up to the end of the block. How far back matches lie is not read.
    fn skip_runs(&mut self) -> Option<()> {
        let runs = &self.runs;
        // A copy can stay in registers.
        let mut bits = self.bits;
        let mut output = u64::try_from(self.output).ok()?;
        let mut next = Next::LITERAL;
        'filled: loop {
            bits.refill()?;
            // Two steps take at most 48 of 56 bits.
            for _ in 0..2 {
                let Some(step) = runs.get(bits.buffer, next) else {
                    bits.refill()?;
                    let is_distance = next == Next::DISTANCE;
                    let table = if is_distance { &self.distances } else { &self.literals };
                    let entry = table.get(bits.buffer)?;
                    let len = entry.sum(bits.buffer);
                    bits.consume(entry.total());
                    match (is_distance, entry.value()) {
                        (true, _) => next = Next::LITERAL,
                        (false, END) => break 'filled,
                        (false, LITERAL) => output += 1,
                        (false, _) => {
                            output += len as u64;
                            next = Next::DISTANCE;
                        }
                    }
                    continue 'filled;
                };
                output += step.made(bits.buffer);
                bits.consume(step.total());
                next = step.next();
            }
        }
        self.bits = bits;
        self.output = usize::try_from(output).ok()?;
        Some(())
    }

    fn set_fixed(&mut self) -> Option<()> {
        if !self.fixed {
            let mut lengths = [8; 288];
            lengths.get_mut(144..256)?.fill(9);
            lengths.get_mut(256..280)?.fill(7);
            self.literals.set(&lengths, literal_value)?;
            self.distances.set(&[5; 30], distance_value)?;
            self.fixed = true;
        }
        Some(())
    }

    /// § 3.2.7: the tables before a block with codes of its own.
    fn read_tables(&mut self) -> Option<()> {
        self.fixed = false;
        let bits = &mut self.bits;
        let literals = bits.take(5)? + 257;
        let distances = bits.take(5)? + 1;
        let code_lengths = bits.take(4)? + 4;
        let mut lengths = [0; 19];
        for symbol in CODE_LENGTH_ORDER.iter().take(code_lengths) {
            *lengths.get_mut(*symbol)? = u8::try_from(bits.take(3)?).ok()?;
        }
        // The table of distances is free until theirs are known.
        self.distances.set(&lengths, |symbol| Some((u16::try_from(symbol).ok()?, 0)))?;
        let mut lengths = Vec::with_capacity(literals + distances + 138);
        while lengths.len() < literals + distances {
            bits.refill()?;
            let entry = self.distances.get(bits.buffer)?;
            bits.consume(entry.total());
            let (value, repeat) = match entry.value() {
                16 => (*lengths.last()?, bits.take(2)? + 3),
                17 => (0, bits.take(3)? + 3),
                18 => (0, bits.take(7)? + 11),
                length => (u8::try_from(length).ok()?, 1),
            };
            lengths.extend(std::iter::repeat_n(value, repeat));
        }
        (lengths.len() == literals + distances).then_some(())?;
        let (literals, distances) = lengths.split_at_checked(literals)?;
        // The end of the block needs a code; distances need none where there are only literals.
        literals.get(256).filter(|length| **length > 0)?;
        self.literals.set(literals, literal_value)?;
        self.distances.set(distances, distance_value)
    }
}

/// From the first to the last of `ranges`, which are in order.
fn hull(ranges: &[Range<usize>]) -> Range<usize> {
    match (ranges.first(), ranges.last()) {
        (Some(first), Some(last)) => first.start..last.end,
        _ => 0..0,
    }
}

/// Whether `range` has a byte of `ranges`, which are in order and apart from each other.
pub(super) fn touches(ranges: &[Range<usize>], range: &Range<usize>) -> bool {
    let next = ranges.partition_point(|other| other.end <= range.start);
    ranges.get(next).is_some_and(|other| other.start < range.end)
}

/// A stream, read by bits from the lowest of each byte.
#[derive(Clone, Copy, Debug)]
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

    /// At least 56 bits; behind the stream's end they are zeros, which `position` tells. `None` far
    /// behind it: the zeros could be codes too, and have no end.
    #[inline(always)]
    fn refill(&mut self) -> Option<()> {
        match self.stream.get(self.next..).and_then(|rest| rest.first_chunk()) {
            Some(word) => {
                self.buffer |= u64::from_le_bytes(*word) << self.count;
                self.next += (63 - self.count) / 8;
                self.count |= 56;
                Some(())
            }
            None => self.refill_at_end(),
        }
    }

    #[cold]
    fn refill_at_end(&mut self) -> Option<()> {
        while self.count < 56 {
            let byte = self.stream.get(self.next).copied().unwrap_or(0);
            self.buffer |= u64::from(byte) << self.count;
            self.next += 1;
            self.count += 8;
        }
        (self.next <= self.stream.len() + 16).then_some(())
    }

    #[inline(always)]
    fn consume(&mut self, count: u32) {
        // At most 28 bits; a check of that would be made for every code.
        self.buffer = self.buffer.wrapping_shr(count);
        self.count -= count as usize;
    }

    /// Up to 16 bits; `None` behind the end.
    fn take(&mut self, count: u8) -> Option<usize> {
        self.refill()?;
        let value = self.buffer & ((1 << count) - 1);
        self.buffer >>= count;
        self.count -= usize::from(count);
        (self.position() <= self.stream.len() * 8).then_some(())?;
        usize::try_from(value).ok()
    }

    /// How many bytes it stores (§ 3.2.4).
    fn skip_stored(&mut self) -> Option<usize> {
        let header = self.position().div_ceil(8);
        let fields = self.stream.get(header..header + 4)?;
        let (len, complement) = fields.split_first_chunk::<2>()?;
        let len = u16::from_le_bytes(*len);
        (complement == (!len).to_le_bytes()).then_some(())?;
        self.next = header + 4 + usize::from(len);
        (self.buffer, self.count) = (0, 0);
        (self.next <= self.stream.len()).then_some(usize::from(len))
    }
}

/// § 3.2.5: matches of length 3 to 258 are symbols 257 to 285, the last without extra bits. Before
/// that, the lengths double every four symbols, each with a bit more.
fn literal_value(symbol: usize) -> Option<(u16, u8)> {
    let (value, extra) = match symbol {
        0..=255 => (LITERAL, 0),
        256 => (END, 0),
        257..=264 => (symbol - 254, 0),
        265..=284 => {
            let extra = (symbol - 261) / 4;
            (((4 + (symbol - 261) % 4) << extra) + 3, extra)
        }
        285 => (258, 0),
        _ => return None,
    };
    Some((u16::try_from(value).ok()?, u8::try_from(extra).ok()?))
}

/// § 3.2.5: distances of 1 to 32,768 are symbols 0 to 29. From 4 on, a symbol is the two highest bits
/// of the distance less 1; the extra bits are the others.
fn distance_value(symbol: usize) -> Option<(u16, u8)> {
    let (value, extra) = match symbol {
        0..=3 => (symbol + 1, 0),
        4..=29 => {
            let extra = symbol / 2 - 1;
            (((2 + symbol % 2) << extra) + 1, extra)
        }
        _ => return None,
    };
    Some((u16::try_from(value).ok()?, u8::try_from(extra).ok()?))
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one change is a list of one range")]
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
    fn long_blocks_are_walked_in_runs_to_the_same_end() {
        // Literals of all widths, of which some are too wide for a run, and matches among them.
        let mut state = 1_u32;
        let bytes: Vec<u8> = (0..200_000_u32)
            .map(|index| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let [high, .., low] = state.to_be_bytes();
                let noise = high & (high >> 3) | low;
                if index / 50 % 4 == 0 { (index % 50) as u8 } else { noise }
            })
            .collect();
        for level in [1, 6, 9] {
            let (stream, last) = zlib(&[&bytes[..150_000], &bytes[150_000..]], level);
            let mut walker = Walker::new(&stream);
            let blocks: Vec<Block> = std::iter::from_fn(|| walker.next(&[])).collect();
            assert_eq!(blocks.last().map(|block| block.output.end), Some(bytes.len()));
            let mut careful = Walker::new(&stream);
            for block in blocks {
                // Something to avoid that no match reaches.
                let far = usize::MAX - 1..usize::MAX;
                assert_eq!(careful.next(&[far]), Some(block), "level {level}");
            }
            assert!(walk(&stream).unwrap().last_block >= last);
            for len in (0..stream.len()).step_by(997) {
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
        let mut walker = Walker::new(&[0; 9]);
        let mut lengths = [0; 258];
        lengths[257] = 1;
        walker.literals.set(&lengths, literal_value).unwrap();
        walker.distances.set(&[1], distance_value).unwrap();
        walker.output = 5;
        assert!(walker.skip_codes(&[], usize::MAX).is_none());
        walker.runs.set(&walker.literals, &walker.distances);
        assert_eq!(walker.skip_runs(), None);
    }

    #[test]
    fn values_are_those_of_the_standards_tables() {
        let known = [(257, 3, 0), (264, 10, 0), (265, 11, 1), (268, 17, 1), (269, 19, 2)];
        let known = known.into_iter().chain([(280, 115, 4), (281, 131, 5), (284, 227, 5)]);
        for (symbol, base, extra) in known.chain([(65, 1, 0), (285, 258, 0)]) {
            assert_eq!(literal_value(symbol), Some((base, extra)), "{symbol}");
        }
        let known = [(0, 1, 0), (3, 4, 0), (4, 5, 1), (5, 7, 1), (6, 9, 2), (28, 16385, 13)];
        for (symbol, base, extra) in known.into_iter().chain([(29, 24577, 13)]) {
            assert_eq!(distance_value(symbol), Some((base, extra)), "{symbol}");
        }
        assert_eq!((literal_value(286), distance_value(30)), (None, None));
    }

    #[test]
    fn blocks_make_what_was_put_into_them() {
        let text = b"it was the best of times, it was the worst of times, it was".repeat(2000);
        for level in [0, 1, 6, 9] {
            let (stream, _) = zlib(&[&text[..50_000], &text[50_000..]], level);
            let mut walker = Walker::new(&stream);
            let (mut bits, mut output) = (0, 0);
            loop {
                let block = walker.next(&[]).unwrap();
                assert_eq!((block.bits.start, block.output.start), (bits, output));
                assert!(!block.reads_avoided);
                (bits, output) = (block.bits.end, block.output.end);
                if block.is_last {
                    break;
                }
            }
            assert_eq!((bits.div_ceil(8), output), (stream.len(), text.len()), "level {level}");
        }
    }

    #[test]
    fn a_block_says_whether_it_reads_what_is_to_be_avoided() {
        // The second block copies "cdefgh-0123" from the third byte on.
        let (stream, _) = zlib(&[b"abcdefgh-0123456789", b"cdefgh-0123"], 9);
        let reads = |avoided: &[Range<usize>]| {
            let mut walker = Walker::new(&stream);
            while walker.output() < 19 {
                walker.next(&[]).unwrap();
            }
            // Behind a flush comes an empty stored block.
            let blocks: Vec<Block> = (0..2).map(|_| walker.next(avoided).unwrap()).collect();
            blocks.iter().any(|block| block.reads_avoided)
        };
        for (avoided, expected) in [
            (&[][..], false),
            (&[0..2], false),
            (&[0..3], true),
            (&[2..3], true),
            (&[12..13], true),
            (&[13..19], false),
            (&[0..2, 13..19], false),
            (&[0..1, 5..6, 18..19], true),
        ] {
            assert_eq!(reads(avoided), expected, "{avoided:?}");
        }
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
