//! The files that a search may come to: members of a wheel by where they install, and files of this
//! machine, each read once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use truewheel_wheel::MemberPath;

use crate::binary::Binary;
use crate::search::paths::{environment_path, join_relative, parent};

/// Where a file lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    /// In an environment that the wheel is installed in; `/`-separated.
    Wheel(String),
    /// On this machine.
    Disk(PathBuf),
}

impl Spot {
    /// `rest` from the directory of this file; `None` when it leaves the environment.
    pub(super) fn beside(&self, rest: &str) -> Option<Self> {
        match self {
            Self::Wheel(path) => join_relative(parent(path), rest).map(Self::Wheel),
            Self::Disk(path) => {
                let directory = path.parent().unwrap_or(Path::new(""));
                Some(Self::Disk(directory.join(rest.trim_start_matches('/'))))
            }
        }
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Wheel(path) => crate::search::paths::words(path).replacen("/ in", " in", 1),
            Self::Disk(path) => path.display().to_string(),
        }
    }
}

/// Facts of one format, by place.
pub(super) struct Shelf<T> {
    take: fn(Binary) -> Option<T>,
    members: BTreeMap<String, (MemberPath, T)>,
    /// File name of a member → places.
    by_name: BTreeMap<String, Vec<String>>,
    disk: BTreeMap<PathBuf, Option<T>>,
    /// Names of a directory in lower case → as they are: Windows tells no cases apart.
    listings: BTreeMap<PathBuf, BTreeMap<String, PathBuf>>,
}

impl<T: Clone> Shelf<T> {
    pub(super) fn new(take: fn(Binary) -> Option<T>) -> Self {
        Self {
            take,
            members: BTreeMap::new(),
            by_name: BTreeMap::new(),
            disk: BTreeMap::new(),
            listings: BTreeMap::new(),
        }
    }

    /// Puts a member where it will be installed; headers are nowhere.
    pub(super) fn insert(&mut self, path: &MemberPath, facts: T) -> Option<Spot> {
        let place = self.key(&environment_path(path)?);
        self.by_name.entry(self.key(path.file_name())).or_default().push(place.clone());
        self.members.insert(place.clone(), (path.clone(), facts));
        Some(Spot::Wheel(place))
    }

    /// Puts a file of this machine where it lies.
    pub(super) fn insert_file(&mut self, path: &Path, facts: T) -> Spot {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.disk.insert(real.clone(), Some(facts));
        Spot::Disk(real)
    }

    /// The file at `spot` with its own place, links followed.
    pub(super) fn at(&mut self, spot: &Spot) -> Option<(Spot, T)> {
        match spot {
            Spot::Wheel(path) => {
                let (_, facts) = self.members.get(&self.key(path))?;
                Some((Spot::Wheel(self.key(path)), facts.clone()))
            }
            Spot::Disk(path) => {
                let real = self.real(path)?;
                if !self.disk.contains_key(&real) {
                    let facts = read(&real).and_then(self.take);
                    self.disk.insert(real.clone(), facts);
                }
                let facts = self.disk.get(&real)?.clone()?;
                Some((Spot::Disk(real), facts))
            }
        }
    }

    /// How reports name the file at `spot`.
    pub(super) fn name(&self, spot: &Spot) -> String {
        match spot {
            Spot::Wheel(path) => match self.members.get(&self.key(path)) {
                Some((member, _)) => member.to_string(),
                None => path.clone(),
            },
            Spot::Disk(path) => path.display().to_string(),
        }
    }

    /// The members called `name`.
    pub(super) fn members(&self, name: &str) -> Vec<Spot> {
        let places = self.by_name.get(&self.key(name)).into_iter().flatten();
        places.map(|place| Spot::Wheel(place.clone())).collect()
    }

    fn key(&self, path: &str) -> String {
        path.to_lowercase()
    }

    fn real(&mut self, path: &Path) -> Option<PathBuf> {
        let directory = path.parent()?.to_owned();
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let listing =
            self.listings.entry(directory).or_insert_with_key(|directory| list(directory));
        let found = listing.get(&name)?.clone();
        fs::canonicalize(found).ok().filter(|real| real.is_file())
    }
}

/// The files of a directory by their names in lower case; an unreadable directory has none.
fn list(directory: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    names.sort();
    let name =
        |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    names.into_iter().map(|path| (name(&path), path)).collect()
}

/// The binary at `path`; a file of this machine that cannot be read is passed over like none.
fn read(path: &Path) -> Option<Binary> {
    let bytes = fs::read(path).ok()?;
    Binary::read(&bytes, &path.file_name().unwrap_or_default().to_string_lossy())
}
