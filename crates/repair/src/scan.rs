//! Step 2: reads each member once: its digest, and the facts of each binary.
//!
//! Binaries are told by their magic number, never by name, and whether RECORD lists them or not.
//! Contents are dropped again at once, so that a wheel of gigabytes is scanned in the memory of its
//! largest member a thread.
//!
//! What is wrong in the wheel is data here: [`Scan::faults`] says what a repair refuses.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rayon::prelude::*;
use truewheel_wheel::{Digest, Member, MemberKind, MemberPath, Record, Wheel, record};

use crate::binary::{Binary, ElfFile, Fault, Format, MachFile, PeFile};
use crate::error::{Error, Result};

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Every file of the wheel.
    pub(crate) digests: BTreeMap<MemberPath, Digest>,
    /// ELF files in archive order.
    pub(crate) elf: Vec<(MemberPath, ElfFile)>,
    /// Mach-O files in archive order.
    pub(crate) macho: Vec<(MemberPath, MachFile)>,
    /// PE files in archive order.
    pub(crate) pe: Vec<(MemberPath, PeFile)>,
    /// Binaries by their magic number that cannot be read, in archive order.
    pub(crate) unreadable: Vec<(MemberPath, Format, Fault)>,
    /// Targets of symbolic links, as the archive spells them.
    pub(crate) links: BTreeMap<MemberPath, String>,
    /// Rows of RECORD that do not tell the truth, and can be put right.
    pub(crate) notes: Vec<String>,
    /// What a repair refuses, in the order of the archive; RECORD last.
    pub(crate) faults: Vec<Error>,
}

/// What `read` says of each member that is no directory, in archive order.
pub(crate) fn each_member<'a, T: Send>(
    wheel: &'a Wheel,
    read: impl Fn(&'a Member) -> T + Sync,
) -> Vec<(&'a Member, T)> {
    let mut members: Vec<(usize, &Member)> = wheel
        .members()
        .iter()
        .filter(|member| member.kind != MemberKind::Directory)
        .enumerate()
        .collect();
    // Largest first, so that no thread is left alone with one at the end.
    members.sort_by_key(|(index, member)| (Reverse(member.size), *index));
    let mut read: Vec<(usize, &Member, T)> = members
        .into_par_iter()
        .with_max_len(1)
        .map(|(index, member)| (index, member, read(member)))
        .collect();
    // Of several faults the first in the archive is told, whichever was met first.
    read.sort_by_key(|(index, ..)| *index);
    read.into_iter().map(|(_, member, read)| (member, read)).collect()
}

/// Reads every member of `wheel`.
pub(crate) fn scan(wheel: &Wheel) -> Result<Scan> {
    let mut scan = Scan::default();
    for (member, read) in each_member(wheel, |member| read_member(wheel, member)) {
        let (digest, binary, link) = read?;
        let path = &member.path;
        scan.digests.insert(path.clone(), digest);
        if let Some(link) = link {
            scan.links.insert(path.clone(), link);
        }
        if let Some(binary) = binary {
            scan.take(path, binary);
        }
    }
    scan.compare_record(wheel);
    Ok(scan)
}

impl Scan {
    /// Adds what RECORD says of the files. The last step.
    pub(crate) fn compare_record(&mut self, wheel: &Wheel) {
        match compare_record(wheel, &self.digests) {
            Ok(notes) => self.notes = notes,
            Err(fault) => self.faults.push(fault),
        }
    }

    /// Adds one binary; they come in archive order.
    pub(crate) fn take(&mut self, path: &MemberPath, binary: Binary) {
        let path = path.clone();
        match binary {
            Binary::Elf(file) => self.elf.push((path, *file)),
            Binary::MachO(file) => self.macho.push((path, *file)),
            Binary::Pe(file) => self.pe.push((path, *file)),
            Binary::Unreadable(format, fault) => {
                // Its loader would refuse it as well, or map what we cannot see.
                if let Fault::Elf(error) = &fault {
                    self.faults.push(Error::damaged(&path, error));
                }
                self.unreadable.push((path, format, fault));
            }
        }
    }

    /// Whether some file is for the loader of `format`.
    pub(crate) fn has(&self, format: Format) -> bool {
        let is_read = match format {
            Format::Elf => !self.elf.is_empty(),
            Format::MachO => !self.macho.is_empty(),
            Format::Pe => !self.pe.is_empty(),
        };
        is_read || self.unreadable.iter().any(|(_, found, _)| *found == format)
    }
}

/// Digest, what a loader sees, and a link's target.
type Read = (Digest, Option<Binary>, Option<String>);

fn read_member(wheel: &Wheel, member: &Member) -> Result<Read> {
    let bytes = wheel.read(member)?;
    let digest = Digest::of(&bytes);
    if member.kind == MemberKind::Symlink {
        let target = String::from_utf8(bytes).map_err(|_| no_utf8(&member.path))?;
        return Ok((digest, None, Some(target)));
    }
    let binary = Binary::read(&bytes, member.path.file_name());
    Ok((digest, binary, None))
}

/// The target of a link has bytes that no path of a wheel has.
pub(crate) fn no_utf8(link: &MemberPath) -> Error {
    Error::refused(format!("{link}: the link's target is not UTF-8"))
}

/// A row without its file is refused: something that should be in the wheel is not. A row that
/// disagrees is reported, and put right when RECORD is written again.
fn compare_record(wheel: &Wheel, digests: &BTreeMap<MemberPath, Digest>) -> Result<Vec<String>> {
    let path = format!("{}/RECORD", wheel.dist_info());
    let Some(member) = wheel.member(&path) else { return Ok(Vec::new()) };
    let bytes = wheel.read(member)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::refused(format!("{path}: not UTF-8, the RECORD format is")))?;
    let record = Record::parse(&text);
    let rows = record.map_err(|error| Error::refused(format!("{path}: {error}")))?.rows;
    let files = digests.iter().map(|(path, digest)| (path.as_str().to_owned(), *digest)).collect();
    let mut notes = Vec::new();
    for disagreement in record::compare(&rows, &files) {
        if let record::Disagreement::NoFile { path: absent } = &disagreement {
            return Err(Error::refused_with(
                format!("{path}: row `{absent}` has no file in the wheel"),
                "build the wheel again, or take the row out of RECORD if the file is not needed",
            ));
        }
        notes.push(disagreement.to_string());
    }
    Ok(notes)
}
