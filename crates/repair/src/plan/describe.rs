//! The edits of one file in words, for `--dry-run` and its JSON.

use truewheel_elf::{Edits, SearchPathEdit, SonameEdit, Strip};

/// One line for each edit, for people; stripping first, as it is done first.
pub(super) fn describe(edits: &Edits, strip: Option<&Strip>) -> Vec<String> {
    let mut lines = Vec::new();
    match strip {
        Some(Strip::Debug) => lines.push("no debug information".to_owned()),
        Some(Strip::All) => lines.push("no debug information, no symbol table".to_owned()),
        None => {}
    }
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
    lines
}
