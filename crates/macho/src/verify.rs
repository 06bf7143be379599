//! Proves that an edited file is the old one but for the edits, by reading both.
//!
//! The editor knows what it meant to do; this file does not. It asks both files what dyld and the kernel would see,
//! and compares the answers: names, commands, content, every page of the signature. What fails here is a bug of ours
//! or a trick of the file, and either way the caller gets an error and no file.

use std::ops::Range;

use object::macho as m;

use crate::command::LoadCommand;
use crate::dylib::Dylib;
use crate::edit::Edits;
use crate::error::{Error, Result};
use crate::fat::MachO;
use crate::read::Slice;
use crate::table::Table;
use crate::wanted::wanted;

/// Compares `bytes`, the edited file, with `old` and with what `edits` ask for.
pub(crate) fn prove(old: &MachO<'_>, edits: &Edits, bytes: &[u8]) -> Result<()> {
    let new = MachO::parse(bytes)?;
    container_is_kept(old, &new)?;
    for (index, (was, is)) in old.slices().iter().zip(new.slices()).enumerate() {
        if was.bytes() == is.bytes() {
            continue;
        }
        header_is_kept(was, is)?;
        names_are_those_asked_for(was, is, index, edits)?;
        commands_are_kept(was, is)?;
        content_is_kept(was, is)?;
        signature_is_right(was, is)?;
        check(wanted(is, index, edits)? == Table::read(is)?, || {
            "the same edits would change it again".into()
        })?;
    }
    Ok(())
}

fn check(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::unproven(what())) }
}

/// The same slices for the same CPUs, each where its alignment lets it be.
fn container_is_kept(old: &MachO<'_>, new: &MachO<'_>) -> Result<()> {
    let count = (old.arches().len(), old.slices().len());
    let same = old.container() == new.container();
    check(same && count == (new.arches().len(), new.slices().len()), || {
        "it has other slices than before".into()
    })?;
    for (was, is) in old.arches().iter().zip(new.arches()) {
        let what = |arch: &crate::FatArch| (arch.cpu_type, arch.cpu_subtype, arch.align);
        check(what(was) == what(is), || "a slice is for another CPU than before".into())?;
        let moved = was.offset != is.offset;
        check(!moved || is.offset.is_multiple_of(1 << is.align), || {
            format!("the slice at offset {:#x} is not aligned", is.offset)
        })?;
    }
    Ok(())
}

fn header_is_kept(was: &Slice<'_>, is: &Slice<'_>) -> Result<()> {
    let header = |slice: &Slice<'_>| {
        let cpu = (slice.cpu_type, slice.cpu_subtype, slice.is_64(), slice.is_little_endian());
        (cpu, slice.file_type, slice.flags)
    };
    check(header(was) == header(is), || "its header is another".into())?;
    let facts = |slice: &Slice<'_>| (slice.uuid(), slice.build_versions().to_vec());
    check(facts(was) == facts(is), || "its UUID or its minimum system is another".into())?;
    check(is.commands_end <= is.layout.first_content, || {
        "the load commands run into the first content".into()
    })?;
    let pad = is.range(is.commands_end..was.commands_end.max(is.commands_end))?;
    check(pad.iter().all(|&byte| byte == 0), || "an old command is left in the header pad".into())
}

fn names_are_those_asked_for(
    was: &Slice<'_>,
    is: &Slice<'_>,
    index: usize,
    edits: &Edits,
) -> Result<()> {
    let id = |slice: &Slice<'_>| slice.install_id().map(|id| id.install_name.to_owned());
    let wanted_id = edits.install_id.clone().or(id(was));
    check(id(is) == wanted_id, || "the install ID is not the one asked for".into())?;
    let edits = edits.slices.get(&index);
    check(was.loads().len() == is.loads().len(), || "a library came or went".into())?;
    for (old, new) in was.loads().iter().zip(is.loads()) {
        let renamed = edits.and_then(|edits| edits.install_names.get(old.install_name));
        let name = renamed.map_or(old.install_name, String::as_str);
        check(new.install_name == name, || format!("it names `{}`", new.install_name))?;
        let rest = |load: &Dylib<'_>| {
            let versions = (load.current_version, load.compatibility_version);
            (load.kind, versions, load.timestamp, load.use_flags)
        };
        check(rest(old) == rest(new), || format!("`{name}` is tied to it in another way"))?;
    }
    let paths = match edits.and_then(|edits| edits.rpaths.as_ref()) {
        Some(paths) => paths.iter().map(String::as_str).collect(),
        None => was.rpaths(),
    };
    check(is.rpaths() == paths, || "the rpaths are not those asked for".into())
}

/// Whether an edit may change this command or drop it. Names and rpaths have been compared by now.
fn may_change(command: &LoadCommand<'_>) -> bool {
    [
        m::LC_ID_DYLIB,
        m::LC_LOAD_DYLIB,
        m::LC_LOAD_WEAK_DYLIB,
        m::LC_REEXPORT_DYLIB,
        m::LC_LAZY_LOAD_DYLIB,
        m::LC_LOAD_UPWARD_DYLIB,
        m::LC_RPATH,
        m::LC_CODE_SIGNATURE,
        m::LC_SOURCE_VERSION,
        m::LC_BUILD_VERSION,
    ]
    .iter()
    .any(|&number| command.is(number))
}

/// All other commands have the same bytes in the same order, but for the size of `__LINKEDIT`.
fn commands_are_kept(was: &Slice<'_>, is: &Slice<'_>) -> Result<()> {
    let kept = |slice: &Slice<'_>| -> Vec<Vec<u8>> {
        let linkedit = slice.segment("__LINKEDIT").map(|segment| segment.command_offset);
        let commands = slice.commands().iter();
        let commands =
            commands.filter(|command| !may_change(command) && Some(command.offset) != linkedit);
        commands.map(|command| command.bytes().to_vec()).collect()
    };
    check(kept(was) == kept(is), || "a load command changed that should not".into())?;
    let Some((old, new)) = was.segment("__LINKEDIT").zip(is.segment("__LINKEDIT")) else {
        return Ok(());
    };
    let is_same = (old.address, old.offset) == (new.address, new.offset);
    check(is_same && new.size <= new.memory_size, || "__LINKEDIT is not where it was".into())
}

/// From the first content to the signature every byte is the same.
fn content_is_kept(was: &Slice<'_>, is: &Slice<'_>) -> Result<()> {
    let content = |slice: &Slice<'_>| -> Range<u64> {
        let end = slice.code_signature().map_or(slice.size, |signature| signature.start);
        slice.layout.first_content.min(end)..end
    };
    let (old, new) = (content(was), content(is));
    check(old.start == new.start || was.layout.tables_end == 0, || {
        "the first content is not where it was".into()
    })?;
    // A first signature starts at a multiple of 16 bytes, with zeros before it.
    let padding = is.range(old.end..new.end.max(old.end))?;
    let padded = padding.len() < 16 && padding.iter().all(|&byte| byte == 0);
    let same = was.range(old.clone())? == is.range(old.start..old.end)?;
    check(same && padded && new.end >= old.end, || "its content changed".into())
}

/// Every page has the hash that the signature says, and a slice that needs a signature has one.
fn signature_is_right(was: &Slice<'_>, is: &Slice<'_>) -> Result<()> {
    let Some(signature) = is.signature()? else {
        let fine = !was.has_code_signature() && !is.is_arm64();
        return check(fine, || "it is not signed".into());
    };
    match signature.faults(is).first() {
        Some(fault) => Err(Error::unproven(fault.to_string())),
        None => Ok(()),
    }
}
