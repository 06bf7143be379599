//! The files of a wheel for macOS and what each of their slices needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use truewheel_wheel::MemberPath;

use crate::binary::{Load, MachFile, MachSlice};
use crate::pattern::Unmatched;
use crate::provided::Given;
use crate::search::{Included, Library, NodeId, Place, Resolution};

/// One slice of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SliceId {
    /// The file.
    pub(crate) file: NodeId,
    /// Index into its slices.
    pub(crate) slice: usize,
}

/// One file that needs others or is needed.
#[derive(Clone, Debug)]
pub(crate) struct MachNode {
    /// Where it is.
    pub(crate) place: Place,
    /// What is in it.
    pub(crate) file: MachFile,
    /// Directories that `@loader_path` stands for, as dyld may have come to a library on disk.
    pub(crate) origins: Vec<PathBuf>,
}

/// Who needs what, and where it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct MachGraph {
    /// Every file met.
    pub(crate) nodes: Vec<MachNode>,
    /// Libraries of this machine that some install name leads to.
    pub(crate) libraries: Vec<Library<MachFile>>,
    /// What each load command of a slice leads to, in their order.
    pub(crate) needs: BTreeMap<SliceId, Vec<Resolution>>,
    /// Libraries that are vendored because the caller named them.
    pub(crate) included: Vec<Included>,
    /// Things worth a line in the report.
    pub(crate) notes: Vec<String>,
    /// Needed names that the caller left out.
    pub(crate) left_out: BTreeSet<String>,
    /// Libraries that are left to other distributions.
    pub(crate) given: Vec<Given>,
    /// Options that did nothing.
    pub(crate) unmatched: Vec<Unmatched>,
}

impl MachGraph {
    /// The file with this index.
    pub(crate) fn node(&self, id: NodeId) -> &MachNode {
        &self.nodes[id.0]
    }

    /// The slice with this index.
    pub(crate) fn slice(&self, id: SliceId) -> &MachSlice {
        &self.node(id.file).file.slices[id.slice]
    }

    /// The slices of one file.
    pub(crate) fn slices_of(&self, file: NodeId) -> impl Iterator<Item = SliceId> + use<> {
        (0..self.node(file).file.slices.len()).map(move |slice| SliceId { file, slice })
    }

    /// How messages name a file: the member, or the path on this machine.
    pub(crate) fn name(&self, id: NodeId) -> String {
        match &self.node(id).place {
            Place::Member(path) => path.as_str().to_owned(),
            Place::Library(index) => match self.libraries.get(*index) {
                Some(library) => library.path.display().to_string(),
                None => String::new(),
            },
        }
    }

    /// Those of `files` that are on this machine, with their indices.
    pub(crate) fn libraries_of(&self, files: &BTreeSet<NodeId>) -> Vec<(NodeId, usize)> {
        files.iter().filter_map(|id| Some((*id, self.node(*id).place.library()?))).collect()
    }

    /// The loads of one slice, with what they lead to.
    pub(crate) fn needs_of(&self, id: SliceId) -> impl Iterator<Item = (&Load, &Resolution)> {
        self.slice(id).loads.iter().zip(self.needs.get(&id).map_or(&[][..], Vec::as_slice))
    }

    /// Libraries of this machine that some slice of a file needs.
    pub(crate) fn libraries_needed_by(&self, id: NodeId) -> Vec<NodeId> {
        let needs = self.slices_of(id).flat_map(|slice| self.needs_of(slice));
        let targets = needs.filter_map(|(_, resolution)| resolution.file());
        targets.filter(|target| self.node(*target).place.library().is_some()).collect()
    }

    /// Every slice whose needs are known, with one need after the other.
    pub(crate) fn all_needs(&self) -> impl Iterator<Item = (SliceId, &Load, &Resolution)> {
        self.needs
            .keys()
            .flat_map(|id| self.needs_of(*id).map(|(load, resolution)| (*id, load, resolution)))
    }

    /// The slice of `file` that a process of slice `user` maps.
    pub(crate) fn slice_for(&self, user: SliceId, file: NodeId) -> Option<SliceId> {
        let slice = self.node(file).file.slice_for(self.slice(user).architecture)?;
        Some(SliceId { file, slice })
    }

    /// The files of the wheel, in archive order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (NodeId, &MemberPath)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| match &node.place {
            Place::Member(path) => Some((NodeId(index), path)),
            Place::Library(_) => None,
        })
    }
}
