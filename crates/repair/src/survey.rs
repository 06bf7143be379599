//! Steps 1 to 4 as data: what a wheel is, needs and earns, whether or not it can be repaired.
//!
//! A repair refuses a wheel that lacks a library or asks for a tag it does not earn; `show` and
//! `check` want to tell of exactly such wheels. So nothing here is an error but what keeps the archive
//! from being read: all else that stands in the way of a repair waits in [`Survey::faults`], in the
//! order in which it was met.

mod fuse;
mod macos;
mod windows;

use std::path::Path;

use truewheel_wheel::{MemberPath, PlatformTag, Wheel};

use crate::binary::{ElfFile, Format, MH_BUNDLE, MH_DYLIB, MachSlice};
use crate::error::{Error, Result};
use crate::left_out::Choices;
use crate::links::{self, Links};
use crate::options::Options;
use crate::plan;
use crate::policy::{self, Assessment};
use crate::sbom;
use crate::scan::{self, Scan};
use crate::search::disk::Disk;
use crate::search::elf::Context;
use crate::search::{self, Graph, defaults};
use crate::wheel_target::{self, WheelTarget};

pub(crate) use macos::{Files, MacSurvey, of_directory};
pub(crate) use windows::WinSurvey;

/// What is known of a wheel before anything is decided.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) wheel: Wheel,
    pub(crate) scan: Scan,
    /// Empty for wheels of other systems, whose links nobody follows.
    pub(crate) links: Links,
    pub(crate) kind: Kind,
    /// Why a repair refuses the wheel; the first is what it says.
    pub(crate) faults: Vec<Error>,
}

/// Which loader reads the wheel's binaries, and what is known of its target.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Linux or Android.
    Linux(Box<LinuxSurvey>),
    /// macOS.
    Macos(Box<MacSurvey>),
    /// Windows.
    Windows(Box<WinSurvey>),
    /// iOS or WebAssembly: nothing is done to such wheels.
    Other,
    /// For any platform: no binaries, or data for several systems.
    Any,
    /// A Linux tag and no ELF file.
    WithoutBinaries,
    /// ELF files, and none for what the tags say; the fault says more.
    Unfit,
}

/// A wheel for Linux or Android.
#[derive(Debug)]
pub(crate) struct LinuxSurvey {
    pub(crate) target: WheelTarget,
    pub(crate) graph: Graph,
    pub(crate) assessment: Assessment,
}

/// Reads the wheel at `path` and holds it against the policies of its target.
///
/// # Errors
///
/// The archive cannot be read, the options contradict themselves, or the operating system refuses a
/// library.
pub(crate) fn survey(path: &Path, options: &Options) -> Result<Survey> {
    let wheel = Wheel::open(path)?;
    let scan = scan::scan(&wheel)?;
    of_scan(wheel, scan, options)
}

/// The survey of a wheel that was read.
///
/// # Errors
///
/// As [`survey`], but for the archive.
pub(crate) fn of_scan(wheel: Wheel, mut scan: Scan, options: &Options) -> Result<Survey> {
    let mut options = options.for_project(&wheel.filename().distribution);
    options.provided_by.extend(sbom::provided_by(&wheel));
    let options = &options;
    let mut faults = std::mem::take(&mut scan.faults);
    let tags = &wheel.filename().platforms;
    // FreeBSD's files are ELF as well, and a manylinux tag would be wrong for them.
    let is_not_meant = options.macos.only && !is_for_macos(tags, &scan);
    let is_unknown = tags.iter().all(wheel_target::is_of_unknown_system);
    let unknown = (is_unknown || is_not_meant).then_some(Kind::Other);
    if let Some(kind) = tags.iter().find_map(of_another_system).or(unknown) {
        return Ok(Survey { wheel, scan, links: Links::default(), kind, faults });
    }
    if tags.iter().any(|tag| matches!(tag, PlatformTag::Windows { .. })) {
        let survey = windows::survey(&wheel, &scan, options, &mut faults)?;
        let kind = Kind::Windows(Box::new(survey));
        return Ok(Survey { wheel, scan, links: Links::default(), kind, faults });
    }
    let is_mac = is_for_macos(tags, &scan);
    let links = links::links(&wheel, &scan).unwrap_or_else(|fault| {
        faults.push(fault);
        Links::default()
    });
    let kind = match is_mac {
        true => {
            let survey = macos::survey(&wheel, &scan, &links, options, &mut faults)?;
            Kind::Macos(Box::new(survey))
        }
        false => linux(&wheel, &scan, &links, options, &mut faults)?,
    };
    faults.extend(nothing_to_include_in(&kind, options));
    Ok(Survey { wheel, scan, links, kind, faults })
}

