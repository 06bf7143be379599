//! Platform tags by family: what the last part of a wheel's file name says about where it runs.
//!
//! The families are those of PyPA's "Platform compatibility tags" (PEP 425, 513, 571, 599, 600,
//! 656, 730, 738, 783). A tag is always given back as it came: text that one of the families does
//! not spell exactly so is [`PlatformTag::Other`].

use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// One platform tag. Ordered by its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PlatformTag {
    /// `any`
    Any,
    /// `linux_x86_64`: built here, promises nothing.
    Linux {
        /// As in `linux_{arch}`.
        arch: String,
    },
    /// `manylinux_2_28_x86_64` (PEP 600): runs with glibc `major.minor` or later.
    Manylinux {
        /// glibc's major version.
        major: u32,
        /// glibc's minor version.
        minor: u32,
        /// As in `linux_{arch}`.
        arch: String,
    },
    /// `manylinux2014_x86_64` and its elders, each another name of one `manylinux_2_Y`.
    ManylinuxAlias {
        /// Which of them.
        year: ManylinuxAlias,
        /// As in `linux_{arch}`.
        arch: String,
    },
    /// `musllinux_1_2_x86_64` (PEP 656): runs with musl `major.minor` or later.
    Musllinux {
        /// musl's major version.
        major: u32,
        /// musl's minor version.
        minor: u32,
        /// As in `linux_{arch}`.
        arch: String,
    },
    /// `android_21_arm64_v8a` (PEP 738).
    Android {
        /// The lowest API level.
        api: u32,
        /// The ABI, with underscores.
        abi: String,
    },
    /// `macosx_11_0_arm64`
    Macosx {
        /// The lowest macOS, major.
        major: u32,
        /// The lowest macOS, minor.
        minor: u32,
        /// A CPU or a set of them such as `universal2`.
        arch: String,
    },
    /// `ios_13_0_arm64_iphoneos` (PEP 730).
    Ios {
        /// The lowest iOS, major.
        major: u32,
        /// The lowest iOS, minor.
        minor: u32,
        /// The CPU.
        arch: String,
        /// `iphoneos` or `iphonesimulator`.
        sdk: String,
    },
    /// `win32`, `win_amd64` and so on.
    Windows {
        /// The CPU.
        arch: WindowsArch,
    },
    /// `emscripten_…`, `pyodide_…` (PEP 783), `wasi…`: the whole tag.
    Wasm(String),
    /// Any other text.
    Other(String),
}

/// The manylinux tags before PEP 600.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ManylinuxAlias {
    /// `manylinux1` (PEP 513), `manylinux_2_5`.
    Manylinux1,
    /// `manylinux2010` (PEP 571), `manylinux_2_12`.
    Manylinux2010,
    /// `manylinux2014` (PEP 599), `manylinux_2_17`.
    Manylinux2014,
}

/// The CPUs Windows tags know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WindowsArch {
    /// `win32`
    Win32,
    /// `win_amd64`
    Amd64,
    /// `win_arm64`
    Arm64,
    /// `win_arm32`
    Arm32,
}

impl ManylinuxAlias {
    const ALL: [Self; 3] = [Self::Manylinux1, Self::Manylinux2010, Self::Manylinux2014];

    fn text(self) -> &'static str {
        match self {
            Self::Manylinux1 => "manylinux1",
            Self::Manylinux2010 => "manylinux2010",
            Self::Manylinux2014 => "manylinux2014",
        }
    }

    /// The glibc version it stands for (PEP 600, "Legacy manylinux tags").
    #[must_use]
    pub fn glibc(self) -> (u32, u32) {
        match self {
            Self::Manylinux1 => (2, 5),
            Self::Manylinux2010 => (2, 12),
            Self::Manylinux2014 => (2, 17),
        }
    }
}

impl WindowsArch {
    const ALL: [Self; 4] = [Self::Win32, Self::Amd64, Self::Arm64, Self::Arm32];

    fn text(self) -> &'static str {
        match self {
            Self::Win32 => "win32",
            Self::Amd64 => "win_amd64",
            Self::Arm64 => "win_arm64",
            Self::Arm32 => "win_arm32",
        }
    }
}

impl fmt::Display for PlatformTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Linux { arch } => write!(f, "linux_{arch}"),
            Self::Manylinux { major, minor, arch } => write!(f, "manylinux_{major}_{minor}_{arch}"),
            Self::ManylinuxAlias { year, arch } => write!(f, "{}_{arch}", year.text()),
            Self::Musllinux { major, minor, arch } => write!(f, "musllinux_{major}_{minor}_{arch}"),
            Self::Android { api, abi } => write!(f, "android_{api}_{abi}"),
            Self::Macosx { major, minor, arch } => write!(f, "macosx_{major}_{minor}_{arch}"),
            Self::Ios { major, minor, arch, sdk } => write!(f, "ios_{major}_{minor}_{arch}_{sdk}"),
            Self::Windows { arch } => f.write_str(arch.text()),
            Self::Wasm(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

impl FromStr for PlatformTag {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::parse(text))
    }
}

