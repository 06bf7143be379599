//! conda: environments of conda, mamba and pixi.
//!
//! `conda-meta/NAME-VERSION-BUILD.json` in the environment's directory lists the package's files
//! relative to it. Licences stay in the package cache, below `info/licenses`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::place::{self, Best, Closeness, Root};
use super::purl::Purl;
use super::{LicenseFile, Licenses, Provider, Question};
use crate::search::paths::base_name;

/// What is read of a file of conda-meta; unknown and missing fields do not matter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    name: String,
    version: String,
    build: String,
    channel: String,
    subdir: String,
    #[serde(rename = "fn")]
    file_name: String,
    license: Option<String>,
    files: Vec<String>,
    extracted_package_dir: Option<PathBuf>,
}

/// The packages of the environments that the files lie in.
pub(super) fn find(
    questions: &[Question],
    root: &Root,
    licenses: Licenses,
    notes: &mut Vec<String>,
) -> Best<Provider> {
    let mut prefixes: BTreeMap<PathBuf, Vec<Asked>> = BTreeMap::new();
    for (question, item) in questions.iter().enumerate() {
        for (index, path) in item.paths.iter().enumerate() {
            let prefix = root.ancestors(path).find(|dir| dir.join("conda-meta").is_dir());
            let Some(prefix) = prefix else { continue };
            if let Some(relative) = relative(prefix, path) {
                let asked = Asked { question, index, relative };
                prefixes.entry(prefix.to_owned()).or_default().push(asked);
            }
        }
    }
    let mut best = Best::default();
    for (prefix, asked) in &prefixes {
        search(prefix, asked, licenses, &mut best, notes);
    }
    best
}

/// A path of a question, below the environment.
struct Asked {
    question: usize,
    index: usize,
    relative: String,
}

/// `path` below `directory`, `/`-separated.
fn relative(directory: &Path, path: &Path) -> Option<String> {
    Some(path.strip_prefix(directory).ok()?.to_str()?.replace('\\', "/"))
}

/// Reads each package of an environment once, whatever is asked.
fn search(
    prefix: &Path,
    asked: &[Asked],
    licenses: Licenses,
    best: &mut Best<Provider>,
    notes: &mut Vec<String>,
) {
    let directory = prefix.join("conda-meta");
    // `history` and others lie beside them.
    for file in place::names(&directory).iter().filter(|name| name.ends_with(".json")) {
        let text = place::read_text(&directory.join(file)).unwrap_or_default();
        if !asked.iter().any(|asked| text.contains(base_name(&asked.relative))) {
            continue;
        }
        let package = match serde_json::from_str::<Package>(&text) {
            Ok(package) => package,
            Err(error) => {
                notes.push(format!("conda-meta/{file}: {error}"));
                continue;
            }
        };
        let files: BTreeSet<&str> = package.files.iter().map(String::as_str).collect();
        for asked in asked.iter().filter(|asked| files.contains(&*asked.relative)) {
            let provider = provider(&package, asked.relative.clone(), licenses);
            best.offer(asked.question, Closeness::exact(asked.index), provider);
        }
    }
}

fn provider(package: &Package, path: String, licenses: Licenses) -> Provider {
    let kind = [".conda", ".tar.bz2"].iter().find(|end| package.file_name.ends_with(*end));
    let purl = Purl {
        kind: "conda",
        namespace: None,
        name: &package.name,
        version: &package.version,
        qualifiers: [
            ("build", &*package.build),
            ("channel", channel(&package.channel)),
            ("subdir", &package.subdir),
            ("type", kind.map_or("", |end| &end[1..])),
        ]
        .into(),
    };
    Provider {
        database: "conda-meta",
        purl: purl.to_string(),
        path,
        license: package.license.clone().filter(|license| !license.is_empty()),
        source: None,
        license_files: match (licenses, &package.extracted_package_dir) {
            (Licenses::Wanted, Some(directory)) => license_files(&directory.join("info/licenses")),
            _ => Vec::new(),
        },
        name: package.name.clone(),
        version: package.version.clone(),
    }
}

/// The channel's name out of its URL, which may hold a token: `conda-forge` of
/// `https://conda.anaconda.org/conda-forge/linux-64`.
fn channel(text: &str) -> &str {
    let Some((_, rest)) = text.split_once("://") else { return text };
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    let is_subdir = |part: &&str| *part == "noarch" || part.contains('-') && has_system(part);
    match parts.as_slice() {
        [.., name, last] if is_subdir(last) => name,
        [.., last] => last,
        [] => "",
    }
}

fn has_system(part: &str) -> bool {
    ["linux-", "osx-", "win-"].iter().any(|system| part.starts_with(system))
}

/// Every file below `directory`, whose packages may sort them into directories of their own.
fn license_files(directory: &Path) -> Vec<LicenseFile> {
    let mut files = Vec::new();
    for name in place::names(directory) {
        let path = directory.join(&name);
        if path.is_file() {
            files.push(LicenseFile { name, path });
        } else if path.is_dir() {
            let inner = place::names(&path).into_iter().map(|inner| LicenseFile {
                path: path.join(&inner),
                name: format!("{name}/{inner}"),
            });
            files.extend(inner.filter(|file| file.path.is_file()));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_known_by_its_name_alone() {
        for (text, name) in [
            ("https://conda.anaconda.org/conda-forge/linux-64", "conda-forge"),
            ("https://conda.anaconda.org/t/secret/private/noarch", "private"),
            ("https://repo.anaconda.com/pkgs/main", "main"),
            ("conda-forge", "conda-forge"),
            ("", ""),
        ] {
            assert_eq!(channel(text), name);
        }
    }
}
