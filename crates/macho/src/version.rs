//! The oldest system a slice runs on, and the SDK it was built with.
//!
//! `LC_BUILD_VERSION` names the platform; before it, `LC_VERSION_MIN_MACOSX` and its like did by their number.
//! Versions are packed as `xxxx.yy.zz`: sixteen bits, eight, eight.

use object::Endianness;
use object::macho as m;

use crate::command::LoadCommand;
use crate::error::Result;

/// Major, minor and patch.
pub type Version = (u16, u8, u8);

/// The oldest system a slice runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinimumOs {
    /// `PLATFORM_*` of `<mach-o/loader.h>`: 1 is macOS, 2 iOS, 6 Mac Catalyst, 7 the iOS simulator.
    pub platform: u32,
    /// The oldest version it runs on.
    pub version: Version,
    /// The SDK it was built with; decides which of dyld's checks apply.
    pub sdk: Version,
}

/// Unpacks a version.
pub(crate) fn version(packed: m::Version) -> Version {
    let [major_high, major_low, minor, patch] = packed.0.to_be_bytes();
    (u16::from_be_bytes([major_high, major_low]), minor, patch)
}

/// What a command says about the minimum system, `None` for a command that says nothing.
pub(crate) fn read_minimum_os(
    command: &LoadCommand<'_>,
    endian: Endianness,
) -> Result<Option<MinimumOs>> {
    if command.is(m::LC_BUILD_VERSION) {
        let raw: &m::BuildVersionCommand<Endianness> = command.read()?;
        return Ok(Some(MinimumOs {
            platform: raw.platform.get(endian).0,
            version: version(raw.minos.get(endian)),
            sdk: version(raw.sdk.get(endian)),
        }));
    }
    let platform = match m::LoadCommandType(command.command) {
        m::LC_VERSION_MIN_MACOSX => m::PLATFORM_MACOS,
        m::LC_VERSION_MIN_IPHONEOS => m::PLATFORM_IOS,
        m::LC_VERSION_MIN_TVOS => m::PLATFORM_TVOS,
        m::LC_VERSION_MIN_WATCHOS => m::PLATFORM_WATCHOS,
        _ => return Ok(None),
    };
    let raw: &m::VersionMinCommand<Endianness> = command.read()?;
    Ok(Some(MinimumOs {
        platform: platform.0,
        version: version(raw.version.get(endian)),
        sdk: version(raw.sdk.get(endian)),
    }))
}
