//! The parts of the C library: they come with the loader, release by release, and are never vendored.

/// glibc's libraries ("Installation", glibc manual; `shlib-versions` of its source), without the loader.
const GLIBC: &[&str] = &[
    "libBrokenLocale.so.1",
    "libanl.so.1",
    "libc.so.6",
    "libc_malloc_debug.so.0",
    "libdl.so.2",
    "libm.so.6",
    "libmvec.so.1",
    "libnsl.so.1",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libthread_db.so.1",
    "libutil.so.1",
];

/// True for a part of glibc, musl or Bionic, and for their loaders.
///
/// A copy would be a second C library beside the one that the program was started with: two heaps, two
/// sets of threads, and a private interface (`GLIBC_PRIVATE`) between parts of different releases.
pub fn is_c_library(name: &str) -> bool {
    let is_musl =
        name.strip_prefix("libc.musl-").is_some_and(|rest| rest.strip_suffix(".so.1").is_some());
    let is_name_service = name.starts_with("libnss_") && name.ends_with(".so.2");
    // musl's own name, and Bionic's three.
    let is_plain = matches!(name, "libc.so" | "libm.so" | "libdl.so");
    super::is_loader(name)
        || is_musl
        || is_name_service
        || is_plain
        || GLIBC.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_c_library_are_known_and_nothing_else() {
        assert!(GLIBC.is_sorted());
        for name in ["libc.so.6", "libm.so.6", "libpthread.so.0", "libc.musl-x86_64.so.1"] {
            assert!(is_c_library(name), "{name}");
        }
        for name in ["ld-linux-x86-64.so.2", "ld-musl-armhf.so.1", "libc.so", "libnss_files.so.2"] {
            assert!(is_c_library(name), "{name}");
        }
        for name in ["libstdc++.so.6", "libgcc_s.so.1", "libz.so.1", "libcrypt.so.1", "libm", ""] {
            assert!(!is_c_library(name), "{name}");
        }
    }
}
