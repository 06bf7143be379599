//! The headers of a zip archive's entries: to read, and to write (PKWARE APPNOTE 6.3, §§ 4.3, 4.5).
//!
//! `zip` reads archives but takes no ready-made deflate stream to write and does not show the local
//! headers. Installers refuse wheels whose local and central headers differ, so both are needed.

use crate::error::{Error, ErrorKind, Result};
use crate::timestamp::Timestamp;

pub(crate) const METHOD_STORED: u16 = 0;
pub(crate) const METHOD_DEFLATE: u16 = 8;
/// Encrypted, strongly encrypted, or with masked headers (APPNOTE 4.4.4: bits 0, 6 and 13).
const FLAGS_ENCRYPTED: u16 = 0x2041;
/// Sizes and CRC-32 follow the data (bit 3).
pub(crate) const FLAG_DESCRIPTOR: u16 = 0x0008;
/// The name is UTF-8 (bit 11).
pub(crate) const FLAG_UTF8: u16 = 0x0800;

const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
pub(crate) const LOCAL_SIZE: usize = 30;
/// Sizes and offsets of this value stand in the extra field `0x0001` instead.
pub(crate) const IN_ZIP64: u32 = u32::MAX;

const EXTRA_ZIP64: u16 = 0x0001;
/// "UT", Info-ZIP's time since 1970.
const EXTRA_UNIX_TIME: u16 = 0x5455;
/// Info-ZIP's Unicode path: another name for the member, which only some readers take.
const EXTRA_UNICODE_PATH: u16 = 0x7075;

/// Upper byte of "version made by".
const MADE_BY_UNIX: u8 = 3;
const MADE_BY_MACOS: u8 = 19;
/// 2.0 knows deflate and directories, 4.5 zip64 (APPNOTE 4.4.3.2).
const VERSION_DEFLATE: u16 = 20;
const VERSION_ZIP64: u16 = 45;

/// What an entry's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) modified: Timestamp,
    pub(crate) crc32: u32,
    pub(crate) compressed_size: u64,
    pub(crate) size: u64,
    /// Where the local header begins; not in the local header itself.
    pub(crate) header_offset: u64,
    pub(crate) made_by: u8,
    pub(crate) external_attributes: u32,
    pub(crate) unix_time: Option<[u8; 4]>,
}

/// Reads little-endian fields one after the other; `None` at the end of the bytes.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

impl Entry {
    /// `st_mode`, if the system that made the archive has one.
    pub(crate) fn unix_mode(&self) -> Option<u32> {
        let unix = matches!(self.made_by, MADE_BY_UNIX | MADE_BY_MACOS);
        Some(self.external_attributes >> 16).filter(|mode| unix && *mode != 0)
    }

    /// Reads the next header of the central directory. `position` is where it is in the file.
    pub(crate) fn read_central(fields: &mut Fields<'_>, position: u64) -> Result<Self> {
        let truncated = || {
            let what = format!("the central directory ends within its header at {position:#x}");
            Error::zip(what)
        };
        if fields.u32().ok_or_else(truncated)? != CENTRAL_SIGNATURE {
            let what = format!("no central directory header at {position:#x}, there should be one");
            return Err(Error::zip(what));
        }
        let (mut entry, name, extra, disk) = central(fields).ok_or_else(truncated)?;
        entry.name = text(name, entry.flags)?;
        let name = entry.name.clone();
        let extra = Extra::read(extra, &entry, true).map_err(|error| error.in_member(&*name))?;
        let entry = extra.apply(entry);
        if disk != 0 {
            return Err(Error::zip("the archive is one of several disks, a wheel is one file"));
        }
        entry.check().map_err(|error| error.in_member(&*name))?;
        Ok(entry)
    }

    /// Reads a local header of which `bytes` begins with all; gives also its length.
    pub(crate) fn read_local(bytes: &[u8]) -> Result<(Self, usize)> {
        let mut fields = Fields(bytes);
        let (mut entry, name, extra) = local(&mut fields)
            .ok_or_else(|| Error::zip("no local header where the central directory has one"))?;
        entry.name = text(name, entry.flags)?;
        let extra = Extra::read(extra, &entry, false)?;
        Ok((extra.apply(entry), bytes.len() - fields.0.len()))
    }

