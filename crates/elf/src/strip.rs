//! Takes debug information, or all that only debuggers read, out of a file.
//!
//! A loader reads what the program headers map and nothing else (gABI, "Program Loading"). So what a
//! segment covers keeps its bytes and its address; only the fields of the ELF header that speak of
//! sections change, and section numbers in `.dynsym`. The sections outside move together, and the
//! file ends earlier. A segment behind what goes, such as an earlier edit appended, moves down in the
//! file by whole pages, as far as its address allows.
//!
//! Which sections go is what GNU `strip --strip-debug` and `strip --strip-all` (binutils 2.40) take
//! from a program or library. Objects for the linker, files of debug information, and files with data
//! that no header tells of are left alone.

mod choose;
mod place;
mod prove;
mod tables;
mod write;

use crate::error::Result;
use crate::read::Elf;

/// How much is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strip {
    /// Debug information: `.debug_*` and its older and compressed kinds.
    Debug,
    /// Debug information, and the symbols that no loader reads: `.symtab`.
    All,
}

/// What [`strip`] would do to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strippable {
    /// Take sections away.
    Yes {
        /// How many.
        sections: usize,
        /// Their bytes in the file, all together.
        size: u64,
    },
    /// There is nothing to take away.
    Nothing,
    /// Leave it alone, for this reason.
    Unfit(&'static str),
}

/// Says what [`strip`] would do, by the headers of the file alone.
///
/// # Errors
/// If `bytes` is no ELF file, or its header or program headers cannot be read.
pub fn strippable(bytes: &[u8], level: Strip) -> Result<Strippable> {
    let elf = Elf::parse(bytes)?;
    Ok(match choose::choose(&elf, level) {
        Ok(Some(choice)) => {
            let (sections, size) = choice.gone();
            Strippable::Yes { sections, size }
        }
        Ok(None) => Strippable::Nothing,
        Err(reason) => Strippable::Unfit(reason),
    })
}

/// `bytes` without what `level` says; `None` if there is nothing to take away or the file is to be
/// left alone, as [`strippable`] says. Stripping twice is stripping once.
///
/// # Errors
/// If `bytes` is no ELF file, if a symbol or string table contradicts itself, or if the result, read
/// again, is not what it should be.
pub fn strip(bytes: &[u8], level: Strip) -> Result<Option<Vec<u8>>> {
    let elf = Elf::parse(bytes)?;
    let Ok(Some(choice)) = choose::choose(&elf, level) else { return Ok(None) };
    let tables = tables::tables(&elf, &choice)?;
    let places = place::places(&elf, &choice, &tables)?;
    let stripped = write::write(&elf, &choice, &tables, &places)?;
    prove::prove(&elf, &choice, level, &stripped)?;
    Ok(Some(stripped))
}
