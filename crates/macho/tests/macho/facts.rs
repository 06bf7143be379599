//! What the reader says of files whose content is known: each fact was put there by `make.sh` or by the test.

use truewheel_macho::{Container, DylibKind, MachO, MinimumOs, Slice, is_macho};

use crate::file;
use crate::made::{command, commands_32_big, commands_64, dylib, universal};

fn thin(bytes: &[u8]) -> Slice<'_> {
    let macho = MachO::parse(bytes).unwrap();
    assert_eq!(macho.container(), Container::Thin);
    macho.slices()[0].clone()
}

#[test]
fn a_library_has_an_install_id_with_its_versions() {
    let slice = thin(file("libneeded.arm64.dylib"));
    let id = slice.install_id().unwrap();
    assert_eq!(id.install_name, "@rpath/libneeded.1.dylib");
    assert_eq!(id.kind, DylibKind::Id);
    assert_eq!(id.current_version, (1, 2, 3));
    assert_eq!(id.compatibility_version, (1, 1, 0));
    assert_eq!(slice.file_type, 6);
}

#[test]
fn a_bundle_has_no_install_id() {
    let slice = thin(file("module.arm64.so"));
    assert_eq!((slice.install_id(), slice.file_type), (None, 8));
}

#[test]
fn loads_come_in_the_order_of_their_ordinals_with_their_kind() {
    let loads: Vec<_> = thin(file("module.x86_64.so"))
        .loads()
        .iter()
        .map(|load| (load.install_name.to_owned(), load.kind))
        .collect();
    assert_eq!(
        loads,
        [
            ("/usr/lib/libSystem.B.dylib".to_owned(), DylibKind::Load),
            ("@rpath/libneeded.1.dylib".to_owned(), DylibKind::Load),
            ("/opt/demo/lib/liboptional.dylib".to_owned(), DylibKind::Weak),
        ]
    );
    let reexporting = thin(file("libpassed.x86_64.dylib"));
    assert_eq!(reexporting.loads()[1].kind, DylibKind::Reexport);
}

#[test]
fn every_command_that_names_a_library_has_its_kind() {
    let kinds = [
        (0xc, DylibKind::Load),
        (0x8000_0018, DylibKind::Weak),
        (0x8000_001f, DylibKind::Reexport),
        (0x20, DylibKind::Lazy),
        (0x8000_0023, DylibKind::Upward),
    ];
    for (number, kind) in kinds {
        let bytes = commands_64(&[dylib(number, "/a/liba.dylib")]);
        let slice = thin(&bytes);
        assert_eq!(slice.loads().len(), 1);
        assert_eq!(slice.loads()[0].kind, kind);
        assert_eq!(slice.loads()[0].current_version, (1, 2, 3));
        assert_eq!(slice.loads()[0].timestamp, 2);
        assert_eq!(slice.loads()[0].use_flags, None);
    }
}

#[test]
fn the_newer_form_of_a_load_says_its_kind_in_its_flags() {
    let kinds = [
        (0, DylibKind::Load),
        (1, DylibKind::Weak),
        (2, DylibKind::Reexport),
        (4, DylibKind::Upward),
        (8, DylibKind::Lazy),
        (9, DylibKind::Weak),
    ];
    for (flags, kind) in kinds {
        let words = [28, 0x1a74_1800, 0, 0, flags];
        let bytes = commands_64(&[command(u32::to_le_bytes, 0xc, &words, "@rpath/libz.dylib")]);
        let load = thin(&bytes).loads()[0];
        assert_eq!((load.kind, load.use_flags), (kind, Some(flags)));
        assert_eq!(load.install_name, "@rpath/libz.dylib");
    }
}

#[test]
fn rpaths_come_in_the_order_dyld_tries_them() {
    let slice = thin(file("module.arm64.so"));
    assert_eq!(slice.rpaths(), ["@loader_path/../lib", "/opt/demo/lib"]);
    assert!(thin(file("libneeded.arm64.dylib")).rpaths().is_empty());
}

#[test]
fn the_minimum_system_is_read_from_both_forms() {
    let new = MinimumOs { platform: 1, version: (14, 2, 0), sdk: (14, 4, 0) };
    assert_eq!(thin(file("module.arm64.so")).minimum_os(), Some(new));
    let old = MinimumOs { platform: 1, version: (10, 13, 0), sdk: (14, 4, 0) };
    assert_eq!(thin(file("module.x86_64.so")).minimum_os(), Some(old));
}

