//! Libraries that nothing needs by name and that the caller wants in the wheel.

use super::{assert_loads, demo, loads, slice};
use crate::support::{Mach, Sandbox};

/// A place with a plugin in `build` that needs a library in `libs`, and one that is a bundle.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let plugin = Mach::user("arm64", "@rpath/libplugin.dylib", "@rpath/libbar.2.dylib");
    sandbox.write("build/libplugin.dylib", plugin.bytes());
    sandbox.write("build/plugin.so", Mach::module("arm64", "@rpath/libbar.2.dylib").bytes());
    sandbox.write("libs/libbar.2.dylib", Mach::library("arm64", "@rpath/libbar.2.dylib").bytes());
    sandbox
}

fn module() -> Mach {
    Mach::module("arm64", "/usr/lib/libc++.1.dylib")
}

#[test]
fn an_included_library_keeps_its_name_and_its_needs_come_along() {
    let words = ["--lib-path", "libs", "--include", "build/libplugin.dylib"];
    let output = sandbox().repair(&demo(&module()), &words);
    assert_eq!(output.names_in("demo/.dylibs"), ["libbar.2.dylib", "libplugin.dylib"]);
    let names = loads(&output, "demo/.dylibs/libplugin.dylib", "arm64");
    assert_eq!(names, ["@loader_path/libbar.2.dylib"]);
    // Opened by its bare name, it is looked for along the rpaths of the caller.
    assert_eq!(slice(&output, "demo/_ext.so", "arm64").rpaths, ["@loader_path/.dylibs"]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn a_bundle_goes_where_the_package_opens_it() {
    let words = ["--lib-path", "libs", "--include", "build/plugin.so=demo/plugins"];
    let output = sandbox().repair(&demo(&module()), &words);
    let names = loads(&output, "demo/plugins/plugin.so", "arm64");
    assert_eq!(names, ["@loader_path/../.dylibs/libbar.2.dylib"]);
    assert_eq!(slice(&output, "demo/plugins/plugin.so", "arm64").id, None);
    assert_eq!(slice(&output, "demo/_ext.so", "arm64").rpaths, [""; 0]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn a_name_is_looked_for_as_dyld_would() {
    let words = ["--lib-path", "libs", "--lib-path", "build", "--include", "libplugin.dylib"];
    let output = sandbox().repair(&demo(&module()), &words);
    assert_eq!(output.names_in("demo/.dylibs"), ["libbar.2.dylib", "libplugin.dylib"]);
}

#[test]
fn what_no_wheel_brings_is_refused() {
    for (include, what) in [
        ("/usr/lib/libz.1.dylib", "every Mac has `/usr/lib/libz.1.dylib`"),
        (
            "libpython3.12.dylib",
            "`libpython3.12.dylib` belongs to the process that loads the wheel",
        ),
        ("build/libgone.dylib", "there is no such file"),
    ] {
        let text = sandbox().try_repair(&demo(&module()), &["--include", include]);
        assert_ne!(text.status, 0);
        assert!(text.stderr.contains(what) || text.status == 2, "{include}: {}", text.stderr);
    }
}
