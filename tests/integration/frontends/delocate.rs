//! delocate's programs.

use crate::support::{Elf, Mach, Output, Run, Sandbox, Wheel};

const FOO: &str = "/opt/foo/lib/libfoo.1.dylib";
const NAME: &str = "demo-1.0-cp312-cp312-macosx_15_0_arm64.whl";

/// A module that needs a library, which is in `libs`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libfoo.1.dylib", Mach::library("arm64", FOO).bytes());
    let wheel = Wheel::new("demo").tag("cp312-cp312-macosx_15_0_arm64");
    let wheel = wheel.file("demo/__init__.py", "");
    wheel.file("demo/_ext.so", Mach::module("arm64", FOO).bytes()).build(sandbox.root());
    sandbox
}

fn run(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run_in(words, &[("DYLD_LIBRARY_PATH", "libs")])
}

#[test]
fn a_wheel_is_repaired_into_a_directory_and_told_as_delocate_tells_it() {
    let sandbox = sandbox();
    let words = ["delocate-wheel", "--require-archs", "{delocate_archs}", "-w", "out", "-v", NAME];
    let run = run(&sandbox, &words);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let told = format!(
        "Fixing: {NAME}\nCopied to package .dylibs directory:\n  ROOT/libs/libfoo.1.dylib\n"
    );
    assert_eq!(run.stdout, told);
    let names: Vec<String> = sandbox.names("out");
    assert_eq!(names.len(), 1, "{names:?}");
    let output = Output::open(&sandbox.root().join("out").join(&names[0]));
    assert_eq!(output.names_in("demo/.dylibs"), ["libfoo.1.dylib"]);
}

#[test]
fn without_a_directory_the_result_takes_the_place_of_the_input() {
    let sandbox = sandbox();
    let run = run(&sandbox, &["delocate-wheel", NAME]);
    assert_eq!((run.status, &*run.stdout), (0, ""), "{}", run.stderr);
    let wheels: Vec<String> =
        sandbox.names(".").into_iter().filter(|name| name.ends_with(".whl")).collect();
    assert_eq!(wheels.len(), 1, "{wheels:?}");
    let output = Output::open(&sandbox.root().join(&wheels[0]));
    assert_eq!(output.names_in("demo/.dylibs"), ["libfoo.1.dylib"]);
}

