//! Writes a wheel: members copied raw or made new, then `.dist-info`, then RECORD.
//!
//! No member comes in without its digest, so RECORD is complete when the last one is in, and is
//! written here, last. The wheel is a temporary file in its destination directory until
//! [`Written::persist`] renames it: an output that is there is whole.
//!
//! PyPA, "Binary distribution format": "Archivers are encouraged to place the .dist-info files
//! physically at the end of the archive." Members come in any order; those of `.dist-info` wait.

use crate::archive::{Wheel, has_below};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::header::{Entry, IN_ZIP64};
use crate::member::{Member, MemberKind, S_IFMT, S_IFREG};
use crate::new_member::NewMember;
use crate::path::MemberPath;
use crate::positioned::Positioned;
use crate::record::{Record, RecordRow, is_record_or_signature};
use crate::timestamp::Timestamp;
use crate::{deflate, layout};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::NamedTempFile;

/// Bytes copied at once.
const COPY_SIZE: u64 = 1 << 20;
/// The mode of members whose wheel says none, and of RECORD.
const DEFAULT_MODE: u32 = S_IFREG | 0o644;
/// Version 4.5 (zip64), made on Unix and needed to read.
const END64_VERSIONS: [u8; 4] = [45, 3, 45, 0];

/// A wheel that is being written.
#[derive(Debug)]
pub struct WheelWriter {
    out: BufWriter<NamedTempFile>,
    offset: u64,
    record: MemberPath,
    /// What is written, in order.
    entries: Vec<Entry>,
    rows: Vec<RecordRow>,
    /// The members of `.dist-info`, which come last.
    waiting: Vec<Pending>,
    paths: BTreeMap<String, ()>,
}

/// A member before it is written.
#[derive(Debug)]
struct Pending {
    entry: Entry,
    data: Data,
    row: RecordRow,
}

#[derive(Debug)]
enum Data {
    Bytes(Vec<u8>),
    /// Somewhere in another wheel.
    Copy {
        file: Arc<Positioned>,
        offset: u64,
    },
}

/// A wheel that is written but has no name yet. Dropped, it is removed.
#[derive(Debug)]
pub struct Written {
    file: NamedTempFile,
    directory: PathBuf,
    record: Record,
}

impl WheelWriter {
    /// Begins a temporary file in `directory`, which is made if it is not there. `record` is the
    /// path of RECORD in the new wheel.
    ///
    /// # Errors
    ///
    /// `record` is not `….dist-info/RECORD`; directory or file cannot be made.
    pub fn create(directory: &Path, record: MemberPath) -> Result<Self> {
        let in_dist_info =
            record.parent().ends_with(".dist-info") && !record.parent().contains('/');
        if record.file_name() != "RECORD" || !in_dist_info {
            let reason = "the path of RECORD, it should be `RECORD` in a `.dist-info` directory";
            return Err(Error::of_member(ErrorKind::NotWritable(reason), record.as_str()));
        }
        let file = fs::create_dir_all(directory).and_then(|()| temporary_file(directory));
        let file = file.map_err(|source| Error::io("cannot write to", directory, source))?;
        Ok(Self {
            out: BufWriter::with_capacity(1 << 16, file),
            offset: 0,
            record,
            entries: Vec::new(),
            rows: Vec::new(),
            waiting: Vec::new(),
            paths: BTreeMap::new(),
        })
    }

    /// Adds a file of another wheel as it is there: its compressed bytes, date and mode. `digest` is
    /// that of its contents, as read from `wheel`.
    ///
    /// # Errors
    ///
    /// Not a file; a path that is already there or is the writer's; a digest of another size; reading
    /// or writing fails.
    pub fn copy(&mut self, wheel: &Wheel, member: &Member, digest: &Digest) -> Result<()> {
        let error = |kind| Error::of_member(kind, member.path.as_str());
        if member.kind != MemberKind::File {
            return Err(error(ErrorKind::NotAFile));
        }
        if member.size != digest.size {
            let found = Some(digest.size);
            return Err(error(ErrorKind::Size { declared: member.size, found }));
        }
        let mode = member.mode.map_or(DEFAULT_MODE, |mode| mode & !S_IFMT | S_IFREG);
        let mut entry = entry(&member.path, mode, member.modified);
        entry.method = member.method;
        entry.crc32 = member.crc32;
        entry.compressed_size = member.compressed_size;
        entry.size = member.size;
        entry.unix_time = member.unix_time;
        let data = Data::Copy { file: Arc::clone(wheel.file()), offset: member.data_offset };
        self.push(Pending { entry, data, row: RecordRow::of(member.path.as_str(), digest) })
    }

