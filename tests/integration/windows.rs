//! Whole repairs of wheels for Windows. The program itself reads each result again with goblin; the code that
//! packages get is run here by the Python of this machine, where there is one.

use std::fs;
use std::process::Command;

use crate::support::{Output, Sandbox, Wheel, root, skip};

/// A binary of `testdata/pe`: `full` imports `needed.dll` alone; `module` imports it too, and `late.dll` at
/// the first call.
fn pe(name: &str) -> Vec<u8> {
    fs::read(root().join("testdata/pe").join(name)).expect("a binary")
}

/// A file of `testdata/pe` whose export `old` is called `late`.
fn late(file: &str, old: &str) -> Vec<u8> {
    let mut bytes = pe(file);
    let old = format!("{old}\0");
    let mut new = b"late".to_vec();
    new.resize(old.len(), 0);
    let places = bytes.windows(old.len()).enumerate().filter(|(_, it)| *it == old.as_bytes());
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{file} exports {old}");
    places.iter().for_each(|at| bytes[*at..*at + new.len()].copy_from_slice(&new));
    bytes
}

/// A wheel for `tag` with a module that needs `needed.dll` in each of these directories.
fn modules(tag: &str, directories: &[&str]) -> Wheel {
    let wheel = Wheel::new("demo").tag(tag);
    directories.iter().fold(wheel, |wheel, directory| {
        wheel.file(&format!("{directory}/_ext.pyd"), pe("full.x64.dll"))
    })
}

const TAG: &str = "cp312-cp312-win_amd64";
const NEEDED: &str = "needed-#.dll";

/// A sandbox with `needed.dll` in `libs`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("libs/needed.dll", pe("needed.x64.dll"));
    sandbox
}

const LIBS: [&str; 2] = ["--lib-path", "libs"];

/// The files of a directory, with the digits of DLLs as `#`.
fn names(output: &Output, directory: &str) -> Vec<String> {
    let below = format!("{directory}/");
    let names = output.order.iter().filter_map(|path| path.strip_prefix(&below));
    let mut names: Vec<String> =
        names.filter(|name| !name.contains('/')).map(without_digits).collect();
    names.sort();
    names
}

fn without_digits(name: &str) -> String {
    match name.rsplit_once('-') {
        Some((stem, rest)) if rest.len() == 36 && rest.ends_with(".dll") => format!("{stem}-#.dll"),
        _ => name.to_owned(),
    }
}

/// Whether a member names a DLL of this path, as an import table does.
fn names_dll(output: &Output, path: &str, dll: &str) -> bool {
    let name = dll.rsplit('/').next().expect("a name").to_owned() + "\0";
    output.bytes(path).windows(name.len()).any(|window| window == name.as_bytes())
}

/// The path of the one DLL of `directory` that was `stem.dll`.
fn vendored(output: &Output, directory: &str, stem: &str) -> String {
    let mut found = output.order.iter().filter(|path| {
        let name = path.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/'));
        name.is_some_and(|name| without_digits(name) == format!("{stem}-#.dll"))
    });
    let path = found.next().unwrap_or_else(|| panic!("no {stem} in {:?}", output.order));
    assert_eq!(found.next(), None);
    path.clone()
}

#[test]
fn a_dll_lies_beside_the_only_modules_that_need_it() {
    let wheel = modules(TAG, &["demo"]).file("demo/__init__.py", "import demo._ext\n");
    let output = sandbox().repair(&wheel, &LIBS);
    assert_eq!(names(&output, "demo"), ["__init__.py", "_ext.pyd", NEEDED]);
    assert_eq!(output.text("demo/__init__.py"), "import demo._ext\n");
    let needed = vendored(&output, "demo", "needed");
    assert!(names_dll(&output, "demo/_ext.pyd", &needed));
    assert_eq!(output.file_name(), format!("demo-1.0-{TAG}.whl"));
}

