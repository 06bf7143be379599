//! The reader and the editor against real files, against another reader, and against damaged files.

#![allow(
    clippy::cast_possible_truncation,
    clippy::print_stderr,
    reason = "the files are small, and a test that is skipped says so on stderr"
)]

mod damaged;
mod edits;
mod facts;
mod goblin_agrees;
mod import_library;
mod made;
mod room;

/// The files of `testdata/pe`, each with its name.
pub(crate) const FILES: [(&str, &[u8]); 9] = [
    ("full.x64.dll", include_bytes!("../../../../testdata/pe/full.x64.dll")),
    ("full.x86.dll", include_bytes!("../../../../testdata/pe/full.x86.dll")),
    ("module.arm64.pyd", include_bytes!("../../../../testdata/pe/module.arm64.pyd")),
    ("module.mingw.pyd", include_bytes!("../../../../testdata/pe/module.mingw.pyd")),
    ("module.x64.pyd", include_bytes!("../../../../testdata/pe/module.x64.pyd")),
    ("module.x86.pyd", include_bytes!("../../../../testdata/pe/module.x86.pyd")),
    ("needed.arm64.dll", include_bytes!("../../../../testdata/pe/needed.arm64.dll")),
    ("needed.x64.dll", include_bytes!("../../../../testdata/pe/needed.x64.dll")),
    ("needed.x86.dll", include_bytes!("../../../../testdata/pe/needed.x86.dll")),
];

/// One of [`FILES`].
pub(crate) fn file(name: &str) -> &'static [u8] {
    FILES.iter().find(|(found, _)| *found == name).expect("a file of testdata/pe").1
}
