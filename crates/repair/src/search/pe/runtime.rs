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

/// A runtime that is older than the toolset of a module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Older {
    /// The toolset of the module.
    pub(super) toolset: String,
    /// The version of the runtime.
    pub(super) runtime: String,
    /// They are of two generations (14.2x, 14.3x, 14.4x), between which a module breaks: a `std::mutex` of
    /// 14.40 and later crashes in every earlier runtime. Within one, projects as large as NumPy are published.
    pub(super) is_of_another_generation: bool,
}

/// What is wrong with the runtime that a module would get, by the version of the module's linker.
pub(super) fn older(linker: (u8, u8), runtime: Option<(u16, u16, u16, u16)>) -> Option<Older> {
    let (major, minor, build, _) = runtime?;
    let (tool, of_tool) = (u16::from(linker.0), u16::from(linker.1));
    // Linkers that are not Microsoft's have other numbers, or none behind the point.
    let is_microsofts = tool == 14 && of_tool > 0;
    (is_microsofts && (major, minor) < (tool, of_tool)).then(|| Older {
        toolset: format!("{tool}.{of_tool}"),
        runtime: format!("{major}.{minor}.{build}"),
        is_of_another_generation: (major, minor / 10) < (tool, of_tool / 10),
    })
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
        let told =
            |linker, runtime| older(linker, Some(runtime)).map(|it| it.is_of_another_generation);
        assert_eq!(told((14, 44), (14, 29, 30139, 0)), Some(true));
        assert_eq!(told((14, 44), (14, 40, 33810, 0)), Some(false));
        assert_eq!(told((14, 44), (14, 44, 35211, 0)), None);
        assert_eq!(told((14, 16), (14, 44, 35211, 0)), None);
        assert_eq!(told((2, 40), (14, 0, 0, 0)), None);
        assert_eq!(told((14, 0), (14, 0, 0, 0)), None);
        assert_eq!(older((14, 44), None), None);
        let words = older((14, 44), Some((14, 29, 30139, 0)));
        let words = words.map(|it| (it.toolset, it.runtime));
        assert_eq!(words, Some(("14.44".to_owned(), "14.29.30139".to_owned())));
    }
}
