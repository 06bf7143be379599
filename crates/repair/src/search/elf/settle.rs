//! From what each process loads to one graph of files.
//!
//! Each root was a process of its own, with its own nodes for the libraries on disk. Those that are one
//! library become one node (see `identity.rs`), and those that nothing in the wheel leads to vanish.

use std::collections::{BTreeMap, BTreeSet};

use crate::search::disk::Library;
use crate::search::{Graph, NodeId, Place, Resolution, identity};

/// What the needed names of each file lead to.
#[derive(Default)]
pub(super) struct Answers {
    first: BTreeMap<NodeId, BTreeMap<String, Resolution>>,
    /// Where a name of a file of the wheel leads in later processes.
    later: BTreeMap<(NodeId, String), Vec<NodeId>>,
}

impl Answers {
    /// A file of the wheel is one file in every process, and can be written for one only: the first
    /// that finds a library decides.
    pub(super) fn add(&mut self, file: NodeId, needed: String, resolution: Resolution) {
        let known = self.first.entry(file).or_default();
        match (known.get(&needed), &resolution) {
            (None | Some(Resolution::Missing(_)), _) => {
                known.insert(needed, resolution);
            }
            (Some(Resolution::File(first, _)), Resolution::File(other, _)) if first != other => {
                self.later.entry((file, needed)).or_default().push(*other);
            }
            _ => {}
        }
    }
}

/// The graph of all that `roots` lead to, with each library once.
pub(super) fn settle(
    mut graph: Graph,
    answers: Answers,
    libraries: Vec<Library>,
    roots: Vec<NodeId>,
) -> Graph {
    graph.libraries = libraries;
    for (id, mut needs) in answers.first {
        let names = graph.node(id).file.needed.iter();
        let listed = names.filter_map(|name| Some((name.clone(), needs.remove(name)?)));
        let listed = listed.collect();
        graph.needs.insert(id, listed);
    }
    find_as_others_do(&mut graph);
    let first = identity::first_of_class(&graph, &|_| true);
    identity::redirect(&mut graph, &first);
    let notes = ambiguous(&graph, &answers.later, &first);
    graph.notes.extend(notes);
    let roots = roots.into_iter().filter_map(|root| first.get(root.0).copied()).collect();
    let mut graph = compact(graph, roots);
    name_users(&mut graph);
    graph
}

/// What a library does not find by itself, it may have found in a process where something else leads
/// to it: that is where it works.
fn find_as_others_do(graph: &mut Graph) {
    let contents = |graph: &Graph, id: &NodeId| match graph.node(*id).place {
        Place::Library(index) => graph.libraries.get(index).map(|library| library.same_as),
        Place::Member(_) => None,
    };
    let is_missing = |need: &&(String, Resolution)| matches!(need.1, Resolution::Missing(_));
    let lacking: BTreeSet<(usize, String)> = graph
        .needs
        .iter()
        .filter_map(|(id, needs)| Some((contents(graph, id)?, needs)))
        .flat_map(|(contents, needs)| {
            needs.iter().filter(is_missing).map(move |(needed, _)| (contents, needed.clone()))
        })
        .collect();
    if lacking.is_empty() {
        return;
    }
    let mut found: BTreeMap<(usize, String), Resolution> = BTreeMap::new();
    for (id, needs) in &graph.needs {
        let Some(contents) = contents(graph, id) else { continue };
        for (needed, resolution) in needs {
            let key = (contents, needed.clone());
            if matches!(resolution, Resolution::File(..)) && lacking.contains(&key) {
                found.entry(key).or_insert_with(|| resolution.clone());
            }
        }
    }
    let ids: Vec<NodeId> = graph.needs.keys().copied().collect();
    for id in ids {
        let Some(contents) = contents(graph, &id) else { continue };
        for (needed, resolution) in graph.needs.get_mut(&id).into_iter().flatten() {
            if matches!(resolution, Resolution::Missing(_))
                && let Some(other) = found.get(&(contents, needed.clone()))
            {
                *resolution = other.clone();
            }
        }
    }
}

/// A line for each file of the wheel that would need a library for each process.
fn ambiguous(
    graph: &Graph,
    later: &BTreeMap<(NodeId, String), Vec<NodeId>>,
    first: &[NodeId],
) -> Vec<String> {
    let mut notes = Vec::new();
    for ((file, needed), others) in later {
        let used = graph.needs_of(*file).iter().find_map(|(name, resolution)| match resolution {
            Resolution::File(used, _) if name == needed => Some(*used),
            _ => None,
        });
        let Some(used) = used else { continue };
        let others = others.iter().filter_map(|other| first.get(other.0));
        for other in others.filter(|other| **other != used).collect::<BTreeSet<_>>() {
            let (file, used, other) = (graph.name(*file), graph.name(used), graph.name(*other));
            let other = match used == other {
                true => format!("{other} with other libraries behind it is"),
                false => format!("{other} is"),
            };
            notes.push(format!(
                "{file}: `{needed}` leads to different libraries, depending on what loads the file; \
                 {used} is used and {other} not"
            ));
        }
    }
    notes
}

/// The part of `graph` that `roots` lead to, with one library for each node.
fn compact(mut graph: Graph, roots: Vec<NodeId>) -> Graph {
    let kept = led_to(&graph, roots);
    let number: BTreeMap<NodeId, NodeId> =
        kept.iter().enumerate().map(|(index, id)| (*id, NodeId(index))).collect();
    let mut nodes = Vec::with_capacity(kept.len());
    let mut libraries: Vec<Library> = Vec::new();
    let mut first_with: BTreeMap<usize, usize> = BTreeMap::new();
    for id in &kept {
        let mut node = graph.node(*id).clone();
        if let Place::Library(old) = node.place
            && let Some(library) = graph.libraries.get(old)
        {
            let (index, contents) = (libraries.len(), library.same_as);
            let mut library = library.facts();
            library.same_as = *first_with.entry(contents).or_insert(index);
            library.contents = graph.libraries.get_mut(contents).and_then(|l| l.contents.take());
            libraries.push(library);
            node.place = Place::Library(index);
        }
        nodes.push(node);
    }
    let mut needs = BTreeMap::new();
    for (id, mut list) in std::mem::take(&mut graph.needs) {
        let Some(new) = number.get(&id) else { continue };
        for (_, resolution) in &mut list {
            if let Resolution::File(target, _) = resolution {
                *target = number.get(target).copied().unwrap_or(*target);
            }
        }
        needs.insert(*new, list);
    }
    for included in &mut graph.included {
        included.id = number.get(&included.id).copied().unwrap_or(included.id);
    }
    Graph { nodes, libraries, needs, ..graph }
}

fn led_to(graph: &Graph, mut queue: Vec<NodeId>) -> BTreeSet<NodeId> {
    let mut kept: BTreeSet<NodeId> = queue.iter().copied().collect();
    while let Some(id) = queue.pop() {
        for (_, resolution) in graph.needs_of(id) {
            if let Resolution::File(target, _) = resolution
                && kept.insert(*target)
            {
                queue.push(*target);
            }
        }
    }
    kept
}

/// Errors speak of who needs a library; that is known once every node has its name.
fn name_users(graph: &mut Graph) {
    let names: Vec<String> =
        (0..graph.nodes.len()).map(|index| graph.name(NodeId(index))).collect();
    for (id, needs) in &mut graph.needs {
        for (_, resolution) in needs {
            if let Resolution::Missing(missing) = resolution {
                missing.users = names.get(id.0).cloned().into_iter().collect();
            }
        }
    }
}