/// Ends in a certificate table of 16 bytes, which data directory 4 of a PE32+ file names by its offset.
fn signed(mut file: Vec<u8>) -> Vec<u8> {
    file.resize(file.len().next_multiple_of(8), 0);
    let offset = u32::try_from(file.len()).expect("a small file");
    file.extend([16, 0, 0, 0, 0, 2, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let header: [u8; 4] = file[0x3c..0x40].try_into().expect("four bytes");
    let directory = usize::try_from(u32::from_le_bytes(header)).expect("an offset") + 24 + 112 + 32;
    file[directory..directory + 4].copy_from_slice(&offset.to_le_bytes());
    file[directory + 4..directory + 8].copy_from_slice(&16_u32.to_le_bytes());
    file
}

#[test]
fn a_signature_that_an_edit_voids_is_told() {
    let wheel = Wheel::new("demo").tag(TAG).file("demo/_ext.pyd", signed(pe("full.x64.dll")));
    let run = sandbox().try_repair(&wheel, &LIBS);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let note = "note: demo/_ext.pyd loses its signature, which is for other bytes";
    assert!(run.stderr.contains(note), "{}", run.stderr);
}

#[test]
fn modules_of_several_directories_share_one_that_their_package_names() {
    let wheel = modules(TAG, &["demo/a", "demo/b"])
        .file(
            "demo/__init__.py",
            "\"\"\"Doc.\"\"\"\nfrom __future__ import annotations\nimport os\n",
        )
        .file("demo/a/__init__.py", "")
        .file("other/__init__.py", "");
    let output = sandbox().repair(&wheel, &LIBS);
    assert_eq!(names(&output, "demo.libs"), [NEEDED]);
    let text = output.text("demo/__init__.py");
    let (before, rest) = text.split_once("\n# start delvewheel patch\n").expect("the first mark");
    let (code, after) = rest.split_once("# end delvewheel patch\n\n").expect("the last mark");
    assert_eq!(before, "\"\"\"Doc.\"\"\"\nfrom __future__ import annotations\n");
    assert!(code.contains("(os.pardir, 'demo.libs',)"), "{code}");
    assert_eq!(after, "import os\n");
    assert_eq!(output.text("demo/a/__init__.py"), "");
    assert_eq!(output.text("other/__init__.py"), "");
}

#[test]
fn no_package_is_made_where_there_was_none() {
    let output = sandbox().repair(&modules(TAG, &["ns/a", "ns/b"]), &LIBS);
    assert_eq!(names(&output, "ns/a"), ["_ext.pyd", NEEDED]);
    assert_eq!(names(&output, "ns/b"), ["_ext.pyd", NEEDED]);
    assert!(!output.order.iter().any(|path| path.ends_with("__init__.py")), "{:?}", output.order);
}

#[test]
fn a_dll_for_the_first_call_is_loaded_by_its_path() {
    let sandbox = sandbox();
    sandbox.write("libs/late.dll", late("full.x64.dll", "value"));
    let wheel = Wheel::new("demo")
        .tag(TAG)
        .file("demo/__init__.py", "")
        .file("demo/_ext.pyd", pe("module.x64.pyd"));
    let output = sandbox.repair(&wheel, &LIBS);
    assert_eq!(names(&output, "demo"), ["__init__.py", "_ext.pyd", "late-#.dll", NEEDED]);
    let late = vendored(&output, "demo", "late");
    let names = format!("names = ['{}']", late.replace("demo/", ""));
    assert!(output.text("demo/__init__.py").contains(&names));
}

#[test]
fn an_older_python_gets_a_list_of_dlls_in_the_order_of_their_needs() {
    let sandbox = sandbox();
    sandbox.write("libs/late.dll", late("full.x64.dll", "value"));
    let wheel = Wheel::new("demo")
        .tag("cp38-cp38-win_amd64")
        .file("demo/__init__.py", "")
        .file("demo/a/_ext.pyd", pe("module.x64.pyd"))
        .file("demo/b/_ext.pyd", pe("full.x64.dll"));
    let output = sandbox.repair(&wheel, &LIBS);
    let list = output.text("demo.libs/.load-order-demo-1.0");
    let list: Vec<String> = list.lines().map(without_digits).collect();
    assert_eq!(list, [NEEDED, "late-#.dll"]);
}

#[test]
fn a_wheel_of_dlls_alone_is_repaired() {
    let wheel = Wheel::new("demo")
        .tag("py3-none-win_amd64")
        .file("demo/__init__.py", "")
        .file("demo/native.dll", pe("full.x64.dll"));
    let output = sandbox().repair(&wheel, &LIBS);
    assert_eq!(names(&output, "demo"), ["__init__.py", "native.dll", NEEDED]);
}

#[test]
fn a_dll_of_the_wheel_is_used_and_never_looked_for() {
    let sandbox = Sandbox::new();
    let beside = modules(TAG, &["demo"]).file("demo/Needed.DLL", pe("needed.x64.dll"));
    let output = sandbox.repair(&beside, &[]);
    assert_eq!(output.archive(), beside.bytes(), "nothing to do");

    let elsewhere = modules(TAG, &["demo"])
        .file("demo/__init__.py", "")
        .file(".demo.mesonpy.libs/needed.dll", pe("needed.x64.dll"));
    let output = Sandbox::new().repair(&elsewhere, &[]);
    let text = output.text("demo/__init__.py");
    assert!(text.contains("(os.pardir, '.demo.mesonpy.libs',)"), "{text}");
    assert_eq!(output.bytes("demo/_ext.pyd"), pe("full.x64.dll"));

    let with_code = modules(TAG, &["demo"])
        .file("demo/__init__.py", "import os\nos.add_dll_directory('x')\n")
        .file("demo/lib/needed.dll", pe("needed.x64.dll"));
    let output = Sandbox::new().repair(&with_code, &[]);
    assert_eq!(output.archive(), with_code.bytes());
}

#[test]
fn a_dll_of_the_wheel_that_nothing_leads_to_is_refused() {
    let dll = pe("needed.x64.dll");
    for place in ["ns/b/needed.dll", "lib/needed.dll", "demo-1.0.data/data/lib/needed.dll"] {
        let wheel = modules(TAG, &["ns/a"]).file(place, dll.clone());
        let run = Sandbox::new().try_repair(&wheel, &[]);
        assert_eq!(run.status, 1, "{place}: {}", run.stderr);
        let what = format!("ns/a/_ext.pyd needs {place}, which lies in another directory");
        assert!(run.stderr.contains(&what), "{place}: {}", run.stderr);
        assert!(run.stderr.contains("hint: put the DLL beside the module"), "{}", run.stderr);
        let sandbox = Sandbox::new();
        sandbox.write(&wheel.file_name(), wheel.bytes());
        let run = sandbox.run(&["check", &wheel.file_name()]);
        assert_eq!(run.status, 1, "{place}: {}", run.stderr);
        assert!(run.stdout.contains("no code of the wheel tells Windows"), "{}", run.stdout);
    }
    let coded = modules(TAG, &["ns/a"])
        .file("ns/a/start.py", "import os\nos.add_dll_directory('x')\n")
        .file("lib/needed.dll", dll);
    assert_eq!(Sandbox::new().repair(&coded, &[]).archive(), coded.bytes());
}

#[test]
fn a_packed_file_is_refused_with_what_to_do() {
    let mut packed = pe("full.x64.dll");
    let name = packed.windows(8).position(|it| it == b".text\0\0\0").expect("a section");
    packed[name..name + 8].copy_from_slice(b"UPX0\0\0\0\0");
    let wheel = Wheel::new("demo").tag(TAG).file("demo/_ext.pyd", packed);
    let run = sandbox().try_repair(&wheel, &LIBS);
    let told = "demo/_ext.pyd: the file is packed by UPX, which hides its imports\n  hint: build it \
                without the packer\n";
    assert!(run.status == 1 && run.stderr.ends_with(told), "{}", run.stderr);
}

#[test]
fn different_dlls_of_one_name_are_told() {
    let sandbox = Sandbox::new();
    let mut other = pe("needed.x64.dll");
    other.push(0);
    let wheel = modules(TAG, &["demo/a", "demo/b"])
        .file("demo/a/needed.dll", pe("needed.x64.dll"))
        .file("demo/b/Needed.dll", other);
    sandbox.write(&wheel.file_name(), wheel.bytes());
    let run = sandbox.run(&["check", &wheel.file_name()]);
    let told = "warning: different DLLs are called `needed.dll`: demo/a/needed.dll, \
                demo/b/Needed.dll [same-dll]";
    assert!(run.status == 0 && run.stdout.contains(told), "{}", run.stdout);
    let same = modules(TAG, &["demo/a", "demo/b"])
        .file("demo/a/needed.dll", pe("needed.x64.dll"))
        .file("demo/b/Needed.dll", pe("needed.x64.dll"));
    sandbox.write(&same.file_name(), same.bytes());
    let run = sandbox.run(&["check", &same.file_name()]);
    assert!(!run.stdout.contains("same-dll"), "{}", run.stdout);
}

#[test]
fn a_dll_that_is_nowhere_is_told_with_every_place() {
    let sandbox = Sandbox::new();
    sandbox.write("libs/needed.dll", pe("needed.x86.dll"));
    let run = sandbox.try_repair(&modules(TAG, &["demo"]), &LIBS);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        format!(
            "error: demo-1.0-{TAG}.whl: demo/_ext.pyd needs `needed.dll`, which was not found\n  \
             searched: the wheel, ROOT/libs (--lib-path)\n  \
             passed over: ROOT/libs/needed.dll: for x86, and not for x64\n  \
             hint: name its directory with `--lib-path DIR`, or leave it out with `--exclude needed.dll`\n"
        )
    );
}

#[test]
fn a_dll_that_lacks_what_is_taken_from_it_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("libs/needed.dll", pe("module.x64.pyd"));
    sandbox.write("libs/late.dll", pe("needed.x64.dll"));
    let run = sandbox
        .try_repair(&modules(TAG, &["demo"]), &[&LIBS[..], &["--exclude", "late.dll"]].concat());
    assert_eq!(run.status, 1);
    let what = "a DLL was found that does not have what is taken from it";
    assert!(run.stderr.contains(what), "{}", run.stderr);
    assert!(
        run.stderr.contains("demo/_ext.pyd takes `needed` from ROOT/libs/needed.dll"),
        "{}",
        run.stderr
    );
}

