//! The PE files of a wheel, what each needs, and what that leads to.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_pe::dll_key;

use crate::binary::PeFile;
use crate::pattern::Unmatched;
use crate::provided::Given;
use crate::search::{Included, Library, NodeId, Place, Resolution};

/// How a file is tied to a DLL that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tie {
    /// It must be there when the file is loaded.
    Import,
    /// It is loaded at the first call of one of its functions.
    Delay,
    /// An export of the file is one of that DLL.
    Forward,
}

/// One DLL that a file names.
#[derive(Clone, Debug)]
pub(crate) struct PeNeed {
    /// As the file spells it.
    pub(crate) name: String,
    pub(crate) tie: Tie,
    pub(crate) resolution: Resolution,
}

/// One file that needs others or is needed.
#[derive(Clone, Debug)]
pub(crate) struct PeNode {
    /// Where it is.
    pub(crate) place: Place,
    /// What is in it.
    pub(crate) file: PeFile,
}

/// Who needs what, and where it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeGraph {
    /// Every file met.
    pub(crate) nodes: Vec<PeNode>,
    /// DLLs of this machine that some name leads to.
    pub(crate) libraries: Vec<Library<PeFile>>,
    /// What each file names, imports before delay imports before forwarders.
    pub(crate) needs: BTreeMap<NodeId, Vec<PeNeed>>,
    /// DLLs that are vendored because the caller named them.
    pub(crate) included: Vec<Included>,
    /// Needed names that the caller left out.
    pub(crate) left_out: BTreeSet<String>,
    /// Libraries that are left to other distributions.
    pub(crate) given: Vec<Given>,
    /// Options that did nothing.
    pub(crate) unmatched: Vec<Unmatched>,
    /// Why Windows, or the wheel's modules, would not take what was found, each with what to do.
    pub(crate) faults: Vec<(String, String)>,
    /// Things worth a line in the report.
    pub(crate) notes: Vec<String>,
}

impl PeGraph {
    /// What is needed by name is brought along as such, whoever asked for it besides.
    pub(super) fn forget_needed_ones(&mut self) {
        let needs = self.needs.keys().flat_map(|id| self.targets(*id));
        let needed: BTreeSet<(NodeId, String)> =
            needs.map(|(need, target)| (target, dll_key(&need.name))).collect();
        // Files with the same bytes are one, whatever each is called.
        let is_needed = |it: &Included| needed.contains(&(it.id, dll_key(it.member.file_name())));
        for included in self.included.iter().filter(|it| is_needed(it)) {
            self.notes.push(format!(
                "`{}` does nothing: the DLL is needed by its name, and gets another; `--no-mangle` keeps it",
                included.option
            ));
        }
        self.included.retain(|included| !is_needed(included));
    }

    /// The file with this index.
    pub(crate) fn node(&self, id: NodeId) -> &PeNode {
        &self.nodes[id.0]
    }

    /// How messages name a file: the member, or the path on this machine.
    pub(crate) fn name(&self, id: NodeId) -> String {
        match &self.node(id).place {
            Place::Member(path) => path.as_str().to_owned(),
            Place::Library(index) => self.libraries[*index].path.display().to_string(),
        }
    }

    /// The name of the file alone.
    pub(crate) fn file_name(&self, id: NodeId) -> String {
        match &self.node(id).place {
            Place::Member(path) => path.file_name().to_owned(),
            Place::Library(index) => crate::search::disk::file_name(&self.libraries[*index].path),
        }
    }

    /// Those of `files` that are on this machine, with their indices.
    pub(crate) fn libraries_of(&self, files: &BTreeSet<NodeId>) -> Vec<(NodeId, usize)> {
        files.iter().filter_map(|id| Some((*id, self.node(*id).place.library()?))).collect()
    }

    /// The names in one file.
    pub(crate) fn needs_of(&self, id: NodeId) -> &[PeNeed] {
        self.needs.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The files that one file leads to directly.
    pub(crate) fn targets(&self, id: NodeId) -> impl Iterator<Item = (&PeNeed, NodeId)> {
        self.needs_of(id).iter().filter_map(|need| match need.resolution {
            Resolution::File(target, _) => Some((need, target)),
            _ => None,
        })
    }

    /// The names that other files know one by, in lower case.
    pub(crate) fn targets_named(&self, id: NodeId) -> impl Iterator<Item = String> {
        let users = self.needs.keys().flat_map(|user| self.targets(*user));
        users
            .filter(move |(_, target)| *target == id)
            .map(|(need, _)| need.name.to_ascii_lowercase())
    }

    /// `roots` and all they lead to.
    pub(crate) fn closure(&self, roots: impl IntoIterator<Item = NodeId>) -> BTreeSet<NodeId> {
        let mut closure: BTreeSet<NodeId> = roots.into_iter().collect();
        let mut queue: Vec<NodeId> = closure.iter().copied().collect();
        while let Some(id) = queue.pop() {
            queue.extend(
                self.targets(id).map(|(_, target)| target).filter(|it| closure.insert(*it)),
            );
        }
        closure
    }

    /// The files of the wheel, in archive order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (NodeId, &truewheel_wheel::MemberPath)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| match &node.place {
            Place::Member(path) => Some((NodeId(index), path)),
            Place::Library(_) => None,
        })
    }
}
