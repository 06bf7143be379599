//! `needed` and `replace-needed`: the DLLs of one file for Windows.

use std::fs;

use crate::support::{Sandbox, root};

/// A sandbox with this binary of `testdata/pe` as `demo.pyd`.
fn sandbox(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("demo.pyd", fs::read(root().join("testdata/pe").join(name)).expect("a binary"));
    sandbox
}

fn read(sandbox: &Sandbox, path: &str) -> Vec<u8> {
    fs::read(sandbox.root().join(path)).expect("a file")
}

/// The files of the sandbox, sorted.
fn files(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.root()).expect("a directory");
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn needed_lists_imports_and_delay_imports() {
    let sandbox = sandbox("module.x64.pyd");
    let run = sandbox.run(&["needed", "demo.pyd"]);
    assert_eq!((run.status, &*run.stdout, &*run.stderr), (0, "late.dll\nneeded.dll\n", ""));
}

#[test]
fn names_are_replaced_in_the_file_itself_whatever_their_length() {
    for option in ["--change", "-change"] {
        let sandbox = sandbox("module.x64.pyd");
        let long = "a-much-longer-name-than-there-is-room-for.dll";
        let words =
            ["replace-needed", option, "NEEDED.dll", long, option, "late", "x.dll", "demo.pyd"];
        let run = sandbox.run(&words);
        assert_eq!((run.status, &*run.stdout, &*run.stderr), (0, "demo.pyd\n", ""));
        assert_eq!(files(&sandbox), ["demo.pyd", "sysroot"]);
        let run = sandbox.run(&["needed", "demo.pyd"]);
        assert_eq!(run.stdout, format!("{long}\nx.dll\n"));
    }
}

#[test]
fn a_copy_leaves_the_file_as_it_was() {
    let sandbox = sandbox("full.x64.dll");
    let before = read(&sandbox, "demo.pyd");
    let words = ["replace-needed", "demo.pyd", "--change", "needed.dll", "new.dll", "-o", "b.pyd"];
    let run = sandbox.run(&words);
    assert_eq!((run.status, &*run.stdout, &*run.stderr), (0, "b.pyd\n", ""));
    assert_eq!(read(&sandbox, "demo.pyd"), before);
    assert_eq!(sandbox.run(&["needed", "b.pyd"]).stdout, "new.dll\n");
    let forwarder = b"new.needed\0";
    assert!(read(&sandbox, "b.pyd").windows(forwarder.len()).any(|window| window == forwarder));
}

#[test]
fn what_cannot_be_replaced_is_told_and_nothing_is_written() {
    for (pairs, status, told) in [
        (
            &["absent.dll", "new.dll"][..],
            1,
            "error: demo.pyd: no DLL that the file imports is called `absent.dll`\n  imported: \
             late.dll, needed.dll\n  hint: `truewheel needed` lists them\n",
        ),
        (
            &["needed.dll", "sub/new.dll"],
            1,
            "error: demo.pyd: `sub/new.dll` cannot name a DLL in a PE file\n",
        ),
        (
            &["needed.dll", "Needed"],
            2,
            "error: `needed.dll` and `Needed` are one name to the loader of Windows\n",
        ),
        (
            &["needed.dll", "a.dll", "NEEDED", "b.dll"],
            2,
            "error: `NEEDED` is given two new names\n",
        ),
        (
            &["needed.dll", "a.dll", "late.dll", "A.dll"],
            2,
            "error: two names would become `A.dll`\n",
        ),
    ] {
        let sandbox = sandbox("module.x64.pyd");
        let before = read(&sandbox, "demo.pyd");
        let mut words = vec!["replace-needed", "demo.pyd"];
        pairs.chunks(2).for_each(|pair| words.extend(["--change", pair[0], pair[1]]));
        let run = sandbox.run(&words);
        assert_eq!((run.status, &*run.stdout, &*run.stderr), (status, "", told));
        assert_eq!(read(&sandbox, "demo.pyd"), before);
        assert_eq!(files(&sandbox), ["demo.pyd", "sysroot"]);
    }
}

#[test]
fn files_that_are_not_for_windows_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("a.so", b"\x7fELF");
    sandbox.write("a.whl", b"PK\x03\x04");
    let what = "not a PE file, as .pyd, .dll and .exe files of Windows are";
    for (file, hint) in [
        ("a.so", "`truewheel tree` says what ELF and Mach-O files need, too"),
        ("a.whl", "this is an archive: `truewheel show` says what a wheel needs"),
    ] {
        for words in [&["needed", file][..], &["replace-needed", file, "--change", "a", "b"]] {
            let run = sandbox.run(words);
            let told = format!("error: {file}: {what}\n  hint: {hint}\n");
            assert_eq!((run.status, &*run.stdout, &*run.stderr), (1, "", &*told));
        }
    }
}
