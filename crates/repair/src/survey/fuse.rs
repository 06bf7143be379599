//! Libraries that were built for each CPU in a place of its own, made into one universal file.
//!
//! Homebrew has x86_64 libraries in `/usr/local` and arm64 ones in `/opt/homebrew`; a universal module that was
//! linked against both names one in each of its slices. A wheel for both kinds of Mac has code for both in every
//! file, so the two become one, as `lipo -create` would make it.

use std::collections::{BTreeMap, BTreeSet};

use crate::binary::MachFile;
use crate::error::{Error, Result};
use crate::search::macho::{MachGraph, MachNode, SliceId};
use crate::search::paths::base_name;
use crate::search::{Library, NodeId, Place, Resolution};

/// Fuses those of `libraries` that have one name and no CPU in common.
pub(super) fn fuse(graph: &mut MachGraph, libraries: &BTreeSet<NodeId>) -> Result<()> {
    let mut named: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
    for id in libraries {
        let ids = graph.node(*id).file.slices.iter();
        let name = ids.filter_map(|slice| slice.install_id.as_deref()).map(base_name).next();
        named.entry(name.unwrap_or_default().to_owned()).or_default().push(*id);
    }
    named.remove("");
    for parts in named.into_values().filter(|parts| parts.len() > 1) {
        let cpus = || {
            let slices = parts.iter().flat_map(|id| &graph.node(*id).file.slices);
            slices.map(|slice| slice.architecture)
        };
        if cpus().collect::<BTreeSet<_>>().len() == cpus().count() {
            fuse_one(graph, &parts)?;
        }
    }
    Ok(())
}

/// Puts one library into the place of `parts`.
fn fuse_one(graph: &mut MachGraph, parts: &[NodeId]) -> Result<()> {
    let indices: Vec<usize> =
        parts.iter().filter_map(|id| graph.node(*id).place.library()).collect();
    let libraries: Vec<&Library<MachFile>> =
        indices.iter().filter_map(|index| graph.libraries.get(*index)).collect();
    let Some(first) = libraries.first() else { return Ok(()) };
    let named = |error| Error::macho(first.path.display().to_string(), error);
    let contents = libraries.iter().map(|library| library.bytes()).collect::<Result<Vec<_>>>()?;
    let contents: Vec<&[u8]> = contents.iter().map(|bytes| &**bytes).collect();
    let bytes = truewheel_macho::merge(&contents).map_err(named)?;
    let file = MachFile::read(&bytes).map_err(named)?;
    let paths: Vec<String> = libraries
        .iter()
        .map(|library| format!("{} ({})", library.path.display(), library.file.architectures()))
        .collect();
    let fused = Library {
        path: first.path.clone(),
        size: bytes.len() as u64,
        mode: first.mode,
        modified: first.modified,
        file: file.clone(),
        same_as: graph.libraries.len(),
        is_made: true,
        contents: Some(bytes),
    };
    graph.notes.push(format!("one universal library is made of {}", paths.join(" and ")));
    let (id, place) = (NodeId(graph.nodes.len()), Place::Library(graph.libraries.len()));
    graph.libraries.push(fused);
    graph.nodes.push(MachNode { place, file, origins: Vec::new() });
    redirect(graph, parts, id);
    Ok(())
}

/// Lets everything that leads to one of `parts` lead to `fused`, and gives it their needs.
fn redirect(graph: &mut MachGraph, parts: &[NodeId], fused: NodeId) {
    for part in parts {
        for slice in graph.slices_of(*part) {
            let Some(needs) = graph.needs.remove(&slice) else { continue };
            let architecture = graph.slice(slice).architecture;
            if let Some(slice) = graph.node(fused).file.slice_for(architecture) {
                graph.needs.insert(SliceId { file: fused, slice }, needs);
            }
        }
    }
    for resolution in graph.needs.values_mut().flatten() {
        if let Resolution::File(target, _) = resolution
            && parts.contains(target)
        {
            *target = fused;
        }
    }
    for included in graph.included.iter_mut().filter(|included| parts.contains(&included.id)) {
        included.id = fused;
    }
}
