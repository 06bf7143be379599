//! What an Android system of an API level provides to a wheel.
//!
//! PEP 738 tags a wheel `android_<API level>_<ABI>`. The NDK lists the libraries that an app may use
//! and the level that brought each ("Android NDK Native APIs"); auditwheel groups them into the levels
//! below. The three `*_python.so` libraries are no part of Android: CPython's own package brings them
//! beside libpython, under these names because an app could not tell them from Android's private ones.
//! An extension module needs libpython on Android, where Linux forbids it; that is decided elsewhere.
//!
//! `libc++_shared.so` is provided by nobody, so it is vendored.

use crate::target::Arch;

/// The lowest API level with a policy; CPython supports none below it.
pub const LOWEST_API: u32 = 21;

/// The first API level whose loader reads `DT_RUNPATH`; it has never read `DT_RPATH`
/// (bionic, "Android changes for NDK developers").
pub const RUNPATH_API: u32 = 24;

/// The first API level whose loader reads `DT_RELR` (same source; 28 knows only Android's own tags).
pub const RELR_API: u32 = 30;

/// The levels at which the list of provided libraries grows, ascending, with what they add.
const LEVELS: [(u32, &[&str]); 4] = [
    (21, &API_21),
    (24, &["libcamera2ndk.so", "libvulkan.so"]),
    (26, &["libaaudio.so", "libsync.so"]),
    (27, &["libneuralnetworks.so"]),
];

const API_21: [&str; 16] = [
    "libandroid.so",
    "libc.so",
    "libcrypto_python.so",
    "libdl.so",
    "libEGL.so",
    "libGLESv1_CM.so",
    "libGLESv2.so",
    "libjnigraphics.so",
    "liblog.so",
    "libm.so",
    "libmediandk.so",
    "libOpenMAXAL.so",
    "libOpenSLES.so",
    "libsqlite3_python.so",
    "libssl_python.so",
    "libz.so",
];

/// The API levels with a list of their own, ascending: 21, 24, 26, 27.
pub fn levels() -> impl Iterator<Item = u32> {
    LEVELS.iter().map(|(api, _)| *api)
}

/// The listed level whose promises hold at `api`; `None` below [`LOWEST_API`].
pub fn level_at_most(api: u32) -> Option<u32> {
    levels().filter(|level| *level <= api).last()
}

/// The libraries that every device of this API level has for a wheel.
pub fn provided(api: u32) -> impl Iterator<Item = &'static str> {
    LEVELS
        .iter()
        .filter(move |(level, _)| *level <= api)
        .flat_map(|(_, names)| names.iter().copied())
}

/// True if every device of this API level has `soname`.
pub fn is_provided(api: u32, soname: &str) -> bool {
    provided(api).any(|name| name == soname)
}

/// How an Android tag spells an architecture: its ABI with `_` for `-`; `None` if Android has none.
///
/// CPython supports the two 64-bit ABIs (PEP 738, "Scope of work"); the tags of the 32-bit ones exist.
pub fn abi(arch: Arch) -> Option<&'static str> {
    match arch {
        Arch::Aarch64 => Some("arm64_v8a"),
        Arch::X86_64 => Some("x86_64"),
        Arch::Armv7l => Some("armeabi_v7a"),
        Arch::I686 => Some("x86"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// auditwheel's policies, one fact a line; `tests/oracle/policies.py` made it and checks it.
    const LISTED: &str = include_str!("../../../../testdata/policy/policies.txt");

    #[test]
    fn the_provided_libraries_are_auditwheels() {
        for api in levels() {
            let at = format!(" {api}");
            let lines = LISTED.lines().filter_map(|line| line.strip_prefix("android-provided "));
            let mut expected: Vec<&str> = lines.filter_map(|line| line.strip_suffix(&at)).collect();
            let mut actual: Vec<&str> = provided(api).collect();
            expected.sort_unstable();
            actual.sort_unstable();
            assert_eq!(actual, expected, "{api}");
            assert!(expected.len() >= 16);
        }
        let count = LISTED.lines().filter(|line| line.starts_with("android-")).count();
        assert_eq!(count, levels().map(|api| provided(api).count()).sum::<usize>());
    }

    #[test]
    fn a_library_is_provided_from_its_level_on() {
        let cases = [
            (20, "libc.so", false),
            (21, "libc.so", true),
            (21, "liblog.so", true),
            (23, "libvulkan.so", false),
            (24, "libvulkan.so", true),
            (25, "libaaudio.so", false),
            (26, "libaaudio.so", true),
            (26, "libneuralnetworks.so", false),
            (27, "libneuralnetworks.so", true),
            (36, "libneuralnetworks.so", true),
            (36, "libssl_python.so", true),
            (36, "libc++_shared.so", false),
            (36, "libc.so.6", false),
        ];
        for (api, soname, expected) in cases {
            assert_eq!(is_provided(api, soname), expected, "{soname} at {api}");
        }
    }

    #[test]
    fn an_unlisted_level_promises_what_the_next_lower_one_does() {
        let cases = [(20, None), (21, Some(21)), (23, Some(21)), (25, Some(24)), (36, Some(27))];
        for (api, expected) in cases {
            assert_eq!(level_at_most(api), expected, "{api}");
        }
    }

    #[test]
    fn an_abi_reads_back_as_its_architecture() {
        for arch in Arch::ALL {
            if let Some(abi) = abi(arch) {
                assert_eq!(abi.parse(), Ok(arch));
            }
        }
        assert_eq!(abi(Arch::S390x), None);
    }
}
