//! The command lines of older tools, by their own words and by the names of links.

mod auditwheel;
mod delocate;
mod delocate_patch;
mod delocate_path;
mod delvewheel;
mod shims;

use crate::support::Sandbox;

#[test]
fn what_was_taken_out_of_delocate_is_told_with_what_took_its_place() {
    let run = Sandbox::new().run(&["delocate-fuse", "a.whl", "b.whl"]);
    let told = "delocate-fuse has been removed\n  hint: `delocate-merge a.whl b.whl`\n";
    assert_eq!((run.status, &*run.stdout, &*run.stderr), (1, told, ""));
    let run = Sandbox::new().run(&["delocate-fuse", "a.whl", "b.whl", "-w", "out"]);
    let told = "delocate-fuse has been removed\n  hint: `delocate-merge a.whl b.whl -w out`\n";
    assert_eq!((run.status, &*run.stdout), (1, told));
}

#[test]
fn the_page_on_older_tools_has_a_part_for_each() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run(&["help", "migrate"]);
    assert_eq!(whole.status, 0);
    assert!(whole.stdout.starts_with("## From auditwheel, delocate and delvewheel"));
    let part = sandbox.run(&["help", "migrate", "auditwheel"]);
    assert!(part.stdout.starts_with("### auditwheel\n"), "{}", part.stdout);
    assert!(whole.stdout.contains(part.stdout.trim_end()));
    let none = sandbox.run(&["help", "migrate", "patchelf"]);
    assert_eq!((none.status, &*none.stdout), (2, ""));
}
