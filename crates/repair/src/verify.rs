//! Step 8: the written wheel, read again, against the plan.
//!
//! object read what we edited; goblin reads what we wrote. A member that was copied has the very bytes
//! it has in the input, which step 2 inflated and checked; every other one is inflated and its CRC
//! compared. RECORD is read back and must be the rows that the writer made from the contents as it
//! got them, so that nothing needs to be hashed twice. Every binary that was edited says what the plan
//! says, and each name that it needs is in the wheel, where its loader looks, or was left to the target on
//! purpose.

mod elf;
mod macho;
mod pe;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rayon::prelude::*;
use truewheel_wheel::{Member, MemberKind, MemberPath, Record, Wheel, Written};

use crate::error::{Error, Result};
use crate::plan::{FileEdits, Plan};
use crate::sbom;
use crate::search::paths::environment_path;

/// Reads `written` as a wheel of the plan's name.
pub(crate) fn verify(input: &Wheel, written: &Written, plan: &Plan) -> Result<()> {
    let wheel = Wheel::open_as(written.path(), &plan.output_name)?;
    let mut files: Vec<(usize, &Member)> = wheel
        .members()
        .iter()
        .filter(|member| member.kind != MemberKind::Directory)
        .enumerate()
        .collect();
    // Largest first, so that no thread is left alone with one at the end.
    files.sort_by_key(|(index, member)| (Reverse(member.size), *index));
    let mut seen: Vec<(usize, Result<Checked>)> = files
        .into_par_iter()
        .with_max_len(1)
        .map(|(index, member)| (index, check_member(input, &wheel, member, plan)))
        .collect();
    seen.sort_by_key(|(index, _)| *index);
    let seen: Vec<_> = seen.into_iter().map(|(_, seen)| seen).collect::<Result<_>>()?;
    check_record(&wheel, written.record(), &seen)?;
    let given = plan.given.iter().map(|given| given.place.clone());
    let installed: BTreeSet<String> =
        seen.iter().filter_map(|(path, ..)| environment_path(path)).chain(given).collect();
    let in_any_case = installed.iter().map(|path| path.to_ascii_lowercase()).collect();
    for (path, _, seen) in &seen {
        match seen {
            Some(Seen::Elf(seen)) => {
                elf::check_needs(path, seen, plan.outside.get(path), &installed)?;
            }
            Some(Seen::MachO(seen)) => {
                macho::check_needs(path, seen, plan.outside.get(path), &installed)?;
            }
            Some(Seen::Pe(seen)) => {
                let (outside, directories) = (plan.outside.get(path), &plan.dll_directories);
                pe::check_needs(path, seen, outside, &in_any_case, directories)?;
            }
            None => {}
        }
    }
    sbom::check(&wheel, plan, written.record())?;
    for path in plan
        .edits
        .keys()
        .chain(plan.replaced.keys())
        .chain(plan.shims.keys())
        .chain(plan.added.keys())
    {
        if wheel.member(path.as_str()).is_none() {
            return Err(Error::verify(path.as_str(), "it is planned and not there"));
        }
    }
    Ok(())
}

/// Holds one edited Mach-O file against its edits, and follows what it needs to the files that are `installed`, by their
/// paths in an environment.
pub(crate) fn edited_file(
    path: &MemberPath,
    bytes: &[u8],
    edits: &FileEdits,
    outside: Option<&BTreeSet<String>>,
    installed: &BTreeSet<String>,
) -> Result<()> {
    let FileEdits::MachO(edits) = edits else { return Ok(()) };
    let seen = macho::check_edits(path, bytes, edits)?;
    macho::check_needs(path, &seen, outside, installed)
}

/// What goblin sees of one file.
enum Seen {
    Elf(elf::Seen),
    MachO(macho::Seen),
    Pe(pe::Seen),
}

/// A member, its size, and what was seen of it if it was edited.
type Checked = (MemberPath, u64, Option<Seen>);

/// Reads `member` if it was not copied, and holds it against its edits if it has any.
fn check_member(input: &Wheel, wheel: &Wheel, member: &Member, plan: &Plan) -> Result<Checked> {
    if member.kind == MemberKind::Symlink {
        return Err(Error::verify(member.path.as_str(), "it is a symbolic link"));
    }
    let seen = match plan.edits.get(&member.path) {
        Some(edits) => {
            let bytes = wheel.read(member)?;
            elf::check_stripped(&member.path, &bytes, plan.strips.get(&member.path))?;
            Some(match edits {
                FileEdits::Elf(edits) => Seen::Elf(elf::check_edits(&member.path, &bytes, edits)?),
                FileEdits::MachO(edits) => {
                    Seen::MachO(macho::check_edits(&member.path, &bytes, edits)?)
                }
                FileEdits::Pe(edits) => Seen::Pe(pe::check_edits(&member.path, &bytes, edits)?),
            })
        }
        None if is_copied(input, wheel, member)? => None,
        None => {
            wheel.read(member)?;
            None
        }
    };
    Ok((member.path.clone(), member.size, seen))
}

/// Whether `member` has the deflate stream, size and CRC of the input's member of that name.
fn is_copied(input: &Wheel, wheel: &Wheel, member: &Member) -> Result<bool> {
    let Some(original) = input.member(member.path.as_str()) else { return Ok(false) };
    let is_alike = original.size == member.size
        && original.crc32 == member.crc32
        && original.compressed_size == member.compressed_size;
    if !is_alike {
        return Ok(false);
    }
    let raw = wheel.read_raw(member)?;
    Ok(raw.is_some() && raw == input.read_raw(original)?)
}

fn check_record(wheel: &Wheel, written: &Record, seen: &[Checked]) -> Result<()> {
    let path = format!("{}/RECORD", wheel.dist_info());
    let wrong = |what: &str| Error::verify(path.as_str(), what);
    let last = wheel.members().last();
    let member = last.filter(|member| member.path.as_str() == path);
    let member = member.ok_or_else(|| wrong("it is not the last member"))?;
    let text = String::from_utf8(wheel.read(member)?).map_err(|_| wrong("it is not UTF-8"))?;
    let rows = Record::parse(&text)?;
    if rows != *written {
        return Err(wrong("it is not what was written"));
    }
    if rows.rows.len() != seen.len() {
        return Err(wrong("it does not have a row for each member"));
    }
    for (row, (member, size, _)) in rows.rows.iter().zip(seen) {
        let is_right = row.path == member.as_str()
            && (row.path == path || (row.hash.is_some() && row.size == Some(*size)));
        if !is_right {
            return Err(wrong(&format!("the row of `{}` is not right", row.path)));
        }
    }
    Ok(())
}
