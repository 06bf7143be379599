//! Small wheels and binaries, a place to repair them in, and a reader of what comes out.
//!
//! Wheels are written with the `zip` crate and read with it again, RECORD is computed here once more:
//! the tests share no code with the writer that they test, but the ELF reader and editor that make
//! the binaries.

mod dyld;
mod elf;
mod mach;
pub(crate) mod macho;
mod output;
mod sandbox;
mod wheel;

use std::path::{Path, PathBuf};

pub(crate) use dyld::Installed;
pub(crate) use elf::{Elf, Facts};
pub(crate) use mach::Mach;
pub(crate) use output::{Output, without_digits};
pub(crate) use sandbox::{Run, Sandbox};
pub(crate) use wheel::Wheel;

/// The root of the source tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `testdata/`.
pub(crate) fn testdata(path: &str) -> PathBuf {
    root().join("testdata").join(path)
}

/// Says on standard error that `test` did not run, and why.
#[allow(clippy::print_stderr, reason = "a skipped test must not pass in silence")]
pub(crate) fn skip(test: &str, reason: &str) {
    eprintln!("skipped: {test}: {reason}");
}
