//! Help, exit statuses, standard output against standard error.

use std::fs;

use crate::support::{Elf, Sandbox, Wheel};

fn plain() -> Wheel {
    Wheel::demo(&Elf::module(&[]))
}

const REPAIRED: &str = "demo-1.0-cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64.whl";

#[test]
fn help_and_version_go_to_standard_output_with_status_0() {
    let sandbox = Sandbox::new();
    for words in [&["--help"][..], &["-h"], &["help"], &["repair", "--help"], &["help", "repair"]] {
        let run = sandbox.run(words);
        assert_eq!((run.status, &*run.stderr), (0, ""), "{words:?}");
        assert!(run.stdout.contains("Usage: truewheel"), "{}", run.stdout);
    }
    let run = sandbox.run(&["--version"]);
    let version = format!("truewheel {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((run.status, run.stdout, run.stderr), (0, version, String::new()));
}

#[test]
fn help_of_every_command_has_examples_and_the_exit_statuses() {
    let sandbox = Sandbox::new();
    for words in [
        &["--help"][..],
        &["repair", "--help"],
        &["check", "-h"],
        &["merge", "--help"],
        &["show", "-h"],
        &["tree", "--help"],
        &["needed", "--help"],
        &["replace-needed", "--help"],
        &["groups", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
    ] {
        let help = sandbox.run(words).stdout;
        assert!(help.contains("\nExamples:\n  truewheel "), "{words:?}: {help}");
        assert!(help.contains("Exit status: 0 "), "{words:?}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 110), "{words:?}: {help}");
    }
}

#[test]
fn help_names_every_variable_of_the_environment_that_is_read() {
    let help = Sandbox::new().run(&["--help"]).stdout;
    let mut count = 0;
    let root = crate::support::root();
    let parts = fs::read_dir(root.join("src/config")).unwrap().map(|item| item.unwrap().path());
    for file in parts.chain([root.join("src/config.rs")]) {
        let text = fs::read_to_string(file).unwrap();
        let is_name = |text: &&str| {
            text.len() > 6 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        };
        for name in text.split('"').filter(is_name) {
            assert!(help.contains(name), "{name} is not in\n{help}");
            count += 1;
        }
    }
    assert!(count >= 11, "{count}");
}

#[test]
fn help_names_every_option_that_auditwheel_has_too() {
    let help = Sandbox::new().run(&["repair", "--help"]).stdout;
    for option in [
        "-w, --wheel-dir",
        "-L, --lib-sdir",
        "-z, --zip-compression-level",
        "--plat",
        "--only-plat",
        "--no-update-tags",
        "--exclude",
        "--ldpaths",
        "--disable-isa-ext-check",
        "Exit status:",
    ] {
        assert!(help.contains(option), "{option} is not in\n{help}");
    }
}

#[test]
fn wrong_usage_is_status_2_on_standard_error_and_writes_nothing() {
    let wheel = plain();
    let name = wheel.file_name();
    for words in [
        &[][..],
        &["repair"],
        &["rapair", &name],
        &["repair", "--no-such-option", &name],
        &["repair", "--plat"],
        &["repair", "--plat", "nonsense", &name],
        &["repair", "--plat", "any", &name],
        &["repair", "-z", "13", &name],
        &["repair", "-z", "-1", &name],
        &["repair", "-z", "fast", &name],
        &["repair", "--rpath-style", "both", &name],
        &["repair", "--sysroot", "nowhere", &name],
        &["repair", "--threads", "0", &name],
        &["repair", "--threads", "many", &name],
        &["repair", "--threads", "1025", &name],
        &["repair", "--plat", "manylinux_2_28", &name],
        &["repair", "--lib-path", &name, &name],
        &["repair", "--ldpaths", &name, &name],
        &["repair", "--exclude", "[", &name],
        &["repair", "--no-mangle", "{a", &name],
        &["repair", "--force-vendor", "[", &name],
        &["repair", "--include", "sysroot/", &name],
        &["repair", "--include", "./sysroot", &name],
        &["repair", "--include", "libfoo.so=/absolute", &name],
        &["repair", "--include", "libfoo.so=../outside", &name],
        &["repair", "--include", "libfoo.so=demo-1.0.dist-info", &name],
        &["check", "--forbid", "[", &name],
        &["check", "--require", "[", &name],
        &["check", "--exclude", "[", &name],
        &["check", "--forbid-symbol", "a=[", &name],
        &["check", "--require-symbol", "[", &name],
        &["check", "--ignore", "no-such-code", &name],
        &["show", "--exclude", "[", &name],
        &["tree", "--exclude", "[", &name],
        &["repair", "nowhere/*.whl"],
        &["repair", "*/demo.whl"],
        &["repair", "--quiet", "--verbose", &name],
        &["repair", "no-such-*.whl"],
    ] {
        let sandbox = Sandbox::new();
        wheel.build(sandbox.root());
        let run = sandbox.run(words);
        assert_eq!((run.status, &*run.stdout), (2, ""), "{words:?}: {run:?}");
        assert!(!run.stderr.is_empty(), "{words:?}");
        assert_eq!(sandbox.names(""), [name.clone(), "sysroot".to_owned()], "{words:?}");
    }
}

#[test]
fn wrong_values_in_the_environment_are_status_2_and_named() {
    let sandbox = Sandbox::new();
    let wheel = plain();
    for (name, value, text) in [
        ("TRUEWHEEL_THREADS", "0", "the number of threads is 0, it should be 1 to 1024"),
        ("TRUEWHEEL_THREADS", "two", "TRUEWHEEL_THREADS is `two`, it should be a whole number"),
        ("SOURCE_DATE_EPOCH", "now", "SOURCE_DATE_EPOCH is `now`, it should be a whole number"),
        (
            "AUDITWHEEL_ZIP_COMPRESSION_LEVEL",
            "13",
            "AUDITWHEEL_ZIP_COMPRESSION_LEVEL is 13, it should be 0 to 12",
        ),
    ] {
        let run = sandbox.try_repair_in(&wheel, &[], &[(name, value)]);
        assert_eq!(run.status, 2, "{name}={value}");
        assert_eq!(run.stderr, format!("error: {text}\n"));
        assert_eq!(sandbox.names("out"), [""; 0]);
    }
}

#[test]
fn an_empty_variable_is_none_and_what_is_typed_comes_first() {
    let sandbox = Sandbox::new();
    for name in ["TRUEWHEEL_THREADS", "SOURCE_DATE_EPOCH", "AUDITWHEEL_PLAT", "LD_LIBRARY_PATH"] {
        assert_eq!(sandbox.repair_in(&plain(), &[], &[(name, "")]).file_name(), REPAIRED);
    }
    let words = ["--threads", "1", "-z", "1", "--plat", "auto"];
    let environment = [
        ("TRUEWHEEL_THREADS", "wrong"),
        ("AUDITWHEEL_ZIP_COMPRESSION_LEVEL", "wrong"),
        ("AUDITWHEEL_PLAT", "manylinux_2_28_x86_64"),
    ];
    assert_eq!(sandbox.repair_in(&plain(), &words, &environment).file_name(), REPAIRED);
}

#[test]
fn standard_output_has_one_path_for_each_wheel_and_nothing_else() {
    let sandbox = Sandbox::new();
    let (one, two) = (plain(), Wheel::new("other").elf("other/_ext.so", &Elf::module(&[])));
    one.build(sandbox.root());
    two.build(sandbox.root());
    let words = ["repair", "-w", "out", "--sysroot", "sysroot", &two.file_name(), &one.file_name()];
    let run = sandbox.run(&words);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let other = REPAIRED.replace("demo", "other");
    assert_eq!(run.stdout.replace('\\', "/"), format!("out/{other}\nout/{REPAIRED}\n"));
    assert_eq!(sandbox.names("out"), [REPAIRED, &*other]);
    assert!(run.stderr.contains("tags linux_x86_64 -> manylinux1_x86_64.manylinux_2_5_x86_64\n"));
}

#[test]
fn quiet_says_nothing_but_the_path_and_what_went_wrong() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]).rpath("/build"));
    for words in [["--quiet"], ["-q"]] {
        let run = sandbox.try_repair(&wheel, &words);
        assert_eq!((run.status, &*run.stderr), (0, ""));
        assert_eq!(run.stdout.lines().count(), 1);
    }
    let run = sandbox.try_repair(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &["--quiet"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
}

#[test]
fn verbose_gives_each_library_its_reason() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let run = sandbox.try_repair(&wheel, &["-v", "--lib-path", "libs"]);
    let reason = "needed by demo/_ext.so as `libfoo.so.1`, found by --lib-path\n";
    assert!(run.stderr.contains(reason), "{}", run.stderr);
}

