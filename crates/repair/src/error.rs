//! What can go wrong with one wheel, in words for the person who built it.
//!
//! The engine adds the member or library to what a format crate said; the program adds the wheel.
//! The first line says what is there and what should be; further lines name the places searched
//! and a remedy, where one is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::policy::{ISA_REMEDY, ObstacleKind};

/// The engine's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a wheel cannot be repaired.
#[derive(Debug)]
pub struct Error {
    kind: Box<ErrorKind>,
}

/// The kinds of [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The archive or one of its metadata files is wrong.
    Wheel(truewheel_wheel::Error),
    /// An ELF file cannot be read or edited.
    Elf {
        /// The member or library.
        file: String,
        /// What the editor said, with its offset.
        error: truewheel_elf::Error,
    },
    /// A Mach-O file cannot be read or edited.
    MachO {
        /// The member or library.
        file: String,
        /// What the editor said, with its offset.
        error: truewheel_macho::Error,
    },
    /// A PE file cannot be read or edited.
    Pe {
        /// The member or library.
        file: String,
        /// What the editor said, with its offset.
        error: truewheel_pe::Error,
    },
    /// The operating system refused a file.
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: std::io::Error,
    },
    /// Libraries that were found nowhere.
    Missing(Vec<MissingLibrary>),
    /// The requested platform tag promises more than the content keeps.
    NotEarned {
        /// The tag that was asked for; `None` asks for any.
        requested: Option<String>,
        /// The tag that asks most of a system, of those that were tried.
        nearest: String,
        /// One reason a line.
        reasons: Vec<String>,
        /// The best tag that the content does earn, if there is one.
        earned: Option<String>,
        /// Of which kinds the reasons are.
        kinds: BTreeSet<ObstacleKind>,
    },
    /// Something else that several files are the reason of.
    Refusals {
        /// What is there and what should be.
        what: String,
        /// One reason a line.
        reasons: Vec<String>,
        /// What to do about it, a remedy a line.
        hints: Vec<String>,
    },
    /// Something else, said whole.
    Refused {
        /// What is there and what should be.
        what: String,
        /// Facts behind it, one a line, such as the places searched.
        facts: Vec<String>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The written wheel is not what the plan says. This is a fault of truewheel.
    Verify {
        /// The member, or the archive.
        file: String,
        /// What differs.
        what: String,
    },
}

/// A needed name that no rule of the loader leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingLibrary {
    /// The name as the binary spells it.
    pub needed: String,
    /// Who needs it: members, or paths of libraries on disk.
    pub users: Vec<String>,
    /// Every directory that was looked at, in order.
    pub searched: Vec<String>,
    /// Files that nearly fit, each with the reason it was passed over.
    pub near_misses: Vec<String>,
    /// A remedy that only the platform knows.
    pub hint: Option<String>,
}

impl MissingLibrary {
    /// One name that several files need, each with the search of its own: every place once.
    pub(crate) fn of_users(users: &BTreeMap<String, &Self>) -> Self {
        let distinct = |places: &dyn Fn(&Self) -> Vec<String>| {
            let mut seen = BTreeSet::new();
            let all = users.values().flat_map(|library| places(library));
            all.filter(|place| seen.insert(place.clone())).collect()
        };
        let first = users.values().next();
        Self {
            needed: first.map(|library| library.needed.clone()).unwrap_or_default(),
            users: users.keys().cloned().collect(),
            searched: distinct(&|library| library.searched.clone()),
            near_misses: distinct(&|library| library.near_misses.clone()),
            hint: first.and_then(|library| library.hint.clone()),
        }
    }
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// A file has the name of the result; `option` lets it be written over.
    pub fn taken(name: &str, option: &str) -> Self {
        Self::refused_with(
            format!("there is a file `{name}` already"),
            format!("`{option}` writes over it"),
        )
    }

    /// The operating system refused a file.
    pub fn of_file(path: &Path, error: std::io::Error) -> Self {
        Self::io(path, error)
    }

    /// Two wheels of one run would get the same name.
    pub fn same_output(other: &Path, name: &str) -> Self {
        Self::refused_with(
            format!("the result would be called `{name}`, like that of {}", other.display()),
            "repair them one at a time, into different directories",
        )
    }

    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self { kind: Box::new(kind) }
    }

    pub(crate) fn elf(file: impl Into<String>, error: truewheel_elf::Error) -> Self {
        Self::new(ErrorKind::Elf { file: file.into(), error })
    }

    pub(crate) fn macho(file: impl Into<String>, error: truewheel_macho::Error) -> Self {
        Self::new(ErrorKind::MachO { file: file.into(), error })
    }

    pub(crate) fn pe(file: impl Into<String>, error: truewheel_pe::Error) -> Self {
        Self::new(ErrorKind::Pe { file: file.into(), error })
    }

    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io { path: path.to_owned(), error })
    }

    /// A build that still runs replaced a library between its reading and its use.
    pub(crate) fn changed(path: &Path) -> Self {
        Self::refused_with(
            format!("{} changed while the wheel was being repaired", path.display()),
            "run the repair again when the build has ended",
        )
    }

    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused { what: what.into(), facts: Vec::new(), hint: None })
    }

    pub(crate) fn refused_with(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::refused_for(what, Vec::new(), hint)
    }

    pub(crate) fn refused_for(
        what: impl Into<String>,
        facts: Vec<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::new(ErrorKind::Refused { what: what.into(), facts, hint: Some(hint.into()) })
    }

    /// A binary of the wheel that its loader would refuse.
    pub(crate) fn damaged(file: impl fmt::Display, fault: impl fmt::Display) -> Self {
        let hint = "the file is damaged: build it again, or leave it out of the wheel";
        Self::refused_with(format!("{file}: {fault}"), hint)
    }

    pub(crate) fn verify(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Verify { file: file.into(), what: what.into() })
    }
}

