//! Completions in the shells themselves, and the manual.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::{Sandbox, skip};

/// What bash offers behind `typed`, whose last word is being typed.
fn offered(sandbox: &Sandbox, typed: &[&str]) -> BTreeSet<String> {
    let code = "source ./truewheel.bash
COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))
spec=$(complete -p truewheel); function=${spec##*-F }
${function%% *} truewheel \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"
printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["--norc", "-c", code, "bash", "truewheel"])
        .args(typed)
        .current_dir(sandbox.root())
        .output()
        .expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{typed:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_values_and_files() {
    let name = "bash_completes_commands_options_values_and_files";
    if !Command::new("bash").arg("--version").output().is_ok_and(|run| run.status.success()) {
        skip(name, "no bash");
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("truewheel.bash", sandbox.run(&["completions", "bash"]).stdout);
    for (typed, wanted) in [
        (&["rep"][..], &["repair", "replace-needed"][..]),
        (&["repair", "--wheel"], &["--wheel-dir"]),
        (&["check", "--for"], &["--forbid", "--forbid-symbol"]),
        (&["repair", "--rpath-style", "r"], &["rpath", "runpath"]),
        (&["completions", "p"], &["powershell"]),
    ] {
        let wanted = wanted.iter().map(|&word| word.to_owned()).collect();
        assert_eq!(offered(&sandbox, typed), wanted, "{typed:?}");
    }
    // Of what is no option nothing is offered here, which `-o default` turns into names of files.
    assert_eq!(offered(&sandbox, &["repair", "demo"]), [String::new()].into());
    assert!(sandbox.run(&["completions", "bash"]).stdout.contains(" -o default truewheel"));
}

#[test]
fn every_shell_gets_a_script_that_names_every_command() {
    let sandbox = Sandbox::new();
    let commands = commands(&sandbox);
    for (shell, mark) in [
        ("bash", "complete -F _truewheel"),
        ("zsh", "#compdef truewheel"),
        ("fish", "complete -c truewheel"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName 'truewheel'"),
        ("elvish", "edit:completion:arg-completer[truewheel]"),
    ] {
        let run = sandbox.run(&["completions", shell]);
        assert_eq!((run.status, &*run.stderr), (0, ""), "{shell}");
        assert!(run.stdout.contains(mark), "{shell}");
        for command in &commands {
            assert!(run.stdout.contains(&**command), "{shell}: {command}");
        }
    }
    let run = sandbox.run(&["completions", "tcsh"]);
    assert_eq!((run.status, &*run.stdout), (2, ""));
    assert!(run.stderr.contains("possible values: bash, elvish, fish, powershell, zsh"));
}

#[test]
fn shells_that_are_here_read_their_scripts() {
    let sandbox = Sandbox::new();
    for (shell, words) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let script = sandbox.path(shell);
        sandbox.write(shell, sandbox.run(&["completions", shell]).stdout);
        match Command::new(shell).args(words).arg(&script).output() {
            Ok(run) => assert!(run.status.success(), "{shell}: {run:?}"),
            Err(_) => skip("shells_that_are_here_read_their_scripts", &format!("no {shell}")),
        }
    }
}

/// The commands that the help lists.
fn commands(sandbox: &Sandbox) -> Vec<String> {
    let help = sandbox.run(&["-h"]).stdout;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<String> =
        names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(names.len() > 8, "{help}");
    names
}

#[test]
fn the_manual_has_a_page_for_every_command_with_every_option() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["man", "--dir", "new/man1"]);
    assert_eq!((run.status, &*run.stderr), (0, ""));
    let mut wanted = vec!["new/man1/truewheel.1".to_owned()];
    for command in commands(&sandbox).into_iter().filter(|command| command != "help") {
        let page = sandbox.run(&["man", &command]).stdout;
        let help = sandbox.run(&[&command, "--help"]).stdout;
        for word in help.split([' ', ',', '\n']).filter(|word| word.starts_with("--")) {
            let option: String =
                word.chars().take_while(|c| c.is_ascii_alphabetic() || *c == '-').collect();
            assert!(page.contains(&option.replace('-', "\\-")), "{command} {option}");
        }
        for section in [".SH NAME", ".SH SYNOPSIS", ".SH EXAMPLES", ".SH \"EXIT STATUS\""] {
            assert!(page.contains(section), "{command} {section}: {page}");
        }
        wanted.push(format!("new/man1/truewheel-{command}.1"));
    }
    let written: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(written, wanted);
    for path in wanted {
        let text = std::fs::read_to_string(sandbox.path(&path)).unwrap();
        assert!(text.contains(&format!("\"truewheel {}\"", env!("CARGO_PKG_VERSION"))), "{path}");
    }
}

#[test]
fn examples_of_the_manual_keep_their_lines() {
    let page = Sandbox::new().run(&["man"]).stdout;
    let examples = page.split(".SH EXAMPLES\n.nf\n").nth(1).unwrap_or_else(|| panic!("{page}"));
    assert!(examples.starts_with("\\fB  truewheel repair dist/*.whl"), "{examples}");
    assert!(page.contains(".SH ENVIRONMENT\n.nf\n TRUEWHEEL_CONFIG  "), "{page}");
}

#[test]
fn a_page_of_no_command_is_wrong_usage_and_a_directory_that_cannot_be_is_a_fault() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["man", "rapair"]);
    assert_eq!((run.status, &*run.stdout), (2, ""));
    assert!(
        run.stderr.starts_with("error: there is no command `rapair`\n  hint: there are repair, ")
    );
    sandbox.write("file", "");
    let run = sandbox.run(&["man", "--dir", "file"]);
    assert_eq!((run.status, &*run.stdout), (1, ""));
    assert!(run.stderr.starts_with("error: file: "), "{}", run.stderr);
}
