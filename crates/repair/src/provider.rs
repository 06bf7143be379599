//! Which package a library of this machine comes from: an answer for the SBOM and for licences.
//!
//! The databases of package managers are read as files; nothing is run, so a target's root that is
//! merely mounted (`--sysroot`) is asked as well as this machine's. What lies nearest to the file is
//! believed first: the conda environment it is in, the Python package whose RECORD lists it, then the
//! system's database. A database that cannot be read is told in a note, and never an error: the
//! repair is right without it.

mod apk;
mod conda;
mod dpkg;
mod os_release;
mod place;
mod purl;
mod python;
mod rpm;

use std::path::{Path, PathBuf};

use place::{Root, Wanted};

pub(crate) use purl::Purl;

/// The package that a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Whose word it is: `dpkg`, `rpm`, `apk`, `conda-meta` or `RECORD`.
    pub database: &'static str,
    /// The package's name.
    pub name: String,
    /// Its version, as the database spells it.
    pub version: String,
    /// Its package URL (ECMA-427).
    pub purl: String,
    /// The file as the package lists it: from the target's root, the environment or site-packages.
    pub path: String,
    /// The licence that the package declares, in its own words.
    pub license: Option<String>,
    /// The source package it was built from.
    pub source: Option<String>,
    /// Files with its licences on this machine, if they were asked for.
    pub license_files: Vec<LicenseFile>,
}

/// A file that comes with a package and holds a licence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LicenseFile {
    /// Its name beside the package's other ones; may have directories.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// One library: the paths that lead to it, the file behind every link first.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) paths: Vec<PathBuf>,
}

/// What else is to be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Licenses {
    Wanted,
    NotWanted,
}

/// The packages found, and what could not be read.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// One for each question, in order.
    pub(crate) providers: Vec<Option<Provider>>,
    pub(crate) notes: Vec<String>,
}

/// Asks every database.
pub(crate) fn find(questions: &[Question], sysroot: Option<&Path>, licenses: Licenses) -> Answers {
    let root = Root::new(sysroot);
    let mut answers = Answers::default();
    if questions.is_empty() {
        return answers;
    }
    let notes = &mut answers.notes;
    let mut found = conda::find(questions, &root, licenses, notes);
    let python = python::find(questions, &root, licenses, notes);
    found.fill(python.own);
    let wanted = Wanted::new(&root, questions, &found);
    if !wanted.is_empty() {
        found.fill(dpkg::find(&wanted, &root, licenses, notes));
        found.fill(rpm::find(&wanted, &root, licenses, notes));
        found.fill(apk::find(&wanted, &root, licenses, notes));
    }
    found.fill(python.of_the_system);
    answers.providers = (0..questions.len()).map(|index| found.take(index)).collect();
    answers
}

/// Files in the directory `directory` of the target, with their names; sorted.
fn files_in(root: &Root, directory: &str) -> Vec<LicenseFile> {
    let Some(place) = root.real(directory) else { return Vec::new() };
    let mut files: Vec<LicenseFile> = place::names(&place)
        .into_iter()
        .map(|name| LicenseFile { path: place.join(&name), name })
        .filter(|file| file.path.is_file())
        .collect();
    files.sort();
    files
}
