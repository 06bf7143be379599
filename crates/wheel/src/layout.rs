//! The container itself: that every zip reader sees the same members in this file.
//!
//! Readers find members in two ways: from the central directory at the end, or from local headers
//! one after the other. A file in which the two differ installs as one wheel here and as another
//! there, so both are walked and have to agree: the file is local header, data, local header, data
//! … central directory, end record, without a byte between, before or behind. `zip` accepts more.

use crate::error::{Error, ErrorKind, Result};
use crate::header::{Entry, FLAG_DESCRIPTOR, Fields, IN_ZIP64, LOCAL_SIZE};
use crate::positioned::Positioned;
use std::io;

const END_SIGNATURE: u32 = 0x0605_4b50;
const END_SIZE: usize = 22;
const END64_SIGNATURE: u32 = 0x0606_4b50;
const END64_SIZE: usize = 56;
const LOCATOR_SIGNATURE: u32 = 0x0706_4b50;
const LOCATOR_SIZE: usize = 20;
const DESCRIPTOR_SIGNATURE: u32 = 0x0807_4b50;
/// Most local headers are no longer than this beyond their names; longer ones are read again.
const USUAL_EXTRA: usize = 64;

/// Where the central directory is, and how many headers it has.
#[derive(Debug, PartialEq, Eq)]
struct Directory {
    entries: u64,
    offset: u64,
    size: u64,
}

/// An entry on which both headers agree.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) entry: Entry,
    /// Where the compressed bytes begin.
    pub(crate) data_offset: u64,
}

/// Every entry, in the order of the central directory.
pub(crate) fn read(file: &Positioned) -> Result<Vec<Located>> {
    let directory = find_directory(file)?;
    let mut located = Vec::new();
    for entry in read_directory(file, &directory)? {
        located.push(locate(file, &directory, entry)?);
    }
    check_extents(file, &directory, &located)?;
    Ok(located)
}

fn find_directory(file: &Positioned) -> Result<Directory> {
    // The comment at the very end may have up to 65,535 bytes.
    let tail_size = file.size().min(0xffff + END_SIZE as u64);
    let tail_offset = file.size() - tail_size;
    let tail = read_bytes(file, tail_offset, tail_size)?;
    let signature = END_SIGNATURE.to_le_bytes();
    let mut found = None;
    for (index, window) in tail.windows(END_SIZE).enumerate() {
        let comment_ends = tail.len() - index - END_SIZE;
        if window.starts_with(&signature)
            && window.ends_with(&u16::try_from(comment_ends).unwrap_or(0).to_le_bytes())
            && found.replace((index, window)).is_some()
        {
            return Err(Error::zip("two end of central directory records, a zip archive has one"));
        }
    }
    let (index, window) = found.ok_or(ErrorKind::NotZip)?;
    let offset = tail_offset + index as u64;
    let end = end_record(Fields(window)).ok_or(ErrorKind::NotZip)?;
    let (directory, directory_end) = match zip64_end_record(file, offset, &end)? {
        Some((end64, at)) => (end64, at),
        None => (end, offset),
    };
    match directory.offset.checked_add(directory.size) {
        Some(end) if end == directory_end => Ok(directory),
        _ => Err(Error::zip(format!(
            "the central directory is said to be {} bytes at {:#x}, its end record is at \
             {directory_end:#x}: bytes are missing, or too many",
            directory.size, directory.offset
        ))),
    }
}

fn end_record(mut fields: Fields<'_>) -> Option<Directory> {
    fields.take(4)?;
    let _disks = (fields.u16()?, fields.u16()?);
    let _entries_here = fields.u16()?;
    let entries = fields.u16()?.into();
    let (size, offset) = (fields.u32()?.into(), fields.u32()?.into());
    Some(Directory { entries, offset, size })
}

