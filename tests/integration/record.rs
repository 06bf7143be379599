//! RECORD after every kind of repair. [`Sandbox::repair`] holds every RECORD in every test against
//! one computed from the members; here is what else it must be.

use crate::support::{Elf, Sandbox, Wheel};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    sandbox
}

fn needs_foo() -> Wheel {
    Wheel::demo(&Elf::module(&["libfoo.so.1"]))
}

const LIBS: [&str; 2] = ["--lib-path", "libs"];

#[test]
fn it_is_the_last_member_and_dist_info_the_last_directory() {
    let wheel = needs_foo().file("demo-1.0.dist-info/entry_points.txt", "").file("zlast.py", "");
    let output = sandbox().repair(&wheel, &LIBS);
    assert_eq!(output.order.last().unwrap(), "demo-1.0.dist-info/RECORD");
    let first = output.order.iter().position(|path| path.contains(".dist-info/")).unwrap();
    assert!(output.order[first..].iter().all(|path| path.contains(".dist-info/")));
    let vendored = output.vendored("demo.libs", "libfoo-#.so.1");
    assert!(output.order[..first].contains(&vendored));
}

#[test]
fn rows_that_disagreed_are_put_right_and_told() {
    let sandbox = sandbox();
    let wheel = needs_foo()
        .unlisted("demo/__init__.py")
        .file("demo/a.py", "a = 1\n")
        .unlisted("demo/a.py")
        .row("demo/a.py,sha256=wrong,15");
    let run = sandbox.try_repair(&wheel, &LIBS);
    for note in [
        "note: RECORD gives `demo/a.py` 15 bytes, the wheel has 6\n",
        "note: RECORD gives `demo/a.py` the hash sha256=wrong, the wheel has sha256=",
        "note: the wheel has `demo/__init__.py`, RECORD does not\n",
    ] {
        assert!(run.stderr.contains(note), "{}", run.stderr);
    }
    sandbox.repair(&wheel, &LIBS);
}

#[test]
fn a_wheel_that_needs_nothing_but_whose_record_lies_gets_a_right_one() {
    let sandbox = Sandbox::new();
    let tag = "cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64";
    let wheel = Wheel::demo(&Elf::module(&[])).tag(tag);
    // `repair` compares RECORD with the members.
    sandbox.repair(&wheel.clone().unlisted("demo/__init__.py"), &[]);
}

#[test]
fn crlf_quotes_and_old_hashes_are_read() {
    let sandbox = sandbox();
    let wheel = needs_foo().record_text(
        "\"demo/__init__.py\",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=,0\r\n\
         demo/_ext.so,md5=00,\r\n\
         demo-1.0.dist-info/METADATA,,\r\n\
         demo-1.0.dist-info/WHEEL,,\r\n\
         demo-1.0.dist-info/RECORD,,\r\n",
    );
    let output = sandbox.repair(&wheel, &LIBS);
    assert!(!output.record_text().contains('\r'));
}

#[test]
fn paths_with_commas_and_quotes_are_quoted() {
    let wheel = needs_foo().file("demo/a,b \"c\".txt", "x");
    let output = sandbox().repair(&wheel, &LIBS);
    assert!(output.record_text().contains("\n\"demo/a,b \"\"c\"\".txt\",sha256="));
}

#[test]
fn signatures_of_the_old_record_are_left_out_and_told() {
    let sandbox = sandbox();
    let wheel = needs_foo()
        .file("demo-1.0.dist-info/RECORD.jws", "{}")
        .unlisted("demo-1.0.dist-info/RECORD.jws")
        .file("demo-1.0.dist-info/RECORD.p7s", "x")
        .unlisted("demo-1.0.dist-info/RECORD.p7s");
    let run = sandbox.try_repair(&wheel, &LIBS);
    assert!(
        run.stderr.contains("note: demo-1.0.dist-info/RECORD.jws is left out"),
        "{}",
        run.stderr
    );
    let output = sandbox.repair(&wheel, &LIBS);
    assert!(!output.has("demo-1.0.dist-info/RECORD.jws"));
    assert!(!output.has("demo-1.0.dist-info/RECORD.p7s"));
}

#[test]
fn entries_of_directories_have_no_row() {
    let wheel = needs_foo().directory("demo/empty/").directory("demo/");
    let output = sandbox().repair(&wheel, &LIBS);
    assert!(!output.record_text().contains("demo/empty"));
    assert!(!output.record_text().contains("demo/,"));
}

#[test]
fn what_replaces_a_link_has_a_row() {
    let wheel = needs_foo().file("demo/real", "x").symlink("demo/link", "real");
    let output = sandbox().repair(&wheel, &LIBS);
    assert!(output.record_text().contains("\ndemo/link,sha256="));
}

#[test]
fn a_record_inside_the_package_is_a_file_like_others() {
    let wheel = needs_foo().file("demo/RECORD", "x").file("demo/x.dist-info/RECORD", "y");
    let output = sandbox().repair(&wheel, &LIBS);
    assert!(output.record_text().contains("\ndemo/RECORD,sha256="));
    assert!(output.record_text().contains("\ndemo/x.dist-info/RECORD,sha256="));
}
