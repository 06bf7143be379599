//! Huffman tables that say what a code is worth (RFC 1951 § 3.2.2).
//!
//! Most codes are short. So a table of 2^11 places, indexed by the next bits of the stream, finds
//! them at once; longer codes are rare and found length by length, by the order in which § 3.2.2
//! hands them out. A table for all 15 bits would be 64 KiB, and a block of a few bytes could ask for
//! one.

/// Longest code (§ 3.2.7).
const MAX_CODE: usize = 15;
/// Bits of a code that is found at once.
pub(super) const FAST: usize = 11;

/// What a code is worth: a number to which so many extra bits, behind the code, add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry(u32);

impl Entry {
    /// Not the entry of any code.
    const NONE: Self = Self(0);

    fn new(width: u8, value: u16, extra: u8) -> Self {
        let total = u32::from(width) + u32::from(extra);
        Self(u32::from(value) << 16 | u32::from(width) << 8 | total)
    }

    /// Bits of the code and the extra bits.
    #[inline(always)]
    pub(super) fn total(self) -> u32 {
        self.0 & 0x3f
    }

    /// Bits of the code alone.
    pub(super) fn width(self) -> u32 {
        self.0 >> 8 & 0xf
    }

    /// The number without what the extra bits add.
    #[inline(always)]
    pub(super) fn value(self) -> usize {
        (self.0 >> 16) as usize
    }

    /// The number with what the extra bits add, that are in `buffer` behind the code.
    #[inline(always)]
    pub(super) fn sum(self, buffer: u64) -> usize {
        let mask = !(u64::MAX << self.total());
        let extra = (buffer & mask) >> self.width();
        self.value() + usize::try_from(extra).unwrap_or(0)
    }
}

/// Codes and what they are worth.
#[derive(Debug)]
pub(super) struct Table {
    /// For every value of the next [`FAST`] bits, an entry.
    fast: [Entry; 1 << FAST],
    /// How many codes there are of each length.
    counts: [u16; MAX_CODE + 1],
    /// All entries, in the order of their codes: by length, then by symbol.
    sorted: [Entry; 320],
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            fast: [Entry::NONE; 1 << FAST],
            counts: [0; MAX_CODE + 1],
            sorted: [Entry::NONE; 320],
        }
    }

    /// Sets the length of each symbol's code, 0 for none, and its value with the number of extra bits;
    /// `None` where the lengths are no prefix code. Codes without a value may be there, but not be
    /// used.
    pub(super) fn set(
        &mut self,
        lengths: &[u8],
        value: impl Fn(usize) -> Option<(u16, u8)>,
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
        self.fast.fill(Entry::NONE);
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let width = usize::from(*length);
            let (code, place) = (code.get_mut(width)?, place.get_mut(width)?);
            let entry = value(symbol)
                .map_or(Entry::NONE, |(value, extra)| Entry::new(*length, value, extra));
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

    /// What the next code is worth; `None` for bits that are no code.
    #[inline(always)]
    pub(super) fn get(&self, buffer: u64) -> Option<Entry> {
        let index = buffer & ((1 << FAST) - 1);
        match usize::try_from(index).ok().and_then(|index| self.fast.get(index)) {
            Some(entry) if *entry != Entry::NONE => Some(*entry),
            _ => self.find(buffer),
        }
    }

    /// What the code that the low bits of `bits` begin with is worth, if it has at most [`FAST`] bits.
    pub(super) fn short(&self, bits: usize) -> Option<Entry> {
        self.fast.get(bits).copied().filter(|entry| *entry != Entry::NONE)
    }

    /// Length by length: the codes of one length are consecutive numbers.
    #[cold]
    #[inline(never)]
    fn find(&self, mut buffer: u64) -> Option<Entry> {
        let (mut code, mut first, mut place) = (0_usize, 0_usize, 0_usize);
        for count in self.counts.iter().skip(1).map(|count| usize::from(*count)) {
            code = code << 1 | usize::from(buffer & 1 == 1);
            buffer >>= 1;
            first <<= 1;
            // Shorter codes that begin alike would have been found.
            let index = code.checked_sub(first)?;
            if index < count {
                return self
                    .sorted
                    .get(place + index)
                    .copied()
                    .filter(|entry| *entry != Entry::NONE);
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

    /// Each symbol is worth itself.
    fn value(symbol: usize) -> Option<(u16, u8)> {
        Some((u16::try_from(symbol).ok()?, 0))
    }

    /// The length of the code that `bits` begin with, and its symbol.
    fn get(table: &Table, bits: u64) -> Option<(u32, usize)> {
        table.get(bits).map(|entry| (entry.total(), entry.sum(bits)))
    }

    #[test]
    fn codes_of_the_standards_example_are_found() {
        // RFC 1951 § 3.2.2: ABCDEFGH with lengths 3, 3, 3, 3, 3, 2, 4, 4.
        let mut table = Table::new();
        table.set(&[3, 3, 3, 3, 3, 2, 4, 4], value).unwrap();
        let codes = [0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111];
        for (symbol, code) in codes.into_iter().enumerate() {
            let width = [3_u8, 3, 3, 3, 3, 2, 4, 4][symbol];
            let bits = reverse(code, width.into()) as u64 | 0xabcd << width;
            assert_eq!(get(&table, bits), Some((width.into(), symbol)), "{code:b}");
        }
    }

    #[test]
    fn long_codes_are_found_as_short_ones() {
        // One code of each length, and a second of the longest: 0, 10, 110, …
        let mut lengths: Vec<u8> = (1..=15).collect();
        lengths.push(15);
        let mut table = Table::new();
        table.set(&lengths, value).unwrap();
        for (symbol, length) in lengths.iter().enumerate() {
            let ones = (1 << symbol.min(15)) - 1;
            assert_eq!(get(&table, ones), Some((u32::from(*length), symbol)));
        }
    }

    #[test]
    fn a_table_that_was_set_before_knows_only_its_new_codes() {
        let mut table = Table::new();
        table.set(&[2, 2, 2, 2], value).unwrap();
        table.set(&[0, 14], value).unwrap();
        assert_eq!(get(&table, 0), Some((14, 1)));
        assert_eq!(get(&table, 1), None);
        assert_eq!(get(&table, 1 << 13), None);
    }

    #[test]
    fn lengths_that_are_no_prefix_code_are_none() {
        let mut table = Table::new();
        assert_eq!(table.set(&[1, 1, 1], value), None);
        assert_eq!(table.set(&[1, 1, 15], value), None);
        assert_eq!(table.set(&[16], value), None);
        assert_eq!(table.set(&[2; 4], value), Some(()));
    }

    #[test]
    fn a_code_without_a_value_is_none_and_extra_bits_add_to_one() {
        let mut table = Table::new();
        table.set(&[1, 1], |symbol| (symbol == 1).then_some((7, 2))).unwrap();
        assert_eq!(get(&table, 0), None);
        assert_eq!(get(&table, 0b101), Some((3, 9)));
        assert_eq!(get(&table, 0b1111), Some((3, 10)));
    }
}
