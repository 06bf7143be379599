//! Libraries that installed Python packages bring, in environments that nothing of is run.

use crate::support::{Elf, Mach, Run, Sandbox, Wheel, root};

const NAME: &str = "demo-1.0-cp312-cp312-linux_x86_64.whl";
const SITE: &str = "venv/lib/python3.12/site-packages";

/// A virtual environment with a package `foo` that has `libfoo.so.1` in `foo/lib`, and a wheel that needs it.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf(&format!("{SITE}/foo/lib/libfoo.so.1"), &Elf::library("libfoo.so.1"));
    let record = "foo/lib/libfoo.so.1,,\nfoo-2.5.dist-info/RECORD,,\n";
    sandbox.write(&format!("{SITE}/foo-2.5.dist-info/RECORD"), record);
    sandbox.write("venv/pyvenv.cfg", "home = /usr/bin\n");
    sandbox.write("venv/bin/python3", "no program that anybody runs");
    Wheel::demo(&Elf::module(&["libfoo.so.1"])).build(sandbox.root());
    sandbox
}

fn repair(sandbox: &Sandbox, words: &[&str], environment: &[(&str, &str)]) -> Run {
    let all = [&["repair", "-v", "--sysroot", "sysroot", "-w", "out", NAME][..], words].concat();
    sandbox.run_in(&all, environment)
}

#[test]
fn the_environment_is_the_active_one_or_that_of_python_on_path_or_the_one_named() {
    let told = "found by installed package foo 2.5\n";
    let sandbox = sandbox();
    let (prefix, bin) = (sandbox.path("venv"), sandbox.path("venv/bin"));
    for (words, environment) in [
        (&[][..], &[("VIRTUAL_ENV", &*prefix)][..]),
        (&[], &[("PATH", &*bin)]),
        (&["--python", "venv"], &[]),
        (&["--python", "venv/bin/python3"], &[]),
        (&["--python", "venv", "--from-package", "Foo"], &[]),
    ] {
        let run = repair(&sandbox, words, environment);
        assert_eq!(run.status, 0, "{words:?} {environment:?}: {}", run.stderr);
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
    sandbox.write("pyproject.toml", "[tool.truewheel]\npython = 'venv'\n");
    assert_eq!(repair(&sandbox, &[], &[]).status, 0);
}

#[test]
fn no_package_is_asked_where_it_is_not_wanted() {
    let sandbox = sandbox();
    let prefix = sandbox.path("venv");
    let active = [("VIRTUAL_ENV", &*prefix)];
    let run = repair(&sandbox, &["--no-site-packages"], &active);
    assert_eq!(run.status, 1);
    assert!(!run.stderr.contains("installed Python packages"), "{}", run.stderr);
    sandbox.write(&format!("{SITE}/bar-1.0.dist-info/RECORD"), "bar/__init__.py,,\n");
    let run = repair(&sandbox, &["--from-package", "bar"], &active);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let run = repair(&sandbox, &["--from-package", "fooo"], &active);
    let told = "error: `--from-package fooo` is not installed in \
                ROOT/venv/lib/python3.12/site-packages; the nearest is `foo`\n";
    assert_eq!((run.status, &*run.stderr), (2, told));
    let run = repair(&sandbox, &["--python", "sysroot"], &[]);
    let told = "error: `--python sysroot` leads to no site-packages\n";
    assert_eq!((run.status, &*run.stderr), (2, told));
}

#[test]
fn what_the_loader_finds_comes_first() {
    let sandbox = sandbox();
    sandbox.elf("libs/libfoo.so.1", &Elf::other_library("libfoo.so.1"));
    for words in [&["--lib-path", "libs"][..], &["--ldpaths", "libs"]] {
        let run = repair(&sandbox, &[words, &["--python", "venv"]].concat(), &[]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert!(run.stderr.contains("from ROOT/libs/libfoo.so.1"), "{}", run.stderr);
    }
}

#[test]
fn a_library_for_another_machine_is_passed_over_and_told() {
    let sandbox = sandbox();
    sandbox.elf(&format!("{SITE}/foo/lib/libfoo.so.1"), &Elf::of("elf/aarch64.so"));
    let run = repair(&sandbox, &["--python", "venv"], &[]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("1 directory of installed Python packages"), "{}", run.stderr);
    assert!(run.stderr.contains("foo/lib/libfoo.so.1: for aarch64"), "{}", run.stderr);
}

#[test]
fn an_installed_release_of_the_same_project_is_no_source() {
    let sandbox = sandbox();
    let record = "demo.libs/libfoo.so.1,,\n";
    std::fs::remove_dir_all(sandbox.path(&format!("{SITE}/foo"))).unwrap();
    sandbox.elf(&format!("{SITE}/demo.libs/libfoo.so.1"), &Elf::library("libfoo.so.1"));
    sandbox.write(&format!("{SITE}/demo-0.9.dist-info/RECORD"), record);
    assert_eq!(repair(&sandbox, &["--python", "venv"], &[]).status, 1);
}

#[test]
fn wheels_for_macos_and_windows_find_them_too() {
    let foo = "@rpath/libfoo.1.dylib";
    let sandbox = sandbox();
    let library = Mach::library("arm64", foo).bytes();
    sandbox.write(&format!("{SITE}/foo/lib/libfoo.1.dylib"), library);
    let dll = std::fs::read(root().join("testdata/pe/needed.x64.dll")).unwrap();
    sandbox.write(&format!("{SITE}/foo/lib/needed.dll"), dll);
    let wheel = |tag: &str| Wheel::new("demo").tag(tag).file("demo/__init__.py", "");
    let module = Mach::module("arm64", foo).bytes();
    let mac = wheel("cp312-cp312-macosx_15_0_arm64").file("demo/_ext.so", module);
    let module = std::fs::read(root().join("testdata/pe/full.x64.dll")).unwrap();
    let windows = wheel("cp312-cp312-win_amd64").file("demo/_ext.pyd", module);
    for wheel in [mac, windows] {
        wheel.build(sandbox.root());
        let name = wheel.file_name();
        let words = ["repair", "-v", "-w", "out", "--python", "venv", &name];
        let run = sandbox.run(&words);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let told = "found by installed package foo 2.5";
        assert!(run.stderr.contains(told), "{name}: {}", run.stderr);
        let run = sandbox.run(&["tree", "--python", "venv", &name]);
        assert!(run.stdout.contains("(installed package foo 2.5)"), "{}", run.stdout);
    }
}
