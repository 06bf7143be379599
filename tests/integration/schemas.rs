//! What is printed as JSON is what the files in `schemas/` say, and all of it stands there.
//!
//! The checker below knows the few words of JSON Schema (draft 2020-12) that the files use, and refuses
//! a file with any other: a word that is not looked at would be a promise that is not kept. It is
//! stricter than the files in one thing: a property that the file does not describe is a fault.

use std::fs;

use serde_json::{Map, Value};

use crate::support::{Elf, Sandbox, Wheel, root, testdata};

/// Every fault of `value`, each with its place.
pub(crate) fn faults(file: &str, value: &Value) -> Vec<String> {
    let text = fs::read_to_string(root().join("schemas").join(file)).expect("a schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let mut faults = Vec::new();
    check(&schema, &schema, value, "", &mut faults);
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let rules: &Map<String, Value> = schema.as_object().expect("a schema is an object");
    for (word, rule) in rules {
        match word.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" | "required" => {}
            "properties" | "additionalProperties" if value.is_object() => {}
            "properties" | "additionalProperties" => {}
            "$ref" => {
                let name = rule.as_str().and_then(|path| path.strip_prefix("#/$defs/"));
                let target = &root["$defs"][name.expect("a reference to a definition")];
                check(root, target, value, at, faults);
            }
            "anyOf" => {
                let found: Vec<Vec<String>> = rule
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(|choice| {
                        let mut faults = Vec::new();
                        check(root, choice, value, at, &mut faults);
                        faults
                    })
                    .collect();
                if found.iter().all(|faults| !faults.is_empty()) {
                    faults.extend(found.into_iter().min_by_key(Vec::len).unwrap_or_default());
                }
            }
            "type" => {
                let names: Vec<&str> = match rule {
                    Value::String(name) => vec![name],
                    names => {
                        names.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
                    }
                };
                if !names.iter().any(|name| is_of_type(value, name)) {
                    faults.push(format!("{at}: {value} is no {}", names.join(" or ")));
                }
            }
            "const" if rule != value => faults.push(format!("{at}: {value} is not {rule}")),
            "enum" if !rule.as_array().expect("a list").contains(value) => {
                faults.push(format!("{at}: {value} is none of {rule}"));
            }
            "const" | "enum" => {}
            "minimum" => {
                if value.as_i64().zip(rule.as_i64()).is_some_and(|(value, least)| value < least) {
                    faults.push(format!("{at}: {value} is below {rule}"));
                }
            }
            "pattern" => {
                assert_eq!(rule, "^[0-9a-f]{64}$", "the one pattern that is known here");
                let is_digest = value.as_str().is_some_and(|text| {
                    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                });
                if !is_digest {
                    faults.push(format!("{at}: {value} is no digest"));
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{at}[{index}]"), faults);
                }
            }
            word => panic!("`{word}` is not looked at"),
        }
    }
    if let Some(object) = value.as_object() {
        check_object(root, rules, object, at, faults);
    }
}

fn check_object(
    root: &Value,
    rules: &Map<String, Value>,
    object: &Map<String, Value>,
    at: &str,
    faults: &mut Vec<String>,
) {
    for name in rules.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !object.contains_key(name.as_str().expect("a name")) {
            faults.push(format!("{at}: lacks {name}"));
        }
    }
    let is_described =
        rules.contains_key("properties") || rules.contains_key("additionalProperties");
    for (name, value) in object.iter().filter(|_| is_described) {
        let rule = rules.get("properties").and_then(|properties| properties.get(name));
        match rule.or(rules.get("additionalProperties")) {
            Some(rule) => check(root, rule, value, &format!("{at}.{name}"), faults),
            None => faults.push(format!("{at}: {name} is not described")),
        }
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        name => panic!("`{name}` is no type"),
    }
}

/// What the program prints for `words`, as JSON without a fault.
fn valid(sandbox: &Sandbox, file: &str, words: &[&str]) -> Value {
    let run = sandbox.run(words);
    let value: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{words:?}: {error}: {}{}", run.stdout, run.stderr));
    assert_eq!(faults(file, &value), Vec::<String>::new(), "{words:?}");
    value
}

/// A wheel with a library to vendor, one that is missing, one that is in it, and every other thing
/// that is shown.
fn sandbox() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(
        &Elf::module(&["libfoo.so.1", "libinner.so", "libgone.so.3"]).rpath("$ORIGIN:/opt/build"),
    )
    .elf("demo/libinner.so", &Elf::other_library("libinner.so"))
    .file("demo/plugin.dll", fs::read(testdata("pe/needed.x64.dll")).expect("a DLL"))
    .file("demo/module.dylib", fs::read(testdata("macho/module.arm64.so")).expect("a bundle"));
    wheel.build(sandbox.root());
    let name = wheel.file_name();
    (sandbox, name)
}

const SEARCH: [&str; 4] = ["--lib-path", "libs", "--sysroot", "sysroot"];

#[test]
fn what_show_prints_is_described() {
    let (sandbox, wheel) = sandbox();
    let words: Vec<&str> = ["show", "--json", &wheel].into_iter().chain(SEARCH).collect();
    let value = valid(&sandbox, "show.json", &words);
    let names = |list: &str| value[list].as_array().map_or(0, Vec::len);
    assert_eq!(value["verdict"], "blocked");
    assert!(names("needs") > 3 && names("levels") > 10 && names("binaries") == 4, "{value}");
    assert!(
        names("bundled") == 1 && names("search_paths") > 0 && names("problems") == 1,
        "{value}"
    );
}

