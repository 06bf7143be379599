//! What a Windows process has by itself: DLLs of Windows, of Python and of the machine's drivers.
//!
//! A copy of a system DLL in a wheel is at best dead weight: it would hold a heap, a lock or a driver
//! connection of its own beside the one that every other DLL of the process uses. Which DLLs Windows
//! has depends on its release and on the machine, so the answer names the oldest release that has the DLL,
//! and the policy the oldest that the wheel can be installed on. That follows from Python: CPython 3.9 to
//! 3.12 need Windows 8.1, 3.13 needs Windows 10 (PEP 11 and the "What's New" of each), earlier ones run on
//! Windows 7; Python for ARM64 needs Windows 11.
//!
//! Names are compared without regard to case, as the loader does.

mod pythons;
mod table;

use std::fmt;

use truewheel_wheel::{Metadata, Wheel};

use pythons::Pythons;
pub(crate) use table::Machine;

/// A release of Windows for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Release {
    /// Windows 7 with Service Pack 1.
    Seven,
    /// Windows 8.1.
    EightOne,
    /// Windows 10, as its last releases are.
    Ten,
    /// Windows 11.
    Eleven,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seven => "Windows 7",
            Self::EightOne => "Windows 8.1",
            Self::Ten => "Windows 10",
            Self::Eleven => "Windows 11",
        })
    }
}

/// Who brings a DLL that no wheel should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Windows, from this release on.
    Windows(Release),
    /// The Python that loads the wheel: itself, or the C runtime that lies beside it.
    Python,
    /// A driver of the machine. A copy works on one machine and fails on the next.
    Driver,
}

/// What the processes that load a wheel's DLLs have by themselves.
#[derive(Clone, Debug)]
pub(crate) struct WindowsPolicy {
    pythons: Pythons,
}

impl WindowsPolicy {
    /// The policy of a wheel, by its tags and by `Requires-Python` of its METADATA, which installers hold
    /// against the Python they install for.
    pub(crate) fn of_wheel(wheel: &Wheel) -> Self {
        let filename = wheel.filename();
        let path = format!("{}/METADATA", wheel.dist_info());
        // METADATA that cannot be read says nothing of Pythons; that it cannot is told elsewhere.
        let bytes = wheel.member(&path).and_then(|member| wheel.read(member).ok());
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let metadata = text.and_then(|text| Metadata::parse(&text).ok());
        let requires = metadata.as_ref().and_then(|it| it.all("Requires-Python").next());
        Self::of_tags(&filename.python, &filename.abi, requires)
    }

    fn of_tags(pythons: &[String], abis: &[String], requires: Option<&str>) -> Self {
        Self { pythons: Pythons::new(pythons, abis, requires) }
    }

    /// The policy of a file that is in no wheel: a present Python on a present Windows.
    pub(crate) fn of_file() -> Self {
        Self { pythons: Pythons::present() }
    }

    /// The oldest Windows on `machine` that the wheel can be installed on.
    pub(crate) fn oldest(&self, machine: Machine) -> Release {
        match self.pythons.lowest {
            _ if machine == Machine::Arm64 => Release::Eleven,
            (3, 13..) | (4.., _) => Release::Ten,
            (3, 9..) => Release::EightOne,
            _ => Release::Seven,
        }
    }

    /// The oldest Python that loads the wheel, major and minor; (0, 0) where nothing says.
    pub(crate) fn lowest_python(&self) -> (u32, u32) {
        self.pythons.lowest
    }

    /// Who brings `dll` to a process of `machine`; `None` when the wheel must. `dll` is a name with its
    /// extension, as an import spells it.
    pub(crate) fn origin(&self, dll: &str, machine: Machine) -> Option<Origin> {
        let name = dll.to_ascii_lowercase();
        if pythons::is_python(&name) || self.pythons.bring(&name, machine) {
            return Some(Origin::Python);
        }
        if is_api_set(&name) {
            return Some(Origin::Windows(Release::Seven));
        }
        if is_of_driver(&name) {
            return Some(Origin::Driver);
        }
        table::oldest_release(&name, machine).map(Origin::Windows)
    }
}

/// Whether some Windows has `dll` by itself, or some Python or driver brings it.
pub(crate) fn is_ever_brought(dll: &str) -> bool {
    let policy = WindowsPolicy::of_file();
    [Machine::X64, Machine::X86, Machine::Arm64]
        .into_iter()
        .any(|machine| policy.origin(dll, machine).is_some())
}

/// Whether an import is one that some edges of the runtime have for Windows XP's sake: msvcp140 loads
/// the Concurrency Runtime when it is first asked for what Vista and later do themselves
/// ("Overview of the Concurrency Runtime").
pub(crate) fn is_needless(importer: &str, dll: &str) -> bool {
    importer.eq_ignore_ascii_case("msvcp140.dll") && dll.eq_ignore_ascii_case("concrt140.dll")
}

