//! What the wheel needs and what it promises.

use std::fs;

use crate::support::{Elf, Sandbox, Wheel};

fn refused(wheel: &Wheel, words: &[&str]) -> String {
    Sandbox::new().refusal(wheel, words)
}

#[test]
fn a_missing_library_with_every_place_searched_and_what_was_passed_over() {
    let sandbox = Sandbox::new();
    sandbox.write("sysroot/etc/ld.so.conf", "/conf\n");
    sandbox.elf("typed/libfoo.so.1", &Elf::of("elf/s390x.so").soname("libfoo.so.1"));
    sandbox.write("own/libfoo.so.1", "INPUT(libfoo.so.2)\n");
    let needs_foo = Elf::module(&["libfoo.so.1"]);
    let extension = needs_foo.clone().rpath("/build/lib:$ORIGIN/lib:$ORIGIN/../../x");
    let wheel = Wheel::demo(&extension).elf("demo/_two.so", &needs_foo.rpath("/other/lib"));
    let text = sandbox.refusal(&wheel, &["--lib-path", "typed", "--lib-path", "own"]);
    assert_eq!(
        text,
        "demo/_ext.so, demo/_two.so need `libfoo.so.1`, which was not found\n  searched: \
         ROOT/sysroot/build/lib (RPATH of demo/_ext.so), /build/lib (RPATH of demo/_ext.so), \
         demo/lib/ in the wheel, $ORIGIN/../../x (outside the wheel), ROOT/typed (--lib-path), \
         ROOT/own (--lib-path), ROOT/sysroot/conf (ld.so.conf), \
         ROOT/sysroot/lib/x86_64-linux-gnu (default directory), \
         ROOT/sysroot/usr/lib/x86_64-linux-gnu (default directory), ROOT/sysroot/lib64 (default \
         directory), ROOT/sysroot/usr/lib64 (default directory), ROOT/sysroot/lib (default \
         directory), ROOT/sysroot/usr/lib (default directory), ROOT/sysroot/other/lib (RPATH of \
         demo/_two.so), /other/lib (RPATH of demo/_two.so)\n  passed over: \
         ROOT/typed/libfoo.so.1: for s390x, the wheel is for x86_64\n  passed over: \
         ROOT/own/libfoo.so.1: not an ELF file (a linker script?)\n  hint: name its directory \
         with `--lib-path DIR`, or leave it out with `--exclude libfoo.so.1`"
    );
}

#[test]
fn every_missing_library_is_told_at_once() {
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1", "libbar.so.2"]));
    assert_eq!(
        refused(&wheel, &["--ldpaths", "nowhere"]),
        "demo/_ext.so needs `libbar.so.2`, which was not found\n  searched: ROOT/nowhere \
         (--ldpaths)\n  hint: name its directory with `--lib-path DIR`, or leave it out with \
         `--exclude libbar.so.2`\ndemo/_ext.so needs `libfoo.so.1`, which was not found\n  \
         searched: ROOT/nowhere (--ldpaths)\n  hint: name its directory with `--lib-path DIR`, or \
         leave it out with `--exclude libfoo.so.1`"
    );
}

#[test]
fn a_tag_that_is_not_earned_with_symbols_and_files() {
    let wheel = Wheel::demo(&Elf::of("repair/needs-glibc-2.34.so"));
    assert_eq!(
        refused(&wheel, &["--plat", "manylinux_2_28_x86_64"]),
        "the content does not earn the tag `manylinux_2_28_x86_64`\n  because: demo/_ext.so needs \
         GLIBC_2.34 of libc.so.6 (pthread_create, dlsym)\n  hint: it earns \
         `manylinux_2_34_x86_64`: ask for that or a newer one, or build on an older system"
    );
}