    /// Adds a new file.
    ///
    /// # Errors
    ///
    /// A path that is already there or is the writer's; writing fails.
    pub fn add(&mut self, member: NewMember) -> Result<()> {
        let row = RecordRow::of(member.path().as_str(), member.digest());
        let mut entry = entry(member.path(), member.mode(), member.modified());
        entry.method = member.method;
        entry.crc32 = member.crc32;
        entry.compressed_size = member.compressed_size();
        entry.size = member.digest().size;
        self.push(Pending { entry, data: Data::Bytes(member.data), row })
    }

    /// Writes what waits, RECORD with the date `modified`, and the archive's directory.
    ///
    /// # Errors
    ///
    /// A file is the directory of another; writing fails.
    pub fn finish(mut self, modified: Timestamp) -> Result<Written> {
        for path in self.paths.keys() {
            if has_below(&self.paths, path) {
                return Err(Error::of_member(ErrorKind::FileAndDirectory, &**path));
            }
        }
        for pending in std::mem::take(&mut self.waiting) {
            self.write(pending)?;
        }
        self.write_record(modified)?;
        self.write_directory()?;
        let Self { out, rows, .. } = self;
        let file = out.into_inner().map_err(|error| writing(error.into_error()))?;
        let directory = file.path().parent().map(Path::to_owned).unwrap_or_default();
        Ok(Written { file, directory, record: Record { rows } })
    }

    /// Writes the member now, or keeps it for the end.
    fn push(&mut self, pending: Pending) -> Result<()> {
        let name = &pending.entry.name;
        if is_record_or_signature(name) || *name == self.record.as_str() {
            let reason = "RECORD is made by the writer, and signatures of another RECORD are void";
            return Err(Error::of_member(ErrorKind::NotWritable(reason), &**name));
        }
        if self.paths.insert(name.clone(), ()).is_some() {
            return Err(Error::of_member(ErrorKind::Duplicate, &**name));
        }
        let in_dist_info = name.strip_prefix(self.record.parent());
        if in_dist_info.is_some_and(|rest| rest.starts_with('/')) {
            self.waiting.push(pending);
            return Ok(());
        }
        self.write(pending)
    }

    fn write(&mut self, pending: Pending) -> Result<()> {
        let Pending { mut entry, data, row } = pending;
        entry.header_offset = self.offset;
        let mut header = Vec::new();
        entry.write_local(&mut header)?;
        self.write_bytes(&header)?;
        match data {
            Data::Bytes(bytes) => self.write_bytes(&bytes)?,
            Data::Copy { file, offset } => self
                .write_copy(&file, offset, entry.compressed_size)
                .map_err(|error| error.in_member(&*entry.name))?,
        }
        self.entries.push(entry);
        self.rows.push(row);
        Ok(())
    }

    fn write_copy(&mut self, file: &Positioned, mut offset: u64, mut rest: u64) -> Result<()> {
        while rest > 0 {
            let bytes = layout::read_bytes(file, offset, rest.min(COPY_SIZE))?;
            self.write_bytes(&bytes)?;
            offset = offset.saturating_add(bytes.len() as u64);
            rest = rest.saturating_sub(bytes.len() as u64);
        }
        Ok(())
    }

    fn write_record(&mut self, modified: Timestamp) -> Result<()> {
        let row = RecordRow::of_record(self.record.as_str());
        self.rows.push(row.clone());
        let text = Record { rows: std::mem::take(&mut self.rows) };
        let bytes = text.print().into_bytes();
        let record = self.record.clone();
        let member = NewMember::new(record, &bytes, DEFAULT_MODE, modified, deflate::LEVEL)?;
        let mut entry = entry(&self.record, DEFAULT_MODE, modified);
        entry.method = member.method;
        entry.crc32 = member.crc32;
        entry.compressed_size = member.compressed_size();
        entry.size = member.digest().size;
        self.write(Pending { entry, data: Data::Bytes(member.data), row })?;
        self.rows = text.rows;
        Ok(())
    }

