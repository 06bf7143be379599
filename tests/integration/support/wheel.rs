//! Wheels, good ones and wrong ones, member by member.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::Elf;

/// A wheel that is being put together. Without more it is `demo-1.0-cp312-cp312-linux_x86_64.whl`
/// with METADATA, WHEEL and a RECORD that tells the truth.
#[derive(Clone)]
pub(crate) struct Wheel {
    name: String,
    version: String,
    tag: String,
    members: Vec<Member>,
    wheel_text: Option<String>,
    record_text: Option<String>,
    more_rows: Vec<String>,
    unlisted: Vec<String>,
}

#[derive(Clone)]
struct Member {
    path: String,
    contents: Contents,
    mode: u32,
}

#[derive(Clone)]
enum Contents {
    File(Vec<u8>),
    Stored(Vec<u8>),
    Link(String),
    Directory,
}

impl Wheel {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: "1.0".to_owned(),
            tag: "cp312-cp312-linux_x86_64".to_owned(),
            members: Vec::new(),
            wheel_text: None,
            record_text: None,
            more_rows: Vec::new(),
            unlisted: Vec::new(),
        }
    }

    /// The package `demo` with one extension module `demo/_ext.so`.
    pub(crate) fn demo(extension: &Elf) -> Self {
        Self::new("demo").file("demo/__init__.py", "").elf("demo/_ext.so", extension)
    }

    pub(crate) fn version(mut self, version: &str) -> Self {
        self.version = version.to_owned();
        self
    }

    /// Python, ABI and platform tag, as in the file name.
    pub(crate) fn tag(mut self, tag: &str) -> Self {
        self.tag = tag.to_owned();
        self
    }

    pub(crate) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.member(path, Contents::File(contents.as_ref().to_vec()), 0o644)
    }

    /// A member that is not compressed, so that its bytes stand in the archive as they are.
    pub(crate) fn stored(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.member(path, Contents::Stored(contents.as_ref().to_vec()), 0o644)
    }

    pub(crate) fn elf(self, path: &str, elf: &Elf) -> Self {
        self.member(path, Contents::File(elf.bytes()), 0o755)
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Self {
        self.member(path, Contents::Link(target.to_owned()), 0o777)
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        self.member(path, Contents::Directory, 0o755)
    }

    /// The permission bits of the member added last.
    pub(crate) fn mode(mut self, mode: u32) -> Self {
        self.members.last_mut().expect("a member").mode = mode;
        self
    }

    /// The text of WHEEL.
    pub(crate) fn wheel_text(mut self, text: &str) -> Self {
        self.wheel_text = Some(text.to_owned());
        self
    }

    /// The text of RECORD, whatever is in the wheel.
    pub(crate) fn record_text(mut self, text: &str) -> Self {
        self.record_text = Some(text.to_owned());
        self
    }

    /// One more row at the end of RECORD.
    pub(crate) fn row(mut self, row: &str) -> Self {
        self.more_rows.push(row.to_owned());
        self
    }

    /// Leaves `path` out of RECORD.
    pub(crate) fn unlisted(mut self, path: &str) -> Self {
        self.unlisted.push(path.to_owned());
        self
    }

    fn member(mut self, path: &str, contents: Contents, mode: u32) -> Self {
        self.members.push(Member { path: path.to_owned(), contents, mode });
        self
    }

    /// Its file name.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}-{}.whl", self.name, self.version, self.tag)
    }

    /// Writes it into `directory`.
    pub(crate) fn build(&self, directory: &Path) -> PathBuf {
        let path = directory.join(self.file_name());
        fs::write(&path, self.bytes()).expect("the wheel is written");
        path
    }

    /// The archive.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let dist_info = format!("{}-{}.dist-info", self.name, self.version);
        let with = |name: &str| self.members.iter().any(|member| member.path.ends_with(name));
        let mut wheel = self.clone();
        if !with(&format!("{dist_info}/METADATA")) {
            let text =
                format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", self.name, self.version);
            wheel = wheel.file(&format!("{dist_info}/METADATA"), text);
        }
        let text = self.wheel_text.clone().unwrap_or_else(|| self.default_wheel_text());
        wheel = wheel.file(&format!("{dist_info}/WHEEL"), text);
        let record = format!("{dist_info}/RECORD");
        let text = self.record_text.clone().unwrap_or_else(|| wheel.record(&record));
        wheel.file(&record, text).archive()
    }

    fn default_wheel_text(&self) -> String {
        let mut text = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n".to_owned();
        let (pythons, rest) = self.tag.split_once('-').expect("a tag of three parts");
        let (abis, platforms) = rest.split_once('-').expect("a tag of three parts");
        for python in pythons.split('.') {
            for abi in abis.split('.') {
                for platform in platforms.split('.') {
                    text += &format!("Tag: {python}-{abi}-{platform}\n");
                }
            }
        }
        text
    }

    fn record(&self, own_path: &str) -> String {
        let mut text = String::new();
        for member in self.members.iter().filter(|member| !self.unlisted.contains(&member.path)) {
            let bytes = match &member.contents {
                Contents::File(bytes) | Contents::Stored(bytes) => bytes,
                Contents::Link(target) => target.as_bytes(),
                Contents::Directory => continue,
            };
            text += &format!("{},{},{}\n", quoted(&member.path), record_hash(bytes), bytes.len());
        }
        text += &format!("{own_path},,\n");
        self.more_rows.iter().fold(text, |text, row| text + row + "\n")
    }

    fn archive(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let date = DateTime::from_date_and_time(2024, 5, 6, 7, 8, 10).expect("a date");
        for member in &self.members {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .last_modified_time(date)
                .unix_permissions(member.mode);
            let stored = options.compression_method(CompressionMethod::Stored);
            match &member.contents {
                Contents::File(bytes) => {
                    zip.start_file(&*member.path, options).expect("a member");
                    zip.write_all(bytes).expect("its contents");
                }
                Contents::Stored(bytes) => {
                    zip.start_file(&*member.path, stored).expect("a member");
                    zip.write_all(bytes).expect("its contents");
                }
                Contents::Link(target) => {
                    zip.add_symlink(&*member.path, target, options).expect("a link");
                }
                Contents::Directory => {
                    zip.add_directory(&*member.path, stored).expect("a directory");
                }
            }
        }
        zip.finish().expect("an archive").into_inner()
    }
}

/// A hash as RECORD has it.
pub(super) fn record_hash(bytes: &[u8]) -> String {
    format!("sha256={}", BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(bytes)))
}

fn quoted(path: &str) -> String {
    if path.contains([',', '"']) {
        format!("\"{}\"", path.replace('"', "\"\""))
    } else {
        path.to_owned()
    }
}
