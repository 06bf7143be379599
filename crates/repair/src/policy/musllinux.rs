//! What a musllinux policy promises, and which musl a binary needs by what it contains.
//!
//! PEP 656 says that a wheel tagged `musllinux_X_Y` runs where musl is X.Y or later (of the same X).
//! musl has no symbol versions, so nothing in a file says which musl it was linked against. What can be
//! seen is the names a file leaves undefined: musl 1.2 added some, and gave 32-bit machines a second
//! set of all functions that take a time. A file that needs one of those needs musl 1.2, whatever
//! machine truewheel runs on; a file that needs none gets the older tag only if the user asks for it.
//!
//! The tag has no third number: a file that uses a function of 1.2.5 is still tagged `musllinux_1_2`
//! and fails on 1.2.0. [`symbol_release`] tells the caller, so that it can say so.
//!
//! What is provided and forbidden is auditwheel's data (© 2016 Robert T. McGibbon, MIT; see
//! `THIRD-PARTY.md`).

use crate::target::Arch;

/// A release of musl: 1.2.5 is `(1, 2, 5)`.
pub type Release = (u32, u32, u32);

/// The musl versions with a policy, ascending.
pub const POLICIES: [(u32, u32); 2] = [(1, 1), (1, 2)];

/// The first release whose loader applies `DT_RELR`; older ones skip those relocations in silence
/// (release notes of 1.2.4).
pub const RELR_RELEASE: Release = (1, 2, 4);

/// True if auditwheel has this policy for this architecture.
///
/// The LoongArch port came with 1.2.5; big-endian POWER and ARMv6 have no policy.
pub fn exists(version: (u32, u32), arch: Arch) -> bool {
    match arch {
        Arch::Loongarch64 => version == (1, 2),
        Arch::Ppc64 | Arch::Armv6l => false,
        _ => POLICIES.contains(&version),
    }
}

/// The architecture in `libc.musl-<arch>.so.1`, the SONAME that Alpine Linux gives musl.
fn alpine_arch(arch: Arch) -> &'static str {
    match arch {
        Arch::I686 => "x86",
        Arch::Armv7l => "armv7",
        Arch::Armv6l => "armhf",
        _ => arch.as_str(),
    }
}

/// The architecture in `ld-musl-<arch>.so.1`, musl's own name of its loader (`configure`, `ldso`).
pub fn loader_arch(arch: Arch) -> &'static str {
    match arch {
        Arch::I686 => "i386",
        Arch::Armv7l | Arch::Armv6l => "armhf",
        Arch::Ppc64le => "powerpc64le",
        Arch::Ppc64 => "powerpc64",
        _ => arch.as_str(),
    }
}

/// True if every musl system has `soname`.
///
/// That is musl itself, under its own SONAME, Alpine's and the loader's (all one file), and zlib.
/// libstdc++ and libgcc_s are not: Alpine installs them on request.
pub fn is_provided(soname: &str, arch: Arch) -> bool {
    if matches!(soname, "libc.so" | "libz.so.1") {
        return true;
    }
    let name = soname.strip_suffix(".so.1").unwrap_or("");
    name.strip_prefix("libc.musl-") == Some(alpine_arch(arch))
        || name.strip_prefix("ld-musl-") == Some(loader_arch(arch))
}

/// The lowest musl version whose libc has `symbol`, for a symbol that 1.1 lacks.
///
/// `None` for every name that 1.1 has or that is not musl's at all.
pub fn symbol_needs(symbol: &str, arch: Arch) -> Option<(u32, u32)> {
    symbol_release(symbol, arch).map(|(major, minor, _)| (major, minor))
}

/// The first release of musl whose libc has `symbol`, for a symbol that 1.1.24 lacks.
pub fn symbol_release(symbol: &str, arch: Arch) -> Option<Release> {
    if arch.is_32_bit() && TIME64.contains(&symbol) {
        return Some((1, 2, 0));
    }
    ADDED.iter().find(|(_, names)| names.contains(&symbol)).map(|(release, _)| *release)
}

