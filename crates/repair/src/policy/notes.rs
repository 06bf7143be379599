//! What no tag says and the user should know.

use std::collections::BTreeSet;

use super::Policy;
use crate::search::NodeId;
use crate::target::{Arch, Libc};

impl Policy<'_> {
    /// Libraries that some systems refuse to load for their stack; no tag speaks of that.
    fn stack_notes(&self, vendor: &BTreeSet<NodeId>) -> Vec<String> {
        if self.options.clear_executable_stack || self.target.libc == Some(Libc::Musl) {
            return Vec::new();
        }
        let members = self.graph.members().map(|(id, ..)| id);
        let files = members.chain(vendor.iter().copied()).filter(|id| {
            let file = &self.graph.node(*id).file;
            file.asks_for_executable_stack(self.target.libc) && !file.is_program()
        });
        let note = |id| {
            format!(
                "{} asks for an executable stack, and glibc from 2.41 on loads no such library; \
                 `--clear-execstack` takes the mark away",
                self.graph.name(id)
            )
        };
        files.map(note).collect()
    }

    pub(super) fn notes(&self, vendor: &BTreeSet<NodeId>) -> Vec<String> {
        let mut notes = self.stack_notes(vendor);
        let arch = self.target.arch;
        if self.has_no_policy() {
            notes.push(format!(
                "no policy exists for {arch}: the wheel keeps the tag `linux_{arch}`, and PyPI takes \
                 no such wheel"
            ));
        }
        for (_, path, file) in self.graph.members() {
            let machine = &file.machine;
            if (arch, machine.arch) == (Arch::Armv6l, Some(Arch::Armv7l))
                && machine.arm_cpu_arch.is_some()
            {
                notes.push(format!("{path} is for ARMv7, and the wheel for ARMv6"));
            }
            if self.target.libc == Some(Libc::Musl) && file.has_relr {
                notes.push(format!(
                    "{} has DT_RELR relocations, which musl reads from 1.2.4 on; no tag says so",
                    path.as_str()
                ));
            }
        }
        notes
    }
}
