//! Where vendored libraries go, and what they are called there.
//!
//! As delocate has it: `.dylibs` in the package, so that what belongs together lies together; a wheel without
//! one package of its own, or with several, has `<distribution>.dylibs` beside them.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{Digest, MemberPath, Wheel};

use super::taken;
use crate::error::Result;
use crate::mangle;
use crate::options::Options;
use crate::plan::{MacFindings, data};
use crate::search::NodeId;
use crate::search::disk::file_name;
use crate::search::macho::in_framework;
use crate::search::paths::site_packages_path;

/// The place of each library that is to be brought along. One that has the name of another file gets digits of
/// its own: macOS tells no cases apart, so `libA.dylib` is the name of `liba.dylib`.
pub(super) fn places(
    findings: &MacFindings<'_>,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<NodeId, MemberPath>> {
    let graph = &findings.macos.graph;
    let directory = &findings.directory;
    let of_data = data::directories(
        &data::Needs {
            members: graph.members().collect(),
            included: graph.included.iter().map(|included| included.id).collect(),
            of: &|id| graph.libraries_needed_by(id),
        },
        directory,
    )?;
    let mut known: BTreeSet<String> = findings.files.iter().map(|path| key(path)).collect();
    let mut places = BTreeMap::new();
    for (id, index) in graph.libraries_of(&findings.macos.vendor) {
        let (Some(library), Some(fetched)) =
            (graph.libraries.get(index), findings.fetched.get(&id))
        else {
            continue;
        };
        if let Some(included) = graph.included.iter().find(|included| included.id == id) {
            // It is opened by its name.
            if !known.insert(key(&included.member)) {
                return Err(taken(&included.member));
            }
            places.insert(id, included.member.clone());
            continue;
        }
        let directory = of_data.get(&id).unwrap_or(directory);
        let name = file_name(&library.path);
        let member = match directory.join(&name)? {
            member if known.contains(&key(&member)) => {
                let other = with_digits(directory, &name, &fetched.digest, &|path| {
                    known.contains(&key(path))
                })?;
                notes.push(format!(
                    "another file of the result is called {name}: {} becomes {other}",
                    library.path.display()
                ));
                other
            }
            member => member,
        };
        if !known.insert(key(&member)) {
            return Err(taken(&member));
        }
        if in_framework(&library.path.to_string_lossy()).is_some() {
            notes.push(format!(
                "{} is brought along without the other files of its framework",
                library.path.display()
            ));
        }
        places.insert(id, member);
    }
    Ok(places)
}

/// What two files must not have in common.
fn key(path: &MemberPath) -> String {
    let installed = site_packages_path(path).unwrap_or_else(|| path.as_str().to_owned());
    installed.to_lowercase()
}

/// A name that no file has: with digits of the library's own, others for each further library of equal bytes.
fn with_digits(
    directory: &MemberPath,
    name: &str,
    digest: &Digest,
    is_known: &dyn Fn(&MemberPath) -> bool,
) -> Result<MemberPath> {
    let mut last = directory.join(name)?;
    for digits in digest.hex().as_bytes().chunks(8) {
        let name = mangle::mangle(name, &String::from_utf8_lossy(digits), false);
        last = directory.join(&name)?;
        if !is_known(&last) {
            break;
        }
    }
    Ok(last)
}

/// The directory of vendored libraries.
pub(crate) fn directory(wheel: &Wheel, options: &Options) -> Result<MemberPath> {
    let suffix = options.lib_sdir.as_deref().unwrap_or(".dylibs").trim_end_matches('/');
    if options.macos.beside_package {
        return Ok(MemberPath::new(suffix)?);
    }
    let distribution = &wheel.filename().distribution;
    let packages = packages(wheel);
    let own = packages.iter().find(|package| normal(package) == normal(distribution));
    let path = match (own, packages.len()) {
        (Some(package), _) => format!("{package}/{}", suffix.trim_start_matches('/')),
        (None, count) if count == 1 || (count > 1 && options.macos.first_package) => {
            let package = packages.first().map(String::as_str).unwrap_or_default();
            format!("{package}/{}", suffix.trim_start_matches('/'))
        }
        _ => format!("{distribution}{suffix}"),
    };
    Ok(MemberPath::new(&path)?)
}

/// Directories at the top of site-packages with an `__init__.py`.
fn packages(wheel: &Wheel) -> BTreeSet<String> {
    let paths = wheel.members().iter().filter_map(|member| site_packages_path(&member.path));
    let tops = paths.filter_map(|path| match path.split_once('/') {
        Some((top, "__init__.py")) => Some(top.to_owned()),
        _ => None,
    });
    tops.collect()
}

/// A name as "Names and normalization" (PyPA) compares them.
fn normal(name: &str) -> String {
    name.to_lowercase().replace(['-', '.'], "_")
}
