//! Libraries that are brought along although nothing needs them by name (`--include`).
//!
//! What a program opens with dlopen(3) is in no `DT_NEEDED`, so only the caller knows of it: plugins,
//! back ends, libraries for ctypes. Each is a root of its own, whose needs are followed like those of a
//! file of the wheel. It keeps its name, because that is what it is opened by.

use std::path::Path;

use truewheel_wheel::MemberPath;

use super::{Miss, Search};
use crate::error::{Error, Result};
use crate::options::Include;
use crate::search::paths::{environment_path, join, site_packages_path};
use crate::search::{Included, NodeId, Place, Resolution};
use crate::target;

impl Search<'_> {
    /// Finds the library and follows its needs; `default` is the directory of vendored libraries.
    pub(super) fn include(&mut self, wish: &Include, default: &MemberPath) -> Result<()> {
        let name = wish.file_name();
        let directory = wish.directory.as_deref().unwrap_or(default.as_str());
        let member = destination(wish, directory)?;
        let known = environment_path(&member).and_then(|path| self.installed.get(&path));
        if known.is_some() {
            let note = format!("`{}`: {member} is in the wheel already, and stays", wish.option());
            self.graph.notes.push(note);
            return Ok(());
        }
        self.refuse_what_targets_have(wish, name)?;
        let (id, rule) = match self.find(wish)? {
            Resolution::File(id, found) => (id, found.rule),
            other => return Err(unfit(wish, &other)),
        };
        if let Place::Member(path) = &self.graph.node(id).place {
            let note = format!("`{}`: it is in the wheel already, as {path}", wish.option());
            self.graph.notes.push(note);
            return Ok(());
        }
        let soname = self.graph.node(id).file.soname.clone().unwrap_or_default();
        self.refuse_what_targets_have(wish, &soname)?;
        let is_by_name = wish.directory.is_none();
        let new = Included { id, member, option: wish.option(), rule, is_by_name };
        let contents = self.contents_of(id);
        match self.graph.included.iter().find(|old| self.contents_of(old.id) == contents) {
            Some(old) if old.member == new.member => return Ok(()),
            Some(old) => {
                return Err(Error::refused_with(
                    format!("`{}` and `{}` are one library", old.option, new.option),
                    "include it once: a wheel holds each library in one place",
                ));
            }
            None => self.graph.included.push(new),
        }
        self.load(id)
    }

    /// The first library of this machine that has the same bytes.
    fn contents_of(&self, id: NodeId) -> Option<usize> {
        match self.graph.node(id).place {
            Place::Library(index) => self.disk.library(index).map(|library| library.same_as),
            Place::Member(_) => None,
        }
    }

    /// By its path, or by its name as each file of the wheel would look for it, one after the other.
    fn find(&mut self, wish: &Include) -> Result<Resolution> {
        let mut miss = Miss::default();
        if wish.is_path() {
            for place in self.disk.places(Path::new(&wish.library)) {
                if let Some(resolution) = self.take(&place, "its path", false, &mut miss)? {
                    return Ok(resolution);
                }
            }
            return Ok(Resolution::Missing(Box::new(miss.into_missing(&wish.library))));
        }
        let users: Vec<NodeId> = self.graph.members().map(|(id, ..)| id).collect();
        let mut missing = Resolution::Missing(Box::new(miss.into_missing(&wish.library)));
        for user in users {
            match self.search(&[user], &wish.library)? {
                Resolution::Missing(found) => missing = Resolution::Missing(found),
                found => return Ok(found),
            }
        }
        Ok(missing)
    }

    /// A second copy under its own name would take the place of the target's for the whole process.
    fn refuse_what_targets_have(&mut self, wish: &Include, name: &str) -> Result<()> {
        let refused = |what: &str, hint: String| {
            Err(Error::refused_with(format!("`{}`: {what}", wish.option()), hint))
        };
        if target::is_c_library(name) || target::is_libpython(name) {
            return refused(
                &format!("`{name}` belongs to the process that loads the wheel"),
                "take it out: no wheel can bring it".to_owned(),
            );
        }
        if self.context.choices.forces(name) {
            self.graph.forced.insert(name.to_owned());
        } else if target::is_driver(name) {
            return refused(
                &format!("`{name}` belongs to a driver of the machine"),
                format!("add `--force-vendor {name}` if it is meant all the same"),
            );
        } else if (self.context.is_provided)(name) {
            return refused(
                &format!("every target has `{name}`"),
                format!("add `--force-vendor {name}` if it is meant all the same"),
            );
        }
        Ok(())
    }
}

/// Where the library goes: below site-packages, and not among the metadata.
pub(crate) fn destination(wish: &Include, directory: &str) -> Result<MemberPath> {
    let directory = match directory.trim_end_matches('/') {
        "." => "",
        directory => directory,
    };
    let member = MemberPath::new(&join(directory, wish.file_name())).map_err(|error| {
        Error::refused(format!("`{}`: the directory in the wheel: {error}", wish.option()))
    })?;
    let top = member.as_str().split('/').next().unwrap_or_default();
    if site_packages_path(&member).is_none() || top.ends_with(".dist-info") {
        return Err(Error::refused_with(
            format!("`{}`: {member} is no place for a library", wish.option()),
            "name a directory of the package, such as `demo/plugins`",
        ));
    }
    Ok(member)
}

/// Why what was found is not brought along.
pub(crate) fn unfit(wish: &Include, found: &Resolution) -> Error {
    let option = wish.option();
    match found {
        Resolution::Excluded(other) => {
            Error::refused(format!("`{option}` and `{other}` contradict each other"))
        }
        Resolution::Missing(missing) => {
            let mut facts = Vec::new();
            if !missing.searched.is_empty() {
                facts.push(format!("searched: {}", missing.searched.join(", ")));
            }
            facts.extend(missing.near_misses.iter().map(|near| format!("passed over: {near}")));
            if wish.is_path() && facts.is_empty() {
                return Error::refused(format!("`{option}`: there is no such file"));
            }
            Error::refused_for(
                format!("`{option}`: no such library was found"),
                facts,
                "give its path, or name its directory with `--lib-path DIR`",
            )
        }
        Resolution::Driver => Error::refused_with(
            format!("`{option}`: by its SONAME it belongs to a driver of the machine"),
            "add `--force-vendor` with that SONAME if it is meant all the same",
        ),
        _ => Error::refused(format!(
            "`{option}`: it belongs to the process that loads the wheel, and no wheel brings it"
        )),
    }
}
