//! Symbols that a wheel must not take from a provided library, although many systems have them.
//!
//! A library without versions for some of its symbols cannot say since when it has them, so a version
//! need does not guard against a system that lacks them. Those symbols are forbidden by name: private
//! or late ones of zlib, and what a patched glibc 2.17 had of 2.18. From auditwheel's
//! `blacklist` (© 2016 Robert T. McGibbon, MIT; see `THIRD-PARTY.md`).
//!
//! A weak reference is no use of the symbol: the loader leaves it empty. The caller knows which is.

use super::Level;

/// glibc 2.18's additions; from that level on they are what its number promises.
const LIBC: [&str; 6] = [
    "__cxa_thread_atexit_impl",
    "__issignaling",
    "__issignalingf",
    "__issignalingl",
    "pthread_getattr_default_np",
    "pthread_setattr_default_np",
];
const LIBM: [&str; 3] = ["__issignaling", "__issignalingf", "__issignalingl"];
const LIBPTHREAD: [&str; 2] = ["pthread_getattr_default_np", "pthread_setattr_default_np"];

/// The last level that forbids the symbols above.
const GLIBC_2_17: Level = Level::new(2, 17);

/// In the order in which later levels stop forbidding them, the last ones first.
const LIBZ: [&str; 41] = [
    "_dist_code",
    "_length_code",
    "_tr_align",
    "_tr_flush_block",
    "_tr_init",
    "_tr_stored_block",
    "_tr_tally",
    "adler32_default",
    "crc32_acle",
    "crc32_le_vgfm_16",
    "crc32_neon",
    "crc32_vpmsum",
    "crc32_z_default",
    "deflate_copyright",
    "gzflags",
    "inflate_copyright",
    "inflate_fast",
    "inflate_table",
    "sse2_slide_hash",
    "z_errmsg",
    "z_vstring",
    "zcalloc",
    "zcfree",
    // Public since zlib 1.2.12.
    "crc32_combine_gen",
    "crc32_combine_gen64",
    "crc32_combine_op",
    // Hidden by the zlib of all systems of the sample from 2_36 on, so that no linker finds them.
    "bi_windup",
    "crc_fold_512to32",
    "crc_fold_copy",
    "crc_fold_init",
    "deflate_medium",
    "fill_window",
    "flush_pending",
    "longest_match",
    "slide_hash_sse",
    "static_ltree",
    "x86_check_features",
    "x86_cpu_has_pclmul",
    "x86_cpu_has_sse2",
    "x86_cpu_has_sse42",
    // Public since zlib 1.2.9.
    "uncompress2",
];

/// How many of [`LIBZ`] are forbidden from a level on.
const LIBZ_LENGTHS: [(Level, usize); 4] = [
    (Level::new(2, 37), 23),
    (Level::new(2, 36), 26),
    (Level::new(2, 34), 40),
    (Level::new(2, 0), 41),
];

/// The symbols of `soname` that a wheel of this level must not use; none for most libraries.
pub fn forbidden_symbols(level: Level, soname: &str) -> &'static [&'static str] {
    match soname {
        "libc.so.6" if level <= GLIBC_2_17 => &LIBC,
        "libm.so.6" if level <= GLIBC_2_17 => &LIBM,
        "libpthread.so.0" if level <= GLIBC_2_17 => &LIBPTHREAD,
        "libz.so.1" => libz_symbols(level),
        _ => &[],
    }
}

fn libz_symbols(level: Level) -> &'static [&'static str] {
    let len = LIBZ_LENGTHS.iter().find(|(since, _)| *since <= level).map(|(_, len)| *len);
    len.and_then(|len| LIBZ.get(..len)).unwrap_or(&LIBZ)
}

/// True if a wheel of this level must not use `symbol` of `soname`.
pub fn is_forbidden(level: Level, soname: &str, symbol: &str) -> bool {
    forbidden_symbols(level, soname).contains(&symbol)
}