    fn check(&self) -> Result<()> {
        if self.flags & FLAGS_ENCRYPTED != 0 {
            return Err(ErrorKind::Encrypted.into());
        }
        if !matches!(self.method, METHOD_STORED | METHOD_DEFLATE) {
            return Err(ErrorKind::Method(self.method).into());
        }
        if self.method == METHOD_STORED && self.size != self.compressed_size {
            let found = Some(self.compressed_size);
            return Err(ErrorKind::Size { declared: self.size, found }.into());
        }
        Ok(())
    }

    /// Appends the local header.
    pub(crate) fn write_local(&self, out: &mut Vec<u8>) -> Result<()> {
        let extra = self.extra(false);
        out.extend(LOCAL_SIGNATURE.to_le_bytes());
        self.write_common(out, &extra)?;
        out.extend(self.name.as_bytes());
        out.extend(extra);
        Ok(())
    }

    /// Appends the header in the central directory.
    pub(crate) fn write_central(&self, out: &mut Vec<u8>) -> Result<()> {
        let extra = self.extra(true);
        out.extend(CENTRAL_SIGNATURE.to_le_bytes());
        out.extend((u16::from(MADE_BY_UNIX) << 8 | VERSION_ZIP64).to_le_bytes());
        self.write_common(out, &extra)?;
        // No comment, disk 0, internal attributes 0.
        out.extend([0; 6]);
        out.extend(self.external_attributes.to_le_bytes());
        out.extend(saturated(self.header_offset).to_le_bytes());
        out.extend(self.name.as_bytes());
        out.extend(extra);
        Ok(())
    }

    /// From "version needed" to the length of the extra field: the same in both headers.
    fn write_common(&self, out: &mut Vec<u8>, extra: &[u8]) -> Result<()> {
        let len = |len: usize| {
            u16::try_from(len).map_err(|_| {
                let kind = ErrorKind::NotWritable("its path has over 65,535 bytes");
                Error::of_member(kind, &*self.name)
            })
        };
        let needed = if self.is_zip64() { VERSION_ZIP64 } else { VERSION_DEFLATE };
        for field in [
            needed,
            if self.name.is_ascii() { 0 } else { FLAG_UTF8 },
            self.method,
            self.modified.dos_time(),
            self.modified.dos_date(),
        ] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.crc32.to_le_bytes());
        // APPNOTE 4.5.3: a local header with zip64 sizes has both of them there.
        let (compressed, size) = match self.has_zip64_sizes() {
            true => (IN_ZIP64, IN_ZIP64),
            false => (saturated(self.compressed_size), saturated(self.size)),
        };
        out.extend(compressed.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend(len(self.name.len())?.to_le_bytes());
        out.extend(len(extra.len())?.to_le_bytes());
        Ok(())
    }

    fn extra(&self, is_central: bool) -> Vec<u8> {
        let mut zip64 = Vec::new();
        if self.has_zip64_sizes() {
            zip64.extend(self.size.to_le_bytes());
            zip64.extend(self.compressed_size.to_le_bytes());
        }
        if is_central && saturated(self.header_offset) == IN_ZIP64 {
            zip64.extend(self.header_offset.to_le_bytes());
        }
        let mut extra = Vec::new();
        if let Ok(len @ 1..) = u16::try_from(zip64.len()) {
            extra.extend(EXTRA_ZIP64.to_le_bytes());
            extra.extend(len.to_le_bytes());
            extra.extend(zip64);
        }
        if let Some(time) = self.unix_time {
            // Five bytes: only the time of the last change is there (bit 0), in both headers.
            extra.extend(EXTRA_UNIX_TIME.to_le_bytes());
            extra.extend([5, 0, 1]);
            extra.extend(time);
        }
        extra
    }

