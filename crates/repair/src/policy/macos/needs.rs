//! What each slice needs: a CPU, a system and a version of it.

use std::collections::BTreeSet;

use super::{File, MacosVersion};
use crate::binary::MachSlice;
use crate::policy::{Obstacle, ObstacleKind};
use crate::search::paths::base_name;

/// `PLATFORM_MACOS`.
const PLATFORM_MACOS: u32 = 1;
/// `MH_DYLIB`.
const LIBRARY: u32 = 6;
/// `MH_EXECUTE`, `MH_DYLIB`, `MH_BUNDLE`: what dyld and the kernel load. `MH_OBJECT` and the rest is data.
const LOADED: [u32; 3] = [2, LIBRARY, 8];

/// Whether dyld or the kernel ever looks at a slice.
pub(crate) fn is_loaded(slice: &MachSlice) -> bool {
    LOADED.contains(&slice.file_type)
}

/// The macOS that a slice needs: `None` where it does not say, or is for another system.
pub(crate) fn needs_of(slice: &MachSlice) -> Option<MacosVersion> {
    let minimum = slice.minimum_os.filter(|minimum| minimum.platform == PLATFORM_MACOS)?;
    let (major, minor, _) = minimum.version;
    Some(MacosVersion::new(major.into(), minor.into()).floored(slice.architecture))
}

/// The system that a slice is for, if it is not macOS (`PLATFORM_*` of `<mach-o/loader.h>`).
pub(crate) fn foreign_system(slice: &MachSlice) -> Option<&'static str> {
    Some(match slice.minimum_os?.platform {
        PLATFORM_MACOS => return None,
        2 => "iOS",
        3 => "tvOS",
        4 => "watchOS",
        6 => "Mac Catalyst",
        7 => "the iOS simulator",
        8 => "the tvOS simulator",
        9 => "the watchOS simulator",
        10 => "DriverKit",
        11 => "visionOS",
        12 => "the visionOS simulator",
        _ => "a system other than macOS",
    })
}

/// The slices that dyld may load.
pub(super) fn loaded<'a>(file: &File<'a>) -> impl Iterator<Item = &'a MachSlice> {
    file.file.slices.iter().filter(|slice| is_loaded(slice))
}

/// Whether a process for `cpu` finds its code in the file.
pub(super) fn has_code(file: &File<'_>, cpu: &str) -> bool {
    loaded(file).any(|slice| slice.architecture == cpu)
}

/// The CPUs that every file has code for.
pub(super) fn common_processors<'a>(files: &[File<'a>]) -> BTreeSet<&'a str> {
    let sets = files.iter().map(|file| loaded(file).map(|slice| slice.architecture).collect());
    let sets = sets.filter(|set: &BTreeSet<&str>| !set.is_empty());
    let common = sets.reduce(|left, right| left.intersection(&right).copied().collect());
    // Python is a plain arm64 or x86_64 process: it loads no arm64e, and x86_64h only beside x86_64.
    common.into_iter().flatten().filter(|cpu| !matches!(*cpu, "arm64e" | "x86_64h")).collect()
}

/// One obstacle for each file and CPU that the file has no code for. A CPU that no file at all is for is told of each.
pub(super) fn lacking<'a>(
    files: &[File<'_>],
    wanted: impl Iterator<Item = &'a str>,
) -> Vec<Obstacle> {
    let wanted: BTreeSet<&str> = wanted.collect();
    let strange: BTreeSet<&str> =
        wanted.iter().copied().filter(|cpu| is_strange(files, cpu)).collect();
    let mut obstacles = Vec::new();
    for file in files {
        let has: Vec<&str> = loaded(file).map(|slice| slice.architecture).collect();
        let is_loose = is_loose(file);
        let is_due = |cpu: &&&str| !is_loose || strange.contains(**cpu);
        let lacks =
            wanted.iter().filter(|cpu| !has.is_empty() && !has.contains(*cpu)).filter(is_due);
        obstacles.extend(lacks.map(|cpu| Obstacle {
            file: file.name.to_owned(),
            kind: ObstacleKind::Architecture,
            what: format!("code for {cpu}, and has it for {}", has.join(", ")),
            symbols: Vec::new(),
        }));
    }
    obstacles
}

/// Whether no file has code for `cpu`.
pub(crate) fn is_strange(files: &[File<'_>], cpu: &str) -> bool {
    !files.iter().any(|file| has_code(file, cpu))
}

/// A library to which no code leads that cannot load it: what opens it knows for which CPU it is. `import` does not.
fn is_loose(file: &File<'_>) -> bool {
    let is_library = loaded(file).all(|slice| slice.file_type == LIBRARY);
    !file.is_needed && is_library && !is_imported(base_name(file.name))
}

/// Whether `import` takes a library of this name for a module. Rust makes modules that are dylibs (`MH_DYLIB`), not
/// bundles, and only the name tells them from other libraries: CPython imports `.so` alone (`EXTENSION_SUFFIXES`).
/// `libx.so` is a library to those who name files so, unless a tag of Python's stands before the end.
pub(crate) fn is_imported(file_name: &str) -> bool {
    let stem = file_name.strip_suffix(".so");
    stem.is_some_and(|stem| !stem.starts_with("lib") || stem.contains('.'))
}

/// A word on each of them that is not for all CPUs.
pub(super) fn loose(files: &[File<'_>], wanted: &BTreeSet<&str>) -> Vec<String> {
    let mut notes = Vec::new();
    for file in files.iter().filter(|file| is_loose(file) && loaded(file).next().is_some()) {
        let lacks: Vec<&str> = wanted.iter().copied().filter(|cpu| !has_code(file, cpu)).collect();
        if !lacks.is_empty() {
            let lacks = lacks.join(" and ");
            let name = file.name;
            notes.push(format!("{name} has no code for {lacks}, and no code there names it"));
        }
    }
    notes
}

/// Files with code for `cpu` that does not say which system it needs.
pub(super) fn unsaid<'a>(files: &[File<'a>], cpu: &str) -> impl Iterator<Item = &'a str> {
    let is_silent =
        move |slice: &MachSlice| slice.architecture == cpu && slice.minimum_os.is_none();
    files.iter().filter(move |file| loaded(file).any(is_silent)).map(|file| file.name)
}

/// What one file needs on one CPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need<'a> {
    pub(super) cpu: &'a str,
    pub(super) version: MacosVersion,
    pub(super) file: &'a str,
}

impl Need<'_> {
    pub(super) fn obstacle(&self) -> Obstacle {
        Obstacle {
            file: self.file.to_owned(),
            kind: ObstacleKind::Version,
            what: format!("macOS {} on {}", self.version, self.cpu),
            symbols: Vec::new(),
        }
    }
}

/// What every file needs, newest first. An x86_64 process loads the x86_64h slice where the CPU has Haswell's
/// instructions.
pub(super) fn needs<'a>(files: &[File<'a>]) -> Vec<Need<'a>> {
    let mut needs: Vec<Need<'a>> = Vec::new();
    for file in files {
        for slice in loaded(file) {
            let cpu = if slice.architecture == "x86_64h" { "x86_64" } else { slice.architecture };
            let version = needs_of(slice);
            needs.extend(version.map(|version| Need { cpu, version, file: file.name }));
        }
    }
    needs.sort_by(|a, b| (b.version, a.cpu, a.file).cmp(&(a.version, b.cpu, b.file)));
    needs
}
