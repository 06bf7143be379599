//! RECORD against the files: rows missing, wrong, double, or of files that are not there.

use std::collections::BTreeMap;

use truewheel_wheel::record::Disagreement;
use truewheel_wheel::{Digest, MemberKind, Record, record};

use super::finding::Finding;
use super::{Check, Severity, rules};

/// What to do about a row that does not tell the truth.
fn write_again(check: &Check<'_>) -> &'static str {
    match check.is_repaired() {
        true => "let `truewheel repair` write RECORD again",
        false => "write RECORD again: `wheel unpack` and `wheel pack` do",
    }
}

pub(super) fn check(check: &mut Check<'_>) {
    signatures(check);
    let path = format!("{}/RECORD", check.wheel.dist_info());
    let Some(member) = check.wheel.member(&path).filter(|it| it.kind == MemberKind::File) else {
        check.add(Finding::new(rules::RECORD_MISSING, format!("there is no {path}")));
        return;
    };
    // A member that cannot be read is told already.
    let Ok(bytes) = check.wheel.read(member) else { return };
    let Ok(text) = String::from_utf8(bytes) else {
        check.add(Finding::of(rules::RECORD_FORMAT, &path, "not UTF-8"));
        return;
    };
    match Record::parse(&text) {
        Ok(record) => compare(check, &path, &record),
        Err(error) => {
            check.add(Finding::of(rules::RECORD_FORMAT, &path, error.to_string()));
        }
    }
}

fn signatures(check: &mut Check<'_>) {
    for name in ["RECORD.jws", "RECORD.p7s"] {
        let path = format!("{}/{name}", check.wheel.dist_info());
        if check.wheel.member(&path).is_some() {
            let message = "a signature of RECORD, which no installer looks at";
            let finding = Finding::of(rules::RECORD_SIGNATURE, &path, message);
            check.add(finding.remedy("leave it out; signed uploads have attestations (PEP 740)"));
        }
    }
}

fn compare(check: &mut Check<'_>, path: &str, record: &Record) {
    let digests = check.facts.digests.iter();
    let files: BTreeMap<String, Digest> =
        digests.map(|(path, digest)| (path.as_str().to_owned(), *digest)).collect();
    for disagreement in record::compare(&record.rows, &files) {
        // A member that cannot be read is told already, and has a row.
        let is_there = |path: &str| check.wheel.member(path).is_some();
        if matches!(&disagreement, Disagreement::NoFile { path } if is_there(path)) {
            continue;
        }
        let finding = finding(path, &disagreement, write_again(check));
        check.add(finding);
    }
}

fn finding(record: &str, disagreement: &Disagreement, write_again: &str) -> Finding {
    let message = disagreement.to_string();
    let of = |rule, path: &str| Finding::of(rule, path, message.clone()).remedy(write_again);
    match disagreement {
        Disagreement::NoFile { .. } => Finding::of(rules::RECORD_NO_FILE, record, message.clone())
            .remedy("build the wheel again; something that should be in it is not"),
        Disagreement::NoRow { path } => of(rules::RECORD_NO_ROW, path),
        Disagreement::TwoRows { path } => of(rules::RECORD_TWO_ROWS, path),
        Disagreement::NoHash { path } | Disagreement::Hash { path, .. } => {
            of(rules::RECORD_HASH, path)
        }
        Disagreement::Size { path, .. } => of(rules::RECORD_SIZE, path),
        Disagreement::OtherHash { path, algorithm } => {
            let is_forbidden = matches!(&*algorithm.to_ascii_lowercase(), "md5" | "sha1");
            let severity = if is_forbidden { Severity::Error } else { Severity::Warning };
            of(rules::RECORD_ALGORITHM, path).weighs(severity)
        }
        _ => Finding::of(rules::RECORD_FORMAT, record, message.clone()),
    }
}
