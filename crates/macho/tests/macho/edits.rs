//! Edits: what was asked for is there, all else is as it was, and what cannot be done is refused.

use truewheel_macho::{DylibKind, Edits, ErrorKind, MachO, Note, SliceEdits, merge, patch};

use crate::made::{command, commands_64, dylib, universal};

/// Edits of slice 0 of a file with this name.
pub(crate) fn edits(names: &[(&str, &str)], rpaths: Option<&[&str]>) -> Edits {
    let own = |text: &&str| (*text).to_owned();
    let slice = SliceEdits {
        install_names: names.iter().map(|(from, to)| (own(from), own(to))).collect(),
        rpaths: rpaths.map(|paths| paths.iter().map(own).collect()),
    };
    let file_name = "module.cpython-311-darwin.so".to_owned();
    Edits { slices: [(0, slice)].into(), file_name, ..Edits::default() }
}

fn edited(bytes: &[u8], edits: &Edits) -> Vec<u8> {
    patch(bytes, edits).unwrap().apply(bytes)
}

fn refusal(bytes: &[u8], edits: &Edits) -> String {
    patch(bytes, edits).unwrap_err().to_string()
}

fn loads(bytes: &[u8]) -> Vec<(String, DylibKind)> {
    let macho = MachO::parse(bytes).unwrap();
    let loads = macho.slices()[0].loads().iter();
    loads.map(|load| (load.install_name.to_owned(), load.kind)).collect()
}

/// A library for x86-64 of nothing but these commands and a header pad.
fn padded(commands: &[Vec<u8>], pad: usize) -> Vec<u8> {
    let mut bytes = commands_64(commands);
    bytes[4] = 7;
    bytes.resize(bytes.len() + pad, 0);
    bytes
}

const NEEDED: &str = "@rpath/libneeded.1.dylib";
const OPTIONAL: &str = "/opt/demo/lib/liboptional.dylib";

#[test]
fn no_edits_no_change() {
    for (name, bytes) in crate::FILES {
        assert!(patch(bytes, &Edits::default()).unwrap().is_empty(), "{name}");
        let as_it_is = Edits { slices: [(0, SliceEdits::default())].into(), ..Edits::default() };
        assert!(patch(bytes, &as_it_is).unwrap().is_empty(), "{name}");
    }
    let module = crate::file("module.arm64.so");
    let paths = ["@loader_path/../lib", "/opt/demo/lib"];
    let same = edits(&[(NEEDED, NEEDED)], Some(&paths));
    assert!(patch(module, &same).unwrap().is_empty());
}

#[test]
fn loads_and_rpaths_are_what_was_asked_for() {
    let bundled = "@loader_path/../demo.dylibs/libneeded-0123abcd.1.dylib";
    let optional = "@loader_path/../demo.dylibs/liboptional-89abcdef.dylib";
    for file in ["module.x86_64.so", "module.arm64.so"] {
        let bytes = crate::file(file);
        for rpaths in [&[][..], &["@loader_path"], &["/opt/demo/lib", "@loader_path/a", "b"]] {
            let wish = edits(&[(NEEDED, bundled), (OPTIONAL, optional)], Some(rpaths));
            let new = edited(bytes, &wish);
            let macho = goblin::mach::MachO::parse(&new, 0).unwrap();
            assert_eq!(macho.libs, ["self", "/usr/lib/libSystem.B.dylib", bundled, optional]);
            assert_eq!(macho.rpaths, rpaths);
            let kinds: Vec<DylibKind> = loads(&new).into_iter().map(|(_, kind)| kind).collect();
            assert_eq!(kinds, [DylibKind::Load, DylibKind::Load, DylibKind::Weak], "{file}");
            assert!(patch(&new, &wish).unwrap().is_empty(), "{file}: the same again");
        }
    }
}

#[test]
fn an_install_id_is_set_in_every_slice() {
    let (intel, arm) =
        (crate::file("libneeded.x86_64.dylib"), crate::file("libneeded.arm64.dylib"));
    let both = merge(&[intel, arm]).unwrap();
    let id = "/DLC/demo.dylibs/libneeded-0123abcd.1.dylib";
    let file_name = "libneeded-0123abcd.1.dylib".to_owned();
    let wish = Edits { install_id: Some(id.to_owned()), file_name, ..Edits::default() };
    for bytes in [intel, arm, &both] {
        let new = edited(bytes, &wish);
        for slice in MachO::parse(&new).unwrap().slices() {
            assert_eq!(slice.install_id().unwrap().install_name, id);
            assert_eq!(slice.install_id().unwrap().current_version, (1, 2, 3));
        }
        assert_eq!(edited(&new, &wish), new);
    }
}