#[test]
fn a_tag_that_a_vendored_library_does_not_earn() {
    let sandbox = Sandbox::new();
    let newer = Elf::of("repair/needs-glibc-2.34.so").soname("libfoo.so.1");
    sandbox.elf("libs/libfoo.so.1", &newer);
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let words = ["--lib-path", "libs", "--plat", "manylinux2014_x86_64"];
    assert_eq!(
        sandbox.refusal(&wheel, &words),
        "the content does not earn the tag `manylinux2014_x86_64`\n  because: ROOT/libs/libfoo.so.1 \
         needs GLIBC_2.34 of libc.so.6 (pthread_create, dlsym)\n  hint: it earns \
         `manylinux_2_34_x86_64`: ask for that or a newer one, or build on an older system"
    );
}

#[test]
fn instructions_that_the_tag_does_not_promise() {
    let text = refused(&Wheel::demo(&Elf::of("repair/needs-x86-64-v3.so")), &[]);
    assert_eq!(
        text,
        "the content earns no tag, not even `manylinux_2_41_x86_64`\n  because: demo/_ext.so needs instructions of x86-64-v3, which the tag does not promise\n  hint: if the code asks the processor before it uses them, say so with `--disable-isa-ext-check`\n  hint: no tag promises that; `--no-update-tags` writes the wheel with the tags it has"
    );
}

#[test]
fn instructions_that_the_tag_does_not_promise_in_a_library_of_the_wheel() {
    let library = Elf::of("repair/needs-x86-64-v3.so");
    let text = refused(&Wheel::demo(&Elf::module(&[])).elf("demo/libown.so", &library), &[]);
    let because = "\n  because: demo/libown.so needs instructions of x86-64-v3, which the tag does not promise\n";
    assert!(text.contains(because), "{text}");
}

#[test]
fn weak_references_to_what_only_some_pythons_have_do_not_count() {
    for file in ["needs-fpectl.so", "needs-ucs2.so"] {
        let mut bytes = Elf::of(&format!("repair/{file}")).bytes();
        // `.dynsym` begins at 0x218 in both, and the name is that of its fifth symbol of 24 bytes; `st_info`,
        // the fifth byte, has the binding in its upper half: STB_GLOBAL is 1, STB_WEAK 2.
        let info = &mut bytes[0x218 + 4 * 24 + 4];
        assert_eq!(*info, 0x10, "{file}");
        *info = 0x20;
        Sandbox::new().repair(&Wheel::new("demo").file("demo/_ext.so", bytes), &[]);
    }
}

#[test]
fn symbols_that_only_some_pythons_have() {
    for (file, what) in [
        ("needs-fpectl.so", "`PyFPE_jbuf`, which only Pythons built with fpectl have"),
        (
            "needs-ucs2.so",
            "`PyUnicodeUCS2_FromString`, which only narrow-Unicode builds of Python 2 have",
        ),
    ] {
        let text = refused(&Wheel::demo(&Elf::of(&format!("repair/{file}"))), &[]);
        assert_eq!(
            text,
            format!(
                "the content earns no tag, not even `manylinux_2_41_x86_64`\n  because: demo/_ext.so needs {what}\n  hint: no tag promises that; `--no-update-tags` writes the wheel with the tags it has"
            )
        );
    }
}

#[test]
fn a_libstdcxx_newer_than_every_policy() {
    let text = refused(&Wheel::demo(&Elf::of("repair/uses-newer-libstdc++.so")), &[]);
    assert_eq!(
        text,
        "the content earns no tag, not even `manylinux_2_41_x86_64`\n  because: demo/_ext.so needs GLIBCXX_3.4.99 of libstdc++.so.6 (from_the_future)\n  hint: no tag promises that; `--no-update-tags` writes the wheel with the tags it has"
    );
}

