//! `check` on small wheels: one fault each, and the finding that tells it.

mod choices;
mod linux;
mod metadata;
mod other_systems;

use serde_json::Value;
use truewheel_repair::{RULES, Severity};

use crate::schemas::faults;
use crate::support::{Elf, Sandbox, Wheel};

/// A tag that the test's modules earn.
const TAG: &str = "cp312-cp312-manylinux_2_17_x86_64";

/// The verdict on one wheel.
struct Verdict {
    status: i32,
    report: Value,
}

impl Verdict {
    /// Checks `wheel` with these words; what comes out keeps its schema.
    fn of(wheel: &Wheel, words: &[&str]) -> Self {
        Self::of_bytes(&wheel.file_name(), &wheel.bytes(), words)
    }

    fn of_bytes(name: &str, bytes: &[u8], words: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write(name, bytes);
        let mut all = vec!["check", "--json", name];
        all.extend(words);
        let run = sandbox.run(&all);
        assert_eq!(run.stderr, "", "{run:?}");
        let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
        assert_eq!(faults("check.json", &report), Vec::<String>::new());
        assert_eq!(report["passed"], run.status == 0);
        for finding in report["findings"].as_array().expect("a list") {
            assert!(is_listed(finding), "{finding}");
        }
        Self { status: run.status, report }
    }

    /// `error code member: message` for each finding but the note of a better tag, which all of
    /// these wheels earn.
    fn lines(&self) -> Vec<String> {
        let findings = self.report["findings"].as_array().expect("a list").iter();
        findings
            .filter(|finding| finding["code"] != "broader-tag")
            .map(|finding| {
                let text = |key: &str| finding[key].as_str().unwrap_or("*").to_owned();
                let (severity, code) = (text("severity"), text("code"));
                format!("{severity} {code} {}: {}", text("member"), text("message"))
            })
            .collect()
    }
}

/// Whether the list of rules says that a finding of this code may weigh so.
fn is_listed(finding: &Value) -> bool {
    let rule = RULES.iter().find(|rule| finding["code"] == rule.code);
    let severities = [Severity::Error, Severity::Warning, Severity::Note];
    let severity = severities.into_iter().find(|it| finding["severity"] == it.as_str());
    rule.zip(severity).is_some_and(|(rule, severity)| rule.may_weigh(severity))
}

/// The one thing that is found in `wheel`.
#[track_caller]
fn only(wheel: &Wheel) -> String {
    let lines = Verdict::of(wheel, &[]).lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines[0].clone()
}

/// A package with one extension module, tagged so that it is earned.
fn demo(module: &Elf) -> Wheel {
    Wheel::demo(module).tag(TAG)
}

#[test]
fn a_sound_wheel_passes_in_silence() {
    let verdict = Verdict::of(&demo(&Elf::module(&[])), &["--strict"]);
    assert_eq!(verdict.lines(), Vec::<String>::new());
    assert_eq!(verdict.status, 0);
    assert_eq!(verdict.report["earned"], "manylinux_2_5_x86_64");
}

#[test]
fn what_repair_writes_passes_also_when_warnings_count() {
    let sandbox = Sandbox::new();
    sandbox.elf("lib/libdemo.so.1", &Elf::library("libdemo.so.1").rpath("/build/lib"));
    let module = Elf::of("repair/uses-demo.so").rpath("/build/lib");
    let wheel = Wheel::demo(&module);
    wheel.build(sandbox.root());
    let before = sandbox.run(&["check", &wheel.file_name()]);
    assert_eq!(before.status, 1, "{before:?}");
    assert!(before.stdout.contains("[missing-library]"), "{before:?}");
    let output = sandbox.repair(&wheel, &["--lib-path", "lib"]);
    let name = format!("out/{}", output.file_name());
    let after = sandbox.run(&["check", "--strict", "-v", &name]);
    assert_eq!(after.status, 0, "{after:?}");
    assert!(after.stdout.contains(": passed\n"), "{after:?}");
}

#[test]
fn the_words_name_the_wheel_the_fault_and_the_remedy() {
    let sandbox = Sandbox::new();
    let wheel = demo(&Elf::module(&["libfoo.so.1"]));
    wheel.build(sandbox.root());
    let run = sandbox.run(&["check", &wheel.file_name()]);
    assert_eq!(
        run.stdout,
        "demo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl: failed, 1 error\n  error: `libfoo.so.1` is \
         not in the wheel: needed by demo/_ext.so; the tag does not promise it [missing-library]\n    \
         hint: run `truewheel repair`, or say who brings it with `--exclude libfoo.so.1`\n"
    );
}

#[test]
fn one_bad_wheel_of_two_fails_and_both_are_told() {
    let sandbox = Sandbox::new();
    let good = demo(&Elf::module(&[]));
    let bad = good.clone().version("2.0").row("demo/absent.py,,");
    good.build(sandbox.root());
    bad.build(sandbox.root());
    let run = sandbox.run(&["check", "--json", &good.file_name(), &bad.file_name()]);
    assert_eq!(run.status, 1);
    let reports: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(faults("check.json", &reports), Vec::<String>::new());
    assert_eq!(reports[0]["passed"], true);
    assert_eq!(reports[1]["passed"], false);
}

#[test]
fn a_file_that_is_not_there_fails_and_is_told_among_the_others() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["check", "demo-1.0-py3-none-any.whl"]);
    assert_eq!((run.status, &*run.stderr), (1, ""));
    assert!(
        run.stdout.starts_with(
            "demo-1.0-py3-none-any.whl: failed, 1 error\n  error: cannot open the \
             wheel: "
        ),
        "{run:?}"
    );
    let good = demo(&Elf::module(&[]));
    good.build(sandbox.root());
    let run = sandbox.run(&["check", "--json", "demo-1.0-py3-none-any.whl", &good.file_name()]);
    let reports: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(faults("check.json", &reports), Vec::<String>::new());
    assert_eq!(reports[0]["findings"][0]["code"], "unreadable");
    assert_eq!((run.status, &reports[1]["passed"]), (1, &Value::Bool(true)));
}

#[test]
fn every_rule_is_listed_with_its_source() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["check", "--list", "--json"]);
    let list: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(faults("check-rules.json", &list), Vec::<String>::new());
    let rules = list["rules"].as_array().expect("a list");
    assert!(rules.len() > 40);
    let words = sandbox.run(&["check", "--list"]).stdout;
    for rule in rules {
        let text = |key: &str| text_of(rule, key);
        let (code, severity, what) = (text("code"), text("severity"), text("what"));
        let also: String = rule["also"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|also| {
                format!("  {} where {}\n", text_of(also, "severity"), text_of(also, "when"))
            })
            .collect();
        let source = text("source");
        assert!(words.contains(&format!("{code} ({severity}): {what}\n{also}  from {source}")));
    }
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().expect("text")
}
