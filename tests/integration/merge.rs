//! `merge`: one wheel for both kinds of Mac.

use std::fs;

use crate::schemas;
use crate::support::{Installed, Output, Run, Sandbox, Wheel, macho, testdata};

fn bytes(name: &str) -> Vec<u8> {
    fs::read(testdata(&format!("macho/{name}"))).expect("a Mach-O file")
}

/// The wheel for one CPU: a module, the library that it needs, and text.
fn thin(cpu: &str) -> Wheel {
    let minimum = if cpu == "arm64" { "15_0" } else { "10_13" };
    Wheel::new("demo")
        .tag(&format!("cp312-cp312-macosx_{minimum}_{cpu}"))
        .file("demo/__init__.py", "")
        .file("demo/_ext.so", bytes(&format!("module.{cpu}.so")))
        .mode(0o755)
        .file("lib/libneeded.1.dylib", bytes(&format!("libneeded.{cpu}.dylib")))
}

fn try_merge(sandbox: &Sandbox, first: &Wheel, second: &Wheel, words: &[&str]) -> Run {
    first.build(sandbox.root());
    second.build(sandbox.root());
    let (first, second) = (first.file_name(), second.file_name());
    let mut all = vec!["merge", "-w", "out", &*first, &*second];
    all.extend(words);
    sandbox.run(&all)
}

fn merge(sandbox: &Sandbox, first: &Wheel, second: &Wheel, words: &[&str]) -> (Output, Run) {
    let run = try_merge(sandbox, first, second, words);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let mut found = fs::read_dir(sandbox.root().join("out")).expect("the directory");
    let path = found.next().expect("a wheel").expect("a wheel").path();
    assert!(found.next().is_none(), "one wheel");
    let output = Output::open(&path);
    assert_eq!(output.record_text(), output.expected_record());
    (output, run)
}

/// What is said against these two, and nothing is written.
fn refusal(first: &Wheel, second: &Wheel, words: &[&str]) -> String {
    let sandbox = Sandbox::new();
    let run = try_merge(&sandbox, first, second, words);
    assert_eq!((run.status, &*run.stdout), (1, ""), "{}", run.stderr);
    assert!(!sandbox.root().join("out").exists());
    run.stderr
}

#[test]
fn binaries_are_fused_and_equal_files_are_there_once() {
    let sandbox = Sandbox::new();
    let (output, run) = merge(&sandbox, &thin("x86_64"), &thin("arm64"), &[]);
    // The arm64 half needs macOS 15 by its tag, and the x86_64 half runs on older ones.
    let name = "demo-1.0-cp312-cp312-macosx_10_13_x86_64.macosx_15_0_arm64.whl";
    assert_eq!(output.file_name(), name);
    assert_eq!(run.stdout, format!("out/{name}\n"));
    assert_eq!(output.tags(), ["cp312-cp312-macosx_10_13_x86_64", "cp312-cp312-macosx_15_0_arm64"]);
    for path in ["demo/_ext.so", "lib/libneeded.1.dylib"] {
        let slices = macho::slices(output.bytes(path));
        let cpus: Vec<&str> = slices.iter().map(|slice| slice.cpu).collect();
        assert_eq!(cpus, ["x86_64", "arm64"]);
        assert!(slices.iter().all(|slice| slice.offset % (1 << 14) == 0));
    }
    assert_eq!(output.mode("demo/_ext.so"), 0o755);
    for cpu in ["x86_64", "arm64"] {
        assert_eq!(Installed::of(&output).faults(cpu), [""; 0]);
    }
}

#[test]
fn each_half_is_the_file_of_its_wheel_byte_for_byte() {
    let sandbox = Sandbox::new();
    let (output, _) = merge(&sandbox, &thin("arm64"), &thin("x86_64"), &[]);
    let fused = output.bytes("demo/_ext.so");
    for slice in macho::slices(fused) {
        let original = bytes(&format!("module.{}.so", slice.cpu));
        assert_eq!(&fused[slice.offset..][..original.len()], original);
    }
}

#[test]
fn the_same_two_wheels_give_the_same_bytes() {
    let merged = || {
        let sandbox = Sandbox::new();
        merge(&sandbox, &thin("x86_64"), &thin("arm64"), &[]).0.archive().to_vec()
    };
    assert_eq!(merged(), merged());
}

#[test]
fn text_that_differs_is_refused_with_its_line_unless_the_caller_chooses() {
    let first = thin("x86_64").file("demo/config.py", "CPU = 1\nLONG = 16\n");
    let second = thin("arm64").file("demo/config.py", "CPU = 1\nLONG = 8\n");
    assert_eq!(
        refusal(&first, &second, &[]),
        "error: demo-1.0-cp312-cp312-macosx_10_13_x86_64.whl: files that are no binaries differ, and a wheel can \
         have only one of each\n  because: demo/config.py: line 2 is `LONG = 16` in one and `LONG = 8` in the \
         other\n  hint: say whose is right for both, with `--take-first GLOB` or `--take-second GLOB`\n  hint: or \
         make the build write the same file on both machines\n"
    );
    for (option, text) in [("--take-first", "LONG = 16"), ("--take-second", "LONG = 8")] {
        let sandbox = Sandbox::new();
        let (output, run) = merge(&sandbox, &first, &second, &[option, "*/config.py"]);
        assert!(output.text("demo/config.py").contains(text));
        assert!(run.stderr.contains(&format!("  demo/config.py by `{option} */config.py`\n")));
    }
    let both = ["--take-first", "*.py", "--take-second", "demo/*"];
    assert!(
        refusal(&first, &second, &both).contains("demo/config.py is to be taken from both wheels")
    );
}

