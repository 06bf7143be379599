//! The lines in a package's `__init__.py` that let Windows find the DLLs of the wheel.
//!
//! Windows looks for a DLL beside the module that needs it, in directories that the process has named, and
//! in its own. A wheel whose modules lie in several directories keeps its DLLs in one, which a package
//! names before it loads any of its modules (`os.add_dll_directory`, Python 3.8). Two cases need more: a
//! Python before 3.8 has no such function, and conda's 3.8 and 3.9 do not look where it says
//! (conda issue 10897); and a DLL that is loaded at the first call of a function is looked for by its name
//! alone (`LoadLibraryEx` without flags, delayhlp.cpp), where no such directory counts. There the DLLs
//! are loaded by their full paths, in the order of their needs: a DLL that the process has is found by
//! its name. A DLL that cannot be loaded so is left to who needs it, and to the error it gets then.
//!
//! The lines stand between the two comments that delvewheel writes: programs that freeze packages or
//! take the lines out again look for them.

mod source;

use std::fmt;

use source::{Fault, Place};

/// The comment in front of the lines.
const START: &str = "# start delvewheel patch";
/// The comment behind them.
const END: &str = "# end delvewheel patch";
/// What tells our lines from those of another tool.
const FUNCTION: &str = "_truewheel_patch";

/// What one package has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitPatch {
    /// The directories of DLLs, each as the parts of the way from the package's own; `..` leads up.
    pub(crate) directories: Vec<Vec<String>>,
    /// The oldest Python, major and minor.
    pub(crate) lowest_python: (u32, u32),
    /// A file in one of these with the names of DLLs that an older Python loads by their paths, one on
    /// each line.
    pub(crate) load_order: String,
    /// Names of DLLs that every Python loads by their paths, in order.
    pub(crate) preload: Vec<String>,
}

/// Why a file cannot be patched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It declares an encoding that does not have ASCII as a part, or that is not known.
    Encoding(String),
    /// Nothing ends the string literal at this offset.
    OpenString(usize),
    /// It has the first of the two comments and not the second.
    OpenPatch,
    /// It has the lines of an earlier repair, for another directory.
    OtherDirectory,
}

impl InitPatch {
    /// Whether `lowest_python` needs the file of names.
    pub(crate) fn needs_load_order(lowest_python: (u32, u32)) -> bool {
        lowest_python < (3, 10)
    }

    /// `source` with the lines. Lines of an earlier repair for the same directory are replaced.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub(crate) fn apply(&self, source: &[u8]) -> Result<Vec<u8>, Refusal> {
        let newline = source::newline(source);
        if let Some((start, end)) = existing(source)? {
            let old = String::from_utf8_lossy(&source[start..end]);
            if !self.is_for_same_directory(&old) {
                return Err(Refusal::OtherDirectory);
            }
            return Ok([&source[..start], &self.lines(newline), &source[end..]].concat());
        }
        let Place { end, resume } = source::place(source).map_err(|fault| match fault {
            Fault::Encoding(name) => Refusal::Encoding(name),
            Fault::OpenString(offset) => Refusal::OpenString(offset),
        })?;
        let (before, after) = (&source[..end], &source[resume..]);
        let mut patched = before.to_vec();
        if !before.is_empty() && before != source::BOM {
            if !before.ends_with(b"\n") && !before.ends_with(b"\r") {
                patched.extend_from_slice(newline);
            }
            patched.extend_from_slice(newline);
        }
        patched.extend(self.lines(newline));
        patched.extend_from_slice(newline);
        if !after.is_empty() {
            patched.extend_from_slice(newline);
        }
        patched.extend_from_slice(after);
        Ok(patched)
    }

    /// `source` with the lines in the place of each comment that asks for them, and how many there are.
    pub(crate) fn apply_at_marks(&self, source: &[u8]) -> (Vec<u8>, usize) {
        let newline = source::newline(source);
        let (mut patched, mut count) = (Vec::new(), 0);
        for line in source.split_inclusive(|byte| *byte == b'\n') {
            let text = line.trim_ascii_end();
            if is_mark(text) {
                patched.extend(self.lines(newline));
                patched.extend_from_slice(&line[text.len()..]);
                count += 1;
            } else {
                patched.extend_from_slice(line);
            }
        }
        (patched, count)
    }

    /// The lines, without a line ending behind the last.
    fn lines(&self, newline: &[u8]) -> Vec<u8> {
        let mut lines = vec![START.to_owned(), format!("def {FUNCTION}():")];
        lines.extend(self.body().iter().map(|line| format!("    {line}")));
        let call = ["", "", &format!("{FUNCTION}()"), &format!("del {FUNCTION}"), END];
        lines.extend(call.map(str::to_owned));
        lines.join(&*String::from_utf8_lossy(newline)).into_bytes()
    }

    fn body(&self) -> Vec<String> {
        let is_old = Self::needs_load_order(self.lowest_python);
        let mut body = vec!["import os".to_owned()];
        if is_old {
            body.push("import io".to_owned());
            body.push("import sys".to_owned());
        }
        let ways: Vec<String> = self.directories.iter().map(|parts| way(parts)).collect();
        let names: Vec<String> = self.preload.iter().map(|name| literal(name)).collect();
        body.push("here = os.path.abspath(os.path.dirname(__file__))".to_owned());
        body.push(format!("for parts in [{}]:", ways.join(", ")));
        let mut each = Vec::new();
        each.extend(FIND_DIRECTORY.map(str::to_owned));
        if is_old {
            each.extend(OLD_PYTHONS.map(str::to_owned));
            each.push(format!("names = [{}]", names.join(", ")));
            each.push(format!("order = os.path.join(libs, {})", literal(&self.load_order)));
            each.extend(READ_ORDER.map(str::to_owned));
        } else {
            each.push("os.add_dll_directory(libs)".to_owned());
        }
        if !is_old && !names.is_empty() {
            each.push(format!("names = [{}]", names.join(", ")));
        }
        if is_old || !names.is_empty() {
            each.extend(PRELOAD.map(str::to_owned));
        }
        body.extend(each.iter().map(|line| format!("    {line}")));
        body
    }

    /// Whether lines of an earlier repair lead to where these do.
    fn is_for_same_directory(&self, old: &str) -> bool {
        let has =
            |name: &str| old.contains(&format!("'{name}'")) || old.contains(&format!("\"{name}\""));
        let mut names = self.directories.iter().flatten().filter(|part| *part != "..");
        names.all(|name| has(name))
    }
}

