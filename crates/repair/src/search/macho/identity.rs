//! When two libraries are one.
//!
//! A wheel holds each library once, wherever copies of it lay. Equal bytes are not enough for that: two copies of
//! `libtop.dylib`, each beside a `libdep.dylib` of its own, are two libraries. Two are one when their bytes are equal
//! and each load command leads both to one and the same: the coarsest such division, found by refinement, as for
//! ELF files.

use std::collections::{BTreeMap, BTreeSet};

use super::{MachGraph, SliceId};
use crate::search::{NodeId, Place, Resolution};

/// Lets every need lead to the first of the libraries that are one, and forgets the others.
pub(super) fn unite(graph: &mut MachGraph) {
    let first = first_of_class(graph);
    let to = |id: NodeId| first.get(id.0).copied().unwrap_or(id);
    graph.needs.retain(|id, _| to(id.file) == id.file);
    for resolution in graph.needs.values_mut().flatten() {
        if let Resolution::File(target, _) = resolution {
            *target = to(*target);
        }
    }
    let mut seen = BTreeSet::new();
    graph.included.iter_mut().for_each(|included| included.id = to(included.id));
    graph.included.retain(|included| seen.insert(included.id));
}

fn first_of_class(graph: &MachGraph) -> Vec<NodeId> {
    let contents = |(index, node): (usize, &super::MachNode)| match node.place {
        Place::Library(library) => Ok(library),
        Place::Member(_) => Err(index),
    };
    let mut classes = numbered(graph.nodes.iter().enumerate().map(contents));
    loop {
        let ways = |(index, class)| (class, ways(graph, NodeId(index), &classes));
        let finer = numbered(classes.iter().copied().enumerate().map(ways));
        if finer == classes {
            return classes.into_iter().map(NodeId).collect();
        }
        classes = finer;
    }
}

/// Each key as the index of the first that is equal to it.
fn numbered<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<usize> {
    let mut first = BTreeMap::new();
    keys.enumerate().map(|(index, key)| *first.entry(key).or_insert(index)).collect()
}

/// The class that each load command leads to, where it leads to a file. A slice that no process has loaded says
/// nothing; a file of the wheel is itself, whatever it needs.
fn ways(graph: &MachGraph, file: NodeId, classes: &[usize]) -> Vec<Vec<Option<usize>>> {
    if graph.node(file).place.library().is_none() {
        return Vec::new();
    }
    let way = |resolution: &Resolution| {
        resolution.file().and_then(|target| classes.get(target.0).copied())
    };
    let of_slice = |id: SliceId| graph.needs.get(&id).map(|needs| needs.iter().map(way).collect());
    graph.slices_of(file).filter_map(of_slice).collect()
}
