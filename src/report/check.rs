//! What `check` says: one line for each wheel, and below it what was found.

use truewheel_repair::{CheckReport, Finding, RULES, Severity};

use super::{ERROR, GOOD, NOTE, Printer, harmless};
use crate::config::Verbosity;

impl Printer {
    /// The verdict on each wheel, with its findings: errors always, warnings unless quiet, notes when
    /// more was asked for. `asked` is the number of wheels that were named.
    pub(crate) fn checks(&self, asked: usize, reports: &[CheckReport], json: bool) {
        if json {
            self.json_of(asked, reports);
            return;
        }
        for report in reports {
            self.styled(&self.words_of_check(report));
        }
    }

    /// Every rule of `check`.
    pub(crate) fn rules(&self, json: bool) {
        if json {
            let rules = serde_json::json!({ "schema": "truewheel.check-rules/1", "rules": RULES });
            self.json_of(1, &[rules]);
            return;
        }
        for rule in RULES {
            let severity = rule.severity.as_str();
            self.data(&format!("{} ({severity}): {}\n", rule.code, rule.what));
            for also in rule.also {
                self.data(&format!("  {} where {}\n", also.severity.as_str(), also.when));
            }
            self.data(&format!("  from {}\n", rule.source));
        }
    }

    fn words_of_check(&self, report: &CheckReport) -> String {
        let is_quiet = self.verbosity == Verbosity::Quiet;
        if is_quiet && report.passed {
            return String::new();
        }
        let name = report.wheel.file_name().unwrap_or_default().to_string_lossy();
        let name = harmless(&name);
        let verdict = match report.passed {
            true => format!("{GOOD}passed{GOOD:#}"),
            false => format!("{ERROR}failed{ERROR:#}"),
        };
        let mut text = format!("{name}: {verdict}{}\n", counts(report));
        if self.verbosity == Verbosity::Verbose
            && let Some(earned) = &report.earned
        {
            text += &format!("  earns {earned}\n");
        }
        for finding in report.findings.iter().filter(|finding| self.is_told(finding)) {
            text += &words(finding, is_quiet);
        }
        text
    }

    fn is_told(&self, finding: &Finding) -> bool {
        match finding.severity {
            Severity::Error => true,
            Severity::Warning => self.verbosity > Verbosity::Quiet,
            Severity::Note => self.verbosity == Verbosity::Verbose,
        }
    }
}

/// `: 2 errors, 1 warning, 3 notes`.
fn counts(report: &CheckReport) -> String {
    let severities = [Severity::Error, Severity::Warning, Severity::Note];
    let counted = severities.iter().map(|severity| (severity.as_str(), report.count(*severity)));
    let counted = counted.filter(|(_, count)| *count > 0);
    let mut parts: Vec<String> = counted
        .map(|(word, count)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if report.ignored > 0 {
        parts.push(format!("{} ignored", report.ignored));
    }
    if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) }
}

fn words(finding: &Finding, is_quiet: bool) -> String {
    let style = match finding.severity {
        Severity::Error => ERROR,
        Severity::Warning | Severity::Note => NOTE,
    };
    let (severity, code) = (finding.severity.as_str(), finding.code);
    let member = finding.member.as_ref().map(|member| format!("{member}: ")).unwrap_or_default();
    let said = harmless(&format!("{member}{}", finding.message)).replace('\n', "\n    ");
    let mut text = format!("  {style}{severity}:{style:#} {said} [{code}]\n");
    if let Some(remedy) = finding.remedy.as_ref().filter(|_| !is_quiet) {
        text += &format!("    hint: {}\n", harmless(remedy));
    }
    text
}
