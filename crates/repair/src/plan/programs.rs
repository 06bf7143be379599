//! Programs that move to site-packages, and files that need the interpreter as a library.

use std::collections::BTreeSet;

use truewheel_wheel::{Installed, MemberPath, Scheme, relative};

use super::Plan;
use super::search_path::origin;
use crate::error::{Error, Result};
use crate::search::paths::{entry_in_environment, environment_path, origin_relative, parent};
use crate::search::{Graph, NodeId, Resolution};
use crate::shim::Shim;
use crate::target::Libc;

/// Plans that the program at `path` moves, and that its script takes its place. `taken` says whether
/// the wheel has a member of a name.
pub(super) fn move_program(
    path: &MemberPath,
    shim: &Shim,
    taken: &dyn Fn(&MemberPath) -> bool,
    plan: &mut Plan,
) -> Result<()> {
    let is_new = shim.place != *path && taken(&shim.place);
    if let Some(other) = [(&shim.program, taken(&shim.program)), (&shim.place, is_new)]
        .iter()
        .find_map(|(other, is_taken)| is_taken.then_some(other))
    {
        return Err(Error::refused(format!(
            "{path} needs libraries of the wheel and would have to move; the wheel has {other} already"
        )));
    }
    let from = plan.renamed.iter().find(|(_, to)| *to == path).map(|(from, _)| from.clone());
    match (plan.copies.remove(path), from) {
        (Some(source), _) => drop(plan.copies.insert(shim.program.clone(), source)),
        (None, from) => {
            plan.renamed.insert(from.unwrap_or_else(|| path.clone()), shim.program.clone());
        }
    }
    plan.notes.push(format!(
        "{path} moves to {}, where it finds its libraries; {} runs it from there",
        shim.program, shim.place
    ));
    plan.shims.insert(shim.place.clone(), shim.clone());
    Ok(())
}

/// An entry of the search path of a file at `old` that leads to the same place from `new`.
pub(super) fn moved_entry(entry: &str, old: &MemberPath, new: &MemberPath) -> Option<String> {
    let place = entry_in_environment(old, origin_relative(entry)?)?;
    let at = |path: &str| Installed { scheme: Scheme::Data, path: path.to_owned() };
    relative(&at(parent(&environment_path(new)?)), &at(&place)).map(|way| origin(&way))
}

/// What becomes of the needed libpython of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Libpython {
    /// The process has the interpreter already.
    Removed,
    /// The file brings the interpreter into its process; the words say so.
    Kept(String),
    /// The platform wants it needed by name.
    Wanted,
}

/// Extension modules and the libraries they need are loaded by a Python that has its own symbols,
/// and many Pythons are built without a shared library (PEP 513, "libpython"). A program is different:
/// nothing has them if it does not load them.
///
/// On Android the symbols of the process are not seen by a module that does not name their library
/// (PEP 738, "Linking to libpython").
pub(super) fn libpython(graph: &Graph, id: NodeId, libc: Option<Libc>) -> Libpython {
    if libc == Some(Libc::Bionic) {
        return Libpython::Wanted;
    }
    if graph.node(id).file.is_program() {
        let why = "the program embeds Python, and runs only where that library is found";
        return Libpython::Kept(why.to_owned());
    }
    let programs = graph.members().filter(|(_, _, file)| file.is_program());
    for (program, path, _) in programs {
        if !needs_libpython(graph, program) && leads_to(graph, program, id) {
            return Libpython::Kept(format!("{path} embeds Python through it"));
        }
    }
    Libpython::Removed
}

fn needs_libpython(graph: &Graph, id: NodeId) -> bool {
    graph.needs_of(id).iter().any(|(_, resolution)| *resolution == Resolution::Libpython)
}

fn leads_to(graph: &Graph, from: NodeId, to: NodeId) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut queue = vec![from];
    while let Some(id) = queue.pop() {
        for (_, resolution) in graph.needs_of(id) {
            if let Resolution::File(target, _) = resolution
                && seen.insert(*target)
            {
                queue.push(*target);
            }
        }
    }
    seen.contains(&to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_leads_to_the_same_place_after_the_move() {
        for (entry, old, new, moved) in [
            ("$ORIGIN/../lib", "d-1.data/scripts/tool", "d.scripts/tool", "$ORIGIN/../../.."),
            (
                "${ORIGIN}/../../lib/deep",
                "d-1.data/scripts/sub/tool",
                "d.scripts/sub/tool",
                "$ORIGIN/../../../../deep",
            ),
            (
                "$ORIGIN/../lib/python3.12/site-packages/d",
                "d-1.data/scripts/tool",
                "d.scripts/tool",
                "$ORIGIN/../../../python3.12/site-packages/d",
            ),
        ] {
            let path = |path| MemberPath::new(path).unwrap();
            assert_eq!(moved_entry(entry, &path(old), &path(new)).as_deref(), Some(moved));
        }
    }
}
