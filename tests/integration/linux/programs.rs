//! Programs that are installed into `bin`, and files that need the interpreter as a library.

use crate::support::{Elf, Output, Sandbox, Wheel};

const LIBS: [&str; 2] = ["--lib-path", "libs"];
const TOOL: &str = "demo-1.0.data/scripts/tool";

/// A place with `libs/libfoo.so.1`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    sandbox
}

fn program() -> Elf {
    Elf::of("elf/program").needed("libfoo.so.1")
}

fn wheel() -> Wheel {
    Wheel::new("demo").tag("py3-none-linux_x86_64")
}

/// `program` finds the vendored library.
fn assert_finds_foo(output: &Output, program: &str, rpath: &str) {
    let vendored = output.vendored("demo.libs", "libfoo-#.so.1");
    let elf = output.elf(program);
    assert!(elf.needed.contains(&vendored.strip_prefix("demo.libs/").unwrap().to_owned()));
    assert_eq!(elf.rpath.as_deref(), Some(rpath), "{program}");
}

#[test]
fn a_program_that_needs_a_library_moves_and_a_script_takes_its_place() {
    for (member, moved, script, rpath) in [
        (TOOL, "demo.scripts/tool", TOOL, "$ORIGIN/../demo.libs"),
        (
            "demo-1.0.data/scripts/sub/my tool",
            "demo.scripts/sub/my tool",
            "demo-1.0.data/scripts/sub/my tool",
            "$ORIGIN/../../demo.libs",
        ),
        ("demo-1.0.data/data/bin/tool", "demo.scripts/tool", TOOL, "$ORIGIN/../demo.libs"),
    ] {
        // The package needs the library as well, so it cannot go to the data directory.
        let wheel = wheel().elf("demo/_ext.so", &Elf::module(&["libfoo.so.1"]));
        let output = sandbox().repair(&wheel.elf(member, &program()).mode(0o644), &LIBS);
        assert_finds_foo(&output, moved, rpath);
        assert_eq!((output.mode(moved), output.mode(script)), (0o755, 0o755));
        assert!(output.text(script).starts_with("#!python\n"), "{}", output.text(script));
        assert_eq!(output.has(member), member == script);
    }
}

#[test]
fn a_program_that_needs_a_library_of_the_package_moves_as_well() {
    let wheel = wheel()
        .elf("demo/lib/libfoo.so.1", &Elf::library("libfoo.so.1"))
        .elf(TOOL, &program().runpath("$ORIGIN/../lib/python3.12/site-packages/demo/lib"));
    let output = Sandbox::new().repair(&wheel, &[]);
    let tool = output.elf("demo.scripts/tool");
    assert_eq!(
        tool.rpath.as_deref(),
        Some("$ORIGIN/../../../python3.12/site-packages/demo/lib:$ORIGIN/../demo/lib")
    );
    assert!(output.text(TOOL).starts_with("#!python\n"));
}

#[test]
fn a_program_keeps_its_way_to_the_libraries_of_the_environment() {
    let output = sandbox().repair(&wheel().elf(TOOL, &program().rpath("$ORIGIN/../lib")), &LIBS);
    assert_finds_foo(&output, "demo.scripts/tool", "$ORIGIN/../../..:$ORIGIN/../demo.libs");
}

#[test]
fn a_link_to_a_program_gets_a_script_of_its_own() {
    let wheel = wheel().elf(TOOL, &program()).symlink("demo-1.0.data/scripts/alias", "tool");
    let output = sandbox().repair(&wheel, &LIBS);
    for name in ["alias", "tool"] {
        assert_finds_foo(&output, &format!("demo.scripts/{name}"), "$ORIGIN/../demo.libs");
        let script = output.text(&format!("demo-1.0.data/scripts/{name}"));
        assert!(script.contains(&format!("PROGRAM = os.path.join(\"demo.scripts\", \"{name}\")")));
    }
}

