//! Why a file was refused.
//!
//! This crate knows offsets and RVAs and nothing else; the caller adds which file it was.

use std::fmt;

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A file that the loader would refuse, or that does not hold what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
}

impl Error {
    /// What is wrong, for callers that treat some faults differently.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
}

impl Error {
    pub(crate) fn unproven(what: impl Into<String>) -> Self {
        ErrorKind::Unproven { what: what.into() }.into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind }
    }
}

impl std::error::Error for Error {}

/// The faults a PE file can have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no `MZ` at the start, or no `PE\0\0` where `e_lfanew` says.
    NotPe,
    /// A structure runs past the end of the file.
    Truncated {
        /// The structure, in the words of the standard.
        what: &'static str,
        /// Where it starts.
        offset: u64,
        /// How many bytes it needs.
        size: u64,
        /// How many bytes are there.
        available: u64,
    },
    /// The optional header is neither PE32 nor PE32+.
    OptionalHeaderMagic {
        /// What is there.
        magic: u16,
    },
    /// `SizeOfOptionalHeader` is smaller than the fixed part of the optional header.
    OptionalHeaderSize {
        /// What `SizeOfOptionalHeader` says, in bytes.
        size: u16,
        /// The size of the fixed part, in bytes.
        needed: u64,
    },
    /// An import library is no archive, or contradicts itself.
    Archive {
        /// What is missing or wrong.
        what: &'static str,
        /// Where in the archive; 0 where only the object is known.
        offset: u64,
    },
    /// An alignment is no power of two.
    Alignment {
        /// Which one.
        what: &'static str,
        /// What is there.
        value: u32,
    },
    /// A section starts before the end of the one before it.
    SectionOrder {
        /// The section's place in the table, from 0.
        index: usize,
        /// Where it starts.
        rva: u32,
        /// The first address it could have.
        free: u64,
    },
    /// An address lies in no section.
    Unmapped {
        /// What should be there.
        what: &'static str,
        /// The address.
        rva: u64,
    },
    /// A structure runs past the end of its section, or of that part of it which is in the file.
    OutsideSection {
        /// What it is.
        what: &'static str,
        /// Where it starts.
        rva: u32,
        /// How many bytes it needs.
        size: u64,
    },
    /// A virtual address of an old delay import lies below the image base.
    BelowImageBase {
        /// What should be there.
        what: &'static str,
        /// The address.
        address: u64,
    },
    /// A string has no NUL before the end of its section.
    Unterminated {
        /// What the string is.
        what: &'static str,
        /// Where it starts.
        rva: u32,
    },
    /// A string is not UTF-8.
    NotUtf8 {
        /// What the string is.
        what: &'static str,
        /// Where it starts.
        rva: u32,
    },
    /// An import is neither an ordinal nor the address of a name.
    Thunk {
        /// Where it stands.
        rva: u32,
        /// What it holds.
        value: u64,
    },
    /// A library was bound and its import lookup table is gone, so the names of its symbols are, too.
    BoundWithoutNames {
        /// Where the import descriptor starts.
        rva: u32,
    },
    /// An exported name leads to no export.
    ExportIndex {
        /// Where the index stands.
        rva: u32,
        /// The index.
        index: u32,
        /// How many exports there are.
        count: u32,
    },
    /// A name that no file can have, or that means another file on another machine.
    BadName(String),
    /// Two edits cannot both be done.
    Contradiction(String),
    /// The file names no such library, neither in imports nor in forwarders.
    NoSuchDll(String),
    /// What imports are in the file are those of a packer's loader; the real ones are out of sight.
    Packed {
        /// Who packed it.
        packer: &'static str,
    },
    /// A longer name has no place.
    NoRoom {
        /// The name that stands there.
        old: String,
        /// The name that was asked for.
        new: String,
        /// Why the file cannot grow.
        reason: &'static str,
    },
    /// An offset or address would not fit into 32 bits.
    TooLarge,
    /// The edited file, read again, is not what it should be.
    Unproven {
        /// What is wrong.
        what: String,
    },
    /// A table holds more than the file has bytes for, so parts of it are shared to cost time.
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The most that is believed.
        limit: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::NotPe => write!(f, "no `MZ` header that leads to a `PE` signature"),
            ErrorKind::Truncated { what, offset, size, available } => write!(
                f,
                "{what} at offset {offset:#x} needs {size} bytes, {available} bytes are there"
            ),
            ErrorKind::OptionalHeaderMagic { magic } => {
                write!(
                    f,
                    "the optional header starts with {magic:#x}, not {:#x} or {:#x}",
                    0x10b, 0x20b
                )
            }
            ErrorKind::OptionalHeaderSize { size, needed } => {
                write!(f, "SizeOfOptionalHeader is {size} bytes, {needed} bytes are the least")
            }
            ErrorKind::Alignment { what, value } => {
                write!(f, "{what} is {value:#x}, which is no power of two")
            }
            ErrorKind::SectionOrder { index, rva, free } => {
                write!(
                    f,
                    "section {index} starts at RVA {rva:#x}, before {free:#x}, which is in use"
                )
            }
            address @ (ErrorKind::Unmapped { .. }
            | ErrorKind::OutsideSection { .. }
            | ErrorKind::BelowImageBase { .. }
            | ErrorKind::Unterminated { .. }
            | ErrorKind::NotUtf8 { .. }) => address.fmt_of_address(f),
            ErrorKind::Archive { what, offset } => {
                write!(f, "no import library: {what}, at offset {offset:#x}")
            }
            ErrorKind::Thunk { rva, value } => {
                write!(f, "the import at RVA {rva:#x} is {value:#x}, neither an ordinal nor an RVA")
            }
            ErrorKind::BoundWithoutNames { rva } => write!(
                f,
                "the import descriptor at RVA {rva:#x} is bound and has no import lookup table"
            ),
            ErrorKind::ExportIndex { rva, index, count } => {
                write!(f, "the exported name's index at RVA {rva:#x} is {index} of {count} exports")
            }
            ErrorKind::TooMuch { what, limit } => {
                write!(f, "more than {limit} {what}, which a file of this size cannot hold")
            }
            edit @ (ErrorKind::BadName(_)
            | ErrorKind::Contradiction(_)
            | ErrorKind::NoSuchDll(_)
            | ErrorKind::Packed { .. }
            | ErrorKind::NoRoom { .. }
            | ErrorKind::TooLarge
            | ErrorKind::Unproven { .. }) => edit.fmt_of_edit(f),
        }
    }
}

