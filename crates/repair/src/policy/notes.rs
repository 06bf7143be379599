//! What no tag says and the user should know.

use std::collections::BTreeSet;

use truewheel_wheel::PlatformTag;

use super::{Policy, promise_of};
use crate::search::NodeId;
use crate::target::{Arch, Libc};
use crate::wheel_target;

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

    /// Tags that stay at the caller's wish although the repaired wheel does not keep them.
    pub(super) fn untrue_tags(
        &self,
        existing: &[PlatformTag],
        vendor: &BTreeSet<NodeId>,
    ) -> Vec<String> {
        let kept = existing.iter().filter(|_| self.options.keep_tags);
        let note = |tag: &PlatformTag| {
            let why = self.is_untrue(tag, vendor)?;
            Some(format!("the tag `{tag}` stays, and the wheel does not keep it: {why}"))
        };
        kept.filter_map(note).collect()
    }

    /// Why the wheel with these libraries does not keep `tag`.
    fn is_untrue(&self, tag: &PlatformTag, vendor: &BTreeSet<NodeId>) -> Option<String> {
        let (arch, libc) = wheel_target::of_tag(tag);
        let is_there =
            |arch: Arch| arch == self.target.arch || self.graph.other_arches.contains(&arch);
        if !arch.is_some_and(is_there) {
            return Some(format!("its binaries are for {}", self.target.arch));
        }
        if let (Some(wanted), Some(is)) = (libc, self.target.libc)
            && wanted != is
        {
            return Some(format!("its binaries are for {is}"));
        }
        let outcome = self.try_promise(promise_of(tag)?);
        let lacking = outcome
            .vendor
            .difference(vendor)
            .next()
            .map(|id| format!("`{}` is not in the wheel", self.graph.name(*id)));
        let more = match outcome.obstacles.len() {
            0 | 1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let obstacle = outcome.obstacles.first();
        let obstacle = obstacle.map(|first| format!("{} needs {first}{more}", first.file));
        obstacle.or(lacking)
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
                && machine.arm.cpu_arch.is_some()
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
