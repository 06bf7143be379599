//! `patch()`: the steps of an edit, in order.
//!
//! What is wanted comes first, in names; then each name gets a place in `.dynstr`, then what must move
//! gets its place in the file; only then are bytes written. The result is read again and held against
//! the input before anyone sees it.

use object::elf::{self, ProgramFlags};

use crate::dynamic::StringTable;
use crate::dynstr::{self, Names};
use crate::edit::{Draft, Edits, PatchSet};
use crate::error::{Error, ErrorKind, Result};
use crate::header::Segment;
use crate::image::Image;
use crate::layout::{self, Demand, Layout};
use crate::read::ExecutableStack;
use crate::rewrite;
use crate::verify;
use crate::versions::NeedRecord;
use crate::wanted::{self, Wanted};

/// Entries that stay free in a `.dynamic` that had to move, so that the next edit finds room. GNU ld
/// leaves as many.
const SPARE_ENTRIES: u64 = 5;

/// Computes the bytes that change in `bytes` for `edits`. No edits change nothing, and the same edits
/// twice change nothing the second time.
///
/// # Errors
/// If `bytes` is no dynamic ELF file or contradicts itself; if the edits contradict each other or
/// name what is not there; if there is no safe place for what they add; if the result, read again, is
/// not what it should be.
pub fn patch(bytes: &[u8], edits: &Edits) -> Result<PatchSet> {
    Ok(proven(bytes, edits)?.0)
}

/// [`patch()`] and the edited file, the very bytes that were proven: for callers that want both, and
/// whose file is large enough that another copy counts.
///
/// # Errors
/// As [`patch()`].
pub fn patch_file(bytes: &[u8], edits: &Edits) -> Result<(PatchSet, Vec<u8>)> {
    let (patch, file) = proven(bytes, edits)?;
    Ok((patch, file.unwrap_or_else(|| bytes.to_vec())))
}

/// What changes, and the file after it; no file if nothing does.
fn proven(bytes: &[u8], edits: &Edits) -> Result<(PatchSet, Option<Vec<u8>>)> {
    let nothing = || Ok((PatchSet::default(), None));
    if *edits == Edits::default() {
        return nothing();
    }
    edits.check()?;
    let image = Image::read(bytes)?;
    let mut wanted = wanted::wanted(&image, edits)?;
    let stack = stack_edit(&image, edits);
    if wanted.changes_nothing(&image) && stack == Stack::Stays {
        return nothing();
    }
    let names = dynstr::place(&image, &wanted)?;
    let demand = demand(&image, &mut wanted, &names, stack);
    let mut layout = layout::layout(&image, &demand)?;
    if stack == Stack::Clears {
        clear_executable_stack(&mut layout.segments);
    }
    let patch = write(&image, &wanted, &names, &demand, &layout)?;
    let file = patch.apply(bytes);
    verify::prove(&image, edits, &file)?;
    Ok((patch, Some(file)))
}

/// What happens to `PT_GNU_STACK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stack {
    Stays,
    Clears,
    /// There is none, and the machine's default may be an executable stack.
    Appears,
}

fn stack_edit(image: &Image<'_>, edits: &Edits) -> Stack {
    match image.elf.executable_stack() {
        ExecutableStack::Yes if edits.clear_executable_stack => Stack::Clears,
        ExecutableStack::Unmarked if edits.clear_executable_stack => Stack::Appears,
        _ => Stack::Stays,
    }
}

fn clear_executable_stack(segments: &mut [Segment]) {
    for segment in segments.iter_mut().filter(|segment| segment.p_type == elf::PT_GNU_STACK) {
        segment.p_flags = ProgramFlags(segment.p_flags.0 & !elf::PF_X.0);
    }
}

/// What the file has no room for as it is.
fn demand(image: &Image<'_>, wanted: &mut Wanted, names: &Names, stack: Stack) -> Demand {
    let mut demand = Demand { strings: names.behind.len() as u64, ..Demand::default() };
    if !wanted.fit(image, image.dynamic.capacity) {
        let capacity = wanted.entries.len() as u64 + SPARE_ENTRIES;
        demand.dynamic = Some(capacity * image.elf.bytes.encoding.dynamic_size());
    }
    if stack == Stack::Appears {
        demand.headers.push(Segment {
            p_type: elf::PT_GNU_STACK,
            p_flags: elf::PF_R | elf::PF_W,
            p_offset: 0,
            p_vaddr: 0,
            p_paddr: 0,
            p_filesz: 0,
            p_memsz: 0,
            p_align: 16,
        });
    }
    demand
}