#[test]
fn json_is_one_object_for_one_wheel_and_a_list_for_more() {
    let sandbox = Sandbox::new();
    let run = sandbox.try_repair(&plain(), &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["wheel"], plain().file_name());
    assert_eq!(report["unchanged"], false);
    assert_eq!(
        report["new_tags"],
        serde_json::json!(["manylinux1_x86_64", "manylinux_2_5_x86_64"])
    );
    let two = Wheel::new("other").elf("other/_ext.so", &Elf::module(&[]));
    two.build(sandbox.root());
    let run = sandbox.try_repair(&plain(), &["--json", &two.file_name()]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report.as_array().unwrap().len(), 2);
}

#[test]
fn dry_run_prints_the_plan_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    wheel.build(sandbox.root());
    let before = sandbox.files();
    let run = sandbox.try_repair(&wheel, &["--dry-run", "--lib-path", "libs"]);
    assert_eq!((run.status, &*run.stderr), (0, ""));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], format!("result: {REPAIRED}"));
    assert_eq!(lines[1], "tags: linux_x86_64 -> manylinux1_x86_64.manylinux_2_5_x86_64");
    assert!(lines[2].starts_with("vendor demo.libs/libfoo-"), "{}", run.stdout);
    assert!(run.stdout.contains("\n  RPATH $ORIGIN/../demo.libs\n"), "{}", run.stdout);
    let run = sandbox.try_repair(&wheel, &["--dry-run", "--json", "--lib-path", "libs"]);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["output"], REPAIRED);
    assert_eq!(sandbox.files(), before);
    assert!(!sandbox.root().join("out").exists());
}

