//! `delocate-path`: directories of files in the place of wheels.

use std::fs;

use crate::support::macho::{MachSlice, slices};
use crate::support::{Mach, Run, Sandbox};

const FOO: &str = "/opt/foo/lib/libfoo.1.dylib";

/// A package with a module that needs a library, which is in `libs`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libfoo.1.dylib", Mach::library("arm64", FOO).bytes());
    sandbox.write("build/demo/__init__.py", "");
    let module = Mach::module("arm64", FOO).rpaths(&["/opt/foo/lib", "@loader_path/../lib"]);
    sandbox.write("build/demo/sub/_ext.so", module.bytes());
    sandbox
}

fn run(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run_in(words, &[("DYLD_LIBRARY_PATH", "libs")])
}

fn slice(sandbox: &Sandbox, path: &str) -> MachSlice {
    let bytes = fs::read(sandbox.path(path)).unwrap();
    slices(&bytes).first().unwrap_or_else(|| panic!("{path}")).clone()
}

/// The one library that the file needs beside those of macOS.
fn needed(sandbox: &Sandbox, path: &str) -> String {
    let loads = slice(sandbox, path).loads;
    let mut others = loads.into_iter().filter(|(name, _)| !name.starts_with("/usr/lib/"));
    others.next().unwrap_or_else(|| panic!("{path}")).0
}

#[test]
fn libraries_are_brought_along_and_files_edited_in_their_places() {
    let sandbox = sandbox();
    let done = run(&sandbox, &["delocate-path", "build/demo"]);
    assert_eq!((done.status, &*done.stdout), (0, ""), "{}", done.stderr);
    let told = "note: LC_RPATH `/opt/foo/lib` is removed from demo/sub/_ext.so\n";
    assert_eq!(done.stderr, told);
    let module = "build/demo/sub/_ext.so";
    assert_eq!(needed(&sandbox, module), "@loader_path/../.dylibs/libfoo.1.dylib");
    assert_eq!(slice(&sandbox, module).rpaths, ["@loader_path/../lib"]);
    let library = slice(&sandbox, "build/demo/.dylibs/libfoo.1.dylib");
    assert_eq!(library.id.as_deref(), Some("/DLC/demo/.dylibs/libfoo.1.dylib"));
    assert_eq!(sandbox.names("build/demo"), [".dylibs", "__init__.py", "sub"]);
    // What is done is not done again.
    let before = sandbox.files();
    let again = run(&sandbox, &["delocate-path", "build/demo"]);
    assert_eq!((again.status, &*again.stderr), (0, ""));
    assert_eq!(sandbox.files(), before);
}

#[test]
fn nothing_is_written_where_a_library_is_missing() {
    let sandbox = sandbox();
    sandbox.write("build/demo/_other.so", Mach::module("arm64", "/opt/bar/libbar.dylib").bytes());
    let before = sandbox.files();
    let done = run(&sandbox, &["delocate-path", "build/demo"]);
    assert_eq!((done.status, &*done.stdout), (1, ""));
    let start =
        "error: build/demo: demo/_other.so needs `/opt/bar/libbar.dylib`, which was not found\n";
    assert!(done.stderr.starts_with(start), "{}", done.stderr);
    assert_eq!(sandbox.files(), before);
    assert!(!sandbox.root().join("build/demo/.dylibs").exists());
    let words = ["delocate-path", "--ignore-missing-dependencies", "build/demo"];
    assert_eq!(run(&sandbox, &words).status, 0);
    assert_eq!(needed(&sandbox, "build/demo/_other.so"), "/opt/bar/libbar.dylib");
    let words = ["delocate-path", "--ignore-m", "-e", "/libs/", "build/demo"];
    let sandbox = self::sandbox();
    assert_eq!(run(&sandbox, &words).status, 0);
    assert_eq!(sandbox.names("build/demo/.dylibs"), [""; 0]);
}

#[test]
fn what_lies_beside_the_directory_is_brought_into_it() {
    let sandbox = Sandbox::new();
    let module = Mach::module("arm64", "@rpath/libfoo.1.dylib").rpaths(&["@loader_path/../deps"]);
    sandbox.write("build/demo/_ext.so", module.bytes());
    let user = Mach::user("arm64", "@rpath/libfoo.1.dylib", "@loader_path/inner/libbar.dylib");
    sandbox.write("build/deps/libfoo.1.dylib", user.bytes());
    sandbox.write("build/deps/inner/libbar.dylib", Mach::library("arm64", "libbar.dylib").bytes());
    let done = sandbox.run(&["delocate-path", "build/demo"]);
    assert_eq!((done.status, &*done.stderr), (0, ""));
    assert_eq!(sandbox.names("build/demo/.dylibs"), ["libbar.dylib", "libfoo.1.dylib"]);
    assert_eq!(needed(&sandbox, "build/demo/_ext.so"), "@loader_path/.dylibs/libfoo.1.dylib");
    let library = "build/demo/.dylibs/libfoo.1.dylib";
    assert_eq!(needed(&sandbox, library), "@loader_path/libbar.dylib");
    // The build directory is as it was.
    assert_eq!(fs::read(sandbox.path("build/deps/libfoo.1.dylib")).unwrap(), user.bytes());
}

