//! One universal file made of several files, as `lipo -create` makes it.
//!
//! What goes in is parts: the slices of thin and universal files, and static archives, which a linker reads and
//! which have no CPU of their own but that of the objects in them. A signature covers one slice, so all stay valid.

use std::collections::BTreeSet;

use object::macho as m;

use crate::cpu;
use crate::error::{Error, ErrorKind, Result};
use crate::fat::{Container, FatArch, MachO};
use crate::read::Slice;
use crate::universal::{header, place, write_header};
use crate::window::Window;

/// Slices for processors with pages of 16 KiB start at their multiples, and by Apple's `lipo` of today those for
/// x86-64 as well; all others have pages of 4 KiB.
const ALIGN_16K: u32 = 14;
const ALIGN_4K: u32 = 12;
/// No loader maps an archive; `lipo` aligns those of 64-bit objects to 8 bytes, and others to 4.
const ALIGN_ARCHIVE: (u32, u32) = (3, 2);

const ARCHIVE: &[u8] = b"!<arch>\n";
/// The size of a member's header, `struct ar_hdr` of `<ar.h>`.
const AR_HEADER: u64 = 60;
/// Where in it the size is, in decimal digits.
const AR_SIZE: u64 = 48;
const AR_SIZE_LEN: u64 = 10;

/// The code for one CPU: a slice or a static archive.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// `cputype`.
    pub cpu_type: u32,
    /// `cpusubtype`, capability bits included.
    pub cpu_subtype: u32,
    /// As `lipo -archs` prints it, such as `arm64`.
    pub architecture: &'static str,
    /// All of it.
    pub bytes: &'a [u8],
    align: u32,
}

/// Whether a file is a static archive, of any objects.
#[must_use]
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(ARCHIVE)
}

/// The parts of a thin or universal file, or the one that a static archive is, in the order of the file.
///
/// # Errors
///
/// When the file is neither, or an archive has no Mach-O object in it, or has them for several CPUs.
pub fn parts(bytes: &[u8]) -> Result<Vec<Part<'_>>> {
    if is_archive(bytes) {
        return Ok(vec![archive(bytes)?]);
    }
    let file = MachO::parse(bytes)?;
    let mut slices = file.slices().iter().peekable();
    let of_record = |arch: &FatArch| match slices.next_if(|slice| slice.offset == arch.offset) {
        Some(slice) => Ok(of_slice(slice)),
        None => archive(file.content(arch)?),
    };
    file.arches().iter().map(of_record).collect()
}

fn of_slice<'a>(slice: &Slice<'a>) -> Part<'a> {
    Part {
        cpu_type: slice.cpu_type,
        cpu_subtype: slice.cpu_subtype,
        architecture: slice.architecture(),
        bytes: slice.bytes(),
        align: align(slice.cpu_type),
    }
}

fn align(cpu_type: u32) -> u32 {
    let wide = [m::CPU_TYPE_ARM64, m::CPU_TYPE_ARM64_32, m::CPU_TYPE_ARM, m::CPU_TYPE_X86_64];
    if wide.iter().any(|wide| wide.0 == cpu_type) { ALIGN_16K } else { ALIGN_4K }
}

