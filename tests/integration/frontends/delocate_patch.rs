//! `delocate-patch`: text patches for the files of a wheel.

use crate::support::{Output, Run, Sandbox, Wheel};

const NAME: &str = "demo-1.0-py3-none-any.whl";

/// A wheel with a module of ten lines, and a patch beside it.
fn sandbox(patch: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let lines: String = (1..=10).map(|number| format!("line {number}\n")).collect();
    let wheel = Wheel::new("demo").tag("py3-none-any").file("demo/__init__.py", "");
    wheel.file("demo/a.py", lines).file("demo/b.txt", "one\n").build(sandbox.root());
    sandbox.write("p.patch", patch);
    sandbox
}

fn patched(patch: &str) -> (Run, Output) {
    let sandbox = sandbox(patch);
    let run = sandbox.run(&["delocate-patch", "-w", "out", NAME, "p.patch"]);
    assert_eq!((run.status, &*run.stdout), (0, ""), "{}", run.stderr);
    let output = Output::open(&sandbox.root().join("out").join(NAME));
    assert_eq!(output.record_text(), output.expected_record());
    (run, output)
}

/// The error, and that nothing was written.
fn refused(patch: &str) -> String {
    let sandbox = sandbox(patch);
    let before = sandbox.files();
    let run = sandbox.run(&["delocate-patch", NAME, "p.patch"]);
    assert_eq!((run.status, &*run.stdout), (1, ""), "{}", run.stderr);
    assert_eq!(sandbox.files(), before);
    let start = format!("error: {NAME}: ");
    run.stderr.strip_prefix(&start).unwrap_or_else(|| panic!("{}", run.stderr)).to_owned()
}

const CHANGE: &str = "\
--- a/demo/a.py
+++ b/demo/a.py
@@ -4,3 +4,3 @@
 line 4
-line 5
+line five
 line 6
";

#[test]
fn files_are_changed_made_and_removed() {
    let patch = format!(
        "Some words first.\n\n{CHANGE}\
         diff --git a/demo/new/c.py b/demo/new/c.py\nnew file mode 100644\n\
         --- /dev/null\n+++ b/demo/new/c.py\n@@ -0,0 +1 @@\n+new\n\
         --- a/demo/b.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n"
    );
    let (run, output) = patched(&patch);
    assert_eq!(run.stderr, "");
    assert!(output.text("demo/a.py").contains("line 4\nline five\nline 6\n"));
    assert_eq!(output.text("demo/new/c.py"), "new\n");
    assert!(!output.has("demo/b.txt"));
}

#[test]
fn a_second_patch_finds_what_the_first_left() {
    let second = CHANGE.replace("line five", "line V").replace("-line 5", "-line five");
    let (_, output) = patched(&format!("{CHANGE}{second}"));
    assert!(output.text("demo/a.py").contains("line 4\nline V\nline 6\n"));
}

#[test]
fn a_renamed_file_has_its_new_name() {
    let patch = "diff --git a/demo/b.txt b/demo/c.txt\nsimilarity index 100%\n\
                 rename from demo/b.txt\nrename to demo/c.txt\n";
    let (_, output) = patched(patch);
    assert!(!output.has("demo/b.txt"));
    assert_eq!(output.text("demo/c.txt"), "one\n");
}

#[test]
fn a_file_that_diff_n_empties_is_removed() {
    let patch = "--- old/demo/b.txt\t2024-05-01 10:00:00.000000000 +0000\n\
                 +++ new/demo/b.txt\t1970-01-01 00:00:00.000000000 +0000\n@@ -1 +0,0 @@\n-one\n";
    assert!(!patched(patch).1.has("demo/b.txt"));
    let (_, output) = patched(&patch.replace("1970-01-01", "2024-05-02"));
    assert_eq!(output.text("demo/b.txt"), "");
}

#[test]
fn hunks_fit_elsewhere_and_but_for_outer_lines() {
    let (run, output) = patched(&CHANGE.replace("@@ -4,3 +4,3 @@", "@@ -1,3 +1,3 @@"));
    assert_eq!(run.stderr, "");
    assert!(output.text("demo/a.py").contains("line five"));
    let (run, output) = patched(&CHANGE.replace(" line 6", " line VI"));
    let told = "note: demo/a.py differs from what the patch was made for; its hunks fit but for outer lines\n";
    assert_eq!(run.stderr, told);
    assert!(output.text("demo/a.py").contains("line 4\nline five\nline 6\n"));
}

