//! Damaged files are refused with a reason, and whatever is read of them never panics.

use truewheel_macho::{MachO, is_macho, patch};

use crate::made::{command, commands_64, dylib, universal};

/// Reads everything the crate can read.
fn read_all(bytes: &[u8]) -> bool {
    let _ = is_macho(bytes);
    let Ok(macho) = MachO::parse(bytes) else { return false };
    let mut fine = true;
    for slice in macho.slices() {
        fine &= slice.undefined_symbols().is_ok();
        fine &= slice.exported_symbols().is_ok();
        assert!(slice.header_pad() <= slice.size);
        if let Some(range) = slice.code_signature() {
            assert!(range.end <= slice.size);
        }
        fine &= slice.signature().map(|found| found.map(|found| found.faults(slice))).is_ok();
    }
    fine
}

/// Edits what can be edited; what is granted must hold.
fn edit_all(bytes: &[u8]) {
    let wish = crate::edits::edits(&[], Some(&["@loader_path/../demo.dylibs", "/b"]));
    let Ok(set) = patch(bytes, &wish) else { return };
    let new = set.apply(bytes);
    assert!(read_all(&new) || !read_all(bytes));
    assert!(patch(&new, &wish).unwrap().is_empty());
}

fn error(bytes: &[u8]) -> String {
    MachO::parse(bytes).unwrap_err().to_string()
}

/// A file of the form is enough for what needs every length: 12 KB and not 33.
fn universal_file() -> Vec<u8> {
    let slice = crate::file("module.x86_64.so");
    universal(0xcafe_babe, &[slice])
}

#[test]
fn a_file_cut_at_any_length_is_refused() {
    for (name, bytes) in crate::FILES {
        for length in 0..bytes.len() {
            assert!(!read_all(&bytes[..length]), "{name} cut to {length} bytes");
            edit_all(&bytes[..length]);
        }
        assert!(read_all(bytes), "{name}");
    }
    let bytes = universal_file();
    for length in 0..bytes.len() {
        assert!(!read_all(&bytes[..length]), "cut to {length} bytes");
    }
}

#[test]
fn a_changed_byte_never_panics() {
    // Headers and commands with every byte set to each of these; the tables behind them with a stride.
    for bytes in [
        crate::file("module.x86_64.so"),
        crate::file("libpassed.x86_64.dylib"),
        crate::file("tight.x86_64.so"),
        &universal_file(),
    ] {
        edit_all(bytes);
        let tables = bytes.len() - 0x400;
        for position in (0..bytes.len()).filter(|&at| at < 0x600 || at > tables || at % 101 == 0) {
            for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut bytes = bytes.to_vec();
                bytes[position] = value;
                read_all(&bytes);
                bytes[position] ^= 1 << (position % 8);
                read_all(&bytes);
                if value == 0x80 && position < 0x600 {
                    edit_all(&bytes);
                }
            }
        }
    }
}

#[test]
fn every_refusal_says_what_is_there_and_what_should_be() {
    let string_outside = command(u32::to_le_bytes, 0xc, &[99, 0, 0, 0], "abc");
    let string_inside = command(u32::to_le_bytes, 0xc, &[12, 0, 0, 0], "abc");
    let mut unterminated = dylib(0xc, "abc");
    unterminated[27..].fill(b'x');
    let mut no_text = dylib(0xc, "abc");
    no_text[24] = 0xff;
    let short = command(u32::to_le_bytes, 0xc, &[24], "");
    let mut odd = dylib(0xc, "abc");
    odd[4] -= 1;
    let mut long = dylib(0xc, "abc");
    long[4] += 8;
    let signature = command(u32::to_le_bytes, 0x1d, &[0x1000, 16], "");
    let uuid = command(u32::to_le_bytes, 0x1b, &[1, 2, 3, 4], "");
    let id = dylib(0xd, "abc");
    let segment = command(u32::to_le_bytes, 0x19, &[0; 4], "");
    let cases = [
        (
            vec![string_outside],
            "the string of the load command at offset 0x20 cannot start 99 bytes into it",
        ),
        (
            vec![string_inside],
            "the string of the load command at offset 0x20 cannot start 12 bytes into it",
        ),
        (vec![unterminated], "install name at offset 0x38 has no NUL before the end"),
        (vec![no_text], "install name at offset 0x38 is not UTF-8"),
        (vec![short], "load command 0xc at offset 0x20 cannot have 12 bytes"),
        (vec![odd], "load command 0xc at offset 0x20 cannot have 31 bytes"),
        (vec![long], "load command 0xc at offset 0x20 cannot have 40 bytes"),
        (vec![signature], "__LINKEDIT data at offset 0x1000 needs 16 bytes, 0 bytes are there"),
        (vec![uuid.clone(), uuid], "a second LC_UUID at offset 0x38, one is allowed"),
        (vec![id.clone(), id], "a second LC_ID_DYLIB at offset 0x40, one is allowed"),
        (vec![segment], "load command 0x19 at offset 0x20 cannot have 24 bytes"),
    ];
    for (commands, expected) in cases {
        assert_eq!(error(&commands_64(&commands)), expected);
    }
}

