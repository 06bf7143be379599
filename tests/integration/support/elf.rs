//! ELF files of a wanted shape: a committed binary with other names in it.

use std::fs;

use truewheel_elf::{Edits, SearchPathEdit, SonameEdit, patch};

use super::testdata;

/// A binary of `testdata/`, and what is to be changed in it.
#[derive(Clone)]
pub(crate) struct Elf {
    bytes: Vec<u8>,
    edits: Edits,
}

/// The names in one ELF file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) soname: Option<String>,
    pub(crate) needed: Vec<String>,
    pub(crate) rpath: Option<String>,
    pub(crate) runpath: Option<String>,
    /// The files that versions are asked of.
    pub(crate) version_files: Vec<String>,
}

impl Elf {
    /// The committed file at `path` below `testdata/`.
    pub(crate) fn of(path: &str) -> Self {
        let bytes = fs::read(testdata(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { bytes, edits: Edits::default() }
    }

    /// An extension module for x86_64 with `PyInit__ext`, which needs libm and these libraries.
    pub(crate) fn module(needed: &[&str]) -> Self {
        needed.iter().fold(Self::of("repair/module.so"), |elf, name| elf.needed(name))
    }

    /// A library for x86_64 that needs libm and libc.
    pub(crate) fn library(soname: &str) -> Self {
        Self::of("elf/gnu-ld.so").soname(soname)
    }

    /// A library of that SONAME with other contents than [`Elf::library`]'s.
    pub(crate) fn other_library(soname: &str) -> Self {
        Self::of("elf/gold.so").soname(soname)
    }

    pub(crate) fn soname(mut self, name: &str) -> Self {
        self.edits.soname = Some(SonameEdit::Set(name.to_owned()));
        self
    }

    pub(crate) fn no_soname(mut self) -> Self {
        self.edits.soname = Some(SonameEdit::Remove);
        self
    }

    /// Needs `name` as well.
    pub(crate) fn needed(mut self, name: &str) -> Self {
        self.edits.add_needed.push(name.to_owned());
        self
    }

    /// Needs `new` where it needed `old`.
    pub(crate) fn renamed(mut self, old: &str, new: &str) -> Self {
        self.edits.replace_needed.insert(old.to_owned(), new.to_owned());
        self
    }

    pub(crate) fn rpath(mut self, path: &str) -> Self {
        self.edits.search_path = Some(SearchPathEdit::Rpath(path.to_owned()));
        self
    }

    pub(crate) fn runpath(mut self, path: &str) -> Self {
        self.edits.search_path = Some(SearchPathEdit::Runpath(path.to_owned()));
        self
    }

    /// The file as it was made.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        patch(&self.bytes, &self.edits).expect("the committed file takes edits").apply(&self.bytes)
    }
}

impl Facts {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let elf = truewheel_elf::Elf::parse(bytes).expect("an ELF file");
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            soname: owned(elf.soname().expect("a SONAME or none")),
            needed: elf.needed().expect("needed names").into_iter().map(str::to_owned).collect(),
            rpath: owned(elf.rpath().expect("an RPATH or none")),
            runpath: owned(elf.runpath().expect("a RUNPATH or none")),
            version_files: elf
                .version_needs()
                .expect("version needs")
                .into_iter()
                .map(|need| need.file.to_owned())
                .collect(),
        }
    }
}
