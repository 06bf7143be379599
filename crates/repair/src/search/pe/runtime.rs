//! The C++ runtime of Microsoft: the one family of DLLs of which the newest is the right one.
//!
//! All of 14.x are one runtime, and a newer one serves what an older one does, never the other way:
//! "the Redistributable version must be the same or more recent than the toolset" (C++ binary
//! compatibility between Visual Studio versions). Machines have many copies, those of Java and of
//! drivers among them, so the first along a search path is often years old.

/// Whether a DLL, by its name in lower case, is of that runtime.
pub(super) fn is_runtime(name: &str) -> bool {
    const STARTS: &[&str] = &[
        "vcruntime14",
        "vccorlib14",
        "msvcp14",
        "concrt14",
        "mfc14",
        "mfcm14",
        "vcamp14",
        "vcomp14",
    ];
    name.ends_with(".dll") && STARTS.iter().any(|start| name.starts_with(start))
}

/// Major and minor number of Microsoft's toolset 14, by a linker's version: those of others have other numbers, or
/// none behind the point.
pub(super) fn toolset(linker: (u8, u8)) -> Option<(u16, u16)> {
    let (major, minor) = (u16::from(linker.0), u16::from(linker.1));
    (major == 14 && minor > 0).then_some((major, minor))
}

/// The version of a runtime in words, if it is older than the toolset.
pub(super) fn older(toolset: (u16, u16), runtime: Option<(u16, u16, u16, u16)>) -> Option<String> {
    let (major, minor, build, _) = runtime?;
    ((major, minor) < toolset).then(|| format!("{major}.{minor}.{build}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_told_by_its_names() {
        for name in
            ["msvcp140.dll", "msvcp140_1.dll", "vcruntime140_1.dll", "vcomp140.dll", "mfc140u.dll"]
        {
            assert!(is_runtime(name), "{name}");
        }
        for name in ["msvcp120.dll", "msvcp140", "libomp140.x86_64.dll", "mfcore.dll"] {
            assert!(!is_runtime(name), "{name}");
        }
    }

    #[test]
    fn a_runtime_older_than_the_toolset_is_told() {
        assert_eq!(toolset((14, 44)), Some((14, 44)));
        assert_eq!(toolset((2, 40)), None);
        assert_eq!(toolset((14, 0)), None);
        let told = |runtime| older((14, 40), Some(runtime));
        assert_eq!(told((14, 29, 30139, 0)).as_deref(), Some("14.29.30139"));
        assert_eq!(told((14, 40, 33810, 0)), None);
        assert_eq!(told((14, 44, 35211, 0)), None);
        assert_eq!(older((14, 44), None), None);
    }
}
