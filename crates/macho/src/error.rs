//! Why a file was refused.
//!
//! This crate knows offsets in the file and nothing else; the caller adds which file it was.

use std::fmt;

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A file that dyld would refuse, or that does not hold what it says.
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

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind }
    }
}

impl std::error::Error for Error {}

/// The faults a Mach-O file can have. Offsets count from the start of the file, also in universal files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The first four bytes are none of the Mach-O or universal magic numbers.
    NotMachO,
    /// A structure does not fit in what contains it: the file, the slice or the command.
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
    /// A universal file counts no slices, or more than any linker writes.
    SliceCount {
        /// What `nfat_arch` says.
        count: u32,
    },
    /// A slice starts inside the universal header or inside the slice before it.
    SlicesOverlap {
        /// Where the slice starts.
        offset: u64,
        /// The first byte it could start at.
        free: u64,
    },
    /// A slice asks for an alignment no page size needs.
    SliceAlignment {
        /// Where the record is.
        offset: u64,
        /// What `align` says, a power of two.
        align: u32,
    },
    /// The universal header and the slice's own header name different CPUs.
    CpuMismatch {
        /// Where the slice starts.
        offset: u64,
        /// `cputype` in the universal header.
        outer: u32,
        /// `cputype` in the slice.
        inner: u32,
    },
    /// `cmdsize` is smaller than the command needs, not a multiple of 4, or larger than what is left.
    CommandSize {
        /// Where the command starts.
        offset: u64,
        /// Its number, `LC_*`.
        command: u32,
        /// What `cmdsize` says.
        size: u32,
    },
    /// The commands end before or behind where `sizeofcmds` says.
    CommandsSize {
        /// `sizeofcmds`.
        stated: u64,
        /// The sum of `cmdsize` over `ncmds` commands.
        found: u64,
    },
    /// A string starts before the end of its command's fixed part, or behind the command.
    StringOffset {
        /// Where the command starts.
        offset: u64,
        /// The string's offset in the command.
        string: u32,
    },
    /// A string has no NUL before the end of what contains it.
    Unterminated {
        /// What the string is.
        what: &'static str,
        /// Where it starts.
        offset: u64,
    },
    /// A string is not UTF-8.
    NotUtf8 {
        /// What the string is.
        what: &'static str,
        /// Where it starts.
        offset: u64,
    },
    /// A command that may occur once occurs again.
    Repeated {
        /// The command, in the words of the standard.
        what: &'static str,
        /// Where the second one starts.
        offset: u64,
    },
    /// The export trie is no tree: an edge leads back, or two edges meet.
    TrieNotATree {
        /// Where the node starts that is reached twice.
        offset: u64,
    },
    /// A number in the export trie has more than 64 bits.
    NumberTooLong {
        /// Where the ULEB128 number starts.
        offset: u64,
    },
    /// The names in the file are longer than a table of this size can hold without lying.
    NamesTooLong {
        /// The table.
        what: &'static str,
        /// Where it starts.
        offset: u64,
        /// The most bytes of names that are believed.
        limit: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
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
        }
    }
}
