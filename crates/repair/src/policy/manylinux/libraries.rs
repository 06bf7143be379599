//! The libraries a manylinux policy provides, each with the first level that does.
//!
//! From auditwheel's `lib_whitelist` lists: the first 22 are provided by every policy, libexpat from
//! 2_12 and libmvec from 2_24. No policy takes back what an older one provides (PEP 600).

use super::{Level, versions::Prefix};
use crate::target::{Arch, is_loader};

/// One provided library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Library {
    soname: &'static str,
    /// The minor version of the first level that provides it; the major is 2.
    since: u32,
    /// The families of versions it defines; none for a library without versions.
    prefixes: &'static [Prefix],
}

const fn library(soname: &'static str, since: u32, prefixes: &'static [Prefix]) -> Library {
    Library { soname, since, prefixes }
}

const GLIBC: &[Prefix] = &[Prefix::Glibc];
/// libc defines `GCC_3.0` on the architectures whose unwinder it once contained.
const LIBC: &[Prefix] = &[Prefix::Glibc, Prefix::Gcc];
/// libgcc defines `GLIBC_2.0` for the frame registration that was glibc's.
const LIBGCC: &[Prefix] = &[Prefix::Gcc, Prefix::Glibc];

/// In the order auditwheel has them.
const LIBRARIES: [Library; 24] = [
    library("libatomic.so.1", 5, &[Prefix::Libatomic]),
    library("libgcc_s.so.1", 5, LIBGCC),
    library("libstdc++.so.6", 5, &[Prefix::Glibcxx, Prefix::Cxxabi]),
    library("libm.so.6", 5, GLIBC),
    library("libanl.so.1", 5, GLIBC),
    library("libdl.so.2", 5, GLIBC),
    library("librt.so.1", 5, GLIBC),
    library("libc.so.6", 5, LIBC),
    library("libnsl.so.1", 5, GLIBC),
    library("libutil.so.1", 5, GLIBC),
    library("libpthread.so.0", 5, GLIBC),
    library("libX11.so.6", 5, &[]),
    library("libXext.so.6", 5, &[]),
    library("libXrender.so.1", 5, &[]),
    library("libICE.so.6", 5, &[]),
    library("libSM.so.6", 5, &[]),
    library("libGL.so.1", 5, &[]),
    library("libgobject-2.0.so.0", 5, &[]),
    library("libgthread-2.0.so.0", 5, &[]),
    library("libglib-2.0.so.0", 5, &[]),
    library("libresolv.so.2", 5, GLIBC),
    library("libz.so.1", 5, &[Prefix::Zlib]),
    library("libexpat.so.1", 12, &[]),
    library(LIBMVEC, 24, GLIBC),
];

const LIBMVEC: &str = "libmvec.so.1";

fn find(soname: &str) -> Option<&'static Library> {
    LIBRARIES.iter().find(|library| library.soname == soname)
}

/// True if the policy of `level` provides `soname`, on any architecture.
pub fn is_provided(level: Level, soname: &str) -> bool {
    find(soname).is_some_and(|library| Level::new(2, library.since) <= level)
}

/// True if every system of `level` on `arch` has `soname`.
///
/// Differs from [`is_provided`] in one library: auditwheel lists libmvec for every architecture, but
/// glibc has it only on x86-64 (since 2.22) and AArch64 (since 2.38, its NEWS).
pub fn is_provided_on(level: Level, arch: Arch, soname: &str) -> bool {
    provided_since(arch, soname).is_some_and(|since| since <= level)
}

/// The first level that provides `soname` on `arch`.
pub fn provided_since(arch: Arch, soname: &str) -> Option<Level> {
    let listed = Level::new(2, find(soname)?.since);
    match (soname, arch) {
        (LIBMVEC, Arch::X86_64) => Some(listed),
        (LIBMVEC, Arch::Aarch64) => Some(Level::new(2, 38)),
        (LIBMVEC, _) => None,
        _ => Some(listed),
    }
}

/// The libraries that every system of `level` on `arch` has, besides the loader.
pub fn provided(level: Level, arch: Arch) -> impl Iterator<Item = &'static str> {
    LIBRARIES
        .iter()
        .map(|library| library.soname)
        .filter(move |soname| is_provided_on(level, arch, soname))
}

/// True if `provider` is a library that can define versions with this prefix.
pub(super) fn defines(provider: &str, prefix: Prefix) -> bool {
    if is_loader(provider) {
        return prefix == Prefix::Glibc;
    }
    find(provider).is_some_and(|library| library.prefixes.contains(&prefix))
}
