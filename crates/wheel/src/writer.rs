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
        let file = file_in(directory)?;
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
    /// A copy of `wheel`, byte by byte, in `directory`, which is made if it is not there: for a
    /// wheel that is right as it is.
    ///
    /// # Errors
    ///
    /// Reading or writing fails.
    pub fn copy_of(wheel: &Wheel, directory: &Path) -> Result<Self> {
        let mut file = file_in(directory)?;
        let mut input = fs::File::open(wheel.path())
            .map_err(|error| Error::io("cannot open", wheel.path(), error))?;
        io::copy(&mut input, &mut file).and_then(|_| file.flush()).map_err(writing)?;
        Ok(Self { file, directory: directory.to_owned(), record: Record::default() })
    }

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
        let path = self.destination(file_name)?;
        rename(self.file, &path)?;
        Ok(path)
    }

    /// Where the wheel will be under this name.
    pub(crate) fn destination(&self, file_name: &str) -> Result<PathBuf> {
        let name = MemberPath::new(file_name)?;
        if name.file_name() != file_name {
            let reason = "has directories, it should be the name of a file";
            return Err(ErrorKind::Path { path: file_name.to_owned(), reason }.into());
        }
        Ok(self.directory.join(file_name))
    }
}

/// ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION.
fn is_sharing_violation(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32 | 33))
}

/// A temporary file in `directory`, which is made if it is not there.
fn file_in(directory: &Path) -> Result<NamedTempFile> {
    let file = fs::create_dir_all(directory).and_then(|()| temporary_file(directory));
    file.map_err(|source| match directory.is_file() {
        true => {
            let what = "it is a file, it should be a directory";
            Error::io("cannot write to", directory, io::Error::new(source.kind(), what))
        }
        false => Error::io("cannot write to", directory, source),
    })
}

/// Gives a temporary file its name. Windows refuses while a scanner looks at the file: then it is tried again.
pub(crate) fn rename(mut file: NamedTempFile, path: &Path) -> Result<()> {
    for pause in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] {
        match file.persist(path) {
            Ok(_) => return Ok(()),
            Err(error) if is_sharing_violation(&error.error) => file = error.file,
            Err(error) => return Err(Error::io("cannot write", path, error.error)),
        }
        std::thread::sleep(Duration::from_millis(pause));
    }
    match file.persist(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::io("cannot write", path, error.error)),
    }
}

/// Its name does not end in `.whl`: nobody shall take it for a wheel.
pub(crate) fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".truewheel-").suffix(".part");
    builder
}

