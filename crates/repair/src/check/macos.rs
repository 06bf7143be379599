//! Wheels for macOS: processors, oldest system, signatures, install names and rpaths.
//!
//! dyld(1): a name is a path, absolute or behind `@loader_path` (the file that names it),
//! `@executable_path` (the program, which is the interpreter and not ours) or `@rpath` (each
//! `LC_RPATH` of the file, then of those that led to it).

pub(super) mod code;

use std::collections::{BTreeMap, BTreeSet};

use truewheel_macho::DylibKind;
use truewheel_wheel::{MemberPath, PlatformTag};

use super::finding::Finding;
use super::{Check, Patterns, Severity, content, lack, rules};
use crate::binary::{MachFile, MachSlice};
use crate::error::Result;
use crate::policy::macos::{self, MacosVersion, is_loaded};
use crate::search::macho::is_of_macos;
use crate::search::paths::{base_name, join_relative, parent, site_packages_path};

/// `MH_EXECUTE`.
const PROGRAM: u32 = 2;

type Promises<'a> = BTreeMap<&'a str, MacosVersion>;

pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let tags = check.tags().to_vec();
    let wanted = macos::promises(&tags);
    if wanted.is_empty() {
        foreign_system(check);
        return Ok(());
    }
    processors(check, &wanted);
    oldest_system(check, &wanted);
    code::systems(check);
    code::signatures(check);
    code::repetitions(check);
    let excluded = Patterns::new(&check.options.excluded())?;
    search_paths(check);
    install_names(check, &wanted, &excluded);
    Ok(())
}

fn foreign_system(check: &mut Check<'_>) {
    if check.tags().iter().any(|tag| matches!(tag, PlatformTag::Ios { .. })) {
        code::ios(check);
        return;
    }
    if check.tags().contains(&PlatformTag::Any) {
        return;
    }
    let tag = check.tags().first().map(ToString::to_string).unwrap_or_default();
    let binaries = check.facts.binaries.iter();
    let findings: Vec<Finding> = binaries
        .filter(|(path, facet)| {
            matches!(facet.binary, crate::binary::Binary::MachO(_))
                && content::is_extension(path, facet)
        })
        .map(|(path, _)| {
            let message = format!("an extension module for macOS, the wheel is for `{tag}`");
            Finding::of(rules::ARCH, path, message)
        })
        .collect();
    check.findings.extend(findings);
}

/// Files that dyld loads, with the slices it looks at.
fn files<'a>(check: &Check<'a>) -> Vec<(&'a MemberPath, &'a MachFile)> {
    check.facts.macho().filter(|(_, file)| file.slices.iter().any(is_loaded)).collect()
}

fn processors(check: &mut Check<'_>, wanted: &Promises<'_>) {
    let members: Vec<(MemberPath, MachFile)> =
        files(check).into_iter().map(|(path, file)| (path.clone(), file.clone())).collect();
    let all = macos::files(&members);
    let needed: BTreeSet<&str> =
        all.iter().filter(|file| file.is_needed).map(|file| file.name).collect();
    for (path, file) in files(check) {
        let has: Vec<&str> = file.slices.iter().map(|slice| slice.architecture).collect();
        let lacks: Vec<&str> = wanted.keys().filter(|arch| !has.contains(*arch)).copied().collect();
        if lacks.is_empty() {
            continue;
        }
        let message = format!("is for {}, the tag also names {}", has.join(", "), lacks.join(", "));
        // Only a module is sure to be loaded on each of them, and what code there names. Where no file has the CPU,
        // the wheel is not for it.
        let is_module = file.slices.iter().all(|slice| slice.file_type == 8)
            || macos::is_imported(path.file_name());
        let is_strange = lacks.iter().any(|cpu| macos::is_strange(&all, cpu));
        let is_loaded = is_module || is_strange || needed.contains(path.as_str());
        let severity = if is_loaded { Severity::Error } else { Severity::Warning };
        check.add(Finding::of(rules::MISSING_ARCH, path, message).weighs(severity));
    }
}

/// The processor as tags name it.
fn tagged(slice: &MachSlice) -> &'static str {
    if slice.architecture == "x86_64h" { "x86_64" } else { slice.architecture }
}

