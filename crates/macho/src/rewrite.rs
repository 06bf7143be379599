//! One slice, written with other load commands and a new signature.
//!
//! Nothing moves: the commands grow into the header pad, the signature stands where the old one was or behind the
//! last table, and what lies between keeps its bytes. `__LINKEDIT` ends where the signature ends.

use std::borrow::Cow;

use object::macho as m;

use crate::error::{Error, ErrorKind, Result};
use crate::read::Slice;
use crate::room::LINKEDIT_DATA_SIZE;
use crate::segment::Segment;
use crate::sign::Signer;
use crate::table::{Command, Table, set_field};

/// Where a signature starts is a multiple of this many bytes.
const SIGNATURE_ALIGN: u64 = 16;
/// The memory of `__LINKEDIT` is a multiple of this; Apple's tools take the page of ARM64 for every CPU.
const PAGE_SIZE: u64 = 1 << 14;
/// The offsets of `ncmds` and `sizeofcmds` in both headers.
const NCMDS: usize = 16;
const SIZEOFCMDS: usize = 20;
/// The offsets of `dataoff` and `datasize` in a `linkedit_data_command`.
const DATAOFF: usize = 8;
const DATASIZE: usize = 12;

/// The bytes of `slice` with the commands of `table`, signed if there is a signer.
pub(crate) fn rewrite(
    slice: &Slice<'_>,
    mut table: Table<'_>,
    signer: Option<&Signer<'_>>,
) -> Result<Vec<u8>> {
    let Some(signer) = signer else {
        return emit(slice, &table, slice.size);
    };
    let data_end = data_end(slice)?;
    let start = data_end.next_multiple_of(SIGNATURE_ALIGN);
    let size = signer.size(start);
    point_at_signature(slice, &mut table, start, size)?;
    grow_linkedit(slice, &mut table, start.saturating_add(size))?;
    let mut bytes = emit(slice, &table, data_end)?;
    bytes.resize(usize::try_from(start).unwrap_or(usize::MAX), 0);
    let signature = signer.sign(&bytes)?;
    bytes.extend(signature);
    Ok(bytes)
}

/// Where everything but the signature ends.
fn data_end(slice: &Slice<'_>) -> Result<u64> {
    let refuse = |reason| Error::not_editable(slice.architecture(), reason);
    let linkedit = linkedit(slice)?;
    if linkedit.offset.saturating_add(linkedit.size) != slice.size {
        return Err(refuse("__LINKEDIT is not the last thing in it"));
    }
    let end = match slice.code_signature() {
        None => slice.size,
        Some(old) if old.end != slice.size => {
            return Err(refuse("its signature is not the last thing in it"));
        }
        Some(old) if old.start < linkedit.offset => {
            return Err(refuse("its signature is not in __LINKEDIT"));
        }
        Some(old) => old.start,
    };
    if slice.layout.tables_end > end {
        return Err(refuse("a table runs into its signature"));
    }
    Ok(end)
}

fn linkedit<'s>(slice: &'s Slice<'_>) -> Result<&'s Segment> {
    let found = slice.segment("__LINKEDIT");
    found.ok_or_else(|| Error::not_editable(slice.architecture(), "it has no __LINKEDIT segment"))
}

/// Sets `LC_CODE_SIGNATURE`; a new one is the last command.
fn point_at_signature(
    slice: &Slice<'_>,
    table: &mut Table<'_>,
    start: u64,
    size: u64,
) -> Result<()> {
    let narrow = |number: u64| {
        let what = "a signed slice";
        u32::try_from(number).map_err(|_| ErrorKind::TooLarge { what, size: slice.size })
    };
    let number = m::LC_CODE_SIGNATURE.0;
    let mut bytes = vec![0; LINKEDIT_DATA_SIZE as usize];
    set_field(&mut bytes, 0, &number.to_le_bytes())?;
    set_field(&mut bytes, 4, &LINKEDIT_DATA_SIZE.to_le_bytes())?;
    set_field(&mut bytes, DATAOFF, &narrow(start)?.to_le_bytes())?;
    set_field(&mut bytes, DATASIZE, &narrow(size)?.to_le_bytes())?;
    let command = Command { number, bytes: Cow::Owned(bytes) };
    match table.commands.iter_mut().find(|command| command.is(m::LC_CODE_SIGNATURE)) {
        Some(old) => *old = command,
        None => table.commands.push(command),
    }
    Ok(())
}