#[test]
fn a_tag_of_another_machine_or_c_library() {
    let wheel = Wheel::demo(&Elf::module(&[]));
    for (tag, text) in [
        (
            "manylinux_2_28_aarch64",
            "the wheel is for x86_64, the requested tag for aarch64\n  hint: ask for a tag of the \
             wheel's own architecture, or for none",
        ),
        (
            "musllinux_1_2_x86_64",
            "the wheel is built for glibc, the requested tag is for musl\n  hint: build the wheel \
             against the C library of the tag",
        ),
        (
            "manylinux_1_0_x86_64",
            "`manylinux_1_0_x86_64` is no tag that a wheel for x86_64 can have\n  hint: ask for `auto`, or for a tag such as `manylinux_2_28_x86_64` or `musllinux_1_2_aarch64`",
        ),
        (
            "win_amd64",
            "`win_amd64` is no tag that a wheel for x86_64 can have\n  hint: ask for `auto`, or for a tag such as `manylinux_2_28_x86_64` or `musllinux_1_2_aarch64`",
        ),
        (
            "macosx_11_0_arm64",
            "`macosx_11_0_arm64` is no tag that a wheel for x86_64 can have\n  hint: ask for `auto`, or for a tag such as `manylinux_2_28_x86_64` or `musllinux_1_2_aarch64`",
        ),
    ] {
        assert_eq!(refused(&wheel, &["--plat", tag]), text, "{tag}");
    }
}

#[test]
fn a_wheel_without_a_binary_for_its_tag() {
    let wheel = Wheel::demo(&Elf::module(&[])).tag("cp312-cp312-linux_aarch64");
    assert_eq!(
        refused(&wheel, &[]),
        "no ELF file of the wheel is for aarch64: demo/_ext.so (x86_64)"
    );
}

#[test]
fn a_result_that_would_take_the_place_of_its_input() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let before = (wheel.build(sandbox.root()), sandbox.files()).1;
    let words =
        ["repair", "-w", ".", "--no-update-tags", "--sysroot", "sysroot", "--lib-path", "libs"];
    let name = wheel.file_name();
    let run = sandbox.run(&[&words[..], &[&name]].concat());
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        format!(
            "error: {name}: the repaired wheel has the name of the input and would take its \
             place\n  hint: choose another directory with `--wheel-dir`\n"
        )
    );
    assert_eq!(sandbox.files(), before);
}

#[test]
fn an_input_that_is_the_output_and_needs_nothing_stays() {
    let sandbox = Sandbox::new();
    let tag = "cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64";
    let wheel = Wheel::demo(&Elf::module(&[])).tag(tag);
    wheel.build(sandbox.root());
    let run = sandbox.run(&["repair", "-w", ".", "--sysroot", "sysroot", &wheel.file_name()]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(sandbox.names(""), [wheel.file_name(), "sysroot".to_owned()]);
    assert_eq!(fs::read(sandbox.root().join(wheel.file_name())).unwrap(), wheel.bytes());
}

#[test]
fn two_wheels_whose_results_would_have_one_name() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]));
    for directory in ["a", "b"] {
        fs::create_dir(sandbox.root().join(directory)).unwrap();
        wheel.build(&sandbox.root().join(directory));
    }
    let name = wheel.file_name();
    let (a, b) = (format!("a/{name}"), format!("b/{name}"));
    let run = sandbox.run(&["repair", "-w", "out", "--sysroot", "sysroot", &a, &b]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        format!(
            "error: {b}: the result would be called \
             `demo-1.0-cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64.whl`, like that of {a}\n  \
             hint: repair them one at a time, into different directories\n"
        )
    );
    assert_eq!(sandbox.names("out"), [""; 0]);
}

#[test]
fn a_place_for_a_vendored_library_that_is_taken() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let name =
        sandbox.repair(&wheel, &["--lib-path", "libs"]).vendored("demo.libs", "libfoo-#.so.1");
    fs::remove_dir_all(sandbox.root().join("out")).unwrap();
    let wheel = wheel.file(&name, "something else");
    assert_eq!(
        sandbox.refusal(&wheel, &["--lib-path", "libs"]),
        format!(
            "the wheel already has {name}, and it is not the library to add\n  hint: choose \
             another directory with `--lib-sdir`"
        )
    );
}

