//! Options that are wrong whatever the wheel: told before one is opened.
//!
//! The engine would meet them later, once for each wheel, and blame the wheel.

use crate::check::{CheckOptions, SymbolPattern};
use crate::error::{Error, Line, Result};
use crate::merge::MergeOptions;
use crate::options::Options;
use crate::pattern;
use crate::search::elf::destination;

impl Options {
    /// Whether the options can be meant.
    ///
    /// # Errors
    ///
    /// A pattern is none; the directory for libraries, or that of an included one, is no place in a
    /// wheel.
    pub fn validate(&self) -> Result<()> {
        patterns("--exclude", &self.exclude)?;
        patterns("--force-vendor", &self.force_vendor)?;
        patterns("--no-mangle", &self.no_mangle)?;
        for wish in &self.include {
            if let Some(directory) = &wish.directory {
                destination(wish, directory)?;
            }
        }
        self.lib_sdir.as_deref().map_or(Ok(()), suffix)
    }
}

impl CheckOptions {
    /// Whether the options can be meant.
    ///
    /// # Errors
    ///
    /// A pattern is none.
    pub fn validate(&self) -> Result<()> {
        patterns("--exclude", &self.exclude)?;
        patterns("--forbid", &self.forbid)?;
        patterns("--require", &self.require)?;
        symbols("--forbid-symbol", &self.forbid_symbol)?;
        symbols("--require-symbol", &self.require_symbol)
    }
}

impl MergeOptions {
    /// Whether the options can be meant.
    ///
    /// # Errors
    ///
    /// A pattern is none.
    pub fn validate(&self) -> Result<()> {
        patterns("--take-first", &self.take_first)?;
        patterns("--take-second", &self.take_second)
    }
}

fn patterns(option: &str, globs: &[String]) -> Result<()> {
    globs.iter().try_for_each(|glob| pattern::check(&format!("{option} {glob}"), glob))
}

fn symbols(option: &str, patterns: &[SymbolPattern]) -> Result<()> {
    for pattern in patterns {
        let typed = format!("{option} {pattern}");
        pattern::check(&typed, &pattern.symbol)?;
        pattern.file.iter().try_for_each(|file| pattern::check(&typed, file))?;
    }
    Ok(())
}

/// What is appended to the distribution's name: `.libs` gives a directory beside the package, `/libs`
/// one in it, as with auditwheel.
fn suffix(text: &str) -> Result<()> {
    let refused = |what: String| {
        let hint = "`.libs` gives a directory beside the package, `/libs` one in it, `/` the package \
                    itself";
        Err(Error::refused_with(format!("`--lib-sdir {text}` {what}"), hint))
    };
    if text.is_empty() {
        return refused("is empty".to_owned());
    }
    // ld.so(8): `:` and `;` separate directories, `$` begins a name that the loader replaces.
    let is_bad = |c: &char| matches!(c, ':' | ';' | '$' | '\\') || c.is_control();
    if let Some(c) = text.chars().find(is_bad) {
        return refused(format!("has `{}`, which no search path can have", Line(c)));
    }
    for (index, part) in text.trim_end_matches('/').split('/').enumerate() {
        if part.is_empty() && index > 0 {
            return refused("has an empty part".to_owned());
        }
        // Windows takes such an end away; `..` would lead out of the directory.
        if part.ends_with(['.', ' ']) {
            return refused("has a part that ends in a dot or a space".to_owned());
        }
    }
    let top = text.split('/').next().unwrap_or_default();
    if top.ends_with(".dist-info") || top.ends_with(".data") {
        return refused("gives a directory that installers do not copy".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_for_libraries_is_one_on_every_system() {
        for good in [".libs", ".libs/", "-libs", "lib", "/", "/lib", "/deep/er", "a/b", "a b"] {
            assert!(suffix(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "/..",
            "a/../b",
            "./x",
            "x//y",
            "a:b",
            "a;b",
            "$ORIGIN",
            "a\\b",
            "a\n",
            "x.",
            "x ",
            "-1.0.dist-info",
            "-1.0.data/platlib",
        ] {
            assert!(suffix(bad).is_err(), "{bad}");
        }
    }
}
