//! Files made for one test, from those of `testdata`: fields set, a section appended, bytes behind the sections.

use truewheel_pe::Pe;

use crate::file;

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

/// `module.x64.pyd` with a load configuration of `size` bytes in a section of its own.
pub(crate) fn with_load_config(size: u32, chpe: bool) -> Vec<u8> {
    let mut bytes = file("module.x64.pyd").to_vec();
    let mut config = vec![0; 0x140];
    set_u32(&mut config, 0, size);
    config[0x4e..0x50].copy_from_slice(&0x0800_u16.to_le_bytes());
    config[0xc8] = u8::from(chpe);
    let rva = append_section(&mut bytes, &config);
    let entry = directory(&bytes, 10);
    set_u32(&mut bytes, entry, rva);
    set_u32(&mut bytes, entry + 4, size);
    bytes
}

/// The file with eight-byte aligned certificates behind it.
pub(crate) fn signed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let (start, entry) = (bytes.len(), directory(&bytes, 4));
    bytes.extend([0x10, 0, 0, 0, 0, 2, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    set_u32(&mut bytes, entry, start as u32);
    set_u32(&mut bytes, entry + 4, 16);
    bytes
}

/// `module.x86.pyd` with its delay imports in the old form: virtual addresses.
pub(crate) fn old_delay_imports() -> Vec<u8> {
    let bytes = file("module.x86.pyd");
    let pe = Pe::parse(bytes).unwrap();
    let base = pe.image_base() as u32;
    let mut old_form = bytes.to_vec();
    let descriptor = offset(bytes, pe.delay_imports().unwrap()[0].descriptor_rva);
    let names = u32_at(bytes, descriptor + 16);
    set_u32(&mut old_form, descriptor, 0);
    for field in [4, 12, 16] {
        set_u32(&mut old_form, descriptor + field, u32_at(bytes, descriptor + field) + base);
    }
    let thunk = offset(bytes, names);
    set_u32(&mut old_form, thunk, u32_at(bytes, thunk) + base);
    old_form
}

/// Makes all padding of sections something else than zeros.
pub(crate) fn without_padding(bytes: &[u8]) -> Vec<u8> {
    let mut full = bytes.to_vec();
    for section in Pe::parse(bytes).unwrap().sections() {
        let start = section.pointer_to_raw_data as usize;
        let end = start + section.size_of_raw_data as usize;
        full[(start + section.virtual_size as usize).min(end)..end].fill(0xcc);
    }
    full
}

/// Fills what the headers have free behind the section table.
pub(crate) fn without_header_room(bytes: &[u8]) -> Vec<u8> {
    let mut full = bytes.to_vec();
    let pe = Pe::parse(bytes).unwrap();
    let end = pe.sections().last().unwrap().header_offset as usize + 40;
    full[end..pe.size_of_headers() as usize].fill(0xcc);
    full
}

/// Binds the imports as `bind.exe` did: time stamps, addresses, and the bound import directory behind the section
/// table, which fills the headers.
pub(crate) fn bound(bytes: &[u8]) -> Vec<u8> {
    let pe = Pe::parse(bytes).unwrap();
    let mut bound = bytes.to_vec();
    let start = pe.sections().last().unwrap().header_offset as usize + 40;
    let end = pe.size_of_headers() as usize;
    for import in pe.imports().unwrap() {
        let descriptor = offset(bytes, import.descriptor_rva);
        set_u32(&mut bound, descriptor + 4, 0xffff_ffff);
        set_u32(&mut bound, descriptor + 8, 0xffff_ffff);
        let addresses = offset(bytes, import.address_table_rva);
        set_u32(&mut bound, addresses, 0x7700_1000);
    }
    // One library, then the end, then the name.
    set_u32(&mut bound, start, 0x1234_5678);
    set_u32(&mut bound, start + 4, 16);
    bound[start + 16..start + 27].copy_from_slice(b"needed.dll\0");
    bound[start + 27..end].fill(0xcc);
    let entry = directory(bytes, 11);
    set_u32(&mut bound, entry, start as u32);
    set_u32(&mut bound, entry + 4, (end - start) as u32);
    bound
}
