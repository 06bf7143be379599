//! Libraries of the wheel that are links or copies of each other.

use super::{assert_loads, demo, loads};
use crate::support::{Mach, Sandbox};

#[test]
fn a_chain_of_links_becomes_the_file_that_the_install_id_names() {
    let library = Mach::library("arm64", "@rpath/libfoo.1.dylib");
    let wheel = demo(&Mach::module("arm64", "@loader_path/libfoo.dylib"))
        .file("demo/libfoo.1.2.dylib", library.bytes())
        .symlink("demo/libfoo.1.dylib", "libfoo.1.2.dylib")
        .symlink("demo/libfoo.dylib", "libfoo.1.dylib");
    let output = Sandbox::new().repair(&wheel, &[]);
    assert_eq!(output.names_in("demo"), ["__init__.py", "_ext.so", "libfoo.1.dylib"]);
    assert_eq!(loads(&output, "demo/_ext.so", "arm64"), ["@loader_path/libfoo.1.dylib"]);
    assert_loads(&output, &["arm64"]);
}

#[test]
fn copies_whose_names_continue_each_other_become_one_file() {
    let library = Mach::library("arm64", "@rpath/libfoo.1.dylib").bytes();
    let wheel = demo(&Mach::module("arm64", "@rpath/libfoo.1.dylib").rpaths(&["@loader_path"]))
        .file("demo/libfoo.1.2.dylib", &library)
        .file("demo/libfoo.1.dylib", &library)
        .file("demo/libfoo.dylib", &library);
    let output = Sandbox::new().repair(&wheel, &[]);
    assert_eq!(output.names_in("demo"), ["__init__.py", "_ext.so", "libfoo.1.dylib"]);
    assert_eq!(loads(&output, "demo/_ext.so", "arm64"), ["@rpath/libfoo.1.dylib"]);
    assert_loads(&output, &["arm64"]);
}
