//! Needs, search paths, tags and symbols of ELF files.

use super::{TAG, Verdict, demo, only};
use crate::support::{Elf, Wheel};

const METADATA: &str = "demo-1.0.dist-info/METADATA";

fn requiring(wheel: Wheel, project: &str) -> Wheel {
    let text = format!("Name: demo\nVersion: 1.0\nRequires-Dist: {project}\n");
    wheel.file(METADATA, text)
}

#[test]
fn a_needed_library_is_in_the_wheel_or_promised_or_missing() {
    let needs = |name: &str| demo(&Elf::module(&[name]));
    assert_eq!(
        only(&needs("libfoo.so.1")),
        "error missing-library *: `libfoo.so.1` is not in the wheel: needed by demo/_ext.so; the tag \
         does not promise it"
    );
    assert_eq!(Verdict::of(&needs("libz.so.1"), &["--strict"]).status, 0);
    assert_eq!(
        only(&requiring(needs("libcublas.so.12"), "nvidia-cublas-cu12")),
        "warning required-package *: `libcublas.so.12` is not in the wheel, and no search path leads \
         to it: needed by demo/_ext.so; it works if `nvidia-cublas-cu12` has it and is imported first"
    );
    let way = Elf::module(&["libcublas.so.12"]).runpath("$ORIGIN/../nvidia/cublas/lib");
    let verdict = Verdict::of(&requiring(demo(&way), "nvidia-cublas-cu12"), &["--strict"]);
    assert_eq!(verdict.status, 0, "{:?}", verdict.lines());
    assert!(
        only(&needs("libcuda.so.1")).starts_with("warning driver *: `libcuda.so.1` is part of")
    );
}

#[test]
fn a_library_that_only_newer_systems_have_is_missing_for_the_older_tag() {
    let wheel = Wheel::demo(&Elf::module(&["libexpat.so.1"]))
        .tag("cp312-cp312-manylinux_2_5_x86_64.manylinux_2_12_x86_64");
    assert_eq!(
        only(&wheel),
        "error missing-library *: `libexpat.so.1` is not in the wheel: needed by demo/_ext.so; \
         systems of manylinux_2_5_x86_64 need not have it"
    );
}

#[test]
fn a_library_of_the_wheel_must_be_on_the_way() {
    let library = Elf::library("libfoo.so.1");
    let wheel = |module: &Elf| demo(module).elf("demo.libs/libfoo.so.1", &library);
    let module = Elf::module(&["libfoo.so.1"]);
    assert_eq!(
        only(&wheel(&module)),
        "error unreachable-library *: `libfoo.so.1` is in the wheel (demo.libs/libfoo.so.1), and no \
         RPATH leads there: needed by demo/_ext.so"
    );
    let found = Verdict::of(&wheel(&module.rpath("$ORIGIN/../demo.libs")), &["--strict"]);
    assert_eq!(found.status, 0, "{:?}", found.lines());
}

#[test]
fn a_module_that_needs_libpython_is_an_error() {
    assert_eq!(
        only(&demo(&Elf::module(&["libpython3.12.so.1.0"]))),
        "error libpython *: demo/_ext.so needs `libpython3.12.so.1.0`, which interpreters without a \
         shared libpython do not have"
    );
}

#[test]
fn each_search_path_is_judged_by_where_it_leads() {
    for (entry, expected) in [
        (
            "/home/me/lib",
            "error rpath-absolute demo/_ext.so: RPATH `/home/me/lib` is a directory of",
        ),
        ("lib", "error rpath-working-directory demo/_ext.so: RPATH `lib` is taken relative to"),
        ("$ORIGIN:", "error rpath-working-directory demo/_ext.so: RPATH `` is taken relative to"),
        (
            "$ORIGIN/../../../../../x",
            "error rpath-outside demo/_ext.so: RPATH `$ORIGIN/../../../../../x` leads out of",
        ),
        (
            "$ORIGIN/../../../../lib",
            "warning rpath-outside demo/_ext.so: RPATH `$ORIGIN/../../../../lib` leads to the env",
        ),
        (
            "$ORIGIN/lib",
            "warning rpath-dangling demo/_ext.so: RPATH `$ORIGIN/lib` leads to `demo/lib`, which",
        ),
        (
            "$ORIGIN/../torch/lib",
            "warning rpath-package demo/_ext.so: RPATH `$ORIGIN/../torch/lib` leads to `torch/lib`, of",
        ),
    ] {
        let line = only(&demo(&Elf::module(&[]).rpath(entry)));
        assert!(line.starts_with(expected), "{line}");
    }
    let required = requiring(demo(&Elf::module(&[]).rpath("$ORIGIN/../torch/lib")), "torch");
    assert!(only(&required).starts_with("note rpath-package "));
}

#[test]
fn a_tag_that_is_not_earned_is_told_with_what_it_earns() {
    assert_eq!(
        only(&demo(&Elf::of("repair/needs-glibc-2.34.so"))),
        "error tag *: `manylinux_2_17_x86_64` is not earned: demo/_ext.so needs GLIBC_2.34 of \
         libc.so.6 (pthread_create, dlsym)"
    );
    let fast = demo(&Elf::of("repair/needs-x86-64-v3.so"));
    assert!(only(&fast).contains("is not earned: demo/_ext.so needs instructions of x86-64-v3"));
    assert_eq!(Verdict::of(&fast, &["--disable-isa-ext-check"]).status, 0);
    assert!(only(&demo(&Elf::of("repair/needs-fpectl.so"))).contains("`PyFPE_jbuf`"));
    let other = Wheel::demo(&Elf::module(&[]))
        .tag("cp312-cp312-manylinux_2_17_aarch64.manylinux_2_17_x86_64");
    assert_eq!(
        only(&other),
        "error tag *: `manylinux_2_17_aarch64` is not earned: the binaries are for x86_64"
    );
}

