//! Archives and metadata that are wrong.

use crate::support::{Elf, Sandbox, Wheel};

const NAME: &str = "demo-1.0-cp312-cp312-linux_x86_64.whl";

fn wheel() -> Wheel {
    Wheel::demo(&Elf::module(&[]))
}

fn refused(wheel: &Wheel) -> String {
    Sandbox::new().refusal(wheel, &[])
}

fn refused_bytes(bytes: &[u8]) -> String {
    Sandbox::new().refusal_of_bytes(NAME, bytes)
}

/// The archive with every `old` replaced by `new`, which is as long.
fn replaced(wheel: &Wheel, old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let (old, new) = (old.as_bytes(), new.as_bytes());
    let mut bytes = wheel.bytes();
    let mut count = 0;
    for at in 0..bytes.len().saturating_sub(old.len()) {
        if bytes[at..].starts_with(old) {
            bytes[at..at + new.len()].copy_from_slice(new);
            count += 1;
        }
    }
    assert!(count > 0, "nothing to replace");
    bytes
}

#[test]
fn a_file_that_is_no_archive_or_is_cut_off() {
    let text = "not a zip archive, or its end is missing: no end of central directory record";
    let whole = wheel().bytes();
    for bytes in
        [&b""[..], b"PK\x03\x04", b"no wheel", &whole[..whole.len() / 2], &whole[..whole.len() - 1]]
    {
        assert_eq!(refused_bytes(bytes), text);
    }
}

#[test]
fn a_wheel_that_begins_or_ends_with_something_else() {
    let whole = wheel().bytes();
    let prefixed = refused_bytes(&[b"#!/bin/sh\n", &*whole].concat());
    assert!(prefixed.starts_with("the central directory is said to be "), "{prefixed}");
    assert_eq!(
        refused_bytes(&[&*whole, b"more"].concat()),
        "not a zip archive, or its end is missing: no end of central directory record"
    );
}

#[test]
fn a_file_that_is_not_there() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["repair", "-w", "out", NAME]);
    assert_eq!(run.status, 1);
    let start = format!("error: {NAME}: cannot open the wheel: ");
    assert!(run.stderr.starts_with(&start), "{}", run.stderr);
    assert_eq!(sandbox.names(""), ["sysroot"]);
}

#[test]
fn a_name_that_is_not_a_wheels() {
    for (name, reason) in [
        ("demo.txt", "it should end in `.whl`"),
        (
            "demo-1.0.tar.gz",
            "it should end in `.whl`\n  hint: this is a source distribution, build a wheel of it first",
        ),
        ("demo-1.0.whl", "it should have 5 parts, or 6 with a build number"),
        ("demo-1.0-b-cp312-cp312-linux_x86_64.whl", "the build number should begin with a digit"),
    ] {
        let text = Sandbox::new().refusal_of_bytes(name, &wheel().bytes());
        assert_eq!(text, format!("not the name of a wheel: {reason}"));
    }
}

#[test]
fn a_directory_is_no_wheel_whatever_its_name() {
    for name in ["demo", NAME] {
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.root().join(name)).unwrap();
        for command in ["repair", "show", "check"] {
            let run = sandbox.run(&[command, name]);
            assert_eq!(run.status, 1, "{run:?}");
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains("a directory, it should be a file"), "{said}");
        }
    }
}

#[test]
fn no_error_names_its_file_twice() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.root().join("folder")).unwrap();
    for command in ["repair", "show", "tree", "check"] {
        for name in ["absent.so", "absent-1.0-py3-none-any.whl", "folder"] {
            let run = sandbox.run(&[command, name]);
            assert_eq!(run.status, 1, "{command} {name}: {run:?}");
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_eq!(said.matches(name).count(), 1, "{command} {name}: {said}");
        }
    }
}

#[test]
fn a_row_of_record_without_its_file() {
    assert_eq!(
        refused(&wheel().row("demo/gone.py,sha256=abc,3")),
        "demo-1.0.dist-info/RECORD: row `demo/gone.py` has no file in the wheel\n  hint: build the \
         wheel again, or take the row out of RECORD if the file is not needed"
    );
}

#[test]
fn rows_of_record_that_are_none() {
    for (row, text) in [
        ("a,b,c,d", "line 6: a row of more than three fields: path, hash, size"),
        (",sha256=abc,3", "line 6: a row without a path"),
        ("demo/__init__.py,,many", "line 6: a size that is not a number of bytes"),
        ("\"demo", "line 6: a quote that is not closed, or text behind a closing quote"),
    ] {
        assert_eq!(refused(&wheel().row(row)), format!("demo-1.0.dist-info/RECORD: {text}"));
    }
}

#[test]
fn two_dist_info_directories() {
    assert_eq!(
        refused(&wheel().file("other-2.0.dist-info/METADATA", "")),
        "2 `.dist-info` directories, a wheel has one: demo-1.0.dist-info, other-2.0.dist-info"
    );
}

