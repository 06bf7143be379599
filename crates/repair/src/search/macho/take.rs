//! One place that a rule of the search leads to: whether the file there is taken, and as what.

use std::path::Path;

use super::names::is_python;
use super::places::{Candidate, Spot};
use super::{MachNode, Miss, Search, SliceId};
use crate::binary::{MH_DYLIB, MachFile, PLATFORM_MACOS, platform_name};
use crate::error::Result;
use crate::search::disk::{file_name, real_path};
use crate::search::paths::{loader_relative, parent, words};
use crate::search::store::Stored;
use crate::search::{Found, Library, NodeId, Place, Resolution};
use truewheel_wheel::Digest;

impl Search<'_> {
    /// The file of the wheel at `place`, if dyld takes it for what `user` needs.
    pub(super) fn member(
        &self,
        user: SliceId,
        place: &Candidate,
        miss: &mut Miss,
    ) -> Option<Resolution> {
        let Spot::Wheel(path) = &place.spot else { return None };
        let id = *self.installed.get(path)?;
        if let Some(reason) = self.unfit(user, &self.graph.node(id).file) {
            miss.near(format!("{}: {reason}", self.name(id)));
            return None;
        }
        let (rule, directory) = (place.rule.clone(), words(parent(path)));
        Some(Resolution::File(id, Found { rule, directory, by_soname: false }))
    }

    /// The library of this machine at `place`, if dyld takes it for what `user` needs.
    pub(super) fn on_disk(
        &mut self,
        user: SliceId,
        place: &Candidate,
        miss: &mut Miss,
    ) -> Result<Option<Resolution>> {
        let path = match &place.spot {
            Spot::Disk(path) => path,
            // Of a directory the same place on disk comes next.
            Spot::Wheel(_) if self.context.root.is_some() => return Ok(None),
            Spot::Wheel(path) => {
                miss.searched.push(words(parent(path)));
                return Ok(None);
            }
            Spot::Outside(entry) => {
                miss.searched.push(format!("{entry} (outside the wheel)"));
                return Ok(None);
            }
        };
        let directory = path.parent().unwrap_or(Path::new("/"));
        miss.searched.push(format!("{} ({})", directory.display(), place.rule));
        let index = match self.store.at(path)? {
            Stored::Absent => return Ok(None),
            Stored::Unfit(reason) => {
                miss.near(format!("{}: {reason}", path.display()));
                return Ok(None);
            }
            Stored::Fit(index) => index,
        };
        let Some(library) = self.store.library(index) else { return Ok(None) };
        if let Some(reason) = self.unfit(user, &library.file) {
            miss.near(format!("{}: {reason}", library.path.display()));
            return Ok(None);
        }
        if let Some(resolution) = self.unwanted(path, library) {
            return Ok(Some(resolution));
        }
        let Some(id) = self.library_node(index, path) else { return Ok(None) };
        let directory = directory.display().to_string();
        let found = Found { rule: place.rule.clone(), directory, by_soname: false };
        Ok(Some(Resolution::File(id, found)))
    }

    /// Why dyld passes the file over; it goes on to the next place then.
    fn unfit(&self, user: SliceId, file: &MachFile) -> Option<String> {
        let wanted = self.graph.slice(user).architecture;
        let Some(slice) = file.slice_for(wanted).and_then(|index| file.slices.get(index)) else {
            return Some(format!("for {}, and not for {wanted}", file.architectures()));
        };
        if slice.file_type != MH_DYLIB {
            return Some("a bundle or a program, which no other file can name".to_owned());
        }
        let platform = slice.minimum_os.map(|found| found.platform);
        let other = platform.filter(|platform| *platform != PLATFORM_MACOS)?;
        Some(format!("for {}, and not for macOS", platform_name(other)))
    }

    /// The node of a library that was found at `path`; made when it is new. A library with the bytes of a
    /// file of the wheel is that file. One that looks for others beside itself is another one in each directory.
    pub(super) fn library_node(&mut self, index: usize, path: &Path) -> Option<NodeId> {
        let library = self.store.library(index)?;
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        let real = real_path(self.context.options.sysroot.as_deref(), path);
        let real = real.and_then(|real| Some(real.parent()?.to_owned()));
        let real = real.unwrap_or_else(|| directory.clone());
        let key = (index, looks_beside_itself(&library.file).then(|| real.clone()));
        let id = match self.library_nodes.get(&key).copied().or_else(|| self.own_copy(library)) {
            Some(id) => id,
            None => {
                let id = NodeId(self.graph.nodes.len());
                let (place, file) = (Place::Library(index), library.file.clone());
                self.graph.nodes.push(MachNode { place, file, origins: Vec::new() });
                id
            }
        };
        self.library_nodes.insert(key, id);
        let origins = &mut self.graph.nodes[id.0].origins;
        for origin in [directory, real] {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Some(id)
    }

    fn own_copy(&self, library: &Library<MachFile>) -> Option<NodeId> {
        let mut of_size = self.by_digest.range((library.size, [0; 32])..=(library.size, [255; 32]));
        of_size.next()?;
        let digest = Digest::of(&library.bytes().ok()?);
        self.by_digest.get(&(digest.size, digest.sha256)).copied()
    }

    /// What keeps a library from being vendored that its needed name does not give away.
    pub(super) fn unwanted(&self, path: &Path, library: &Library<MachFile>) -> Option<Resolution> {
        let needed = file_name(path);
        let id = library.file.slices.iter().find_map(|slice| slice.install_id.as_deref());
        let id = id.unwrap_or(&needed);
        let (real, path) = (library.path.to_string_lossy(), path.to_string_lossy());
        if let Some(option) =
            self.context.choices.excluded.find(&needed, &[&needed, id, &real, &path])
        {
            return Some(Resolution::Excluded(option));
        }
        // A second interpreter under another name is a second interpreter all the same.
        [id, &real].iter().any(|name| is_python(name)).then_some(Resolution::Libpython)
    }
}

/// Whether what it finds hangs on where it lies.
fn looks_beside_itself(file: &MachFile) -> bool {
    file.slices.iter().any(|slice| {
        let loads = slice.loads.iter().map(|load| load.install_name.as_str());
        let rpaths = slice.rpaths.iter().map(String::as_str);
        loads.chain(rpaths).any(|text| loader_relative(text).is_some())
    })
}