/// Lets `__LINKEDIT` end at `end`, in the file and, rounded to pages, in memory.
fn grow_linkedit(slice: &Slice<'_>, table: &mut Table<'_>, end: u64) -> Result<()> {
    let linkedit = linkedit(slice)?;
    let size = end.saturating_sub(linkedit.offset);
    let memory_size = size.next_multiple_of(PAGE_SIZE);
    let memory_end = linkedit.address.saturating_add(memory_size);
    let is_above = |other: &&Segment| other.address > linkedit.address && other.memory_size != 0;
    if slice.segments().iter().filter(is_above).any(|other| other.address < memory_end) {
        let reason = "there is no room in memory behind __LINKEDIT";
        return Err(Error::not_editable(slice.architecture(), reason));
    }
    let place = slice.commands().iter().position(|old| old.offset == linkedit.command_offset);
    let old = place.and_then(|place| slice.commands().get(place));
    // Commands before it may have come or gone, but its bytes are the same.
    let command = table.commands.iter_mut().find(|command| {
        old.is_some_and(|old| old.command == command.number && old.bytes() == &*command.bytes)
    });
    let Some(command) = command else {
        return Err(Error::unproven("the command of __LINKEDIT is gone"));
    };
    let mut bytes = command.bytes.to_vec();
    if command.is(m::LC_SEGMENT_64) {
        set_field(&mut bytes, 32, &memory_size.to_le_bytes())?;
        set_field(&mut bytes, 48, &size.to_le_bytes())?;
    } else {
        let narrow = |number: u64| {
            u32::try_from(number).map_err(|_| ErrorKind::TooLarge { what: "__LINKEDIT", size })
        };
        set_field(&mut bytes, 28, &narrow(memory_size)?.to_le_bytes())?;
        set_field(&mut bytes, 36, &narrow(size)?.to_le_bytes())?;
    }
    command.bytes = Cow::Owned(bytes);
    Ok(())
}

/// The first `end` bytes of the slice with other commands.
fn emit(slice: &Slice<'_>, table: &Table<'_>, end: u64) -> Result<Vec<u8>> {
    let mut bytes = slice.range(0..end)?.to_vec();
    let header_size = usize::try_from(slice.header_size).unwrap_or(usize::MAX);
    let old_end = usize::try_from(slice.commands_end).unwrap_or(usize::MAX);
    let commands = table.bytes();
    let new_end = header_size.saturating_add(commands.len());
    let cramped = || Error::unproven("the load commands end behind the first content");
    if new_end as u64 > slice.layout.first_content {
        return Err(cramped());
    }
    // What is in the header pad although no command says so is not ours to write over.
    if bytes.get(old_end..new_end.max(old_end)).is_none_or(|pad| pad.iter().any(|&b| b != 0)) {
        let reason = "there are bytes in its header pad that no load command speaks of";
        return Err(Error::not_editable(slice.architecture(), reason));
    }
    let area = bytes.get_mut(header_size..old_end.max(new_end)).ok_or_else(cramped)?;
    area.fill(0);
    area.get_mut(..commands.len()).ok_or_else(cramped)?.copy_from_slice(&commands);
    let count = table.commands.len() as u64;
    let size = commands.len() as u64;
    for (offset, value) in [(NCMDS, count), (SIZEOFCMDS, size)] {
        let value = u32::try_from(value)
            .map_err(|_| ErrorKind::TooLarge { what: "the load commands", size })?;
        set_field(&mut bytes, offset, &value.to_le_bytes())?;
    }
    Ok(bytes)
}
