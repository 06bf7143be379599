//! `--strip` and `--strip-debug`: what goes, from which files, and what the result is called.

use truewheel_elf::{Strip, Strippable, strippable};

use crate::support::{Elf, Output, Sandbox, Wheel};

/// A wheel with debug information in a library of its own, and one to be brought in.
fn wheel(sandbox: &Sandbox) -> Wheel {
    sandbox.elf("libs/libfoo.so.1", &Elf::of("elf/debug-gold.so").soname("libfoo.so.1"));
    Wheel::demo(&Elf::module(&["libfoo.so.1"])).elf("demo/libown.so", &Elf::of(DEBUG))
}

const DEBUG: &str = "elf/debug-x86_64.so";

fn repaired(words: &[&str]) -> Output {
    let sandbox = Sandbox::new();
    let mut all = vec!["--lib-path", "libs"];
    all.extend(words);
    sandbox.repair(&wheel(&sandbox), &all)
}

/// Whether there is nothing left that stripping would take.
fn is_stripped(output: &Output, member: &str, level: Strip) -> bool {
    strippable(output.bytes(member), level) == Ok(Strippable::Nothing)
}

#[test]
fn every_binary_is_stripped_and_still_edited() {
    for (word, debug_only) in [("--strip", false), ("--strip-debug", true)] {
        let output = repaired(&[word]);
        let vendored = output.vendored("demo.libs", "libfoo-#.so.1");
        for member in ["demo/libown.so", &vendored, "demo/_ext.so"] {
            assert!(is_stripped(&output, member, Strip::Debug), "{member} after {word}");
        }
        for member in ["demo/libown.so", &vendored] {
            assert_eq!(!is_stripped(&output, member, Strip::All), debug_only, "{member}, {word}");
        }
        assert_eq!(output.elf(&vendored).soname.as_deref(), vendored.strip_prefix("demo.libs/"));
        assert!(output.bytes("demo/libown.so").len() < Elf::of(DEBUG).bytes().len());
    }
    let output = repaired(&[]);
    assert_eq!(output.bytes("demo/libown.so"), Elf::of(DEBUG).bytes());
}

#[test]
fn equal_names_of_libraries_mean_equal_contents() {
    let name = |words: &[&str]| repaired(words).vendored("demo.libs", "libfoo-#.so.1");
    let (plain, debug, all) = (name(&[]), name(&["--strip-debug"]), name(&["--strip"]));
    assert!(plain != debug && debug != all && plain != all, "{plain} {debug} {all}");
    assert_eq!(all, name(&["--strip"]));
    // Nothing to strip: the contents are the same, and so is the name.
    let name = |words: &[&str]| {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
        let mut all = vec!["--lib-path", "libs"];
        all.extend(words);
        let output = sandbox.repair(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &all);
        output.vendored("demo.libs", "libfoo-#.so.1")
    };
    assert_eq!(name(&["--strip"]), name(&[]));
}

#[test]
fn a_library_that_needs_a_stripped_one_has_another_name_too() {
    let names = |words: &[&str]| {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &Elf::of("elf/debug-gold.so").soname("libfoo.so.1"));
        sandbox.elf("libs/libbar.so.1", &Elf::library("libbar.so.1").needed("libfoo.so.1"));
        let mut all = vec!["--lib-path", "libs"];
        all.extend(words);
        let output = sandbox.repair(&Wheel::demo(&Elf::module(&["libbar.so.1"])), &all);
        output.vendored("demo.libs", "libbar-#.so.1")
    };
    assert_ne!(names(&["--strip"]), names(&[]));
}

#[test]
fn the_plan_tells_what_is_stripped_and_what_cannot_be() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]))
        .elf("demo/libown.so", &Elf::of(DEBUG))
        .elf("demo/librelocs.so", &Elf::of("elf/emit-relocs.so"));
    let run = sandbox.try_repair(&wheel, &["--strip-debug", "--dry-run"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let edit = "edit demo/libown.so\n  no debug information\n";
    assert!(run.stdout.contains(edit), "{}", run.stdout);
    let note = "note: demo/librelocs.so is not stripped: it keeps the linker's relocations, which \
                number its symbols\n";
    assert!(run.stdout.contains(note), "{}", run.stdout);
    let run = sandbox.try_repair(&wheel, &["--strip", "--dry-run", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let lines = &json["edits"]["demo/librelocs.so"];
    assert_eq!(lines, &serde_json::json!(["no debug information, no symbol table"]));
}

#[test]
fn stripping_a_stripped_wheel_changes_nothing() {
    let sandbox = Sandbox::new();
    let output = sandbox.repair(&wheel(&sandbox), &["--lib-path", "libs", "--strip"]);
    sandbox.write(&output.file_name(), output.archive());
    let run = sandbox.run(&["repair", "-w", "again", "--strip", &output.file_name()]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let again = std::fs::read(sandbox.root().join("again").join(output.file_name())).unwrap();
    assert_eq!(again, output.archive());
}

#[test]
fn wheels_for_every_machine_are_stripped_on_this_one() {
    for arch in ["aarch64", "i386", "powerpc64le", "s390x", "riscv64"] {
        let sandbox = Sandbox::new();
        let elf = Elf::of(&format!("elf/debug-{arch}.so"));
        let tag = match arch {
            "i386" => "i686",
            "powerpc64le" => "ppc64le",
            other => other,
        };
        let wheel = Wheel::new("demo").tag(&format!("cp312-cp312-linux_{tag}"));
        let output = sandbox.repair(&wheel.elf("demo/_ext.so", &elf), &["--strip"]);
        assert!(is_stripped(&output, "demo/_ext.so", Strip::All), "{arch}");
        let before = crate::support::Facts::of(&elf.bytes());
        assert_eq!(output.elf("demo/_ext.so"), before, "{arch}");
    }
}

#[test]
fn both_levels_at_once_are_wrong_usage() {
    let sandbox = Sandbox::new();
    let run = sandbox.try_repair(&Wheel::demo(&Elf::module(&[])), &["--strip", "--strip-debug"]);
    assert_eq!(run.status, 2, "{run:?}");
}
