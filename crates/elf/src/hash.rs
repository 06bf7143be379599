//! The two hash tables by which a loader finds a symbol: `DT_HASH` and `DT_GNU_HASH`.
//!
//! gABI, "Hash Table Section"; the GNU table is described nowhere but in the sources of binutils and
//! glibc. Here they say how many symbols there are, and prove after an edit that each name is still
//! found.

use object::elf;

use crate::dynamic::Dynamic;
use crate::encoding::{Bytes, Class};
use crate::error::{Error, Result};
use crate::header::{Segment, offset_of};

/// What a GNU hash table says about the number of symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GnuCount {
    /// It holds the last symbol, so this is the number.
    Exact(u64),
    /// It is empty or not there, and there may be more.
    AtLeast(u64),
}

/// Where the parts of a GNU hash table are.
#[derive(Clone, Copy, Debug)]
struct GnuTable {
    buckets: u64,
    first_symbol: u64,
    bloom_words: u64,
    bloom_shift: u32,
    /// File offsets.
    bloom: u64,
    bucket: u64,
    chain: u64,
}

/// Where the parts of a System V hash table are.
#[derive(Clone, Copy, Debug)]
struct SysvTable {
    buckets: u64,
    chains: u64,
    /// Bytes in a number of the table.
    word: u64,
    /// File offset of the first bucket.
    bucket: u64,
}

impl SysvTable {
    fn find(
        bytes: &Bytes<'_>,
        machine: u16,
        segments: &[Segment],
        dynamic: &Dynamic,
    ) -> Result<Option<Self>> {
        let Some(address) = dynamic.value(elf::DT_HASH) else { return Ok(None) };
        // Alpha and 64-bit s390 have 64-bit numbers in this table, and only there. lld writes 32-bit
        // ones for them too; read as 64-bit ones, those are counts that no file has room for.
        let wide = bytes.encoding.class == Class::Elf64
            && (machine == elf::EM_S390.0 || machine == elf::EM_ALPHA.0);
        if wide && let Ok(table) = Self::read(bytes, segments, address, 8) {
            return Ok(Some(table));
        }
        Self::read(bytes, segments, address, 4).map(Some)
    }

    fn read(bytes: &Bytes<'_>, segments: &[Segment], address: u64, word: u64) -> Result<Self> {
        const WHAT: &str = "DT_HASH";
        let wide = word == 8;
        let offset = offset_of(segments, WHAT, address, 2 * word)?;
        let read = |at| if wide { bytes.u64(WHAT, at) } else { bytes.u32(WHAT, at).map(u64::from) };
        let (buckets, chains) = (read(offset)?, read(offset + word)?);
        let numbers = buckets.checked_add(chains).filter(|&numbers| numbers < 1 << 40);
        let numbers = numbers.ok_or_else(|| Error::truncated(WHAT, offset))?;
        offset_of(segments, WHAT, address, (2 + numbers) * word)?;
        bytes.range(WHAT, offset, (2 + numbers) * word)?;
        Ok(SysvTable { buckets, chains, word, bucket: offset + 2 * word })
    }

    fn number(&self, bytes: &Bytes<'_>, index: u64) -> Result<u64> {
        let at = self.bucket + index * self.word;
        if self.word == 8 {
            bytes.u64("DT_HASH", at)
        } else {
            bytes.u32("DT_HASH", at).map(u64::from)
        }
    }
}

impl GnuTable {
    fn find(bytes: &Bytes<'_>, segments: &[Segment], dynamic: &Dynamic) -> Result<Option<Self>> {
        const WHAT: &str = "DT_GNU_HASH";
        let Some(address) = dynamic.value(elf::DT_GNU_HASH) else { return Ok(None) };
        let offset = offset_of(segments, WHAT, address, 16)?;
        let number = |index: u64| bytes.u32(WHAT, offset + 4 * index).map(u64::from);
        let (buckets, first_symbol, bloom_words) = (number(0)?, number(1)?, number(2)?);
        let bloom_shift = bytes.u32(WHAT, offset + 12)?;
        let bloom = offset + 16;
        let bucket = bloom + bloom_words * bytes.encoding.word_size();
        let chain = bucket + 4 * buckets;
        offset_of(segments, WHAT, address, chain - offset)?;
        bytes.range(WHAT, offset, chain - offset)?;
        Ok(Some(GnuTable { buckets, first_symbol, bloom_words, bloom_shift, bloom, bucket, chain }))
    }

    fn link(&self, bytes: &Bytes<'_>, symbol: u64) -> Result<u32> {
        let inside = symbol.checked_sub(self.first_symbol);
        let inside = inside.ok_or_else(|| {
            Error::table("DT_GNU_HASH", self.bucket, "names a symbol before its first")
        })?;
        bytes.u32("DT_GNU_HASH", self.chain + 4 * inside)
    }
}

