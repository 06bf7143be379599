//! What the caller forbids, requires, ignores and excludes.

use super::{Verdict, demo};
use crate::support::{Elf, Sandbox, Wheel};

fn with_library() -> Wheel {
    let module = Elf::module(&["libdemo-1a2b3c4d.so.1"]).rpath("$ORIGIN/../demo.libs");
    let library = Elf::library("libdemo-1a2b3c4d.so.1");
    demo(&module).elf("demo.libs/libdemo-1a2b3c4d.so.1", &library)
}

#[track_caller]
fn expect(wheel: &Wheel, words: &[&str], expected: &[&str]) {
    let verdict = Verdict::of(wheel, words);
    assert_eq!(verdict.lines(), expected, "{words:?}");
    assert_eq!(verdict.status, i32::from(!expected.is_empty()), "{words:?}");
}

#[test]
fn libraries_are_forbidden_and_required_by_name_with_and_without_digits() {
    let wheel = with_library();
    expect(&wheel, &["--require", "libdemo.so.*"], &[]);
    expect(&wheel, &["--require", "libm.so.6"], &[]);
    expect(
        &wheel,
        &["--require", "libopenblas*"],
        &["error required-library *: no library matches `libopenblas*`"],
    );
    expect(&wheel, &["--forbid", "*openblas*"], &[]);
    expect(
        &wheel,
        &["--forbid", "libdemo.so.1"],
        &["error forbidden-library *: `libdemo.so.1` is forbidden by `libdemo.so.1`: demo.libs/\
           libdemo-1a2b3c4d.so.1 is it, demo/_ext.so needs it"],
    );
}

#[test]
fn symbols_are_forbidden_and_required_in_all_files_or_in_some() {
    let wheel = with_library();
    expect(&wheel, &["--require-symbol", "cos", "--require-symbol", "PyInit_*=*_ext.so"], &[]);
    expect(&wheel, &["--forbid-symbol", "PyInit_*=demo.libs/*"], &[]);
    expect(
        &wheel,
        &["--forbid-symbol", "PyModule_Create?"],
        &["error forbidden-symbol demo/_ext.so: PyModule_Create2: forbidden by `PyModule_Create?`"],
    );
    expect(
        &wheel,
        &["--require-symbol", "scipy_dgemm_64_"],
        &["error required-symbol *: no binary uses or defines `scipy_dgemm_64_`"],
    );
    expect(
        &wheel,
        &["--require-symbol", "cos=nowhere/*"],
        &["error required-symbol *: no binary uses or defines `cos` in `nowhere/*`"],
    );
}

#[test]
fn sizes_have_limits() {
    let wheel = with_library();
    expect(&wheel, &["--max-size", "1M", "--max-unpacked-size", "1Mi"], &[]);
    let lines = Verdict::of(&wheel, &["--max-size", "1K", "--max-unpacked-size", "2K"]).lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with(" bytes, at most 1000 are allowed"), "{lines:?}");
    assert!(lines[1].ends_with(" bytes, at most 2000 are allowed"), "{lines:?}");
}

#[test]
fn what_somebody_else_brings_is_left_out() {
    let wheel = demo(&Elf::module(&["libcublas.so.12", "libfoo.so.1"]));
    expect(&wheel, &["--exclude", "libfoo*", "--exclude-group", "cuda"], &[]);
}

#[test]
fn ignored_findings_do_not_count_and_are_counted() {
    let wheel = demo(&Elf::module(&["libfoo.so.1"]));
    let verdict = Verdict::of(&wheel, &["--ignore", "missing-library,driver"]);
    assert_eq!(verdict.status, 0);
    assert_eq!(verdict.report["ignored"], 1);
}

#[test]
fn warnings_fail_only_when_they_shall() {
    let wheel = Wheel::demo(&Elf::module(&[]));
    assert_eq!(Verdict::of(&wheel, &[]).status, 0);
    assert_eq!(Verdict::of(&wheel, &["--strict"]).status, 1);
    assert_eq!(Verdict::of(&wheel, &["--strict", "--ignore", "linux-tag"]).status, 0);
}

#[test]
fn wrong_words_are_wrong_usage() {
    let sandbox = Sandbox::new();
    let wheel = with_library();
    wheel.build(sandbox.root());
    let name = wheel.file_name();
    for (words, said) in [
        (["--ignore", "drivers"], "`--ignore drivers` is no code of a finding"),
        (["--max-size", "10X"], "`--max-size 10X` is no size"),
        (["--exclude-group", "cudda"], "cudda"),
    ] {
        let run = sandbox.run(&["check", words[0], words[1], &name]);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains(said), "{run:?}");
    }
}

#[test]
fn code_for_32_bit_integers_over_a_64_bit_blas_is_an_error() {
    let name = "libscipy_openblas64_-1a2b3c4d.so";
    let module = Elf::module(&[name]).rpath("$ORIGIN");
    let wheel = demo(&module).elf(&format!("demo/{name}"), &Elf::library(name));
    expect(&wheel, &[], &[]);
    // The same module with another name in the place of one that it may do without.
    let bytes = replaced(&module.bytes(), b"__cxa_finalize\0", b"cblas_dgemm\0\0\0\0");
    expect(
        &wheel.file("demo/_blas.so", bytes),
        &[],
        &["error blas-integers demo/_blas.so: calls cblas_dgemm of \
           `libscipy_openblas64_-1a2b3c4d.so`, whose integers have 64 bits"],
    );
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).expect("the name");
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn options_that_did_nothing_are_told_with_the_nearest_name_and_fail_nothing() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    wheel.build(sandbox.root());
    let name = wheel.file_name();
    let words = ["check", "-q", "--exclude", "libfoo.so.1", &name];
    let more = ["--exclude", "libfo.so", "--exclude-group", "cuda", "--forbid-symbol", "x=_ex.so"];
    let run = sandbox.run(&[&words[..], &more, &["--forbid", "libnothing*"]].concat());
    assert_eq!((run.status, &*run.stdout), (0, ""), "{run:?}");
    assert_eq!(
        run.stderr,
        "warning: `--exclude libfo.so` matches nothing that is needed; the nearest name is \
         `libfoo.so.1`\nwarning: `--exclude-group cuda` matches nothing that is needed\nwarning: \
         `--forbid-symbol x=_ex.so` matches no binary; the nearest name is `_ext.so`\n"
    );
    let run = sandbox.run(&["check", "--json", "--exclude", "libfo.so", &name]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["unmatched"][0]["nearest"], "libfoo.so.1");
    let run = sandbox.run(&["check", "--require", "libfoo.so", &name]);
    assert!(run.stdout.contains("hint: the nearest name is `libfoo.so.1`\n"), "{}", run.stdout);
}
