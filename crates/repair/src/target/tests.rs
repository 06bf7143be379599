//! Tests of the target facts: headers, names and the libraries that belong to a machine.

use super::*;

const ARM_FLAGS: u32 = EF_ARM_EABI_VER5 | EF_ARM_ABI_FLOAT_HARD;

#[test]
fn an_elf_header_names_its_architecture() {
    let cases = [
        ((62, true, true, 0), Some(Arch::X86_64)),
        ((62, false, true, 0), None), // x32
        ((3, false, true, 0), Some(Arch::I686)),
        ((183, true, true, 0), Some(Arch::Aarch64)),
        ((183, true, false, 0), None),
        ((21, true, true, 2), Some(Arch::Ppc64le)),
        ((21, true, false, 1), Some(Arch::Ppc64)),
        ((22, true, false, 0), Some(Arch::S390x)),
        ((22, false, false, 0), None),
        ((243, true, true, 5), Some(Arch::Riscv64)),
        ((243, false, true, 5), None),
        ((258, true, true, 0x43), Some(Arch::Loongarch64)),
        ((40, false, true, ARM_FLAGS), Some(Arch::Armv7l)),
        ((40, false, true, EF_ARM_EABI_VER5), None),
        ((40, false, false, ARM_FLAGS), None),
        ((8, false, true, 0), None),
        ((247, true, true, 0), None),
    ];
    for ((machine, class64, little_endian, flags), expected) in cases {
        let header = ElfMachine { machine, class64, little_endian, flags };
        assert_eq!(header.arch(), expected, "{header:?}");
    }
}

#[test]
fn the_arm_attributes_tell_version_6_from_version_7() {
    let cases = [
        (None, Some(Arch::Armv7l)),
        (Some(4), Some(Arch::Armv6l)),
        (Some(6), Some(Arch::Armv6l)),
        (Some(9), Some(Arch::Armv6l)),
        (Some(10), Some(Arch::Armv7l)),
        (Some(11), None),
        (Some(13), None),
        (Some(14), Some(Arch::Armv7l)),
        (Some(255), None),
    ];
    for (cpu_arch, expected) in cases {
        let actual = arch_from_elf(
            EM_ARM,
            false,
            true,
            ARM_FLAGS,
            ArmAttributes { cpu_arch, vfp_args: None },
        );
        assert_eq!(actual, expected, "{cpu_arch:?}");
    }
    let arm = ArmAttributes { cpu_arch: Some(6), vfp_args: Some(0) };
    assert_eq!(arch_from_elf(EM_X86_64, true, true, 0, arm), Some(Arch::X86_64));
}

#[test]
fn the_arm_attributes_tell_the_float_abi_before_the_header_does() {
    let (hard, soft) = (Some(FloatAbi::Hard), Some(FloatAbi::Soft));
    let soft_flags = EF_ARM_EABI_VER5 | EF_ARM_ABI_FLOAT_SOFT;
    for (flags, vfp_args, abi, arch) in [
        (ARM_FLAGS, None, hard, Some(Arch::Armv7l)),
        (ARM_FLAGS, Some(1), hard, Some(Arch::Armv7l)),
        (ARM_FLAGS, Some(0), soft, None),
        (soft_flags, None, soft, None),
        (soft_flags, Some(1), hard, Some(Arch::Armv7l)),
        // As binutils before 2.23 wrote it.
        (EF_ARM_EABI_VER5, Some(1), hard, Some(Arch::Armv7l)),
        (EF_ARM_EABI_VER5, Some(0), soft, None),
        (EF_ARM_EABI_VER5, None, None, None),
        // No function of such a file has floating-point arguments.
        (soft_flags, Some(3), None, Some(Arch::Armv7l)),
        (0, None, None, None),
    ] {
        let arm = ArmAttributes { cpu_arch: Some(10), vfp_args };
        assert_eq!(arm_float_abi(flags, arm), abi, "{flags:#x} {vfp_args:?}");
        assert_eq!(arch_from_elf(EM_ARM, false, true, flags, arm), arch, "{flags:#x} {vfp_args:?}");
    }
    let arm = |cpu_arch| ArmAttributes { cpu_arch: Some(cpu_arch), vfp_args: None };
    assert_eq!(android_arch(EM_ARM, arm(10)), Some(Arch::Armv7l));
    assert_eq!(android_arch(EM_ARM, arm(4)), None);
}

#[test]
fn an_architecture_reads_back_from_its_name() {
    for arch in Arch::ALL {
        assert_eq!(arch.to_string().parse(), Ok(arch));
    }
    assert_eq!("arm64_v8a".parse(), Ok(Arch::Aarch64));
    assert_eq!("armeabi_v7a".parse(), Ok(Arch::Armv7l));
    assert_eq!("x86".parse(), Ok(Arch::I686));
    assert_eq!("x86_64_v3".parse(), Ok(Arch::X86_64));
}