#[test]
fn what_tree_prints_is_described_for_every_format() {
    let (sandbox, wheel) = sandbox();
    let words: Vec<&str> = ["tree", "--json", &wheel].into_iter().chain(SEARCH).collect();
    valid(&sandbox, "tree.json", &words);
    for file in ["macho/module.arm64.so", "pe/module.x64.pyd", "elf/gnu-ld.so"] {
        let path = testdata(file).to_string_lossy().into_owned();
        let words: Vec<&str> = ["tree", "--json", &path].into_iter().chain(SEARCH).collect();
        assert!(valid(&sandbox, "tree.json", &words)["files"][0]["needs"][0].is_object());
    }
}

#[test]
fn what_repair_prints_is_described() {
    let (sandbox, wheel) = sandbox();
    let mut words = vec!["repair", "--json", "-w", "out", &wheel, "--exclude", "libgone*"];
    words.extend(SEARCH);
    let plan: Vec<&str> = words.iter().copied().chain(["--dry-run"]).collect();
    let plan = valid(&sandbox, "plan.json", &plan);
    assert_eq!(plan["vendored"].as_array().map(Vec::len), Some(1));
    let report = valid(&sandbox, "repair.json", &words);
    assert_eq!(report["vendored"].as_array().map(Vec::len), Some(1));
}

#[test]
fn several_files_give_a_list_also_when_one_cannot_be_read() {
    let (sandbox, wheel) = sandbox();
    sandbox.write("broken-1.0-py3-none-any.whl", "no archive");
    let words = ["show", "--json", &wheel, "broken-1.0-py3-none-any.whl", "--sysroot", "sysroot"];
    let run = sandbox.run(&words);
    assert_eq!(run.status, 1);
    assert!(run.stderr.starts_with("error: broken-1.0-py3-none-any.whl: "), "{}", run.stderr);
    assert_eq!(valid(&sandbox, "show.json", &words).as_array().map(Vec::len), Some(1));
}

#[test]
fn what_dry_run_prints_has_the_form_of_the_number_of_wheels_that_were_named() {
    let (sandbox, wheel) = sandbox();
    sandbox.write("broken-1.0-py3-none-any.whl", "no archive");
    let words = |wheels: &[&str]| -> Vec<String> {
        let head = ["repair", "--dry-run", "--json", "--exclude", "libgone*"];
        head.iter().chain(&SEARCH).chain(wheels).map(|word| (*word).to_owned()).collect()
    };
    let run = |wheels: &[&str]| {
        let words = words(wheels);
        sandbox.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let one: Value = serde_json::from_str(&run(&[&wheel]).stdout).expect("JSON");
    assert!(one.is_object());
    let two = run(&[&wheel, "broken-1.0-py3-none-any.whl"]);
    assert_eq!(two.status, 1);
    let two: Value = serde_json::from_str(&two.stdout).expect("JSON");
    assert_eq!((two.as_array().map(Vec::len), &two[0]), (Some(1), &one));
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let (sandbox, wheel) = sandbox();
    let words: Vec<&str> = ["show", "--json", &wheel].into_iter().chain(SEARCH).collect();
    let right = valid(&sandbox, "show.json", &words);
    let told = |change: &dyn Fn(&mut Value)| {
        let mut wrong = right.clone();
        change(&mut wrong);
        faults("show.json", &wrong)
    };
    assert_eq!(told(&|value| value["verdict"] = "fine".into()).len(), 1);
    assert_eq!(told(&|value| value["surprise"] = 1.into()), [": surprise is not described"]);
    assert_eq!(
        told(&|value| value["needs"][0]["size"] = (-1).into()),
        [".needs[0].size: -1 is below 0"]
    );
    assert_eq!(told(&|value| value["schema"] = "truewheel.show/2".into()).len(), 1);
    assert_eq!(
        told(&|value| {
            value.as_object_mut().expect("an object").remove("tags");
        }),
        [": lacks \"tags\""]
    );
}

#[test]
fn the_groups_are_what_their_schema_says() {
    let (sandbox, _) = sandbox();
    let all = valid(&sandbox, "groups.json", &["groups", "--json"]);
    assert!(all["groups"].as_array().unwrap().len() > 10);
    valid(&sandbox, "groups.json", &["groups", "--json", "cuda"]);
}

#[test]
fn the_plan_for_a_program_that_moves_is_what_its_schema_says() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let program = Elf::of("elf/program").needed("libfoo.so.1");
    let wheel = Wheel::new("demo").tag("py3-none-linux_x86_64");
    let wheel = wheel.elf("demo-1.0.data/scripts/tool", &program);
    wheel.build(sandbox.root());
    let name = wheel.file_name();
    let words =
        ["repair", "--dry-run", "--json", "--sysroot", "sysroot", "--lib-path", "libs", &name];
    let plan = valid(&sandbox, "plan.json", &words);
    assert_eq!(plan["shims"]["demo-1.0.data/scripts/tool"], "demo.scripts/tool");
}
