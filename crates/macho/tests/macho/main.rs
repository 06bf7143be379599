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
mod made;
mod signing;

/// The files of `testdata/macho`, each with its name.
pub(crate) const FILES: [(&str, &[u8]); 8] = [
    ("libneeded.arm64.dylib", include_bytes!("../../../../testdata/macho/libneeded.arm64.dylib")),
    ("libneeded.x86_64.dylib", include_bytes!("../../../../testdata/macho/libneeded.x86_64.dylib")),
    ("libpassed.arm64.dylib", include_bytes!("../../../../testdata/macho/libpassed.arm64.dylib")),
    ("libpassed.x86_64.dylib", include_bytes!("../../../../testdata/macho/libpassed.x86_64.dylib")),
    ("module.arm64.so", include_bytes!("../../../../testdata/macho/module.arm64.so")),
    ("module.x86_64.so", include_bytes!("../../../../testdata/macho/module.x86_64.so")),
    ("tight.arm64.so", include_bytes!("../../../../testdata/macho/tight.arm64.so")),
    ("tight.x86_64.so", include_bytes!("../../../../testdata/macho/tight.x86_64.so")),
];

/// One of [`FILES`].
pub(crate) fn file(name: &str) -> &'static [u8] {
    FILES.iter().find(|(found, _)| *found == name).expect("a file of testdata/macho").1
}
