//! What the reader says of files whose content is known: each fact was put there by `make.sh` or by the test.

use truewheel_pe::{Import, ImportedSymbol, Overlay, OverlayKind, Pe, PeKind, is_pe};

use crate::file;
use crate::made::{
    append_section, directory, offset, old_delay_imports, optional_header, set_u32, signed,
    with_load_config,
};

const BOUND_IMPORT: usize = 11;

fn parse(bytes: &[u8]) -> Pe<'_> {
    assert!(is_pe(bytes));
    Pe::parse(bytes).unwrap()
}

fn names<'a>(imports: &[Import<'a>]) -> Vec<&'a str> {
    imports.iter().map(|import| import.dll).collect()
}

#[test]
fn each_machine_has_its_name() {
    let machines = [
        ("module.x86.pyd", 0x14c, "x86", PeKind::Pe32),
        ("module.x64.pyd", 0x8664, "x64", PeKind::Pe32Plus),
        ("module.arm64.pyd", 0xaa64, "arm64", PeKind::Pe32Plus),
    ];
    for (name, machine, architecture, kind) in machines {
        let pe = parse(file(name));
        assert_eq!((pe.machine(), pe.architecture(), pe.kind()), (machine, architecture, kind));
        assert!(pe.is_dll());
    }
}

#[test]
fn imports_are_names_with_hints_and_ordinals() {
    for name in ["module.x86.pyd", "module.x64.pyd", "module.arm64.pyd", "module.mingw.pyd"] {
        let imports = parse(file(name)).imports().unwrap();
        assert_eq!(names(&imports), ["needed.dll"], "{name}");
        let by_name = ImportedSymbol::Name { hint: 1, name: "needed" };
        assert_eq!(imports[0].symbols, [ImportedSymbol::Ordinal(7), by_name], "{name}");
        assert_eq!((imports[0].time_date_stamp, imports[0].virtual_addresses), (0, false));
    }
}

#[test]
fn delay_imports_are_apart_from_imports() {
    for name in ["module.x86.pyd", "module.x64.pyd", "module.arm64.pyd"] {
        let imports = parse(file(name)).delay_imports().unwrap();
        assert_eq!(names(&imports), ["late.dll"], "{name}");
        assert_eq!(imports[0].symbols, [ImportedSymbol::Name { hint: 0, name: "late" }]);
    }
    assert_eq!(parse(file("needed.x64.dll")).delay_imports().unwrap(), []);
}

#[test]
fn delay_imports_of_the_old_form_hold_virtual_addresses() {
    let bytes = file("module.x86.pyd");
    let pe = parse(bytes);
    let new = pe.delay_imports().unwrap();
    let old_form = old_delay_imports();
    let old = parse(&old_form).delay_imports().unwrap();
    assert_eq!((old[0].dll, &old[0].symbols), (new[0].dll, &new[0].symbols));
    assert_eq!(old[0].name_rva, new[0].name_rva);
    assert!(old[0].virtual_addresses);
}

#[test]
fn a_name_in_another_section_is_found() {
    for name in ["module.x86.pyd", "module.x64.pyd"] {
        let mut bytes = file(name).to_vec();
        let descriptor = parse(&bytes).imports().unwrap()[0].descriptor_rva;
        let rva = append_section(&mut bytes, b"\0\0needed-0123456789abcdef.dll\0");
        let descriptor = offset(&bytes, descriptor);
        set_u32(&mut bytes, descriptor + 12, rva + 2);
        let imports = parse(&bytes).imports().unwrap();
        assert_eq!(names(&imports), ["needed-0123456789abcdef.dll"]);
        assert_eq!((imports[0].name_rva, imports[0].symbols.len()), (rva + 2, 2));
    }
}

#[test]
fn exports_have_names_numbers_and_forwarders() {
    for name in ["needed.x86.dll", "needed.x64.dll", "needed.arm64.dll"] {
        let exports = parse(file(name)).exports().unwrap().unwrap();
        assert_eq!(exports.dll_name, "needed.dll");
        let found: Vec<_> = exports
            .symbols
            .iter()
            .map(|symbol| (symbol.ordinal, symbol.name, symbol.forwarder))
            .collect();
        // Numbers 2 to 6 are not used.
        let passed_on = (8, Some("passed_on"), Some("kernel32.GetTickCount"));
        assert_eq!(found, [(1, Some("needed"), None), (7, None, None), passed_on]);
    }
}

