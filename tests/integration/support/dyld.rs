//! A model of dyld on a machine that has the wheel, Python and macOS, and nothing else.
//!
//! dyld(1): a name is a path, or begins with `@loader_path` (the directory of the file that names it),
//! `@executable_path` (that of the program, here Python) or `@rpath` (each `LC_RPATH` of the file, then those of the
//! files that led to it, up to the program). A name that an image in the process has as its install ID is that
//! image. Written from the manual and for tests alone: the engine's search is another program.

use std::collections::{BTreeMap, BTreeSet};

use super::Output;
use super::macho::{self, MachSlice};

const ENVIRONMENT: &str = "/venv";
const SITE: &str = "/venv/lib/python3.12/site-packages";
const PROGRAM: u32 = 2;
const LIBRARY: u32 = 6;

/// What every macOS has of the names that wheels use; most lie in dyld's cache and not on disk.
const SYSTEM: [&str; 16] = [
    "libSystem.B.dylib",
    "libc++.1.dylib",
    "libc++abi.dylib",
    "libz.1.dylib",
    "libobjc.A.dylib",
    "libiconv.2.dylib",
    "libsqlite3.dylib",
    "libxml2.2.dylib",
    "libxslt.1.dylib",
    "libbz2.1.0.dylib",
    "libresolv.9.dylib",
    "libncurses.5.4.dylib",
    "libedit.3.dylib",
    "libcurl.4.dylib",
    "libffi.dylib",
    "libcharset.1.dylib",
];

/// A wheel as it lies on the disk of a user.
pub(crate) struct Installed {
    files: BTreeMap<String, Vec<MachSlice>>,
}

/// One process: what it has loaded, and what went wrong.
struct Process<'a> {
    files: &'a BTreeMap<String, Vec<MachSlice>>,
    cpu: &'static str,
    program: &'a str,
    /// Path by install ID, of what is loaded.
    ids: BTreeMap<&'a str, &'a str>,
    loaded: BTreeSet<&'a str>,
    faults: Vec<String>,
}

impl Installed {
    pub(crate) fn of(output: &Output) -> Self {
        let files = output.order.iter().filter(|path| !path.ends_with('/'));
        let files = files.map(|path| (place(path), macho::slices(output.bytes(path))));
        Self { files: files.filter(|(_, slices)| !slices.is_empty()).collect() }
    }

    /// What a process for `cpu` cannot load. Modules and programs are opened first, each in a process of its own,
    /// then libraries that none of them led to: they find nothing along the rpaths of others.
    pub(crate) fn faults(&self, cpu: &'static str) -> Vec<String> {
        let mut faults = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for libraries in [false, true] {
            for (path, slices) in &self.files {
                let is_library = slices.iter().all(|slice| slice.file_type == LIBRARY);
                if is_library != libraries || seen.contains(path.as_str()) {
                    continue;
                }
                let is_program = slices.iter().any(|slice| slice.file_type == PROGRAM);
                let program = if is_program { path } else { "/venv/bin/python" };
                let mut process = Process::new(&self.files, cpu, program);
                process.load(path, &[]);
                faults.extend(process.faults);
                seen.extend(process.loaded);
            }
        }
        faults.into_iter().collect()
    }
}

impl<'a> Process<'a> {
    fn new(
        files: &'a BTreeMap<String, Vec<MachSlice>>,
        cpu: &'static str,
        program: &'a str,
    ) -> Self {
        let (ids, loaded, faults) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        Self { files, cpu, program, ids, loaded, faults }
    }

    /// Loads the file at `path`, to which `rpaths` of others lead, their directories already known.
    fn load(&mut self, path: &'a str, rpaths: &[String]) {
        if !self.loaded.insert(path) {
            return;
        }
        let files = self.files;
        let Some(slice) = files[path].iter().find(|slice| slice.cpu == self.cpu) else {
            self.faults.push(format!("{}: no code for {}", short(path), self.cpu));
            return;
        };
        if self.cpu == "arm64" && !slice.is_signed {
            self.faults.push(format!("{}: no signature", short(path)));
        }
        if let Some(id) = &slice.id
            && let Some(other) = self.ids.insert(id, path)
        {
            self.faults.push(format!("{} and {} have the ID {id}", short(other), short(path)));
        }
        let own = slice.rpaths.iter().map(|rpath| self.expand(path, rpath));
        let chain: Vec<String> = own.chain(rpaths.iter().cloned()).collect();
        for (name, is_weak) in &slice.loads {
            match self.find(path, name, &chain) {
                Found::System => {}
                Found::File(target) => match self.ids.get(name.as_str()) {
                    Some(other) if *other != target => {
                        let (other, target) = (short(other), short(target));
                        let fault = format!("{}: {name} is {other}, not {target}", short(path));
                        self.faults.push(fault);
                    }
                    _ => self.load(target, &chain),
                },
                Found::Nothing if *is_weak => {}
                Found::Nothing => {
                    self.faults.push(format!("{}: {name} leads nowhere", short(path)));
                }
            }
        }
    }

    fn find(&self, path: &str, name: &str, chain: &[String]) -> Found<'a> {
        let candidates: Vec<String> = match name.strip_prefix("@rpath/") {
            Some(rest) => chain.iter().map(|rpath| normal(&format!("{rpath}/{rest}"))).collect(),
            None => vec![self.expand(path, name)],
        };
        for candidate in candidates {
            if let Some((file, _)) = self.files.get_key_value(&candidate) {
                return Found::File(file);
            }
            if is_of_system(&candidate) {
                return Found::System;
            }
        }
        Found::Nothing
    }

    /// A name or search path with `@loader_path` and `@executable_path` taken for `path`.
    fn expand(&self, path: &str, text: &str) -> String {
        let directory =
            |file: &str| file.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
        let with = |prefix: &str, file: &str| {
            let rest = text
                .strip_prefix(prefix)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            Some(normal(&format!("{}/{rest}", directory(file))))
        };
        with("@loader_path", path)
            .or_else(|| with("@executable_path", self.program))
            .unwrap_or_else(|| text.to_owned())
    }
}

enum Found<'a> {
    File(&'a str),
    System,
    Nothing,
}

fn is_of_system(path: &str) -> bool {
    if path.starts_with("/System/Library/Frameworks/") {
        return true;
    }
    let below = path.strip_prefix("/usr/lib/").unwrap_or_default();
    SYSTEM.contains(&below) || below.starts_with("swift/libswift")
}

/// Where pip puts a member.
fn place(path: &str) -> String {
    let data = path.split_once('/').filter(|(top, _)| top.ends_with(".data"));
    match data.and_then(|(_, below)| below.split_once('/')) {
        Some(("platlib" | "purelib", below)) => format!("{SITE}/{below}"),
        Some(("scripts", below)) => format!("{ENVIRONMENT}/bin/{below}"),
        Some(("data", below)) => format!("{ENVIRONMENT}/{below}"),
        _ => format!("{SITE}/{path}"),
    }
}

/// The path below site-packages, for messages.
fn short(path: &str) -> &str {
    path.strip_prefix(SITE).and_then(|path| path.strip_prefix('/')).unwrap_or(path)
}

/// Without `.`, `..` and empty parts.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
