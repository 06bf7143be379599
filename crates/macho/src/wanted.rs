//! What the load commands of a slice will say: names first, room later.
//!
//! Commands keep their order, because symbols name the library they come from by its position. So a load is renamed
//! and never removed, and rpaths come and go without touching the rest.

use std::borrow::Cow;
use std::collections::BTreeSet;

use object::macho as m;

use crate::edit::{Edits, SliceEdits};
use crate::error::{ErrorKind, Result};
use crate::read::Slice;
use crate::table::{Command, Table};

/// The table of `slice`, slice number `index`, after `edits`.
pub(crate) fn wanted<'a>(slice: &Slice<'a>, index: usize, edits: &Edits) -> Result<Table<'a>> {
    let mut table = Table::read(slice)?;
    if let Some(id) = &edits.install_id {
        set_install_id(slice, &mut table, id)?;
    }
    if let Some(edits) = edits.slices.get(&index) {
        rename(slice, &mut table, edits)?;
        if let Some(paths) = &edits.rpaths {
            set_rpaths(&mut table, paths)?;
        }
    }
    Ok(table)
}

fn set_install_id(slice: &Slice<'_>, table: &mut Table<'_>, id: &str) -> Result<()> {
    let place = table.commands.iter().position(|command| command.is(m::LC_ID_DYLIB));
    let Some(place) = place else {
        return Err(ErrorKind::NoInstallId { architecture: slice.architecture() }.into());
    };
    set_string(table, place, id)
}

/// Gives the command at `place` another string, if it has another.
fn set_string(table: &mut Table<'_>, place: usize, string: &str) -> Result<()> {
    let Some(command) = table.commands.get(place) else { return Ok(()) };
    if command.string() == Some(string) {
        return Ok(());
    }
    let bytes = table.with_string(&command.bytes, string)?;
    if let Some(command) = table.commands.get_mut(place) {
        command.bytes = Cow::Owned(bytes);
    }
    Ok(())
}

fn rename(slice: &Slice<'_>, table: &mut Table<'_>, edits: &SliceEdits) -> Result<()> {
    let architecture = slice.architecture();
    let old: BTreeSet<&str> = slice.loads().iter().map(|load| load.install_name).collect();
    for (from, to) in &edits.install_names {
        // Where the new name stands already and the old one does not, the edit has been made before.
        if !old.contains(from.as_str()) && (from == to || !old.contains(to.as_str())) {
            let name = from.clone();
            return Err(ErrorKind::NoSuchInstallName { architecture, name }.into());
        }
    }
    // Newer dyld refuses a slice that names one library twice. Where the old names were equal that stays so, but no
    // two names become one.
    let mut taken = BTreeSet::new();
    for name in &old {
        let new = edits.install_names.get(*name).map_or(*name, String::as_str);
        if !taken.insert(new) {
            let (what, name) = ("install name", new.to_owned());
            return Err(ErrorKind::SameName { architecture, what, name }.into());
        }
    }
    for place in 0..table.commands.len() {
        let command = table.commands.get(place).filter(|command| command.is_load());
        let name = command.and_then(Command::string);
        if let Some(new) = name.and_then(|name| edits.install_names.get(name)) {
            set_string(table, place, new)?;
        }
    }
    Ok(())
}

/// Makes the rpaths these, in this order: the first entry takes the place of the first that was there, and so on;
/// what is more follows the last one, or all commands where there was none.
fn set_rpaths(table: &mut Table<'_>, paths: &[String]) -> Result<()> {
    let is_rpath = |command: &Command<'_>| command.is(m::LC_RPATH);
    let old: Vec<Command<'_>> =
        table.commands.iter().filter(|command| is_rpath(command)).cloned().collect();
    if old.iter().map(Command::string).eq(paths.iter().map(|path| Some(path.as_str()))) {
        return Ok(());
    }
    let mut new = Vec::new();
    for path in paths {
        let kept = old.iter().find(|command| command.string() == Some(path));
        new.push(kept.cloned().map_or_else(|| table.rpath(path), Ok)?);
    }
    let last = table.commands.iter().rposition(is_rpath);
    let mut new = new.into_iter();
    let mut commands = Vec::with_capacity(table.commands.len());
    for (place, command) in table.commands.iter().enumerate() {
        if !is_rpath(command) {
            commands.push(command.clone());
            continue;
        }
        commands.extend(new.next());
        if Some(place) == last {
            commands.extend(new.by_ref());
        }
    }
    commands.extend(new);
    table.commands = commands;
    Ok(())
}
