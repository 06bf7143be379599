//! The optional header's `CheckSum`.
//!
//! The sum of the file's 16-bit little-endian words with the field itself as zero, carries added back in (as in
//! the Internet checksum), plus the size of the file; an odd last byte counts as a word with a zero above it.
//! `imagehlp.dll`'s `CheckSumMappedFile` computes the same. Windows checks it for drivers only, but signing tools
//! and antivirus programs look at it.

/// The checksum of a file whose `CheckSum` field stands at `field`.
pub(crate) fn compute(bytes: &[u8], field: u64) -> u32 {
    let mut pairs = bytes.chunks_exact(2);
    let mut sum: u64 = pairs
        .by_ref()
        .map(|pair| pair.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte)))
        .sum();
    sum = sum.saturating_add(pairs.remainder().iter().map(|&byte| u64::from(byte)).sum());
    // What the field's own bytes added is taken out again, each by its place in its word.
    for offset in (field..).take(4) {
        let byte = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset));
        let byte = u64::from(byte.copied().unwrap_or_default());
        sum = sum.saturating_sub(if offset.is_multiple_of(2) { byte } else { byte << 8 });
    }
    while sum > 0xffff {
        sum = (sum & 0xffff).saturating_add(sum >> 16);
    }
    // No PE file reaches 4 GiB: its own offsets end there.
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    u32::try_from(sum).unwrap_or_default().wrapping_add(size)
}