#[test]
fn so_is_one_that_lacks_what_is_taken_at_the_first_call_or_passed_on() {
    let sandbox = sandbox();
    sandbox.write("libs/late.dll", pe("needed.x64.dll"));
    let wheel = Wheel::new("demo").tag(TAG).file("demo/_ext.pyd", pe("module.x64.pyd"));
    let run = sandbox.try_repair(&wheel, &LIBS);
    assert_eq!(run.status, 1, "{}", run.stderr);
    // The two have the same bytes, so they are one file.
    let what = "demo/_ext.pyd takes `late` from ROOT/libs/needed.dll";
    assert!(run.stderr.contains(what), "{}", run.stderr);

    // An export of `full.dll` is one of `needed.dll`, by its name.
    let mut passing = pe("full.x64.dll");
    let forwarder = b"needed.needed\0";
    let at = passing.windows(forwarder.len()).position(|it| it == forwarder).expect("a forwarder");
    passing[at + 7] = b'N';
    let wheel = Wheel::new("demo").tag(TAG).file("demo/_ext.pyd", passing);
    let run = sandbox.try_repair(&wheel, &LIBS);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let what = "demo/_ext.pyd takes `Needed` from ROOT/libs/needed.dll";
    assert!(run.stderr.contains(what), "{}", run.stderr);
}