#[test]
fn two_libraries_that_would_have_one_name() {
    let sandbox = Sandbox::new();
    sandbox.elf("one/libfoo.so.1", &Elf::library("libfoo.so.1"));
    sandbox.elf("two/libfoo.so.1", &Elf::other_library("libfoo.so.1"));
    let extension = |path: &str| Elf::module(&["libfoo.so.1"]).rpath(&sandbox.path(path));
    let wheel = Wheel::demo(&extension("one")).elf("demo/b.so", &extension("two"));
    assert_eq!(
        sandbox.refusal(&wheel, &["--no-mangle", "libfoo*"]),
        "two different libraries would both be demo.libs/libfoo.so.1 in the wheel: \
         ROOT/one/libfoo.so.1 and ROOT/two/libfoo.so.1\n  hint: take them out of \
         `--no-mangle` or `--include`, which keep names as they are"
    );
}

#[test]
fn a_directory_for_libraries_that_no_wheel_can_have_is_wrong_usage() {
    let hint = "\n  hint: `.libs` gives a directory beside the package, `/libs` one in it, `/` \
                the package itself\n";
    for (suffix, what) in [
        ("", " is empty"),
        (".", " has a part that ends in a dot or a space"),
        ("/../../etc", " has a part that ends in a dot or a space"),
        ("a:b", " has `:`, which no search path can have"),
        ("$ORIGIN", " has `$`, which no search path can have"),
        ("a//b", " has an empty part"),
        ("-1.0.dist-info", " gives a directory that installers do not copy"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
        let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
        let option = format!("--lib-sdir={suffix}");
        let run = sandbox.try_repair(&wheel, &["--lib-path", "libs", &option]);
        assert_eq!(run.stderr, format!("error: `--lib-sdir {suffix}`{what}{hint}"));
        assert_eq!((run.status, &*run.stdout), (2, ""));
        assert_eq!(sandbox.names("out"), [""; 0]);
    }
}

#[test]
fn a_pattern_that_is_none() {
    let sandbox = Sandbox::new();
    for option in ["--exclude", "--no-mangle", "--force-vendor"] {
        let run = sandbox.try_repair(&Wheel::demo(&Elf::module(&[])), &[option, "lib[foo"]);
        let text = format!(
            "error: `{option} lib[foo` is no pattern: unclosed character class; missing ']'\n"
        );
        assert_eq!((run.status, run.stderr), (2, text));
    }
}

#[test]
fn an_elf_file_cut_at_any_length() {
    let whole = Elf::module(&[]).bytes();
    let sandbox = Sandbox::new();
    for len in (4..whole.len()).step_by(97) {
        let wheel = Wheel::new("demo").file("demo/_ext.so", &whole[..len]);
        let run = sandbox.try_repair(&wheel, &[]);
        assert!(run.status == 0 || run.status == 1, "cut at {len}: {run:?}");
        if run.status == 0 {
            // Only what no loader reads was cut off.
            fs::remove_dir_all(sandbox.root().join("out")).unwrap();
            assert!(len > whole.len() / 2, "cut at {len}");
            continue;
        }
        let start = format!("error: {}: demo/_ext.so: ", wheel.file_name());
        assert!(run.stderr.starts_with(&start), "cut at {len}: {}", run.stderr);
        assert_eq!(sandbox.names("out"), [""; 0]);
    }
}

#[test]
fn an_elf_file_that_lies() {
    for (offset, value, text) in [
        (
            0x20,
            [0xff; 8],
            "demo/_ext.so: the program header table at offset 0xffffffffffffffff runs past its end",
        ),
        (0x36, [0; 8], "demo/_ext.so: the ELF header has e_phentsize 0x0, which no rule allows"),
    ] {
        let mut bytes = Elf::module(&[]).bytes();
        let end = offset + if offset == 0x36 { 2 } else { 8 };
        bytes[offset..end].copy_from_slice(&value[..end - offset]);
        let wheel = Wheel::new("demo").file("demo/_ext.so", bytes);
        let hint = "hint: the file is damaged: build it again, or leave it out of the wheel";
        assert_eq!(refused(&wheel, &[]), format!("{text}\n  {hint}"));
    }
}
