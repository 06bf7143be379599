//! A file of this machine as the root of a process: what `ldd` would show, and no wheel anywhere.

use std::collections::BTreeMap;
use std::path::Path;

use super::settle::settle;
use super::{Context, Graph, Search};
use crate::error::Result;
use crate::search::disk::{Candidate, Disk};

/// Resolves what the file at `path` needs; it is node 0. `None` when no loader looks at it: it is
/// static.
pub(crate) fn resolve_file(
    path: &Path,
    context: &Context<'_>,
    mut disk: Disk,
) -> Result<Option<Graph>> {
    let Candidate::Fit(index) = disk.candidate(path)? else { return Ok(None) };
    let aliases = BTreeMap::new();
    let mut search = Search::new(Vec::new(), &aliases, context, &mut disk);
    let directory = path.parent().unwrap_or(Path::new("/"));
    let root = search.library_node(index, directory);
    if let Some(root) = root {
        search.load(root)?;
    }
    let Search { graph, answers, .. } = search;
    Ok(Some(settle(graph, answers, disk.into_libraries(), root.into_iter().collect())))
}
