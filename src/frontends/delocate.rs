//! delocate's programs, each with its own command line.

use std::ffi::OsString;

use clap::Parser;

use super::Refusal;
use crate::config::{Config, UsageError};

/// delocate took this program out; it answers with what took its place.
#[derive(Debug, Parser)]
#[command(name = "delocate-fuse", version)]
struct Fuse {
    /// Whatever was typed
    #[arg(value_name = "WORDS")]
    words: Vec<OsString>,
}

pub(super) fn fuse(words: Vec<OsString>) -> Result<Config, Refusal> {
    let Fuse { words } = Fuse::try_parse_from(words)?;
    let pair = match words.as_slice() {
        [one, other] => format!("{} {}", one.to_string_lossy(), other.to_string_lossy()),
        _ => "WHEEL OTHER".to_owned(),
    };
    let text = format!("delocate-fuse has been removed\n  hint: `delocate-merge {pair}`");
    Err(UsageError(text).into())
}
