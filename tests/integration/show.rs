//! What `show` says of wheels, good ones and wrong ones.

use std::fs;

use serde_json::Value;

use crate::support::{Elf, Run, Sandbox, Wheel, testdata};

fn show_in(sandbox: &Sandbox, wheel: &Wheel, words: &[&str]) -> Run {
    wheel.build(sandbox.root());
    let name = wheel.file_name();
    let mut all = vec!["show", &*name, "--sysroot", "sysroot"];
    all.extend(words);
    sandbox.run(&all)
}

/// The text for a wheel with these words more.
fn text(sandbox: &Sandbox, wheel: &Wheel, words: &[&str]) -> String {
    let run = show_in(sandbox, wheel, words);
    assert_eq!((run.status, &*run.stderr), (0, ""), "{}", run.stdout);
    run.stdout
}

fn json(sandbox: &Sandbox, wheel: &Wheel, words: &[&str]) -> Value {
    let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&text(sandbox, wheel, &words)).expect("JSON")
}

#[test]
fn a_library_to_vendor_is_shown_with_its_user_its_place_and_the_rule() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let text = text(&sandbox, &wheel, &["--lib-path", "libs"]);
    assert!(text.contains("  tags      linux_x86_64\n"), "{text}");
    assert!(text.contains("needs a repair, which brings 1 library ("), "{text}");
    assert!(
        text.contains("    libfoo.so.1 needed by demo/_ext.so from ROOT/libs/libfoo.so.1 ("),
        "{text}"
    );
    assert!(text.contains(", --lib-path)\n"), "{text}");
}

#[test]
fn a_missing_library_blocks_the_wheel_and_nothing_else_is_hidden() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&["libgone.so.3"]));
    let text = text(&sandbox, &wheel, &[]);
    assert!(text.contains("cannot be repaired as it is\n"), "{text}");
    assert!(text.contains("    libgone.so.3 needed by demo/_ext.so\n"), "{text}");
    assert!(text.contains("with what is not found it would earn manylinux_2_"), "{text}");
    assert!(text.contains("name its directory with `--lib-path DIR`"), "{text}");
    let excluded = json(&sandbox, &wheel, &["--exclude", "libgone*"]);
    assert_eq!(excluded["verdict"], "needs-repair");
    assert_eq!(excluded["needs"][0]["status"], "excluded");
}

#[test]
fn the_symbols_that_keep_a_wheel_from_a_lower_tag_are_named_with_their_files() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]));
    let value = json(&sandbox, &wheel, &[]);
    let levels = value["levels"].as_array().expect("levels");
    let kept = levels.iter().position(|level| level["state"] == "kept").expect("a level");
    assert_eq!(value["earned"], levels[kept]["tag"]);
    if kept > 0 {
        let obstacle = &levels[kept - 1]["obstacles"][0];
        assert_eq!(obstacle["file"], "demo/_ext.so");
        let text = text(&sandbox, &wheel, &[]);
        let what = obstacle["what"].as_str().expect("words");
        let heading =
            format!("keeps it from {}\n", levels[kept - 1]["tag"].as_str().expect("a tag"));
        assert!(text.contains(&heading), "{text}");
        assert!(
            text.lines()
                .any(|line| line.contains(what) && line.ends_with("needed by demo/_ext.so"))
        );
    }
}

#[test]
fn a_tag_that_the_content_does_not_keep_is_told() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[])).tag("cp312-cp312-manylinux_2_5_x86_64");
    let value = json(&sandbox, &wheel, &[]);
    let earned = value["earned"].as_str().expect("a tag");
    assert_eq!(value["tags"][0]["kept"], earned == "manylinux_2_5_x86_64");
    let musl = wheel.tag("cp312-cp312-musllinux_1_2_x86_64");
    assert_eq!(json(&sandbox, &musl, &[])["tags"][0]["kept"], false);
}

