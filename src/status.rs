//! Exit statuses: 0 done, 1 a wheel cannot be repaired or is wrong, 2 wrong usage.
//!
//! 0 always means that every output exists, and that all that was to be printed has arrived. Not 0 means
//! that no wheel was written, but for two faults of the operating system that are told as what they are:
//! standard output that takes less than all, and wheels that cannot be taken back.

use std::io;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::report;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Everything was done.
    Done,
    /// A wheel cannot be repaired.
    Failed,
    /// The command line, the environment or a file of settings is wrong.
    Usage,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Done => Self::SUCCESS,
            Status::Failed => Self::from(1),
            Status::Usage => Self::from(2),
        }
    }
}

/// Prints what the parser says. Help and version were asked for and are no fault.
pub(crate) fn of_usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() {
        if let Some(wheel) = wheel_without_command(error) {
            report::command_is_missing(wheel);
        }
        return Status::Usage.into();
    }
    match printed {
        // A closed pipe is the reader's choice; there is nobody left to tell.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            report::help_is_incomplete(&error);
            Status::Failed.into()
        }
        _ => Status::Done.into(),
    }
}

/// `truewheel demo.whl` lacks the word that says what to do.
fn wheel_without_command(error: &clap::Error) -> Option<&str> {
    let is_it = error.kind() == ErrorKind::InvalidSubcommand;
    match error.get(ContextKind::InvalidSubcommand).filter(|_| is_it)? {
        ContextValue::String(typed) if typed.ends_with(".whl") => Some(typed),
        _ => None,
    }
}
