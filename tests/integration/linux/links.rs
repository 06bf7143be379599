//! Libraries of the wheel that are links or copies of each other. Installers make no links, so none
//! may be left.

use crate::support::{Elf, Sandbox, Wheel};

fn foo() -> Elf {
    Elf::library("libfoo.so.1")
}

#[test]
fn a_chain_of_links_becomes_the_file_that_the_soname_names() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]).rpath("$ORIGIN"))
        .elf("demo/libfoo.so.1.2.3", &foo())
        .symlink("demo/libfoo.so.1", "libfoo.so.1.2.3")
        .symlink("demo/libfoo.so", "libfoo.so.1");
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.names_in("demo"), ["__init__.py", "_ext.so", "libfoo.so.1"]);
    assert_eq!(output.bytes("demo/libfoo.so.1"), foo().bytes());
    assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6", "libfoo.so.1"]);
}

#[test]
fn a_chain_of_copies_becomes_the_file_that_the_soname_names() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so"]).rpath("$ORIGIN"))
        .elf("demo/libfoo.so", &foo())
        .elf("demo/libfoo.so.1", &foo())
        .elf("demo/libfoo.so.1.2.3", &foo());
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.names_in("demo"), ["__init__.py", "_ext.so", "libfoo.so.1"]);
    assert_eq!(output.elf("demo/_ext.so").needed, ["libm.so.6", "libfoo.so.1"]);
}

#[test]
fn a_name_that_the_wheel_mentions_stays_as_a_copy() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]).rpath("$ORIGIN"))
        .file("demo/load.py", "ctypes.CDLL(here / 'libfoo.so')\n")
        .elf("demo/libfoo.so.1", &foo())
        .symlink("demo/libfoo.so", "libfoo.so.1");
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.bytes("demo/libfoo.so"), foo().bytes());
    assert_eq!(output.bytes("demo/libfoo.so.1"), foo().bytes());
}

#[test]
fn a_link_to_data_becomes_a_copy() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]))
        .file("demo/data/real.txt", "text")
        .symlink("demo/link.txt", "data/real.txt");
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.text("demo/link.txt"), "text");
}

#[test]
fn a_link_to_a_directory_becomes_its_files() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]))
        .file("demo/real/a.txt", "a")
        .file("demo/real/b/c.txt", "c")
        .symlink("demo/link", "real");
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.text("demo/link/a.txt"), "a");
    assert_eq!(output.text("demo/link/b/c.txt"), "c");
    assert!(!output.has("demo/link"));
}

#[test]
fn links_are_made_into_files_in_a_wheel_without_binaries_too() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::new("demo")
        .tag("py3-none-linux_x86_64")
        .file("demo/real.txt", "text")
        .symlink("demo/link.txt", "real.txt");
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.text("demo/link.txt"), "text");
}

#[test]
fn a_link_that_leads_nowhere_or_out_or_round_is_refused() {
    for target in ["gone.txt", "../../outside", "/etc/passwd", "link.txt", ".", ""] {
        let sandbox = Sandbox::new();
        let wheel = Wheel::demo(&Elf::module(&[])).symlink("demo/link.txt", target);
        let text = sandbox.refusal(&wheel, &[]);
        assert!(text.starts_with("demo/link.txt is a symbolic link to "), "{target}: {text}");
    }
}

#[test]
fn a_link_to_a_program_or_a_module_stays_as_a_copy() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]).soname("_ext.so"))
        .symlink("demo/_other.so", "_ext.so")
        .elf("demo-1.0.data/scripts/tool", &Elf::of("elf/program"))
        .symlink("demo-1.0.data/scripts/alias", "tool");
    let output = sandbox.repair(&wheel, &[]);
    for (name, source) in [
        ("demo/_other.so", "demo/_ext.so"),
        ("demo-1.0.data/scripts/alias", "demo-1.0.data/scripts/tool"),
    ] {
        assert_eq!(output.bytes(name), output.bytes(source), "{name}");
    }
}
