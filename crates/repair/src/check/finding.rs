//! What `check` found, as data.

use serde::Serialize;

use super::rules::{RULES, Rule, Severity};

/// One thing that is wrong with a wheel, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The code of its rule, see [`RULES`].
    pub code: &'static str,
    /// What it weighs here.
    pub severity: Severity,
    /// The member it is about; `None` for the wheel as a whole.
    pub member: Option<String>,
    /// What is there and what should be.
    pub message: String,
    /// What to do about it, where that is known.
    pub remedy: Option<String>,
}

impl Finding {
    /// A finding about the whole wheel.
    pub(crate) fn new(rule: Rule, message: impl Into<String>) -> Self {
        Self {
            code: rule.code,
            severity: rule.severity,
            member: None,
            message: message.into(),
            remedy: None,
        }
    }

    /// A finding about one member.
    pub(crate) fn of(rule: Rule, member: impl AsRef<str>, message: impl Into<String>) -> Self {
        Self { member: Some(member.as_ref().to_owned()), ..Self::new(rule, message) }
    }

    /// The same with something to do about it.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same with another weight, which must be one that the rule's list names: what is not there
    /// is never reported.
    pub(crate) fn weighs(mut self, severity: Severity) -> Self {
        let rule = RULES.iter().find(|rule| rule.code == self.code);
        let is_listed = rule.is_some_and(|rule| rule.may_weigh(severity));
        debug_assert!(is_listed, "`{}` is not listed as {}", self.code, severity.as_str());
        if is_listed {
            self.severity = severity;
        }
        self
    }
}

/// Heaviest first, then by rule, then as they were found.
pub(crate) fn sort(findings: &mut Vec<Finding>) {
    let place = |finding: &Finding| RULES.iter().position(|rule| rule.code == finding.code);
    findings.sort_by_key(|finding| (finding.severity, place(finding)));
    let mut seen = std::collections::BTreeSet::new();
    findings.retain(|finding| {
        seen.insert((finding.code, finding.member.clone(), finding.message.clone()))
    });
}
