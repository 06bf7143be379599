//! A repaired wheel, read by the `zip` crate, with its RECORD computed once more.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

use super::Facts;
use super::wheel::record_hash;

/// What is in one wheel.
pub(crate) struct Output {
    path: PathBuf,
    archive: Vec<u8>,
    /// Paths in the order of the archive.
    pub(crate) order: Vec<String>,
    members: BTreeMap<String, Vec<u8>>,
    modes: BTreeMap<String, u32>,
    dates: BTreeMap<String, String>,
}

impl Output {
    /// Reads every member; refuses links, and members that are twice there.
    pub(crate) fn open(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).expect("a zip archive");
        let (mut order, mut members) = (Vec::new(), BTreeMap::new());
        let (mut modes, mut dates) = (BTreeMap::new(), BTreeMap::new());
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).expect("an entry");
            let name = entry.name().expect("a name").into_owned();
            assert!(!entry.is_symlink(), "{name} is a link");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("its contents");
            modes.insert(name.clone(), entry.unix_mode().unwrap_or_default());
            let date = entry.last_modified().map(|date| date.to_string()).unwrap_or_default();
            dates.insert(name.clone(), date);
            assert!(members.insert(name.clone(), bytes).is_none(), "{name} is there twice");
            order.push(name);
        }
        Self { path: path.to_owned(), archive: bytes, order, members, modes, dates }
    }

    /// The whole file.
    pub(crate) fn archive(&self) -> &[u8] {
        &self.archive
    }

    pub(crate) fn file_name(&self) -> String {
        self.path.file_name().expect("a name").to_string_lossy().into_owned()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.members.contains_key(path)
    }

    pub(crate) fn bytes(&self, path: &str) -> &[u8] {
        self.members.get(path).unwrap_or_else(|| panic!("no {path} in {:?}", self.order))
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path).to_vec()).expect("text")
    }

    pub(crate) fn elf(&self, path: &str) -> Facts {
        Facts::of(self.bytes(path))
    }

    pub(crate) fn mode(&self, path: &str) -> u32 {
        self.modes[path] & 0o7777
    }

    pub(crate) fn date(&self, path: &str) -> &str {
        &self.dates[path]
    }

    /// The file names in `directory`, with the digits of vendored names as `#`.
    pub(crate) fn names_in(&self, directory: &str) -> Vec<String> {
        let below = format!("{directory}/");
        let names = self.order.iter().filter_map(|path| path.strip_prefix(&below));
        let mut names: Vec<String> = names.map(without_digits).collect();
        names.sort();
        names
    }

    /// The one member of `directory` whose name is `name` when its digits are `#`.
    pub(crate) fn vendored(&self, directory: &str, name: &str) -> String {
        let below = format!("{directory}/");
        let mut found = self.order.iter().filter(|path| {
            path.strip_prefix(&below).is_some_and(|file| without_digits(file) == name)
        });
        let first = found.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.order));
        assert_eq!(found.next(), None, "more than one {name}");
        first.clone()
    }

    fn dist_info_file(&self, name: &str) -> String {
        let is_it = |path: &&String| {
            let top = path.strip_suffix(name).and_then(|path| path.strip_suffix(".dist-info/"));
            top.is_some_and(|top| !top.contains('/'))
        };
        self.order.iter().find(is_it).expect("dist-info").clone()
    }

    /// The `Tag` lines of WHEEL.
    pub(crate) fn tags(&self) -> Vec<String> {
        let text = self.text(&self.dist_info_file("WHEEL"));
        text.lines().filter_map(|line| line.strip_prefix("Tag: ")).map(str::to_owned).collect()
    }

    pub(crate) fn wheel_text(&self) -> String {
        self.text(&self.dist_info_file("WHEEL"))
    }

    pub(crate) fn record_text(&self) -> String {
        self.text(&self.dist_info_file("RECORD"))
    }

    /// What RECORD should be, from the members alone.
    pub(crate) fn expected_record(&self) -> String {
        let record = self.dist_info_file("RECORD");
        let rows = self.order.iter().filter(|path| !path.ends_with('/')).map(|path| {
            let shown = match path.contains([',', '"']) {
                true => format!("\"{}\"", path.replace('"', "\"\"")),
                false => path.clone(),
            };
            if *path == record {
                format!("{shown},,\n")
            } else {
                let bytes = self.bytes(path);
                format!("{shown},{},{}\n", record_hash(bytes), bytes.len())
            }
        });
        rows.collect()
    }

    /// Installs it into `environment` as pip does on POSIX: each directory of `.data` where it belongs.
    pub(crate) fn install(&self, environment: &Path) {
        let site = "lib/python3.12/site-packages";
        for (path, bytes) in &self.members {
            let data = path.split_once('/').filter(|(top, _)| top.ends_with(".data"));
            let place = match data.and_then(|(_, below)| below.split_once('/')) {
                Some(("platlib" | "purelib", below)) => format!("{site}/{below}"),
                Some(("scripts", below)) => format!("bin/{below}"),
                Some(("data", below)) => below.to_owned(),
                _ => format!("{site}/{path}"),
            };
            let to = environment.join(place);
            fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
            fs::write(&to, bytes).expect("a file");
        }
    }

    /// Unpacks it as an installer does that knows only site-packages.
    pub(crate) fn unpack(&self, directory: &Path) {
        for (path, bytes) in &self.members {
            let to = directory.join(path);
            fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
            fs::write(&to, bytes).expect("a file");
        }
    }
}

/// `libfoo-1a2b3c4d.so.1` as `libfoo-#.so.1`.
pub(crate) fn without_digits(name: &str) -> String {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let bytes = name.as_bytes();
    for (at, _) in name.match_indices('-') {
        let digits = bytes.get(at + 1..at + 9);
        let ends = !bytes.get(at + 9).is_some_and(u8::is_ascii_alphanumeric);
        if ends && digits.is_some_and(|digits| digits.iter().all(is_digit)) {
            return format!("{}-#{}", &name[..at], &name[at + 9..]);
        }
    }
    name.to_owned()
}
