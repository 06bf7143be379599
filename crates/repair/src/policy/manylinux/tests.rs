//! Tests of the manylinux tables: rules by example, and the data against a list of all of it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// auditwheel's policies, one fact a line; `tests/oracle/policies.py` made it and checks it.
const LISTED: &str = include_str!("../../../../../testdata/policy/policies.txt");

fn level(text: &str) -> Level {
    let (major, minor) = text.split_once('_').unwrap();
    Level::new(major.parse().unwrap(), minor.parse().unwrap())
}

/// The fields of the lines that start with `kind`.
fn facts(kind: &str) -> Vec<Vec<&'static str>> {
    let lines = LISTED.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines.filter(|fields| fields[0] == kind).map(|fields| fields[1..].to_vec()).collect()
}

/// A library that defines versions of a family.
fn provider(version: &str) -> &'static str {
    match version.split_once('_').unwrap().0 {
        "GLIBC" => "libc.so.6",
        "GLIBCXX" | "CXXABI" => "libstdc++.so.6",
        "GCC" => "libgcc_s.so.1",
        "ZLIB" => "libz.so.1",
        "LIBATOMIC" => "libatomic.so.1",
        other => panic!("{other}"),
    }
}

#[test]
fn the_listed_levels_are_auditwheels() {
    let mut expected: BTreeMap<&str, Vec<Level>> = BTreeMap::new();
    for fields in facts("level") {
        expected.entry(fields[0]).or_default().push(level(fields[1]));
    }
    for arch in Arch::ALL {
        let of_arch = expected.remove(arch.as_str()).unwrap_or_default();
        assert_eq!(levels(arch), of_arch, "{arch}");
    }
    assert!(expected.is_empty());
}

#[test]
fn the_listed_levels_allow_the_versions_auditwheel_allows_and_no_others() {
    let since: BTreeMap<(&str, &str), Level> =
        facts("version").iter().map(|f| ((f[0], f[1]), level(f[2]))).collect();
    let versions: BTreeSet<&str> = since.keys().map(|(_, version)| *version).collect();
    assert!(versions.len() > 130);
    let mut compared = 0;
    for arch in Arch::ALL {
        for at in levels(arch) {
            for version in &versions {
                let expected =
                    since.get(&(arch.as_str(), version)).is_some_and(|since| *since <= at);
                let actual = allows(at, arch, provider(version), version);
                assert_eq!(actual, expected, "{version} at {at} on {arch}");
                compared += 1;
            }
        }
    }
    assert!(compared > 10_000);
}

#[test]
fn the_first_listed_level_of_a_version_is_auditwheels() {
    for fields in facts("version") {
        let arch: Arch = fields[0].parse().unwrap();
        let lowest = lowest_level(arch, provider(fields[1]), fields[1]).unwrap();
        assert_eq!(listed_at_least(lowest, arch), Some(level(fields[2])), "{fields:?}");
    }
}

#[test]
fn the_provided_libraries_are_auditwheels() {
    let libraries = facts("provided");
    assert_eq!(libraries.len(), 24);
    for policy in POLICIES {
        let at = policy.level();
        let mut expected: Vec<&str> =
            libraries.iter().filter(|f| level(f[1]) <= at).map(|f| f[0]).collect();
        let mut actual: Vec<&str> = provided(at, Arch::X86_64).collect();
        expected.sort_unstable();
        actual.sort_unstable();
        assert_eq!(actual, expected, "{at}");
        assert!(libraries.iter().all(|f| is_provided(at, f[0]) == (level(f[1]) <= at)));
    }
}

#[test]
fn the_forbidden_symbols_are_auditwheels() {
    let mut expected: BTreeMap<(Level, &str), BTreeSet<&str>> = BTreeMap::new();
    for fields in facts("forbidden") {
        let (until, soname, symbol) = (level(fields[2]), fields[0], fields[1]);
        for policy in POLICIES.iter().filter(|policy| policy.level() <= until) {
            expected.entry((policy.level(), soname)).or_default().insert(symbol);
        }
    }
    for policy in POLICIES {
        for soname in provided(policy.level(), Arch::X86_64) {
            let actual: BTreeSet<&str> =
                forbidden_symbols(policy.level(), soname).iter().copied().collect();
            let of_library = expected.remove(&(policy.level(), soname)).unwrap_or_default();
            assert_eq!(actual, of_library, "{soname} at {}", policy.level());
        }
    }
    assert!(expected.is_empty());
}

