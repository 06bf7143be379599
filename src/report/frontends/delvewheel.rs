//! delvewheel's manner: what it does, line by line, on standard output.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use truewheel_repair::{Error, ErrorKind, NeededLibrary, Report, Show, Status, plain};

use super::super::{NOTE, Printer, harmless, one_line};
use crate::config::Verbosity;

impl Printer {
    pub(super) fn line(&self, text: &str) {
        self.data(&format!("{}\n", one_line(text)));
    }

    /// What was done to each wheel.
    pub(crate) fn delvewheel_reports(&self, reports: &[Report]) {
        for report in reports {
            self.line(&format!("repairing {}", report.wheel.display()));
            let output = std::path::absolute(&report.output);
            let output = plain(&output.unwrap_or_else(|_| report.output.clone()));
            if let Some(version) = &report.delvewheel {
                self.line(&format!("delvewheel {version} has already repaired this wheel"));
            } else {
                self.line("finding DLL dependencies");
            }
            self.delvewheel_steps(report);
            for note in &report.notes {
                self.say(&format!("{NOTE}note:{NOTE:#} {}\n", one_line(note)));
            }
            let done = if report.unchanged { "wheel copied to" } else { "fixed wheel written to" };
            self.line(&format!("{done} {output}"));
        }
    }

    fn delvewheel_steps(&self, report: &Report) {
        if report.unchanged {
            if report.delvewheel.is_none() {
                self.line("no external dependencies are needed");
            }
            return;
        }
        let directories: BTreeSet<&str> =
            report.vendored.iter().map(|library| directory_of(&library.member)).collect();
        for directory in directories {
            self.line(&format!("copying DLLs into {directory}"));
        }
        let is_verbose = self.verbosity == Verbosity::Verbose;
        if is_verbose {
            for library in &report.vendored {
                let source = plain(&library.source);
                self.line(&format!("copying {source} -> {}", library.member));
            }
        }
        let is_renamed = |member: &str, source: &Path| {
            source.file_name().is_some_and(|name| name.to_string_lossy() != base_name(member))
        };
        let mangles =
            report.vendored.iter().any(|library| is_renamed(&library.member, &library.source));
        if !report.vendored.is_empty() {
            self.line(if mangles { "mangling DLL names" } else { "skip mangling DLL names" });
        }
        if is_verbose {
            let edited = report.edited.iter().filter(|member| !member.ends_with(".py"));
            edited.for_each(|member| self.line(&format!("repairing {}", base_name(member))));
        }
        report.patched.iter().for_each(|member| self.line(&format!("patching {member}")));
        if is_verbose {
            self.line("updating RECORD");
        }
        self.line("repackaging wheel");
    }

    /// What is wrong, with delvewheel's own words first where it has some.
    pub(crate) fn delvewheel_error(&self, wheel: Option<&Path>, error: &Error) {
        if let ErrorKind::Missing(libraries) = error.kind() {
            for library in libraries {
                let name = one_line(&library.needed).to_lowercase();
                self.say(&format!("Unable to find library: {name}\n"));
            }
        }
        self.plain_error(wheel, error);
    }

    /// `show`: what would be copied, and what is left to Windows.
    pub(crate) fn delvewheel_shows(&self, shows: &[Show]) {
        for show in shows {
            let name = show.wheel.rsplit(['/', '\\']).next().unwrap_or(&show.wheel);
            let text = match &show.delvewheel {
                Some(version) => {
                    format!("delvewheel {version} has already repaired this wheel\n")
                }
                None => lists(show, name),
            };
            self.data(&harmless(&format!("Analyzing {name}\n\n{text}")));
        }
    }
}

fn lists(show: &Show, wheel: &str) -> String {
    let with = |wanted: &[Status]| -> Vec<&NeededLibrary> {
        show.needs.iter().filter(|need| wanted.contains(&need.status)).collect()
    };
    let missing = with(&[Status::Missing]);
    let mut copied: Vec<PathBuf> = with(&[Status::External])
        .iter()
        .filter_map(|need| need.path.as_ref().map(PathBuf::from))
        .collect();
    copied.sort();
    copied.dedup();
    let mut rows: Vec<String> = copied
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("{name} ({})", plain(path))
        })
        .collect();
    rows.extend(lower(&missing).map(|name| format!("{name} (Error: Not Found)")));
    let mut text =
        list("The following DLLs will be copied into the wheel.", rows.iter().map(String::as_str));
    let in_wheel = with(&[Status::Wheel]);
    if !in_wheel.is_empty() {
        let row = |need: &&NeededLibrary| {
            let path = need.path.as_deref().unwrap_or_default();
            format!("{} ({wheel}/{path})", base_name(path))
        };
        let names: BTreeSet<String> = in_wheel.iter().map(row).collect();
        text += "\n";
        text += &list(
            "The following DLLs are already in the wheel and will not be copied.",
            names.iter().map(String::as_str),
        );
    }
    let present = [
        Status::Provided,
        Status::Driver,
        Status::Interpreter,
        Status::Excluded,
        Status::MayBeAbsent,
    ];
    let names: Vec<String> = lower(&with(&present)).collect();
    text += "\n";
    text += &list(
        "The following DLLs are assumed to be present in the end user's environment and will not be \
         copied into the wheel.",
        names.iter().map(String::as_str),
    );
    if !missing.is_empty() {
        text += "\nWarning: At least one dependent DLL needs to be copied into the wheel but was not \
                 found.\n";
    }
    text
}

/// Each name once, in lower case and sorted.
fn lower(needs: &[&NeededLibrary]) -> impl Iterator<Item = String> {
    let names: BTreeSet<String> = needs.iter().map(|need| need.name.to_lowercase()).collect();
    names.into_iter()
}

fn list<'a>(head: &str, rows: impl Iterator<Item = &'a str>) -> String {
    let rows: Vec<String> = rows.map(|row| format!("    {}\n", one_line(row))).collect();
    match rows.is_empty() {
        true => format!("{head}\n    None\n"),
        false => format!("{head}\n{}", rows.concat()),
    }
}

fn directory_of(member: &str) -> &str {
    member.rsplit_once('/').map_or(".", |(directory, _)| directory)
}

fn base_name(member: &str) -> &str {
    member.rsplit('/').next().unwrap_or(member)
}
