//! What each target's loader searches, and in which order: glibc's, musl's, Android's; and what only a
//! linker understands.

use crate::support::{Elf, Run, Sandbox, Wheel};

fn foo() -> Elf {
    Elf::library("libfoo.so.1")
}

fn musl() -> Elf {
    Elf::of("elf/x86_64-musl.so").renamed("libc.so", "libc.musl-x86_64.so.1")
}

/// Repairs and gives the files that were vendored, by their paths.
fn sources(run: &Run) -> Vec<String> {
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let vendored = report["vendored"].as_array().unwrap();
    vendored.iter().map(|library| library["source"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn musl_searches_the_environment_before_any_search_path() {
    let sandbox = Sandbox::new();
    for directory in ["environment", "rpath"] {
        sandbox.elf(&format!("{directory}/libfoo.so.1"), &musl().soname("libfoo.so.1"));
        let environment = [("LD_LIBRARY_PATH", "environment")];
        let extension = musl().no_soname().needed("libfoo.so.1").rpath(&sandbox.path("rpath"));
        let run = sandbox.try_repair_in(&Wheel::demo(&extension), &["--json"], &environment);
        assert_eq!(sources(&run), ["ROOT/environment/libfoo.so.1"]);
    }
}

#[test]
fn musl_searches_the_runpath_of_what_loads_a_library_for_its_needs_too() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &musl().soname("libfoo.so.1").needed("libbar.so.2"));
    sandbox.elf("libs/libbar.so.2", &musl().soname("libbar.so.2"));
    let extension = musl().no_soname().needed("libfoo.so.1").runpath(&sandbox.path("libs"));
    let run = sandbox.try_repair(&Wheel::demo(&extension), &["--json"]);
    assert_eq!(sources(&run), ["ROOT/libs/libbar.so.2", "ROOT/libs/libfoo.so.1"]);
}

#[test]
fn musl_knows_a_loaded_library_by_the_name_asked_for_and_not_by_its_soname() {
    for (base, other, count) in [
        (musl().no_soname(), musl().rpath("/else"), 2),
        (Elf::module(&[]), Elf::other_library("x"), 1),
    ] {
        let sandbox = Sandbox::new();
        let library = if count == 2 { musl() } else { foo() };
        sandbox.elf("libs/libfoo.so", &library.soname("libfoo.so.1"));
        sandbox.elf("libs/libfoo.so.1", &other.soname("libfoo.so.1"));
        let extension = base.needed("libfoo.so").needed("libfoo.so.1");
        let wheel = Wheel::demo(&extension.rpath(&sandbox.path("libs")));
        let run = sandbox.try_repair(&wheel, &["--json"]);
        assert_eq!(sources(&run).len(), count);
    }
}

#[test]
fn the_path_file_of_musl_takes_the_place_of_its_directories() {
    for (text, directory) in [
        ("/opt/a:/opt/b", "opt/b"),
        ("/opt/a\n/opt/b\n", "opt/b"),
        ("/opt/a\n/opt/b:/opt/c\n", "opt/c"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("sysroot/etc/ld-musl-x86_64.path", text);
        sandbox.elf("sysroot/usr/lib/libfoo.so.1", &musl().soname("libfoo.so.1"));
        sandbox.elf(&format!("sysroot/{directory}/libfoo.so.1"), &musl().soname("libfoo.so.1"));
        let wheel = Wheel::demo(&musl().no_soname().needed("libfoo.so.1"));
        let run = sandbox.try_repair(&wheel, &["--json"]);
        assert_eq!(sources(&run), [format!("ROOT/sysroot/{directory}/libfoo.so.1")]);
    }
}

#[test]
fn the_directories_of_a_system_are_those_of_the_wheels_architecture() {
    for (directory, elf, tag) in [
        ("lib/x86_64-linux-gnu", foo(), "linux_x86_64"),
        ("usr/lib/x86_64-linux-gnu", foo(), "linux_x86_64"),
        ("usr/lib/aarch64-linux-gnu", Elf::of("elf/aarch64.so"), "linux_aarch64"),
        ("usr/lib/i386-linux-gnu", Elf::of("elf/i386.so"), "linux_i686"),
        ("lib/arm-linux-gnueabihf", Elf::of("elf/armv7.so"), "linux_armv7l"),
        ("usr/lib64/lp64d", Elf::of("elf/riscv64.so"), "linux_riscv64"),
        ("usr/lib/s390x-linux-gnu", Elf::of("elf/s390x.so"), "linux_s390x"),
    ] {
        let sandbox = Sandbox::new();
        // The machine that builds has one of its own, which another loader would take.
        sandbox.elf("sysroot/usr/lib/libfoo.so.1", &Elf::of("elf/powerpc64le.so"));
        let path = format!("sysroot/{directory}/libfoo.so.1");
        sandbox.elf(&path, &elf.clone().soname("libfoo.so.1"));
        let wheel = Wheel::new("demo").tag(&format!("cp312-cp312-{tag}"));
        let wheel = wheel.elf("demo/_ext.so", &elf.no_soname().needed("libfoo.so.1"));
        let run = sandbox.try_repair(&wheel, &["--json"]);
        assert_eq!(sources(&run), [format!("ROOT/{path}")]);
    }
}

#[test]
fn lib_and_platform_of_a_search_path_are_the_targets() {
    for (entry, directory) in [
        ("/opt/$LIB", "opt/lib64"),
        ("/opt/${LIB}", "opt/lib"),
        ("/opt/$LIB", "opt/lib/x86_64-linux-gnu"),
        ("/opt/$PLATFORM/lib", "opt/x86_64/lib"),
        ("/opt/${PLATFORM}/$LIB", "opt/x86_64/lib64"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.elf(&format!("sysroot/{directory}/libfoo.so.1"), &foo());
        let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]).rpath(entry));
        let run = sandbox.try_repair(&wheel, &["--json"]);
        assert_eq!(sources(&run), [format!("ROOT/sysroot/{directory}/libfoo.so.1")], "{entry}");
    }
}

