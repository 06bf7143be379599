//! Why a file was refused.
//!
//! This crate knows offsets in the file and nothing else; the caller adds which file it was.

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
    /// A table has a format that nobody has published.
    UnknownFormat {
        /// The field that names the format.
        what: &'static str,
        /// Where its table starts.
        offset: u64,
        /// What it says.
        value: u32,
    },
    /// Two segments share bytes of the file.
    SegmentsOverlap {
        /// Where the segment starts that begins inside another.
        offset: u64,
        /// The first byte it could start at.
        free: u64,
    },
    /// A blob of the code signature does not start with the magic number that belongs there.
    SignatureMagic {
        /// The blob.
        what: &'static str,
        /// Where it starts.
        offset: u64,
        /// What it starts with.
        magic: u32,
    },
    /// A number in the code signature is none that can be.
    SignatureField {
        /// The field, as `<kern/cs_blobs.h>` calls it.
        field: &'static str,
        /// Where its blob starts.
        offset: u64,
        /// What it says.
        value: u64,
    },
    /// The edits name a slice that is not there.
    NoSuchSlice {
        /// Its number, from 0.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// No load command has this install name.
    NoSuchInstallName {
        /// The slice.
        architecture: &'static str,
        /// The name.
        name: String,
    },
    /// An install ID was asked for in a slice that is no library.
    NoInstallId {
        /// The slice.
        architecture: &'static str,
    },
    /// A name is empty or has a NUL byte in it.
    BadName(String),
    /// Two edits about this name cannot both be done.
    Contradiction(String),
    /// Two load commands would have this string, which newer dyld refuses.
    SameName {
        /// The slice.
        architecture: &'static str,
        /// `install name` or `rpath`.
        what: &'static str,
        /// The string.
        name: String,
    },
    /// The load commands do not fit before the first content.
    HeaderPad {
        /// The slice.
        architecture: &'static str,
        /// The size they need, in bytes.
        needed: u64,
        /// The size they may have.
        available: u64,
    },
    /// A slice cannot be edited or signed.
    NotEditable {
        /// The slice.
        architecture: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// A signature is needed and the edits do not say what the file is called.
    NoFileName,
    /// Two slices of one universal file would be for one CPU.
    SameCpu {
        /// The CPU.
        architecture: &'static str,
    },
    /// Bytes follow the last slice, and there is no place for them when slices move.
    TrailingData {
        /// Where they start.
        offset: u64,
        /// How many there are.
        size: u64,
    },
    /// A result would be larger than its format can say.
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
    },
    /// The edited file is not what was asked for.
    Unproven {
        /// What did not hold.
        what: String,
    },
}

impl Error {
    pub(crate) fn unproven(what: impl Into<String>) -> Self {
        ErrorKind::Unproven { what: what.into() }.into()
    }

    pub(crate) fn not_editable(architecture: &'static str, reason: &'static str) -> Self {
        ErrorKind::NotEditable { architecture, reason }.into()
    }
}
