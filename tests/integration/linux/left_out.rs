//! What is left out, by whose word, and what is said of it.

use crate::support::{Elf, Sandbox, Wheel};

/// A place with these libraries in `libs`.
fn sandbox(libraries: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for name in libraries {
        sandbox.elf(&format!("libs/{name}"), &Elf::library(name));
    }
    sandbox
}

/// Repairs a wheel whose module needs `needed`, all of which are there; what is vendored and said.
fn repaired(needed: &[&str], words: &[&str]) -> (Vec<String>, String) {
    let sandbox = sandbox(needed);
    let wheel = Wheel::demo(&Elf::module(needed));
    let words: Vec<&str> = ["--lib-path", "libs"].iter().chain(words).copied().collect();
    let run = sandbox.try_repair(&wheel, &words);
    let output = sandbox.repair(&wheel, &words);
    (output.names_in("demo.libs"), run.stderr)
}

#[test]
fn an_exclude_matches_the_needed_name_the_soname_and_the_path() {
    for pattern in ["libfoo.so", "libfoo.so.1", "*/libs/libfoo*", "libfoo*"] {
        let sandbox = Sandbox::new();
        sandbox.elf("libs/libfoo.so", &Elf::library("libfoo.so.1"));
        let wheel = Wheel::demo(&Elf::module(&["libfoo.so"]));
        let words = ["--lib-path", "libs", "--exclude", pattern];
        let run = sandbox.try_repair(&wheel, &words);
        let told = format!("note: left out by `--exclude {pattern}`: libfoo.so\n");
        assert!(run.stderr.contains(&told), "{pattern}: {}", run.stderr);
        let output = sandbox.repair(&wheel, &words);
        assert_eq!(output.names_in("demo.libs"), Vec::<String>::new(), "{pattern}");
        assert_eq!(output.elf("demo/_ext.so").needed[1], "libfoo.so");
    }
}

#[test]
fn an_exclude_that_matches_nothing_is_told_with_the_nearest_name() {
    for (pattern, near) in [
        ("libamdhip64.so", "; the nearest name is `libamdhip64.so.7`"),
        ("libamdhip64.so.6", "; the nearest name is `libamdhip64.so.7`"),
        ("libamdhip64", "; the nearest name is `libamdhip64.so.7`"),
        ("libamdihp64.so*", "; the nearest name is `libamdhip64.so.7`"),
        ("libquite_different.so", ""),
        ("libm.so", ""),
    ] {
        let (vendored, told) = repaired(&["libamdhip64.so.7"], &["--exclude", pattern]);
        assert_eq!(vendored, ["libamdhip64-#.so.7"]);
        let wanted =
            format!("\nwarning: `--exclude {pattern}` matches nothing that is needed{near}\n");
        assert!(told.contains(&wanted), "{told}");
    }
}

/// Two wheels, of which only `demo` needs `libfoo.so.1`; what is said when both are repaired.
fn repaired_together(words: &[&str]) -> (String, serde_json::Value) {
    let sandbox = sandbox(&["libfoo.so.1"]);
    let wheels = [Wheel::demo(&Elf::module(&["libfoo.so.1"])), Wheel::new("pure").file("p.py", "")];
    let names = wheels.map(|wheel| {
        wheel.build(sandbox.root());
        wheel.file_name()
    });
    let mut all = vec!["repair", "--sysroot", "sysroot", "--lib-path", "libs", "-q", "--json"];
    all.extend(words);
    all.extend(names.iter().map(String::as_str));
    let run = sandbox.run(&all);
    assert_eq!(run.status, 0, "{}", run.stderr);
    (run.stderr, serde_json::from_str(&run.stdout).unwrap())
}

#[test]
fn an_option_that_did_nothing_is_told_once_for_all_wheels_also_when_quiet() {
    let (told, json) = repaired_together(&["--exclude", "libfoo.so"]);
    let message =
        "`--exclude libfoo.so` matches nothing that is needed; the nearest name is `libfoo.so.1`";
    assert_eq!(told, format!("warning: {message}\n"));
    assert_eq!(
        json[0]["unmatched"],
        serde_json::json!([{
            "option": "--exclude libfoo.so",
            "nearest": "libfoo.so.1",
            "message": message,
        }])
    );
    assert_eq!(json[1]["unmatched"][0]["nearest"], serde_json::Value::Null);
}

