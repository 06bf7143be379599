//! Symbols that every CPython on glibc has loaded before it imports anything.
//!
//! The interpreter is linked with libm, libdl and libpthread (`LIBS` of its configure script), so a
//! module that forgot `-lm` works: what a program itself needs is in the scope that every lookup
//! begins with. That is luck of a kind, and worth a note; a symbol of no known library is a fault.

/// libm's functions for `double`, sorted; those for `float` and `long double` end in `f` and `l`.
const MATH: [&str; 109] = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cabs",
    "cacos",
    "cacosh",
    "carg",
    "casin",
    "casinh",
    "catan",
    "catanh",
    "cbrt",
    "ccos",
    "ccosh",
    "ceil",
    "cexp",
    "cimag",
    "clog",
    "clog10",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "cpow",
    "cproj",
    "creal",
    "csin",
    "csinh",
    "csqrt",
    "ctan",
    "ctanh",
    "drem",
    "erf",
    "erfc",
    "exp",
    "exp10",
    "exp2",
    "expm1",
    "fabs",
    "fdim",
    "feclearexcept",
    "fedisableexcept",
    "feenableexcept",
    "fegetenv",
    "fegetexcept",
    "fegetexceptflag",
    "fegetround",
    "feholdexcept",
    "feraiseexcept",
    "fesetenv",
    "fesetexceptflag",
    "fesetround",
    "fetestexcept",
    "feupdateenv",
    "finite",
    "floor",
    "fma",
    "fmax",
    "fmin",
    "fmod",
    "frexp",
    "gamma",
    "hypot",
    "ilogb",
    "j0",
    "j1",
    "jn",
    "ldexp",
    "lgamma",
    "lgamma_r",
    "llrint",
    "llround",
    "log",
    "log10",
    "log1p",
    "log2",
    "logb",
    "lrint",
    "lround",
    "modf",
    "nan",
    "nearbyint",
    "nextafter",
    "nexttoward",
    "pow",
    "pow10",
    "remainder",
    "remquo",
    "rint",
    "round",
    "scalb",
    "scalbln",
    "scalbn",
    "significand",
    "sin",
    "sincos",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "tgamma",
    "trunc",
    "y0",
    "y1",
    "yn",
];

/// libdl's.
const LOADER: [&str; 8] =
    ["dladdr", "dladdr1", "dlclose", "dlerror", "dlinfo", "dlmopen", "dlopen", "dlsym"];

/// Whether the interpreter's own libraries define `symbol`.
pub(super) fn has(symbol: &str) -> bool {
    let plain = symbol.strip_suffix(['f', 'l']).unwrap_or(symbol);
    let plain_reentrant = symbol.strip_suffix("_r").and_then(|name| name.strip_suffix(['f', 'l']));
    MATH.binary_search(&symbol).is_ok()
        || MATH.binary_search(&plain).is_ok()
        || plain_reentrant == Some("lgamma")
        || LOADER.contains(&symbol)
        || ["pthread_", "sem_"].iter().any(|start| symbol.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libm_has_each_function_for_three_types() {
        assert!(MATH.is_sorted());
        for name in ["sin", "sinf", "sinl", "lgamma_r", "lgammaf_r", "dlsym", "pthread_create"] {
            assert!(has(name), "{name}");
        }
        for name in ["sinx", "dgemm_", "deflate", "f", ""] {
            assert!(!has(name), "{name}");
        }
    }
}
