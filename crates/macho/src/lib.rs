//! What dyld reads in a Mach-O file, how to change it in place, and how to sign it ad hoc.
//!
//! [`MachO::parse`] takes the bytes of a thin or universal file and gives its slices: for each CPU the install
//! ID, the install names it needs, its rpaths, the oldest system it runs on, the room behind its load commands
//! and where its signature is. Symbols and signatures are read only when they are asked for.
//!
//! [`patch()`] says which bytes must change so that slices have another install ID, name other libraries and search
//! other directories; [`sign()`] signs anew, [`merge()`] makes one universal file of several.
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

mod code_directory;
mod command;
mod cpu;
mod digest;
mod dylib;
mod edit;
mod error;
mod exports;
mod fat;
mod fixups;
mod identifier;
mod layout;
mod merge;
mod message;
mod patch;
mod read;
mod rewrite;
mod room;
mod segment;
mod sign;
mod signature;
mod symbols;
mod table;
mod universal;
mod verify;
mod version;
mod wanted;
mod window;

pub use code_directory::{CodeDirectory, ExecSegment};
pub use command::LoadCommand;
pub use digest::HashType;
pub use dylib::{Dylib, DylibKind};
pub use edit::{Edits, Note, PatchSet, SliceEdits};
pub use error::{Error, ErrorKind, Result};
pub use fat::{Container, FatArch, MachO, is_macho};
pub use merge::{Part, is_archive, merge, merge_parts, parts};
pub use patch::{patch, sign};
pub use read::Slice;
pub use segment::{Section, Segment};
pub use signature::{Blob, CodeSignature, SignatureFault};
pub use symbols::UndefinedSymbol;
pub use version::{MinimumOs, Version};
