//! Where a member is: in the wheel, and after installation.
//!
//! The two differ. `demo-1.0.data/platlib/demo/x.so` is installed as `demo/x.so`, beside what the
//! wheel has at its top (PyPA, "Binary distribution format", "The .data directory"). A path that a
//! loader follows must lead from one installed place to another, so relative paths are computed
//! here and nowhere else.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;

/// A member's path in normal form: UTF-8, parts joined by `/`, none of them empty, `.` or `..`; not
/// absolute, no backslash, no drive letter, no control character. It cannot lead out of the wheel.
///
/// Directories are written without the `/` that ends their names in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberPath(String);

/// Where an installer puts a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Installed {
    /// Which of the installation's directories.
    pub scheme: Scheme,
    /// The path below it, `/`-separated; empty for the directory itself.
    pub path: String,
}

/// The directories of an installation, as `sysconfig` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Site-packages for binaries, and everything at the wheel's top.
    Platlib,
    /// Site-packages for Python files: the same directory on every system wheels are repaired for.
    Purelib,
    /// `bin` or `Scripts`.
    Scripts,
    /// The root of the environment.
    Data,
    /// C headers.
    Headers,
}

impl MemberPath {
    /// Takes `path` if it is in normal form.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Path`] says what is not normal about it. Nothing is made normal here: a path
    /// that has to be is read differently by different installers.
    pub fn new(path: &str) -> Result<Self> {
        match defect(path) {
            None => Ok(Self(path.to_owned())),
            Some(reason) => Err(Error::new(ErrorKind::Path { path: path.to_owned(), reason })),
        }
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The directory it is in; empty at the wheel's top.
    #[must_use]
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// `relative` below this directory.
    ///
    /// # Errors
    ///
    /// `relative` is not in normal form.
    pub fn join(&self, relative: &str) -> Result<Self> {
        Self::new(relative).map(|path| Self(format!("{}/{}", self.0, path.0)))
    }

    /// Where an installer puts it.
    ///
    /// As for pip, the data directory is any directory at the wheel's top whose name ends in
    /// `.data`, and only there: `demo/purelib/x` and `demo/x.data/scripts/y` are installed as they
    /// stand. Below a data directory only the five schemes are known; anything else there is
    /// given as if it were in site-packages, though no installer takes it.
    #[must_use]
    pub fn installed(&self) -> Installed {
        let data = self.0.split_once('/').filter(|(top, _)| top.ends_with(".data"));
        let place = data.and_then(|(_, below)| {
            let (scheme, path) = below.split_once('/').unwrap_or((below, ""));
            Some((Scheme::from_name(scheme)?, path))
        });
        let (scheme, path) = place.unwrap_or((Scheme::Platlib, &*self.0));
        Installed { scheme, path: path.to_owned() }
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for MemberPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Scheme {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "platlib" => Some(Self::Platlib),
            "purelib" => Some(Self::Purelib),
            "scripts" => Some(Self::Scripts),
            "data" => Some(Self::Data),
            "headers" => Some(Self::Headers),
            _ => None,
        }
    }

    fn is_site_packages(self) -> bool {
        matches!(self, Self::Platlib | Self::Purelib)
    }
}

impl Installed {
    /// The directory this place is in: of a file, where it lies.
    #[must_use]
    pub fn parent(&self) -> Self {
        let path = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        Self { scheme: self.scheme, path: path.to_owned() }
    }
}

/// The path from the directory `from_dir` to `to`, `.` if they are the same place.
///
/// `None` if nobody can know it before installation: how `bin` or `include` lie to site-packages
/// is another thing on every system. Site-packages for binaries and for Python files are one.
#[must_use]
pub fn relative(from_dir: &Installed, to: &Installed) -> Option<String> {
    let both_site = from_dir.scheme.is_site_packages() && to.scheme.is_site_packages();
    if !both_site && from_dir.scheme != to.scheme {
        return None;
    }
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
    };
    let (from, to) = (parts(&from_dir.path), parts(&to.path));
    let common = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
    let up = from.iter().skip(common).map(|_| "..".to_owned());
    let steps: Vec<String> = up.chain(to.iter().skip(common).cloned()).collect();
    Some(if steps.is_empty() { ".".to_owned() } else { steps.join("/") })
}