/// A text in one line: names come from strangers, and a line feed in one must not look like the next
/// line of a message.
pub(crate) struct Line<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Line<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        text.chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => write!(f, "{c}"),
        })
    }
}

impl From<truewheel_wheel::Error> for Error {
    fn from(error: truewheel_wheel::Error) -> Self {
        Self::new(ErrorKind::Wheel(error))
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            ErrorKind::Wheel(error) => wheel(f, error),
            ErrorKind::Elf { file, error } => write!(f, "{}: {}", Line(file), Line(error)),
            ErrorKind::MachO { file, error } => write!(f, "{}: {}", Line(file), Line(error)),
            ErrorKind::Pe { file, error } => {
                write!(f, "{}: {}", Line(file), Line(error))?;
                match error.kind() {
                    truewheel_pe::ErrorKind::Packed { .. } => {
                        f.write_str("\n  hint: build it without the packer")
                    }
                    _ => Ok(()),
                }
            }
            ErrorKind::Io { path, error } => write!(f, "{}: {error}", Line(path.display())),
            ErrorKind::Missing(libraries) => missing(f, libraries),
            ErrorKind::NotEarned { requested, nearest, reasons, earned, kinds } => {
                match (requested, earned) {
                    (None, None) => write!(f, "the content earns no tag, not even `{nearest}`")?,
                    (requested, _) => {
                        let tag = Line(requested.as_ref().unwrap_or(nearest));
                        write!(f, "the content does not earn the tag `{tag}`")?;
                    }
                }
                for reason in reasons {
                    write!(f, "\n  because: {}", Line(reason))?;
                }
                if kinds.contains(&ObstacleKind::Instructions) {
                    write!(f, "\n  hint: {ISA_REMEDY}")?;
                }
                not_earned(f, requested.is_some(), earned.as_deref())
            }
            ErrorKind::Refusals { what, reasons, hints } => {
                write!(f, "{}", Line(what))?;
                reasons.iter().try_for_each(|why| write!(f, "\n  because: {}", Line(why)))?;
                hints.iter().try_for_each(|hint| write!(f, "\n  hint: {}", Line(hint)))
            }
            ErrorKind::Refused { what, facts, hint } => {
                write!(f, "{}", Line(what))?;
                facts.iter().try_for_each(|fact| write!(f, "\n  {}", Line(fact)))?;
                hint.iter().try_for_each(|hint| write!(f, "\n  hint: {}", Line(hint)))
            }
            ErrorKind::Verify { file, what } => write!(
                f,
                "the written wheel is not what was planned: {}: {}\n  hint: nothing was kept; this \
                 is a fault of truewheel, please report it with the wheel",
                Line(file),
                Line(what)
            ),
        }
    }
}

/// What opening or writing a wheel says. The name is the one that the program begins the line with.
fn wheel(f: &mut fmt::Formatter<'_>, error: &truewheel_wheel::Error) -> fmt::Result {
    let truewheel_wheel::ErrorKind::Filename { name, reason } = error.kind() else {
        return write!(f, "{}", Line(error));
    };
    write!(f, "not the name of a wheel: {reason}")?;
    match is_source(name) {
        true => f.write_str("\n  hint: this is a source distribution, build a wheel of it first"),
        false => Ok(()),
    }
}

/// `demo-1.0.tar.gz` and its older forms (PyPA, "Source distribution format").
fn is_source(name: &str) -> bool {
    [".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"].iter().any(|end| name.ends_with(end))
}

fn missing(f: &mut fmt::Formatter<'_>, libraries: &[MissingLibrary]) -> fmt::Result {
    for (index, library) in libraries.iter().enumerate() {
        if index > 0 {
            f.write_str("\n")?;
        }
        let (users, name) = (Line(library.users.join(", ")), Line(&library.needed));
        let need = if library.users.len() > 1 { "need" } else { "needs" };
        write!(f, "{users} {need} `{name}`, which was not found")?;
        match library.searched.as_slice() {
            [] => f.write_str("\n  searched: nowhere, no directory was given")?,
            searched => write!(f, "\n  searched: {}", Line(searched.join(", ")))?,
        }
        for near in &library.near_misses {
            write!(f, "\n  passed over: {}", Line(near))?;
        }
        if let Some(hint) = &library.hint {
            write!(f, "\n  hint: {}", Line(hint))?;
        }
        write!(
            f,
            "\n  hint: name its directory with `--lib-path DIR`, or leave it out with `--exclude \
             {name}`"
        )?;
    }
    Ok(())
}

fn not_earned(f: &mut fmt::Formatter<'_>, was_asked: bool, earned: Option<&str>) -> fmt::Result {
    match earned {
        Some(tag) if was_asked => write!(
            f,
            "\n  hint: it earns `{tag}`: ask for that or a newer one, or build on an older system"
        ),
        Some(tag) => write!(f, "\n  hint: it earns `{tag}`: ask for that with `--plat {tag}`"),
        None => f.write_str(
            "\n  hint: no tag promises that; `--no-update-tags` writes the wheel with the tags it has",
        ),
    }
}
