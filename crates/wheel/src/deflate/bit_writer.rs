//! A deflate stream put together from blocks, at any bit.
//!
//! Blocks do not end at whole bytes, so a block that is copied behind another is shifted. Nothing
//! else in a coded block depends on its place; a stored block begins at a whole byte after its
//! header (RFC 1951 § 3.2.4), so it is written anew.

use std::ops::Range;

/// Bytes of one stored block.
const MAX_STORED: usize = 0xffff;

/// A stream that grows by whole blocks.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Up to seven bits, from the lowest, that are no whole byte yet.
    partial: u8,
    count: usize,
    /// Where the header of the block written last begins, in bits.
    last_header: Option<usize>,
}

impl BitWriter {
    /// Whole bytes so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Copies the blocks at `bits` of `stream`, none of them stored, of which the last begins at
    /// `last_header`. `None` if they are not in it.
    pub(super) fn copy_blocks(
        &mut self,
        stream: &[u8],
        bits: Range<usize>,
        last_header: usize,
    ) -> Option<()> {
        self.copy(stream, bits.start..last_header)?;
        self.begin_block();
        self.copy(stream, last_header.checked_add(1)?..bits.end)
    }

    /// Writes `contents` as stored blocks.
    pub(super) fn store(&mut self, contents: &[u8]) {
        for chunk in contents.chunks(MAX_STORED) {
            self.begin_block();
            self.push(0, 2);
            self.align();
            let len = u16::try_from(chunk.len()).unwrap_or(u16::MAX);
            self.bytes.extend(len.to_le_bytes());
            self.bytes.extend((!len).to_le_bytes());
            self.bytes.extend(chunk);
        }
    }

    /// The stream, its last block marked as such; `None` if there is no block.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        self.align();
        let header = self.last_header?;
        *self.bytes.get_mut(header / 8)? |= 1 << (header % 8);
        Some(self.bytes)
    }

    /// BFINAL, not set: `finish` sets the last.
    fn begin_block(&mut self) {
        self.last_header = Some(self.bytes.len() * 8 + self.count);
        self.push(0, 1);
    }

    /// Up to eight bits, the others zero.
    fn push(&mut self, value: u8, count: usize) {
        let bits = u16::from(self.partial) | u16::from(value) << self.count;
        let [low, high] = bits.to_le_bytes();
        self.count += count;
        self.partial = low;
        if self.count >= 8 {
            self.bytes.push(low);
            self.partial = high;
            self.count -= 8;
        }
    }

    fn align(&mut self) {
        if self.count > 0 {
            self.push(0, 8 - self.count);
        }
    }

    fn copy(&mut self, stream: &[u8], bits: Range<usize>) -> Option<()> {
        let mut start = bits.start;
        // Up to a whole byte here, so that only the stream is at an odd bit.
        if self.count > 0 {
            let count = bits.end.checked_sub(start)?.min(8 - self.count);
            self.push(take(stream, start, count)?, count);
            start += count;
        }
        let whole = bits.end.checked_sub(start)? / 8;
        self.copy_bytes(stream.get(start / 8..)?, start % 8, whole)?;
        start += whole * 8;
        let count = bits.end - start;
        self.push(take(stream, start, count)?, count);
        Some(())
    }

    /// `whole` bytes of `stream` from bit `shift` on, to a whole byte here.
    fn copy_bytes(&mut self, stream: &[u8], shift: usize, whole: usize) -> Option<()> {
        if shift == 0 {
            self.bytes.extend_from_slice(stream.get(..whole)?);
            return Some(());
        }
        if whole == 0 {
            return Some(());
        }
        // A byte more, of which the last bits come.
        let source = stream.get(..=whole)?;
        self.bytes.reserve(whole);
        for window in source.windows(9).step_by(8) {
            let (word, rest) = window.split_first_chunk::<8>()?;
            let high = u64::from(*rest.first()?);
            let word = u64::from_le_bytes(*word) >> shift | high << (64 - shift);
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        for pair in source.get(whole / 8 * 8..)?.windows(2) {
            let pair = u16::from_le_bytes(pair.try_into().ok()?) >> shift;
            self.bytes.push(*pair.to_le_bytes().first()?);
        }
        Some(())
    }
}

/// `count` bits of `stream`, up to eight, from bit `start` on.
fn take(stream: &[u8], start: usize, count: usize) -> Option<u8> {
    if count == 0 {
        return Some(0);
    }
    let last = stream.get((start + count - 1) / 8)?;
    let pair = u16::from_le_bytes([*stream.get(start / 8)?, *last]);
    // Where both are one byte, its bits above are cut off.
    let bits = pair >> (start % 8) & ((1 << count) - 1);
    bits.to_le_bytes().first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bit(stream: &[u8], at: usize) -> u8 {
        stream[at / 8] >> (at % 8) & 1
    }

    #[test]
    fn bits_are_copied_from_any_place_to_any_place() {
        let stream: Vec<u8> =
            (0..40_u32).map(|i| (i * i * 97 + i * 31 + 7).to_le_bytes()[0]).collect();
        for before in 0..9 {
            for start in 0..18 {
                for len in (0..30).chain([63, 64, 65, 71, 72, 73, 100, 128, 136, 200, 302 - start])
                {
                    let mut writer = BitWriter::default();
                    for _ in 0..before {
                        writer.push(1, 1);
                    }
                    writer.copy(&stream, start..start + len).unwrap();
                    writer.push(1, 1);
                    writer.align();
                    assert_eq!(writer.bytes.len(), (before + len + 1).div_ceil(8));
                    for at in 0..writer.bytes.len() * 8 {
                        let expected = match at.checked_sub(before) {
                            None => 1,
                            Some(at) if at < len => bit(&stream, start + at),
                            Some(at) => u8::from(at == len),
                        };
                        assert_eq!(bit(&writer.bytes, at), expected, "{before} {start} {len} {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_in_the_stream_is_not_copied() {
        for bits in [0..25, 17..25, 24..25, 3..33, 30..40, 100..101] {
            for before in 0..8 {
                let mut writer = BitWriter::default();
                writer.push(0, before);
                assert_eq!(writer.copy(&[1, 2, 3], bits.clone()), None, "{bits:?} {before}");
            }
        }
    }

    #[test]
    fn stored_blocks_begin_at_whole_bytes_and_only_the_last_is_marked() {
        let mut writer = BitWriter::default();
        writer.store(&[7; MAX_STORED + 2]);
        let bytes = writer.finish().unwrap();
        assert_eq!(bytes[..6], [0, 0xff, 0xff, 0, 0, 7]);
        assert_eq!(bytes[5 + MAX_STORED..], [1, 2, 0, 0xfd, 0xff, 7, 7]);
        assert_eq!(BitWriter::default().finish(), None);
    }
}
