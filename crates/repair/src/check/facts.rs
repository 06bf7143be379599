//! Each member read once: its digest, and what a loader and a linker see in it.
//!
//! More than a repair asks for, above all the symbols that a file defines. A member that cannot be
//! read is a finding and not an error, so that the rest is looked at as well.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_elf::{Binding, Elf};
use truewheel_macho::MachO;
use truewheel_pe::{ImportedSymbol, Pe};
use truewheel_wheel::{Digest, Member, MemberKind, MemberPath, Wheel};

use super::finding::Finding;
use super::macos::code;
use super::rules;
use crate::binary::{Binary, ElfFile, Format, MachFile, PeFile};
use crate::dlopen::{self, Strings};
use crate::scan::{self, Scan};

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Every file, by path.
    pub(super) digests: BTreeMap<MemberPath, Digest>,
    /// Links with their targets, as the archive spells them.
    pub(super) links: BTreeMap<MemberPath, Vec<u8>>,
    /// Binaries of every format, in archive order.
    pub(super) binaries: Vec<(MemberPath, Facet)>,
    /// Binaries whose reader refuses them or their symbols, with the reason, in archive order.
    refused: Vec<(MemberPath, Binary, String)>,
    /// Why members could not be read, in archive order.
    broken: Vec<truewheel_wheel::Error>,
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
    /// What does not fit between a Mach-O slice's signature and its code, by CPU.
    pub(super) signature_faults: Vec<(&'static str, String)>,
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
    /// Reads every member of `wheel`.
    pub(crate) fn read(wheel: &Wheel) -> Self {
        let mut facts = Self::default();
        for (member, read) in scan::each_member(wheel, |member| read_member(wheel, member)) {
            match read {
                Ok(read) => facts.take(&member.path, read),
                Err(error) => facts.broken.push(error),
            }
        }
        facts
    }

    fn take(&mut self, path: &MemberPath, read: Read) {
        self.digests.insert(path.clone(), read.digest);
        if let Some(link) = read.link {
            self.links.insert(path.clone(), link);
        }
        if let Some((binary, fault)) = read.refused {
            self.refused.push((path.clone(), binary, fault));
        }
        if let Some(facet) = read.facet {
            self.binaries.push((path.clone(), facet));
        }
    }

    /// What could not be read.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let broken = self.broken.iter();
        let broken = broken.map(|error| Finding::new(rules::ARCHIVE, error.to_string()));
        let refused = self.refused.iter().map(|(path, _, fault)| {
            Finding::of(rules::ARCHIVE, path, fault).remedy(
                "build the file again; a loader that takes it may see something else than we do",
            )
        });
        broken.chain(refused).collect()
    }

    /// The same for a repair, which refuses a wheel with a member that cannot be read.
    pub(crate) fn scan(&mut self, wheel: &Wheel) -> crate::error::Result<Scan> {
        if !self.broken.is_empty() {
            return Err(self.broken.swap_remove(0).into());
        }
        let mut scan = Scan { digests: self.digests.clone(), ..Scan::default() };
        for (path, target) in &self.links {
            let target = String::from_utf8(target.clone()).map_err(|_| scan::no_utf8(path))?;
            scan.links.insert(path.clone(), target);
        }
        let read = self.binaries.iter().map(|(path, facet)| (path, &facet.binary));
        let refused = self.refused.iter().map(|(path, binary, _)| (path, binary));
        let binaries: BTreeMap<&MemberPath, &Binary> = read.chain(refused).collect();
        for member in wheel.members() {
            if let Some(binary) = binaries.get(&member.path) {
                scan.take(&member.path, (*binary).clone());
            }
        }
        scan.compare_record(wheel);
        Ok(scan)
    }

    /// The strings alone, the rest is dropped.
    pub(crate) fn into_strings(self) -> Strings {
        let of = |(path, facet): (MemberPath, Facet)| {
            let format = match facet.binary {
                Binary::Elf(_) => Format::Elf,
                Binary::MachO(_) => Format::MachO,
                Binary::Pe(_) => Format::Pe,
                Binary::Unreadable(format, _) => format,
            };
            (path, format, facet.strings)
        };
        self.binaries.into_iter().map(of).collect()
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
    link: Option<Vec<u8>>,
    facet: Option<Facet>,
    refused: Option<(Binary, String)>,
}

fn read_member(wheel: &Wheel, member: &Member) -> truewheel_wheel::Result<Read> {
    let bytes = wheel.read(member)?;
    let mut read = Read { digest: Digest::of(&bytes), link: None, facet: None, refused: None };
    if member.kind == MemberKind::Symlink {
        read.link = Some(bytes);
        return Ok(read);
    }
    match Binary::read(&bytes, member.path.file_name()) {
        Some(Binary::Unreadable(format, fault)) => {
            let words = fault.to_string();
            read.refused = Some((Binary::Unreadable(format, fault), words));
        }
        Some(binary) => match symbols(&bytes, &binary) {
            Ok((symbols, has_text_relocations)) => {
                let format = Format::of(&bytes);
                let strings =
                    format.map(|format| dlopen::names(&bytes, format)).unwrap_or_default();
                let signature_faults = match &binary {
                    Binary::MachO(_) => code::signature_faults(&bytes).unwrap_or_default(),
                    _ => Vec::new(),
                };
                read.facet = Some(Facet {
                    binary,
                    symbols,
                    strings,
                    has_text_relocations,
                    signature_faults,
                });
            }
            Err(fault) => read.refused = Some((binary, fault)),
        },
        None => {}
    }
    Ok(read)
}

/// The symbols of one file, and whether its code is relocated.
fn symbols(bytes: &[u8], binary: &Binary) -> Result<(Symbols, bool), String> {
    let mut has_text_relocations = false;
    let symbols = match binary {
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
    Ok((symbols, has_text_relocations))
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
