//! Which platform tags the result has: in its file name and, the same, in WHEEL.

use crate::support::{Elf, Sandbox, Wheel};

/// Repairs and gives the platform part of the file name; WHEEL must say the same.
fn platforms(wheel: &Wheel, words: &[&str]) -> String {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let output = sandbox.repair(wheel, words);
    let name = output.file_name();
    let parts: Vec<&str> = name.strip_suffix(".whl").unwrap().rsplitn(4, '-').collect();
    let [platforms, abis, pythons, _] = parts[..] else { panic!("{name}") };
    let mut expected = Vec::new();
    for python in pythons.split('.') {
        for abi in abis.split('.') {
            expected.extend(platforms.split('.').map(|tag| format!("{python}-{abi}-{tag}")));
        }
    }
    expected.sort();
    let mut tags = output.tags();
    tags.sort();
    assert_eq!(tags, expected);
    platforms.to_owned()
}

fn plain() -> Wheel {
    Wheel::demo(&Elf::module(&[]))
}

fn newer() -> Wheel {
    Wheel::demo(&Elf::of("repair/needs-glibc-2.34.so"))
}

const OLDEST: &str = "manylinux1_x86_64.manylinux_2_5_x86_64";

#[test]
fn auto_is_the_best_tag_with_its_older_name() {
    assert_eq!(platforms(&plain(), &[]), OLDEST);
    assert_eq!(platforms(&plain(), &["--plat", "auto"]), OLDEST);
    assert_eq!(platforms(&newer(), &[]), "manylinux_2_34_x86_64");
}

#[test]
fn a_requested_tag_stands_beside_the_better_one_that_is_earned() {
    let words = ["--plat", "manylinux_2_28_x86_64"];
    let both =
        format!("{OLDEST}.manylinux_2_28_x86_64").replacen("manylinux_2_5", "manylinux_2_28", 0);
    let mut tags: Vec<&str> = both.split('.').collect();
    tags.sort_unstable();
    assert_eq!(platforms(&plain(), &words), tags.join("."));
}

#[test]
fn only_plat_gives_the_requested_tag_and_its_older_name_alone() {
    let words = ["--only-plat", "--plat", "manylinux_2_28_x86_64"];
    assert_eq!(platforms(&plain(), &words), "manylinux_2_28_x86_64");
    let words = ["--only-plat", "--plat", "manylinux_2_17_x86_64"];
    assert_eq!(platforms(&plain(), &words), "manylinux2014_x86_64.manylinux_2_17_x86_64");
}

#[test]
fn the_older_name_and_the_number_ask_for_the_same() {
    for (year, number) in [("manylinux2014", "manylinux_2_17"), ("manylinux2010", "manylinux_2_12")]
    {
        let of = |tag: &str| platforms(&plain(), &["--plat", &format!("{tag}_x86_64")]);
        assert_eq!(of(year), of(number));
    }
}

#[test]
fn no_update_tags_keeps_them_and_the_file_name() {
    assert_eq!(platforms(&plain(), &["--no-update-tags"]), "linux_x86_64");
    let wheel = newer().tag("cp312-cp312-manylinux_2_28_x86_64");
    assert_eq!(platforms(&wheel, &["--no-update-tags"]), "manylinux_2_28_x86_64");
}

#[test]
fn a_tag_that_stays_and_is_not_true_is_told() {
    let wheel = newer().tag("cp312-cp312-manylinux_2_28_x86_64");
    let run = Sandbox::new().try_repair(&wheel, &["--no-update-tags"]);
    assert!(
        run.stderr.contains(
            "note: the tag `manylinux_2_28_x86_64` stays, and the wheel does not keep it: \
             demo/_ext.so needs GLIBC_2.34 of libc.so.6 (pthread_create, dlsym)\n"
        ),
        "{run:?}"
    );
    let run = Sandbox::new().try_repair(&plain().tag("py3-none-any"), &["--no-update-tags"]);
    assert!(
        run.stderr.contains("note: the tag `any` stays, and the wheel does not keep it: its"),
        "{run:?}"
    );
    let true_one = plain().tag("cp312-cp312-manylinux_2_28_x86_64");
    let run = Sandbox::new().try_repair(&true_one, &["--no-update-tags"]);
    assert!(!run.stderr.contains("stays"), "{run:?}");
}

#[test]
fn a_tag_that_is_asked_for_must_be_earned_also_when_the_tags_stay() {
    let words = ["--no-update-tags", "--plat", "manylinux_2_28_x86_64"];
    let text = Sandbox::new().refusal(&newer(), &words);
    assert!(
        text.starts_with("the content does not earn the tag `manylinux_2_28_x86_64`\n"),
        "{text}"
    );
    let words = ["--no-update-tags", "--plat", "manylinux_2_34_x86_64"];
    assert_eq!(platforms(&newer(), &words), "linux_x86_64");
}

#[test]
fn libraries_are_brought_in_for_the_strictest_tag_that_stays() {
    let sandbox = Sandbox::new();
    sandbox.elf("lib/libexpat.so.1", &Elf::library("libexpat.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libexpat.so.1"]));
    let words = ["--lib-path", "lib", "--no-update-tags"];
    let older = wheel.clone().tag("cp312-cp312-manylinux_2_5_x86_64");
    let output = sandbox.repair(&older, &words);
    output.vendored("demo.libs", "libexpat-#.so.1");
    // Systems of the newer tag have their own.
    let other = Sandbox::new();
    other.elf("lib/libexpat.so.1", &Elf::library("libexpat.so.1"));
    let newer = wheel.tag("cp312-cp312-manylinux_2_12_x86_64");
    assert_eq!(other.repair(&newer, &words).archive(), newer.bytes());
}