/// Whether it is dyld that reads the wheel's binaries. A wheel for any platform with modules or libraries for
/// macOS alone is one for macOS.
fn is_for_macos(tags: &[PlatformTag], scan: &Scan) -> bool {
    let is_any = tags.iter().all(|tag| *tag == PlatformTag::Any);
    let has_others = scan.has(Format::Elf) || scan.has(Format::Pe);
    let is_loaded = |slice: &MachSlice| slice.file_type == MH_BUNDLE || slice.file_type == MH_DYLIB;
    let mut slices = scan.macho.iter().flat_map(|(_, file)| &file.slices);
    tags.iter().any(|tag| matches!(tag, PlatformTag::Macosx { .. }))
        || (is_any && !has_others && slices.any(is_loaded))
}

/// The kind of a wheel whose tag names a system that nothing is repaired for.
fn of_another_system(tag: &PlatformTag) -> Option<Kind> {
    match tag {
        PlatformTag::Ios { .. } | PlatformTag::Wasm(_) => Some(Kind::Other),
        _ => None,
    }
}

fn linux(
    wheel: &Wheel,
    scan: &Scan,
    links: &Links,
    options: &Options,
    faults: &mut Vec<Error>,
) -> Result<Kind> {
    let tags = &wheel.filename().platforms;
    let files = of_result(&scan.elf, links);
    let included = if files.is_empty() { included_files(options)? } else { Vec::new() };
    let decisive = if files.is_empty() { &included } else { &files };
    let is_any = tags.iter().all(|tag| *tag == PlatformTag::Any);
    if is_any && (decisive.is_empty() || is_for_many_systems(scan)) {
        return Ok(Kind::Any);
    }
    let target = match wheel_target::of_wheel(tags, decisive, options.platform.as_ref()) {
        Ok(Some(target)) => target,
        Ok(None) => return Ok(Kind::WithoutBinaries),
        Err(fault) => {
            faults.push(fault);
            return Ok(Kind::Unfit);
        }
    };
    faults.extend(foreign_extension(&files, &target));
    let graph = resolve(wheel, files, links, &target, options)?;
    let mut assessment = policy::assess(&graph, &target, tags, options)?;
    faults.extend(assessment.fault.take());
    Ok(Kind::Linux(Box::new(LinuxSurvey { target, graph, assessment })))
}

/// An extension module for another C library than the tags name is loaded by no Python they mean.
fn foreign_extension(files: &[(MemberPath, ElfFile)], target: &WheelTarget) -> Option<Error> {
    let wanted = target.libc?;
    files.iter().filter(|(_, file)| file.is_extension && target.machine.loads(&file.machine)).find_map(
        |(path, file)| {
            let libc = file.libc.filter(|libc| *libc != wanted)?;
            Some(Error::refused_with(
                format!("{path} is built for {libc}, the wheel's tags are for {wanted}"),
                "build it against the C library of the tags, or the wheel with the tags of the other",
            ))
        },
    )
}