#[test]
fn the_directorys_own_libraries_stay_with_their_install_ids() {
    let sandbox = Sandbox::new();
    let own = Mach::library("arm64", "/build/lib/libown.dylib").bytes();
    sandbox.write("demo/lib/libown.dylib", &own);
    sandbox.write("demo/_ext.so", Mach::module("arm64", "/build/lib/libown.dylib").bytes());
    let done = sandbox.run(&["delocate-path", "demo"]);
    assert_eq!((done.status, &*done.stderr), (0, ""));
    assert_eq!(needed(&sandbox, "demo/_ext.so"), "@loader_path/lib/libown.dylib");
    assert_eq!(fs::read(sandbox.path("demo/lib/libown.dylib")).unwrap(), own);
    // delocate makes the directory in any case.
    assert_eq!(sandbox.names("demo"), [".dylibs", "_ext.so", "lib"]);
}

#[test]
fn the_directory_of_libraries_may_lie_elsewhere_and_each_path_has_its_own() {
    let sandbox = sandbox();
    let other = Mach::module("arm64", FOO).bytes();
    sandbox.write("other.data/platlib/_ext.so", other);
    let words = ["delocate-path", "-L", "../libs-of", "build/demo", "other.data"];
    let done = run(&sandbox, &words);
    assert_eq!((done.status, &*done.stdout), (0, "build/demo\nother.data\n"), "{}", done.stderr);
    let name = needed(&sandbox, "build/demo/sub/_ext.so");
    assert_eq!(name, "@loader_path/../../libs-of/libfoo.1.dylib");
    let name = needed(&sandbox, "other.data/platlib/_ext.so");
    assert_eq!(name, "@loader_path/../../libs-of/libfoo.1.dylib");
    assert_eq!(sandbox.names("build/libs-of"), ["libfoo.1.dylib"]);
    assert_eq!(sandbox.names("libs-of"), ["libfoo.1.dylib"]);
    let before = sandbox.files();
    assert_eq!(run(&sandbox, &words).status, 0);
    assert_eq!(sandbox.files(), before);
}

#[test]
fn what_is_no_directory_is_told() {
    let sandbox = sandbox();
    let done = sandbox.run(&["delocate-path", "libs/libfoo.1.dylib"]);
    assert_eq!(
        (done.status, &*done.stderr),
        (1, "error: libs/libfoo.1.dylib: it is no directory\n")
    );
    let done = run(&sandbox, &["delocate-path", "-L", "__init__.py", "build/demo"]);
    let told = "error: build/demo: ROOT/build/demo/__init__.py is there and no directory\n";
    assert_eq!((done.status, &*done.stderr), (1, told));
    assert_eq!(sandbox.run(&["delocate-path"]).status, 2);
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_modes_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let sandbox = sandbox();
    let module = sandbox.root().join("build/demo/sub/_ext.so");
    fs::set_permissions(&module, fs::Permissions::from_mode(0o555)).unwrap();
    let library = sandbox.root().join("libs/libfoo.1.dylib");
    fs::set_permissions(&library, fs::Permissions::from_mode(0o444)).unwrap();
    sandbox.write("build/demo/lib/libown.2.dylib", Mach::library("arm64", "/x/libown.2").bytes());
    symlink("libown.2.dylib", sandbox.path("build/demo/lib/libown.dylib")).unwrap();
    symlink("../../libs/libfoo.1.dylib", sandbox.path("build/demo/out.dylib")).unwrap();
    symlink("sub", sandbox.path("build/demo/again")).unwrap();
    let by_link = Mach::module("arm64", "@loader_path/lib/libown.dylib").bytes();
    sandbox.write("build/demo/_by_link.so", by_link);
    let done = run(&sandbox, &["delocate-path", "build/demo"]);
    assert_eq!(done.status, 0, "{}", done.stderr);
    let told = "note: demo/out.dylib is a link to ROOT/libs/libfoo.1.dylib, which lies elsewhere and stays as it is\n";
    assert!(done.stderr.contains(told), "{}", done.stderr);
    let mode = |path: &str| fs::metadata(sandbox.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("build/demo/sub/_ext.so"), 0o555);
    assert_eq!(mode("build/demo/.dylibs/libfoo.1.dylib"), 0o644);
    assert!(
        fs::symlink_metadata(sandbox.path("build/demo/lib/libown.dylib")).unwrap().is_symlink()
    );
    let name = needed(&sandbox, "build/demo/_by_link.so");
    assert_eq!(name, "@loader_path/lib/libown.2.dylib");
    let id = slice(&sandbox, "libs/libfoo.1.dylib").id;
    assert_eq!(id.as_deref(), Some(FOO));
}
