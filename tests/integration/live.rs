//! What the loader of this machine thinks of repaired wheels; needs gcc and python3.

use std::process::Command;

use crate::support::{Elf, Sandbox, Wheel, skip, testdata};

/// Whether `python3` is there and is a program for x86_64 Linux with glibc, as the test files are.
pub(crate) fn has_python() -> bool {
    let code = "import platform, sys; sys.exit(platform.libc_ver()[0] != 'glibc' or platform.machine() != 'x86_64')";
    Command::new("python3").args(["-c", code]).status().is_ok_and(|status| status.success())
}

/// Unpacks a repaired wheel and calls `asked(0.0)` of `demo/_ext.so` in a Python without the
/// directory of the build.
fn asked(words: &[&str], rpath: Option<&str>) -> String {
    let sandbox = Sandbox::new();
    sandbox.write("libs/libdemo.so.1", std::fs::read(testdata("elf/gnu-ld.so")).unwrap());
    let extension = Elf::of("repair/uses-demo.so");
    let extension = match rpath {
        Some(directory) => extension.runpath(&sandbox.path(directory)),
        None => extension,
    };
    let output = sandbox.repair(&Wheel::demo(&extension), words);
    output.unpack(&sandbox.root().join("site-packages"));
    std::fs::remove_dir_all(sandbox.root().join("libs")).unwrap();
    let code = "import ctypes, sys; f = ctypes.CDLL(sys.argv[1]).asked; \
                f.restype = ctypes.c_double; f.argtypes = [ctypes.c_double]; print(f(0.0))";
    let run = Command::new("python3")
        .args(["-c", code, &sandbox.path("site-packages/demo/_ext.so")])
        .env_remove("LD_LIBRARY_PATH")
        .current_dir(sandbox.root())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn a_repaired_extension_loads_and_calls_its_vendored_library_by_version() {
    if !has_python() {
        skip(
            "a_repaired_extension_loads_and_calls_its_vendored_library_by_version",
            "no python3 for x86_64 with glibc",
        );
        return;
    }
    // cos(0) + sqrt(0).
    assert_eq!(asked(&["--lib-path", "libs"], None), "1.0\n");
    assert_eq!(asked(&[], Some("libs")), "1.0\n");
    assert_eq!(asked(&["--lib-path", "libs", "-L", "/deep/er"], None), "1.0\n");
    assert_eq!(asked(&["--lib-path", "libs", "--rpath-style", "runpath"], None), "1.0\n");
}

/// Compiles a shared library with gcc; false where there is none.
fn compile(code: &str, output: &str, more: &[&str]) -> bool {
    let source = format!("{output}.c");
    std::fs::create_dir_all(std::path::Path::new(output).parent().unwrap()).unwrap();
    std::fs::write(&source, code).unwrap();
    let words = ["-shared", "-fPIC", "-O1", &source, "-o", output];
    let run = Command::new("gcc").args(words).args(more).status();
    run.is_ok_and(|status| status.success())
}

#[test]
fn a_repaired_extension_opens_an_included_library_by_its_name() {
    let test = "a_repaired_extension_opens_an_included_library_by_its_name";
    let sandbox = Sandbox::new();
    let bar = "int bar(void) { return 41; }";
    let plugin = "int bar(void); int plugin(void) { return bar() + 1; }";
    let module = "#include <dlfcn.h>\nint opened(void) { void *library = dlopen(\"libplugin.so.1\", 2); \
                  if (!library) return -1; int (*call)(void) = dlsym(library, \"plugin\"); \
                  return call(); }\nvoid *PyInit__ext(void) { return 0; }";
    let (lib, build) = (sandbox.path("libs"), sandbox.path("build"));
    let is_made = has_python()
        && compile(bar, &format!("{lib}/libbar.so"), &[])
        && compile(plugin, &format!("{build}/libplugin.so.1"), &["-L", &lib, "-lbar"])
        && compile(module, &sandbox.path("_ext.so"), &["-ldl"]);
    if !is_made {
        skip(test, "no gcc, or no python3 for x86_64 with glibc");
        return;
    }
    let extension = std::fs::read(sandbox.path("_ext.so")).unwrap();
    let wheel = Wheel::new("demo").file("demo/_ext.so", extension);
    let words = ["--lib-path", "libs", "--include", "build/libplugin.so.1"];
    sandbox.repair(&wheel, &words).unpack(&sandbox.root().join("site-packages"));
    std::fs::remove_dir_all(&lib).unwrap();
    std::fs::remove_dir_all(&build).unwrap();
    let code = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).opened())";
    let run = Command::new("python3")
        .args(["-c", code, &sandbox.path("site-packages/demo/_ext.so")])
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&run.stdout), "42\n", "{run:?}");
}

/// A virtual environment with the wheel installed by this machine's pip; `None` if it has none.
fn installed(sandbox: &Sandbox, wheel: &str, environment: &str) -> Option<()> {
    let ran = |words: &[&str]| {
        let run = Command::new("python3").args(words).env_remove("PYTHONPATH").output();
        run.is_ok_and(|run| run.status.success())
    };
    let (wheel, environment) = (sandbox.path(wheel), sandbox.path(environment));
    let python = format!("{environment}/bin/python");
    let is_there = has_python()
        && ran(&["-m", "pip", "--version"])
        && ran(&["-m", "venv", "--without-pip", &environment]);
    let words = ["install", "--no-index", "--no-deps", "--no-cache-dir", &wheel];
    let words = [&["-m", "pip", "--python", &python], &words[..]].concat();
    (is_there && ran(&words)).then_some(())
}

