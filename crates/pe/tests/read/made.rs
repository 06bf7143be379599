//! Files made for one test, from those of `testdata`: fields set, a section appended, bytes behind the sections.

use truewheel_pe::Pe;

/// Where the optional header starts: behind the signature and the file header.
pub(crate) fn optional_header(bytes: &[u8]) -> usize {
    u32_at(bytes, 0x3c) as usize + 24
}

/// Where the entry of a data directory stands.
pub(crate) fn directory(bytes: &[u8], index: usize) -> usize {
    let optional = optional_header(bytes);
    let fixed = if bytes[optional + 1] == 2 { 112 } else { 96 };
    optional + fixed + 8 * index
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub(crate) fn set_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// The file offset of an RVA.
pub(crate) fn offset(bytes: &[u8], rva: u32) -> usize {
    Pe::parse(bytes).unwrap().file_offset(rva).unwrap() as usize
}

/// Appends a section with this content behind the file, and returns its RVA.
pub(crate) fn append_section(bytes: &mut Vec<u8>, content: &[u8]) -> u32 {
    let pe = Pe::parse(bytes).unwrap();
    let last = *pe.sections().last().unwrap();
    let rva = (last.virtual_address + last.memory_size()).next_multiple_of(0x1000);
    let header = last.header_offset as usize + 40;
    let optional = optional_header(bytes);
    let count = optional - 20 + 2;
    bytes[count] += 1;
    bytes.resize(bytes.len().next_multiple_of(0x200), 0);
    let start = bytes.len() as u32;
    let raw_size = content.len().next_multiple_of(0x200) as u32;
    bytes[header..header + 8].copy_from_slice(b".names\0\0");
    for (at, value) in [(8, content.len() as u32), (12, rva), (16, raw_size), (20, start)] {
        set_u32(bytes, header + at, value);
    }
    set_u32(bytes, optional + 56, rva + 0x1000);
    bytes.extend_from_slice(content);
    bytes.resize(start as usize + raw_size as usize, 0);
    rva
}
