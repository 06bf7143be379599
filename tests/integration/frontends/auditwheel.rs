//! auditwheel's command line.

use crate::support::{Elf, Output, Run, Sandbox, Wheel};

/// A module that needs `libfoo.so.1`, which is in `libs`.
fn sandbox() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    wheel.build(sandbox.root());
    let name = wheel.file_name();
    (sandbox, name)
}

fn auditwheel(sandbox: &Sandbox, words: &[&str], environment: &[(&str, &str)]) -> Run {
    let words: Vec<&str> = ["auditwheel"].iter().chain(words).copied().collect();
    sandbox.run_in(&words, environment)
}

#[test]
fn a_repair_writes_and_says_what_auditwheel_does() {
    let (sandbox, wheel) = sandbox();
    let libs = sandbox.path("libs");
    let environment = [("LD_LIBRARY_PATH", &*libs)];
    let run = auditwheel(&sandbox, &["-v", "repair", "-w", "out", &wheel], &environment);
    assert_eq!((run.status, &*run.stdout), (0, ""), "{}", run.stderr);
    let written = "demo-1.0-cp312-cp312-manylinux1_x86_64.manylinux_2_5_x86_64.whl";
    assert_eq!(sandbox.names("out"), [written]);
    let grafted = "DEBUG:auditwheel.repair:Grafting: ROOT/libs/libfoo.so.1 -> demo.libs/libfoo-";
    for line in [
        "INFO:auditwheel.main_repair:Repairing demo-1.0-cp312-cp312-linux_x86_64.whl\n",
        grafted,
        "INFO:auditwheel.wheeltools:Previous filename tags: linux_x86_64\n",
        "INFO:auditwheel.wheeltools:New filename tags: manylinux_2_5_x86_64, manylinux1_x86_64\n",
        "INFO:auditwheel.wheeltools:New WHEEL info tags: cp312-cp312-manylinux_2_5_x86_64, \
         cp312-cp312-manylinux1_x86_64\n",
        &format!("INFO:auditwheel.main_repair:\nFixed-up wheel written to ROOT/out/{written}\n"),
    ] {
        assert!(run.stderr.contains(line), "{line}{}", run.stderr);
    }
}

#[test]
fn options_may_be_short_long_joined_or_cut() {
    let (sandbox, wheel) = sandbox();
    for words in [
        &["repair", "--exclude", "libfoo.so.1", "-wout", &*wheel][..],
        &["repair", "--exc=libfoo*", "--wheel-dir=out", &wheel, "-v"],
        &["repair", &wheel, "--exclude", "*/libfoo.so.*", "--plat", "auto", "-w", "out"],
        &["repair", &wheel, "--exclude=libfoo.so.1", "--ldpaths", "{ldpaths}", "-w", "out"],
    ] {
        let libs = sandbox.path("libs");
        let run = auditwheel(&sandbox, words, &[("LD_LIBRARY_PATH", &libs)]);
        assert_eq!(run.status, 0, "{words:?}: {}", run.stderr);
        let told = "INFO:auditwheel.lddtree:Excluding libfoo.so.1\n";
        assert!(run.stderr.contains(told), "{words:?}: {}", run.stderr);
        assert_eq!(sandbox.names("out").len(), 1, "{words:?}");
    }
}

#[test]
fn a_directory_of_libraries_may_end_in_a_dot_as_in_cibuildwheels_example() {
    let (sandbox, wheel) = sandbox();
    let libs = sandbox.path("libs");
    let environment = [("LD_LIBRARY_PATH", &*libs)];
    let words = ["repair", "--lib-sdir", ".", "-w", "out", &wheel];
    let run = auditwheel(&sandbox, &words, &environment);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let output = Output::open(&sandbox.root().join("out").join(&sandbox.names("out")[0]));
    let vendored = output.vendored("demo.", "libfoo-#.so.1");
    let extension = output.elf("demo/_ext.so");
    assert_eq!(extension.rpath.as_deref(), Some("$ORIGIN/../demo."));
    assert!(vendored.ends_with(&extension.needed[1]), "{vendored}");
    for bad in ["/..", "$.", "a/../b"] {
        let run = auditwheel(&sandbox, &["repair", "-L", bad, "-w", "other", &wheel], &environment);
        assert_eq!(run.status, 2, "{bad}: {}", run.stderr);
    }
}

#[test]
fn a_missing_library_is_told_in_the_words_of_both() {
    let (sandbox, wheel) = sandbox();
    let run = auditwheel(&sandbox, &["repair", "--ldpaths", "nothing", &wheel], &[]);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    let first = "auditwheel: error: Cannot repair wheel, because required library \"libfoo.so.1\" could \
                 not be located\n";
    assert!(run.stderr.starts_with(first), "{}", run.stderr);
    let hint = "hint: name its directory in LD_LIBRARY_PATH, or leave it out with";
    assert!(run.stderr.contains(hint), "{}", run.stderr);
    assert_eq!(sandbox.names("wheelhouse"), Vec::<String>::new());
}

