//! Where vendored DLLs go, and which packages have to say so.
//!
//! A DLL beside the module that needs it is found by every Python on every Windows, with no code at all. So
//! it goes there when all modules that need vendored DLLs lie in one directory. Several directories share
//! one of the wheel's own, and each of them needs a package on the way to it that names that directory
//! before any module is loaded. That is the outermost regular package: a namespace package has no code
//! (PEP 420), or the same code in several distributions (pkgutil, pkg_resources), and one that is itself
//! compiled (`__init__.cp312-win_amd64.pyd`, `__init__.pyc`) cannot be given any. Where no package on
//! the way can, the directory gets DLLs of its own.
//!
//! A module that lies in site-packages itself belongs to no package. Then that is the shared directory.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{MemberPath, Scheme};

use crate::options::Layout;

/// The Python files of a wheel, as they are installed.
#[derive(Debug, Default)]
pub(super) struct Packages {
    /// Directory below site-packages → its `__init__.py`, where that is all there is of the package's
    /// code.
    regular: BTreeMap<String, MemberPath>,
    /// Directories whose `__init__.py` is of a namespace that others share.
    namespaces: BTreeSet<String>,
}

impl Packages {
    /// Takes every member; `is_shared` says of an `__init__.py` whether its code makes a namespace.
    pub(super) fn new<'a>(
        members: impl Iterator<Item = &'a MemberPath>,
        declared: &[String],
        is_shared: &dyn Fn(&MemberPath) -> bool,
    ) -> Self {
        let declared: BTreeSet<String> =
            declared.iter().flat_map(|name| namespaces_of(name)).collect();
        let mut packages = Self::default();
        let mut compiled = BTreeSet::new();
        for member in members {
            let installed = member.installed();
            if !matches!(installed.scheme, Scheme::Platlib | Scheme::Purelib) {
                continue;
            }
            let directory = installed.parent().path;
            match member.file_name() {
                "__init__.py" if declared.contains(&directory) || is_shared(member) => {
                    packages.namespaces.insert(directory);
                }
                "__init__.py" => {
                    packages.regular.insert(directory, member.clone());
                }
                name if is_compiled_package(name) => {
                    compiled.insert(directory);
                }
                _ => {}
            }
        }
        // An extension module comes before a source file (importlib's order of loaders).
        packages.regular.retain(|directory, _| !compiled.contains(directory));
        packages
    }

    /// The outermost package on the way to `directory` that can be given code.
    pub(super) fn outermost(&self, directory: &str) -> Option<&MemberPath> {
        let ends = directory.match_indices('/').map(|(at, _)| at).chain([directory.len()]);
        ends.map(|end| &directory[..end])
            .filter(|package| !self.namespaces.contains(*package))
            .find_map(|package| self.regular.get(package))
    }
}

/// `__init__.pyd`, `__init__.cp312-win_amd64.pyd`.
fn is_compiled_package(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("__init__.") && name.ends_with(".pyd")
}

/// `a/b` and `a` of `a.b`: what a namespace lies in is one too.
fn namespaces_of(name: &str) -> Vec<String> {
    let path = name.replace('.', "/");
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.map(|end| path[..end].to_owned()).collect()
}

/// Whether the code of an `__init__.py` is one of those that share a package among distributions.
pub(super) fn is_namespace_code(source: &[u8]) -> bool {
    let text = String::from_utf8_lossy(source);
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.into_iter().any(|line| {
        (line.contains("extend_path") && line.contains("__path__"))
            || (line.contains("declare_namespace") && line.contains("__name__"))
    })
}

/// Where everything goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arrangement {
    /// The directory of site-packages that modules share; empty for site-packages itself.
    pub(super) shared: Option<String>,
    /// The modules' directories that find the shared one.
    pub(super) sharing: BTreeSet<String>,
    /// Directories that get DLLs of their own.
    pub(super) beside: BTreeSet<String>,
    /// The packages that name the shared directory.
    pub(super) patched: BTreeSet<MemberPath>,
}

