//! When two libraries are one.
//!
//! A wheel holds each library once, however many names, links and directories lead to it. Equal bytes
//! are not enough for that: two copies of `libtop.so.1`, each beside a `libdep.so.1` of its own, are
//! two libraries, and so is a single `libtop.so.1` that finds another `libdep.so.1` in each process,
//! by the RPATH of what loads it. Two are one when their bytes are equal and each need leads both to
//! one and the same.
//!
//! That is the coarsest such division, found by refinement: all of equal bytes are in one class at
//! first; a class whose files lead to different classes is split, until none is. Libraries that need
//! each other in a circle are no special case.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, NodeId, Place, Resolution};

/// Where a need leads, as far as it tells libraries apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Nothing in the wheel: the target or the caller answers for it.
    Outside,
    Interpreter,
    Nowhere,
    /// A file of this class.
    To(usize),
}

/// Makes one of all libraries of `vendor` that are written alike. Two that were different only in
/// what they would have found of the libraries that the target has are the same now.
pub(crate) fn unite(graph: &mut Graph, vendor: &mut BTreeSet<NodeId>) {
    let first = first_of_class(graph, &|id| vendor.contains(&id));
    redirect(graph, &first);
    let is_first = |id: &NodeId| first.get(id.0) == Some(id);
    vendor.retain(is_first);
    graph.needs.retain(|id, _| is_first(id));
}

/// For each node the first one of its class. Nodes that are not `vendored` stand for themselves.
pub(super) fn first_of_class(graph: &Graph, vendored: &dyn Fn(NodeId) -> bool) -> Vec<NodeId> {
    let bytes = |(index, node): (usize, &super::Node)| match node.place {
        Place::Library(library) if vendored(NodeId(index)) => {
            Ok(graph.libraries.get(library).map_or(library, |library| library.same_as))
        }
        _ => Err(index),
    };
    let mut classes = numbered(graph.nodes.iter().enumerate().map(bytes));
    loop {
        let ways = |(index, class)| (class, ways(graph, NodeId(index), vendored, &classes));
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

fn ways(
    graph: &Graph,
    id: NodeId,
    vendored: &dyn Fn(NodeId) -> bool,
    classes: &[usize],
) -> Vec<Way> {
    // A file of the wheel is itself, whatever it needs.
    if matches!(graph.node(id).place, Place::Member(_)) || !vendored(id) {
        return Vec::new();
    }
    let way = |resolution: &Resolution| match resolution {
        Resolution::File(target, _) => match graph.node(*target).place {
            Place::Library(_) if !vendored(*target) => Way::Outside,
            _ => classes.get(target.0).copied().map_or(Way::Nowhere, Way::To),
        },
        Resolution::Provided
        | Resolution::Excluded(_)
        | Resolution::InPackage(_)
        | Resolution::Driver => Way::Outside,
        Resolution::Libpython => Way::Interpreter,
        Resolution::Missing(_) => Way::Nowhere,
    };
    graph.needs_of(id).iter().map(|(_, resolution)| way(resolution)).collect()
}

/// Lets every need and every wish of the caller lead to the first of its class.
pub(super) fn redirect(graph: &mut Graph, first: &[NodeId]) {
    let to = |id: &mut NodeId| *id = first.get(id.0).copied().unwrap_or(*id);
    for (_, resolution) in graph.needs.values_mut().flatten() {
        if let Resolution::File(target, _) = resolution {
            to(target);
        }
    }
    graph.included.iter_mut().for_each(|included| to(&mut included.id));
}
