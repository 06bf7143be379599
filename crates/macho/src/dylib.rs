//! Install IDs and install names: the commands that name a library.
//!
//! `dylib_command`: the name's offset in the command, a time stamp and two versions, then the name.
//! `dylib_use_command` (macOS 15 SDK) is the same command with the marker `DYLIB_USE_MARKER` as its time stamp
//! and a word of flags before the name; its flags say what older linkers said by the command's number.

use object::Endianness;
use object::macho as m;

use crate::command::LoadCommand;
use crate::error::Result;
use crate::version::{Version, version};

/// How a slice is tied to a library it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DylibKind {
    /// The file's own name, `LC_ID_DYLIB`; never in [`Slice::loads`](crate::Slice::loads).
    Id,
    /// `LC_LOAD_DYLIB`: must be there.
    Load,
    /// `LC_LOAD_WEAK_DYLIB`: may be absent at run time.
    Weak,
    /// `LC_REEXPORT_DYLIB`: its symbols are this library's, too.
    Reexport,
    /// `LC_LAZY_LOAD_DYLIB`, or delayed initialisation: loaded at the first use.
    Lazy,
    /// `LC_LOAD_UPWARD_DYLIB`: a library that needs this one; cycles are allowed.
    Upward,
}

/// A library that a slice names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dylib<'a> {
    /// The name as it stands in the file, e.g. `@rpath/libz.1.dylib`.
    pub install_name: &'a str,
    /// How the slice is tied to it.
    pub kind: DylibKind,
    /// The version of the library that was linked against.
    pub current_version: Version,
    /// The oldest version that has the same interface.
    pub compatibility_version: Version,
    /// Seconds since 1970, or whatever the linker put there; in the newer form the marker `0x1a741800`.
    pub timestamp: u32,
    /// The flags `DYLIB_USE_*` where the command has the newer form. A name with offset 28 and not 24 must keep
    /// it when it is edited, or these are lost.
    pub use_flags: Option<u32>,
    /// Where the command starts, in bytes from the start of the slice.
    pub command_offset: u64,
}

/// The library a command names, `None` for a command that names none.
pub(crate) fn read_dylib<'a>(
    command: &LoadCommand<'a>,
    endian: Endianness,
) -> Result<Option<Dylib<'a>>> {
    let Some(kind) = kind(command) else { return Ok(None) };
    let raw: &m::DylibCommand<Endianness> = command.read()?;
    let name_offset = raw.dylib.name.offset.get(endian);
    let timestamp = raw.dylib.timestamp.get(endian);
    let use_flags = read_use_flags(command, endian, name_offset, timestamp)?;
    let fixed = size_of_val(raw);
    Ok(Some(Dylib {
        install_name: command.string(name_offset, fixed, "install name")?,
        kind: use_flags.map_or(kind, kind_of_flags),
        current_version: version(raw.dylib.current_version.get(endian)),
        compatibility_version: version(raw.dylib.compatibility_version.get(endian)),
        timestamp,
        use_flags,
        command_offset: command.offset,
    }))
}

fn kind(command: &LoadCommand<'_>) -> Option<DylibKind> {
    match m::LoadCommandType(command.command) {
        m::LC_ID_DYLIB => Some(DylibKind::Id),
        m::LC_LOAD_DYLIB => Some(DylibKind::Load),
        m::LC_LOAD_WEAK_DYLIB => Some(DylibKind::Weak),
        m::LC_REEXPORT_DYLIB => Some(DylibKind::Reexport),
        m::LC_LAZY_LOAD_DYLIB => Some(DylibKind::Lazy),
        m::LC_LOAD_UPWARD_DYLIB => Some(DylibKind::Upward),
        _ => None,
    }
}

/// `<mach-o/loader.h>` gives the newer form to `LC_LOAD_DYLIB` and `LC_LOAD_WEAK_DYLIB` only. The name starts
/// behind the flags, so a name at 24 with that time stamp is the old form.
fn read_use_flags(
    command: &LoadCommand<'_>,
    endian: Endianness,
    name_offset: u32,
    timestamp: u32,
) -> Result<Option<u32>> {
    let offset = size_of::<m::DylibCommand<Endianness>>();
    let may = command.is(m::LC_LOAD_DYLIB) || command.is(m::LC_LOAD_WEAK_DYLIB);
    let behind_flags = name_offset as usize >= offset.saturating_add(4);
    if !may || timestamp != m::DYLIB_USE_MARKER || !behind_flags {
        return Ok(None);
    }
    let flags: &object::U32<Endianness> = command.read_at(offset as u64, "dylib use flags")?;
    Ok(Some(flags.get(endian)))
}

/// The flags may be combined; what a repair must know first is whether the library may be absent.
fn kind_of_flags(flags: u32) -> DylibKind {
    let has = |flag: m::DylibUseFlags| flags & flag.0 != 0;
    if has(m::DYLIB_USE_WEAK_LINK) {
        DylibKind::Weak
    } else if has(m::DYLIB_USE_REEXPORT) {
        DylibKind::Reexport
    } else if has(m::DYLIB_USE_UPWARD) {
        DylibKind::Upward
    } else if has(m::DYLIB_USE_DELAYED_INIT) {
        DylibKind::Lazy
    } else {
        DylibKind::Load
    }
}

/// The string of an `LC_RPATH`, `None` for another command.
pub(crate) fn read_rpath<'a>(
    command: &LoadCommand<'a>,
    endian: Endianness,
) -> Result<Option<&'a str>> {
    if !command.is(m::LC_RPATH) {
        return Ok(None);
    }
    let raw: &m::RpathCommand<Endianness> = command.read()?;
    command.string(raw.path.offset.get(endian), size_of_val(raw), "rpath").map(Some)
}
