//! Which library a needed name leads to: the rules of ld.so(8), the caller's directories, SONAMEs.

use crate::support::{Elf, Output, Run, Sandbox, Wheel};

/// A wheel whose extension needs `libfoo.so.1` and says nothing about where it is.
fn needs_foo() -> Wheel {
    Wheel::demo(&Elf::module(&["libfoo.so.1"]))
}

fn foo() -> Elf {
    Elf::library("libfoo.so.1")
}

/// `demo/_ext.so` finds the only vendored library, a `libfoo`, through its RPATH.
fn assert_finds_foo(output: &Output) {
    assert_eq!(output.names_in("demo.libs"), ["libfoo-#.so.1"]);
    let vendored = output.vendored("demo.libs", "libfoo-#.so.1");
    let name = vendored.strip_prefix("demo.libs/").unwrap();
    let library = output.elf(&vendored);
    assert_eq!(library.soname.as_deref(), Some(name));
    assert_eq!(library.needed, ["libm.so.6", "libc.so.6"]);
    assert_eq!((library.rpath, library.runpath), (None, None));
    let extension = output.elf("demo/_ext.so");
    assert_eq!(extension.needed, ["libm.so.6", name]);
    assert_eq!(extension.rpath.as_deref(), Some("$ORIGIN/../demo.libs"));
    assert_eq!(extension.runpath, None);
}

/// The file that the only vendored library was copied from.
fn source(run: &Run) -> String {
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["vendored"].as_array().unwrap().len(), 1, "{report}");
    report["vendored"][0]["source"].as_str().unwrap().to_owned()
}

#[test]
fn an_absolute_rpath_and_runpath_of_the_build_lead_to_the_library_and_vanish() {
    for is_runpath in [false, true] {
        let sandbox = Sandbox::new();
        sandbox.elf("build/lib/libfoo.so.1", &foo());
        let extension = Elf::module(&["libfoo.so.1"]);
        let path = sandbox.path("build/lib");
        let extension = if is_runpath { extension.runpath(&path) } else { extension.rpath(&path) };
        assert_finds_foo(&sandbox.repair(&Wheel::demo(&extension), &[]));
    }
}

#[test]
fn every_place_that_can_be_named_is_searched() {
    for (words, environment) in [
        (vec!["--lib-path", "libs"], vec![]),
        (vec!["--add-path", "libs"], vec![]),
        (vec!["--lib-path", "nowhere:libs"], vec![]),
        (vec!["--lib-path", "nowhere", "--lib-path", "libs"], vec![]),
        (vec!["--ldpaths", "nowhere:libs"], vec![]),
        (vec![], vec![("TRUEWHEEL_LIBRARY_PATH", "nowhere::libs")]),
        (vec![], vec![("AUDITWHEEL_LD_LIBRARY_PATH", "libs")]),
        (vec![], vec![("LD_LIBRARY_PATH", "libs")]),
    ] {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &foo());
        assert_finds_foo(&sandbox.repair_in(&needs_foo(), &words, &environment));
    }
}

/// Each directory in turn is the first that has the library.
fn assert_order(wheel: impl Fn(&Sandbox) -> Wheel, directories: &[&str]) {
    for first in 0..directories.len() {
        let sandbox = Sandbox::new();
        sandbox.write("sysroot/etc/ld.so.conf", "/conf\n");
        for directory in &directories[first..] {
            sandbox.elf(&format!("{directory}/libfoo.so.1"), &foo());
        }
        let words = ["--lib-path", "typed", "--json", "--sysroot", "sysroot"];
        let environment = [
            ("TRUEWHEEL_LIBRARY_PATH", "own"),
            ("AUDITWHEEL_LD_LIBRARY_PATH", "older"),
            ("LD_LIBRARY_PATH", "loader"),
        ];
        let run = sandbox.try_repair_in(&wheel(&sandbox), &words, &environment);
        assert_eq!(source(&run), format!("ROOT/{}/libfoo.so.1", directories[first]));
    }
}

#[test]
fn rpath_comes_first_then_the_callers_directories_then_the_environment_then_the_system() {
    let wheel = |sandbox: &Sandbox| {
        Wheel::demo(&Elf::module(&["libfoo.so.1"]).rpath(&sandbox.path("rpath")))
    };
    let order = ["rpath", "typed", "own", "older", "loader", "sysroot/conf", "sysroot/usr/lib64"];
    assert_order(wheel, &order);
}

#[test]
fn runpath_comes_behind_the_environment_and_before_the_system() {
    let wheel = |sandbox: &Sandbox| {
        Wheel::demo(&Elf::module(&["libfoo.so.1"]).runpath(&sandbox.path("runpath")))
    };
    let order = ["typed", "own", "older", "loader", "runpath", "sysroot/conf", "sysroot/lib64"];
    assert_order(wheel, &order);
}

