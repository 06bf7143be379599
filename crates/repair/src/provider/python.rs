//! Installed Python packages: a `dist-info` whose RECORD lists the file.
//!
//! Libraries come from PyPI too, such as `scipy-openblas64`. Most lie below site-packages; a wheel with
//! a `data` directory puts them into the environment's `lib`, and its RECORD then leads out of
//! site-packages by `../../..`. Of a package that the system installed, the system's database knows
//! more, and it is asked first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use truewheel_wheel::{Metadata, Record, normalize_name};

use super::place::{self, Best, Closeness, Root};
use super::purl::Purl;
use super::{LicenseFile, Licenses, Provider, Question};
use crate::search::paths::{base_name, join_relative};
use crate::search::sites::installed_at;

/// Packages by who installed them.
#[derive(Debug, Default)]
pub(super) struct Packages {
    pub(super) own: Best<Provider>,
    /// INSTALLER names the system's package manager.
    pub(super) of_the_system: Best<Provider>,
}

/// A path of a question: question, index of the path, the path.
type Asked<'a> = (usize, usize, &'a Path);

/// The packages in every site-packages near the files.
pub(super) fn find(
    questions: &[Question],
    root: &Root,
    licenses: Licenses,
    notes: &mut Vec<String>,
) -> Packages {
    let mut sites: BTreeMap<PathBuf, Vec<Asked<'_>>> = BTreeMap::new();
    for (question, item) in questions.iter().enumerate() {
        for (index, path) in item.paths.iter().enumerate() {
            for site in root.ancestors(path).flat_map(sites_near) {
                sites.entry(site).or_default().push((question, index, path));
            }
        }
    }
    let mut packages = Packages::default();
    for (site, asked) in &sites {
        for name in place::names(site).iter().filter(|name| name.ends_with(".dist-info")) {
            search(&site.join(name), site, asked, licenses, &mut packages, notes);
        }
    }
    packages
}

/// `directory` as site-packages, and those of an environment whose root it is.
fn sites_near(directory: &Path) -> Vec<PathBuf> {
    let mut sites = vec![directory.to_owned(), directory.join("Lib/site-packages")];
    for lib in ["lib", "lib64"] {
        let lib = directory.join(lib);
        for python in place::names(&lib).iter().filter(|name| name.starts_with("python3")) {
            sites.extend(["site-packages", "dist-packages"].map(|d| lib.join(python).join(d)));
        }
    }
    sites.retain(|site| site.is_dir());
    sites
}

fn search(
    dist_info: &Path,
    site: &Path,
    asked: &[Asked<'_>],
    licenses: Licenses,
    packages: &mut Packages,
    notes: &mut Vec<String>,
) {
    let Ok(text) = place::read_text(&dist_info.join("RECORD")) else { return };
    let has_name = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| text.contains(name))
    };
    if !asked.iter().any(|(.., path)| has_name(path)) {
        return;
    }
    let record = match Record::parse(&text) {
        Ok(record) => record,
        Err(error) => {
            let name = dist_info.file_name().unwrap_or_default().to_string_lossy();
            notes.push(format!("{name}/RECORD: {error}"));
            return;
        }
    };
    for row in &record.rows {
        let Some(place) = installed_at(site, &row.path) else { continue };
        for (question, index, _) in asked.iter().filter(|(.., path)| *path == place) {
            let provider = provider(dist_info, &row.path, &record, licenses);
            let installer = place::read_text(&dist_info.join("INSTALLER")).unwrap_or_default();
            let is_system = ["rpm", "debian", "dpkg", "apt", "apk"].contains(&installer.trim());
            let best = if is_system { &mut packages.of_the_system } else { &mut packages.own };
            best.offer(*question, Closeness::exact(*index), provider);
        }
    }
}

fn provider(dist_info: &Path, path: &str, record: &Record, licenses: Licenses) -> Provider {
    let stem = dist_info.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = place::read_text(&dist_info.join("METADATA")).unwrap_or_default();
    let metadata = Metadata::parse(&text).ok();
    let (name, version) = match (&metadata, stem.rsplit_once('-')) {
        (Some(metadata), _) => (metadata.name().to_owned(), metadata.version().to_owned()),
        (None, Some((name, version))) => (name.to_owned(), version.to_owned()),
        (None, None) => (stem, String::new()),
    };
    let normal = normalize_name(&name);
    let purl = Purl { kind: "pypi", name: &normal, version: &version, ..Purl::default() };
    Provider {
        database: "RECORD",
        purl: purl.to_string(),
        // An absolute row names a directory of this machine, which the package does not.
        path: if path.starts_with('/') { base_name(path) } else { path }.to_owned(),
        license: metadata.as_ref().and_then(declared_license),
        source: None,
        license_files: match licenses {
            Licenses::Wanted => license_files(dist_info, record, metadata.as_ref()),
            Licenses::NotWanted => Vec::new(),
        },
        name,
        version,
    }
}

/// `License-Expression`, or an old `License` that is a name and not the whole text.
fn declared_license(metadata: &Metadata) -> Option<String> {
    ["License-Expression", "License"]
        .iter()
        .flat_map(|header| metadata.all(header))
        .find(|value| !value.is_empty() && !value.contains('\n') && *value != "UNKNOWN")
        .map(str::to_owned)
}

/// What is below `licenses/` (PEP 639), what `License-File` names (older tools put it at the top of
/// dist-info), and what has the name of a licence.
fn license_files(
    dist_info: &Path,
    record: &Record,
    metadata: Option<&Metadata>,
) -> Vec<LicenseFile> {
    let directory = dist_info.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let named: Vec<&str> =
        metadata.map(|metadata| metadata.all("License-File").collect()).unwrap_or_default();
    let mut files: Vec<LicenseFile> = record
        .rows
        .iter()
        .filter_map(|row| row.path.strip_prefix(&format!("{directory}/")))
        .filter_map(|inner| {
            let name =
                inner.strip_prefix("licenses/").or_else(|| inner.strip_prefix("license_files/"));
            let is_it = named.contains(&inner) || !inner.contains('/') && is_license_name(inner);
            name.or(is_it.then_some(inner)).map(|name| (name, inner))
        })
        .filter(|(_, inner)| join_relative("", inner).is_some_and(|path| path == *inner))
        .map(|(name, inner)| LicenseFile { name: name.to_owned(), path: dist_info.join(inner) })
        .filter(|file| file.path.is_file())
        .collect();
    files.sort();
    files
}

fn is_license_name(name: &str) -> bool {
    let name = name.to_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS"].iter().any(|word| name.starts_with(word))
}
