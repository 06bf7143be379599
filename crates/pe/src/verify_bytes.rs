//! The part of the proof that looks at bytes: what no edit may touch is what it was.
//!
//! From the old file alone follows which bytes an edit may write: the names that change and what leads to them, what
//! binding had written, fields of the headers, padding that becomes part of its section. All others must be equal
//! at the same offset, overlay, symbols and code alike. What a section took along to a new place must be equal there.

use object::pe as p;

use crate::debug::DebugEntry;
use crate::error::{Error, Result};
use crate::place::{optional, section};
use crate::read::Pe;
use crate::section::Section;
use crate::tables::Tables;
use crate::unbind::{delay_time_stamp_rva, table_size, time_stamp_rva};
use crate::verify::check;
use crate::wanted::Wanted;

/// Ranges of the file, by start and size.
#[derive(Debug, Default)]
struct Allowed(Vec<(u64, u64)>);

impl Allowed {
    fn field(&mut self, offset: Option<u64>, size: u64) {
        self.0.extend(offset.map(|offset| (offset, size)));
    }

    fn at(&mut self, pe: &Pe<'_>, rva: u32, size: u64) -> Result<()> {
        if size > 0 {
            self.0.push((pe.place_of(rva, size, "edited place")?, size));
        }
        Ok(())
    }
}

/// Compares the bytes of both files.
pub(crate) fn bytes_are_kept(
    old: &Pe<'_>,
    tables: &Tables<'_>,
    wanted: &Wanted,
    new: &Pe<'_>,
) -> Result<()> {
    let mut allowed = Allowed::default();
    header_fields(old, new, &mut allowed);
    names(old, tables, wanted, &mut allowed)?;
    if wanted.renames() {
        bound(old, tables, &mut allowed)?;
    }
    if let Some(rva) = wanted.load_flags {
        allowed.at(old, rva, 2)?;
    }
    for (was, is) in old.sections().iter().zip(new.sections()) {
        if was.pointer_to_raw_data == is.pointer_to_raw_data {
            padding(old, was, is, &mut allowed)?;
        } else {
            data_moved_whole(old, new, was, is, &mut allowed)?;
        }
    }
    compare(old, new, allowed)
}

fn header_fields(old: &Pe<'_>, new: &Pe<'_>, allowed: &mut Allowed) {
    allowed.field(Some(old.section_count_field()), 2);
    for field in [optional::SIZE_OF_INITIALIZED_DATA, optional::SIZE_OF_IMAGE, optional::CHECK_SUM]
    {
        allowed.field(Some(old.optional_field(field)), 4);
    }
    allowed.field(Some(old.optional_field(optional::DLL_CHARACTERISTICS)), 2);
    for index in [
        p::IMAGE_DIRECTORY_ENTRY_EXPORT,
        p::IMAGE_DIRECTORY_ENTRY_SECURITY,
        p::IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT,
    ] {
        allowed.field(old.directory_field(index), 8);
    }
    for index in 0..old.sections().len() {
        allowed.field(old.section_field(index, section::VIRTUAL_SIZE), 4);
        allowed.field(old.section_field(index, section::SIZE_OF_RAW_DATA), 8);
        allowed.field(old.section_field(index, section::CHARACTERISTICS), 4);
    }
    if new.sections().len() > old.sections().len() {
        allowed.field(old.section_table_end(), 40);
    }
}

/// Names that change, and what leads to them.
fn names(old: &Pe<'_>, tables: &Tables<'_>, wanted: &Wanted, allowed: &mut Allowed) -> Result<()> {
    for (import, _) in wanted.all_imports(tables) {
        allowed.at(old, import.name_field_rva(), 4)?;
        // A name that its section's zeros end is not written over.
        let size = import.dll.len() as u64;
        let place = old.place_of(import.name_rva, size, "imported DLL name");
        allowed.field(place.ok(), size);
    }
    for (forwarder, _) in wanted.all_forwarders(tables) {
        allowed.at(old, forwarder.text_rva, forwarder.text.len() as u64)?;
    }
    if !wanted.forwarders.is_empty() {
        for forwarder in &tables.forwarders {
            allowed.at(old, forwarder.entry_rva, 4)?;
        }
    }
    Ok(())
}

/// What binding had written.
fn bound(old: &Pe<'_>, tables: &Tables<'_>, allowed: &mut Allowed) -> Result<()> {
    if let Some((start, end)) = old.bound_table() {
        allowed.field(Some(start), end.saturating_sub(start));
    }
    for import in tables.imports.iter().filter(|import| import.time_date_stamp != 0) {
        allowed.at(old, time_stamp_rva(import), 8)?;
        allowed.at(old, import.address_table_rva, table_size(old, import).into())?;
    }
    for import in tables.delay_imports.iter().filter(|import| import.time_date_stamp != 0) {
        allowed.at(old, delay_time_stamp_rva(import), 4)?;
    }
    Ok(())
}

/// Padding that a section grew into: what is no zero in the old file has to stay.
fn padding(old: &Pe<'_>, was: &Section<'_>, is: &Section<'_>, allowed: &mut Allowed) -> Result<()> {
    let (from, to) = (was.memory_size(), is.memory_size().min(was.size_of_raw_data));
    let Some(size) = to.checked_sub(from).filter(|&size| size > 0) else { return Ok(()) };
    let start = u64::from(was.pointer_to_raw_data).saturating_add(from.into());
    let bytes = old.image.file.part(start, size.into(), "section padding")?;
    if bytes.iter().all(|&byte| byte == 0) {
        allowed.field(Some(start), size.into());
    }
    Ok(())
}

/// The data of a section that has a new place, and the debug directory that leads there.
fn data_moved_whole(
    old: &Pe<'_>,
    new: &Pe<'_>,
    was: &Section<'_>,
    is: &Section<'_>,
    allowed: &mut Allowed,
) -> Result<()> {
    let size = u64::from(was.size_of_raw_data);
    let part = |section: &Section<'_>| {
        new.image.file.part(section.pointer_to_raw_data.into(), size, "section data")
    };
    check(part(was)? == part(is)?, || "the data of a section changed as it moved".into())?;
    for (entry, moved) in old.debug_entries()?.iter().zip(new.debug_entries()?) {
        let data = |pe: &Pe<'_>, entry: &DebugEntry| {
            let bytes = pe.image.file.part(entry.pointer.into(), entry.size.into(), "debug data");
            bytes.ok().map(<[u8]>::to_vec)
        };
        check(data(old, entry) == data(new, &moved), || "debug data is lost".into())?;
        allowed.at(old, entry.pointer_rva, 4)?;
    }
    Ok(())
}

/// Everything that is not allowed to differ is equal, up to where the certificates were.
fn compare(old: &Pe<'_>, new: &Pe<'_>, allowed: Allowed) -> Result<()> {
    let end = old.end_without_certificates();
    let mut ranges = allowed.0;
    ranges.sort_unstable();
    let mut next = 0_u64;
    for (start, size) in ranges.into_iter().chain([(end, 0)]) {
        let start = start.min(end);
        if let Some(size) = start.checked_sub(next).filter(|&size| size > 0) {
            let (was, is) = (
                old.image.file.part(next, size, "content")?,
                new.image.file.part(next, size, "content")?,
            );
            if was != is {
                let same = was.iter().zip(is).take_while(|(was, is)| was == is).count() as u64;
                let offset = next.saturating_add(same);
                return Err(Error::unproven(format!("the byte at offset {offset:#x} changed")));
            }
        }
        next = next.max(start.saturating_add(size));
    }
    Ok(())
}
