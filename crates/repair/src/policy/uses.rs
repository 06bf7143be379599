//! What one file uses, in words and in kinds that some systems or Pythons do not have.

use super::{ObstacleKind, Promise, android};
use crate::binary::ElfFile;
use crate::search::{ALREADY_LOADED, Graph, NodeId, Resolution};

/// The symbols that ask for a version, in the order of the symbol table.
pub(super) fn users_of(file: &ElfFile, provider: &str, version: &str) -> Vec<String> {
    let asks = |wanted: &(String, String)| wanted.0 == version && wanted.1 == provider;
    let symbols = file.undefined.iter().filter(|symbol| symbol.version.as_ref().is_some_and(asks));
    symbols.map(|symbol| symbol.name.clone()).collect()
}

/// What a file asks of Android's loader that it does not do at this API level.
pub(super) fn android_obstacles(
    graph: &Graph,
    id: NodeId,
    at: Promise,
) -> Vec<(ObstacleKind, String)> {
    let Promise::Android(api) = at else { return Vec::new() };
    let mut obstacles = Vec::new();
    let file = &graph.node(id).file;
    if api < android::RELR_API && file.has_relr {
        let what = "DT_RELR relocations, which Android reads from API level 30 on";
        obstacles.push((ObstacleKind::Relocations, what.to_owned()));
    }
    // Whatever the wheel brings is found through DT_RUNPATH, or by its name when it is loaded already.
    let found = graph.needs_of(id).iter().find_map(|(needed, resolution)| match resolution {
        Resolution::File(_, found) if found.rule != ALREADY_LOADED => Some(needed),
        _ => None,
    });
    if let Some(needed) = found.filter(|_| api < android::RUNPATH_API) {
        let what = format!(
            "`{needed}` beside it, by way of DT_RUNPATH, which Android reads from API level 24 on"
        );
        obstacles.push((ObstacleKind::SearchPath, what));
    }
    obstacles
}

/// What only some builds of CPython have: the FPE control of `--with-fpectl` (removed in 3.7,
/// bpo-29137) and the narrow Unicode ABI of Python 2. A weak reference works without either.
pub(super) fn python_obstacle(file: &ElfFile) -> Option<String> {
    if !file.is_extension {
        return None;
    }
    let uses = |test: &dyn Fn(&str) -> bool| {
        let bound = file.undefined.iter().filter(|symbol| !symbol.is_weak);
        bound.map(|symbol| symbol.name.as_str()).find(|name| test(name))
    };
    if let Some(name) = uses(&|name| matches!(name, "PyFPE_jbuf" | "PyFPE_dummy" | "PyFPE_counter"))
    {
        return Some(format!("`{name}`, which only Pythons built with fpectl have"));
    }
    uses(&|name| name.starts_with("PyUnicodeUCS2_"))
        .map(|name| format!("`{name}`, which only narrow-Unicode builds of Python 2 have"))
}

/// `GNU_PROPERTY_X86_ISA_1_*` (x86-64 psABI, "Program Property"): bit 0 is the baseline.
pub(super) fn isa_extension(bits: u32) -> Option<&'static str> {
    match bits {
        0 | 1 => None,
        bits if bits & 8 != 0 => Some("x86-64-v4"),
        bits if bits & 4 != 0 => Some("x86-64-v3"),
        _ => Some("x86-64-v2"),
    }
}
