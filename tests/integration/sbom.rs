//! The SBOM: what it lists, whose it says a library is, and what it keeps to itself.

mod licenses;
mod providers;
mod schema;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{Elf, Output, Sandbox, Wheel};

const PATH: &str = "demo-1.0.dist-info/sboms/truewheel.cdx.json";
const LIBS: [&str; 2] = ["--lib-path", "libs"];

fn document(output: &Output) -> Value {
    serde_json::from_slice(output.bytes(PATH)).expect("JSON")
}

/// The component of the library whose name in the wheel is `name` with its digits as `#`.
fn component<'a>(document: &'a Value, output: &Output, name: &str) -> &'a Value {
    let member = output.vendored("demo.libs", name);
    let components = document["components"].as_array().expect("components");
    components.iter().find(|item| item["bom-ref"] == member).expect("a component")
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What `user` depends on, by reference.
fn needs<'a>(document: &'a Value, user: &str) -> Vec<&'a str> {
    let entries = document["dependencies"].as_array().expect("dependencies");
    let entry = entries.iter().find(|entry| entry["ref"] == user).expect("an entry");
    entry["dependsOn"].as_array().unwrap().iter().map(|need| need.as_str().unwrap()).collect()
}

fn foo() -> Elf {
    Elf::library("libfoo.so.1")
}

/// `libs/libfoo.so.1`, which needs `libs/libbar.so.2`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &foo().needed("libbar.so.2"));
    sandbox.elf("libs/libbar.so.2", &Elf::other_library("libbar.so.2"));
    sandbox
}

fn wheel() -> Wheel {
    Wheel::demo(&Elf::module(&["libfoo.so.1"]))
}