#[test]
fn a_name_keeps_what_ties_it_to_the_slice() {
    let mut newer = command(
        u32::to_le_bytes,
        0x8000_0018,
        &[28, 0x1a74_1800, 0x0001_0203, 0x0001_0000, 5],
        "/b/libuse.dylib",
    );
    newer[4] = newer.len() as u8;
    let kinds = [0xc, 0x8000_0018, 0x8000_001f, 0x20, 0x8000_0023];
    let mut commands: Vec<Vec<u8>> =
        kinds.iter().map(|&number| dylib(number, &format!("/b/lib{number}.dylib"))).collect();
    commands.push(newer);
    let bytes = padded(&commands, 2048);
    let before = MachO::parse(&bytes).unwrap();
    let names: Vec<(String, String)> = before.slices()[0]
        .loads()
        .iter()
        .map(|load| {
            (load.install_name.to_owned(), format!("@loader_path/long{}", load.install_name))
        })
        .collect();
    let names: Vec<(&str, &str)> = names.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let new = edited(&bytes, &edits(&names, None));
    let after = MachO::parse(&new).unwrap();
    assert_eq!(after.slices()[0].loads().len(), 6);
    for (old, new) in before.slices()[0].loads().iter().zip(after.slices()[0].loads()) {
        assert_eq!(new.install_name, format!("@loader_path/long{}", old.install_name));
        assert_eq!(
            (new.kind, new.use_flags, new.timestamp),
            (old.kind, old.use_flags, old.timestamp)
        );
    }
    assert_eq!(after.slices()[0].loads()[5].use_flags, Some(5));
}

#[test]
fn what_is_shorter_leaves_zeros() {
    let bytes = crate::file("module.x86_64.so");
    let new = edited(bytes, &edits(&[(OPTIONAL, "x")], Some(&[])));
    let (old, new) = (MachO::parse(bytes).unwrap(), MachO::parse(&new).unwrap());
    let (old, new) = (&old.slices()[0], &new.slices()[0]);
    assert!(new.header_pad() > old.header_pad() + 80);
    assert!(!new.has_code_signature(), "an unsigned x86-64 file stays unsigned");
    let end = |slice: &truewheel_macho::Slice<'_>| {
        slice.commands().last().map(|last| last.offset as usize + last.bytes().len()).unwrap()
    };
    assert!(new.bytes()[end(new)..end(old)].iter().all(|&byte| byte == 0));
    assert_eq!(new.bytes()[end(old)..], old.bytes()[end(old)..]);
}

#[test]
fn names_that_do_not_fit_are_refused_with_the_bytes_that_are_missing() {
    let bytes = crate::file("tight.x86_64.so");
    let macho = MachO::parse(bytes).unwrap();
    let slice = &macho.slices()[0];
    assert!(slice.header_pad() < 16);
    let size: usize = slice.commands().iter().map(|command| command.bytes().len()).sum();
    let room = size as u64 + slice.header_pad();
    let long = "/".repeat(200);
    let error = patch(bytes, &edits(&[(OPTIONAL, &long)], None)).unwrap_err();
    let needed = size as u64 + 200 - 32 + 1;
    let needed = needed.next_multiple_of(8);
    let expected = format!(
        "the load commands of x86_64 need {needed} bytes and have room for {room}, {} bytes are \
         missing; shorten the names, or link again with `-headerpad_max_install_names`",
        needed - room
    );
    assert_eq!(error.to_string(), expected);
    assert!(matches!(error.kind(), ErrorKind::HeaderPad { .. }));
    // All edits of a file are made together: what an rpath leaves, a name may take.
    let longer = "/opt/demo/libs/liboptional-89abcdef.dylib";
    assert!(patch(bytes, &edits(&[(OPTIONAL, longer)], None)).is_err());
    let new = edited(bytes, &edits(&[(OPTIONAL, longer)], Some(&[])));
    assert_eq!(loads(&new)[2].0, longer);
}

