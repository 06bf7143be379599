//! What wheels of a project may bring along, as a file that is kept with its sources.
//!
//! A build that takes another library than it did looks right until somebody sees the size of the wheel. So
//! each wheel's libraries are held against a list: name, package, version, the SHA-256 of the file as it was
//! found, size. All that is read out of the finished wheel, so that a repair and a check say the same: out of
//! the list that truewheel puts into `.dist-info/sboms/`, and where there is none, names out of the
//! directories of vendored libraries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use truewheel_wheel::Wheel;

use crate::error::{Error, Result};
use crate::names::WheelName;

/// One library of a wheel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedLibrary {
    /// Its file name where it was found.
    pub name: String,
    /// The package it comes from, as a package URL without version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The version of that package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of the file as it was found, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// The libraries of the wheels whose tags match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockEntry {
    /// A glob on tags, such as `*-manylinux_2_28_x86_64`, or on file names.
    pub tag: String,
    /// Sorted by name.
    pub libraries: Vec<LockedLibrary>,
}

/// A whole list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// The file, for messages.
    pub path: PathBuf,
    /// The first whose tag matches counts.
    pub entries: Vec<LockEntry>,
    /// Tags of entries that were taken over in this run.
    fresh: BTreeSet<String>,
}

impl Lock {
    /// The list that `path` has.
    pub fn new(path: PathBuf, entries: Vec<LockEntry>) -> Self {
        Self { path, entries, fresh: BTreeSet::new() }
    }