#[test]
fn libraries_may_lie_beside_the_package() {
    let sandbox = sandbox();
    let run = run(&sandbox, &["delocate-wheel", "-L", "../demo.libs", "-w", "out", NAME]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let output = Output::open(&sandbox.root().join("out").join(&sandbox.names("out")[0]));
    assert_eq!(output.names_in("demo.libs"), ["libfoo.1.dylib"]);
    for bad in ["../../libs", "../", "../a/../b"] {
        let run = sandbox.run(&["delocate-wheel", "-L", bad, "-w", "other", NAME]);
        assert_eq!(run.status, 2, "{bad}: {}", run.stderr);
        assert_eq!(sandbox.names("other"), [""; 0]);
    }
}

#[test]
fn what_is_excluded_is_a_part_of_the_path() {
    for (part, vendored) in [("/libs/", 0), ("libfoo", 0), ("demo", 1), ("lib*foo", 1)] {
        let sandbox = sandbox();
        let run = run(&sandbox, &["delocate-wheel", "-e", part, "-w", "out", NAME]);
        assert_eq!(run.status, 0, "{part}: {}", run.stderr);
        let names = sandbox.names("out");
        let output = Output::open(&sandbox.root().join("out").join(&names[0]));
        assert_eq!(output.names_in("demo/.dylibs").len(), vendored, "{part}");
    }
}

#[test]
fn a_failure_leaves_the_input_as_it_was() {
    let sandbox = sandbox();
    let before = std::fs::read(sandbox.path(NAME)).unwrap();
    let run = sandbox.run(&["delocate-wheel", NAME]);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    assert!(run.stderr.contains("in REPAIR_LIBRARY_PATH"), "{}", run.stderr);
    assert_eq!(std::fs::read(sandbox.path(NAME)).unwrap(), before);
}

#[test]
fn libraries_are_listed_with_who_needs_them() {
    let sandbox = sandbox();
    let list = run(&sandbox, &["delocate-listdeps", NAME]);
    assert_eq!((list.status, &*list.stdout), (0, "ROOT/libs/libfoo.1.dylib\n"), "{}", list.stderr);
    let list = run(&sandbox, &["delocate-listdeps", "--depending", NAME]);
    assert_eq!(list.stdout, "ROOT/libs/libfoo.1.dylib:\n    demo/_ext.so\n");
    let all = run(&sandbox, &["delocate-listdeps", "-a", NAME, "libs"]);
    let mut told: Vec<&str> = all.stdout.lines().collect();
    assert_eq!((told[0], told[4]), (&*format!("{NAME}:"), "libs:"), "{}", all.stdout);
    // Where the directory of a test lies among the others, only its machine knows.
    told[1..4].sort_unstable();
    let libraries =
        ["/usr/lib/libSystem.B.dylib", "/usr/lib/libz.1.dylib", "ROOT/libs/libfoo.1.dylib"];
    assert_eq!(told[1..4], libraries.map(|path| format!("   {path}")));
    let missing = sandbox.run(&["delocate-listdeps", NAME]);
    assert_eq!((missing.status, &*missing.stdout), (0, ""));
    let told = format!("ERROR:truewheel:{FOO} not found, needed by demo/_ext.so\n");
    assert_eq!(missing.stderr, told);
}

#[test]
fn tags_are_added_and_nothing_is_written_over() {
    let sandbox = sandbox();
    let words = ["delocate-addplat", "-p", "macosx_15_0_x86_64", "-w", "new", NAME];
    assert_eq!(sandbox.run(&words).status, 0);
    let name = "demo-1.0-cp312-cp312-macosx_15_0_arm64.macosx_15_0_x86_64.whl";
    assert_eq!(sandbox.names("new"), [name]);
    let output = Output::open(&sandbox.root().join("new").join(name));
    let tags = ["cp312-cp312-macosx_15_0_arm64", "cp312-cp312-macosx_15_0_x86_64"];
    assert_eq!(output.tags(), tags);
    assert_eq!(output.record_text(), output.expected_record());
    let again = sandbox.run(&words);
    let told = format!(
        "error: {NAME}: there is a file `{name}` already\n  hint: `--clobber` writes over it\n"
    );
    assert_eq!((again.status, again.stderr), (1, told));
    let words = [&words[..], &["--clobber", "--rm-orig"]].concat();
    assert_eq!(sandbox.run(&words).status, 0);
    assert!(!sandbox.root().join(NAME).exists());
    assert_eq!(sandbox.run(&["delocate-addplat", NAME]).status, 2);
}

#[test]
fn two_wheels_are_merged_beside_the_first() {
    let sandbox = Sandbox::new();
    for cpu in ["arm64", "x86_64"] {
        let module = Mach::module(cpu, "/usr/lib/libc++.1.dylib").bytes();
        let wheel = Wheel::new("demo").tag(&format!("cp312-cp312-macosx_15_0_{cpu}"));
        let wheel = wheel.file("demo/__init__.py", "").file("demo/_ext.so", module);
        std::fs::create_dir(sandbox.path(cpu)).unwrap();
        wheel.build(&sandbox.root().join(cpu));
    }
    let names =
        ["arm64", "x86_64"].map(|cpu| format!("{cpu}/demo-1.0-cp312-cp312-macosx_15_0_{cpu}.whl"));
    let run = sandbox.run(&["delocate-merge", &names[0], &names[1]]);
    assert_eq!((run.status, &*run.stdout), (0, ""), "{}", run.stderr);
    assert!(sandbox.names("arm64").iter().any(|name| name.contains("universal2")));
}

#[test]
fn a_text_that_differs_is_the_second_wheels_and_told() {
    let sandbox = Sandbox::new();
    for cpu in ["arm64", "x86_64"] {
        let module = Mach::module(cpu, "/usr/lib/libc++.1.dylib").bytes();
        let wheel = Wheel::new("demo").tag(&format!("cp312-cp312-macosx_15_0_{cpu}"));
        let wheel = wheel.file("demo/__init__.py", format!("same = 1\ncpu = '{cpu}'\n"));
        wheel.file("demo/_ext.so", module).build(sandbox.root());
    }
    let names =
        ["x86_64", "arm64"].map(|cpu| format!("demo-1.0-cp312-cp312-macosx_15_0_{cpu}.whl"));
    let run = sandbox.run(&["delocate-merge", &names[0], &names[1], "-w", "out"]);
    assert_eq!((run.status, &*run.stdout), (0, ""), "{}", run.stderr);
    let told = "warning: demo/__init__.py: line 2 is `cpu = 'x86_64'` in one and `cpu = 'arm64'` in the \
                other; the second wheel's is taken\n";
    assert_eq!(run.stderr, told);
    let output = Output::open(&sandbox.root().join("out").join(&sandbox.names("out")[0]));
    assert_eq!(output.text("demo/__init__.py"), "same = 1\ncpu = 'arm64'\n");
    // truewheel's own word for it asks.
    assert_eq!(sandbox.run(&["merge", &names[0], &names[1], "-w", "own"]).status, 1);
}

#[test]
fn wheels_for_other_systems_are_copied() {
    let sandbox = Sandbox::new();
    let elf = Elf::module(&["libabsent.so.1"]).rpath("/build/lib");
    let names = [
        Wheel::demo(&elf).build(sandbox.root()),
        Wheel::new("pure").tag("py3-none-any").file("pure.py", "").build(sandbox.root()),
    ];
    for wheel in names {
        let name = wheel.file_name().unwrap().to_str().unwrap();
        let run = sandbox.run(&["delocate-wheel", "-w", "out", name]);
        assert_eq!((run.status, &*run.stdout, &*run.stderr), (0, "", ""), "{name}");
        let copy = std::fs::read(sandbox.root().join("out").join(name)).unwrap();
        assert_eq!(copy, std::fs::read(&wheel).unwrap(), "{name}");
    }
}

#[test]
fn added_tags_are_told_as_delocate_tells_them() {
    let sandbox = sandbox();
    Wheel::new("pure").tag("py3-none-any").file("pure.py", "").build(sandbox.root());
    let pure = "pure-1.0-py3-none-any.whl";
    let words = ["delocate-addplat", "-v", "-k", "-r", "-x", "11_0", pure, NAME];
    let run = sandbox.run(&words);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let tags = "macosx_11_0_intel,macosx_11_0_x86_64";
    let name = "demo-1.0-cp312-cp312-macosx_15_0_arm64.macosx_11_0_intel.macosx_11_0_x86_64.whl";
    let told = format!(
        "Setting platform tags {tags} for wheel {pure}\n\
         Cannot modify {pure} because the wheel is for any platform already\n\
         Setting platform tags {tags} for wheel {NAME}\n\
         Wrote ROOT/{name}\nDeleted old wheel {NAME}\n"
    );
    assert_eq!(run.stdout, told);
    let run = sandbox.run(&["delocate-addplat", "-v", "-p", "macosx_11_0_intel", name]);
    let told = format!(
        "Setting platform tags macosx_11_0_intel for wheel {name}\n{name} already has tags macosx_11_0_intel\n"
    );
    assert_eq!((run.status, run.stdout), (0, told));
}