#[test]
fn optional_commands_make_room_before_an_edit_is_refused() {
    let source_version = command(u32::to_le_bytes, 0x2a, &[1, 2], "");
    let build_version =
        command(u32::to_le_bytes, 0x32, &[1, 0x000b_0000, 0x000e_0000, 2, 3, 4, 5, 6], "");
    let commands = [source_version, build_version, dylib(0xc, "abc")];
    let bytes = padded(&commands, 0);
    for (size, dropped) in [(3, 0), (7, 0), (8, 1), (23, 1), (24, 2), (39, 2), (40, 9)] {
        let wish = edits(&[("abc", &"x".repeat(size))], None);
        let Ok(patch) = patch(&bytes, &wish) else {
            assert_eq!(dropped, 9, "{size}");
            continue;
        };
        assert_eq!(patch.notes.len(), dropped, "{size}");
        let new = patch.apply(&bytes);
        let macho = MachO::parse(&new).unwrap();
        let slice = &macho.slices()[0];
        assert_eq!(slice.minimum_os(), MachO::parse(&bytes).unwrap().slices()[0].minimum_os());
        let what = ["LC_SOURCE_VERSION", "the build tools of LC_BUILD_VERSION"];
        for (note, what) in patch.notes.iter().zip(what) {
            assert_eq!(*note, Note::CommandDropped { architecture: "x86_64", what });
        }
    }
}

#[test]
fn bytes_in_the_header_pad_that_nobody_speaks_of_are_not_written_over() {
    let mut bytes = padded(&[dylib(0xc, "abc")], 64);
    let wish = edits(&[("abc", "a-longer-name")], None);
    assert!(patch(&bytes, &wish).is_ok());
    bytes[32 + 32 + 7] = 1;
    let expected = "x86_64 cannot be edited: there are bytes in its header pad that no load \
                    command speaks of";
    assert_eq!(refusal(&bytes, &wish), expected);
}

#[test]
fn edits_that_cannot_be_are_refused() {
    let module = crate::file("module.x86_64.so");
    let id = Edits { install_id: Some("x".to_owned()), ..Edits::default() };
    let slice = Edits { slices: [(1, SliceEdits::default())].into(), ..Edits::default() };
    let mut big = crate::made::commands_32_big(&[dylib(0xd, "abc")]);
    for word in big[28..].chunks_mut(4).take(6) {
        word.reverse();
    }
    let mut object = padded(&[dylib(0xc, "abc")], 64);
    object[12] = 1;
    let nameless = Edits { file_name: String::new(), ..edits(&[], Some(&[])) };
    let cases: [(&[u8], Edits, &str); 8] = [
        (module, edits(&[("a", "b")], None), "no load command of x86_64 names `a`"),
        (module, id.clone(), "x86_64 has no LC_ID_DYLIB, only libraries have an install ID"),
        (module, slice, "no slice 1, the file has 1"),
        (
            module,
            edits(&[(NEEDED, OPTIONAL)], None),
            "x86_64 would have the install name `/opt/demo/lib/liboptional.dylib` twice, dyld \
             allows it once",
        ),
        (
            module,
            edits(&[(NEEDED, "b"), (OPTIONAL, "b")], None),
            "x86_64 would have the install name `b` twice, dyld allows it once",
        ),
        (&big, id, "ppc cannot be edited: it is big-endian"),
        (
            &object,
            edits(&[("abc", "b")], None),
            "x86_64 cannot be edited: it is neither a library nor a bundle nor a program",
        ),
        (crate::file("module.arm64.so"), nameless, "a signature needs the name of the file"),
    ];
    for (bytes, edits, expected) in cases {
        assert_eq!(refusal(bytes, &edits), expected);
    }
}

#[test]
fn an_edit_of_one_slice_leaves_the_other_and_its_alignment() {
    let (intel, arm) = (crate::file("module.x86_64.so"), crate::file("module.arm64.so"));
    for magic in [0xcafe_babe, 0xcafe_babf] {
        let archive = b"!<arch>\nnothing in it";
        let bytes = universal(magic, &[arm, archive, intel]);
        let new = edited(&bytes, &edits(&[(NEEDED, "@loader_path/x")], None));
        assert!(new.len() > bytes.len());
        let (old, new) = (MachO::parse(&bytes).unwrap(), MachO::parse(&new).unwrap());
        assert_eq!(new.container(), old.container());
        assert_eq!(new.slices()[0].loads()[1].install_name, "@loader_path/x");
        assert_eq!(new.slices()[1].bytes(), intel);
        assert_eq!(new.arches()[1].size, archive.len() as u64);
        assert!(new.arches().iter().all(|arch| arch.offset % (1 << 14) == 0));
    }
}

