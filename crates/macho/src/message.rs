//! What each fault says, in words that a user can act on.
//!
//! Apart from the faults themselves, so that either list can be read as one.

use std::fmt;

use crate::error::{Error, ErrorKind};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().display_container(f)
    }
}

impl ErrorKind {
    /// The faults of what surrounds the load commands.
    fn display_container(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::NotMachO => {
                write!(f, "the first four bytes are no Mach-O or universal magic number")
            }
            ErrorKind::Truncated { what, offset, size, available } => write!(
                f,
                "{what} at offset {offset:#x} needs {size} bytes, {available} bytes are there"
            ),
            ErrorKind::SliceCount { count } => {
                write!(f, "the universal header counts {count} slices, 1 to 44 are possible")
            }
            ErrorKind::SlicesOverlap { offset, free } => {
                write!(
                    f,
                    "the slice at offset {offset:#x} starts before {free:#x}, which is in use"
                )
            }
            ErrorKind::SliceAlignment { offset, align } => write!(
                f,
                "the slice record at offset {offset:#x} is aligned to 2^{align} bytes, 2^31 is the most"
            ),
            ErrorKind::CpuMismatch { offset, outer, inner } => write!(
                f,
                "the slice at offset {offset:#x} is for CPU type {inner:#x}, \
                 the universal header says {outer:#x}"
            ),
            kind => kind.display_content(f),
        }
    }

    /// The faults of load commands and of what they point at.
    fn display_content(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::CommandSize { offset, command, size } => write!(
                f,
                "load command {command:#x} at offset {offset:#x} cannot have {size} bytes"
            ),
            ErrorKind::CommandsSize { stated, found } => {
                write!(f, "the load commands have {found} bytes, the header says {stated} bytes")
            }
            ErrorKind::StringOffset { offset, string } => write!(
                f,
                "the string of the load command at offset {offset:#x} cannot start {string} bytes into it"
            ),
            ErrorKind::Unterminated { what, offset } => {
                write!(f, "{what} at offset {offset:#x} has no NUL before the end")
            }
            ErrorKind::NotUtf8 { what, offset } => {
                write!(f, "{what} at offset {offset:#x} is not UTF-8")
            }
            ErrorKind::Repeated { what, offset } => {
                write!(f, "a second {what} at offset {offset:#x}, one is allowed")
            }
            ErrorKind::TrieNotATree { offset } => {
                write!(f, "the export trie reaches its node at offset {offset:#x} twice")
            }
            ErrorKind::NumberTooLong { offset } => {
                write!(f, "the number at offset {offset:#x} has more than 64 bits")
            }
            ErrorKind::NamesTooLong { what, offset, limit } => write!(
                f,
                "{what} at offset {offset:#x} has names of more than {limit} bytes together"
            ),
            ErrorKind::UnknownFormat { what, offset, value } => {
                write!(
                    f,
                    "{what} of the table at offset {offset:#x} is {value}, which is none we know"
                )
            }
            ErrorKind::SegmentsOverlap { offset, free } => write!(
                f,
                "the segment at offset {offset:#x} starts before {free:#x}, which is in use"
            ),
            ErrorKind::SignatureMagic { what, offset, magic } => {
                write!(f, "{what} at offset {offset:#x} starts with {magic:#010x}")
            }
            ErrorKind::SignatureField { field, offset, value } => {
                write!(f, "{field} of the signature blob at offset {offset:#x} cannot be {value}")
            }
            kind => kind.display_edit(f),
        }
    }

    /// The faults of edits, which have no place in the file.
    fn display_edit(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::NoSuchSlice { index, count } => {
                write!(f, "no slice {index}, the file has {count}")
            }
            ErrorKind::NoSuchInstallName { architecture, name } => {
                write!(f, "no load command of {architecture} names `{name}`")
            }
            ErrorKind::NoInstallId { architecture } => {
                write!(f, "{architecture} has no LC_ID_DYLIB, only libraries have an install ID")
            }
            ErrorKind::BadName(name) => {
                write!(f, "`{}` is empty or has a NUL byte in it", name.escape_default())
            }
            ErrorKind::Contradiction(name) => {
                write!(f, "the edits contradict each other about `{name}`")
            }
            ErrorKind::SameName { architecture, what, name } => {
                write!(
                    f,
                    "{architecture} would have the {what} `{name}` twice, dyld allows it once"
                )
            }
            ErrorKind::HeaderPad { architecture, needed, available } => write!(
                f,
                "the load commands of {architecture} need {needed} bytes and have room for {available}, \
                 {} bytes are missing; shorten the names, or link again with \
                 `-headerpad_max_install_names`",
                needed.saturating_sub(*available)
            ),
            ErrorKind::NotEditable { architecture, reason } => {
                write!(f, "{architecture} cannot be edited: {reason}")
            }
            ErrorKind::NoFileName => write!(f, "a signature needs the name of the file"),
            ErrorKind::SameCpu { architecture } => {
                write!(
                    f,
                    "two slices are for {architecture}, a universal file has one for each CPU"
                )
            }
            ErrorKind::TrailingData { offset, size } => {
                write!(
                    f,
                    "{size} bytes at offset {offset:#x} follow the last slice and are in none"
                )
            }
            ErrorKind::TooLarge { what, size } => {
                write!(f, "{what} of {size} bytes is larger than the format allows")
            }
            ErrorKind::Unproven { what } => write!(f, "the edited file would be wrong: {what}"),
            _ => Ok(()),
        }
    }
}
