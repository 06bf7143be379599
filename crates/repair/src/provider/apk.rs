//! apk: Alpine and its children.
//!
//! `/lib/apk/db/installed`, since apk-tools 3 also `/usr/lib/apk/db/installed`, has one paragraph for
//! each package. `F:` gives a directory without its first slash, and each `R:` after it a file there.

use std::path::PathBuf;

use super::os_release::OsRelease;
use super::place::{Best, Root, Wanted};
use super::purl::Purl;
use super::{LicenseFile, Licenses, Provider, files_in};

const DATABASES: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

/// The packages that list what is wanted.
pub(super) fn find(
    wanted: &Wanted,
    root: &Root,
    licenses: Licenses,
    notes: &mut Vec<String>,
) -> Best<Provider> {
    let mut best = Best::default();
    let mut read: Vec<PathBuf> = Vec::new();
    for database in DATABASES {
        // Two names of one file on a merged system.
        let Some(place) = root.real(database).filter(|place| !read.contains(place)) else {
            continue;
        };
        read.push(place);
        match root.read(database) {
            Some(Ok(bytes)) => {
                let text = String::from_utf8_lossy(&bytes);
                for paragraph in text.split("\n\n") {
                    search(paragraph, wanted, root, &mut best);
                }
            }
            Some(Err(error)) => notes.push(error),
            None => {}
        }
    }
    let release = OsRelease::read(root);
    best.filter_map(|owner| Some(owner.provider(&release, root, licenses)))
}

#[derive(Clone, Debug, Default)]
struct Owner {
    name: String,
    version: String,
    arch: String,
    license: String,
    origin: String,
    path: String,
}

fn search(paragraph: &str, wanted: &Wanted, root: &Root, best: &mut Best<Owner>) {
    let field = |key: &str| {
        let value = paragraph.lines().find_map(|line| line.strip_prefix(key));
        value.unwrap_or_default().to_owned()
    };
    let mut directory = "";
    for line in paragraph.lines() {
        if let Some(path) = line.strip_prefix("F:") {
            directory = path;
        } else if let Some(name) = line.strip_prefix("R:") {
            let path = format!("/{directory}/{name}");
            if let Some((question, closeness)) = wanted.matches(root, &path) {
                let owner = Owner {
                    name: field("P:"),
                    version: field("V:"),
                    arch: field("A:"),
                    license: field("L:"),
                    origin: field("o:"),
                    path,
                };
                best.offer(question, closeness, owner);
            }
        }
    }
}

impl Owner {
    fn provider(self, release: &OsRelease, root: &Root, licenses: Licenses) -> Provider {
        let distro = release.distro();
        let purl = Purl {
            kind: "apk",
            namespace: Some(release.namespace("alpine")),
            name: &self.name,
            version: &self.version,
            qualifiers: [("arch", &*self.arch), ("distro", &distro)].into(),
        };
        Provider {
            database: "apk",
            purl: purl.to_string(),
            license_files: match licenses {
                Licenses::Wanted => license_files(root, &[&self.name, &self.origin]),
                Licenses::NotWanted => Vec::new(),
            },
            path: self.path,
            license: Some(self.license).filter(|license| !license.is_empty()),
            source: Some(self.origin).filter(|origin| !origin.is_empty() && *origin != self.name),
            name: self.name,
            version: self.version,
        }
    }
}

/// Alpine puts them into documentation packages of the origin, which are seldom installed.
fn license_files(root: &Root, names: &[&str]) -> Vec<LicenseFile> {
    names
        .iter()
        .filter(|name| !name.is_empty())
        .map(|name| files_in(root, &format!("/usr/share/licenses/{name}")))
        .find(|files| !files.is_empty())
        .unwrap_or_default()
}
