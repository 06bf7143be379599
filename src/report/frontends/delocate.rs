//! delocate's manner: silence, or what was asked for.

use std::collections::BTreeSet;
use std::path::Path;

use truewheel_repair::{DirectoryReport, Error, PlatformTag, Report, plain};

use super::super::{NOTE, Printer, one_line};
use crate::config::Verbosity;
use crate::frontends::{AddplatTask, Dependencies};

impl Printer {
    /// What was done to each wheel.
    pub(crate) fn delocate_reports(&self, reports: &[Report]) {
        let is_verbose = self.verbosity == Verbosity::Verbose;
        for report in reports {
            if is_verbose || reports.len() > 1 {
                self.line(&format!("Fixing: {}", report.wheel.display()));
            }
            let sources: BTreeSet<String> =
                report.vendored.iter().map(|library| plain(&library.source)).collect();
            if is_verbose && let Some(library) = report.vendored.first() {
                let directory = library.member.rsplit('/').nth(1).unwrap_or(".");
                self.line(&format!("Copied to package {directory} directory:"));
                sources.iter().for_each(|source| self.line(&format!("  {source}")));
            }
            self.notes(&report.notes);
            if report.old_tags != report.new_tags {
                let (old, new) = (report.old_tags.join("."), report.new_tags.join("."));
                self.say(&format!("{NOTE}note:{NOTE:#} tags {old} -> {new}\n"));
            }
        }
    }

    fn notes(&self, notes: &[String]) {
        for note in notes {
            self.say(&format!("{NOTE}note:{NOTE:#} {}\n", one_line(note)));
        }
    }

    /// A directory that is one of several.
    pub(crate) fn directory(&self, path: &Path) {
        self.line(&path.display().to_string());
    }

    /// What was done to a directory; delocate-path says nothing of it on standard output.
    pub(crate) fn vendored_into(&self, report: &DirectoryReport) {
        if self.verbosity == Verbosity::Verbose {
            for (source, path) in &report.vendored {
                let line = format!("{} -> {}", plain(source), plain(path));
                self.say(&format!("{}\n", one_line(&line)));
            }
            for path in &report.edited {
                self.say(&format!("edited {}\n", one_line(&plain(path))));
            }
        }
        self.notes(&report.notes);
    }

    /// A wheel whose files `patch` changed.
    pub(crate) fn patched(&self, patch: &Path, report: &Report) {
        if self.verbosity == Verbosity::Verbose {
            let wheel = report.wheel.display();
            // In its place it has the name that was typed.
            let output = report.output.strip_prefix(".").ok();
            let output = output.filter(|output| *output == report.wheel);
            let output = output.unwrap_or(&report.output).display();
            self.line(&format!("Patching: {wheel} with {}", patch.display()));
            self.line(&format!("Patched wheel {wheel} to {output}:"));
        }
        self.notes(&report.notes);
    }

    /// The libraries behind one path; `is_alone` says that no other was asked about.
    pub(crate) fn listdeps(&self, path: &Path, found: &Dependencies, shape: ListShape) {
        let indent = if shape.is_alone { "" } else { "   " };
        if !shape.is_alone {
            self.line(&format!("{}:", path.display()));
        }
        for (library, users) in &found.libraries {
            let colon = if shape.depending { ":" } else { "" };
            self.line(&format!("{indent}{library}{colon}"));
            if shape.depending {
                users.iter().for_each(|user| self.line(&format!("{indent}    {user}")));
            }
        }
        for (name, users) in &found.missing {
            let users: Vec<&str> = users.iter().map(String::as_str).collect();
            let text = format!("{name} not found, needed by {}", users.join(", "));
            self.say(&format!("ERROR:truewheel:{}\n", one_line(&text)));
        }
    }

    /// Before a wheel gets tags; `is_alone` says that no other does.
    pub(crate) fn adds_platforms(&self, wheel: &Path, tags: &[PlatformTag], is_alone: bool) {
        if self.verbosity == Verbosity::Verbose || !is_alone {
            let tags = joined(tags, ",");
            self.line(&format!("Setting platform tags {tags} for wheel {}", wheel.display()));
        }
    }

    /// A wheel that has its tags.
    pub(crate) fn added_platforms(&self, wheel: &Path, output: Option<&Path>, task: &AddplatTask) {
        if self.verbosity != Verbosity::Verbose {
            return;
        }
        let shown = wheel.display();
        let Some(output) = output else {
            self.line(&format!("{shown} already has tags {}", joined(&task.tags, ", ")));
            return;
        };
        let output = std::path::absolute(output).unwrap_or_else(|_| output.to_owned());
        self.line(&format!("Wrote {}", output.display()));
        if task.remove {
            self.line(&format!("Deleted old wheel {shown}"));
        }
    }

    /// A wheel that cannot have them, where that stops nothing.
    pub(crate) fn cannot_add_platforms(&self, wheel: &Path, error: &Error) {
        self.line(&format!("Cannot modify {} because {error}", wheel.display()));
    }
}

fn joined(tags: &[PlatformTag], separator: &str) -> String {
    tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

/// How a list is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListShape {
    pub(crate) is_alone: bool,
    pub(crate) depending: bool,
}
