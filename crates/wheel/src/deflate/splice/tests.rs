//! Every splice here is inflated by another library and compared. What is random comes from one
//! generator with a fixed start.
#![allow(clippy::single_range_in_vec_init, reason = "one change is a list of one range")]

use super::*;
use crate::deflate::compress_all;
use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress};
use std::collections::BTreeMap;
use std::io::Read as _;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit.max(1)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }
}

/// Words, noise, zeros and copies of what came before, as in a binary.
fn contents(random: &mut Random, len: usize) -> Vec<u8> {
    let words: Vec<Vec<u8>> = (0..200).map(|index| random.bytes(2 + index % 12)).collect();
    let mut bytes = Vec::new();
    while bytes.len() < len {
        match random.below(40) {
            0 => {
                let noise = random.below(300);
                bytes.extend(random.bytes(noise));
            }
            1 => bytes.resize(bytes.len() + random.below(400), 0),
            2 if !bytes.is_empty() => {
                let from = random.below(bytes.len());
                let end = (from + random.below(600)).min(bytes.len());
                bytes.extend_from_within(from..end);
            }
            _ => {
                let word = random.below(14) * random.below(14);
                bytes.extend(&words[word]);
            }
        }
    }
    bytes.truncate(len);
    bytes
}

fn zlib(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(level), false);
    let mut stream = Vec::with_capacity(bytes.len() * 2 + 1000);
    compress.compress_vec(bytes, &mut stream, FlushCompress::Finish).unwrap();
    stream
}

/// Bits, the lowest first; codes, their highest bit first (RFC 1951 § 3.1.1).
#[derive(Default)]
struct BitVec(Vec<bool>);

impl BitVec {
    fn number(&mut self, value: usize, count: usize) {
        self.0.extend((0..count).map(|bit| value >> bit & 1 == 1));
    }

    fn code(&mut self, code: usize, count: usize) {
        self.0.extend((0..count).rev().map(|bit| code >> bit & 1 == 1));
    }

    fn bytes(&self) -> Vec<u8> {
        let byte =
            |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        self.0.chunks(8).map(byte).collect()
    }
}

/// Blocks of the fixed codes, stored ones and empty ones, all short, cut where chance has it. Matches
/// have 3 to 10 bytes and any distance.
fn short_blocks(random: &mut Random, bytes: &[u8], longest: usize) -> Vec<u8> {
    let mut bits = BitVec::default();
    let mut seen: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + random.below(longest)).min(bytes.len());
        let kind = random.below(5).min(1);
        bits.number(usize::from(end == bytes.len()), 1);
        bits.number(kind, 2);
        if kind == 0 {
            bits.0.resize(bits.0.len().next_multiple_of(8), false);
            bits.number(end - at, 16);
            bits.number(!(end - at), 16);
            bytes[at..end].iter().for_each(|byte| bits.number((*byte).into(), 8));
            at = end;
            continue;
        }
        while at < end {
            let key = bytes.get(at..at + 3);
            let from = key.and_then(|key| seen.insert(key, at)).filter(|from| at - from <= 32_768);
            let same = |from: usize| {
                (0..10.min(end - at)).take_while(move |i| bytes[from + i] == bytes[at + i])
            };
            match from.map(|from| (at - from, same(from).count())) {
                Some((distance, len @ 3..)) => {
                    bits.code(len - 2, 7);
                    fixed_distance(&mut bits, distance);
                    at += len;
                }
                _ => {
                    match usize::from(bytes[at]) {
                        byte @ 0..144 => bits.code(0x30 + byte, 8),
                        byte => bits.code(0x190 + byte - 144, 9),
                    }
                    at += 1;
                }
            }
        }
        bits.code(0, 7);
    }
    bits.bytes()
}

/// § 3.2.5, counted up from the first symbol.
fn fixed_distance(bits: &mut BitVec, distance: usize) {
    let (mut symbol, mut base) = (0, 1);
    loop {
        let extra = if symbol < 4 { 0 } else { symbol / 2 - 1 };
        if distance < base + (1 << extra) {
            bits.code(symbol, 5);
            return bits.number(distance - base, extra);
        }
        base += 1 << extra;
        symbol += 1;
    }
}

