//! Bytes that somebody made up: the program ends with status 0 or 1 and says why, it never panics
//! (status 101), never hangs, and never leaves half a wheel.

use std::fs;
use std::path::Path;

use crate::support::{Elf, Output, Run, Sandbox, Wheel};

/// A generator of numbers that are the same on every run (Knuth's MMIX constants).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

const NAME: &str = "demo-1.0-cp312-cp312-linux_x86_64.whl";

/// A sandbox in which `libfoo.so.1` is found.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    sandbox
}

fn needs_foo() -> Wheel {
    Wheel::demo(&Elf::module(&["libfoo.so.1"]).runpath("$ORIGIN/lib"))
}

fn repair(sandbox: &Sandbox, bytes: &[u8]) -> Run {
    sandbox.write(NAME, bytes);
    sandbox.run(&["repair", "-q", "-w", "out", "--sysroot", "sysroot", "--lib-path", "libs", NAME])
}

/// Done with a sound wheel, or refused with a reason and nothing left; the output is taken away.
fn assert_sound(sandbox: &Sandbox, run: &Run, what: &str) {
    match run.status {
        0 => {
            let names = sandbox.names("out");
            assert_eq!(names.len(), 1, "{what}: {names:?}");
            let output = Output::open(&sandbox.root().join("out").join(&names[0]));
            assert_eq!(output.record_text(), output.expected_record(), "{what}");
            fs::remove_dir_all(sandbox.root().join("out")).unwrap();
        }
        1 => {
            assert!(run.stderr.starts_with(&format!("error: {NAME}: ")), "{what}: {}", run.stderr);
            assert!(run.stdout.is_empty(), "{what}");
            assert_eq!(sandbox.names("out"), [""; 0], "{what}");
        }
        status => panic!("{what}: status {status}: {}", run.stderr),
    }
    assert!(run.stderr.len() < 100_000, "{what}: {} bytes of words", run.stderr.len());
}

#[test]
fn three_hundred_damaged_wheels_are_refused_or_repaired_soundly() {
    let sandbox = sandbox();
    let whole = needs_foo().bytes();
    let mut numbers = Numbers(1);
    for round in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..=round % 4 {
            let at = numbers.below(bytes.len());
            bytes[at] ^= 1 << numbers.below(8);
        }
        let run = repair(&sandbox, &bytes);
        assert_sound(&sandbox, &run, &format!("round {round}"));
    }
}

#[test]
fn three_hundred_damaged_binaries_are_refused_or_repaired_soundly() {
    let sandbox = sandbox();
    let whole = Elf::module(&["libfoo.so.1"]).runpath("$ORIGIN/lib").bytes();
    let mut numbers = Numbers(2);
    for round in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..=round % 3 {
            // The first half is headers and tables; what comes behind is code.
            let at = 4 + numbers.below(bytes.len() / 2);
            bytes[at] = [0, 1, 0x7f, 0x80, 0xff][numbers.below(5)];
        }
        let wheel = Wheel::new("demo").file("demo/_ext.so", bytes);
        let run = repair(&sandbox, &wheel.bytes());
        assert_sound(&sandbox, &run, &format!("round {round}"));
    }
}

#[test]
fn two_hundred_damaged_libraries_are_passed_over_or_vendored_soundly() {
    let sandbox = sandbox();
    let whole = Elf::library("libfoo.so.1").bytes();
    let wheel = needs_foo().bytes();
    let mut numbers = Numbers(3);
    for round in 0..200 {
        let mut bytes = whole.clone();
        for _ in 0..=round % 3 {
            let at = 4 + numbers.below(bytes.len() / 2);
            bytes[at] = [0, 1, 0x7f, 0x80, 0xff][numbers.below(5)];
        }
        sandbox.write("libs/libfoo.so.1", bytes);
        let run = repair(&sandbox, &wheel);
        assert_sound(&sandbox, &run, &format!("round {round}"));
    }
}

#[test]
fn a_wheel_cut_at_any_length_is_refused() {
    let sandbox = sandbox();
    let whole = needs_foo().bytes();
    for len in (0..whole.len()).step_by(101) {
        let run = repair(&sandbox, &whole[..len]);
        assert_eq!(run.status, 1, "cut at {len}");
        assert_sound(&sandbox, &run, &format!("cut at {len}"));
    }
}