#[test]
fn ldpaths_take_the_place_of_ld_library_path_and_the_systems_directories() {
    let sandbox = Sandbox::new();
    sandbox.elf("loader/libfoo.so.1", &foo());
    sandbox.elf("sysroot/usr/lib/libfoo.so.1", &foo());
    let words = ["--sysroot", "sysroot", "--ldpaths", "nowhere"];
    let run = sandbox.try_repair_in(&needs_foo(), &words, &[("LD_LIBRARY_PATH", "loader")]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        "error: demo-1.0-cp312-cp312-linux_x86_64.whl: demo/_ext.so needs `libfoo.so.1`, which was \
         not found\n  searched: ROOT/nowhere (--ldpaths)\n  hint: name its directory with \
         `--lib-path DIR`, or leave it out with `--exclude libfoo.so.1`\n"
    );
}

#[test]
fn ld_so_conf_of_the_sysroot_is_read_with_its_includes() {
    let sandbox = Sandbox::new();
    sandbox.write("sysroot/etc/ld.so.conf", "# a comment\ninclude ld.so.conf.d/*.conf\n");
    sandbox.write("sysroot/etc/ld.so.conf.d/foo.conf", "/opt/foo/lib # its own\n");
    sandbox.elf("sysroot/opt/foo/lib/libfoo.so.1", &foo());
    assert_finds_foo(&sandbox.repair(&needs_foo(), &[]));
}

#[test]
fn an_absolute_rpath_is_looked_up_below_the_sysroot_first() {
    let sandbox = Sandbox::new();
    sandbox.elf("sysroot/opt/lib/libfoo.so.1", &foo());
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]).rpath("/opt/lib"));
    let run = sandbox.try_repair(&wheel, &["--json"]);
    assert_eq!(source(&run), "ROOT/sysroot/opt/lib/libfoo.so.1");
}

#[test]
fn a_lone_file_with_another_name_is_found_by_its_soname_in_every_place_of_the_callers() {
    let name = "libfoo_p-r0.3.24.dev.so";
    let by_rpath = |sandbox: &Sandbox| {
        Wheel::demo(&Elf::module(&["libfoo.so.1"]).rpath(&sandbox.path("libs")))
    };
    for (words, environment, has_rpath) in [
        (vec!["--lib-path", "libs"], vec![], false),
        (vec![], vec![("LD_LIBRARY_PATH", "libs")], false),
        (vec![], vec![("AUDITWHEEL_LD_LIBRARY_PATH", "libs")], false),
        (vec![], vec![], true),
    ] {
        let sandbox = Sandbox::new();
        sandbox.elf(&format!("libs/{name}"), &foo());
        let wheel = if has_rpath { by_rpath(&sandbox) } else { needs_foo() };
        let output = sandbox.repair_in(&wheel, &words, &environment);
        let vendored = output.vendored("demo.libs", "libfoo_p-r0.3.24.dev-#.so");
        let file_name = vendored.strip_prefix("demo.libs/").unwrap();
        assert_eq!(output.elf(&vendored).soname.as_deref(), Some(file_name));
        assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6", file_name]);
    }
}

#[test]
fn a_file_of_the_right_name_wins_over_one_of_the_right_soname_later_and_not_before() {
    let sandbox = Sandbox::new();
    sandbox.elf("first/other.so", &foo());
    sandbox.elf("second/libfoo.so.1", &Elf::other_library("libfoo.so.1"));
    let run = sandbox.try_repair(&needs_foo(), &["--lib-path", "first:second", "--json"]);
    assert_eq!(source(&run), "ROOT/first/other.so");
    let environment = [("LD_LIBRARY_PATH", "first:second")];
    let run = sandbox.try_repair_in(&needs_foo(), &["--json"], &environment);
    assert_eq!(source(&run), "ROOT/second/libfoo.so.1");
}