#[test]
fn a_false_tag_is_removed_and_a_true_one_stays() {
    let wheel = newer().tag("cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64");
    assert_eq!(platforms(&wheel, &[]), "manylinux_2_34_x86_64");
    let wheel = newer().tag("cp312-cp312-manylinux_2_34_x86_64.manylinux_2_36_x86_64");
    assert_eq!(platforms(&wheel, &[]), "manylinux_2_34_x86_64.manylinux_2_36_x86_64");
}

#[test]
fn a_wheel_for_any_platform_with_an_extension_becomes_one_for_linux() {
    let wheel = plain().tag("py3-none-any");
    assert_eq!(platforms(&wheel, &[]), OLDEST);
}

#[test]
fn every_python_and_abi_is_kept() {
    assert_eq!(platforms(&plain().tag("cp39.cp310-abi3.none-linux_x86_64"), &[]), OLDEST);
}

#[test]
fn the_environments_wish_counts_where_it_is_earned_and_only_there() {
    for (wish, wheel, platforms) in [
        (
            "manylinux_2_28_x86_64",
            plain(),
            "manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64",
        ),
        ("manylinux_2_28_aarch64", plain(), OLDEST),
        ("musllinux_1_2_x86_64", plain(), OLDEST),
        ("auto", plain(), OLDEST),
        ("{plat}", plain(), OLDEST),
        ("nonsense", plain(), OLDEST),
        ("manylinux_2_28_x86_64", newer(), "manylinux_2_34_x86_64"),
    ] {
        let sandbox = Sandbox::new();
        let output = sandbox.repair_in(&wheel, &[], &[("AUDITWHEEL_PLAT", wish)]);
        let name = format!("demo-1.0-cp312-cp312-{platforms}.whl");
        assert_eq!(output.file_name(), name, "{wish}");
    }
}

#[test]
fn a_vendored_library_counts_for_the_tag() {
    let sandbox = Sandbox::new();
    let newer = Elf::of("repair/needs-glibc-2.34.so").soname("libfoo.so.1");
    sandbox.elf("libs/libfoo.so.1", &newer);
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.file_name(), "demo-1.0-cp312-cp312-manylinux_2_34_x86_64.whl");
}

#[test]
fn a_library_that_newer_systems_have_is_left_to_them() {
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libexpat.so.1", &Elf::library("libexpat.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libexpat.so.1"]));
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    assert_eq!(output.names_in("demo.libs"), [""; 0]);
    let name = "demo-1.0-cp312-cp312-manylinux2010_x86_64.manylinux_2_12_x86_64.whl";
    assert_eq!(output.file_name(), name);

    std::fs::remove_dir_all(sandbox.root().join("out")).unwrap();
    let words = ["--lib-path", "libs", "--plat", "manylinux_2_5_x86_64"];
    let output = sandbox.repair(&wheel, &words);
    assert_eq!(output.names_in("demo.libs"), ["libexpat-#.so.1"]);
}

#[test]
fn a_private_libstdcxx_of_the_wheel_may_be_newer_than_the_policy() {
    let wheel = Wheel::demo(&Elf::of("repair/uses-newer-libstdc++.so").rpath("$ORIGIN"))
        .elf("demo/libstdc++.so.6", &Elf::of("repair/newer-libstdc++.so"));
    assert_eq!(platforms(&wheel, &[]), OLDEST);
}

#[test]
fn a_glibc_newer_than_every_listed_policy_has_a_tag_of_its_own() {
    let wheel = Wheel::demo(&Elf::of("repair/needs-glibc-2.43.so"));
    assert_eq!(platforms(&wheel, &[]), "manylinux_2_43_x86_64");
    let words = ["--plat", "manylinux_2_45_x86_64"];
    assert_eq!(platforms(&wheel, &words), "manylinux_2_43_x86_64.manylinux_2_45_x86_64");
    let text = Sandbox::new().refusal(&wheel, &["--plat", "manylinux_2_42_x86_64"]);
    assert!(text.contains("needs GLIBC_2.43 of libc.so.6 (from_the_future)"), "{text}");
}

#[test]
fn the_isa_check_can_be_switched_off() {
    let wheel = Wheel::demo(&Elf::of("repair/needs-x86-64-v3.so"));
    assert_eq!(platforms(&wheel, &["--disable-isa-ext-check"]), OLDEST);
}

#[test]
fn a_build_number_stays() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::demo(&Elf::module(&[])).tag("3b-cp312-cp312-linux_x86_64");
    let wheel = wheel.wheel_text(
        "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-linux_x86_64\nBuild: 3b\n",
    );
    let output = sandbox.repair(&wheel, &[]);
    assert_eq!(output.file_name(), format!("demo-1.0-3b-cp312-cp312-{OLDEST}.whl"));
    assert!(output.wheel_text().ends_with("Build: 3b\n"));
}

#[test]
fn a_tag_of_an_architecture_that_no_installer_names_is_neither_given_nor_kept() {
    for tag in ["manylinux_2_28_amd64", "linux_amd64", "manylinux2014_arm64"] {
        let text = Sandbox::new().refusal(&plain(), &["--plat", tag]);
        let start = format!("`{tag}` is no tag that a wheel for x86_64 can have");
        assert!(text.starts_with(&start), "{text}");
    }
    for tag in ["manylinux_2_28_amd64", "manylinux_2_28"] {
        let wheel = plain().tag(&format!("cp312-cp312-{tag}"));
        assert_eq!(platforms(&wheel, &[]), OLDEST, "{tag}");
    }
}

#[test]
fn a_wheel_for_a_system_that_is_not_known_is_written_as_it_is() {
    let tag = "freebsd_14_2_release_amd64";
    let wheel = plain().tag(&format!("cp312-cp312-{tag}"));
    assert_eq!(platforms(&wheel, &[]), tag);
}
