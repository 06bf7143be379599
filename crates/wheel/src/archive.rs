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
use std::fs::File;
use std::io::BufReader;
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
    /// Everything that makes zip readers or installers disagree: a file that is not a zip archive,
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
        let filename: WheelFilename = file_name.parse()?;
        let file = File::open(path).map_err(|source| Error::io("cannot open", path, source))?;
        let file =
            Positioned::new(file).map_err(|source| Error::io("cannot read", path, source))?;
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
    let mut archive = zip::ZipArchive::new(BufReader::new(Cursor::new(file)))
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
        let seen = archive.by_index_raw(index).map_err(|error| {
            Error::zip(format!("cannot be read: {error}")).in_member(&*entry.name)
        })?;
        let agree = seen.name_raw() == entry.name.as_bytes()
            && seen.size() == entry.size
            && seen.compressed_size() == entry.compressed_size
            && seen.crc32() == entry.crc32
            && seen.data_start() == Some(located.data_offset);
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
