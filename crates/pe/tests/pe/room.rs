//! Where names go that are longer than the old ones, and what must not move for it.

use truewheel_pe::{Edits, OverlayKind, Pe, patch};

use crate::edits::{LONG, edited, names, renames};
use crate::file;
use crate::made::{
    bound, directory, offset, optional_header, set_u32, u32_at, without_header_room,
    without_padding,
};

fn longer() -> Edits {
    renames(&[("needed.dll", LONG)])
}

#[test]
fn padding_is_used_only_where_it_is_zero() {
    let old = file("module.x64.pyd");
    let (set, new) = edited(old, &longer());
    assert_eq!((set.tail, new.len()), (None, old.len()));
    let section = |bytes: &[u8], at: usize| Pe::parse(bytes).unwrap().sections()[at].virtual_size;
    assert!(section(&new, 1) > section(old, 1));

    // One byte at its very end, which the names would not reach, shows that somebody uses it.
    let mut used = old.to_vec();
    let rdata = Pe::parse(old).unwrap().sections()[1];
    used[rdata.raw_end().unwrap() as usize - 1] = 1;
    let (_, new) = edited(&used, &longer());
    assert_eq!(section(&new, 1), section(old, 1));
    assert_eq!(names(&new)[0], [LONG]);
}

#[test]
fn a_text_at_the_end_of_a_section_keeps_a_zero_behind_it() {
    let old = file("module.x64.pyd");
    let rdata = Pe::parse(old).unwrap().sections()[1];
    let end = rdata.pointer_to_raw_data as usize + rdata.virtual_size as usize;
    for (last, gap) in [(0, 0), (b'x', 1)] {
        let mut old = old.to_vec();
        old[end - 1] = last;
        let (_, new) = edited(&old, &longer());
        assert_eq!(new[end - 1..end + gap], [&[last][..], &[0][..gap]].concat());
        assert_eq!(new[end + gap..][..LONG.len()], *LONG.as_bytes());
    }
}

#[test]
fn a_section_of_virtual_size_0_has_no_padding() {
    let mut old = file("module.x64.pyd").to_vec();
    let sections: Vec<_> =
        Pe::parse(&old).unwrap().sections().to_vec().iter().map(|s| s.header_offset).collect();
    for header in &sections {
        set_u32(&mut old, *header as usize + 8, 0);
    }
    let (_, new) = edited(&old, &longer());
    let pe = Pe::parse(&new).unwrap();
    assert_eq!(
        (pe.sections().len(), names(&new)[0].as_slice()),
        (sections.len() + 1, &[LONG.to_owned()][..])
    );
    assert!(pe.sections()[..sections.len()].iter().all(|section| section.virtual_size == 0));
}

#[test]
fn writable_and_discardable_sections_have_no_padding() {
    let mut old = file("module.x64.pyd").to_vec();
    let rdata = Pe::parse(&old).unwrap().sections()[1].header_offset as usize;
    let flags = u32_at(&old, rdata + 36);
    // .data, .rsrc and .reloc have room, and stay alone.
    for flag in [0x8000_0000, 0x0200_0000, 0x2000_0000, 0x1000_0000] {
        set_u32(&mut old, rdata + 36, flags | flag);
        let pe = Pe::parse(&old).unwrap();
        let pdata = pe.sections()[3];
        let (_, new) = edited(&old, &longer());
        let sections = Pe::parse(&new).unwrap().sections().to_vec();
        assert!(sections[3].virtual_size > pdata.virtual_size, "{flag:#x}");
        for (was, is) in pe.sections().iter().zip(&sections).filter(|(it, _)| it.name != b".pdata")
        {
            assert_eq!(was, is, "{flag:#x}");
        }
    }
}

#[test]
fn a_new_section_ends_memory_and_file() {
    for name in ["module.x86.pyd", "module.x64.pyd", "module.arm64.pyd"] {
        let old = without_padding(file(name));
        let (set, new) = edited(&old, &longer());
        assert_eq!(names(&new)[0], [LONG], "{name}");
        let (was, is) = (Pe::parse(&old).unwrap(), Pe::parse(&new).unwrap());
        let added = is.sections()[was.sections().len()];
        assert_eq!((added.name, added.characteristics), (&b".wheel"[..], 0x4000_0040));
        assert_eq!(added.virtual_address, was.size_of_image());
        assert_eq!(is.size_of_image(), was.size_of_image() + 0x1000);
        assert_eq!((added.virtual_size, added.size_of_raw_data), (LONG.len() as u32 + 1, 0x200));
        assert_eq!(set.tail.unwrap().0, old.len() as u64);
        assert_eq!(new.len(), old.len() + 0x200);

        // A second edit finds room in the section that the first one added.
        let (set, newer) = edited(&new, &renames(&[(LONG, &LONG.replace('-', "-again-"))]));
        assert_eq!((set.tail, newer.len()), (None, new.len()));
    }
}