/// The number of symbols by `DT_HASH`, if the file has it.
pub(crate) fn sysv_count(
    bytes: &Bytes<'_>,
    machine: u16,
    segments: &[Segment],
    dynamic: &Dynamic,
) -> Result<Option<u64>> {
    let table = SysvTable::find(bytes, machine, segments, dynamic)?;
    Ok(table.map(|table| table.chains))
}

/// The number of symbols by `DT_GNU_HASH`.
pub(crate) fn gnu_count(
    bytes: &Bytes<'_>,
    segments: &[Segment],
    dynamic: &Dynamic,
) -> Result<GnuCount> {
    let Some(table) = GnuTable::find(bytes, segments, dynamic)? else {
        return Ok(GnuCount::AtLeast(0));
    };
    let mut last = 0;
    for index in 0..table.buckets {
        last = last.max(u64::from(bytes.u32("DT_GNU_HASH", table.bucket + 4 * index)?));
    }
    if last == 0 {
        return Ok(GnuCount::AtLeast(table.first_symbol));
    }
    // The last chain ends with the last symbol, and its last link is odd.
    while table.link(bytes, last)? & 1 == 0 {
        last += 1;
    }
    Ok(GnuCount::Exact(last + 1))
}

/// For each symbol whether each table there is finds it under its own name: the first for
/// `DT_HASH`, the second for `DT_GNU_HASH`. `name` gives the bytes of a symbol's name.
///
/// Takes one step per symbol, whatever the tables say: each link is followed once.
pub(crate) fn found(
    bytes: &Bytes<'_>,
    machine: u16,
    segments: &[Segment],
    dynamic: &Dynamic,
    names: &[&[u8]],
) -> Result<Vec<(bool, bool)>> {
    let mut found = vec![(false, false); names.len()];
    if let Some(table) = SysvTable::find(bytes, machine, segments, dynamic)? {
        for bucket in 0..table.buckets {
            let mut symbol = table.number(bytes, bucket)?;
            // 0 ends a chain; one that comes back to where it was, is cut there.
            while symbol != 0 && symbol < table.chains {
                let Some((slot, name)) = at(&mut found, names, symbol) else { break };
                if slot.0 {
                    break;
                }
                slot.0 = u64::from(sysv_hash(name)) % table.buckets == bucket;
                if !slot.0 {
                    break;
                }
                symbol = table.number(bytes, table.buckets + symbol)?;
            }
        }
    }
    if let Some(table) = GnuTable::find(bytes, segments, dynamic)? {
        for bucket in 0..table.buckets {
            let mut symbol = u64::from(bytes.u32("DT_GNU_HASH", table.bucket + 4 * bucket)?);
            while symbol != 0 {
                let Some((slot, name)) = at(&mut found, names, symbol) else { break };
                let hash = gnu_hash(name);
                let link = table.link(bytes, symbol)?;
                if slot.1 || u64::from(hash) % table.buckets != bucket {
                    break;
                }
                slot.1 = link | 1 == hash | 1 && table.bloom_has(bytes, hash)?;
                if link & 1 == 1 {
                    break;
                }
                symbol += 1;
            }
        }
    }
    Ok(found)
}

fn at<'found, 'data>(
    found: &'found mut [(bool, bool)],
    names: &[&'data [u8]],
    symbol: u64,
) -> Option<(&'found mut (bool, bool), &'data [u8])> {
    let index = usize::try_from(symbol).ok()?;
    Some((found.get_mut(index)?, names.get(index)?))
}

impl GnuTable {
    /// Whether the Bloom filter lets `hash` through.
    fn bloom_has(&self, bytes: &Bytes<'_>, hash: u32) -> Result<bool> {
        let bits = 8 * bytes.encoding.word_size();
        let index = u64::from(hash) / bits;
        let Some(index) = index.checked_rem(self.bloom_words) else { return Ok(false) };
        let word = bytes.word("DT_GNU_HASH", self.bloom + index * bytes.encoding.word_size())?;
        let first = u64::from(hash) % bits;
        let second = u64::from(hash.checked_shr(self.bloom_shift).unwrap_or(0)) % bits;
        Ok(word >> first & word >> second & 1 == 1)
    }
}

/// The hash of gABI, figure "Hashing Function".
fn sysv_hash(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash: u32, &byte| {
        // The addition cannot carry out: the high four bits are clear.
        let hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        (hash ^ high >> 24) & !high
    })
}

/// Bernstein's hash, times 33.
fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_known_names() {
        // From the gABI's and glibc's own examples.
        assert_eq!(sysv_hash(b"printf"), 0x077905a6);
        assert_eq!(sysv_hash(b"exit"), 0x0006cf04);
        assert_eq!(gnu_hash(b"printf"), 0x156b2bb8);
        assert_eq!(gnu_hash(b"exit"), 0x7c967e3f);
        assert_eq!(gnu_hash(b""), 5381);
    }
}
