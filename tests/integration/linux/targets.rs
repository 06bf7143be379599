//! Other machines and other C libraries than those of this one, and wheels with nothing to do.

use crate::support::{Elf, Sandbox, Wheel};

#[test]
fn wheels_for_every_machine_are_repaired_on_this_one() {
    for (file, arch, tags) in [
        ("aarch64", "aarch64", "manylinux2014_aarch64.manylinux_2_17_aarch64"),
        ("i386", "i686", "manylinux1_i686.manylinux_2_5_i686"),
        ("armv7", "armv7l", "manylinux2014_armv7l.manylinux_2_17_armv7l"),
        ("powerpc64le", "ppc64le", "manylinux2014_ppc64le.manylinux_2_17_ppc64le"),
        ("s390x", "s390x", "manylinux2014_s390x.manylinux_2_17_s390x"),
        ("riscv64", "riscv64", "manylinux_2_31_riscv64"),
        ("loongarch64", "loongarch64", "manylinux_2_36_loongarch64"),
        ("x86_64-lld", "x86_64", "manylinux1_x86_64.manylinux_2_5_x86_64"),
    ] {
        let file = format!("elf/{file}.so");
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &Elf::of(&file).soname("libfoo.so.1"));
        let wheel = Wheel::new("demo").tag(&format!("cp312-cp312-linux_{arch}"));
        let wheel = wheel.elf("demo/_ext.so", &Elf::of(&file).no_soname().needed("libfoo.so.1"));
        let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
        let vendored = output.vendored("demo.libs", "libfoo-#.so.1");
        let extension = output.elf("demo/_ext.so");
        assert_eq!(
            extension.needed.last().map(String::as_str),
            vendored.strip_prefix("demo.libs/")
        );
        assert_eq!(extension.rpath.as_deref(), Some("$ORIGIN/../demo.libs"), "{arch}");
        assert_eq!(output.file_name(), format!("demo-1.0-cp312-cp312-{tags}.whl"));
    }
}

#[test]
fn a_wheel_for_musl_gets_a_musllinux_tag() {
    let musl = |elf: Elf| elf.renamed("libc.so", "libc.musl-x86_64.so.1");
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &musl(Elf::of("elf/x86_64-musl.so")).soname("libfoo.so.1"));
    let extension = musl(Elf::of("elf/x86_64-musl.so")).no_soname().needed("libfoo.so.1");
    let output = sandbox.repair(&Wheel::demo(&extension), &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs"), ["libfoo-#.so.1"]);
    assert_eq!(output.elf("demo/_ext.so").rpath.as_deref(), Some("$ORIGIN/../demo.libs"));
    assert_eq!(output.file_name(), "demo-1.0-cp312-cp312-musllinux_1_1_x86_64.whl");
}

#[test]
fn a_library_for_glibc_is_not_taken_into_a_wheel_for_musl() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let extension = Elf::of("elf/x86_64-musl.so").renamed("libc.so", "libc.musl-x86_64.so.1");
    let wheel = Wheel::demo(&extension.no_soname().needed("libfoo.so.1"));
    let text = sandbox.refusal(&wheel, &["--lib-path", "libs", "--ldpaths", "nowhere"]);
    let passed = "\n  passed over: ROOT/libs/libfoo.so.1: for glibc, the wheel is for musl\n";
    assert!(text.contains(passed), "{text}");
}

#[test]
fn a_binary_of_another_machine_in_the_wheel_is_left_alone_and_told() {
    let sandbox = Sandbox::new();
    let foreign = Elf::of("elf/s390x.so");
    let wheel = Wheel::demo(&Elf::module(&[])).elf("demo/firmware.so", &foreign);
    let run = sandbox.try_repair(&wheel, &[]);
    assert!(run.stderr.contains("demo/firmware.so"), "{}", run.stderr);
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.bytes("demo/firmware.so"), foreign.bytes());
}

#[test]
fn a_wheel_that_needs_nothing_is_copied_byte_by_byte() {
    let sandbox = Sandbox::new();
    let tag = "cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64";
    let wheel = Wheel::demo(&Elf::module(&[])).tag(tag);
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.archive(), wheel.bytes());
}

