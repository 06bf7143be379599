//! What goblin sees of an edited Mach-O file, and whether dyld finds what it needs.

use std::collections::BTreeSet;

use goblin::mach::MachO as Goblin;
use truewheel_macho::{Edits, MachO, SliceEdits};
use truewheel_wheel::MemberPath;

use crate::error::{Error, Result};
use crate::search::paths::{environment_path, loader_relative, place_in_environment};

/// The slices of one file.
pub(super) struct Seen(Vec<Slice>);

/// What goblin sees of one slice.
struct Slice {
    architecture: &'static str,
    install_id: Option<String>,
    loads: Vec<String>,
    rpaths: Vec<String>,
}

/// Each slice says what its edits ask for.
pub(super) fn check_edits(path: &MemberPath, bytes: &[u8], edits: &Edits) -> Result<Seen> {
    let wrong = |what: String| Error::verify(path.as_str(), what);
    let seen = read(bytes).map_err(wrong)?;
    for (index, slice) in seen.0.iter().enumerate() {
        if edits.install_id.is_some() && slice.install_id != edits.install_id {
            let what =
                format!("its install ID is {:?} for {}", slice.install_id, slice.architecture);
            return Err(wrong(what));
        }
        if let Some(edits) = edits.slices.get(&index) {
            check_slice(slice, edits).map_err(wrong)?;
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = slice.rpaths.iter().find(|path| !names.insert(*path)) {
            return Err(wrong(format!("LC_RPATH `{twice}` is there twice")));
        }
    }
    Ok(seen)
}

fn read(bytes: &[u8]) -> std::result::Result<Seen, String> {
    let file = MachO::parse(bytes).map_err(|error| error.to_string())?;
    let mut slices = Vec::new();
    for slice in file.slices() {
        let seen = Goblin::parse(slice.bytes(), 0).map_err(|error| format!("goblin: {error}"))?;
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        slices.push(Slice {
            architecture: slice.architecture(),
            install_id: seen.name.map(str::to_owned),
            // goblin puts the file's own name, or `self`, in front of the others.
            loads: owned(seen.libs.get(1..).unwrap_or_default()),
            rpaths: owned(&seen.rpaths),
        });
    }
    Ok(Seen(slices))
}

fn check_slice(slice: &Slice, edits: &SliceEdits) -> std::result::Result<(), String> {
    for (old, new) in &edits.install_names {
        if !slice.loads.contains(new) || (slice.loads.contains(old) && old != new) {
            return Err(format!("`{old}` is not replaced by `{new}`: {:?}", slice.loads));
        }
    }
    match &edits.rpaths {
        Some(wanted) if slice.rpaths != *wanted => {
            Err(format!("the LC_RPATH of {} are {:?}", slice.architecture, slice.rpaths))
        }
        _ => Ok(()),
    }
}

/// Follows every install name as dyld will, with nothing but the wheel there.
pub(super) fn check_needs(
    path: &MemberPath,
    seen: &Seen,
    outside: Option<&BTreeSet<String>>,
    installed: &BTreeSet<String>,
) -> Result<()> {
    // Where headers go, nobody knows before installation.
    if environment_path(path).is_none() {
        return Ok(());
    }
    let is_there = |place: Option<String>| place.is_some_and(|place| installed.contains(&place));
    let beside = |rest: &str| is_there(place_in_environment(path, rest));
    for slice in &seen.0 {
        let by_rpath = |rest: &str| {
            let own = slice.rpaths.iter().filter_map(|entry| loader_relative(entry));
            own.into_iter().any(|entry| beside(&format!("{entry}/{rest}")))
        };
        for name in &slice.loads {
            let is_outside = outside.is_some_and(|outside| outside.contains(name));
            let is_here = match name.strip_prefix("@rpath/") {
                Some(rest) => by_rpath(rest),
                None => loader_relative(name).is_some_and(beside),
            };
            if !is_outside && !is_here {
                let what = format!("`{name}` leads nowhere for {}", slice.architecture);
                return Err(Error::verify(path.as_str(), what));
            }
        }
    }
    Ok(())
}
