//! Why a wheel for macOS is not repaired: files for another system, without a CPU, or too new.

use truewheel_wheel::PlatformTag;

use super::needs::{common_processors, loaded};
use super::{Judge, MacosVersion, Need, Rounding, Versions, foreign_system, name_of, processors};
use crate::binary::MachSlice;
use crate::error::{Error, ErrorKind};
use crate::policy::Obstacle;

/// A table with more lines than this hides what it says.
const MAX_ROWS: usize = 40;

/// The newest system that files may need, and who says so.
struct Limit {
    version: MacosVersion,
    origin: &'static str,
}

impl Judge<'_> {
    /// The first of them; `lacked` are the CPUs that files must have and lack.
    pub(super) fn fault(&self, lacked: &[Obstacle]) -> Option<Error> {
        self.unfit_tag()
            .or_else(|| self.foreign())
            .or_else(|| (!lacked.is_empty()).then(|| self.lacks_processors(lacked)))
            .or_else(|| self.too_new())
    }

    /// A tag that is not for macOS, or that no installer knows.
    fn unfit_tag(&self) -> Option<Error> {
        if self.files.is_empty() || self.options.keep_tags {
            return None;
        }
        let Some(tag) = &self.options.platform else {
            let what = "the binaries have no CPU in common, and no tag is for all of them";
            let hint = "build them all for the same CPUs";
            return self.claimed.is_empty().then(|| Error::refused_with(what, hint));
        };
        let PlatformTag::Macosx { major, minor, arch } = tag else {
            let what = format!("`--plat {tag}` is not for macOS, and the wheel is");
            let hint = "ask for a tag such as macosx_11_0_arm64, or for none";
            return Some(Error::refused_with(what, hint));
        };
        let version = MacosVersion { major: *major, minor: *minor };
        (!version.has_tag()).then(|| {
            let (up, down) = (version.rounded(Rounding::Up), version.rounded(Rounding::Down));
            Error::refused_with(
                format!("no installer takes `{tag}`: from macOS 11 on tags end in `_0`"),
                format!(
                    "ask for `macosx_{}_0_{arch}`, or for `macosx_{}_0_{arch}` if nothing needs more",
                    up.major, down.major
                ),
            )
        })
    }

    /// A file for another of Apple's systems: dyld refuses it in a process of macOS.
    fn foreign(&self) -> Option<Error> {
        let is_claimed = |slice: &&MachSlice| {
            let cpu = slice.architecture;
            let plain = cpu.trim_end_matches(['e', 'h']);
            self.claimed.contains_key(cpu) || self.claimed.contains_key(plain)
        };
        let found = self.files.iter().find_map(|file| {
            Some((file.name, loaded(file).filter(is_claimed).find_map(foreign_system)?))
        });
        let (file, system) = found.filter(|_| !self.options.keep_tags)?;
        Some(Error::refused_with(
            format!("{file} is built for {system}, the wheel is for macOS"),
            "build it for macOS, or put the library built for macOS in its place",
        ))
    }

    fn lacks_processors(&self, lacked: &[Obstacle]) -> Error {
        let common = common_processors(self.files);
        let versions = self.versions(None);
        let narrower: Versions<'_> =
            versions.into_iter().filter(|(cpu, _)| common.contains(cpu)).collect();
        let mut hints = vec!["build each file for every CPU that the wheel is for".to_owned()];
        if !narrower.is_empty() && !self.options.keep_tags {
            let names = name_of(&narrower);
            let tags = names.into_iter().flat_map(|name| processors::spell(name, &narrower));
            let tags: Vec<String> = tags.map(|tag| format!("`--plat {tag}`")).collect();
            hints.push(format!("or ask for the tag of what it has: {}", tags.join(" or ")));
        }
        Error::new(ErrorKind::Refusals {
            what: "a wheel runs on the CPUs it is for only where each of its files does".to_owned(),
            reasons: rows(lacked.iter().map(|o| format!("{} needs {o}", o.file)).collect()),
            hints,
        })
    }

    /// The strictest of what the command line says, else what the build says.
    fn limit(&self) -> Option<Limit> {
        let wishes = &self.options.macos;
        let plat = self.options.platform.as_ref().filter(|_| !self.options.keep_tags);
        let plat = plat.and_then(|tag| match tag {
            PlatformTag::Macosx { major, minor, .. } => Some(MacosVersion::new(*major, *minor)),
            _ => None,
        });
        let target = wishes.deployment_target.filter(|_| !self.options.keep_tags);
        let of = |version: Option<MacosVersion>, origin| {
            version.map(|version| Limit { version, origin })
        };
        let typed = [of(plat, "--plat"), of(wishes.max_minos, "--max-minos")];
        let strictest = typed.into_iter().flatten().min_by_key(|limit| limit.version);
        strictest.or_else(|| of(target, "MACOSX_DEPLOYMENT_TARGET"))
    }

    /// Files that need a newer system than the wheel is meant for.
    fn too_new(&self) -> Option<Error> {
        let Limit { version: limit, origin } = self.limit()?;
        let limits = self.claimed.keys().map(|cpu| (*cpu, limit.floored(cpu))).collect();
        let rounding = self.options.macos.rounding;
        let mut newer: Vec<Need<'_>> = self.newer_than(&limits);
        if origin == "--plat" {
            newer.retain(|need| need.version.rounded(rounding) > limit);
        }
        let newest = newer.first()?.version;
        let tag = newest.rounded(rounding);
        let row =
            |need: &Need<'_>| format!("{} needs macOS {} on {}", need.file, need.version, need.cpu);
        let remedy = match origin {
            "--plat" => format!("or ask for a tag of macOS {tag}"),
            "--max-minos" => {
                format!("or allow `--max-minos {newest}`: the tag says macOS {tag} then")
            }
            _ => format!("or set {origin}={newest}: the tag says macOS {tag} then"),
        };
        Some(Error::new(ErrorKind::Refusals {
            what: format!("the wheel shall run on macOS {limit} ({origin}), and some files do not"),
            reasons: rows(newer.iter().map(row).collect()),
            hints: vec![
                format!(
                    "build them with MACOSX_DEPLOYMENT_TARGET={limit}; Homebrew's libraries are made \
                     for the macOS of the machine that installs them"
                ),
                remedy,
            ],
        }))
    }
}

fn rows(mut rows: Vec<String>) -> Vec<String> {
    let more = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    if more > 0 {
        rows.push(format!("{more} more"));
    }
    rows
}