#[test]
fn of_two_platforms_macos_is_the_one_that_counts() {
    let build = |platform, minimum| {
        command(u32::to_le_bytes, 0x32, &[platform, minimum, 0x000f_0000, 0], "")
    };
    let bytes = commands_64(&[build(6, 0x000d_0100), build(1, 0x000a_0f03)]);
    let slice = thin(&bytes);
    let found = slice.minimum_os().unwrap();
    assert_eq!((found.platform, found.version, found.sdk), (1, (10, 15, 3), (15, 0, 0)));
    assert_eq!(slice.build_versions().len(), 2);

    let bytes = commands_64(&[build(7, 0x000d_0100)]);
    assert_eq!(thin(&bytes).platform(), Some(7));
    assert_eq!(thin(&commands_64(&[])).minimum_os(), None);
}

#[test]
fn a_big_endian_32_bit_slice_is_read() {
    let bytes = commands_32_big(&[
        command(u32::to_be_bytes, 0xc, &[24, 1, 0x0002_0000, 0x0001_0000], "/usr/lib/libz.dylib"),
        command(u32::to_be_bytes, 0x8000_001c, &[12], "@loader_path"),
        command(u32::to_be_bytes, 0x24, &[0x000a_0400, 0x000a_0500], ""),
    ]);
    assert!(is_macho(&bytes));
    let slice = thin(&bytes);
    assert_eq!(
        (slice.architecture(), slice.is_64(), slice.is_little_endian()),
        ("ppc", false, false)
    );
    assert_eq!(slice.loads()[0].install_name, "/usr/lib/libz.dylib");
    assert_eq!(slice.loads()[0].current_version, (2, 0, 0));
    assert_eq!(slice.rpaths(), ["@loader_path"]);
    assert_eq!(slice.minimum_os().unwrap().version, (10, 4, 0));
}

#[test]
fn the_header_pad_ends_at_the_first_section() {
    // `-headerpad 0x200` asks for at least that much; the linker rounds up.
    for name in ["module.arm64.so", "module.x86_64.so"] {
        let slice = thin(file(name));
        let last = slice.commands().last().unwrap();
        let end = last.offset as usize + last.bytes().len();
        let pad = slice.header_pad() as usize;
        assert!(pad >= 0x200, "{pad}");
        assert!(slice.bytes()[end..end + pad].iter().all(|&byte| byte == 0));
        assert_ne!(slice.bytes()[end + pad], 0);
    }
}

#[test]
fn a_zero_fill_section_does_not_end_the_header_pad() {
    // A segment with one section of 8 bytes at offset 0x100, zero-fill or not.
    for (flags, pad) in [(0, 0x100 - 32 - 152), (1, 0x200 - 32 - 152), (0x12, 0x200 - 32 - 152)] {
        let mut words = vec![0; 16];
        words[14] = 1; // nsects
        words.extend([0_u32; 20]);
        words[16 + 10] = 8; // size
        words[16 + 12] = 0x100; // offset
        words[16 + 16] = flags;
        words.truncate(16 + 20);
        let mut bytes = commands_64(&[command(u32::to_le_bytes, 0x19, &words, "")]);
        bytes.resize(0x200, 0);
        assert_eq!(thin(&bytes).header_pad(), pad, "{flags:#x}");
    }
}

#[test]
fn the_signature_of_a_slice_is_its_end() {
    let slice = thin(file("module.arm64.so"));
    let range = slice.code_signature().unwrap();
    assert!(slice.has_code_signature());
    assert_eq!(range.end, slice.size);
    let start = range.start as usize;
    assert_eq!(slice.bytes()[start..start + 4], [0xfa, 0xde, 0x0c, 0xc0]);
    assert!(!thin(file("module.x86_64.so")).has_code_signature());
}

#[test]
fn exports_come_from_the_trie_and_hidden_symbols_are_none() {
    for name in ["libneeded.arm64.dylib", "libneeded.x86_64.dylib"] {
        let exports = thin(file(name)).exported_symbols().unwrap();
        assert_eq!(exports, ["_needed", "_needed_other", "_needed_value"]);
    }
    let exports = thin(file("libpassed.x86_64.dylib")).exported_symbols().unwrap();
    assert_eq!(exports, ["_passed"]);
}

