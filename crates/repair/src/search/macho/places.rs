//! The places that dyld looks at for one install name, in order.

use std::path::{Path, PathBuf};

use truewheel_wheel::relative;

use super::names::{in_framework, is_in_shared_cache};
use super::{INHERITED, Process, Search, SliceId};
use crate::binary::MH_EXECUTE;
use crate::search::paths::{base_name, loader_relative, place_in_environment};
use crate::search::{NodeId, Place};

/// Where a file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// In the environment that the wheel is installed in; `/`-separated.
    Wheel(String),
    /// On this machine.
    Disk(PathBuf),
    /// Relative to a file of the wheel, and outside what the wheel installs.
    Outside(String),
}

/// One file to look at.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) spot: Spot,
    /// The rule that leads there.
    pub(super) rule: String,
}

/// When the caller's directories are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Before what the name says.
    First,
    /// When nothing else is found.
    Last,
}

/// Whether macOS has the file there, though no disk has it.
pub(super) fn is_of_macos(candidate: &Candidate) -> bool {
    match &candidate.spot {
        Spot::Disk(path) => path.to_str().is_some_and(is_in_shared_cache),
        Spot::Wheel(_) | Spot::Outside(_) => false,
    }
}

impl Search<'_> {
    /// Every place that the name and the rpaths lead to.
    pub(super) fn candidates(
        &self,
        process: &Process,
        user: SliceId,
        name: &str,
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        if let Some(rest) = name.strip_prefix("@rpath/") {
            for loader in process.chain(user) {
                let of = self.name(loader.file);
                let whose = if loader == user { "" } else { INHERITED };
                for rpath in &self.graph.slice(loader).rpaths {
                    let rule = format!("LC_RPATH {rpath} of {of}{whose}");
                    let path = format!("{}/{rest}", rpath.trim_end_matches('/'));
                    self.expand(process, loader.file, &path, &rule, &mut candidates);
                }
            }
            return candidates;
        }
        let rule = match name.split_once('/') {
            Some((first @ ("@loader_path" | "@executable_path"), _)) => first,
            _ => "its install name",
        };
        self.expand(process, user.file, name, rule, &mut candidates);
        candidates
    }

    /// The caller's directories.
    pub(super) fn named(&self, name: &str, turn: Turn) -> Vec<Candidate> {
        let options = self.context.options;
        let directories: Vec<_> = match turn {
            Turn::First => options.lib_paths.iter().chain(&options.dyld).collect(),
            Turn::Last => options.dyld_fallback.iter().collect(),
        };
        let parts = in_framework(name).into_iter().chain([base_name(name)]);
        let parts: Vec<&str> = parts.collect();
        let places = directories.into_iter().flat_map(|directory| {
            parts.iter().map(|part| Candidate {
                spot: Spot::Disk(directory.path.join(part)),
                rule: directory.origin.clone(),
            })
        });
        places.collect()
    }

    /// The places that `path` in a command of `owner` stands for. A relative path hangs on the working
    /// directory of a process, which nobody knows.
    fn expand(
        &self,
        process: &Process,
        owner: NodeId,
        path: &str,
        rule: &str,
        candidates: &mut Vec<Candidate>,
    ) {
        let mut add = |spot| candidates.push(Candidate { spot, rule: rule.to_owned() });
        if let Some(rest) = loader_relative(path) {
            self.beside(owner, path, rest).into_iter().for_each(add);
        } else if let Some(rest) = path.strip_prefix("@executable_path/") {
            // Else the program is the interpreter, and lies where the installation has it.
            if self.graph.slice(process.root).file_type == MH_EXECUTE {
                let rest = format!("/{rest}");
                self.beside(process.root.file, path, &rest).into_iter().for_each(add);
            } else if let Some(directory) = &self.context.options.executable_path {
                add(Spot::Disk(directory.join(rest)));
            }
        } else if path.starts_with('/') {
            self.store.places(Path::new(path)).into_iter().map(Spot::Disk).for_each(&mut add);
        }
    }

    /// `rest` from the directory of `owner`.
    fn beside(&self, owner: NodeId, path: &str, rest: &str) -> Vec<Spot> {
        let node = self.graph.node(owner);
        let on_disk = || -> Vec<Spot> {
            let rest = rest.trim_start_matches('/');
            node.origins.iter().map(|origin| Spot::Disk(origin.join(rest))).collect()
        };
        match &node.place {
            Place::Member(member) => {
                let spot = match (place_in_environment(member, rest), self.context.root) {
                    (Some(place), _) => Some(Spot::Wheel(place)),
                    (None, None) => Some(Spot::Outside(path.to_owned())),
                    (None, Some(_)) => None,
                };
                let beyond = self.context.root.map(|_| on_disk()).into_iter().flatten();
                spot.into_iter().chain(beyond).collect()
            }
            Place::Library(_) => on_disk(),
        }
    }

    /// Whether some path leads from one file to the other in every installation.
    pub(super) fn is_reachable(&self, from: NodeId, to: NodeId) -> bool {
        match (&self.graph.node(from).place, &self.graph.node(to).place) {
            (Place::Member(from), Place::Member(to)) => {
                relative(&from.installed().parent(), &to.installed()).is_some()
            }
            _ => true,
        }
    }
}