fn temporary_file(directory: &Path) -> io::Result<NamedTempFile> {
    #[cfg_attr(not(unix), allow(unused_mut, reason = "only POSIX files have permissions here"))]
    let mut builder = builder();
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

pub(crate) fn end_records(len: u64, size: u64, start: u64) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw_zip::{self, RECORD, RawEntry, RawZip};
    use std::io::Read as _;

    const TIME: Timestamp = Timestamp::EPOCH_1980;

    fn path(text: &str) -> MemberPath {
        MemberPath::new(text).unwrap()
    }

    fn writer(directory: &Path) -> WheelWriter {
        WheelWriter::create(directory, path(RECORD)).unwrap()
    }

    fn new(name: &str, bytes: &[u8]) -> NewMember {
        NewMember::new(path(name), bytes, 0o755, Timestamp::from_unix(1_700_000_000), 6).unwrap()
    }

    fn open(zip: &RawZip) -> (tempfile::TempDir, Wheel) {
        let (directory, path) = raw_zip::file(&zip.bytes());
        let wheel = Wheel::open(&path).unwrap();
        (directory, wheel)
    }

    fn copy_all(writer: &mut WheelWriter, wheel: &Wheel) {
        let files = wheel.members().iter().filter(|member| member.kind == MemberKind::File);
        for member in files.filter(|member| !is_record_or_signature(member.path.as_str())) {
            let digest = Digest::of(&wheel.read(member).unwrap());
            writer.copy(wheel, member, &digest).unwrap();
        }
    }

    #[test]
    fn a_wheel_is_written_in_order_and_read_back_by_zip() {
        let zip = RawZip::wheel().with(RawEntry::deflated("demo/ü.so", &[b'x'; 5000]));
        let (directory, wheel) = open(&zip);
        let mut writer = writer(directory.path());
        copy_all(&mut writer, &wheel);
        writer.add(new("demo-1.0.dist-info/sboms/x.json", &[b'{'; 100])).unwrap();
        writer.add(new("demo.libs/libx,1.so", &[b'y'; 3_000_000])).unwrap();
        let output = writer.finish(TIME).unwrap().persist(raw_zip::NAME).unwrap();

        let names = [
            "demo/__init__.py",
            "demo/ü.so",
            "demo.libs/libx,1.so",
            "demo-1.0.dist-info/METADATA",
            "demo-1.0.dist-info/WHEEL",
            "demo-1.0.dist-info/sboms/x.json",
            RECORD,
        ];
        let mut archive = zip::ZipArchive::new(fs::File::open(&output).unwrap()).unwrap();
        let mut text = String::new();
        for (index, name) in names.into_iter().enumerate() {
            let mut member = archive.by_index(index).unwrap();
            assert_eq!(member.name().unwrap(), name);
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            let row = RecordRow::of(name, &Digest::of(&bytes));
            let row = if name == RECORD { RecordRow::of_record(name) } else { row };
            text.push_str(&format!("{row}\n"));
            let mode = if matches!(index, 2 | 5) { 0o100_755 } else { 0o100_644 };
            assert_eq!(member.unix_mode(), Some(mode));
        }
        assert_eq!(archive.len(), names.len());
        let wheel = Wheel::open(&output).unwrap();
        let record = wheel.read(wheel.member(RECORD).unwrap()).unwrap();
        assert_eq!(String::from_utf8(record).unwrap(), text);
        assert!(text.contains("\n\"demo.libs/libx,1.so\",sha256="));
    }

    #[test]
    fn python_finds_no_fault_in_what_is_written() {
        let (directory, wheel) =
            open(&RawZip::wheel().with(RawEntry::stored("demo/ü", b"\xc3\xbc")));
        let mut writer = writer(directory.path());
        copy_all(&mut writer, &wheel);
        writer.add(new("demo.libs/x", &[b'y'; 3_000_000])).unwrap();
        let written = writer.finish(TIME).unwrap();
        let script = "import sys, zipfile\n\
                      z = zipfile.ZipFile(sys.argv[1])\n\
                      assert z.testzip() is None\n\
                      assert z.read('demo/\\u00fc') == b'\\xc3\\xbc'\n\
                      assert len(z.namelist()) == 6\n";
        let status =
            std::process::Command::new("python3").args(["-c", script]).arg(written.path()).status();
        match status {
            Ok(status) => assert!(status.success()),
            Err(error) => {
                #[allow(clippy::print_stderr, reason = "a skipped test says so")]
                {
                    eprintln!("skipped: python3 cannot be run: {error}");
                }
            }
        }
    }

    #[test]
    fn copied_members_keep_bytes_date_mode_and_time() {
        let mut entry = RawEntry::deflated("demo/x.so", &[b'x'; 5000]);
        entry.attributes = 0o100_751 << 16;
        // A time of the last change and of the last access, which the central header does not have.
        entry.local.extra = [&b"UT\x09\0\x03"[..], &[1, 2, 3, 4, 5, 6, 7, 8]].concat();
        entry.central.extra = [&b"UT\x05\0\x03"[..], &[1, 2, 3, 4]].concat();
        let with_descriptor = RawEntry::deflated("demo/y.so", &[b'y'; 5000]);
        let header = with_descriptor.central.clone();
        let mut with_descriptor = with_descriptor.both(|header| header.flags = 8);
        for value in [header.crc32, header.compressed_size, header.size] {
            with_descriptor.after.extend(value.to_le_bytes());
        }
        let (directory, wheel) = open(&RawZip::wheel().with(entry.clone()).with(with_descriptor));
        let mut writer = writer(&directory.path().join("deep/out"));
        copy_all(&mut writer, &wheel);
        let output = writer.finish(TIME).unwrap().persist(raw_zip::NAME).unwrap();
        assert_eq!(output, directory.path().join("deep/out").join(raw_zip::NAME));

        let bytes = fs::read(&output).unwrap();
        let copy = Wheel::open(&output).unwrap();
        for member in wheel.members().iter().filter(|member| member.path.as_str() != RECORD) {
            let new = copy.member(member.path.as_str()).unwrap();
            assert_eq!(new.modified, member.modified);
            assert_eq!(new.mode, member.mode);
            assert_eq!(new.method, member.method);
            assert_eq!(new.unix_time, member.unix_time);
            assert_eq!(copy.read(new).unwrap(), wheel.read(member).unwrap());
        }
        let start = usize::try_from(copy.member("demo/x.so").unwrap().data_offset).unwrap();
        assert_eq!(bytes[start..start + entry.data.len()], entry.data);
        assert_eq!(copy.member("demo/x.so").unwrap().mode, Some(0o100_751));
    }

    #[test]
    fn a_wheel_copied_twice_is_the_same_bytes() {
        let (directory, wheel) = open(&RawZip::wheel());
        let write = |wheel: &Wheel| {
            let mut writer = writer(directory.path());
            copy_all(&mut writer, wheel);
            let written = writer.finish(TIME).unwrap();
            let bytes = fs::read(written.path()).unwrap();
            (bytes, Wheel::open_as(written.path(), raw_zip::NAME).unwrap(), written)
        };
        let (first, again, _written) = write(&wheel);
        assert_eq!(write(&wheel).0, first);
        assert_eq!(write(&again).0, first);
    }

    #[test]
    fn what_the_writer_must_not_take_is_refused() {
        let mut link = RawEntry::stored("demo/l.so", b"l.so.1");
        link.attributes = 0o120_777 << 16;
        let (directory, wheel) = open(&RawZip::wheel().with(link));
        let mut writer = writer(directory.path());
        copy_all(&mut writer, &wheel);
        let member = |path| wheel.member(path).unwrap();
        let digest = Digest::of(b"");
        let made = "RECORD is made by the writer, and signatures of another RECORD are void";
        for (error, message) in [
            (
                writer.copy(&wheel, member("demo/l.so"), &digest),
                "demo/l.so: not a regular file".to_owned(),
            ),
            (
                writer.copy(&wheel, member("demo/__init__.py"), &digest),
                "demo/__init__.py: the archive declares 29 bytes, the contents have 0".to_owned(),
            ),
            (
                writer.add(new("demo/__init__.py", b"")),
                "demo/__init__.py: in the wheel twice, a path may be there once".to_owned(),
            ),
            (writer.add(new(RECORD, b"")), format!("{RECORD}: {made}")),
            (
                writer.add(new("demo-1.0.dist-info/RECORD.p7s", b"")),
                format!("demo-1.0.dist-info/RECORD.p7s: {made}"),
            ),
        ] {
            assert_eq!(error.unwrap_err().to_string(), message);
        }
        writer.add(new("demo/__init__.py/x", b"")).unwrap();
        let expected = "demo/__init__.py: a file, and also the directory of another member";
        assert_eq!(writer.finish(TIME).unwrap_err().to_string(), expected);
        let error = WheelWriter::create(directory.path(), path("demo/RECORD")).unwrap_err();
        assert!(error.to_string().starts_with("demo/RECORD: the path of RECORD, it should be"));
    }

    #[test]
    fn nothing_is_left_of_a_wheel_without_a_name() {
        let directory = tempfile::tempdir().unwrap();
        let count = || fs::read_dir(directory.path()).unwrap().count();
        let mut unfinished = writer(directory.path());
        unfinished.add(new("a", b"a")).unwrap();
        let name = unfinished.out.get_ref().path().to_owned();
        assert!(name.extension().is_none_or(|extension| extension != "whl"));
        assert_eq!(count(), 1);
        drop(unfinished);
        assert_eq!(count(), 0);
        drop(writer(directory.path()).finish(TIME).unwrap());
        assert_eq!(count(), 0);
        let error = writer(directory.path()).finish(TIME).unwrap().persist("../x.whl").unwrap_err();
        assert!(error.to_string().starts_with("the path `../x.whl` has the part `..`"));
        let error = writer(directory.path()).finish(TIME).unwrap().persist("a/x.whl").unwrap_err();
        assert!(error.to_string().ends_with("has directories, it should be the name of a file"));
        assert_eq!(count(), 0);
    }

    #[test]
    fn an_output_replaces_the_input_of_its_name() {
        let (directory, wheel) = open(&RawZip::wheel());
        let mut writer = writer(directory.path());
        copy_all(&mut writer, &wheel);
        writer.add(new("demo/new", b"new")).unwrap();
        let output = writer.finish(TIME).unwrap().persist(raw_zip::NAME).unwrap();
        assert_eq!(output, wheel.path());
        assert!(Wheel::open(&output).unwrap().member("demo/new").is_some());
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_the_output() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let plain = directory.path().join("plain");
        fs::write(&plain, b"").unwrap();
        let output = writer(directory.path()).finish(TIME).unwrap().persist("x.whl").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&output), mode(&plain));
    }

    #[test]
    fn more_than_65535_members_are_written_with_zip64() {
        let directory = tempfile::tempdir().unwrap();
        for len in [65_534, 65_535, 65_536] {
            let mut writer = writer(directory.path());
            for index in 1..len {
                writer.add(new(&format!("d/{index}"), b"")).unwrap();
            }
            let written = writer.finish(TIME).unwrap();
            let file = fs::File::open(written.path()).unwrap();
            assert_eq!(zip::ZipArchive::new(io::BufReader::new(&file)).unwrap().len(), len);
            let file = Positioned::new(file).unwrap();
            assert_eq!(layout::read(&file).unwrap().len(), len);
        }
    }

    #[test]
    fn sizes_over_4_gib_stand_in_the_zip64_end_record() {
        let big = u64::from(u32::MAX) + 1;
        assert_eq!(end_records(1, 1, u64::from(u32::MAX) - 1).len(), 22);
        for (len, size, start) in [(1, 1, big), (1, big, 1), (65_535, 1, 1), (1, 1, big - 1)] {
            let records = end_records(len, size, start);
            assert_eq!(records.len(), 56 + 20 + 22);
            assert_eq!(records[32..40], len.to_le_bytes());
            assert_eq!(records[40..48], size.to_le_bytes());
            assert_eq!(records[48..56], start.to_le_bytes());
            assert_eq!(records[64..72], (start + size).to_le_bytes());
        }
    }
}