#[test]
fn a_module_for_another_machine_is_refused() {
    let wheel = modules("cp312-cp312-win_arm64", &["demo"]);
    let run = sandbox().try_repair(&wheel, &LIBS);
    assert_eq!(run.status, 1);
    let what = "demo/_ext.pyd is for x64, the wheel is for arm64";
    assert!(run.stderr.contains(what), "{}", run.stderr);
}

#[test]
fn names_and_bytes_stay_where_nothing_is_mangled() {
    let wheel = modules(TAG, &["demo"]).file("demo/__init__.py", "");
    let output = sandbox().repair(&wheel, &[&LIBS[..], &["--no-mangle-all"]].concat());
    assert_eq!(names(&output, "demo"), ["__init__.py", "_ext.pyd", "needed.dll"]);
    assert_eq!(output.bytes("demo/_ext.pyd"), pe("full.x64.dll"));
    assert_eq!(output.bytes("demo/needed.dll"), pe("needed.x64.dll"));
}

#[test]
fn an_included_dll_keeps_its_name_and_finds_what_it_needs() {
    let sandbox = sandbox();
    sandbox.write("libs/plugin.dll", pe("full.x64.dll"));
    let wheel = Wheel::new("demo")
        .tag(TAG)
        .file("demo/__init__.py", "")
        .file("demo/_ext.pyd", pe("needed.x64.dll"));
    let output =
        sandbox.repair(&wheel, &[&LIBS[..], &["--include", "plugin.dll=demo/plugins"]].concat());
    assert!(output.has("demo/plugins/plugin.dll"), "{:?}", output.order);
    let needed = vendored(&output, "demo/plugins", "needed");
    assert!(names_dll(&output, "demo/plugins/plugin.dll", &needed));
}