#[test]
fn a_wheel_for_any_platform_without_binaries_is_copied_byte_by_byte() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::new("demo").tag("py3-none-any").file("demo/__init__.py", "");
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.file_name(), "demo-1.0-py3-none-any.whl");
    assert_eq!(output.archive(), wheel.bytes());
}

#[test]
fn a_wheel_for_linux_without_binaries_keeps_its_tags_and_says_so() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::new("demo").file("demo/__init__.py", "");
    let run = sandbox.try_repair(&wheel, &[]);
    assert_eq!(run.status, 0);
    let note = "note: no ELF file in the wheel: its tags stay as they are\n";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    assert_eq!(sandbox.names("out"), [wheel.file_name()]);
}

#[test]
fn a_wheel_without_dynamic_binaries_has_nothing_to_bring() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[])).file("demo/not-elf.so", "MZ is no library");
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.text("demo/not-elf.so"), "MZ is no library");
}

#[test]
fn binaries_are_told_by_their_bytes_and_not_by_their_names() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let extension = Elf::module(&["libfoo.so.1"]);
    let wheel = Wheel::new("demo").elf("demo/odd.py", &extension).elf("demo/noext", &extension);
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    for member in ["demo/odd.py", "demo/noext"] {
        assert_eq!(output.elf(member).rpath.as_deref(), Some("$ORIGIN/../demo.libs"));
    }
}

#[test]
fn files_without_section_headers_are_repaired_like_others() {
    for file in ["no-sections.so", "code-first.so", "align-2m.so", "relr.so", "sysv-hash.so"] {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &Elf::of(&format!("elf/{file}")).soname("libfoo.so.1"));
        let output =
            sandbox.repair(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &["--lib-path", "libs"]);
        let vendored = output.vendored("demo.libs", "libfoo-#.so.1");
        assert_eq!(output.elf(&vendored).soname.as_deref(), vendored.strip_prefix("demo.libs/"));
    }
}

