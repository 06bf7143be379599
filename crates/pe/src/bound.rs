//! Bound imports: the libraries, by name and time stamp, whose addresses were written into the file ahead of time.
//!
//! "PE Format" names the directory only; `winnt.h` has `IMAGE_BOUND_IMPORT_DESCRIPTOR`. Each is followed by the
//! libraries that its forwarders led to, in the same form; offsets of names count from the start of the directory,
//! which lies in the headers as a rule. Old loaders load what stands here before they read the import directory.

use object::LittleEndian as LE;
use object::pe as p;

use crate::budget::Budget;
use crate::error::{ErrorKind, Result};
use crate::section::Image;

/// One library whose addresses are bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundImport<'a> {
    /// The library's name.
    pub dll: &'a str,
    /// `TimeDateStamp` of the library that the addresses are of.
    pub time_date_stamp: u32,
    /// Whether it is there because a library before it forwards to it.
    pub is_forwarder: bool,
}

/// Reads the bound import directory.
pub(crate) fn read<'a>(
    image: &Image<'a>,
    directory: Option<(u32, u32)>,
) -> Result<Vec<BoundImport<'a>>> {
    let mut found = Vec::new();
    let Some((start, _)) = directory else { return Ok(found) };
    let mut budget = Budget::new(image);
    let mut rva = start;
    let mut forwarders = 0_u16;
    loop {
        let raw: p::ImageBoundImportDescriptor = image.read(rva, "bound import descriptor")?;
        let is_forwarder = forwarders > 0;
        // The end is a descriptor of zeros; forwarders are counted.
        if !is_forwarder && raw.offset_module_name.get(LE) == 0 {
            return Ok(found);
        }
        budget.entry()?;
        forwarders = match is_forwarder {
            true => forwarders.saturating_sub(1),
            false => raw.number_of_module_forwarder_refs.get(LE),
        };
        let name = start.saturating_add(u32::from(raw.offset_module_name.get(LE)));
        found.push(BoundImport {
            dll: budget.name(image, name, "bound DLL name")?,
            time_date_stamp: raw.time_date_stamp.get(LE),
            is_forwarder,
        });
        let next = u32::try_from(size_of_val(&raw)).ok().and_then(|size| rva.checked_add(size));
        let outside = ErrorKind::Unmapped { what: "bound import descriptor", rva: rva.into() };
        rva = next.ok_or(outside)?;
    }
}
