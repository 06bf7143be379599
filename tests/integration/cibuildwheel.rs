//! What cibuildwheel's repair step asks, with one command for every platform.
//!
//! `truewheel repair -w {dest_dir} {wheel}` runs once for each wheel, with an empty directory that exists; the step
//! fails unless status 0 and exactly one wheel come out. A command in the global table of a project's settings is also
//! run where cibuildwheel has none of its own, for wheels that nothing here can repair.

use std::fs;

use crate::support::{Elf, Mach, Run, Sandbox, Wheel, testdata};

const FOO: &str = "/opt/foo/lib/libfoo.1.dylib";

/// The step's own words: absolute paths, which may have spaces, as a shell hands them over.
fn step(sandbox: &Sandbox, wheel: &Wheel, more: &[&str]) -> Run {
    fs::create_dir_all(sandbox.path("built wheel")).unwrap();
    fs::create_dir_all(sandbox.path("repaired wheel")).unwrap();
    wheel.build(&sandbox.root().join("built wheel"));
    let input = sandbox.path(&format!("built wheel/{}", wheel.file_name()));
    let directory = sandbox.path("repaired wheel");
    let words = ["repair", "-w", &directory, &input];
    // As on a machine of the platform: its own directories, none of which has anything.
    sandbox.run_in(&[&words, more].concat(), &[("AUDITWHEEL_PLAT", "manylinux_2_28_x86_64")])
}

/// The one wheel that came out, and its bytes.
fn only_wheel(sandbox: &Sandbox, run: &Run) -> (String, Vec<u8>) {
    assert_eq!(run.status, 0, "{}", run.stderr);
    let names = sandbox.names("repaired wheel");
    let [name] = names.as_slice() else { panic!("{names:?}") };
    let bytes = fs::read(sandbox.path(&format!("repaired wheel/{name}"))).unwrap();
    (name.clone(), bytes)
}

/// A module as emscripten makes them: the magic number, the version, and a section `dylink.0`.
fn wasm() -> Vec<u8> {
    b"\0asm\x01\0\0\0\0\x09\x08dylink.0".to_vec()
}

/// A module that is built for a platform by its number in `LC_BUILD_VERSION`.
fn built_for(platform: u8) -> Vec<u8> {
    let mut bytes = Mach::module("arm64", FOO).bytes();
    let command = |window: &[u8]| window[..4] == [0x32, 0, 0, 0] && window[8..] == [1, 0, 0, 0];
    let at = bytes.windows(12).position(command).expect("LC_BUILD_VERSION");
    bytes[at + 8] = platform;
    bytes
}

fn demo(tag: &str, file: &str, contents: Vec<u8>) -> Wheel {
    Wheel::new("demo").tag(tag).file("demo/__init__.py", "").file(file, contents)
}

#[test]
fn wheels_that_nothing_can_be_done_for_come_out_as_they_are() {
    let modules = |tag: &str| demo(tag, "demo/_ext.cpython-313-wasm32-emscripten.so", wasm());
    for wheel in [
        Wheel::new("demo").tag("py3-none-any").file("demo/__init__.py", ""),
        modules("cp312-cp312-pyodide_2024_0_wasm32"),
        modules("cp313-cp313-pyodide_2025_0_wasm32"),
        modules("cp314-cp314-pyemscripten_2026_0_wasm32"),
        demo("cp313-cp313-ios_13_0_arm64_iphonesimulator", "demo/_ext.so", built_for(7)),
        demo("cp313-cp313-ios_13_0_arm64_iphoneos", "demo/_ext.so", built_for(2)),
        demo("cp313-cp313-freebsd_14_3_release_amd64", "demo/_ext.so", Elf::module(&[]).bytes()),
        Wheel::demo(&Elf::module(&[]))
            .tag("cp312-cp312-manylinux_2_28_x86_64.manylinux_2_5_x86_64.manylinux1_x86_64"),
        demo("cp312-cp312-macosx_11_0_arm64", "demo/data.bin", b"no binary".to_vec()),
        demo("cp312-cp312-win_amd64", "demo/data.bin", b"no binary".to_vec()),
        demo("cp312-cp312-win_amd64", "demo/_ext.pyd", pe("needed.x64.dll")),
    ] {
        let sandbox = Sandbox::new();
        let run = step(&sandbox, &wheel, &[]);
        let (name, bytes) = only_wheel(&sandbox, &run);
        assert_eq!(expanded(&name), expanded(&wheel.file_name()));
        assert_eq!(bytes, wheel.bytes(), "{name}: {}", run.stderr);
    }
}

fn pe(name: &str) -> Vec<u8> {
    fs::read(testdata("pe").join(name)).unwrap()
}

/// The tags of a file name without their order.
fn expanded(name: &str) -> Vec<&str> {
    let mut tags: Vec<&str> = name.rsplit('-').next().unwrap().split('.').collect();
    tags.sort_unstable();
    tags
}

#[test]
fn a_second_command_of_a_chain_finds_the_wheel_of_the_first_and_leaves_one() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let libs = sandbox.path("libs");
    let (name, bytes) = only_wheel(&sandbox, &step(&sandbox, &wheel, &["--lib-path", &libs]));
    assert!(name.contains("manylinux_2_28_x86_64"), "{name}");
    let repaired = sandbox.path(&format!("repaired wheel/{name}"));
    let directory = sandbox.path("repaired wheel");
    let again = sandbox.run(&["repair", "-w", &directory, &repaired]);
    assert_eq!(only_wheel(&sandbox, &again), (name.clone(), bytes.clone()));
    // The first command once more, over what is there.
    let run = step(&sandbox, &wheel, &["--lib-path", &libs]);
    assert_eq!(only_wheel(&sandbox, &run), (name, bytes));
}

#[test]
fn placeholders_that_were_not_replaced_are_as_if_they_were_not_there() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]));
    let more = ["--require-archs", "{delocate_archs}", "--ldpaths", "{ldpaths}"];
    let run = step(&sandbox, &wheel, &more);
    let (name, _) = only_wheel(&sandbox, &run);
    assert!(name.contains("manylinux_2_28_x86_64"), "{name}");
}

#[test]
fn a_repair_that_fails_leaves_no_wheel_and_says_so_by_its_status() {
    let sandbox = Sandbox::new();
    let run = step(&sandbox, &Wheel::demo(&Elf::module(&["libnowhere.so.1"])), &[]);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    assert!(sandbox.names("repaired wheel").is_empty());
}
