//! What an edit does to the names: the file says them, and every reader sees nothing else that changed.

use truewheel_pe::{Edits, Note, PatchSet, Pe, patch, patch_file};

use crate::goblin_agrees;
use crate::made::{
    bound, directory, offset, old_delay_imports, optional_header, set_u32, signed, u32_at,
    with_load_config,
};
use crate::{FILES, file};

/// A name as `truewheel` gives them: 32 digits longer.
pub(crate) const LONG: &str = "needed-0123456789abcdef0123456789abcdef.dll";

pub(crate) fn renames(pairs: &[(&str, &str)]) -> Edits {
    let dll_names = pairs.iter().map(|&(old, new)| (old.to_owned(), new.to_owned())).collect();
    Edits { dll_names, ..Edits::default() }
}

/// The edited file. Whatever the edit is: the patch makes the file that was proven, the same edit again makes no
/// other, a second edit of the result is possible, and goblin reads it.
pub(crate) fn edited(bytes: &[u8], edits: &Edits) -> (PatchSet, Vec<u8>) {
    let (set, new) = patch_file(bytes, edits).unwrap();
    assert_eq!(set.apply(bytes), new);
    assert!(patch(&new, edits).unwrap().is_empty());
    goblin_agrees::compare("an edited file", &new);
    (set, new)
}

/// The names of imports, delay imports and forwarders.
pub(crate) fn names(bytes: &[u8]) -> [Vec<String>; 3] {
    let pe = Pe::parse(bytes).unwrap();
    let dll = |import: &truewheel_pe::Import<'_>| import.dll.to_owned();
    let exports = pe.exports().unwrap();
    let exports = exports.iter().flat_map(|exports| &exports.symbols);
    [
        pe.imports().unwrap().iter().map(dll).collect(),
        pe.delay_imports().unwrap().iter().map(dll).collect(),
        exports.filter_map(|symbol| symbol.forwarder.map(str::to_owned)).collect(),
    ]
}

/// The offsets at which two files of one size differ, as ranges.
fn differences(old: &[u8], new: &[u8]) -> Vec<(usize, usize)> {
    assert_eq!(old.len(), new.len());
    let mut found: Vec<(usize, usize)> = Vec::new();
    for at in (0..old.len()).filter(|&at| old[at] != new[at]) {
        match found.last_mut() {
            Some((_, end)) if *end == at => *end += 1,
            _ => found.push((at, at + 1)),
        }
    }
    found
}

#[test]
fn no_edits_no_change() {
    for (_, bytes) in FILES {
        assert_eq!(patch(bytes, &Edits::default()).unwrap(), PatchSet::default());
        let edits = Edits { clear_dependent_load_flags: true, ..Edits::default() };
        assert!(patch(&signed(bytes), &edits).unwrap().is_empty());
    }
}

#[test]
fn every_table_gets_longer_names() {
    let edits =
        renames(&[("needed.dll", LONG), ("late.dll", "late-0123456789abcdef0123456789abcdef.dll")]);
    for name in ["module.x86.pyd", "module.x64.pyd", "module.arm64.pyd", "module.mingw.pyd"] {
        let (set, new) = edited(file(name), &edits);
        let late = vec!["late-0123456789abcdef0123456789abcdef.dll".to_owned()];
        assert_eq!(names(&new), [vec![LONG.to_owned()], late, vec![]], "{name}");
        // The padding has room, so the file keeps its size.
        assert_eq!((set.tail, set.notes), (None, vec![]), "{name}");
    }
}

#[test]
fn a_forwarder_leads_to_the_new_name() {
    for name in ["needed.x86.dll", "needed.x64.dll", "needed.arm64.dll"] {
        for (new_name, forwarder) in [
            (
                "kernel32-0123456789abcdef0123456789abcdef.dll",
                "kernel32-0123456789abcdef0123456789abcdef",
            ),
            ("kernel.dll", "kernel"),
            ("kernel33.dll", "kernel33"),
            ("kernel-3.2.dll", "kernel-3.2.dll"),
            ("kernel32.pyd", "kernel32.pyd"),
        ] {
            let (_, new) = edited(file(name), &renames(&[("KERNEL32.dll", new_name)]));
            assert_eq!(names(&new)[2], [format!("{forwarder}.GetTickCount")]);
            let exports = |bytes: &[u8]| {
                let pe = Pe::parse(bytes).unwrap();
                let exports = pe.exports().unwrap().unwrap();
                let plain = exports.symbols.iter().filter(|symbol| symbol.forwarder.is_none());
                plain.map(|it| (it.ordinal, it.rva, it.name.map(str::to_owned))).collect::<Vec<_>>()
            };
            assert_eq!(exports(&new), exports(file(name)), "{name}");
        }
    }
}