/// The CPU of an archive is that of its objects; other members, such as the table of contents, have none.
fn archive(bytes: &[u8]) -> Result<Part<'_>> {
    let file = Window::new(bytes);
    let mut found: Option<(u32, u32)> = None;
    let mut offset = ARCHIVE.len() as u64;
    while offset < file.size() {
        let header = file.part(offset, AR_HEADER, "archive member")?;
        let start = offset.saturating_add(AR_HEADER);
        let size = decimal(header.part(AR_SIZE, AR_SIZE_LEN, "size of an archive member")?);
        let size = size.ok_or(ErrorKind::UnknownFormat { what: "size", offset, value: 0 })?;
        let mut content = file.part(start, size, "contents of an archive member")?;
        // A long name, `#1/LEN`, is the first LEN bytes of the contents.
        let name = header.part(0, 3, "archive member")?.bytes();
        if name == b"#1/" {
            let digits = header.part(3, 13, "archive member")?;
            let len = decimal(digits).filter(|len| *len <= content.size());
            let len = len.ok_or(ErrorKind::UnknownFormat { what: "name", offset, value: 0 })?;
            content = content.part(len, content.size().saturating_sub(len), "archive member")?;
        }
        if let Ok(object) = MachO::parse(content.bytes())
            && let [slice] = object.slices()
        {
            let cpu = (slice.cpu_type, slice.cpu_subtype & !m::CPU_SUBTYPE_MASK);
            if found.is_some_and(|found| found != cpu) {
                let reason = "it is an archive with objects for several CPUs";
                return Err(Error::not_editable(slice.architecture(), reason));
            }
            found = Some(cpu);
        }
        // Members start at even offsets.
        offset = start.saturating_add(size).next_multiple_of(2);
    }
    let (cpu_type, cpu_subtype) = found.ok_or(ErrorKind::NotMachO)?;
    let is_64 = cpu_type & m::CPU_ARCH_ABI64 != 0;
    Ok(Part {
        cpu_type,
        cpu_subtype,
        architecture: cpu::architecture(cpu_type, cpu_subtype),
        bytes,
        align: if is_64 { ALIGN_ARCHIVE.0 } else { ALIGN_ARCHIVE.1 },
    })
}

/// A number with blanks behind it.
fn decimal(digits: Window<'_>) -> Option<u64> {
    let digits = digits.bytes().trim_ascii_end();
    str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?.parse().ok()
}

/// One universal file of all the parts of `files`, in the order and with the alignment that Apple's `lipo` gives them.
///
/// # Errors
///
/// As [`parts`] and [`merge_parts`].
pub fn merge(files: &[&[u8]]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for bytes in files {
        all.extend(parts(bytes)?);
    }
    merge_parts(&all)
}

/// One universal file of these parts.
///
/// # Errors
///
/// When two parts are for one CPU, or there are none.
pub fn merge_parts(parts: &[Part<'_>]) -> Result<Vec<u8>> {
    if parts.is_empty() {
        return Err(ErrorKind::SliceCount { count: 0 }.into());
    }
    let subtype = |part: &Part<'_>| part.cpu_subtype & !m::CPU_SUBTYPE_MASK;
    let mut seen = BTreeSet::new();
    if let Some(part) = parts.iter().find(|part| !seen.insert((part.cpu_type, subtype(part)))) {
        return Err(ErrorKind::SameCpu { architecture: part.architecture }.into());
    }
    let mut parts = parts.to_vec();
    // lipo puts ARM64 last, and the others by alignment.
    let is_arm64 = |part: &Part<'_>| part.cpu_type == m::CPU_TYPE_ARM64.0;
    parts.sort_by_key(|part| (is_arm64(part), part.align, part.cpu_type, subtype(part)));
    let record = |part: &Part<'_>| FatArch {
        cpu_type: part.cpu_type,
        cpu_subtype: part.cpu_subtype,
        offset: 0,
        size: 0,
        align: part.align,
    };
    let mut arches: Vec<FatArch> = parts.iter().map(record).collect();
    let sizes = parts.iter().map(|part| (part.bytes.len() as u64).saturating_add(1 << ALIGN_16K));
    let is_wide = sizes.fold(0_u64, u64::saturating_add) > u64::from(u32::MAX);
    let container = if is_wide { Container::Fat64 } else { Container::Fat };
    let mut bytes = header(container, &arches)?;
    for (arch, part) in arches.iter_mut().zip(&parts) {
        place(&mut bytes, arch, part.bytes, true);
    }
    write_header(&mut bytes, container, &arches)?;
    MachO::parse(&bytes)?;
    Ok(bytes)
}
