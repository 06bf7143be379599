//! Names of libraries in the strings of binaries: what may be opened at run time.
//!
//! `dlopen("libcuda.so.1")` leaves no trace but the string. A library that is opened so is never vendored
//! on its own: most such strings are probes for something that may be absent, and only the packager
//! knows. They are told, so that a wheel whose plugin is missing does not come as a surprise.
//!
//! A candidate is a whole C string (between zeros; in PE files UTF-16 as well) with the form of the
//! platform's library names: `lib*.so`, with numbers behind it or not; `*.dylib`; `*.dll`. What stands in
//! an ELF file's table of names for its loader is none. Names that are
//! needed anyway, that the wheel has, that the target has, and that the caller leaves out, are none. Names
//! that a program puts together, and strings without a zero behind them, as Rust has them, are not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use truewheel_elf::Elf;
use truewheel_wheel::MemberPath;

use crate::binary::Format;
use crate::error::Result;
use crate::left_out::Choices;
use crate::options::Options;
use crate::pattern::Unmatched;
use crate::policy;
use crate::policy::windows;
use crate::search::macho::is_of_macos;
use crate::search::paths::base_name;
use crate::survey::{Kind, Survey};
use crate::target;

/// So many names of one file are told: a list of all libraries of a distribution is data.
const MOST_NAMES: usize = 100;

/// The longest file name of any system.
const LONGEST_NAME: usize = 255;

/// The library names among the strings of each binary of a wheel.
pub(crate) type Strings = Vec<(MemberPath, Format, BTreeSet<String>)>;

/// What may be opened at run time.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// Name → the members that have it.
    pub(crate) names: BTreeMap<String, BTreeSet<String>>,
    /// Options that left none of them out.
    pub(crate) unmatched: Vec<Unmatched>,
}

/// The names that may be opened at run time.
pub(crate) fn candidates(
    survey: &Survey,
    strings: Strings,
    options: &Options,
) -> Result<Candidates> {
    let known = Known::new(survey);
    let choices = Choices::new(options)?;
    let is_excluded = |name: &str| choices.excluded.find(name, &[name, base_name(name)]).is_some();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, format, names) in strings {
        for name in names {
            if !known.has(&name, format) && !is_excluded(&name) {
                found.entry(name).or_default().insert(path.to_string());
            }
        }
    }
    Ok(Candidates { names: found, unmatched: choices.unmatched() })
}

/// The library names among the strings of one file.
pub(crate) fn names(bytes: &[u8], format: Format) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let table = LoaderNames::of(bytes, format);
    let (mut start, mut left_table) = (0, 0);
    for string in bytes.split(|byte| *byte == 0) {
        if table.begins_at(bytes, start) {
            left_table = start + table.place.len();
        }
        if start >= left_table && !table.place.contains(&start) {
            take(string, format, &mut names);
        }
        start += string.len() + 1;
    }
    if format == Format::Pe {
        for string in wide_strings(bytes) {
            take(&string, format, &mut names);
        }
    }
    names
}

/// The names that an ELF file has for its loader, which no code opens: old ones too, because who renames
/// a file leaves them behind. An editor that had no room has left the whole table where it was, and a
/// copy of it elsewhere.
#[derive(Default)]
struct LoaderNames<'a> {
    place: Range<usize>,
    /// What the table begins with, enough to know it by.
    beginning: &'a [u8],
}

/// So many bytes are no coincidence.
const ENOUGH: usize = 32;

impl<'a> LoaderNames<'a> {
    fn of(bytes: &'a [u8], format: Format) -> Self {
        let elf = if format == Format::Elf { Elf::parse(bytes).ok() } else { None };
        let place = elf.and_then(|elf| elf.dynamic_strings()).unwrap_or_default();
        // The first string of each table is empty.
        let beginning = bytes.get(place.start + 1..place.end).unwrap_or_default();
        Self { place, beginning: beginning.get(..ENOUGH).unwrap_or_default() }
    }

    /// Whether the table or a copy of it begins at `start`.
    fn begins_at(&self, bytes: &[u8], start: usize) -> bool {
        !self.beginning.is_empty()
            && bytes.get(start..).is_some_and(|rest| rest.starts_with(self.beginning))
    }
}

