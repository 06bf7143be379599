//! What an install name alone says of the library it names.

use crate::search::paths::base_name;
use crate::target;

/// Whether an install name is one that macOS answers for: everything below `/usr/lib` and `/System`,
/// which dyld takes from the shared cache, so it need not be a file. `/System/Volumes/Data` is the writable
/// volume, where anybody's libraries lie.
pub(crate) fn is_of_macos(install_name: &str) -> bool {
    if install_name.starts_with("/System/Volumes/") || install_name.split('/').any(|p| p == "..") {
        return false;
    }
    ["/usr/lib/", "/System/Library/", "/System/iOSSupport/", "/System/DriverKit/"]
        .iter()
        .any(|root| install_name.starts_with(root))
}

/// Libraries of `/usr/lib` that are also named behind `@rpath`, where an `LC_RPATH` leads there.
const SHARED_CACHE: [&str; 14] = [
    "libSystem.B.dylib",
    "libbz2.1.0.dylib",
    "libc++.1.dylib",
    "libc++abi.dylib",
    "libcurl.4.dylib",
    "libedit.3.dylib",
    "libffi.dylib",
    "libiconv.2.dylib",
    "libncurses.5.4.dylib",
    "libobjc.A.dylib",
    "libresolv.9.dylib",
    "libsqlite3.dylib",
    "libxml2.2.dylib",
    "libz.1.dylib",
];

/// Whether the system has the library at `path`, where an `LC_RPATH` led. The system's own directories hold
/// no file of most libraries, so that none is there says nothing.
pub(crate) fn is_in_shared_cache(path: &str) -> bool {
    is_of_macos(path)
        && (path.starts_with("/System/")
            || SHARED_CACHE.contains(&base_name(path))
            || is_swift(path))
}

/// Whether it is a part of Swift's runtime, which is a part of macOS since 10.14.4: dyld looks for
/// `@rpath/libswiftCore.dylib` in `/usr/lib/swift`, whatever else the rpaths say.
pub(crate) fn is_swift(path: &str) -> bool {
    base_name(path).starts_with("libswift") && path.ends_with(".dylib")
}

/// `Python.framework/Versions/3.12/Python`, `libpython3.12.dylib`: the interpreter that loads the wheel has
/// it already, and a second one in a process is another interpreter.
pub(crate) fn is_python(name: &str) -> bool {
    let leaf = base_name(name);
    let library = leaf.strip_suffix(".dylib").map(|stem| format!("{stem}.so"));
    library.is_some_and(|name| target::is_libpython(&name))
        || (name.contains("Python.framework/") && leaf == "Python")
        || (name.contains("PythonT.framework/") && leaf == "PythonT")
}

/// The part of a framework's install name that begins with the framework:
/// `QtCore.framework/Versions/A/QtCore`.
pub(crate) fn in_framework(name: &str) -> Option<&str> {
    let leaf = base_name(name);
    let at = name.rfind(&format!("{leaf}.framework/"))?;
    let is_whole = at == 0 || name[..at].ends_with('/');
    name.get(at..).filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_only_begins_like_the_systems_is_not_the_systems() {
        assert!(is_of_macos("/usr/lib/libSystem.B.dylib"));
        assert!(is_of_macos(
            "/System/Library/Frameworks/Accelerate.framework/Versions/A/Accelerate"
        ));
        for name in [
            "/usr/lib64/libfoo.dylib",
            "/usr/local/lib/libfoo.dylib",
            "/System/Volumes/Data/opt/homebrew/lib/libfoo.dylib",
            "/usr/lib/../local/lib/libfoo.dylib",
            "/SystemX/libfoo.dylib",
            "@rpath/libfoo.dylib",
        ] {
            assert!(!is_of_macos(name), "{name}");
        }
    }

    #[test]
    fn what_an_rpath_finds_in_usr_lib_is_the_systems_only_if_it_is_known_to_be() {
        assert!(is_in_shared_cache("/usr/lib/libc++.1.dylib"));
        assert!(is_in_shared_cache("/usr/lib/swift/libswiftCore.dylib"));
        assert!(!is_in_shared_cache("/usr/lib/libfoo.dylib"));
        assert!(!is_in_shared_cache("/opt/lib/libc++.1.dylib"));
    }

    #[test]
    fn a_framework_is_known_by_its_directory() {
        for (name, part) in [
            ("@rpath/QtCore.framework/Versions/A/QtCore", "QtCore.framework/Versions/A/QtCore"),
            ("/Library/Frameworks/R.framework/R", "R.framework/R"),
            ("QtCore.framework/QtCore", "QtCore.framework/QtCore"),
        ] {
            assert_eq!(in_framework(name), Some(part));
        }
        for name in
            ["@rpath/R.framework/Versions/4.3/Resources/lib/libR.dylib", "/x/AR.framework/R"]
        {
            assert_eq!(in_framework(name), None, "{name}");
        }
    }

    #[test]
    fn the_interpreter_is_known_by_its_framework_or_its_library() {
        assert!(is_python("/Library/Frameworks/Python.framework/Versions/3.12/Python"));
        assert!(is_python("@rpath/libpython3.12.dylib"));
        assert!(!is_python("@rpath/libpython_helper.dylib"));
    }
}
