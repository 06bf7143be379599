//! What can be wrong with a wheel, in words.
//!
//! One struct for the crate. It knows the member where there is one; the program adds the wheel's
//! name, which is not known here when a temporary file is read again.

use std::fmt;
use std::io;
use std::path::Path;

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a wheel could not be read or written, and at which member.
#[derive(Debug)]
pub struct Error {
    kind: Box<ErrorKind>,
    member: Option<String>,
}

/// What was found, and what should have been there.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused; `doing` is what was tried, with the path.
    Io {
        /// For example ``cannot open `dist/demo.whl` ``.
        doing: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file name that is not a wheel's.
    Filename {
        /// The name as given.
        name: String,
        /// What a wheel's name has.
        reason: &'static str,
    },
    /// Text that is not a tag or a compressed tag set.
    Tag {
        /// The text as given.
        text: String,
        /// What a tag has.
        reason: &'static str,
    },
    /// A member path that could leave the wheel, or that systems read differently.
    Path {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No end of central directory record: not a zip archive, or cut off.
    NotZip,
    /// A structure of the zip archive that its rules do not allow.
    Zip {
        /// The whole sentence, without the member.
        what: String,
    },
    /// The local header says something else than the central directory.
    HeadersDisagree {
        /// The field, in the words of APPNOTE.
        field: &'static str,
        /// What the local header has.
        local: String,
        /// What the central directory has.
        central: String,
    },
    /// The same path twice.
    Duplicate,
    /// A file where another member needs a directory.
    FileAndDirectory,
    /// An encrypted member.
    Encrypted,
    /// A compression method that wheels do not use.
    Method(u16),
    /// A member that is neither file, directory nor symlink.
    SpecialFile {
        /// The mode as in `st_mode`.
        mode: u32,
    },
    /// The compressed bytes are not a deflate stream.
    BadDeflate,
    /// The size of the contents is not the size declared.
    Size {
        /// Bytes the archive declares.
        declared: u64,
        /// Bytes found, where that is known.
        found: Option<u64>,
    },
    /// More expansion than deflate is able to express.
    Ratio {
        /// Bytes in the archive.
        compressed: u64,
        /// Bytes declared.
        declared: u64,
    },
    /// The contents do not have the CRC-32 declared.
    Crc {
        /// The CRC-32 in the archive.
        declared: u32,
        /// The CRC-32 of the contents.
        found: u32,
    },
    /// Contents were asked of a directory or a symlink is not allowed here.
    NotAFile,
    /// No `.dist-info` directory at the top.
    NoDistInfo,
    /// More than one `.dist-info` directory at the top.
    ManyDistInfo(Vec<String>),
    /// A `.dist-info` directory of another project or version than the file name's.
    OtherDistInfo {
        /// The directory found.
        found: String,
        /// The directory that the file name asks for.
        expected: String,
    },
    /// A file every wheel has is not there.
    NoSuchMember(String),
    /// A line of RECORD, WHEEL or METADATA.
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The writer was given what it must write itself, or must not write.
    NotWritable(&'static str),
    /// A deflate level outside of 0 to 12.
    Level(u32),
    /// Pieces that are not the whole of a member, in order.
    Pieces {
        /// Where the next piece should have begun.
        expected: usize,
        /// Where it begins.
        found: usize,
    },
    /// More memory than there is.
    Memory {
        /// Bytes asked for.
        size: u64,
    },
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self { kind: Box::new(kind), member: None }
    }

    pub(crate) fn of_member(kind: ErrorKind, member: impl Into<String>) -> Self {
        Self::new(kind).in_member(member)
    }

    pub(crate) fn zip(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Zip { what: what.into() })
    }

    pub(crate) fn io(doing: &str, path: &Path, source: io::Error) -> Self {
        let doing = format!("{doing} `{}`", path.display());
        Self::new(ErrorKind::Io { doing, source })
    }

    /// Names the member, if none is named yet.
    pub(crate) fn in_member(mut self, member: impl Into<String>) -> Self {
        self.member.get_or_insert_with(|| member.into());
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The member it is wrong with, as the archive spells it.
    #[must_use]
    pub fn member(&self) -> Option<&str> {
        self.member.as_deref()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(member) = &self.member {
            // Names come from strangers; a terminal must not obey them.
            write!(f, "{}: ", member.escape_debug())?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.kind {
            ErrorKind::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, source } => write!(f, "{doing}: {source}"),
            Self::Filename { name, reason } => {
                write!(f, "`{}` is not the name of a wheel: {reason}", name.escape_debug())
            }
            Self::Tag { text, reason } => {
                write!(f, "`{}` is not a tag: {reason}", text.escape_debug())
            }
            Self::Path { path, reason } => {
                write!(f, "the path `{}` {reason}", path.escape_debug())
            }
            Self::NotZip => f.write_str(
                "not a zip archive, or its end is missing: no end of central directory record",
            ),
            Self::Zip { what } => f.write_str(what),
            Self::NoDistInfo => f.write_str("no `.dist-info` directory, a wheel has one"),
            Self::ManyDistInfo(names) => {
                write!(f, "{} `.dist-info` directories, a wheel has one: ", names.len())?;
                f.write_str(&names.join(", "))
            }
            Self::OtherDistInfo { found, expected } => {
                write!(f, "the directory is `{found}`, the file name asks for `{expected}`")
            }
            Self::NoSuchMember(path) => write!(f, "no `{path}`, every wheel has it"),
            Self::Line { line, what } => write!(f, "line {line}: {what}"),
            Self::NotWritable(reason) => f.write_str(reason),
            Self::Level(level) => write!(f, "deflate level {level}, it should be 0 to 12"),
            Self::Pieces { expected, found } => {
                write!(f, "a piece begins at {found:#x}, the one before ends at {expected:#x}")
            }
            Self::Memory { size } => write!(f, "no memory for {size} bytes"),
            _ => self.fmt_member(f),
        }
    }
}

impl ErrorKind {
    /// The kinds that follow a member's name.
    fn fmt_member(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadersDisagree { field, local, central } => write!(
                f,
                "the local header has {field} {local}, the central directory has {central}"
            ),
            Self::Duplicate => f.write_str("in the wheel twice, a path may be there once"),
            Self::FileAndDirectory => {
                f.write_str("a file, and also the directory of another member")
            }
            Self::Encrypted => f.write_str("encrypted, members of a wheel are not"),
            Self::Method(method) => {
                write!(f, "compression method {method}, a wheel has 0 (stored) or 8 (deflate)")
            }
            Self::SpecialFile { mode } => {
                write!(f, "mode {mode:#o} is neither a file, a directory nor a symlink")
            }
            Self::BadDeflate => f.write_str("the compressed bytes are not a deflate stream"),
            Self::Size { declared, found: Some(found) } => {
                write!(f, "the archive declares {declared} bytes, the contents have {found}")
            }
            Self::Size { declared, found: None } => {
                write!(f, "the archive declares {declared} bytes, the contents have more")
            }
            Self::Ratio { compressed, declared } => write!(
                f,
                "{compressed} bytes are declared to hold {declared}, deflate holds at most \
                 1032 bytes in one"
            ),
            Self::Crc { declared, found } => {
                write!(f, "CRC-32 is {found:#010x}, the archive declares {declared:#010x}")
            }
            Self::NotAFile => f.write_str("not a regular file"),
            _ => f.write_str("unknown"),
        }
    }
}