    fn has_zip64_sizes(&self) -> bool {
        saturated(self.size) == IN_ZIP64 || saturated(self.compressed_size) == IN_ZIP64
    }

    fn is_zip64(&self) -> bool {
        self.has_zip64_sizes() || saturated(self.header_offset) == IN_ZIP64
    }
}

/// What is of interest in an extra field.
#[derive(Debug, Default)]
struct Extra {
    size: Option<u64>,
    compressed_size: Option<u64>,
    header_offset: Option<u64>,
    unix_time: Option<[u8; 4]>,
}

impl Extra {
    fn read(bytes: &[u8], entry: &Entry, is_central: bool) -> Result<Self> {
        let mut extra = Self::default();
        let mut fields = Fields(bytes);
        let mut has_zip64 = false;
        // Alignment tools fill the end with zeros too few for a field.
        while fields.0.len() >= 4 || fields.0.iter().any(|byte| *byte != 0) {
            let field = fields.u16().zip(fields.u16());
            let field = field.and_then(|(id, len)| Some((id, fields.take(len.into())?)));
            let (id, data) =
                field.ok_or_else(|| Error::zip("a part of the extra field runs past its end"))?;
            match id {
                EXTRA_ZIP64 if has_zip64 => {
                    return Err(Error::zip("two zip64 extra fields, there should be one"));
                }
                EXTRA_ZIP64 => {
                    has_zip64 = true;
                    extra.read_zip64(Fields(data), entry, is_central)?;
                }
                EXTRA_UNICODE_PATH => extra.check_unicode_path(data, entry)?,
                EXTRA_UNIX_TIME => {
                    let mut data = Fields(data);
                    let has_time =
                        data.take(1).is_some_and(|flags| flags.iter().all(|f| f & 1 == 1));
                    extra.unix_time = data.array().filter(|_| has_time);
                }
                _ => {}
            }
        }
        let wants = |value: u64| value == u64::from(IN_ZIP64);
        let missing = (wants(entry.size) && extra.size.is_none())
            || (wants(entry.compressed_size) && extra.compressed_size.is_none())
            || (is_central && wants(entry.header_offset) && extra.header_offset.is_none());
        if missing && has_zip64 {
            return Err(Error::zip("the zip64 extra field is too short for what it should hold"));
        }
        Ok(extra)
    }

    /// Only the values that the header has as `0xffffffff` are there, in this order.
    fn read_zip64(&mut self, mut data: Fields<'_>, entry: &Entry, is_central: bool) -> Result<()> {
        let mut value = |field: u64| match field == u64::from(IN_ZIP64) {
            true => data.u64(),
            false => None,
        };
        self.size = value(entry.size);
        self.compressed_size = value(entry.compressed_size);
        if is_central {
            self.header_offset = value(entry.header_offset);
        }
        Ok(())
    }

    /// The field is harmless only if it repeats the name.
    fn check_unicode_path(&self, data: &[u8], entry: &Entry) -> Result<()> {
        match data.get(5..) {
            Some(name) if name == entry.name.as_bytes() => Ok(()),
            _ => Err(Error::zip("a second name in the extra field, which some readers take")),
        }
    }

    fn apply(self, mut entry: Entry) -> Entry {
        entry.size = self.size.unwrap_or(entry.size);
        entry.compressed_size = self.compressed_size.unwrap_or(entry.compressed_size);
        entry.header_offset = self.header_offset.unwrap_or(entry.header_offset);
        entry.unix_time = self.unix_time;
        entry
    }
}

