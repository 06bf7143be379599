//! Against CycloneDX's own schema, where the Python package that carries it is installed.

use std::process::Command;

use super::{EARLIER, LIBS, PATH, foo, repaired_before, sandbox, wheel};
use crate::support::{Elf, Output, Sandbox, Wheel, root, skip, testdata};

/// One document of each kind: without packages, extended, with all that a package says.
fn documents() -> Vec<String> {
    let text = |output: &Output| output.text(PATH);
    let date = [("SOURCE_DATE_EPOCH", "1700000000")];
    let with_rpm = Sandbox::new();
    with_rpm.elf("sysroot/usr/lib64/libfoo.so.1.2", &foo());
    let bytes = std::fs::read(testdata("providers/rpmdb.sqlite")).expect("a database");
    with_rpm.write("sysroot/var/lib/rpm/rpmdb.sqlite", bytes);
    let directory = with_rpm.path("sysroot/usr/lib64");
    vec![
        text(&sandbox().repair_in(&wheel(), &LIBS, &date)),
        text(&sandbox().repair(&repaired_before(EARLIER), &LIBS)),
        text(&left_to_others()),
        text(&with_rpm.repair(&wheel(), &["--lib-path", &directory])),
    ]
}

/// A library that is left to a distribution.
fn left_to_others() -> Output {
    let sandbox = Sandbox::new();
    let site = "venv/lib/python3.12/site-packages/foo-2.5.dist-info/RECORD";
    sandbox.write(site, "foo/lib/libfoo.so.1,,\n");
    let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: foo\n";
    let wheel =
        Wheel::demo(&Elf::module(&["libfoo.so.1"])).file("demo-1.0.dist-info/METADATA", metadata);
    sandbox.repair(&wheel, &["--python", "venv", "--provided-by", "foo"])
}

#[test]
fn documents_are_as_the_schema_says() {
    let place = Sandbox::new();
    let mut check = Command::new("python3");
    check.arg(root().join("tests/oracle/sbom.py"));
    for (index, text) in documents().iter().enumerate() {
        let name = format!("{index}.cdx.json");
        place.write(&name, text);
        check.arg(place.root().join(name));
    }
    match check.output() {
        Ok(run) if run.status.code() == Some(77) => {
            let reason = String::from_utf8_lossy(&run.stderr);
            skip("documents_are_as_the_schema_says", reason.trim());
        }
        Ok(run) => {
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        }
        Err(error) => skip("documents_are_as_the_schema_says", &format!("python3: {error}")),
    }
}