#[test]
fn a_file_without_exports_has_none() {
    let mut bytes = file("needed.x64.dll").to_vec();
    let export = directory(&bytes, 0);
    set_u32(&mut bytes, export, 0);
    assert_eq!(parse(&bytes).exports().unwrap(), None);
}

#[test]
fn the_version_resource_states_two_versions() {
    let version = parse(file("module.x64.pyd")).version_resource().unwrap().unwrap();
    assert_eq!(version.file_version, (14, 44, 35211, 9));
    assert_eq!(version.product_version, (1, 2, 3, 4));
    assert_eq!(parse(file("needed.x64.dll")).version_resource().unwrap(), None);
}

#[test]
fn the_headers_say_who_linked_the_file_and_for_which_windows() {
    let pe = parse(file("module.x64.pyd"));
    assert_eq!(pe.linker_version(), (14, 0));
    // `-subsystem:windows,6.1` is Windows 7.
    assert_eq!((pe.os_version(), pe.subsystem_version(), pe.subsystem()), ((6, 1), (6, 1), 2));
    assert_eq!((pe.section_alignment(), pe.file_alignment()), (0x1000, 0x200));
    // 0x20 high entropy, 0x40 dynamic base, 0x100 NX.
    assert_eq!(pe.dll_characteristics(), 0x160);
    assert!(!pe.is_managed());
}

#[test]
fn the_checksum_does_not_depend_on_its_own_field() {
    let mut bytes = file("module.x64.pyd").to_vec();
    assert_eq!(parse(&bytes).checksum(), 0);
    let checksum = parse(&bytes).computed_checksum();
    let field = optional_header(&bytes) + 64;
    set_u32(&mut bytes, field, checksum);
    assert_eq!((parse(&bytes).checksum(), parse(&bytes).computed_checksum()), (checksum, checksum));
    // An odd byte at the end is the low half of a word; the size is part of the sum.
    bytes.push(3);
    assert_eq!(parse(&bytes).computed_checksum(), checksum + 4);
}

#[test]
fn dependent_load_flags_are_there_if_the_structure_is_long_enough() {
    let bytes = with_load_config(0x4f, false);
    assert_eq!(parse(&bytes).load_config().unwrap().unwrap().dependent_load_flags, None);
    let bytes = with_load_config(0x50, false);
    let config = parse(&bytes).load_config().unwrap().unwrap();
    assert_eq!(config.dependent_load_flags, Some(0x0800));
    let rva = config.dependent_load_flags_rva.unwrap();
    assert_eq!(bytes[offset(&bytes, rva) + 1], 0x08);
    assert_eq!(parse(file("module.x64.pyd")).load_config().unwrap(), None);
}

#[test]
fn hybrid_code_is_told_by_its_metadata() {
    let machine = |bytes: &[u8]| optional_header(bytes) - 20;
    let mut bytes = with_load_config(0xd0, true);
    assert_eq!((parse(&bytes).machine(), parse(&bytes).architecture()), (0x8664, "arm64ec"));
    let at = machine(&bytes);
    bytes[at..at + 2].copy_from_slice(&0xaa64_u16.to_le_bytes());
    assert_eq!(parse(&bytes).architecture(), "arm64x");
    // The pointer is there only if the size says so.
    assert_eq!(parse(&with_load_config(0xcf, true)).architecture(), "x64");
    assert_eq!(parse(&with_load_config(0xd0, false)).architecture(), "x64");
}

#[test]
fn bound_imports_are_seen_in_both_places() {
    let mut bytes = file("module.x64.pyd").to_vec();
    assert!(!parse(&bytes).has_bound_imports().unwrap());
    let entry = directory(&bytes, BOUND_IMPORT);
    set_u32(&mut bytes, entry, 0x300);
    assert!(parse(&bytes).has_bound_imports().unwrap());

    let mut bytes = file("module.x64.pyd").to_vec();
    let descriptor = offset(&bytes, parse(&bytes).imports().unwrap()[0].descriptor_rva);
    set_u32(&mut bytes, descriptor + 4, 0xffff_ffff);
    assert!(parse(&bytes).has_bound_imports().unwrap());
    assert_eq!(parse(&bytes).imports().unwrap()[0].time_date_stamp, 0xffff_ffff);
}