/// A wheel of Python files alone is for what the libraries are for that it shall bring along.
fn included_files(options: &Options) -> Result<Vec<(MemberPath, ElfFile)>> {
    let paths = options.include.iter().filter(|wish| wish.is_path());
    let mut files = Vec::new();
    for wish in paths {
        let path = Path::new(&wish.library);
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        let name = wish.file_name();
        if truewheel_elf::is_elf(&bytes) {
            let file = ElfFile::read(&bytes, name).map_err(|e| Error::elf(&wish.library, e))?;
            files.push((MemberPath::new(name)?, file));
        }
    }
    Ok(files)
}

/// What the caller wants in a wheel must not be passed over in silence.
fn nothing_to_include_in(kind: &Kind, options: &Options) -> Option<Error> {
    let wish = options.include.first()?;
    let is_for_one_target = matches!(kind, Kind::Linux(_) | Kind::Macos(_) | Kind::Unfit);
    (!is_for_one_target).then(|| {
        Error::refused_with(
            format!("`{}`: nothing in the wheel says which target it is for", wish.option()),
            "give the library's path, so that it says it",
        )
    })
}

/// The files of the result, by their names there.
fn of_result<T: Clone>(files: &[(MemberPath, T)], links: &Links) -> Vec<(MemberPath, T)> {
    let copies = files.iter().flat_map(|(path, file)| {
        let copies = links.copies.iter().filter(move |(_, source)| *source == path);
        copies.map(move |(copy, _)| (copy.clone(), file.clone()))
    });
    files
        .iter()
        .filter(|(path, _)| !links.aliases.contains_key(path) || links.renamed.contains_key(path))
        .map(|(path, file)| (links.renamed.get(path).unwrap_or(path).clone(), file.clone()))
        .chain(copies)
        .collect()
}

/// A wheel for any platform may carry helpers for each of several: data, which no tag can narrow.
fn is_for_many_systems(scan: &Scan) -> bool {
    let has_extension = scan.elf.iter().any(|(_, file)| file.is_extension);
    !has_extension && (scan.has(Format::Pe) || scan.has(Format::MachO))
}

/// Step 3 with the search path of the wheel's target.
fn resolve(
    wheel: &Wheel,
    files: Vec<(MemberPath, ElfFile)>,
    links: &Links,
    target: &WheelTarget,
    options: &Options,
) -> Result<Graph> {
    let (fitting, other): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(_, file)| is_for(target, file));
    let choices = Choices::new(options)?;
    let libraries = plan::libraries_directory(wheel, options)?;
    let search = &options.search;
    let context = Context {
        options: search,
        libc: target.libc,
        defaults: defaults::directories(target, search),
        is_provided: &|name| policy::is_always_provided(target, name),
        choices: &choices,
        include: &options.include,
        libraries: &libraries,
    };
    let disk = Disk::new(search.sysroot.clone(), target.machine, target.libc);
    let mut graph = search::elf::resolve(fitting, &links.aliases, &context, disk)?;
    graph.notes.extend(choices.notes(&graph, target));
    graph.unmatched = choices.unmatched();
    graph.left_out = choices.left_out();
    graph.given = choices.provided.given();
    graph.other_arches = other.iter().filter_map(|(_, file)| file.machine.arch).collect();
    for (path, file) in other {
        let (file, wheel) = match (file.libc, target.libc) {
            (Some(libc), Some(wanted)) if target.machine.loads(&file.machine) => {
                (libc.to_string(), wanted.to_string())
            }
            _ => (file.machine.describe(), target.arch.to_string()),
        };
        graph
            .notes
            .push(format!("{path} is for {file} and left as it is, the wheel is for {wheel}"));
    }
    Ok(graph)
}

/// Whether a process of `target` loads the file. A program or a library for another C library may lie
/// beside the package's own; an extension module has no other use than to be loaded.
fn is_for(target: &WheelTarget, file: &ElfFile) -> bool {
    let has_other_libc = matches!(
        (file.libc, target.libc),
        (Some(libc), Some(wanted)) if libc != wanted && !file.is_extension
    );
    target.machine.loads(&file.machine) && !has_other_libc
}
