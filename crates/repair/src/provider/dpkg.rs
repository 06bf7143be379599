//! dpkg: Debian and its children, and the images without a package manager that are built from them.
//!
//! `/var/lib/dpkg/info/PACKAGE[:ARCH].list` names each file of a package and `status` has its stanza;
//! distroless images have `status.d/PACKAGE` and `status.d/PACKAGE.md5sums` instead. A file that
//! `dpkg-divert` moved away is listed under its old name, by the packages that do not divert it.

use std::collections::BTreeMap;
use std::path::Path;

use super::os_release::OsRelease;
use super::place::{self, Best, Root, Wanted};
use super::purl::Purl;
use super::{LicenseFile, Licenses, Provider, files_in};

const DATABASE: &str = "/var/lib/dpkg";

/// The licences that copyright files refer to instead of quoting (Debian Policy 12.5).
const COMMON_LICENSES: &str = "/usr/share/common-licenses/";

/// A file and who lists it.
#[derive(Debug)]
struct Owner {
    package: String,
    /// Empty where the list does not say.
    arch: String,
    path: String,
}

/// The packages that list what is wanted.
pub(super) fn find(
    wanted: &Wanted,
    root: &Root,
    licenses: Licenses,
    notes: &mut Vec<String>,
) -> Best<Provider> {
    let mut owners = Best::default();
    let Some(info) = root.real(&format!("{DATABASE}/info")) else {
        return find_distroless(wanted, root, licenses, notes);
    };
    let diversions = Diversions::read(root);
    for name in place::names(&info) {
        let Some(package) = name.strip_suffix(".list") else { continue };
        let (package, arch) = package.split_once(':').unwrap_or((package, ""));
        match place::read_text(&info.join(&name)) {
            Ok(text) => {
                for listed in text.lines() {
                    let path = diversions.place_of(listed, package);
                    if let Some((question, closeness)) = wanted.matches(root, path) {
                        let owner = Owner {
                            package: package.to_owned(),
                            arch: arch.to_owned(),
                            path: path.to_owned(),
                        };
                        owners.offer(question, closeness, owner);
                    }
                }
            }
            Err(error) => notes.push(format!("{DATABASE}/info/{name}: {error}")),
        }
    }
    if owners.items().next().is_none() {
        return Best::default();
    }
    let status = root.read(&format!("{DATABASE}/status")).unwrap_or_else(|| Ok(Vec::new()));
    let status = status.unwrap_or_else(|error| {
        notes.push(error);
        Vec::new()
    });
    let status = String::from_utf8_lossy(&status);
    providers(owners, &stanzas(&status), root, licenses)
}

/// Images that hold only what was unpacked from packages.
fn find_distroless(
    wanted: &Wanted,
    root: &Root,
    licenses: Licenses,
    notes: &mut Vec<String>,
) -> Best<Provider> {
    let Some(directory) = root.real(&format!("{DATABASE}/status.d")) else {
        return Best::default();
    };
    let mut owners = Best::default();
    let mut status = String::new();
    for name in place::names(&directory) {
        let Some(package) = name.strip_suffix(".md5sums") else { continue };
        let stanza = read_stanza(&directory, package, notes);
        let Ok(sums) = place::read_text(&directory.join(&name)) else { continue };
        let control = stanzas(&stanza);
        let fields = control.first();
        let package = fields.and_then(|fields| fields.get("Package")).copied().unwrap_or(package);
        let arch = fields.and_then(|fields| fields.get("Architecture")).copied();
        // `MD5  path`, without the slash in front.
        for path in sums.lines().filter_map(|line| line.split_once("  ").map(|(_, path)| path)) {
            if let Some((question, closeness)) = wanted.matches(root, path) {
                let owner = Owner {
                    package: package.to_owned(),
                    arch: arch.unwrap_or_default().to_owned(),
                    path: format!("/{path}"),
                };
                owners.offer(question, closeness, owner);
            }
        }
        status += stanza.trim_end();
        status += "\n\n";
    }
    providers(owners, &stanzas(&status), root, licenses)
}