    /// The central directory and its end records (APPNOTE 4.3.12 to 4.3.16).
    fn write_directory(&mut self) -> Result<()> {
        let (start, len) = (self.offset, self.entries.len() as u64);
        for entry in std::mem::take(&mut self.entries) {
            let mut header = Vec::new();
            entry.write_central(&mut header)?;
            self.write_bytes(&header)?;
        }
        let size = self.offset.saturating_sub(start);
        let end = end_records(len, size, start);
        self.write_bytes(&end)?;
        self.out.flush().map_err(writing)
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(writing)?;
        let offset = self.offset.checked_add(bytes.len() as u64);
        self.offset = offset.ok_or_else(|| Error::zip("over 2^64 bytes"))?;
        Ok(())
    }
}

impl Written {
    /// The temporary file. It can be read with [`Wheel::open_as`].
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The RECORD that was written.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Gives the wheel its name, in place of a file that has it, and returns its path.
    ///
    /// # Errors
    ///
    /// `file_name` has directories, or the file cannot be renamed. On Windows a virus scanner may
    /// hold a new file for a moment, so there it is tried for about a second.
    pub fn persist(self, file_name: &str) -> Result<PathBuf> {
        let name = MemberPath::new(file_name)?;
        if name.file_name() != file_name {
            let reason = "has directories, it should be the name of a file";
            return Err(ErrorKind::Path { path: file_name.to_owned(), reason }.into());
        }
        let path = self.directory.join(file_name);
        let mut file = self.file;
        for pause in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] {
            match file.persist(&path) {
                Ok(_) => return Ok(path),
                Err(error) if is_sharing_violation(&error.error) => file = error.file,
                Err(error) => return Err(Error::io("cannot write", &path, error.error)),
            }
            std::thread::sleep(Duration::from_millis(pause));
        }
        match file.persist(&path) {
            Ok(_) => Ok(path),
            Err(error) => Err(Error::io("cannot write", &path, error.error)),
        }
    }
}

/// ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION.
fn is_sharing_violation(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32 | 33))
}

/// Its name does not end in `.whl`: nobody shall take it for a wheel.
fn temporary_file(directory: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".truewheel-").suffix(".part");
    // tempfile makes files only their owner can read, but a wheel is for all whom the umask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}

fn entry(path: &MemberPath, mode: u32, modified: Timestamp) -> Entry {
    Entry {
        name: path.as_str().to_owned(),
        flags: 0,
        method: 0,
        modified,
        crc32: 0,
        compressed_size: 0,
        size: 0,
        header_offset: 0,
        made_by: 0,
        external_attributes: mode << 16,
        unix_time: None,
    }
}

fn end_records(len: u64, size: u64, start: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let short = |value: u64| u32::try_from(value).unwrap_or(IN_ZIP64);
    let short_len = u16::try_from(len).unwrap_or(u16::MAX);
    if short_len == u16::MAX || short(size) == IN_ZIP64 || short(start) == IN_ZIP64 {
        // 44 bytes follow the field that says so; disks 0.
        out.extend(0x0606_4b50_u32.to_le_bytes());
        out.extend(44_u64.to_le_bytes());
        out.extend(END64_VERSIONS);
        out.extend([0; 8]);
        for value in [len, len, size, start] {
            out.extend(value.to_le_bytes());
        }
        out.extend(0x0706_4b50_u32.to_le_bytes());
        out.extend([0; 4]);
        out.extend(start.saturating_add(size).to_le_bytes());
        out.extend(1_u32.to_le_bytes());
    }
    out.extend(0x0605_4b50_u32.to_le_bytes());
    out.extend([0; 4]);
    out.extend(short_len.to_le_bytes());
    out.extend(short_len.to_le_bytes());
    out.extend(short(size).to_le_bytes());
    out.extend(short(start).to_le_bytes());
    out.extend([0; 2]);
    out
}

fn writing(source: io::Error) -> Error {
    ErrorKind::Io { doing: "cannot write the new wheel".to_owned(), source }.into()
}
