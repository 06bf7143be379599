//! What can be wrong with an ELF file, or with an edit of one.
//!
//! An error of this crate knows the offset or address it is about; which file that was, the caller
//! knows and says.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
}

/// The kinds of [`Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file does not begin with `\x7fELF`.
    NotElf,
    /// A field of the ELF header has a value that no rule allows.
    Header {
        /// The field, by its name in the standard.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// Something should be in the file and is not, at least not whole.
    Truncated {
        /// What it is.
        what: &'static str,
        /// Where it begins.
        offset: u64,
    },
    /// An address that no `PT_LOAD` segment maps from the file.
    Unmapped {
        /// What should be there.
        what: &'static str,
        /// The address.
        address: u64,
    },
    /// A string that is not UTF-8 or does not end.
    BadString {
        /// What the string should be.
        what: &'static str,
        /// Where it begins.
        offset: u64,
    },
    /// A table that contradicts itself or another one.
    BadTable {
        /// The table.
        what: &'static str,
        /// Where it is.
        offset: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file has no `PT_DYNAMIC`, so it has no names to change.
    NotDynamic,
    /// The entry to be replaced is not there, nor is the one it should become.
    NoSuchNeeded(String),
    /// The entry to be removed provides versions that symbols are bound to.
    NeededInUse {
        /// The name in `DT_NEEDED`.
        needed: String,
        /// One symbol that is bound to it.
        symbol: String,
    },
    /// A name that no ELF file can hold: empty, or with a NUL in it.
    BadName(String),
    /// Two edits about this name cannot both be done.
    Contradiction(String),
    /// There is no safe place for what the edits add.
    NoRoom {
        /// What needs the room.
        what: &'static str,
        /// Why it cannot be made.
        reason: &'static str,
    },
    /// The result was read again and is not what it should be. The input is untouched.
    Unproven {
        /// What did not hold.
        what: String,
    },
}

impl Error {
    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    pub(crate) fn truncated(what: &'static str, offset: u64) -> Self {
        ErrorKind::Truncated { what, offset }.into()
    }

    pub(crate) fn table(what: &'static str, offset: u64, reason: &'static str) -> Self {
        ErrorKind::BadTable { what, offset, reason }.into()
    }

    pub(crate) fn no_room(what: &'static str, reason: &'static str) -> Self {
        ErrorKind::NoRoom { what, reason }.into()
    }

    pub(crate) fn unproven(what: impl Into<String>) -> Self {
        ErrorKind::Unproven { what: what.into() }.into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Error { kind }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::NotElf => write!(f, "the file does not begin with `\\x7fELF`"),
            ErrorKind::Header { field, value } => {
                write!(f, "the ELF header has {field} {value:#x}, which no rule allows")
            }
            ErrorKind::Truncated { what, offset } => {
                write!(f, "{what} at offset {offset:#x} runs past its end")
            }
            ErrorKind::Unmapped { what, address } => {
                write!(f, "{what} address {address:#x} is in no segment")
            }
            ErrorKind::BadString { what, offset } => {
                write!(f, "{what} at offset {offset:#x} is no UTF-8 string that ends with a NUL")
            }
            ErrorKind::BadTable { what, offset, reason } => {
                write!(f, "{what} at offset {offset:#x} {reason}")
            }
            ErrorKind::NotDynamic => write!(f, "the file has no PT_DYNAMIC segment"),
            ErrorKind::NoSuchNeeded(name) => write!(f, "no DT_NEEDED entry `{name}`"),
            ErrorKind::NeededInUse { needed, symbol } => write!(
                f,
                "DT_NEEDED entry `{needed}` cannot go: symbol `{symbol}` is bound to a version of it"
            ),
            ErrorKind::BadName(name) => {
                write!(f, "`{}` is empty or has a NUL byte in it", name.escape_default())
            }
            ErrorKind::Contradiction(name) => {
                write!(f, "the edits contradict each other about `{name}`")
            }
            ErrorKind::NoRoom { what, reason } => write!(f, "no room for {what}: {reason}"),
            ErrorKind::Unproven { what } => {
                write!(f, "the edited file would be wrong: {what}")
            }
        }
    }
}