/// Functions each release added on every architecture, from its release notes (`WHATSNEW`).
const ADDED: [(Release, &[&str]); 4] = [
    ((1, 2, 2), &["_Fork", "gettid", "reallocarray", "tcgetwinsize", "tcsetwinsize"]),
    ((1, 2, 3), &["pthread_getname_np", "qsort_r"]),
    ((1, 2, 5), &["preadv2", "pwritev2", "statx"]),
    ((1, 2, 6), &["posix_getdents", "renameat2"]),
];

/// The 64-bit twins of the functions that take a time, which 32-bit code has called since 1.2.0.
///
/// They are the targets of `__REDIR` in musl's headers; 64-bit machines do not have them.
const TIME64: [&str; 63] = [
    "__adjtime64",
    "__adjtimex_time64",
    "__aio_suspend_time64",
    "__clock_adjtime64",
    "__clock_getres_time64",
    "__clock_gettime64",
    "__clock_nanosleep_time64",
    "__clock_settime64",
    "__cnd_timedwait_time64",
    "__ctime64",
    "__ctime64_r",
    "__difftime64",
    "__dlsym_time64",
    "__fstat_time64",
    "__fstatat_time64",
    "__ftime64",
    "__futimens_time64",
    "__futimes_time64",
    "__futimesat_time64",
    "__getitimer_time64",
    "__getrusage_time64",
    "__gettimeofday_time64",
    "__gmtime64",
    "__gmtime64_r",
    "__localtime64",
    "__localtime64_r",
    "__lstat_time64",
    "__lutimes_time64",
    "__mktime64",
    "__mq_timedreceive_time64",
    "__mq_timedsend_time64",
    "__mtx_timedlock_time64",
    "__nanosleep_time64",
    "__ppoll_time64",
    "__pselect_time64",
    "__pthread_cond_timedwait_time64",
    "__pthread_mutex_timedlock_time64",
    "__pthread_rwlock_timedrdlock_time64",
    "__pthread_rwlock_timedwrlock_time64",
    "__pthread_timedjoin_np_time64",
    "__recvmmsg_time64",
    "__sched_rr_get_interval_time64",
    "__select_time64",
    "__sem_timedwait_time64",
    "__semtimedop_time64",
    "__setitimer_time64",
    "__settimeofday_time64",
    "__sigtimedwait_time64",
    "__stat_time64",
    "__stime64",
    "__thrd_sleep_time64",
    "__time64",
    "__timegm_time64",
    "__timer_gettime64",
    "__timer_settime64",
    "__timerfd_gettime64",
    "__timerfd_settime64",
    "__timespec_get_time64",
    "__utime64",
    "__utimensat_time64",
    "__utimes_time64",
    "__wait3_time64",
    "__wait4_time64",
];

/// The symbols of `soname` that a wheel must not use; none for most libraries.
///
/// As for manylinux, zlib's private and late symbols; both policies forbid the same ones.
pub fn forbidden_symbols(soname: &str) -> &'static [&'static str] {
    if soname == "libz.so.1" { &LIBZ } else { &[] }
}

/// True if a wheel must not use `symbol` of `soname`.
pub fn is_forbidden(soname: &str, symbol: &str) -> bool {
    forbidden_symbols(soname).contains(&symbol)
}

