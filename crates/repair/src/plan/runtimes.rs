//! Several libraries of one base name in one wheel.
//!
//! libgfortran.so.3 beside libgfortran.so.5, or two copies of libgomp from two earlier repairs, are
//! loaded by one process once it has imported all of the package: two sets of threads, two of each
//! table. That works often enough to be shipped and fails late enough to be told now.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::MemberPath;

use crate::mangle;
use crate::search::{Graph, NodeId, Place, Resolution};

/// So many users are told of one library.
const MOST_USERS: usize = 3;

/// One line for each base name that several needed libraries of the result have.
pub(super) fn notes(graph: &Graph, places: &BTreeMap<NodeId, MemberPath>) -> Vec<String> {
    let mut users: BTreeMap<NodeId, BTreeSet<String>> = BTreeMap::new();
    for (id, needs) in &graph.needs {
        for (_, resolution) in needs {
            if let Resolution::File(target, _) = resolution {
                users.entry(*target).or_default().insert(graph.name(*id));
            }
        }
    }
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, users) in users {
        let node = graph.node(id);
        let member = match &node.place {
            Place::Member(path) => path,
            Place::Library(_) => match places.get(&id) {
                Some(member) => member,
                None => continue,
            },
        };
        let name = node.file.soname.as_deref().unwrap_or(member.file_name());
        let few: Vec<&str> = users.iter().take(MOST_USERS).map(String::as_str).collect();
        let more = if users.len() > few.len() { ", …" } else { "" };
        let line = format!("{member} (needed by {}{more})", few.join(", "));
        named.entry(mangle::base_of(name).to_owned()).or_default().insert(line);
    }
    named
        .into_iter()
        .filter(|(_, libraries)| libraries.len() > 1)
        .map(|(name, libraries)| {
            let libraries: Vec<String> = libraries.into_iter().collect();
            format!("one process may load several libraries `{name}`: {}", libraries.join("; "))
        })
        .collect()
}