/// Writes everything to its place.
fn write(
    image: &Image<'_>,
    wanted: &Wanted,
    names: &Names,
    demand: &Demand,
    layout: &Layout,
) -> Result<PatchSet> {
    let mut draft = Draft::new(image.elf.bytes.bytes);
    write_names(&mut draft, image, names)?;
    write_version_needs(&mut draft, image, wanted, names)?;
    rewrite::section_symbols(&mut draft, image, layout)?;
    // From here on what moves has its final contents.
    let mut moved = Vec::new();
    for change in &layout.moves {
        let (start, end) = change.block.range();
        moved.push((change.offset, draft.take(start, end)?));
    }
    for (offset, bytes) in moved {
        draft.write(offset, bytes)?;
    }
    let strings = rewrite::strings(image, layout, names);
    draft.write(strings.offset + image.strings.size, names.behind.clone())?;
    rewrite::dynamic(&mut draft, image, wanted, names, demand, layout)?;
    rewrite::program_headers(&mut draft, image, demand, layout)?;
    rewrite::section_headers(&mut draft, image, wanted, demand, layout, &strings)?;
    Ok(draft.finish())
}

/// Names that fit into the space of dropped ones.
fn write_names(draft: &mut Draft<'_>, image: &Image<'_>, names: &Names) -> Result<()> {
    let StringTable { offset, .. } = image.strings;
    for (index, string) in &names.inside {
        draft.write(offset + index, string.clone())?;
    }
    Ok(())
}

/// `vn_file`, and the chain of records where some are gone: the first record that is left takes the
/// place of the first, so that `DT_VERNEED` stays.
fn write_version_needs(
    draft: &mut Draft<'_>,
    image: &Image<'_>,
    wanted: &Wanted,
    names: &Names,
) -> Result<()> {
    let encoding = image.elf.bytes.encoding;
    let file = |record: &NeedRecord| match wanted.renamed.get(&record.offset) {
        Some(name) => index(names, name),
        None => Ok(record.vn_file),
    };
    if !wanted.needs_removed {
        for record in &wanted.needs {
            let mut field = Vec::new();
            encoding.put_u32(&mut field, file(record)?);
            draft.write(record.offset + 4, field)?;
        }
        return Ok(());
    }
    let Some(address) = image.dynamic.value(elf::DT_VERNEED) else { return Ok(()) };
    let first = crate::header::offset_of(image.segments(), "DT_VERNEED", address, 16)?;
    let place = |at: usize| match at {
        0 => Some(first),
        _ => wanted.needs.get(at).map(|record| record.offset),
    };
    for (at, record) in wanted.needs.iter().enumerate() {
        let here = place(at).unwrap_or(record.offset);
        let step = |to: u64| to.checked_sub(here).and_then(|step| u32::try_from(step).ok());
        let wrong = || Error::table("DT_VERNEED", record.offset, "runs backwards");
        let next = match wanted.needs.get(at + 1) {
            Some(next) => step(next.offset).ok_or_else(wrong)?,
            None => 0,
        };
        let aux = step(record.offset + u64::from(record.vn_aux)).ok_or_else(wrong)?;
        let mut fields = Vec::new();
        encoding.put_u16(&mut fields, elf::VER_NEED_CURRENT);
        encoding.put_u16(&mut fields, record.vn_cnt);
        for field in [file(record)?, aux, next] {
            encoding.put_u32(&mut fields, field);
        }
        draft.write(here, fields)?;
    }
    Ok(())
}

/// The index of a placed name. All are 32-bit, also where the tag has 64 bits.
pub(crate) fn index(names: &Names, name: &str) -> Result<u32> {
    let index = names.index.get(name).and_then(|&index| u32::try_from(index).ok());
    index.ok_or_else(|| ErrorKind::BadName(name.to_owned()).into())
}
