//! LP64 code over an ILP64 BLAS: every array length is read from 8 bytes of which the caller set 4.
//!
//! OpenBLAS built with `INTERFACE64=1` takes 64-bit integers. Its builders give such a library names
//! of its own, `dgemm_64_` in `libopenblas64_`, so that a mix-up does not link; but the Windows build
//! exports the plain names of CBLAS as well, and a dropped build flag makes code call them.

use super::finding::Finding;
use super::{Check, libraries, rules};
use crate::binary::Binary;

/// One routine of each kind that real programs call; the precision stands before, `d` is enough.
const ROUTINES: [&str; 12] = [
    "dgemm", "dgemv", "ddot", "daxpy", "dsyrk", "dscal", "dgesv", "dgetrf", "dpotrf", "dgesdd",
    "dsyevd", "dgeqrf",
];

pub(super) fn check(check: &mut Check<'_>) {
    let mut findings = Vec::new();
    for (path, facet) in &check.facts.binaries {
        let needed = match &facet.binary {
            Binary::Elf(file) => file.needed.clone(),
            Binary::MachO(file) => {
                let loads = file.slices.iter().flat_map(|slice| &slice.loads);
                loads.map(|load| load.install_name.clone()).collect()
            }
            Binary::Pe(file) => file.imports.clone(),
            Binary::Unreadable(..) => continue,
        };
        let blas: Vec<&String> = needed.iter().filter(|name| is_blas(name)).collect();
        // With a second BLAS the plain names may be that one's.
        let [only] = blas.as_slice() else { continue };
        if !is_ilp64(only) {
            continue;
        }
        let used = &facet.symbols.used;
        let narrow: Vec<&String> = used.iter().filter(|name| is_plain(name)).collect();
        if !narrow.is_empty() {
            let message = format!(
                "calls {} of `{only}`, whose integers have 64 bits",
                super::content::list(&narrow)
            );
            findings.push(
                Finding::of(rules::BLAS_INTEGERS, path, message)
                    .remedy("build with the library's symbol suffix, or against the 32-bit one"),
            );
        }
    }
    check.findings.extend(findings);
}

fn is_blas(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    ["blas", "lapack", "mkl_", "accelerate"].iter().any(|word| name.contains(word))
}

/// The names that OpenBLAS's own builds and scipy-openblas64 have.
fn is_ilp64(name: &str) -> bool {
    let base = libraries::unmangled(name.rsplit('/').next().unwrap_or(name));
    let stem = base.split('.').next().unwrap_or_default();
    stem.contains("blas") && ["64_", "_64", "ilp64"].iter().any(|end| stem.ends_with(end))
}

/// `dgemm_`, `cblas_dgemm`, `scipy_dgemm_`: no suffix that says 64.
fn is_plain(symbol: &str) -> bool {
    let name = symbol.strip_prefix("scipy_").unwrap_or(symbol);
    match name.strip_prefix("cblas_") {
        Some(name) => ROUTINES.contains(&name),
        None => name.strip_suffix('_').is_some_and(|name| ROUTINES.contains(&name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_of_a_symbol_says_which_integers_it_takes() {
        for name in ["dgemm_", "cblas_dgemm", "scipy_dgesv_"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["dgemm_64_", "scipy_dgemm_64_", "scipy_cblas_dgemm64_", "cblas_dgemm64_"] {
            assert!(!is_plain(name), "{name}");
        }
    }

    #[test]
    fn the_name_of_a_library_says_which_integers_it_takes() {
        assert!(is_ilp64("libscipy_openblas64_-32a4b2a6.so"));
        assert!(is_ilp64("scipy_openblas_64.dll"));
        assert!(!is_ilp64("libscipy_openblas-c128ec02.so"));
        assert!(!is_ilp64("libopenblas.so.0"));
    }
}
