//! What must hold for every edit of every file in `testdata/elf`: machines, byte orders, linkers, layouts.
//!
//! goblin reads each result, so that a mistake in our reading cannot hide one in our writing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use goblin::elf::Elf as Goblin;
use truewheel_elf::{Edits, Elf, ExecutableStack, SearchPathEdit, SonameEdit, patch};

/// All test files, by name.
fn files() -> BTreeMap<String, Vec<u8>> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/elf");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        if truewheel_elf::is_elf(&bytes) {
            files.insert(entry.file_name().into_string().unwrap(), bytes);
        }
    }
    assert!(files.len() >= 16, "testdata/elf has only {} files", files.len());
    files
}

/// The first needed name that versions are needed of, or the first at all.
fn a_needed_name(bytes: &[u8]) -> String {
    let elf = Elf::parse(bytes).unwrap();
    let versioned = elf.version_needs().unwrap().first().map(|need| need.file);
    versioned.unwrap_or_else(|| elf.needed().unwrap()[0]).to_owned()
}

fn long(name: &str, size: usize) -> String {
    format!("{name}-{}", "x".repeat(size))
}

/// Edits of each kind and of several sizes, for one file.
fn edits(bytes: &[u8]) -> Vec<(&'static str, Edits)> {
    let needed = a_needed_name(bytes);
    let path = |size| Some(SearchPathEdit::Rpath(long("$ORIGIN/../demo.libs", size)));
    let soname = |size| Some(SonameEdit::Set(long("libdemo", size)));
    let renamed = |size| BTreeMap::from([(needed.clone(), long("libneeded", size))]);
    vec![
        ("short soname", Edits { soname: Some(SonameEdit::Set("l".into())), ..Edits::default() }),
        ("soname", Edits { soname: soname(20), ..Edits::default() }),
        ("no soname", Edits { soname: Some(SonameEdit::Remove), ..Edits::default() }),
        ("rpath", Edits { search_path: path(20), ..Edits::default() }),
        (
            "runpath",
            Edits {
                search_path: Some(SearchPathEdit::Runpath("$ORIGIN".into())),
                ..Edits::default()
            },
        ),
        ("no rpath", Edits { search_path: Some(SearchPathEdit::Remove), ..Edits::default() }),
        ("renamed", Edits { replace_needed: renamed(8), ..Edits::default() }),
        ("added", Edits { add_needed: vec!["liba.so.1".into()], ..Edits::default() }),
        (
            "many added",
            Edits {
                add_needed: (0..12).map(|n| format!("lib{n}.so.1")).collect(),
                ..Edits::default()
            },
        ),
        (
            "all",
            Edits {
                soname: soname(40),
                search_path: path(100),
                replace_needed: renamed(30),
                add_needed: vec!["liba.so.1".into(), "libb.so.1".into()],
                clear_executable_stack: true,
                ..Edits::default()
            },
        ),
        (
            "all, huge",
            Edits {
                soname: soname(400),
                search_path: path(5000),
                replace_needed: renamed(300),
                clear_executable_stack: true,
                ..Edits::default()
            },
        ),
    ]
}

/// What goblin sees of the names.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    soname: Option<String>,
    needed: Vec<String>,
    rpath: Vec<String>,
    runpath: Vec<String>,
    needs: Vec<(String, Vec<String>)>,
    symbols: Vec<String>,
}

fn seen_by_goblin(bytes: &[u8]) -> Names {
    let elf = Goblin::parse(bytes).unwrap();
    let strings = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect();
    let name = |index| elf.dynstrtab.get_at(index).unwrap().to_owned();
    let needs = elf.verneed.iter().flat_map(|table| table.iter());
    Names {
        soname: elf.soname.map(str::to_owned),
        needed: strings(&elf.libraries),
        rpath: strings(&elf.rpaths),
        runpath: strings(&elf.runpaths),
        needs: needs
            .map(|need| (name(need.vn_file), need.iter().map(|aux| name(aux.vna_name)).collect()))
            .collect(),
        symbols: elf.dynsyms.iter().map(|symbol| name(symbol.st_name)).collect(),
    }
}