/// The zip64 end record and where it is, if there is a locator right before the end record.
fn zip64_end_record(
    file: &Positioned,
    end_offset: u64,
    end: &Directory,
) -> Result<Option<(Directory, u64)>> {
    let wants = end.entries == 0xffff
        || end.offset == u64::from(IN_ZIP64)
        || end.size == u64::from(IN_ZIP64);
    let Some(locator_offset) = end_offset.checked_sub(LOCATOR_SIZE as u64) else { return Ok(None) };
    let locator = read_bytes(file, locator_offset, LOCATOR_SIZE as u64)?;
    let mut fields = Fields(&locator);
    if fields.u32() != Some(LOCATOR_SIGNATURE) {
        // Exactly 65,535 entries, without zip64, are allowed; they are counted later.
        return Ok(None);
    }
    if !wants {
        return Err(Error::zip("a zip64 end record that the end record does not ask for"));
    }
    let lies = || Error::zip("the zip64 locator does not lead to a zip64 end record before it");
    let (disk, offset) = fields.u32().zip(fields.u64()).ok_or_else(lies)?;
    if disk != 0 || offset.checked_add(END64_SIZE as u64) != Some(locator_offset) {
        return Err(lies());
    }
    let bytes = read_bytes(file, offset, END64_SIZE as u64)?;
    let end64 = zip64_fields(Fields(&bytes)).ok_or_else(lies)?;
    let agree = |short: u64, limit: u64, long: u64| short == limit || short == long;
    if agree(end.entries, 0xffff, end64.entries)
        && agree(end.size, IN_ZIP64.into(), end64.size)
        && agree(end.offset, IN_ZIP64.into(), end64.offset)
    {
        Ok(Some((end64, offset)))
    } else {
        Err(Error::zip("the end record and the zip64 end record differ"))
    }
}

fn zip64_fields(mut fields: Fields<'_>) -> Option<Directory> {
    fields.u32().filter(|signature| *signature == END64_SIGNATURE)?;
    // "Size of the record", which does not count itself and the signature.
    fields.u64().filter(|size| *size == END64_SIZE as u64 - 12)?;
    let _versions = fields.u32()?;
    let disks = (fields.u32()?, fields.u32()?);
    let (entries_here, entries) = (fields.u64()?, fields.u64()?);
    let (size, offset) = (fields.u64()?, fields.u64()?);
    (disks == (0, 0) && entries_here == entries).then_some(Directory { entries, offset, size })
}

fn read_directory(file: &Positioned, directory: &Directory) -> Result<Vec<Entry>> {
    let bytes = read_bytes(file, directory.offset, directory.size)?;
    let mut fields = Fields(&bytes);
    let mut entries = Vec::new();
    while !fields.0.is_empty() {
        let position = directory.offset + (bytes.len() - fields.0.len()) as u64;
        entries.push(Entry::read_central(&mut fields, position)?);
    }
    if entries.len() as u64 != directory.entries {
        return Err(Error::zip(format!(
            "the end record counts {} entries, the central directory has {}",
            directory.entries,
            entries.len()
        )));
    }
    Ok(entries)
}

/// Reads the local header of `entry` and holds it against the central one.
fn locate(file: &Positioned, directory: &Directory, entry: Entry) -> Result<Located> {
    let (local, header_size) =
        read_local(file, directory, &entry).map_err(|error| error.in_member(&*entry.name))?;
    compare(&local, &entry).map_err(|error| error.in_member(&*entry.name))?;
    let data_offset = entry.header_offset.checked_add(header_size as u64);
    let end = data_offset.and_then(|offset| offset.checked_add(entry.compressed_size));
    match (data_offset, end) {
        (Some(data_offset), Some(end)) if end <= directory.offset => {
            Ok(Located { entry, data_offset })
        }
        _ => {
            let what = format!(
                "{} bytes of data at {:#x} run into the central directory at {:#x}",
                entry.compressed_size, entry.header_offset, directory.offset
            );
            Err(Error::zip(what).in_member(entry.name))
        }
    }
}

fn read_local(file: &Positioned, directory: &Directory, entry: &Entry) -> Result<(Entry, usize)> {
    let (start, end) = (entry.header_offset, directory.offset);
    let room = end.saturating_sub(start);
    if room == 0 {
        let what = format!("its local header at {start:#x} is not before the central directory");
        return Err(Error::zip(what));
    }
    let read = |len: usize| read_bytes(file, entry.header_offset, room.min(len as u64));
    let bytes = read(LOCAL_SIZE + entry.name.len() + USUAL_EXTRA)?;
    let mut lengths = Fields(bytes.get(LOCAL_SIZE - 4..).unwrap_or_default());
    let lengths = lengths.u16().zip(lengths.u16()).unwrap_or_default();
    let len = LOCAL_SIZE + usize::from(lengths.0) + usize::from(lengths.1);
    if len > bytes.len() { Entry::read_local(&read(len)?) } else { Entry::read_local(&bytes) }
}

