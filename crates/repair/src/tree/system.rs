//! What macOS has itself.
//!
//! Everything below `/usr/lib` and `/System` (dyld takes it from the shared cache, so it need not be a
//! file); `/System/Volumes/Data` is the writable volume, where anybody's libraries lie.

/// Whether an install name is one that macOS answers for.
pub(crate) fn is_of_macos(install_name: &str) -> bool {
    if install_name.starts_with("/System/Volumes/") || install_name.split('/').any(|p| p == "..") {
        return false;
    }
    ["/usr/lib/", "/System/Library/", "/System/iOSSupport/", "/System/DriverKit/"]
        .iter()
        .any(|root| install_name.starts_with(root))
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
}