#[test]
fn repairing_a_wheel_with_a_moved_program_again_changes_nothing() {
    let sandbox = sandbox();
    let first = sandbox.repair(&wheel().elf(TOOL, &program()), &LIBS);
    let path = format!("out/{}", first.file_name());
    let run = sandbox.run(&["repair", "-w", "again", "--sysroot", "sysroot", &path]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let again = Output::open(&sandbox.root().join("again").join(first.file_name()));
    assert_eq!(again.archive(), first.archive());
}

#[test]
fn the_plan_names_the_program_and_its_script() {
    let sandbox = sandbox();
    let run =
        sandbox.try_repair(&wheel().elf(TOOL, &program()), &[&LIBS[..], &["--dry-run"]].concat());
    assert_eq!(run.status, 0, "{}", run.stderr);
    for line in [
        format!("\nrename {TOOL} to demo.scripts/tool\n"),
        format!("\nwrite {TOOL}, a script that runs demo.scripts/tool\n"),
        format!(
            "\nnote: {TOOL} moves to demo.scripts/tool, where it finds its libraries; {TOOL} runs \
                 it from there\n"
        ),
    ] {
        assert!(run.stdout.contains(&line), "{}", run.stdout);
    }
}

#[test]
fn what_cannot_move_is_refused() {
    let library = Elf::module(&["libfoo.so.1"]);
    for wheel in [
        wheel().elf("demo-1.0.data/scripts/lib.so", &library),
        wheel().elf("demo/_ext.so", &library).elf("demo-1.0.data/data/share/tool", &program()),
        wheel().elf("demo-1.0.data/headers/tool", &program()),
    ] {
        let text = sandbox().refusal(&wheel, &LIBS);
        let reason = "is installed outside site-packages and needs `libfoo.so.1` from there\n";
        assert!(text.contains(reason), "{text}");
    }
    for wheel in [
        wheel().elf(TOOL, &program()).file("demo.scripts/tool", "x"),
        wheel()
            .elf("demo/_ext.so", &library)
            .elf("demo-1.0.data/data/bin/tool", &program())
            .file(TOOL, "x"),
    ] {
        let text = sandbox().refusal(&wheel, &LIBS);
        assert!(text.contains("would have to move; the wheel has "), "{text}");
    }
}

#[test]
fn libpython_goes_from_what_a_python_loads_and_stays_where_a_program_brings_it() {
    const PYTHON: &str = "libpython3.12.so.1.0";
    let sandbox = sandbox();
    sandbox.elf("libs/libbind.so.1", &Elf::library("libbind.so.1").needed(PYTHON));
    let wheel = wheel()
        .elf("demo/_ext.so", &Elf::module(&[PYTHON, "libbind.so.1"]))
        .elf("demo/libhelp.so", &Elf::library("libhelp.so").needed(PYTHON))
        .elf("demo/libembed.so", &Elf::library("libembed.so").needed(PYTHON))
        .elf("demo/python", &Elf::of("elf/program").needed(PYTHON).needed("libbind.so.1"))
        .elf("demo/host", &Elf::of("elf/program").needed("libembed.so").rpath("$ORIGIN"));
    let run = sandbox.try_repair(&wheel, &LIBS);
    let output = sandbox.repair(&wheel, &LIBS);
    let bind = output.vendored("demo.libs", "libbind-#.so.1");
    for (member, stays) in [
        ("demo/_ext.so", false),
        ("demo/libhelp.so", false),
        (&*bind, false),
        ("demo/libembed.so", true),
        ("demo/python", true),
    ] {
        let needed = output.elf(member).needed;
        assert_eq!(needed.contains(&PYTHON.to_owned()), stays, "{member}");
    }
    for (member, why) in [
        ("demo/python", "the program embeds Python, and runs only where that library is found"),
        ("demo/libembed.so", "demo/host embeds Python through it"),
    ] {
        let line = format!("note: {member}: `{PYTHON}` stays needed by name: {why}\n");
        assert!(run.stderr.contains(&line), "{}", run.stderr);
    }
}
