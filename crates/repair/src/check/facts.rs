//! Each member read once: its digest, and what a loader and a linker see in it.
//!
//! More than a repair asks for, above all the symbols that a file defines. A member that cannot be
//! read is a finding and not an error, so that the rest is looked at as well.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use truewheel_elf::{Binding, Elf};
use truewheel_macho::MachO;
use truewheel_pe::{ImportedSymbol, Pe};
use truewheel_wheel::{Digest, Member, MemberKind, MemberPath, Wheel};

use super::finding::Finding;
use super::rules;
use crate::binary::{Binary, ElfFile, Format, MachFile, PeFile};
use crate::dlopen;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Every file, by path.
    pub(super) digests: BTreeMap<MemberPath, Digest>,
    /// Links with their targets.
    pub(super) links: BTreeMap<MemberPath, String>,
    /// Binaries of every format, in archive order.
    pub(super) binaries: Vec<(MemberPath, Facet)>,
}

/// One binary and its symbols.
#[derive(Debug)]
pub(super) struct Facet {
    pub(super) binary: Binary,
    pub(super) symbols: Symbols,
    /// Strings with the form of a library's name.
    pub(super) strings: BTreeSet<String>,
    /// `DT_TEXTREL`.
    pub(super) has_text_relocations: bool,
}

/// The names that a file shares with others. Mach-O's leading underscore is left out.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    /// What it wants of others.
    pub(super) used: BTreeSet<String>,
    /// What it gives, each with the versions it has; `None` is no version.
    pub(super) defined: BTreeMap<String, Vec<Option<String>>>,
    /// The versions that an ELF file defines.
    pub(super) versions: BTreeSet<String>,
}

impl Facts {
    /// Reads every member of `wheel`; what cannot be read is told in `findings`.
    pub(super) fn read(wheel: &Wheel, findings: &mut Vec<Finding>) -> Self {
        let mut members: Vec<(usize, &Member)> = wheel
            .members()
            .iter()
            .filter(|member| member.kind != MemberKind::Directory)
            .enumerate()
            .collect();
        // Largest first, so that no thread is left alone with one at the end.
        members.sort_by_key(|(index, member)| (Reverse(member.size), *index));
        let mut read: Vec<(usize, &Member, Result<Read, Finding>)> = members
            .into_par_iter()
            .with_max_len(1)
            .map(|(index, member)| (index, member, read_member(wheel, member)))
            .collect();
        read.sort_by_key(|(index, ..)| *index);
        let mut facts = Self::default();
        for (_, member, read) in read {
            match read {
                Ok(read) => facts.take(&member.path, read, findings),
                Err(finding) => findings.push(finding),
            }
        }
        facts
    }

    fn take(&mut self, path: &MemberPath, read: Read, findings: &mut Vec<Finding>) {
        self.digests.insert(path.clone(), read.digest);
        if let Some(link) = read.link {
            self.links.insert(path.clone(), link);
        }
        if let Some(fault) = read.fault {
            findings.push(Finding::of(rules::ARCHIVE, path, fault).remedy(
                "build the file again; a loader that takes it may see something else than we do",
            ));
        }
        if let Some(facet) = read.facet {
            self.binaries.push((path.clone(), facet));
        }
    }

    /// The ELF files, in archive order.
    pub(super) fn elf(&self) -> impl Iterator<Item = (&MemberPath, &ElfFile, &Facet)> {
        self.binaries.iter().filter_map(|(path, facet)| match &facet.binary {
            Binary::Elf(file) => Some((path, &**file, facet)),
            _ => None,
        })
    }

    /// The Mach-O files, in archive order.
    pub(super) fn macho(&self) -> impl Iterator<Item = (&MemberPath, &MachFile)> {
        self.binaries.iter().filter_map(|(path, facet)| match &facet.binary {
            Binary::MachO(file) => Some((path, &**file)),
            _ => None,
        })
    }

    /// The PE files, in archive order.
    pub(super) fn pe(&self) -> impl Iterator<Item = (&MemberPath, &PeFile)> {
        self.binaries.iter().filter_map(|(path, facet)| match &facet.binary {
            Binary::Pe(file) => Some((path, &**file)),
            _ => None,
        })
    }
}

