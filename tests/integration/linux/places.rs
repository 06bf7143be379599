//! Where things lie in the repaired wheel, and what they are called.

use crate::support::{Elf, Sandbox, Wheel};

fn foo() -> Elf {
    Elf::library("libfoo.so.1")
}

/// A place with `libs/libfoo.so.1`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &foo());
    sandbox
}

const LIBS: [&str; 2] = ["--lib-path", "libs"];

#[test]
fn lib_sdir_names_the_directory_of_vendored_libraries() {
    for (suffix, directory, rpath) in [
        (".libs", "demo.libs", "$ORIGIN/../demo.libs"),
        ("_native", "demo_native", "$ORIGIN/../demo_native"),
        ("/lib/deep", "demo/lib/deep", "$ORIGIN/lib/deep"),
        ("/", "demo", "$ORIGIN"),
    ] {
        let sandbox = sandbox();
        let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
        let output = sandbox.repair(&wheel, &["--lib-path", "libs", "-L", suffix]);
        let vendored = output.vendored(directory, "libfoo-#.so.1");
        let extension = output.elf("demo/_ext.so");
        assert_eq!(extension.rpath.as_deref(), Some(rpath));
        assert!(vendored.ends_with(&extension.needed[1]), "{vendored}");
    }
}

#[test]
fn search_paths_lead_from_installed_place_to_installed_place() {
    for (member, rpath) in [
        ("_ext.so", "$ORIGIN/demo.libs"),
        ("demo/_ext.so", "$ORIGIN/../demo.libs"),
        ("demo/a/b/_ext.so", "$ORIGIN/../../../demo.libs"),
        ("demo-1.0.data/platlib/demo/_ext.so", "$ORIGIN/../demo.libs"),
        ("demo-1.0.data/platlib/_ext.so", "$ORIGIN/demo.libs"),
        ("demo-1.0.data/purelib/demo/_ext.so", "$ORIGIN/../demo.libs"),
        ("mypkg/purelib/_ext.so", "$ORIGIN/../../demo.libs"),
        ("demo/x.data/platlib/_ext.so", "$ORIGIN/../../../demo.libs"),
        ("demo.libs/_ext.so", "$ORIGIN"),
    ] {
        let sandbox = sandbox();
        let wheel = Wheel::new("demo").elf(member, &Elf::module(&["libfoo.so.1"]));
        let output = sandbox.repair(&wheel, &LIBS);
        assert_eq!(output.elf(member).rpath.as_deref(), Some(rpath), "{member}");
    }
}

#[test]
fn what_only_data_files_need_goes_with_them() {
    let sandbox = sandbox();
    sandbox.elf("libs/libbar.so.2", &Elf::library("libbar.so.2"));
    sandbox.elf("libs/libfoo.so.1", &foo().needed("libbar.so.2"));
    for (member, rpath) in [
        ("demo-1.0.data/data/lib/libown.so", "$ORIGIN/demo.libs"),
        ("demo-1.0.data/data/share/demo/plugin.bin", "$ORIGIN/../../lib/demo.libs"),
        ("demo-1.0.data/data/bin/tool", "$ORIGIN/../lib/demo.libs"),
        ("demo-1.0.data/data/top", "$ORIGIN/lib/demo.libs"),
    ] {
        let wheel = Wheel::demo(&Elf::module(&[])).elf(member, &Elf::module(&["libfoo.so.1"]));
        let wheel = wheel.unlisted(member);
        let place = Sandbox::new();
        let libs = sandbox.path("libs");
        let output = place.repair(&wheel, &["--lib-path", &libs]);
        assert_eq!(output.elf(member).rpath.as_deref(), Some(rpath), "{member}");
        let directory = "demo-1.0.data/data/lib/demo.libs";
        assert_eq!(output.names_in(directory), ["libbar-#.so.2", "libfoo-#.so.1"]);
        assert_eq!(output.names_in("demo.libs"), [""; 0]);
        let library = output.elf(&output.vendored(directory, "libfoo-#.so.1"));
        assert_eq!(library.rpath.as_deref(), Some("$ORIGIN"));
        assert_eq!(output.bytes("demo/_ext.so"), Elf::module(&[]).bytes());
    }
}