fn compare(local: &Entry, central: &Entry) -> Result<()> {
    let disagree = |field, local: String, central: String| {
        Error::new(ErrorKind::HeadersDisagree { field, local, central })
    };
    if local.name != central.name {
        let quote = |name: &str| format!("`{}`", name.escape_debug());
        return Err(disagree("the name", quote(&local.name), quote(&central.name)));
    }
    let has_descriptor = central.flags & FLAG_DESCRIPTOR != 0;
    for (field, left, right, may_be_zero) in [
        ("compression method", local.method.into(), central.method.into(), false),
        ("flags", local.flags.into(), central.flags.into(), false),
        ("CRC-32", local.crc32.into(), central.crc32.into(), true),
        ("compressed size", local.compressed_size, central.compressed_size, true),
        ("size", local.size, central.size, true),
    ] {
        // With a data descriptor the local header is written before these are known.
        let unknown = has_descriptor && may_be_zero && matches!(left, 0 | 0xffff_ffff);
        if left != right && !unknown {
            return Err(disagree(field, format!("{left:#x}"), format!("{right:#x}")));
        }
    }
    Ok(())
}

/// Entries fill the file up to the central directory, each once, in any order.
fn check_extents(file: &Positioned, directory: &Directory, located: &[Located]) -> Result<()> {
    let mut order: Vec<&Located> = located.iter().collect();
    order.sort_by_key(|located| located.entry.header_offset);
    let mut end = 0;
    let mut last: Option<&Located> = None;
    let starts = order.iter().map(|located| (located.entry.header_offset, Some(*located)));
    for (start, next) in starts.chain([(directory.offset, None)]) {
        let descriptor = last.filter(|last| last.entry.flags & FLAG_DESCRIPTOR != 0);
        match (start.checked_sub(end), descriptor) {
            (None, _) => {
                let what = format!("begins at {start:#x}, within `{}`", name_of(last));
                return Err(Error::zip(what).in_member(name_of(next)));
            }
            (Some(gap), Some(last)) => check_descriptor(file, last, end, gap)?,
            (Some(0), None) => {}
            (Some(gap), None) => {
                let what = format!("{gap} bytes at {end:#x} belong to no member");
                return Err(Error::zip(what));
            }
        }
        if let Some(next) = next {
            // Cannot overflow: `locate` found the end before the central directory.
            end = next.data_offset.saturating_add(next.entry.compressed_size);
        }
        last = next;
    }
    Ok(())
}

fn name_of(located: Option<&Located>) -> &str {
    located.map_or("the central directory", |located| &*located.entry.name)
}

/// The `gap` bytes at `offset` are the data descriptor of `located`, in any of its four forms.
fn check_descriptor(file: &Positioned, located: &Located, offset: u64, gap: u64) -> Result<()> {
    let entry = &located.entry;
    let with_signature = |bytes: Vec<u8>| {
        let signature = DESCRIPTOR_SIGNATURE.to_le_bytes().into_iter();
        [bytes.clone(), signature.chain(bytes).collect()]
    };
    let long = [entry.compressed_size.to_le_bytes(), entry.size.to_le_bytes()].concat();
    let crc32 = entry.crc32.to_le_bytes().to_vec();
    let mut forms = with_signature([crc32.clone(), long].concat()).to_vec();
    if let (Ok(compressed), Ok(size)) =
        (u32::try_from(entry.compressed_size), u32::try_from(entry.size))
    {
        let short = [compressed.to_le_bytes(), size.to_le_bytes()].concat();
        forms.extend(with_signature([crc32, short].concat()));
    }
    if gap <= 24 && forms.contains(&read_bytes(file, offset, gap)?) {
        return Ok(());
    }
    let what = format!("{gap} bytes behind its data at {offset:#x} are not its data descriptor");
    Err(Error::zip(what).in_member(&*entry.name))
}