#[test]
fn a_repaired_wheel_is_good_and_shows_what_it_brings() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    let path = format!("out/{}", output.file_name());
    let run = sandbox.run(&["show", &path, "--sysroot", "sysroot"]);
    assert!(run.stdout.contains("  verdict   good: needs no repair\n"), "{}", run.stdout);
    assert!(run.stdout.contains(" for demo/_ext.so\n"), "{}", run.stdout);
    assert!(run.stdout.contains("RPATH $ORIGIN/../demo.libs of demo/_ext.so\n"), "{}", run.stdout);
}

#[test]
fn names_opened_at_run_time_are_told_and_those_that_are_there_are_not() {
    let sandbox = Sandbox::new();
    let mut module = Elf::module(&["libfoo.so.1"]).bytes();
    // Behind everything that a loader reads, as strings of a section would lie.
    module.extend(b"\0libcuda.so.1\0libfoo.so\0libdemo.so.1\0libm.so\0libm.so.6\0no libtext.so\0");
    let wheel = Wheel::new("demo")
        .file("demo/_ext.so", module)
        .elf("demo/libdemo.so.1", &Elf::of("elf/gold.so"));
    let value = json(&sandbox, &wheel, &[]);
    let names: Vec<&str> = value["run_time_names"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|name| name["name"].as_str())
        .collect();
    assert_eq!(names, ["libcuda.so.1"]);
    assert_eq!(value["run_time_names"][0]["found_in"][0], "demo/_ext.so");
    let excluded = json(&sandbox, &wheel, &["--exclude", "libcuda.so*"]);
    assert_eq!(excluded["run_time_names"], Value::Array(Vec::new()));
    let run = sandbox.run(&["show", "--sysroot", "sysroot", &wheel.file_name()]);
    assert!(run.stdout.contains("libcuda.so.1 in demo/_ext.so, of a driver"), "{}", run.stdout);
}

#[test]
fn wheels_for_macos_and_windows_are_shown_on_any_machine() {
    let sandbox = Sandbox::new();
    let bytes = |path: &str| fs::read(testdata(path)).expect("a binary");
    let mac = Wheel::new("demo")
        .tag("cp312-cp312-macosx_10_9_x86_64")
        .file("demo/_ext.so", bytes("macho/module.arm64.so"));
    let value = json(&sandbox, &mac, &[]);
    assert_eq!(value["system"], "macos");
    assert_eq!(value["tags"][0]["kept"], false);
    assert_eq!(value["levels"][0]["obstacles"][0]["what"], "code for x86_64, and has it for arm64");
    assert_eq!(value["needs"][0]["name"], "@rpath/libneeded.1.dylib");
    let windows = Wheel::new("demo")
        .tag("cp312-cp312-win_amd64")
        .file("demo/_ext.pyd", bytes("pe/module.x64.pyd"))
        .file("demo/needed.dll", bytes("pe/needed.x64.dll"));
    let value = json(&sandbox, &windows, &[]);
    assert_eq!(value["tags"][0]["kept"], true);
    let needed =
        value["needs"].as_array().expect("needs").iter().find(|n| n["name"] == "needed.dll");
    assert_eq!(needed.expect("needed.dll")["path"], "demo/needed.dll");
}

#[test]
fn a_wheel_without_binaries_has_nothing_to_repair() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::new("demo").tag("py3-none-any").file("demo/__init__.py", "");
    let text = text(&sandbox, &wheel, &[]);
    assert!(text.ends_with("  verdict   nothing to repair: no binaries\n"), "{text}");
}

#[test]
fn a_damaged_binary_is_told_and_the_rest_is_shown() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[])).file("demo/cut.so", b"\x7fELF\x02\x01\x01");
    let text = text(&sandbox, &wheel, &[]);
    assert!(text.contains("note      demo/cut.so: a damaged ELF file: "), "{text}");
    assert!(text.contains("cannot be repaired as it is"), "{text}");
    assert!(text.contains("earned    manylinux_2_"), "{text}");
}

