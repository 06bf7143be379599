//! What becomes of the needed names of one file: the names that they get, and the directories in which
//! a loader finds them.

use truewheel_elf::Edits;
use truewheel_wheel::{Installed, relative};

use super::elf::Planner;
use super::search_path::origin;
use crate::search::paths::base_name;
use crate::search::{Found, NodeId, Place, Resolution};

impl Planner<'_> {
    /// Replaces needed names by the names that the files will have, and says where they will be. What
    /// the system has is needed by its name: its path is another one on every system.
    pub(super) fn rename_needs(&self, id: NodeId, here: &Installed, edits: &mut Edits) -> Needs {
        let mut needs = Needs::default();
        let is_copy = self.places.contains_key(&id);
        for (needed, resolution) in self.findings.graph.needs_of(id) {
            match resolution {
                Resolution::Libpython => {
                    needs.libpython.push(needed.clone());
                }
                Resolution::File(target, found) => {
                    let (name, directory) = match &self.findings.graph.node(*target).place {
                        Place::Member(path) => {
                            let name = path.file_name().to_owned();
                            if is_reached(found) && name == *needed {
                                let way = relative(here, &path.installed().parent());
                                let way = way.map(|way| origin(&way));
                                match way {
                                    // A copy serves every process, however this one came there.
                                    Some(way) if is_copy => needs.add(way),
                                    // A rule of the loader already leads there, by that name.
                                    way => needs.reached.extend(way),
                                }
                                continue;
                            }
                            (name, path.installed().parent())
                        }
                        Place::Library(_) => match self.places.get(target) {
                            Some(member) => {
                                (member.file_name().to_owned(), member.installed().parent())
                            }
                            None => {
                                self.need_by_name(id, needed, edits);
                                continue;
                            }
                        },
                    };
                    if name != *needed {
                        self.rename_versions(id, *target, &name, edits);
                        edits.replace_needed.insert(needed.clone(), name);
                    }
                    needs.add_way(relative(here, &directory), needed);
                }
                Resolution::InPackage(given) => {
                    self.need_by_name(id, needed, edits);
                    let way = given.way_from(here);
                    needs.add_way(way.map(|way| directory_of(&way).to_owned()), needed);
                }
                Resolution::Provided | Resolution::Driver => self.need_by_name(id, needed, edits),
                _ => {}
            }
        }
        if self.is_opened_by_name && self.findings.graph.node(id).file.is_dynamic {
            let way = relative(here, &self.directory.installed());
            way.into_iter().for_each(|way| needs.add(origin(&way)));
        }
        needs
    }

    /// A library of the system is needed by its name, whatever path the build knew it by.
    fn need_by_name(&self, id: NodeId, needed: &str, edits: &mut Edits) {
        let name = base_name(needed);
        if name == needed {
            return;
        }
        match self.findings.graph.node(id).file.needed.iter().any(|other| other == name) {
            true => drop(edits.remove_needed.insert(needed.to_owned())),
            false => drop(edits.replace_needed.insert(needed.to_owned(), name.to_owned())),
        }
    }

    /// A library needed by its path, or by a name that is not its SONAME, is asked for versions by
    /// its SONAME: glibc aborts when no needed file has that name.
    fn rename_versions(&self, user: NodeId, target: NodeId, name: &str, edits: &mut Edits) {
        let file = &self.findings.graph.node(user).file;
        let soname = self.findings.graph.node(target).file.soname.as_ref();
        if let Some(soname) = soname.filter(|soname| {
            *soname != name
                && file.version_needs.contains_key(*soname)
                && !file.needed.contains(soname)
        }) {
            edits.replace_needed.insert(soname.clone(), name.to_owned());
        }
    }
}

/// The directory in the way to a file; `.` for one beside.
fn directory_of(way: &str) -> &str {
    way.rsplit_once('/').map_or(".", |(directory, _)| directory)
}

/// Whether a rule of the loader leads there, and not a guess of ours.
pub(super) fn is_reached(found: &Found) -> bool {
    found.rule.starts_with("RPATH of")
        || found.rule.starts_with("RUNPATH of")
        || found.rule == crate::search::ALREADY_LOADED
}

/// What a file's needs ask of its search path.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) directories: Vec<String>,
    /// Directories of the wheel that some rule of the loader leads to already.
    pub(super) reached: Vec<String>,
    pub(super) libpython: Vec<String>,
    pub(super) unreachable: Option<String>,
}

impl Needs {
    fn add_way(&mut self, way: Option<String>, needed: &str) {
        match way {
            Some(way) => self.add(origin(&way)),
            None => self.unreachable = Some(needed.to_owned()),
        }
    }

    fn add(&mut self, directory: String) {
        if !self.directories.contains(&directory) {
            self.directories.push(directory);
        }
    }
}