#[test]
fn the_aliases_are_auditwheels() {
    let expected: Vec<(Level, &str)> = facts("alias").iter().map(|f| (level(f[1]), f[0])).collect();
    let actual: Vec<(Level, &str)> = POLICIES
        .iter()
        .flat_map(|policy| aliases(policy.level()).iter().map(|alias| (policy.level(), *alias)))
        .collect();
    assert_eq!(actual, expected);
    assert_eq!(level_of("manylinux2014"), Some(Level::new(2, 17)));
}

#[test]
fn a_level_allows_all_that_an_older_one_does() {
    let versions: BTreeSet<&str> = facts("version").iter().map(|fields| fields[1]).collect();
    for arch in Arch::ALL {
        for version in &versions {
            let Some(lowest) = lowest_level(arch, provider(version), version) else { continue };
            for minor in 0..60 {
                let at = Level::new(2, minor);
                let actual = allows(at, arch, provider(version), version);
                assert_eq!(actual, lowest <= at, "{version} at {at} on {arch}");
            }
        }
    }
}

#[test]
fn an_unlisted_level_counts_glibc_by_number_and_the_rest_by_the_next_lower_level() {
    let cases = [
        ((2, 29), "libc.so.6", "GLIBC_2.29", true),
        ((2, 29), "libc.so.6", "GLIBC_2.30", false),
        ((2, 29), "libstdc++.so.6", "GLIBCXX_3.4.24", true),
        ((2, 29), "libstdc++.so.6", "GLIBCXX_3.4.25", false),
        ((2, 42), "libc.so.6", "GLIBC_2.42", true),
        ((2, 42), "libc.so.6", "GLIBC_2.43", false),
        ((2, 42), "libstdc++.so.6", "GLIBCXX_3.4.33", true),
        ((2, 99), "libstdc++.so.6", "GLIBCXX_3.4.34", false),
        ((2, 6), "libz.so.1", "ZLIB_1.2.0", false),
    ];
    for ((major, minor), provider, version, expected) in cases {
        let at = Level::new(major, minor);
        assert_eq!(allows(at, Arch::X86_64, provider, version), expected, "{version} at {at}");
    }
}

#[test]
fn the_lowest_level_of_a_version_may_be_one_that_auditwheel_does_not_list() {
    let cases = [
        (Arch::X86_64, "libc.so.6", "GLIBC_2.2.5", Some((2, 5))),
        (Arch::X86_64, "libc.so.6", "GLIBC_2.29", Some((2, 29))),
        (Arch::X86_64, "libc.so.6", "GLIBC_2.42", Some((2, 42))),
        (Arch::X86_64, "libc.so.6", "GLIBC_ABI_DT_RELR", Some((2, 36))),
        (Arch::Riscv64, "libc.so.6", "GLIBC_ABI_DT_RELR", Some((2, 38))),
        (Arch::X86_64, "libc.so.6", "GLIBC_ABI_GNU2_TLS", Some((2, 43))),
        (Arch::Aarch64, "libc.so.6", "GLIBC_2.17", Some((2, 17))),
        (Arch::Aarch64, "libc.so.6", "GLIBC_2.18", Some((2, 17))),
        (Arch::Riscv64, "libc.so.6", "GLIBC_2.27", Some((2, 31))),
        (Arch::Ppc64, "libc.so.6", "GLIBC_2.28", Some((2, 28))),
        (Arch::Armv6l, "libc.so.6", "GLIBC_2.4", None),
        (Arch::X86_64, "ld-linux-x86-64.so.2", "GLIBC_2.35", Some((2, 35))),
        (Arch::X86_64, "libstdc++.so.6", "CXXABI_TM_1", Some((2, 17))),
        (Arch::X86_64, "libstdc++.so.6", "GLIBCXX_3.4.99", None),
        (Arch::X86_64, "libmvec.so.1", "GLIBC_2.22", Some((2, 24))),
        (Arch::Aarch64, "libmvec.so.1", "GLIBC_2.38", Some((2, 38))),
        (Arch::Riscv64, "libmvec.so.1", "GLIBC_2.38", None),
    ];
    for (arch, provider, version, expected) in cases {
        let expected = expected.map(|(major, minor)| Level::new(major, minor));
        assert_eq!(lowest_level(arch, provider, version), expected, "{version} on {arch}");
    }
}

