//! What the Windows loader reads in a PE file, and how to change the names in it.
//!
//! [`Pe::parse`] reads the headers and the section table. Imports, delay imports, exports, the load configuration
//! and the version resource are read when they are asked for, each name through its own address: a repaired file
//! keeps its names in another section than its tables.
//!
//! The layouts are those of Microsoft's "PE Format" and `winnt.h`; where the loader is more lenient or stricter
//! than the text, the loader is followed and the difference named. Every byte comes from somebody else: each length
//! and offset is checked where it is used, and a file that lies is refused with the offset of the lie.
//!
//! [`patch()`] renames libraries in place where the new names fit, and puts longer ones where nothing else is; no
//! address and no offset of the file's own changes its meaning. The result is read again and held against the
//! input.
//!
//! This crate knows bytes only: no paths, no files, no other format.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod bound;
mod budget;
mod checksum;
mod debug;
mod dll_name;
mod edit;
mod error;
mod export;
mod grow;
mod header;
mod import;
mod import_library;
mod load_config;
mod managed;
mod overlay;
mod packer;
mod patch;
mod pieces;
mod place;
mod read;
mod resource;
mod rewrite;
mod room;
mod section;
mod slots;
mod tables;
mod unbind;
mod verify;
mod verify_bytes;
mod wanted;
mod window;

pub use bound::BoundImport;
pub use dll_name::{dll_key, split_forwarder};
pub use edit::{Edits, Note, PatchSet};
pub use error::{Error, ErrorKind, Result};
pub use export::{ExportedSymbol, Exports};
pub use header::PeKind;
pub use import::{Import, ImportedSymbol};
pub use import_library::{imported_dlls, rename_imported_dlls};
pub use load_config::LoadConfig;
pub use overlay::{Overlay, OverlayKind};
pub use patch::{patch, patch_file};
pub use read::{Pe, is_pe};
pub use resource::VersionInfo;
pub use section::Section;
