//! The machine and C library one wheel is for.
//!
//! Told by its tags where they tell, else by its extension modules, else by its other binaries; an
//! explicitly requested tag must agree. The machine truewheel runs on is never asked.

use truewheel_wheel::{MemberPath, PlatformTag};

use crate::binary::{ElfFile, Machine};
use crate::error::{Error, Result};
use crate::target::{Arch, Libc};

/// What a wheel with ELF binaries is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WheelTarget {
    /// The architecture that tags name.
    pub arch: Arch,
    /// The C library; `None` when nothing in the wheel uses one.
    pub libc: Option<Libc>,
    /// The header of the binaries that count.
    pub machine: Machine,
}

/// What platform tags say of the target: architecture, C library.
pub(crate) fn of_tag(tag: &PlatformTag) -> (Option<Arch>, Option<Libc>) {
    match tag {
        PlatformTag::Linux { arch } => (arch.parse().ok(), None),
        PlatformTag::Manylinux { arch, .. } | PlatformTag::ManylinuxAlias { arch, .. } => {
            (arch.parse().ok(), Some(Libc::Glibc))
        }
        PlatformTag::Musllinux { arch, .. } => (arch.parse().ok(), Some(Libc::Musl)),
        PlatformTag::Android { abi, .. } => (abi.parse().ok(), Some(Libc::Bionic)),
        _ => (None, None),
    }
}

/// How tags of the systems begin that are known here (platform compatibility tags specification).
const KNOWN_SYSTEMS: [&str; 7] =
    ["linux", "manylinux", "musllinux", "android", "macosx", "ios", "win"];

/// Whether a tag such as `freebsd_14_2_release_amd64` is for a system that nothing is known of here;
/// `manylinux_2_28` is not, but no tag.
pub(crate) fn is_of_unknown_system(tag: &PlatformTag) -> bool {
    let PlatformTag::Other(text) = tag else { return false };
    let first = text.split('_').next().unwrap_or_default();
    !KNOWN_SYSTEMS.contains(&first.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// The one value that all of `values` have; `None` when there is none or they differ.
fn only<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// What the wheel with these tags and ELF files is for; `None` when it has no ELF file that counts.
pub(crate) fn of_wheel(
    tags: &[PlatformTag],
    files: &[(MemberPath, ElfFile)],
    requested: Option<&PlatformTag>,
) -> Result<Option<WheelTarget>> {
    let tagged_arch = only(tags.iter().filter_map(|tag| of_tag(tag).0));
    let tagged_libc = only(tags.iter().filter_map(|tag| of_tag(tag).1));
    let wanted = requested.map(of_tag).unwrap_or_default();
    let countable =
        || files.iter().filter(|(_, file)| file.is_dynamic || file.interpreter.is_some());
    let chosen = match tagged_arch.or(wanted.0) {
        Some(arch) => files.iter().find(|(_, file)| runs(&file.machine, arch)),
        None => countable()
            .find(|(_, file)| file.is_extension && file.machine.arch.is_some())
            .or_else(|| countable().find(|(_, file)| file.machine.arch.is_some()))
            .or_else(|| files.iter().find(|(_, file)| file.machine.arch.is_some())),
    };
    let Some((_, file)) = chosen else {
        return match (files, tagged_arch.or(wanted.0)) {
            ([], _) => Ok(None),
            (files, arch) => Err(no_fitting_file(files, arch)),
        };
    };
    let machine = file.machine;
    let arch = tagged_arch.or(wanted.0).or(machine.arch);
    let Some(arch) = arch else { return Ok(None) };
    if let Some(wanted) = wanted.0
        && wanted != arch
    {
        return Err(Error::refused_with(
            format!("the wheel is for {arch}, the requested tag for {wanted}"),
            "ask for a tag of the wheel's own architecture, or for none",
        ));
    }
    let libc = tagged_libc.or_else(|| libc_of_files(files, &machine)).or(wanted.1);
    if let (Some(libc), Some(wanted)) = (libc, wanted.1)
        && libc != wanted
    {
        return Err(Error::refused_with(
            format!("the wheel is built for {libc}, the requested tag is for {wanted}"),
            "build the wheel against the C library of the tag",
        ));
    }
    Ok(Some(WheelTarget { arch, libc, machine }))
}

/// An ARMv6 binary runs on ARMv7; an Arm binary that does not say what it is for may be for either.
fn runs(binary: &Machine, on: Arch) -> bool {
    match (binary.arch, on) {
        (Some(Arch::Armv6l), Arch::Armv7l) => true,
        (Some(Arch::Armv7l), Arch::Armv6l) => binary.arm.cpu_arch.is_none(),
        (arch, on) => arch == Some(on),
    }
}

/// Extension modules first: a helper program for another C library decides nothing.
fn libc_of_files(files: &[(MemberPath, ElfFile)], machine: &Machine) -> Option<Libc> {
    let fitting = || files.iter().filter(|(_, file)| machine.loads(&file.machine));
    fitting()
        .filter(|(_, file)| file.is_extension)
        .find_map(|(_, file)| file.libc)
        .or_else(|| fitting().find_map(|(_, file)| file.libc))
        .or_else(|| fitting().any(|(_, file)| has_glibc_versions(file)).then_some(Libc::Glibc))
}

/// musl and Bionic have no version called `GLIBC_…`.
fn has_glibc_versions(file: &ElfFile) -> bool {
    file.version_needs
        .values()
        .any(|versions| versions.keys().any(|version| version.starts_with("GLIBC_")))
}

fn no_fitting_file(files: &[(MemberPath, ElfFile)], arch: Option<Arch>) -> Error {
    let list: Vec<String> = files
        .iter()
        .take(8)
        .map(|(path, file)| format!("{} ({})", path.as_str(), file.machine.describe()))
        .collect();
    let more = files.len().saturating_sub(list.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let wanted = arch.map_or("an architecture that tags know".to_owned(), |arch| arch.to_string());
    Error::refused(format!("no ELF file of the wheel is for {wanted}: {}{more}", list.join(", ")))
}
