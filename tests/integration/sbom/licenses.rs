//! `--licenses`: what comes with the packages, and where it is named.

use super::foo;
use crate::support::{Elf, Output, Sandbox, Wheel, testdata};

const LICENSES: &str = "demo-1.0.dist-info/licenses";

fn wheel(metadata_version: &str) -> Wheel {
    let metadata = format!(
        "Metadata-Version: {metadata_version}\nName: demo\nVersion: 1.0\n\
         License-File: LICENSE\nSummary: x\n\nA text.\n"
    );
    Wheel::demo(&Elf::module(&["libfoo.so.1"]))
        .file(&format!("{LICENSES}/LICENSE"), "own")
        .file("demo-1.0.dist-info/METADATA", metadata)
}

fn repair(sandbox: &Sandbox, words: &[&str]) -> Output {
    let words = [words, &["--licenses"]].concat();
    sandbox.repair(&wheel("2.4"), &words)
}

/// The members below `licenses/`, without the project's own.
fn names(output: &Output) -> Vec<String> {
    let below = format!("{LICENSES}/vendored/");
    let names = output.order.iter().filter_map(|path| path.strip_prefix(&below));
    names.map(str::to_owned).collect()
}

/// A Debian root with `libfoo1` and its copyright file.
fn debian() -> Sandbox {
    let sandbox = Sandbox::new();
    let directory = "usr/lib/x86_64-linux-gnu";
    sandbox.elf(&format!("sysroot/{directory}/libfoo.so.1"), &foo());
    let list = format!("/{directory}/libfoo.so.1\n");
    sandbox.write("sysroot/var/lib/dpkg/info/libfoo1.list", list);
    let stanza = "Package: libfoo1\nArchitecture: amd64\nVersion: 1:2-3\n";
    sandbox.write("sysroot/var/lib/dpkg/status", stanza);
    let text =
        "On Debian: /usr/share/common-licenses/LGPL-2.1.\nAnd /usr/share/common-licenses/GPL-9";
    sandbox.write("sysroot/usr/share/doc/libfoo1/copyright", text);
    sandbox.write("sysroot/usr/share/common-licenses/LGPL-2.1", "lesser");
    sandbox.write("sysroot/usr/share/common-licenses/GPL-2", "not referred to");
    sandbox
}

#[test]
fn debian_packages_bring_their_copyright_file_and_what_it_refers_to() {
    let output = repair(&debian(), &[]);
    assert_eq!(names(&output), ["libfoo1-1_2-3/LGPL-2.1", "libfoo1-1_2-3/copyright"]);
    let path = format!("{LICENSES}/vendored/libfoo1-1_2-3/LGPL-2.1");
    assert_eq!(output.text(&path), "lesser");
}

#[test]
fn metadata_names_them_from_version_2_4_on() {
    for (version, is_named) in [("2.3", false), ("2.4", true), ("2.10", true)] {
        let output = debian().repair(&wheel(version), &["--licenses"]);
        let text = output.text("demo-1.0.dist-info/METADATA");
        let lines = "License-File: LICENSE\nLicense-File: vendored/libfoo1-1_2-3/LGPL-2.1\n\
                     License-File: vendored/libfoo1-1_2-3/copyright\nSummary: x\n\nA text.\n";
        assert_eq!(text.ends_with(lines), is_named, "{text}");
        assert_eq!(names(&output).len(), 2);
    }
}

#[test]
fn nothing_comes_unasked() {
    let output = debian().repair(&wheel("2.4"), &[]);
    assert_eq!(names(&output), [""; 0]);
}

#[test]
fn rpm_packages_bring_what_is_marked_as_a_licence_also_by_a_sibling() {
    let sandbox = Sandbox::new();
    sandbox.elf("sysroot/usr/lib64/libfoo.so.1.2", &foo());
    let bytes = std::fs::read(testdata("providers/Packages")).expect("a database");
    sandbox.write("sysroot/var/lib/rpm/Packages", bytes);
    // It belongs to `foo`, of the same source package as `foo-libs`.
    sandbox.write("sysroot/usr/share/licenses/foo/COPYING", "copying");
    let directory = sandbox.path("sysroot/usr/lib64");
    let output = repair(&sandbox, &["--lib-path", &directory]);
    assert_eq!(names(&output), ["foo-libs-1_1.2-3.el9/COPYING"]);
}

#[test]
fn python_and_conda_packages_bring_theirs() {
    let sandbox = Sandbox::new();
    sandbox.elf("site/foo/libfoo.so.1", &foo());
    let rows = [
        "foo/libfoo.so.1",
        "foo-1.dist-info/licenses/a/LICENSE",
        "foo-1.dist-info/COPYING",
        "foo-1.dist-info/licenses/gone",
    ];
    let record: String = rows.iter().map(|row| format!("{row},,\n")).collect();
    sandbox.write("site/foo-1.dist-info/RECORD", record);
    sandbox.write("site/foo-1.dist-info/licenses/a/LICENSE", "one");
    sandbox.write("site/foo-1.dist-info/COPYING", "two");
    let output = repair(&sandbox, &["--lib-path", "site/foo"]);
    assert_eq!(names(&output), ["foo-1/COPYING", "foo-1/a/LICENSE"]);

    let sandbox = Sandbox::new();
    sandbox.elf("env/lib/libfoo.so.1", &foo());
    sandbox.write("pkgs/foo-1-0/info/licenses/LICENSE", "three");
    let directory = sandbox.path("pkgs/foo-1-0").replace('\\', "/");
    let text = format!(
        r#"{{"name": "foo", "version": "1", "files": ["lib/libfoo.so.1"], "extracted_package_dir": "{directory}"}}"#
    );
    sandbox.write("env/conda-meta/foo.json", text);
    let output = repair(&sandbox, &["--lib-path", "env/lib"]);
    assert_eq!(names(&output), ["foo-1/LICENSE"]);
}

#[test]
fn what_is_not_found_is_told() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &foo());
    let run = sandbox.try_repair(&wheel("2.4"), &["--lib-path", "libs", "--licenses"]);
    assert_eq!(run.status, 0);
    let note =
        "note: libfoo.so.1: no package is known to provide it, so no licence is brought along";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let sandbox = debian();
    std::fs::remove_file(sandbox.path("sysroot/usr/share/doc/libfoo1/copyright")).unwrap();
    let run = sandbox.try_repair(&wheel("2.4"), &["--licenses"]);
    assert!(run.stderr.contains("note: libfoo1: no licence file was found"), "{}", run.stderr);
}

#[test]
fn a_file_that_the_wheel_has_already_stays() {
    let path = format!("{LICENSES}/vendored/libfoo1-1_2-3/LGPL-2.1");
    let sandbox = debian();
    let wheel = wheel("2.4").file(&path, "another");
    let run = sandbox.try_repair(&wheel, &["--licenses"]);
    let note = format!("libfoo1: licence LGPL-2.1: the wheel has another {path}, which stays");
    assert!(run.stderr.contains(&note), "{}", run.stderr);
    let output = Output::open(&sandbox.root().join("out").join(&sandbox.names("out")[0]));
    assert_eq!(output.text(&path), "another");
}