fn streams(random: &mut Random, bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("zlib 1", zlib(bytes, 1)),
        ("zlib 6", zlib(bytes, 6)),
        ("zlib 9", zlib(bytes, 9)),
        ("stored", zlib(bytes, 0)),
        ("libdeflate 6", compress(bytes, 6).unwrap()),
        ("libdeflate 12", compress(bytes, 12).unwrap()),
        ("pieces", compress_all(bytes, 6).unwrap().bytes),
        ("short blocks", short_blocks(random, bytes, 900)),
        ("very short blocks", short_blocks(random, bytes, 20)),
    ]
}

fn inflate(stream: &[u8]) -> Vec<u8> {
    let mut decoder = DeflateDecoder::new(stream);
    let mut bytes = Vec::new();
    decoder.read_to_end(&mut bytes).unwrap();
    assert_eq!(decoder.total_in(), stream.len() as u64, "bytes behind the stream");
    bytes
}

/// An edited copy and its changes.
fn edited(old: &[u8], places: &[Range<usize>], appended: &[u8]) -> Vec<u8> {
    let mut new = old.to_vec();
    for place in places {
        new[place.clone()].iter_mut().for_each(|byte| *byte = !*byte);
    }
    new.extend(appended);
    new
}

/// Whether anything was kept. The result is inflated, compared, and made a second time.
fn check(name: &str, stream: &[u8], old: &[u8], places: &[Range<usize>], appended: &[u8]) -> bool {
    let new = edited(old, places, appended);
    let spliced = splice(stream, old.len(), &new, places, 6).unwrap();
    let what = || format!("{name}, {} bytes, {places:?}, {} more", old.len(), appended.len());
    assert!(inflate(&spliced.bytes) == new, "{}", what());
    assert_eq!((spliced.crc32, spliced.size), (libdeflater::crc32(&new), new.len() as u64));
    assert!(spliced == splice(stream, old.len(), &new, places, 6).unwrap(), "{}", what());
    try_splice(stream, old.len(), &new, places, 6).unwrap().is_some()
}

#[test]
fn the_streams_of_these_tests_are_streams() {
    let mut random = Random(1);
    for len in [1, 2, 300, 50_000] {
        let bytes = contents(&mut random, len);
        for (name, stream) in streams(&mut random, &bytes) {
            assert!(inflate(&stream) == bytes, "{name}");
        }
    }
}

#[test]
fn streams_of_random_edits_are_those_of_the_new_contents() {
    let mut random = Random(2);
    let mut kept = BTreeMap::<&str, usize>::new();
    for len in [40_000, 200_000, 400_000] {
        let old = contents(&mut random, len);
        for (name, stream) in streams(&mut random, &old) {
            for edit in 0..8 {
                let mut places: Vec<Range<usize>> = (0..random.below(5))
                    .map(|_| (random.below(len - 200), random.below(200)))
                    .map(|(start, more)| start..start + 1 + more)
                    .collect();
                places.sort_by_key(|place| place.start);
                places.dedup_by(|place, before| place.start < before.end);
                let appended = [0, 0, 1, 4000][edit % 4];
                let appended = random.bytes(appended);
                let some = check(name, &stream, &old, &places, &appended);
                *kept.entry(name).or_default() += usize::from(some);
            }
        }
    }
    // Of 24 each, so that what is tested is not only the way out.
    assert!(kept.values().all(|count| *count >= 6), "{kept:?}");
}

#[test]
fn one_byte_changed_anywhere_near_a_border_is_seen() {
    let mut random = Random(3);
    let old = contents(&mut random, 80_000);
    for longest in [3000, 40_000] {
        let stream = short_blocks(&mut random, &old, longest);
        let mut walker = Walker::new(&stream);
        let mut kept = 0;
        loop {
            let block = walker.next(&[]).unwrap();
            for at in [block.output.start, block.output.end.saturating_sub(1), block.output.end] {
                if at < old.len() {
                    kept += usize::from(check("blocks", &stream, &old, &[at..at + 1], b""));
                }
            }
            if block.is_last {
                break;
            }
        }
        assert!(kept > 3, "{kept}");
    }
}