impl From<&str> for PlatformTag {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl PartialOrd for PlatformTag {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PlatformTag {
    fn cmp(&self, other: &Self) -> Ordering {
        self.to_string().cmp(&other.to_string())
    }
}

impl PlatformTag {
    fn parse(text: &str) -> Self {
        // `manylinux_02_17_x86_64` would read as 2.17 and be printed otherwise, so it is no
        // manylinux tag; nor does any installer take it for one.
        family(text)
            .filter(|tag| tag.to_string() == text)
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

fn family(text: &str) -> Option<PlatformTag> {
    if text == "any" {
        return Some(PlatformTag::Any);
    }
    if let Some(arch) = WindowsArch::ALL.into_iter().find(|arch| arch.text() == text) {
        return Some(PlatformTag::Windows { arch });
    }
    let (first, rest) = text.split_once('_').unwrap_or((text, ""));
    if let Some(year) = ManylinuxAlias::ALL.into_iter().find(|year| year.text() == first) {
        return Some(PlatformTag::ManylinuxAlias { year, arch: arch(rest)? });
    }
    match first {
        "linux" => Some(PlatformTag::Linux { arch: arch(rest)? }),
        "manylinux" => {
            let (major, minor, arch) = versioned(rest)?;
            Some(PlatformTag::Manylinux { major, minor, arch })
        }
        "musllinux" => {
            let (major, minor, arch) = versioned(rest)?;
            Some(PlatformTag::Musllinux { major, minor, arch })
        }
        "macosx" => {
            let (major, minor, arch) = versioned(rest)?;
            Some(PlatformTag::Macosx { major, minor, arch })
        }
        "android" => {
            let (api, abi) = rest.split_once('_')?;
            Some(PlatformTag::Android { api: api.parse().ok()?, abi: arch(abi)? })
        }
        "ios" => {
            let (major, minor, both) = versioned(rest)?;
            let (cpu, sdk) = both.rsplit_once('_')?;
            let (arch, sdk) = (arch(cpu)?, sdk.to_owned());
            matches!(&*sdk, "iphoneos" | "iphonesimulator").then_some(PlatformTag::Ios {
                major,
                minor,
                arch,
                sdk,
            })
        }
        "emscripten" | "pyodide" | "wasi" => Some(PlatformTag::Wasm(text.to_owned())),
        _ => None,
    }
}

fn versioned(text: &str) -> Option<(u32, u32, String)> {
    let (major, rest) = text.split_once('_')?;
    let (minor, rest) = rest.split_once('_')?;
    Some((major.parse().ok()?, minor.parse().ok()?, arch(rest)?))
}

fn arch(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!text.is_empty() && text.chars().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arch(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn every_family_is_known_by_its_tag() {
        use PlatformTag as P;
        let x86_64 = || arch("x86_64");
        for (text, tag) in [
            ("any", P::Any),
            ("linux_x86_64", P::Linux { arch: x86_64() }),
            ("manylinux_2_28_x86_64", P::Manylinux { major: 2, minor: 28, arch: x86_64() }),
            (
                "manylinux2014_aarch64",
                P::ManylinuxAlias { year: ManylinuxAlias::Manylinux2014, arch: arch("aarch64") },
            ),
            (
                "manylinux1_i686",
                P::ManylinuxAlias { year: ManylinuxAlias::Manylinux1, arch: arch("i686") },
            ),
            ("musllinux_1_2_x86_64", P::Musllinux { major: 1, minor: 2, arch: x86_64() }),
            ("android_21_arm64_v8a", P::Android { api: 21, abi: arch("arm64_v8a") }),
            ("macosx_10_9_x86_64", P::Macosx { major: 10, minor: 9, arch: x86_64() }),
            (
                "ios_13_0_x86_64_iphonesimulator",
                P::Ios { major: 13, minor: 0, arch: x86_64(), sdk: arch("iphonesimulator") },
            ),
            ("win32", P::Windows { arch: WindowsArch::Win32 }),
            ("win_amd64", P::Windows { arch: WindowsArch::Amd64 }),
            ("win_arm64", P::Windows { arch: WindowsArch::Arm64 }),
            ("emscripten_3_1_58_wasm32", P::Wasm(arch("emscripten_3_1_58_wasm32"))),
            ("pyodide_2024_0_wasm32", P::Wasm(arch("pyodide_2024_0_wasm32"))),
            ("wasi_0_0_0_wasm32", P::Wasm(arch("wasi_0_0_0_wasm32"))),
            ("freebsd_14_amd64", P::Other(arch("freebsd_14_amd64"))),
        ] {
            assert_eq!(PlatformTag::from(text), tag);
            assert_eq!(tag.to_string(), text);
        }
    }

    #[test]
    fn a_tag_not_spelled_as_its_family_does_is_other() {
        for text in [
            "",
            "Any",
            "linux_",
            "linux",
            "manylinux_02_17_x86_64",
            "manylinux_2_x86_64",
            "manylinux_+2_17_x86_64",
            "manylinux_2_99999999999_x86_64",
            "manylinux2014",
            "macosx_11_0_",
            "macosx_11_0_arm-64",
            "ios_13_0_arm64_watchos",
            "WIN32",
            "android_21_",
        ] {
            assert_eq!(PlatformTag::from(text), PlatformTag::Other(text.to_owned()));
            assert_eq!(PlatformTag::from(text).to_string(), text);
        }
    }

    #[test]
    fn tags_are_ordered_by_text() {
        let mut tags = ["win32", "any", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]
            .map(PlatformTag::from)
            .to_vec();
        tags.sort();
        let text: Vec<String> = tags.iter().map(ToString::to_string).collect();
        assert_eq!(text, ["any", "manylinux2014_x86_64", "manylinux_2_17_x86_64", "win32"]);
    }
}
