//! Wheels for Linux and Android: tags, needs, search paths, symbols.

mod c_library;
mod closures;
mod hardening;
mod needs;
mod runtimes;
mod search_paths;
mod symbols;

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{MemberPath, PlatformTag};

use super::facts::Facet;
use super::finding::Finding;
use super::{Check, Severity, content, rules};
use crate::binary::ElfFile;
use crate::error::Result;
use crate::left_out::Choices;
use crate::options::Options;
use crate::policy::{self, Obstacle, ObstacleKind, Standing};
use crate::search::disk::Disk;
use crate::search::elf::Context;
use crate::search::{self, Graph, NodeId};
use crate::target::Libc;
use crate::wheel_target::{self, WheelTarget};

/// What the checks of ELF files work on.
struct Linux<'a> {
    graph: Graph,
    target: WheelTarget,
    standing: Standing,
    /// Each node's symbols.
    facets: BTreeMap<NodeId, &'a Facet>,
    /// Files that no other file of the wheel needs, each with everything that it leads to; none where
    /// that would be too much.
    closures: Vec<(NodeId, BTreeSet<NodeId>)>,
    /// Every directory of an environment that has a file of the wheel.
    directories: BTreeSet<String>,
}

pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let facts = check.facts;
    if facts.elf().next().is_none() {
        return Ok(());
    }
    if !check.tags().iter().any(is_of_linux) {
        foreign_system(check);
        return Ok(());
    }
    let files: Vec<(MemberPath, ElfFile)> =
        facts.elf().map(|(path, file, _)| (path.clone(), file.clone())).collect();
    let target = match wheel_target::of_wheel(check.tags(), &files, None) {
        Ok(Some(target)) => target,
        Ok(None) => return Ok(()),
        Err(error) => {
            check.add(Finding::new(rules::ARCH, error.to_string()));
            return Ok(());
        }
    };
    let fitting = files.into_iter().filter(|(_, file)| is_fitting(check, &target, file));
    let fitting: Vec<(MemberPath, ElfFile)> = fitting.collect();
    // What does not fit is told, and what it needs is another system's business.
    foreign_files(check, &target);
    let options = Options {
        exclude: check.options.exclude.clone(),
        exclude_groups: check.options.exclude_groups.clone(),
        allow_isa_extensions: check.options.allow_isa_extensions,
        ..Options::default()
    };
    let graph = resolve(fitting, &target, &options)?;
    let standing = policy::stand(&graph, &target, check.tags(), &options);
    let by_path: BTreeMap<&MemberPath, &Facet> =
        facts.elf().map(|(path, _, facet)| (path, facet)).collect();
    let facets =
        graph.members().filter_map(|(id, path, _)| Some((id, *by_path.get(path)?))).collect();
    let directories = search_paths::directories(check);
    let closures = closures::of_roots(&graph).unwrap_or_else(|| {
        let message = "so many files need each other that symbols and runtimes were not looked at";
        check.add(Finding::new(rules::LIMIT, message));
        Vec::new()
    });
    let linux = Linux { graph, target, standing, facets, closures, directories };
    tags(check, &linux);
    needs::check(check, &linux);
    search_paths::check(check, &linux);
    hardening::check(check, &linux);
    symbols::check(check, &linux);
    runtimes::check(check, &linux);
    Ok(())
}

/// Linux or Android.
pub(super) fn is_of_linux(tag: &PlatformTag) -> bool {
    matches!(
        tag,
        PlatformTag::Linux { .. }
            | PlatformTag::Manylinux { .. }
            | PlatformTag::ManylinuxAlias { .. }
            | PlatformTag::Musllinux { .. }
            | PlatformTag::Android { .. }
    )
}

/// ELF extension modules in a wheel for macOS or Windows are never imported.
fn foreign_system(check: &mut Check<'_>) {
    if check.tags().contains(&PlatformTag::Any) {
        return;
    }
    let tag = check.tags().first().map(ToString::to_string).unwrap_or_default();
    let extensions = check.facts.elf().filter(|(_, file, _)| file.is_extension);
    let findings: Vec<Finding> = extensions
        .map(|(path, ..)| {
            let message = format!("an extension module for Linux, the wheel is for `{tag}`");
            Finding::of(rules::ARCH, path, message)
        })
        .collect();
    check.findings.extend(findings);
}

fn is_fitting(check: &Check<'_>, target: &WheelTarget, file: &ElfFile) -> bool {
    target.machine.loads(&file.machine) && foreign_libc(check, target, file).is_none()
}

/// The C library of `file`, if the wheel is for another one.
fn foreign_libc(check: &Check<'_>, target: &WheelTarget, file: &ElfFile) -> Option<Libc> {
    let is_for = |libc| check.tags().iter().any(|tag| wheel_target::of_tag(tag).1 == Some(libc));
    file.libc.filter(|libc| target.libc.is_some_and(|wanted| wanted != *libc) && !is_for(*libc))
}

fn foreign_files(check: &mut Check<'_>, target: &WheelTarget) {
    let mut findings = Vec::new();
    for (path, file, _) in check.facts.elf() {
        // A helper for another machine may be data; a module is there to be imported.
        let severity = if file.is_extension { Severity::Error } else { Severity::Warning };
        if !target.machine.loads(&file.machine) {
            let (is, wanted) = (file.machine.describe(), target.arch);
            let message = format!("for {is}, the wheel is for {wanted}");
            findings.push(Finding::of(rules::ARCH, path, message).weighs(severity));
        } else if let Some(libc) = foreign_libc(check, target, file) {
            let wanted = target.libc.map(|libc| libc.to_string()).unwrap_or_default();
            let message = format!("built for {libc}, the wheel is for {wanted}");
            findings.push(Finding::of(rules::LIBC, path, message).weighs(severity));
        }
    }
    check.findings.extend(findings);
}

