//! Options of a check that did nothing: a name that is misspelt excludes and forbids nothing, and the check
//! passes or fails for another reason than its reader believes.
//!
//! `--forbid` and `--forbid-symbol` that match nothing are the good case, and `--require` that matches nothing
//! is a finding. `--ignore` names rules, which are known to be there.

use super::facts::Facts;
use super::{CheckOptions, Patterns, libraries};
use crate::error::Result;
use crate::left_out;
use crate::pattern::{Unmatched, nearest};
use crate::search::paths::base_name;

/// Every option that did nothing for the wheel.
pub(super) fn of(facts: &Facts, options: &CheckOptions) -> Result<Vec<Unmatched>> {
    let mut unmatched = excludes(facts, options)?;
    unmatched.extend(files(facts, options)?);
    Ok(unmatched)
}

/// Excludes are held against needed names, and against names that may be opened at run time.
fn excludes(facts: &Facts, options: &CheckOptions) -> Result<Vec<Unmatched>> {
    let rules = left_out::excluded(&options.exclude, &options.exclude_groups)?;
    for (_, facet) in &facts.binaries {
        for name in libraries::needed(&facet.binary) {
            rules.find(&name, &[&name, base_name(&name), &name.to_ascii_lowercase()]);
        }
        for name in &facet.strings {
            rules.find(name, &[name, base_name(name)]);
        }
    }
    Ok(rules.unmatched("matches nothing that is needed"))
}

/// A symbol that is forbidden in no file is forbidden nowhere.
fn files(facts: &Facts, options: &CheckOptions) -> Result<Vec<Unmatched>> {
    let mut unmatched = Vec::new();
    for pattern in &options.forbid_symbol {
        let Some(file) = &pattern.file else { continue };
        let patterns = Patterns::new(std::slice::from_ref(file))?;
        let mut paths = facts.binaries.iter().map(|(path, _)| path);
        if paths.clone().all(|path| patterns.of(path.as_str()).is_none()) {
            let names = paths.by_ref().map(|path| path.file_name());
            let near = nearest(base_name(file), names);
            let option = format!("--forbid-symbol {pattern}");
            unmatched.push(Unmatched::new(&option, "matches no binary", near));
        }
    }
    Ok(unmatched)
}