#[test]
fn what_data_files_and_the_package_both_need_is_refused() {
    let sandbox = sandbox();
    let needs_foo = Elf::module(&["libfoo.so.1"]);
    let wheel = Wheel::demo(&needs_foo).elf("demo-1.0.data/data/lib/libown.so", &needs_foo);
    let text = sandbox.refusal(&wheel, &LIBS);
    let place = "demo-1.0.data/data/lib/libown.so is installed outside site-packages and needs \
                 `libfoo.so.1` from there\n";
    assert!(text.starts_with(place), "{text}");
}

#[test]
fn a_program_that_needs_nothing_but_the_system_stays_as_it_is() {
    let sandbox = Sandbox::new();
    let program = Elf::of("elf/program");
    let wheel = Wheel::new("demo").tag("py3-none-linux_x86_64");
    let wheel = wheel.elf("demo-1.0.data/scripts/tool", &program);
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.bytes("demo-1.0.data/scripts/tool"), program.bytes());
    assert_eq!(output.file_name(), "demo-1.0-py3-none-manylinux_2_34_x86_64.whl");
}

#[test]
fn own_entries_that_lead_into_site_packages_stay_in_front() {
    let sandbox = sandbox();
    let path = "/build/lib:$ORIGIN/../nvidia/cublas/lib:$ORIGIN/../../../../../build:$ORIGIN";
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]).runpath(path));
    let output = sandbox.repair(&wheel, &LIBS);
    assert_eq!(
        output.elf("demo/_ext.so").rpath.as_deref(),
        Some("$ORIGIN/../nvidia/cublas/lib:$ORIGIN:$ORIGIN/../demo.libs")
    );
}

#[test]
fn a_search_path_of_the_build_machine_vanishes_also_where_nothing_is_vendored() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]).runpath("/build/lib"))
        .elf("demo/libhelp.so", &Elf::of("elf/execstack-rpath.so"));
    let run = sandbox.try_repair(&wheel, &[]);
    assert!(run.stderr.contains("note: demo/_ext.so: search path entry `/build/lib` is removed\n"));
    let output = sandbox.repair(&wheel, &[]);
    for member in ["demo/_ext.so", "demo/libhelp.so"] {
        assert_eq!((output.elf(member).rpath, output.elf(member).runpath), (None, None));
    }
}

#[test]
fn rpath_style_says_which_tag_is_written() {
    for (style, is_runpath) in [("target", false), ("rpath", false), ("runpath", true)] {
        let sandbox = sandbox();
        let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
        let words = ["--lib-path", "libs", "--rpath-style", style];
        let extension = sandbox.repair(&wheel, &words).elf("demo/_ext.so");
        let path = Some("$ORIGIN/../demo.libs".to_owned());
        let wanted = if is_runpath { (None, path) } else { (path, None) };
        assert_eq!((extension.rpath, extension.runpath), wanted, "{style}");
    }
}

