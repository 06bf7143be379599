//! The crate graph and the house rules of ARCHITECTURE.md, as tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

/// A source file with its path from the root, `/`-separated.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// What stands before the unit tests, with its line numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test_file = self.path.contains("/tests/") || self.path.ends_with("tests.rs");
        let end = if is_test_file { 0 } else { self.tests_at().unwrap_or(self.text.len()) };
        (1..).zip(self.text[..end].lines())
    }

    /// Where the module of unit tests begins, with its attributes.
    fn tests_at(&self) -> Option<usize> {
        let mark = "#[cfg(test)]\n";
        self.text.match_indices(mark).map(|(at, _)| at).find(|at| {
            let mut lines = self.text[at + mark.len()..].lines();
            lines.find(|line| !line.starts_with("#[")).is_some_and(|line| line == "mod tests {")
        })
    }

    /// The code without comments.
    fn statements(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_below(&self, directories: &[&str]) -> bool {
        directories.iter().any(|directory| self.path.starts_with(directory))
    }
}

/// Every Rust file of the program and its crates, sorted; no tests, examples or fuzz targets.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut directories = vec![root().join("src")];
    for package in entries(&root().join("crates")) {
        directories.push(package.join("src"));
    }
    while let Some(directory) = directories.pop() {
        for path in entries(&directory) {
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(read(&path));
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 70, "only {} sources found", sources.len());
    sources
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn read(path: &Path) -> Source {
    let short = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    Source { path: short, text: fs::read_to_string(path).unwrap().replace("\r\n", "\n") }
}

/// `path:line: text` for every statement that has one of `words` and is not in `allowed`.
fn uses_outside(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !allowed.contains(&&*source.path)) {
        for (line, text) in source.statements() {
            if words.iter().any(|word| text.contains(word)) {
                found.push(format!("{}:{line}: {}", source.path, text.trim()));
            }
        }
    }
    found
}

const NOTHING: [&str; 0] = [];

/// Makes the archives of unit tests, and is compiled for them alone.
const MADE_FOR_TESTS: &str = "crates/wheel/src/raw_zip.rs";

/// The names in one table of a manifest.
fn names_in(manifest: &str, table: &str) -> Vec<String> {
    let header = format!("[{table}]");
    let lines = manifest.lines().skip_while(|line| line.trim() != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| {
        let name = line.split(['.', '=', ' ']).next()?;
        (!name.is_empty() && !name.starts_with('#')).then(|| name.to_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn packages_depend_on_each_other_and_on_others_as_drawn() {
    let drawn: BTreeMap<&str, Vec<&str>> = [
        (
            "",
            vec![
                "anstream",
                "anstyle",
                "clap",
                "clap_complete",
                "clap_mangen",
                "indicatif",
                "serde",
                "serde_json",
                "toml",
                "truewheel-repair",
            ],
        ),
        (
            "crates/repair",
            vec![
                "flickzeug",
                "globset",
                "goblin",
                "rayon",
                "serde",
                "serde_json",
                "sha2",
                "strsim",
                "truewheel-elf",
                "truewheel-macho",
                "truewheel-pe",
                "truewheel-wheel",
            ],
        ),
        ("crates/elf", vec!["object"]),
        ("crates/macho", vec!["object", "ring"]),
        ("crates/pe", vec!["object"]),
        ("crates/wheel", vec!["base64", "libdeflater", "ring", "tempfile", "zip"]),
    ]
    .into();
    let mut packages: Vec<String> = entries(&root().join("crates"))
        .iter()
        .map(|path| format!("crates/{}", path.file_name().unwrap().to_string_lossy()))
        .collect();
    packages.push(String::new());
    packages.sort();
    assert_eq!(packages, drawn.keys().copied().collect::<Vec<_>>());
    for (package, allowed) in drawn {
        let manifest = root().join(package).join("Cargo.toml");
        let names = names_in(&fs::read_to_string(manifest).unwrap(), "dependencies");
        assert_eq!(names, allowed, "{package}");
    }
}

#[test]
fn a_package_outside_is_used_only_in_its_place() {
    for (name, places) in [
        (
            "clap",
            &["src/cli.rs", "src/cli/", "src/frontends.rs", "src/frontends/", "src/status.rs"][..],
        ),
        ("clap_complete", &["src/cli/shell.rs"]),
        ("clap_mangen", &["src/cli/shell.rs"]),
        ("toml", &["src/config/project.rs", "src/config/lock.rs"]),
        ("flickzeug", &["crates/repair/src/text_patch.rs"]),
        ("indicatif", &["src/progress.rs"]),
        ("anstream", &["src/report.rs", "src/report/"]),
        ("anstyle", &["src/report.rs", "src/report/"]),
        (
            "goblin",
            &[
                "crates/repair/src/verify.rs",
                "crates/repair/src/verify/",
                "crates/repair/src/merge/verify.rs",
            ],
        ),
        ("zip", &["crates/wheel/src/archive.rs"]),
        ("base64", &["crates/wheel/src/digest.rs"]),
        (
            "tempfile",
            &[
                "crates/wheel/src/batch.rs",
                "crates/wheel/src/replace.rs",
                "crates/wheel/src/writer.rs",
                MADE_FOR_TESTS,
            ],
        ),
        ("ring", &["crates/wheel/src/digest.rs", "crates/macho/src/digest.rs"]),
        ("object", &["crates/elf/src/", "crates/macho/src/", "crates/pe/src/"]),
    ] {
        let outside: Vec<String> = uses_outside(&[&format!("{name}::")], &[])
            .into_iter()
            .filter(|line| !places.iter().any(|place| line.starts_with(place)))
            .filter(|line| is_path_to(line, name))
            .collect();
        assert_eq!(outside, NOTHING, "{name}");
    }
}

/// Whether `name::` begins a path in `line`, and not `raw_zip::` or `crate::zip::`.
fn is_path_to(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back().unwrap_or(' ');
        !before.is_alphanumeric() && !matches!(before, '_' | ':')
    })
}

#[test]
fn every_file_opens_with_what_it_is() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    assert_eq!(silent, NOTHING);
}

#[test]
fn no_file_is_over_500_lines_before_its_tests() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.code().count() > 500)
        .map(|source| format!("{}: {}", source.path, source.code().count()))
        .collect();
    assert_eq!(long, NOTHING);
}

