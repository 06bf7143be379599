//! What lies behind the last section: certificates, symbols, or something else.
//!
//! The loader maps none of it. "PE Format" knows two kinds: the certificate table (data directory 4, a file offset)
//! and the COFF symbols with their string table. Anything else belongs to somebody who finds it by the end of
//! the file or of the sections (installers, appended archives), and must neither move nor go.

use std::ops::Range;

use object::LittleEndian as LE;
use object::pe as p;

use crate::error::Result;
use crate::window::Window;

/// The certificate table is aligned to this many bytes, with zeros in front.
const CERTIFICATE_ALIGNMENT: u64 = 8;

/// What a piece behind the sections is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OverlayKind {
    /// Authenticode certificates: void after any edit.
    Certificate,
    /// COFF symbols and the string table that long section names point into.
    CoffSymbols,
    /// Nothing that the format knows.
    Unknown,
}

/// A piece behind the sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlay {
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub kind: OverlayKind,
}

/// Offset and size of the COFF symbols together with the string table behind them.
pub(crate) fn coff_symbols(
    file: Window<'_>,
    header: &p::ImageFileHeader,
) -> Result<Option<(u64, u64)>> {
    let offset = u64::from(header.pointer_to_symbol_table.get(LE));
    if offset == 0 {
        return Ok(None);
    }
    let count = u64::from(header.number_of_symbols.get(LE));
    let symbols = count.saturating_mul(p::IMAGE_SIZEOF_SYMBOL as u64);
    let strings_offset = offset.saturating_add(symbols);
    let strings: &object::U32<LE> = file.read(strings_offset, "COFF string table")?;
    // The size counts its own four bytes; some linkers write 0 for an empty table.
    let strings = u64::from(strings.get(LE)).max(4);
    let size = symbols.saturating_add(strings);
    file.part(offset, size, "COFF symbols")?;
    Ok(Some((offset, size)))
}

/// Offset and size of the certificate table; its directory holds a file offset and not an RVA.
pub(crate) fn certificates(
    file: Window<'_>,
    (offset, size): (u32, u32),
) -> Result<Option<(u64, u64)>> {
    if offset == 0 || size == 0 {
        return Ok(None);
    }
    let (offset, size) = (u64::from(offset), u64::from(size));
    file.part(offset, size, "certificate table")?;
    Ok(Some((offset, size)))
}

/// The pieces behind `start`, in order.
///
/// Fewer zeros than `FileAlignment` behind a piece are padding and belong to it: LLD rounds the file up behind COFF
/// symbols, and certificates are aligned.
pub(crate) fn parts(
    file: Window<'_>,
    (start, file_alignment): (u64, u32),
    coff_symbols: Option<(u64, u64)>,
    certificates: Option<(u64, u64)>,
) -> Vec<Overlay> {
    let symbols = coff_symbols.map(|place| (place, OverlayKind::CoffSymbols));
    let certificates = certificates.map(|place| (place, OverlayKind::Certificate));
    let mut known: Vec<_> = symbols.into_iter().chain(certificates).collect();
    known.sort_unstable();

    let padding = u64::from(file_alignment).max(CERTIFICATE_ALIGNMENT);
    let mut found = Vec::new();
    let mut free = start;
    for ((offset, size), kind) in known {
        if offset < free {
            // Among the sections, as in a file whose last section was appended behind them.
            continue;
        }
        gap(file, free..offset, padding, &mut found);
        found.push(Overlay { offset, size, kind });
        free = offset.saturating_add(size);
    }
    gap(file, free..file.size(), padding, &mut found);
    found
}

/// Adds what lies between two known places: padding to the piece before it, anything else as unknown.
fn gap(file: Window<'_>, place: Range<u64>, padding: u64, found: &mut Vec<Overlay>) {
    let (start, size) = (place.start, place.end.saturating_sub(place.start));
    let Ok(bytes) = file.part(start, size, "overlay") else { return };
    if bytes.is_empty() {
        return;
    }
    if size < padding && bytes.iter().all(|&byte| byte == 0) {
        if let Some(before) = found.last_mut() {
            before.size = before.size.saturating_add(size);
        }
        return;
    }
    found.push(Overlay { offset: start, size, kind: OverlayKind::Unknown });
}

/// All pieces as one.
pub(crate) fn whole(parts: &[Overlay]) -> Option<Overlay> {
    let (first, last) = (parts.first()?, parts.last()?);
    let kind = parts.iter().map(|part| part.kind).max()?;
    let size = last.offset.saturating_add(last.size).saturating_sub(first.offset);
    Some(Overlay { offset: first.offset, size, kind })
}
