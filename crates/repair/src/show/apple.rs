//! Wheels for macOS: the CPUs that every binary has a slice for, and the oldest macOS that all of them
//! run on.
//!
//! A tag `macosx_11_0_arm64` promises that every binary has an arm64 slice, and that it runs on macOS
//! 11.0 and later (PyPA, "Platform compatibility tags"). `universal2` is x86_64 and arm64 in one. From
//! macOS 11 on installers compare the major version alone, so tags are written with minor 0.

use std::collections::BTreeSet;

use truewheel_macho::Version;
use truewheel_wheel::PlatformTag;

use super::{Level, LevelState, Show, Verdict};
use crate::binary::MachSlice;
use crate::policy::{Obstacle, ObstacleKind};
use crate::survey::Survey;

/// `PLATFORM_MACOS`.
const PLATFORM_MACOS: u32 = 1;

/// Adds what the slices say of the tags.
pub(super) fn judge(survey: &Survey, show: &mut Show) {
    if survey.scan.macho.is_empty() {
        return;
    }
    let earned = earned(survey);
    show.architecture = earned.as_ref().map(|(_, cpus)| cpus.clone());
    for (claim, tag) in show.tags.iter_mut().zip(&survey.wheel.filename().platforms) {
        let PlatformTag::Macosx { major, minor, arch } = tag else {
            continue;
        };
        let obstacles = obstacles(survey, (*major, *minor), arch);
        claim.kept = Some(obstacles.is_empty());
        let state = if obstacles.is_empty() { LevelState::Kept } else { LevelState::NotKept };
        let (vendor, missing) = (Vec::new(), Vec::new());
        show.levels.push(Level { tag: tag.to_string(), state, vendor, missing, obstacles });
    }
    if let Some((major, minor)) = earned.as_ref().map(|(version, _)| *version)
        && major >= 11
        && minor > 0
    {
        show.notes.push(format!(
            "the wheel runs on macOS {major}.{minor} and later, and no tag says more than {major}.0"
        ));
    }
    let is_whole = !show.lacks_any() && !show.reaches_outside();
    let tag = earned.map(|(version, cpus)| tag_of(version, &cpus));
    show.earned = tag.filter(|_| is_whole);
    let is_kept = show.tags.iter().all(|claim| claim.kept != Some(false));
    show.verdict = match (is_whole, is_kept) {
        (true, true) => Verdict::Good,
        _ if show.lacks_any() => Verdict::Blocked,
        _ => Verdict::NeedsRepair,
    };
    if show.verdict == Verdict::Blocked {
        show.problems.extend(show.needs.iter().filter(|need| need.rule.is_none()).map(|need| {
            format!("{} needs `{}`, which was not found", need.needed_by.join(", "), need.name)
        }));
    }
}

/// The CPUs that a tag's last part stands for (`distutils` and `packaging.tags.mac_platforms`).
fn cpus_of(arch: &str) -> Vec<&str> {
    match arch {
        "universal2" => vec!["x86_64", "arm64"],
        "universal" => vec!["i386", "x86_64", "ppc", "ppc64"],
        "intel" => vec!["i386", "x86_64"],
        "fat" => vec!["i386", "ppc"],
        "fat3" => vec!["i386", "x86_64", "ppc"],
        "fat64" => vec!["x86_64", "ppc64"],
        one => vec![one],
    }
}

fn slices(survey: &Survey) -> impl Iterator<Item = &MachSlice> {
    survey.scan.macho.iter().flat_map(|(_, file)| &file.slices)
}

/// The oldest macOS that a slice runs on; no arm64 Mac has one before 11.0.
fn floor(slice: &MachSlice) -> Option<(u32, u32)> {
    let found = slice.minimum_os.filter(|found| found.platform == PLATFORM_MACOS)?;
    let (major, minor, _): Version = found.version;
    let version = (u32::from(major), u32::from(minor));
    // 10.16 is what 11.0 calls itself to old programs.
    let version = if version == (10, 16) { (11, 0) } else { version };
    Some(if slice.architecture.starts_with("arm64") { version.max((11, 0)) } else { version })
}

/// The least macOS and the CPUs that every file has.
fn earned(survey: &Survey) -> Option<((u32, u32), String)> {
    let files = survey.scan.macho.iter().map(|(_, file)| {
        file.slices.iter().map(|slice| slice.architecture).collect::<BTreeSet<_>>()
    });
    let common = files.reduce(|left, right| left.intersection(&right).copied().collect())?;
    let common: Vec<&str> = common.into_iter().filter(|cpu| !cpu.ends_with(['e', 'h'])).collect();
    let cpus = match common.as_slice() {
        ["arm64", "x86_64"] => "universal2",
        ["i386", "x86_64"] => "intel",
        [one] => one,
        _ => return None,
    };
    let fitting = || slices(survey).filter(|slice| common.contains(&slice.architecture));
    // What holds for every arm64 Mac does not count for the x86_64 half.
    let counts = |slice: &&MachSlice| {
        common.len() == 1 || slice.architecture != "arm64" || floor(slice) > Some((11, 0))
    };
    let version = fitting().filter(counts).filter_map(floor).max();
    Some((version.or_else(|| fitting().filter_map(floor).max())?, cpus.to_owned()))
}

fn tag_of((major, minor): (u32, u32), cpus: &str) -> String {
    let minor = if major >= 11 { 0 } else { minor };
    format!("macosx_{major}_{minor}_{cpus}")
}

/// What keeps the wheel from a tag.
fn obstacles(survey: &Survey, promised: (u32, u32), arch: &str) -> Vec<Obstacle> {
    let cpus = cpus_of(arch);
    let mut obstacles = Vec::new();
    for (path, file) in &survey.scan.macho {
        let mut add = |kind, what: String| {
            obstacles.push(Obstacle { file: path.to_string(), kind, what, symbols: Vec::new() });
        };
        let has = |cpu: &str| file.slices.iter().any(|slice| slice.architecture == cpu);
        for cpu in cpus.iter().copied().filter(|cpu| !has(cpu)) {
            add(ObstacleKind::Architecture, format!("has no slice for {cpu}"));
        }
        for slice in file.slices.iter().filter(|slice| cpus.contains(&slice.architecture)) {
            let floor = floor(slice);
            let lowest = match slice.architecture {
                "arm64" => promised.max((11, 0)),
                _ => promised,
            };
            // No tag of macOS 11 and later says more than the major version; a note does.
            let keeps =
                |floor: (u32, u32)| floor <= lowest || (floor.0 >= 11 && floor.0 == lowest.0);
            if let Some((major, minor)) = floor.filter(|floor| !keeps(*floor)) {
                let cpu = slice.architecture;
                add(ObstacleKind::Version, format!("macOS {major}.{minor} for {cpu}"));
            }
        }
    }
    obstacles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_of_macos_11_and_later_has_no_minor_version() {
        assert_eq!(tag_of((10, 13), "x86_64"), "macosx_10_13_x86_64");
        assert_eq!(tag_of((14, 2), "arm64"), "macosx_14_0_arm64");
    }

    #[test]
    fn a_fat_tag_stands_for_each_of_its_cpus() {
        assert_eq!(cpus_of("universal2"), ["x86_64", "arm64"]);
        assert_eq!(cpus_of("arm64"), ["arm64"]);
    }
}
