//! Where the tools before this one are silently wrong: they end with success, and the wheel works on the
//! machine that built it and breaks, or lies, on others. [`TESTS`] names the test of each; those that have
//! no other place are here.

use std::fs;
use std::process::Command;

use crate::live::has_python;
use crate::support::{Elf, Sandbox, Wheel, root, skip, testdata};

/// What went wrong, the file below `tests/integration`, and the test.
const TESTS: &[(&str, &str, &str)] = &[
    // Places.
    (
        "RPATH wrong after installation of .data/platlib",
        "linux/places.rs",
        "search_paths_lead_from_installed_place_to_installed_place",
    ),
    ("the same of .data/data", "linux/places.rs", "what_only_data_files_need_goes_with_them"),
    (
        "the same, installed and loaded",
        "regression_silent.rs",
        "a_file_of_any_data_directory_loads_its_libraries_where_it_is_installed",
    ),
    (
        "libraries of .data/data do not find each other",
        "linux/loaders.rs",
        "libraries_of_the_data_directory_find_each_other_where_they_install",
    ),
    (
        "a package called purelib refused",
        "linux/places.rs",
        "search_paths_lead_from_installed_place_to_installed_place",
    ),
    (
        "nested programs of .data/scripts get a wrong RPATH",
        "linux/programs.rs",
        "a_program_that_needs_a_library_moves_and_a_script_takes_its_place",
    ),
    (
        "a nested directory of libraries ends half done",
        "linux/places.rs",
        "lib_sdir_names_the_directory_of_vendored_libraries",
    ),
    (
        "symbolic links become texts",
        "linux/links.rs",
        "a_chain_of_links_becomes_the_file_that_the_soname_names",
    ),
    // Libraries.
    (
        "two libraries of one SONAME: one user keeps the build's paths",
        "linux/search.rs",
        "two_different_libraries_of_one_soname_are_both_vendored_and_each_user_gets_its_own",
    ),
    (
        "the same, loaded into one process",
        "regression_silent.rs",
        "two_libraries_of_one_soname_work_in_one_process",
    ),
    (
        "equal names for libraries with other dependencies",
        "linux/places.rs",
        "vendored_names_hang_on_what_a_library_needs_too",
    ),
    (
        "equal libraries beside different ones: one user gets those of the other",
        "linux/identity.rs",
        "equal_libraries_beside_different_ones_are_two",
    ),
    (
        "equal names for libraries that an option has written otherwise",
        "linux/identity.rs",
        "equal_names_mean_equal_bytes_whatever_the_options_are",
    ),
    (
        "a library without a dot in its name",
        "linux/places.rs",
        "digits_stand_in_front_of_the_suffix_whatever_the_name_is",
    ),
    (
        "a linker script ends the run",
        "linux/loaders.rs",
        "a_linker_script_leads_to_the_library_that_it_stands_for",
    ),
    (
        "a library of the system stays needed by its path",
        "linux/loaders.rs",
        "a_library_of_the_system_that_is_needed_by_its_path_is_needed_by_its_name",
    ),
    (
        "RPATH of the loader's loader not searched",
        "linux/search.rs",
        "the_rpath_of_what_loads_a_library_is_searched_for_its_needs_too_and_a_runpath_is_not",
    ),
    (
        "a library for glibc taken into a wheel for musl",
        "linux/targets.rs",
        "a_library_for_glibc_is_not_taken_into_a_wheel_for_musl",
    ),
    (
        "ELF files that RECORD does not list are left as they are",
        "linux/search.rs",
        "a_wheel_of_binaries_that_record_does_not_list_is_repaired_all_the_same",
    ),
    (
        "ELF files called .py are left as they are",
        "linux/targets.rs",
        "binaries_are_told_by_their_bytes_and_not_by_their_names",
    ),
    // The interpreter.
    (
        "libpython of a free-threaded Python vendored",
        "linux/search.rs",
        "libpython_is_not_needed_by_name_any_more",
    ),
    (
        "libpython vendored under another name",
        "linux/loaders.rs",
        "an_interpreter_under_another_name_is_no_library_to_bring",
    ),
    (
        "a search path to nowhere where only libpython was needed",
        "linux/search.rs",
        "libpython_is_not_needed_by_name_any_more",
    ),
    (
        "a program that embeds Python loses libpython",
        "linux/programs.rs",
        "libpython_goes_from_what_a_python_loads_and_stays_where_a_program_brings_it",
    ),
    // Search paths.
    (
        "paths of the build machine stay where nothing is vendored",
        "linux/places.rs",
        "a_search_path_of_the_build_machine_vanishes_also_where_nothing_is_vendored",
    ),
    (
        "the working directory stays on a search path",
        "regression_silent.rs",
        "an_empty_entry_of_a_search_path_is_removed",
    ),
    (
        "entries that are right after installation are dropped",
        "linux/places.rs",
        "own_entries_that_lead_into_site_packages_stay_in_front",
    ),
    // Tags.
    (
        "a wheel that needs fpectl gets a tag",
        "refusals/content.rs",
        "symbols_that_only_some_pythons_have",
    ),
    ("a false tag stays", "linux/tags.rs", "a_false_tag_is_removed_and_a_true_one_stays"),
    (
        "ARMv6 becomes ARMv7",
        "linux/targets.rs",
        "a_wheel_for_armv6_keeps_its_tag_and_brings_its_libraries",
    ),
    (
        "instructions of libraries inside the wheel unchecked",
        "regression_silent.rs",
        "instructions_of_a_library_inside_the_wheel_count",
    ),
    (
        "a private libstdc++ makes the wheel too recent",
        "linux/tags.rs",
        "a_private_libstdcxx_of_the_wheel_may_be_newer_than_the_policy",
    ),
    (
        "an alias asks for something else than its number",
        "linux/tags.rs",
        "the_older_name_and_the_number_ask_for_the_same",
    ),
    (
        "no tag above the newest listed policy",
        "linux/tags.rs",
        "a_glibc_newer_than_every_listed_policy_has_a_tag_of_its_own",
    ),
    (
        "the musllinux tag follows the host",
        "linux/targets.rs",
        "a_wheel_for_musl_gets_a_musllinux_tag",
    ),
    (
        "Root-Is-Purelib stays true, or stands twice",
        "linux/places.rs",
        "root_is_purelib_is_false_once_for_a_wheel_with_binaries",
    ),
    // What is not told.
    (
        "an executable stack is vendored in silence",
        "regression_silent.rs",
        "an_executable_stack_is_told",
    ),
    (
        "an exclude that matches nothing",
        "linux/left_out.rs",
        "an_exclude_that_matches_nothing_is_told_with_the_nearest_name",
    ),
    (
        "a library that no package owns is missing in the SBOM",
        "sbom.rs",
        "every_vendored_library_is_listed_also_without_a_package",
    ),
    // The output.
    (
        "a failed repair leaves a wheel",
        "refusals/content.rs",
        "a_missing_library_with_every_place_searched_and_what_was_passed_over",
    ),
    (
        "a wheel that needs nothing is compressed anew",
        "linux/targets.rs",
        "a_wheel_that_needs_nothing_is_copied_byte_by_byte",
    ),
    ("dates of the input are lost", "linux/places.rs", "modes_and_dates_of_members_stay"),
];