/// Never asks for more memory than the file has bytes.
pub(crate) fn read_bytes(file: &Positioned, offset: u64, size: u64) -> Result<Vec<u8>> {
    let truncated =
        || Error::zip(format!("{size} bytes at {offset:#x} run past the end of the file"));
    if offset.checked_add(size).is_none_or(|end| end > file.size()) {
        return Err(truncated());
    }
    let mut bytes = zeros(size)?;
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(truncated()),
        Err(source) => Err(ErrorKind::Io { doing: "cannot read".to_owned(), source }.into()),
    }
}

/// `size` zero bytes, or an error where `vec!` would end the process.
pub(crate) fn zeros(size: u64) -> Result<Vec<u8>> {
    let memory = || Error::new(ErrorKind::Memory { size });
    let len = usize::try_from(size).map_err(|_| memory())?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| memory())?;
    bytes.resize(len, 0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw_zip::{RawEntry, RawZip, positioned};

    fn message(zip: &RawZip) -> String {
        message_of(&zip.bytes())
    }

    fn message_of(bytes: &[u8]) -> String {
        read(&positioned(bytes)).unwrap_err().to_string()
    }

    fn entry() -> RawEntry {
        RawEntry::deflated("x", &[b'x'; 300])
    }

    #[test]
    fn headers_that_differ_are_refused_by_field() {
        type Change = fn(&mut RawEntry);
        let cases: [(Change, &str); 6] = [
            (|e| e.local.name = b"y".to_vec(), "the name `y`, the central directory has `x`"),
            (|e| e.local.method = 0, "compression method 0x0, the central directory has 0x8"),
            (|e| e.local.flags = 8, "flags 0x8, the central directory has 0x0"),
            (|e| e.local.crc32 = 1, "CRC-32 0x1, the central directory has"),
            (|e| e.local.size = 301, "size 0x12d, the central directory has 0x12c"),
            (|e| e.local.compressed_size = 99, "compressed size 0x63, the central directory has"),
        ];
        for (change, expected) in cases {
            let mut entry = entry();
            change(&mut entry);
            let message = message(&RawZip::wheel().with(entry));
            assert!(
                message.starts_with(&format!("x: the local header has {expected}")),
                "{message}"
            );
        }
    }

    #[test]
    fn entries_no_wheel_has_are_refused() {
        let encrypted = entry().both(|header| header.flags = 1);
        let zstd = entry().both(|header| header.method = 93);
        let latin = RawEntry::stored("x", b"").both(|header| header.name = b"\xfc".to_vec());
        let unmarked = RawEntry::stored("ü", b"").both(|header| header.flags = 0);
        let stored = RawEntry::stored("x", b"abc").both(|header| header.size = 4);
        let mut disk = entry();
        disk.disk = 1;
        for (entry, expected) in [
            (encrypted, "x: encrypted, members of a wheel are not"),
            (zstd, "x: compression method 93, a wheel has 0 (stored) or 8 (deflate)"),
            (latin, "\u{fffd}: its name is not UTF-8"),
            (
                unmarked,
                "ü: its name is not ASCII and is not marked as UTF-8, so readers spell it each \
                 in their own way",
            ),
            (stored, "x: the archive declares 4 bytes, the contents have 3"),
            (disk, "the archive is one of several disks, a wheel is one file"),
        ] {
            assert_eq!(message(&RawZip::wheel().with(entry)), expected);
        }
    }

    #[test]
    fn a_second_name_in_the_extra_field_is_refused() {
        let with = |name: &[u8]| {
            let len = u8::try_from(name.len() + 5).unwrap();
            let extra = [&[0x75, 0x70, len, 0, 1, 0, 0, 0, 0], name].concat();
            RawZip::wheel().with(entry().both(|header| header.extra = extra.clone()))
        };
        let expected = "x: a second name in the extra field, which some readers take";
        assert_eq!(message(&with(b"y")), expected);
        assert!(read(&positioned(&with(b"x").bytes())).is_ok());
    }

    #[test]
    fn bytes_of_no_member_are_refused_wherever_they_are() {
        let zip = RawZip::wheel;
        let prefix = RawZip { prefix: b"#!/bin/sh\n".to_vec(), ..zip() };
        assert_eq!(message(&prefix), "10 bytes at 0x0 belong to no member");
        let mut gap = zip();
        gap.entries[0].after = b"hidden".to_vec();
        assert_eq!(message(&gap), "6 bytes at 0x4b belong to no member");
        let suffix = RawZip { suffix: b"x".to_vec(), ..zip() };
        let expected =
            "not a zip archive, or its end is missing: no end of central directory record";
        assert_eq!(message(&suffix), expected);
        let before_end = RawZip { before_end: b"xx".to_vec(), ..zip() };
        assert!(message(&before_end).ends_with("bytes are missing, or too many"));
        let commented = RawZip { comment: b"a comment".to_vec(), ..zip() };
        assert_eq!(read(&positioned(&commented.bytes())).unwrap().len(), 4);
    }

    #[test]
    fn an_archive_within_the_comment_of_another_is_refused() {
        let inner = RawZip::wheel().bytes();
        let outer = RawZip { comment: inner, ..RawZip::wheel() };
        let expected = "two end of central directory records, a zip archive has one";
        assert_eq!(message(&outer), expected);
    }

    #[test]
    fn entries_that_overlap_are_refused() {
        // The second entry begins where the first does.
        let mut zip = RawZip::wheel().with(entry());
        zip.entries[1].offset = Some(0);
        zip.entries[1].central = zip.entries[0].central.clone();
        assert_eq!(message(&zip), "demo/__init__.py: begins at 0x0, within `demo/__init__.py`");
        // A quine: an entry within the data of another.
        let inner =
            RawZip { entries: vec![RawEntry::stored("y", b"yy")], ..RawZip::wheel() }.bytes();
        let mut zip = RawZip::wheel().with(RawEntry::stored("x", &inner[..33]));
        zip.entries.insert(2, RawEntry::stored("y", b"yy"));
        let outer_data = zip.entries[0].data.len() + 30 + 16 + 30 + 1;
        zip.entries[2].offset = Some(u32::try_from(outer_data).unwrap());
        assert_eq!(message(&zip), "y: begins at 0x6a, within `x`");
    }

    #[test]
    fn an_entry_beyond_the_members_is_refused() {
        let mut zip = RawZip::wheel();
        zip.entries[0].offset = Some(0xffff_fff0);
        let expected =
            "demo/__init__.py: its local header at 0xfffffff0 is not before the central directory";
        assert_eq!(message(&zip), expected);
        zip.entries[0].offset = Some(1);
        let expected = "demo/__init__.py: no local header where the central directory has one";
        assert_eq!(message(&zip), expected);
        let mut zip = RawZip::wheel();
        zip.entries[3] = zip.entries[3].clone().both(|header| {
            header.size = 1 << 30;
            header.compressed_size = 1 << 30;
        });
        assert!(message(&zip).contains("run into the central directory"), "{}", message(&zip));
    }

    #[test]
    fn a_wrong_count_of_entries_is_refused() {
        let zip = RawZip { miscount: 1, ..RawZip::wheel() };
        let expected = "the end record counts 5 entries, the central directory has 4";
        assert_eq!(message(&zip), expected);
    }

    #[test]
    fn data_descriptors_are_taken_in_every_form_and_only_if_right() {
        let with = |after: Vec<u8>, zeroed: bool| {
            let mut entry = entry().both(|header| header.flags = 8);
            if zeroed {
                (entry.local.crc32, entry.local.size, entry.local.compressed_size) = (0, 0, 0);
            }
            entry.after = after;
            RawZip::wheel().with(entry)
        };
        let header = entry().central;
        let (crc32, compressed, size) = (header.crc32, header.compressed_size, header.size);
        let short: Vec<u8> =
            [crc32, compressed, size].iter().flat_map(|v| v.to_le_bytes()).collect();
        let long: Vec<u8> =
            [crc32, compressed, 0, size, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
        for form in [short.clone(), long] {
            let signed = [b"PK\x07\x08", &*form].concat();
            for after in [form, signed] {
                assert!(read(&positioned(&with(after.clone(), true).bytes())).is_ok());
                assert!(read(&positioned(&with(after, false).bytes())).is_ok());
            }
        }
        let wrong = short.iter().map(|byte| byte ^ 1).collect();
        for after in [wrong, Vec::new(), vec![0; 30]] {
            let message = message(&with(after, true));
            assert!(message.ends_with("are not its data descriptor"), "{message}");
        }
    }

    #[test]
    fn zip64_end_records_are_read_and_must_agree() {
        let zip64 = |count: u64, locator: u64| {
            let zip = RawZip::wheel();
            let plain = zip.bytes();
            let end = plain.len() - 22;
            let start = u32::from_le_bytes(plain[end + 16..end + 20].try_into().unwrap());
            let size = end as u64 - u64::from(start);
            let mut extra = b"PK\x06\x06".to_vec();
            extra.extend(44_u64.to_le_bytes());
            extra.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for value in [count, count, size, start.into()] {
                extra.extend(value.to_le_bytes());
            }
            extra.extend(b"PK\x06\x07\0\0\0\0");
            extra.extend((end as u64 + locator).to_le_bytes());
            extra.extend(1_u32.to_le_bytes());
            let mut bytes = plain[..end].to_vec();
            bytes.extend(extra);
            bytes.extend(&plain[end..end + 8]);
            bytes.extend([0xff; 4]);
            bytes.extend(&plain[end + 12..]);
            bytes
        };
        assert_eq!(read(&positioned(&zip64(4, 0))).unwrap().len(), 4);
        let expected = "the end record counts 5 entries, the central directory has 4";
        assert_eq!(message_of(&zip64(5, 0)), expected);
        let expected = "the zip64 locator does not lead to a zip64 end record before it";
        assert_eq!(message_of(&zip64(4, 1)), expected);
        let unasked = RawZip { before_end: zip64(4, 0)[..].to_vec(), ..RawZip::wheel() };
        assert!(read(&positioned(&unasked.bytes())).is_err());
    }

    #[test]
    fn a_directory_larger_than_the_file_asks_for_no_memory() {
        let mut bytes = RawZip::wheel().bytes();
        let end = bytes.len() - 22;
        bytes[end + 12..end + 16].fill(0xfe);
        assert!(message_of(&bytes).contains("is said to be 4278124286 bytes"));
    }

    /// The file has holes: it takes no room on a disk.
    #[cfg(unix)]
    #[test]
    fn an_archive_over_4_gib_is_read_as_its_headers_say() {
        use std::io::{BufReader, Seek as _, SeekFrom, Write as _};
        let big = u64::from(u32::MAX) + 12_345;
        let entry = |name: &str, size, header_offset| Entry {
            name: name.to_owned(),
            flags: 0,
            method: 0,
            modified: crate::Timestamp::EPOCH_1980,
            crc32: 0,
            compressed_size: size,
            size,
            header_offset,
            made_by: 3,
            external_attributes: 0o100_644 << 16,
            unix_time: None,
        };
        let mut file = tempfile::tempfile().unwrap();
        let (mut central, mut offset) = (Vec::new(), 0);
        let mut written = Vec::new();
        for (name, size) in [("small", 3), ("big", big), ("after", 5)] {
            let entry = entry(name, size, offset);
            let mut local = Vec::new();
            entry.write_local(&mut local).unwrap();
            file.seek(SeekFrom::Start(offset)).unwrap();
            file.write_all(&local).unwrap();
            entry.write_central(&mut central).unwrap();
            offset += local.len() as u64 + size;
            written.push(entry);
        }
        central.extend(crate::writer::end_records(3, central.len() as u64, offset));
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.write_all(&central).unwrap();

        let zip = zip::ZipArchive::new(BufReader::new(&file)).unwrap();
        assert_eq!(zip.by_index_data(1).unwrap().size(), big);
        assert_eq!(zip.by_index_data(2).unwrap().header_start(), written[2].header_offset);
        let located = read(&Positioned::new(file).unwrap()).unwrap();
        let entries: Vec<Entry> = located.into_iter().map(|located| located.entry).collect();
        assert_eq!(entries, written);
        assert!(written[2].header_offset > u64::from(u32::MAX));
    }
}