#[test]
fn hostile_names_in_binaries_lead_nowhere() {
    for needed in [
        "../../../etc/passwd",
        "/etc/passwd",
        "a/b",
        "..",
        "lib\nfoo.so",
        "\x1b[31mred",
        "*",
        "$ORIGIN/x.so",
    ] {
        let sandbox = sandbox();
        let wheel = Wheel::demo(&Elf::module(&[needed]));
        let run = repair(&sandbox, &wheel.bytes());
        assert_eq!(run.status, 1, "{needed:?}: {run:?}");
        assert_sound(&sandbox, &run, needed);
    }
}

#[test]
fn a_hostile_soname_of_a_library_stays_out_of_paths() {
    for soname in ["../../evil.so", "/abs/evil.so", "..", "a/b.so"] {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so.1", &Elf::library(soname));
        for words in [&["--lib-path", "libs"][..], &["--lib-path", "libs", "--no-mangle", "*"]] {
            let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
            let run = sandbox.try_repair(&wheel, words);
            assert_sound(&sandbox, &run, soname);
        }
        assert!(!sandbox.root().join("evil.so").exists());
    }
}

#[test]
fn words_of_strangers_do_not_command_the_terminal() {
    let sandbox = sandbox();
    for wheel in [
        Wheel::demo(&Elf::module(&["lib\x1b[31mfoo.so"])),
        Wheel::demo(&Elf::module(&[]).rpath("/build/\x1b[31m")),
        Wheel::demo(&Elf::module(&[])).row("demo/\x1b[31m,,"),
        Wheel::demo(&Elf::module(&[])).symlink("demo/link", "\x1b[31m"),
    ] {
        let run = sandbox.try_repair(&wheel, &[]);
        assert!(!run.stderr.contains('\x1b'), "{:?}", run.stderr);
        assert!(!sandbox.try_repair(&wheel, &["--dry-run"]).stdout.contains('\x1b'));
    }
}

#[test]
fn a_needed_name_longer_than_any_file_name_is_missing() {
    let sandbox = sandbox();
    let wheel = Wheel::demo(&Elf::module(&[&format!("lib{}.so", "x".repeat(5000))]));
    let run = repair(&sandbox, &wheel.bytes());
    assert_eq!(run.status, 1);
    assert_sound(&sandbox, &run, "a long name");
}

#[test]
fn libraries_that_need_each_other_and_themselves_are_vendored_once() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/liba.so", &Elf::library("liba.so").needed("libb.so").needed("liba.so"));
    sandbox.elf("libs/libb.so", &Elf::other_library("libb.so").needed("liba.so"));
    let wheel = Wheel::demo(&Elf::module(&["liba.so"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs"), ["liba-#.so", "libb-#.so"]);
}

#[test]
fn many_members_and_many_needs_take_little_time() {
    let started = std::time::Instant::now();
    let sandbox = Sandbox::new();
    let names: Vec<String> = (0..150).map(|index| format!("libneeded{index}.so")).collect();
    for name in &names {
        sandbox.elf(&format!("libs/{name}"), &Elf::library(name));
    }
    let needed: Vec<&str> = names.iter().map(String::as_str).collect();
    let extension = Elf::module(&needed);
    let wheel = (0..150).fold(Wheel::new("demo"), |wheel, index| {
        wheel.elf(&format!("demo/e{index}.so"), &extension)
    });
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs").len(), 150);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[cfg(unix)]
#[test]
fn links_that_lead_round_on_disk_are_no_library() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.root().join("libs")).unwrap();
    let link = |target: &str, path: &Path| std::os::unix::fs::symlink(target, path).unwrap();
    link("libfoo.so.1", &sandbox.root().join("libs/libfoo.so.1"));
    link("b.so", &sandbox.root().join("libs/a.so"));
    link("a.so", &sandbox.root().join("libs/b.so"));
    let text =
        sandbox.refusal(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &["--lib-path", "libs"]);
    assert!(text.starts_with("demo/_ext.so needs `libfoo.so.1`, which was not found\n"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_library_directory_is_not_waited_for() {
    let sandbox = Sandbox::new();
    sandbox.write("libs/readme.txt", "");
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("libs/libfoo.so.1")).status();
    if !made.is_ok_and(|status| status.success()) {
        crate::support::skip("a_pipe_in_a_library_directory_is_not_waited_for", "no mkfifo");
        return;
    }
    let text =
        sandbox.refusal(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), &["--lib-path", "libs"]);
    assert!(text.contains("`libfoo.so.1`, which was not found"), "{text}");
}
