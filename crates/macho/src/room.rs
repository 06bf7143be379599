//! Room for the load commands, which must end before the first content.
//!
//! The linker leaves a header pad behind the commands, of a few bytes or of kilobytes. No loader notices commands
//! that run into `__text`; the file just crashes. So where the names do not fit, what nobody needs at run time makes
//! room, the least missed first, and when that is not enough the edit is refused with the number of bytes.
//!
//! Shorter names (a shorter directory, `@rpath` with one entry for several libraries) are the caller's to choose.

use std::borrow::Cow;

use object::macho as m;

use crate::edit::Note;
use crate::error::{ErrorKind, Result};
use crate::read::Slice;
use crate::table::{Table, field, set_field};

/// The size of a `linkedit_data_command`, such as `LC_CODE_SIGNATURE`.
pub(crate) const LINKEDIT_DATA_SIZE: u32 = 16;

/// `build_version_command` without its tools, and the offset of their number.
const BUILD_VERSION_SIZE: usize = 24;
const NTOOLS: usize = 20;

/// Makes `table` fit, with `more` bytes to be added to it later.
pub(crate) fn fit(
    slice: &Slice<'_>,
    table: &mut Table<'_>,
    more: u64,
    notes: &mut Vec<Note>,
) -> Result<()> {
    let available = slice.commands_room();
    let architecture = slice.architecture();
    for drop in [drop_source_version, drop_build_tools] {
        if table.size().saturating_add(more) <= available {
            break;
        }
        if let Some(what) = drop(table)? {
            notes.push(Note::CommandDropped { architecture, what });
        }
    }
    let needed = table.size().saturating_add(more);
    if needed > available {
        return Err(ErrorKind::HeaderPad { architecture, needed, available }.into());
    }
    Ok(())
}

/// `LC_SOURCE_VERSION` is read by crash reports only.
fn drop_source_version(table: &mut Table<'_>) -> Result<Option<&'static str>> {
    let count = table.commands.len();
    table.commands.retain(|command| !command.is(m::LC_SOURCE_VERSION));
    Ok((table.commands.len() != count).then_some("LC_SOURCE_VERSION"))
}

/// The tools of `LC_BUILD_VERSION` say which linker made the file; its platform and versions stay.
fn drop_build_tools(table: &mut Table<'_>) -> Result<Option<&'static str>> {
    let mut dropped = None;
    for command in &mut table.commands {
        let has_tools = field(&command.bytes, NTOOLS).is_some_and(|count| count != 0);
        if !command.is(m::LC_BUILD_VERSION) || !has_tools {
            continue;
        }
        let mut bytes = command.bytes.to_vec();
        bytes.truncate(BUILD_VERSION_SIZE);
        set_field(&mut bytes, 4, &24_u32.to_le_bytes())?;
        set_field(&mut bytes, NTOOLS, &0_u32.to_le_bytes())?;
        command.bytes = Cow::Owned(bytes);
        dropped = Some("the build tools of LC_BUILD_VERSION");
    }
    Ok(dropped)
}