#[test]
fn what_is_no_wheel_is_one_error_and_exit_status_1() {
    let sandbox = Sandbox::new();
    sandbox.write("demo-1.0-py3-none-any.whl", "no archive");
    let run = sandbox.run(&["show", "demo-1.0-py3-none-any.whl"]);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    assert!(run.stderr.starts_with("error: demo-1.0-py3-none-any.whl: "), "{}", run.stderr);
}

/// Wheels that need no repair and are wrong, each with the code of what is wrong.
fn faulty() -> Vec<(&'static str, Wheel)> {
    let tagged = |module: &Elf| Wheel::demo(module).tag("cp312-cp312-manylinux_2_17_x86_64");
    let sound = || tagged(&Elf::module(&[]));
    let stack = Elf::of("elf/execstack-rpath.so").rpath("$ORIGIN");
    let mac = Wheel::new("demo").tag("cp312-cp312-macosx_15_0_arm64");
    let mac = mac
        .file("demo/_ext.so", fs::read(testdata("macho/module.arm64.so")).expect("a bundle"))
        .file("lib/libneeded.1.dylib", fs::read(testdata("macho/libneeded.arm64.dylib")).unwrap());
    vec![
        ("rpath-absolute", tagged(&Elf::module(&[]).rpath("/home/me/lib"))),
        ("executable-stack", sound().elf("demo/libdemo.so.1", &stack)),
        ("record-hash", sound().unlisted("demo/__init__.py").row("demo/__init__.py,sha256=AAAA,0")),
        ("metadata-name", sound().file("demo-1.0.dist-info/METADATA", "Name: x\nVersion: 1.0\n")),
        ("rpath-absolute", mac),
        ("record-no-row", Wheel::new("demo").tag("py3-none-any").file("a.py", "").unlisted("a.py")),
    ]
}

#[test]
fn a_wheel_that_a_check_fails_is_not_called_good() {
    for (code, wheel) in faulty() {
        let sandbox = Sandbox::new();
        let value = json(&sandbox, &wheel, &[]);
        assert_eq!(
            (&value["verdict"], &value["passed"]),
            (&"faulty".into(), &false.into()),
            "{code}"
        );
        let run = sandbox.run(&["check", "--json", &wheel.file_name()]);
        let check: Value = serde_json::from_str(&run.stdout).expect("JSON");
        assert_eq!(value["findings"], check["findings"], "{code}");
        assert_eq!(check["findings"][0]["code"], code);
        let text = text(&sandbox, &wheel, &[]);
        assert!(text.contains("faulty: `truewheel check` finds an error\n"), "{text}");
        let message = check["findings"][0]["message"].as_str().expect("words");
        assert!(text.contains(&format!("{message} [{code}]\n")), "{text}");
    }
}

#[test]
fn what_is_loaded_only_if_it_is_there_does_not_block_a_wheel() {
    let sandbox = Sandbox::new();
    let bytes = |path: &str| fs::read(testdata(path)).expect("a binary");
    let windows = Wheel::new("demo")
        .tag("cp312-cp312-win_amd64")
        .file("demo/_ext.pyd", bytes("pe/module.x64.pyd"))
        .file("demo/needed.dll", bytes("pe/needed.x64.dll"));
    let mac = Wheel::new("demo")
        .tag("cp312-cp312-macosx_15_0_arm64")
        .file("demo/_ext.so", bytes("macho/module.arm64.so"))
        .file("lib/libneeded.1.dylib", bytes("macho/libneeded.arm64.dylib"));
    for (wheel, name, verdict) in
        [(windows, "late.dll", "good"), (mac, "/opt/demo/lib/liboptional.dylib", "faulty")]
    {
        let value = json(&sandbox, &wheel, &[]);
        let mut needs = value["needs"].as_array().into_iter().flatten();
        let need = needs.find(|need| need["name"] == name).expect("the need");
        assert_eq!(need["status"], "may-be-absent");
        assert_eq!(value["verdict"], verdict, "{value:#}");
        let text = text(&sandbox, &wheel, &[]);
        assert!(text.contains(&format!("  not found, and may be absent\n    {name}")), "{text}");
    }
}
