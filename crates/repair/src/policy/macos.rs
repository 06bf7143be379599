//! macOS: the tags that a wheel earns, from the oldest system that each of its binaries names.
//!
//! `macosx_11_0_arm64` promises that every binary has code for arm64 that runs on macOS 11.0 and later (PyPA,
//! "Platform compatibility tags"). Each slice says the version it was built for (`LC_BUILD_VERSION`,
//! `LC_VERSION_MIN_MACOSX`); the wheel needs, for each CPU, the newest of them, vendored libraries included.
//! So tags follow the contents, up and down. `MACOSX_DEPLOYMENT_TARGET` says for which system the wheel was
//! meant: no tag is older, and no file may need a newer one. All here is a function of facts and wishes: no
//! file is read.

mod faults;
mod needs;
mod processors;
mod version;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{MemberPath, PlatformTag};

use super::Obstacle;
use crate::binary::MachFile;
use crate::error::Error;
use crate::options::{MacosOptions, Options};
use crate::search::paths::base_name;

use needs::{Need, common_processors, has_code, lacking, loose, needs, unsaid};
pub(crate) use needs::{foreign_system, is_imported, is_loaded, is_strange, needs_of};
pub use processors::ARCHITECTURE_NAMES;
pub(crate) use processors::processors_of;
pub use version::{MacosVersion, Rounding};

/// Names in a note; more are counted.
const MAX_NAMES: usize = 8;

/// A Mach-O file of the repaired wheel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File<'a> {
    /// The member, or the library on this machine.
    pub name: &'a str,
    /// What dyld sees in it.
    pub file: &'a MachFile,
    /// Code for a CPU that it lacks leads to it; a library to which none does may be for one CPU on purpose.
    pub is_needed: bool,
}

/// The files of a wheel. A library is needed where code for a CPU that it lacks names one that is called as it is.
pub(crate) fn files(members: &[(MemberPath, MachFile)]) -> Vec<File<'_>> {
    let slices = members.iter().flat_map(|(_, file)| &file.slices);
    let loads = slices.flat_map(|slice| slice.loads.iter().map(|load| (slice.architecture, load)));
    let named: BTreeSet<(&str, &str)> =
        loads.map(|(cpu, load)| (base_name(&load.install_name), cpu)).collect();
    let is_needed = |path: &MemberPath, file: &MachFile| {
        let name = path.file_name();
        let users = named.range((name, "")..).take_while(|(named, _)| *named == name);
        let has = |cpu: &str| file.slices.iter().any(|slice| slice.architecture == cpu);
        users.into_iter().any(|(_, cpu)| !has(cpu))
    };
    let of = |(path, file)| File {
        name: MemberPath::as_str(path),
        file,
        is_needed: is_needed(path, file),
    };
    members.iter().map(|(path, file)| of((path, file))).collect()
}

/// What the contents say of the tags.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The platform tags of the repaired wheel.
    pub tags: Vec<PlatformTag>,
    /// The best tags that the contents earn for the CPUs that are claimed; none where a file lacks one of them.
    pub earned: Vec<PlatformTag>,
    /// What the user should know, such as the files for which a tag was raised.
    pub notes: Vec<String>,
    /// Why a repair must not go on.
    pub fault: Option<Error>,
}

type Versions<'a> = BTreeMap<&'a str, MacosVersion>;

/// Each CPU that tags name, with the oldest system they promise for it.
pub(crate) fn promises(tags: &[PlatformTag]) -> Versions<'_> {
    let mut promised = Versions::new();
    for tag in tags {
        let PlatformTag::Macosx { major, minor, arch } = tag else { continue };
        for cpu in processors_of(arch) {
            let version = MacosVersion::new(*major, *minor).floored(cpu);
            let known = promised.entry(cpu).or_insert(version);
            *known = (*known).min(version);
        }
    }
    promised
}

/// The same for the tag asked for, where one was.
fn claims<'a>(tags: &'a [PlatformTag], options: &'a Options) -> Versions<'a> {
    match &options.platform {
        Some(tag) => promises(std::slice::from_ref(tag)),
        None => promises(tags),
    }
}

fn required(options: &Options) -> impl Iterator<Item = &str> {
    options.macos.require_archs.iter().flat_map(|name| processors_of(name))
}

/// The CPUs that every binary of the wheel must have code for: those of its tags, or of the one asked for, and of
/// `--require-archs`. Empty where neither names one.
pub(crate) fn wanted_architectures(tags: &[PlatformTag], options: &Options) -> BTreeSet<String> {
    claims(tags, options).into_keys().chain(required(options)).map(str::to_owned).collect()
}

