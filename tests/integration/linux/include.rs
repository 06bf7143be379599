//! Libraries that nothing needs by name and that the caller wants in the wheel.

use crate::support::{Elf, Output, Sandbox, Wheel};

/// A place with a plugin in `build` that needs `libbar.so.2`, which is in `libs`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let plugin = Elf::library("libplugin.so.1").needed("libbar.so.2").runpath("/build/lib");
    sandbox.elf("build/libplugin.so.1", &plugin);
    sandbox.elf("libs/libbar.so.2", &Elf::other_library("libbar.so.2"));
    sandbox
}

fn demo() -> Wheel {
    Wheel::demo(&Elf::module(&[]))
}

const LIBS: [&str; 2] = ["--lib-path", "libs"];

fn repair(sandbox: &Sandbox, wheel: &Wheel, words: &[&str]) -> Output {
    sandbox.repair(wheel, &[&LIBS, words].concat())
}

#[test]
fn an_included_library_keeps_its_name_and_its_needs_come_along() {
    let sandbox = sandbox();
    let output = repair(&sandbox, &demo(), &["--include", "build/libplugin.so.1"]);
    assert_eq!(output.names_in("demo.libs"), ["libbar-#.so.2", "libplugin.so.1"]);
    let plugin = output.elf("demo.libs/libplugin.so.1");
    let bar = output.vendored("demo.libs", "libbar-#.so.2");
    assert_eq!(plugin.soname.as_deref(), Some("libplugin.so.1"));
    assert_eq!(plugin.needed[2], bar.strip_prefix("demo.libs/").unwrap());
    assert_eq!((plugin.rpath.as_deref(), plugin.runpath), (Some("$ORIGIN"), None));
    assert_eq!(output.elf("demo/_ext.so").rpath.as_deref(), Some("$ORIGIN/../demo.libs"));
}

#[test]
fn a_name_is_looked_for_as_the_loader_of_the_wheels_files_would() {
    for (directory, runpath) in [("build", None), ("libs", Some("build"))] {
        let sandbox = sandbox();
        let extension = Elf::module(&[]);
        let extension = match runpath {
            Some(path) => extension.runpath(&sandbox.path(path)),
            None => extension,
        };
        let words = ["--lib-path", directory, "--include", "libplugin.so.1"];
        let output = repair(&sandbox, &Wheel::demo(&extension), &words);
        assert_eq!(output.names_in("demo.libs"), ["libbar-#.so.2", "libplugin.so.1"]);
    }
}

#[test]
fn a_directory_after_the_equals_sign_is_where_the_library_goes() {
    for (directory, member, rpath) in [
        ("demo/plugins", "demo/plugins/libplugin.so.1", "$ORIGIN/../../demo.libs"),
        ("demo/plugins/", "demo/plugins/libplugin.so.1", "$ORIGIN/../../demo.libs"),
        (".", "libplugin.so.1", "$ORIGIN/demo.libs"),
        ("demo.libs", "demo.libs/libplugin.so.1", "$ORIGIN"),
    ] {
        let sandbox = sandbox();
        let wish = format!("build/libplugin.so.1={directory}");
        let output = repair(&sandbox, &demo(), &["--include", &wish]);
        assert_eq!(output.elf(member).rpath.as_deref(), Some(rpath), "{directory}");
        assert_eq!(output.elf("demo/_ext.so").rpath, None, "it is opened by its path");
    }
}

#[test]
fn a_pattern_includes_every_plugin_of_a_directory() {
    let sandbox = sandbox();
    sandbox.elf("build/libsecond.so", &Elf::other_library("libsecond.so"));
    let output = repair(&sandbox, &demo(), &["--include", "build/*.so*=demo/plugins"]);
    assert_eq!(output.names_in("demo/plugins"), ["libplugin.so.1", "libsecond.so"]);
}

#[test]
fn a_plugin_uses_the_wheels_own_copy_of_what_it_needs() {
    let sandbox = sandbox();
    let wheel = demo().elf("demo/libbar.so.2", &Elf::library("libbar.so.2"));
    let output = repair(&sandbox, &wheel, &["--include", "build/libplugin.so.1=demo/plugins"]);
    let plugin = output.elf("demo/plugins/libplugin.so.1");
    assert_eq!(plugin.needed[2], "libbar.so.2");
    assert_eq!(plugin.rpath.as_deref(), Some("$ORIGIN/.."));
    assert_eq!(output.names_in("demo.libs"), Vec::<String>::new());
}

#[test]
fn an_included_library_that_others_need_is_one_file_under_its_own_name() {
    let sandbox = sandbox();
    let wheel = Wheel::demo(&Elf::module(&["libbar.so.2"]));
    let words = ["--include", "libbar.so.2", "--include", "build/libplugin.so.1"];
    let output = repair(&sandbox, &wheel, &words);
    assert_eq!(output.names_in("demo.libs"), ["libbar.so.2", "libplugin.so.1"]);
    assert_eq!(output.elf("demo/_ext.so").needed[1], "libbar.so.2");
    assert_eq!(output.elf("demo.libs/libplugin.so.1").needed[2], "libbar.so.2");
}

