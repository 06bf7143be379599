//! Measures deflate: time and size by level, in pieces on several threads, beside zlib-rs level 6.
//!
//! `cargo run --release -p truewheel-wheel --example deflate -- FILE [THREADS]`
//!
//! Prints one line per setting: seconds (best of seven), bytes, and bytes as a share of zlib-rs
//! level 6. The last but one is an edit of that stream, as a repair makes it: some bytes at the
//! beginning, in the middle and near the end, and 24 KB more. The figures at the top of `src/deflate.rs` come from here.
#![allow(clippy::print_stdout, reason = "a program to measure with, for a terminal")]

use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::error::Error;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use truewheel_wheel::{Digest, deflate};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: deflate FILE [THREADS]")?;
    let threads = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let bytes = std::fs::read(path)?;

    let (zlib_time, zlib) = best(|| zlib(&bytes));
    let stream = zlib?;
    let zlib_size = stream.len();
    report("zlib-rs 6, one stream", zlib_time, zlib_size, zlib_size);
    for level in 5..=8 {
        let (time, size) = best(|| whole(&bytes, level));
        report(&format!("libdeflate {level}, one stream"), time, size?, zlib_size);
        let (time, joined) = best(|| pieces(&bytes, level, 1));
        report(&format!("libdeflate {level}, pieces, 1 thread"), time, joined?.len(), zlib_size);
        let (time, joined) = best(|| pieces(&bytes, level, threads));
        let name = format!("libdeflate {level}, pieces, {threads} threads");
        report(&name, time, joined?.len(), zlib_size);
    }
    let (new, places) = edited(&bytes);
    let (time, spliced) = best(|| deflate::splice(&stream, bytes.len(), &new, &places, 6));
    report("zlib-rs 6, edited and spliced", time, spliced?.bytes.len(), zlib_size);
    let (time, digest) = best(|| Digest::of(&bytes));
    report("SHA-256", time, digest.sha256.len(), zlib_size);
    Ok(())
}

fn edited(bytes: &[u8]) -> (Vec<u8>, Vec<Range<usize>>) {
    let mut new = bytes.to_vec();
    let end = bytes.len();
    let starts = [32, 64, end / 10 * 9, end.saturating_sub(4000)];
    let places = starts.map(|start| start.min(end)..start.saturating_add(28).min(end)).to_vec();
    for place in &places {
        new[place.clone()].iter_mut().for_each(|byte| *byte = !*byte);
    }
    new.extend(bytes.iter().take(24_000));
    (new, places)
}

fn best<T>(run: impl Fn() -> T) -> (Duration, T) {
    let once = || {
        let start = Instant::now();
        let result = run();
        (start.elapsed(), result)
    };
    let first = once();
    (0..6).map(|_| once()).fold(first, |best, next| if next.0 < best.0 { next } else { best })
}

fn report(name: &str, time: Duration, size: usize, reference: usize) {
    let (seconds, share) = (time.as_secs_f64(), size as f64 / reference as f64);
    println!("{name:36} {seconds:7.3} s {size:10} bytes {share:6.3}");
}

fn zlib(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn whole(bytes: &[u8], level: u32) -> Result<usize, String> {
    let level = i32::try_from(level).map_err(|error| error.to_string())?;
    let level = libdeflater::CompressionLvl::new(level).map_err(|error| format!("{error:?}"))?;
    let mut compressor = libdeflater::Compressor::new(level);
    let mut out = vec![0; compressor.deflate_compress_bound(bytes.len())];
    compressor.deflate_compress(bytes, &mut out).map_err(|error| error.to_string())
}

fn pieces(bytes: &[u8], level: u32, threads: usize) -> Result<Vec<u8>, truewheel_wheel::Error> {
    let waiting = Mutex::new(deflate::pieces(bytes.len()).into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().ok().and_then(|mut waiting| waiting.next());
                    let Some((index, range)) = next else { break };
                    let piece = deflate::compress_piece(bytes, range, level);
                    if let Ok(mut done) = done.lock() {
                        done.push((index, piece));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(index, _)| *index);
    let pieces = done.into_iter().map(|(_, piece)| piece).collect::<Result<_, _>>()?;
    Ok(deflate::join(pieces)?.bytes)
}