/// What goblin should see after `edits`, from what it saw before.
fn expected(before: Names, edits: &Edits) -> Names {
    let renamed = |name: String| edits.replace_needed.get(&name).cloned().unwrap_or(name);
    let mut after = before;
    match &edits.soname {
        Some(SonameEdit::Set(name)) => after.soname = Some(name.clone()),
        Some(SonameEdit::Remove) => after.soname = None,
        None => {}
    }
    after.needed = after.needed.into_iter().map(renamed).collect();
    after.needed.extend(edits.add_needed.iter().cloned());
    after.needs = after.needs.into_iter().map(|(file, names)| (renamed(file), names)).collect();
    match &edits.search_path {
        Some(SearchPathEdit::Remove) => (after.rpath, after.runpath) = (vec![], vec![]),
        Some(SearchPathEdit::Rpath(path)) => {
            (after.rpath, after.runpath) = (vec![path.clone()], vec![]);
        }
        Some(SearchPathEdit::Runpath(path)) => {
            (after.rpath, after.runpath) = (vec![], vec![path.clone()]);
        }
        None => {}
    }
    after
}

#[test]
fn no_edits_no_change() {
    for (name, bytes) in files() {
        assert!(patch(&bytes, &Edits::default()).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn goblin_reads_what_the_edits_say_and_twice_is_once() {
    for (name, bytes) in files() {
        for (what, edits) in edits(&bytes) {
            let set =
                patch(&bytes, &edits).unwrap_or_else(|error| panic!("{name}, {what}: {error}"));
            let once = set.apply(&bytes);
            assert_eq!(once, set.apply_to(bytes.clone()), "{name}, {what}");
            // goblin needs section headers to count symbols in a few layouts, so it is asked twice
            // the same way and its answers are compared.
            let wanted = expected(seen_by_goblin(&bytes), &edits);
            assert_eq!(seen_by_goblin(&once), wanted, "{name}, {what}");
            let again = patch(&once, &edits).unwrap();
            assert!(again.is_empty(), "{name}, {what}: {again:?}");
            if edits.clear_executable_stack {
                let stack = Elf::parse(&once).unwrap().executable_stack();
                assert_eq!(stack, ExecutableStack::No, "{name}, {what}");
            }
        }
    }
}

#[test]
fn a_later_edit_reuses_the_segment_of_the_first() {
    let loads = |bytes: &[u8]| {
        let elf = Goblin::parse(bytes).unwrap();
        elf.program_headers.iter().filter(|header| header.p_type == 1).count()
    };
    for (name, bytes) in files() {
        let mut edited = bytes.clone();
        for size in [50, 300, 2000, 9000] {
            let soname = Some(SonameEdit::Set(long("lib", size)));
            let search_path = Some(SearchPathEdit::Rpath(long("$ORIGIN", size)));
            let edits = Edits { soname, search_path, ..Edits::default() };
            edited = patch(&edited, &edits).unwrap().apply(&edited);
        }
        assert!(loads(&edited) <= loads(&bytes) + 1, "{name}");
    }
}

#[test]
fn section_headers_agree_with_the_segments_after_each_edit() {
    for (name, bytes) in files() {
        for (what, edits) in edits(&bytes) {
            let edited = patch(&bytes, &edits).unwrap().apply(&bytes);
            let elf = Goblin::parse(&edited).unwrap();
            for section in elf.section_headers.iter().filter(|section| section.is_alloc()) {
                let is_file = section.sh_type != goblin::elf::section_header::SHT_NOBITS;
                let home = elf.program_headers.iter().find(|load| {
                    load.p_type == 1
                        && load.p_vaddr <= section.sh_addr
                        && section.sh_addr + section.sh_size <= load.p_vaddr + load.p_memsz
                });
                // .tbss takes no memory of its segment.
                let is_tls = section.sh_flags & 0x400 != 0;
                let agrees = home.is_some_and(|load| {
                    !is_file
                        || section.sh_addr - load.p_vaddr
                            == section.sh_offset.wrapping_sub(load.p_offset)
                });
                // lld leaves an empty section where no segment is.
                assert!(agrees || is_tls || section.sh_size == 0, "{name}, {what}: {section:?}");
                let align = section.sh_addralign.max(1);
                assert_eq!(section.sh_addr % align, 0, "{name}, {what}: {section:?}");
            }
        }
    }
}

#[test]
fn a_small_extension_grows_by_less_than_8_kib() {
    for (name, bytes) in files() {
        let (_, all) = edits(&bytes).into_iter().find(|(what, _)| *what == "all").unwrap();
        let grown = patch(&bytes, &all).unwrap().append.len();
        assert!(grown < 8 << 10, "{name} grows by {grown} bytes");
    }
}

#[test]
fn what_is_not_needed_cannot_be_replaced() {
    let bytes = &files()["gnu-ld.so"];
    let replace_needed = BTreeMap::from([("libno.so".to_owned(), "libyes.so".to_owned())]);
    let edits = Edits { replace_needed, ..Edits::default() };
    let error = patch(bytes, &edits).unwrap_err();
    assert_eq!(error.to_string(), "no DT_NEEDED entry `libno.so`");
}

#[test]
fn a_library_that_symbols_are_bound_to_by_version_cannot_be_removed() {
    let bytes = &files()["gnu-ld.so"];
    let edits = Edits { remove_needed: ["libc.so.6".to_owned()].into(), ..Edits::default() };
    let error = patch(bytes, &edits).unwrap_err().to_string();
    assert!(error.starts_with("DT_NEEDED entry `libc.so.6` cannot go: symbol `"), "{error}");
}

#[test]
fn a_library_that_nothing_is_bound_to_can_be_removed() {
    let bytes = &files()["gnu-ld.so"];
    let add = Edits { add_needed: vec!["libextra.so.1".into()], ..Edits::default() };
    let with = patch(bytes, &add).unwrap().apply(bytes);
    let edits = Edits { remove_needed: ["libextra.so.1".to_owned()].into(), ..Edits::default() };
    let without = patch(&with, &edits).unwrap().apply(&with);
    assert_eq!(seen_by_goblin(&without), seen_by_goblin(bytes));
}

/// Everything that can be asked of a file, to see that no answer is a panic.
fn ask_everything(bytes: &[u8]) {
    let Ok(elf) = Elf::parse(bytes) else { return };
    let _ = (elf.class(), elf.endian(), elf.machine(), elf.flags(), elf.file_type(), elf.os_abi());
    let _ = (elf.is_dynamic(), elf.executable_stack(), elf.has_relro(), elf.load_alignment());
    let _ = (elf.interpreter(), elf.soname(), elf.needed(), elf.rpath(), elf.runpath());
    let _ = (elf.dynamic_flags(), elf.version_needs(), elf.version_definitions());
    let _ = (elf.symbols(), elf.build_id(), elf.x86_isa_needed());
}

#[test]
fn a_file_cut_at_any_length_is_refused_or_edited_but_never_a_panic() {
    let edits = Edits {
        soname: Some(SonameEdit::Set(long("libdemo", 90))),
        search_path: Some(SearchPathEdit::Rpath(long("$ORIGIN", 90))),
        ..Edits::default()
    };
    for (name, bytes) in files() {
        for size in 0..bytes.len() {
            let cut = &bytes[..size];
            // The headers at the start are where each byte counts; behind them every eleventh will do.
            if size > 1024 && size % 11 != 0 {
                continue;
            }
            ask_everything(cut);
            if let Ok(set) = patch(cut, &edits) {
                // Only section headers are missing: the loader would take it, and so do we.
                let elf = set.apply(cut);
                assert!(Elf::parse(&elf).unwrap().soname().unwrap().is_some(), "{name}, {size}");
            }
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    // xorshift64: the same flips on every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 1).unwrap() % below
    };
    let edits = Edits {
        soname: Some(SonameEdit::Set(long("libdemo", 300))),
        search_path: Some(SearchPathEdit::Rpath(long("$ORIGIN", 300))),
        add_needed: (0..9).map(|n| format!("lib{n}.so")).collect(),
        clear_executable_stack: true,
        ..Edits::default()
    };
    for (_, bytes) in files() {
        // Where the loader's tables are, and all of the file.
        let dense = bytes.len().min(1600);
        for round in 0..600 {
            let mut flipped = bytes.clone();
            for _ in 0..=random(4) {
                let at = if round % 3 == 0 { random(bytes.len()) } else { random(dense) };
                flipped[at] = match random(4) {
                    0 => 0xff,
                    1 => 0,
                    _ => u8::try_from(random(256)).unwrap(),
                };
            }
            ask_everything(&flipped);
            let _ = patch(&flipped, &edits).map(|set| set.apply(&flipped));
        }
    }
}

/// `bytes` with all symbols that are bound to versions of `file` unversioned.
fn without_versions_of(bytes: &[u8], file: &str) -> Vec<u8> {
    let elf = Elf::parse(bytes).unwrap();
    let needs = elf.version_needs().unwrap();
    let need = needs.iter().find(|need| need.file == file).unwrap();
    let goblin = Goblin::parse(bytes).unwrap();
    let table =
        goblin.section_headers.iter().find(|section| section.sh_type == 0x6fff_ffff).unwrap();
    let mut bytes = bytes.to_vec();
    let start = usize::try_from(table.sh_offset).unwrap();
    let end = start + usize::try_from(table.sh_size).unwrap();
    for entry in bytes[start..end].chunks_exact_mut(2) {
        let index = u16::from_le_bytes([entry[0], entry[1]]);
        if need.versions.iter().any(|version| version.index == index) {
            entry.copy_from_slice(&1_u16.to_le_bytes());
        }
    }
    bytes
}

#[test]
fn what_is_needed_of_a_removed_library_goes_with_it() {
    let bytes = &files()["gnu-ld.so"];
    let before = seen_by_goblin(bytes).needs;
    assert_eq!(before.len(), 2);
    for gone in 0..2 {
        let file = before[gone].0.clone();
        let unbound = without_versions_of(bytes, &file);
        let edits = Edits { remove_needed: [file.clone()].into(), ..Edits::default() };
        let edited = patch(&unbound, &edits).unwrap().apply(&unbound);
        let after = seen_by_goblin(&edited);
        assert_eq!(after.needs, [before[1 - gone].clone()], "{file}");
        assert!(!after.needed.contains(&file));
        // And the other one, which leaves no version need at all.
        let other = before[1 - gone].0.clone();
        let unbound = without_versions_of(&edited, &other);
        let edits = Edits { remove_needed: [other].into(), ..Edits::default() };
        let edited = patch(&unbound, &edits).unwrap().apply(&unbound);
        assert_eq!(Elf::parse(&edited).unwrap().version_needs().unwrap(), []);
        assert_eq!(Elf::parse(&edited).unwrap().needed().unwrap(), [""; 0]);
    }
}

#[test]
fn symbols_have_their_versions_and_libraries() {
    let bytes = &files()["gnu-ld.so"];
    let elf = Elf::parse(bytes).unwrap();
    let symbols = elf.symbols().unwrap();
    let find = |name| *symbols.iter().find(|symbol| symbol.name == name).unwrap();
    let malloc = find("malloc");
    assert!(!malloc.defined);
    assert_eq!(malloc.version.unwrap().file, Some("libc.so.6"));
    assert!(malloc.version.unwrap().name.starts_with("GLIBC_2."));
    let answer = find("answer");
    assert!(answer.defined);
    assert_eq!((answer.version.unwrap().name, answer.version.unwrap().file), ("LIB_1", None));
    let names: Vec<&str> =
        elf.version_definitions().unwrap().iter().map(|version| version.name).collect();
    assert_eq!(names, ["libdemo.so.1", "LIB_1", "LIB_2"]);
}

#[test]
fn as_many_symbols_are_read_as_goblin_reads() {
    for (name, bytes) in files() {
        let ours = Elf::parse(&bytes).unwrap().symbols().unwrap().len();
        // goblin counts the reserved first symbol too.
        assert_eq!(ours + 1, Goblin::parse(&bytes).unwrap().dynsyms.len(), "{name}");
    }
}

#[test]
fn renamed_to_a_name_already_needed_leaves_both_entries_and_is_done() {
    let bytes = &files()["gnu-ld.so"];
    let replace_needed = BTreeMap::from([("libm.so.6".to_owned(), "libc.so.6".to_owned())]);
    let edits = Edits { replace_needed, ..Edits::default() };
    let edited = patch(bytes, &edits).unwrap().apply(bytes);
    assert_eq!(seen_by_goblin(&edited).needed, ["libc.so.6", "libc.so.6"]);
    assert!(patch(&edited, &edits).unwrap().is_empty());
}

#[test]
fn the_search_path_has_exactly_one_tag() {
    let bytes = &files()["execstack-rpath.so"];
    let mut edited = bytes.clone();
    for path in ["$ORIGIN/a", "$ORIGIN/b/longer"] {
        for search_path in
            [SearchPathEdit::Rpath(path.into()), SearchPathEdit::Runpath(path.into())]
        {
            let is_rpath = matches!(search_path, SearchPathEdit::Rpath(_));
            let edits = Edits { search_path: Some(search_path), ..Edits::default() };
            edited = patch(&edited, &edits).unwrap().apply(&edited);
            let elf = Elf::parse(&edited).unwrap();
            let found = (elf.rpath().unwrap(), elf.runpath().unwrap());
            let wanted = if is_rpath { (Some(path), None) } else { (None, Some(path)) };
            assert_eq!(found, wanted);
        }
    }
    // All of it fits where the old path was.
    assert_eq!(edited.len(), bytes.len());
}
