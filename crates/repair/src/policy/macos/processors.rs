//! The CPUs that the last part of a tag stands for.
//!
//! `universal2` and its elders are names of sets (`get_platform_osx` of Python's `_osx_support`). A CPU that no
//! binary of the wheel knows and no system in use runs, such as the i386 of `intel`, is not held against it.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::PlatformTag;

use super::version::{ARM64_FLOOR, MacosVersion};

/// The CPUs and sets of CPUs that `--require-archs` takes.
pub const ARCHITECTURE_NAMES: [&str; 13] = [
    "x86_64",
    "arm64",
    "universal2",
    "i386",
    "intel",
    "x86_64h",
    "arm64e",
    "ppc",
    "ppc64",
    "universal",
    "fat",
    "fat3",
    "fat64",
];

/// macOS 10.14 was the last to run i386, and 10.6 the last to run code for PowerPC.
pub(super) const EXTINCT: [&str; 3] = ["i386", "ppc", "ppc64"];

/// The CPUs of a tag's last part.
pub(crate) fn processors_of(arch: &str) -> Vec<&str> {
    match arch {
        "universal2" => vec!["arm64", "x86_64"],
        "intel" => vec!["i386", "x86_64"],
        "universal" => vec!["i386", "ppc", "ppc64", "x86_64"],
        "fat3" => vec!["i386", "ppc", "x86_64"],
        "fat" | "fat32" => vec!["i386", "ppc"],
        "fat64" => vec!["ppc64", "x86_64"],
        one => vec![one],
    }
}

/// The names of the tags for `arch` on systems from these versions on.
///
/// A universal2 tag says one version for both: that of x86_64 where arm64 runs on every Mac that has it,
/// or that of both. Two versions that differ are said with a tag for each CPU.
pub(super) fn spell(arch: &str, versions: &BTreeMap<&str, MacosVersion>) -> Vec<PlatformTag> {
    let tag = |version: MacosVersion, arch: &str| PlatformTag::Macosx {
        major: version.major,
        minor: version.minor,
        arch: arch.to_owned(),
    };
    let all = processors_of(arch);
    let known: Vec<(&str, MacosVersion)> =
        all.iter().filter_map(|cpu| Some((*cpu, *versions.get(cpu)?))).collect();
    let distinct: BTreeSet<MacosVersion> = known.iter().map(|(_, version)| *version).collect();
    match known.as_slice() {
        [("arm64", arm64), ("x86_64", x86_64)] if *arm64 == ARM64_FLOOR => vec![tag(*x86_64, arch)],
        [(_, version), ..] if known.len() == all.len() && distinct.len() == 1 => {
            vec![tag(*version, arch)]
        }
        _ => known.into_iter().map(|(cpu, version)| tag(version, cpu)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(arch: &str, versions: &[(&'static str, (u32, u32))]) -> Vec<String> {
        let versions = versions
            .iter()
            .map(|(cpu, (major, minor))| (*cpu, MacosVersion::new(*major, *minor)))
            .collect();
        spell(arch, &versions).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn universal2_is_one_tag_where_one_version_says_it_all() {
        let both = |x86_64, arm64| spelled("universal2", &[("x86_64", x86_64), ("arm64", arm64)]);
        assert_eq!(both((10, 9), (11, 0)), ["macosx_10_9_universal2"]);
        assert_eq!(both((12, 0), (12, 0)), ["macosx_12_0_universal2"]);
        assert_eq!(both((10, 9), (12, 0)), ["macosx_12_0_arm64", "macosx_10_9_x86_64"]);
    }

    #[test]
    fn a_set_that_is_not_whole_is_spelled_by_its_members() {
        assert_eq!(spelled("intel", &[("x86_64", (10, 9))]), ["macosx_10_9_x86_64"]);
        assert_eq!(
            spelled("intel", &[("x86_64", (10, 9)), ("i386", (10, 9))]),
            ["macosx_10_9_intel"]
        );
        assert_eq!(
            spelled("intel", &[("x86_64", (10, 9)), ("i386", (10, 6))]),
            ["macosx_10_6_i386", "macosx_10_9_x86_64"]
        );
    }
}