#[test]
fn no_function_is_over_60_lines() {
    let mut long = Vec::new();
    for source in sources() {
        let mut open: Vec<(usize, usize, String)> = Vec::new();
        for (line, text) in (1..).zip(source.text.lines()) {
            let indent = text.len() - text.trim_start().len();
            if is_function(text) && !text.trim_end().ends_with([';', '}']) {
                open.push((indent, line, text.trim().to_owned()));
            }
            let closes = text.trim() == "}" || text.trim() == "};";
            if closes && let Some(at) = open.iter().rposition(|(at, ..)| *at == indent) {
                let (_, start, name) = open.swap_remove(at);
                if line - start + 1 > 60 {
                    long.push(format!(
                        "{}:{start}: {} lines: {name}",
                        source.path,
                        line - start + 1
                    ));
                }
            }
        }
    }
    assert_eq!(long, NOTHING);
}

/// Whether a line begins a function. The closing brace has the same indent, by rustfmt's rules.
fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        matches!(*word, "pub" | "pub(crate)" | "pub(super)" | "const" | "async" | "unsafe")
    });
    words.next() == Some("fn")
}

#[test]
fn the_function_counter_can_tell() {
    assert!(is_function("    pub(crate) const fn a() -> u8 {"));
    assert!(!is_function("    let fn_ = 1;"));
    assert!(!is_function("// fn a() {"));
}

#[test]
fn only_report_rs_prints() {
    let words = ["println!", "eprintln!", "print!(", "eprint!(", "dbg!(", "::stdout(", "::stderr("];
    assert_eq!(uses_outside(&words, &["src/report.rs", "src/progress.rs"]), NOTHING);
    // What clap prints itself: help, version and its own complaints.
    assert_eq!(uses_outside(&[".print()"], &["src/status.rs"]).len(), record_print_calls());
}

/// `Record::print` makes text; it is the only other thing of that name.
fn record_print_calls() -> usize {
    uses_outside(&[".print()"], &["src/status.rs"])
        .iter()
        .filter(|line| line.starts_with("crates/wheel/src/"))
        .count()
}