#[test]
fn code_goes_where_a_comment_asks_for_it() {
    let wheel = modules(TAG, &["demo/a", "demo/b"])
        .file("demo/__init__.py", "import demo.first\n")
        .file("demo/first.py", "x = 1\n# delvewheel: patch\ny = 2\n");
    let words = [&LIBS[..], &["--custom-patch"]].concat();
    let output = sandbox().repair(&wheel, &words);
    assert_eq!(output.text("demo/__init__.py"), "import demo.first\n");
    let text = output.text("demo/first.py");
    assert!(text.starts_with("x = 1\n# start delvewheel patch\n"), "{text}");
    assert!(text.ends_with("# end delvewheel patch\ny = 2\n"), "{text}");
    let run = sandbox().try_repair(&modules(TAG, &["demo/a", "demo/b"]), &words);
    assert!(run.stderr.contains("no Python file of the wheel has the line"), "{}", run.stderr);
}

#[test]
fn a_repaired_wheel_is_repaired_again_without_a_change() {
    let wheel = modules(TAG, &["demo/a", "demo/b"]).file("demo/__init__.py", "");
    let sandbox = sandbox();
    let once = sandbox.repair(&wheel, &LIBS);
    let again = ["repair", "-w", "again", &format!("out/{}", once.file_name())];
    let run = sandbox.run(&again);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let again = Output::open(&sandbox.root().join("again").join(once.file_name()));
    assert_eq!(again.archive(), once.archive());
}

const BOTH: [&str; 2] = ["--include-symbols", "--include-imports"];

