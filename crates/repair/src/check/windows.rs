//! Wheels for Windows: machines, and DLLs that are neither in the wheel nor known to be the system's.
//!
//! A PE file names DLLs and no places. Where the loader looks is the process's choice
//! (`os.add_dll_directory`), so a DLL anywhere in the wheel counts as brought along. One that is
//! neither there nor known to be a part of Windows is an error, as the import fails without it; a DLL
//! that is loaded at the first call of a function may be absent, and a driver's belongs to the machine.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{PlatformTag, WindowsArch};

use super::finding::Finding;
use super::{Check, Patterns, Severity, content, lack, rules};
use crate::error::Result;
use crate::tree::is_of_windows;

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
            let is_module = path.file_name().to_ascii_lowercase().ends_with(".pyd");
            let severity = if is_module { Severity::Error } else { Severity::Warning };
            check.findings.push(Finding::of(rules::ARCH, path, message).weighs(severity));
        }
    }
    let excluded = Patterns::new(&check.options.excluded())?;
    imports(check, &wanted, &excluded);
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
    let modules = check.facts.pe().filter(|(path, _)| path.file_name().ends_with(".pyd"));
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
    let mut lacking: BTreeMap<(String, bool), Vec<String>> = BTreeMap::new();
    for (path, file) in check.facts.pe().filter(|(_, file)| wanted.contains(&file.architecture)) {
        for (names, is_delayed) in [(&file.imports, false), (&file.delay_imports, true)] {
            for name in names.iter().map(|name| with_ending(name)) {
                let is_brought = in_wheel.contains(&name) || excluded.of(&name).is_some();
                if !is_brought && !is_of_windows(&name) && !is_of_python(&name) {
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

fn missing(check: &Check<'_>, name: &str, users: &str, is_delayed: bool) -> Finding {
    let users = if is_delayed { format!("{users} at the first call") } else { users.to_owned() };
    if is_of_drivers(name) {
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

/// What comes with the driver of a graphics card: the one that fits the machine is there, or none.
fn is_of_drivers(name: &str) -> bool {
    let stem = name.strip_suffix(".dll").unwrap_or(name);
    ["nvcuda", "nvcuvid", "nvml", "nvencodeapi64", "nvoptix", "opencl", "vulkan-1"].contains(&stem)
}

/// In lower case, with the `.dll` that the loader adds.
fn with_ending(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name.contains('.') { name } else { name + ".dll" }
}

/// `python312.dll`, `python3.dll`, `python313t.dll`, and the runtime that python.org's installers
/// bring beside them since 3.5.
fn is_of_python(name: &str) -> bool {
    let stem = name.strip_suffix(".dll").unwrap_or(name);
    let is_python = |start: &str| {
        let rest = stem.strip_prefix(start);
        rest.is_some_and(|rest| {
            rest.trim_end_matches("_d").trim_end_matches('t').bytes().all(|b| b.is_ascii_digit())
        })
    };
    is_python("python")
        || is_python("libpypy3.")
        || stem.starts_with("libpypy")
        || matches!(name, "vcruntime140.dll" | "vcruntime140_1.dll")
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
    fn a_name_is_told_by_whom_it_is_brought() {
        for name in ["kernel32.dll", "api-ms-win-crt-heap-l1-1-0.dll", "winspool.drv", "ws2_32.dll"]
        {
            assert!(is_of_windows(name), "{name}");
        }
        for name in ["python3.dll", "python313t.dll", "vcruntime140_1.dll", "python312_d.dll"] {
            assert!(is_of_python(name), "{name}");
        }
        for name in ["msvcp140.dll", "libgfortran-5.dll", "vcomp140.dll"] {
            assert!(is_of_compilers(name) && !is_of_windows(name), "{name}");
        }
        assert!(!is_of_python("pythonnet.dll"));
    }
}