    /// The entry for the wheel of this name.
    fn entry(&self, name: &WheelName) -> Result<Option<usize>> {
        for (index, entry) in self.entries.iter().enumerate() {
            if name.is_selected(std::slice::from_ref(&entry.tag))? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Takes over what the wheel at `path` brings along.
    ///
    /// # Errors
    ///
    /// The wheel cannot be read.
    pub fn update(&mut self, path: &Path) -> Result<()> {
        let wheel = Wheel::open(path)?;
        let name = name_of(&wheel)?;
        let (libraries, is_whole) = vendored(&wheel)?;
        if !is_whole {
            return Err(Error::refused_with(
                "the wheel has no list of what was brought along, which a lock is made from",
                "repair it without `--no-sbom`",
            ));
        }
        let tag = match self.entry(&name)?.and_then(|index| self.entries.get_mut(index)) {
            // Another wheel of this run has other libraries: each gets an entry of its own.
            Some(entry) if self.fresh.contains(&entry.tag) && entry.libraries != libraries => {
                name.tags.last().cloned().unwrap_or_default()
            }
            Some(entry) => {
                entry.libraries = libraries;
                self.fresh.insert(entry.tag.clone());
                return Ok(());
            }
            None => {
                let platform = wheel.filename().platforms.last();
                format!("*-{}", platform.map(ToString::to_string).unwrap_or_default())
            }
        };
        self.fresh.insert(tag.clone());
        self.entries.push(LockEntry { tag, libraries });
        // The first that matches counts, so what is for fewer wheels comes first.
        self.entries.sort_by_key(|entry| (entry.tag.starts_with('*'), entry.tag.clone()));
        Ok(())
    }
}

fn name_of(wheel: &Wheel) -> Result<WheelName> {
    let name = wheel.filename().to_string();
    WheelName::of(Path::new(&name)).ok_or_else(|| Error::refused(format!("`{name}` is no wheel")))
}

/// How `wheel` differs from what `lock` allows, a line each.
///
/// The second value says whether more than names could be compared.
pub(crate) fn differences(lock: &Lock, wheel: &Wheel) -> Result<(Vec<String>, bool)> {
    let name = name_of(wheel)?;
    let Some(index) = lock.entry(&name)? else {
        let file = lock.path.display();
        return Ok((vec![format!("no entry of {file} is for {}", name.name)], true));
    };
    let entry = &lock.entries[index];
    let (found, is_whole) = vendored(wheel)?;
    Ok((compare(entry, &found, is_whole), is_whole))
}

fn compare(entry: &LockEntry, found: &[LockedLibrary], is_whole: bool) -> Vec<String> {
    let tag = &entry.tag;
    let by_name = |libraries: &[LockedLibrary]| {
        let mut names: BTreeMap<String, BTreeSet<LockedLibrary>> = BTreeMap::new();
        for library in libraries {
            names.entry(library.name.clone()).or_default().insert(library.clone());
        }
        names
    };
    let (locked, found) = (by_name(&entry.libraries), by_name(found));
    let mut lines = Vec::new();
    for (name, libraries) in &found {
        match locked.get(name) {
            None => {
                let what = libraries.first().map(words).unwrap_or_default();
                lines.push(format!(
                    "`{name}` is brought along{what}; the lock for `{tag}` has it not"
                ));
            }
            Some(wanted) if wanted != libraries && is_whole => {
                lines.push(changed(name, wanted.first(), libraries.first()));
            }
            Some(_) => {}
        }
    }
    for name in locked.keys().filter(|name| !found.contains_key(*name)) {
        lines.push(format!("the lock for `{tag}` has `{name}`, which is not brought along"));
    }
    lines
}

/// ` (pkg:pypi/foo 1.0, 1200 bytes)`.
fn words(library: &LockedLibrary) -> String {
    let package = match (&library.provider, &library.version) {
        (Some(provider), Some(version)) => Some(format!("{provider} {version}")),
        (Some(provider), None) => Some(provider.clone()),
        _ => None,
    };
    let size = library.size.map(|size| format!("{size} bytes"));
    let parts: Vec<String> = package.into_iter().chain(size).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn changed(name: &str, was: Option<&LockedLibrary>, is: Option<&LockedLibrary>) -> String {
    let (Some(was), Some(is)) = (was, is) else { return format!("`{name}` is another") };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let short = |text: &Option<String>| or_none(text).chars().take(12).collect::<String>();
    let number =
        |size: Option<u64>| size.map_or_else(|| "none".to_owned(), |size| size.to_string());
    let facts = [
        ("package", or_none(&was.provider), or_none(&is.provider)),
        ("version", or_none(&was.version), or_none(&is.version)),
        ("sha256", short(&was.sha256), short(&is.sha256)),
        ("size", number(was.size), number(is.size)),
    ];
    let facts = facts.into_iter().filter(|(_, was, is)| was != is);
    let facts: Vec<String> = facts
        .map(|(what, was, is)| format!("{what} {was} in the lock, {is} in the wheel"))
        .collect();
    match facts.is_empty() {
        true => format!("`{name}` is there another number of times"),
        false => format!("`{name}`: {}", facts.join("; ")),
    }
}

/// The libraries that a finished wheel brings along, and whether all is known of them.
fn vendored(wheel: &Wheel) -> Result<(Vec<LockedLibrary>, bool)> {
    let path = crate::sbom::path(wheel);
    let mut libraries = match wheel.member(&path) {
        Some(member) => {
            let document: Value = serde_json::from_slice(&wheel.read(member)?)
                .map_err(|error| Error::refused(format!("{path}: {error}")))?;
            let components = document.get("components").and_then(Value::as_array);
            components.into_iter().flatten().filter_map(of_component).collect()
        }
        None => Vec::new(),
    };
    let is_listed = wheel.member(&path).is_some();
    if !is_listed {
        libraries = by_place(wheel);
    }
    libraries.sort();
    let is_whole = is_listed || libraries.is_empty();
    Ok((libraries, is_whole))
}

/// The library as it was found is the ancestor of the one in the wheel.
fn of_component(component: &Value) -> Option<LockedLibrary> {
    let source = component.get("pedigree")?.get("ancestors")?.get(0)?;
    let text = |value: &Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
    let properties = source.get("properties").and_then(Value::as_array);
    let size = properties.into_iter().flatten().find_map(|property| {
        (property.get("name")? == "truewheel:size").then(|| text(property, "value"))?
    });
    let hash = source.get("hashes").and_then(|hashes| hashes.get(0));
    let purl = text(component, "purl");
    Some(LockedLibrary {
        name: text(source, "name")?,
        provider: purl.map(|purl| without_version(&purl)),
        version: text(component, "version"),
        sha256: hash.and_then(|hash| text(hash, "content")),
        size: size.and_then(|size| size.parse().ok()),
    })
}

/// `pkg:deb/debian/zlib1g@1.2?arch=amd64` without what hangs on the version.
fn without_version(purl: &str) -> String {
    purl.split(['@', '?']).next().unwrap_or(purl).to_owned()
}

/// Libraries in the directories that repairs make, by names without the digits that repairs give.
fn by_place(wheel: &Wheel) -> Vec<LockedLibrary> {
    let is_vendored = |path: &str| {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let last = directory.rsplit('/').next().unwrap_or(directory);
        last == ".dylibs"
            || (directory == last && (last.ends_with(".libs") || last.ends_with(".dylibs")))
    };
    let members = wheel.members().iter().map(|member| member.path.as_str());
    let names = members.filter(|path| is_vendored(path)).filter_map(|path| path.rsplit('/').next());
    let names = names.filter(|name| !name.starts_with('.')).map(without_digits);
    names
        .map(|name| LockedLibrary { name, provider: None, version: None, sha256: None, size: None })
        .collect()
}

/// `libfoo-1a2b3c4d.so.1` is libfoo.so.1, and a DLL has 32 digits.
fn without_digits(name: &str) -> String {
    let Some((stem, rest)) = name.split_once('.') else { return name.to_owned() };
    match stem.rsplit_once('-') {
        Some((base, digits))
            if matches!(digits.len(), 8 | 32) && digits.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            format!("{base}.{rest}")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, version: &str, size: u64) -> LockedLibrary {
        LockedLibrary {
            name: name.to_owned(),
            provider: Some("pkg:pypi/foo".to_owned()),
            version: Some(version.to_owned()),
            sha256: None,
            size: Some(size),
        }
    }

    #[test]
    fn every_difference_is_told_with_both_values() {
        let locked = vec![library("a", "1", 10), library("b", "1", 10)];
        let entry = LockEntry { tag: "*".to_owned(), libraries: locked };
        let found = [library("a", "2", 12), library("c", "1", 10)];
        let told = [
            "`a`: version 1 in the lock, 2 in the wheel; size 10 in the lock, 12 in the wheel",
            "`c` is brought along (pkg:pypi/foo 1, 10 bytes); the lock for `*` has it not",
            "the lock for `*` has `b`, which is not brought along",
        ];
        assert_eq!(compare(&entry, &found, true), told);
        assert_eq!(compare(&entry, &found, false), told[1..]);
        assert_eq!(compare(&entry, &entry.libraries, true), Vec::<String>::new());
    }

    #[test]
    fn digits_of_repairs_are_no_part_of_a_name() {
        for (name, plain) in [
            ("libfoo-1a2b3c4d.so.1", "libfoo.so.1"),
            ("foo-0123456789abcdef0123456789abcdef.dll", "foo.dll"),
            ("libfoo-1.2.so", "libfoo-1.2.so"),
            ("libfoo.so", "libfoo.so"),
        ] {
            assert_eq!(without_digits(name), plain);
        }
        assert_eq!(without_version("pkg:deb/debian/z@1?arch=x"), "pkg:deb/debian/z");
    }
}
