//! The library that a GNU ld script stands for.
//!
//! Where a linker looks for `libfoo.so` it may find a text instead (GNU ld manual, "Implicit Linker
//! Scripts"): `INPUT(libfoo.so.1)`, or `GROUP ( /lib/libc.so.6 … AS_NEEDED ( … ) )`. A loader would stop
//! at it. A needed name without a version that leads to one was given by who linked against a library
//! without a SONAME, and means the library that the script stands for.
//!
//! A script that names several libraries stands for the one whose name goes on where its own ends, and
//! for none if there is no such one: which of them was meant, its reader cannot know.

use std::fs;
use std::path::Path;

/// Longer texts are no scripts: glibc's own have some 300 bytes.
const LARGEST: u64 = 0x1_0000;

/// The library that the script at `path` stands for; `None` if it is no script, or not for one library.
pub(super) fn read(path: &Path, size: u64) -> Option<String> {
    if size > LARGEST {
        return None;
    }
    let text = String::from_utf8(fs::read(path).ok()?).ok()?;
    library(path.file_name()?.to_str()?, &text)
}

fn library(name: &str, text: &str) -> Option<String> {
    let stem = name.strip_suffix(".so")?;
    let libraries = libraries(text);
    let continued = format!("{stem}.so.");
    let file_name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let mut own = libraries.iter().filter(|path| file_name(path).starts_with(&continued));
    match (own.next(), own.next(), libraries.as_slice()) {
        (Some(one), None, _) => Some(one.clone()),
        (None, _, [one]) => Some(one.clone()),
        _ => None,
    }
}

/// The shared libraries of the script's `INPUT` and `GROUP`; none if it has a command that this does
/// not know, for then it is a layout and no stand-in.
fn libraries(text: &str) -> Vec<String> {
    let mut libraries: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    let mut is_list = false;
    for token in tokens(text) {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "INPUT" | "GROUP" if depth == 0 => is_list = true,
            "OUTPUT_FORMAT" | "SEARCH_DIR" if depth == 0 => is_list = false,
            "AS_NEEDED" => {}
            _ if depth == 0 => return Vec::new(),
            file if is_list && is_shared(file) && !libraries.iter().any(|known| known == file) => {
                libraries.push(file.to_owned());
            }
            _ => {}
        }
    }
    libraries
}

/// A file name with `.so`: no `-lfoo`, no archive, no object.
fn is_shared(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    !name.starts_with('-') && (name.ends_with(".so") || name.contains(".so."))
}

/// Words and parentheses; blanks, commas and semicolons separate, comments are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
            continue;
        }
        rest = &rest[next.len_utf8()..];
        let is_bracket = matches!(next, '(' | ')');
        if is_bracket || next.is_whitespace() || matches!(next, ',' | ';' | '"') {
            tokens.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            tokens.extend(is_bracket.then(|| next.to_string()));
        } else {
            word.push(next);
        }
    }
    tokens.extend((!word.is_empty()).then_some(word));
    tokens
}

#[cfg(test)]
mod tests {
    use super::library;

    #[test]
    fn a_script_stands_for_the_library_that_it_names() {
        for (name, text, expected) in [
            ("libtbb.so", "INPUT (libtbb.so.2)\n", Some("libtbb.so.2")),
            (
                "libfoo.so",
                "/* GNU ld script */\nGROUP ( /opt/lib/libfoo.so.1 )",
                Some("/opt/lib/libfoo.so.1"),
            ),
            ("libncurses.so", "INPUT(libncurses.so.6 -ltinfo)", Some("libncurses.so.6")),
            (
                "libc.so",
                "OUTPUT_FORMAT(elf64-x86-64)\nGROUP ( /lib/libc.so.6 /usr/lib/libc_nonshared.a  \
                 AS_NEEDED ( /lib64/ld-linux-x86-64.so.2 ) )",
                Some("/lib/libc.so.6"),
            ),
            ("libcurses.so", "INPUT(\"libncurses.so.6\")", Some("libncurses.so.6")),
            ("libcurses.so", "INPUT(libncurses.so.6, libtinfo.so.6)", None),
            ("libcurses.so", "INPUT(-lncurses)", None),
            ("libfoo.so.1", "INPUT(libfoo.so.2)", None),
            ("libfoo.so", "SECTIONS { .text : { libfoo.so.1 } }", None),
            ("libfoo.so", "not a script", None),
            ("libfoo.so", "/* INPUT(libfoo.so.1)", None),
            ("libfoo.so", "", None),
            ("libfoo.so", ")))INPUT(((libfoo.so.1", Some("libfoo.so.1")),
        ] {
            assert_eq!(library(name, text).as_deref(), expected, "{text}");
        }
    }
}
