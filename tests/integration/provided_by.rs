//! Libraries that are left to distributions which will be installed beside the wheel.

use std::fs;

use crate::support::{Elf, Mach, Output, Run, Sandbox, Wheel, macho, root};

const SITE: &str = "venv/lib/python3.12/site-packages";
const METADATA: &str = "demo-1.0.dist-info/METADATA";
const LINUX: &str = "cp312-cp312-linux_x86_64";
const MACOS: &str = "cp312-cp312-macosx_15_0_arm64";
const WINDOWS: &str = "cp312-cp312-win_amd64";

/// The environment of a build, in which `nvidia-foo-cu12` 12.4 is installed.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let paths = ["lib/libfoo.so.1", "lib/libfoo.dylib", "bin/Needed.dll", "__init__.py"];
    let rows: String = paths.iter().map(|path| format!("nvidia/foo/{path},,\n")).collect();
    let rows = rows + "../../../lib/libaround.so,,\nnvidia_foo_cu12-12.4.dist-info/RECORD,,\n";
    sandbox.write(&format!("{SITE}/nvidia_foo_cu12-12.4.dist-info/RECORD"), rows);
    sandbox.elf(&format!("{SITE}/nvidia/foo/lib/libfoo.so.1"), &Elf::library("libfoo.so.1"));
    sandbox
}

fn requiring(wheel: Wheel, lines: &str) -> Wheel {
    wheel.file(METADATA, format!("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n{lines}"))
}

const REQUIRED: &str = "Requires-Dist: NVIDIA_Foo.cu12 (>=12) ; platform_system != \"Plan9\"\n";

fn linux(needed: &[&str]) -> Wheel {
    Wheel::demo(&Elf::module(needed))
}

fn mac() -> Wheel {
    let module = Mach::module("arm64", "@rpath/libfoo.dylib").rpaths(&["/build/lib"]).bytes();
    let wheel = Wheel::new("demo").tag(MACOS).file("demo/__init__.py", "");
    wheel.file("demo/sub/_ext.so", module)
}

fn pe(name: &str) -> Vec<u8> {
    fs::read(root().join("testdata/pe").join(name)).expect("a binary")
}

fn windows(init: bool) -> Wheel {
    let wheel = Wheel::new("demo").tag(WINDOWS).file("demo/sub/_ext.pyd", pe("full.x64.dll"));
    if init { wheel.file("demo/__init__.py", "") } else { wheel }
}

const BY: [&str; 4] = ["--python", "venv", "--provided-by", "nvidia-foo-cu12"];

fn try_repair(sandbox: &Sandbox, wheel: &Wheel, words: &[&str]) -> Run {
    wheel.build(sandbox.root());
    let name = wheel.file_name();
    let all = ["repair", "--sysroot", "sysroot", "-w", "out", &name];
    sandbox.run(&[&all[..], &BY, words].concat())
}

fn repair(sandbox: &Sandbox, wheel: &Wheel, words: &[&str]) -> Output {
    let run = try_repair(sandbox, wheel, words);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let directory = sandbox.root().join("out");
    let names: Vec<_> = fs::read_dir(&directory).expect("output").flatten().collect();
    let [one] = &names[..] else { panic!("{names:?}") };
    Output::open(&one.path())
}

/// A finished wheel is whole for `check`, which looks at no environment.
fn is_whole(sandbox: &Sandbox, output: &Output) {
    let run = sandbox.run(&["check", "--strict", &format!("out/{}", output.file_name())]);
    assert_eq!(run.status, 0, "{}", run.stdout);
}