#[test]
fn what_does_not_fit_is_told_with_its_file_and_its_hunk() {
    let wrong = CHANGE.replace("-line 5", "-line 55");
    let told = "p.patch: hunk 1 of 1 for demo/a.py, for line 4 does not fit anywhere in it\n  \
                hint: make the patch from the files of this wheel\n";
    assert_eq!(refused(&wrong), told);
    // The first file of the patch is not written either.
    let both = format!("--- a/demo/b.txt\n+++ b/demo/b.txt\n@@ -1 +1 @@\n-one\n+two\n{wrong}");
    assert_eq!(refused(&both), told);
    let again = format!("{CHANGE}{CHANGE}");
    let told = "p.patch: hunk 1 of 1 for demo/a.py, for line 4 does not fit anywhere in it\n  \
                hint: the file is as the patch wants it already\n";
    assert_eq!(refused(&again), told);
}

#[test]
fn a_hunk_at_the_beginning_does_not_slip() {
    let patch =
        "--- a/demo/a.py\n+++ b/demo/a.py\n@@ -1,3 +1,4 @@\n+new\n line 0\n line 2\n line 3\n";
    assert!(refused(patch).starts_with("p.patch: hunk 1 of 1 for demo/a.py, for line 1 "));
}

#[test]
fn only_lines_that_are_added_fit_nowhere_without_the_lines_around_them() {
    let patch = "--- a/demo/a.py\n+++ b/demo/a.py\n@@ -4,2 +4,3 @@\n x\n+new\n y\n";
    assert!(refused(patch).starts_with("p.patch: hunk 1 of 1 for demo/a.py"), "{patch}");
}

#[test]
fn files_that_are_not_there_or_are_there_are_told() {
    let told = "p.patch changes demo/z.py, which is not in the wheel\n  \
                hint: names are taken without their first directory, as `patch -p1` takes them\n";
    assert_eq!(refused(&CHANGE.replace("/a.py", "/z.py")), told);
    let patch = "--- /dev/null\n+++ b/demo/b.txt\n@@ -0,0 +1 @@\n+new\n";
    let told = "p.patch makes demo/b.txt, which is there already\n  \
                hint: the patch may have been applied before\n";
    assert_eq!(refused(patch), told);
    let patch = "--- a/../x\n+++ b/../x\n@@ -0,0 +1 @@\n+new\n";
    let told = "the path `../x` has the part `..`, which leads out of its directory\n";
    assert_eq!(refused(patch), told);
}

#[test]
fn what_is_no_patch_is_told() {
    let told = "p.patch has no hunk: it is no patch in the unified format\n  \
                hint: `diff -u` and `git diff` write such patches\n";
    assert_eq!(refused("nothing here\n"), told);
    let patch = "diff --git a/demo/x.bin b/demo/x.bin\nGIT binary patch\nliteral 3\nKcmZ\n";
    assert_eq!(refused(patch), "p.patch has a binary patch, and only text is patched\n");
}

#[test]
fn the_result_takes_the_place_of_the_input_and_is_told_as_delocate_tells_it() {
    let sandbox = sandbox(CHANGE);
    let run = sandbox.run(&["delocate-patch", "-v", NAME, "p.patch"]);
    let told = format!("Patching: {NAME} with p.patch\nPatched wheel {NAME} to {NAME}:\n");
    assert_eq!((run.status, run.stdout), (0, told), "{}", run.stderr);
    let output = Output::open(&sandbox.root().join(NAME));
    assert!(output.text("demo/a.py").contains("line five"));
    let record = CHANGE.replace("demo/a.py", "demo-1.0.dist-info/RECORD");
    sandbox.write("p.patch", record);
    let run = sandbox.run(&["delocate-patch", NAME, "p.patch"]);
    let told = "note: demo-1.0.dist-info/RECORD is made anew, whatever the patch says of it\n";
    assert_eq!((run.status, &*run.stderr), (0, told));
    assert_eq!(sandbox.run(&["delocate-patch", NAME]).status, 2);
    assert_eq!(sandbox.run(&["delocate-patch", "*.none", "p.patch"]).status, 2);
}
