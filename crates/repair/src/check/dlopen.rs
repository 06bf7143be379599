//! Libraries that may be opened at run time and are not in the wheel.
//!
//! The string says no more than that: a probe for a driver looks like a plugin that was forgotten. So
//! they are notes, and one that the packager knows of is taken out by `--exclude`.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::{Check, Patterns, content, libraries, rules};
use crate::binary::Binary;
use crate::dlopen::stem;
use crate::error::Result;
use crate::policy;
use crate::policy::windows;
use crate::search::macho::is_of_macos;
use crate::search::paths::base_name;
use crate::target;
use crate::wheel_target;

pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let excluded = Patterns::new(&check.options.excluded())?;
    let named = libraries::names(check.facts);
    // The first version that a library defines is the name it was linked with.
    let versions = check.facts.binaries.iter().flat_map(|(_, facet)| &facet.symbols.versions);
    let known: BTreeSet<String> = named
        .keys()
        .chain(versions)
        .map(|name| base_name(name).to_lowercase())
        .flat_map(|name| [stem(&name).to_owned(), name])
        .collect();
    let mut found: BTreeMap<&String, Vec<&str>> = BTreeMap::new();
    for (path, facet) in &check.facts.binaries {
        for name in &facet.strings {
            let leaf = name.rsplit(['/', '\\']).next().unwrap_or(name);
            let lower = leaf.to_lowercase();
            let is_known = known.contains(&lower) || known.contains(stem(&lower));
            if !is_known && !is_of_system(check, &facet.binary, name, leaf) {
                found.entry(name).or_default().push(path.as_str());
            }
        }
    }
    let findings = found.into_iter().filter(|(name, _)| excluded.of(name).is_none());
    let findings: Vec<Finding> = findings
        .map(|(name, users)| {
            let users = content::list(&users);
            let message = format!("`{name}` may be opened at run time by {users}");
            Finding::new(rules::DLOPEN, message)
        })
        .collect();
    check.findings.extend(findings);
    Ok(())
}

fn is_of_system(check: &Check<'_>, binary: &Binary, name: &str, leaf: &str) -> bool {
    match binary {
        Binary::MachO(_) => is_of_macos(name),
        Binary::Pe(_) => {
            let lower = leaf.to_lowercase();
            windows::is_ever_brought(&lower) || lower.starts_with("python")
        }
        _ => is_of_target(check, leaf),
    }
}

/// What every system of some tag has, also by the name that only a linker uses.
fn is_of_target(check: &Check<'_>, leaf: &str) -> bool {
    if target::is_c_library(leaf) || target::is_libpython(leaf) {
        return true;
    }
    let numbered = (0..10).map(|number| format!("{}.so.{number}", stem(leaf)));
    let names: Vec<String> = std::iter::once(leaf.to_owned()).chain(numbered).collect();
    let promises = check
        .tags()
        .iter()
        .filter_map(|tag| Some((policy::promise_of(tag)?, wheel_target::of_tag(tag).0?)));
    promises.into_iter().any(|(promise, arch)| {
        let is_there =
            |name: &String| policy::is_provided(promise, arch, name) || target::is_c_library(name);
        names.iter().any(is_there)
    })
}