#[test]
fn bytes_behind_the_slices_are_not_lost_in_silence() {
    let (intel, arm) = (crate::file("module.x86_64.so"), crate::file("module.arm64.so"));
    let mut bytes = universal(0xcafe_babe, &[arm, intel]);
    let size = bytes.len();
    let wish = edits(&[(NEEDED, "@loader_path/x")], None);
    let expected = edited(&bytes, &wish);
    bytes.extend([0; 16]);
    assert_eq!(edited(&bytes, &wish), expected, "zeros are nothing");
    bytes.extend([1; 16]);
    let expected = format!("32 bytes at offset {size:#x} follow the last slice and are in none");
    assert_eq!(refusal(&bytes, &wish), expected);
}

#[test]
fn fused_files_are_in_the_order_and_places_that_lipo_gives() {
    let (intel, arm) =
        (crate::file("libneeded.x86_64.dylib"), crate::file("libneeded.arm64.dylib"));
    let both = merge(&[arm, intel]).unwrap();
    assert_eq!(both, merge(&[intel, arm]).unwrap());
    assert_eq!(both, merge(&[&both]).unwrap());
    let macho = MachO::parse(&both).unwrap();
    let slices = macho.slices();
    assert_eq!(slices[0].bytes(), intel);
    assert_eq!(slices[1].bytes(), arm);
    assert!(slices.iter().all(|slice| slice.align == 14 && slice.offset % (1 << 14) == 0));
    for slice in slices {
        assert_eq!(MachO::parse(slice.bytes()).unwrap().slices()[0].loads().len(), 1);
    }
    assert!(matches!(goblin::mach::Mach::parse(&both).unwrap(), goblin::mach::Mach::Fat(_)));
    let twice = merge(&[&both, arm]).unwrap_err().to_string();
    assert_eq!(twice, "two slices are for arm64, a universal file has one for each CPU");
    assert_eq!(
        merge(&[]).unwrap_err().to_string(),
        "the universal header counts 0 slices, 1 to 44 are possible"
    );
}

/// A static archive of these objects, with long names as Apple's `ar` writes them.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let (field, long) = match name.len() > 15 {
            true => (format!("#1/{}", name.len()), *name),
            false => ((*name).to_owned(), ""),
        };
        let size = long.len() + content.len();
        let (date, owner, group, mode) = (0, 0, 0, "100644");
        bytes.extend(
            format!("{field:<16}{date:<12}{owner:<6}{group:<6}{mode:<8}{size:<10}`\n").bytes(),
        );
        bytes.extend(long.bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    }
    bytes
}

#[test]
fn static_archives_are_fused_by_the_cpu_of_their_objects() {
    let table = ("__.SYMDEF SORTED", &b"odd"[..]);
    let of = |cpu: &str| archive(&[table, ("a.o", crate::file(&format!("libneeded.{cpu}.dylib")))]);
    let both = merge(&[&of("arm64"), &of("x86_64")]).unwrap();
    let macho = MachO::parse(&both).unwrap();
    let arches: Vec<_> = macho.arches().iter().map(|arch| (arch.cpu_type, arch.align)).collect();
    assert_eq!(arches, [(0x0100_0007, 3), (0x0100_000c, 3)]);
    assert!(macho.slices().is_empty());
    let parts: Vec<&[u8]> =
        truewheel_macho::parts(&both).unwrap().iter().map(|part| part.bytes).collect();
    assert_eq!(parts, [of("x86_64"), of("arm64")]);
}

#[test]
fn an_archive_that_is_for_no_cpu_or_for_two_is_not_fused() {
    let (intel, arm) =
        (crate::file("libneeded.x86_64.dylib"), crate::file("libneeded.arm64.dylib"));
    let refusal = |bytes: &[u8]| merge(&[bytes]).unwrap_err().to_string();
    assert_eq!(
        refusal(&archive(&[("a.o", intel), ("b.o", arm)])),
        "arm64 cannot be edited: it is an archive with objects for several CPUs"
    );
    assert_eq!(
        refusal(&archive(&[("a.txt", b"text")])),
        "the first four bytes are no Mach-O or universal magic number"
    );
    let whole = archive(&[("a.o", intel)]);
    for size in 0..whole.len().min(200) {
        assert!(merge(&[&whole[..size]]).is_err(), "{size}");
    }
}