#[test]
fn digits_stand_in_front_of_the_suffix_whatever_the_name_is() {
    for (name, vendored) in [
        ("libfoo.so", "libfoo-#.so"),
        ("libfoo.so.1.2.3", "libfoo-#.so.1.2.3"),
        ("libglib-3.0.so.0", "libglib-3.0-#.so.0"),
        ("libc++abi+.so.1", "libc++abi+-#.so.1"),
        ("libnaïve-日本.so.1", "libnaïve-日本-#.so.1"),
        ("libwith space.so", "libwith space-#.so"),
        ("plugin", "plugin-#"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.elf(&format!("libs/{name}"), &Elf::library(name));
        let wheel = Wheel::demo(&Elf::module(&[name]));
        let output = sandbox.repair(&wheel, &LIBS);
        let member = output.vendored("demo.libs", vendored);
        let file_name = member.strip_prefix("demo.libs/").unwrap();
        assert_eq!(output.elf(&member).soname.as_deref(), Some(file_name));
        assert_eq!(output.elf("demo/_ext.so").needed[1], file_name);
    }
}

#[test]
fn a_library_without_a_soname_gets_one() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("x").no_soname());
    let output = sandbox.repair(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &LIBS);
    let member = output.vendored("demo.libs", "libfoo-#.so.1");
    assert_eq!(output.elf(&member).soname.as_deref(), member.strip_prefix("demo.libs/"));
}

#[test]
fn no_mangle_keeps_the_name_of_what_matches() {
    let sandbox = sandbox();
    sandbox.elf("libs/libbar.so.2", &Elf::library("libbar.so.2"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1", "libbar.so.2"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs", "--no-mangle", "libfoo*"]);
    assert_eq!(output.names_in("demo.libs"), ["libbar-#.so.2", "libfoo.so.1"]);
    assert_eq!(output.elf("demo/_ext.so").needed[1], "libfoo.so.1");
}

#[test]
fn vendored_names_hang_on_what_a_library_needs_too() {
    let name = |bar: &Elf| {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &foo().needed("libbar.so.2"));
        sandbox.elf("libs/libbar.so.2", bar);
        let output = sandbox.repair(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &LIBS);
        output.vendored("demo.libs", "libfoo-#.so.1")
    };
    let bar = Elf::library("libbar.so.2");
    assert_eq!(name(&bar), name(&bar));
    assert_ne!(name(&bar), name(&Elf::other_library("libbar.so.2")));
}

#[test]
fn vendored_names_hang_on_what_the_wheel_had_before_too() {
    let name = |package: &str| {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &foo().needed("libbar.so.2"));
        let wheel = Wheel::new("demo")
            .elf("demo/_ext.so", &Elf::module(&["libfoo.so.1"]))
            .elf(&format!("{package}/libbar.so.2"), &Elf::library("libbar.so.2"));
        let output = sandbox.repair(&wheel, &LIBS);
        let vendored = output.vendored("demo.libs", "libfoo-#.so.1");
        assert_eq!(output.elf(&vendored).rpath, Some(format!("$ORIGIN/../{package}")));
        vendored
    };
    assert_ne!(name("one"), name("two"));
}

#[test]
fn a_name_that_an_earlier_repair_gave_is_not_mangled_twice() {
    for name in ["libfoo-1a2b3c4d.so.1", "libfoo-12345678.so.1"] {
        let sandbox = Sandbox::new();
        sandbox.elf(&format!("other.libs/{name}"), &Elf::library(name));
        let wheel = Wheel::demo(&Elf::module(&[name]));
        let output = sandbox.repair(&wheel, &["--lib-path", "other.libs"]);
        assert_eq!(output.names_in("demo.libs"), ["libfoo-#.so.1"]);
    }
}

#[test]
fn a_vendored_library_is_as_new_as_the_youngest_member_and_readable_by_all() {
    let sandbox = sandbox();
    let output = sandbox.repair(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &LIBS);
    let member = output.vendored("demo.libs", "libfoo-#.so.1");
    assert_eq!(output.date(&member), output.date("demo/__init__.py"));
    assert_eq!(output.mode(&member) & 0o444, 0o444);
}

#[test]
fn modes_and_dates_of_members_stay() {
    let sandbox = sandbox();
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]))
        .mode(0o750)
        .file("demo/run.sh", "#!/bin/sh\n")
        .mode(0o755);
    let output = sandbox.repair(&wheel, &LIBS);
    assert_eq!(output.mode("demo/_ext.so"), 0o750);
    assert_eq!(output.mode("demo/run.sh"), 0o755);
    assert_eq!(output.mode("demo/__init__.py"), 0o644);
    assert_eq!(output.date("demo/_ext.so"), "2024-05-06 07:08:10");
}