/// The search of the target's loader with nothing but the wheel on the disk.
fn resolve(
    files: Vec<(MemberPath, ElfFile)>,
    target: &WheelTarget,
    options: &Options,
) -> Result<Graph> {
    let choices = Choices::new(options)?;
    // Nothing is brought along, so the place for it does not matter.
    let nowhere = MemberPath::new("vendored.libs")?;
    let context = Context {
        options: &options.search,
        libc: target.libc,
        defaults: Vec::new(),
        is_provided: &|name| policy::is_always_provided(target, name),
        choices: &choices,
        include: &[],
        libraries: &nowhere,
    };
    let disk = Disk::none(target.machine, target.libc);
    search::elf::resolve(files, &BTreeMap::new(), &context, disk)
}

/// Each tag of the file name against what the contents use.
fn tags(check: &mut Check<'_>, linux: &Linux<'_>) {
    let Linux { standing, target, .. } = linux;
    check.earned = standing.earned_tag(target);
    let earned = check.earned.as_ref().map(ToString::to_string);
    let has_instructions =
        |claim: &policy::Claim| policy::has_instructions(&claim.outcome.obstacles);
    let isa = standing.claims.iter().any(has_instructions).then(|| policy::ISA_REMEDY.to_owned());
    let earned = earned.map(|tag| format!("it earns `{tag}`"));
    let remedies: Vec<String> = earned.into_iter().chain(isa).collect();
    let mut broken: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for claim in &standing.claims {
        let is_kept = |obstacle: &&Obstacle| is_kept_by_abi(check, obstacle);
        let reasons = claim.outcome.obstacles.iter().filter(|it| !is_kept(it));
        let reasons: Vec<String> =
            reasons.map(|obstacle| format!("{} needs {obstacle}", obstacle.file)).collect();
        if !reasons.is_empty() {
            broken.entry(reasons).or_default().push(format!("`{}`", claim.tag));
        }
        if !claim.exists {
            let message = format!("installers for {} accept no tag `{}`", target.arch, claim.tag);
            check.add(Finding::new(rules::TAG, message).weighs(Severity::Warning));
        }
    }
    for (reasons, tags) in broken {
        let tags = tags.join(", ");
        let message = format!("{tags} is not earned: {}", content::list(&reasons));
        let finding = Finding::new(rules::TAG, message);
        check.add(match remedies.is_empty() {
            true => finding,
            false => finding.remedy(remedies.join("; ")),
        });
    }
    other_targets(check, target);
    broader(check, linux);
}

/// `cp27m` is the ABI of narrow-Unicode builds (PEP 513, "UCS-2 vs UCS-4 builds"): it says itself that
/// other builds are not meant.
fn is_kept_by_abi(check: &Check<'_>, obstacle: &Obstacle) -> bool {
    let is_narrow = obstacle.kind == ObstacleKind::Python && obstacle.what.contains("UCS2_");
    is_narrow && check.wheel.filename().abi.iter().all(|abi| abi == "cp27m" || abi == "cp26m")
}

/// Tags for an architecture, a C library or a system that no binary of the wheel is for.
fn other_targets(check: &mut Check<'_>, target: &WheelTarget) {
    let messages: Vec<String> = check
        .tags()
        .iter()
        .filter_map(|tag| {
            let what = what_it_is_for_instead(check, target, tag)?;
            Some(format!("`{tag}` is not earned: {what}"))
        })
        .collect();
    for message in messages {
        check.add(Finding::new(rules::TAG, message));
    }
}

fn what_it_is_for_instead(
    check: &Check<'_>,
    target: &WheelTarget,
    tag: &PlatformTag,
) -> Option<String> {
    let facts = check.facts;
    match tag {
        PlatformTag::Macosx { .. } if facts.macho().next().is_none() => {
            return Some("the binaries are for Linux, none is for macOS".to_owned());
        }
        PlatformTag::Windows { .. } if facts.pe().next().is_none() => {
            return Some("the binaries are for Linux, none is for Windows".to_owned());
        }
        tag if !is_of_linux(tag) => return None,
        _ => {}
    }
    let (arch, libc) = wheel_target::of_tag(tag);
    if arch != Some(target.arch) {
        return Some(format!("the binaries are for {}", target.arch));
    }
    // A wheel whose programs are static is for every C library.
    let (is, wanted) = (target.libc?, libc?);
    let has_files = facts.elf().any(|(_, file, _)| file.libc == Some(wanted));
    (is != wanted && !has_files).then(|| format!("the binaries are built for {is}"))
}

fn broader(check: &mut Check<'_>, linux: &Linux<'_>) {
    let (Some(earned), Some(tag)) = (linux.standing.earned, check.earned.clone()) else { return };
    let claims = linux.standing.claims.iter().map(|claim| claim.outcome.at);
    let same = |at: &policy::Promise| std::mem::discriminant(at) == std::mem::discriminant(&earned);
    let least = claims.filter(same).min();
    if least.is_some_and(|least| earned < least) {
        let message = format!("the contents earn `{tag}`, which more systems accept");
        check.add(Finding::new(rules::BROADER_TAG, message));
    }
}