fn defect(path: &str) -> Option<&'static str> {
    let mut start = path.chars();
    let drive = start.next().is_some_and(|c| c.is_ascii_alphabetic()) && start.next() == Some(':');
    if path.is_empty() {
        Some("is empty")
    } else if path.starts_with('/') {
        Some("is absolute, a member's is relative to the wheel")
    } else if path.contains('\\') {
        Some("has a backslash, parts are separated by `/`")
    } else if drive {
        Some("begins with a drive letter")
    } else if path.chars().any(char::is_control) {
        Some("has a control character")
    } else if path.split('/').any(|part| part == "..") {
        Some("has the part `..`, which leads out of its directory")
    } else if path.split('/').any(|part| part.is_empty() || part == ".") {
        Some("has an empty part or the part `.`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_not_in_normal_form_are_refused_with_their_reason() {
        for (path, reason) in [
            ("", "is empty"),
            ("/etc/passwd", "is absolute, a member's is relative to the wheel"),
            ("a\\b", "has a backslash, parts are separated by `/`"),
            ("C:/b", "begins with a drive letter"),
            ("c:b", "begins with a drive letter"),
            ("a/../b", "has the part `..`, which leads out of its directory"),
            ("..", "has the part `..`, which leads out of its directory"),
            ("a//b", "has an empty part or the part `.`"),
            ("./a", "has an empty part or the part `.`"),
            ("a/", "has an empty part or the part `.`"),
        ] {
            let error = MemberPath::new(path).unwrap_err();
            assert_eq!(error.to_string(), format!("the path `{}` {reason}", path.escape_debug()));
        }
        let error = MemberPath::new("a\0b").unwrap_err();
        assert_eq!(error.to_string(), "the path `a\\0b` has a control character");
        assert!(MemberPath::new("...").is_ok());
        assert!(MemberPath::new("ab:c/ü").is_ok());
    }

    #[test]
    fn a_path_has_a_name_and_a_parent() {
        let path = MemberPath::new("a/b/c.so").unwrap();
        assert_eq!((path.file_name(), path.parent()), ("c.so", "a/b"));
        let top = MemberPath::new("c.so").unwrap();
        assert_eq!((top.file_name(), top.parent()), ("c.so", ""));
        assert_eq!(top.join("d/e").unwrap().as_str(), "c.so/d/e");
        assert!(top.join("../e").is_err());
    }

    #[test]
    fn only_a_data_directory_at_the_top_is_installed_elsewhere() {
        for (path, scheme, installed) in [
            ("x-1.data/platlib/a/b.so", Scheme::Platlib, "a/b.so"),
            ("x-1.data/purelib/a.py", Scheme::Purelib, "a.py"),
            ("x-1.data/scripts/run", Scheme::Scripts, "run"),
            ("x-1.data/data/share/x", Scheme::Data, "share/x"),
            ("x-1.data/headers/x.h", Scheme::Headers, "x.h"),
            ("x-1.data/platlib", Scheme::Platlib, ""),
            ("x-1.data/other/x", Scheme::Platlib, "x-1.data/other/x"),
            ("purelib/a/b.so", Scheme::Platlib, "purelib/a/b.so"),
            ("x/purelib/b.so", Scheme::Platlib, "x/purelib/b.so"),
            ("x/y.data/scripts/b", Scheme::Platlib, "x/y.data/scripts/b"),
            ("a.data", Scheme::Platlib, "a.data"),
        ] {
            let expected = Installed { scheme, path: installed.to_owned() };
            assert_eq!(MemberPath::new(path).unwrap().installed(), expected);
        }
    }

    #[test]
    fn relative_paths_lead_between_installed_places() {
        let place = |path: &str| MemberPath::new(path).unwrap().installed();
        for (from, to, path) in [
            ("a/b/c.so", "d.libs/l.so", Some("../../d.libs/l.so")),
            ("x-1.data/platlib/a/c.so", "d.libs/l.so", Some("../d.libs/l.so")),
            ("x-1.data/purelib/a/c.so", "x-1.data/platlib/a/l.so", Some("l.so")),
            ("c.so", "a/l.so", Some("a/l.so")),
            ("a/c.so", "a", Some(".")),
            ("x-1.data/scripts/run", "a/l.so", None),
            ("x-1.data/scripts/run", "x-1.data/scripts/lib/l.so", Some("lib/l.so")),
            ("x-1.data/data/lib/run", "x-1.data/scripts/l", None),
        ] {
            let relative = relative(&place(from).parent(), &place(to));
            assert_eq!(relative.as_deref(), path, "{from} to {to}");
        }
    }
}