#[test]
fn a_build_for_newer_processors_is_not_taken() {
    let sandbox = Sandbox::new();
    let newer = "sysroot/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libfoo.so.1";
    sandbox.elf(newer, &Elf::other_library("libfoo.so.1"));
    sandbox.elf("sysroot/usr/lib/x86_64-linux-gnu/libfoo.so.1", &foo());
    let run = sandbox.try_repair(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &["--json"]);
    assert_eq!(sources(&run), ["ROOT/sysroot/usr/lib/x86_64-linux-gnu/libfoo.so.1"]);
}

#[test]
fn a_linker_script_leads_to_the_library_that_it_stands_for() {
    for (script, library) in [
        ("INPUT (libfoo.so.2)\n", "libs/libfoo.so.2"),
        (
            "/* GNU ld script */\nGROUP ( /opt/lib/libfoo.so.2 AS_NEEDED ( /lib/libbar.so.1 ) )\n",
            "sysroot/opt/lib/libfoo.so.2",
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("libs/libfoo.so", script);
        sandbox.elf(library, &Elf::library("libfoo.so.2"));
        let wheel = Wheel::demo(&Elf::module(&["libfoo.so"]));
        let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
        let vendored = output.vendored("demo.libs", "libfoo-#.so.2");
        let name = vendored.strip_prefix("demo.libs/").unwrap();
        assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6", name]);
    }
}

#[test]
fn a_linker_script_without_its_library_is_passed_over_and_told() {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libfoo.so", "INPUT(libfoo.so.2)\n");
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so"]));
    let text = sandbox.refusal(&wheel, &["--ldpaths", "libs"]);
    let passed = "\n  passed over: ROOT/libs/libfoo.so: a linker script, and no library that fits is \
                  at `libfoo.so.2`, which it names\n";
    assert!(text.contains(passed), "{text}");
    sandbox.elf("right/libfoo.so", &Elf::library("libfoo.so"));
    sandbox.repair(&wheel, &["--lib-path", "libs:right"]);
}

#[test]
fn a_linker_script_leads_to_no_second_c_library() {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libmath.so", "GROUP ( /lib/libm.so.6 )\n");
    sandbox.elf("sysroot/lib/libm.so.6", &Elf::library("libm.so.6"));
    let wheel = Wheel::demo(&Elf::module(&["libmath.so"]));
    let text = sandbox.refusal(&wheel, &["--no-update-tags", "--lib-path", "libs"]);
    let passed = "\n  passed over: ROOT/libs/libmath.so: a linker script for `libm.so.6`, which is a \
                  part of the C library\n";
    assert!(text.contains(passed), "{text}");
}

#[test]
fn an_interpreter_under_another_name_is_no_library_to_bring() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libpy.so", &Elf::library("libpython3.13t.so.1.0"));
    let wheel = Wheel::demo(&Elf::module(&["libpy.so"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6"]);
    assert_eq!(output.names_in("demo.libs"), [""; 0]);
}

#[test]
fn libraries_of_the_data_directory_find_each_other_where_they_install() {
    let sandbox = Sandbox::new();
    let user = Elf::module(&["libfoo.so.1"]).rpath("$ORIGIN/../../../../lib");
    let wheel = Wheel::demo(&user)
        .elf("demo-1.0.data/data/lib/libfoo.so.1", &foo().needed("libbar.so.2").runpath("$ORIGIN"))
        .elf("demo-1.0.data/data/lib/libbar.so.2", &Elf::library("libbar.so.2"))
        .elf("demo-1.0.data/data/share/demo/plugin.so", &Elf::module(&["libbar.so.2"]));
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.names_in("demo.libs"), [""; 0]);
    assert_eq!(output.bytes("demo/_ext.so"), user.bytes());
    let plugin = output.elf("demo-1.0.data/data/share/demo/plugin.so");
    assert_eq!(plugin.rpath.as_deref(), Some("$ORIGIN/../../lib"));
}

#[test]
fn a_library_of_the_system_that_is_needed_by_its_path_is_needed_by_its_name() {
    let paths = ["/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/libm.so.6", "/usr/lib/libcuda.so.1"];
    let output = Sandbox::new().repair(&Wheel::demo(&Elf::module(&paths)), &[]);
    let needed = output.elf("demo/_ext.so").needed;
    assert_eq!(needed, ["libm.so.6", "libc.so.6", "libcuda.so.1"]);
}

#[test]
fn a_library_of_the_wheel_that_is_needed_by_its_path_is_needed_by_its_name() {
    for path in ["./libfoo.so.1", "build/lib/libfoo.so.1", "/build/lib/libfoo.so.1"] {
        let wheel =
            Wheel::demo(&Elf::module(&[path]).runpath("$ORIGIN")).elf("demo/libfoo.so.1", &foo());
        let output = Sandbox::new().repair(&wheel, &[]);
        let extension = output.elf("demo/_ext.so");
        assert_eq!(extension.needed, ["libm.so.6", "libfoo.so.1"], "{path}");
        assert_eq!(extension.runpath.as_deref(), Some("$ORIGIN"));
    }
}

#[test]
fn a_search_path_that_android_does_not_read_becomes_one_that_it_reads() {
    let android = |elf: Elf| elf.renamed("libc.so.6", "libc.so").renamed("libm.so.6", "libm.so");
    let extension = android(Elf::of("elf/gold.so")).no_soname().needed("libfoo.so");
    for style in ["target", "rpath", "runpath"] {
        let wheel = Wheel::new("demo")
            .tag("cp313-cp313-android_24_x86_64")
            .elf("demo/_ext.so", &extension.clone().rpath("$ORIGIN"))
            .elf("demo/libfoo.so", &android(Elf::of("elf/gold.so")).soname("libfoo.so"));
        let output = Sandbox::new().repair(&wheel, &["--rpath-style", style]);
        let extension = output.elf("demo/_ext.so");
        assert_eq!((extension.rpath, extension.runpath), (None, Some("$ORIGIN".to_owned())));
    }
}