#[test]
fn every_test_that_the_table_names_is_there() {
    for (what, file, test) in TESTS {
        let path = root().join("tests/integration").join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("#[test]\nfn {test}() {{")), "{what}: {file}: {test}");
    }
}

/// `libdemo.so.1` with `answer` and a counter of its own.
fn library() -> Elf {
    Elf::of("elf/gnu-ld.so")
}

/// What a Python says that runs `code` with these words, and knows nothing of the build.
fn python(sandbox: &Sandbox, code: &str, words: &[String]) -> String {
    let run = Command::new("python3")
        .args(["-c", code])
        .args(words)
        .env_remove("LD_LIBRARY_PATH")
        .current_dir(sandbox.root())
        .output()
        .expect("python3 runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

#[test]
fn a_file_of_any_data_directory_loads_its_libraries_where_it_is_installed() {
    if !has_python() {
        let test = "a_file_of_any_data_directory_loads_its_libraries_where_it_is_installed";
        return skip(test, "no python3 for x86_64 with glibc");
    }
    let site = "lib/python3.12/site-packages";
    for (member, installed) in [
        ("demo/sub/_ext.so", format!("{site}/demo/sub/_ext.so")),
        ("demo-1.0.data/platlib/demo/sub/_ext.so", format!("{site}/demo/sub/_ext.so")),
        ("demo-1.0.data/purelib/demo/_ext.so", format!("{site}/demo/_ext.so")),
        ("purelib/_ext.so", format!("{site}/purelib/_ext.so")),
        ("demo-1.0.data/data/lib/deep/libown.so", "lib/deep/libown.so".to_owned()),
        ("demo-1.0.data/data/share/plugin", "share/plugin".to_owned()),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("libs/libdemo.so.1", fs::read(testdata("elf/gnu-ld.so")).unwrap());
        let wheel = Wheel::new("demo").elf(member, &Elf::of("repair/uses-demo.so"));
        let output = sandbox.repair(&wheel, &["--lib-path", "libs"]);
        output.install(&sandbox.root().join("environment"));
        fs::remove_dir_all(sandbox.root().join("libs")).unwrap();
        let code = "import ctypes, sys; f = ctypes.CDLL(sys.argv[1]).asked; \
                    f.restype = ctypes.c_double; f.argtypes = [ctypes.c_double]; print(f(0.0))";
        let path = sandbox.path(&format!("environment/{installed}"));
        assert_eq!(python(&sandbox, code, &[path]), "1.0\n", "{member}");
    }
}

#[test]
fn two_libraries_of_one_soname_work_in_one_process() {
    if !has_python() {
        let test = "two_libraries_of_one_soname_work_in_one_process";
        return skip(test, "no python3 for x86_64 with glibc");
    }
    let sandbox = Sandbox::new();
    sandbox.elf("one/libdemo.so.1", &library());
    sandbox.elf("two/libdemo.so.1", &library().rpath("/other/contents"));
    let extension = |path: &str| Elf::of("repair/uses-demo.so").runpath(&sandbox.path(path));
    let wheel =
        Wheel::new("demo").elf("demo/a.so", &extension("one")).elf("demo/b.so", &extension("two"));
    sandbox.repair(&wheel, &[]).install(&sandbox.root().join("environment"));
    for directory in ["one", "two"] {
        fs::remove_dir_all(sandbox.root().join(directory)).unwrap();
    }
    let code = "import ctypes, sys; a, b = map(ctypes.CDLL, sys.argv[1:]); \
                print(a.counted(), a.counted(), b.counted())";
    let place =
        |name: &str| sandbox.path(&format!("environment/lib/python3.12/site-packages/demo/{name}"));
    assert_eq!(python(&sandbox, code, &[place("a.so"), place("b.so")]), "1 2 1\n");
}

#[test]
fn an_empty_entry_of_a_search_path_is_removed() {
    for (path, left) in [(":$ORIGIN", Some("$ORIGIN")), ("$ORIGIN::", Some("$ORIGIN")), (":", None)]
    {
        let wheel = Wheel::demo(&Elf::module(&[]).rpath(path));
        let output = Sandbox::new().repair(&wheel, &[]);
        assert_eq!(output.elf("demo/_ext.so").rpath.as_deref(), left, "{path}");
    }
}

#[test]
fn instructions_of_a_library_inside_the_wheel_count() {
    let library = Elf::of("repair/needs-x86-64-v3.so").soname("libfoo.so.1");
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"]).rpath("$ORIGIN"))
        .elf("demo/libfoo.so.1", &library);
    let text = Sandbox::new().refusal(&wheel, &[]);
    let because =
        "because: demo/libfoo.so.1 needs instructions of x86-64-v3, which the tag does not";
    assert!(text.contains(because), "{text}");
}

#[test]
fn an_executable_stack_is_told() {
    let stack = Elf::of("elf/execstack-rpath.so");
    let sandbox = Sandbox::new();
    sandbox.elf("libs/libfoo.so.1", &stack.clone().soname("libfoo.so.1"));
    let wheel = Wheel::demo(&Elf::module(&["libfoo.so.1"])).elf("demo/libown.so", &stack);
    let run = sandbox.try_repair(&wheel, &["--lib-path", "libs"]);
    for file in ["demo/libown.so", "ROOT/libs/libfoo.so.1"] {
        let note = format!(
            "note: {file} asks for an executable stack, and glibc from 2.41 on loads no such library; \
             `--clear-execstack` takes the mark away\n"
        );
        assert!(run.stderr.contains(&note), "{}", run.stderr);
    }
    let run = sandbox.try_repair(&wheel, &["--lib-path", "libs", "--clear-execstack"]);
    assert!(!run.stderr.contains("executable stack"), "{}", run.stderr);
}
