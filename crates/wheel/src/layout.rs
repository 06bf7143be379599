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
    let room = directory.offset.saturating_sub(entry.header_offset);
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
