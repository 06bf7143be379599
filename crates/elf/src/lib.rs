//! What the loader reads in an ELF file, and how to change it in place.
//!
//! [`Elf`] answers questions about one file; [`patch()`] says which bytes must change so that the file
//! has another SONAME, other needed names, another search path. It changes what it must and appends
//! what outgrew its place; it never lays a file out anew. No path, process or clock: bytes in, edits
//! out.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod attributes;
mod blocks;
mod dynamic;
mod dynstr;
mod edit;
mod encoding;
mod error;
mod hash;
mod header;
mod image;
mod layout;
mod notes;
mod patch;
mod read;
mod rewrite;
mod slots;
mod space;
mod strip;
mod symbols;
mod verify;
mod versions;
mod wanted;

pub use edit::{Edits, PatchSet, SearchPathEdit, SonameEdit};
pub use encoding::{Class, Endian};
pub use error::{Error, ErrorKind, Result};
pub use patch::{patch, patch_file};
pub use read::{DynamicFlags, Elf, ExecutableStack, is_elf};
pub use strip::{Strip, Strippable, strip, strippable};
pub use symbols::{Binding, Symbol, SymbolVersion};
pub use versions::{NeededVersion, VersionDefinition, VersionNeed};