impl ErrorKind {
    /// The words for addresses that lead nowhere.
    fn fmt_of_address(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Unmapped { what, rva } => {
                write!(f, "{what} at RVA {rva:#x} is in no section")
            }
            ErrorKind::OutsideSection { what, rva, size } => {
                write!(
                    f,
                    "{what} at RVA {rva:#x} runs past the end of its section after {size} bytes"
                )
            }
            ErrorKind::BelowImageBase { what, address } => {
                write!(f, "{what} at address {address:#x} lies below the image base")
            }
            ErrorKind::Unterminated { what, rva } => {
                write!(f, "{what} at RVA {rva:#x} has no NUL before the end of its section")
            }
            ErrorKind::NotUtf8 { what, rva } => write!(f, "{what} at RVA {rva:#x} is not UTF-8"),
            // The caller has the words for these.
            _ => Ok(()),
        }
    }

    /// The words for faults of an edit, and not of the file.
    fn fmt_of_edit(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::BadName(name) => {
                write!(f, "`{}` cannot name a DLL in a PE file", name.escape_default())
            }
            ErrorKind::Contradiction(name) => {
                write!(f, "the edits contradict each other about `{}`", name.escape_default())
            }
            ErrorKind::NoSuchDll(name) => write!(f, "no import `{}`", name.escape_default()),
            ErrorKind::Packed { packer } => {
                write!(f, "the file is packed by {packer}, which hides its imports")
            }
            ErrorKind::NoRoom { old, new, reason } => write!(
                f,
                "`{}` has no place: it is longer than the {} bytes of `{}`, and {reason}",
                new.escape_default(),
                old.len(),
                old.escape_default()
            ),
            ErrorKind::TooLarge => write!(f, "the file would need offsets of more than 32 bits"),
            ErrorKind::Unproven { what } => {
                write!(f, "the edited file is not what it should be: {what}")
            }
            // The caller has the words for these.
            _ => Ok(()),
        }
    }
}
