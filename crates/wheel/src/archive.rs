//! A wheel to read: its members, its file name, its `.dist-info`.
//!
//! `zip` reads the central directory; [`layout`] walks the container a second time and has to
//! come to the same. Nothing is inflated until it is asked for, and then by position, so that any
//! number of threads can read one wheel.

use crate::error::{Error, ErrorKind, Result};
use crate::filename::{WheelFilename, normalize_name, normalize_version};
use crate::header::METHOD_STORED;
use crate::layout::{self, Located};
use crate::member::{Member, MemberKind};
use crate::positioned::{Cursor, Positioned};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Deflate writes at most 258 bytes for 2 bits, 1032 for a byte; the rest is for block headers.
const MAX_RATIO: u64 = 1100;
/// Bytes by which a very small member may be over that ratio.
const RATIO_SLACK: u64 = 1100;

/// An open wheel.
#[derive(Debug)]
pub struct Wheel {
    path: PathBuf,
    filename: WheelFilename,
    file: Arc<Positioned>,
    members: Vec<Member>,
    /// The index in `members` by path.
    by_path: BTreeMap<String, usize>,
    dist_info: String,
}

impl Wheel {
    /// Opens a wheel under its own name.
    ///
    /// # Errors
    ///
    /// No regular file, and everything that makes zip readers or installers disagree: a file that is not a zip archive,
    /// is cut off, or has bytes that belong to no member; names that are twice there, lead out of
    /// the wheel, or are not UTF-8; local headers unlike the central directory's; encryption,
    /// methods other than stored and deflate, several disks; no or several `.dist-info`, or that of
    /// another project. A wheel without `RECORD`, `WHEEL` or `METADATA` is refused too, as no
    /// installer takes it.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Self::open_as(path, &name)
    }

    /// Opens a wheel that has, or will have, the name `file_name`.
    ///
    /// # Errors
    ///
    /// As [`Wheel::open`].
    pub fn open_as(path: &Path, file_name: &str) -> Result<Self> {
        // Before it is opened: a pipe that nobody writes to would be waited for.
        let kind = fs::metadata(path).map_err(opening)?;
        if kind.is_dir() {
            return Err(Error::zip("a directory, it should be a file"));
        }
        if !kind.is_file() {
            return Err(ErrorKind::NotAFile.into());
        }
        let filename: WheelFilename = file_name.parse()?;
        let file = File::open(path).and_then(Positioned::new).map_err(opening)?;
        let located = layout::read(&file)?;
        check_against_zip(&file, &located)?;
        let members = located
            .iter()
            .map(|located| Member::new(&located.entry, located.data_offset))
            .collect::<Result<Vec<_>>>()?;
        let by_path = index(&members)?;
        let dist_info = find_dist_info(&members, &filename)?;
        for name in ["METADATA", "WHEEL", "RECORD"] {
            let path = format!("{dist_info}/{name}");
            let member = by_path.get(&path).and_then(|index| members.get(*index));
            if member.is_none_or(|member| member.kind != MemberKind::File) {
                return Err(ErrorKind::NoSuchMember(path).into());
            }
        }
        let file = Arc::new(file);
        Ok(Self { path: path.to_owned(), filename, file, members, by_path, dist_info })
    }

    /// The path it was opened at.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, taken apart.
    #[must_use]
    pub fn filename(&self) -> &WheelFilename {
        &self.filename
    }

    /// Every member, directories too, in the order of the archive's directory.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member at `path`.
    #[must_use]
    pub fn member(&self, path: &str) -> Option<&Member> {
        self.members.get(*self.by_path.get(path)?)
    }

    /// The name of the `.dist-info` directory, without a slash.
    #[must_use]
    pub fn dist_info(&self) -> &str {
        &self.dist_info
    }

    /// Bytes of all contents together.
    #[must_use]
    pub fn total_size(&self) -> u64 {
        self.members.iter().fold(0, |total, member| total.saturating_add(member.size))
    }

    /// Groups of paths that are one on systems that do not tell case apart, such as Windows and
    /// macOS: there, the last of each group overwrites the others.
    #[must_use]
    pub fn case_collisions(&self) -> Vec<Vec<&str>> {
        let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for member in &self.members {
            let path = member.path.as_str();
            groups.entry(path.to_lowercase()).or_default().push(path);
        }
        groups.into_values().filter(|paths| paths.len() > 1).collect()
    }

    /// The contents of `member`: inflated, their size and CRC-32 checked. Of a symlink, where it
    /// leads.
    ///
    /// # Errors
    ///
    /// A directory; contents that are not what the archive declares; reading fails.
    pub fn read(&self, member: &Member) -> Result<Vec<u8>> {
        self.read_member(member).map_err(|error| error.in_member(member.path.as_str()))
    }

    /// The raw deflate stream of `member` as it is in the archive; `None` where the contents are
    /// stored. Only [`Wheel::read`] checks what it holds.
    ///
    /// # Errors
    ///
    /// Reading fails.
    pub fn read_raw(&self, member: &Member) -> Result<Option<Vec<u8>>> {
        if !member.is_deflated() {
            return Ok(None);
        }
        layout::read_bytes(&self.file, member.data_offset, member.compressed_size)
            .map(Some)
            .map_err(|error| error.in_member(member.path.as_str()))
    }

    fn read_member(&self, member: &Member) -> Result<Vec<u8>> {
        if member.kind == MemberKind::Directory {
            return Err(ErrorKind::NotAFile.into());
        }
        let (compressed, declared) = (member.compressed_size, member.size);
        let limit = compressed.saturating_mul(MAX_RATIO).saturating_add(RATIO_SLACK);
        if declared > limit {
            return Err(ErrorKind::Ratio { compressed, declared }.into());
        }
        let raw = layout::read_bytes(&self.file, member.data_offset, compressed)?;
        let bytes = if member.method == METHOD_STORED { raw } else { inflate(&raw, declared)? };
        let found = libdeflater::crc32(&bytes);
        if found != member.crc32 {
            return Err(ErrorKind::Crc { declared: member.crc32, found }.into());
        }
        Ok(bytes)
    }

    /// The file, for copies that outlive this borrow.
    pub(crate) fn file(&self) -> &Arc<Positioned> {
        &self.file
    }
}

