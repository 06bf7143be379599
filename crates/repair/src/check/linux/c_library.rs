//! Names that C libraries define, for files whose symbols do not say where they come from.
//!
//! Every interpreter has its C library loaded before it imports anything, CPython on glibc libm,
//! libdl and libpthread too (`LIBS` of its configure script): what a program needs itself is in the scope
//! that every lookup begins with. So a module that needs nothing may call `malloc`, and one that forgot
//! `-lm` works. That is luck of a kind; a symbol of no known library is a fault.
//!
//! `names/` has one list a library, sorted: what `nm -D --defined-only` names in glibc 2.36 and musl 1.2
//! for several processors, and what glibc got until 2.38. libc.so.6 has libpthread, libdl, librt and
//! libutil in it, and ld.so's names stand with it.

use std::sync::LazyLock;

use crate::target::Libc;

type Names = LazyLock<Vec<&'static str>>;

static GLIBC: Names =
    LazyLock::new(|| include_str!("names/glibc.txt").split_ascii_whitespace().collect());
static LIBM: Names =
    LazyLock::new(|| include_str!("names/libm.txt").split_ascii_whitespace().collect());
static MUSL: Names =
    LazyLock::new(|| include_str!("names/musl.txt").split_ascii_whitespace().collect());

/// Whether the C library, as every process has it, defines `symbol`. musl's has everything in one file.
pub(super) fn has(libc: Libc, symbol: &str) -> bool {
    let names = match libc {
        Libc::Musl => &MUSL,
        Libc::Glibc | Libc::Bionic => &GLIBC,
    };
    names.binary_search(&symbol).is_ok()
}

/// Whether glibc's libm.so.6 defines `symbol`.
pub(super) fn libm_has(symbol: &str) -> bool {
    LIBM.binary_search(&symbol).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_library_has_its_names_and_no_others() {
        for names in [&GLIBC, &LIBM, &MUSL] {
            assert!(names.is_sorted() && names.len() > 1000);
        }
        for name in ["printf", "malloc", "dlsym", "pthread_create", "environ", "__tls_get_addr"] {
            assert!(has(Libc::Glibc, name), "{name}");
        }
        for name in ["sin", "sinf", "sinl", "lgamma_r", "lgammaf_r"] {
            assert!(libm_has(name) && has(Libc::Musl, name), "{name}");
        }
        for name in ["sinx", "dgemm_", "deflate", "f", ""] {
            assert!(!has(Libc::Glibc, name) && !libm_has(name) && !has(Libc::Musl, name), "{name}");
        }
        assert!(has(Libc::Glibc, "__printf_chk") && !has(Libc::Musl, "__printf_chk"));
    }
}
