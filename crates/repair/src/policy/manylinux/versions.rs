//! Which symbol versions the provided libraries define at each manylinux level.
//!
//! The data is auditwheel's (© 2016 Robert T. McGibbon, MIT; see `THIRD-PARTY.md`), who has it from
//! scans of distribution images (mayeut/pep600_compliance). It is written the other way round: a row
//! gives the first level that allows a version instead of each level all that it allows. Nothing is lost, since a level allows all that an
//! older one does (PEP 600), and a version that no row has is allowed nowhere.
//!
//! The versions of glibc need no rows: `GLIBC_2.N` comes with glibc 2.N. They need the versions that
//! glibc really defines, because each port starts at its own and some releases added no symbol.

use super::Level;
use crate::target::Arch;

/// The part of a version before its first underscore, for the libraries a policy provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Prefix {
    Glibc,
    Glibcxx,
    Cxxabi,
    Gcc,
    Zlib,
    Libatomic,
}

impl Prefix {
    /// Reads `GLIBC`; `None` for a family that no provided library defines.
    pub(super) fn from_name(name: &str) -> Option<Prefix> {
        match name {
            "GLIBC" => Some(Prefix::Glibc),
            "GLIBCXX" => Some(Prefix::Glibcxx),
            "CXXABI" => Some(Prefix::Cxxabi),
            "GCC" => Some(Prefix::Gcc),
            "ZLIB" => Some(Prefix::Zlib),
            "LIBATOMIC" => Some(Prefix::Libatomic),
            _ => None,
        }
    }
}