#[test]
fn names_of_any_script_survive() {
    let sandbox = sandbox();
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]))
        .elf("demo/модуль.so", &Elf::module(&["libfoo.so.1"]))
        .file("demo/ü, \"quoted\".txt", "x");
    let output = sandbox.repair(&wheel, &LIBS);
    assert_eq!(output.elf("demo/модуль.so").rpath.as_deref(), Some("$ORIGIN/../demo.libs"));
    assert_eq!(output.text("demo/ü, \"quoted\".txt"), "x");
}

#[test]
fn a_wheel_whose_name_has_dots_and_digits_keeps_them_in_its_directory() {
    let sandbox = sandbox();
    let wheel = Wheel::new("ruamel.yaml_2").version("1.0+local.1");
    let wheel = wheel.elf("pkg/_ext.so", &Elf::module(&["libfoo.so.1"]));
    let output = sandbox.repair(&wheel, &LIBS);
    assert_eq!(output.names_in("ruamel.yaml_2.libs"), ["libfoo-#.so.1"]);
    let name = "ruamel.yaml_2-1.0+local.1-cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64.whl";
    assert_eq!(output.file_name(), name);
}

#[test]
fn root_is_purelib_is_false_once_for_a_wheel_with_binaries() {
    for text in [
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: cp312-cp312-linux_x86_64\n",
        "Wheel-Version: 1.0\nTag: cp312-cp312-linux_x86_64\n",
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: cp312-cp312-linux_x86_64\nRoot-Is-Purelib: false\n",
    ] {
        let sandbox = Sandbox::new();
        let wheel = Wheel::demo(&Elf::module(&[])).wheel_text(text);
        let output = sandbox.repair(&wheel, &[]);
        let text = output.wheel_text();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("Purelib")).collect();
        assert_eq!(lines, ["Root-Is-Purelib: false"]);
    }
}

#[test]
fn clear_execstack_marks_a_file_that_does_not_say() {
    // PT_GNU_STACK becomes PT_NULL. glibc's default on x86_64 is an executable stack.
    let mut bytes = Elf::of("elf/execstack-rpath.so").bytes();
    let mark = 0x6474_e551_u32.to_le_bytes();
    let headers = 64..64 + 56 * usize::from(bytes[56]);
    let at = headers.step_by(56).find(|&at| bytes[at..at + 4] == mark).unwrap();
    bytes[at..at + 4].fill(0);
    let stack = |bytes: &[u8]| truewheel_elf::Elf::parse(bytes).unwrap().executable_stack();
    assert_eq!(stack(&bytes), truewheel_elf::ExecutableStack::Unmarked);
    let wheel = Wheel::demo(&Elf::module(&[])).file("demo/libown.so", &bytes);
    let run = Sandbox::new().try_repair(&wheel, &[]);
    let note = "note: demo/libown.so asks for an executable stack, ";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let output = Sandbox::new().repair(&wheel, &["--clear-execstack"]);
    assert_eq!(stack(output.bytes("demo/libown.so")), truewheel_elf::ExecutableStack::No);
}

#[test]
fn clear_execstack_takes_the_flag_from_every_binary() {
    let stack = |bytes: &[u8]| truewheel_elf::Elf::parse(bytes).unwrap().executable_stack();
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::of("elf/execstack-rpath.so").soname("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]))
        .elf("demo/libown.so", &Elf::of("elf/execstack-rpath.so"));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs", "--clear-execstack"]);
    for member in ["demo/libown.so", &output.vendored("demo.libs", "libfoo-#.so.1")] {
        assert_eq!(stack(output.bytes(member)), truewheel_elf::ExecutableStack::No, "{member}");
    }
}