/// Without the path: whoever named the file knows how it is spelled.
fn opening(source: io::Error) -> Error {
    ErrorKind::Io { doing: "cannot open the wheel".to_owned(), source }.into()
}

fn inflate(raw: &[u8], declared: u64) -> Result<Vec<u8>> {
    use libdeflater::DecompressionError::{BadData, InsufficientSpace};
    let mut bytes = layout::zeros(declared)?;
    match libdeflater::Decompressor::new().deflate_decompress(raw, &mut bytes) {
        Ok(len) if len as u64 == declared => Ok(bytes),
        Ok(len) => Err(ErrorKind::Size { declared, found: Some(len as u64) }.into()),
        Err(InsufficientSpace) => Err(ErrorKind::Size { declared, found: None }.into()),
        Err(BadData) => Err(ErrorKind::BadDeflate.into()),
    }
}

/// `zip` and [`layout`] see the same entries. Two readers that agree are the point of opening.
fn check_against_zip(file: &Positioned, located: &[Located]) -> Result<()> {
    let archive = zip::ZipArchive::new(BufReader::new(Cursor::new(file)))
        .map_err(|error| Error::zip(format!("not a zip archive that can be read: {error}")))?;
    if archive.len() != located.len() {
        // `zip` keeps one of several entries of one name; `index` says which name it is.
        let paths = located.iter().map(|located| &*located.entry.name).collect();
        return Err(duplicate(paths).unwrap_or_else(|| {
            let (zip, own) = (archive.len(), located.len());
            Error::zip(format!("readers see {zip} and {own} entries in the archive"))
        }));
    }
    for (index, located) in located.iter().enumerate() {
        let entry = &located.entry;
        let agree = archive.by_index_data(index).is_ok_and(|seen| {
            seen.name_raw() == entry.name.as_bytes()
                && seen.size() == entry.size
                && seen.compressed_size() == entry.compressed_size
                && seen.crc32() == entry.crc32
                && seen.header_start() == entry.header_offset
        });
        if !agree {
            let what = "readers see different sizes, names or places of it in the archive";
            return Err(Error::zip(what).in_member(&*entry.name));
        }
    }
    Ok(())
}

fn duplicate(mut names: Vec<&str>) -> Option<Error> {
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair.first() == pair.last())?;
    Some(Error::of_member(ErrorKind::Duplicate, *twice.first()?))
}

