//! The model of dyld that repaired wheels are held against, on wheels that it must refuse.

use std::fs;
use std::path::Path;

use crate::support::{Installed, Output, Wheel, testdata};

fn bytes(name: &str) -> Vec<u8> {
    fs::read(testdata(&format!("macho/{name}"))).expect("a Mach-O file")
}

/// A wheel whose module looks for `@rpath/libneeded.1.dylib` in `@loader_path/../lib` and `/opt/demo/lib`.
fn demo(cpu: &str) -> Wheel {
    Wheel::new("demo")
        .tag("cp312-cp312-macosx_15_0_universal2")
        .file("demo/_ext.so", bytes(&format!("module.{cpu}.so")))
}

fn faults(wheel: &Wheel, cpu: &'static str) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = wheel.build(Path::new(directory.path()));
    Installed::of(&Output::open(&path)).faults(cpu)
}

#[test]
fn a_name_leads_along_the_rpaths_of_the_file_to_what_is_installed_there() {
    for cpu in ["arm64", "x86_64"] {
        let library = bytes(&format!("libneeded.{cpu}.dylib"));
        assert_eq!(faults(&demo(cpu).file("lib/libneeded.1.dylib", &library), cpu), [""; 0]);
        let at_platlib = demo(cpu).file("demo-1.0.data/platlib/lib/libneeded.1.dylib", &library);
        assert_eq!(faults(&at_platlib, cpu), [""; 0]);
        let elsewhere = demo(cpu).file("demo/libneeded.1.dylib", &library);
        let nowhere = ["demo/_ext.so: @rpath/libneeded.1.dylib leads nowhere"];
        assert_eq!(faults(&elsewhere, cpu), nowhere);
        assert_eq!(faults(&demo(cpu), cpu), nowhere);
    }
}

#[test]
fn a_library_without_rpaths_is_found_along_those_of_the_file_that_leads_to_it() {
    let libraries = demo("arm64")
        .file("lib/libneeded.1.dylib", bytes("libpassed.arm64.dylib"))
        .file("lib/libpassed.dylib", bytes("libneeded.arm64.dylib"));
    // What lies there as libneeded needs `@rpath/libneeded.1.dylib`, itself, and has no LC_RPATH.
    assert_eq!(faults(&libraries, "arm64"), [""; 0]);
    let alone = Wheel::new("demo").file("lib/libpassed.dylib", bytes("libpassed.arm64.dylib"));
    assert_eq!(
        faults(&alone, "arm64"),
        ["lib/libpassed.dylib: @rpath/libneeded.1.dylib leads nowhere"]
    );
}

#[test]
fn a_file_without_code_for_the_process_is_not_loaded() {
    let wheel = demo("arm64").file("lib/libneeded.1.dylib", bytes("libneeded.x86_64.dylib"));
    assert_eq!(faults(&wheel, "arm64"), ["lib/libneeded.1.dylib: no code for arm64"]);
}

#[test]
fn code_for_arm64_without_a_signature_is_not_loaded() {
    let wheel = Wheel::new("demo")
        .file("demo/_ext.so", bytes("tight.arm64.so"))
        .file("lib/libneeded.1.dylib", bytes("libneeded.arm64.dylib"));
    let found = faults(&wheel, "arm64");
    assert!(found.contains(&"demo/_ext.so: no signature".to_owned()), "{found:?}");
}
