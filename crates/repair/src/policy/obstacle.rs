//! What keeps a wheel from a promise.

use std::fmt;

use serde::Serialize;

/// The kinds of [`Obstacle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObstacleKind {
    /// A symbol version that is newer than the promise.
    Version,
    /// A symbol that some systems do not have.
    Symbol,
    /// Relocations that some loaders do not apply.
    Relocations,
    /// Something that only some builds of Python have.
    Python,
    /// Instructions that only some processors have.
    Instructions,
    /// A search path that some loaders do not read.
    SearchPath,
    /// No tag exists for the architecture.
    Architecture,
}

/// What keeps a wheel from a promise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Obstacle {
    /// The member or library.
    pub file: String,
    /// Of which kind it is.
    pub kind: ObstacleKind,
    /// What the file uses, such as `GLIBC_2.34 of libc.so.6`.
    pub what: String,
    /// The symbols that ask for the version; empty where the file does not tell.
    pub symbols: Vec<String>,
}

/// What the option is for that sets such obstacles aside.
pub(crate) const ISA_REMEDY: &str =
    "if the code asks the processor before it uses them, say so with `--disable-isa-ext-check`";

/// Whether some processors lack instructions that a file is marked with.
pub(crate) fn has_instructions(obstacles: &[Obstacle]) -> bool {
    obstacles.iter().any(|obstacle| obstacle.kind == ObstacleKind::Instructions)
}

impl fmt::Display for Obstacle {
    /// `GLIBC_2.34 of libc.so.6 (pthread_create, dlsym)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.symbols.as_slice() {
            [] => Ok(()),
            few if few.len() <= 6 => write!(f, " ({})", few.join(", ")),
            many => {
                let (first, rest) = many.split_at(5);
                write!(f, " ({} and {} more)", first.join(", "), rest.len())
            }
        }
    }
}