const LIBZ: [&str; 31] = [
    "_dist_code",
    "_length_code",
    "_tr_align",
    "_tr_flush_block",
    "_tr_init",
    "_tr_stored_block",
    "_tr_tally",
    "bi_windup",
    "crc32_vpmsum",
    "crc_fold_512to32",
    "crc_fold_copy",
    "crc_fold_init",
    "deflate_copyright",
    "deflate_medium",
    "fill_window",
    "flush_pending",
    "gzflags",
    "inflate_copyright",
    "inflate_fast",
    "inflate_table",
    "longest_match",
    "slide_hash_sse",
    "static_ltree",
    "uncompress2",
    "x86_check_features",
    "x86_cpu_has_pclmul",
    "x86_cpu_has_sse2",
    "x86_cpu_has_sse42",
    "z_errmsg",
    "zcalloc",
    "zcfree",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// auditwheel's policies, one fact a line; `tests/oracle/policies.py` made it and checks it.
    const LISTED: &str = include_str!("../../../../testdata/policy/policies.txt");

    #[test]
    fn the_policies_are_auditwheels() {
        for version in POLICIES {
            let at = format!("{}_{}", version.0, version.1);
            let facts = |kind: &str| -> Vec<Vec<&str>> {
                let lines = LISTED.lines().map(|line| line.split(' ').collect::<Vec<_>>());
                lines.filter(|f| f[0] == kind && f.last() == Some(&at.as_str())).collect()
            };
            let arches = facts("musllinux-level");
            for arch in Arch::ALL {
                let is_listed = arches.iter().any(|f| f[1] == arch.as_str());
                assert_eq!(exists(version, arch), is_listed, "{at} {arch}");
            }
            let libraries = facts("musllinux-provided");
            assert_eq!(libraries.len(), 2);
            assert!(libraries.iter().all(|f| is_provided(f[1], Arch::X86_64)));
            let mut forbidden: Vec<&str> =
                facts("musllinux-forbidden").iter().map(|f| f[2]).collect();
            let mut actual = forbidden_symbols("libz.so.1").to_vec();
            forbidden.sort_unstable();
            actual.sort_unstable();
            assert_eq!(actual, forbidden);
        }
    }

    #[test]
    fn musl_is_provided_under_each_of_its_names() {
        let cases = [
            ("libc.so", Arch::X86_64, true),
            ("libc.musl-x86_64.so.1", Arch::X86_64, true),
            ("libc.musl-x86.so.1", Arch::I686, true),
            ("libc.musl-i686.so.1", Arch::I686, false),
            ("ld-musl-i386.so.1", Arch::I686, true),
            ("libc.musl-armv7.so.1", Arch::Armv7l, true),
            ("libc.musl-armhf.so.1", Arch::Armv7l, false),
            ("libc.musl-armhf.so.1", Arch::Armv6l, true),
            ("ld-musl-powerpc64le.so.1", Arch::Ppc64le, true),
            ("libc.musl-aarch64.so.1", Arch::X86_64, false),
            ("libc.musl-loongarch64.so.1", Arch::Loongarch64, true),
            ("libz.so.1", Arch::S390x, true),
            ("libc.so.6", Arch::X86_64, false),
            ("libstdc++.so.6", Arch::X86_64, false),
            ("libgcc_s.so.1", Arch::X86_64, false),
            ("libc.musl-.so.1", Arch::X86_64, false),
        ];
        for (soname, arch, expected) in cases {
            assert_eq!(is_provided(soname, arch), expected, "{soname} on {arch}");
        }
    }

    #[test]
    fn a_symbol_shows_the_musl_it_needs() {
        let cases = [
            ("malloc", Arch::X86_64, None),
            ("secure_getenv", Arch::X86_64, None),
            ("clock_gettime", Arch::I686, None),
            ("__clock_gettime64", Arch::I686, Some((1, 2))),
            ("__stat_time64", Arch::Armv7l, Some((1, 2))),
            ("__stat_time64", Arch::X86_64, None),
            ("__stat_time64", Arch::Riscv64, None),
            ("gettid", Arch::X86_64, Some((1, 2))),
            ("qsort_r", Arch::Aarch64, Some((1, 2))),
            ("statx", Arch::I686, Some((1, 2))),
        ];
        for (symbol, arch, expected) in cases {
            assert_eq!(symbol_needs(symbol, arch), expected, "{symbol} on {arch}");
        }
    }

    #[test]
    fn a_symbol_shows_the_release_that_the_tag_cannot() {
        assert_eq!(symbol_release("statx", Arch::X86_64), Some((1, 2, 5)));
        assert_eq!(symbol_release("_Fork", Arch::X86_64), Some((1, 2, 2)));
    }

    #[test]
    fn loongarch_starts_with_1_2() {
        assert!(!exists((1, 1), Arch::Loongarch64));
        assert!(exists((1, 2), Arch::Loongarch64));
        assert!(exists((1, 1), Arch::Riscv64));
        assert!(!exists((1, 2), Arch::Ppc64));
        assert!(!exists((1, 3), Arch::X86_64));
    }

    #[test]
    fn private_symbols_of_zlib_are_forbidden() {
        assert!(is_forbidden("libz.so.1", "inflate_fast"));
        assert!(is_forbidden("libz.so.1", "uncompress2"));
        assert!(!is_forbidden("libz.so.1", "inflate"));
        assert!(!is_forbidden("libc.so", "inflate_fast"));
    }
}