#[test]
fn a_name_that_fits_is_written_where_the_old_one_stands() {
    for name in ["module.x86.pyd", "module.x64.pyd", "module.arm64.pyd"] {
        let bytes = file(name);
        let place = offset(bytes, Pe::parse(bytes).unwrap().imports().unwrap()[0].name_rva);
        let (_, new) = edited(bytes, &renames(&[("needed.dll", "abcdef.dll")]));
        assert_eq!(differences(bytes, &new), [(place, place + 3), (place + 5, place + 6)]);
        let (_, new) = edited(bytes, &renames(&[("needed.dll", "n.dll")]));
        // The rest of the old name is gone.
        assert_eq!(new[place..place + 11], *b"n.dll\0\0\0\0\0\0");
        assert_eq!(differences(bytes, &new), [(place + 1, place + 10)]);
    }
}

#[test]
fn names_are_found_as_the_loader_finds_them() {
    for old in ["NEEDED.DLL", "Needed", "needed.dll"] {
        let (_, new) = edited(file("module.x64.pyd"), &renames(&[(old, "other.dll")]));
        assert_eq!(names(&new)[0], ["other.dll"]);
    }
    let (_, new) = edited(file("module.x64.pyd"), &renames(&[("needed.dll", "Needed.dll")]));
    assert_eq!(names(&new)[0], ["Needed.dll"]);
}

#[test]
fn delay_imports_of_the_old_form_get_virtual_addresses() {
    let old = old_delay_imports();
    let name = "late-0123456789abcdef0123456789abcdef.dll";
    let (_, new) = edited(&old, &renames(&[("late.dll", name)]));
    assert_eq!(names(&new)[1], [name]);
    let pe = Pe::parse(&new).unwrap();
    let import = &pe.delay_imports().unwrap()[0];
    assert!(import.virtual_addresses);
    let address = u32_at(&new, offset(&new, import.descriptor_rva) + 4);
    assert_eq!(address, import.name_rva + pe.image_base() as u32);
}

#[test]
fn a_name_that_is_not_there_is_told() {
    let edits = renames(&[("needed.dll", LONG), ("absent.dll", "other.dll")]);
    let error = patch(file("module.x64.pyd"), &edits).unwrap_err();
    assert_eq!(error.to_string(), "no import `absent.dll`");
}

#[test]
fn certificates_go_if_and_only_if_the_file_changes() {
    for name in ["module.x64.pyd", "module.mingw.pyd", "module.x86.pyd"] {
        let mut old = signed(file(name));
        let flags = optional_header(&old) + 70;
        old[flags] |= 0x80;
        let (set, new) = edited(&old, &renames(&[("needed.dll", "other.dll")]));
        assert_eq!(set.notes, [Note::IntegrityNotForced, Note::SignatureLost]);
        let pe = Pe::parse(&new).unwrap();
        assert_eq!((pe.certificates(), pe.dll_characteristics() & 0x80), (None, 0));
        assert_eq!(u32_at(&new, directory(&new, 4) + 4), 0);
        // Nothing but the certificates went.
        let (_, unsigned) = edited(file(name), &renames(&[("needed.dll", "other.dll")]));
        assert_eq!(new, unsigned);

        // What is there already is no change.
        assert!(patch(&old, &renames(&[("other.dll", "needed.dll")])).unwrap().is_empty());
    }
}

#[test]
fn certificates_before_something_else_stay_as_bytes() {
    let mut old = signed(file("module.x64.pyd"));
    old.extend(b"an archive, found from the end of the file");
    let (set, new) = edited(&old, &renames(&[("needed.dll", "other.dll")]));
    assert_eq!((set.notes, new.len()), (vec![Note::SignatureLost], old.len()));
    let start = file("module.x64.pyd").len();
    assert_eq!(new[start..], old[start..]);
    assert_eq!(Pe::parse(&new).unwrap().certificates(), None);
}

#[test]
fn a_checksum_is_refreshed_and_none_is_invented() {
    let edits = renames(&[("needed.dll", LONG)]);
    for name in ["module.x64.pyd", "module.x86.pyd", "module.mingw.pyd"] {
        let (_, new) = edited(file(name), &edits);
        assert_eq!(Pe::parse(&new).unwrap().checksum(), 0);
        let mut old = file(name).to_vec();
        let field = optional_header(&old) + 64;
        let sum = Pe::parse(&old).unwrap().computed_checksum();
        set_u32(&mut old, field, sum);
        let (_, new) = edited(&old, &edits);
        let pe = Pe::parse(&new).unwrap();
        assert_eq!(pe.checksum(), pe.computed_checksum());
        assert_ne!(pe.checksum(), sum);
    }
}