#[test]
fn dry_run_refuses_what_repair_refuses() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let dry = sandbox.try_repair(&wheel, &["--dry-run"]);
    let wet = sandbox.try_repair(&wheel, &[]);
    assert_eq!((dry.status, dry.stderr), (wet.status, wet.stderr));
    assert_eq!(wet.status, 1);
}

#[test]
fn of_several_wheels_all_are_written_or_none() {
    let sandbox = Sandbox::new();
    let good = plain();
    let wrong = Wheel::new("wrong").elf("wrong/_ext.so", &Elf::module(&["libgone.so"]));
    let last = Wheel::new("zlast").elf("zlast/_ext.so", &Elf::module(&[]));
    for wheel in [&good, &wrong, &last] {
        wheel.build(sandbox.root());
    }
    let names = [good.file_name(), wrong.file_name(), last.file_name()];
    let mut words = vec!["repair", "-w", "out", "--sysroot", "sysroot"];
    words.extend(names.iter().map(String::as_str));
    let run = sandbox.run(&words);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    assert_eq!(sandbox.names("out"), [""; 0]);
    assert!(run.stderr.starts_with(&format!("error: {}: wrong/_ext.so needs", names[1])));
}

#[test]
fn every_wheel_that_cannot_be_repaired_is_told() {
    let sandbox = Sandbox::new();
    let mut words = vec!["repair", "-w", "out", "--ldpaths", "nowhere"];
    let wheels = ["a", "b"].map(|name| Wheel::new(name).elf("x.so", &Elf::module(&["libgone.so"])));
    let names = wheels.map(|wheel| {
        wheel.build(sandbox.root());
        wheel.file_name()
    });
    words.extend(names.iter().map(String::as_str));
    let run = sandbox.run(&words);
    assert_eq!(run.status, 1);
    for name in names {
        assert!(run.stderr.contains(&format!("error: {name}: ")), "{}", run.stderr);
    }
}

#[test]
fn patterns_are_expanded_and_a_wheel_named_twice_is_one() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.root().join("dist")).unwrap();
    for wheel in [plain(), Wheel::new("other").elf("x.so", &Elf::module(&[]))] {
        wheel.build(&sandbox.root().join("dist"));
    }
    let words = ["repair", "-w", "out", "--sysroot", "sysroot"];
    let typed = ["dist/*.whl", "dist/demo-1.0-cp312-cp312-linux_x86_64.whl", "dist/demo-?.0-*.whl"];
    let run = sandbox.run(&[&words[..], &typed].concat());
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(sandbox.names("out").len(), 2);
}

#[test]
fn a_placeholder_that_a_build_tool_left_is_no_value() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let words = [
        "--lib-path",
        "libs",
        "--lib-path",
        "{lib_path}",
        "--ldpaths",
        "{ldpaths}",
        "--plat",
        "{plat}",
        "--exclude",
        "{exclude}",
    ];
    let words: Vec<&str> = words.into_iter().chain(["--sysroot", "sysroot"]).collect();
    let output = sandbox.repair(&wheel, &words);
    assert_eq!(output.names_in("demo.libs"), ["libfoo-#.so.1"]);
}

