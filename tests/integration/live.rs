//! What the loader of this machine thinks of repaired wheels; needs gcc and python3.

use std::process::Command;

use crate::support::{Elf, Sandbox, Wheel, skip, testdata};

/// Whether `python3` is there and is a program for x86_64 Linux with glibc, as the test files are.
fn has_python() -> bool {
    let code = "import platform, sys; sys.exit(platform.libc_ver()[0] != 'glibc' or platform.machine() != 'x86_64')";
    Command::new("python3").args(["-c", code]).status().is_ok_and(|status| status.success())
}

/// Unpacks a repaired wheel and calls `asked(0.0)` of `demo/_ext.so` in a Python without the
/// directory of the build.
fn asked(words: &[&str], rpath: Option<&str>) -> String {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libdemo.so.1", std::fs::read(testdata("elf/gnu-ld.so")).unwrap());
    let extension = Elf::of("repair/uses-demo.so");
    let extension = match rpath {
        Some(directory) => extension.runpath(&sandbox.path(directory)),
        None => extension,
    };
    let output = sandbox.repair(&Wheel::demo(&extension), words);
    output.unpack(&sandbox.root().join("site-packages"));
    std::fs::remove_dir_all(sandbox.root().join("libs")).unwrap();
    let code = "import ctypes, sys; f = ctypes.CDLL(sys.argv[1]).asked; \
                f.restype = ctypes.c_double; f.argtypes = [ctypes.c_double]; print(f(0.0))";
    let run = Command::new("python3")
        .args(["-c", code, &sandbox.path("site-packages/demo/_ext.so")])
        .env_remove("LD_LIBRARY_PATH")
        .current_dir(sandbox.root())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn a_repaired_extension_loads_and_calls_its_vendored_library_by_version() {
    if !has_python() {
        skip(
            "a_repaired_extension_loads_and_calls_its_vendored_library_by_version",
            "no python3 for x86_64 with glibc",
        );
        return;
    }
    // cos(0) + sqrt(0).
    assert_eq!(asked(&["--lib-path", "libs"], None), "1.0\n");
    assert_eq!(asked(&[], Some("libs")), "1.0\n");
    assert_eq!(asked(&["--lib-path", "libs", "-L", "/deep/er"], None), "1.0\n");
    assert_eq!(asked(&["--lib-path", "libs", "--rpath-style", "runpath"], None), "1.0\n");
}