#[cfg(unix)]
#[test]
fn a_chain_of_links_is_one_library_with_the_name_of_the_file() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1.2.3", &foo());
    for (link, target) in
        [("libs/libfoo.so.1", "libfoo.so.1.2.3"), ("libs/libfoo.so", "libfoo.so.1")]
    {
        std::os::unix::fs::symlink(target, sandbox.root().join(link)).unwrap();
    }
    let wheel = needs_foo().elf("demo/_two.so", &Elf::module(&["libfoo.so"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs"), ["libfoo-#.so.1.2.3"]);
    let vendored = output.vendored("demo.libs", "libfoo-#.so.1.2.3");
    let name = vendored.strip_prefix("demo.libs/").unwrap();
    assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6", name]);
    assert_eq!(output.elf("demo/_two.so").needed, ["libm.so.6", name]);
}

#[test]
fn copies_of_one_library_under_two_names_are_vendored_once() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &foo());
    sandbox.elf("libs/libfoo.so", &foo());
    let wheel = needs_foo().elf("demo/_two.so", &Elf::module(&["libfoo.so"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs").len(), 1);
    assert_eq!(output.elf("demo/_ext.so").needed, output.elf("demo/_two.so").needed);
}

#[test]
fn two_different_libraries_of_one_soname_are_both_vendored_and_each_user_gets_its_own() {
    let sandbox = Sandbox::new();
    sandbox.elf("one/libfoo.so.1", &foo());
    sandbox.elf("two/libfoo.so.1", &Elf::other_library("libfoo.so.1"));
    let extension = |path: &str| Elf::module(&["libfoo.so.1"]).rpath(&sandbox.path(path));
    let wheel =
        Wheel::new("demo").elf("demo/a.so", &extension("one")).elf("demo/b.so", &extension("two"));
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.names_in("demo.libs"), ["libfoo-#.so.1", "libfoo-#.so.1"]);
    let (a, b) = (output.elf("demo/a.so").needed, output.elf("demo/b.so").needed);
    assert_ne!(a, b);
    assert!(output.has(&format!("demo.libs/{}", a[1])));
    assert!(output.has(&format!("demo.libs/{}", b[1])));
}

#[test]
fn what_a_vendored_library_needs_is_vendored_beside_it() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &foo().needed("libbar.so.2").runpath("$ORIGIN/private"));
    sandbox.elf("libs/private/libbar.so.2", &Elf::library("libbar.so.2"));
    let output = sandbox.repair(&needs_foo(), &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs"), ["libbar-#.so.2", "libfoo-#.so.1"]);
    let bar = output.vendored("demo.libs", "libbar-#.so.2");
    let foo = output.elf(&output.vendored("demo.libs", "libfoo-#.so.1"));
    assert_eq!(foo.needed, ["libm.so.6", "libc.so.6", bar.strip_prefix("demo.libs/").unwrap()]);
    assert_eq!((foo.rpath.as_deref(), foo.runpath), (Some("$ORIGIN"), None));
    let bar = output.elf(&bar);
    assert_eq!((bar.rpath, bar.runpath), (None, None));
}

#[test]
fn the_rpath_of_what_loads_a_library_is_searched_for_its_needs_too_and_a_runpath_is_not() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &foo().needed("libbar.so.2"));
    sandbox.elf("libs/libbar.so.2", &Elf::library("libbar.so.2"));
    let extension = Elf::module(&["libfoo.so.1"]);
    let with_rpath = Wheel::demo(&extension.clone().rpath(&sandbox.path("libs")));
    let output = sandbox.repair(&with_rpath, &[]);
    assert_eq!(output.names_in("demo.libs"), ["libbar-#.so.2", "libfoo-#.so.1"]);

    std::fs::remove_dir_all(sandbox.root().join("out")).unwrap();
    let with_runpath = Wheel::demo(&extension.runpath(&sandbox.path("libs")));
    let text = sandbox.refusal(&with_runpath, &["--ldpaths", "nowhere"]);
    assert!(text.starts_with("ROOT/libs/libfoo.so.1 needs `libbar.so.2`, which was not found\n"));
}

#[test]
fn a_library_of_the_wheel_found_by_origin_stays_where_and_what_it_is() {
    let sandbox = Sandbox::new();
    let extension = Elf::module(&["libfoo.so.1"]).runpath("$ORIGIN/lib");
    let wheel = Wheel::demo(&extension).elf("demo/lib/libfoo.so.1", &foo());
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.bytes("demo/_ext.so"), extension.bytes());
    assert_eq!(output.bytes("demo/lib/libfoo.so.1"), foo().bytes());
    assert_eq!(output.names_in("demo.libs"), [""; 0]);
}

#[test]
fn a_library_of_the_wheel_that_no_path_leads_to_gets_a_path() {
    let sandbox = Sandbox::new();
    let wheel = needs_foo().elf("demo/lib/libfoo.so.1", &foo());
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.elf("demo/_ext.so").rpath.as_deref(), Some("$ORIGIN/lib"));
    assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6", "libfoo.so.1"]);
    assert_eq!(output.bytes("demo/lib/libfoo.so.1"), foo().bytes());
}

#[test]
fn a_library_of_the_wheel_wins_over_one_of_the_system() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::other_library("libfoo.so.1"));
    let extension = Elf::module(&["libfoo.so.1"]).rpath("$ORIGIN");
    let wheel = Wheel::demo(&extension).elf("demo/libfoo.so.1", &foo());
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs"), [""; 0]);
}

