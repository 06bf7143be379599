//! What is in the archive, whatever its format: sizes, links, doubles, and tags that say too much.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_pe::dll_key;
use truewheel_wheel::{MemberKind, MemberPath, PlatformTag, Scheme};

use super::facts::Facet;
use super::finding::Finding;
use super::{Check, Severity, linux, rules};
use crate::binary::Binary;
use crate::error::{Error, Result};

/// So many members of a list are named in one finding.
const LISTED: usize = 4;

pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    sizes(check)?;
    links(check);
    case(check);
    tags(check);
    purelib(check);
    doubles(check);
    extension_names(check);
    Ok(())
}

/// `a, b, c, d and 3 more`.
pub(super) fn list<T: AsRef<str>>(names: &[T]) -> String {
    let named: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(LISTED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn sizes(check: &mut Check<'_>) -> Result<()> {
    let path = check.wheel.path();
    let size = std::fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
    if let Some(most) = check.options.max_size.filter(|most| size > *most) {
        let message = format!("the wheel has {size} bytes, at most {most} are allowed");
        check.add(Finding::new(rules::SIZE, message));
    }
    let size = check.wheel.total_size();
    if let Some(most) = check.options.max_unpacked_size.filter(|most| size > *most) {
        let message = format!("the contents have {size} bytes, at most {most} are allowed");
        check.add(Finding::new(rules::UNPACKED_SIZE, message));
    }
    Ok(())
}

fn links(check: &mut Check<'_>) {
    let links = check.wheel.members().iter().filter(|it| it.kind == MemberKind::Symlink);
    let findings: Vec<Finding> = links
        .map(|member| {
            let target = check.facts.links.get(&member.path).map_or(&[][..], Vec::as_slice);
            let target = String::from_utf8_lossy(target);
            let message = format!("a symbolic link to `{}`", target.escape_debug());
            Finding::of(rules::SYMLINK, &member.path, message).remedy(match check.is_repaired() {
                true => "put the file itself there; `truewheel repair` does",
                false => "put the file itself there",
            })
        })
        .collect();
    check.findings.extend(findings);
}

fn case(check: &mut Check<'_>) {
    if check.tags().iter().all(linux::is_of_linux) {
        return;
    }
    for paths in check.wheel.case_collisions() {
        check.findings.push(Finding::new(rules::CASE, list(&paths)));
    }
}

/// `any` with binaries, `linux_*` at all.
fn tags(check: &mut Check<'_>) {
    if check.tags().contains(&PlatformTag::Any) && !check.facts.binaries.is_empty() {
        let extensions: Vec<&str> = check
            .facts
            .binaries
            .iter()
            .filter(|(path, facet)| is_extension(path, facet))
            .map(|(path, _)| path.as_str())
            .collect();
        let all: Vec<&str> = check.facts.binaries.iter().map(|(path, _)| path.as_str()).collect();
        // Programs for each of several systems are data; a library for one is loaded.
        let severity = match is_for_one_system(check) {
            true => Severity::Warning,
            false => Severity::Note,
        };
        let finding = match extensions.is_empty() {
            false => Finding::new(
                rules::ANY_TAG,
                format!("extension modules in a wheel for any platform: {}", list(&extensions)),
            )
            .remedy("build it with the platform tag of its modules"),
            true => Finding::new(
                rules::ANY_TAG,
                format!(
                    "binaries in a wheel for any platform: {}; this is right only if none of them \
                     is needed elsewhere",
                    list(&all)
                ),
            )
            .weighs(severity),
        };
        check.add(finding);
    }
    let linux: Vec<String> = check
        .tags()
        .iter()
        .filter(|tag| matches!(tag, PlatformTag::Linux { .. }))
        .map(ToString::to_string)
        .collect();
    for tag in linux {
        let message = format!("the tag `{tag}` says nothing of the C library or its version");
        check.add(
            Finding::new(rules::LINUX_TAG, message)
                .remedy("run `truewheel repair`, which gives the tag that the contents earn"),
        );
    }
}

/// Libraries, all of one format: whoever opens them does so on that system.
fn is_for_one_system(check: &Check<'_>) -> bool {
    let facts = check.facts;
    let formats =
        [facts.elf().count(), facts.macho().count(), facts.pe().count()].map(|count| count > 0);
    let has_library = facts.elf().any(|(_, file, _)| file.is_dynamic && !file.is_program())
        || facts.macho().any(|(_, file)| file.slices.iter().any(|slice| slice.file_type == 6))
        || facts.pe().any(|(_, file)| file.is_dll);
    has_library && formats.into_iter().filter(|has| *has).count() == 1
}

/// A module that Python imports, by its entry point or its name.
pub(super) fn is_extension(path: &MemberPath, facet: &Facet) -> bool {
    match &facet.binary {
        Binary::Elf(file) => file.is_extension,
        _ => {
            facet.symbols.defined.keys().any(|name| name.starts_with("PyInit_"))
                || path.file_name().ends_with(".pyd")
        }
    }
}

/// `.data/purelib/` says that it runs on every machine. pip installs it all the same, into
/// site-packages, where it works; some distributions have another directory for what does not run
/// everywhere, and look for libraries there.
fn purelib(check: &mut Check<'_>) {
    let binaries = check.facts.binaries.iter();
    let findings: Vec<Finding> = binaries
        .filter(|(path, _)| path.installed().scheme == Scheme::Purelib)
        .map(|(path, _)| {
            let what = "a binary in the purelib folder, which some systems keep apart from platlib \
                        and its libraries";
            Finding::of(rules::PURELIB_BINARY, path, what).remedy("build it into platlib")
        })
        .collect();
    check.findings.extend(findings);
}

/// Binaries with the same bytes, and ELF libraries of one SONAME with different ones.
fn doubles(check: &mut Check<'_>) {
    let mut same: BTreeMap<[u8; 32], Vec<&MemberPath>> = BTreeMap::new();
    for (path, _) in &check.facts.binaries {
        if let Some(digest) = check.facts.digests.get(path) {
            same.entry(digest.sha256).or_default().push(path);
        }
    }
    let mut findings = Vec::new();
    for mut paths in same.into_values().filter(|paths| paths.len() > 1) {
        paths.sort();
        let names: Vec<&str> = paths.iter().map(|path| path.as_str()).collect();
        let is_chain =
            paths.iter().all(|path| path.parent() == paths[0].parent()) && is_library_chain(&paths);
        let (rule, remedy) = match is_chain {
            true if check.is_repaired() => {
                (rules::SYMLINK_COPY, "`truewheel repair` keeps the one that is loaded")
            }
            true => (rules::SYMLINK_COPY, "keep the one that is loaded"),
            false => (rules::DUPLICATE, "keep one, if nothing loads the others by their path"),
        };
        findings
            .push(Finding::new(rule, format!("the same file: {}", list(&names))).remedy(remedy));
    }
    findings.sort_by(|a, b| a.message.cmp(&b.message));
    let mut sonames: BTreeMap<&str, BTreeMap<[u8; 32], &MemberPath>> = BTreeMap::new();
    for (path, file, _) in check.facts.elf().filter(|(_, file, _)| !file.is_extension) {
        if let (Some(soname), Some(digest)) = (&file.soname, check.facts.digests.get(path)) {
            sonames.entry(soname).or_default().insert(digest.sha256, path);
        }
    }
    for (soname, files) in sonames.into_iter().filter(|(_, files)| files.len() > 1) {
        let mut names: Vec<&str> = files.values().map(|path| path.as_str()).collect();
        names.sort_unstable();
        let message = format!("different files have the SONAME `{soname}`: {}", list(&names));
        findings.push(Finding::new(rules::SAME_SONAME, message));
    }
    findings.extend(dlls_of_one_name(check));
    check.findings.extend(findings);
}

/// DLLs that differ and that files of the wheel ask for by the same name, where one process may load both.
fn dlls_of_one_name(check: &Check<'_>) -> Vec<Finding> {
    let tables = check.facts.pe().flat_map(|(_, file)| &file.tables);
    let needed: BTreeSet<String> = tables.map(|name| dll_key(name)).collect();
    let mut dlls: BTreeMap<(String, &str), BTreeMap<[u8; 32], &MemberPath>> = BTreeMap::new();
    for (path, file) in check.facts.pe().filter(|(_, file)| file.is_dll) {
        let name = path.file_name().to_ascii_lowercase();
        if let Some(digest) = check.facts.digests.get(path).filter(|_| needed.contains(&name)) {
            dlls.entry((name, file.architecture)).or_default().insert(digest.sha256, path);
        }
    }
    let different = dlls.into_iter().filter(|(_, files)| files.len() > 1);
    let finding = |((name, _), files): ((String, &str), BTreeMap<[u8; 32], &MemberPath>)| {
        let mut paths: Vec<&str> = files.values().map(|path| path.as_str()).collect();
        paths.sort_unstable();
        let message = format!("different DLLs are called `{name}`: {}", list(&paths));
        Finding::new(rules::SAME_DLL, message).remedy("give each a name of its own")
    };
    different.map(finding).collect()
}

/// Names that continue each other: `libfoo.so`, `libfoo.so.1`, `libfoo.so.1.2`.
fn is_library_chain(paths: &[&MemberPath]) -> bool {
    let mut names: Vec<&str> = paths.iter().map(|path| path.file_name()).collect();
    names.sort_by_key(|name| name.len());
    names.windows(2).all(|pair| {
        let [shorter, longer] = pair else { return false };
        longer.strip_prefix(shorter).is_some_and(|rest| rest.starts_with('.'))
            || (shorter.ends_with(".dylib") && longer.ends_with(".dylib"))
    })
}

/// `_x.cpython-311-x86_64-linux-gnu.so` in a wheel for cp312 is never imported.
fn extension_names(check: &mut Check<'_>) {
    let abis = &check.wheel.filename().abi;
    let wanted: Vec<&str> = abis.iter().filter_map(|abi| cpython(abi)).collect();
    // abi3 and `none` say nothing of one version.
    if wanted.len() != abis.len() {
        return;
    }
    let mut others: Vec<String> = Vec::new();
    let modules = check.facts.binaries.iter().filter(|(path, facet)| is_extension(path, facet));
    for (path, _) in modules {
        let version = version_in_name(path.file_name());
        if version.is_some_and(|version| !wanted.contains(&version)) {
            others.push(path.as_str().to_owned());
        }
    }
    if !others.is_empty() {
        let message =
            format!("named for another Python than {}: {}", abis.join(", "), list(&others));
        check.add(Finding::new(rules::EXTENSION_PYTHON, message));
    }
}

/// `cp312` → `312`, `cp313t` → `313t`; debug builds and the `m` of old versions do not count.
fn cpython(abi: &str) -> Option<&str> {
    let version = abi.strip_prefix("cp")?.trim_end_matches(['m', 'u', 'd']);
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

/// The version in `_x.cpython-312-x86_64-linux-gnu.so` or `_x.cp312-win_amd64.pyd` (PEP 3149).
fn version_in_name(name: &str) -> Option<&str> {
    let middle = name.split('.').nth(1)?;
    let rest = middle.strip_prefix("cpython-").or_else(|| middle.strip_prefix("cp"))?;
    let version = rest.split('-').next()?.trim_end_matches(['m', 'u', 'd']);
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_in_an_extensions_name_is_found_in_each_form() {
        for (name, version) in [
            ("_x.cpython-312-x86_64-linux-gnu.so", Some("312")),
            ("_x.cpython-37m-darwin.so", Some("37")),
            ("_x.cpython-313t-x86_64-linux-gnu.so", Some("313t")),
            ("_x.cp312-win_amd64.pyd", Some("312")),
            ("_x.abi3.so", None),
            ("_x.so", None),
        ] {
            assert_eq!(version_in_name(name), version, "{name}");
        }
    }
}
