//! Every word that is printed: data to standard output, all else to standard error.
//!
//! Standard output has what was asked for, in words for people or as JSON: the paths of wheels that
//! were written, a plan, what a wheel needs. This file knows how to print; what each command says is in
//! a file of its own.

mod check;
mod config;
mod frontends;
mod groups;
mod merge;
mod needed;
mod repair;
mod shims;
mod show;
mod tree;

pub(crate) use frontends::ListShape;

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use truewheel_repair::{Error, Unmatched};

use crate::cli;
use crate::config::{Config, UsageError, Verbosity};
use crate::frontends::Voice;
use crate::status::Status;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
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
    voice: Voice,
    /// Why standard output is not whole.
    refused: RefCell<Option<io::Error>>,
}

impl Printer {
    pub(crate) fn new(config: &Config) -> Self {
        let color = match config.color {
            cli::ColorChoice::Auto => ColorChoice::Auto,
            cli::ColorChoice::Always => ColorChoice::Always,
            cli::ColorChoice::Never => ColorChoice::Never,
        };
        let Config { verbosity, voice, .. } = *config;
        Self { verbosity, color, voice, refused: RefCell::default() }
    }

    /// Whether more than faults is to be said.
    pub(crate) fn is_talkative(&self) -> bool {
        self.verbosity > Verbosity::Quiet
    }

    /// What is wrong, with the wheel it is wrong with.
    pub(crate) fn error(&self, wheel: Option<&Path>, error: &Error) {
        match self.voice {
            Voice::Own | Voice::Delocate => self.plain_error(wheel, error),
            Voice::Auditwheel => self.auditwheel_error(wheel, error),
            Voice::Delvewheel => self.delvewheel_error(wheel, error),
        }
    }

    fn plain_error(&self, wheel: Option<&Path>, error: &Error) {
        let said = error.to_string();
        let text = match wheel.map(|wheel| format!("{}: ", wheel.display())) {
            // The operating system's refusal of the wheel begins with its path already.
            Some(name) if !said.starts_with(&name) => format!("{name}{said}"),
            _ => said,
        };
        let text = self.in_its_words(text);
        self.say(&format!("{ERROR}error:{ERROR:#} {}\n", harmless(&text)));
    }

    /// Options that the older tool does not have, as what it has for them.
    fn in_its_words(&self, text: String) -> String {
        match self.voice {
            Voice::Own => text,
            Voice::Delocate => text.replace("with `--lib-path DIR`", "in REPAIR_LIBRARY_PATH"),
            Voice::Auditwheel => text.replace("with `--lib-path DIR`", "in LD_LIBRARY_PATH"),
            Voice::Delvewheel => text.replace("--lib-path", "--add-path"),
        }
    }

    /// What may be a mistake, also when only faults are asked for: nobody looks at a run that went well.
    pub(crate) fn warning(&self, text: &str) {
        self.say(&format!("{WARNING}warning:{WARNING:#} {}\n", one_line(text)));
    }

    /// Options that did nothing for any of the wheels.
    pub(crate) fn unmatched<'a>(&self, wheels: impl IntoIterator<Item = &'a [Unmatched]>) {
        for option in Unmatched::in_all(wheels) {
            self.warning(&option.message);
        }
    }

    /// Says whether all that was printed has arrived; `status` is that of the work itself. A reader that
    /// closes a pipe has read what it wanted. `rest` is what to say of the work.
    pub(crate) fn finish(&self, status: Status, rest: &str) -> Status {
        self.keep_fault(io::stdout().flush());
        match self.refused.borrow().as_ref() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.say(&format!("{ERROR}error:{ERROR:#} {}{rest}\n", incomplete(error)));
                Status::Failed
            }
            _ => status,
        }
    }

    /// One object where one file was asked about, else a list, also of fewer: the form hangs on the
    /// command line and not on what was found.
    fn json_of<T: Serialize>(&self, asked: usize, values: &[T]) {
        let text = match values {
            [] if asked == 1 => return,
            [one] if asked == 1 => serde_json::to_string_pretty(one),
            many => serde_json::to_string_pretty(many),
        };
        match text {
            Ok(text) => self.data(&format!("{text}\n")),
            Err(error) => self.keep_fault(Err(error.into())),
        }
    }

    fn data(&self, text: &str) {
        self.keep_fault(io::stdout().lock().write_all(text.as_bytes()));
    }

    /// A text that was asked for, as it is.
    pub(crate) fn text(&self, text: &str) {
        self.data(text);
    }

    /// A file that cannot be written.
    pub(crate) fn cannot_write(&self, path: &Path, error: &io::Error) {
        self.say(&format!(
            "{ERROR}error:{ERROR:#} {}\n",
            harmless(&format!("{}: {error}", path.display()))
        ));
    }

    /// Data for people, with colours where standard output is a terminal.
    fn styled(&self, text: &str) {
        let mut stream = AutoStream::new(io::stdout(), self.color);
        self.keep_fault(stream.write_all(text.as_bytes()));
    }

    /// The first fault is the one that counts; the next step is [`Printer::finish`].
    fn keep_fault(&self, result: io::Result<()>) {
        if let Err(error) = result {
            self.refused.borrow_mut().get_or_insert(error);
        }
    }

    /// Where standard error cannot be written, there is nobody to tell.
    fn say(&self, text: &str) {
        let mut stream = AutoStream::new(io::stderr(), self.color);
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
    let mut stream = AutoStream::auto(io::stderr());
    let _ = writeln!(stream, "{ERROR}error:{ERROR:#} {}", harmless(&error.0));
}

/// Standard output took less than all.
fn incomplete(error: &io::Error) -> String {
    format!("cannot write to standard output: {error}")
}

/// What the parser of the command line printed has not arrived.
pub(crate) fn help_is_incomplete(error: &io::Error) {
    let mut stream = AutoStream::auto(io::stderr());
    let _ = writeln!(stream, "{ERROR}error:{ERROR:#} {}", incomplete(error));
}

/// What to type for somebody who named a wheel where a command should be.
pub(crate) fn command_is_missing(wheel: &str) {
    let mut stream = AutoStream::auto(io::stderr());
    let _ = writeln!(stream, "\n  hint: `truewheel repair {}` repairs it", one_line(wheel));
}
