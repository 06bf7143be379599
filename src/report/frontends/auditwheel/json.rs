//! What auditwheel gives as JSON: `show --json` by its schema, `lddtree` by its classes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use truewheel_repair::{Need, Show, Tree, TreeFile};

use super::{Externals, Facts, file_name, no_platform_wheel};
use crate::frontends::is_pure;

/// By auditwheel's schema, version 1; readers of text see the keys in this order.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ShowJson<'a> {
    Pure { version: u32, wheel: String, pure: bool },
    Error { version: u32, wheel: String, error: String },
    Platform(Box<PlatformJson<'a>>),
}

#[derive(Serialize)]
pub(super) struct PlatformJson<'a> {
    version: u32,
    wheel: String,
    pure: bool,
    overall_tag: String,
    sym_tag: String,
    pyfpe: bool,
    ucs2: bool,
    unsupported_isa: bool,
    versioned_symbols: BTreeMap<&'a String, &'a BTreeSet<String>>,
    external_libs: Externals<'a>,
    policy_upgrades: Ordered<UpgradeJson<'a>>,
}

#[derive(Serialize)]
struct UpgradeJson<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    libs_to_eliminate: Vec<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    blacklisted_symbols: BTreeMap<String, BTreeSet<String>>,
}

/// An object whose keys have an order.
struct Ordered<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

pub(super) fn as_json(show: &Show, is_pure_fine: bool) -> ShowJson<'_> {
    let (version, wheel) = (1, file_name(Path::new(&show.wheel)));
    if is_pure_fine && is_pure(show) {
        return ShowJson::Pure { version, wheel, pure: true };
    }
    if show.levels.is_empty() {
        return ShowJson::Error { version, wheel, error: no_platform_wheel(show) };
    }
    let facts = Facts::of(show);
    let upgrades = facts.upgrades().into_iter().map(|(tag, libraries, symbols)| {
        let upgrade = UpgradeJson { libs_to_eliminate: libraries, blacklisted_symbols: symbols };
        (tag.to_owned(), upgrade)
    });
    ShowJson::Platform(Box::new(PlatformJson {
        version,
        wheel,
        pure: false,
        pyfpe: facts.python_obstacles().any(|what| what.contains("PyFPE")),
        ucs2: facts.python_obstacles().any(|what| what.contains("UCS2")),
        unsupported_isa: facts.unsupported_isa(),
        versioned_symbols: facts.versions(),
        external_libs: facts.external(0),
        policy_upgrades: Ordered(upgrades.collect()),
        overall_tag: facts.overall.clone(),
        sym_tag: facts.by_symbols.clone(),
    }))
}

#[derive(Serialize)]
pub(super) struct LddtreeJson<'a> {
    interpreter: Option<&'a str>,
    libc: Option<String>,
    path: &'a str,
    realpath: &'a str,
    platform: PlatformOfFile<'a>,
    needed: Vec<&'a str>,
    rpath: &'a [String],
    runpath: &'a [String],
    libraries: Ordered<LibraryJson<'a>>,
}

#[derive(Serialize)]
struct LibraryJson<'a> {
    soname: &'a str,
    path: Option<&'a str>,
    realpath: Option<&'a str>,
    platform: Option<PlatformOfFile<'a>>,
    needed: Vec<&'a str>,
}

/// Under the names that auditwheel's class has.
#[derive(Serialize)]
struct PlatformOfFile<'a> {
    _elf_osabi: Value,
    _elf_class: Option<u32>,
    _elf_little_endian: bool,
    _elf_machine: &'a str,
    _base_arch: Option<String>,
    _ext_arch: Option<String>,
    _error_msg: Option<&'static str>,
}

pub(super) fn tree_as_json<'a>(tree: &'a Tree, root: &'a TreeFile) -> LddtreeJson<'a> {
    let mut libraries: Vec<(String, LibraryJson<'_>)> = Vec::new();
    if let Some(path) = root.interpreter.as_deref() {
        let soname = path.rsplit('/').next().unwrap_or(path);
        let loader = LibraryJson {
            soname,
            path: Some(path),
            realpath: Some(path),
            platform: Some(platform(root)),
            needed: Vec::new(),
        };
        libraries.push((soname.to_owned(), loader));
    }
    // A library stands in front of what it needs: a name that was met waits no longer.
    let mut waiting: Vec<&Need> = root.needs.iter().rev().collect();
    while let Some(need) = waiting.pop() {
        if libraries.iter().any(|(name, _)| *name == need.name) {
            continue;
        }
        let found = need.file.and_then(|index| tree.files.get(index));
        let library = LibraryJson {
            soname: &need.name,
            path: found.map(|file| &*file.path),
            realpath: found.map(|file| &*file.path),
            platform: found.map(platform),
            needed: found.map(needed).unwrap_or_default(),
        };
        libraries.push((need.name.clone(), library));
        waiting.extend(found.into_iter().flat_map(|file| file.needs.iter().rev()));
    }
    LddtreeJson {
        interpreter: root.interpreter.as_deref(),
        libc: root.libc.as_ref().map(|libc| format!("<Libc.{}: '{libc}'>", libc.to_uppercase())),
        path: &root.path,
        realpath: &root.path,
        platform: platform(root),
        needed: needed(root),
        rpath: &root.rpath,
        runpath: &root.runpath,
        libraries: Ordered(libraries),
    }
}

fn needed(file: &TreeFile) -> Vec<&str> {
    file.needs.iter().map(|need| need.name.as_str()).collect()
}

/// Class, byte order and `e_machine` follow from the architecture.
fn platform(file: &TreeFile) -> PlatformOfFile<'_> {
    let architecture = file.architecture.as_str();
    let (class, is_little, machine) = match architecture {
        "x86_64" => (Some(64), true, "EM_X86_64"),
        "i686" => (Some(32), true, "EM_386"),
        "aarch64" => (Some(64), true, "EM_AARCH64"),
        "armv7l" | "armv6l" => (Some(32), true, "EM_ARM"),
        "ppc64le" => (Some(64), true, "EM_PPC64"),
        "ppc64" => (Some(64), false, "EM_PPC64"),
        "s390x" => (Some(64), false, "EM_S390"),
        "riscv64" => (Some(64), true, "EM_RISCV"),
        "loongarch64" => (Some(64), true, "EM_LOONGARCH"),
        other => (None, true, other),
    };
    let os_abi = match file.os_abi {
        Some(0) => json!("ELFOSABI_SYSV"),
        Some(3) => json!("ELFOSABI_LINUX"),
        other => json!(other),
    };
    let base = class.is_some().then(|| format!("<Architecture.{architecture}: '{architecture}'>"));
    PlatformOfFile {
        _elf_osabi: os_abi,
        _elf_class: class,
        _elf_little_endian: is_little,
        _elf_machine: machine,
        _base_arch: base,
        _ext_arch: None,
        _error_msg: class.is_none().then_some("unknown architecture"),
    }
}

/// As Python's `json.dumps` with an indent of four.
pub(super) fn indented(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let style = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, style);
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        // A value made of texts and numbers can always be written.
        Err(error) => error.to_string(),
    }
}
