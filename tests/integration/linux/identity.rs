//! When two libraries are one, and what each is called: equal names mean equal contents *and* equal
//! dependencies.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Elf, Output, Sandbox, Wheel};

/// What needs `libdep.so.1`.
fn top() -> Elf {
    Elf::library("libtop.so.1").needed("libdep.so.1")
}

/// Two different libraries, in `a` and in `b`.
fn with_deps(sandbox: &Sandbox) {
    sandbox.elf("a/libdep.so.1", &Elf::library("libdep.so.1"));
    sandbox.elf("b/libdep.so.1", &Elf::other_library("libdep.so.1"));
}

fn rpath(sandbox: &Sandbox, path: &str) -> Elf {
    Elf::module(&["libtop.so.1"]).rpath(&sandbox.path(path))
}

fn two(a: &Elf, b: &Elf) -> Wheel {
    Wheel::new("demo").elf("demo/a.so", a).elf("demo/b.so", b)
}

/// The member that the last needed name of `member` leads to, below `demo.libs`.
fn last(output: &Output, member: &str) -> String {
    format!("demo.libs/{}", output.elf(member).needed.last().unwrap())
}

fn without_its_names(output: &Output, member: &str) -> usize {
    output.bytes(member).len()
}

/// `demo/a.so` and `demo/b.so` have a libtop of their own each, and these a libdep.
fn assert_each_has_its_own(output: &Output) {
    let names = ["libdep-#.so.1", "libdep-#.so.1", "libtop-#.so.1", "libtop-#.so.1"];
    assert_eq!(output.names_in("demo.libs"), names);
    let (a, b) = (last(output, "demo/a.so"), last(output, "demo/b.so"));
    assert_ne!(a, b);
    assert_eq!(without_its_names(output, &a), without_its_names(output, &b));
    let (a, b) = (last(output, &a), last(output, &b));
    let is_gold = |member: &str| output.bytes(member).windows(4).any(|bytes| bytes == b"gold");
    assert_eq!((is_gold(&a), is_gold(&b)), (false, true), "each has that of its own directory");
}

#[test]
fn equal_libraries_beside_different_ones_are_two() {
    for search in [top().runpath("$ORIGIN"), top().rpath("$ORIGIN"), top()] {
        let sandbox = Sandbox::new();
        with_deps(&sandbox);
        sandbox.elf("a/libtop.so.1", &search);
        sandbox.elf("b/libtop.so.1", &search);
        let wheel = two(&rpath(&sandbox, "a"), &rpath(&sandbox, "b"));
        assert_each_has_its_own(&sandbox.repair(&wheel, &[]));
    }
}

#[test]
fn one_library_that_finds_its_needs_through_what_loads_it_is_one_for_each() {
    let sandbox = Sandbox::new();
    with_deps(&sandbox);
    sandbox.elf("common/libtop.so.1", &top());
    let path = |path: &str| {
        let directories = [sandbox.path(path), sandbox.path("common")];
        Elf::module(&["libtop.so.1"]).rpath(&directories.join(":"))
    };
    assert_each_has_its_own(&sandbox.repair(&two(&path("a"), &path("b")), &[]));
}

#[test]
fn what_a_library_finds_loaded_already_is_its_own_too() {
    let sandbox = Sandbox::new();
    with_deps(&sandbox);
    sandbox.elf("sysroot/usr/lib64/libtop.so.1", &top());
    let path =
        |path: &str| Elf::module(&["libdep.so.1", "libtop.so.1"]).runpath(&sandbox.path(path));
    assert_each_has_its_own(&sandbox.repair(&two(&path("a"), &path("b")), &[]));
}

#[test]
fn equal_libraries_that_lead_to_equal_ones_are_one_however_deep_and_in_a_circle() {
    let sandbox = Sandbox::new();
    for directory in ["a", "b"] {
        let write = |name: &str, elf: Elf| sandbox.elf(&format!("{directory}/{name}"), &elf);
        write("libtop.so.1", top().runpath("$ORIGIN"));
        write("libdep.so.1", Elf::other_library("libdep.so.1").needed("libtop.so.1"));
    }
    let wheel = two(&rpath(&sandbox, "a"), &rpath(&sandbox, "b"));
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.names_in("demo.libs"), ["libdep-#.so.1", "libtop-#.so.1"]);
}

