//! Files of settings: which counts, what may stand there, and who is over whom.

use serde_json::Value;

use crate::support::{Elf, Run, Sandbox, Wheel};

const NAME: &str = "demo-1.0-cp312-cp312-linux_x86_64.whl";

/// A module that needs `libfoo.so.1`, which is in `libs`, and a pyproject.toml.
fn sandbox(settings: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    Wheel::demo(&Elf::module(&["libfoo.so.1"])).build(sandbox.root());
    sandbox.write("pyproject.toml", settings);
    sandbox
}

fn repair(sandbox: &Sandbox, words: &[&str]) -> Run {
    let all = [&["repair", "--sysroot", "sysroot", NAME], words].concat();
    sandbox.run(&all)
}

/// The value of `name` for the demo wheel, and who says it.
fn in_force(sandbox: &Sandbox, words: &[&str], name: &str) -> Vec<(Value, String)> {
    let run = sandbox.run(&[&["config", "--json", NAME], words].concat());
    assert_eq!(run.status, 0, "{}", run.stderr);
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let rows = found["settings"].as_array().unwrap().iter().filter(|row| row["name"] == name);
    rows.map(|row| (row["value"].clone(), row["source"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn a_library_is_found_where_the_file_says_from_wherever_truewheel_is_started() {
    let sandbox = sandbox("[tool.truewheel]\nlib-path = 'libs'\nwheel-dir = 'build\\out'\n");
    sandbox.write("deep/down/x", "");
    let run = repair(&sandbox, &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(sandbox.names("build/out").len(), 1);
    let wheel = sandbox.path(NAME);
    let run = sandbox.run(&["repair", "--project", "deep/down", "--sysroot", "sysroot", &wheel]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(repair(&sandbox, &["--no-config"]).status, 1);
}

#[test]
fn the_command_line_is_over_the_file_and_that_over_the_environment() {
    let table = "[tool.truewheel]\nstrip = true\nexclude = ['a*']\nplat = 'auto'\n\
                 zip-compression-level = 3\n[tool.truewheel.linux]\nplat = 'linux_x86_64'\n\
                 [[tool.truewheel.overrides]]\nselect = '*-linux_*'\nplat = 'manylinux1_x86_64'\n\
                 [[tool.truewheel.overrides]]\nselect = ['cp3??-*']\nexclude = 'b*'\n";
    let sandbox = sandbox(table);
    let of = |words: &[&str], name: &str| -> Vec<String> {
        let rows = in_force(&sandbox, words, name);
        rows.into_iter().map(|(value, source)| format!("{value} {source}")).collect()
    };
    let file = "pyproject.toml [tool.truewheel";
    assert_eq!(of(&[], "strip"), [format!("true {file}]")]);
    assert_eq!(of(&["--strip=no"], "strip"), ["false command line"]);
    let override_1 = format!("\"manylinux1_x86_64\" {file}.overrides] select = *-linux_*");
    assert_eq!(of(&[], "plat"), [override_1]);
    assert_eq!(of(&["--plat", "auto"], "plat"), ["\"auto\" command line"]);
    let excluded = [
        "\"c\" command line".to_owned(),
        format!("\"b*\" {file}.overrides] select = cp3??-*"),
        format!("\"a*\" {file}]"),
    ];
    assert_eq!(of(&["--exclude", "c"], "exclude"), excluded);
    assert_eq!(of(&["--strip-debug"], "strip"), Vec::<String>::new());
    let environment = [("AUDITWHEEL_ZIP_COMPRESSION_LEVEL", "9")];
    let run = sandbox.run_in(&["config", NAME], &environment);
    assert!(run.stdout.contains("zip-compression-level = 3"), "{}", run.stdout);
}

#[test]
fn tables_of_other_systems_and_tags_do_not_count() {
    let sandbox = sandbox(
        "[tool.truewheel.macos]\nstrip = true\n[[tool.truewheel.overrides]]\nselect = \
         '*-win_*'\nstrip = true\n",
    );
    assert_eq!(in_force(&sandbox, &[], "strip"), []);
    let run = sandbox.run(&["config"]);
    assert!(run.stdout.contains("for wheels for macos\n  strip = true"), "{}", run.stdout);
    assert!(run.stdout.contains("for wheels that *-win_* matches\n"), "{}", run.stdout);
}

#[test]
fn a_file_without_the_table_is_passed_over_and_one_of_another_name_is_the_table() {
    let sandbox = sandbox("[tool.truewheel]\nstrip = true\n");
    sandbox.write("part/pyproject.toml", "[project]\nname = 'part'\nkeywords = ['truewheel']\n");
    let words = ["--project", "part"];
    assert_eq!(in_force(&sandbox, &words, "strip").len(), 1);
    sandbox.write("own.toml", "strip-debug = true\n");
    let words = ["--config", "own.toml"];
    assert_eq!(in_force(&sandbox, &words, "strip"), []);
    assert_eq!(in_force(&sandbox, &words, "strip-debug").len(), 1);
    let run = sandbox.run_in(&["config", NAME], &[("TRUEWHEEL_CONFIG", "own.toml")]);
    assert!(run.stdout.contains("ROOT/own.toml"), "{}", run.stdout);
}

#[test]
fn what_is_wrong_is_told_with_the_table_and_the_nearest_name() {
    let hint = "\n  hint: `truewheel help repair` and `truewheel help check` have every name";
    for (text, told) in [
        (
            "strp = true",
            &*format!("`strp` is no setting of [tool.truewheel]; the nearest is `strip`{hint}"),
        ),
        ("strip = 'yes'", "[tool.truewheel]: `strip` is `\"yes\"`, it should be true or false"),
        (
            "exclude = 3",
            "[tool.truewheel]: `exclude` is `3`, it should be a text or a list of texts",
        ),
        (
            "layout = 'near'",
            "[tool.truewheel]: `layout` is `\"near\"`, it should be one of auto, beside, libs",
        ),
        (
            "zip-compression-level = 13",
            "[tool.truewheel]: `zip-compression-level` is `13`, it should be a whole number from 0 to 12",
        ),
        ("linux = 1", "[tool.truewheel.linux] is no table"),
        (
            "[[tool.truewheel.overrides]]\nstrip = true",
            "[tool.truewheel.overrides] needs `select`, such as \"*-musllinux*\": a pattern of tags or file names",
        ),
        (
            "[tool.truewheel.windows]\nplatt = 'auto'",
            &format!(
                "`platt` is no setting of [tool.truewheel.windows]; the nearest is `plat`{hint}"
            ),
        ),
    ] {
        let sandbox = sandbox(&format!("[tool.truewheel]\n{text}\n"));
        for words in [&["repair", NAME][..], &["auditwheel", "repair", NAME], &["config"]] {
            let run = sandbox.run(words);
            assert_eq!(run.status, 2, "{text}: {run:?}");
            assert_eq!(run.stderr, format!("error: ROOT/pyproject.toml: {told}\n"));
        }
    }
    let sandbox = sandbox("[tool.truewheel]\nplat = 'manylinux_2_28'\n");
    let told = "error: pyproject.toml [tool.truewheel] has `plat = manylinux_2_28`, which lacks the \
                architecture, as in manylinux_2_28_x86_64\n";
    assert_eq!(repair(&sandbox, &[]).stderr, told);
}

#[test]
fn a_wheel_that_is_not_as_expected_is_not_written() {
    for (setting, told) in [
        ("forbid = '*foo*'", "is forbidden by `*foo*`"),
        ("require = 'libbar*'", "no library matches `libbar*`"),
        ("max-size = 100", "at most 100 are allowed"),
        ("forbid-symbol = 'PyInit_*'", "forbidden by `PyInit_*`"),
    ] {
        let sandbox = sandbox(&format!("[tool.truewheel]\nlib-path = 'libs'\n{setting}\n"));
        let run = repair(&sandbox, &["-w", "out"]);
        let first = format!(
            "error: {NAME}: the repaired wheel is not what is expected, and was not written\n  because: "
        );
        assert_eq!(run.status, 1, "{setting}: {run:?}");
        assert!(run.stderr.starts_with(&first), "{}", run.stderr);
        assert!(run.stderr.contains(told), "{}", run.stderr);
        assert_eq!(sandbox.names("out"), Vec::<String>::new());
    }
    let sandbox =
        sandbox("[tool.truewheel]\nlib-path = 'libs'\nrequire = 'libfoo*'\nmax-size = '1M'\n");
    assert_eq!(repair(&sandbox, &["-w", "out"]).status, 0);
    assert_eq!(sandbox.run(&["check", "--max-size", "10", NAME]).status, 1);
}

#[test]
fn older_tools_take_the_settings_too() {
    let sandbox = sandbox("[tool.truewheel]\nlib-path = 'libs'\n");
    let run = sandbox.run(&["auditwheel", "repair", "-w", "out", NAME]);
    assert_eq!(run.status, 0, "{}", run.stderr);
}