#[test]
fn edits_at_the_ends_and_of_tiny_contents_are_right() {
    let mut random = Random(4);
    for len in [0, 1, 2, 3, 10, 1000, 33_000, 100_000] {
        let old = contents(&mut random, len);
        let last = len.saturating_sub(1);
        for (name, stream) in streams(&mut random, &old) {
            let few = [&[][..], &[0..1.min(len)], &[last..len], &[0..1.min(len), last..len]];
            for places in few.iter().filter(|places| places.len() < 2 || len > 1) {
                for appended in [&b""[..], b"x", &[0; 70_000]] {
                    // A stream of nothing is none of `short_blocks`.
                    if len > 0 || !name.ends_with("blocks") {
                        check(name, &stream, &old, places, appended);
                    }
                }
            }
            let nothing = splice(&stream, len, &old, &[], 6).unwrap();
            assert!(inflate(&nothing.bytes) == old);
        }
    }
}

#[test]
fn most_of_a_large_stream_is_kept() {
    let mut random = Random(5);
    let old = contents(&mut random, 2_000_000);
    let places = [40..44, 4096..4110, 900_000..900_020];
    let new = edited(&old, &places, &[1; 8192]);
    for level in [2, 6, 9] {
        let stream = zlib(&old, level);
        let changes = changes(&places, old.len(), new.len()).unwrap();
        let steps = plan(&stream, old.len(), new.len(), &changes).unwrap();
        let deflated: usize = steps
            .iter()
            .map(|step| if let Step::Deflate(range) = step { range.len() } else { 0 })
            .sum();
        assert!(deflated < old.len() / 5, "level {level}: {deflated}");
        let spliced = splice(&stream, old.len(), &new, &places, 6).unwrap();
        assert!(spliced.bytes.len() < stream.len() + stream.len() / 50, "level {level}");
    }
}

#[test]
fn nothing_changed_gives_a_stream_as_long_as_before() {
    let mut random = Random(6);
    let old = contents(&mut random, 100_000);
    for (name, stream) in streams(&mut random, &old) {
        let spliced = splice(&stream, old.len(), &old, &[], 6).unwrap();
        assert!(spliced.bytes.len() <= stream.len(), "{name}");
        assert!(spliced.bytes == stream || !name.starts_with("zlib"), "{name}");
    }
}

#[test]
fn what_cannot_be_spliced_is_deflated_anew() {
    let mut random = Random(7);
    let old = contents(&mut random, 60_000);
    let stream = zlib(&old, 6);
    let len = old.len();
    let none = |stream: &[u8], len, new: &[u8], places: &[Range<usize>]| {
        let spliced = splice(stream, len, new, places, 6).unwrap();
        assert_eq!(spliced, compress_all(new, 6).unwrap());
        assert_eq!(try_splice(stream, len, new, places, 6).unwrap(), None);
    };
    none(&stream, len, &old[..len - 1], &[]);
    none(&stream, len - 1, &old, &[]);
    none(&stream, len + 1, &[&old[..], b"x"].concat(), &[]);
    none(&stream[..stream.len() - 9], len, &old, &[]);
    none(b"", len, &old, &[]);
    none(&[0xff; 99], len, &old, &[]);
    none(&stream, len, &old, &[5..6, 3..4]);
    let (start, end) = (6, 5);
    none(&stream, len, &old, &[start..end]);
    // More than 60 %.
    none(&stream, len, &old, &[0..len / 100 * 61]);
    none(&stream, len, &[&old[..], &old[..], &old[..]].concat(), &[]);
}

#[test]
fn a_level_that_there_is_not_is_refused() {
    let old = contents(&mut Random(8), 60_000);
    let stream = zlib(&old, 6);
    for level in [13, 99] {
        let error = splice(&stream, old.len(), &old, &[], level).unwrap_err();
        assert_eq!(error.to_string(), format!("deflate level {level}, it should be 0 to 12"));
    }
}

proptest::proptest! {
    #[test]
    fn streams_that_lie_are_spliced_without_panic(
        mut stream in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
        head in 0..8_u8,
        old_len in 0..600_usize,
        new_len in 0..700_usize,
        places in proptest::collection::vec((0..700_usize, 0..9_usize), 0..5),
    ) {
        if let Some(first) = stream.first_mut() {
            *first = *first & !7 | head;
        }
        let places: Vec<_> = places.iter().map(|(start, len)| *start..start + len).collect();
        let new = vec![7; new_len];
        let spliced = splice(&stream, old_len, &new, &places, 1).unwrap();
        proptest::prop_assert_eq!(spliced.size, new_len as u64);
    }
}
