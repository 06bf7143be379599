//! The packages that libraries come from, by databases of a target's root.

use super::{component, document};
use crate::support::{Elf, Output, Sandbox, Wheel, testdata};

/// The component of `libfoo.so.1`, which a wheel needs and `sandbox` has somewhere.
fn foo(sandbox: &Sandbox, words: &[&str]) -> serde_json::Value {
    let output = repair(sandbox, words);
    component(&document(&output), &output, "libfoo-#.so.1").clone()
}

fn repair(sandbox: &Sandbox, words: &[&str]) -> Output {
    sandbox.repair(&Wheel::demo(&Elf::module(&["libfoo.so.1"])), words)
}

fn library(sandbox: &Sandbox, path: &str) {
    sandbox.elf(path, &Elf::library("libfoo.so.1"));
}

fn evidence(component: &serde_json::Value) -> &str {
    component["evidence"]["identity"][0]["methods"][0]["value"].as_str().expect("evidence")
}

const MULTIARCH: &str = "usr/lib/x86_64-linux-gnu";

/// A Debian root in which `libfoo1` lists `listed`.
fn debian(sandbox: &Sandbox, listed: &str) {
    sandbox.write("sysroot/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    let info = "sysroot/var/lib/dpkg/info";
    sandbox.write(&format!("{info}/libfoo1:amd64.list"), format!("/.\n/usr\n{listed}\n"));
    sandbox.write(&format!("{info}/other.list"), "/usr/share/libfoo.so.1\n");
    let stanza = |package: &str, arch: &str, version: &str| {
        format!(
            "Package: {package}\nArchitecture: {arch}\nSource: foo (1.2-3)\nVersion: {version}\nDescription: x\n y: z\n"
        )
    };
    let status = [
        stanza("other", "all", "9"),
        stanza("libfoo1", "i386", "8"),
        stanza("libfoo1", "amd64", "1:1.2-3+b1"),
    ];
    sandbox.write("sysroot/var/lib/dpkg/status", status.join("\n"));
}

#[test]
fn dpkg_knows_its_files_also_where_usr_is_merged() {
    for listed in [format!("/{MULTIARCH}/libfoo.so.1"), "/lib/x86_64-linux-gnu/libfoo.so.1".into()]
    {
        let sandbox = Sandbox::new();
        library(&sandbox, &format!("sysroot/{MULTIARCH}/libfoo.so.1"));
        debian(&sandbox, &listed);
        let foo = foo(&sandbox, &[]);
        let purl = "pkg:deb/debian/libfoo1@1:1.2-3%2Bb1?arch=amd64&distro=debian-12";
        assert_eq!(foo["purl"], purl);
        assert_eq!(
            (foo["name"].as_str(), foo["version"].as_str()),
            (Some("libfoo1"), Some("1:1.2-3+b1"))
        );
        assert_eq!(evidence(&foo), format!("dpkg lists {listed}"));
    }
}

#[cfg(unix)]
#[test]
fn a_listed_directory_may_be_a_link_and_the_file_behind_a_link_is_what_counts() {
    let sandbox = Sandbox::new();
    library(&sandbox, "sysroot/opt/real/libfoo.so.1.2");
    sandbox.write(&format!("sysroot/{MULTIARCH}/x"), "");
    let link = |to: &str, at: &str| {
        std::os::unix::fs::symlink(to, sandbox.path(&format!("sysroot/{at}"))).unwrap();
    };
    // Absolute links of the target lead below its root.
    link("/opt/real", "opt/linked");
    link("/opt/linked/libfoo.so.1.2", &format!("{MULTIARCH}/libfoo.so.1"));
    debian(&sandbox, "/opt/linked/libfoo.so.1.2");
    // This package has the link and not the library.
    let info = "sysroot/var/lib/dpkg/info";
    sandbox.write(&format!("{info}/a-link.list"), format!("/{MULTIARCH}/libfoo.so.1\n"));
    let output = repair(&sandbox, &[]);
    let foo = component(&document(&output), &output, "libfoo-#.so.1.2").clone();
    assert_eq!(evidence(&foo), "dpkg lists /opt/linked/libfoo.so.1.2");
    assert_eq!(foo["name"], "libfoo1");
}

#[test]
fn a_diverted_file_belongs_to_who_was_moved_away() {
    let sandbox = Sandbox::new();
    library(&sandbox, "sysroot/usr/lib/moved/libfoo.so.1");
    debian(&sandbox, &format!("/{MULTIARCH}/libfoo.so.1"));
    let lines = format!("/{MULTIARCH}/libfoo.so.1\n/usr/lib/moved/libfoo.so.1\nother\n");
    sandbox.write("sysroot/var/lib/dpkg/diversions", lines);
    let moved = sandbox.path("sysroot/usr/lib/moved");
    assert_eq!(foo(&sandbox, &["--lib-path", &moved])["name"], "libfoo1");
}

#[test]
fn images_without_a_package_manager_say_what_they_were_made_of() {
    let sandbox = Sandbox::new();
    library(&sandbox, &format!("sysroot/{MULTIARCH}/libfoo.so.1"));
    let status = "sysroot/var/lib/dpkg/status.d";
    let stanza = "Package: libfoo1\nVersion: 1.2\nArchitecture: amd64\n";
    sandbox.write(&format!("{status}/libfoo1"), stanza);
    let sums = format!("0123456789abcdef0123456789abcdef  {MULTIARCH}/libfoo.so.1\n");
    sandbox.write(&format!("{status}/libfoo1.md5sums"), sums);
    assert_eq!(foo(&sandbox, &[])["purl"], "pkg:deb/debian/libfoo1@1.2?arch=amd64");
}

#[test]
fn apk_knows_its_files() {
    for database in ["lib/apk/db/installed", "usr/lib/apk/db/installed"] {
        let sandbox = Sandbox::new();
        library(&sandbox, "sysroot/usr/lib/libfoo.so.1");
        sandbox.write("sysroot/etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n");
        let text = "C:Q1x=\nP:other\nV:1-r0\nA:x86_64\nF:usr/share\nR:libfoo.so.1\n\n\
                    P:libfoo\nV:1.2-r3\nA:x86_64\nL:MIT OR Zlib\no:foo\nF:usr\nF:usr/lib\nR:libx.so\n\
                    R:libfoo.so.1\nZ:Q1y=\n\n";
        sandbox.write(&format!("sysroot/{database}"), text);
        let foo = foo(&sandbox, &[]);
        let purl = "pkg:apk/alpine/libfoo@1.2-r3?arch=x86_64&distro=alpine-3.20.3";
        assert_eq!(foo["purl"], purl);
        assert_eq!(foo["licenses"][0]["license"]["name"], "MIT OR Zlib");
        assert_eq!(evidence(&foo), "apk lists /usr/lib/libfoo.so.1");
    }
}

#[test]
fn a_library_outside_the_root_belongs_to_none_of_its_packages() {
    let sandbox = Sandbox::new();
    library(&sandbox, "libs/libfoo.so.1");
    debian(&sandbox, &sandbox.path("libs/libfoo.so.1"));
    let foo = foo(&sandbox, &["--lib-path", "libs"]);
    assert_eq!((&foo["name"], foo["purl"].is_null()), (&"libfoo.so.1".into(), true));
}

#[test]
fn conda_meta_knows_the_files_of_its_environment() {
    let sandbox = Sandbox::new();
    library(&sandbox, "env/lib/libfoo.so.1");
    let text = r#"{"name": "libfoo", "version": "1.2", "build": "h1_0", "subdir": "linux-64",
        "channel": "https://conda.anaconda.org/t/secret/conda-forge/linux-64", "license": "MIT",
        "fn": "libfoo-1.2-h1_0.conda", "files": ["include/foo.h", "lib/libfoo.so.1"]}"#;
    sandbox.write("env/conda-meta/libfoo-1.2-h1_0.json", text);
    sandbox.write("env/conda-meta/broken.json", "libfoo.so.1");
    let foo = foo(&sandbox, &["--lib-path", "env/lib"]);
    let purl = "pkg:conda/libfoo@1.2?build=h1_0&channel=conda-forge&subdir=linux-64&type=conda";
    assert_eq!(foo["purl"], purl);
    assert_eq!(evidence(&foo), "conda-meta lists lib/libfoo.so.1");
}