/// What one member gave.
struct Read {
    digest: Digest,
    link: Option<String>,
    facet: Option<Facet>,
    fault: Option<String>,
}

fn read_member(wheel: &Wheel, member: &Member) -> Result<Read, Finding> {
    let broken = |what: String| Finding::new(rules::ARCHIVE, what);
    let bytes = wheel.read(member).map_err(|error| broken(error.to_string()))?;
    let mut read = Read { digest: Digest::of(&bytes), link: None, facet: None, fault: None };
    if member.kind == MemberKind::Symlink {
        read.link = Some(String::from_utf8_lossy(&bytes).into_owned());
        return Ok(read);
    }
    match Binary::read(&bytes, member.path.file_name()) {
        Some(Binary::Unreadable(_, fault)) => read.fault = Some(fault.to_string()),
        Some(binary) => match facet(&bytes, binary) {
            Ok(facet) => read.facet = Some(facet),
            Err(fault) => read.fault = Some(fault),
        },
        None => {}
    }
    Ok(read)
}

fn facet(bytes: &[u8], binary: Binary) -> Result<Facet, String> {
    let mut has_text_relocations = false;
    let symbols = match &binary {
        Binary::Elf(_) => {
            let elf = Elf::parse(bytes).map_err(|error| error.to_string())?;
            let flags = elf.dynamic_flags().map_err(|error| error.to_string())?;
            has_text_relocations = flags.textrel;
            elf_symbols(&elf).map_err(|error| error.to_string())?
        }
        Binary::MachO(_) => macho_symbols(bytes).map_err(|error| error.to_string())?,
        Binary::Pe(_) => pe_symbols(bytes).map_err(|error| error.to_string())?,
        Binary::Unreadable(..) => Symbols::default(),
    };
    let format = Format::of(bytes);
    let strings = format.map(|format| dlopen::names(bytes, format)).unwrap_or_default();
    Ok(Facet { binary, symbols, strings, has_text_relocations })
}

fn elf_symbols(elf: &Elf<'_>) -> Result<Symbols, truewheel_elf::Error> {
    let mut symbols = Symbols::default();
    if !elf.is_dynamic() {
        return Ok(symbols);
    }
    let versions = elf.version_definitions()?;
    symbols.versions = versions.iter().map(|version| version.name.to_owned()).collect();
    for symbol in elf.symbols()? {
        if symbol.name.is_empty() || symbol.binding == Binding::Local {
            continue;
        }
        if symbol.defined {
            let version = symbol.version.map(|version| version.name.to_owned());
            symbols.defined.entry(symbol.name.to_owned()).or_default().push(version);
        } else {
            symbols.used.insert(symbol.name.to_owned());
        }
    }
    Ok(symbols)
}

fn macho_symbols(bytes: &[u8]) -> Result<Symbols, truewheel_macho::Error> {
    let file = MachO::parse(bytes)?;
    let mut symbols = Symbols::default();
    let plain = |name: &str| name.strip_prefix('_').unwrap_or(name).to_owned();
    for slice in file.slices() {
        symbols.used.extend(slice.undefined_symbols()?.iter().map(|symbol| plain(symbol.name)));
        for name in slice.exported_symbols()? {
            symbols.defined.entry(plain(&name)).or_insert_with(|| vec![None]);
        }
    }
    Ok(symbols)
}

fn pe_symbols(bytes: &[u8]) -> Result<Symbols, truewheel_pe::Error> {
    let pe = Pe::parse(bytes)?;
    let mut symbols = Symbols::default();
    for import in pe.imports()?.iter().chain(&pe.delay_imports()?) {
        symbols.used.extend(import.symbols.iter().filter_map(|symbol| match symbol {
            ImportedSymbol::Name { name, .. } => Some((*name).to_owned()),
            ImportedSymbol::Ordinal(_) => None,
        }));
    }
    for symbol in pe.exports()?.iter().flat_map(|exports| &exports.symbols) {
        if let Some(name) = symbol.name {
            symbols.defined.entry(name.to_owned()).or_insert_with(|| vec![None]);
        }
    }
    Ok(symbols)
}
