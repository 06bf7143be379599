//! `install-shims`.

use std::process::Command;

use crate::support::Sandbox;

#[test]
fn a_shim_answers_as_the_tool_of_its_name() {
    for words in [&["install-shims", "bin"][..], &["install-shims", "--copy", "bin"]] {
        let sandbox = Sandbox::new();
        let run = sandbox.run(words);
        assert_eq!(run.status, 0, "{run:?}");
        assert_eq!(run.stdout.lines().count(), sandbox.names("bin").len());
        let shim = sandbox.path("bin/auditwheel");
        let output = Command::new(shim).arg("--version").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with("auditwheel 6."), "{said}");
        // Again, over its own.
        assert_eq!(sandbox.run(words).status, 0);
    }
}

#[test]
fn another_program_keeps_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write("bin/delocate-fuse", "#!/bin/sh\n");
    let run = sandbox.run(&["install-shims", "bin"]);
    let told = "error: bin/delocate-fuse is another program, and nothing was changed\n  hint: choose \
                another directory, or say `--force`\n";
    assert_eq!((run.status, &*run.stderr), (1, told));
    assert_eq!(sandbox.names("bin"), ["delocate-fuse"]);
    assert_eq!(sandbox.run(&["install-shims", "--force", "bin"]).status, 0);
}