fn read_stanza(directory: &Path, package: &str, notes: &mut Vec<String>) -> String {
    place::read_text(&directory.join(package)).unwrap_or_else(|error| {
        notes.push(format!("{DATABASE}/status.d/{package}: {error}"));
        String::new()
    })
}

type Stanza<'a> = BTreeMap<&'a str, &'a str>;

fn field<'a>(stanza: &Stanza<'a>, name: &str) -> &'a str {
    stanza.get(name).copied().unwrap_or_default()
}

/// The first line of each field; the longer ones are descriptions and lists of files.
fn stanzas(text: &str) -> Vec<Stanza<'_>> {
    text.split("\n\n")
        .map(|stanza| {
            stanza
                .lines()
                .filter(|line| !line.starts_with([' ', '\t']))
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name, value.trim()))
                .collect()
        })
        .collect()
}

fn providers(
    owners: Best<Owner>,
    status: &[Stanza<'_>],
    root: &Root,
    licenses: Licenses,
) -> Best<Provider> {
    let release = OsRelease::read(root);
    owners.filter_map(|owner| {
        let stanza = status.iter().find(|stanza| {
            field(stanza, "Package") == owner.package
                && (owner.arch.is_empty() || field(stanza, "Architecture") == owner.arch)
        })?;
        let (version, arch) = (field(stanza, "Version"), field(stanza, "Architecture"));
        let distro = release.distro();
        let purl = Purl {
            kind: "deb",
            namespace: Some(release.namespace("debian")),
            name: &owner.package,
            version,
            qualifiers: [("arch", arch), ("distro", &distro)].into(),
        };
        Some(Provider {
            database: "dpkg",
            purl: purl.to_string(),
            version: version.to_owned(),
            path: owner.path,
            license: None,
            source: stanza.get("Source").map(|source| (*source).to_owned()),
            license_files: match licenses {
                Licenses::Wanted => license_files(root, &owner.package),
                Licenses::NotWanted => Vec::new(),
            },
            name: owner.package,
        })
    })
}

/// The copyright file, and the licences that it refers to.
fn license_files(root: &Root, package: &str) -> Vec<LicenseFile> {
    let copyright = format!("/usr/share/doc/{package}/copyright");
    let Some(path) = root.real(&copyright).filter(|path| path.is_file()) else { return Vec::new() };
    let text = place::read_text(&path).unwrap_or_default();
    let mut files = vec![LicenseFile { name: "copyright".to_owned(), path }];
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+');
    let named: Vec<&str> = text
        .match_indices(COMMON_LICENSES)
        .map(|(at, _)| &text[at + COMMON_LICENSES.len()..])
        .map(|rest| rest.split(|c| !is_name(c)).next().unwrap_or_default().trim_end_matches('.'))
        .collect();
    files.extend(
        files_in(root, COMMON_LICENSES).into_iter().filter(|file| named.contains(&&*file.name)),
    );
    files.sort();
    files
}

/// Files that were moved away: path → (where they are, the package that moved them).
#[derive(Debug, Default)]
struct Diversions(BTreeMap<String, (String, String)>);

impl Diversions {
    /// Three lines for each: the path, its new one, the package, or `:` for the administrator.
    fn read(root: &Root) -> Self {
        let bytes = root.read(&format!("{DATABASE}/diversions")).and_then(Result::ok);
        let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let entries = lines
            .chunks_exact(3)
            .map(|entry| (entry[0].to_owned(), (entry[1].to_owned(), entry[2].to_owned())));
        Self(entries.collect())
    }

    /// Where the file is that `package` lists as `listed`.
    fn place_of<'a>(&'a self, listed: &'a str, package: &str) -> &'a str {
        match self.0.get(listed) {
            Some((moved, by)) if by != package => moved,
            _ => listed,
        }
    }
}
