//! Versions and symbols that nothing provides.
//!
//! What a policy's library provides is told by version ceilings (see `policy`). What a library in the
//! wheel provides is read from it: ld.so refuses a file whose version its library does not define,
//! and a symbol that nothing defines fails at the import or, bound lazily, at its first call.
//!
//! Only what is certain is an error. A symbol without a version may come from anything that the
//! process has loaded before with RTLD_GLOBAL, so it is a warning, and only where each library that
//! the file needs is known to the last symbol.

use std::collections::{BTreeMap, BTreeSet};

use super::{Linux, interpreter};
use crate::binary::UndefinedSymbol;
use crate::check::facts::Symbols;
use crate::check::finding::Finding;
use crate::check::{Check, Severity, content, rules};
use crate::search::paths::base_name;
use crate::search::{NodeId, Resolution};
use crate::target::Libc;

pub(super) fn check(check: &mut Check<'_>, linux: &Linux<'_>) {
    // musl and Bionic look symbols up by name, and no list of theirs is here.
    if linux.target.libc != Some(Libc::Glibc) {
        return;
    }
    let scopes = scopes(linux);
    for (id, path, _) in linux.graph.members() {
        versions(check, linux, id);
        let Some(scope) = scopes.get(&id) else { continue };
        let (versioned, plain) = undefined(linux, id, scope);
        if !versioned.is_empty() {
            let message =
                format!("{}: defined by nothing that is loaded with it", content::list(&versioned));
            check.add(Finding::of(rules::UNDEFINED_SYMBOL, path, message));
        }
        let (usual, plain): (Vec<String>, Vec<String>) =
            plain.into_iter().partition(|name| interpreter::has(name));
        for (names, works, severity) in [
            (usual, "it works because the interpreter has loaded them", Severity::Note),
            (plain, "it works only if something has loaded them before", Severity::Warning),
        ] {
            if !names.is_empty() {
                let names = content::list(&names);
                let message = format!("{names}: defined by nothing that it needs; {works}");
                let finding = Finding::of(rules::UNDEFINED_SYMBOL, path, message);
                check.add(finding.weighs(severity).remedy("link with their library"));
            }
        }
    }
}

/// The library of the wheel that `needed` of this file leads to.
fn in_wheel<'a>(linux: &Linux<'a>, id: NodeId, provider: &str) -> Option<(NodeId, &'a Symbols)> {
    linux.graph.needs_of(id).iter().find_map(|(needed, resolution)| match resolution {
        Resolution::File(target, _) if needed == provider || base_name(needed) == provider => {
            Some((*target, &linux.facets.get(target)?.symbols))
        }
        _ => None,
    })
}

/// `_dl_check_map_versions` in glibc's elf/dl-version.c.
fn versions(check: &mut Check<'_>, linux: &Linux<'_>, id: NodeId) {
    let name = linux.graph.name(id);
    for (provider, versions) in &linux.graph.node(id).file.version_needs {
        let Some((target, symbols)) = in_wheel(linux, id, provider) else { continue };
        let lacking: Vec<&String> = versions
            .iter()
            .filter(|(version, is_weak)| !**is_weak && !symbols.versions.contains(*version))
            .map(|(version, _)| version)
            .collect();
        if lacking.is_empty() {
            continue;
        }
        let place = linux.graph.name(target);
        let lacking = content::list(&lacking);
        // Without any versions ld.so only complains: "no version information available".
        let (severity, has) = match symbols.versions.is_empty() {
            true => (Severity::Warning, "has no versions"),
            false => (Severity::Error, "does not define them"),
        };
        let message = format!("needs {lacking} of {place}, which {has}");
        check.add(Finding::of(rules::UNDEFINED_VERSION, &name, message).weighs(severity));
    }
}

/// For each file, everything that is surely loaded with it: the closures of what leads to it.
fn scopes(linux: &Linux<'_>) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
    let mut scopes: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for (root, closure) in &linux.closures {
        // A library that nothing needs is opened by somebody, who may bring what it lacks.
        let file = &linux.graph.node(*root).file;
        if file.is_extension || file.is_program() {
            for id in closure {
                scopes.entry(*id).or_default().extend(closure);
            }
        }
    }
    scopes
}

/// Strong symbols that nothing in `scope` defines: with a version of a library in the wheel, and
/// without any.
fn undefined(
    linux: &Linux<'_>,
    id: NodeId,
    scope: &BTreeSet<NodeId>,
) -> (Vec<String>, Vec<String>) {
    let file = &linux.graph.node(id).file;
    let (mut versioned, mut plain) = (Vec::new(), Vec::new());
    let is_known = is_known(linux, scope) && !file.version_needs.is_empty();
    for symbol in file.undefined.iter().filter(|symbol| !symbol.is_weak) {
        match &symbol.version {
            Some((version, provider)) => {
                let Some((_, symbols)) = in_wheel(linux, id, provider) else { continue };
                // A version that is not defined at all is told already.
                let has_version = symbols.versions.contains(version);
                if has_version && !is_defined(linux, scope, symbol) {
                    versioned.push(format!("{}@{version}", symbol.name));
                }
            }
            None => {
                let is_told = is_known && !is_of_python(&symbol.name);
                if is_told && !is_defined(linux, scope, symbol) {
                    plain.push(symbol.name.clone());
                }
            }
        }
    }
    (versioned, plain)
}

/// As ld.so compares (`do_lookup_x`): a definition without versions fits any version, and a want of
/// none takes any definition.
fn is_defined(linux: &Linux<'_>, scope: &BTreeSet<NodeId>, symbol: &UndefinedSymbol) -> bool {
    let wanted = symbol.version.as_ref().map(|(version, _)| version);
    scope.iter().any(|id| {
        let facet = linux.facets.get(id);
        let versions = facet.and_then(|facet| facet.symbols.defined.get(&symbol.name));
        versions.is_some_and(|versions| {
            versions.iter().any(|version| match (version, wanted) {
                (Some(version), Some(wanted)) => version == wanted,
                _ => true,
            })
        })
    })
}

/// Libraries of which every symbol has a version, so that a symbol without one is not theirs.
const ALL_VERSIONED: [&str; 12] = [
    "libc.so.6",
    "libm.so.6",
    "libmvec.so.1",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
    "libanl.so.1",
    "libcrypt.so.1",
    "libgcc_s.so.1",
    "libstdc++.so.6",
];

/// Whether every library that is loaded is in the wheel, or has versions for all of its symbols.
fn is_known(linux: &Linux<'_>, scope: &BTreeSet<NodeId>) -> bool {
    scope.iter().flat_map(|id| linux.graph.needs_of(*id)).all(|(needed, resolution)| {
        matches!(resolution, Resolution::File(..))
            || ALL_VERSIONED.contains(&base_name(needed))
            || crate::target::is_loader(base_name(needed))
    })
}

/// The interpreter has these, whether or not it is a library.
fn is_of_python(name: &str) -> bool {
    ["Py", "_Py", "PyPy", "_cffi"].iter().any(|start| name.starts_with(start))
}
