//! Which library a name leads to.

use super::{assert_loads, demo, loads};
use crate::support::{Mach, Sandbox};

#[test]
fn a_library_that_is_not_found_is_told_with_what_macos_does_to_dyld_library_path() {
    let wheel = demo(&Mach::module("arm64", "@rpath/libgone.dylib").rpaths(&["/opt/demo/lib"]));
    assert_eq!(
        Sandbox::new().refusal(&wheel, &[]),
        "demo/_ext.so needs `@rpath/libgone.dylib`, which was not found\n  \
         searched: ROOT/sysroot/opt/demo/lib (LC_RPATH /opt/demo/lib of demo/_ext.so), /opt/demo/lib \
         (LC_RPATH /opt/demo/lib of demo/_ext.so)\n  \
         hint: DYLD_LIBRARY_PATH is empty here; macOS removes it when /bin/sh starts. \
         REPAIR_LIBRARY_PATH and `--lib-path` arrive\n  \
         hint: name its directory with `--lib-path DIR`, or leave it out with `--exclude \
         @rpath/libgone.dylib`"
    );
}

#[test]
fn the_directories_of_the_caller_come_before_what_the_name_says() {
    let name = "/usr/local/lib/libfoo.dylib";
    for (words, variable, from) in [
        (&["--lib-path", "mine"][..], "REPAIR_LIBRARY_PATH", "mine"),
        (&[], "REPAIR_LIBRARY_PATH", "theirs"),
        (&[], "TRUEWHEEL_LIBRARY_PATH", "theirs"),
        (&[], "DYLD_LIBRARY_PATH", "theirs"),
        (&[], "DYLD_FALLBACK_LIBRARY_PATH", "sysroot/usr/local/lib"),
        (&[], "LD_LIBRARY_PATH", "sysroot/usr/local/lib"),
    ] {
        let sandbox = Sandbox::new();
        for directory in ["mine", "theirs", "sysroot/usr/local/lib"] {
            let library = Mach::library("arm64", &format!("/{directory}/libfoo.dylib"));
            sandbox.write(&format!("{directory}/libfoo.dylib"), library.bytes());
        }
        let theirs = sandbox.path("theirs");
        let wheel = demo(&Mach::module("arm64", name));
        let mut all = vec!["--dry-run"];
        all.extend(words);
        let run = sandbox.try_repair_in(&wheel, &all, &[(variable, &theirs)]);
        let line = format!("vendor demo/.dylibs/libfoo.dylib <- ROOT/{from}/libfoo.dylib\n");
        assert!(run.stdout.contains(&line), "{variable}: {run:?}");
    }
}