#[test]
fn a_circle_is_there_twice_when_anything_behind_it_differs() {
    let sandbox = Sandbox::new();
    with_deps(&sandbox);
    for directory in ["a", "b"] {
        let write = |name: &str, elf: Elf| sandbox.elf(&format!("{directory}/{name}"), &elf);
        write("libtop.so.1", Elf::library("libtop.so.1").needed("libside.so.1").runpath("$ORIGIN"));
        let side = Elf::other_library("libside.so.1").needed("libtop.so.1").needed("libdep.so.1");
        write("libside.so.1", side.runpath("$ORIGIN"));
    }
    let wheel = two(&rpath(&sandbox, "a"), &rpath(&sandbox, "b"));
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.names_in("demo.libs").len(), 6);
    let names: BTreeSet<&String> = output.order.iter().collect();
    assert_eq!(names.len(), output.order.len());
    let run = sandbox.try_repair(&wheel, &["--dry-run"]);
    assert!(run.stdout.contains("one process may load several libraries `libtop`"), "{run:?}");
}

#[test]
fn libraries_that_differ_only_in_what_every_target_has_are_one() {
    // Systems have libexpat from manylinux_2_12 on, so it is not brought along.
    let sandbox = Sandbox::new();
    sandbox.elf("common/libtop.so.1", &Elf::library("libtop.so.1").needed("libexpat.so.1"));
    sandbox.elf("a/libexpat.so.1", &Elf::library("libexpat.so.1"));
    sandbox.elf("b/libexpat.so.1", &Elf::other_library("libexpat.so.1"));
    let path = |path: &str| {
        let directories = [sandbox.path(path), sandbox.path("common")];
        Elf::module(&["libtop.so.1"]).rpath(&directories.join(":"))
    };
    let output = sandbox.repair(&two(&path("a"), &path("b")), &[]);
    assert_eq!(output.names_in("demo.libs"), ["libtop-#.so.1"]);
}

#[test]
fn a_library_that_lacks_something_in_one_process_has_it_from_another() {
    let sandbox = Sandbox::new();
    with_deps(&sandbox);
    sandbox.elf("sysroot/usr/lib64/libtop.so.1", &top());
    let wheel = two(&Elf::module(&["libtop.so.1"]), &rpath(&sandbox, "a"));
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.names_in("demo.libs"), ["libdep-#.so.1", "libtop-#.so.1"]);
}

#[test]
fn a_name_that_is_kept_cannot_stand_for_two_libraries() {
    let sandbox = Sandbox::new();
    with_deps(&sandbox);
    for directory in ["a", "b"] {
        sandbox.elf(&format!("{directory}/libtop.so.1"), &top().runpath("$ORIGIN"));
    }
    let wheel = two(&rpath(&sandbox, "a"), &rpath(&sandbox, "b"));
    assert_eq!(
        sandbox.refusal(&wheel, &["--no-mangle", "libtop*"]),
        "two different libraries would both be demo.libs/libtop.so.1 in the wheel: ROOT/a/libtop.so.1 and ROOT/b/libtop.so.1\n  hint: take them \
         out of `--no-mangle` or `--include`, which keep names as they are"
    );
}

#[test]
fn a_file_of_the_wheel_that_would_need_a_library_for_each_process_is_told() {
    let sandbox = Sandbox::new();
    with_deps(&sandbox);
    let extension = |path: &str| Elf::module(&["libtop.so.1"]).rpath(&format!("{path}:$ORIGIN"));
    let wheel = two(&extension(&sandbox.path("a")), &extension(&sandbox.path("b")))
        .elf("demo/libtop.so.1", &top());
    let run = sandbox.try_repair(&wheel, &[]);
    assert_eq!(run.status, 0, "{run:?}");
    let note = "demo/libtop.so.1: `libdep.so.1` leads to different libraries, depending on what loads \
                the file; ROOT/a/libdep.so.1 is used and ROOT/b/libdep.so.1 is not";
    assert!(run.stderr.contains(note), "{}", run.stderr);
}