#[test]
fn a_choice_that_nothing_needs_is_told_also_when_quiet() {
    let first = thin("x86_64").file("demo/config.py", "CPU = 1\n");
    let second = thin("arm64").file("demo/config.py", "CPU = 1\n");
    let words = ["-q", "--take-first", "demo/confg.py"];
    let (_, run) = merge(&Sandbox::new(), &first, &second, &words);
    assert!(
        run.stderr
            .starts_with("warning: `--take-first demo/confg.py` matches nothing that differs"),
        "{}",
        run.stderr
    );
}

#[test]
fn wheels_that_are_not_one_wheel_for_two_cpus_are_refused() {
    let arm = thin("arm64");
    for (first, told) in [
        (
            thin("x86_64").tag("cp311-cp311-macosx_10_13_x86_64"),
            "the Python tag of one wheel is `cp311` and of the other `cp312`",
        ),
        (thin("x86_64").version("1.1"), "the version of one wheel is `1.1` and of the other `1.0`"),
        (
            Wheel::new("other").tag("cp312-cp312-macosx_10_13_x86_64"),
            "the project of one wheel is `other` and of the other `demo`",
        ),
        (thin("arm64").tag("cp312-cp312-macosx_11_0_universal2"), "both wheels are for arm64"),
        (thin("x86_64").tag("cp312-cp312-linux_x86_64"), "the tag `linux_x86_64` is not for macOS"),
    ] {
        let told = format!("error: {}: {told}\n", first.file_name());
        assert!(refusal(&first, &arm, &[]).starts_with(&told), "{told}");
    }
}

#[test]
fn a_module_that_one_wheel_lacks_is_refused() {
    let first = thin("x86_64").file("demo/_more.so", bytes("module.x86_64.so"));
    let told = refusal(&first, &thin("arm64"), &[]);
    assert!(
        told.contains("\n  because: demo/_more.so needs code for arm64, and has it for x86_64\n"),
        "{told}"
    );
}

#[test]
fn a_library_that_only_code_of_its_own_cpu_names_stays() {
    let sandbox = Sandbox::new();
    let first = thin("x86_64").file("lib/libmore.dylib", bytes("libpassed.x86_64.dylib"));
    let (output, run) = merge(&sandbox, &first, &thin("arm64"), &[]);
    assert_eq!(output.bytes("lib/libmore.dylib"), bytes("libpassed.x86_64.dylib"));
    assert!(run.stderr.contains("  only in the first wheel: 1 file\n"), "{}", run.stderr);
    let note = "note: lib/libmore.dylib has no code for arm64, and no code there names it\n";
    assert!(run.stderr.contains(note), "{}", run.stderr);
}

#[test]
fn a_list_of_what_was_brought_along_is_kept_for_each_half() {
    let sandbox = Sandbox::new();
    let path = "demo-1.0.dist-info/sboms/truewheel.cdx.json";
    let with = |cpu: &str| thin(cpu).file(path, format!("{{\"cpu\": \"{cpu}\"}}"));
    let (output, _) = merge(&sandbox, &with("x86_64"), &with("arm64"), &[]);
    for cpu in ["x86_64", "arm64"] {
        let path = format!("demo-1.0.dist-info/sboms/truewheel.{cpu}.cdx.json");
        assert!(output.text(&path).contains(cpu));
    }
    assert!(!output.has(path));
}

#[test]
fn a_dry_run_and_a_merge_print_the_same_json() {
    let sandbox = Sandbox::new();
    let (first, second) = (thin("x86_64"), thin("arm64"));
    let words = ["--json", "--dry-run"];
    let planned = try_merge(&sandbox, &first, &second, &words).stdout;
    assert!(!sandbox.root().join("out").exists());
    let (_, run) = merge(&sandbox, &first, &second, &["--json"]);
    assert_eq!(run.stdout, planned);
    let value = serde_json::from_str(&planned).expect("JSON");
    assert_eq!(schemas::faults("merge.json", &value), [""; 0]);
    assert_eq!(value["fused"], serde_json::json!(["demo/_ext.so", "lib/libneeded.1.dylib"]));
}

#[test]
fn a_damaged_binary_is_told_with_the_wheel_that_has_it() {
    let cut = bytes("module.arm64.so")[..200].to_vec();
    let second = Wheel::new("demo").tag("cp312-cp312-macosx_11_0_arm64").file("demo/_ext.so", cut);
    let told = refusal(&thin("x86_64"), &second, &[]);
    assert!(told.starts_with(&format!("error: {}: demo/_ext.so: ", second.file_name())), "{told}");
}
