//! Paths of the target on this machine, and whether a path that a database lists is a file we hold.
//!
//! On a merged system `/lib` is a link to `usr/lib`. A package may list `/lib/x/libz.so.1` and the
//! file behind every link be `/usr/lib/x/libz.so.1`, or the other way round. So the directory of a
//! listed path is resolved below the target's root, and only its directory: the last part may be a
//! link that another package owns (`update-alternatives`). A root that was copied without its links
//! is read as merged.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Question;
use crate::search::disk;

/// More than any database of packages takes: what is larger is no database.
const LARGEST_DATABASE: u64 = 1 << 30;

/// The target's root on this machine.
#[derive(Debug)]
pub(super) struct Root {
    sysroot: Option<PathBuf>,
}

impl Root {
    pub(super) fn new(sysroot: Option<&Path>) -> Self {
        Self { sysroot: sysroot.map(Path::to_owned) }
    }

    /// Where `path` of the target lies on this machine, links followed inside the root; `None` if
    /// there is nothing.
    pub(super) fn real(&self, path: &str) -> Option<PathBuf> {
        let here = match &self.sysroot {
            None => PathBuf::from(path),
            Some(root) => disk::below(root, Path::new(path)),
        };
        disk::real_path(self.sysroot.as_deref(), &here)
    }

    /// What the target calls `path`; `None` for a file outside its root, which none of the target's
    /// packages owns.
    fn inside(&self, path: &Path) -> Option<String> {
        let path = match &self.sysroot {
            None => path,
            Some(root) => path.strip_prefix(root).ok()?,
        };
        let text = path.to_str()?;
        Some(format!("/{}", text.trim_start_matches('/')))
    }

    /// The directories that `path` is in, nearest first, not above the root.
    pub(super) fn ancestors<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Path> {
        let stop = self.sysroot.as_deref().filter(|root| path.starts_with(root));
        path.ancestors()
            .skip(1)
            .take_while(move |dir| stop.is_none_or(|root| dir.starts_with(root)))
    }

    /// The contents of a file of the target; `None` if there is none.
    pub(super) fn read(&self, path: &str) -> Option<Result<Vec<u8>, String>> {
        let place = self.real(path)?;
        place.is_file().then(|| read(&place).map_err(|error| format!("{path}: {error}")))
    }
}

/// Reads a file of a database.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LARGEST_DATABASE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST_DATABASE {
        return Err(format!("larger than {LARGEST_DATABASE} bytes"));
    }
    Ok(bytes)
}

/// [`read`], as text. What is not UTF-8 cannot be a name that a wheel has.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Names of what is in a directory, sorted; of an unreadable one, none.
pub(super) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// What was found for each question; of two finds the closer one is kept, of equals the first.
#[derive(Debug)]
pub(super) struct Best<T> {
    found: BTreeMap<usize, (Closeness, T)>,
}

/// How near a listed path is to a question; smaller is nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Closeness {
    /// Which of the question's paths.
    path: usize,
    /// As it is spelled, by resolving, or by what merged systems have in common.
    spelling: u8,
}

impl Closeness {
    /// The path at this index of a question, as it is spelled.
    pub(super) fn exact(path: usize) -> Self {
        Self { path, spelling: 0 }
    }
}

impl<T> Default for Best<T> {
    fn default() -> Self {
        Self { found: BTreeMap::new() }
    }
}

impl<T> Best<T> {
    pub(super) fn offer(&mut self, question: usize, closeness: Closeness, item: T) {
        let is_closer = self.found.get(&question).is_none_or(|(known, _)| closeness < *known);
        if is_closer {
            self.found.insert(question, (closeness, item));
        }
    }

    pub(super) fn has(&self, question: usize) -> bool {
        self.found.contains_key(&question)
    }

    /// Answers for what is not answered yet.
    pub(super) fn fill(&mut self, other: Self) {
        for (question, found) in other.found {
            self.found.entry(question).or_insert(found);
        }
    }

    pub(super) fn take(&mut self, question: usize) -> Option<T> {
        self.found.remove(&question).map(|(_, item)| item)
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &T> {
        self.found.values().map(|(_, item)| item)
    }

    /// Makes something of each find, or nothing.
    pub(super) fn filter_map<U>(self, mut make: impl FnMut(T) -> Option<U>) -> Best<U> {
        let made = self
            .found
            .into_iter()
            .filter_map(|(question, (closeness, item))| Some((question, (closeness, make(item)?))));
        Best { found: made.collect() }
    }
}

/// The files that the system's databases are searched for, by file name.
#[derive(Debug)]
pub(super) struct Wanted {
    by_name: BTreeMap<String, Vec<Place>>,
}

#[derive(Debug)]
struct Place {
    question: usize,
    /// Index of the path in its question.
    path: usize,
    /// As the target calls it.
    inside: String,
    here: PathBuf,
}

impl Wanted {
    /// Every question that has no answer yet.
    pub(super) fn new<T>(root: &Root, questions: &[Question], answered: &Best<T>) -> Self {
        let mut by_name: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        for (question, item) in questions.iter().enumerate() {
            for (path, here) in item.paths.iter().enumerate() {
                if let Some(inside) = root.inside(here).filter(|_| !answered.has(question)) {
                    let place = Place { question, path, inside, here: here.clone() };
                    by_name.entry(disk::file_name(here)).or_default().push(place);
                }
            }
        }
        Self { by_name }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether a file of this name is wanted.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The question that `listed`, a path from the target's root, answers.
    pub(super) fn matches(&self, root: &Root, listed: &str) -> Option<(usize, Closeness)> {
        let (directory, name) = listed.rsplit_once('/').unwrap_or(("", listed));
        let places = self.by_name.get(name)?;
        let closeness = |place: &Place| {
            let spelling = place.spelling(root, directory, listed)?;
            Some((place.question, Closeness { path: place.path, spelling }))
        };
        places.iter().filter_map(closeness).min_by_key(|(_, closeness)| *closeness)
    }
}

impl Place {
    fn spelling(&self, root: &Root, directory: &str, listed: &str) -> Option<u8> {
        let same = |path: &str| path.trim_start_matches('/') == listed.trim_start_matches('/');
        if same(&self.inside) {
            return Some(0);
        }
        match root.real(&format!("/{}", directory.trim_start_matches('/'))) {
            Some(directory) => {
                (self.here.parent().is_some_and(|parent| parent == directory)).then_some(1)
            }
            None => (without_usr(&self.inside) == without_usr(listed)).then_some(2),
        }
    }
}

fn without_usr(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    path.strip_prefix("usr/").unwrap_or(path)
}