fn index(members: &[Member]) -> Result<BTreeMap<String, usize>> {
    let mut by_path = BTreeMap::new();
    for (index, member) in members.iter().enumerate() {
        if by_path.insert(member.path.as_str().to_owned(), index).is_some() {
            return Err(Error::of_member(ErrorKind::Duplicate, member.path.as_str()));
        }
    }
    let files = members.iter().filter(|member| member.kind != MemberKind::Directory);
    for path in files.map(|member| member.path.as_str()) {
        if has_below(&by_path, path) {
            return Err(Error::of_member(ErrorKind::FileAndDirectory, path));
        }
    }
    Ok(by_path)
}

/// Whether something in `paths` is in the directory `path`.
pub(crate) fn has_below<T>(paths: &BTreeMap<String, T>, path: &str) -> bool {
    let directory = format!("{path}/");
    let range = (Bound::Included(&*directory), Bound::Unbounded);
    let next = paths.range::<str, _>(range).next();
    next.is_some_and(|(path, _)| path.starts_with(&directory))
}

fn find_dist_info(members: &[Member], filename: &WheelFilename) -> Result<String> {
    let mut names: Vec<String> = members
        .iter()
        .filter_map(|member| match member.path.as_str().split_once('/') {
            Some((top, _)) => Some(top),
            None => Some(member.path.as_str()).filter(|_| member.kind == MemberKind::Directory),
        })
        .filter(|top| top.ends_with(".dist-info"))
        .map(ToOwned::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > 1 {
        return Err(ErrorKind::ManyDistInfo(names).into());
    }
    let found = names.pop().ok_or(ErrorKind::NoDistInfo)?;
    let stem = found.strip_suffix(".dist-info").unwrap_or(&found);
    // Some builders spell the name with `-`; versions never have one.
    let same = stem.rsplit_once('-').is_some_and(|(name, version)| {
        normalize_name(name) == normalize_name(&filename.distribution)
            && normalize_version(version) == normalize_version(&filename.version)
    });
    if same {
        Ok(found)
    } else {
        let expected = format!("{}-{}.dist-info", filename.distribution, filename.version);
        Err(ErrorKind::OtherDistInfo { found, expected }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw_zip::{self, RECORD, RawEntry, RawZip};

    fn open(zip: &RawZip) -> Result<Wheel> {
        let (_directory, path) = raw_zip::file(&zip.bytes());
        Wheel::open(&path)
    }

    fn message(zip: &RawZip) -> String {
        open(zip).unwrap_err().to_string()
    }

    #[test]
    fn a_wheel_without_fault_is_opened_and_read() {
        let zip = RawZip::wheel()
            .with(RawEntry::deflated("demo/ü.txt", &[b'x'; 5000]))
            .with(RawEntry::stored("demo/sub/", b""));
        let wheel = open(&zip).unwrap();
        assert_eq!(wheel.dist_info(), "demo-1.0.dist-info");
        assert_eq!(wheel.filename().to_string(), raw_zip::NAME);
        let paths: Vec<&str> = wheel.members().iter().map(|member| member.path.as_str()).collect();
        assert_eq!(paths[..3], ["demo/__init__.py", "demo/sub", "demo/ü.txt"]);
        assert_eq!(wheel.member("demo/sub").unwrap().kind, MemberKind::Directory);
        let member = wheel.member("demo/ü.txt").unwrap();
        assert_eq!(wheel.read(member).unwrap(), [b'x'; 5000]);
        let raw = wheel.read_raw(member).unwrap().unwrap();
        assert_eq!(inflate(&raw, 5000).unwrap(), [b'x'; 5000]);
        assert_eq!(raw.len() as u64, member.compressed_size);
        assert_eq!(wheel.read_raw(wheel.member("demo/sub").unwrap()).unwrap(), None);
        assert_eq!(member.mode, Some(0o100_644));
        assert_eq!(member.modified.to_string(), "2024-01-02 03:04:06");
        let sum: u64 = wheel.members().iter().map(|member| member.size).sum();
        assert_eq!(wheel.total_size(), sum);
        let error = wheel.read(wheel.member("demo/sub").unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "demo/sub: not a regular file");
    }

    #[test]
    fn many_threads_read_one_wheel() {
        let zip = (0..20).fold(RawZip::wheel(), |zip, index| {
            zip.with(RawEntry::deflated(&format!("demo/{index}"), &vec![index; 9999]))
        });
        let wheel = open(&zip).unwrap();
        std::thread::scope(|scope| {
            for index in 0..20 {
                let wheel = &wheel;
                scope.spawn(move || {
                    let member = wheel.member(&format!("demo/{index}")).unwrap();
                    assert_eq!(wheel.read(member).unwrap(), vec![index; 9999]);
                });
            }
        });
    }

    #[test]
    fn paths_that_differ_by_case_are_told_not_refused() {
        let zip = RawZip::wheel().with(RawEntry::stored("Demo/__INIT__.py", b""));
        let wheel = open(&zip).unwrap();
        assert_eq!(
            wheel.case_collisions(),
            [["demo/__init__.py", "Demo/__INIT__.py"]].map(|mut pair| {
                pair.sort();
                pair.reverse();
                pair
            })
        );
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for (name, reason) in [
            ("../evil.py", "has the part `..`, which leads out of its directory"),
            ("demo/../../evil.py", "has the part `..`, which leads out of its directory"),
            ("/evil.py", "is absolute, a member's is relative to the wheel"),
            ("demo\\evil.py", "has a backslash, parts are separated by `/`"),
            ("C:evil.py", "begins with a drive letter"),
            ("demo//evil.py", "has an empty part or the part `.`"),
        ] {
            let zip = RawZip::wheel().with(RawEntry::stored(name, b""));
            let expected = format!("the path `{}` {reason}", name.escape_debug());
            assert_eq!(message(&zip), expected);
        }
    }

    #[test]
    fn a_path_is_there_once() {
        let twice = RawZip::wheel().with(RawEntry::stored("demo/__init__.py", b"evil"));
        let expected = "demo/__init__.py: in the wheel twice, a path may be there once";
        assert_eq!(message(&twice), expected);
        let directory = RawZip::wheel().with(RawEntry::stored("demo/__init__.py/", b""));
        assert_eq!(message(&directory), expected);
        let below = RawZip::wheel().with(RawEntry::stored("demo/__init__.py/x", b""));
        let expected = "demo/__init__.py: a file, and also the directory of another member";
        assert_eq!(message(&below), expected);
    }

    #[test]
    fn one_dist_info_of_the_right_project_is_needed() {
        let with = |name: &str| RawZip::wheel().with(RawEntry::stored(name, b""));
        let two = with("other-2.dist-info/METADATA");
        let expected =
            "2 `.dist-info` directories, a wheel has one: demo-1.0.dist-info, other-2.dist-info";
        assert_eq!(message(&two), expected);
        for name in ["METADATA", "WHEEL", "RECORD"] {
            let mut zip = RawZip::wheel();
            let path = format!("demo-1.0.dist-info/{name}");
            zip.entries.retain(|entry| entry.local.name != path.as_bytes());
            assert_eq!(message(&zip), format!("no `{path}`, every wheel has it"));
        }
        let mut none = RawZip::wheel();
        none.entries.truncate(1);
        assert_eq!(message(&none), "no `.dist-info` directory, a wheel has one");
    }

    #[test]
    fn dist_info_may_be_spelled_otherwise_but_not_be_of_another() {
        let (_directory, path) = raw_zip::file(&RawZip::wheel().bytes());
        for name in ["DEMO-1-py3-none-any.whl", "demo-1.0.0-py3-none-any.whl"] {
            assert_eq!(Wheel::open_as(&path, name).unwrap().dist_info(), "demo-1.0.dist-info");
        }
        let error = Wheel::open_as(&path, "demo-1.1-py3-none-any.whl").unwrap_err();
        let expected =
            "the directory is `demo-1.0.dist-info`, the file name asks for `demo-1.1.dist-info`";
        assert_eq!(error.to_string(), expected);
        assert!(Wheel::open_as(&path, "demos-1.0-py3-none-any.whl").is_err());
    }

    #[test]
    fn contents_that_are_not_what_is_declared_are_refused() {
        let text = [b'a'; 3000];
        let size = RawEntry::deflated("x", &text).data.len();
        for (change, expected) in [
            (
                (|entry: RawEntry| entry.both(|header| header.size = 3001))
                    as fn(RawEntry) -> RawEntry,
                "x: the archive declares 3001 bytes, the contents have 3000".to_owned(),
            ),
            (
                |entry| entry.both(|header| header.size = 2999),
                "x: the archive declares 2999 bytes, the contents have more".to_owned(),
            ),
            (
                |entry| entry.both(|header| header.crc32 = 1),
                format!(
                    "x: CRC-32 is {:#010x}, the archive declares 0x00000001",
                    libdeflater::crc32(&text)
                ),
            ),
            (
                |entry| entry.both(|header| header.size = 1_000_000),
                format!(
                    "x: {size} bytes are declared to hold 1000000, deflate holds at most 1032 bytes in one"
                ),
            ),
            (
                |mut entry| {
                    entry.data.fill(0xff);
                    entry
                },
                "x: the compressed bytes are not a deflate stream".to_owned(),
            ),
        ] {
            let wheel =
                open(&RawZip::wheel().with(change(RawEntry::deflated("x", &text)))).unwrap();
            let error = wheel.read(wheel.member("x").unwrap()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn symlinks_are_known_and_devices_refused() {
        let with_mode = |mode: u32| {
            let mut entry = RawEntry::stored("demo/l.so", b"l.so.1");
            entry.attributes = mode << 16;
            RawZip::wheel().with(entry)
        };
        let wheel = open(&with_mode(0o120_777)).unwrap();
        let member = wheel.member("demo/l.so").unwrap();
        assert_eq!(member.kind, MemberKind::Symlink);
        assert_eq!(wheel.read(member).unwrap(), b"l.so.1");
        let expected = "demo/l.so: mode 0o20644 is neither a file, a directory nor a symlink";
        assert_eq!(message(&with_mode(0o020_644)), expected);
        let mut dos = with_mode(0o120_777);
        dos.entries[1].made_by = 0;
        let wheel = open(&dos).unwrap();
        let member = wheel.member("demo/l.so").unwrap();
        assert_eq!((member.kind, member.mode), (MemberKind::File, None));
    }

    #[test]
    fn a_wheel_cut_anywhere_is_refused() {
        let bytes = RawZip::wheel().bytes();
        for len in 0..bytes.len() {
            let (_directory, path) = raw_zip::file(&bytes[..len]);
            assert!(Wheel::open(&path).is_err(), "{len} bytes");
        }
        assert!(bytes.windows(RECORD.len()).any(|window| window == RECORD.as_bytes()));
    }

    #[test]
    fn a_file_that_is_not_there_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(raw_zip::NAME);
        let error = Wheel::open(&path).unwrap_err().to_string();
        assert!(error.starts_with("cannot open the wheel: "), "{error}");
    }

    #[test]
    fn what_is_no_file_is_told_before_its_name() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["demo", raw_zip::NAME] {
            let path = directory.path().join(name);
            let absent = Wheel::open(&path).unwrap_err().to_string();
            assert!(absent.starts_with("cannot open the wheel: "), "{absent}");
            fs::create_dir(&path).unwrap();
            let error = Wheel::open(&path).unwrap_err();
            assert_eq!(error.to_string(), "a directory, it should be a file");
        }
    }

    #[test]
    fn no_changed_byte_changes_what_is_installed() {
        let zip =
            RawZip::wheel().with(RawEntry::deflated("demo/x", &b"to be or not to be".repeat(9)));
        let contents = |wheel: &Wheel| -> Result<Vec<(String, Vec<u8>)>> {
            let read = |member: &Member| Ok((member.path.to_string(), wheel.read(member)?));
            wheel.members().iter().map(read).collect()
        };
        let expected = contents(&open(&zip).unwrap()).unwrap();
        let bytes = zip.bytes();
        let mut refused = 0;
        for at in 0..bytes.len() {
            for change in [0x01, 0x08, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= change;
                let (_directory, path) = raw_zip::file(&bytes);
                match Wheel::open(&path).and_then(|wheel| contents(&wheel)) {
                    Ok(found) => assert_eq!(found, expected, "byte {at:#x} changed by {change:#x}"),
                    Err(_) => refused += 1,
                }
            }
        }
        // Dates, modes and versions may change: 20 bytes of each of 5 entries.
        assert!(refused > (bytes.len() - 5 * 20) * 4, "{refused} of {}", bytes.len() * 4);
    }
}