/// Decides for modules in `directories` below site-packages. `libraries` is the directory of the wheel's
/// own; `custom` says that the user's own code names it.
pub(super) fn arrange(
    packages: &Packages,
    directories: &BTreeSet<String>,
    layout: Layout,
    libraries: &str,
    custom: bool,
) -> Arrangement {
    let is_one = directories.len() < 2;
    if layout == Layout::Beside || (layout == Layout::Automatic && is_one && !custom) {
        return Arrangement { beside: directories.clone(), ..Arrangement::default() };
    }
    let has_top_level = directories.contains("");
    let shared = if has_top_level { "" } else { libraries };
    let mut arrangement = Arrangement { shared: Some(shared.to_owned()), ..Arrangement::default() };
    for directory in directories {
        match packages.outermost(directory) {
            // What lies in the shared directory finds it without a word.
            _ if directory == shared || custom => {}
            Some(package) => {
                arrangement.patched.insert(package.clone());
            }
            None => {
                arrangement.beside.insert(directory.clone());
                continue;
            }
        }
        arrangement.sharing.insert(directory.clone());
    }
    if arrangement.sharing.is_empty() {
        arrangement.shared = None;
    }
    arrangement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(members: &[&str], declared: &[&str], shared: &[&str]) -> Packages {
        let members: Vec<MemberPath> =
            members.iter().map(|m| MemberPath::new(m).unwrap()).collect();
        let declared: Vec<String> = declared.iter().map(ToString::to_string).collect();
        Packages::new(members.iter(), &declared, &|member| shared.contains(&member.as_str()))
    }

    fn arranged(packages: &Packages, directories: &[&str], layout: Layout) -> String {
        let directories = directories.iter().map(ToString::to_string).collect();
        let arrangement = arrange(packages, &directories, layout, "demo.libs", false);
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        let patched: Vec<&str> = arrangement.patched.iter().map(MemberPath::as_str).collect();
        format!(
            "{:?} sharing [{}] beside [{}] patched [{}]",
            arrangement.shared.as_deref(),
            list(&arrangement.sharing),
            list(&arrangement.beside),
            patched.join(" ")
        )
    }

    const AUTO: Layout = Layout::Automatic;

    #[test]
    fn modules_in_one_directory_have_their_dlls_beside_them() {
        let packages = packages(&["demo/__init__.py"], &[], &[]);
        for (directory, layout) in [("demo", AUTO), ("demo/sub", AUTO), ("", AUTO)] {
            let text = arranged(&packages, &[directory], layout);
            assert_eq!(text, format!("None sharing [] beside [{directory}] patched []"));
        }
        assert_eq!(
            arranged(&packages, &["demo", "demo/sub"], Layout::Beside),
            "None sharing [] beside [demo demo/sub] patched []"
        );
        assert_eq!(
            arranged(&packages, &["demo"], Layout::Libs),
            "Some(\"demo.libs\") sharing [demo] beside [] patched [demo/__init__.py]"
        );
    }

    #[test]
    fn the_outermost_regular_package_is_patched_and_no_other() {
        let packages = packages(
            &["demo/__init__.py", "demo/a/__init__.py", "demo/b/__init__.py", "other/__init__.py"],
            &[],
            &[],
        );
        assert_eq!(
            arranged(&packages, &["demo/a", "demo/b/c"], AUTO),
            "Some(\"demo.libs\") sharing [demo/a demo/b/c] beside [] patched [demo/__init__.py]"
        );
    }

    #[test]
    fn namespaces_are_looked_through() {
        let members = ["ns/a/__init__.py", "ns/b/__init__.py", "ns/__init__.py", "p/q/__init__.py"];
        let shared = packages(&members, &[], &["ns/__init__.py"]);
        let declared = packages(&members, &["ns"], &[]);
        for packages in [shared, declared] {
            assert_eq!(
                arranged(&packages, &["ns/a", "ns/b/x", "p/q"], AUTO),
                "Some(\"demo.libs\") sharing [ns/a ns/b/x p/q] beside [] patched \
                 [ns/a/__init__.py ns/b/__init__.py p/q/__init__.py]"
            );
        }
    }

    #[test]
    fn a_directory_that_no_package_can_speak_for_has_its_own_dlls() {
        let packages = packages(
            &[
                "demo/__init__.py",
                "cy/__init__.py",
                "cy/__init__.cp312-win_amd64.pyd",
                "pyc/__init__.pyc",
                "cy/sub/__init__.py",
            ],
            &[],
            &[],
        );
        assert_eq!(
            arranged(&packages, &["demo", "cy", "cy/sub", "pyc", "ns"], AUTO),
            "Some(\"demo.libs\") sharing [cy/sub demo] beside [cy ns pyc] patched \
             [cy/sub/__init__.py demo/__init__.py]"
        );
        assert_eq!(
            arranged(&packages, &["cy", "pyc"], AUTO),
            "None sharing [] beside [cy pyc] patched []"
        );
    }

    #[test]
    fn a_module_of_its_own_makes_site_packages_the_shared_directory() {
        let packages = packages(&["demo-1.0.data/platlib/demo/__init__.py"], &[], &[]);
        assert_eq!(
            arranged(&packages, &["", "demo"], AUTO),
            "Some(\"\") sharing [ demo] beside [] patched [demo-1.0.data/platlib/demo/__init__.py]"
        );
    }

    #[test]
    fn code_that_shares_a_package_is_known() {
        for code in [
            "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
            "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n",
            "__import__('pkg_resources').declare_namespace(__name__)\n",
            "try:\n    __import__('pkg_resources').declare_namespace(__name__)\nexcept ImportError:\n    pass\n",
        ] {
            assert!(is_namespace_code(code.as_bytes()), "{code}");
        }
        for code in ["", "import os\n", "# extend_path(__path__, __name__)\n"] {
            assert!(!is_namespace_code(code.as_bytes()), "{code}");
        }
    }
}
