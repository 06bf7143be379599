//! Libraries that only files of the wheel's `data` directory need.
//!
//! How the data directory lies to site-packages is another thing in every kind of installation
//! (sysconfig, "Installation paths"), so no search path leads from one to the other. What only data
//! files need goes with them, to `lib` of the environment, and lies beside them wherever that is.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{MemberPath, Scheme};

use crate::error::Result;
use crate::search::{Graph, NodeId, Place, Resolution};

/// Libraries that no file outside the data directory leads to, and the directory for them; `directory`
/// is that of all others.
pub(super) fn directories(
    graph: &Graph,
    directory: &MemberPath,
) -> Result<BTreeMap<NodeId, MemberPath>> {
    let is_data = |path: &MemberPath| path.installed().scheme == Scheme::Data;
    let of = |wanted: bool| {
        let members = graph.members().filter(move |(_, path, _)| is_data(path) == wanted);
        let included = graph.included.iter().map(|included| included.id).filter(|_| !wanted);
        led_to(graph, members.map(|(id, ..)| id).chain(included).collect())
    };
    let tops = graph.members().filter(|(_, path, _)| is_data(path));
    let Some(top) = tops.filter_map(|(_, path, _)| path.as_str().split('/').next()).next() else {
        return Ok(BTreeMap::new());
    };
    let place = MemberPath::new(&format!("{top}/data/lib/{directory}"))?;
    Ok(of(true).difference(&of(false)).map(|id| (*id, place.clone())).collect())
}

/// Libraries from outside the wheel that `users` and what they bring along need.
fn led_to(graph: &Graph, mut users: Vec<NodeId>) -> BTreeSet<NodeId> {
    let mut libraries = BTreeSet::new();
    while let Some(id) = users.pop() {
        for (_, resolution) in graph.needs_of(id) {
            if let Resolution::File(target, _) = resolution
                && matches!(graph.node(*target).place, Place::Library(_))
                && libraries.insert(*target)
            {
                users.push(*target);
            }
        }
    }
    libraries
}
