//! The lock of what wheels bring along.

use crate::support::{Elf, Mach, Run, Sandbox, Wheel};

const NAME: &str = "demo-1.0-cp312-cp312-linux_x86_64.whl";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    Wheel::demo(&Elf::module(&["libfoo.so.1"])).build(sandbox.root());
    sandbox
}

fn repair(sandbox: &Sandbox, words: &[&str]) -> Run {
    let all = ["repair", "--sysroot", "sysroot", "--lib-path", "libs", "-w", "out", NAME];
    sandbox.run(&[&all[..], words].concat())
}

fn lock(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path("truewheel.lock")).unwrap()
}

#[test]
fn a_lock_is_written_and_held() {
    let sandbox = sandbox();
    let run = repair(&sandbox, &["--update-lock"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let text = lock(&sandbox);
    let wanted = "\nversion = 1\n\n[[wheel]]\ntag = \"*-manylinux_2_5_x86_64\"\n\n[[wheel.libraries]]\nname = \
                  \"libfoo.so.1\"\nsha256 = \"";
    assert!(text.contains(wanted), "{text}");
    assert_eq!(repair(&sandbox, &[]).status, 0);
    let wheel = format!("out/{}", sandbox.names("out")[0]);
    assert_eq!(sandbox.run(&["check", &wheel]).status, 0);
    assert_eq!(repair(&sandbox, &["--update-lock"]).status, 0);
    assert_eq!(lock(&sandbox), text);
}

#[test]
fn a_wheel_that_differs_is_not_written() {
    let sandbox = sandbox();
    assert_eq!(repair(&sandbox, &["--update-lock"]).status, 0);
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    let hint = "\n  hint: if that is meant, `truewheel repair --update-lock` takes it over\n";
    let first = format!(
        "error: {NAME}: the repaired wheel is not what is expected, and was not written\n  because: "
    );
    let run = repair(&sandbox, &["--exclude", "libfoo*"]);
    let told =
        "the lock for `*-manylinux_2_5_x86_64` has `libfoo.so.1`, which is not brought along";
    assert_eq!((run.status, run.stderr), (1, format!("{first}{told}{hint}")));
    assert_eq!(sandbox.names("out"), Vec::<String>::new());
    // Another library of that name.
    sandbox.elf("libs/libfoo.so.1", &Elf::other_library("libfoo.so.1"));
    let run = repair(&sandbox, &[]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("`libfoo.so.1`: sha256 "), "{}", run.stderr);
    assert_eq!(repair(&sandbox, &["--no-config"]).status, 0);
    assert_eq!(repair(&sandbox, &["--update-lock"]).status, 0);
    assert_eq!(repair(&sandbox, &[]).status, 0);
}

#[test]
fn a_wheel_that_should_bring_nothing_is_told_when_it_does() {
    let foo = "/opt/openblas/lib/libopenblas.0.dylib";
    let name = "demo-1.0-cp312-cp312-macosx_15_0_arm64.whl";
    let sandbox = Sandbox::new();
    sandbox
        .write("sysroot/opt/openblas/lib/libopenblas.0.dylib", Mach::library("arm64", foo).bytes());
    let build = |needs: &str| {
        let wheel = Wheel::new("demo").tag("cp312-cp312-macosx_15_0_arm64");
        let wheel = wheel.file("demo/__init__.py", "");
        wheel.file("demo/_ext.so", Mach::module("arm64", needs).bytes()).build(sandbox.root());
    };
    build("/System/Library/Frameworks/Accelerate.framework/Versions/A/Accelerate");
    let words = ["repair", "--sysroot", "sysroot", "-w", "out", name];
    let run = sandbox.run(&[&words[..], &["--update-lock"]].concat());
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(lock(&sandbox).contains("libraries = []"), "{}", lock(&sandbox));
    build(foo);
    let run = sandbox.run(&words);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("`libopenblas.0.dylib` is brought along ("), "{}", run.stderr);
}

#[test]
fn a_wheel_that_no_entry_is_for_is_refused() {
    let sandbox = sandbox();
    sandbox.write("truewheel.lock", "version = 1\n");
    let run = repair(&sandbox, &[]);
    let told = "no entry of truewheel.lock is for \
                demo-1.0-cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64.whl\n";
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains(told), "{}", run.stderr);
    sandbox.write("truewheel.lock", "version = 2\n");
    let run = repair(&sandbox, &[]);
    let told = "error: truewheel.lock: version is 2, this truewheel knows 1\n";
    assert_eq!((run.status, &*run.stderr), (2, told));
    let run = repair(&sandbox, &["--update-lock", "--no-sbom", "--lock", "new.lock"]);
    assert_eq!(run.status, 1, "{run:?}");
}