#[test]
fn symbols_and_import_libraries_come_along_with_their_dlls() {
    let sandbox = sandbox();
    sandbox.write("libs/Needed.LIB", pe("needed.x64.lib"));
    sandbox.write("libs/needed.dll.a", pe("needed.gnu.x64.lib"));
    sandbox.write("libs/needed.pdb", "symbols");
    sandbox.write("libs/other.pdb", "of nothing that comes along");
    let wheel = modules(TAG, &["demo/a", "demo/b"]).file("demo/__init__.py", "");
    let output = sandbox.repair(&wheel, &[&LIBS[..], &BOTH].concat());
    let names = names(&output, "demo.libs");
    assert_eq!(names, ["Needed.LIB", NEEDED, "needed.dll.a", "needed.pdb"]);
    assert_eq!(output.text("demo.libs/needed.pdb"), "symbols");
    let dll = vendored(&output, "demo.libs", "needed").replace("demo.libs/", "");
    for library in ["Needed.LIB", "needed.dll.a"] {
        let bytes = output.bytes(&format!("demo.libs/{library}"));
        let has = |name: &str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
        assert!(has(&format!("{dll}\0")) && !has("needed.dll\0"), "{library}");
    }
    let own = sandbox.repair(&wheel, &[&LIBS[..], &BOTH, &["--no-mangle-all"]].concat());
    assert_eq!(own.bytes("demo.libs/Needed.LIB"), pe("needed.x64.lib"));
}

#[test]
fn what_does_not_lie_beside_a_dll_is_told() {
    let sandbox = sandbox();
    let wheel = modules(TAG, &["demo"]);
    let words = [&LIBS[..], &BOTH].concat();
    let run = sandbox.try_repair(&wheel, &words);
    assert_eq!(run.status, 0, "{}", run.stderr);
    for note in [
        "note: --include-symbols: no `NAME.pdb` lies beside needed.dll\n",
        "note: --include-imports: no `NAME.lib` or `NAME.dll.a` lies beside needed.dll\n",
    ] {
        assert!(run.stderr.contains(note), "{}", run.stderr);
    }
    sandbox.write("libs/needed.lib", b"!<arch>\n");
    let run = sandbox.try_repair(&wheel, &words);
    let note = "ROOT/libs/needed.lib names no `needed.dll` and comes along as it is";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    sandbox.write("libs/needed.lib", "MZ");
    let run = sandbox.try_repair(&wheel, &words);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let what = "ROOT/libs/needed.lib: no import library: `!<arch>`, at offset 0x0\n  hint: make the \
                import library anew, or leave out `--include-imports`";
    assert!(run.stderr.contains(what), "{}", run.stderr);
}

/// Runs the code of one package, with `os.add_dll_directory` recorded.
const RECORD: &str = r#"
import os, sys
named = []
os.add_dll_directory = named.append
sys.path.insert(0, sys.argv[1])
import demo
assert demo.__doc__ == "Doc.", demo.__doc__
print("\n".join(os.path.relpath(name, sys.argv[1]) for name in named))
"#;

