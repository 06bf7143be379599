//! The systems of the tags: texts that name none, and systems that no binary of the wheel is for.
//!
//! The checks of one system look at tags and binaries of that system alone, so what is left over is
//! told here: a tag that nothing looks at must not pass in silence.

use truewheel_wheel::PlatformTag;

use super::finding::Finding;
use super::{Check, Severity, linux, rules};
use crate::wheel_target;

pub(super) fn check(check: &mut Check<'_>) {
    let mut findings = Vec::new();
    for tag in check.tags() {
        findings.extend(match tag {
            PlatformTag::Other(_) => Some(unread(tag)),
            _ => without_binaries(check, tag),
        });
    }
    check.findings.extend(findings);
}

/// Of a text that is read as no tag.
fn unread(tag: &PlatformTag) -> Finding {
    if wheel_target::is_of_unknown_system(tag) {
        let message = format!("`{tag}` is for a system that is not known here: it was not checked");
        return Finding::new(rules::TAG, message).weighs(Severity::Warning);
    }
    Finding::new(rules::TAG, format!("`{tag}` is no platform tag: no installer accepts it"))
}

/// A wheel may have a tag for other reasons than its binaries; all of them being for other systems is
/// worth a word where no module was told already.
fn without_binaries(check: &Check<'_>, tag: &PlatformTag) -> Option<Finding> {
    let facts = check.facts;
    let (has_elf, has_macho, has_pe) =
        (facts.elf().next().is_some(), facts.macho().next().is_some(), facts.pe().next().is_some());
    let (system, has_own) = match tag {
        PlatformTag::Macosx { .. } => ("macOS", has_macho),
        PlatformTag::Windows { .. } => ("Windows", has_pe),
        tag if linux::is_of_linux(tag) => ("Linux", has_elf),
        _ => return None,
    };
    let systems = [("Linux", has_elf), ("macOS", has_macho), ("Windows", has_pe)];
    let others: Vec<&str> =
        systems.into_iter().filter(|(_, has)| *has).map(|(system, _)| system).collect();
    let is_told = |finding: &Finding| [rules::ARCH.code, rules::TAG.code].contains(&finding.code);
    if has_own || others.is_empty() || check.findings.iter().any(is_told) {
        return None;
    }
    let others = others.join(" and ");
    let message = format!("`{tag}`: the binaries are for {others}, none is for {system}");
    Some(Finding::new(rules::TAG, message).weighs(Severity::Warning))
}
