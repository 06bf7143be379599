//! The Pythons that a wheel is for, and the DLLs that come with them.
//!
//! A CPython lies beside its own DLL and the C runtime it was built with: `vcruntime140.dll` since 3.5,
//! `vcruntime140_1.dll` on 64-bit machines since 3.9's builds, `msvcr100.dll` for 3.3 and 3.4,
//! `msvcr90.dll` before. What is in the process already is found by its name. The library of C++
//! (`msvcp140.dll`) is no part of that.

use super::Machine;

/// The Pythons that may load a wheel.
#[derive(Clone, Debug)]
pub(super) struct Pythons {
    /// The oldest, major and minor.
    pub(super) lowest: (u32, u32),
    each: Vec<Python>,
}

#[derive(Clone, Debug)]
struct Python {
    kind: Kind,
    version: (u32, u32),
    /// Built with the debugging runtime.
    is_debug: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    PyPy,
    /// CPython, GraalPy, or any that the tag lets in.
    Other,
}

impl Pythons {
    pub(super) fn new(pythons: &[String], abis: &[String], requires: Option<&str>) -> Self {
        let floor = requires.and_then(lower_bound).unwrap_or_default();
        let tags = pythons.iter().flat_map(|python| abis.iter().map(move |abi| (python, abi)));
        let each: Vec<Python> = tags.map(|(python, abi)| Python::new(python, abi, floor)).collect();
        let lowest = each.iter().map(|python| python.version).min().unwrap_or(floor);
        Self { lowest, each }
    }

    /// Any that is still maintained.
    pub(super) fn present() -> Self {
        let version = (3, 13);
        Self { lowest: version, each: vec![Python { kind: Kind::Other, version, is_debug: false }] }
    }

    /// Whether each of them brings `name`, in lower case.
    pub(super) fn bring(&self, name: &str, machine: Machine) -> bool {
        !self.each.is_empty() && self.each.iter().all(|python| python.brings(name, machine))
    }
}

impl Python {
    fn new(python: &str, abi: &str, floor: (u32, u32)) -> Self {
        let kind = if python.starts_with("pp") { Kind::PyPy } else { Kind::Other };
        let is_debug = python.starts_with("cp")
            && abi.strip_prefix("cp").is_some_and(|rest| {
                rest.trim_start_matches(|c: char| c.is_ascii_digit()).contains('d')
            });
        Self { kind, version: version(python).max(floor), is_debug }
    }

    fn brings(&self, name: &str, machine: Machine) -> bool {
        let is_64 = machine != Machine::X86;
        match (name, self.version) {
            ("vcruntime140d.dll" | "ucrtbased.dll", (3, 5..)) => self.is_debug,
            ("vcruntime140.dll", (3, 5..) | (4.., _)) => !self.is_debug,
            // PyPy is built without the exception tables that need it.
            ("vcruntime140_1.dll", (3, 9..) | (4.., _)) => {
                is_64 && !self.is_debug && self.kind != Kind::PyPy
            }
            ("msvcr100.dll", (3, 3 | 4)) => true,
            ("msvcr90.dll", (2, 6 | 7) | (3, 1 | 2)) => true,
            _ => false,
        }
    }
}