#[test]
fn an_installed_program_that_was_moved_runs_with_its_arguments_and_its_library() {
    let test = "an_installed_program_that_was_moved_runs_with_its_arguments_and_its_library";
    let sandbox = Sandbox::new();
    sandbox.write("libs/libdemo.so.1", std::fs::read(testdata("elf/gnu-ld.so")).unwrap());
    let program = Elf::of("elf/program").needed("libdemo.so.1");
    let wheel = Wheel::new("demo")
        .tag("py3-none-linux_x86_64")
        .elf("demo-1.0.data/scripts/tool", &program)
        .elf("demo-1.0.data/scripts/sub/other tool", &program);
    let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
    let path = format!("out/{}", output.file_name());
    std::fs::remove_dir_all(sandbox.root().join("libs")).unwrap();
    for environment in ["env", "an environment"] {
        if installed(&sandbox, &path, environment).is_none() {
            skip(test, "no python3 with pip for x86_64 with glibc 2.34 or later");
            return;
        }
        for (tool, words) in [("tool", &["a", "b c"][..]), ("sub/other tool", &[])] {
            let tool = sandbox.path(&format!("{environment}/bin/{tool}"));
            // pip writes a first line that the kernel cannot read when its path has a space.
            let mut command = match environment {
                "env" => Command::new(&tool),
                _ => Command::new(sandbox.path(&format!("{environment}/bin/python"))),
            };
            if environment != "env" {
                command.arg(&tool);
            }
            let run = command.args(words).env_remove("LD_LIBRARY_PATH").output().unwrap();
            // It prints its name and the cosine of its number of arguments.
            let cosine = (1.0 + words.len() as f64).cos();
            let line = format!("{tool} {cosine:.6}\n");
            assert_eq!(String::from_utf8_lossy(&run.stdout), line, "{run:?}");
        }
    }
}

/// Whether Python opens the library at `path`.
fn loads(path: &str) -> bool {
    let code = "import ctypes, sys; ctypes.CDLL(sys.argv[1])";
    Command::new("python3").args(["-c", code, path]).status().is_ok_and(|status| status.success())
}

#[test]
fn a_library_that_is_edited_and_then_stripped_by_others_still_loads() {
    let test = "a_library_that_is_edited_and_then_stripped_by_others_still_loads";
    if !has_python() {
        return skip(test, "no python3 for x86_64 with glibc");
    }
    // Neither fits where the old names are, so that a segment is added.
    let path = format!("$ORIGIN/{}", "x".repeat(90_000));
    for tool in ["strip", "eu-strip"] {
        if Command::new(tool).arg("--version").output().is_err() {
            skip(test, &format!("no {tool}"));
            continue;
        }
        for file in ["gnu-ld.so", "sysv-hash.so", "gold.so", "align-2m.so", "debug-x86_64.so"] {
            let sandbox = Sandbox::new();
            sandbox.elf("lib.so", &Elf::of(&format!("elf/{file}")).soname("long").rpath(&path));
            let (from, to) = (sandbox.path("lib.so"), sandbox.path("stripped.so"));
            let run = Command::new(tool).args(["-o", &to, &from]).status().unwrap();
            assert!(run.success() && loads(&from) && loads(&to), "{tool} {file}");
        }
    }
}

#[test]
fn two_equal_libraries_that_lead_to_different_ones_work_in_one_process() {
    let test = "two_equal_libraries_that_lead_to_different_ones_work_in_one_process";
    if !has_python() {
        return skip(test, "no python3 for x86_64 with glibc");
    }
    let sandbox = Sandbox::new();
    let named = |name: &str| format!("-Wl,-soname,{name}");
    let mut extensions = Vec::new();
    for (directory, answer) in [("a", 1), ("b", 2)] {
        let at = |name: &str| sandbox.path(&format!("{directory}/{name}"));
        let dep = format!("int dep(void) {{ return {answer}; }}");
        if !compile(&dep, &at("libdep.so.1"), &[&named("libdep.so.1")]) {
            return skip(test, "no gcc");
        }
        let top = "int dep(void); int top(void) { return dep(); }";
        let more = [&*named("libtop.so.1"), &at("libdep.so.1"), "-Wl,-rpath,$ORIGIN"];
        let more = [&more[..], &["-Wl,--build-id=none"]].concat();
        assert!(compile(top, &at("libtop.so.1"), &more));
        let code = "int top(void); int asked(void) { return top(); }";
        let rpath = format!("-Wl,-rpath,{}", sandbox.path(directory));
        assert!(compile(code, &at("ext.so"), &[&at("libtop.so.1"), &rpath]));
        extensions.push(std::fs::read(at("ext.so")).unwrap());
    }
    let read = |path: &str| std::fs::read(sandbox.path(path)).unwrap();
    assert_eq!(read("a/libtop.so.1"), read("b/libtop.so.1"), "the case is another one");
    let wheel =
        Wheel::new("demo").file("demo/a.so", &extensions[0]).file("demo/b.so", &extensions[1]);
    let output = sandbox.repair(&wheel, &[]);
    output.unpack(&sandbox.root().join("site-packages"));
    for directory in ["a", "b"] {
        std::fs::remove_dir_all(sandbox.root().join(directory)).unwrap();
    }
    let code = "import ctypes, sys; print([ctypes.CDLL(path).asked() for path in sys.argv[1:]])";
    let paths = ["a", "b"].map(|name| sandbox.path(&format!("site-packages/demo/{name}.so")));
    let run = Command::new("python3").args(["-c", code]).args(&paths).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&run.stdout), "[1, 2]\n", "{run:?}");
}
