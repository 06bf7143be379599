//! Wheels for Android (PEP 738): Bionic's loader reads `DT_RUNPATH` and no `DT_RPATH`, and what it does
//! hangs on the API level that the tag names.

use crate::support::{Elf, Sandbox, Wheel};

/// A binary as the NDK makes them: for aarch64, needing `libc.so`, `libm.so` and `libdl.so`.
fn android() -> Elf {
    Elf::of("repair/android.so")
}

fn wheel(api: u32) -> Wheel {
    let extension = android().no_soname().needed("libc++_shared.so").needed("liblog.so");
    Wheel::demo(&extension.needed("libpython3.13.so"))
        .tag(&format!("cp313-cp313-android_{api}_arm64_v8a"))
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf("ndk/libc++_shared.so", &android().soname("libc++_shared.so"));
    sandbox
}

#[test]
fn a_wheel_for_android_brings_libcxx_and_finds_it_by_runpath() {
    for words in [["--lib-path", "ndk"], ["--ldpaths", "ndk"]] {
        let output = sandbox().repair(&wheel(24), &words);
        assert_eq!(output.file_name(), "demo-1.0-cp313-cp313-android_24_arm64_v8a.whl");
        let vendored = output.vendored("demo.libs", "libc++_shared-#.so");
        let name = vendored.strip_prefix("demo.libs/").unwrap();
        let extension = output.elf("demo/_ext.so");
        assert!(extension.needed.contains(&name.to_owned()), "{:?}", extension.needed);
        // A module must name the interpreter's library there (PEP 738, "Linking to libpython").
        assert!(extension.needed.contains(&"libpython3.13.so".to_owned()));
        assert_eq!(
            (extension.rpath, extension.runpath.as_deref()),
            (None, Some("$ORIGIN/../demo.libs"))
        );
        let library = output.elf(&vendored);
        assert_eq!(
            (library.soname.as_deref(), library.rpath, library.runpath),
            (Some(name), None, None)
        );
    }
}

#[test]
fn no_library_of_the_machine_that_builds_is_taken_for_android() {
    let sandbox = sandbox();
    for directory in ["usr/lib", "lib", "lib64", "usr/lib/aarch64-linux-gnu"] {
        let path = format!("sysroot/{directory}/libc++_shared.so");
        sandbox.elf(&path, &android().soname("libc++_shared.so"));
    }
    let text = sandbox.refusal(&wheel(24), &[]);
    assert!(
        text.starts_with("demo/_ext.so needs `libc++_shared.so`, which was not found\n"),
        "{text}"
    );
}

#[test]
fn a_library_for_linux_is_not_taken_for_android() {
    let sandbox = sandbox();
    for (file, libc) in [("aarch64.so", "glibc"), ("x86_64-musl.so", "x86_64")] {
        sandbox.elf("other/libc++_shared.so", &Elf::of(&format!("elf/{file}")));
        let text = sandbox.refusal(&wheel(24), &["--lib-path", "other"]);
        assert!(
            text.contains(&format!("/libc++_shared.so: for {libc}, the wheel is for ")),
            "{text}"
        );
    }
}

#[test]
fn a_search_path_is_refused_where_the_api_level_does_not_read_it() {
    let text = sandbox().refusal(&wheel(21), &["--lib-path", "ndk"]);
    assert_eq!(
        text,
        "the content does not earn the tag `android_21_arm64_v8a`\n  because: demo/_ext.so needs \
         `libc++_shared.so` beside it, by way of DT_RUNPATH, which Android reads from API level 24 \
         on\n  hint: it earns `android_24_arm64_v8a`: ask for that with `--plat android_24_arm64_v8a`"
    );
    let words = ["--lib-path", "ndk", "--plat", "android_24_arm64_v8a"];
    let output = sandbox().repair(&wheel(21), &words);
    assert_eq!(output.file_name(), "demo-1.0-cp313-cp313-android_24_arm64_v8a.whl");
}

#[test]
fn libraries_of_a_newer_api_level_are_provided_there_only() {
    let wheel = |api: u32| {
        Wheel::demo(&android().no_soname().needed("libvulkan.so").needed("libaaudio.so"))
            .tag(&format!("cp313-cp313-android_{api}_arm64_v8a"))
    };
    let output = Sandbox::new().repair(&wheel(26), &[]);
    assert_eq!(output.archive(), wheel(26).bytes());
    let text = Sandbox::new().refusal(&wheel(24), &[]);
    assert!(text.starts_with("demo/_ext.so needs `libaaudio.so`, which was not found\n"), "{text}");
}