/// `foo_libs`, installed by `installer` into `site`, whose RECORD has `row`.
fn installed(sandbox: &Sandbox, site: &str, row: &str, installer: &str) {
    let dist_info = format!("{site}/foo_libs-1.2.dist-info");
    sandbox.write(&format!("{dist_info}/RECORD"), format!("x.py,,\n{row},sha256=x,1\n"));
    let text = "Metadata-Version: 2.4\nName: Foo_Libs\nVersion: 1.2\nLicense-Expression: MIT\n\n";
    sandbox.write(&format!("{dist_info}/METADATA"), text);
    sandbox.write(&format!("{dist_info}/INSTALLER"), installer);
}

#[test]
fn a_python_package_provides_what_its_record_lists() {
    for (site, file, row) in [
        (
            "env/lib/python3.12/site-packages",
            "env/lib/python3.12/site-packages/foo/lib/libfoo.so.1",
            "foo/lib/libfoo.so.1",
        ),
        // A wheel's data directory is installed into the environment.
        ("env/lib/python3.12/site-packages", "env/lib/libfoo.so.1", "../../libfoo.so.1"),
        // `pip install --target`.
        ("target", "target/foo/libfoo.so.1", "foo/libfoo.so.1"),
    ] {
        let sandbox = Sandbox::new();
        library(&sandbox, file);
        installed(&sandbox, site, row, "pip\n");
        let directory = file.rsplit_once('/').unwrap().0;
        let foo = foo(&sandbox, &["--lib-path", directory]);
        assert_eq!(foo["purl"], "pkg:pypi/foo-libs@1.2");
        assert_eq!(foo["licenses"][0]["license"]["name"], "MIT");
        assert_eq!(evidence(&foo), format!("RECORD lists {row}"));
    }
}