#[test]
fn a_python_that_imports_the_package_names_the_directory() {
    let wheel = modules(TAG, &["demo/a", "demo/b"])
        .file("demo/__init__.py", "#!/usr/bin/python\n'''Doc.'''; import os\n");
    let sandbox = sandbox();
    let output = sandbox.repair(&wheel, &LIBS);
    let place = sandbox.root().join("site");
    output.unpack(&place);
    let run = Command::new("python3").args(["-c", RECORD]).arg(&place).output();
    let run = match run {
        Ok(run) => run,
        Err(error) => {
            return skip(
                "a_python_that_imports_the_package_names_the_directory",
                &format!("python3: {error}"),
            );
        }
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(String::from_utf8_lossy(&run.stdout), "demo.libs\n");
}

#[test]
fn along_path_a_dll_of_windows_itself_is_passed_over() {
    let wheel = modules(TAG, &["demo"]);
    for (root, status) in [("elsewhere", 0), ("libs", 1)] {
        let sandbox = sandbox();
        let variables = [("PATH", sandbox.path("libs")), ("SystemRoot", sandbox.path(root))];
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let run = sandbox.try_repair_in(&wheel, &[], &variables);
        assert_eq!(run.status, status, "{}", run.stderr);
        let told = match status {
            0 => "`needed.dll` was found along PATH: ROOT/libs/needed.dll",
            _ => "passed over: ROOT/libs/needed.dll: Windows' own, which no wheel brings",
        };
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
}

/// A wheel for `tag` whose module, built with toolset 14.`minor`, loads `msvcp140.dll` at the first call.
fn built_with(minor: u8) -> Wheel {
    let mut edits = truewheel_pe::Edits::default();
    edits.dll_names.insert("late.dll".to_owned(), "MSVCP140.dll".to_owned());
    let (_, mut module) =
        truewheel_pe::patch_file(&pe("module.x64.pyd"), &edits).expect("another name");
    let header: [u8; 4] = module[0x3c..0x40].try_into().expect("four bytes");
    let linker = u32::from_le_bytes(header) as usize + 24 + 2;
    module[linker..linker + 2].copy_from_slice(&[14, minor]);
    Wheel::new("demo").tag(TAG).file("demo/__init__.py", "").file("demo/_ext.pyd", module)
}

/// A DLL that says to be version 14.`minor` of something: `VS_FIXEDFILEINFO` has the number behind its signature.
fn runtime(minor: u8) -> Vec<u8> {
    let mut file = late("module.x64.pyd", "PyInit_module");
    let signature = 0xfeef_04bd_u32.to_le_bytes();
    let at = file.windows(4).position(|window| window == signature).expect("a version") + 8;
    file[at..at + 4].copy_from_slice(&[minor, 0, 14, 0]);
    file
}

#[test]
fn the_runtime_is_one_that_is_as_new_as_the_toolset() {
    let sandbox = sandbox();
    sandbox.write("old/msvcp140.dll", runtime(29));
    sandbox.write("new/msvcp140.dll", runtime(44));
    sandbox.write("newest/msvcp140.dll", runtime(50));
    let words = [&LIBS[..], &["--lib-path", "old"], &["--exclude", "late.dll"]].concat();
    let at = |name: &str| sandbox.path(name);
    let path = format!("{}:{}", at("new"), at("newest"));
    for (minor, path, taken) in [(29, path.as_str(), "old"), (44, path.as_str(), "newest")] {
        let run = sandbox.try_repair_in(
            &built_with(minor),
            &[&words[..], &["-v"]].concat(),
            &[("PATH", path)],
        );
        assert_eq!(run.status, 0, "{}", run.stderr);
        let told = format!("from ROOT/{taken}/msvcp140.dll");
        assert!(run.stderr.contains(&told), "{told}: {}", run.stderr);
    }
    let studio = "Microsoft Visual Studio/2022/Enterprise/VC/Redist/MSVC";
    for machine in ["x86", "x64"] {
        let directory = format!("programs/{studio}/14.44.35112/{machine}/Microsoft.VC143.CRT");
        sandbox.write(&format!("{directory}/msvcp140.dll"), runtime(44));
    }
    let programs = at("programs");
    let run = sandbox.try_repair_in(
        &built_with(44),
        &[&words[..], &["-v"]].concat(),
        &[("ProgramFiles", &programs)],
    );
    let told = format!("from ROOT/programs/{studio}/14.44.35112/x64/Microsoft.VC143.CRT/");
    assert!(run.status == 0 && run.stderr.contains(&told), "{}", run.stderr);
    let run = sandbox.try_repair(&built_with(44), &words);
    let told = format!(
        "error: demo-1.0-{TAG}.whl: demo/_ext.pyd was built with toolset 14.44, and \
         ROOT/old/msvcp140.dll is of the older version 14.29.35211\n  hint: name the directory of a \
         newer msvcp140.dll with `--lib-path`"
    );
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stderr.starts_with(&told), "{}", run.stderr);
    let run = sandbox.run(&["show", "--lib-path", "old", &format!("demo-1.0-{TAG}.whl")]);
    assert!(run.stdout.contains("older version 14.29.35211"), "{}", run.stdout);
}
