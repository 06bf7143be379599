//! Damaged files are refused with a reason, and whatever is read of them never panics.

use truewheel_pe::{Pe, Section, is_pe, patch_file};

use crate::edits::{LONG, renames};
use crate::file;
use crate::made::{
    append_section, directory, offset, optional_header, set_u32, u32_at, without_header_room,
    without_padding,
};

/// Reads everything the crate can read.
fn read_all(bytes: &[u8]) -> bool {
    let _ = is_pe(bytes);
    let Ok(pe) = Pe::parse(bytes) else { return false };
    let _ = pe.computed_checksum();
    if let Some(overlay) = pe.overlay() {
        assert!(overlay.offset + overlay.size <= bytes.len() as u64);
    }
    pe.imports().is_ok()
        & pe.delay_imports().is_ok()
        & pe.exports().is_ok()
        & pe.load_config().is_ok()
        & pe.version_resource().is_ok()
        & pe.has_bound_imports().is_ok()
        & pe.bound_imports().is_ok()
}

#[test]
fn a_file_cut_at_any_length_is_refused() {
    for (name, bytes) in crate::FILES {
        // Only zeros that nothing speaks of may be missing: LLD's padding behind COFF symbols.
        let pe = Pe::parse(bytes).unwrap();
        let end = pe.coff_symbols().map_or(bytes.len(), |(offset, size)| (offset + size) as usize);
        assert!(bytes[end..].iter().all(|&byte| byte == 0));
        for length in 0..end {
            assert!(!read_all(&bytes[..length]), "{name} cut to {length} bytes");
        }
        assert!(read_all(bytes), "{name}");
    }
}

#[test]
fn a_changed_byte_never_panics() {
    for (_, bytes) in crate::FILES {
        for position in 0..bytes.len() {
            for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut bytes = bytes.to_vec();
                bytes[position] = value;
                read_all(&bytes);
                bytes[position] ^= 1 << (position % 8);
                read_all(&bytes);
            }
        }
    }
}

#[test]
fn a_lying_header_is_refused() {
    let good = file("module.x64.pyd");
    let optional = optional_header(good);
    let with = |at: usize, value: u32| {
        let mut bytes = good.to_vec();
        set_u32(&mut bytes, at, value);
        Pe::parse(&bytes).unwrap_err().to_string()
    };
    let magic = u32_at(good, optional) & 0xffff_0000 | 0x107;
    assert_eq!(with(optional, magic), "the optional header starts with 0x107, not 0x10b or 0x20b");
    let size = u32_at(good, optional - 4) & 0xffff_0000 | 0x6f;
    assert_eq!(
        with(optional - 4, size),
        "SizeOfOptionalHeader is 111 bytes, 112 bytes are the least"
    );
    assert_eq!(with(optional + 32, 0x1001), "SectionAlignment is 0x1001, which is no power of two");
    assert_eq!(with(optional + 36, 0), "FileAlignment is 0x0, which is no power of two");

    let second = Pe::parse(good).unwrap().sections()[1].header_offset as usize;
    assert_eq!(
        with(second + 12, 0x1000),
        format!(
            "section 1 starts at RVA 0x1000, before {:#x}, which is in use",
            0x1000 + Pe::parse(good).unwrap().sections()[0].virtual_size
        )
    );
    let raw = u32_at(good, second + 16);
    assert_eq!(
        with(second + 20, 0x7000_0000),
        format!("section data at offset 0x70000000 needs {raw} bytes, 0 bytes are there")
    );
    assert_eq!(
        with(optional - 12, 0xfff0),
        "COFF string table at offset 0xfff0 needs 4 bytes, 0 bytes are there"
    );
    let mut unsigned = good.to_vec();
    let security = directory(good, 4);
    set_u32(&mut unsigned, security, 0xff8);
    set_u32(&mut unsigned, security + 4, 16);
    assert_eq!(
        Pe::parse(&unsigned).unwrap_err().to_string(),
        "certificate table at offset 0xff8 needs 16 bytes, 8 bytes are there"
    );
}

#[test]
fn a_lying_import_table_is_refused() {
    let good = file("module.x64.pyd");
    let import = &Pe::parse(good).unwrap().imports().unwrap()[0];
    let descriptor = offset(good, import.descriptor_rva);
    let thunks = u32_at(good, descriptor);
    let thunk = offset(good, thunks);
    let with = |at: usize, value: u32| {
        let mut bytes = good.to_vec();
        set_u32(&mut bytes, at, value);
        Pe::parse(&bytes).unwrap().imports().unwrap_err().to_string()
    };
    assert_eq!(
        with(directory(good, 1), 0x7000_0000),
        "import descriptor at RVA 0x70000000 is in no section"
    );
    assert_eq!(
        with(descriptor + 12, 0x7000_0000),
        "imported DLL name at RVA 0x70000000 is in no section"
    );
    assert_eq!(
        with(descriptor, 0x7000_0000),
        "import lookup table at RVA 0x70000000 is in no section"
    );
    // The first thunk is ordinal 7; with more bits it is none.
    assert_eq!(
        with(thunk, 0x0001_0007),
        format!(
            "the import at RVA {thunks:#x} is 0x8000000000010007, neither an ordinal nor an RVA"
        )
    );
    assert_eq!(
        with(thunk + 12, 0x0000_0001),
        format!(
            "the import at RVA {:#x} is {:#x}, neither an ordinal nor an RVA",
            thunks + 8,
            (1_u64 << 32) | u64::from(u32_at(good, thunk + 8))
        )
    );
    let mut bound = good.to_vec();
    set_u32(&mut bound, descriptor, 0);
    set_u32(&mut bound, descriptor + 4, 1);
    assert_eq!(
        Pe::parse(&bound).unwrap().imports().unwrap_err().to_string(),
        format!(
            "the import descriptor at RVA {:#x} is bound and has no import lookup table",
            import.descriptor_rva
        )
    );
    let mut latin1 = good.to_vec();
    latin1[offset(good, import.name_rva)] = 0xe9;
    assert_eq!(
        Pe::parse(&latin1).unwrap().imports().unwrap_err().to_string(),
        format!("imported DLL name at RVA {:#x} is not UTF-8", import.name_rva)
    );
}

