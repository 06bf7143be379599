//! Wheels for macOS and Windows.

use std::fs;

use super::{Verdict, only};
use crate::support::{Elf, Sandbox, Wheel, testdata};

fn bytes(path: &str) -> Vec<u8> {
    fs::read(testdata(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn mac(tag: &str, module: &str) -> Wheel {
    let tag = format!("cp312-cp312-{tag}");
    Wheel::new("demo").tag(&tag).file("demo/_ext.so", bytes(&format!("macho/{module}")))
}

fn lines(wheel: &Wheel, words: &[&str]) -> Vec<String> {
    Verdict::of(wheel, words).lines()
}

#[test]
fn a_module_for_macos_has_the_processors_and_the_system_of_the_tag() {
    let library = bytes("macho/libneeded.arm64.dylib");
    let wheel =
        |tag: &str| mac(tag, "module.arm64.so").file("lib/libneeded.1.dylib", library.clone());
    let rpath = "error rpath-absolute demo/_ext.so: LC_RPATH `/opt/demo/lib` is a directory of the \
                 machine that built it";
    assert_eq!(lines(&wheel("macosx_15_0_arm64"), &[]), [rpath]);
    let both = lines(&wheel("macosx_15_0_universal2"), &[]);
    assert!(both.contains(
        &"error missing-arch demo/_ext.so: is for arm64, the tag also names x86_64".to_owned()
    ));
    let old = lines(&wheel("macosx_11_0_arm64"), &[]);
    assert!(
        old.contains(
            &"error tag *: the tag promises macOS 11.0 on arm64, demo/_ext.so, lib/libneeded.1.dylib need 14.2"
                .to_owned()
        ),
        "{old:#?}"
    );
}

#[test]
fn an_install_name_leads_to_a_file_of_the_wheel() {
    let missing =
        lines(&mac("macosx_15_0_arm64", "module.arm64.so"), &["--ignore", "rpath-absolute"]);
    assert_eq!(
        missing,
        ["error missing-library *: `@rpath/libneeded.1.dylib` is not in the wheel: needed by \
          demo/_ext.so; macOS does not have it"]
    );
    let elsewhere = mac("macosx_15_0_arm64", "module.arm64.so")
        .file("demo/deep/libneeded.1.dylib", bytes("macho/libneeded.arm64.dylib"));
    assert_eq!(
        lines(&elsewhere, &["--ignore", "rpath-absolute"]),
        ["error unreachable-library *: `@rpath/libneeded.1.dylib` does not lead to \
          `demo/deep/libneeded.1.dylib` in the wheel: needed by demo/_ext.so"]
    );
}

#[test]
fn a_module_for_windows_has_the_machine_of_the_tag_and_its_dlls() {
    let wheel = |tag: &str| {
        let tag = format!("cp312-cp312-{tag}");
        Wheel::new("demo").tag(&tag).file("demo/_ext.pyd", bytes("pe/module.x64.pyd"))
    };
    let with_library = wheel("win_amd64").file("demo/needed.dll", bytes("pe/needed.x64.dll"));
    assert_eq!(
        only(&with_library),
        "warning missing-library *: `late.dll` is not in the wheel: needed by demo/_ext.pyd at the \
         first call; it is not known to be a part of Windows"
    );
    assert_eq!(
        lines(&wheel("win_amd64"), &["--exclude", "late.dll"]),
        [
            "error missing-library *: `needed.dll` is not in the wheel: needed by demo/_ext.pyd; it is \
          not known to be a part of Windows"
        ]
    );
    assert_eq!(
        lines(&wheel("win_arm64"), &[]),
        ["error arch demo/_ext.pyd: for x64, the wheel is for arm64, arm64x"]
    );
}

#[test]
fn no_remedy_names_a_repair_that_refuses_the_wheel() {
    let windows = Wheel::new("demo")
        .tag("cp312-cp312-win_amd64")
        .file("demo/_ext.pyd", bytes("pe/module.x64.pyd"))
        .unlisted("demo/_ext.pyd");
    for wheel in [windows, mac("macosx_15_0_arm64", "module.arm64.so").unlisted("demo/_ext.so")] {
        let sandbox = Sandbox::new();
        let refused = sandbox.try_repair(&wheel, &[]).stderr.contains("is for another system");
        let findings = Verdict::of(&wheel, &[]).report["findings"].clone();
        let remedies = findings.as_array().expect("a list").iter();
        let named = remedies.filter(|finding| {
            finding["remedy"].as_str().is_some_and(|remedy| remedy.contains("truewheel repair"))
        });
        assert_eq!(named.count() == 0, refused, "{findings:#}");
    }
}

#[test]
fn a_signature_that_does_not_fit_the_code_is_told() {
    let mut module = bytes("macho/module.arm64.so");
    let at = module.windows(6).position(|window| window == b"PyInit").expect("a symbol's name");
    module[at] = b'p';
    let wheel = Wheel::new("demo")
        .tag("cp312-cp312-macosx_15_0_arm64")
        .file("demo/_ext.so", module)
        .file("lib/libneeded.1.dylib", bytes("macho/libneeded.arm64.dylib"));
    let found = lines(&wheel, &["--ignore", "rpath-absolute"]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("error signature demo/_ext.so: arm64: the page at offset ")
            && found[0].ends_with(" is not the signed one (Sha256)"),
        "{found:?}"
    );
}

/// The module for arm64 with another platform in its `LC_BUILD_VERSION`, and its signature the same.
fn built_for(platform: u8) -> Vec<u8> {
    let mut module = bytes("macho/module.arm64.so");
    // cmd 0x32, cmdsize 32 with one tool or 24 without, then the platform.
    let command = |window: &[u8]| window[..4] == [0x32, 0, 0, 0] && window[8..] == [1, 0, 0, 0];
    let at = module.windows(12).position(command).expect("LC_BUILD_VERSION");
    module[at + 8] = platform;
    module
}

#[test]
fn code_for_another_system_of_apple_is_told() {
    let wheel = |tag: &str, platform| {
        Wheel::new("demo")
            .tag(&format!("cp312-cp312-{tag}"))
            .file("demo/_ext.so", built_for(platform))
            .file("lib/libneeded.1.dylib", bytes("macho/libneeded.arm64.dylib"))
    };
    let ignored = ["--ignore", "rpath-absolute,signature"];
    assert_eq!(
        lines(&wheel("macosx_15_0_arm64", 6), &ignored),
        ["error other-system demo/_ext.so: is built for Mac Catalyst, the wheel is for macOS"]
    );
    assert_eq!(
        lines(&wheel("ios_15_0_arm64_iphoneos", 7), &ignored),
        [
            "error other-system demo/_ext.so: is built for iphonesimulator, the wheel is for iphoneos",
            "error other-system lib/libneeded.1.dylib: is built for another system, the wheel is for iphoneos"
        ]
    );
}

#[test]
fn a_library_without_code_for_a_processor_whose_code_names_it_is_an_error() {
    let wheel = mac("macosx_15_0_arm64.macosx_15_0_x86_64", "module.arm64.so")
        .file("lib/libneeded.1.dylib", bytes("macho/libneeded.x86_64.dylib"));
    let found = lines(&wheel, &["--ignore", "rpath-absolute"]);
    let library =
        "error missing-arch lib/libneeded.1.dylib: is for x86_64, the tag also names arm64";
    assert!(found.contains(&library.to_owned()), "{found:?}");
}

#[test]
fn symbols_have_no_underscore_of_macos() {
    let wheel = mac("macosx_15_0_arm64", "module.arm64.so");
    let words = ["--require-symbol", "PyInit_*", "--ignore", "missing-library,rpath-absolute"];
    assert_eq!(Verdict::of(&wheel, &words).status, 0);
}

#[test]
fn a_tag_that_nothing_looks_at_does_not_pass_in_silence() {
    let wheel = |tag: &str| Wheel::demo(&Elf::module(&[])).tag(&format!("cp312-cp312-{tag}"));
    for (tag, told) in [
        (
            "manylinux_2_28",
            "error tag *: `manylinux_2_28` is no platform tag: no installer accepts it",
        ),
        (
            "freebsd_14_2_release_amd64",
            "warning tag *: `freebsd_14_2_release_amd64` is for a system that is not known here: it \
             was not checked",
        ),
    ] {
        assert!(
            lines(&wheel(tag), &[]).contains(&told.to_owned()),
            "{:?}",
            lines(&wheel(tag), &[])
        );
    }
    let library = |tag: &str| {
        let tag = format!("py3-none-{tag}");
        Wheel::new("demo").tag(&tag).elf("demo/libfoo.so.1", &Elf::library("libfoo.so.1"))
    };
    for (tag, system) in [("macosx_11_0_arm64", "macOS"), ("win_amd64", "Windows")] {
        assert_eq!(
            only(&library(tag)),
            format!("warning tag *: `{tag}`: the binaries are for Linux, none is for {system}")
        );
    }
}