#[test]
fn a_new_section_goes_behind_the_overlay() {
    let mut old = without_padding(file("module.mingw.pyd"));
    old.extend(b"an archive, found from the end of the sections");
    let (_, new) = edited(&old, &longer());
    let (was, is) = (Pe::parse(&old).unwrap(), Pe::parse(&new).unwrap());
    assert_eq!(was.coff_symbols(), is.coff_symbols());
    let overlay = was.overlay().unwrap();
    assert_eq!(
        (overlay.kind, overlay.size + overlay.offset),
        (OverlayKind::Unknown, old.len() as u64)
    );
    let start = overlay.offset as usize;
    assert_eq!(new[start..old.len()], old[start..]);
    let added = is.sections().last().unwrap();
    assert_eq!(u64::from(added.pointer_to_raw_data), (old.len() as u64).next_multiple_of(0x200));
    assert_eq!(names(&new)[0], [LONG]);
}

#[test]
fn the_place_of_bound_imports_is_room_for_a_header() {
    let old = bound(&without_padding(file("module.x64.pyd")));
    let (_, new) = edited(&old, &longer());
    let pe = Pe::parse(&new).unwrap();
    assert_eq!(pe.sections().last().unwrap().name, b".wheel");
    let free = pe.sections().last().unwrap().header_offset as usize + 40..0x400;
    assert!(new[free].iter().all(|&byte| byte == 0));
}

#[test]
fn without_room_in_the_headers_the_last_section_grows() {
    let old = without_header_room(&without_padding(file("module.x64.pyd")));
    let (_, new) = edited(&old, &longer());
    let (was, is) = (Pe::parse(&old).unwrap(), Pe::parse(&new).unwrap());
    assert_eq!(names(&new)[0], [LONG]);
    assert_eq!(is.sections().len(), was.sections().len());
    let (was, is) = (was.sections().last().unwrap(), is.sections().last().unwrap());
    assert_eq!((is.name, is.pointer_to_raw_data), (&b".reloc"[..], was.pointer_to_raw_data));
    // Names behind all that was there; what the loader reads is not to be discarded.
    assert_eq!(is.virtual_size, 0x200 + LONG.len() as u32 + 1);
    assert_eq!((is.size_of_raw_data, new.len()), (0x400, old.len() + 0x200));
    assert_eq!((was.characteristics, is.characteristics), (0x4200_0040, 0x4000_0040));
}

#[test]
fn without_room_in_the_headers_the_last_section_moves_behind_an_overlay() {
    let mut old = without_header_room(&without_padding(file("module.mingw.pyd")));
    let copy = old.clone();
    let reloc = *Pe::parse(&copy).unwrap().sections().last().unwrap();
    // A debug directory of one entry in the last section, whose data are the section's first bytes.
    let debug = reloc.virtual_address + 0x40;
    let place = reloc.pointer_to_raw_data as usize + 0x40;
    old[place..place + 28].fill(0);
    for (at, value) in [(16, 12), (20, reloc.virtual_address), (24, reloc.pointer_to_raw_data)] {
        set_u32(&mut old, place + at, value);
    }
    let entry = directory(&old, 6);
    set_u32(&mut old, entry, debug);
    set_u32(&mut old, entry + 4, 28);

    let (_, new) = edited(&old, &longer());
    let (was, is) = (Pe::parse(&old).unwrap(), Pe::parse(&new).unwrap());
    assert_eq!(
        (names(&new)[0].as_slice(), was.coff_symbols()),
        (&[LONG.to_owned()][..], is.coff_symbols())
    );
    let moved = is.sections().last().unwrap();
    assert_eq!(moved.pointer_to_raw_data as usize, old.len().next_multiple_of(0x200));
    let overlay = was.overlay().unwrap().offset as usize;
    assert_eq!(new[overlay..old.len()], old[overlay..]);
    assert_eq!(u32_at(&new, offset(&new, debug) + 24), moved.pointer_to_raw_data);
}