#[test]
fn a_name_at_the_very_end_of_its_section_needs_its_nul() {
    let mut bytes = file("module.x64.pyd").to_vec();
    let descriptor = Pe::parse(&bytes).unwrap().imports().unwrap()[0].descriptor_rva;
    // A section that fills its page, so that no zeros follow.
    let rva = append_section(&mut bytes, &[b'x'; 0x1000]);
    let descriptor = offset(&bytes, descriptor);
    set_u32(&mut bytes, descriptor + 12, rva + 0xff0);
    assert_eq!(
        Pe::parse(&bytes).unwrap().imports().unwrap_err().to_string(),
        format!(
            "imported DLL name at RVA {:#x} has no NUL before the end of its section",
            rva + 0xff0
        )
    );
}

#[test]
fn a_lying_export_table_is_refused() {
    let good = file("needed.x64.dll");
    let table = offset(good, u32_at(good, directory(good, 0)));
    let with = |at: usize, value: u32| {
        let mut bytes = good.to_vec();
        set_u32(&mut bytes, at, value);
        Pe::parse(&bytes).unwrap().exports().unwrap_err().to_string()
    };
    let addresses = u32_at(good, table + 28);
    assert_eq!(
        with(table + 20, 0xffff_ffff),
        format!(
            "export address table at RVA {addresses:#x} runs past the end of its section after \
             17179869180 bytes"
        )
    );
    let ordinals = u32_at(good, table + 36);
    assert_eq!(
        with(table + 20, 7),
        format!("the exported name's index at RVA {:#x} is 7 of 7 exports", ordinals + 2)
    );
}

#[test]
fn descriptors_that_share_one_long_table_are_refused() {
    // 500 libraries with the same table of 4000 imports: two million symbols from 40 KB.
    let mut content = vec![0; 20 * 501];
    let thunks = content.len().next_multiple_of(8);
    content.resize(thunks, 0);
    for _ in 0..4000 {
        content.extend(0x8000_0000_0000_0001_u64.to_le_bytes());
    }
    content.extend([0; 8]);
    content.extend(b"a.dll\0");
    let mut bytes = file("module.x64.pyd").to_vec();
    let rva = append_section(&mut bytes, &content);
    let section = offset(&bytes, rva);
    for index in 0..500 {
        let descriptor = section + 20 * index;
        set_u32(&mut bytes, descriptor, rva + thunks as u32);
        set_u32(&mut bytes, descriptor + 12, rva + content.len() as u32 - 6);
        set_u32(&mut bytes, descriptor + 16, rva + thunks as u32);
    }
    let entry = directory(&bytes, 1);
    set_u32(&mut bytes, entry, rva);
    let limit = bytes.len() / 4;
    assert_eq!(
        Pe::parse(&bytes).unwrap().imports().unwrap_err().to_string(),
        format!("more than {limit} table entries, which a file of this size cannot hold")
    );
}

/// Longer names for everything the file names, and whatever else an edit can do. A refused edit is fine; a granted
/// one can be read and made again.
fn edit(bytes: &[u8]) {
    for (old, new) in [("needed.dll", LONG), ("late.dll", "l.dll"), ("kernel32.dll", LONG)] {
        let mut edits = renames(&[(old, new)]);
        edits.clear_dependent_load_flags = true;
        let Ok((set, new)) = patch_file(bytes, &edits) else { continue };
        assert_eq!(set.apply(bytes), new);
        assert!(patch_file(&new, &edits).unwrap().0.is_empty());
    }
}

#[test]
fn a_damaged_file_is_edited_right_or_not_at_all() {
    for (_, bytes) in crate::FILES {
        let tight = without_header_room(&without_padding(bytes));
        for bytes in [bytes, &tight] {
            let pe = Pe::parse(bytes).unwrap();
            let headers = pe.size_of_headers() as usize;
            for length in (0..headers).chain((headers..bytes.len()).step_by(7)) {
                edit(&bytes[..length]);
            }
            // The headers, and the sections with the tables.
            let tables = [0, 1, 13].map(|index| pe.directory(index).map_or(0, |(rva, _)| rva));
            let holds_one = |section: &&Section<'_>| {
                let size = section.memory_size();
                tables
                    .iter()
                    .any(|rva| (0..size).contains(&rva.wrapping_sub(section.virtual_address)))
            };
            let sections = pe.sections().iter().filter(holds_one).flat_map(|section| {
                let start = section.pointer_to_raw_data as usize;
                start..start + section.virtual_size as usize
            });
            for at in (0x3c..headers).chain(sections) {
                for value in [0x01, 0xff] {
                    let mut bytes = bytes.to_vec();
                    bytes[at] = value;
                    edit(&bytes);
                }
            }
        }
    }
}
