//! What one process loads: a file and everything that it leads to.

use std::collections::BTreeSet;

use crate::search::{Graph, NodeId, Resolution};

/// The sum of the squares of all closures may be this: the work that the checks of symbols do. The
/// largest wheels of PyPI stay below a tenth of it.
const MOST_PAIRS: usize = 10_000_000;

/// Each file of the wheel that no other one needs, with its closure; `None` if they are too large.
pub(super) fn of_roots(graph: &Graph) -> Option<Vec<(NodeId, BTreeSet<NodeId>)>> {
    let needed: BTreeSet<NodeId> =
        graph.members().flat_map(|(id, ..)| in_wheel(graph, id)).collect();
    let mut closures = Vec::new();
    let mut pairs = 0_usize;
    for (root, ..) in graph.members().filter(|(id, ..)| !needed.contains(id)) {
        let closure = closure(graph, root);
        pairs = pairs.saturating_add(closure.len().saturating_mul(closure.len()));
        if pairs > MOST_PAIRS {
            return None;
        }
        closures.push((root, closure));
    }
    Some(closures)
}

fn in_wheel(graph: &Graph, id: NodeId) -> impl Iterator<Item = NodeId> {
    graph.needs_of(id).iter().filter_map(|(_, resolution)| match resolution {
        Resolution::File(target, _) => Some(*target),
        _ => None,
    })
}

/// `id` and every file of the wheel that it leads to.
fn closure(graph: &Graph, id: NodeId) -> BTreeSet<NodeId> {
    let mut closure = BTreeSet::from([id]);
    let mut queue = vec![id];
    while let Some(user) = queue.pop() {
        queue.extend(in_wheel(graph, user).filter(|target| closure.insert(*target)));
    }
    closure
}