#[test]
fn binaries_of_another_processor_or_c_library_are_told() {
    let data = demo(&Elf::module(&[])).elf("demo/helper.so", &Elf::of("elf/aarch64.so"));
    assert_eq!(only(&data), "warning arch demo/helper.so: for aarch64, the wheel is for x86_64");
    let foreign = Wheel::demo(&Elf::module(&[])).tag("cp312-cp312-manylinux_2_17_aarch64");
    assert!(only(&foreign).starts_with("error arch *: no ELF file of the wheel is for aarch64"));
    let musl = Elf::module(&[]).renamed("libm.so.6", "libc.musl-x86_64.so.1");
    let line = only(&demo(&Elf::module(&[])).elf("demo/_other.so", &musl));
    assert_eq!(line, "error libc demo/_other.so: built for musl, the wheel is for glibc");
}

#[test]
fn an_executable_stack_is_an_error() {
    let library = Elf::of("elf/execstack-rpath.so").rpath("$ORIGIN");
    let lines =
        Verdict::of(&demo(&Elf::module(&[])).elf("demo/libdemo.so.1", &library), &[]).lines();
    assert_eq!(
        lines,
        [
            "error executable-stack demo/libdemo.so.1: asks for an executable stack (PT_GNU_STACK has \
          PF_X)"
        ]
    );
}

#[test]
fn a_version_that_the_library_does_not_define_is_an_error() {
    let module = Elf::of("repair/uses-demo.so").rpath("$ORIGIN");
    let wheel = |library: &str| demo(&module).elf("demo/libdemo.so.1", &Elf::of(library));
    assert_eq!(Verdict::of(&wheel("elf/gnu-ld.so"), &["--strict"]).lines(), Vec::<String>::new());
    let other = Elf::of("repair/newer-libstdc++.so").soname("libdemo.so.1");
    assert_eq!(
        Verdict::of(&demo(&module).elf("demo/libdemo.so.1", &other), &[]).lines(),
        [
            "error undefined-version demo/_ext.so: needs LIB_1, LIB_2 of demo/libdemo.so.1, which does \
          not define them"
        ]
    );
}

#[test]
fn two_runtimes_in_one_process_are_told() {
    let module = Elf::module(&["libgomp-aaaaaaaa.so.1", "libgomp.so.1"]).rpath("$ORIGIN");
    let wheel = demo(&module)
        .elf("demo/libgomp-aaaaaaaa.so.1", &Elf::library("libgomp-aaaaaaaa.so.1"))
        .elf("demo/libgomp.so.1", &Elf::other_library("libgomp.so.1"));
    assert_eq!(
        only(&wheel),
        "warning two-runtimes *: demo/_ext.so loads 2 runtimes for OpenMP: \
         demo/libgomp-aaaaaaaa.so.1, demo/libgomp.so.1"
    );
}

#[test]
fn nothing_of_this_machine_is_looked_at() {
    // Every Linux has it, in a directory that an absolute RPATH names.
    let module = Elf::module(&["libutil-of-nobody.so"]).rpath("/lib:/usr/lib");
    let lines = Verdict::of(&Wheel::demo(&module).tag(TAG), &[]).lines();
    assert!(lines.iter().any(|line| line.starts_with("error missing-library")), "{lines:?}");
}

#[test]
fn a_module_that_needs_nothing_has_what_its_process_has_and_no_more() {
    let alone = Elf::of("repair/needs-nothing.so");
    let lacks = "warning undefined-symbol demo/_ext.so: deflate: defined by nothing that it needs; it \
                 works only if something has loaded them before";
    let lucky = "note undefined-symbol demo/_ext.so: malloc, cos: defined by nothing that it needs; it \
                 works because the interpreter has loaded them";
    for tag in [TAG, "cp312-cp312-musllinux_1_2_x86_64"] {
        let verdict = Verdict::of(&demo(&alone).tag(tag), &[]);
        assert_eq!(verdict.lines(), [lacks, lucky], "{tag}");
    }
    // What it needs brings libm and libc.
    let user = alone.clone().needed("libdemo.so.1").rpath("$ORIGIN");
    let wheel = demo(&user).elf("demo/libdemo.so.1", &Elf::library("libdemo.so.1"));
    assert_eq!(only(&wheel), lacks);
    // Of zlib no list of symbols is here.
    assert_eq!(Verdict::of(&demo(&alone.needed("libz.so.1")), &["--strict"]).status, 0);
}

#[test]
fn instructions_that_no_tag_promises_are_told_with_the_option_for_them() {
    let fast = demo(&Elf::of("repair/needs-x86-64-v3.so"));
    let report = Verdict::of(&fast, &[]).report;
    assert_eq!(
        report["findings"][0]["remedy"],
        "if the code asks the processor before it uses them, say so with `--disable-isa-ext-check`"
    );
}

#[test]
fn the_api_level_that_would_do_is_told() {
    let android = || Elf::of("repair/android.so");
    let module = android().no_soname().needed("libc++_shared.so").runpath("$ORIGIN/../demo.libs");
    let wheel = |api: u32| {
        Wheel::demo(&module)
            .tag(&format!("cp313-cp313-android_{api}_arm64_v8a"))
            .elf("demo.libs/libc++_shared.so", &android().soname("libc++_shared.so"))
    };
    let report = Verdict::of(&wheel(21), &[]).report;
    assert_eq!(report["findings"][0]["code"], "tag");
    assert_eq!(report["findings"][0]["remedy"], "it earns `android_24_arm64_v8a`");
    assert_eq!(Verdict::of(&wheel(24), &["--strict"]).status, 0);
}