#[test]
fn commands_that_do_not_fill_their_table_are_refused() {
    let mut bytes = commands_64(&[dylib(0xc, "abc"), dylib(0xc, "def")]);
    bytes[16] = 1; // ncmds
    assert_eq!(error(&bytes), "the load commands have 32 bytes, the header says 64 bytes");
    bytes[16] = 3;
    assert_eq!(error(&bytes), "load command at offset 0x60 needs 8 bytes, 0 bytes are there");
    bytes[20] = 0xff; // sizeofcmds
    assert_eq!(error(&bytes), "load commands at offset 0x20 needs 255 bytes, 64 bytes are there");
}

#[test]
fn a_lying_universal_header_is_refused() {
    let slice = commands_64(&[]);
    let good = universal(0xcafe_babe, &[&slice, &slice]);
    assert!(MachO::parse(&good).is_ok());
    let with = |at: usize, value: u32| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        error(&bytes)
    };
    assert_eq!(with(4, 0), "the universal header counts 0 slices, 1 to 44 are possible");
    assert_eq!(
        with(8, 7),
        "the slice at offset 0x4000 is for CPU type 0x100000c, the universal header says 0x7"
    );
    assert_eq!(with(16, 8), "the slice at offset 0x8 starts before 0x30, which is in use");
    assert_eq!(
        with(16, 0x8000),
        "the slice at offset 0x8000 starts before 0x8020, which is in use"
    );
    assert_eq!(
        with(24, 32),
        "the slice record at offset 0x8 is aligned to 2^32 bytes, 2^31 is the most"
    );
    assert_eq!(with(40, 33), "slice at offset 0x8000 needs 33 bytes, 32 bytes are there");
    assert_eq!(with(16, 0x4004), "the first four bytes are no Mach-O or universal magic number");
}

/// A library whose `LC_DYLD_EXPORTS_TRIE` is this.
fn with_trie(trie: &[u8]) -> Vec<u8> {
    let command = command(u32::to_le_bytes, 0x8000_0033, &[48, trie.len() as u32], "");
    [commands_64(&[command]), trie.to_vec()].concat()
}

fn exports(trie: &[u8]) -> Result<Vec<String>, String> {
    let bytes = with_trie(trie);
    let macho = MachO::parse(&bytes).unwrap();
    let names = macho.slices()[0].exported_symbols().map_err(|error| error.to_string())?;
    Ok(names.into_iter().map(|name| name.into_owned()).collect())
}

#[test]
fn a_trie_gives_the_names_on_its_way_from_the_root() {
    // "_a" with "_ab" below it: the root has one edge "_a" to 6; that has a terminal part and an edge "b" to 13.
    let trie = b"\0\x01_a\0\x06\x02\0\0\x01b\0\x0d\x02\0\0\0";
    assert_eq!(exports(trie), Ok(vec!["_a".to_owned(), "_ab".to_owned()]));
    assert_eq!(exports(b""), Ok(Vec::new()));
}

#[test]
fn names_may_part_within_a_character() {
    // Both names start with the first byte of a two-byte character.
    let trie = b"\0\x01\xc3\0\x05\0\x02\xa4\0\x0d\xb6\0\x11\x02\0\0\0\x02\0\0\0";
    assert_eq!(exports(trie), Ok(vec!["ä".to_owned(), "ö".to_owned()]));
}

#[test]
fn a_trie_that_is_no_tree_is_refused() {
    let back = exports(b"\0\x01a\0\0");
    assert_eq!(back.unwrap_err(), "the export trie reaches its node at offset 0x30 twice");
    let met = exports(b"\0\x02a\0\x08b\0\x08\x02\0\0\0");
    assert_eq!(met.unwrap_err(), "the export trie reaches its node at offset 0x38 twice");
    let outside = exports(b"\0\x01a\0\x63");
    assert_eq!(
        outside.unwrap_err(),
        "export trie node at offset 0x93 needs 1 bytes, 0 bytes are there"
    );
    let endless = exports(&[0x80; 12]);
    assert_eq!(endless.unwrap_err(), "the number at offset 0x30 has more than 64 bits");
}

#[test]
fn a_trie_of_long_names_on_long_names_is_refused() {
    // A chain of 5000 nodes, each with a name that is ten bytes longer than the one before.
    let mut trie = vec![];
    for _ in 0..5000 {
        let next = trie.len() + 17;
        let next =
            [(next & 0x7f) as u8 | 0x80, (next >> 7 & 0x7f) as u8 | 0x80, (next >> 14) as u8];
        trie.extend(b"\x01\0\x01aaaaaaaaaa\0");
        trie.extend(next);
    }
    trie.extend(b"\x01\0\0");
    assert_eq!(
        exports(&trie).unwrap_err(),
        "export trie at offset 0x30 has names of more than 5440192 bytes together"
    );
}
