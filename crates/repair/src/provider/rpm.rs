//! rpm: Red Hat, Fedora, SUSE and their children; every manylinux image is one of them.
//!
//! One table holds the header of each installed package. rpm kept it in Berkeley DB (`Packages`, until
//! RHEL 8), keeps it in SQLite (`rpmdb.sqlite`, since RHEL 9) or in SUSE's own format (`Packages.db`).
//! All headers are read: the indices beside them are another format each, and a header is only looked
//! at as far as its list of file names.

mod berkeley;
mod field;
mod header;
mod ndb;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::os_release::OsRelease;
use super::place::{Best, Root, Wanted};
use super::purl::Purl;
use super::{LicenseFile, Licenses, Provider};
use crate::search::paths::base_name;
use header::{Header, Tag};

/// Where the database lies: by default, on systems that are updated as images, on ostree.
const DIRECTORIES: [&str; 3] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];

/// Where packages put their licences, each into a directory of its name.
const LICENSES: &str = "/usr/share/licenses/";

/// `RPMFILE_LICENSE`
const RPMFILE_LICENSE: u32 = 1 << 7;

/// What a reader hands each header to.
type Visit<'a> = &'a mut dyn FnMut(&[u8]);

/// The packages that list what is wanted.
pub(super) fn find(
    wanted: &Wanted,
    root: &Root,
    licenses: Licenses,
    notes: &mut Vec<String>,
) -> Best<Provider> {
    let Some(database) = Database::open(root, notes) else { return Best::default() };
    let mut owners = Best::default();
    let mut damaged = 0_usize;
    database.each(notes, &mut |bytes| match Header::parse(bytes) {
        Some(header) => search(&header, wanted, root, &mut owners),
        None => damaged += 1,
    });
    if damaged > 0 {
        notes.push(format!("{}: {damaged} headers cannot be read", database.path));
    }
    let licenses = match licenses {
        Licenses::Wanted => LicensePaths::collect(&owners, &database, notes),
        Licenses::NotWanted => LicensePaths::default(),
    };
    let release = OsRelease::read(root);
    owners.filter_map(|owner| Some(owner.provider(&release, root, &licenses)))
}

/// The bytes of a database, by format.
struct Database {
    path: String,
    bytes: Bytes,
}

enum Bytes {
    Sqlite { file: Vec<u8>, log: Vec<u8> },
    Ndb(Vec<u8>),
    Berkeley(Vec<u8>),
}

impl Database {
    /// The newest format wins: what a conversion leaves behind is older.
    fn open(root: &Root, notes: &mut Vec<String>) -> Option<Self> {
        for directory in DIRECTORIES {
            for name in ["rpmdb.sqlite", "Packages.db", "Packages"] {
                let path = format!("{directory}/{name}");
                let mut read = |path: &str| match root.read(path)? {
                    Ok(bytes) => Some(bytes).filter(|bytes| !bytes.is_empty()),
                    Err(error) => {
                        notes.push(error);
                        None
                    }
                };
                let Some(file) = read(&path) else { continue };
                let bytes = match name {
                    "rpmdb.sqlite" => {
                        let log = read(&format!("{path}-wal")).unwrap_or_default();
                        Bytes::Sqlite { file, log }
                    }
                    "Packages.db" => Bytes::Ndb(file),
                    _ => Bytes::Berkeley(file),
                };
                return Some(Self { path, bytes });
            }
        }
        None
    }

