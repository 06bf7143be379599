//! Every word that is printed: data to standard output, all else to standard error.
//!
//! Standard output has what was asked for, in words for people or as JSON: the paths of wheels that
//! were written, a plan, what a wheel needs. This file knows how to print; what each command says is in
//! a file of its own.

mod check;
mod groups;
mod merge;
mod repair;
mod show;
mod tree;

use std::io::Write;
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use truewheel_repair::Error;

use crate::cli;
use crate::config::{Config, UsageError, Verbosity};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const NAME: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Prints by the rules of one run.
#[derive(Debug)]
pub(crate) struct Printer {
    verbosity: Verbosity,
    color: ColorChoice,
}

impl Printer {
    pub(crate) fn new(config: &Config) -> Self {
        let color = match config.color {
            cli::ColorChoice::Auto => ColorChoice::Auto,
            cli::ColorChoice::Always => ColorChoice::Always,
            cli::ColorChoice::Never => ColorChoice::Never,
        };
        Self { verbosity: config.verbosity, color }
    }

    /// Whether more than faults is to be said.
    pub(crate) fn is_talkative(&self) -> bool {
        self.verbosity > Verbosity::Quiet
    }

    /// What is wrong, with the wheel it is wrong with.
    pub(crate) fn error(&self, wheel: Option<&Path>, error: &Error) {
        let wheel = wheel.map(|wheel| format!("{}: ", wheel.display())).unwrap_or_default();
        let text = harmless(&format!("{wheel}{error}"));
        self.say(&format!("{ERROR}error:{ERROR:#} {text}\n"));
    }

    /// One object where one file was asked about, else a list, also of fewer: the form hangs on the
    /// command line and not on what was found.
    fn json_of<T: Serialize>(&self, asked: usize, values: &[T]) {
        let text = match values {
            [] if asked == 1 => return,
            [one] if asked == 1 => serde_json::to_string_pretty(one),
            many => serde_json::to_string_pretty(many),
        };
        self.data(&format!("{}\n", text.unwrap_or_default()));
    }

    /// A closed pipe is the reader's choice, so failing to print is not followed up.
    fn data(&self, text: &str) {
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    /// Data for people, with colours where standard output is a terminal.
    fn styled(&self, text: &str) {
        let mut stream = AutoStream::new(std::io::stdout(), self.color);
        let _ = stream.write_all(text.as_bytes());
    }

    fn say(&self, text: &str) {
        let mut stream = AutoStream::new(std::io::stderr(), self.color);
        let _ = stream.write_all(text.as_bytes());
    }
}

/// Names come from strangers, and a terminal must not obey them: no control character but the line
/// feed is printed as it is. For texts of several lines, whose names the engine has made harmless.
fn harmless(text: &str) -> String {
    let escaped = |c: char| match c {
        '\n' => "\n".to_owned(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// [`harmless`], and a line feed in a name does not begin a line that looks like ours.
fn one_line(text: &str) -> String {
    harmless(text).replace('\n', "\\n")
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

/// Wrong usage that the parser of the command line cannot see.
pub(crate) fn usage_error(error: &UsageError) {
    let mut stream = AutoStream::auto(std::io::stderr());
    let _ = writeln!(stream, "{ERROR}error:{ERROR:#} {}", error.0);
}