#[test]
fn a_text_that_is_no_architecture_is_refused() {
    let error = "amd64".parse::<Arch>().unwrap_err();
    assert_eq!(error.to_string(), "`amd64` is no architecture that a Linux or Android tag names");
}

#[test]
fn the_c_library_shows_in_interpreter_then_needed_names_then_file_name() {
    /// Interpreter, needed names, file name, what they show.
    type Case = (Option<&'static str>, &'static [&'static str], &'static str, Option<Libc>);
    let cases: [Case; 20] = [
        (Some("/lib64/ld-linux-x86-64.so.2"), &[], "", Some(Libc::Glibc)),
        (Some("/lib/ld64.so.1"), &[], "", Some(Libc::Glibc)),
        (Some("/lib/ld-musl-x86_64.so.1"), &["libc.so.6"], "", Some(Libc::Musl)),
        (Some("/system/bin/linker64"), &[], "", Some(Libc::Bionic)),
        (Some("/lib/ld-uClibc.so.0"), &[], "", None),
        (None, &["libfoo.so", "libc.so.6"], "", Some(Libc::Glibc)),
        (None, &["ld-linux-aarch64.so.1"], "", Some(Libc::Glibc)),
        (None, &["libc.musl-x86_64.so.1"], "a.cpython-39-x86_64-linux-gnu.so", Some(Libc::Musl)),
        (None, &["libc.so.6", "libc.musl-x86_64.so.1"], "", None),
        (None, &["libc.so"], "", None),
        (None, &["libc.so", "libdl.so"], "", Some(Libc::Bionic)),
        (None, &["libc.so"], "a/b.cpython-313-x86_64-linux-musl.so", Some(Libc::Musl)),
        (None, &[], "b.cpython-312-arm-linux-musleabihf.so", Some(Libc::Musl)),
        (None, &[], "b.cpython-311-x86_64-linux-gnu.so", Some(Libc::Glibc)),
        (None, &[], "b.cpython-314t-arm-linux-gnueabihf.so", Some(Libc::Glibc)),
        (None, &[], "b.cpython-310-x86_64-linux-gnu.so", None),
        (None, &[], "b.pypy311-pp73-x86_64-linux-gnu.so", None),
        (None, &[], "b.cpython-313-aarch64-linux-android.so", Some(Libc::Bionic)),
        (None, &[], "b.abi3.so", None),
        (None, &[], "", None),
    ];
    for (interpreter, needed, file_name, expected) in cases {
        let actual = libc_of(interpreter, needed, file_name);
        assert_eq!(actual, expected, "{interpreter:?} {needed:?} {file_name}");
    }
}

#[test]
fn loaders_are_known_by_their_exact_names() {
    let loaders = [
        "ld-linux.so.2",
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
        "ld-linux-armhf.so.3",
        "ld-linux-riscv64-lp64d.so.1",
        "ld-linux-loongarch-lp64d.so.1",
        "ld64.so.1",
        "ld64.so.2",
        "ld.so.1",
        "ld-lsb-x86-64.so.3",
        "ld-musl-armhf.so.1",
        "ld-android.so",
    ];
    for name in loaders {
        assert!(is_loader(name), "{name}");
    }
    let others = [
        "libld-linux.so.2",
        "ld-linux",
        "ld-linuxfoo.so.2",
        "ld-linux.so",
        "ld-linux.so.x",
        "ld-musl-.so.1",
        "ld64.so.3",
        "libc.so.6",
        "",
    ];
    for name in others {
        assert!(!is_loader(name), "{name}");
    }
}

#[test]
fn libpython_is_known_by_every_name_its_builds_give() {
    let names = [
        "libpython3.12.so.1.0",
        "libpython3.13t.so.1.0",
        "libpython3.13td.so.1.0",
        "libpython3.12d.so",
        "libpython3.12d.so.1.0",
        "libpython3.7m.so.1.0",
        "libpython3.2dmu.so.1.0",
        "libpython3.so",
        "libpython3.13.so",
        "libpython2.7.so.1.0",
        "libpython2.7_d.so.1.0",
        "libpypy3.10-c.so",
        "libpypy3-c.so",
        "libpypy-c.so",
    ];
    for name in names {
        assert!(is_libpython(name), "{name}");
    }
    let others = [
        "libpython_helper.so",
        "libpython.so",
        "libpython3-helper.so",
        "libpython3.12-1a2b3c4d.so.1.0",
        "libpython3-045a6c73.14t.so.1.0",
        "libpython3.12.so.bak",
        "libpython3.12.so.",
        "libpython3.12.12.so",
        "libpythonm.so",
        "libboost_python312.so.1.83.0",
        "libpypy3.10.so",
        "libpypy-x-c.so",
        "python3.12.so",
        "",
    ];
    for name in others {
        assert!(!is_libpython(name), "{name}");
    }
}
