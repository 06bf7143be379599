//! Where things lie in the repaired wheel, and what they are called.

use super::{assert_loads, demo, loads, slice};
use crate::support::{Mach, Output, Sandbox, Wheel};

/// What `module` names, and what is on disk for it.
const FOO: &str = "/opt/foo/lib/libfoo.1.dylib";

fn repaired(wheel: &Wheel, words: &[&str]) -> Output {
    let sandbox = Sandbox::new();
    sandbox.write("sysroot/opt/foo/lib/libfoo.1.dylib", Mach::library("arm64", FOO).bytes());
    sandbox.repair(wheel, words)
}

#[test]
fn a_library_goes_into_the_package_and_each_file_names_it_from_where_it_is() {
    let module = Mach::module("arm64", FOO);
    let wheel = demo(&module)
        .file("demo/deep/down/_ext.so", module.bytes())
        .file("demo-1.0.data/platlib/other/_ext.so", module.bytes());
    let output = repaired(&wheel, &[]);
    assert_eq!(output.names_in("demo/.dylibs"), ["libfoo.1.dylib"]);
    for (path, name) in [
        ("demo/_ext.so", "@loader_path/.dylibs/libfoo.1.dylib"),
        ("demo/deep/down/_ext.so", "@loader_path/../../.dylibs/libfoo.1.dylib"),
        ("demo-1.0.data/platlib/other/_ext.so", "@loader_path/../demo/.dylibs/libfoo.1.dylib"),
    ] {
        assert_eq!(loads(&output, path, "arm64"), [name]);
        assert!(slice(&output, path, "arm64").is_signed, "{path}");
    }
    let library = slice(&output, "demo/.dylibs/libfoo.1.dylib", "arm64");
    assert_eq!(library.id.as_deref(), Some("/DLC/demo/.dylibs/libfoo.1.dylib"));
    assert!(library.is_signed);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn the_directory_is_that_of_the_one_package_or_of_the_distribution() {
    let module = Mach::module("arm64", FOO).bytes();
    let wheel = |name: &str| Wheel::new(name).tag("cp312-cp312-macosx_15_0_arm64");
    for (wheel, words, directory) in [
        (wheel("demo").file("_ext.so", &module), &[][..], "demo.dylibs"),
        (wheel("demo").file("a/__init__.py", "").file("_ext.so", &module), &[], "a/.dylibs"),
        (
            wheel("demo")
                .file("a/__init__.py", "")
                .file("b/__init__.py", "")
                .file("a/_e.so", &module),
            &[],
            "demo.dylibs",
        ),
        (
            wheel("De.mo")
                .file("aa/__init__.py", "")
                .file("de_mo/__init__.py", "")
                .file("aa/_e.so", &module),
            &[],
            "de_mo/.dylibs",
        ),
        (wheel("demo").file("_ext.so", &module), &["-L", ".lib"], "demo.lib"),
        (
            wheel("demo").file("a/__init__.py", "").file("_ext.so", &module),
            &["-L", "lib/deep"],
            "a/lib/deep",
        ),
    ] {
        let output = repaired(&wheel, words);
        assert_eq!(output.names_in(directory), ["libfoo.1.dylib"], "{directory}");
        assert_loads(&output, &["arm64"]);
    }
}

#[test]
fn two_different_libraries_of_one_name_are_both_there_and_each_file_has_its_own() {
    let sandbox = Sandbox::new();
    let (a, b) = ("/a/libfoo.dylib", "/b/LibFoo.dylib");
    sandbox.write("sysroot/a/libfoo.dylib", Mach::library("arm64", a).bytes());
    sandbox.write("sysroot/b/LibFoo.dylib", Mach::library("arm64", b).bytes());
    let wheel =
        demo(&Mach::module("arm64", a)).file("demo/_other.so", Mach::module("arm64", b).bytes());
    let output = sandbox.repair(&wheel, &[]);
    let other = output.vendored("demo/.dylibs", "LibFoo-#.dylib");
    let name = other.rsplit('/').next().expect("a name");
    assert_eq!(output.names_in("demo/.dylibs"), ["LibFoo-#.dylib", "libfoo.dylib"]);
    assert_eq!(loads(&output, "demo/_ext.so", "arm64"), ["@loader_path/.dylibs/libfoo.dylib"]);
    let expected = format!("@loader_path/.dylibs/{name}");
    assert_eq!(loads(&output, "demo/_other.so", "arm64"), [expected]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn a_library_that_lies_in_two_places_comes_along_once() {
    let sandbox = Sandbox::new();
    let library = Mach::library("arm64", "@rpath/libfoo.dylib").bytes();
    sandbox.write("sysroot/a/libfoo.dylib", &library);
    sandbox.write("sysroot/b/libfoo.2.dylib", &library);
    let both = Mach::of("module.arm64.so")
        .load("@rpath/libneeded.1.dylib", "/a/libfoo.dylib")
        .load("/opt/demo/lib/liboptional.dylib", "/b/libfoo.2.dylib")
        .rpaths(&[]);
    let output = sandbox.repair(&demo(&both), &[]);
    assert_eq!(output.names_in("demo/.dylibs"), ["libfoo.dylib"]);
    // One file under two names, which newer dyld wants to differ.
    let mut names = loads(&output, "demo/_ext.so", "arm64");
    names.sort();
    let expected = ["@loader_path/./.dylibs/libfoo.dylib", "@loader_path/.dylibs/libfoo.dylib"];
    assert_eq!(names, expected);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn search_paths_of_the_build_machine_go_out_of_every_file() {
    let sandbox = Sandbox::new();
    let rpaths = [
        "/opt/gfortran/lib",
        "@loader_path",
        "@loader_path/",
        "libs",
        "@loader_path/../../../../../../x",
        "/usr/lib/swift",
        "@loader_path/../other/lib",
    ];
    let library = Mach::library("arm64", "/foo").rpaths(&["/opt/x", "/usr/lib/swift"]);
    sandbox.write("sysroot/opt/foo/lib/libfoo.1.dylib", library.bytes());
    let leaf = Mach::library("arm64", "@rpath/libleaf.dylib").rpaths(&["/opt/x"]);
    let wheel =
        demo(&Mach::module("arm64", FOO).rpaths(&rpaths)).file("demo/libleaf.dylib", leaf.bytes());
    let output = sandbox.repair(&wheel, &[]);
    let kept = ["@loader_path", "@loader_path/", "/usr/lib/swift", "@loader_path/../other/lib"];
    assert_eq!(slice(&output, "demo/_ext.so", "arm64").rpaths, kept);
    assert_eq!(slice(&output, "demo/libleaf.dylib", "arm64").rpaths, [""; 0]);
    let vendored = slice(&output, "demo/.dylibs/libfoo.1.dylib", "arm64");
    assert_eq!(vendored.rpaths, ["/usr/lib/swift"]);
}

#[test]
fn an_install_id_of_the_build_machine_is_replaced_and_a_public_one_stays() {
    let wheel = demo(&Mach::module("arm64", "@loader_path/libown.dylib"))
        .file("demo/libown.dylib", Mach::library("arm64", "/build/lib/libown.dylib").bytes())
        .file("demo/libpub.dylib", Mach::library("arm64", "@rpath/libpub.dylib").bytes());
    let output = repaired(&wheel, &[]);
    let id = |path: &str| slice(&output, path, "arm64").id;
    assert_eq!(id("demo/libown.dylib").as_deref(), Some("/DLC/demo/libown.dylib"));
    assert_eq!(id("demo/libpub.dylib").as_deref(), Some("@rpath/libpub.dylib"));
    assert_loads(&output, &["arm64"]);
}

#[test]
fn a_repaired_wheel_is_repaired_to_itself() {
    let first = repaired(&demo(&Mach::module("arm64", FOO)), &[]);
    let sandbox = Sandbox::new();
    let name = first.file_name();
    sandbox.write(&name, first.archive());
    let run = sandbox.run(&["repair", "-w", "out", &name]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("nothing to change"), "{}", run.stderr);
    let second = Output::open(&sandbox.root().join("out").join(&name));
    assert_eq!(second.archive(), first.archive());
}

#[test]
fn a_wheel_without_a_mach_o_file_stays_as_it_is() {
    let wheel = Wheel::new("demo").tag("cp312-cp312-macosx_11_0_arm64").file("demo/a.py", "");
    let sandbox = Sandbox::new();
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.file_name(), wheel.file_name());
    assert_eq!(output.archive(), wheel.bytes());
}

#[test]
fn the_plan_names_each_edit_and_the_list_each_library() {
    let sandbox = Sandbox::new();
    sandbox.write("sysroot/opt/foo/lib/libfoo.1.dylib", Mach::library("arm64", FOO).bytes());
    let wheel = demo(&Mach::module("arm64", FOO).rpaths(&["/opt/foo/lib"]));
    let run = sandbox.try_repair(&wheel, &["--dry-run"]);
    assert_eq!(run.status, 0, "{run:?}");
    for line in [
        "vendor demo/.dylibs/libfoo.1.dylib <- ROOT/sysroot/opt/foo/lib/libfoo.1.dylib\n",
        "  needed by demo/_ext.so as `/opt/foo/lib/libfoo.1.dylib`, found by its install name\n",
        "edit demo/.dylibs/libfoo.1.dylib\n  install ID /DLC/demo/.dylibs/libfoo.1.dylib\n",
        "edit demo/_ext.so\n  load /opt/foo/lib/libfoo.1.dylib -> @loader_path/.dylibs/libfoo.1.dylib\n  \
         no LC_RPATH\n",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{}", run.stdout);
    }
    let output = sandbox.repair(&wheel, &[]);
    let list = output.text("demo-1.0.dist-info/sboms/truewheel.cdx.json");
    assert!(list.contains("/opt/foo/lib/libfoo.1.dylib"), "{list}");
    assert!(list.contains("install-id") && list.contains("uuid"), "{list}");
}

#[test]
fn a_library_does_not_take_the_place_of_a_file_of_the_wheel() {
    let own = Mach::library("arm64", "@rpath/libfoo.1.dylib").bytes();
    let wheel = demo(&Mach::module("arm64", FOO)).file("demo/.dylibs/libfoo.1.dylib", own);
    let output = repaired(&wheel, &[]);
    let names = output.names_in("demo/.dylibs");
    assert_eq!(names, ["libfoo-#.1.dylib", "libfoo.1.dylib"]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn a_program_that_needs_a_library_moves_to_where_it_finds_it() {
    let sandbox = Sandbox::new();
    sandbox.write("sysroot/opt/foo/lib/libfoo.1.dylib", Mach::library("x86_64", FOO).bytes());
    let program = Mach::program(FOO).rpaths(&["@loader_path/../lib", "/opt/foo/lib"]);
    let wheel = Wheel::new("demo")
        .tag("cp312-cp312-macosx_10_13_x86_64")
        .file("demo/__init__.py", "")
        .file("demo-1.0.data/scripts/tool", program.bytes());
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.names_in("demo/.dylibs"), ["libfoo.1.dylib"]);
    assert!(output.text("demo-1.0.data/scripts/tool").starts_with("#!python"));
    let program = slice(&output, "demo.scripts/tool", "x86_64");
    assert_eq!(program.rpaths, ["@loader_path/../../.."]);
    let names = loads(&output, "demo.scripts/tool", "x86_64");
    assert_eq!(names, ["@loader_path/../demo/.dylibs/libfoo.1.dylib"]);
    assert_loads(&output, &["x86_64"]);
}

#[test]
fn what_only_data_files_need_goes_with_them() {
    let sandbox = Sandbox::new();
    let data = "/opt/foo/lib/libdata.dylib";
    sandbox.write("sysroot/opt/foo/lib/libdata.dylib", Mach::library("x86_64", data).bytes());
    let wheel = Wheel::new("demo")
        .tag("cp312-cp312-macosx_10_13_x86_64")
        .file("demo-1.0.data/data/share/plugin.so", Mach::module("x86_64", data).bytes());
    let output = sandbox.repair(&wheel, &[]);
    assert!(output.has("demo-1.0.data/data/lib/demo.dylibs/libdata.dylib"));
    assert_loads(&output, &["x86_64"]);
}

#[test]
fn a_wheel_for_any_platform_with_modules_for_macos_gets_their_tag() {
    let wheel = demo(&Mach::module("arm64", FOO)).tag("py3-none-any");
    let output = repaired(&wheel, &[]);
    assert_eq!(output.file_name(), "demo-1.0-py3-none-macosx_15_0_arm64.whl");
    assert_loads(&output, &["arm64"]);
}

#[test]
fn an_install_id_without_room_for_another_stays() {
    let own = Mach::library("arm64", "/b/x").bytes();
    let path = "demo/a/very/long/directory/with/a/long/name/in/the/wheel/libown.dylib";
    let sandbox = Sandbox::new();
    let wheel = demo(&Mach::module("arm64", "/usr/lib/libc++.1.dylib")).file(path, own);
    let run = sandbox.try_repair(&wheel, &[]);
    assert_eq!(run.status, 0, "{run:?}");
    let note = format!("{path} keeps its install ID /b/x: there is no room for another");
    assert!(run.stderr.contains(&note), "{}", run.stderr);
}
