//! What `check` will do.

use truewheel_repair::{CheckOptions, RULES, SymbolPattern};

use super::{Job, Merged, Result, Surroundings, UsageError, groups_of, jobs, lock, wrong};
use crate::cli::{self, Settings};

/// A check of several wheels, or the list of rules.
#[derive(Debug)]
pub(crate) struct CheckTask {
    pub(crate) jobs: Vec<Job<CheckOptions>>,
    pub(crate) list: bool,
    pub(crate) json: bool,
}

pub(super) fn check(typed: cli::Check, here: &mut Surroundings) -> Result<CheckTask> {
    let cli::Check { wheels, left_out, expected, processors, judging, list, json } = typed;
    let settings = Settings { left_out, expected, processors, judging, ..Settings::default() };
    let jobs = jobs(wheels, &settings, here, |merged, _| options(merged))?;
    Ok(CheckTask { jobs, list, json })
}

fn options(merged: &Merged) -> Result<CheckOptions> {
    let Settings { left_out, processors, judging, .. } = &merged.settings;
    let options = CheckOptions {
        exclude: left_out.exclude.clone(),
        exclude_groups: groups_of(&left_out.exclude_group)?,
        allow_isa_extensions: processors.disable_isa_ext_check == Some(true),
        ignore: codes(&judging.ignore)?,
        strict: judging.strict == Some(true),
        ..expected(merged)?
    };
    options.validate().map_err(wrong)?;
    Ok(options)
}

/// What must be so of one project's wheels.
pub(super) fn expected(merged: &Merged) -> Result<CheckOptions> {
    let expected = &merged.settings.expected;
    let symbols = |texts: &[String]| texts.iter().map(|text| SymbolPattern::parse(text)).collect();
    let max_size = expected.max_size.as_deref();
    let max_unpacked_size = expected.max_unpacked_size.as_deref();
    let options = CheckOptions {
        forbid: expected.forbid.clone(),
        require: expected.require.clone(),
        forbid_symbol: symbols(&expected.forbid_symbol),
        require_symbol: symbols(&expected.require_symbol),
        max_size: max_size.map(|text| size(merged, "max-size", text)).transpose()?,
        max_unpacked_size: max_unpacked_size
            .map(|text| size(merged, "max-unpacked-size", text))
            .transpose()?,
        lock: expected.lock.as_deref().map(|path| lock::read(path, false)).transpose()?,
        ..CheckOptions::default()
    };
    options.validate().map_err(wrong)?;
    Ok(options)
}

/// Codes that exist: one that is misspelt would ignore nothing, in silence.
fn codes(codes: &[String]) -> Result<Vec<String>> {
    let codes: Vec<String> = codes.iter().map(|code| code.trim().to_owned()).collect();
    let Some(code) = codes.iter().find(|code| !RULES.iter().any(|rule| rule.code == **code)) else {
        return Ok(codes);
    };
    let near = truewheel_repair::nearest_rule(code);
    let near = near.map(|rule| format!("; the nearest is `{}`", rule.code)).unwrap_or_default();
    Err(UsageError(format!(
        "`--ignore {code}` is no code of a finding{near}\n  hint: `truewheel check --list` lists them"
    )))
}

/// `100M`, `100MB` and `1500K` count in thousands, `95Mi` and `95MiB` in 1024.
fn size(merged: &Merged, key: &str, text: &str) -> Result<u64> {
    let wrong = || merged.wrong(key, text, "is no size, such as 50000000, 50M, 50MB or 48MiB");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let factor: u64 = match unit.strip_suffix('b').unwrap_or(&unit) {
        "" => 1,
        "k" => 1000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1000_and_of_1024() {
        for (text, bytes) in [
            ("17", 17),
            ("100M", 100_000_000),
            ("3kb", 3000),
            ("95MiB", 99_614_720),
            ("2Gi", 2 << 30),
        ] {
            assert_eq!(size(&Merged::default(), "max-size", text).ok(), Some(bytes), "{text}");
        }
        for text in ["", "M", "1.5M", "-1", "10X", "99999999999G"] {
            assert!(size(&Merged::default(), "max-size", text).is_err(), "{text}");
        }
    }
}
