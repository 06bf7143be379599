//! delvewheel's command line.

use std::fs;

use crate::support::{Output, Run, Sandbox, Wheel, root};

fn pe(name: &str) -> Vec<u8> {
    fs::read(root().join("testdata/pe").join(name)).expect("a binary")
}

const NAME: &str = "demo-1.0-cp312-cp312-win_amd64.whl";

/// A module in `demo` that needs `needed.dll`, which is in `libs`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("libs/needed.dll", pe("needed.x64.dll"));
    let wheel = Wheel::new("demo").tag("cp312-cp312-win_amd64");
    let wheel = wheel.file("demo/__init__.py", "").file("demo/_ext.pyd", pe("full.x64.dll"));
    wheel.build(sandbox.root());
    sandbox
}

fn delvewheel(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run(&["delvewheel"].iter().chain(words).copied().collect::<Vec<_>>())
}

#[test]
fn a_repair_writes_and_says_what_delvewheel_does() {
    let sandbox = sandbox();
    let run = delvewheel(&sandbox, &["repair", "--add-path", "nothing;libs", "-w", "out", NAME]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let told = format!(
        "repairing {NAME}\nfinding DLL dependencies\ncopying DLLs into demo.libs\nmangling DLL names\n\
         patching demo/__init__.py\nrepackaging wheel\nfixed wheel written to ROOT/out/{NAME}\n"
    );
    assert_eq!(run.stdout, told);
    let output = Output::open(&sandbox.root().join("out").join(NAME));
    assert_eq!(output.names_in("demo.libs").len(), 1);
    assert!(output.text("demo-1.0.dist-info/DELVEWHEEL").starts_with("Version: 1.13.2\n"));
    let init = output.text("demo/__init__.py");
    assert!(init.contains("# start delvewheel patch\n"), "{init}");
}

#[test]
fn a_repaired_wheel_is_copied() {
    let sandbox = sandbox();
    let repair = ["repair", "--add-path", "libs", "-w", "out", NAME];
    assert_eq!(delvewheel(&sandbox, &repair).status, 0);
    let repaired = sandbox.path(&format!("out/{NAME}"));
    let run = delvewheel(&sandbox, &["repair", "-v", "-w", "again", &repaired]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let told = format!(
        "repairing ROOT/out/{NAME}\ndelvewheel 1.13.2 has already repaired this wheel\nwheel copied \
         to ROOT/again/{NAME}\n"
    );
    assert_eq!(run.stdout, told);
    let again = fs::read(sandbox.path(&format!("again/{NAME}"))).unwrap();
    assert_eq!(again, fs::read(repaired).unwrap());
}

#[test]
fn lists_have_any_separator_and_options_may_be_cut() {
    for words in [
        &["repair", "--exclude", "other.dll;needed.dll", "-w", "out", NAME][..],
        &["repair", "--no-dll=needed.*, other.dll", "--wheel-d=out", NAME],
        &["repair", "-v", "--excl", "NEEDED.DLL:x.dll", "--ignore-existing", "-w", "out", NAME],
        &["repair", "--analyze-existing", "--no-dll", "needed.dll", "-wout", "--strip", NAME],
    ] {
        let sandbox = sandbox();
        let run = delvewheel(&sandbox, words);
        assert_eq!(run.status, 0, "{words:?}: {}", run.stderr);
        assert_eq!(sandbox.names("out"), [NAME]);
        let output = Output::open(&sandbox.root().join("out").join(NAME));
        assert_eq!(output.names_in("demo.libs"), Vec::<String>::new(), "{words:?}");
    }
}

#[test]
fn what_contradicts_itself_is_wrong_usage() {
    let sandbox = sandbox();
    for words in [
        &["repair", "--with-mangle", NAME][..],
        &["repair", "--no-mangle-all", "--with-mangle", "--ignore-existing", NAME],
        &["repair", "--namespace-pkg", "a", "--custom-patch", NAME],
        &["repair", "--include", "a.dll", "--exclude", "a.dll", NAME],
        &["repair", "--include", "bar.dll", "--exclude", "b*", NAME],
        &["show", "--add-dll", "bar.dll", "--no-dll", "b*.dll", NAME],
        &["repair", "--include", "b*.dll", NAME],
        &["repair", "--exclude", "a?b.dll", NAME],
        &["repair"],
        &["mend", NAME],
    ] {
        let run = delvewheel(&sandbox, words);
        assert_eq!((run.status, &*run.stdout), (2, ""), "{words:?}: {}", run.stderr);
    }
    assert_eq!(sandbox.names("wheelhouse"), Vec::<String>::new());
}

#[test]
fn a_missing_dll_is_told_in_the_words_of_both() {
    let sandbox = sandbox();
    let run = delvewheel(&sandbox, &["repair", NAME]);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    assert!(run.stderr.starts_with("Unable to find library: needed.dll\n"), "{}", run.stderr);
    assert!(run.stderr.contains("demo/_ext.pyd needs `needed.dll`"), "{}", run.stderr);
    assert!(run.stderr.contains("with `--add-path DIR`"), "{}", run.stderr);
}

#[test]
fn show_has_delvewheels_lists() {
    let sandbox = sandbox();
    let run = delvewheel(&sandbox, &["show", "--add-path", "libs", NAME]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let start = format!(
        "Analyzing {NAME}\n\nThe following DLLs will be copied into the wheel.\n    needed.dll \
         (ROOT/libs/needed.dll)\n\nThe following DLLs are assumed to be present in the end user's \
         environment and will not be copied into the wheel.\n"
    );
    assert!(run.stdout.starts_with(&start), "{}", run.stdout);
    let run = delvewheel(&sandbox, &["show", NAME]);
    assert_eq!(run.status, 0);
    assert!(run.stdout.contains("    needed.dll (Error: Not Found)\n"), "{}", run.stdout);
}

#[test]
fn show_tells_of_included_and_repaired_wheels_and_of_the_wheels_own() {
    let sandbox = sandbox();
    sandbox.write("libs/plugin.dll", pe("full.x64.dll"));
    let words = ["show", "--include", "plugin.dll", "--add-path", "libs", NAME];
    let run = delvewheel(&sandbox, &words);
    let rows = "    needed.dll (ROOT/libs/needed.dll)\n    plugin.dll (ROOT/libs/plugin.dll)\n";
    assert!(run.stdout.contains(rows), "{}", run.stdout);

    let repair = ["repair", "--add-path", "libs", "-w", "out", NAME];
    assert_eq!(delvewheel(&sandbox, &repair).status, 0);
    let run = delvewheel(&sandbox, &["show", &format!("out/{NAME}")]);
    let told = format!("Analyzing {NAME}\n\ndelvewheel 1.13.2 has already repaired this wheel\n");
    assert_eq!(run.stdout, told);

    let wheel = Wheel::new("demo").tag("cp312-cp312-win_amd64");
    let wheel = wheel.file("demo/_ext.pyd", pe("full.x64.dll"));
    wheel.file("demo/Needed.DLL", pe("needed.x64.dll")).build(sandbox.root());
    let run = delvewheel(&sandbox, &["show", "--ignore-existing", NAME]);
    let row = format!(
        "The following DLLs are already in the wheel and will not be copied.\n    Needed.DLL \
         ({NAME}/demo/Needed.DLL)\n"
    );
    assert!(run.stdout.contains(&row), "{}", run.stdout);
}

#[test]
fn an_included_dll_that_is_needed_anyway_is_mangled_as_any_other() {
    let sandbox = sandbox();
    let words = ["repair", "--include", "needed.dll", "--add-path", "libs", "-w", "out", NAME];
    let run = delvewheel(&sandbox, &words);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let note = "`--include needed.dll` does nothing: the DLL is needed by its name";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let output = Output::open(&sandbox.root().join("out").join(NAME));
    let names = output.names_in("demo.libs");
    assert!(names.len() == 1 && names[0].starts_with("needed-"), "{names:?}");
}

#[test]
fn one_file_is_read_and_edited_as_delvewheel_does_it() {
    let sandbox = sandbox();
    sandbox.write("full.dll", pe("full.x64.dll"));
    let run =
        delvewheel(&sandbox, &["replace-needed", "-change", "needed.dll", "x.dll", "full.dll"]);
    assert_eq!((run.status, &*run.stdout), (0, ""), "{}", run.stderr);
    let run = delvewheel(&sandbox, &["needed", "full.dll"]);
    assert!(run.stdout.lines().any(|line| line == "x.dll"), "{}", run.stdout);
}
