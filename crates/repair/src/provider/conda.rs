//! conda: environments of conda, mamba and pixi.
//!
//! `conda-meta/NAME-VERSION-BUILD.json` in the environment's directory lists the package's files
//! relative to it. Licences stay in the package cache, below `info/licenses`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::place::{self, Best, Closeness, Root};
use super::purl::Purl;
use super::{LicenseFile, Licenses, Provider, Question};

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
    let mut best = Best::default();
    for (question, item) in questions.iter().enumerate() {
        for (index, path) in item.paths.iter().enumerate() {
            let prefix = root.ancestors(path).find(|dir| dir.join("conda-meta").is_dir());
            let Some(prefix) = prefix else { continue };
            let Some(relative) = relative(prefix, path) else { continue };
            if let Some(package) = owner(prefix, &relative, notes) {
                let provider = provider(package, relative, licenses);
                best.offer(question, Closeness::exact(index), provider);
            }
        }
    }
    best
}

/// `path` below `directory`, `/`-separated.
fn relative(directory: &Path, path: &Path) -> Option<String> {
    Some(path.strip_prefix(directory).ok()?.to_str()?.replace('\\', "/"))
}

fn owner(prefix: &Path, relative: &str, notes: &mut Vec<String>) -> Option<Package> {
    let directory = prefix.join("conda-meta");
    let name = relative.rsplit('/').next().unwrap_or(relative);
    for file in place::names(&directory) {
        // `history` and others lie beside them.
        if !file.ends_with(".json") {
            continue;
        }
        let text = place::read_text(&directory.join(&file)).unwrap_or_default();
        if !text.contains(name) {
            continue;
        }
        match serde_json::from_str::<Package>(&text) {
            Ok(package) if package.files.iter().any(|path| path == relative) => {
                return Some(package);
            }
            Ok(_) => {}
            Err(error) => notes.push(format!("conda-meta/{file}: {error}")),
        }
    }
    None
}

fn provider(package: Package, path: String, licenses: Licenses) -> Provider {
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
        license: package.license.filter(|license| !license.is_empty()),
        source: None,
        license_files: match (licenses, package.extracted_package_dir) {
            (Licenses::Wanted, Some(directory)) => license_files(&directory.join("info/licenses")),
            _ => Vec::new(),
        },
        name: package.name,
        version: package.version,
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
