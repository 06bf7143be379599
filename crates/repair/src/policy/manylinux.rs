//! What a manylinux policy promises: the libraries every such system has, and up to which version.
//!
//! PEP 600 says that a wheel tagged `manylinux_2_N` runs on any mainstream system whose glibc is 2.N
//! or later. What such systems have besides glibc is found by looking at them: the tables below this
//! file carry auditwheel's findings (see `THIRD-PARTY.md`), each list of versions as the ceiling of a
//! column, because all of them say "everything up to this one".
//!
//! A level that the tables do not list (2_29, 2_42) is as good a tag: PEP 600 defines it by glibc's
//! version alone. It allows the GLIBC versions up to its own, and for every other library what the
//! next lower listed level allows, since a newer system has no less.
//!
//! A version counts by the library that provides it: `libstdc++.so.6` has no `GLIBC_2.17`, and a
//! private copy of it may have any version it likes.

use std::fmt;

use crate::target::{Arch, is_loader};

mod forbidden;
mod libraries;
mod versions;

pub use forbidden::{forbidden_symbols, is_forbidden};
pub use libraries::{is_provided, is_provided_on, provided, provided_since};

use versions::Prefix;

/// The glibc version of a policy: `manylinux_2_28` promises glibc 2.28 or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level {
    /// glibc's major version; always 2 so far.
    pub major: u32,
    /// glibc's minor version.
    pub minor: u32,
}

impl Level {
    /// The level of glibc `major.minor`.
    pub const fn new(major: u32, minor: u32) -> Level {
        Level { major, minor }
    }
}

impl fmt::Display for Level {
    /// `2_28`, as in the tag.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.major, self.minor)
    }
}

/// A manylinux policy: one level, on any architecture that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manylinux {
    /// Major and minor version of glibc.
    pub glibc: (u32, u32),
    /// The older name of the same policy (PEP 513, PEP 571, PEP 599).
    pub alias: Option<&'static str>,
}

const fn listed(minor: u32, alias: Option<&'static str>) -> Manylinux {
    Manylinux { glibc: (2, minor), alias }
}

/// The listed policies, ascending.
pub const POLICIES: [Manylinux; 16] = [
    listed(5, Some("manylinux1")),
    listed(12, Some("manylinux2010")),
    listed(17, Some("manylinux2014")),
    listed(24, None),
    listed(26, None),
    listed(27, None),
    listed(28, None),
    listed(31, None),
    listed(34, None),
    listed(35, None),
    listed(36, None),
    listed(37, None),
    listed(38, None),
    listed(39, None),
    listed(40, None),
    listed(41, None),
];

impl Manylinux {
    /// The level of this policy.
    pub fn level(&self) -> Level {
        Level::new(self.glibc.0, self.glibc.1)
    }
}

/// The listed levels of an architecture, ascending; none if the tables do not know it.
pub fn levels(arch: Arch) -> Vec<Level> {
    let Some((first, last)) = versions::listed_range(arch) else { return Vec::new() };
    POLICIES
        .iter()
        .map(Manylinux::level)
        .filter(|level| first <= *level && *level <= last)
        .collect()
}

/// True if a wheel may carry the tag at all: no architecture has a level below its first listed one.
pub fn exists(level: Level, arch: Arch) -> bool {
    level.major == 2 && versions::listed_range(arch).is_some_and(|(first, _)| first <= level)
}

/// The lowest listed level at or above `level`; `None` above the last one of that architecture.
///
/// For who wants the tags that auditwheel writes: it knows no `manylinux_2_29` and says 2_31.
pub fn listed_at_least(level: Level, arch: Arch) -> Option<Level> {
    levels(arch).into_iter().find(|listed| *listed >= level)
}

/// The older names of a level: `manylinux2014` for 2_17.
pub fn aliases(level: Level) -> &'static [&'static str] {
    POLICIES
        .iter()
        .find(|policy| policy.level() == level)
        .and_then(|policy| policy.alias.as_ref())
        .map_or(&[], std::slice::from_ref)
}

/// The level behind a name without its architecture: `manylinux_2_28`, `manylinux2014`.
pub fn level_of(name: &str) -> Option<Level> {
    if let Some(policy) = POLICIES.iter().find(|policy| policy.alias == Some(name)) {
        return Some(policy.level());
    }
    let (major, minor) = name.strip_prefix("manylinux_")?.split_once('_')?;
    Some(Level::new(plain_number(major)?, plain_number(minor)?))
}

/// A number as tags write it: digits, no sign, no leading zero.
fn plain_number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// True if every system of `level` has a `provider` that defines `version`.
///
/// `provider` is a SONAME (`libc.so.6`, the loader's included) and `version` the text of its version
/// need (`GLIBC_2.28`, `CXXABI_TM_1`, `GLIBC_ABI_DT_RELR`). False for a library the level does not
/// provide, for a version this library does not define (`GLIBC_2.17` of `libstdc++.so.6`), for
/// `GLIBC_PRIVATE` always, and for all at a level the architecture does not have.
pub fn allows(level: Level, arch: Arch, provider: &str, version: &str) -> bool {
    exists(level, arch)
        && is_in_reach(level, arch, provider)
        && split_version(provider, version)
            .is_some_and(|(prefix, rest)| versions::allows(level, arch, prefix, rest))
}

/// The loader is provided by every system: it is what runs the program.
fn is_in_reach(level: Level, arch: Arch, provider: &str) -> bool {
    is_loader(provider) || is_provided_on(level, arch, provider)
}

/// `GLIBC_2.28` of a library that defines `GLIBC` versions, in two parts.
fn split_version<'a>(provider: &str, version: &'a str) -> Option<(Prefix, &'a str)> {
    let (prefix, rest) = version.split_once('_')?;
    let prefix = Prefix::from_name(prefix)?;
    libraries::defines(provider, prefix).then_some((prefix, rest))
}

/// The lowest level, listed or not, where [`allows`] holds; `None` if no level has that version.
///
/// The answer is 2_29 for `GLIBC_2.29`; see [`listed_at_least`] for the level that auditwheel says.
pub fn lowest_level(arch: Arch, provider: &str, version: &str) -> Option<Level> {
    let (prefix, rest) = split_version(provider, version)?;
    // Of all architectures: an unlisted level of this one may be a listed level of another.
    let mut candidates: Vec<Level> = POLICIES.iter().map(Manylinux::level).collect();
    if prefix == Prefix::Glibc {
        // Listed or not, the level of a GLIBC version is its own number.
        candidates.extend(versions::numbers(rest).and_then(|n| versions::level_of_glibc(&n)));
    }
    candidates.extend(versions::unlisted_levels(prefix));
    // libmvec comes to AArch64 with a level of its own.
    candidates.extend(provided_since(arch, provider));
    candidates.sort_unstable();
    candidates.into_iter().find(|level| allows(*level, arch, provider, version))
}

#[cfg(test)]
mod tests;