#[cfg(unix)]
#[test]
fn an_absolute_row_of_record_does_not_tell_its_directory() {
    let sandbox = Sandbox::new();
    library(&sandbox, "env/opt/libfoo.so.1");
    let row = sandbox.path("env/opt/libfoo.so.1");
    installed(&sandbox, "env/lib/python3.12/site-packages", &row, "pip\n");
    let foo = foo(&sandbox, &["--lib-path", "env/opt"]);
    assert_eq!(
        (foo["name"].as_str(), evidence(&foo)),
        (Some("Foo_Libs"), "RECORD lists libfoo.so.1")
    );
}

#[test]
fn of_a_python_package_that_the_system_installed_the_system_is_believed() {
    let site = "usr/lib/python3.12/site-packages";
    for (installer, name) in [("apt\n", "libfoo1"), ("pip\n", "Foo_Libs")] {
        let sandbox = Sandbox::new();
        let file = format!("{site}/foo/libfoo.so.1");
        library(&sandbox, &format!("sysroot/{file}"));
        installed(&sandbox, &format!("sysroot/{site}"), "foo/libfoo.so.1", installer);
        debian(&sandbox, &format!("/{file}"));
        let directory = sandbox.path(&format!("sysroot/{site}/foo"));
        assert_eq!(foo(&sandbox, &["--lib-path", &directory])["name"], name);
    }
}

#[test]
fn a_database_that_cannot_be_read_is_told_and_nothing_fails() {
    let sandbox = Sandbox::new();
    library(&sandbox, "env/lib/libfoo.so.1");
    sandbox.write("env/conda-meta/broken.json", "libfoo.so.1");
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let run = sandbox.try_repair(&wheel, &["--lib-path", "env/lib"]);
    assert_eq!(run.status, 0);
    assert!(run.stderr.contains("note: package database: conda-meta/broken.json: "), "{run:?}");
}

