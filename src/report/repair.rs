//! What `repair` says: a plan, or what was done.

use std::path::Path;

use truewheel_repair::{Plan, Report, plain};

use super::{GOOD, NOTE, Printer, harmless, megabytes, one_line};
use crate::config::Verbosity;
use crate::frontends::Voice;

impl Printer {
    /// What would be done; `asked` is the number of wheels that were named.
    pub(crate) fn plans(&self, asked: usize, plans: &[Plan], json: bool) {
        if json {
            self.json_of(asked, &plans.iter().map(Plan::to_json).collect::<Vec<_>>());
            return;
        }
        for plan in plans {
            self.data(&harmless(&plan.to_string()));
        }
    }

    /// What was done; `asked` is the number of wheels that were named.
    pub(crate) fn reports(&self, asked: usize, reports: &[Report], json: bool) {
        match self.voice {
            Voice::Own => self.own_reports(asked, reports, json),
            Voice::Auditwheel => self.auditwheel_reports(reports),
            Voice::Delocate => self.delocate_reports(reports),
            Voice::Delvewheel => self.delvewheel_reports(reports),
        }
    }

    fn own_reports(&self, asked: usize, reports: &[Report], json: bool) {
        for report in reports {
            if self.is_talkative() {
                self.say(&self.words(report));
            }
        }
        if json {
            self.json_of(asked, reports);
            return;
        }
        for report in reports {
            self.data(&format!("{}\n", report.output.display()));
        }
    }

    /// A wheel of a run that failed, which could not be removed.
    pub(crate) fn is_left(&self, path: &Path) {
        self.warning(&format!("{} is there, repaired: it could not be taken back", path.display()));
    }

    fn words(&self, report: &Report) -> String {
        let name = report.wheel.file_name().unwrap_or_default().to_string_lossy();
        let mut text = format!("{GOOD}{name}{GOOD:#}\n");
        for library in &report.vendored {
            let from = plain(&library.source);
            let size = megabytes(library.size);
            let line = format!("vendored {} ({size}) from {from}", library.member);
            text += &format!("  {}\n", one_line(&line));
            if self.verbosity == Verbosity::Verbose {
                let provider = library.provider.iter().map(|provider| one_line(provider));
                text.extend(provider.map(|provider| format!("    of {provider}\n")));
                let users = library.users.iter().map(|user| one_line(user));
                text.extend(users.map(|user| format!("    {user}\n")));
            }
        }
        if self.verbosity == Verbosity::Verbose {
            text.extend(report.edited.iter().map(|member| format!("  edited {member}\n")));
        }
        if report.old_tags != report.new_tags {
            let (old, new) = (report.old_tags.join("."), report.new_tags.join("."));
            text += &format!("  tags {old} -> {new}\n");
        }
        let notes = report.notes.iter().map(|note| one_line(note));
        text.extend(notes.map(|note| format!("  {NOTE}note:{NOTE:#} {note}\n")));
        if report.unchanged {
            text += "  nothing to change: written as it is\n";
        }
        text
    }
}
