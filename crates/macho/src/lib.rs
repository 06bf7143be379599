//! What dyld reads in a Mach-O file.
//!
//! [`MachO::parse`] takes the bytes of a thin or universal file and gives its slices: for each CPU the install
//! ID, the install names it needs, its rpaths, the oldest system it runs on, the room behind its load commands
//! and where its signature is. Symbols are read only when they are asked for.
//!
//! The layouts are those of Apple's `<mach-o/loader.h>`, `<mach-o/fat.h>` and `<mach-o/nlist.h>`; where dyld is
//! stricter than the headers, its rule is followed and named. Every byte comes from somebody else: each length
//! and offset is checked where it is used, and a file that lies is refused with the offset of the lie.
//!
//! This crate knows bytes only: no paths, no files, no other format.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod command;
mod cpu;
mod dylib;
mod error;
mod exports;
mod fat;
mod layout;
mod read;
mod symbols;
mod version;
mod window;

pub use command::LoadCommand;
pub use dylib::{Dylib, DylibKind};
pub use error::{Error, ErrorKind, Result};
pub use fat::{Container, FatArch, MachO, is_macho};
pub use read::Slice;
pub use symbols::UndefinedSymbol;
pub use version::{MinimumOs, Version};