#[test]
fn the_platform_of_the_environment_must_be_earned() {
    let (sandbox, wheel) = sandbox();
    let libs = sandbox.path("libs");
    let try_it = |plat| {
        let environment = [("LD_LIBRARY_PATH", &*libs), ("AUDITWHEEL_PLAT", plat)];
        auditwheel(&sandbox, &["repair", "-w", plat, &wheel], &environment)
    };
    assert_eq!(try_it("manylinux_2_28_x86_64").status, 0);
    let both =
        "demo-1.0-cp312-cp312-manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64.whl";
    assert_eq!(sandbox.names("manylinux_2_28_x86_64"), [both]);
    // For another machine it says nothing of this wheel.
    assert_eq!(try_it("manylinux_2_28_aarch64").status, 0);
}

#[test]
fn an_older_name_that_is_asked_for_stands_alone_where_libraries_are_brought_along() {
    let (sandbox, wheel) = sandbox();
    let libs = sandbox.path("libs");
    let environment = [("LD_LIBRARY_PATH", &*libs), ("AUDITWHEEL_PLAT", "manylinux2014_x86_64")];
    let name = |platforms: &str| vec![format!("demo-1.0-cp312-cp312-{platforms}.whl")];
    let run = auditwheel(&sandbox, &["repair", "-w", "image", &wheel], &environment);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let alone = name("manylinux2014_x86_64.manylinux_2_17_x86_64");
    assert_eq!(sandbox.names("image"), alone);
    let words = ["repair", "-w", "typed", "--plat", "manylinux2014_x86_64", &wheel];
    assert_eq!(auditwheel(&sandbox, &words, &environment[..1]).status, 0);
    assert_eq!(sandbox.names("typed"), alone);
    let words = ["repair", "-w", "nothing", "--exclude", "libfoo.so.1", &wheel];
    assert_eq!(auditwheel(&sandbox, &words, &environment).status, 0);
    let all = "manylinux1_x86_64.manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_5_x86_64";
    assert_eq!(sandbox.names("nothing"), name(all));
}

#[test]
fn what_stays_in_wheel_is_told_as_it_is() {
    let sandbox = Sandbox::new();
    let tag = "cp312-cp312-manylinux_2_28_x86_64.manylinux_2_5_x86_64.manylinux1_x86_64";
    let wheel = Wheel::demo(&Elf::module(&[])).tag(tag);
    wheel.build(sandbox.root());
    let run = auditwheel(&sandbox, &["repair", "-w", "out", &wheel.file_name()], &[]);
    let told = "INFO:auditwheel.wheeltools:Previous filename tags: manylinux_2_28_x86_64, \
                manylinux_2_5_x86_64, manylinux1_x86_64\n\
                INFO:auditwheel.wheeltools:No filename tags change needed.\n\
                INFO:auditwheel.wheeltools:Previous WHEEL info tags: \
                cp312-cp312-manylinux_2_28_x86_64, cp312-cp312-manylinux_2_5_x86_64, \
                cp312-cp312-manylinux1_x86_64\n\
                INFO:auditwheel.wheeltools:No WHEEL info change needed.\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn what_only_some_pythons_have_is_told_in_auditwheels_words_where_it_has_them() {
    for (file, words) in [
        (
            "repair/needs-ucs2.so",
            "it was compiled against a UCS2 build of Python. You'll need to compile the wheel against a \
             wide-unicode build of Python.\n",
        ),
        (
            "repair/needs-fpectl.so",
            "it uses what only some builds of Python have (auditwheel repairs such wheels all the same).\n",
        ),
    ] {
        let sandbox = Sandbox::new();
        let wheel = Wheel::demo(&Elf::of(file));
        wheel.build(sandbox.root());
        let name = wheel.file_name();
        let run = auditwheel(&sandbox, &["repair", &name], &[]);
        let first = format!(
            "auditwheel: error: cannot repair \"{name}\" to \"manylinux_2_41_x86_64\" ABI because {words}"
        );
        assert_eq!(run.status, 2);
        assert!(run.stderr.starts_with(&first), "{}", run.stderr);
    }
}