fn take(string: &[u8], format: Format, names: &mut BTreeSet<String>) {
    // A look at the end spares nearly all strings the rest.
    let may_be = match format {
        Format::Elf => string.last().is_some_and(|byte| *byte == b'o' || byte.is_ascii_digit()),
        Format::MachO => string.ends_with(b".dylib"),
        Format::Pe => {
            string.last_chunk().is_some_and(|end: &[u8; 4]| end.eq_ignore_ascii_case(b".dll"))
        }
    };
    if may_be && names.len() < MOST_NAMES && string.len() <= 4096 {
        names.extend(
            std::str::from_utf8(string)
                .ok()
                .filter(|name| is_library(name, format))
                .map(str::to_owned),
        );
    }
}

/// Runs of ASCII characters in UTF-16, at even and odd offsets.
fn wide_strings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut strings = Vec::new();
    for start in [0, 1] {
        let mut run = Vec::new();
        for pair in bytes.get(start..).unwrap_or_default().chunks_exact(2) {
            match pair {
                [byte @ 0x20..=0x7e, 0] => run.push(*byte),
                pair => {
                    if *pair == [0, 0] && run.len() > 4 {
                        strings.push(std::mem::take(&mut run));
                    }
                    run.clear();
                }
            }
        }
    }
    strings.retain(|string| string.len() <= LONGEST_NAME);
    strings
}

/// Whether `name`, with or without directories, has the form of a library of this format.
fn is_library(name: &str, format: Format) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    let (directory, leaf) = name.rsplit_once(['/', '\\']).unwrap_or(("", name));
    let is_path = directory.is_empty()
        || (!directory.contains(['%', '*', '?', ' ', '{', ':']) && !directory.starts_with("-"));
    if leaf.len() > LONGEST_NAME || !is_path || !leaf.chars().all(is_plain) {
        return false;
    }
    match format {
        Format::Elf => leaf.strip_prefix("lib").is_some_and(|rest| {
            rest.split_once(".so")
                .is_some_and(|(stem, version)| !stem.is_empty() && is_version(version))
        }),
        Format::MachO => leaf.strip_suffix(".dylib").is_some_and(|stem| stem.len() > 3),
        Format::Pe => leaf.len() > 5,
    }
}

/// Empty, or numbers that each have a dot before them: `.1.0`.
fn is_version(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.is_empty() || text.strip_prefix('.').is_some_and(|rest| rest.split('.').all(is_number))
}

/// Names that are nobody's surprise.
struct Known<'a> {
    survey: &'a Survey,
    /// Needed names, own names and file names of the wheel; of PE files in lower case.
    names: BTreeSet<String>,
    /// The same without versions and the digits of earlier repairs.
    stems: BTreeSet<String>,
}

impl<'a> Known<'a> {
    fn new(survey: &'a Survey) -> Self {
        let scan = &survey.scan;
        let members = survey.wheel.members().iter().map(|member| member.path.file_name());
        let elf = scan.elf.iter().flat_map(|(_, file)| {
            let versions = file.version_needs.keys();
            file.needed.iter().chain(&file.soname).chain(versions).map(String::as_str)
        });
        let macho = scan.macho.iter().flat_map(|(_, file)| &file.slices).flat_map(|slice| {
            let loads = slice.loads.iter().map(|load| load.install_name.as_str());
            loads.chain(slice.install_id.as_deref())
        });
        let pe = scan.pe.iter().flat_map(|(_, file)| {
            let imports = file.imports.iter().chain(&file.delay_imports).chain(&file.forwards);
            imports.chain(&file.export_name).map(String::as_str)
        });
        let all = members.chain(elf).chain(macho).chain(pe).map(base_name);
        let names: BTreeSet<String> = all.map(str::to_lowercase).collect();
        let stems = names.iter().map(|name| stem(name).to_owned()).collect();
        Self { survey, names, stems }
    }

    fn has(&self, name: &str, format: Format) -> bool {
        let leaf = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let lower = leaf.to_lowercase();
        if self.names.contains(&lower) || self.stems.contains(stem(&lower)) {
            return true;
        }
        match format {
            Format::Elf => self.is_of_target(leaf),
            Format::MachO => is_of_macos(name),
            Format::Pe => windows::is_ever_brought(&lower) || lower.starts_with("python"),
        }
    }

