//! Trees of one file and of wheels, in each format.

use std::fs;

use crate::support::{Elf, Run, Sandbox, Wheel, testdata};

fn tree(sandbox: &Sandbox, words: &[&str]) -> Run {
    let words: Vec<&str> = ["tree", "--sysroot", "sysroot"].iter().chain(words).copied().collect();
    sandbox.run(&words)
}

fn binary(path: &str) -> Vec<u8> {
    fs::read(testdata(path)).expect("a binary")
}

#[test]
fn a_chain_of_libraries_on_disk_is_drawn_with_rules_and_repeats() {
    let sandbox = Sandbox::new();
    let bare = |elf: Elf| elf.renamed("libm.so.6", "libb.so").renamed("libc.so.6", "libgone.so");
    sandbox.elf(
        "app/module.so",
        &Elf::of("elf/gnu-ld.so")
            .no_soname()
            .rpath("$ORIGIN/lib")
            .renamed("libm.so.6", "liba.so")
            .renamed("libc.so.6", "libb.so"),
    );
    sandbox.elf("app/lib/liba.so", &bare(Elf::library("liba.so")));
    sandbox.elf("app/lib/libb.so", &Elf::other_library("libb.so").renamed("libm.so.6", "liba.so"));
    let run = tree(&sandbox, &["app/module.so", "--ldpaths", "sysroot"]);
    assert_eq!((run.status, &*run.stderr), (0, ""));
    let expected = "\
├─ liba.so → ROOT/app/lib/liba.so (RPATH of module.so)
│  ├─ libb.so → ROOT/app/lib/libb.so (already loaded)
│  │  ├─ liba.so → ROOT/app/lib/liba.so (already loaded), a circle
";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    assert!(run.stdout.contains("│  └─ libgone.so → not found\n"), "{}", run.stdout);
    assert!(run.stdout.contains("└─ libb.so → ROOT/app/lib/libb.so (RPATH of module.so)"));
}

#[test]
fn a_missing_library_is_told_with_every_place_on_request() {
    let sandbox = Sandbox::new();
    sandbox.elf("module.so", &Elf::module(&["libgone.so"]));
    let run = tree(&sandbox, &["module.so", "--lib-path", "libs", "-v"]);
    assert!(run.stdout.contains("libgone.so → not found\n"), "{}", run.stdout);
    assert!(run.stdout.contains("looked in ROOT/libs (--lib-path)\n"), "{}", run.stdout);
}

#[test]
fn the_binaries_of_a_wheel_are_drawn_from_those_that_nothing_needs() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&["libinner.so"]).rpath("$ORIGIN"))
        .elf("demo/libinner.so", &Elf::other_library("libinner.so"));
    wheel.build(sandbox.root());
    let run = tree(&sandbox, &[&wheel.file_name()]);
    assert_eq!(run.status, 0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], wheel.file_name());
    assert_eq!(lines[1], "demo/_ext.so  extension, x86_64");
    let inner = "─ libinner.so → demo/libinner.so (RPATH of demo/_ext.so)";
    assert!(lines.iter().any(|line| line.ends_with(inner)), "{}", run.stdout);
    assert!(!lines.iter().any(|line| line.starts_with("demo/libinner.so")), "{}", run.stdout);
}

#[test]
fn mach_o_libraries_are_found_along_the_rpaths_of_the_file() {
    let sandbox = Sandbox::new();
    sandbox.write("app/demo/module.so", binary("macho/module.arm64.so"));
    sandbox.write("app/lib/libneeded.1.dylib", binary("macho/libneeded.arm64.dylib"));
    let run = tree(&sandbox, &["app/demo/module.so"]);
    assert!(
        run.stdout.starts_with("app/demo/module.so  extension, arm64, macOS "),
        "{}",
        run.stdout
    );
    let found = "├─ @rpath/libneeded.1.dylib → ROOT/app/lib/libneeded.1.dylib \
                 (LC_RPATH @loader_path/../lib of ROOT/app/demo/module.so)\n";
    assert!(run.stdout.contains(found), "{}", run.stdout);
    assert!(run.stdout.contains("/usr/lib/libSystem.B.dylib → macOS has it\n"));
    assert!(run.stdout.contains("liboptional.dylib weak → not found, and may be absent\n"));
}

#[test]
fn a_slice_for_another_cpu_is_passed_over() {
    let sandbox = Sandbox::new();
    sandbox.write("app/demo/module.so", binary("macho/module.arm64.so"));
    sandbox.write("app/lib/libneeded.1.dylib", binary("macho/libneeded.x86_64.dylib"));
    let run = tree(&sandbox, &["app/demo/module.so", "-v"]);
    assert!(run.stdout.contains("@rpath/libneeded.1.dylib → not found\n"), "{}", run.stdout);
    let passed = "passed over ROOT/app/lib/libneeded.1.dylib: for x86_64, and not for arm64\n";
    assert!(run.stdout.contains(passed), "{}", run.stdout);
}

#[test]
fn dlls_are_found_beside_the_file_whatever_their_case() {
    let sandbox = Sandbox::new();
    sandbox.write("app/module.pyd", binary("pe/module.x64.pyd"));
    sandbox.write("app/NEEDED.DLL", binary("pe/needed.x64.dll"));
    let run = tree(&sandbox, &["app/module.pyd"]);
    assert!(run.stdout.starts_with("app/module.pyd  extension, x64, Windows "), "{}", run.stdout);
    assert!(run.stdout.contains("needed.dll → ROOT/app/NEEDED.DLL (beside "), "{}", run.stdout);
    assert!(
        run.stdout.contains("late.dll delay → not found, and may be absent\n"),
        "{}",
        run.stdout
    );
    sandbox.write("app/NEEDED.DLL", binary("pe/needed.x86.dll"));
    let run = tree(&sandbox, &["app/module.pyd", "-v"]);
    assert!(run.stdout.contains("NEEDED.DLL: for x86, and not for x64\n"), "{}", run.stdout);
}

#[test]
fn a_file_that_is_no_binary_is_one_error() {
    let sandbox = Sandbox::new();
    sandbox.write("text", "hello");
    let run = tree(&sandbox, &["text", "absent"]);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    assert!(run.stderr.starts_with(
        "error: text: is neither a wheel nor an ELF, Mach-O or PE file\n  hint: name a wheel"
    ));
    assert!(run.stderr.contains("error: absent: "), "{}", run.stderr);
}