/// The fields from "flags" to the sizes, in both headers the same.
fn common(fields: &mut Fields<'_>) -> Option<Entry> {
    let (flags, method) = (fields.u16()?, fields.u16()?);
    let (time, date) = (fields.u16()?, fields.u16()?);
    let (crc32, compressed_size, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
    Some(Entry {
        name: String::new(),
        flags,
        method,
        modified: Timestamp::from_dos(date, time),
        crc32,
        compressed_size: compressed_size.into(),
        size: size.into(),
        header_offset: 0,
        made_by: 0,
        external_attributes: 0,
        unix_time: None,
    })
}

/// A central header behind its signature: the entry, its name, its extra field and its disk.
fn central<'a>(fields: &mut Fields<'a>) -> Option<(Entry, &'a [u8], &'a [u8], u16)> {
    let [_, made_by] = fields.array()?;
    let _needed = fields.u16()?;
    let mut entry = common(fields)?;
    let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let (disk, _internal) = (fields.u16()?, fields.u16()?);
    entry.made_by = made_by;
    entry.external_attributes = fields.u32()?;
    entry.header_offset = fields.u32()?.into();
    let (name, extra) = (fields.take(name.into())?, fields.take(extra.into())?);
    fields.take(comment.into())?;
    Some((entry, name, extra, disk))
}

fn local<'a>(fields: &mut Fields<'a>) -> Option<(Entry, &'a [u8], &'a [u8])> {
    fields.u32().filter(|signature| *signature == LOCAL_SIGNATURE)?;
    let _needed = fields.u16()?;
    let entry = common(fields)?;
    let (name, extra) = (fields.u16()?, fields.u16()?);
    Some((entry, fields.take(name.into())?, fields.take(extra.into())?))
}

/// Without bit 11 a name that is not ASCII has as many spellings as there are readers.
fn text(name: &[u8], flags: u16) -> Result<String> {
    let text = String::from_utf8_lossy(name).into_owned();
    if std::str::from_utf8(name).is_err() {
        return Err(Error::of_member(not_utf8("its name is not UTF-8"), text));
    }
    if !text.is_ascii() && flags & FLAG_UTF8 == 0 {
        let what = "its name is not ASCII and is not marked as UTF-8, so readers spell it each \
                    in their own way";
        return Err(Error::of_member(not_utf8(what), text));
    }
    Ok(text)
}

fn not_utf8(what: &str) -> ErrorKind {
    ErrorKind::Zip { what: what.to_owned() }
}

fn saturated(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(IN_ZIP64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            name: "a/ü.so".to_owned(),
            flags: FLAG_UTF8,
            method: METHOD_DEFLATE,
            modified: Timestamp::from_unix(1_700_000_000),
            crc32: 0x1234_5678,
            compressed_size: 10,
            size: 20,
            header_offset: 30,
            made_by: MADE_BY_UNIX,
            external_attributes: 0o100_755 << 16,
            unix_time: Some([1, 2, 3, 4]),
        }
    }

    #[test]
    fn headers_are_read_as_written_with_and_without_zip64() {
        const G: u64 = 1 << 30;
        let limit = u64::from(u32::MAX);
        for (size, compressed_size, header_offset) in [
            (20, 10, 30),
            (5 * G, 10, 30),
            (5 * G, 6 * G, 7 * G),
            (20, 10, 7 * G),
            (limit, limit, limit),
            (limit - 1, limit - 1, limit - 1),
        ] {
            let entry = Entry { size, compressed_size, header_offset, ..entry() };
            let mut bytes = Vec::new();
            entry.write_central(&mut bytes).unwrap();
            let mut fields = Fields(&bytes);
            assert_eq!(Entry::read_central(&mut fields, 0).unwrap(), entry);
            assert!(fields.0.is_empty());

            bytes.clear();
            entry.write_local(&mut bytes).unwrap();
            let (local, len) = Entry::read_local(&bytes).unwrap();
            let known = Entry { header_offset: 0, made_by: 0, external_attributes: 0, ..entry };
            assert_eq!((local, len), (known, bytes.len()));
        }
    }

    #[test]
    fn a_header_cut_anywhere_is_refused() {
        let mut bytes = Vec::new();
        entry().write_central(&mut bytes).unwrap();
        for len in 0..bytes.len() {
            assert!(Entry::read_central(&mut Fields(&bytes[..len]), 0).is_err());
        }
        bytes.clear();
        entry().write_local(&mut bytes).unwrap();
        for len in 0..bytes.len() {
            assert!(Entry::read_local(&bytes[..len]).is_err());
        }
    }
}