#[test]
fn a_file_that_ends_with_its_sections_has_no_overlay() {
    assert_eq!(parse(file("module.x64.pyd")).overlay(), None);
}

#[test]
fn coff_symbols_are_an_overlay() {
    let bytes = file("module.mingw.pyd");
    let pe = parse(bytes);
    let (offset, size) = pe.coff_symbols().unwrap();
    // Six symbols of 18 bytes and a string table of 77 bytes.
    assert_eq!(size, 6 * 18 + 77);
    // What the linker added to round the file up belongs to them.
    let size = bytes.len() as u64 - offset;
    let overlay = Overlay { offset, size, kind: OverlayKind::CoffSymbols };
    assert_eq!(pe.overlay(), Some(overlay));
}

/// The file signed, and where its certificates are.
fn certified(name: &str) -> (Vec<u8>, Overlay) {
    let bytes = signed(file(name));
    let offset = bytes.len() as u64 - 16;
    (bytes, Overlay { offset, size: 16, kind: OverlayKind::Certificate })
}

#[test]
fn certificates_are_an_overlay() {
    let (bytes, certificates) = certified("module.x64.pyd");
    assert_eq!(parse(&bytes).certificates(), Some((certificates.offset, certificates.size)));
    assert_eq!(parse(&bytes).overlay(), Some(certificates));
}

#[test]
fn an_overlay_of_several_kinds_is_the_kind_that_must_stay() {
    let (mut bytes, certificates) = certified("module.mingw.pyd");
    let pe = parse(&bytes);
    let parts = pe.overlay_parts();
    let kinds: Vec<_> = parts.iter().map(|part| part.kind).collect();
    assert_eq!(kinds, [OverlayKind::CoffSymbols, OverlayKind::Certificate]);
    // The zeros between them belong to the first, so the parts are the whole.
    assert_eq!(parts[0].offset + parts[0].size, certificates.offset);
    assert_eq!(pe.overlay().unwrap().kind, OverlayKind::CoffSymbols);

    bytes.extend(b"an archive");
    let pe = parse(&bytes);
    assert_eq!(pe.overlay().unwrap().kind, OverlayKind::Unknown);
    let last = *pe.overlay_parts().last().unwrap();
    assert_eq!((last.size, last.kind), (10, OverlayKind::Unknown));
}

#[test]
fn a_section_behind_the_symbols_leaves_no_overlay() {
    let mut bytes = file("module.mingw.pyd").to_vec();
    let symbols = parse(&bytes).coff_symbols();
    append_section(&mut bytes, b"names");
    let pe = parse(&bytes);
    assert_eq!((pe.overlay(), pe.coff_symbols()), (None, symbols));
}

#[test]
fn addresses_are_found_in_headers_and_sections_only() {
    let pe = parse(file("module.x64.pyd"));
    assert_eq!(pe.file_offset(0x3c), Some(0x3c));
    let text = pe.sections()[0];
    assert_eq!(text.name, b".text");
    let start = u64::from(text.pointer_to_raw_data);
    assert_eq!(pe.file_offset(text.virtual_address + 5), Some(start + 5));
    assert_eq!(pe.file_offset(text.virtual_address + text.size_of_raw_data), None);
    assert_eq!(pe.file_offset(0xffff_ffff), None);
}

#[test]
fn a_dos_program_is_no_pe_file() {
    let mut dos = [0; 0x80];
    dos[..2].copy_from_slice(b"MZ");
    for bytes in [&dos[..], b"MZ", b"", b"\x7fELF", b"PK\x03\x04"] {
        assert!(!is_pe(bytes));
        let error = Pe::parse(bytes).unwrap_err();
        assert_eq!(error.to_string(), "no `MZ` header that leads to a `PE` signature");
    }
}
