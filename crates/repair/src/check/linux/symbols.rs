//! Versions and symbols that nothing provides.
//!
//! What a policy's library provides is told by version ceilings (see `policy`). What a library in the
//! wheel provides is read from it: ld.so refuses a file whose version its library does not define,
//! and a symbol that nothing defines fails at the import or, bound lazily, at its first call.
//!
//! Only what is certain is an error. A symbol without a version may come from anything that the
//! process has loaded before with RTLD_GLOBAL, so it is a warning, and only where each library that
//! the file needs is known to the last symbol. A file that needs nothing has what its process has: the
//! interpreter's C library, and Python's own names.

use std::collections::{BTreeMap, BTreeSet};

use super::{Linux, c_library};
use crate::binary::UndefinedSymbol;
use crate::check::facts::Symbols;
use crate::check::finding::Finding;
use crate::check::{Check, Severity, content, rules};
use crate::search::paths::base_name;
use crate::search::{NodeId, Resolution};
use crate::target::{self, Libc};

pub(super) fn check(check: &mut Check<'_>, linux: &Linux<'_>) {
    // No list of Bionic's names is here.
    if linux.target.libc == Some(Libc::Bionic) {
        return;
    }
    let scopes = scopes(linux);
    let each = Outside::of_each(linux);
    for (id, path, _) in linux.graph.members() {
        if linux.target.libc != Some(Libc::Musl) {
            versions(check, linux, id);
        }
        let Some(scope) = scopes.get(&id) else { continue };
        let (versioned, plain) = undefined(linux, id, scope, Outside::of(&each, scope));
        if !versioned.is_empty() {
            let message =
                format!("{}: defined by nothing that is loaded with it", content::list(&versioned));
            check.add(Finding::of(rules::UNDEFINED_SYMBOL, path, message));
        }
        let (usual, plain): (Vec<String>, Vec<String>) =
            plain.into_iter().partition(|name| scope.is_imported && interpreter_has(linux, name));
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

/// What is surely loaded with a file.
#[derive(Default)]
struct Scope {
    /// The closures of what leads to it.
    files: BTreeSet<NodeId>,
    /// An extension module leads to it, so that an interpreter is there.
    is_imported: bool,
}

fn scopes(linux: &Linux<'_>) -> BTreeMap<NodeId, Scope> {
    let mut scopes: BTreeMap<NodeId, Scope> = BTreeMap::new();
    for (root, closure) in &linux.closures {
        // A library that nothing needs is opened by somebody, who may bring what it lacks.
        let file = &linux.graph.node(*root).file;
        if file.is_extension || file.is_program() {
            for id in closure {
                let scope = scopes.entry(*id).or_default();
                scope.files.extend(closure);
                scope.is_imported |= !file.is_program();
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
    scope: &Scope,
    outside: Outside,
) -> (Vec<String>, Vec<String>) {
    let file = &linux.graph.node(id).file;
    let (mut versioned, mut plain) = (Vec::new(), Vec::new());
    let has_versions = !file.version_needs.is_empty();
    // musl looks symbols up by their names alone.
    let is_musl = linux.target.libc == Some(Libc::Musl);
    for symbol in file.undefined.iter().filter(|symbol| !symbol.is_weak) {
        match symbol.version.as_ref().filter(|_| !is_musl) {
            Some((version, provider)) => {
                let Some((_, symbols)) = in_wheel(linux, id, provider) else { continue };
                // A version that is not defined at all is told already.
                let has_version = symbols.versions.contains(version);
                if has_version && !is_defined(linux, scope, symbol) {
                    versioned.push(format!("{}@{version}", symbol.name));
                }
            }
            None => {
                let may_be_outside = outside.may_have(linux, has_versions, &symbol.name);
                if !may_be_outside && !is_defined(linux, scope, symbol) {
                    plain.push(symbol.name.clone());
                }
            }
        }
    }
    (versioned, plain)
}

/// As ld.so compares (`do_lookup_x`): a definition without versions fits any version, and a want of
/// none takes any definition.
fn is_defined(linux: &Linux<'_>, scope: &Scope, symbol: &UndefinedSymbol) -> bool {
    let is_musl = linux.target.libc == Some(Libc::Musl);
    let wanted = symbol.version.as_ref().map(|(version, _)| version).filter(|_| !is_musl);
    scope.files.iter().any(|id| {
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

/// What is loaded with a file and is not in the wheel, as far as its names are known.
#[derive(Clone, Copy, Debug, Default)]
struct Outside {
    /// The C library.
    has_libc: bool,
    /// glibc's libm.
    has_libm: bool,
    /// libgcc or libstdc++, which define nothing but names that C keeps for compilers, each with a
    /// version.
    has_compilers: bool,
    /// Another library of glibc, which gives each of its symbols a version.
    has_versioned: bool,
    /// A library that is known by its name alone.
    has_unknown: bool,
}

impl Outside {
    /// What each file asks for itself.
    fn of_each(linux: &Linux<'_>) -> BTreeMap<NodeId, Self> {
        let of = |id| {
            let mut outside = Self::default();
            for (needed, resolution) in linux.graph.needs_of(id) {
                match resolution {
                    Resolution::File(..) | Resolution::Libpython => {}
                    Resolution::Provided => outside.take(base_name(needed)),
                    _ => outside.has_unknown = true,
                }
            }
            (id, outside)
        };
        linux.graph.members().map(|(id, ..)| of(id)).collect()
    }

    fn of(each: &BTreeMap<NodeId, Self>, scope: &Scope) -> Self {
        let needs = scope.files.iter().filter_map(|id| each.get(id));
        needs.fold(Self::default(), |all, one| Self {
            has_libc: all.has_libc || one.has_libc,
            has_libm: all.has_libm || one.has_libm,
            has_compilers: all.has_compilers || one.has_compilers,
            has_versioned: all.has_versioned || one.has_versioned,
            has_unknown: all.has_unknown || one.has_unknown,
        })
    }

    /// Every library of a compiler or of glibc needs libc, and libstdc++ libm.
    fn take(&mut self, name: &str) {
        self.has_libc = true;
        match name {
            "libm.so.6" | "libmvec.so.1" => self.has_libm = true,
            "libstdc++.so.6" => (self.has_compilers, self.has_libm) = (true, true),
            "libgcc_s.so.1" => self.has_compilers = true,
            "libresolv.so.2" | "libanl.so.1" | "libcrypt.so.1" => self.has_versioned = true,
            "libpthread.so.0" | "libdl.so.2" | "librt.so.1" | "libutil.so.1" => {}
            name if target::is_loader(name) || target::is_c_library(name) => {}
            _ => self.has_unknown = true,
        }
    }

    /// Whether something outside the wheel may define a symbol that is asked for without a version.
    /// A linker that saw a library with versions asks for them: in a file `with_versions` a symbol
    /// without one is none of such a library's.
    fn may_have(self, linux: &Linux<'_>, with_versions: bool, name: &str) -> bool {
        if self.has_unknown || is_of_python(name) {
            return true;
        }
        if with_versions && linux.target.libc != Some(Libc::Musl) {
            return false;
        }
        let is_of_compilers = name.starts_with('_') || name.starts_with("atomic_flag_");
        self.has_versioned
            || (self.has_compilers && is_of_compilers)
            || (self.has_libc && c_library::has(libc(linux), name))
            || (self.has_libm && c_library::libm_has(name))
    }
}

/// The C library of a process that imports the wheel; a file that needs none shows none.
fn libc(linux: &Linux<'_>) -> Libc {
    linux.target.libc.unwrap_or(Libc::Glibc)
}

/// Whether what every interpreter has loaded defines `name`.
fn interpreter_has(linux: &Linux<'_>, name: &str) -> bool {
    let libc = libc(linux);
    c_library::has(libc, name) || (libc == Libc::Glibc && c_library::libm_has(name))
}

/// The interpreter has these, whether or not it is a library.
fn is_of_python(name: &str) -> bool {
    ["Py", "_Py", "PyPy", "_cffi"].iter().any(|start| name.starts_with(start))
}
