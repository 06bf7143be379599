//! Mach-O files of a wanted shape: a committed binary with other names in it.

use std::collections::BTreeMap;
use std::fs;

use truewheel_macho::{Edits, MachO, SliceEdits, merge, patch};

use super::testdata;

/// A thin or universal binary made from `testdata/macho`.
#[derive(Clone)]
pub(crate) struct Mach {
    bytes: Vec<u8>,
}

impl Mach {
    /// The committed file at `path` below `testdata/macho`.
    pub(crate) fn of(path: &str) -> Self {
        let path = format!("macho/{path}");
        let bytes = fs::read(testdata(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { bytes }
    }

    /// A bundle as Python extensions are, which needs `name` and nothing else from outside, without rpaths.
    pub(crate) fn module(cpu: &str, name: &str) -> Self {
        let weak = "/usr/lib/libz.1.dylib";
        Self::of(&format!("module.{cpu}.so"))
            .load("@rpath/libneeded.1.dylib", name)
            .load("/opt/demo/lib/liboptional.dylib", weak)
            .rpaths(&[])
    }

    /// A program that needs `name`: a bundle by its commands, a program by its file type (`MH_EXECUTE`).
    pub(crate) fn program(name: &str) -> Self {
        let mut program = Self::module("x86_64", name);
        program.bytes[12] = 2;
        program
    }

    /// A library that needs nothing from outside.
    pub(crate) fn library(cpu: &str, id: &str) -> Self {
        Self::of(&format!("libneeded.{cpu}.dylib")).id(id)
    }

    /// A library that needs `name`.
    pub(crate) fn user(cpu: &str, id: &str, name: &str) -> Self {
        Self::of(&format!("libpassed.{cpu}.dylib")).id(id).load("@rpath/libneeded.1.dylib", name)
    }

    /// One universal file of several.
    pub(crate) fn universal(slices: &[Self]) -> Self {
        let slices: Vec<&[u8]> = slices.iter().map(|slice| &*slice.bytes).collect();
        Self { bytes: merge(&slices).expect("they merge") }
    }

    pub(crate) fn id(self, id: &str) -> Self {
        let install_id = Some(id.to_owned());
        self.edit(|_| SliceEdits::default(), install_id)
    }

    /// Needs `new` where it needed `old`.
    pub(crate) fn load(self, old: &str, new: &str) -> Self {
        let names = BTreeMap::from([(old.to_owned(), new.to_owned())]);
        self.edit(|_| SliceEdits { install_names: names.clone(), ..SliceEdits::default() }, None)
    }

    pub(crate) fn rpaths(self, rpaths: &[&str]) -> Self {
        let rpaths: Vec<String> = rpaths.iter().map(|path| (*path).to_owned()).collect();
        self.edit(|_| SliceEdits { rpaths: Some(rpaths.clone()), ..SliceEdits::default() }, None)
    }

    fn edit(self, of: impl Fn(usize) -> SliceEdits, install_id: Option<String>) -> Self {
        let count = MachO::parse(&self.bytes).expect("a Mach-O file").slices().len();
        let slices = (0..count).map(|index| (index, of(index))).collect();
        let edits = Edits { install_id, slices, file_name: "made.dylib".to_owned() };
        let set = patch(&self.bytes, &edits).expect("the committed file takes edits");
        Self { bytes: set.apply_to(self.bytes) }
    }

    /// The file as it was made.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}