#[test]
fn a_vendored_library_leads_to_those_of_the_wheel_by_itself() {
    // Whatever loads it: an RPATH of one extension module is of no use to another.
    let sandbox = Sandbox::new();
    sandbox.elf("sysroot/usr/lib64/libtop.so.1", &top());
    let extension = Elf::module(&["libtop.so.1"]);
    let wheel = two(&extension.clone().rpath("$ORIGIN/lib"), &extension)
        .elf("demo/lib/libdep.so.1", &Elf::library("libdep.so.1"));
    let output = sandbox.repair(&wheel, &[]);
    let top = output.elf(&output.vendored("demo.libs", "libtop-#.so.1"));
    assert_eq!(top.rpath.as_deref(), Some("$ORIGIN/../demo/lib"));
}

#[cfg(unix)]
#[test]
fn origin_is_the_directory_that_the_loader_came_through_and_not_that_behind_a_link() {
    let sandbox = Sandbox::new();
    with_deps(&sandbox);
    sandbox.elf("a/libtop.so.1", &top().runpath("$ORIGIN"));
    let link = sandbox.root().join("b/libtop.so.1");
    std::os::unix::fs::symlink("../a/libtop.so.1", link).unwrap();
    let wheel = two(&rpath(&sandbox, "a"), &rpath(&sandbox, "b"));
    assert_each_has_its_own(&sandbox.repair(&wheel, &[]));
}

/// The contents of every library that a repair with `words` brings along, by file name.
fn contents(wheel: &Wheel, words: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libtop.so.1", &top());
    sandbox.elf("libs/libdep.so.1", &Elf::of("elf/execstack-rpath.so").soname("libdep.so.1"));
    sandbox.elf("libs/libdebug.so.1", &Elf::of("elf/debug-x86_64.so").soname("libdebug.so.1"));
    let python = Elf::library("libpy.so.1").needed("libpython3.12.so.1.0");
    sandbox.elf("libs/libpy.so.1", &python);
    sandbox.elf("more/libplugin.so.1", &Elf::library("libplugin.so.1"));
    let output = sandbox.repair(wheel, &[&["--lib-path", "libs"], words].concat());
    let members = output.order.iter().filter(|member| member.starts_with("demo.libs/"));
    members.map(|member| (member.clone(), output.bytes(member).to_vec())).collect()
}

#[test]
fn equal_names_mean_equal_bytes_whatever_the_options_are() {
    let names = ["libtop.so.1", "libdebug.so.1", "libpy.so.1"];
    let plain = Wheel::demo(&Elf::module(&names));
    // A program that embeds Python through libpy keeps its libpython.
    let program = Elf::of("elf/program").needed("libpy.so.1");
    let embedding = plain.clone().elf("demo/program", &program);
    let mut all: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut different = BTreeSet::new();
    for (wheel, words) in [
        (&plain, &[][..]),
        (&embedding, &[]),
        (&plain, &["--include", "more/libplugin.so.1"]),
        (&plain, &["--include", "more/libplugin.so.1=demo/plugins"]),
        (&plain, &["--rpath-style", "runpath"]),
        (&plain, &["--clear-execstack"]),
        (&plain, &["--strip"]),
        (&plain, &["--strip-debug"]),
        (&plain, &["--no-mangle", "libdep*"]),
        (&plain, &["--exclude", "libdep*"]),
        (&plain, &["--lib-sdir", "libs/deep"]),
    ] {
        for (member, bytes) in contents(wheel, words) {
            if member.contains("/libdep.so") || member.contains("/libplugin.so") {
                continue;
            }
            different.insert(bytes.clone());
            let known = all.entry(member.clone()).or_insert_with(|| bytes.clone());
            assert!(*known == bytes, "{member} is another one with {words:?}");
        }
    }
    assert_eq!(all.len(), different.len(), "equal contents have equal names");
}

#[test]
fn a_library_that_is_led_nowhere_has_the_digits_of_its_file() {
    let sandbox = Sandbox::new();
    let library = Elf::library("libfoo.so.1").rpath("/build/lib");
    sandbox.elf("libs/libfoo.so.1", &library);
    let output =
        sandbox.repair(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &["--lib-path", "libs"]);
    use sha2::{Digest as _, Sha256};
    let digits: String =
        Sha256::digest(library.bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    assert!(output.has(&format!("demo.libs/libfoo-{digits}.so.1")), "{:?}", output.order);
}
