//! Another reader, written by other people, sees the same in the same file.
//!
//! Besides the files of `testdata`, every Mach-O file below the directory that `TRUEWHEEL_CORPUS` names is compared:
//! unpacked wheels, say.

use std::collections::BTreeSet;
use std::path::Path;

use goblin::mach::load_command::CommandVariant;
use goblin::mach::{self, Mach, MachO as Goblin, SingleArch};
use truewheel_macho::{DylibKind, MachO, Slice, is_macho};

use crate::made::universal;

#[test]
fn goblin_reads_the_same_from_testdata() {
    for (name, bytes) in crate::FILES {
        compare(name, bytes);
    }
    let slices = [crate::file("module.x86_64.so"), crate::file("module.arm64.so")];
    compare("universal", &universal(0xcafe_babe, &slices));
}

#[test]
fn goblin_reads_the_same_from_the_corpus() {
    let Some(corpus) = std::env::var_os("TRUEWHEEL_CORPUS") else {
        eprintln!("skipped: TRUEWHEEL_CORPUS names no directory of Mach-O files");
        return;
    };
    let mut counts = (0, 0);
    let mut directories = vec![Path::new(&corpus).to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            if is_macho(&bytes) {
                counts.0 += 1;
                counts.1 += compare(&path.display().to_string(), &bytes);
            }
        }
    }
    eprintln!("{} files, {} slices", counts.0, counts.1);
}

/// Compares both readers and returns the number of slices.
fn compare(name: &str, bytes: &[u8]) -> usize {
    let ours = MachO::parse(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    match Mach::parse(bytes).unwrap_or_else(|error| panic!("{name}: goblin: {error}")) {
        Mach::Binary(theirs) => {
            assert_eq!(ours.slices().len(), 1, "{name}");
            compare_slice(name, &ours.slices()[0], &theirs);
        }
        Mach::Fat(fat) => {
            let theirs: Vec<_> = (&fat)
                .into_iter()
                .filter_map(|arch| match arch.unwrap() {
                    SingleArch::MachO(macho) => Some(macho),
                    SingleArch::Archive(_) => None,
                })
                .collect();
            assert_eq!(ours.slices().len(), theirs.len(), "{name}");
            for (ours, theirs) in ours.slices().iter().zip(&theirs) {
                compare_slice(name, ours, theirs);
            }
        }
    }
    ours.slices().len()
}

fn compare_slice(name: &str, ours: &Slice<'_>, theirs: &Goblin<'_>) {
    assert_eq!(ours.cpu_type, theirs.header.cputype, "{name}");
    assert_eq!(ours.cpu_subtype, theirs.header.cpusubtype, "{name}");
    assert_eq!(ours.file_type, theirs.header.filetype, "{name}");
    assert_eq!(ours.flags, theirs.header.flags, "{name}");
    assert_eq!(ours.commands().len(), theirs.load_commands.len(), "{name}");
    for (ours, theirs) in ours.commands().iter().zip(&theirs.load_commands) {
        assert_eq!(ours.command, theirs.command.cmd(), "{name}");
        assert_eq!(ours.bytes().len(), theirs.command.cmdsize(), "{name}");
    }
    assert_eq!(ours.install_id().map(|id| id.install_name), theirs.name, "{name}");
    // goblin's list starts with the file itself.
    let loads: Vec<_> = ours.loads().iter().map(|load| load.install_name).collect();
    assert_eq!(loads, theirs.libs[1..], "{name}");
    assert_eq!(ours.rpaths(), theirs.rpaths, "{name}");
    assert!(ours.loads().iter().all(|load| load.kind != DylibKind::Id), "{name}");
    compare_commands(name, ours, theirs);
    compare_symbols(name, ours, theirs);
}

fn compare_commands(name: &str, ours: &Slice<'_>, theirs: &Goblin<'_>) {
    let mut versions = Vec::new();
    let mut signature = None;
    let mut uuid = None;
    for command in &theirs.load_commands {
        match command.command {
            CommandVariant::BuildVersion(raw) => versions.push((raw.platform, raw.minos, raw.sdk)),
            CommandVariant::VersionMinMacosx(raw) => versions.push((1, raw.version, raw.sdk)),
            CommandVariant::Uuid(raw) => uuid = Some(raw.uuid),
            CommandVariant::CodeSignature(raw) => {
                let start = u64::from(raw.dataoff);
                signature = Some(start..start + u64::from(raw.datasize));
            }
            _ => {}
        }
    }
    let pack = |(major, minor, patch): (u16, u8, u8)| {
        u32::from(major) << 16 | u32::from(minor) << 8 | u32::from(patch)
    };
    let ours_versions: Vec<_> = ours
        .build_versions()
        .iter()
        .map(|found| (found.platform, pack(found.version), pack(found.sdk)))
        .collect();
    assert_eq!(ours_versions, versions, "{name}");
    assert_eq!(ours.code_signature(), signature, "{name}");
    assert_eq!(ours.uuid(), uuid, "{name}");
    assert_eq!(ours.header_pad(), header_pad(ours, theirs), "{name}");
}

/// cctools' rule, from goblin's sections.
fn header_pad(ours: &Slice<'_>, theirs: &Goblin<'_>) -> u64 {
    let end = ours.commands().last().map_or(0, |last| last.offset + last.bytes().len() as u64);
    let sections = theirs.segments.sections().flatten().map(|section| section.unwrap().0);
    let first = sections
        .filter(|section| section.size != 0 && ![1, 12, 18].contains(&(section.flags & 0xff)))
        .map(|section| u64::from(section.offset))
        .min();
    let first = first.or_else(|| {
        theirs.segments.iter().map(|segment| segment.fileoff).filter(|&offset| offset != 0).min()
    });
    first.unwrap_or(ours.size).saturating_sub(end)
}

fn compare_symbols(name: &str, ours: &Slice<'_>, theirs: &Goblin<'_>) {
    let symbols = theirs.symbols.as_ref().map(|symbols| symbols.iter());
    let symbols: Vec<_> = symbols.into_iter().flatten().map(|symbol| symbol.unwrap()).collect();
    let undefined: Vec<_> = symbols
        .iter()
        .filter(|(_, entry)| !entry.is_stab() && entry.is_global() && entry.is_undefined())
        .filter(|(_, entry)| entry.n_value == 0)
        .map(|&(name, _)| name)
        .collect();
    let ours_undefined: Vec<_> =
        ours.undefined_symbols().unwrap().iter().map(|symbol| symbol.name).collect();
    assert_eq!(ours_undefined, undefined, "{name}");

    let exports = ours.exported_symbols().unwrap();
    let exports: BTreeSet<&str> = exports.iter().map(AsRef::as_ref).collect();
    if theirs.header.filetype != mach::header::MH_OBJECT {
        let theirs: Vec<_> = theirs.exports().unwrap();
        let theirs: BTreeSet<&str> = theirs.iter().map(|export| export.name.as_str()).collect();
        assert_eq!(exports, theirs, "{name}");
    }
}
