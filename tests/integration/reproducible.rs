//! Same input, same bytes; repaired twice, unchanged.

use crate::support::{Elf, Output, Sandbox, Wheel};

/// A wheel with some of everything: libraries that need each other, links, copies, wrong rows.
fn wheel() -> Wheel {
    let extension = Elf::module(&["libfoo.so.1", "libbar.so.2"]);
    let mut wheel = Wheel::demo(&extension)
        .elf("demo/own/libown.so.1.2", &Elf::library("libown.so.1"))
        .symlink("demo/own/libown.so.1", "libown.so.1.2")
        .unlisted("demo/__init__.py");
    for index in 0..12 {
        wheel = wheel.elf(&format!("demo/e{index}.so"), &Elf::module(&["libbar.so.2"]));
    }
    wheel
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1").needed("libbar.so.2"));
    sandbox.elf("libs/libbar.so.2", &Elf::library("libbar.so.2").needed("libbaz.so.3"));
    sandbox.elf("libs/libbaz.so.3", &Elf::other_library("libbaz.so.3"));
    sandbox
}

fn bytes(output: &Output) -> Vec<u8> {
    output.archive().to_vec()
}

const LIBS: [&str; 2] = ["--lib-path", "libs"];

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let one = bytes(&sandbox().repair(&wheel(), &["--lib-path", "libs", "--threads", "1"]));
    for threads in ["2", "7"] {
        let other = sandbox().repair(&wheel(), &["--lib-path", "libs", "--threads", threads]);
        assert!(bytes(&other) == one, "{threads} threads");
    }
    let other = sandbox().repair_in(&wheel(), &LIBS, &[("TRUEWHEEL_THREADS", "3")]);
    assert!(bytes(&other) == one);
}

#[test]
fn the_place_of_wheel_and_libraries_does_not_show() {
    let first = bytes(&sandbox().repair(&wheel(), &LIBS));
    let other = Sandbox::new();
    for (name, elf) in [
        ("libfoo.so.1", Elf::library("libfoo.so.1").needed("libbar.so.2")),
        ("libbar.so.2", Elf::library("libbar.so.2").needed("libbaz.so.3")),
        ("libbaz.so.3", Elf::other_library("libbaz.so.3")),
    ] {
        other.elf(&format!("somewhere/else/entirely/{name}"), &elf);
    }
    let environment = [("LD_LIBRARY_PATH", "somewhere/else/entirely")];
    assert!(bytes(&other.repair_in(&wheel(), &[], &environment)) == first);
}

#[test]
fn a_repaired_wheel_is_repaired_into_itself() {
    let first = sandbox().repair(&wheel(), &LIBS);
    let sandbox = Sandbox::new();
    sandbox.write(&first.file_name(), bytes(&first));
    let words = ["repair", "-w", "out", "--sysroot", "sysroot", &first.file_name()];
    let run = sandbox.run(&words);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(sandbox.names("out"), [first.file_name()]);
    let second = Output::open(&sandbox.root().join("out").join(first.file_name()));
    assert!(bytes(&second) == bytes(&first));
    assert!(run.stderr.contains("nothing to change: written as it is"), "{}", run.stderr);
}

#[test]
fn source_date_epoch_is_the_date_of_new_members() {
    let sandbox = sandbox();
    let environment = [("SOURCE_DATE_EPOCH", "1700000000")];
    let output = sandbox.repair_in(&wheel(), &LIBS, &environment);
    let vendored = output.vendored("demo.libs", "libfoo-#.so.1");
    assert_eq!(output.date(&vendored), "2023-11-14 22:13:20");
    assert_eq!(output.date("demo/__init__.py"), "2024-05-06 07:08:10");
}

#[test]
fn a_date_that_zip_cannot_have_is_its_nearest() {
    for (epoch, date) in [("0", "1980-01-01 00:00:00"), ("99999999999", "2107-12-31 23:59:58")] {
        let sandbox = sandbox();
        let output = sandbox.repair_in(&wheel(), &LIBS, &[("SOURCE_DATE_EPOCH", epoch)]);
        assert_eq!(output.date(&output.vendored("demo.libs", "libfoo-#.so.1")), date);
    }
}

#[test]
fn every_level_of_compression_holds_the_same_contents() {
    let contents = |level: &str| {
        let output = sandbox().repair(&wheel(), &["--lib-path", "libs", "-z", level]);
        (bytes(&output).len(), output.record_text())
    };
    let (size, record) = contents("6");
    for level in ["0", "1", "9", "12"] {
        let (other_size, other_record) = contents(level);
        assert_eq!(other_record, record, "level {level}");
        assert_eq!(
            other_size > size,
            level < "6" && level != "12",
            "level {level}: {other_size}, {size}"
        );
    }
}

#[test]
fn members_that_need_no_change_keep_their_compressed_bytes() {
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]))
        .stored("demo/stored.txt", "not compressed, though it could be, could be, could be");
    let output = sandbox().repair(&wheel, &LIBS);
    let text = b"not compressed, though it could be, could be, could be";
    assert!(bytes(&output).windows(text.len()).any(|window| window == text));
}