#[test]
fn the_dist_info_of_another_project_or_version() {
    for name in ["other-1.0-cp312-cp312-linux_x86_64.whl", "demo-2.0-cp312-cp312-linux_x86_64.whl"]
    {
        let expected = name.split("-cp312").next().unwrap();
        assert_eq!(
            Sandbox::new().refusal_of_bytes(name, &wheel().bytes()),
            format!(
                "the directory is `demo-1.0.dist-info`, the file name asks for \
                 `{expected}.dist-info`"
            )
        );
    }
}

#[test]
fn no_dist_info_directory() {
    let bytes = replaced(&wheel(), "demo-1.0.dist-info", "demo-1.0.dist-inf0");
    assert_eq!(refused_bytes(&bytes), "no `.dist-info` directory, a wheel has one");
}

#[test]
fn a_file_that_every_wheel_has_is_not_there() {
    for name in ["METADATA", "WHEEL", "RECORD"] {
        let other = format!("{}X", &name[..name.len() - 1]);
        let old = format!("demo-1.0.dist-info/{name}");
        let bytes = replaced(&wheel(), &old, &format!("demo-1.0.dist-info/{other}"));
        assert_eq!(refused_bytes(&bytes), format!("no `{old}`, every wheel has it"));
    }
}

#[test]
fn names_that_lead_out_of_the_wheel_or_that_systems_read_differently() {
    for (name, text) in [
        ("../x/evil.py", "has the part `..`, which leads out of its directory"),
        ("/abs/evil.py", "is absolute, a member's is relative to the wheel"),
        ("C:/dem/evil.p", "begins with a drive letter"),
        ("demo/../e.py", "has the part `..`, which leads out of its directory"),
        ("demo//evil.py", "has an empty part or the part `.`"),
        ("demo\\/evil.p", "has a backslash, parts are separated by `/`"),
        ("demo/./vil.py", "has an empty part or the part `.`"),
        ("demo/e\x1bil.py", "has a control character"),
    ] {
        let plain = &"demo/aaaaaaaaaaa"[..name.len()];
        let bytes = replaced(&wheel().file(plain, "x"), plain, name);
        let expected = format!("the path `{}` {text}", name.escape_debug());
        assert_eq!(refused_bytes(&bytes), expected);
    }
}

#[test]
fn a_path_that_is_there_twice() {
    let bytes =
        replaced(&wheel().file("demo/__init__.pz", "x"), "demo/__init__.pz", "demo/__init__.py");
    assert_eq!(
        refused_bytes(&bytes),
        "demo/__init__.py: in the wheel twice, a path may be there once"
    );
}

#[test]
fn a_file_that_is_a_directory_too() {
    let text = refused(&wheel().file("demo/__init__.py/x", ""));
    assert_eq!(text, "demo/__init__.py: a file, and also the directory of another member");
}

#[test]
fn contents_that_are_not_what_the_archive_declares() {
    let wheel = wheel().stored("demo/data.txt", "the very contents");
    let bytes = replaced(&wheel, "the very contents", "the vary contents");
    assert_eq!(
        refused_bytes(&bytes),
        "demo/data.txt: CRC-32 is 0x7e01039a, the archive declares 0x7d0738e5"
    );
}

#[test]
fn compressed_bytes_that_are_no_deflate_stream() {
    let wheel = Wheel::new("demo").file("demo/zeros", [0; 4096]);
    let mut bytes = wheel.bytes();
    let data = bytes.windows(10).position(|at| at == b"demo/zeros").unwrap() + 10;
    bytes[data] = 0xff;
    let text = refused_bytes(&bytes);
    assert_eq!(text, "demo/zeros: the compressed bytes are not a deflate stream");
}

#[test]
fn an_expansion_that_deflate_cannot_express() {
    let mut bytes = wheel().stored("demo/bomb", "x").bytes();
    for (signature, at) in [(b"PK\x03\x04", 22), (b"PK\x01\x02", 24)] {
        let name = if at == 22 { 30 } else { 46 };
        let start = (0..bytes.len())
            .find(|start| {
                bytes[*start..].starts_with(signature)
                    && bytes[*start + name..].starts_with(b"demo/bomb")
            })
            .unwrap();
        bytes[start + at..start + at + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    }
    assert_eq!(
        refused_bytes(&bytes),
        "demo/bomb: the archive declares 2147483647 bytes, the contents have 1"
    );
}

#[test]
fn a_wheel_file_that_is_none() {
    for (text, error) in [
        ("", "WHEEL has no `Wheel-Version` such as `1.0`"),
        ("Wheel-Version: 1.0\nnonsense\n", "line 2: not a header, it should be `Name: value`"),
    ] {
        let expected = format!("demo-1.0.dist-info/WHEEL: {error}");
        assert_eq!(refused(&wheel().wheel_text(text)), expected);
    }
}

#[test]
fn an_encrypted_member() {
    let mut bytes = wheel().stored("demo/secret", "x").bytes();
    for (signature, at, name) in [(b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)] {
        let start = (0..bytes.len())
            .find(|start| {
                bytes[*start..].starts_with(signature)
                    && bytes[*start + name..].starts_with(b"demo/secret")
            })
            .unwrap();
        bytes[start + at] |= 1;
    }
    assert_eq!(refused_bytes(&bytes), "demo/secret: encrypted, members of a wheel are not");
}