fn oldest_system(check: &mut Check<'_>, wanted: &Promises<'_>) {
    let mut newer: BTreeMap<(&str, MacosVersion), Vec<String>> = BTreeMap::new();
    for (path, file) in files(check) {
        for slice in file.slices.iter().filter(|slice| is_loaded(slice)) {
            let cpu = tagged(slice);
            let (Some(promised), Some(needs)) = (wanted.get(cpu), macos::needs_of(slice)) else {
                continue;
            };
            if needs > *promised {
                newer.entry((cpu, needs)).or_default().push(path.to_string());
            }
        }
    }
    for ((cpu, needs), paths) in newer {
        let Some(promised) = wanted.get(cpu) else { continue };
        let message = format!(
            "the tag promises macOS {promised} on {cpu}, {} {} {needs}",
            content::list(&paths),
            if paths.len() == 1 { "needs" } else { "need" }
        );
        let finding = Finding::new(rules::TAG, message);
        check.add(finding.remedy("build with a lower MACOSX_DEPLOYMENT_TARGET, or raise the tag"));
    }
}

/// What macOS has on every machine.
fn is_of_system(path: &str) -> bool {
    is_of_macos(path) || path == "/usr/lib"
}

/// The place below site-packages that `rest` behind `@loader_path` leads to.
fn beside(path: &MemberPath, rest: &str) -> Option<String> {
    let installed = site_packages_path(path)?;
    join_relative(parent(&installed), rest)
}

