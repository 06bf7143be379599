//! What the caller forbids and requires: libraries by name, symbols by name.
//!
//! A number of projects looks for one name in the finished wheel because a wrong build looks right
//! until it runs: OpenBLAS where Accelerate should be, `dgemm_` where `scipy_dgemm_64_` should be.

use std::fmt;

use super::finding::Finding;
use super::{Check, Patterns, libraries, rules};
use crate::error::Result;
use crate::pattern::nearest;
use crate::search::paths::base_name;

/// A glob on symbols, and one on the members it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolPattern {
    /// Matches the symbol's whole name, without the leading underscore that Mach-O gives it.
    pub symbol: String,
    /// Matches the member's path or file name; `None` is every binary.
    pub file: Option<String>,
}

impl SymbolPattern {
    /// `SYMBOL` or `SYMBOL=FILE`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((symbol, file)) if !file.is_empty() => {
                Self { symbol: symbol.to_owned(), file: Some(file.to_owned()) }
            }
            _ => Self { symbol: text.trim_end_matches('=').to_owned(), file: None },
        }
    }
}

impl fmt::Display for SymbolPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}={file}", self.symbol),
            None => f.write_str(&self.symbol),
        }
    }
}

pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    forbidden_libraries(check)?;
    required_libraries(check)?;
    forbidden_symbols(check)?;
    required_symbols(check)
}

fn forbidden_libraries(check: &mut Check<'_>) -> Result<()> {
    if check.options.forbid.is_empty() {
        return Ok(());
    }
    let patterns = Patterns::new(&check.options.forbid)?;
    for (name, places) in libraries::names(check.facts) {
        let Some(pattern) = patterns.of(&name) else { continue };
        let places: Vec<&String> = places.iter().collect();
        let message =
            format!("`{name}` is forbidden by `{pattern}`: {}", super::content::list(&places));
        check.findings.push(Finding::new(rules::FORBIDDEN_LIBRARY, message));
    }
    Ok(())
}

fn required_libraries(check: &mut Check<'_>) -> Result<()> {
    let names = libraries::names(check.facts);
    for pattern in &check.options.require {
        let patterns = Patterns::new(std::slice::from_ref(pattern))?;
        if !names.keys().any(|name| patterns.of(name).is_some()) {
            let finding =
                Finding::new(rules::REQUIRED_LIBRARY, format!("no library matches `{pattern}`"));
            let near = nearest(base_name(pattern), names.keys().map(|name| base_name(name)));
            check.findings.push(match near {
                Some(name) => finding.remedy(format!("the nearest name is `{name}`")),
                None => finding,
            });
        }
    }
    Ok(())
}

/// Each binary in which a symbol matches, with the symbols.
fn matches(check: &Check<'_>, pattern: &SymbolPattern) -> Result<Vec<(String, Vec<String>)>> {
    let symbols = crate::pattern::globs(std::slice::from_ref(&pattern.symbol))?;
    let files = match &pattern.file {
        Some(file) => Some(Patterns::new(std::slice::from_ref(file))?),
        None => None,
    };
    let mut found = Vec::new();
    for (path, facet) in &check.facts.binaries {
        if files.as_ref().is_some_and(|files| files.of(path.as_str()).is_none()) {
            continue;
        }
        let all = facet.symbols.used.iter().chain(facet.symbols.defined.keys());
        let mut names: Vec<String> = all.filter(|name| symbols.is_match(name)).cloned().collect();
        names.sort();
        names.dedup();
        if !names.is_empty() {
            found.push((path.as_str().to_owned(), names));
        }
    }
    Ok(found)
}

fn describe(pattern: &SymbolPattern) -> String {
    match &pattern.file {
        Some(file) => format!("`{}` in `{file}`", pattern.symbol),
        None => format!("`{}`", pattern.symbol),
    }
}

fn forbidden_symbols(check: &mut Check<'_>) -> Result<()> {
    for pattern in &check.options.forbid_symbol {
        for (path, names) in matches(check, pattern)? {
            let names = super::content::list(&names);
            let message = format!("{names}: forbidden by {}", describe(pattern));
            check.findings.push(Finding::of(rules::FORBIDDEN_SYMBOL, path, message));
        }
    }
    Ok(())
}

fn required_symbols(check: &mut Check<'_>) -> Result<()> {
    for pattern in &check.options.require_symbol {
        if matches(check, pattern)?.is_empty() {
            let message = format!("no binary uses or defines {}", describe(pattern));
            check.findings.push(Finding::new(rules::REQUIRED_SYMBOL, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_symbols_may_name_its_files() {
        let pattern = SymbolPattern::parse("dgemm_=*linalg*");
        assert_eq!(pattern.symbol, "dgemm_");
        assert_eq!(pattern.file.as_deref(), Some("*linalg*"));
        assert_eq!(SymbolPattern::parse("dgemm_").file, None);
    }
}
