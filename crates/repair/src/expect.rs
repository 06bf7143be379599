//! What the caller expects of a repaired wheel, looked at before it gets its name.
//!
//! These are the words of `check` that are about one project: its libraries, its symbols, its size. A
//! build that took another library than it should looks right until somebody sees the size.

use truewheel_wheel::{Wheel, Written};

use crate::check::{self, CheckOptions, Facts, is_expectation};
use crate::error::{Error, ErrorKind, Result};

/// Holds the written wheel, which will be called `name`, against what is expected.
pub(crate) fn hold(written: &Written, name: &str, expected: &CheckOptions) -> Result<()> {
    if *expected == CheckOptions::default() {
        return Ok(());
    }
    let wheel = Wheel::open_as(written.path(), name)?;
    let report = check::of_facts(&wheel, &Facts::read(&wheel), expected)?;
    let broken: Vec<_> = report.findings.into_iter().filter(is_expectation).collect();
    if broken.is_empty() {
        return Ok(());
    }
    let what = "the repaired wheel is not what is expected, and was not written".to_owned();
    let reasons = broken.iter().map(|finding| match &finding.member {
        Some(member) => format!("{member}: {}", finding.message),
        None => finding.message.clone(),
    });
    let mut hints: Vec<String> =
        broken.iter().filter_map(|finding| finding.remedy.clone()).collect();
    hints.dedup();
    Err(Error::new(ErrorKind::Refusals { what, reasons: reasons.collect(), hints }))
}