#[test]
fn an_option_that_worked_for_one_wheel_is_no_mistake_for_another() {
    for words in [["--exclude", "libfoo*"], ["--no-mangle", "libfoo.so.1"]] {
        let (told, json) = repaired_together(&words);
        assert_eq!(told, "", "{words:?}");
        assert_eq!(json[0]["unmatched"], serde_json::json!([]));
        assert_eq!(json[1]["unmatched"][0]["option"], words.join(" "));
    }
}

#[test]
fn a_name_to_keep_that_nothing_has_is_told() {
    let (vendored, told) = repaired(&["libfoo.so.1"], &["--no-mangle", "libfoo.so"]);
    assert_eq!(vendored, ["libfoo-#.so.1"]);
    let wanted = "warning: `--no-mangle libfoo.so` matches nothing that is vendored; the nearest name \
                  is `libfoo.so.1`\n";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn commands_that_look_and_dry_runs_tell_what_did_nothing() {
    let sandbox = sandbox(&["libfoo.so.1"]);
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let name = wheel.build(sandbox.root()).file_name().unwrap().to_string_lossy().into_owned();
    let wanted = "warning: `--exclude libfoo` matches nothing that is needed; the nearest name is \
                  `libfoo.so.1`\n";
    let words = ["--lib-path", "libs", "--sysroot", "sysroot", "--exclude", "libfoo"];
    for command in [&["repair", "--dry-run"][..], &["show"], &["tree"]] {
        let run = sandbox.run(&[command, &words, &[&name]].concat());
        assert_eq!((run.status, &*run.stderr), (0, wanted), "{command:?}");
        let run = sandbox.run(&[command, &words, &["--json", &name]].concat());
        let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(json["unmatched"][0]["nearest"], "libfoo.so.1", "{command:?}");
    }
    let run = sandbox.run(&[&["tree"], &words[..], &["libs/libfoo.so.1"]].concat());
    assert_eq!(run.stderr, "warning: `--exclude libfoo` matches nothing that is needed\n");
}

#[test]
fn what_is_left_out_is_not_brought_by_force_and_that_is_told() {
    let words = ["--exclude-group", "rocm", "--force-vendor", "libamdhip64.so*"];
    let (vendored, told) = repaired(&["libamdhip64.so.7"], &words);
    assert_eq!(vendored, [""; 0]);
    let wanted = "warning: `--force-vendor libamdhip64.so*` brings nothing: `--exclude-group rocm` leaves \
                  out libamdhip64.so.7\n";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn two_excludes_that_match_the_same_are_both_of_use() {
    let words = ["--exclude", "libfoo*", "--exclude", "libfoo.so.1"];
    let (vendored, told) = repaired(&["libfoo.so.1"], &words);
    assert_eq!(vendored, Vec::<String>::new());
    assert!(!told.contains("matches nothing"), "{told}");
}

#[test]
fn an_excluded_libpython_stays_needed() {
    let name = "libpython3.12.so.1.0";
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[name]));
    assert!(!sandbox.repair(&wheel, &[]).elf("demo/_ext.so").needed.contains(&name.to_owned()));
    let output = sandbox.repair(&wheel, &["--exclude", "libpython3*"]);
    assert!(output.elf("demo/_ext.so").needed.contains(&name.to_owned()));
}

#[test]
fn an_exclude_group_leaves_out_every_version_of_what_it_names() {
    let needed = ["libcudart.so.12", "libcublasLt.so.13", "libc10.so", "libtorch_mine.so.1"];
    let (vendored, told) = repaired(&needed, &["--exclude-group", "cuda,torch"]);
    assert_eq!(vendored, ["libtorch_mine-#.so.1"]);
    let cuda = "note: left out by `--exclude-group cuda`: libcublasLt.so.13, libcudart.so.12\n";
    assert!(told.contains(cuda), "{told}");
    assert!(told.contains("note: left out by `--exclude-group torch`: libc10.so\n"), "{told}");
}

#[test]
fn an_exclude_group_that_leaves_out_nothing_is_told() {
    let (_, told) = repaired(&["libfoo.so.1"], &["--exclude-group", "rocm"]);
    let wanted = "warning: `--exclude-group rocm` matches nothing that is needed\n";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn an_unknown_group_is_wrong_usage_and_leads_to_the_nearest() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[]));
    let run = sandbox.try_repair(&wheel, &["--exclude-group", "cuda", "--exclude-group", "rocmm"]);
    assert_eq!(run.status, 2);
    let text = "error: there is no group `rocmm`; the nearest is `rocm`\n  hint: `truewheel groups` \
                lists them\n";
    assert_eq!(run.stderr, text);
    let run = sandbox.run(&["groups", "torch", "zzz"]);
    assert_eq!((run.status, &*run.stdout), (2, ""));
}