#[test]
fn every_vendored_library_is_listed_also_without_a_package() {
    let output = sandbox().repair(&wheel(), &LIBS);
    let document = document(&output);
    assert_eq!(document["specVersion"], "1.7");
    assert_eq!(document["components"].as_array().unwrap().len(), 2);
    let bar = component(&document, &output, "libbar-#.so.2");
    let member = output.vendored("demo.libs", "libbar-#.so.2");
    assert_eq!((&bar["name"], &bar["purl"]), (&Value::from("libbar.so.2"), &Value::Null));
    assert_eq!(bar["evidence"]["occurrences"][0]["location"], *member);
    assert_eq!(bar["hashes"][0]["content"], hex(output.bytes(&member)));
    let source = &bar["pedigree"]["ancestors"][0];
    let bytes = Elf::other_library("libbar.so.2").bytes();
    assert_eq!(source["hashes"][0]["content"], hex(&bytes));
    let properties = source["properties"].as_array().unwrap();
    let value = |name: &str| {
        let found = properties.iter().find(|p| p["name"] == format!("truewheel:{name}"));
        found.expect(name)["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(value("soname"), "libbar.so.2");
    assert_eq!(value("size"), bytes.len().to_string());
    assert_eq!(value("build-id").len() % 2, 0);
}

#[test]
fn the_graph_leads_from_the_wheel_to_every_library() {
    let output = sandbox().repair(&wheel(), &LIBS);
    let document = document(&output);
    let root = document["metadata"]["component"]["bom-ref"].as_str().unwrap();
    assert_eq!(root, format!("pkg:pypi/demo@1.0?file_name={}", output.file_name()));
    let foo = output.vendored("demo.libs", "libfoo-#.so.1");
    let bar = output.vendored("demo.libs", "libbar-#.so.2");
    assert_eq!(needs(&document, root), [&foo]);
    assert_eq!(needs(&document, &foo), [&bar]);
    assert_eq!(needs(&document, &bar), [""; 0]);
}

#[test]
fn a_library_that_is_opened_at_run_time_belongs_to_the_wheel() {
    let wheel = Wheel::demo(&Elf::module(&[]));
    let output = sandbox().repair(&wheel, &["--lib-path", "libs", "--include", "libfoo.so.1"]);
    let document = document(&output);
    let root = document["metadata"]["component"]["bom-ref"].as_str().unwrap();
    assert_eq!(needs(&document, root), ["demo.libs/libfoo.so.1"]);
    let bar = output.vendored("demo.libs", "libbar-#.so.2");
    assert_eq!(needs(&document, "demo.libs/libfoo.so.1"), [&bar]);
}

#[test]
fn nothing_of_this_machine_is_in_it() {
    let sandbox = sandbox();
    let output = sandbox.repair(&wheel(), &LIBS);
    let text = output.text(PATH);
    let root = sandbox.root().to_string_lossy().into_owned();
    for word in [&*root, "lib-path", "libs/libfoo.so.1", "timestamp"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[test]
fn it_has_a_date_only_if_the_caller_says_one() {
    let environment = [("SOURCE_DATE_EPOCH", "1700000000")];
    let output = sandbox().repair_in(&wheel(), &LIBS, &environment);
    assert_eq!(document(&output)["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    // A date that zip does not have, and neither has the document.
    let environment = [("SOURCE_DATE_EPOCH", "0")];
    let output = sandbox().repair_in(&wheel(), &LIBS, &environment);
    assert_eq!(document(&output)["metadata"]["timestamp"], Value::Null);
}

#[test]
fn equal_contents_have_an_equal_serial_number_and_others_another() {
    let serial = |wheel: &Wheel| {
        let document = document(&sandbox().repair(wheel, &LIBS));
        document["serialNumber"].as_str().unwrap().to_owned()
    };
    let (one, other) = (wheel(), Wheel::demo(&Elf::module(&["libbar.so.2"])));
    assert_eq!(serial(&one), serial(&one));
    assert_ne!(serial(&one), serial(&other));
    let text = serial(&one);
    let uuid = text.strip_prefix("urn:uuid:").unwrap();
    let lens: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!((lens, uuid.as_bytes()[14]), (vec![8, 4, 4, 4, 12], b'8'));
}

#[test]
fn no_sbom_writes_none() {
    let output = sandbox().repair(&wheel(), &["--lib-path", "libs", "--no-sbom"]);
    assert!(!output.has(PATH));
}

#[test]
fn a_wheel_that_brings_nothing_along_gets_none() {
    let output = Sandbox::new().repair(&Wheel::demo(&Elf::module(&[])), &[]);
    assert!(!output.has(PATH), "{:?}", output.order);
}

#[test]
fn the_plan_names_it_before_anything_is_written() {
    let run = sandbox().try_repair(&wheel(), &["--lib-path", "libs", "--dry-run"]);
    assert!(run.stdout.contains(&format!("\nadd {PATH}\n")), "{}", run.stdout);
    let run = sandbox().try_repair(&wheel(), &["--lib-path", "libs", "--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["added"], serde_json::json!([PATH]));
    let run = sandbox().try_repair(&wheel(), &["--lib-path", "libs", "--dry-run", "--no-sbom"]);
    assert!(!run.stdout.contains("sboms"), "{}", run.stdout);
}

/// A wheel whose library `demo.libs/libold.so` came by an earlier repair.
fn repaired_before(sbom: &str) -> Wheel {
    Wheel::demo(&Elf::module(&["libold.so", "libfoo.so.1"]).rpath("$ORIGIN/../demo.libs"))
        .elf("demo.libs/libold.so", &Elf::library("libold.so").rpath("/build/lib"))
        .file(PATH, sbom)
}

const EARLIER: &str = r#"{
  "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
  "metadata": {"component": {"type": "library", "name": "demo", "bom-ref": "pkg:pypi/demo@1.0?file_name=old.whl"}},
  "components": [{"type": "library", "bom-ref": "demo.libs/libold.so", "name": "old", "version": "3",
    "hashes": [{"alg": "SHA-256", "content": "00"}]}],
  "dependencies": [{"ref": "pkg:pypi/demo@1.0?file_name=old.whl", "dependsOn": ["demo.libs/libold.so"]}]
}"#;

#[test]
fn the_document_of_an_earlier_repair_is_extended() {
    let output = sandbox().repair(&repaired_before(EARLIER), &LIBS);
    let document = document(&output);
    let components = document["components"].as_array().unwrap();
    assert_eq!(components.len(), 3);
    let old = components.iter().find(|item| item["bom-ref"] == "demo.libs/libold.so").unwrap();
    assert_eq!((&old["name"], &old["version"]), (&Value::from("old"), &Value::from("3")));
    // Its search path of the build machine is gone, so it has another hash.
    assert_eq!(old["hashes"][0]["content"], hex(output.bytes("demo.libs/libold.so")));
    let root = document["metadata"]["component"]["bom-ref"].as_str().unwrap();
    let foo = output.vendored("demo.libs", "libfoo-#.so.1");
    assert_eq!(needs(&document, root), [&foo, "demo.libs/libold.so"]);
    assert!(!output.text(PATH).contains("old.whl"));
}

#[test]
fn the_document_of_another_tool_stays_as_it_is() {
    let path = "demo-1.0.dist-info/sboms/auditwheel.cdx.json";
    let output = sandbox().repair(&wheel().file(path, "{}"), &LIBS);
    assert_eq!(output.text(path), "{}");
    assert!(output.has(PATH));
}

#[test]
fn a_document_that_cannot_be_extended_is_refused_and_not_written_over() {
    let text = sandbox().refusal(&repaired_before("[]"), &LIBS);
    assert_eq!(
        text,
        format!(
            "{PATH} cannot be extended: not a CycloneDX document with components and \
             dependencies\n  hint: take it out of the wheel, or leave it alone with `--no-sbom`"
        )
    );
    let words = ["--lib-path", "libs", "--no-sbom"];
    let output = sandbox().repair(&repaired_before("[]"), &words);
    assert_eq!(output.text(PATH), "[]");
}
