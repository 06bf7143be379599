//! Wheels for Windows: machines, and DLLs that are neither in the wheel nor known to be the system's.
//!
//! A PE file names DLLs and no places. Where the loader looks is the process's choice
//! (`os.add_dll_directory`), so a DLL anywhere in a wheel that has code to that end counts as brought along; in
//! one that has none, only what lies beside a module. A DLL that is
//! neither there nor known to be a part of Windows is an error, as the import fails without it; a DLL
//! that is loaded at the first call of a function may be absent, and a driver's belongs to the machine.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{PlatformTag, WindowsArch};

use super::finding::Finding;
use super::{Check, Patterns, Severity, content, lack, rules};
use crate::dll_code::{is_module, names_dll_directories};
use crate::error::Result;
use crate::policy::windows::{Machine, Origin, WindowsPolicy, is_of_driver};
use crate::search::paths::{base_name, environment_path, join, parent};

pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let wanted = machines(check.tags());
    if wanted.is_empty() {
        foreign_system(check);
        return Ok(());
    }
    for (path, file) in check.facts.pe() {
        if !wanted.contains(&file.architecture) {
            let message =
                format!("for {}, the wheel is for {}", file.architecture, wanted.join(", "));
            let severity = if is_module(path) { Severity::Error } else { Severity::Warning };
            check.findings.push(Finding::of(rules::ARCH, path, message).weighs(severity));
        }
    }
    let excluded = Patterns::new(&check.options.excluded())?;
    imports(check, &wanted, &excluded);
    elsewhere(check, &wanted, &excluded);
    Ok(())
}

/// What the tags' processes load.
fn machines(tags: &[PlatformTag]) -> Vec<&'static str> {
    let mut machines = Vec::new();
    for tag in tags {
        let PlatformTag::Windows { arch } = tag else { continue };
        machines.extend(match arch {
            WindowsArch::Win32 => &["x86"][..],
            WindowsArch::Amd64 => &["x64"],
            // A process for ARM64 loads ARM64X files, and no ARM64EC ones.
            WindowsArch::Arm64 => &["arm64", "arm64x"],
            WindowsArch::Arm32 => &["arm"],
        });
    }
    machines
}

fn foreign_system(check: &mut Check<'_>) {
    if check.tags().contains(&PlatformTag::Any) {
        return;
    }
    let tag = check.tags().first().map(ToString::to_string).unwrap_or_default();
    let modules = check.facts.pe().filter(|(path, _)| is_module(path));
    let findings: Vec<Finding> = modules
        .map(|(path, _)| {
            let message = format!("an extension module for Windows, the wheel is for `{tag}`");
            Finding::of(rules::ARCH, path, message)
        })
        .collect();
    check.findings.extend(findings);
}

fn imports(check: &mut Check<'_>, wanted: &[&str], excluded: &Patterns) {
    let in_wheel: BTreeSet<String> =
        check.facts.digests.keys().map(|path| path.file_name().to_ascii_lowercase()).collect();
    let policy = WindowsPolicy::of_wheel(check.wheel);
    let mut lacking: BTreeMap<(String, bool), Vec<String>> = BTreeMap::new();
    for (path, file) in check.facts.pe().filter(|(_, file)| wanted.contains(&file.architecture)) {
        let machine = Machine::of_architecture(file.architecture);
        for (names, is_delayed) in [(&file.imports, false), (&file.delay_imports, true)] {
            for name in names.iter().map(|name| with_ending(name)) {
                let is_brought = in_wheel.contains(&name) || excluded.of(&name).is_some();
                let origin = policy.origin(&name, machine);
                if !is_brought && matches!(origin, None | Some(Origin::Driver)) {
                    lacking.entry((name, is_delayed)).or_default().push(path.to_string());
                }
            }
        }
    }
    for ((name, is_delayed), users) in lacking {
        let users = format!("needed by {}", content::list(&users));
        let finding = missing(check, &name, &users, is_delayed);
        check.add(finding);
    }
}

/// DLLs of the wheel in directories that Windows is not told of.
fn elsewhere(check: &mut Check<'_>, wanted: &[&str], excluded: &Patterns) {
    let places: Vec<String> = check
        .facts
        .digests
        .keys()
        .filter_map(environment_path)
        .map(|it| it.to_ascii_lowercase())
        .collect();
    let policy = WindowsPolicy::of_wheel(check.wheel);
    let mut findings = Vec::new();
    let modules = check.facts.pe().filter(|(path, _)| is_module(path));
    for (path, file) in modules.filter(|(_, file)| wanted.contains(&file.architecture)) {
        let machine = Machine::of_architecture(file.architecture);
        let Some(own) = environment_path(path).map(|it| parent(&it).to_ascii_lowercase()) else {
            continue;
        };
        for name in file.imports.iter().map(|name| with_ending(name)) {
            let is_left = policy.origin(&name, machine).is_some() || excluded.of(&name).is_some();
            if is_left || places.contains(&join(&own, &name)) {
                continue;
            }
            if let Some(place) = places.iter().find(|place| base_name(place) == name) {
                let message = format!(
                    "`{name}` lies in another directory, {}, and no code of the wheel tells Windows",
                    parent(place)
                );
                let remedy =
                    "let `truewheel repair` bring it beside the module or give a package such code";
                findings.push(Finding::of(rules::UNREACHABLE, path, message).remedy(remedy));
            }
        }
    }
    if !findings.is_empty() && !names_dll_directories(check.wheel) {
        check.findings.extend(findings);
    }
}

fn missing(check: &Check<'_>, name: &str, users: &str, is_delayed: bool) -> Finding {
    let users = if is_delayed { format!("{users} at the first call") } else { users.to_owned() };
    if is_of_driver(name) {
        let message = format!("`{name}` is part of the machine's drivers: {users}");
        return Finding::new(rules::DRIVER, message);
    }
    let promise = match is_of_compilers(name) {
        true => "Windows does not bring it",
        false => "it is not known to be a part of Windows",
    };
    let finding = lack::finding(check, name, &users, None, promise);
    match is_delayed && finding.code == rules::MISSING_LIBRARY.code {
        true => finding.weighs(Severity::Warning),
        false => finding,
    }
}

/// In lower case, with the `.dll` that the loader adds.
fn with_ending(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name.contains('.') { name } else { name + ".dll" }
}

/// What compilers' runtimes and builders of open-source libraries bring, and Windows does not.
fn is_of_compilers(name: &str) -> bool {
    let starts =
        ["lib", "msvcp1", "concrt1", "vcomp1", "mfc1", "vcamp1", "vccorlib1", "vcruntime1"];
    starts.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dlls_of_compilers_are_told_by_their_names() {
        for name in ["msvcp140.dll", "libgfortran-5.dll", "vcomp140.dll"] {
            assert!(is_of_compilers(name), "{name}");
        }
        assert!(!is_of_compilers("zlib.dll"));
    }
}