#[test]
fn repairing_again_with_the_same_words_changes_nothing() {
    for wish in ["build/libplugin.so.1", "build/libplugin.so.1=demo/plugins", "libbar.so.2"] {
        let sandbox = sandbox();
        let first = repair(&sandbox, &demo(), &["--include", wish]);
        let path = format!("out/{}", first.file_name());
        let words = ["--lib-path", "libs", "--sysroot", "sysroot", "--include", wish];
        let run = sandbox.run(&[&["repair", "-w", "again", &path], &words[..]].concat());
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert!(run.stderr.contains("is in the wheel already"), "{}", run.stderr);
        let again = Output::open(&sandbox.root().join("again").join(first.file_name()));
        assert_eq!(again.archive(), first.archive(), "{wish}");
    }
}

#[test]
fn a_wheel_of_python_files_becomes_one_for_the_target_of_what_is_included() {
    let sandbox = sandbox();
    let wheel = Wheel::new("demo").tag("py3-none-any").file("demo/__init__.py", "");
    let output = repair(&sandbox, &wheel, &["--include", "build/libplugin.so.1"]);
    assert_eq!(output.file_name(), "demo-1.0-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl");
    assert_eq!(output.names_in("demo.libs"), ["libbar-#.so.2", "libplugin.so.1"]);
    assert!(output.wheel_text().contains("Root-Is-Purelib: false\n"));
}

#[test]
fn what_cannot_be_included_is_refused_with_the_reason() {
    let wheel = demo();
    for (wish, more, reason) in [
        ("libnowhere.so.1", &[][..], "no such library was found"),
        ("build/libnowhere.so.1", &[], "libnowhere.so.1`: there is no such file"),
        ("libc.so.6", &[], "`libc.so.6` belongs to the process that loads the wheel"),
        ("libpython3.12.so.1.0", &[], "belongs to the process that loads the wheel"),
        ("libs/libstdc++.so.6", &[], "every target has `libstdc++.so.6`"),
        ("libs/libcuda.so.1", &[], "`libcuda.so.1` belongs to a driver of the machine"),
        ("libs/libalias.so", &[], "by its SONAME it belongs to a driver of the machine"),
        ("build/libplugin.so.1", &["--exclude", "*plugin*"], "contradict each other"),
        ("build/text.so", &[], "passed over: ROOT/build/text.so: "),
        ("build/libplugin.so.1", &["--include", "build/libplugin.so.1=demo"], "are one library"),
    ] {
        let sandbox = sandbox();
        sandbox.write("build/text.so", "no library");
        for (name, soname) in [
            ("libstdc++.so.6", "libstdc++.so.6"),
            ("libcuda.so.1", "libcuda.so.1"),
            ("libalias.so", "libcuda.so.1"),
        ] {
            sandbox.elf(&format!("libs/{name}"), &Elf::library(soname));
        }
        let words = [&LIBS, &["--include", wish], more].concat();
        let text = sandbox.refusal(&wheel, &words);
        assert!(text.contains(reason), "{wish}: {text}");
        assert!(!text.contains("\\n"), "a line feed that is spelled out: {text}");
    }
}

#[test]
fn an_include_into_a_place_for_no_library_is_wrong_usage() {
    for (directory, reason) in [
        ("../x", "the directory in the wheel: the path `../x/libplugin.so.1` has the part `..`"),
        ("/x", "the directory in the wheel: the path `/x/libplugin.so.1` is absolute"),
        ("demo-1.0.dist-info", "is no place for a library"),
        ("demo-1.0.data/scripts", "is no place for a library"),
    ] {
        let sandbox = sandbox();
        let wish = format!("build/libplugin.so.1={directory}");
        let run = sandbox.try_repair(&demo(), &["--include", &wish]);
        assert_eq!(run.status, 2, "{}", run.stderr);
        assert!(run.stderr.contains(reason), "{wish}: {}", run.stderr);
    }
}

#[test]
fn a_driver_is_included_by_force() {
    let sandbox = sandbox();
    sandbox.elf("libs/libcuda.so.1", &Elf::library("libcuda.so.1"));
    let words = ["--include", "libcuda.so.1", "--force-vendor", "libcuda*"];
    let output = repair(&sandbox, &demo(), &words);
    assert_eq!(output.names_in("demo.libs"), ["libcuda.so.1"]);
}

#[test]
fn an_include_without_a_library_or_a_directory_is_wrong_usage() {
    for wish in ["=demo", "libfoo.so=", "="] {
        let sandbox = Sandbox::new();
        let run = sandbox.try_repair(&demo(), &["--include", wish]);
        assert_eq!(run.status, 2, "{}", run.stderr);
    }
}

#[test]
fn nothing_is_included_silently_in_a_wheel_for_no_target() {
    let wheel = Wheel::new("demo").tag("py3-none-any").file("demo/__init__.py", "");
    let text = sandbox().refusal(&wheel, &["--include", "libbar.so.2"]);
    assert!(text.contains("nothing in the wheel says which target it is for"), "{text}");
}

#[test]
fn what_data_files_and_an_included_library_need_is_not_put_where_only_one_finds_it() {
    let sandbox = sandbox();
    let wheel = demo().elf("demo-1.0.data/data/lib/libown.so", &Elf::module(&["libbar.so.2"]));
    let text =
        sandbox.refusal(&wheel, &[&LIBS[..], &["--include", "build/libplugin.so.1"]].concat());
    let reason = "is installed outside site-packages and needs `libbar.so.2` from there\n";
    assert!(text.contains(reason), "{text}");
}
