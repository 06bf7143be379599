//! The archive, RECORD, WHEEL, METADATA and the tags.

use super::{TAG, Verdict, demo, only};
use crate::support::{Elf, Wheel};

fn sound() -> Wheel {
    demo(&Elf::module(&[]))
}

#[test]
fn each_fault_of_record_has_its_code() {
    let empty = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    for (wheel, expected) in [
        (
            sound().row("demo/absent.py,,"),
            "error record-no-file demo-1.0.dist-info/RECORD: RECORD has `demo/absent.py`, the wheel \
             does not"
                .to_owned(),
        ),
        (
            sound().unlisted("demo/__init__.py"),
            "error record-no-row demo/__init__.py: the wheel has `demo/__init__.py`, RECORD does not"
                .to_owned(),
        ),
        (
            sound().row(&format!("demo/__init__.py,sha256={empty},0")),
            "error record-two-rows demo/__init__.py: RECORD has `demo/__init__.py` more than once"
                .to_owned(),
        ),
        (
            sound().unlisted("demo/__init__.py").row(&format!("demo/__init__.py,sha256={empty},7")),
            "error record-size demo/__init__.py: RECORD gives `demo/__init__.py` 7 bytes, the wheel \
             has 0"
                .to_owned(),
        ),
        (
            sound().unlisted("demo/__init__.py").row("demo/__init__.py,sha256=AAAA,0"),
            format!(
                "error record-hash demo/__init__.py: RECORD gives `demo/__init__.py` the hash \
                 sha256=AAAA, the wheel has sha256={empty}"
            ),
        ),
        (
            sound().unlisted("demo/__init__.py").row("demo/__init__.py,,0"),
            "error record-hash demo/__init__.py: RECORD has no hash of `demo/__init__.py`".to_owned(),
        ),
        (
            sound().unlisted("demo/__init__.py").row("demo/__init__.py,md5=AAAA,0"),
            "error record-algorithm demo/__init__.py: RECORD has a hash of `demo/__init__.py` by \
             `md5`, it should be `sha256`"
                .to_owned(),
        ),
        (
            sound().unlisted("demo/__init__.py").row("demo/__init__.py,sha512=AAAA,0"),
            "warning record-algorithm demo/__init__.py: RECORD has a hash of `demo/__init__.py` by \
             `sha512`, it should be `sha256`"
                .to_owned(),
        ),
        (
            sound().file("demo-1.0.dist-info/RECORD.jws", "{}"),
            "warning record-signature demo-1.0.dist-info/RECORD.jws: a signature of RECORD, which no \
             installer looks at"
                .to_owned(),
        ),
    ] {
        assert_eq!(only(&wheel), expected);
    }
}

#[test]
fn each_fault_of_wheel_has_its_code() {
    let path = "demo-1.0.dist-info/WHEEL";
    let tag = format!("Tag: {TAG}\n");
    for (text, expected) in [
        (
            "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-linux_x86_64\n"
                .to_owned(),
            format!(
                "error wheel-tags {path}: only in the file name: {TAG}; only in WHEEL: \
                 cp312-cp312-linux_x86_64"
            ),
        ),
        (
            "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-manylinux2014_x86_64\n"
                .to_owned(),
            format!(
                "warning wheel-tags {path}: only in the file name: {TAG}; only in WHEEL: \
                 cp312-cp312-manylinux2014_x86_64"
            ),
        ),
        (
            format!("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nRoot-Is-Purelib: False\n{tag}"),
            format!(
                "error root-is-purelib {path}: Root-Is-Purelib is there 2 times, installers take the \
                 first"
            ),
        ),
        (
            format!("Wheel-Version: 1.0\n{tag}"),
            format!("error root-is-purelib {path}: there is no Root-Is-Purelib"),
        ),
        (
            format!("Wheel-Version: 1.0\nRoot-Is-Purelib: true\n{tag}"),
            format!(
                "warning purelib-binary {path}: Root-Is-Purelib is true, and the wheel has binaries: \
                 demo/_ext.so"
            ),
        ),
        (
            format!("Wheel-Version: 2.0\nRoot-Is-Purelib: false\n{tag}"),
            format!("error wheel-version {path}: Wheel-Version is 2.0, installers know 1.x"),
        ),
        (
            "Root-Is-Purelib: false\n".to_owned(),
            format!("error wheel-file *: {path}: WHEEL has no `Wheel-Version` such as `1.0`"),
        ),
    ] {
        assert_eq!(only(&sound().wheel_text(&text)), expected);
    }
}

#[test]
fn metadata_names_the_project_and_version_of_the_file_name() {
    let path = "demo-1.0.dist-info/METADATA";
    for (text, expected) in [
        (
            "Name: other\nVersion: 1.0\n",
            format!("error metadata-name {path}: Name is `other`, the file name says `demo`"),
        ),
        (
            "Name: demo\nVersion: 1.1\n",
            format!("error metadata-version {path}: Version is `1.1`, the file name says `1.0`"),
        ),
        ("Name: demo\n", format!("error metadata *: {path}: METADATA has no `Version`")),
    ] {
        assert_eq!(only(&sound().file(path, text)), expected);
    }
    let verdict = Verdict::of(&sound().file(path, "Name: Demo\nVersion: 1.0.0\n"), &[]);
    assert_eq!(verdict.lines(), Vec::<String>::new());
}