/// The architectures a row is about.
#[derive(Debug, Clone, Copy)]
enum Arches {
    All,
    Only(&'static [Arch]),
    Except(&'static [Arch]),
}

impl Arches {
    fn contains(self, arch: Arch) -> bool {
        match self {
            Arches::All => true,
            Arches::Only(arches) => arches.contains(&arch),
            Arches::Except(arches) => !arches.contains(&arch),
        }
    }
}

/// Versions that are allowed from one level on.
#[derive(Debug, Clone, Copy)]
struct Row {
    prefix: Prefix,
    /// The minor version of the level; the major is 2.
    since: u32,
    arches: Arches,
    /// What follows the prefix and its underscore, separated by spaces.
    versions: &'static str,
}

const fn row(prefix: Prefix, since: u32, arches: Arches, versions: &'static str) -> Row {
    Row { prefix, since, arches, versions }
}

use Arch::{Aarch64, Armv7l, I686, Loongarch64, Ppc64, Ppc64le, Riscv64, S390x, X86_64};
use Arches::{All, Except, Only};
use Prefix::{Cxxabi, Gcc, Glibc, Glibcxx, Libatomic, Zlib};

/// The architectures where `long double` changed its format, so that libstdc++ has both.
const TWO_LONG_DOUBLES: Arches = Only(&[Ppc64le, S390x]);

const ROWS: &[Row] = &[
    // libstdc++: GLIBCXX is its own interface, CXXABI that of the C++ ABI's run time.
    row(Glibcxx, 5, All, "3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 3.4.7 3.4.8"),
    row(Glibcxx, 5, TWO_LONG_DOUBLES, "LDBL_3.4 LDBL_3.4.7 LDBL_3.4.10"),
    row(Glibcxx, 12, All, "3.4.9 3.4.10 3.4.11 3.4.12 3.4.13"),
    row(Glibcxx, 17, All, "3.4.14 3.4.15 3.4.16 3.4.17 3.4.18 3.4.19"),
    row(Glibcxx, 24, All, "3.4.20 3.4.21 3.4.22"),
    row(Glibcxx, 24, TWO_LONG_DOUBLES, "LDBL_3.4.21"),
    row(Glibcxx, 26, Except(&[X86_64]), "3.4.23 3.4.24"),
    row(Glibcxx, 27, Only(&[X86_64]), "3.4.23 3.4.24"),
    row(Glibcxx, 31, All, "3.4.25 3.4.26 3.4.27 3.4.28"),
    row(Glibcxx, 34, All, "3.4.29"),
    row(Glibcxx, 34, TWO_LONG_DOUBLES, "LDBL_3.4.29"),
    row(Glibcxx, 34, Only(&[Ppc64le]), "IEEE128_3.4.29"),
    row(Glibcxx, 35, All, "3.4.30"),
    row(Glibcxx, 35, Only(&[Ppc64le]), "IEEE128_3.4.30"),
    row(Glibcxx, 39, All, "3.4.31 3.4.32"),
    row(Glibcxx, 39, Except(&[Loongarch64]), "3.4.33"),
    row(Glibcxx, 39, TWO_LONG_DOUBLES, "LDBL_3.4.31"),
    row(Glibcxx, 39, Only(&[Ppc64le]), "IEEE128_3.4.31"),
    row(Glibcxx, 40, Only(&[Loongarch64]), "3.4.33"),
    row(Cxxabi, 5, All, "1.3 1.3.1"),
    row(Cxxabi, 5, TWO_LONG_DOUBLES, "LDBL_1.3"),
    row(Cxxabi, 5, Only(&[Armv7l]), "ARM_1.3.3"),
    row(Cxxabi, 12, All, "1.3.2 1.3.3"),
    row(Cxxabi, 17, All, "1.3.4 1.3.5 1.3.6 1.3.7 TM_1"),
    row(Cxxabi, 24, All, "1.3.8 1.3.9 1.3.10"),
    row(Cxxabi, 24, Only(&[I686, X86_64]), "FLOAT128"),
    row(Cxxabi, 26, Except(&[X86_64]), "1.3.11"),
    row(Cxxabi, 27, Only(&[X86_64]), "1.3.11"),
    row(Cxxabi, 31, All, "1.3.12"),
    row(Cxxabi, 34, All, "1.3.13"),
    row(Cxxabi, 34, Only(&[Ppc64le]), "IEEE128_1.3.13"),
    row(Cxxabi, 39, All, "1.3.14 1.3.15"),
    // libgcc_s: which of them exist depends on what each processor needs from libgcc.
    row(Gcc, 5, All, "3.0 3.3 3.3.1 3.4 3.4.2 4.0.0 4.2.0"),
    row(Gcc, 5, Except(&[I686, Armv7l]), "3.4.4"),
    row(Gcc, 5, Only(&[Armv7l]), "3.3.4 3.5"),
    row(Gcc, 5, Only(&[S390x]), "4.1.0"),
    row(Gcc, 12, All, "4.3.0"),
    row(Gcc, 12, Only(&[I686, Ppc64, Riscv64, Loongarch64]), "4.4.0"),
    row(Gcc, 12, Only(&[I686, Aarch64, Ppc64, Riscv64, Loongarch64]), "4.5.0"),
    row(Gcc, 17, All, "4.7.0"),
    row(Gcc, 17, Only(&[I686, X86_64, Ppc64]), "4.8.0"),
    row(Gcc, 26, Except(&[X86_64]), "7.0.0"),
    row(Gcc, 27, Only(&[X86_64]), "7.0.0"),
    row(Gcc, 34, Only(&[Aarch64]), "11.0"),
    row(Gcc, 35, Only(&[I686, X86_64]), "12.0.0"),
    row(Gcc, 39, All, "14.0.0"),
    row(Gcc, 39, Only(&[I686, X86_64, Aarch64]), "13.0.0"),
    row(Gcc, 39, Only(&[Aarch64]), "14.0"),
    row(Zlib, 12, All, "1.2.0 1.2.0.2 1.2.0.8 1.2.2 1.2.2.3 1.2.2.4"),
    row(Zlib, 17, All, "1.2.3.3 1.2.3.4 1.2.3.5 1.2.5.1 1.2.5.2"),
    row(Zlib, 26, Except(&[X86_64, Aarch64]), "1.2.7.1 1.2.9"),
    row(Zlib, 27, Only(&[X86_64, Aarch64]), "1.2.7.1 1.2.9"),
    row(Zlib, 36, Only(&[I686]), "1.2.12"),
    row(Zlib, 37, All, "1.2.12"),
    row(Libatomic, 17, Except(&[X86_64, S390x]), "1.0"),
    row(Libatomic, 24, All, "1.0 1.1 1.2"),
    // glibc's versions that are no numbers: promises about the loader.
    row(Glibc, 36, Except(&[Riscv64]), "ABI_DT_RELR"),
    row(Glibc, 38, Only(&[Riscv64]), "ABI_DT_RELR"),
    // They came between 2.42 and 2.43 and into some distributions' older glibc; the first release
    // that has them everywhere is 2.43. auditwheel does not know them.
    row(Glibc, GLIBC_2_43, Only(&[I686, X86_64]), "ABI_GNU2_TLS"),
    row(Glibc, GLIBC_2_43, Only(&[I686]), "ABI_GNU_TLS"),
    row(Glibc, GLIBC_2_43, Only(&[X86_64]), "ABI_DT_X86_64_PLT"),
    // The aarch64 systems with glibc 2.17 have one symbol of 2.18, which is forbidden by name.
    row(Glibc, 17, Only(&[Aarch64]), "2.18"),
];

/// The only level above the listed ones with a row.
const GLIBC_2_43: u32 = 43;

/// The first and last listed level of an architecture.
pub(super) fn listed_range(arch: Arch) -> Option<(Level, Level)> {
    let (first, last) = match arch {
        I686 | X86_64 => (5, 41),
        Aarch64 | Armv7l | Ppc64le | S390x => (17, 41),
        // CentOS 7 was the last distribution of the sample with big-endian POWER.
        Ppc64 => (17, 17),
        Riscv64 => (31, 41),
        Loongarch64 => (36, 41),
        Arch::Armv6l => return None,
    };
    Some((Level::new(2, first), Level::new(2, last)))
}

/// The levels above the listed ones that rows of `prefix` name.
pub(super) fn unlisted_levels(prefix: Prefix) -> Option<Level> {
    (prefix == Glibc).then(|| Level::new(2, GLIBC_2_43))
}

/// True if `level` has `PREFIX_version` on `arch`. The caller has asked whether the level exists.
pub(super) fn allows(level: Level, arch: Arch, prefix: Prefix, version: &str) -> bool {
    // A level between two listed ones promises no more of the other libraries than the lower, and one
    // above the last no more than that.
    let reached = if prefix == Glibc { Some(level) } else { listed_at_most(level, arch) };
    let Some(reached) = reached else { return false };
    let has_row = ROWS.iter().any(|row| {
        row.prefix == prefix
            && Level::new(2, row.since) <= reached
            && row.arches.contains(arch)
            && row.versions.split(' ').any(|listed| listed == version)
    });
    has_row || (prefix == Glibc && glibc_allows(level, arch, version))
}

fn listed_at_most(level: Level, arch: Arch) -> Option<Level> {
    super::levels(arch).into_iter().rev().find(|listed| *listed <= level)
}

/// Every version that some port of glibc defines, up to the last listed level.
const GLIBC_VERSIONS: &str = "2.0 2.1 2.1.1 2.1.2 2.1.3 2.2 2.2.1 2.2.2 2.2.3 2.2.4 2.2.5 2.2.6 2.3 \
    2.3.2 2.3.3 2.3.4 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18 2.19 2.22 \
    2.23 2.24 2.25 2.26 2.27 2.28 2.29 2.30 2.31 2.32 2.33 2.34 2.35 2.36 2.37 2.38 2.39 2.40 2.41";

/// The minor version of the newest glibc that [`GLIBC_VERSIONS`] knows.
const GLIBC_KNOWN: u32 = 41;

/// What one port of glibc defines.
struct Port {
    /// The version all symbols of the port's first release have.
    first: &'static str,
    /// Defined although older: what libgcc_s took over from glibc.
    older: &'static str,
    /// Versions after the first that have no symbol on this port.
    unused: &'static [&'static str],
}

/// Verified against auditwheel's sets, which contain exactly these.
const fn port(arch: Arch) -> Option<Port> {
    let (first, older, unused): (_, _, &[&str]) = match arch {
        I686 => ("2.0", "", &["2.2.5", "2.19"]),
        X86_64 => ("2.2.5", "", &["2.19", "2.37"]),
        Aarch64 | Ppc64le => ("2.17", "2.0", &["2.19", "2.37"]),
        Armv7l => ("2.4", "2.0", &["2.19"]),
        Ppc64 => ("2.0", "", &[]),
        S390x => ("2.2", "", &["2.2.5", "2.37"]),
        Riscv64 => ("2.27", "2.0", &[]),
        Loongarch64 => ("2.36", "2.0", &["2.37"]),
        Arch::Armv6l => return None,
    };
    Some(Port { first, older, unused })
}

fn glibc_allows(level: Level, arch: Arch, version: &str) -> bool {
    let (Some(port), Some(numbers)) = (port(arch), numbers(version)) else { return false };
    level_of_glibc(&numbers).is_some_and(|own| own <= level)
        && (port.defines(version, &numbers) || is_newer_than_known(&numbers))
}

impl Port {
    fn defines(&self, version: &str, version_numbers: &[u32]) -> bool {
        if version == self.older {
            return true;
        }
        GLIBC_VERSIONS.split_ascii_whitespace().any(|known| known == version)
            && !self.unused.contains(&version)
            && numbers(self.first).is_some_and(|first| first.as_slice() <= version_numbers)
    }
}

/// Since 2.5 glibc adds a version `2.N` and no third number, so a newer one is expected to look so.
fn is_newer_than_known(numbers: &[u32]) -> bool {
    matches!(numbers, [2, minor] if *minor > GLIBC_KNOWN)
}

/// The level of the glibc release that brought a version: 2_3 for `2.3.4`.
pub(super) fn level_of_glibc(numbers: &[u32]) -> Option<Level> {
    match numbers {
        [major, minor, ..] => Some(Level::new(*major, *minor)),
        _ => None,
    }
}

/// The numbers of `2.3.4`; `None` for any text that is not how a version of numbers is written.
///
/// The loader compares versions as text, so `2.04` is another one than `2.4`.
pub(super) fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(super::plain_number).collect()
}
