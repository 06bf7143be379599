//! The changes to one file, for whichever loader it is.

/// What one file's editor is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileEdits {
    /// Linux and Android.
    Elf(truewheel_elf::Edits),
    /// macOS.
    MachO(truewheel_macho::Edits),
    /// Windows.
    Pe(truewheel_pe::Edits),
}
