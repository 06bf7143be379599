//! Zip archives byte by byte, for tests: every field can be made to lie.

use crate::positioned::Positioned;
use std::io::Write as _;
use std::path::PathBuf;

pub(crate) const RECORD: &str = "demo-1.0.dist-info/RECORD";
pub(crate) const NAME: &str = "demo-1.0-py3-none-any.whl";

/// One header, local or central.
#[derive(Clone)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) compressed_size: u32,
    pub(crate) size: u32,
    pub(crate) extra: Vec<u8>,
}

/// One entry: both headers, its data, and what follows the data.
#[derive(Clone)]
pub(crate) struct RawEntry {
    pub(crate) local: Header,
    pub(crate) central: Header,
    pub(crate) made_by: u8,
    pub(crate) disk: u16,
    pub(crate) attributes: u32,
    /// Instead of the true one.
    pub(crate) offset: Option<u32>,
    pub(crate) data: Vec<u8>,
    pub(crate) after: Vec<u8>,
}

/// An archive.
#[derive(Clone)]
pub(crate) struct RawZip {
    pub(crate) prefix: Vec<u8>,
    pub(crate) entries: Vec<RawEntry>,
    /// Between the central directory and the end record.
    pub(crate) before_end: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) suffix: Vec<u8>,
    /// Entries counted too many.
    pub(crate) miscount: u16,
}

impl RawEntry {
    pub(crate) fn stored(name: &str, data: &[u8]) -> Self {
        let size = u32::try_from(data.len()).unwrap();
        let header = Header {
            name: name.as_bytes().to_vec(),
            flags: if name.is_ascii() { 0 } else { 0x800 },
            method: 0,
            crc32: libdeflater::crc32(data),
            compressed_size: size,
            size,
            extra: Vec::new(),
        };
        Self {
            local: header.clone(),
            central: header,
            made_by: 3,
            disk: 0,
            attributes: 0o100_644 << 16,
            offset: None,
            data: data.to_vec(),
            after: Vec::new(),
        }
    }

    pub(crate) fn both(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }

    pub(crate) fn deflated(name: &str, contents: &[u8]) -> Self {
        let data = crate::deflate::compress_all(contents, 6).unwrap().bytes;
        let mut entry = Self::stored(name, contents).both(|header| {
            header.method = 8;
            header.compressed_size = u32::try_from(data.len()).unwrap();
        });
        entry.data = data;
        entry
    }
}

impl RawZip {
    /// A small wheel without fault.
    pub(crate) fn wheel() -> Self {
        let files = [
            ("demo/__init__.py", &b"print('demo demo demo demo')\n"[..]),
            ("demo-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
            ("demo-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nTag: py3-none-any\n"),
            (RECORD, b"demo-1.0.dist-info/RECORD,,\n"),
        ];
        Self {
            prefix: Vec::new(),
            entries: files.map(|(name, data)| RawEntry::stored(name, data)).to_vec(),
            before_end: Vec::new(),
            comment: Vec::new(),
            suffix: Vec::new(),
            miscount: 0,
        }
    }

    pub(crate) fn with(mut self, entry: RawEntry) -> Self {
        self.entries.insert(1, entry);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.prefix.clone();
        let mut central = Vec::new();
        for entry in &self.entries {
            let offset = entry.offset.unwrap_or(u32::try_from(out.len()).unwrap());
            out.extend(b"PK\x03\x04\x14\0");
            entry.local.write(&mut out);
            out.extend(&entry.local.name);
            out.extend(&entry.local.extra);
            out.extend(&entry.data);
            out.extend(&entry.after);
            central.extend(b"PK\x01\x02\x14");
            central.extend([entry.made_by, 20, 0]);
            entry.central.write(&mut central);
            central.extend([0, 0]);
            central.extend(entry.disk.to_le_bytes());
            central.extend([0, 0]);
            central.extend(entry.attributes.to_le_bytes());
            central.extend(offset.to_le_bytes());
            central.extend(&entry.central.name);
            central.extend(&entry.central.extra);
        }
        let start = u32::try_from(out.len()).unwrap();
        let count = u16::try_from(self.entries.len()).unwrap() + self.miscount;
        out.extend(&central);
        out.extend(&self.before_end);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(u32::try_from(central.len()).unwrap().to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend(u16::try_from(self.comment.len()).unwrap().to_le_bytes());
        out.extend(&self.comment);
        out.extend(&self.suffix);
        out
    }
}

impl Header {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        // 2024-01-02 03:04:06
        out.extend([0x83, 0x18, 0x22, 0x58]);
        out.extend(self.crc32.to_le_bytes());
        out.extend(self.compressed_size.to_le_bytes());
        out.extend(self.size.to_le_bytes());
        out.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
        out.extend(u16::try_from(self.extra.len()).unwrap().to_le_bytes());
    }
}

/// `bytes` as a file named as a wheel, in a directory that lives as long as the first value.
pub(crate) fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(NAME);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    (directory, path)
}

/// `bytes` as an open file without a name.
pub(crate) fn positioned(bytes: &[u8]) -> Positioned {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Positioned::new(file).unwrap()
}
