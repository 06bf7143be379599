//! Step 3: which file each needed name leads to.
//!
//! The answer is that of the target's loader, as if the wheel were installed here: the principle is
//! that a repaired wheel uses the very libraries that the unrepaired one would have used on the
//! machine that built it. Nothing is left to the host: architecture and C library are the wheel's.

pub(crate) mod conf;
pub(crate) mod defaults;
pub(crate) mod disk;
pub(crate) mod elf;
pub(crate) mod identity;
pub(crate) mod macho;
mod miss;
pub(crate) mod paths;
pub(crate) mod pe;
pub(crate) mod script;
pub(crate) mod sites;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use truewheel_wheel::MemberPath;

pub(crate) use disk::Library;

use crate::binary::ElfFile;
use crate::error::MissingLibrary;
use crate::pattern::Unmatched;
use crate::provided::Given;
use crate::target::Arch;

/// Index of a file in [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// Where a file of the graph lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the wheel.
    Member(MemberPath),
    /// On this machine: index into [`Graph::libraries`].
    Library(usize),
}

impl Place {
    /// The index of a library on this machine.
    pub(crate) fn library(&self) -> Option<usize> {
        match self {
            Self::Library(index) => Some(*index),
            Self::Member(_) => None,
        }
    }
}

/// One file that needs others or is needed.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it is.
    pub place: Place,
    /// What is in it.
    pub file: Arc<ElfFile>,
}

/// The rule of a file that something before it in the process has loaded.
pub(crate) const ALREADY_LOADED: &str = "already loaded";

/// How a file was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The rule, such as `RUNPATH of demo/_ext.so` or `--lib-path`.
    pub rule: String,
    /// The directory, for people.
    pub directory: String,
    /// No file has the needed name; the one with this SONAME was taken.
    pub by_soname: bool,
}

/// The rule of a library that no rule of the loader leads to.
pub(crate) const ONLY_ONE_OF_NAME: &str = "the only one of that name in the wheel";

impl Found {
    /// Whether a repair has to write the way: the loader does not find it by itself.
    pub(crate) fn is_guess(&self) -> bool {
        self.rule == ONLY_ONE_OF_NAME
    }
}

/// What a needed name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// The target has it, whatever its level: the loader itself or a library of every policy.
    Provided,
    /// The caller left it out; the option that says so, such as `--exclude libfoo*`.
    Excluded(String),
    /// It belongs to the machine's drivers.
    Driver,
    /// The interpreter brings it.
    Libpython,
    /// A distribution that will be installed beside the wheel has it.
    InPackage(Arc<Given>),
    /// A file of the wheel or of this machine.
    File(NodeId, Found),
    /// No rule leads anywhere.
    Missing(Box<MissingLibrary>),
}

impl Resolution {
    /// The file that it is.
    pub(crate) fn file(&self) -> Option<NodeId> {
        match self {
            Self::File(file, _) => Some(*file),
            _ => None,
        }
    }
}

/// A library that the caller wants in the wheel although nothing needs it by name.
#[derive(Clone, Debug)]
pub(crate) struct Included {
    /// The file.
    pub id: NodeId,
    /// Where it goes; its name is the one that it is opened by.
    pub member: MemberPath,
    /// The option that asked for it.
    pub option: String,
    /// The rule that found it.
    pub rule: String,
    /// It is opened by its name alone, which a loader looks for along the search path of the caller.
    pub is_by_name: bool,
}

/// Who needs what, and where it is.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// Every file met.
    pub nodes: Vec<Node>,
    /// Libraries of this machine that some needed name leads to, each for one node.
    pub libraries: Vec<Library>,
    /// Needed names of each file, in its order, with what they lead to.
    pub needs: BTreeMap<NodeId, Vec<(String, Resolution)>>,
    /// Libraries that are vendored because the caller named them.
    pub included: Vec<Included>,
    /// Needed names that are vendored by force, though targets have them.
    pub forced: BTreeSet<String>,
    /// Architectures of the wheel's files that its target does not load, where tags name them.
    pub other_arches: Vec<Arch>,
    /// Things worth a line in the report.
    pub notes: Vec<String>,
    /// Needed names that the caller left out.
    pub left_out: BTreeSet<String>,
    /// Libraries that are left to other distributions.
    pub given: Vec<Given>,
    /// Options that did nothing.
    pub unmatched: Vec<Unmatched>,
}

impl Graph {
    /// The file with this index.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// How messages name a file: the member, or the path on this machine.
    pub(crate) fn name(&self, id: NodeId) -> String {
        match &self.node(id).place {
            Place::Member(path) => path.as_str().to_owned(),
            Place::Library(index) => self.libraries[*index].path.display().to_string(),
        }
    }

    /// Those of `files` that are on this machine, with their indices.
    pub(crate) fn libraries_of(&self, files: &BTreeSet<NodeId>) -> Vec<(NodeId, usize)> {
        files.iter().filter_map(|id| Some((*id, self.node(*id).place.library()?))).collect()
    }

    /// The needed names of one file.
    pub(crate) fn needs_of(&self, id: NodeId) -> &[(String, Resolution)] {
        self.needs.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Libraries of this machine that one file needs.
    pub(crate) fn libraries_needed_by(&self, id: NodeId) -> Vec<NodeId> {
        let targets = self.needs_of(id).iter().filter_map(|(_, resolution)| resolution.file());
        targets.filter(|target| self.node(*target).place.library().is_some()).collect()
    }

    /// The files of the wheel, in archive order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (NodeId, &MemberPath, &ElfFile)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| match &node.place {
            Place::Member(path) => Some((NodeId(index), path, &*node.file)),
            Place::Library(_) => None,
        })
    }
}
