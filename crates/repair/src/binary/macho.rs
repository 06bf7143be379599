//! The facts of one Mach-O file, slice by slice.

use truewheel_macho::{DylibKind, MachO, MinimumOs, Slice, Version};

/// A library that a slice names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// The install name as it stands in the file, such as `@rpath/libz.1.dylib`.
    pub install_name: String,
    /// How the slice is tied to it.
    pub kind: DylibKind,
    /// The version that was linked against.
    pub current_version: Version,
    /// The oldest version with the same interface.
    pub compatibility_version: Version,
}

/// What dyld sees in one slice.
#[derive(Clone, Debug)]
pub(crate) struct MachSlice {
    /// As `lipo -archs` prints it, such as `arm64`.
    pub architecture: &'static str,
    /// `MH_*`: 2 is a program, 6 a library, 8 a bundle.
    pub file_type: u32,
    /// `LC_ID_DYLIB`.
    pub install_id: Option<String>,
    /// What it needs, in the order of the load commands.
    pub loads: Vec<Load>,
    /// `LC_RPATH`, in order.
    pub rpaths: Vec<String>,
    /// The oldest system it runs on.
    pub minimum_os: Option<MinimumOs>,
    /// Bytes by which the load commands may grow.
    pub header_pad: u64,
    /// Who signed it, where that is not ad hoc.
    pub certificate: Option<String>,
    /// `LC_UUID`.
    pub uuid: Option<[u8; 16]>,
    /// Has an `LC_CODE_SIGNATURE`; arm64 runs nothing without one.
    pub is_signed: bool,
}

/// The facts of one Mach-O file.
#[derive(Clone, Debug)]
pub(crate) struct MachFile {
    /// One for each CPU, in the order of the universal header.
    pub slices: Vec<MachSlice>,
}

/// File types of `<mach-o/loader.h>`.
pub(crate) const MH_EXECUTE: u32 = 2;
pub(crate) const MH_DYLIB: u32 = 6;
pub(crate) const MH_BUNDLE: u32 = 8;

/// `PLATFORM_MACOS` of `<mach-o/loader.h>`.
pub(crate) const PLATFORM_MACOS: u32 = 1;

impl MachFile {
    /// The index of the slice that a process with code for `architecture` maps. The Haswell slice of
    /// x86_64 is one for some machines only, and is taken where there is no other.
    pub(crate) fn slice_for(&self, architecture: &str) -> Option<usize> {
        let has = |wanted: &str| self.slices.iter().position(|s| s.architecture == wanted);
        has(architecture).or_else(|| match architecture {
            "x86_64" => has("x86_64h"),
            "x86_64h" => has("x86_64"),
            _ => None,
        })
    }

    /// The CPUs it is for, for people.
    pub(crate) fn architectures(&self) -> String {
        let names: Vec<&str> = self.slices.iter().map(|slice| slice.architecture).collect();
        names.join(", ")
    }

    /// Whether it is a library, which other files can name.
    pub(crate) fn is_library(&self) -> bool {
        !self.slices.is_empty() && self.slices.iter().all(|slice| slice.file_type == MH_DYLIB)
    }

    /// Reads everything the engine asks of a Mach-O file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, truewheel_macho::Error> {
        let file = MachO::parse(bytes)?;
        Ok(Self { slices: file.slices().iter().map(slice).collect() })
    }
}

/// `PLATFORM_*` of `<mach-o/loader.h>`.
pub(crate) fn platform_name(number: u32) -> String {
    let names = ["macOS", "iOS", "tvOS", "watchOS", "bridgeOS", "Mac Catalyst", "iOS Simulator"];
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    match index.and_then(|index| names.get(index)) {
        Some(name) => (*name).to_owned(),
        None => format!("platform {number}"),
    }
}

fn slice(slice: &Slice<'_>) -> MachSlice {
    let loads = slice.loads().iter().map(|dylib| Load {
        install_name: dylib.install_name.to_owned(),
        kind: dylib.kind,
        current_version: dylib.current_version,
        compatibility_version: dylib.compatibility_version,
    });
    MachSlice {
        architecture: slice.architecture(),
        file_type: slice.file_type,
        install_id: slice.install_id().map(|id| id.install_name.to_owned()),
        loads: loads.collect(),
        rpaths: slice.rpaths().into_iter().map(str::to_owned).collect(),
        minimum_os: slice.minimum_os(),
        header_pad: slice.header_pad(),
        certificate: certificate(slice),
        uuid: slice.uuid(),
        is_signed: slice.has_code_signature(),
    }
}

/// The team of a signature with a certificate, or what it calls the file. One that cannot be read vouches for
/// nothing.
fn certificate(slice: &Slice<'_>) -> Option<String> {
    let signature = slice.signature().ok()?.filter(|signature| !signature.is_ad_hoc())?;
    let directory = signature.directories().first()?;
    Some(match directory.team {
        Some(team) => format!("team {team}"),
        None => directory.identifier.to_owned(),
    })
}
