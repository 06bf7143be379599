//! Libraries that only files of the wheel's `data` directory need.
//!
//! How the data directory lies to site-packages is another thing in every kind of installation
//! (sysconfig, "Installation paths"), so no search path leads from one to the other. What only data
//! files need goes with them, to `lib` of the environment, and lies beside them wherever that is.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{MemberPath, Scheme};

use crate::error::Result;
use crate::search::NodeId;

/// Who needs what, whatever the format.
pub(super) struct Needs<'a> {
    /// Files of the wheel.
    pub(super) members: Vec<(NodeId, &'a MemberPath)>,
    /// Libraries from outside that the caller named.
    pub(super) included: Vec<NodeId>,
    /// Libraries from outside that a file needs.
    pub(super) of: &'a dyn Fn(NodeId) -> Vec<NodeId>,
}

/// Libraries that no file outside the data directory leads to, and the directory for them; `directory`
/// is that of all others.
pub(super) fn directories(
    needs: &Needs<'_>,
    directory: &MemberPath,
) -> Result<BTreeMap<NodeId, MemberPath>> {
    let is_data = |path: &MemberPath| path.installed().scheme == Scheme::Data;
    let of = |wanted: bool| {
        let members = needs.members.iter().filter(move |(_, path)| is_data(path) == wanted);
        let included = needs.included.iter().copied().filter(|_| !wanted);
        led_to(needs.of, members.map(|(id, _)| *id).chain(included).collect())
    };
    let mut tops = needs.members.iter().filter(|(_, path)| is_data(path));
    let Some(top) = tops.find_map(|(_, path)| path.as_str().split('/').next()) else {
        return Ok(BTreeMap::new());
    };
    let place = MemberPath::new(&format!("{top}/data/lib/{directory}"))?;
    Ok(of(true).difference(&of(false)).map(|id| (*id, place.clone())).collect())
}

/// Libraries from outside the wheel that `users` and what they bring along need.
fn led_to(needs: &dyn Fn(NodeId) -> Vec<NodeId>, mut users: Vec<NodeId>) -> BTreeSet<NodeId> {
    let mut libraries = BTreeSet::new();
    while let Some(id) = users.pop() {
        for target in needs(id) {
            if libraries.insert(target) {
                users.push(target);
            }
        }
    }
    libraries
}