#[test]
fn a_file_without_a_symbol_table_says_what_it_needs_in_its_chained_fixups() {
    let mut bytes = file("module.arm64.so").to_vec();
    let slice = thin(file("module.arm64.so"));
    let named = |symbols: Vec<truewheel_macho::UndefinedSymbol<'_>>| -> Vec<(String, u8, bool)> {
        let own = symbols.into_iter().filter(|symbol| symbol.name != "dyld_stub_binder");
        let mut names: Vec<_> =
            own.map(|one| (one.name.to_owned(), one.library_ordinal, one.weak)).collect();
        names.sort();
        names
    };
    let expected = named(slice.undefined_symbols().unwrap());
    assert_eq!(expected.len(), 3);
    let symtab = slice.commands().iter().find(|command| command.command == 2).unwrap().offset;
    bytes[symtab as usize + 12..][..4].fill(0); // nsyms
    assert_eq!(named(thin(&bytes).undefined_symbols().unwrap()), expected);

    let fixups = slice.commands().iter().find(|command| command.command == 0x8000_0034).unwrap();
    let at = u32::from_le_bytes(fixups.bytes()[8..12].try_into().unwrap()) as usize;
    let mut with = |field: usize, value: u8| {
        let old = std::mem::replace(&mut bytes[at + field], value);
        let error = thin(&bytes).undefined_symbols().unwrap_err().to_string();
        bytes[at + field] = old;
        error
    };
    let place = format!("of the table at offset {at:#x} is 9, which is none we know");
    assert_eq!(with(20, 9), format!("imports_format {place}"));
    assert_eq!(with(24, 9), format!("symbols_format {place}"));
    let outside = "symbol name at offset 0x273d04 needs 1 bytes, 0 bytes are there";
    assert_eq!(with(16, 255), outside, "what follows the last entry is read as one");
}

#[test]
fn undefined_symbols_say_which_library_brings_them() {
    let bytes = file("module.arm64.so");
    let mut found: Vec<_> = thin(bytes)
        .undefined_symbols()
        .unwrap()
        .iter()
        .map(|symbol| (symbol.name.to_owned(), symbol.library_ordinal, symbol.weak))
        .collect();
    found.sort();
    let expected = [
        // 254: any library, `-undefined dynamic_lookup`.
        ("_PyModule_Create2".to_owned(), 254, false),
        ("_needed".to_owned(), 2, false),
        ("_optional".to_owned(), 3, true),
    ];
    for symbol in expected {
        assert!(found.contains(&symbol), "{symbol:?} in {found:?}");
    }
}

#[test]
fn a_universal_file_is_its_slices() {
    let (x86_64, arm64) = (file("module.x86_64.so"), file("module.arm64.so"));
    for (magic, container) in [(0xcafe_babe, Container::Fat), (0xcafe_babf, Container::Fat64)] {
        let bytes = universal(magic, &[x86_64, arm64]);
        assert!(is_macho(&bytes));
        let macho = MachO::parse(&bytes).unwrap();
        assert_eq!(macho.container(), container);
        let names: Vec<_> = macho.slices().iter().map(Slice::architecture).collect();
        assert_eq!(names, ["x86_64", "arm64"]);
        for (slice, bytes) in macho.slices().iter().zip([x86_64, arm64]) {
            assert_eq!(slice.bytes(), bytes);
            assert_eq!((slice.size, slice.align), (bytes.len() as u64, 14));
            assert_eq!(slice.offset % (1 << 14), 0);
            assert_eq!(slice.loads(), thin(bytes).loads());
        }
        assert_eq!(macho.arches().len(), 2);
    }
}

#[test]
fn a_static_archive_in_a_universal_file_is_no_slice() {
    let bytes = universal(0xcafe_babe, &[b"!<arch>\n", file("module.arm64.so")]);
    let macho = MachO::parse(&bytes).unwrap();
    assert_eq!(macho.arches().len(), 2);
    assert_eq!(macho.slices().len(), 1);
    assert_eq!(macho.slices()[0].architecture(), "arm64");
}

#[test]
fn a_java_class_is_no_macho_file() {
    // Version 52 is Java 8.
    let class = [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52, 0, 16];
    assert!(!is_macho(&class));
    let error = MachO::parse(&class).unwrap_err();
    assert_eq!(error.to_string(), "the first four bytes are no Mach-O or universal magic number");
}

#[test]
fn files_of_other_formats_are_no_macho_files() {
    for bytes in [&b""[..], b"\x7fELF", b"MZ\x90\0", b"!<arch>\n", b"\xfe\xed\xfa", b"PK\x03\x04"] {
        assert!(!is_macho(bytes));
    }
}
