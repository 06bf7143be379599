//! Tags of macOS wheels, from facts alone.

use truewheel_macho::MinimumOs;
use truewheel_wheel::PlatformTag;

use super::*;
use crate::binary::MachSlice;

/// CPU, platform and version of a slice.
type Made = (&'static str, u32, (u16, u8));

fn file(file_type: u32, slices: &[Made]) -> MachFile {
    let slice = |(architecture, platform, (major, minor)): &Made| MachSlice {
        architecture,
        file_type,
        install_id: None,
        loads: Vec::new(),
        rpaths: Vec::new(),
        minimum_os: (*major > 0).then_some(MinimumOs {
            platform: *platform,
            version: (*major, *minor, 0),
            sdk: (*major, *minor, 0),
        }),
        header_pad: 0,
        certificate: None,
        uuid: None,
        is_signed: true,
    };
    MachFile { slices: slices.iter().map(slice).collect() }
}

fn module(slices: &[Made]) -> MachFile {
    file(8, slices)
}

fn with(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

fn judge(files: &[(&str, &MachFile)], tags: &str, options: &Options) -> Verdict {
    let files: Vec<File<'_>> =
        files.iter().map(|(name, file)| File { name, file, is_needed: true }).collect();
    let tags: Vec<PlatformTag> = tags.split('.').map(PlatformTag::from).collect();
    assess(&files, &tags, options)
}

fn tags(verdict: &Verdict) -> String {
    assert!(verdict.fault.is_none(), "{}", verdict.fault.as_ref().unwrap());
    let tags: Vec<String> = verdict.tags.iter().map(ToString::to_string).collect();
    tags.join(".")
}

fn fault(verdict: &Verdict) -> String {
    verdict.fault.as_ref().unwrap().to_string()
}

#[test]
fn tags_follow_the_newest_file_up_and_down() {
    let module = module(&[("x86_64", 1, (10, 9))]);
    let library = file(6, &[("x86_64", 1, (10, 13))]);
    let files = [("demo/x.so", &module), ("/opt/libz.dylib", &library)];
    let verdict = judge(&files, "macosx_10_9_x86_64", &Options::default());
    assert_eq!(tags(&verdict), "macosx_10_13_x86_64");
    assert_eq!(verdict.notes, ["macOS 10.13 on x86_64 is needed by /opt/libz.dylib"]);
    let verdict = judge(&files, "macosx_14_0_x86_64", &Options::default());
    assert_eq!(tags(&verdict), "macosx_10_13_x86_64");
    assert_eq!(verdict.notes, [""; 0]);
}

#[test]
fn no_tag_for_arm64_is_older_than_macos_11() {
    let module = module(&[("arm64", 1, (10, 9))]);
    let verdict = judge(&[("x.so", &module)], "macosx_10_9_arm64", &Options::default());
    assert_eq!(tags(&verdict), "macosx_11_0_arm64");
}

#[test]
fn what_needs_12_3_is_called_13_or_on_request_12() {
    let module = module(&[("arm64", 1, (12, 3))]);
    let files = [("x.so", &module)];
    let verdict = judge(&files, "macosx_12_0_arm64", &Options::default());
    assert_eq!(tags(&verdict), "macosx_13_0_arm64");
    let note = "macOS 12.3 on arm64 is needed by x.so (the tag says 13.0: from 11 on installers know no 12.3)";
    assert_eq!(verdict.notes, [note]);
    let down = with(|options| options.macos.rounding = Rounding::Down);
    let verdict = judge(&files, "macosx_12_0_arm64", &down);
    assert_eq!(tags(&verdict), "macosx_12_0_arm64");
    assert_eq!(verdict.notes, [note.replace("13.0", "12.0")]);
}

#[test]
fn a_universal_wheel_has_a_version_for_each_of_its_cpus() {
    for (x86_64, arm64, expected) in [
        ((10, 9), (11, 0), "macosx_10_9_universal2"),
        ((12, 0), (12, 0), "macosx_12_0_universal2"),
        ((10, 9), (12, 0), "macosx_10_9_x86_64.macosx_12_0_arm64"),
    ] {
        let module = module(&[("x86_64", 1, x86_64), ("arm64", 1, arm64)]);
        let verdict = judge(&[("x.so", &module)], "macosx_10_9_universal2", &Options::default());
        assert_eq!(tags(&verdict), expected);
    }
}

#[test]
fn versions_are_raised_to_the_target_before_tags_are_joined() {
    let module = module(&[("x86_64", 1, (10, 9)), ("arm64", 1, (12, 0))]);
    let target = with(|options| options.macos.deployment_target = Some(MacosVersion::new(12, 0)));
    let verdict = judge(&[("x.so", &module)], "macosx_10_9_universal2", &target);
    assert_eq!(tags(&verdict), "macosx_12_0_universal2");
    // 13.1 as a wish is 13.0 in a tag; only a file can need more.
    let target = with(|options| options.macos.deployment_target = Some(MacosVersion::new(13, 1)));
    let verdict = judge(&[("x.so", &module)], "macosx_10_9_universal2", &target);
    assert_eq!(tags(&verdict), "macosx_13_0_universal2");
}

#[test]
fn each_of_several_tags_is_true_afterwards() {
    let module = module(&[("x86_64", 1, (10, 12)), ("arm64", 1, (11, 0))]);
    let name = "macosx_10_12_universal2.macosx_10_12_x86_64.macosx_11_0_arm64";
    let verdict = judge(&[("x.so", &module)], name, &Options::default());
    assert_eq!(tags(&verdict), name);
    let verdict =
        judge(&[("x.so", &module)], "macosx_10_15_x86_64.macosx_10_9_x86_64", &Options::default());
    assert_eq!(tags(&verdict), "macosx_10_12_x86_64");
}

#[test]
fn a_file_without_a_cpu_of_the_tag_is_refused_with_the_tag_that_fits() {
    let fat = module(&[("x86_64", 1, (10, 9)), ("arm64", 1, (11, 0))]);
    let thin = module(&[("arm64", 1, (12, 0))]);
    let files = [("a.so", &fat), ("b.so", &thin)];
    let verdict = judge(&files, "macosx_10_9_universal2", &Options::default());
    assert_eq!(
        fault(&verdict),
        "a wheel runs on the CPUs it is for only where each of its files does\n  because: b.so needs code for \
         x86_64, and has it for arm64\n  hint: build each file for every CPU that the wheel is for\n  hint: or ask \
         for the tag of what it has: `--plat macosx_12_0_arm64`"
    );
    let plat = with(|options| options.platform = Some("macosx_12_0_arm64".into()));
    assert_eq!(tags(&judge(&files, "macosx_10_9_universal2", &plat)), "macosx_12_0_arm64");
}

#[test]
fn more_cpus_than_the_tag_names_are_no_fault_unless_asked_for() {
    let fat = module(&[("x86_64", 1, (10, 9)), ("arm64", 1, (11, 0))]);
    let thin = file(6, &[("arm64", 1, (11, 0))]);
    let files = [("a.so", &fat), ("libz.dylib", &thin)];
    let verdict = judge(&files, "macosx_11_0_arm64", &Options::default());
    assert_eq!(tags(&verdict), "macosx_11_0_arm64");
    let both = with(|options| options.macos.require_archs = vec!["universal2".to_owned()]);
    assert!(
        fault(&judge(&files, "macosx_11_0_arm64", &both))
            .contains("because: libz.dylib needs code for x86_64, and has it for arm64")
    );
    let kept = with(|options| {
        options.keep_tags = true;
        options.macos.require_archs = vec!["x86_64".to_owned(), "arm64".to_owned()];
    });
    assert!(judge(&files, "macosx_11_0_arm64", &kept).fault.is_some());
}

#[test]
fn a_library_that_no_file_names_may_be_for_one_cpu() {
    let fat = module(&[("x86_64", 1, (10, 9)), ("arm64", 1, (11, 0))]);
    let thin = file(6, &[("arm64", 1, (11, 0))]);
    let files = [
        File { name: "x.so", file: &fat, is_needed: false },
        File { name: "libattach_arm64.dylib", file: &thin, is_needed: false },
    ];
    let verdict = assess(&files, &["macosx_10_9_universal2".into()], &Options::default());
    assert_eq!(tags(&verdict), "macosx_10_9_universal2");
    assert_eq!(
        verdict.notes,
        ["libattach_arm64.dylib has no code for x86_64, and no code there names it"]
    );
}

#[test]
fn a_module_that_is_a_dylib_has_every_cpu_as_a_bundle_does() {
    let fat = file(6, &[("x86_64", 1, (10, 9)), ("arm64", 1, (11, 0))]);
    let thin = file(6, &[("arm64", 1, (11, 0))]);
    for (name, is_module) in [
        ("demo/_rust.abi3.so", true),
        ("demo/_rust.so", true),
        ("libdemo.cpython-311-darwin.so", true),
        ("demo/libattach.so", false),
        ("demo/attach_arm64.dylib", false),
    ] {
        let files = [
            File { name: "demo/x.dylib", file: &fat, is_needed: false },
            File { name, file: &thin, is_needed: false },
        ];
        let verdict = assess(&files, &["macosx_10_9_universal2".into()], &Options::default());
        assert_eq!(verdict.fault.is_some(), is_module, "{name}");
        let both = with(|options| options.macos.require_archs = vec!["universal2".to_owned()]);
        let verdict = assess(&files, &["macosx_11_0_arm64".into()], &both);
        assert_eq!(verdict.fault.is_some(), is_module, "{name}");
    }
}

#[test]
fn a_cpu_that_no_file_is_for_is_refused_whatever_the_files_are() {
    let thin = file(6, &[("x86_64", 1, (10, 9))]);
    let files = [File { name: "demo/libdemo.dylib", file: &thin, is_needed: false }];
    let because = "because: demo/libdemo.dylib needs code for arm64, and has it for x86_64";
    for tag in ["macosx_11_0_arm64", "macosx_10_9_universal2"] {
        assert!(fault(&assess(&files, &[tag.into()], &Options::default())).contains(because));
    }
    let required = with(|options| options.macos.require_archs = vec!["arm64".to_owned()]);
    assert!(fault(&assess(&files, &["macosx_10_9_x86_64".into()], &required)).contains(because));
}

#[test]
fn what_needs_more_than_the_target_is_refused_with_a_table() {
    let module = module(&[("x86_64", 1, (10, 9))]);
    let library = file(6, &[("x86_64", 1, (13, 1))]);
    let files = [("demo/x.so", &module), ("/opt/libz.dylib", &library)];
    let target = with(|options| options.macos.deployment_target = Some(MacosVersion::new(10, 9)));
    assert_eq!(
        fault(&judge(&files, "macosx_10_9_x86_64", &target)),
        "the wheel shall run on macOS 10.9 (MACOSX_DEPLOYMENT_TARGET), and some files do not\n  because: \
         /opt/libz.dylib needs macOS 13.1 on x86_64\n  hint: build them with MACOSX_DEPLOYMENT_TARGET=10.9; \
         Homebrew's libraries are made for the macOS of the machine that installs them\n  hint: or set \
         MACOSX_DEPLOYMENT_TARGET=13.1: the tag says macOS 14.0 then"
    );
    let plat = with(|options| options.platform = Some("macosx_13_0_x86_64".into()));
    let message = fault(&judge(&files, "macosx_10_9_x86_64", &plat));
    assert!(
        message.starts_with("the wheel shall run on macOS 13.0 (--plat), and some files do not")
    );
    let most = with(|options| {
        options.macos.deployment_target = Some(MacosVersion::new(10, 9));
        options.macos.max_minos = Some(MacosVersion::new(14, 0));
    });
    assert_eq!(tags(&judge(&files, "macosx_10_9_x86_64", &most)), "macosx_14_0_x86_64");
}

#[test]
fn a_target_before_11_is_11_for_arm64() {
    let module = module(&[("arm64", 1, (11, 0))]);
    let target = with(|options| options.macos.deployment_target = Some(MacosVersion::new(10, 9)));
    let verdict = judge(&[("x.so", &module)], "macosx_11_0_arm64", &target);
    assert_eq!(tags(&verdict), "macosx_11_0_arm64");
}

#[test]
fn a_requested_tag_stands_beside_the_earned_one_unless_it_shall_be_alone() {
    let module = module(&[("arm64", 1, (11, 0))]);
    let files = [("x.so", &module)];
    let plat = with(|options| options.platform = Some("macosx_13_0_arm64".into()));
    assert_eq!(
        tags(&judge(&files, "macosx_11_0_arm64", &plat)),
        "macosx_11_0_arm64.macosx_13_0_arm64"
    );
    let alone = with(|options| {
        options.platform = Some("macosx_13_0_arm64".into());
        options.only_platform = true;
    });
    assert_eq!(tags(&judge(&files, "macosx_11_0_arm64", &alone)), "macosx_13_0_arm64");
}

#[test]
fn a_tag_that_no_installer_knows_is_refused() {
    let module = module(&[("arm64", 1, (12, 3))]);
    for (tag, message) in [
        (
            "macosx_12_3_arm64",
            "no installer takes `macosx_12_3_arm64`: from macOS 11 on tags end in `_0`\n  hint: ask for \
             `macosx_13_0_arm64`, or for `macosx_12_0_arm64` if nothing needs more",
        ),
        (
            "manylinux_2_28_aarch64",
            "`--plat manylinux_2_28_aarch64` is not for macOS, and the wheel is\n  hint: ask for a tag such as \
             macosx_11_0_arm64, or for none",
        ),
    ] {
        let plat = with(|options| options.platform = Some(tag.into()));
        assert_eq!(fault(&judge(&[("x.so", &module)], "macosx_12_0_arm64", &plat)), message);
    }
}

#[test]
fn a_file_for_another_system_of_apple_is_refused() {
    for (platform, system) in [(2, "iOS"), (6, "Mac Catalyst"), (7, "the iOS simulator")] {
        let module = module(&[("arm64", platform, (14, 0))]);
        let verdict = judge(&[("x.so", &module)], "macosx_11_0_arm64", &Options::default());
        let expected = format!("x.so is built for {system}, the wheel is for macOS\n");
        assert!(fault(&verdict).starts_with(&expected));
    }
}

#[test]
fn tags_that_stay_are_held_against_the_contents_in_notes() {
    let module = module(&[("arm64", 1, (13, 0))]);
    let keep = with(|options| options.keep_tags = true);
    let verdict = judge(&[("x.so", &module)], "macosx_11_0_universal2", &keep);
    assert_eq!(tags(&verdict), "macosx_11_0_universal2");
    assert_eq!(
        verdict.notes,
        [
            "x.so needs code for x86_64, and has it for arm64, and the tags stay as they are",
            "x.so needs macOS 13.0 on arm64, and the tags stay as they are"
        ]
    );
}

#[test]
fn what_does_not_say_its_version_keeps_the_tag_from_going_down() {
    let silent = module(&[("x86_64", 1, (0, 0))]);
    let old = module(&[("x86_64", 1, (10, 9))]);
    let files = [("a.so", &silent), ("b.so", &old)];
    let verdict = judge(&files, "macosx_10_13_x86_64", &Options::default());
    assert_eq!(tags(&verdict), "macosx_10_13_x86_64");
    assert_eq!(verdict.notes, ["no word of the macOS that is needed on x86_64: a.so"]);
}

#[test]
fn a_wheel_for_any_platform_gets_the_tag_of_what_is_in_it() {
    let module = module(&[("x86_64", 1, (10, 12)), ("arm64", 1, (11, 0))]);
    let verdict = judge(&[("x.so", &module)], "any", &Options::default());
    assert_eq!(tags(&verdict), "macosx_10_12_universal2");
    let other = self::module(&[("i386", 1, (10, 6))]);
    let verdict = judge(&[("x.so", &module), ("y.so", &other)], "any", &Options::default());
    assert!(fault(&verdict).starts_with("the binaries have no CPU in common"));
}

#[test]
fn a_cpu_that_no_system_runs_any_more_may_be_absent() {
    let module = module(&[("x86_64", 1, (10, 9))]);
    let verdict = judge(&[("x.so", &module)], "macosx_10_6_intel", &Options::default());
    assert_eq!(tags(&verdict), "macosx_10_9_x86_64");
    assert!(
        verdict
            .notes
            .contains(&"no file has code for i386, and the tags no longer name it".to_owned())
    );
}

#[test]
fn a_wheel_without_binaries_keeps_its_tags() {
    let verdict = judge(&[], "macosx_12_3_arm64", &Options::default());
    assert_eq!(tags(&verdict), "macosx_12_3_arm64");
}

#[test]
fn a_slice_for_newer_intel_processors_counts_for_all_of_them() {
    let module = module(&[("x86_64", 1, (10, 9)), ("x86_64h", 1, (10, 13))]);
    let verdict = judge(&[("x.so", &module)], "macosx_10_9_x86_64", &Options::default());
    assert_eq!(tags(&verdict), "macosx_10_13_x86_64");
}

#[test]
fn wheels_that_were_merged_keep_what_each_promised() {
    let thin = |cpu, version| module(&[(cpu, 1, version)]);
    for (first, second, expected) in [
        ("macosx_10_9_x86_64", "macosx_11_0_arm64", "macosx_10_9_universal2"),
        ("macosx_10_13_x86_64", "macosx_12_0_arm64", "macosx_10_13_x86_64.macosx_12_0_arm64"),
        ("macosx_12_0_x86_64", "macosx_12_0_arm64", "macosx_12_0_universal2"),
    ] {
        let (x86_64, arm64) = (thin("x86_64", (10, 9)), thin("arm64", (11, 0)));
        let fused = MachFile { slices: [x86_64.slices, arm64.slices].concat() };
        let files = [File { name: "x.so", file: &fused, is_needed: true }];
        let verdict = combine(&files, &[first.into(), second.into()], Rounding::Up);
        assert_eq!(tags(&verdict), expected);
    }
}

#[test]
fn a_library_is_needed_by_code_that_cannot_load_it() {
    let load = |name: &str| crate::binary::Load {
        install_name: format!("@loader_path/.dylibs/{name}"),
        kind: truewheel_macho::DylibKind::Load,
        current_version: (1, 0, 0),
        compatibility_version: (1, 0, 0),
    };
    let mut user = module(&[("x86_64", 1, (10, 9)), ("arm64", 1, (11, 0))]);
    user.slices[0].loads = vec![load("libx.dylib"), load("liby.dylib")];
    user.slices[1].loads = vec![load("liby.dylib")];
    let thin = file(6, &[("x86_64", 1, (10, 9))]);
    let path = |path: &str| MemberPath::new(path).unwrap();
    let members = [
        (path("demo/x.so"), user),
        (path("demo/.dylibs/libx.dylib"), thin.clone()),
        (path("demo/.dylibs/liby.dylib"), thin),
    ];
    let needed: Vec<bool> = files(&members).iter().map(|file| file.is_needed).collect();
    assert_eq!(needed, [false, false, true]);
}