    /// What every system of the target has, also by the name that only a linker uses.
    fn is_of_target(&self, leaf: &str) -> bool {
        if target::is_c_library(leaf) || target::is_libpython(leaf) {
            return true;
        }
        let Kind::Linux(linux) = &self.survey.kind else { return false };
        let Some(promise) = linux.assessment.reference() else { return false };
        let numbered = (0..10).map(|number| format!("{}.so.{number}", stem(leaf)));
        let names = std::iter::once(leaf.to_owned()).chain(numbered);
        names.into_iter().any(|name| {
            policy::is_provided(promise, linux.target.arch, &name) || target::is_c_library(&name)
        })
    }
}

/// `libfoo` of `libfoo.so.1`, of `libfoo-1a2b3c4d.so.1`, of `libfoo.1.dylib` and of `libfoo.dll`.
pub(crate) fn stem(name: &str) -> &str {
    let stem = name.split_once(".so").map(|(stem, _)| stem);
    let stem = stem.or_else(|| name.strip_suffix(".dll"));
    let stem = stem.or_else(|| {
        let stem = name.strip_suffix(".dylib")?;
        Some(stem.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
    });
    let stem = stem.unwrap_or(name);
    match stem.rsplit_once('-') {
        Some((plain, digits)) if digits.len() >= 8 && is_hexadecimal(digits) => plain,
        _ => stem,
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_strings_with_the_form_of_a_library_count() {
        let bytes = b"\0libcuda.so.1\0see libfoo.so.1\0/opt/x/libbar.so\0lib%s.so\0libq.so.1a\0\
            lib.so\0libz.so.1 \0x.so\0";
        let found: Vec<String> = names(bytes, Format::Elf).into_iter().collect();
        assert_eq!(found, ["/opt/x/libbar.so", "libcuda.so.1"]);
    }

    #[test]
    fn strings_of_windows_count_in_both_widths_and_any_case() {
        let mut bytes = b"x\0nvcuda.DLL\0y".to_vec();
        bytes.extend("\0late.dll\0".encode_utf16().flat_map(u16::to_le_bytes));
        let found: Vec<String> = names(&bytes, Format::Pe).into_iter().collect();
        assert_eq!(found, ["late.dll", "nvcuda.DLL"]);
    }

    #[test]
    fn a_file_full_of_names_gives_a_bounded_list() {
        let bytes: Vec<u8> =
            (0..5000).flat_map(|number| format!("libx{number}.so\0").into_bytes()).collect();
        assert_eq!(names(&bytes, Format::Elf).len(), MOST_NAMES);
    }

    #[test]
    fn names_for_the_loader_are_none_neither_old_ones_nor_those_of_an_old_table() {
        let original = include_bytes!("../../../testdata/elf/gnu-ld.so");
        let edit = |bytes: &[u8], soname: &str| {
            let soname = Some(truewheel_elf::SonameEdit::Set(soname.to_owned()));
            let edits = truewheel_elf::Edits { soname, ..Default::default() };
            truewheel_elf::patch(bytes, &edits).unwrap().apply(bytes)
        };
        let named = edit(original, "libopenblas.so.0");
        let mut renamed = edit(&named, "libopenblas-r0-0a1b2c3d.3.3.so");
        let has = |name: &[u8]| renamed.windows(name.len()).any(|found| found == name);
        assert!(has(b"libopenblas-r0-0a1b2c3d.3.3.so"));
        assert_eq!(names(&renamed, Format::Elf), BTreeSet::new());
        renamed.extend(b"\0libopened.so.1\0");
        assert_eq!(names(&renamed, Format::Elf), BTreeSet::from(["libopened.so.1".to_owned()]));
    }

    #[test]
    fn a_vendored_library_is_known_by_its_old_name() {
        assert_eq!(stem("libfoo-1a2b3c4d.so.1"), stem("libfoo.so"));
        assert_eq!(stem("libfoo.1.2.dylib"), "libfoo");
        assert_eq!(stem("msvcp140-0f2ea95580b32bcfc81c235d5751ce78.dll"), "msvcp140");
    }
}