fn loader_relative(entry: &str) -> Option<&str> {
    let rest = entry.strip_prefix("@loader_path")?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn search_paths(check: &mut Check<'_>) {
    for (path, file) in files(check) {
        let entries: BTreeSet<&String> =
            file.slices.iter().flat_map(|slice| &slice.rpaths).collect();
        for entry in entries {
            if let Some(finding) = judge(path, entry) {
                check.add(finding);
            }
        }
    }
}

fn judge(path: &MemberPath, entry: &str) -> Option<Finding> {
    let of = |rule, what: &str| Finding::of(rule, path, format!("LC_RPATH `{entry}` {what}"));
    if is_of_system(entry) || entry.starts_with("@executable_path") {
        return None;
    }
    if let Some(rest) = loader_relative(entry) {
        // A program in `bin` lies to site-packages as the installer pleases.
        site_packages_path(path)?;
        return match beside(path, rest) {
            Some(_) => None,
            // dyld looks, finds the environment's own libraries or nothing, and goes on.
            None => Some(
                of(rules::RPATH_OUTSIDE, "leads out of site-packages").weighs(Severity::Warning),
            ),
        };
    }
    Some(match entry.starts_with('/') {
        true => of(rules::RPATH_ABSOLUTE, "is a directory of the machine that built it"),
        false => of(rules::RPATH_WORKING_DIRECTORY, "is taken relative to the working directory"),
    })
}

/// What the names of one file lead to.
enum Lead {
    Found,
    /// The name cannot lead anywhere on another machine.
    Absolute,
    /// Nothing is there; a place of another package, where one was looked at.
    Nothing(Option<String>),
}

/// Everything that is needed to follow a name.
struct Names {
    /// Places below site-packages.
    installed: BTreeSet<String>,
    /// Places that some `LC_RPATH` of the wheel leads to: which file leads to which at run time is
    /// not followed, and any of them counts.
    inherited: BTreeSet<String>,
    /// Last parts of the places.
    base_names: BTreeMap<String, String>,
}

impl Names {
    fn of(check: &Check<'_>) -> Self {
        let installed: BTreeSet<String> =
            check.facts.digests.keys().filter_map(site_packages_path).collect();
        let rpaths = files(check).into_iter().flat_map(|(path, file)| {
            file.slices.iter().flat_map(|slice| &slice.rpaths).map(move |entry| (path, entry))
        });
        let inherited =
            rpaths.filter_map(|(path, entry)| beside(path, loader_relative(entry)?)).collect();
        let base_names =
            installed.iter().map(|place| (base_name(place).to_owned(), place.clone())).collect();
        Self { installed, inherited, base_names }
    }

    fn follow(&self, path: &MemberPath, slice: &MachSlice, name: &str) -> Lead {
        if is_of_system(name) {
            return Lead::Found;
        }
        if let Some(rest) = loader_relative(name) {
            return match beside(path, rest) {
                Some(place) if self.installed.contains(&place) => Lead::Found,
                place => Lead::Nothing(place),
            };
        }
        if let Some(rest) = name.strip_prefix("@rpath/") {
            return self.by_rpath(path, slice, rest);
        }
        // The program is the interpreter, unless the file is one.
        if name.starts_with("@executable_path") {
            let is_program = slice.file_type == PROGRAM;
            return if is_program { Lead::Found } else { Lead::Nothing(None) };
        }
        Lead::Absolute
    }

    fn by_rpath(&self, path: &MemberPath, slice: &MachSlice, rest: &str) -> Lead {
        let own = slice.rpaths.iter().filter_map(|entry| beside(path, loader_relative(entry)?));
        let own: Vec<String> = own.collect();
        let below = |directory: &String| crate::search::paths::join(directory, rest);
        let is_there = |directory: &String| self.installed.contains(&below(directory));
        // Swift's runtime is a part of the system since macOS 10.14.4.
        let is_swift = rest.starts_with("libswift");
        if own.iter().any(is_there) || self.inherited.iter().any(is_there) || is_swift {
            return Lead::Found;
        }
        Lead::Nothing(own.first().map(below))
    }
}

fn install_names(check: &mut Check<'_>, wanted: &Promises<'_>, excluded: &Patterns) {
    let names = Names::of(check);
    let mut lacking: BTreeMap<(String, Option<String>), BTreeSet<String>> = BTreeMap::new();
    let mut absolute: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut untagged: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
    for (path, file) in files(check) {
        for slice in file.slices.iter().filter(|slice| is_loaded(slice)) {
            let cpu = tagged(slice);
            for load in &slice.loads {
                let name = &load.install_name;
                if load.kind == DylibKind::Weak || excluded.of(name).is_some() {
                    continue;
                }
                match names.follow(path, slice, name) {
                    Lead::Found => {}
                    _ if !wanted.contains_key(cpu) => {
                        untagged.entry((name.clone(), cpu)).or_default().insert(path.to_string());
                    }
                    Lead::Absolute => {
                        absolute.entry(name.clone()).or_default().insert(path.to_string());
                    }
                    Lead::Nothing(place) => {
                        let key = (name.clone(), place);
                        lacking.entry(key).or_default().insert(path.to_string());
                    }
                }
            }
        }
    }
    for ((name, cpu), users) in untagged {
        let (users, rule) = (needed_by(&users), rules::UNREACHABLE);
        let message = format!("`{name}` is not found for {cpu}, which no tag names: {users}");
        check.add(Finding::new(rule, message).weighs(Severity::Warning));
    }
    for (name, users) in absolute {
        check.add(absolute_name(&name, &users));
    }
    for ((name, place), users) in lacking {
        let finding = lacking_name(check, &names, &name, place.as_deref(), &users);
        check.add(finding);
    }
}

fn needed_by(users: &BTreeSet<String>) -> String {
    let users: Vec<&String> = users.iter().collect();
    format!("needed by {}", content::list(&users))
}

fn absolute_name(name: &str, users: &BTreeSet<String>) -> Finding {
    let users = needed_by(users);
    if name.contains("Python.framework/") || crate::target::is_libpython(base_name(name)) {
        let message = format!("`{name}` is one interpreter's own library: {users}");
        return Finding::new(rules::LIBPYTHON, message)
            .remedy("link modules with `-undefined dynamic_lookup`");
    }
    let message = match name.starts_with('/') {
        true => format!("`{name}` is a file of the machine that built it: {users}"),
        false => format!("`{name}` is taken relative to the working directory: {users}"),
    };
    Finding::new(rules::INSTALL_NAME, message)
        .remedy("bring the library along and name it behind `@loader_path`")
}

fn lacking_name(
    check: &Check<'_>,
    names: &Names,
    name: &str,
    place: Option<&str>,
    users: &BTreeSet<String>,
) -> Finding {
    let users = needed_by(users);
    if let Some(there) = names.base_names.get(base_name(name)) {
        let message = format!("`{name}` does not lead to `{there}` in the wheel: {users}");
        return Finding::new(rules::UNREACHABLE, message);
    }
    let project = place.and_then(|place| check.requires.of_directory(place)).map(str::to_owned);
    lack::finding(check, name, &users, project.as_deref(), "macOS does not have it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_judged_by_where_it_leads() {
        let path = MemberPath::new("demo/x.so").expect("a path");
        let code = |entry: &str| judge(&path, entry).map(|finding| finding.code);
        assert_eq!(code("@loader_path/../demo.dylibs"), None);
        assert_eq!(code("/usr/lib/swift"), None);
        assert_eq!(code("/opt/homebrew/lib"), Some("rpath-absolute"));
        assert_eq!(code("@loader_path/../../../.."), Some("rpath-outside"));
        assert_eq!(code("lib"), Some("rpath-working-directory"));
    }
}