/// `(os.pardir, 'demo.libs')`
fn way(parts: &[String]) -> String {
    let part = |part: &String| match part.as_str() {
        ".." => "os.pardir, ".to_owned(),
        name => format!("{}, ", literal(name)),
    };
    let parts: String = parts.iter().map(part).collect();
    if parts.is_empty() {
        "(os.curdir,)".to_owned()
    } else {
        format!("({},)", parts.trim_end_matches(", "))
    }
}

const FIND_DIRECTORY: [&str; 3] = [
    "libs = os.path.abspath(os.path.join(here, *parts))",
    "if not os.path.isdir(libs):",
    "    continue",
];

/// Python 2 gives its paths as bytes.
const OLD_PYTHONS: [&str; 4] = [
    "if isinstance(libs, bytes):",
    "    libs = libs.decode(sys.getfilesystemencoding())",
    "if hasattr(os, 'add_dll_directory'):",
    "    os.add_dll_directory(libs)",
];

const READ_ORDER: [&str; 3] = [
    "if sys.version_info < (3, 10) and os.path.isfile(order):",
    "    with io.open(order, encoding='utf-8') as lines:",
    "        names = lines.read().splitlines()",
];

/// `SEM_FAILCRITICALERRORS` (1) keeps a DLL that lacks another from opening a window, as Python does for
/// its modules; `LOAD_WITH_ALTERED_SEARCH_PATH` (8) looks for the needs of a DLL beside it.
const PRELOAD: [&str; 8] = [
    "paths = [os.path.join(libs, name) for name in names]",
    "if names:",
    "    import ctypes",
    "    kernel32 = ctypes.WinDLL('kernel32.dll')",
    "    mode = kernel32.SetErrorMode(1)",
    "    for path in filter(os.path.isfile, paths):",
    "        kernel32.LoadLibraryExW(ctypes.c_wchar_p(path), None, 8)",
    "    kernel32.SetErrorMode(mode)",
];

/// A Python literal that is ASCII and the same in Python 2 and 3.
fn literal(text: &str) -> String {
    let mut literal = String::from(if text.is_ascii() { "'" } else { "u'" });
    for unit in text.chars() {
        match unit {
            '\'' | '\\' => literal.extend(['\\', unit]),
            ' '..='~' => literal.push(unit),
            _ if u32::from(unit) > 0xffff => {
                literal.push_str(&format!("\\U{:08x}", u32::from(unit)))
            }
            _ if text.is_ascii() => literal.push_str(&format!("\\x{:02x}", u32::from(unit))),
            _ => literal.push_str(&format!("\\u{:04x}", u32::from(unit))),
        }
    }
    literal.push('\'');
    literal
}

/// A comment of the user's own that asks for the lines.
fn is_mark(line: &[u8]) -> bool {
    let Some(text) = line.strip_prefix(b"#").and_then(|rest| std::str::from_utf8(rest).ok()) else {
        return false;
    };
    let mut parts = text.split(':').map(|part| part.trim_matches(' ').to_ascii_lowercase());
    let is_ours = parts.next().is_some_and(|name| name == "delvewheel" || name == "truewheel");
    is_ours && parts.next().as_deref() == Some("patch") && parts.next().is_none()
}

/// Where the lines of an earlier repair stand. delvewheel may have put an empty docstring in front of the
/// first, which stays.
fn existing(source: &[u8]) -> Result<Option<(usize, usize)>, Refusal> {
    let mut at = 0;
    let mut start = None;
    for line in source.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        let text = line.trim_ascii_end();
        let is_start = text.strip_suffix(START.as_bytes()).is_some_and(|before| {
            matches!(before.strip_prefix(source::BOM).unwrap_or(before), b"" | b"\"\"\"\"\"\" ")
        });
        match start {
            None if is_start => start = Some(at + text.len() - START.len()),
            Some(start) if text == END.as_bytes() => return Ok(Some((start, at + text.len()))),
            _ => {}
        }
        at += line.len();
    }
    start.map_or(Ok(None), |_| Err(Refusal::OpenPatch))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(name) => {
                write!(f, "its encoding `{name}` is not known to have ASCII as a part")
            }
            Self::OpenString(offset) => {
                write!(f, "the string literal at offset {offset:#x} has no end")
            }
            Self::OpenPatch => write!(f, "it has `{START}` and no `{END}`"),
            Self::OtherDirectory => {
                f.write_str("an earlier repair has it look into another directory of DLLs")
            }
        }
    }
}

#[cfg(test)]
mod tests;