#[test]
fn bound_imports_are_given_up_when_a_name_changes() {
    for name in ["module.x86.pyd", "module.x64.pyd"] {
        let old = bound(file(name));
        let pe = Pe::parse(&old).unwrap();
        let table = pe.bound_imports().unwrap();
        assert_eq!((table.len(), table[0].dll, table[0].is_forwarder), (1, "needed.dll", false));
        assert_eq!(table[0].time_date_stamp, 0x1234_5678);

        let (set, new) = edited(&old, &renames(&[("needed.dll", LONG)]));
        assert_eq!(set.notes, [Note::Unbound]);
        let pe = Pe::parse(&new).unwrap();
        assert!(!pe.has_bound_imports().unwrap());
        assert_eq!(pe.bound_imports().unwrap(), []);
        // The table's place is free, and the addresses are what the linker wrote.
        let end = pe.sections().last().unwrap().header_offset as usize + 40;
        assert!(new[end..0x400].iter().all(|&byte| byte == 0));
        let import = &pe.imports().unwrap()[0];
        let at = |rva| offset(&new, rva);
        let (names, addresses) = (at(import.lookup_table_rva), at(import.address_table_rva));
        assert_eq!(new[names..names + 8], new[addresses..addresses + 8]);
    }
}

#[test]
fn bound_imports_stay_when_no_name_changes() {
    let old = bound(&with_load_config(0x50, false));
    let edits = Edits { clear_dependent_load_flags: true, ..Edits::default() };
    let (set, new) = edited(&old, &edits);
    assert_eq!(set.notes, []);
    assert!(Pe::parse(&new).unwrap().has_bound_imports().unwrap());
}

#[test]
fn load_flags_are_cleared_and_nothing_else() {
    let old = with_load_config(0x50, false);
    let edits = Edits { clear_dependent_load_flags: true, ..Edits::default() };
    let (set, new) = edited(&old, &edits);
    let config = Pe::parse(&new).unwrap().load_config().unwrap().unwrap();
    assert_eq!(config.dependent_load_flags, Some(0));
    let place = offset(&old, config.dependent_load_flags_rva.unwrap());
    // 0x0800: the high byte.
    assert_eq!(set.edits, [(place as u64 + 1, vec![0])]);
    assert_eq!(differences(&old, &new), [(place + 1, place + 2)]);
}

#[test]
fn a_string_that_ends_another_is_not_written_over() {
    let mut old = file("module.x64.pyd").to_vec();
    let pe = Pe::parse(&old).unwrap();
    let (import, late) = (&pe.imports().unwrap()[0], &pe.delay_imports().unwrap()[0]);
    // `needed.dll` is needed a second time as `ed.dll`.
    let (descriptor, rva) = (offset(&old, late.descriptor_rva), import.name_rva + 4);
    set_u32(&mut old, descriptor + 4, rva);
    assert_eq!(names(&old)[1], ["ed.dll"]);
    let (_, new) = edited(&old, &renames(&[("needed.dll", "other.dll")]));
    assert_eq!(names(&new)[..2], [["other.dll"], ["ed.dll"]]);
    let (_, new) = edited(&old, &renames(&[("ed.dll", "x.dll")]));
    assert_eq!(names(&new)[..2], [["needed.dll"], ["x.dll"]]);
    // One string for both, and one new name for both, is one slot again.
    set_u32(&mut old, descriptor + 4, rva - 4);
    let (set, new) = edited(&old, &renames(&[("needed.dll", "x.dll")]));
    assert_eq!(
        (names(&new)[0].as_slice(), names(&new)[1].as_slice()),
        (&["x.dll".to_owned()][..], &["x.dll".to_owned()][..])
    );
    assert_eq!(set.edits.len(), 1);
}

#[test]
fn a_packed_file_is_refused() {
    let mut packed = file("module.x64.pyd").to_vec();
    let header = Pe::parse(&packed).unwrap().sections()[1].header_offset as usize;
    packed[header..header + 8].copy_from_slice(b"UPX0\0\0\0\0");
    assert_eq!(Pe::parse(&packed).unwrap().packer(), Some("UPX"));
    let error = patch(&packed, &renames(&[("needed.dll", "other.dll")])).unwrap_err();
    assert_eq!(error.to_string(), "the file is packed by UPX, which hides its imports");
}
