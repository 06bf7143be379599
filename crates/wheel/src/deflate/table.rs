//! Huffman tables that say what a code is worth (RFC 1951 § 3.2.2).
//!
//! Most codes are short. So a table of 2^11 places, indexed by the next bits of the stream, finds
//! them at once; longer codes are rare and found length by length, by the order in which § 3.2.2
//! hands them out. A table for all 15 bits would be 64 KiB, and a block of a few bytes could ask for
//! one.

/// Longest code (§ 3.2.7).
const MAX_CODE: usize = 15;
/// Bits of a code that is found at once.
const FAST: usize = 11;

/// Codes and what they mean. What a meaning is, only its maker knows; 0 is none.
#[derive(Debug)]
pub(super) struct Table {
    /// For every value of the next [`FAST`] bits, an entry.
    fast: [u16; 1 << FAST],
    /// How many codes there are of each length.
    counts: [u16; MAX_CODE + 1],
    /// All entries, in the order of their codes: by length, then by symbol.
    sorted: [u16; 320],
}

/// Bits of an entry that are the length of its code; the meaning is above them.
const LENGTH_BITS: u16 = 4;

impl Table {
    pub(super) fn new() -> Self {
        Self { fast: [0; 1 << FAST], counts: [0; MAX_CODE + 1], sorted: [0; 320] }
    }

    /// Sets the length of each symbol's code, 0 for none, and its meaning, of up to 12 bits; `None`
    /// where the lengths are no prefix code. Codes without a meaning may be there, but not be used.
    pub(super) fn set(
        &mut self,
        lengths: &[u8],
        meaning: impl Fn(usize) -> Option<u16>,
    ) -> Option<()> {
        self.counts = [0; MAX_CODE + 1];
        for length in lengths.iter().filter(|length| **length > 0) {
            *self.counts.get_mut(usize::from(*length))? += 1;
        }
        // The first code of each length follows the last of the length before, one bit longer.
        let mut code = [0_usize; MAX_CODE + 1];
        let mut place = [0_usize; MAX_CODE + 1];
        let (mut next_code, mut next_place) = (0, 0);
        for (length, count) in self.counts.iter().enumerate().skip(1) {
            next_code <<= 1;
            *code.get_mut(length)? = next_code;
            *place.get_mut(length)? = next_place;
            next_code += usize::from(*count);
            next_place += usize::from(*count);
            // More codes of a length than there is room for.
            (next_code <= 1 << length).then_some(())?;
        }
        self.fast.fill(0);
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let width = usize::from(*length);
            let (code, place) = (code.get_mut(width)?, place.get_mut(width)?);
            let entry =
                meaning(symbol).map_or(0, |meaning| meaning << LENGTH_BITS | u16::from(*length));
            *self.sorted.get_mut(*place)? = entry;
            if width <= FAST {
                let places = self.fast.iter_mut().skip(reverse(*code, width)).step_by(1 << width);
                places.for_each(|place| *place = entry);
            }
            *code += 1;
            *place += 1;
        }
        Some(())
    }

    /// The length of the next code and its meaning; `None` for bits that are no code.
    #[inline(always)]
    pub(super) fn get(&self, buffer: u64) -> Option<(u8, u16)> {
        let index = buffer & ((1 << FAST) - 1);
        let entry = match usize::try_from(index).ok().and_then(|index| self.fast.get(index)) {
            Some(entry) if *entry != 0 => *entry,
            _ => self.find(buffer)?,
        };
        Some((entry.to_le_bytes().first()? & 0xf, entry >> LENGTH_BITS))
    }

    /// Length by length: the codes of one length are consecutive numbers.
    #[cold]
    #[inline(never)]
    fn find(&self, mut buffer: u64) -> Option<u16> {
        let (mut code, mut first, mut place) = (0_usize, 0_usize, 0_usize);
        for count in self.counts.iter().skip(1).map(|count| usize::from(*count)) {
            code = code << 1 | usize::from(buffer & 1 == 1);
            buffer >>= 1;
            first <<= 1;
            // Shorter codes that begin alike would have been found.
            let index = code.checked_sub(first)?;
            if index < count {
                return self.sorted.get(place + index).copied().filter(|entry| *entry != 0);
            }
            first += count;
            place += count;
        }
        None
    }
}

fn reverse(code: usize, width: usize) -> usize {
    (0..width).fold(0, |reversed, bit| reversed << 1 | (code >> bit & 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(symbol: usize) -> Option<u16> {
        u16::try_from(symbol).ok()
    }

    #[test]
    fn codes_of_the_standards_example_are_found() {
        // RFC 1951 § 3.2.2: ABCDEFGH with lengths 3, 3, 3, 3, 3, 2, 4, 4.
        let mut table = Table::new();
        table.set(&[3, 3, 3, 3, 3, 2, 4, 4], meaning).unwrap();
        let codes = [0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111];
        for (symbol, code) in codes.into_iter().enumerate() {
            let width = [3, 3, 3, 3, 3, 2, 4, 4][symbol];
            let bits = reverse(code, usize::from(width)) as u64 | 0xabcd << width;
            assert_eq!(table.get(bits), Some((width, meaning(symbol).unwrap())), "{code:b}");
        }
    }

    #[test]
    fn long_codes_are_found_as_short_ones() {
        // One code of each length, and a second of the longest: 0, 10, 110, …
        let mut lengths: Vec<u8> = (1..=15).collect();
        lengths.push(15);
        let mut table = Table::new();
        table.set(&lengths, meaning).unwrap();
        for (symbol, length) in lengths.iter().enumerate() {
            let ones = (1 << symbol.min(15)) - 1;
            assert_eq!(table.get(ones), Some((*length, meaning(symbol).unwrap())));
        }
    }

    #[test]
    fn a_table_that_was_set_before_knows_only_its_new_codes() {
        let mut table = Table::new();
        table.set(&[2, 2, 2, 2], meaning).unwrap();
        table.set(&[0, 14], meaning).unwrap();
        assert_eq!(table.get(0), Some((14, 1)));
        assert_eq!(table.get(1), None);
        assert_eq!(table.get(1 << 13), None);
    }

    #[test]
    fn lengths_that_are_no_prefix_code_are_none() {
        let mut table = Table::new();
        assert_eq!(table.set(&[1, 1, 1], meaning), None);
        assert_eq!(table.set(&[1, 1, 15], meaning), None);
        assert_eq!(table.set(&[16], meaning), None);
        assert_eq!(table.set(&[2; 4], meaning), Some(()));
    }

    #[test]
    fn a_code_without_a_meaning_is_none() {
        let mut table = Table::new();
        table.set(&[1, 1], |symbol| (symbol == 1).then_some(7)).unwrap();
        assert_eq!(table.get(0), None);
        assert_eq!(table.get(1), Some((1, 7)));
    }
}
