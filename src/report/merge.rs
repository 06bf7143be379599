//! What `merge` says: which members hold the code of both wheels, and which only one of them had.

use truewheel_repair::MergeReport;

use super::{GOOD, NOTE, Printer, harmless, one_line};
use crate::config::Verbosity;
use crate::frontends::Voice;

impl Printer {
    /// What would be done.
    pub(crate) fn merge_plan(&self, report: &MergeReport, json: bool) {
        if json {
            self.merge_as_json(report);
            return;
        }
        let text = format!("result: {}\n{}", name_of(report), self.details(report, true));
        self.data(&harmless(&text));
    }

    /// What was done.
    pub(crate) fn merged(&self, report: &MergeReport, json: bool) {
        if self.voice == Voice::Delocate {
            // delocate says nothing of a merge that went well.
            report.notes.iter().for_each(|note| self.warning(note));
            return;
        }
        if self.is_talkative() {
            let is_verbose = self.verbosity == Verbosity::Verbose;
            let details = self.details(report, is_verbose);
            self.say(&format!("{GOOD}{}{GOOD:#}\n{details}", name_of(report)));
        }
        if json {
            self.merge_as_json(report);
        } else {
            self.data(&format!("{}\n", report.output.display()));
        }
    }

    fn merge_as_json(&self, report: &MergeReport) {
        self.json_of(1, std::slice::from_ref(report));
    }

    fn details(&self, report: &MergeReport, is_long: bool) -> String {
        let mut text = String::new();
        let sets = [
            ("fused", &report.fused),
            ("only in the first wheel", &report.only_in_first),
            ("only in the second wheel", &report.only_in_second),
        ];
        for (what, members) in sets.into_iter().filter(|(_, members)| !members.is_empty()) {
            let files = if members.len() == 1 { "file" } else { "files" };
            text += &format!("  {what}: {} {files}\n", members.len());
            let shown = members.iter().filter(|_| is_long);
            text.extend(shown.map(|member| format!("    {}\n", one_line(member))));
        }
        for (member, option) in &report.taken {
            text += &format!("  {} by `{}`\n", one_line(member), one_line(option));
        }
        let notes = report.notes.iter().map(|note| one_line(note));
        text.extend(notes.map(|note| format!("  {NOTE}note:{NOTE:#} {note}\n")));
        text
    }
}

fn name_of(report: &MergeReport) -> String {
    one_line(&report.output.file_name().unwrap_or_default().to_string_lossy())
}
