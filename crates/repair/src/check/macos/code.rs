//! What dyld and the kernel refuse in a file by itself: a damaged signature, another system, a path said twice.

use std::collections::BTreeSet;

use truewheel_macho::{MachO, Version};
use truewheel_wheel::{MemberPath, PlatformTag};

use super::files;
use crate::binary::MachSlice;
use crate::check::finding::Finding;
use crate::check::{Check, Severity, rules};
use crate::policy::macos::{foreign_system, is_loaded};

/// The first SDK whose files dyld refuses for an `LC_RPATH` that stands twice: macOS 15.4 does.
const RPATH_SDK: Version = (15, 4, 0);
/// The first SDK whose files dyld refuses for two loads of one path.
const LOAD_SDK: Version = (26, 0, 0);
/// `PLATFORM_IOS`, `PLATFORM_IOSSIMULATOR`.
const IOS: [(u32, &str); 2] = [(2, "iphoneos"), (7, "iphonesimulator")];

/// One line for each slice whose signature does not fit, for the facts of a file.
pub(in crate::check) fn signature_faults(
    bytes: &[u8],
) -> Result<Vec<(&'static str, String)>, truewheel_macho::Error> {
    let mut told = Vec::new();
    for slice in MachO::parse(bytes)?.slices() {
        let faults = match slice.signature() {
            Ok(None) => continue,
            Ok(Some(signature)) => {
                signature.faults(slice).iter().map(ToString::to_string).collect()
            }
            Err(error) => vec![error.to_string()],
        };
        if let [first, rest @ ..] = faults.as_slice() {
            let more =
                if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
            told.push((slice.architecture(), format!("{first}{more}")));
        }
    }
    Ok(told)
}

/// arm64 runs nothing whose pages are not the signed ones; elsewhere a signature is looked at where one is asked for.
pub(super) fn signatures(check: &mut Check<'_>) {
    for (path, facet) in &check.facts.binaries {
        for (cpu, fault) in &facet.signature_faults {
            let is_arm = cpu.starts_with("arm64");
            let severity = if is_arm { Severity::Error } else { Severity::Warning };
            let finding = Finding::of(rules::SIGNATURE, path, format!("{cpu}: {fault}"));
            let finding = finding.weighs(severity);
            check.findings.push(finding.remedy("sign it again: `codesign --force --sign -`"));
        }
    }
    for (path, file) in files(check) {
        let is_bare = |slice: &MachSlice| {
            is_loaded(slice) && slice.architecture.starts_with("arm64") && !slice.is_signed
        };
        if file.slices.iter().any(is_bare) {
            let message = "its arm64 code has no signature";
            let finding = Finding::of(rules::UNSIGNED, path, message);
            check.add(finding.remedy("sign it: `codesign --force --sign -`"));
        }
    }
}

/// Files for iOS, a simulator or Catalyst in a wheel for macOS.
pub(super) fn systems(check: &mut Check<'_>) {
    for (path, file) in files(check) {
        let system = file.slices.iter().filter(|slice| is_loaded(slice)).find_map(foreign_system);
        check.findings.extend(system.map(|system| other_system(path, system, "macOS")));
    }
}

/// Files of a wheel for iOS that are for another system than its tags: a device loads no simulator's code.
pub(super) fn ios(check: &mut Check<'_>) {
    let wanted: BTreeSet<String> = check
        .tags()
        .iter()
        .filter_map(|tag| match tag {
            PlatformTag::Ios { sdk, .. } => Some(sdk.clone()),
            _ => None,
        })
        .collect();
    for (path, file) in files(check) {
        for minimum in file.slices.iter().filter_map(|slice| slice.minimum_os) {
            let sdk = IOS.iter().find(|(platform, _)| *platform == minimum.platform);
            if !sdk.is_some_and(|(_, sdk)| wanted.contains(*sdk)) {
                let system = sdk.map_or("another system", |(_, sdk)| *sdk);
                let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
                check.findings.push(other_system(path, system, &names.join(" and ")));
                break;
            }
        }
    }
}

fn other_system(path: &MemberPath, system: &str, wanted: &str) -> Finding {
    let message = format!("is built for {system}, the wheel is for {wanted}");
    Finding::of(rules::OTHER_SYSTEM, path, message)
}

/// Paths that two commands of a slice say.
pub(super) fn repetitions(check: &mut Check<'_>) {
    for (path, file) in files(check) {
        for slice in file.slices.iter().filter(|slice| is_loaded(slice)) {
            let loads = slice.loads.iter().map(|load| &load.install_name);
            tell(check, path, slice, "load", twice(loads), LOAD_SDK);
            tell(check, path, slice, "LC_RPATH", twice(slice.rpaths.iter()), RPATH_SDK);
        }
    }
}

fn twice<'a>(texts: impl Iterator<Item = &'a String>) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| !seen.insert(*text)).collect()
}

fn tell(
    check: &mut Check<'_>,
    path: &MemberPath,
    slice: &MachSlice,
    what: &str,
    twice: BTreeSet<&String>,
    refused_from: Version,
) {
    let sdk = slice.minimum_os.map(|minimum| minimum.sdk);
    let is_refused = sdk.is_some_and(|sdk| sdk >= refused_from);
    for text in twice {
        let message = format!("{} has the {what} `{text}` twice", slice.architecture);
        let severity = if is_refused { Severity::Error } else { Severity::Warning };
        check.findings.push(Finding::of(rules::SAME_COMMAND, path, message).weighs(severity));
    }
}