#[test]
fn candidates_for_another_machine_and_linker_scripts_are_passed_over() {
    let sandbox = Sandbox::new();
    sandbox.elf("foreign/libfoo.so.1", &Elf::of("elf/aarch64.so").soname("libfoo.so.1"));
    sandbox.write("script/libfoo.so.1", "GROUP ( libfoo.so.2 )\n");
    let musl = Elf::of("elf/x86_64-musl.so").renamed("libc.so", "libc.musl-x86_64.so.1");
    sandbox.elf("musl/libfoo.so.1", &musl.soname("libfoo.so.1"));
    sandbox.elf("right/libfoo.so.1", &foo());
    let words = ["--lib-path", "foreign:script:musl:right"];
    assert_finds_foo(&sandbox.repair(&needs_foo(), &words));
}

#[test]
fn an_absolute_needed_name_leads_to_its_file_and_becomes_a_plain_name() {
    let sandbox = Sandbox::new();
    sandbox.elf("abs/libfoo.so.1", &foo());
    let extension = Elf::module(&[&sandbox.path("abs/libfoo.so.1")]);
    assert_finds_foo(&sandbox.repair(&Wheel::demo(&extension), &[]));
}

#[test]
fn an_excluded_name_stays_needed_and_is_not_vendored() {
    for pattern in ["libfoo.so.1", "libfoo.so*", "lib[ef]oo.*", "*/libs/*"] {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &foo());
        let words = ["--lib-path", "libs", "--exclude", pattern];
        let output = sandbox.repair(&needs_foo(), &words);
        assert_eq!(output.names_in("demo.libs"), [""; 0]);
        assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6", "libfoo.so.1"], "{pattern}");
        assert_eq!(output.elf("demo/_ext.so").rpath, None);
    }
}

#[test]
fn an_excluded_name_need_not_exist() {
    let sandbox = Sandbox::new();
    let output = sandbox.repair(&needs_foo(), &["--exclude", "libfoo.so.1"]);
    assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6", "libfoo.so.1"]);
}

#[test]
fn symbol_versions_are_asked_of_the_vendored_name() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libdemo.so.1", &Elf::of("elf/gnu-ld.so"));
    let wheel = Wheel::demo(&Elf::of("repair/uses-demo.so"));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    let extension = output.elf("demo/_ext.so");
    assert_eq!(extension.needed.len(), 1);
    assert_eq!(extension.version_files, extension.needed);
    assert!(output.has(&format!("demo.libs/{}", extension.needed[0])));
}

#[test]
fn libpython_is_not_needed_by_name_any_more() {
    let sandbox = Sandbox::new();
    for name in ["libpython3.12.so.1.0", "libpython3.13t.so.1.0"] {
        sandbox.elf(&format!("libs/{name}"), &Elf::library(name));
    }
    let wheel = Wheel::demo(&Elf::module(&["libpython3.12.so.1.0", "libpython3.13t.so.1.0"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6"]);
    assert_eq!(output.elf("demo/_ext.so").rpath, None);
    assert_eq!(output.names_in("demo.libs"), [""; 0]);
}

#[test]
fn a_wheel_of_binaries_that_record_does_not_list_is_repaired_all_the_same() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &foo());
    let wheel = needs_foo().unlisted("demo/_ext.so");
    assert_finds_foo(&sandbox.repair(&wheel, &["--lib-path", "libs"]));
}

#[test]
fn a_library_that_an_inherited_runpath_would_have_found_is_told() {
    let sandbox = Sandbox::new();
    sandbox.elf("a/libtop.so.1", &Elf::library("libtop.so.1").needed("libdep.so.1"));
    sandbox.elf("b/libdep.so.1", &Elf::other_library("libdep.so.1"));
    let path = format!("{}:{}", sandbox.path("a"), sandbox.path("b"));
    let module = Elf::module(&["libtop.so.1"]);
    let text = sandbox.refusal(&Wheel::demo(&module.clone().runpath(&path)), &[]);
    let told = "\n  passed over: ROOT/b/libdep.so.1: the RUNPATH of demo/_ext.so leads there, which \
                the loader does not read for libtop.so.1\n";
    assert!(text.contains("libdep.so.1`, which was not found\n"), "{text}");
    assert!(text.contains(told), "{text}");
    // An RPATH is inherited, unless the library that needs something has a RUNPATH.
    sandbox.repair(&Wheel::demo(&module.clone().rpath(&path)), &[]);
    let sandbox = Sandbox::new();
    let barred = Elf::library("libtop.so.1").needed("libdep.so.1").runpath("/nowhere");
    sandbox.elf("a/libtop.so.1", &barred);
    sandbox.elf("b/libdep.so.1", &Elf::other_library("libdep.so.1"));
    let path = format!("{}:{}", sandbox.path("a"), sandbox.path("b"));
    let text = sandbox.refusal(&Wheel::demo(&module.rpath(&path)), &[]);
    assert!(text.contains(&told.replace("RUNPATH", "RPATH")), "{text}");
}