#[test]
fn the_output_directory_is_made_with_its_parents_and_wheelhouse_is_the_default() {
    let sandbox = Sandbox::new();
    let name = plain().file_name();
    plain().build(sandbox.root());
    let run = sandbox.run(&["repair", "--sysroot", "sysroot", "-w", "a/b/c", &name]);
    assert_eq!(run.status, 0);
    assert_eq!(sandbox.names("a/b/c"), [REPAIRED]);
    let run = sandbox.run(&["repair", "--sysroot", "sysroot", &name]);
    assert_eq!(run.status, 0);
    assert_eq!(sandbox.names("wheelhouse"), [REPAIRED]);
}

#[test]
fn an_output_directory_that_is_a_file_is_status_1() {
    let sandbox = Sandbox::new();
    sandbox.write("out", "a file");
    let run = sandbox.try_repair(&plain(), &[]);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    let wanted = "cannot write to `out`: it is a file, it should be a directory\n";
    assert!(run.stderr.ends_with(wanted), "{}", run.stderr);
    assert_eq!(fs::read(sandbox.root().join("out")).unwrap(), b"a file");
}

#[test]
fn a_result_of_an_earlier_run_is_replaced_whole() {
    let sandbox = Sandbox::new();
    sandbox.write(&format!("out/{REPAIRED}"), "what was there");
    sandbox.repair(&plain(), &[]);
}

#[test]
fn colour_is_for_terminals_or_on_request() {
    let sandbox = Sandbox::new();
    let escape = |words: &[&str]| sandbox.try_repair(&plain(), words).stderr.contains('\x1b');
    assert!(!escape(&[]));
    assert!(!escape(&["--color", "never"]));
    assert!(escape(&["--color", "always"]));
}

#[test]
fn wrong_usage_is_told_with_what_was_typed_and_what_it_should_be() {
    let sandbox = Sandbox::new();
    let name = plain().file_name();
    plain().build(sandbox.root());
    for (words, text) in [
        (
            &["repair", "--exclude", "[", &name][..],
            "`--exclude [` is no pattern: unclosed character class; missing ']'",
        ),
        (
            &["repair", "--plat", "manylinux_2_28", &name],
            "`--plat manylinux_2_28` lacks the architecture, as in manylinux_2_28_x86_64",
        ),
        (
            &["repair", "--lib-path", &name, &name],
            "`--lib-path demo-1.0-cp312-cp312-linux_x86_64.whl` is a file, it should be a directory",
        ),
        (
            &["repair", "--include", "sysroot/", &name],
            "`--include sysroot/` names a directory, it should be a library\n  hint: `--include \
             'sysroot/*.so'` names those in it",
        ),
        (&["repair", "nowhere/*.whl"], "no file matches `nowhere/*.whl`: there is no `nowhere`"),
        (&["repair", "*/x.whl"], "`*/x.whl`: wildcards stand in the last part only"),
        (&["repair", "[x.whl"], "`[x.whl` is no pattern: unclosed character class; missing ']'"),
        (
            &["check", "--ignore", "missing-librar", &name],
            "`--ignore missing-librar` is no code of a finding; the nearest is `missing-library`\n  \
             hint: `truewheel check --list` lists them",
        ),
    ] {
        let run = sandbox.run(words);
        assert_eq!((run.status, run.stderr), (2, format!("error: {text}\n")), "{words:?}");
    }
}

#[test]
fn a_wheel_without_a_command_is_told_what_to_type() {
    let run = Sandbox::new().run(&["demo-1.0-py3-none-any.whl"]);
    assert_eq!(run.status, 2);
    let hint = "hint: `truewheel repair demo-1.0-py3-none-any.whl` repairs it\n";
    assert!(run.stderr.ends_with(hint), "{}", run.stderr);
}