#[test]
fn groups_lists_every_group_with_its_patterns() {
    let sandbox = Sandbox::new();
    let all = sandbox.run(&["groups"]);
    assert_eq!(all.status, 0);
    for line in ["cuda: NVIDIA's driver interface", "rocm: AMD's ROCm", "opengl: OpenGL"] {
        assert!(all.stdout.contains(line), "{}", all.stdout);
    }
    let one = sandbox.run(&["groups", "-v", "vulkan"]).stdout;
    assert!(one.starts_with("vulkan: the Vulkan loader"), "{one}");
    assert!(one.contains("\n  libvulkan.so*\n  source: https://"), "{one}");
    let json = sandbox.run(&["groups", "--json", "torch"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], "truewheel.groups/1");
    assert_eq!(json["groups"][0]["name"], "torch");
    assert_eq!(json["groups"][0]["patterns"][0], "libc10.so*");
}

#[test]
fn a_driver_is_left_to_the_machine_under_whatever_name_it_is_found() {
    let (vendored, told) = repaired(&["libcuda.so.1"], &[]);
    assert_eq!(vendored, Vec::<String>::new());
    let wanted = "note: `libcuda.so.1` belongs to a driver of the machine and is left to it (needed by \
                  demo/_ext.so); `--force-vendor libcuda.so.1` vendors it all the same\n";
    assert!(told.contains(wanted), "{told}");

    let sandbox = Sandbox::new();
    sandbox.elf("libs/libgpu.so", &Elf::library("libcuda.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libgpu.so"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs"), Vec::<String>::new());
}

#[test]
fn force_vendor_brings_drivers_and_what_targets_provide_and_says_so() {
    let words = ["--force-vendor", "libcuda.so*", "--force-vendor", "libstdc++.so.6"];
    let (vendored, told) = repaired(&["libcuda.so.1", "libstdc++.so.6"], &words);
    assert_eq!(vendored, ["libcuda-#.so.1", "libstdc++-#.so.6"]);
    assert!(told.contains("note: `libcuda.so.1` is vendored by force: it belongs to a driver"));
    assert!(told.contains("note: `libstdc++.so.6` is vendored by force: a process"), "{told}");
}

#[test]
fn a_library_vendored_by_force_answers_for_its_own_versions() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libstdc++.so.6", &Elf::of("repair/newer-libstdc++.so"));
    let wheel = Wheel::demo(&Elf::of("repair/uses-newer-libstdc++.so"));
    let refused = sandbox.refusal(&wheel, &["--lib-path", "libs"]);
    assert!(refused.contains("GLIBCXX_3.4.99"), "{refused}");
    let words = ["--lib-path", "libs", "--force-vendor", "libstdc++*"];
    let output = sandbox.repair(&wheel, &words);
    assert_eq!(output.names_in("demo.libs"), ["libstdc++-#.so.6"]);
    assert_eq!(output.elf("demo/_ext.so").rpath.as_deref(), Some("$ORIGIN/../demo.libs"));
}

#[test]
fn no_force_brings_the_c_library() {
    let (vendored, told) = repaired(&["libc.so.6"], &["--force-vendor", "libc.so*"]);
    assert_eq!(vendored, Vec::<String>::new());
    let wanted = "warning: `--force-vendor libc.so*` matches nothing that can be vendored\n";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn two_libraries_of_one_base_name_are_told() {
    let (_, told) = repaired(&["libgfortran.so.3", "libgomp.so.1"], &[]);
    assert!(!told.contains("several libraries"), "{told}");
    let sandbox = sandbox(&["libgfortran.so.3", "libfoo.so.1"]);
    sandbox.elf("libs/libgfortran.so.5", &Elf::other_library("libgfortran.so.5"));
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1").needed("libgfortran.so.5"));
    let wheel = Wheel::demo(&Elf::module(&["libgfortran.so.3", "libfoo.so.1"]));
    let told = sandbox.try_repair(&wheel, &["--lib-path", "libs"]).stderr;
    let line = "note: one process may load several libraries `libgfortran`: demo.libs/libgfortran-";
    assert!(told.contains(line), "{told}");
}