#[test]
fn a_wheel_that_cannot_be_read_is_a_finding() {
    let bytes = sound().bytes();
    let name = sound().file_name();
    for (name, bytes, code) in [
        (&*name, &bytes[..bytes.len() / 2], "error archive"),
        ("demo.whl", &bytes, "error file-name"),
        ("other-1.0-cp312-cp312-linux_x86_64.whl", &bytes, "error dist-info"),
    ] {
        let verdict = Verdict::of_bytes(name, bytes, &[]);
        let lines = verdict.lines();
        assert_eq!((lines.len(), verdict.status), (1, 1), "{lines:?}");
        assert!(lines[0].starts_with(code), "{lines:?}");
    }
}

#[test]
fn a_file_that_every_wheel_has_is_missed_by_its_own_rule() {
    for (name, code) in
        [("RECORD", "record-missing"), ("WHEEL", "wheel-file"), ("METADATA", "metadata")]
    {
        let path = format!("demo-1.0.dist-info/{name}");
        let other = path.replace(name, &"X".repeat(name.len()));
        let bytes = replaced(sound().bytes(), path.as_bytes(), other.as_bytes());
        let lines = Verdict::of_bytes(&sound().file_name(), &bytes, &[]).lines();
        assert_eq!(lines, [format!("error {code} *: no `{path}`, every wheel has it")]);
    }
}

/// `bytes` with `to` in every place of `from`.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn a_binary_in_the_purelib_folder_works_and_is_a_warning() {
    let wheel = Wheel::new("demo").tag(TAG);
    assert_eq!(
        only(&wheel.elf("demo-1.0.data/purelib/demo/_ext.so", &Elf::module(&[]))),
        "warning purelib-binary demo-1.0.data/purelib/demo/_ext.so: a binary in the purelib folder, \
         which some systems keep apart from platlib and its libraries"
    );
}

#[test]
fn a_broken_member_does_not_hide_the_rest() {
    let wheel = sound().stored("demo/data", "contents").row("demo/absent.py,,");
    let mut bytes = wheel.bytes();
    let at = bytes.windows(8).position(|window| window == b"contents").expect("the contents");
    bytes[at] ^= 1;
    let lines = Verdict::of_bytes(&wheel.file_name(), &bytes, &[]).lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with("error archive *: demo/data: "), "{lines:#?}");
    assert!(lines[1].starts_with("error record-no-file"), "{lines:#?}");
}

#[test]
fn a_link_is_an_error_and_its_copies_a_warning() {
    let library = Elf::library("libdemo.so.1");
    let wheel = sound().elf("demo/libdemo.so.1", &library);
    assert_eq!(
        only(&wheel.clone().symlink("demo/libdemo.so", "libdemo.so.1")),
        "error symlink demo/libdemo.so: a symbolic link to `libdemo.so.1`"
    );
    assert_eq!(
        only(&wheel.clone().elf("demo/libdemo.so", &library)),
        "warning symlink-copy *: the same file: demo/libdemo.so, demo/libdemo.so.1"
    );
    assert_eq!(
        only(&wheel.clone().elf("demo/other/libdemo.so.1", &library)),
        "warning duplicate *: the same file: demo/libdemo.so.1, demo/other/libdemo.so.1"
    );
    assert_eq!(
        only(&wheel.elf("demo/other/libdemo.so.1", &Elf::other_library("libdemo.so.1"))),
        "warning same-soname *: different files have the SONAME `libdemo.so.1`: demo/libdemo.so.1, \
         demo/other/libdemo.so.1"
    );
}

#[test]
fn a_wheel_for_any_platform_has_no_modules() {
    let any = Wheel::demo(&Elf::module(&[])).tag("py3-none-any");
    assert_eq!(
        only(&any),
        "error any-tag *: extension modules in a wheel for any platform: demo/_ext.so"
    );
    let library = Wheel::new("demo").elf("demo/libdemo.so", &Elf::library("libdemo.so"));
    assert!(
        only(&library.tag("py3-none-any")).starts_with("warning any-tag *: binaries in a wheel")
    );
}

#[test]
fn a_linux_tag_promises_nothing() {
    assert_eq!(
        only(&Wheel::demo(&Elf::module(&[]))),
        "warning linux-tag *: the tag `linux_x86_64` says nothing of the C library or its version"
    );
}

#[test]
fn a_module_named_for_another_python_is_told() {
    let module = Elf::module(&[]);
    let named = |version: &str| format!("demo/_ext.cpython-{version}-x86_64-linux-gnu.so");
    let wheel = Wheel::new("demo").tag(TAG);
    assert_eq!(
        only(&wheel.clone().elf(&named("311"), &module)),
        "warning extension-python *: named for another Python than cp312: \
         demo/_ext.cpython-311-x86_64-linux-gnu.so"
    );
    let right = Verdict::of(&wheel.elf(&named("312"), &module), &[]);
    assert_eq!(right.lines(), Vec::<String>::new());
}