#[test]
fn only_config_rs_reads_the_environment() {
    let words = ["std::env", "env::var", "env::args", "env!(", "current_dir", "temp_dir("];
    let mut found = uses_outside(&words, &["src/config.rs"]);
    // The version is set when truewheel is built, and stands in the SBOM.
    found.retain(|line| !line.contains("env!(\"CARGO_PKG_VERSION\")"));
    assert_eq!(found, NOTHING);
}

#[test]
fn no_other_program_is_run() {
    let words = ["process::Command", "Command::new", "std::net", "TcpStream"];
    assert_eq!(uses_outside(&words, &[]), NOTHING);
}

#[test]
fn the_format_crates_do_no_input_or_output() {
    let words = ["std::fs", "std::path", "std::time", "std::thread", "std::io", "rayon", "File::"];
    let found: Vec<String> = uses_outside(&words, &[])
        .into_iter()
        .filter(|line| {
            ["crates/elf/", "crates/macho/", "crates/pe/"].iter().any(|d| line.starts_with(d))
        })
        .collect();
    assert_eq!(found, NOTHING);
}

#[test]
fn the_clock_is_not_asked() {
    assert_eq!(uses_outside(&["SystemTime::now", "Instant::now"], &[]), NOTHING);
}

#[test]
fn nothing_is_unsafe() {
    assert_eq!(uses_outside(&["unsafe"], &[]), NOTHING);
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
}

#[test]
fn crates_that_read_hostile_bytes_refuse_to_panic() {
    let deny = "deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, \
                clippy::indexing_slicing)";
    let words = [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "assert!("];
    let readers = ["crates/elf/", "crates/macho/", "crates/pe/", "crates/wheel/"];
    let sources = sources();
    for reader in readers {
        let lib = sources.iter().find(|source| source.path == format!("{reader}src/lib.rs"));
        let text = &lib.expect("a lib.rs").text;
        assert!(text.contains("cfg_attr(\n    not(test),") || text.contains("cfg_attr(not(test)"));
        assert!(text.contains(deny), "{reader}");
    }
    let found: Vec<String> = uses_outside(&words, &[MADE_FOR_TESTS])
        .into_iter()
        .filter(|line| readers.iter().any(|reader| line.starts_with(reader)))
        .filter(|line| !line.contains("debug_assert!("))
        .collect();
    assert_eq!(found, NOTHING);
    let lib = sources.iter().find(|source| source.path == "crates/wheel/src/lib.rs").unwrap();
    assert!(lib.text.contains("#[cfg(test)]\nmod raw_zip;"));
}

#[test]
fn maps_without_order_are_where_their_order_cannot_matter() {
    // Looked up by key, never walked: what is known of a file or directory on disk.
    let allowed = ["crates/repair/src/search/disk.rs"];
    let words = ["HashMap", "HashSet"];
    assert_eq!(uses_outside(&words, &allowed), NOTHING);
}

#[test]
fn every_allowed_lint_has_its_reason() {
    let mut bare = Vec::new();
    for source in sources() {
        for (at, _) in
            source.text.match_indices("#[allow(").chain(source.text.match_indices("#[expect("))
        {
            let end = source.text[at..].find(")]").map_or(source.text.len(), |end| at + end);
            if !source.text[at..end].contains("reason = ") {
                bare.push(format!("{}: {}", source.path, &source.text[at..end]));
            }
        }
    }
    assert_eq!(bare, NOTHING);
}

#[test]
fn no_source_names_a_machine_or_leaves_work_for_later() {
    let mut found = Vec::new();
    let words =
        ["/root/", "/home/user", "TODO", "FIXME", "XXX", "HACK", "todo!(", "unimplemented!("];
    for source in sources() {
        for (line, text) in (1..).zip(source.text.lines()) {
            if words.iter().any(|word| text.contains(word)) {
                found.push(format!("{}:{line}: {}", source.path, text.trim()));
            }
        }
    }
    assert_eq!(found, NOTHING);
}

#[test]
fn files_are_named_for_what_is_in_them() {
    let drawers = ["utils", "util", "common", "helper", "helpers", "manager", "misc"];
    let found: Vec<String> = sources()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| path.split(['/', '.']).any(|part| drawers.contains(&part)))
        .collect();
    assert_eq!(found, NOTHING);
}

#[test]
fn sources_are_below_src() {
    assert!(sources().iter().all(|source| source.is_below(&["src/", "crates/"])));
}
