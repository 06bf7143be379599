//! Universal files: their header, and their slices put in their places.
//!
//! `<mach-o/fat.h>`: each slice starts at a multiple of two to the power of `align`, so that its pages are pages of
//! the file. A slice that grew moves those behind it; zeros fill the gaps.

use std::borrow::Cow;

use object::macho as m;

use crate::error::{Error, ErrorKind, Result};
use crate::fat::{Container, FatArch, MachO};

/// The file `old`, read as `file`, with these contents for its records, in their order.
pub(crate) fn lay_out(old: &[u8], file: &MachO<'_>, contents: &[Cow<'_, [u8]>]) -> Result<Vec<u8>> {
    if file.container() == Container::Thin {
        return Ok(contents.first().map(|content| content.to_vec()).unwrap_or_default());
    }
    let mut records: Vec<(FatArch, &[u8])> = file
        .arches()
        .iter()
        .zip(contents)
        .map(|(arch, content)| (*arch, content.as_ref()))
        .collect();
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|&index| records.get(index).map(|(arch, _)| arch.offset));
    let mut bytes = Vec::with_capacity(old.len());
    let mut moved = false;
    for index in order {
        let Some((arch, content)) = records.get_mut(index) else { continue };
        if !moved {
            // Up to the first slice that changes its size everything stays, gaps included.
            let start = usize::try_from(arch.offset).unwrap_or(usize::MAX);
            bytes.extend_from_slice(old.get(bytes.len()..start).unwrap_or_default());
        }
        moved |= place(&mut bytes, arch, content, moved);
    }
    let end = file.arches().iter().map(|arch| arch.offset.saturating_add(arch.size)).max();
    let end = end.and_then(|end| usize::try_from(end).ok()).unwrap_or(usize::MAX);
    let rest = old.get(end..).unwrap_or_default();
    if !moved {
        bytes.extend_from_slice(rest);
    } else if rest.iter().any(|&byte| byte != 0) {
        return Err(ErrorKind::TrailingData { offset: end as u64, size: rest.len() as u64 }.into());
    }
    let arches: Vec<FatArch> = records.iter().map(|(arch, _)| *arch).collect();
    write_header(&mut bytes, file.container(), &arches)?;
    Ok(bytes)
}

/// Adds one slice and sets its record; returns whether those behind it move.
pub(crate) fn place(bytes: &mut Vec<u8>, arch: &mut FatArch, content: &[u8], moved: bool) -> bool {
    if moved {
        let align = 1_usize << arch.align.min(31);
        bytes.resize(bytes.len().next_multiple_of(align), 0);
    }
    arch.offset = bytes.len() as u64;
    let old_size = std::mem::replace(&mut arch.size, content.len() as u64);
    bytes.extend_from_slice(content);
    arch.size != old_size
}

/// Writes the header and the records over the start of `bytes`, which has room for them.
pub(crate) fn write_header(
    bytes: &mut [u8],
    container: Container,
    arches: &[FatArch],
) -> Result<()> {
    let header = header(container, arches)?;
    match bytes.get_mut(..header.len()) {
        Some(target) => {
            target.copy_from_slice(&header);
            Ok(())
        }
        None => Err(Error::unproven("the universal header does not fit before the first slice")),
    }
}

pub(crate) fn header(container: Container, arches: &[FatArch]) -> Result<Vec<u8>> {
    let magic = if container == Container::Fat64 { m::FAT_MAGIC_64 } else { m::FAT_MAGIC };
    let count = u32::try_from(arches.len()).unwrap_or(u32::MAX);
    let mut bytes = [magic.to_be_bytes(), count.to_be_bytes()].concat();
    for arch in arches {
        bytes.extend(arch.cpu_type.to_be_bytes());
        bytes.extend(arch.cpu_subtype.to_be_bytes());
        for number in [arch.offset, arch.size] {
            if container == Container::Fat64 {
                bytes.extend(number.to_be_bytes());
            } else {
                let what = "a universal file with 32-bit offsets";
                let number = u32::try_from(number)
                    .map_err(|_| ErrorKind::TooLarge { what, size: number })?;
                bytes.extend(number.to_be_bytes());
            }
        }
        bytes.extend(arch.align.to_be_bytes());
        if container == Container::Fat64 {
            bytes.extend([0; 4]);
        }
    }
    Ok(bytes)
}
