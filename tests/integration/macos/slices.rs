//! Universal files: each slice is resolved and edited for itself.

use super::{assert_loads, loads, slice};
use crate::support::{Mach, Sandbox, Wheel};

fn universal(module: &Mach) -> Wheel {
    Wheel::new("demo")
        .tag("cp312-cp312-macosx_15_0_universal2")
        .file("demo/__init__.py", "")
        .file("demo/_ext.so", module.bytes())
}

fn both(make: impl Fn(&str) -> Mach) -> Mach {
    Mach::universal(&[make("x86_64"), make("arm64")])
}

#[test]
fn each_slice_is_given_its_own_names() {
    let sandbox = Sandbox::new();
    let library = both(|cpu| Mach::library(cpu, "@rpath/libfoo.dylib")).bytes();
    sandbox.write("sysroot/x86_64/libfoo.dylib", &library);
    sandbox.write("sysroot/arm64/libfoo.dylib", &library);
    let module = both(|cpu| Mach::module(cpu, &format!("/{cpu}/libfoo.dylib")));
    let output = sandbox.repair(&universal(&module), &[]);
    assert_eq!(output.names_in("demo/.dylibs"), ["libfoo.dylib"]);
    for cpu in ["x86_64", "arm64"] {
        let name = "@loader_path/.dylibs/libfoo.dylib";
        assert_eq!(loads(&output, "demo/_ext.so", cpu), [name], "{cpu}");
        let library = slice(&output, "demo/.dylibs/libfoo.dylib", cpu);
        assert_eq!(library.id.as_deref(), Some("/DLC/demo/.dylibs/libfoo.dylib"));
    }
    assert_loads(&output, &["x86_64", "arm64"]);
}

#[test]
fn libraries_for_one_cpu_each_become_one_universal_file() {
    let sandbox = Sandbox::new();
    for cpu in ["x86_64", "arm64"] {
        let id = |name: &str| format!("/{cpu}/lib/{name}");
        let top = Mach::user(cpu, &id("libtop.1.dylib"), &id("libdep.dylib"));
        sandbox.write(&format!("sysroot/{cpu}/lib/libtop.1.dylib"), top.bytes());
        let dep = Mach::library(cpu, &id("libdep.dylib"));
        sandbox.write(&format!("sysroot/{cpu}/lib/libdep.dylib"), dep.bytes());
    }
    let module = both(|cpu| Mach::module(cpu, &format!("/{cpu}/lib/libtop.1.dylib")));
    let run = sandbox.try_repair(&universal(&module), &["--dry-run"]);
    let note = "note: one universal library is made of ROOT/sysroot/x86_64/lib/libdep.dylib (x86_64) and \
                ROOT/sysroot/arm64/lib/libdep.dylib (arm64)\n";
    assert!(run.stdout.contains(note), "{run:?}");
    let output = sandbox.repair(&universal(&module), &["--require-archs", "x86_64,arm64"]);
    assert_eq!(output.names_in("demo/.dylibs"), ["libdep.dylib", "libtop.1.dylib"]);
    for cpu in ["x86_64", "arm64"] {
        let names = loads(&output, "demo/.dylibs/libtop.1.dylib", cpu);
        assert_eq!(names, ["@loader_path/libdep.dylib"], "{cpu}");
    }
    assert_loads(&output, &["x86_64", "arm64"]);
}

#[test]
fn a_library_that_lacks_a_cpu_of_the_wheel_is_refused_with_the_cpu() {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libfoo.dylib", Mach::library("arm64", "@rpath/libfoo.dylib").bytes());
    let wheel = universal(&both(|cpu| Mach::module(cpu, "@rpath/libfoo.dylib")));
    let text = sandbox.refusal(&wheel, &["--lib-path", "libs"]);
    assert!(
        text.starts_with("demo/_ext.so needs `@rpath/libfoo.dylib`, which was not found"),
        "{text}"
    );
    let passed = "passed over: ROOT/libs/libfoo.dylib: for arm64, and not for x86_64\n";
    assert!(text.contains(passed), "{text}");
}

#[test]
fn code_for_a_cpu_that_no_tag_names_needs_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libfoo.dylib", Mach::library("arm64", "@rpath/libfoo.dylib").bytes());
    let module = both(|cpu| Mach::module(cpu, "@rpath/libfoo.dylib"));
    let wheel = universal(&module).tag("cp312-cp312-macosx_15_0_arm64");
    let run = sandbox.try_repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(run.status, 0, "{run:?}");
    let note = "`@rpath/libfoo.dylib` is not found for x86_64, which no tag of the wheel names \
                (needed by demo/_ext.so)";
    assert!(run.stderr.contains(note), "{}", run.stderr);

    let output = run.stdout.trim();
    let checked = sandbox.run(&["check", output]);
    assert_eq!(checked.status, 0, "{checked:?}");
    let warning = "warning: `@rpath/libfoo.dylib` is not found for x86_64, which no tag names: needed by \
                   demo/_ext.so [unreachable-library]";
    assert!(checked.stdout.contains(warning), "{checked:?}");
}

#[test]
fn libraries_of_other_names_for_one_cpu_each_serve_the_slices_of_theirs() {
    let sandbox = Sandbox::new();
    for (cpu, name) in [("x86_64", "libfoo.1.dylib"), ("arm64", "libfoo.2.dylib")] {
        let library = Mach::library(cpu, &format!("/{cpu}/{name}"));
        sandbox.write(&format!("sysroot/{cpu}/{name}"), library.bytes());
    }
    let module = Mach::universal(&[
        Mach::module("x86_64", "/x86_64/libfoo.1.dylib"),
        Mach::module("arm64", "/arm64/libfoo.2.dylib"),
    ]);
    let output = sandbox.repair(&universal(&module), &[]);
    assert_eq!(output.names_in("demo/.dylibs"), ["libfoo.1.dylib", "libfoo.2.dylib"]);
    let names = |cpu| loads(&output, "demo/_ext.so", cpu);
    assert_eq!(names("x86_64"), ["@loader_path/.dylibs/libfoo.1.dylib"]);
    assert_eq!(names("arm64"), ["@loader_path/.dylibs/libfoo.2.dylib"]);
}