    /// Hands every header to `visit`; a fault ends that, with a note.
    fn each(&self, notes: &mut Vec<String>, visit: Visit<'_>) {
        let read = match &self.bytes {
            Bytes::Sqlite { file, log } => sqlite::each_package(file, log, visit),
            Bytes::Ndb(file) => ndb::each_package(file, visit),
            Bytes::Berkeley(file) => berkeley::each_package(file, visit),
        };
        if let Err(what) = read {
            let note = format!("{}: {what}", self.path);
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
}

#[derive(Debug)]
struct Owner {
    name: String,
    epoch: Option<u32>,
    version: String,
    arch: String,
    license: String,
    source: String,
    path: String,
}

fn search(header: &Header<'_>, wanted: &Wanted, root: &Root, owners: &mut Best<Owner>) {
    for (directory, name, _) in header.files() {
        if !wanted.has_name(name) {
            continue;
        }
        let path = format!("{directory}{name}");
        if let Some((question, closeness)) = wanted.matches(root, &path) {
            let text = |tag| header.text(tag).unwrap_or_default().to_owned();
            let owner = Owner {
                name: text(Tag::NAME),
                epoch: header.numbers(Tag::EPOCH).first().copied().filter(|epoch| *epoch != 0),
                version: format!("{}-{}", text(Tag::VERSION), text(Tag::RELEASE)),
                arch: text(Tag::ARCH),
                license: text(Tag::LICENSE),
                source: text(Tag::SOURCERPM),
                path,
            };
            owners.offer(question, closeness, owner);
        }
    }
}

impl Owner {
    fn provider(self, release: &OsRelease, root: &Root, licenses: &LicensePaths) -> Provider {
        let (distro, epoch) = (release.distro(), self.epoch.map(|epoch| epoch.to_string()));
        let purl = Purl {
            kind: "rpm",
            namespace: Some(release.namespace("rpm")),
            name: &self.name,
            version: &self.version,
            qualifiers: [
                ("arch", &*self.arch),
                ("distro", &distro),
                ("epoch", epoch.as_deref().unwrap_or_default()),
            ]
            .into(),
        };
        let version = match &epoch {
            Some(epoch) => format!("{epoch}:{}", self.version),
            None => self.version.clone(),
        };
        Provider {
            database: "rpm",
            purl: purl.to_string(),
            version,
            license_files: licenses.of(&self.name, &self.source, root),
            path: self.path,
            license: Some(self.license).filter(|license| !license.is_empty()),
            source: Some(self.source).filter(|source| !source.is_empty()),
            name: self.name,
        }
    }
}

/// Licence files by source package, then by package: of several packages that one source makes, often
/// only one has the licence.
#[derive(Debug, Default)]
struct LicensePaths(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl LicensePaths {
    fn collect(owners: &Best<Owner>, database: &Database, notes: &mut Vec<String>) -> Self {
        let sources: BTreeSet<&str> = owners.items().map(|owner| &*owner.source).collect();
        let mut found = Self::default();
        if sources.is_empty() {
            return found;
        }
        database.each(notes, &mut |bytes| {
            let Some(header) = Header::parse(bytes) else { return };
            let source = header.text(Tag::SOURCERPM).unwrap_or_default();
            if !sources.contains(source) {
                return;
            }
            let name = header.text(Tag::NAME).unwrap_or_default();
            for (directory, base, flags) in header.files() {
                if flags & RPMFILE_LICENSE != 0 || directory.starts_with(LICENSES) {
                    let packages = found.0.entry(source.to_owned()).or_default();
                    let paths = packages.entry(name.to_owned()).or_default();
                    paths.insert(format!("{directory}{base}"));
                }
            }
        });
        found
    }

    fn of(&self, name: &str, source: &str, root: &Root) -> Vec<LicenseFile> {
        let Some(packages) = self.0.get(source) else { return Vec::new() };
        let paths: Vec<&String> = match packages.get(name) {
            Some(own) => own.iter().collect(),
            None => packages.values().flatten().collect(),
        };
        let file = |path: &&String| {
            let place: PathBuf = root.real(path)?;
            // Below the directory of the package: `foo/COPYING` is `COPYING`.
            let below = path.strip_prefix(LICENSES).and_then(|rest| rest.split_once('/'));
            let name = below.map_or_else(|| base_name(path), |(_, name)| name);
            place.is_file().then(|| LicenseFile { name: name.to_owned(), path: place })
        };
        paths.iter().filter_map(file).collect()
    }
}