#[test]
fn a_wheel_that_needs_plain_libc_so_is_one_for_musl() {
    let sandbox = Sandbox::new();
    sandbox.elf("glibc/libfoo.so.1", &Elf::library("libfoo.so.1"));
    sandbox.elf("musl/libfoo.so.1", &Elf::of("elf/x86_64-musl.so").soname("libfoo.so.1"));
    let extension = Elf::of("elf/x86_64-musl.so").no_soname().needed("libfoo.so.1");
    let run = sandbox.try_repair(&Wheel::demo(&extension), &["--lib-path", "glibc:musl", "--json"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["vendored"][0]["source"], "ROOT/musl/libfoo.so.1");
    assert_eq!(sandbox.names("out"), ["demo-1.0-cp312-cp312-musllinux_1_1_x86_64.whl"]);
}

#[test]
fn a_program_for_another_c_library_is_left_alone_and_told() {
    let foreign = Elf::of("elf/program");
    let wheel = Wheel::demo(&Elf::of("elf/x86_64-musl.so").no_soname()).elf("demo/tool", &foreign);
    let sandbox = Sandbox::new();
    // A module says what the wheel is for; this one has no entry point, so the tag says it.
    let wheel = wheel.tag("cp312-cp312-musllinux_1_2_x86_64");
    let run = sandbox.try_repair(&wheel, &[]);
    let note = "note: demo/tool is for glibc and left as it is, the wheel is for musl\n";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    assert_eq!(sandbox.repair(&wheel, &[]).bytes("demo/tool"), foreign.bytes());
}

/// An Arm library whose build attributes say this processor.
fn arm(cpu_arch: u8) -> Vec<u8> {
    let mut bytes = Elf::of("elf/armv7.so").bytes();
    let at = |text: &[u8]| bytes.windows(text.len()).position(|found| found == text);
    let start = at(b"aeabi\0").expect("build attributes");
    let end = start + bytes[start..].windows(2).position(|pair| pair == [6, 10]).expect("ARMv7");
    bytes[end + 1] = cpu_arch;
    bytes
}

/// An Arm library for processes whose floating-point arguments travel in integer registers, as the
/// header says it or as the attributes do.
fn soft_float(by_attributes: bool) -> Vec<u8> {
    let mut bytes = Elf::of("elf/armv7.so").bytes();
    if by_attributes {
        let start = bytes.windows(6).position(|found| found == b"aeabi\0").expect("attributes");
        let tag = bytes[start..].windows(2).position(|pair| pair == [28, 1]).expect("hard float");
        bytes[start + tag + 1] = 0;
    } else {
        // EF_ARM_ABI_FLOAT_SOFT for EF_ARM_ABI_FLOAT_HARD in `e_flags`, and no word in the attributes.
        bytes[37] = 2;
        let start = bytes.windows(6).position(|found| found == b"aeabi\0").expect("attributes");
        let tag = bytes[start..].windows(2).position(|pair| pair == [28, 1]).expect("hard float");
        bytes[start + tag..start + tag + 2].copy_from_slice(&[30, 1]);
    }
    bytes
}

#[test]
fn soft_float_is_another_machine() {
    let tag = "cp312-cp312-linux_armv7l";
    let is = "32-bit Arm with arguments for soft float";
    for by_attributes in [false, true] {
        // Alone.
        let alone = Wheel::new("demo").tag(tag).file("demo/_ext.so", soft_float(by_attributes));
        let text = Sandbox::new().refusal(&alone, &[]);
        assert_eq!(text, format!("no ELF file of the wheel is for armv7l: demo/_ext.so ({is})"));
        // On the search path.
        let sandbox = Sandbox::new();
        sandbox.write("soft/libfoo.so.1", soft_float(by_attributes));
        let hard = Elf::of("elf/armv7.so");
        let extension = hard.clone().needed("libfoo.so.1");
        let wheel = Wheel::demo(&extension).tag(tag);
        let text = sandbox.refusal(&wheel, &["--lib-path", "soft"]);
        let passed = format!("ROOT/soft/libfoo.so.1: for {is}, the wheel is for armv7l");
        assert!(text.contains(&passed), "{text}");
        sandbox.elf("hard/libfoo.so.1", &hard.soname("libfoo.so.1"));
        let output = sandbox.repair(&wheel, &["--lib-path", "soft:hard"]);
        assert_eq!(output.names_in("demo.libs"), ["libfoo-#.so.1"]);
        // In the wheel.
        let mixed = Wheel::demo(&Elf::of("elf/armv7.so"))
            .tag("cp312-cp312-manylinux_2_31_armv7l")
            .file("demo/libsoft.so", soft_float(by_attributes));
        let sandbox = Sandbox::new();
        mixed.build(sandbox.root());
        let run = sandbox.run(&["check", &mixed.file_name()]);
        let told = format!("demo/libsoft.so: for {is}, the wheel is for armv7l");
        assert!(run.stdout.contains(&told), "{run:?}");
        let run = sandbox.try_repair(&mixed, &[]);
        let note =
            format!("demo/libsoft.so is for {is} and left as it is, the wheel is for armv7l");
        assert!(run.stderr.contains(&note), "{run:?}");
    }
}

#[test]
fn a_wheel_for_armv6_keeps_its_tag_and_brings_its_libraries() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::of("elf/armv7.so").soname("libfoo.so.1"));
    let tag = "cp312-cp312-linux_armv6l";
    let wheel = Wheel::new("demo").tag(tag).file("demo/_ext.so", arm(6));
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.file_name(), format!("demo-1.0-{tag}.whl"));
    let any = Wheel::new("demo").tag("py3-none-any").file("demo/_ext.so", arm(6));
    let output = Sandbox::new().repair(&any, &[]);
    assert_eq!(output.file_name(), "demo-1.0-py3-none-linux_armv6l.whl");
    let newer = Wheel::new("demo").tag(tag).file("demo/_ext.so", arm(10));
    let text = Sandbox::new().refusal(&newer, &[]);
    assert_eq!(text, "no ELF file of the wheel is for armv6l: demo/_ext.so (armv7l)");
}
