//! The command lines of auditwheel, delocate and delvewheel, which truewheel answers by their names.
//!
//! A tool is asked for by the first word (`truewheel auditwheel repair …`), or by the name that the
//! program was started under (a link called `auditwheel`). Each has a parser of its own with that tool's
//! meanings, and turns what was typed into the same [`Config`] as truewheel's own command line: there is
//! one engine and one way through it. What a tool prints, where other programs read it, is in
//! `report/frontends`.

mod auditwheel;
mod delocate;
mod delvewheel;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use truewheel_repair::{Error, ErrorKind, Show, Verdict};

use crate::config::{Config, UsageError};
use crate::status::Status;

pub(crate) use delocate::{
    AddplatTask, Dependencies, ListdepsTask, PatchTask, PathTask, addplat, listdeps, patch, path,
};

/// A command line that truewheel takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Auditwheel,
    DelocateAddplat,
    DelocateFuse,
    DelocateListdeps,
    DelocateMerge,
    DelocatePatch,
    DelocatePath,
    DelocateWheel,
    Delvewheel,
}

/// Every name that a tool is called by.
pub(crate) const TOOLS: &[(&str, Tool)] = &[
    ("auditwheel", Tool::Auditwheel),
    ("delocate-addplat", Tool::DelocateAddplat),
    ("delocate-fuse", Tool::DelocateFuse),
    ("delocate-listdeps", Tool::DelocateListdeps),
    ("delocate-merge", Tool::DelocateMerge),
    ("delocate-patch", Tool::DelocatePatch),
    ("delocate-path", Tool::DelocatePath),
    ("delocate-wheel", Tool::DelocateWheel),
    ("delvewheel", Tool::Delvewheel),
];

/// Whose manner of speaking a run has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Voice {
    /// truewheel's own.
    #[default]
    Own,
    Auditwheel,
    Delocate,
    Delvewheel,
}

/// Why a command line is not answered.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The parser says it, in its words; also help and version, which were asked for.
    Parser(clap::Error),
    /// The words are right and their meaning is not.
    Usage(UsageError),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        Self::Parser(error)
    }
}

impl From<UsageError> for Refusal {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

/// The tool that is asked for, and its words, its own name first.
pub(crate) fn of(words: &[OsString]) -> Option<(Tool, Vec<OsString>)> {
    let (program, rest) = words.split_first()?;
    if let Some(tool) = called(Path::new(program).file_stem()?) {
        return Some((tool, words.to_vec()));
    }
    let (first, behind) = rest.split_first()?;
    if first == "help" {
        let (name, _) = behind.split_first()?;
        return Some((called(name)?, vec![name.clone(), "--help".into()]));
    }
    Some((called(first)?, rest.to_vec()))
}

/// Windows does not tell `Auditwheel` from `auditwheel`.
fn called(name: &OsStr) -> Option<Tool> {
    let name = name.to_str()?;
    TOOLS.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, tool)| *tool)
}

/// Turns the words of a tool into what will be done.
pub(crate) fn configure(tool: Tool, words: Vec<OsString>) -> Result<Config, Refusal> {
    match tool {
        Tool::Auditwheel => auditwheel::configure(words),
        Tool::DelocateAddplat => delocate::configure_addplat(words),
        Tool::DelocateFuse => delocate::fuse(words),
        Tool::DelocateListdeps => delocate::configure_listdeps(words),
        Tool::DelocateMerge => delocate::merge(words),
        Tool::DelocatePatch => delocate::configure_patch(words),
        Tool::DelocatePath => delocate::configure_path(words),
        Tool::DelocateWheel => delocate::wheel(words),
        Tool::Delvewheel => delvewheel::configure(words),
    }
}

/// One of its sections says what each option of the older tools is called here.
const README: &str = include_str!("../README.md");
const MIGRATION: &str = "From auditwheel, delocate and delvewheel";

/// The section on older tools, or the part on one of them.
pub(crate) fn migration(tool: Option<&str>) -> Result<String, UsageError> {
    let mut sections = README.split("\n## ");
    let section = sections.find(|section| section.starts_with(MIGRATION)).unwrap_or_default();
    let Some(tool) = tool else { return Ok(format!("## {}\n", section.trim_end())) };
    let mut parts = section.split("\n### ").skip(1);
    let is_it = |part: &&str| part.lines().next().is_some_and(|name| tool.starts_with(name));
    match parts.find(is_it) {
        Some(part) => Ok(format!("### {}\n", part.trim_end())),
        None => Err(UsageError(format!(
            "`help migrate {tool}`: there is no such tool\n  hint: auditwheel, delocate or delvewheel"
        ))),
    }
}

/// How a run ends that `error` stops.
pub(crate) fn status_of(voice: Voice, error: &Error) -> Status {
    match (voice, error.kind()) {
        // auditwheel lets its parser say that a wheel does not earn the tag.
        (Voice::Auditwheel, ErrorKind::NotEarned { .. }) => Status::Usage,
        _ => Status::Failed,
    }
}

/// Whether a look at a wheel found what `voice` calls a success: auditwheel shows wheels with ELF files,
/// and, where it may, those that are for any platform and have none.
pub(crate) fn is_shown(voice: Voice, is_pure_fine: bool, show: &Show) -> bool {
    let is_fine = is_pure_fine && (voice != Voice::Auditwheel || is_pure(show));
    is_fine || !show.levels.is_empty()
}

/// Whether no binary is in the wheel and its tags say so.
pub(crate) fn is_pure(show: &Show) -> bool {
    show.system == "any" && show.verdict == Verdict::NothingToRepair
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Option<(Tool, Vec<OsString>)> {
        of(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_tool_is_asked_for_by_the_first_word_or_the_name_of_the_program() {
        let (tool, words) = asked(&["truewheel", "delocate-fuse", "a", "b"]).unwrap();
        assert_eq!((tool, words.len()), (Tool::DelocateFuse, 3));
        let (tool, words) = asked(&["/usr/bin/delocate-fuse", "a"]).unwrap();
        assert_eq!((tool, words.len()), (Tool::DelocateFuse, 2));
        assert!(asked(&["C:/shims/Delocate-Fuse.exe"]).is_some());
        let (_, words) = asked(&["truewheel", "help", "delocate-fuse"]).unwrap();
        assert_eq!(words, ["delocate-fuse", "--help"]);
        assert_eq!(asked(&["truewheel", "repair", "delocate-fuse"]), None);
        assert_eq!(asked(&["truewheel"]), None);
    }

    /// Every long option of a parser and of its commands.
    fn options(command: &clap::Command, found: &mut Vec<String>) {
        found.extend(command.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned));
        command.get_subcommands().for_each(|command| options(command, found));
    }

    #[test]
    fn every_option_of_an_older_tool_is_in_its_table() {
        let tools = [("auditwheel", auditwheel::command()), ("delvewheel", delvewheel::command())];
        let delocate = delocate::commands().into_iter().map(|command| ("delocate", command));
        for (tool, command) in tools.into_iter().chain(delocate) {
            let page = migration(Some(tool)).unwrap();
            let mut names = Vec::new();
            options(&command, &mut names);
            assert!(names.len() > 1, "{tool}: {names:?}");
            for name in names.iter().filter(|name| *name != "help") {
                assert!(page.contains(&format!("--{name}")), "{tool}: --{name}");
            }
        }
        assert!(migration(Some("patchelf")).is_err());
    }
}