/// Names that stand for whichever DLL of Windows has the functions now ("Windows API sets"): the loader
/// tells them by their beginning. An extension (`ext-ms-`) may lead to nothing on some editions; its
/// users ask first, and no file of that name exists that one could bring along.
fn is_api_set(name: &str) -> bool {
    name.starts_with("api-ms-") || name.starts_with("ext-ms-")
}

/// DLLs that come with a driver, or that hand out the drivers of the machine: one for each machine.
pub(crate) fn is_of_driver(name: &str) -> bool {
    const NAMES: &[&str] = &[
        // NVIDIA: the user half of the kernel driver.
        "nvcuda",
        "nvcuvid",
        "nvml",
        "nvapi",
        "nvapi64",
        "nvofapi",
        "nvofapi64",
        "nvencodeapi",
        "nvencodeapi64",
        // Khronos' loaders, installed with any graphics driver: they must know the drivers' interface.
        "opencl",
        "vulkan-1",  // Intel's Level Zero, installed with its drivers.
        "ze_loader", // AMD's display library.
        "atiadlxx",
        "atiadlxy",
    ];
    name.strip_suffix(".dll").is_some_and(|stem| NAMES.contains(&stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(python: &str, abi: &str, requires: Option<&str>) -> WindowsPolicy {
        let split = |set: &str| set.split('.').map(str::to_owned).collect::<Vec<_>>();
        WindowsPolicy::of_tags(&split(python), &split(abi), requires)
    }

    #[test]
    fn the_oldest_windows_follows_from_the_oldest_python() {
        for (python, abi, requires, oldest) in [
            ("cp313", "cp313t", None, Release::Ten),
            ("cp312", "cp312", None, Release::EightOne),
            ("cp39", "abi3", None, Release::EightOne),
            ("cp37", "abi3", None, Release::Seven),
            ("cp37", "abi3", Some(">=3.10"), Release::EightOne),
            ("py3", "none", None, Release::Seven),
            ("py3", "none", Some(">=3.13"), Release::Ten),
            ("py2.py3", "none", Some(">=2.7, !=3.0.*"), Release::Seven),
            ("cp310.cp313", "cp310.cp313", None, Release::EightOne),
            ("pp310", "pypy310_pp73", None, Release::EightOne),
            ("cp27", "cp27m", None, Release::Seven),
        ] {
            let policy = policy(python, abi, requires);
            assert_eq!(policy.oldest(Machine::X64), oldest, "{python}-{abi}");
        }
        assert_eq!(policy("cp311", "cp311", None).oldest(Machine::Arm64), Release::Eleven);
    }

    #[test]
    fn a_dll_of_windows_is_told_with_the_release_that_brought_it() {
        let windows = |release| Some(Origin::Windows(release));
        let policy = policy("cp312", "cp312", None);
        for (name, origin) in [
            ("KERNEL32.dll", windows(Release::Seven)),
            ("WS2_32.DLL", windows(Release::Seven)),
            ("winspool.drv", windows(Release::Seven)),
            ("kernel.appcore.dll", windows(Release::EightOne)),
            ("SHCORE.dll", windows(Release::EightOne)),
            ("d3d12.dll", windows(Release::Ten)),
            ("ucrtbase.dll", windows(Release::Ten)),
            ("api-ms-win-crt-heap-l1-1-0.dll", windows(Release::Seven)),
            ("ext-ms-win-ntuser-window-l1-1-0.dll", windows(Release::Seven)),
            ("nvcuda.dll", Some(Origin::Driver)),
            ("vulkan-1.dll", Some(Origin::Driver)),
            ("OpenCL.dll", Some(Origin::Driver)),
            ("python312.dll", Some(Origin::Python)),
            ("VCRUNTIME140.dll", Some(Origin::Python)),
            ("VCRUNTIME140_1.dll", Some(Origin::Python)),
            ("MSVCP140.dll", None),
            ("vcomp140.dll", None),
            ("libopenblas.dll", None),
            ("kernel32", None),
            ("api-foo.dll", None),
            ("kernel.appcore", None),
        ] {
            assert_eq!(policy.origin(name, Machine::X64), origin, "{name}");
        }
    }

    #[test]
    fn a_dll_that_one_machine_has_is_not_taken_for_granted_on_another() {
        let on = |machine, name| policy("cp313", "cp313", None).origin(name, machine);
        assert_eq!(on(Machine::X86, "computecore.dll"), None);
        assert_eq!(on(Machine::X64, "computecore.dll"), Some(Origin::Windows(Release::Ten)));
        assert_eq!(on(Machine::Arm64, "opengl32.dll"), Some(Origin::Windows(Release::Eleven)));
    }

    #[test]
    fn the_concurrency_runtime_is_not_needed_by_the_library_of_cpp() {
        assert!(is_needless("MSVCP140.dll", "CONCRT140.dll"));
        assert!(!is_needless("demo.pyd", "CONCRT140.dll"));
    }
}