/// What keeps files from running wherever `tags` promise: CPUs they lack and systems they are too old for.
pub(crate) fn obstacles(files: &[File<'_>], tags: &[PlatformTag]) -> Vec<Obstacle> {
    let promised = promises(tags);
    let mut obstacles = lacking(files, promised.keys().copied());
    let needs = needs(files);
    let is_newer =
        |need: &&Need<'_>| promised.get(need.cpu).is_some_and(|promised| need.version > *promised);
    obstacles.extend(needs.iter().filter(is_newer).map(Need::obstacle));
    obstacles
}

/// Holds the files of the repaired wheel against the tags it has and the wishes of the caller.
pub(crate) fn assess(files: &[File<'_>], tags: &[PlatformTag], options: &Options) -> Verdict {
    let mut notes = Vec::new();
    let judge = Judge::new(files, tags, options, &mut notes);
    let wanted: BTreeSet<&str> = judge.claimed.keys().copied().chain(required(options)).collect();
    let missing = lacking(files, wanted.iter().copied());
    notes.extend(loose(files, &wanted));
    let earned = match missing.is_empty() {
        true => judge.spell(&judge.versions(None)),
        false => Vec::new(),
    };
    // An order of the caller holds although the tags stay.
    let lacked = match options.keep_tags {
        true => lacking(files, required(options)),
        false => missing,
    };
    let fault = judge.fault(&lacked);
    if options.keep_tags || files.is_empty() {
        notes.extend(obstacles(files, tags).iter().map(|obstacle| {
            format!("{} needs {obstacle}, and the tags stay as they are", obstacle.file)
        }));
        return Verdict { tags: tags.to_vec(), earned, notes, fault };
    }
    let versions = judge.versions(options.macos.deployment_target);
    notes.extend(judge.notes(&versions));
    let tags = judge.choose(tags, &versions);
    Verdict { tags, earned, notes, fault }
}

/// Joins the tags of wheels that were merged into these files: each CPU keeps what was promised for it, or gets
/// what the files need. Files without a CPU are for the caller to find, by [`obstacles`].
pub(crate) fn combine(files: &[File<'_>], tags: &[PlatformTag], rounding: Rounding) -> Verdict {
    let macos = MacosOptions { rounding, ..MacosOptions::default() };
    let options = Options { macos, ..Options::default() };
    let mut notes = Vec::new();
    let mut judge = Judge::new(files, tags, &options, &mut notes);
    judge.names = name_of(&judge.claimed).into_iter().collect();
    let mut versions = judge.versions(None);
    for (cpu, version) in &mut versions {
        let claimed = judge.claimed.get(cpu).map(|claimed| claimed.rounded(rounding));
        *version = (*version).max(claimed.unwrap_or(*version));
    }
    notes.extend(loose(files, &judge.claimed.keys().copied().collect()));
    notes.extend(judge.notes(&versions));
    let tags = judge.spell(&versions);
    Verdict { earned: tags.clone(), tags, fault: judge.fault(&[]), notes }
}

/// The facts and wishes of one wheel.
struct Judge<'a> {
    files: &'a [File<'a>],
    options: &'a Options,
    /// What is promised for each CPU.
    claimed: Versions<'a>,
    /// The last parts of the tags that promise it.
    names: BTreeSet<&'a str>,
    /// What files need on those CPUs, newest first.
    needs: Vec<Need<'a>>,
}

impl<'a> Judge<'a> {
    fn new(
        files: &'a [File<'a>],
        tags: &'a [PlatformTag],
        options: &'a Options,
        notes: &mut Vec<String>,
    ) -> Self {
        let mut claimed = claims(tags, options);
        let tags = options.platform.as_ref().map_or(tags, std::slice::from_ref);
        let mut names: BTreeSet<&str> = tags.iter().filter_map(arch_of).collect();
        if names.is_empty() && tags.contains(&PlatformTag::Any) {
            let oldest = |cpu: &'a str| (cpu, MacosVersion::new(10, 0).floored(cpu));
            claimed.extend(common_processors(files).into_iter().map(oldest));
            names.extend(name_of(&claimed));
        }
        for cpu in processors::EXTINCT {
            let is_there = files.iter().any(|file| has_code(file, cpu));
            if !is_there && claimed.len() > 1 && claimed.remove(cpu).is_some() {
                notes.push(format!("no file has code for {cpu}, and the tags no longer name it"));
            }
        }
        let needs =
            needs(files).into_iter().filter(|need| claimed.contains_key(need.cpu)).collect();
        Self { files, options, claimed, names, needs }
    }

    /// The version to say for each CPU, not below `target`.
    fn versions(&self, target: Option<MacosVersion>) -> Versions<'a> {
        let rounding = self.options.macos.rounding;
        let of = |cpu: &str, claimed: MacosVersion| {
            let needs = self.needs.iter().find(|need| need.cpu == cpu).map(|need| need.version);
            // What does not say its version may need all that the tag promises to have.
            let unsaid = unsaid(self.files, cpu).next().map(|_| claimed);
            let needs = needs.max(unsaid).map(|needs| needs.rounded(rounding));
            let target = target.map(|target| target.rounded(Rounding::Down).floored(cpu));
            needs.max(target).unwrap_or_else(|| claimed.rounded(rounding))
        };
        self.claimed.iter().map(|(cpu, claimed)| (*cpu, of(cpu, *claimed))).collect()
    }

    /// The tags for these versions.
    fn spell(&self, versions: &Versions<'_>) -> Vec<PlatformTag> {
        let tags = self.names.iter().flat_map(|name| processors::spell(name, versions));
        tags.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Those of the contents and of the caller. Tags for other systems than macOS are not ours to judge.
    fn choose(&self, old: &[PlatformTag], versions: &Versions<'_>) -> Vec<PlatformTag> {
        let requested = self.options.platform.iter().cloned();
        let is_foreign = |tag: &&PlatformTag| arch_of(tag).is_none() && **tag != PlatformTag::Any;
        let mut tags: BTreeSet<PlatformTag> = requested.collect();
        if tags.is_empty() || !self.options.only_platform {
            tags.extend(self.spell(versions));
            tags.extend(old.iter().filter(is_foreign).cloned());
        }
        tags.into_iter().collect()
    }

    /// What needs more than `limits` say for its CPU.
    fn newer_than(&self, limits: &Versions<'_>) -> Vec<Need<'a>> {
        let is_newer =
            |need: &&Need<'_>| limits.get(need.cpu).is_some_and(|limit| need.version > *limit);
        self.needs.iter().filter(is_newer).copied().collect()
    }

    /// For which files a tag went up, and what tags cannot say.
    fn notes(&self, versions: &Versions<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        for (cpu, says) in versions {
            let claimed = self.claimed.get(cpu).copied().unwrap_or(*says);
            for (needed, files) in self.by_version(cpu) {
                if needed <= claimed && needed <= *says {
                    continue;
                }
                let called = match *says == needed {
                    true => String::new(),
                    false => {
                        format!(" (the tag says {says}: from 11 on installers know no {needed})")
                    }
                };
                notes
                    .push(format!("macOS {needed} on {cpu} is needed by {}{called}", list(&files)));
            }
            let silent: Vec<&str> = unsaid(self.files, cpu).collect();
            if !silent.is_empty() {
                notes.push(format!(
                    "no word of the macOS that is needed on {cpu}: {}",
                    list(&silent)
                ));
            }
        }
        notes
    }

    /// Files by what they need on `cpu`, newest first.
    fn by_version(&self, cpu: &str) -> Vec<(MacosVersion, Vec<&str>)> {
        let mut table: Vec<(MacosVersion, Vec<&str>)> = Vec::new();
        for need in self.needs.iter().filter(|need| need.cpu == cpu) {
            match table.last_mut() {
                Some((version, files)) if *version == need.version => files.push(need.file),
                _ => table.push((need.version, vec![need.file])),
            }
        }
        table
    }
}

fn arch_of(tag: &PlatformTag) -> Option<&str> {
    match tag {
        PlatformTag::Macosx { arch, .. } => Some(arch),
        _ => None,
    }
}

/// The last parts of the tags for a set of CPUs.
fn name_of<'a>(cpus: &Versions<'a>) -> Vec<&'a str> {
    let cpus: Vec<&str> = cpus.keys().copied().collect();
    match cpus.as_slice() {
        ["arm64", "x86_64"] => vec!["universal2"],
        ["i386", "x86_64"] => vec!["intel"],
        _ => cpus,
    }
}

/// The CPUs that every file has code for, as the last part of a tag; `None` where they have none in common.
pub(crate) fn architecture(files: &[File<'_>]) -> Option<String> {
    let common = common_processors(files).into_iter().map(|cpu| (cpu, MacosVersion::new(10, 0)));
    let names = name_of(&common.collect());
    (!names.is_empty()).then(|| names.join(", "))
}

/// Names in a sentence.
fn list(names: &[&str]) -> String {
    let (first, rest) = names.split_at(names.len().min(MAX_NAMES));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{}{more}", first.join(", "))
}