#[test]
fn a_version_that_no_system_defines_is_allowed_nowhere() {
    let versions = [
        ("libc.so.6", "GLIBC_PRIVATE"),
        ("libc.so.6", "GLIBC_2.19"),
        ("libc.so.6", "GLIBC_2.04"),
        ("libc.so.6", "GLIBC_2"),
        ("libc.so.6", "GLIBC_2.42.1"),
        ("libc.so.6", "GLIBC_3.0"),
        ("libc.so.6", "GLIBC_2.+42"),
        ("libc.so.6", "GLIBC_2.99999999999999999999"),
        ("libc.so.6", "GLIBC_"),
        ("libc.so.6", "GLIBC"),
        ("libc.so.6", ""),
        ("libc.so.6", "GLIBCXX_3.4"),
        ("libstdc++.so.6", "GLIBC_2.17"),
        ("libstdc++.so.6", "GLIBCXX_3.4 3.4.1"),
        ("libX11.so.6", "GLIBC_2.17"),
        ("libexpat.so.1", "LIBEXPAT_2.7"),
        ("libssl.so.3", "OPENSSL_3.0.0"),
        ("libstdc++-1a2b3c4d.so.6", "GLIBCXX_3.4"),
    ];
    for (provider, version) in versions {
        assert_eq!(lowest_level(Arch::X86_64, provider, version), None, "{version}");
        assert!(!allows(Level::new(2, 99), Arch::X86_64, provider, version), "{version}");
    }
}

#[test]
fn a_level_below_the_first_of_an_architecture_does_not_exist() {
    assert!(!allows(Level::new(2, 28), Arch::Riscv64, "libc.so.6", "GLIBC_2.27"));
    assert!(!exists(Level::new(2, 16), Arch::Aarch64));
    assert!(exists(Level::new(2, 17), Arch::Aarch64));
    assert!(!exists(Level::new(3, 0), Arch::X86_64));
    assert!(!exists(Level::new(2, 41), Arch::Armv6l));
}

#[test]
fn what_glibc_2_18_added_is_forbidden_before_it_only() {
    let symbol = "__cxa_thread_atexit_impl";
    assert!(is_forbidden(Level::new(2, 17), "libc.so.6", symbol));
    assert!(!is_forbidden(Level::new(2, 18), "libc.so.6", symbol));
    assert!(is_forbidden(Level::new(2, 33), "libz.so.1", "uncompress2"));
    assert!(!is_forbidden(Level::new(2, 34), "libz.so.1", "uncompress2"));
    assert!(!is_forbidden(Level::new(2, 5), "libz.so.1", "inflate"));
}

#[test]
fn a_level_reads_from_the_name_of_its_policy() {
    let cases = [
        ("manylinux1", Some((2, 5))),
        ("manylinux_2_28", Some((2, 28))),
        ("manylinux_2_99", Some((2, 99))),
        ("manylinux_2_028", None),
        ("manylinux_2_+8", None),
        ("manylinux_2", None),
        ("manylinux2014_x86_64", None),
        ("musllinux_1_2", None),
        ("linux", None),
    ];
    for (name, expected) in cases {
        let expected = expected.map(|(major, minor)| Level::new(major, minor));
        assert_eq!(level_of(name), expected, "{name}");
    }
    assert_eq!(Level::new(2, 28).to_string(), "2_28");
}