#[test]
fn what_gnu_ld_links_keeps_its_symbols_and_its_debug_sections() {
    let edits = renames(&[("needed.dll", LONG)]);
    for name in ["full.x64.dll", "full.x86.dll"] {
        let forwarder = format!("{}.needed", LONG.trim_end_matches(".dll"));
        let (_, padded) = edited(file(name), &edits);
        assert_eq!(padded.len(), file(name).len());
        // GNU objdump shows names of the import directory's own section only.
        let pe = Pe::parse(&padded).unwrap();
        let idata = pe.sections().iter().find(|section| section.name == b".idata").unwrap();
        let name_rva = pe.imports().unwrap()[0].name_rva;
        assert!((0..idata.virtual_size).contains(&(name_rva - idata.virtual_address)));
        assert_eq!((&names(&padded)[0][0], &names(&padded)[2][0]), (&LONG.to_owned(), &forwarder));

        let old = without_header_room(&without_padding(file(name)));
        let (_, new) = edited(&old, &edits);
        assert_eq!((&names(&new)[0][0], &names(&new)[2][0]), (&LONG.to_owned(), &forwarder));
        let (was, is) = (Pe::parse(&old).unwrap(), Pe::parse(&new).unwrap());
        assert_eq!(
            (was.coff_symbols(), was.sections().len()),
            (is.coff_symbols(), is.sections().len())
        );
        let last = (was.sections().last().unwrap(), is.sections().last().unwrap());
        // Its name is longer than 8 bytes, so it stands in the string table.
        assert_eq!((&last.0.name[..1], last.0.name), (&b"/"[..], last.1.name));
        let data =
            |bytes: &[u8], at: u32| bytes[at as usize..][..last.0.virtual_size as usize].to_vec();
        assert_eq!(data(&new, last.1.pointer_to_raw_data), data(&old, last.0.pointer_to_raw_data));
        let (start, size) = was.coff_symbols().unwrap();
        let symbols = start as usize..(start + size) as usize;
        assert_eq!(new[symbols.clone()], old[symbols]);
    }
}

#[test]
fn a_file_without_any_room_says_so() {
    // Mapped as it stands: RVAs are offsets, and no section can be added.
    let mut old = file("module.x64.pyd").to_vec();
    let optional = optional_header(&old);
    let pe = Pe::parse(&old).unwrap();
    let sections: Vec<_> =
        pe.sections().iter().map(|s| (s.header_offset as usize, s.virtual_address)).collect();
    let mut image = vec![0; pe.size_of_image() as usize];
    image[..0x400].copy_from_slice(&old[..0x400]);
    for section in pe.sections() {
        let (start, size) =
            (section.pointer_to_raw_data as usize, section.size_of_raw_data as usize);
        let to = section.virtual_address as usize;
        image[to..to + size].copy_from_slice(&old[start..start + size]);
    }
    old = image;
    for (header, rva) in sections {
        set_u32(&mut old, header + 20, rva);
    }
    for alignment in [32, 36] {
        set_u32(&mut old, optional + alignment, 0x200);
    }
    assert_eq!(names(&old)[0], ["needed.dll"]);
    assert_eq!(
        patch(&old, &longer()).unwrap_err().to_string(),
        format!(
            "`{LONG}` has no place: it is longer than the 10 bytes of `needed.dll`, and the file is mapped as it \
             stands, so it cannot grow"
        )
    );
    // A name that fits is no matter.
    let (_, new) = edited(&old, &renames(&[("needed.dll", "abcdef.dll")]));
    assert_eq!(names(&new)[0], ["abcdef.dll"]);
}

#[test]
fn a_last_section_without_data_cannot_grow() {
    let mut old = without_header_room(&without_padding(file("module.x64.pyd")));
    let last = Pe::parse(&old).unwrap().sections().last().unwrap().header_offset as usize;
    set_u32(&mut old, last + 16, 0);
    assert_eq!(
        patch(&old, &longer()).unwrap_err().to_string(),
        format!(
            "`{LONG}` has no place: it is longer than the 10 bytes of `needed.dll`, and no section header is free, \
             and the last section cannot grow"
        )
    );
}

#[test]
fn all_forwarders_follow_an_export_directory() {
    let old = without_padding(file("needed.x64.dll"));
    let long = "kernel32-0123456789abcdef0123456789abcdef.dll";
    let (_, new) = edited(&old, &renames(&[("kernel32.dll", long)]));
    let pe = Pe::parse(&new).unwrap();
    let added = pe.sections().last().unwrap();
    let (rva, size) = pe.directory(0).unwrap();
    assert_eq!((rva, size), (added.virtual_address, added.virtual_size));
    let forwarder = format!("{}.GetTickCount", long.trim_end_matches(".dll"));
    assert_eq!(names(&new)[2], std::slice::from_ref(&forwarder));
    assert_eq!(size as usize, 40 + forwarder.len() + 1);

    // The half of an ARM64X file that is not in sight has fixups for the directory.
    let mut hybrid = old.clone();
    let config = crate::made::append_section(
        &mut hybrid,
        &[&[0xd0_u8, 0, 0, 0][..], &[0; 0xc4], &[1; 8], &[0; 8]].concat(),
    );
    let entry = directory(&hybrid, 10);
    set_u32(&mut hybrid, entry, config);
    set_u32(&mut hybrid, entry + 4, 0xd0);
    let machine = optional_header(&hybrid) - 20;
    hybrid[machine..machine + 2].copy_from_slice(&0xaa64_u16.to_le_bytes());
    assert_eq!(Pe::parse(&hybrid).unwrap().architecture(), "arm64x");
    assert_eq!(
        patch(&hybrid, &renames(&[("kernel32.dll", long)])).unwrap_err().to_string(),
        format!(
            "`{forwarder}` has no place: it is longer than the 21 bytes of `kernel32.GetTickCount`, and the export \
             directory of an ARM64X file cannot move"
        )
    );
}