#[test]
fn the_last_directories_are_those_of_dyld_fallback_library_path() {
    let sandbox = Sandbox::new();
    sandbox.write("last/libfoo.dylib", Mach::library("arm64", "@rpath/libfoo.dylib").bytes());
    let wheel = demo(&Mach::module("arm64", "/gone/libfoo.dylib"));
    let last = sandbox.path("last");
    let output = sandbox.repair_in(&wheel, &[], &[("DYLD_FALLBACK_LIBRARY_PATH", &last)]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn rpaths_of_the_file_that_loads_a_library_hold_for_it_too() {
    let sandbox = Sandbox::new();
    let passed = Mach::user("arm64", "@rpath/libpassed.dylib", "@rpath/libfoo.dylib").rpaths(&[]);
    sandbox.write("sysroot/a/libpassed.dylib", passed.bytes());
    sandbox.write("sysroot/b/libfoo.dylib", Mach::library("arm64", "@rpath/libfoo.dylib").bytes());
    let module = Mach::module("arm64", "@rpath/libpassed.dylib").rpaths(&["/a", "/b"]);
    let output = sandbox.repair(&demo(&module), &[]);
    assert_eq!(output.names_in("demo/.dylibs"), ["libfoo.dylib", "libpassed.dylib"]);
    let path = "demo/.dylibs/libpassed.dylib";
    assert_eq!(loads(&output, path, "arm64"), ["@loader_path/libfoo.dylib"]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn a_library_for_another_cpu_is_passed_over() {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libfoo.dylib", Mach::library("x86_64", "@rpath/libfoo.dylib").bytes());
    sandbox.write("text/libfoo.dylib", "no library");
    sandbox.write("bundle/libfoo.dylib", Mach::module("arm64", "/usr/lib/libc++.1.dylib").bytes());
    let wheel = demo(&Mach::module("arm64", "@rpath/libfoo.dylib"));
    let words = ["--lib-path", "libs", "--lib-path", "text", "--lib-path", "bundle"];
    let text = sandbox.refusal(&wheel, &words);
    for line in [
        "  passed over: ROOT/libs/libfoo.dylib: for x86_64, and not for arm64\n",
        "  passed over: ROOT/text/libfoo.dylib: not a Mach-O file\n",
        "  passed over: ROOT/bundle/libfoo.dylib: a bundle or a program, which no other file can name\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn what_may_be_absent_is_told_and_stays() {
    let module =
        Mach::of("module.arm64.so").load("@rpath/libneeded.1.dylib", "/usr/lib/libz.1.dylib");
    let sandbox = Sandbox::new();
    let run = sandbox.try_repair(&demo(&module), &[]);
    assert_eq!(run.status, 0, "{run:?}");
    let note =
        "`/opt/demo/lib/liboptional.dylib` is not found and may be absent (weak in demo/_ext.so)";
    assert!(run.stderr.contains(note), "{}", run.stderr);
}

#[test]
fn the_interpreter_and_the_system_are_left_alone() {
    for name in [
        "/Library/Frameworks/Python.framework/Versions/3.12/Python",
        "@rpath/libpython3.12.dylib",
        "/System/Library/Frameworks/Accelerate.framework/Versions/A/Accelerate",
        "@rpath/libswiftCore.dylib",
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("sysroot{name}"), Mach::library("arm64", name).bytes());
        sandbox.write("libs/libswiftCore.dylib", Mach::library("arm64", name).bytes());
        sandbox.write("libs/libpython3.12.dylib", Mach::library("arm64", name).bytes());
        let output = sandbox.repair(&demo(&Mach::module("arm64", name)), &["--lib-path", "libs"]);
        assert_eq!(output.names_in("demo/.dylibs"), [""; 0], "{name}");
        assert_eq!(loads(&output, "demo/_ext.so", "arm64"), [name]);
    }
}

#[test]
fn what_is_left_out_or_ignored_keeps_its_name_and_is_told() {
    let name = "@rpath/libfoo.dylib";
    let wheel = demo(&Mach::module("arm64", name));
    for (words, note) in [
        (&["--exclude", "libfoo*"][..], "left out by `--exclude libfoo*`: @rpath/libfoo.dylib"),
        (&["--exclude", "*/libs/*"], "left out by `--exclude */libs/*`: libfoo.dylib"),
        (
            &["--ignore-missing-dependencies"],
            "`@rpath/libfoo.dylib` is not found, and left to whoever has it (needed by demo/_ext.so)",
        ),
    ] {
        let sandbox = Sandbox::new();
        let mut words = words.to_vec();
        if note.contains("*/libs") {
            sandbox.write("libs/libfoo.dylib", Mach::library("arm64", name).bytes());
            words.extend(["--lib-path", "libs"]);
        }
        let run = sandbox.try_repair(&wheel, &words);
        assert_eq!(run.status, 0, "{run:?}");
        assert!(run.stderr.contains(note), "{}", run.stderr);
    }
}

#[test]
fn the_binary_of_a_framework_comes_along_and_the_rest_is_told() {
    let sandbox = Sandbox::new();
    let name = "@rpath/Foo.framework/Versions/A/Foo";
    let library = Mach::library("arm64", name);
    sandbox.write("libs/Foo.framework/Versions/A/Foo", library.bytes());
    let wheel = demo(&Mach::module("arm64", name));
    let run = sandbox.try_repair(&wheel, &["--lib-path", "libs", "--dry-run"]);
    assert!(run.stdout.contains("without the other files of its framework"), "{run:?}");
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo/.dylibs"), ["Foo"]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn a_library_of_the_wheel_is_taken_before_one_of_this_machine() {
    let sandbox = Sandbox::new();
    let library = Mach::library("arm64", "@rpath/libfoo.dylib");
    // Where the build left it, under another name, and where the wheel has it.
    sandbox.write("sysroot/build/libfoo.1.dylib", library.bytes());
    sandbox.write("libs/libfoo.dylib", Mach::library("arm64", "/other").bytes());
    let wheel = demo(&Mach::module("arm64", "/build/libfoo.1.dylib"))
        .file("demo/lib/libfoo.dylib", library.bytes())
        .file("demo/_two.so", Mach::module("arm64", "@loader_path/lib/libfoo.dylib").bytes());
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo/.dylibs"), [""; 0]);
    assert_eq!(loads(&output, "demo/_ext.so", "arm64"), ["@loader_path/lib/libfoo.dylib"]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn a_library_of_the_wheel_that_no_path_leads_to_is_known_by_its_install_id() {
    let id = "/build/lib/libfoo.dylib";
    let wheel = demo(&Mach::module("arm64", id))
        .file("demo/lib/libfoo.2.dylib", Mach::library("arm64", id).bytes());
    let output = Sandbox::new().repair(&wheel, &[]);
    assert_eq!(loads(&output, "demo/_ext.so", "arm64"), ["@loader_path/lib/libfoo.2.dylib"]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn a_damaged_mach_o_file_is_refused_with_its_reason() {
    let mut bytes = Mach::module("arm64", "/usr/lib/libc++.1.dylib").bytes();
    bytes.truncate(100);
    let wheel = demo(&Mach::module("arm64", "/usr/lib/libc++.1.dylib")).file("demo/_bad.so", bytes);
    let text = Sandbox::new().refusal(&wheel, &[]);
    assert!(text.starts_with("demo/_bad.so: "), "{text}");
}

#[test]
fn names_without_room_are_refused_with_the_bytes_that_are_missing() {
    let sandbox = Sandbox::new();
    let name = "@rpath/libneeded.1.dylib";
    sandbox.write("sysroot/opt/demo/lib/libneeded.1.dylib", Mach::library("arm64", name).bytes());
    let wheel = demo(&Mach::of("module.arm64.so")).file(
        "demo/a/very/deep/directory/with/a/long/name/_tight.so",
        Mach::of("tight.arm64.so").bytes(),
    );
    let text = sandbox.refusal(&wheel, &[]);
    assert!(text.starts_with("demo/a/very/deep/directory/with/a/long/name/_tight.so: "), "{text}");
    assert!(
        text.contains("bytes are missing") && text.contains("-headerpad_max_install_names"),
        "{text}"
    );
}

#[test]
fn a_library_of_the_callers_is_known_by_its_install_id_whatever_the_file_is_called() {
    // As scipy-openblas64 has it: built with that ID, and installed under another name.
    let id = "/usr/local/lib/libscipy_openblas64_.0.dylib";
    let wheel = demo(&Mach::module("arm64", id));
    let sandbox = Sandbox::new();
    let library = Mach::library("arm64", id).bytes();
    sandbox.write("site/scipy_openblas64/lib/libscipy_openblas64_.dylib", library);
    let directory = sandbox.path("site/scipy_openblas64/lib");
    let output = sandbox.repair_in(&wheel, &[], &[("REPAIR_LIBRARY_PATH", &directory)]);
    assert_eq!(output.names_in("demo/.dylibs"), ["libscipy_openblas64_.dylib"]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn stripping_is_for_elf_files_and_told() {
    let sandbox = Sandbox::new();
    let run =
        sandbox.try_repair(&demo(&Mach::module("arm64", "/usr/lib/libc++.1.dylib")), &["--strip"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("Mach-O files are not stripped"), "{}", run.stderr);
}

#[test]
fn what_a_wheel_for_macos_needs_is_shown() {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libfoo.dylib", Mach::library("arm64", "@rpath/libfoo.dylib").bytes());
    let wheel = demo(&Mach::module("arm64", "@rpath/libfoo.dylib"));
    wheel.build(sandbox.root());
    let words = ["show", "--sysroot", "sysroot", &wheel.file_name()];
    let run = sandbox.run(&words);
    assert!(run.stdout.contains("verdict   cannot be repaired"), "{}", run.stdout);
    let words: Vec<&str> = words.into_iter().chain(["--lib-path", "libs"]).collect();
    let run = sandbox.run(&words);
    assert!(
        run.stdout.contains("verdict   needs a repair, which brings 1 library"),
        "{}",
        run.stdout
    );
}

#[test]
fn equal_libraries_are_one_only_if_they_find_the_same() {
    for (is_same, names) in [
        (true, &["libdep.dylib", "libtop.dylib"][..]),
        (false, &["libdep-#.dylib", "libdep.dylib", "libtop-#.dylib", "libtop.dylib"]),
    ] {
        let sandbox = Sandbox::new();
        let top = Mach::user("arm64", "@rpath/libtop.dylib", "@loader_path/libdep.dylib").bytes();
        for directory in ["a", "b"] {
            sandbox.write(&format!("sysroot/{directory}/libtop.dylib"), &top);
            let id = if is_same { "/libdep.dylib".to_owned() } else { format!("/{directory}") };
            let dep = Mach::library("arm64", &id).bytes();
            sandbox.write(&format!("sysroot/{directory}/libdep.dylib"), dep);
        }
        let wheel = demo(&Mach::module("arm64", "/a/libtop.dylib"))
            .file("demo/_other.so", Mach::module("arm64", "/b/libtop.dylib").bytes());
        let output = sandbox.repair(&wheel, &[]);
        assert_eq!(output.names_in("demo/.dylibs"), names);
        assert_loads(&output, &["arm64"]);
        let both = ["demo/_ext.so", "demo/_other.so"].map(|path| loads(&output, path, "arm64"));
        assert_eq!(both[0] == both[1], is_same);
    }
}