/// Of a Python tag: letters, one digit for the major and the rest for the minor version (PEP 425).
fn version(python: &str) -> (u32, u32) {
    let digits = python.trim_start_matches(|c: char| !c.is_ascii_digit());
    let (major, minor) = digits.split_at_checked(1).unwrap_or_default();
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

/// The lowest version that a `Requires-Python` lets in, as far as its clauses say (PEP 440).
fn lower_bound(requires: &str) -> Option<(u32, u32)> {
    let bound = |clause: &str| {
        let clause = clause.trim();
        let rest = ["===", "==", "~=", ">=", ">"].iter().find_map(|op| clause.strip_prefix(op))?;
        let mut parts = rest.trim().split('.');
        let major = parts.next()?.parse().ok()?;
        Some((major, parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
    };
    requires.split(',').filter_map(bound).max()
}

/// Whether a name, in lower case, is Python's own DLL: `python3.dll`, `python312.dll`, `python313t_d.dll`;
/// PyPy's `libpypy3.11-c.dll`; GraalPy's `python-native.dll`.
pub(super) fn is_python(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".dll") else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_cpython = stem.strip_prefix("python").is_some_and(|rest| {
        let rest = rest.strip_suffix("_d").unwrap_or(rest);
        is_digits(rest.strip_suffix('t').unwrap_or(rest))
    });
    let is_pypy = stem
        .strip_prefix("libpypy")
        .and_then(|rest| rest.strip_suffix("-c"))
        .is_some_and(|version| version.is_empty() || version.split('.').all(is_digits));
    is_cpython || is_pypy || stem == "python-native"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_is_told_from_dlls_that_begin_like_it() {
        for name in [
            "python3.dll",
            "python27.dll",
            "python312.dll",
            "python313t.dll",
            "python313t_d.dll",
            "python3_d.dll",
            "python3t.dll",
            "libpypy3-c.dll",
            "libpypy3.11-c.dll",
            "libpypy-c.dll",
            "python-native.dll",
        ] {
            assert!(is_python(name), "{name}");
        }
        for name in [
            "pythoncom312.dll",
            "python.dll",
            "pythonx.dll",
            "msvcp140.dll",
            "python312",
            "libpypy.dll",
            "pythonnet.dll",
            "libpypy3.x-c.dll",
        ] {
            assert!(!is_python(name), "{name}");
        }
    }

    /// The table of delvewheel 1.13.2, and what Requires-Python adds to it.
    #[test]
    fn each_python_brings_the_runtime_it_was_built_with() {
        let x64 = Machine::X64;
        for (python, abi, requires, machine, runtimes) in [
            ("cp312", "cp312", None, x64, "vcruntime140.dll vcruntime140_1.dll"),
            ("cp312", "cp312", None, Machine::Arm64, "vcruntime140.dll vcruntime140_1.dll"),
            ("cp313", "cp313t", None, Machine::X86, "vcruntime140.dll"),
            ("cp39", "abi3", None, x64, "vcruntime140.dll vcruntime140_1.dll"),
            ("cp38", "cp38", None, x64, "vcruntime140.dll"),
            ("cp37", "abi3", None, x64, "vcruntime140.dll"),
            ("cp37", "abi3", Some(">=3.9"), x64, "vcruntime140.dll vcruntime140_1.dll"),
            ("cp312", "cp312d", None, x64, "vcruntime140d.dll ucrtbased.dll"),
            ("cp34", "cp34m", None, x64, "msvcr100.dll"),
            ("cp27", "cp27m", None, Machine::X86, "msvcr90.dll"),
            ("pp311", "pypy311_pp73", None, x64, "vcruntime140.dll"),
            (
                "graalpy311",
                "graalpy242_311_native",
                None,
                x64,
                "vcruntime140.dll vcruntime140_1.dll",
            ),
            ("py3", "none", None, x64, ""),
            ("py3", "none", Some(">=3.9,<4"), x64, "vcruntime140.dll vcruntime140_1.dll"),
            ("py2", "none", None, x64, ""),
        ] {
            let pythons = Pythons::new(&[python.to_owned()], &[abi.to_owned()], requires);
            let brought: Vec<&str> = [
                "vcruntime140.dll",
                "vcruntime140_1.dll",
                "vcruntime140d.dll",
                "ucrtbased.dll",
                "msvcr100.dll",
                "msvcr90.dll",
                "msvcp140.dll",
            ]
            .into_iter()
            .filter(|name| pythons.bring(name, machine))
            .collect();
            assert_eq!(brought.join(" "), runtimes, "{python}-{abi} {requires:?}");
        }
    }

    #[test]
    fn what_one_python_of_a_set_lacks_is_not_brought() {
        let set = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let pythons = Pythons::new(&set("cp38.cp39"), &set("cp38.cp39"), None);
        assert!(pythons.bring("vcruntime140.dll", Machine::X64));
        assert!(!pythons.bring("vcruntime140_1.dll", Machine::X64));
    }

    #[test]
    fn a_requirement_says_from_which_python_on() {
        for (requires, bound) in [
            (">=3.9", Some((3, 9))),
            (">= 3.9.1, < 4", Some((3, 9))),
            (">3.8", Some((3, 8))),
            ("~=3.10", Some((3, 10))),
            ("==3.11.*", Some((3, 11))),
            (">=3", Some((3, 0))),
            ("<4", None),
            ("!=3.0.*, >=2.7", Some((2, 7))),
            ("nonsense", None),
        ] {
            assert_eq!(lower_bound(requires), bound, "{requires}");
        }
    }
}
