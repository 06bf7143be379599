//! What `completions` and `man` take, and the texts that they print.
//!
//! Both are made from the command line's own description whenever they are asked for, so no file of
//! the repository can be out of date. Examples, environment and exit statuses stand at the end of each help
//! text as lines; a manual's paragraphs would be filled, so here they become sections that keep their lines.

use std::path::PathBuf;

use clap::{Arg, Args};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::command;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel completions bash > ~/.local/share/bash-completion/completions/truewheel
  truewheel completions zsh > ~/.zfunc/_truewheel     with ~/.zfunc in fpath
  truewheel completions fish > ~/.config/fish/completions/truewheel.fish
  truewheel completions powershell >> $PROFILE

Exit status: 0 the script was printed, 2 wrong usage.")]
pub(crate) struct Completions {
    /// The shell that the script is for
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel man | man -l -
  truewheel man repair | man -l -
  truewheel man --dir ~/.local/share/man/man1

Exit status: 0 all was printed or written, 1 a page cannot be written, 2 there is no such command.")]
pub(crate) struct Manual {
    /// The command whose page to print [default: that of truewheel itself]
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
    /// Write every page into this directory instead, as `truewheel.1` and `truewheel-COMMAND.1`
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub(crate) dir: Option<PathBuf>,
}

/// One page of the manual.
#[derive(Debug)]
pub(crate) struct Page {
    /// The command it is of, `None` for the program as a whole.
    pub(crate) command: Option<String>,
    /// The name without the section, such as `truewheel-repair`.
    pub(crate) name: String,
    /// Written for `man`.
    pub(crate) text: String,
}

/// The script that completes what is typed in `shell`.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "truewheel", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The whole manual, the program's own page first.
pub(crate) fn manual() -> Vec<Page> {
    let mut program = command().disable_help_subcommand(true);
    program.build();
    let mut pages = vec![page(None, program.clone())];
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.push(page(Some(command.get_name().to_owned()), command.clone()));
    }
    pages
}

fn page(name: Option<String>, command: clap::Command) -> Page {
    let command = command.mut_args(with_aliases);
    let full = command.get_display_name().unwrap_or("truewheel").to_owned();
    let after = command.get_after_long_help().or_else(|| command.get_after_help());
    let after = after.map(|text| text.to_string()).unwrap_or_default();
    let version = format!("truewheel {}", command.get_version().unwrap_or_default());
    let is_program = name.is_none();
    let man = Man::new(command).source(version).manual("truewheel");
    let mut bytes = Vec::new();
    // Into memory: none of this can fail.
    let _ = man.render_title(&mut bytes);
    let _ = man.render_name_section(&mut bytes);
    let _ = man.render_synopsis_section(&mut bytes);
    let _ = man.render_description_section(&mut bytes);
    let _ = man.render_options_section(&mut bytes);
    if is_program {
        let _ = man.render_subcommands_section(&mut bytes);
    }
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    text.push_str(&sections(&after));
    Page { command: name, name: full, text }
}

/// The other names of an option, which its help lists and a manual of clap's making does not.
fn with_aliases(option: Arg) -> Arg {
    let Some(names) = option.get_visible_aliases().filter(|names| !names.is_empty()) else {
        return option;
    };
    let names: Vec<String> = names.iter().map(|name| format!("--{name}")).collect();
    let help = option.get_help().map(ToString::to_string).unwrap_or_default();
    option.help(format!("{help} [also {}]", names.join(", ")))
}

/// The paragraphs of a help text as sections: `Examples:` and lines below it, `Exit status: 0 …`.
fn sections(after: &str) -> String {
    let mut roff = Roff::new();
    for paragraph in after.split("\n\n") {
        let (title, rest) = paragraph.split_once(':').unwrap_or_default();
        let title = title.split(',').next().unwrap_or_default();
        if (1..=16).contains(&title.len()) {
            roff.control("SH", [title.to_uppercase().as_str()]);
            lines(&mut roff, rest);
        } else {
            roff.control("PP", []);
            lines(&mut roff, paragraph);
        }
    }
    roff.to_roff()
}

/// Lines that stay lines.
fn lines(roff: &mut Roff, text: &str) {
    roff.control("nf", []);
    for line in text.trim_matches('\n').lines() {
        let is_example = line.trim_start().starts_with("truewheel ");
        let line =
            if is_example { bold(line) } else { roman(line.strip_prefix(' ').unwrap_or(line)) };
        roff.text([line]);
    }
    roff.control("fi", []);
}
