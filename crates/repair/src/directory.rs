//! A directory in the place of a wheel, for macOS: what `delocate-path` does.
//!
//! The files lie where they stay, so `@loader_path` leads out of the directory as well; what it finds there is brought
//! into the directory of libraries as from anywhere else. All else is as for wheels: the same search, the same plan,
//! the same editor, and every file is read again before one of them is put in its place. The directory's own
//! libraries keep their install IDs, which are for whoever links against them. Links stay links.

mod files;
mod places;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use truewheel_wheel::{Digest, MemberPath, Staged, Stopped, Timestamp, replace_all};

use crate::error::{Error, Result};
use crate::fetch::{self, Fetched, Keep};
use crate::options::Options;
use crate::pattern::Unmatched;
use crate::plan::{self, FileEdits, MacFindings, Plan, Vendored};
use crate::search::paths::environment_path;
use crate::{Libraries, patch, survey, verify};
use files::Found;
use places::Site;

/// What was done to a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryReport {
    /// Where each library came from, and where it lies now.
    pub vendored: Vec<(PathBuf, PathBuf)>,
    /// Files that were edited in their places.
    pub edited: Vec<PathBuf>,
    /// Things the user should know.
    pub notes: Vec<String>,
    /// Options that did nothing.
    pub unmatched: Vec<Unmatched>,
}

/// Brings the libraries that the Mach-O files below `directory` need into `libraries`, a path from there, and makes
/// each file find them. Both are written together or not at all; `libraries` is made in any case.
///
/// # Errors
///
/// A file cannot be read or has no room for its edits; a library is found nowhere; the operating system refuses.
pub fn repair_directory(
    directory: &Path,
    libraries: &Path,
    options: &Options,
) -> Result<DirectoryReport> {
    rayon::scope(|_| repair(&Site::new(directory, libraries)?, options))
}

fn repair(site: &Site, options: &Options) -> Result<DirectoryReport> {
    let found = files::find(site)?;
    let libraries = site.member(&site.libraries)?;
    let mut macos = survey::of_directory(
        survey::Files {
            members: found.macho.clone(),
            aliases: &found.aliases,
            digests: &found.digests,
            libraries: &libraries,
            root: Some(&site.root),
        },
        options,
    )?;
    let wanted = macos.graph.libraries_of(&macos.vendor);
    // Nothing is deflated at level 0.
    let mut fetched =
        fetch::fetch(&mut macos.graph.libraries, wanted, Keep::Contents(0), |_| None)?;
    let mut plan = Plan::nothing(site.name(), Timestamp::EPOCH_1980);
    plan.notes.extend(found.notes.iter().cloned());
    plan.notes.extend(macos.graph.notes.iter().cloned());
    plan.notes.extend(macos.notes.iter().cloned());
    plan.unmatched.extend(macos.graph.unmatched.iter().cloned());
    let findings = MacFindings {
        directory: libraries,
        files: found.files.iter().collect(),
        distribution: "",
        is_directory: true,
        macos: &macos,
        fetched: &fetched,
        options,
    };
    let paths = plan::plan_macho(&findings, &mut plan)?;
    let libraries =
        paths.into_iter().filter_map(|(id, path)| Some((path, fetched.remove(&id)?))).collect();
    write(site, &found, &plan, libraries)?;
    Ok(report(site, plan))
}

fn report(site: &Site, plan: Plan) -> DirectoryReport {
    let is_new = |path: &&MemberPath| plan.vendored.iter().any(|new| new.member == **path);
    let edited = plan.edits.keys().filter(|path| !is_new(path)).map(|path| site.shown(path));
    DirectoryReport {
        edited: edited.collect(),
        vendored: plan
            .vendored
            .iter()
            .map(|new| (new.source.clone(), site.shown(&new.member)))
            .collect(),
        notes: plan.notes,
        unmatched: plan.unmatched,
    }
}

/// Makes every new and every edited file, holds it against the plan, and puts all of them in their places.
fn write(site: &Site, found: &Found, plan: &Plan, mut libraries: Libraries) -> Result<()> {
    let installed: BTreeSet<String> = (found.files.iter())
        .chain(plan.vendored.iter().map(|new| &new.member))
        .filter_map(environment_path)
        .collect();
    let made = places::make_directory(&site.libraries)?;
    let jobs: Vec<_> =
        plan.edits.iter().map(|(path, edits)| (path, edits, libraries.remove(path))).collect();
    let staged: Result<Vec<Option<Staged>>> = jobs
        .into_par_iter()
        .with_max_len(1)
        .map(|(path, edits, library)| {
            let new = plan.vendored.iter().find(|new| new.member == *path);
            let staged = match new {
                Some(new) => stage_new(site, new, library.as_ref(), edits)?,
                None => stage(site, found, path, edits)?,
            };
            let Some((bytes, staged)) = staged else { return Ok(None) };
            verify::edited_file(path, &bytes, edits, plan.outside.get(path), &installed)?;
            Ok(Some(staged))
        })
        .collect();
    let files = staged.map(|staged| staged.into_iter().flatten().collect::<Vec<_>>());
    let done = files.and_then(|files| replace_all(files).map_err(half_done));
    if done.is_err() {
        // Only empty directories can be removed so.
        made.iter().for_each(|directory| drop(fs::remove_dir(directory)));
    }
    done
}

/// A file that could not be put in its place; those before it are as they were, as far as the system allows.
fn half_done(stopped: Stopped) -> Error {
    if stopped.left.is_empty() {
        return stopped.error.into();
    }
    let left: Vec<String> = stopped.left.iter().map(|path| path.display().to_string()).collect();
    Error::refused(format!("{}; {} stays edited", stopped.error, left.join(", ")))
}

/// A library, as it will be.
fn stage_new(
    site: &Site,
    new: &Vendored,
    fetched: Option<&Fetched>,
    edits: &FileEdits,
) -> Result<Option<(Vec<u8>, Staged)>> {
    let name = new.source.display().to_string();
    let kept = fetched.and_then(|fetched| fetched.contents.as_ref());
    let bytes = match kept {
        Some(contents) => patch::edited(&name, contents.bytes(), Some(edits))?.1,
        None => patch::edited(&name, &patch::read_library(new)?, Some(edits))?.1,
    };
    let permissions = places::permissions(&new.source, new.mode)?;
    let staged = Staged::new(&site.path(&new.member), &bytes, permissions)?;
    Ok(Some((bytes, staged)))
}

/// A file of the directory, as it will be; nothing if that is as it is.
fn stage(
    site: &Site,
    found: &Found,
    path: &MemberPath,
    edits: &FileEdits,
) -> Result<Option<(Vec<u8>, Staged)>> {
    let file = site.path(path);
    let old = fs::read(&file).map_err(|error| Error::io(&file, error))?;
    if found.digests.get(path) != Some(&Digest::of(&old)) {
        return Err(Error::changed(&file));
    }
    let (_, bytes) = patch::edited(path.as_str(), &old, Some(edits))?;
    if bytes == old {
        return Ok(None);
    }
    let metadata = fs::metadata(&file).map_err(|error| Error::io(&file, error))?;
    let staged = Staged::new(&file, &bytes, metadata.permissions())?;
    Ok(Some((bytes, staged)))
}
