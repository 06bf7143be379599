//! What the Windows loader reads in a PE file.
//!
//! [`Pe::parse`] reads the headers and the section table. Imports, delay imports, exports, the load configuration
//! and the version resource are read when they are asked for, each name through its own address: a repaired file
//! keeps its names in another section than its tables.
//!
//! The layouts are those of Microsoft's "PE Format" and `winnt.h`; where the loader is more lenient or stricter
//! than the text, the loader is followed and the difference named. Every byte comes from somebody else: each length
//! and offset is checked where it is used, and a file that lies is refused with the offset of the lie.
//!
//! This crate knows bytes only: no paths, no files, no other format.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod budget;
mod checksum;
mod error;
mod export;
mod header;
mod import;
mod load_config;
mod overlay;
mod read;
mod resource;
mod section;
mod window;

pub use error::{Error, ErrorKind, Result};
pub use export::{ExportedSymbol, Exports};
pub use header::PeKind;
pub use import::{Import, ImportedSymbol};
pub use load_config::LoadConfig;
pub use overlay::{Overlay, OverlayKind};
pub use read::{Pe, is_pe};
pub use resource::VersionInfo;
pub use section::Section;
