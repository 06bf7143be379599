//! Exit statuses: 0 done, 1 a wheel cannot be repaired or is wrong, 2 wrong usage.
//!
//! Not 0 always means that nothing was written; 0 always means that every output exists.

use std::process::ExitCode;

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
    // A closed pipe is the reader's choice; there is nobody left to tell.
    let _ = error.print();
    match error.use_stderr() {
        true => Status::Usage.into(),
        false => Status::Done.into(),
    }
}
