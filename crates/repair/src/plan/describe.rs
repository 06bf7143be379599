//! The edits of one file in words, for `--dry-run` and its JSON.

use truewheel_elf::{SearchPathEdit, SonameEdit, Strip};

use super::FileEdits;

/// One line for each edit, for people; stripping first, as it is done first.
pub(super) fn describe(edits: &FileEdits, strip: Option<&Strip>) -> Vec<String> {
    let mut lines = Vec::new();
    match strip {
        Some(Strip::Debug) => lines.push("no debug information".to_owned()),
        Some(Strip::All) => lines.push("no debug information, no symbol table".to_owned()),
        None => {}
    }
    match edits {
        FileEdits::Elf(edits) => elf(edits, &mut lines),
        FileEdits::MachO(edits) => macho(edits, &mut lines),
        FileEdits::Pe(edits) => pe(edits, &mut lines),
    }
    lines
}

fn elf(edits: &truewheel_elf::Edits, lines: &mut Vec<String>) {
    match &edits.soname {
        Some(SonameEdit::Set(name)) => lines.push(format!("SONAME {name}")),
        Some(SonameEdit::Remove) => lines.push("no SONAME".to_owned()),
        None => {}
    }
    lines.extend(edits.replace_needed.iter().map(|(old, new)| format!("NEEDED {old} -> {new}")));
    lines.extend(edits.remove_needed.iter().map(|name| format!("no NEEDED {name}")));
    lines.extend(edits.add_needed.iter().map(|name| format!("NEEDED + {name}")));
    match &edits.search_path {
        Some(SearchPathEdit::Rpath(path)) => lines.push(format!("RPATH {path}")),
        Some(SearchPathEdit::Runpath(path)) => lines.push(format!("RUNPATH {path}")),
        Some(SearchPathEdit::Remove) => lines.push("no RPATH, no RUNPATH".to_owned()),
        None => {}
    }
    if edits.clear_executable_stack {
        lines.push("no executable stack".to_owned());
    }
}

fn macho(edits: &truewheel_macho::Edits, lines: &mut Vec<String>) {
    lines.extend(edits.install_id.iter().map(|id| format!("install ID {id}")));
    // The slices of a universal file mostly get the same edits: said once then.
    let mut slices: Vec<Vec<String>> = Vec::new();
    for edits in edits.slices.values() {
        let names = edits.install_names.iter().map(|(old, new)| format!("load {old} -> {new}"));
        let mut of_slice: Vec<String> = names.collect();
        match edits.rpaths.as_deref() {
            None => {}
            Some([]) => of_slice.push("no LC_RPATH".to_owned()),
            Some(paths) => of_slice.push(format!("LC_RPATH {}", paths.join(", "))),
        }
        slices.push(of_slice);
    }
    for (index, of_slice) in slices.iter().enumerate() {
        let is_known = |line: &&String| !slices[..index].iter().any(|known| known.contains(line));
        lines.extend(of_slice.iter().filter(is_known).cloned());
    }
}

fn pe(edits: &truewheel_pe::Edits, lines: &mut Vec<String>) {
    lines.extend(edits.dll_names.iter().map(|(old, new)| format!("DLL {old} -> {new}")));
    if edits.clear_dependent_load_flags {
        lines.push("no DependentLoadFlags".to_owned());
    }
}
