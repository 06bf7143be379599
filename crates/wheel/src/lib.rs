//! Python wheels as archives: names, tags, members, RECORD, reading and writing.
//!
//! A wheel is a zip archive whose name says what it fits and whose `RECORD` says what it holds
//! (PyPA, "Binary distribution format"). This crate knows both and nothing of the binaries inside.
//! It reads a wheel only when every zip reader would see the same wheel ([`Wheel::open`]), and the
//! one way to write a wheel ([`WheelWriter`]) takes no member without its digest, so that no RECORD
//! row can be forgotten.
//!
//! | to do | use |
//! |---|---|
//! | take a file name apart | [`WheelFilename`], [`Tag`], [`PlatformTag`] |
//! | read a wheel, from many threads | [`Wheel`], [`Member`], [`MemberPath`] |
//! | read and hold its files of metadata against it | [`Record`], [`record::compare`], [`WheelFile`], [`Metadata`] |
//! | write one | [`WheelWriter`], [`NewMember`], [`Written`] |
//! | deflate one member on several threads | [`deflate`] |
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod archive;
mod batch;
pub mod deflate;
mod digest;
mod error;
mod filename;
mod header;
mod layout;
mod member;
mod metadata;
mod new_member;
mod path;
mod platform;
mod positioned;
#[cfg(test)]
mod raw_zip;
pub mod record;
mod replace;
mod tag;
mod timestamp;
mod wheel_file;
mod writer;

pub use archive::Wheel;
pub use batch::{Stopped, persist_all, replace_all};
pub use digest::Digest;
pub use error::{Error, ErrorKind, Result};
pub use filename::{WheelFilename, normalize_name, normalize_version};
pub use member::{Member, MemberKind};
pub use metadata::{Metadata, with_license_files};
pub use new_member::NewMember;
pub use path::{Installed, MemberPath, Scheme, relative};
pub use platform::{ManylinuxAlias, PlatformTag, WindowsArch};
pub use record::{Record, RecordRow};
pub use replace::{Staged, replace_file};
pub use tag::Tag;
pub use timestamp::Timestamp;
pub use wheel_file::WheelFile;
pub use writer::{WheelWriter, Written};