#[test]
fn the_plan_says_whose_a_library_is() {
    let sandbox = Sandbox::new();
    library(&sandbox, &format!("sysroot/{MULTIARCH}/libfoo.so.1"));
    debian(&sandbox, &format!("/{MULTIARCH}/libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let run = sandbox.try_repair(&wheel, &["--dry-run"]);
    let purl = "pkg:deb/debian/libfoo1@1:1.2-3%2Bb1?arch=amd64&distro=debian-12";
    assert!(run.stdout.contains(&format!("\n  of {purl}, by dpkg\n")), "{}", run.stdout);
    let run = sandbox.try_repair(&wheel, &["--dry-run", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["vendored"][0]["provider"], purl);
}

/// The root of a system whose rpm database is a file of `testdata/providers`.
fn with_rpm(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    // The header of this package lists /usr/lib64/libfoo.so.1.2 and the link to it.
    library(&sandbox, "sysroot/usr/lib64/libfoo.so.1.2");
    sandbox.write("sysroot/etc/os-release", "ID=\"almalinux\"\nVERSION_ID=\"9.4\"\n");
    for (from, to) in files {
        let bytes = std::fs::read(testdata(&format!("providers/{from}"))).expect("a database");
        sandbox.write(&format!("sysroot/{to}"), bytes);
    }
    sandbox
}

#[test]
fn rpm_knows_its_files_in_every_format_that_its_database_had() {
    for files in [
        &[("Packages", "var/lib/rpm/Packages")][..],
        &[("big/Packages", "var/lib/rpm/Packages")],
        &[("Packages.db", "usr/lib/sysimage/rpm/Packages.db")],
        &[("rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite")],
        &[("rpmdb.sqlite", "usr/share/rpm/rpmdb.sqlite")],
        &[
            ("log/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"),
            ("log/rpmdb.sqlite-wal", "var/lib/rpm/rpmdb.sqlite-wal"),
        ],
    ] {
        let sandbox = with_rpm(files);
        let directory = sandbox.path("sysroot/usr/lib64");
        let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
        let output = sandbox.repair(&wheel, &["--lib-path", &directory]);
        let foo = component(&document(&output), &output, "libfoo-#.so.1.2").clone();
        let purl = "pkg:rpm/almalinux/foo-libs@1.2-3.el9?arch=x86_64&distro=almalinux-9.4&epoch=1";
        assert_eq!(foo["purl"], purl, "{files:?}");
        assert_eq!(foo["version"], "1:1.2-3.el9");
        assert_eq!(foo["licenses"][0]["license"]["name"], "MIT and zlib");
        assert_eq!(evidence(&foo), "rpm lists /usr/lib64/libfoo.so.1.2");
    }
}

#[test]
fn a_package_that_is_in_the_log_alone_is_unknown_without_it() {
    let sandbox = with_rpm(&[("log/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite")]);
    let directory = sandbox.path("sysroot/usr/lib64");
    let output = repair(&sandbox, &["--lib-path", &directory]);
    let document = document(&output);
    assert!(component(&document, &output, "libfoo-#.so.1.2")["purl"].is_null());
}

#[test]
fn a_damaged_rpm_database_costs_the_answer_and_no_more() {
    for (name, place) in [
        ("Packages", "var/lib/rpm/Packages"),
        ("Packages.db", "var/lib/rpm/Packages.db"),
        ("rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"),
    ] {
        let bytes = std::fs::read(testdata(&format!("providers/{name}"))).expect("a database");
        let sandbox = with_rpm(&[]);
        let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
        let directory = sandbox.path("sysroot/usr/lib64");
        let words = ["--lib-path", &*directory, "--dry-run"];
        for len in [0, 1, 30, 100, 600, 4096, 5000, bytes.len() / 2, bytes.len() - 1] {
            sandbox.write(&format!("sysroot/{place}"), &bytes[..len]);
            let run = sandbox.try_repair(&wheel, &words);
            assert_eq!(run.status, 0, "{name} cut at {len}: {run:?}");
        }
        for at in (0..bytes.len()).step_by(bytes.len() / 40) {
            let mut damaged = bytes.clone();
            damaged[at..bytes.len().min(at + 7)].fill(0xff);
            sandbox.write(&format!("sysroot/{place}"), damaged);
            let run = sandbox.try_repair(&wheel, &words);
            assert_eq!(run.status, 0, "{name} damaged at {at}: {run:?}");
        }
    }
}
