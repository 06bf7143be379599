//! Libraries that installed Python packages bring: those of `scipy-openblas64` lie in `scipy_openblas64/lib`.
//!
//! A module that is linked against such a library needs it by a plain name, and no loader looks into
//! site-packages. So where nothing else has a library, the directories are looked at in which a package
//! has one, as its RECORD lists them (PyPA, Recording installed projects); a package without RECORD may
//! have them in `lib`, `.dylibs` or `<project>.libs`. Nothing of Python is run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use truewheel_wheel::{Record, normalize_name};

use super::paths::{base_name, join_relative};
use crate::options::SearchDirectory;
use crate::provided::ProvidedBy;

/// Site-packages of an environment, and what is wanted of it.
#[derive(Clone, Debug, Default)]
pub struct SitePackages {
    /// The directories, such as `lib/python3.12/site-packages` of a virtual environment.
    pub sites: Vec<PathBuf>,
    /// Only libraries of these projects, by names as PEP 503 normalises them; empty is all.
    pub only: Vec<String>,
    /// Not those of this project: an older release of what is repaired just now.
    pub(crate) except: Option<String>,
    /// Read at the first question and shared by all wheels of a run.
    found: Arc<OnceLock<Vec<Place>>>,
}

/// A directory with libraries, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    /// Normalised name and version; `None` where nothing lists the directory.
    project: Option<(String, String)>,
}

impl PartialEq for SitePackages {
    fn eq(&self, other: &Self) -> bool {
        (&self.sites, &self.only, &self.except) == (&other.sites, &other.only, &other.except)
    }
}

impl Eq for SitePackages {}

impl SitePackages {
    /// What is wanted of `sites`.
    pub fn new(sites: Vec<PathBuf>, only: &[String]) -> Self {
        let only = only.iter().map(|name| normalize_name(name)).collect();
        Self { sites, only, except: None, found: Arc::default() }
    }

    /// Every project that is installed there, normalised and sorted.
    pub fn projects(&self) -> BTreeSet<String> {
        let infos = self.sites.iter().flat_map(|site| infos(site));
        infos.filter_map(|name| project(&name)).map(|(name, _)| name).collect()
    }

    /// A project that is installed there, with the libraries that its RECORD lists.
    pub fn provided_by(&self, name: &str) -> Option<ProvidedBy> {
        let name = normalize_name(name);
        self.sites.iter().find_map(|site| {
            let info = infos(site)
                .into_iter()
                .find(|info| project(info).is_some_and(|(project, _)| project == name))?;
            let (project, version) = project(&info)?;
            let libraries = library_rows(site, &info);
            let option = Some(format!("--provided-by {project}"));
            Some(ProvidedBy { project, version, libraries, option })
        })
    }

    /// The directories to look in, with whose they are as the rule.
    pub(crate) fn directories(&self) -> Vec<SearchDirectory> {
        let places = self.found.get_or_init(|| self.read());
        let is_wanted = |place: &&Place| match &place.project {
            Some((name, _)) => {
                (self.only.is_empty() || self.only.contains(name))
                    && self.except.as_ref() != Some(name)
            }
            None => self.only.is_empty(),
        };
        let wanted = places.iter().filter(is_wanted);
        wanted
            .map(|place| SearchDirectory { path: place.path.clone(), origin: origin(place) })
            .collect()
    }

    fn read(&self) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        let mut known = BTreeSet::new();
        for site in &self.sites {
            for info in infos(site) {
                let paths =
                    listed(site, &info).into_iter().filter(|path| known.insert(path.clone()));
                let project = project(&info);
                places.extend(paths.map(|path| Place { path, project: project.clone() }));
            }
        }
        for site in &self.sites {
            let paths = guessed(site).into_iter().filter(|path| known.insert(path.clone()));
            places.extend(paths.map(|path| Place { path, project: None }));
        }
        places
    }
}

fn origin(place: &Place) -> String {
    match &place.project {
        Some((name, version)) => format!("installed package {name} {version}"),
        None => "site-packages".to_owned(),
    }
}

/// The `.dist-info` directories of `site`, sorted.
fn infos(site: &Path) -> Vec<String> {
    let mut names = names(site);
    names.retain(|name| name.ends_with(".dist-info"));
    names
}

fn names(directory: &Path) -> Vec<String> {
    let items = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        items.filter_map(|item| item.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Name and version in `scipy_openblas64-0.3.34.dist-info`.
fn project(info: &str) -> Option<(String, String)> {
    let (name, version) = info.strip_suffix(".dist-info")?.rsplit_once('-')?;
    Some((normalize_name(name), version.to_owned()))
}

/// Directories in which RECORD has libraries, in its order.
fn listed(site: &Path, info: &str) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = Vec::new();
    for row in library_rows(site, info) {
        let Some(directory) =
            installed_at(site, &row).and_then(|path| path.parent().map(Path::to_path_buf))
        else {
            continue;
        };
        if !directories.contains(&directory) && directory.is_dir() {
            directories.push(directory);
        }
    }
    directories
}

/// The paths of libraries in RECORD, in its order.
fn library_rows(site: &Path, info: &str) -> Vec<String> {
    let Ok(text) = std::fs::read_to_string(site.join(info).join("RECORD")) else {
        return Vec::new();
    };
    if ![".so", ".dylib", ".dll"].iter().any(|ending| text.contains(ending)) {
        return Vec::new();
    }
    let Ok(record) = Record::parse(&text) else { return Vec::new() };
    let paths = record.rows.into_iter().map(|row| row.path);
    paths.filter(|path| is_library(path)).collect()
}

/// Where a row's file lies: below `site`, or wherever `..` leads from there.
pub(crate) fn installed_at(site: &Path, row: &str) -> Option<PathBuf> {
    if row.starts_with('/') {
        return Some(PathBuf::from(row));
    }
    let mut directory = site;
    let mut rest = row;
    while let Some(shorter) = rest.strip_prefix("../") {
        directory = directory.parent()?;
        rest = shorter;
    }
    Some(directory.join(join_relative("", rest)?))
}

/// By its name, and no extension module by it: those are for Python alone.
fn is_library(path: &str) -> bool {
    let name = base_name(path).to_lowercase();
    let is_elf = name.starts_with("lib") && (name.ends_with(".so") || name.contains(".so."));
    let is_module = [".cpython-", ".abi3.", ".pypy"].iter().any(|part| name.contains(part));
    (is_elf || name.ends_with(".dylib") || name.ends_with(".dll")) && !is_module
}

/// Where packages usually have libraries.
fn guessed(site: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(site).into_iter().filter(|name| !name.ends_with(".dist-info")) {
        let path = site.join(&name);
        if name.ends_with(".libs") || name.ends_with(".dylibs") {
            found.push(path);
        } else {
            found.extend([path.join("lib"), path.join(".dylibs")]);
        }
    }
    found.retain(|path| path.is_dir());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_told_from_modules_by_their_names() {
        for path in ["a/lib/libfoo.so", "a/libfoo.so.1.2", "a/libfoo.dylib", "b.libs/Foo.DLL"] {
            assert!(is_library(path), "{path}");
        }
        for path in
            ["a/_core.so", "a/libx.cpython-312-x86_64-linux-gnu.so", "a/b.py", "lib.abi3.so"]
        {
            assert!(!is_library(path), "{path}");
        }
    }

    #[test]
    fn a_dist_info_names_its_project() {
        let wanted = ("scipy-openblas64".to_owned(), "0.3.34".to_owned());
        assert_eq!(project("scipy_openblas64-0.3.34.dist-info"), Some(wanted));
        assert_eq!(project("x.egg-info"), None);
    }
}