#[test]
fn an_elf_file_gets_the_way_to_where_the_distribution_installs() {
    let sandbox = sandbox();
    let wheel = requiring(linux(&["libfoo.so.1"]), REQUIRED);
    let output = repair(&sandbox, &wheel, &[]);
    let module = output.elf("demo/_ext.so");
    assert!(module.needed.contains(&"libfoo.so.1".to_owned()), "{:?}", module.needed);
    let way = module.rpath.or(module.runpath);
    assert_eq!(way.as_deref(), Some("$ORIGIN/../nvidia/foo/lib"));
    assert!(!output.order.iter().any(|path| path.contains(".libs/")), "{:?}", output.order);
    is_whole(&sandbox, &output);

    // The SBOM says it again, where no option does and the environment has a library of that name.
    let name = format!("out/{}", output.file_name());
    let run = sandbox.run(&["repair", "--python", "venv", "-w", "again", &name]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let again = Output::open(&sandbox.root().join("again").join(output.file_name()));
    assert_eq!(again.archive(), output.archive());
}

#[test]
fn what_is_brought_along_finds_it_too_and_so_does_what_lies_around_site_packages() {
    let sandbox = sandbox();
    sandbox.elf("libs/libbar.so", &Elf::other_library("libbar.so").needed("libaround.so"));
    sandbox.elf("libs/libaround.so", &Elf::library("libaround.so"));
    let wheel = requiring(linux(&["libbar.so"]), REQUIRED);
    let output = repair(&sandbox, &wheel, &["--lib-path", "libs"]);
    let bar = output.elf(&output.vendored("demo.libs", "libbar-#.so"));
    let way = bar.rpath.or(bar.runpath);
    assert_eq!(way.as_deref(), Some("$ORIGIN/../../.."));
    assert!(bar.needed.contains(&"libaround.so".to_owned()), "{:?}", bar.needed);
}

#[test]
fn a_mach_o_file_names_it_from_where_it_is() {
    let sandbox = sandbox();
    let output = repair(&sandbox, &requiring(mac(), REQUIRED), &[]);
    let module = &macho::slices(output.bytes("demo/sub/_ext.so"))[0];
    let loads: Vec<&str> = module.loads.iter().map(|(name, _)| name.as_str()).collect();
    assert!(loads.contains(&"@loader_path/../../nvidia/foo/lib/libfoo.dylib"), "{loads:?}");
    is_whole(&sandbox, &output);
}

#[test]
fn a_package_for_windows_names_its_directory() {
    let sandbox = sandbox();
    let output = repair(&sandbox, &requiring(windows(true), REQUIRED), &[]);
    let code = output.text("demo/__init__.py");
    assert!(code.contains("(os.pardir, 'nvidia', 'foo', 'bin',)"), "{code}");
    assert_eq!(output.bytes("demo/sub/_ext.pyd"), pe("full.x64.dll"));
    is_whole(&sandbox, &output);

    // One for the first call is loaded by its path, and before what the wheel brings along.
    sandbox.write("libs/needed.dll", pe("needed.x64.dll"));
    let rows = "nvidia/foo/bin/late.dll,,\nnvidia_foo_cu12-12.4.dist-info/RECORD,,\n";
    sandbox.write(&format!("{SITE}/nvidia_foo_cu12-12.4.dist-info/RECORD"), rows);
    let wheel = Wheel::new("demo").version("2.0").tag(WINDOWS).file("demo/__init__.py", "");
    let wheel = ["a", "b"].iter().fold(wheel, |wheel, directory| {
        wheel.file(&format!("demo/{directory}/_ext.pyd"), pe("module.x64.pyd"))
    });
    let metadata = format!("Metadata-Version: 2.1\nName: demo\nVersion: 2.0\n{REQUIRED}");
    let wheel = wheel.file("demo-2.0.dist-info/METADATA", metadata);
    fs::remove_dir_all(sandbox.path("out")).expect("the first result");
    let output = repair(&sandbox, &wheel, &["--lib-path", "libs"]);
    let code = output.text("demo/__init__.py");
    let ways = "[(os.pardir, 'nvidia', 'foo', 'bin',), (os.pardir, 'demo.libs',)]";
    assert!(code.contains(ways), "{code}");
    assert!(code.contains("names = ['late.dll']"), "{code}");
}

#[test]
fn a_module_for_windows_without_a_package_cannot_have_it() {
    let sandbox = sandbox();
    let run = try_repair(&sandbox, &requiring(windows(false), REQUIRED), &[]);
    assert_eq!(run.status, 1);
    let what = "demo/sub/_ext.pyd needs nvidia/foo/bin/Needed.dll of nvidia-foo-cu12 12.4";
    assert!(run.stderr.contains(what), "{}", run.stderr);
}

#[test]
fn a_wheel_that_does_not_require_the_distribution_is_refused_with_the_line_to_add() {
    let sandbox = sandbox();
    let extra = "Requires-Dist: nvidia-foo-cu12; extra == 'gpu'\n";
    for (lines, why) in [
        ("", "METADATA does not require it"),
        ("Requires-Dist: nvidia-foo-cu11\n", "METADATA does not require it"),
        (extra, "METADATA requires it for an extra only: `nvidia-foo-cu12; extra == 'gpu'`"),
    ] {
        let run = try_repair(&sandbox, &requiring(linux(&["libfoo.so.1"]), lines), &[]);
        assert_eq!(run.status, 1, "{lines}");
        let what = format!("libfoo.so.1 is left to `nvidia-foo-cu12`, and {why}\n");
        assert!(run.stderr.contains(&what), "{}", run.stderr);
        let hint = "`Requires-Dist: nvidia-foo-cu12==12.4` in METADATA";
        assert!(run.stderr.contains(hint), "{}", run.stderr);
    }
    for wheel in [mac(), windows(true)] {
        let run = try_repair(&sandbox, &wheel, &[]);
        assert_eq!(run.status, 1);
        assert!(run.stderr.contains("METADATA does not require it"), "{}", run.stderr);
    }
    assert!(!sandbox.root().join("out").exists());
}

#[test]
fn the_wheels_own_copy_and_the_systems_come_first() {
    let sandbox = sandbox();
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]).rpath("$ORIGIN"))
        .elf("demo/libfoo.so.1", &Elf::library("libfoo.so.1"));
    let run = try_repair(&sandbox, &wheel, &[]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let told = "warning: `--provided-by nvidia-foo-cu12` brings nothing that is needed";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn a_distribution_that_is_not_installed_or_has_no_library_is_told() {
    let sandbox = sandbox();
    let wheel = linux(&["libfoo.so.1"]);
    let run = try_repair(&sandbox, &wheel, &["--provided-by", "nvidia-foo-cu13"]);
    let told = "error: `--provided-by nvidia-foo-cu13` is not installed in \
                venv/lib/python3.12/site-packages; the nearest is `nvidia-foo-cu12`\n";
    assert_eq!((run.status, &*run.stderr), (2, told));
    sandbox.write(&format!("{SITE}/bar-1.0.dist-info/RECORD"), "bar/__init__.py,,\n");
    let run = try_repair(&sandbox, &wheel, &["--provided-by", "bar"]);
    let told = "error: `--provided-by bar` has no libraries, as bar 1.0 says\n";
    assert_eq!((run.status, &*run.stderr), (2, told));
}

#[test]
fn settings_the_plan_the_sbom_and_the_tree_name_it() {
    let sandbox = sandbox();
    let settings = "[tool.truewheel]\npython = 'venv'\nprovided-by = ['nvidia-foo-cu12']\n";
    sandbox.write("pyproject.toml", settings);
    let wheel = requiring(linux(&["libfoo.so.1"]), REQUIRED);
    wheel.build(sandbox.root());
    let name = format!("demo-1.0-{LINUX}.whl");
    let words = ["repair", "--sysroot", "sysroot", "-w", "out", &name];
    let run = sandbox.run(&[&words[..], &["--dry-run", "--json"]].concat());
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).expect("a plan");
    let given = serde_json::json!({"nvidia-foo-cu12==12.4": ["nvidia/foo/lib/libfoo.so.1"]});
    assert_eq!(plan["provided_by"], given, "{plan}");

    let run = sandbox.run(&words);
    let note = "left to nvidia-foo-cu12 12.4: libfoo.so.1\n";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let output =
        Output::open(&fs::read_dir(sandbox.path("out")).unwrap().next().unwrap().unwrap().path());
    let text = output.text("demo-1.0.dist-info/sboms/truewheel.cdx.json");
    let sbom: serde_json::Value = serde_json::from_str(&text).expect("a document");
    let component = &sbom["components"][0];
    assert_eq!(component["purl"], "pkg:pypi/nvidia-foo-cu12@12.4");
    assert_eq!(component["isExternal"], true);
    assert_eq!(component["properties"][0]["value"], "nvidia/foo/lib/libfoo.so.1");

    let run = sandbox.run(&["tree", &name]);
    assert!(run.stdout.contains("nvidia-foo-cu12 12.4"), "{}", run.stdout);
}
