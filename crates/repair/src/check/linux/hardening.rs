//! What hardened and newer systems refuse to load: executable stacks and relocated code.

use truewheel_elf::ExecutableStack;

use super::Linux;
use crate::binary::ElfFile;
use crate::check::finding::Finding;
use crate::check::{Check, Severity, rules};
use crate::target::Libc;

pub(super) fn check(check: &mut Check<'_>, linux: &Linux<'_>) {
    for (id, path, file) in linux.graph.members().filter(|(.., file)| file.is_dynamic) {
        if let Some((severity, what)) = stack(linux, file) {
            let finding = Finding::of(rules::EXECUTABLE_STACK, path, what).weighs(severity);
            check.add(finding.remedy(
                "link with `-z noexecstack`, or run `truewheel repair --clear-execstack` if the \
                 code does not need it",
            ));
        }
        if linux.facets.get(&id).is_some_and(|facet| facet.has_text_relocations) {
            // Android refuses it from API level 23 on, whatever the tag says.
            let severity = match linux.target.libc {
                Some(Libc::Bionic) => Severity::Error,
                _ => Severity::Warning,
            };
            let what = "its code is relocated (DT_TEXTREL)";
            let finding = Finding::of(rules::TEXT_RELOCATIONS, path, what).weighs(severity);
            check.add(finding.remedy("compile every object with -fPIC"));
        }
    }
}

/// glibc makes the stack executable for a program and, before 2.41, for a library; musl and Bionic
/// never do (`_dl_make_stack_executable` in glibc's elf/dl-execstack.c).
fn stack(linux: &Linux<'_>, file: &ElfFile) -> Option<(Severity, &'static str)> {
    let asks = match file.executable_stack {
        ExecutableStack::No => return None,
        ExecutableStack::Yes => "asks for an executable stack (PT_GNU_STACK has PF_X)",
        ExecutableStack::Unmarked if linux.target.arch.has_executable_stack_by_default() => {
            "has no PT_GNU_STACK, which means an executable stack on this processor"
        }
        ExecutableStack::Unmarked => return None,
    };
    let is_refused = linux.target.libc == Some(Libc::Glibc) && !file.is_program();
    Some((if is_refused { Severity::Error } else { Severity::Warning }, asks))
}