#[test]
fn a_directory_that_is_not_there_is_told_and_searched_no_further() {
    let sandbox = Sandbox::new();
    sandbox.elf("lib64/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let run = sandbox.try_repair(&wheel, &["-q", "--lib-path", "lib", "--lib-path", "lib64"]);
    assert_eq!(run.status, 0);
    assert_eq!(run.stderr, "warning: `--lib-path ROOT/lib`: there is no such directory\n");
    let environment = [("TRUEWHEEL_LIBRARY_PATH", "lib"), ("LD_LIBRARY_PATH", "lib:lib64")];
    let run = sandbox.try_repair_in(&wheel, &["-q"], &environment);
    assert_eq!(run.status, 0);
    let wanted = "warning: TRUEWHEEL_LIBRARY_PATH has `ROOT/lib`: there is no such directory\n";
    assert_eq!(run.stderr, wanted);
}

#[test]
fn a_wish_that_is_no_platform_tag_is_told() {
    let environment = [("AUDITWHEEL_PLAT", "manylinux_2_28")];
    let run = Sandbox::new().try_repair_in(&plain(), &["-q"], &environment);
    assert_eq!(run.status, 0);
    let wanted =
        "warning: AUDITWHEEL_PLAT is `manylinux_2_28`, which is no platform tag: it is not used\n";
    assert_eq!(run.stderr, wanted);
}

#[test]
fn options_that_do_nothing_beside_each_other_are_told() {
    let run = Sandbox::new().try_repair(&plain(), &["-q", "--only-plat", "--no-update-tags"]);
    assert_eq!(run.status, 0);
    assert_eq!(run.stderr, "warning: `--only-plat` does nothing beside `--no-update-tags`\n");
}

#[test]
fn one_file_is_one_wheel_however_it_is_spelled() {
    let sandbox = Sandbox::new();
    let name = plain().file_name();
    let again = format!("sysroot/../{name}");
    let run = sandbox.try_repair(&plain(), &[&again, &format!("./{name}")]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 1);
}

/// Standard output on a full disk: the device whose writes all fail.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_status_1_and_told() {
    let sandbox = Sandbox::new();
    let name = plain().file_name();
    plain().build(sandbox.root());
    for words in [
        &["show", &name][..],
        &["show", "--json", &name],
        &["tree", &name],
        &["check", "--list"],
        &["check", &name],
        &["groups"],
        &["--help"],
        &["--version"],
        &["repair", "--dry-run", "--sysroot", "sysroot", &name],
        &["repair", "-q", "--sysroot", "sysroot", &name],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let run = sandbox.run_into(words, full.into());
        assert_eq!(run.status, 1, "{words:?}");
        let start = "error: cannot write to standard output: ";
        assert!(run.stderr.starts_with(start), "{words:?}: {}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{words:?}: {}", run.stderr);
        let is_written = run.stderr.ends_with("; the wheels are written\n");
        assert_eq!(is_written, sandbox.root().join("wheelhouse").exists(), "{words:?}");
    }
}

/// `truewheel groups | head -1`.
#[cfg(unix)]
#[test]
fn a_reader_that_closes_the_pipe_is_no_fault() {
    for words in [&["groups"][..], &["check", "--list"], &["--help"], &["groups", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = Sandbox::new().run_into(words, writer.into());
        assert_eq!((run.status, &*run.stderr), (0, ""), "{words:?}");
    }
}

#[test]
fn a_name_that_cannot_be_given_takes_the_other_wheels_back() {
    let sandbox = Sandbox::new();
    let other = REPAIRED.replace("demo", "other");
    sandbox.write(&format!("out/{REPAIRED}"), "what was there");
    sandbox.write(&format!("out/{other}/full"), "");
    let wheels = [
        plain(),
        Wheel::new("fresh").elf("fresh.so", &Elf::module(&[])),
        Wheel::new("other").elf("other.so", &Elf::module(&[])),
    ];
    let names = wheels.map(|wheel| {
        wheel.build(sandbox.root());
        wheel.file_name()
    });
    let mut words = vec!["repair", "-w", "out", "--sysroot", "sysroot"];
    words.extend(names.iter().map(String::as_str));
    let run = sandbox.run(&words);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    let start = format!("error: {}: cannot write `", names[2]);
    assert!(run.stderr.starts_with(&start), "{}", run.stderr);
    assert_eq!(sandbox.names("out"), [REPAIRED, &*other]);
    let kept = fs::read(sandbox.root().join("out").join(REPAIRED)).unwrap();
    assert_eq!(kept, b"what was there");
}

/// A path that is not Unicode, which JSON is.
#[cfg(target_os = "linux")]
#[test]
fn json_is_printed_also_of_a_path_that_is_no_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let sandbox = Sandbox::new();
    let directory = sandbox.root().join(std::ffi::OsStr::from_bytes(b"b\xffd"));
    fs::create_dir(&directory).unwrap();
    plain().build(&directory);
    for command in ["repair", "check", "show", "tree"] {
        let mut words = vec![command, "--json"];
        if command != "check" {
            words.extend(["--sysroot", "sysroot"]);
        }
        let run = sandbox.run_on(&words, &directory.join(plain().file_name()));
        let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert!(json.is_object(), "{command}: {run:?}");
    }
}