#[test]
fn a_tag_that_is_not_earned_is_status_2_with_the_symbol() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::of("repair/needs-glibc-2.34.so"));
    wheel.build(sandbox.root());
    let name = wheel.file_name();
    let run = auditwheel(&sandbox, &["repair", "--plat", "manylinux2014_x86_64", &name], &[]);
    assert_eq!(run.status, 2, "{}", run.stderr);
    let first = format!(
        "auditwheel: error: cannot repair \"{name}\" to \"manylinux2014_x86_64\" ABI because of the \
         presence of too-recent versioned symbols."
    );
    assert!(run.stderr.starts_with(&first), "{}", run.stderr);
    assert!(run.stderr.contains("  because: demo/_ext.so needs GLIBC_2.34"), "{}", run.stderr);
}

#[test]
fn show_tells_pure_wheels_by_its_status() {
    let (sandbox, wheel) = sandbox();
    let run = auditwheel(&sandbox, &["show", &wheel], &[]);
    assert_eq!(run.status, 0);
    let first = "\ndemo-1.0-cp312-cp312-linux_x86_64.whl is consistent with the following\nplatform \
                 tag: \"linux_x86_64\".\n";
    assert!(run.stdout.starts_with(first), "{}", run.stdout);
    let pure = Wheel::new("demo").tag("py3-none-any").file("demo/__init__.py", "");
    pure.build(sandbox.root());
    let name = pure.file_name();
    assert_eq!(auditwheel(&sandbox, &["show", &name], &[]).status, 1);
    let run = auditwheel(&sandbox, &["show", "--json", "--allow-pure-python-wheel", &name], &[]);
    assert_eq!(run.status, 0);
    let wanted =
        format!("{{\n    \"version\": 1,\n    \"wheel\": \"{name}\",\n    \"pure\": true\n}}\n");
    assert_eq!(run.stdout, wanted);
    let run = auditwheel(&sandbox, &["show", "nothere.whl"], &[]);
    assert_eq!((run.status, &*run.stderr), (2, "error: cannot access nothere.whl. No such file\n"));
}

#[test]
fn show_fails_on_a_wheel_without_files_for_its_platform_also_where_pure_ones_are_fine() {
    let sandbox = Sandbox::new();
    let empty = Wheel::new("empty").tag("cp312-cp312-linux_x86_64").file("empty/__init__.py", "");
    let other = Wheel::demo(&Elf::module(&[])).tag("cp312-cp312-linux_aarch64");
    for (wheel, error) in [
        (empty, "This does not look like a platform wheel: it has no ELF file"),
        (
            other,
            "Invalid binary wheel: no ELF file of the wheel is for aarch64: demo/_ext.so (x86_64)",
        ),
    ] {
        wheel.build(sandbox.root());
        let name = wheel.file_name();
        let run = auditwheel(&sandbox, &["show", "--allow-pure-python-wheel", &name], &[]);
        let told = format!("INFO:auditwheel.main_show:{error}\n");
        assert_eq!((run.status, &*run.stdout, &*run.stderr), (1, "", &*told));
        let words = ["show", "--json", "--allow-pure-python-wheel", &name];
        let run = auditwheel(&sandbox, &words, &[]);
        let value: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let wanted = serde_json::json!({ "version": 1, "wheel": name, "error": error });
        assert_eq!((run.status, value), (1, wanted));
    }
}

#[test]
fn lddtree_has_each_library_in_front_of_what_it_needs() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1").needed("libbar.so.2"));
    sandbox.elf("libs/libbar.so.2", &Elf::library("libbar.so.2"));
    sandbox.elf("module.so", &Elf::module(&["libfoo.so.1", "libnone.so"]));
    let libs = sandbox.path("libs");
    let run = auditwheel(&sandbox, &["lddtree", "module.so"], &[("LD_LIBRARY_PATH", &libs)]);
    assert_eq!((run.status, &*run.stdout), (0, ""));
    let at = |text: &str| run.stderr.find(text).unwrap_or_else(|| panic!("{text}: {}", run.stderr));
    let found =
        ["libfoo.so.1", "libbar.so.2", "libnone.so"].map(|name| at(&format!("\"{name}\": {{")));
    assert!(found.is_sorted(), "{}", run.stderr);
}

#[test]
fn show_as_json_has_what_auditwheel_has() {
    let (sandbox, wheel) = sandbox();
    let run = auditwheel(&sandbox, &["show", "--json", &wheel], &[]);
    let value: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(value["overall_tag"], "linux_x86_64");
    assert_eq!(value["sym_tag"], "manylinux_2_5_x86_64");
    assert_eq!(value["external_libs"], serde_json::json!({ "libfoo.so.1": null }));
    let upgrades = value["policy_upgrades"].as_object().unwrap();
    let wanted = serde_json::json!({ "libs_to_eliminate": ["libfoo.so.1"] });
    assert_eq!(upgrades["manylinux_2_17_x86_64"], wanted);
}
