//! What must hold for stripping every file in `testdata/elf`: machines, byte orders, linkers, layouts.
//!
//! goblin reads each result, so that a mistake in our reading cannot hide one in our writing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use goblin::elf::Elf as Goblin;
use goblin::elf::section_header::{SHT_NOBITS, SHT_SYMTAB};
use truewheel_elf::{Edits, Elf, SearchPathEdit, SonameEdit, Strip, Strippable};
use truewheel_elf::{patch, strip, strippable};

const LEVELS: [Strip; 2] = [Strip::Debug, Strip::All];

fn file(name: &str) -> Vec<u8> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/elf");
    std::fs::read(directory.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The files with debug information.
fn files() -> BTreeMap<&'static str, Vec<u8>> {
    let names = [
        "debug-aarch64.so",
        "debug-armv7.so",
        "debug-gold.so",
        "debug-i386.so",
        "debug-mips64el.so",
        "debug-patchelf.so",
        "debug-powerpc.so",
        "debug-powerpc64le.so",
        "debug-program",
        "debug-riscv64.so",
        "debug-s390x.so",
        "debug-x86_64.so",
    ];
    names.into_iter().map(|name| (name, file(name))).collect()
}

fn stripped(bytes: &[u8], level: Strip) -> Vec<u8> {
    strip(bytes, level).unwrap().expect("there is something to strip")
}

fn section_names(bytes: &[u8]) -> Vec<String> {
    let elf = Goblin::parse(bytes).unwrap();
    let name = |index| elf.shdr_strtab.get_at(index).unwrap().to_owned();
    elf.section_headers.iter().map(|section| name(section.sh_name)).collect()
}

/// Each byte that is loaded, by address, but for the ELF header and the program headers. Symbols of
/// `.dynsym` count without the numbers of their sections.
fn memory(bytes: &[u8]) -> BTreeMap<u64, Vec<u8>> {
    let elf = Goblin::parse(bytes).unwrap();
    let mut bytes = bytes.to_vec();
    let headers = elf.header.e_phoff..elf.header.e_phoff + 56 * elf.program_headers.len() as u64;
    for at in (0..64).chain(headers) {
        bytes[usize::try_from(at).unwrap()] = 0;
    }
    let (size, at) = if elf.is_64 { (24, 6) } else { (16, 14) };
    for table in elf.section_headers.iter().filter(|section| section.sh_type == 11) {
        for symbol in (0..table.sh_size / size).map(|number| table.sh_offset + number * size) {
            let shndx = usize::try_from(symbol + at).unwrap();
            bytes[shndx..shndx + 2].fill(0);
        }
    }
    let loads = elf.program_headers.iter().filter(|segment| segment.p_type == 1);
    loads.map(|load| (load.p_vaddr, bytes[load.file_range()].to_vec())).collect()
}

/// Name, value and the name of the section of each symbol.
fn symbols(bytes: &[u8], dynamic: bool) -> Vec<(String, u64, String)> {
    let elf = Goblin::parse(bytes).unwrap();
    let sections = section_names(bytes);
    let (table, strings) =
        if dynamic { (&elf.dynsyms, &elf.dynstrtab) } else { (&elf.syms, &elf.strtab) };
    let section = |index: usize| sections.get(index).cloned().unwrap_or(index.to_string());
    let fact = |symbol: goblin::elf::Sym| {
        let name = strings.get_at(symbol.st_name).unwrap_or_default().to_owned();
        (name, symbol.st_value, section(symbol.st_shndx))
    };
    table.iter().map(fact).collect()
}

#[test]
fn what_is_loaded_stays_at_its_address() {
    for (name, bytes) in files() {
        for level in LEVELS {
            let stripped = stripped(&bytes, level);
            assert_eq!(memory(&stripped), memory(&bytes), "{name}, {level:?}");
            assert!(stripped.len() < bytes.len(), "{name}, {level:?}");
            let pages = |bytes: &[u8]| -> Vec<(u64, u64)> {
                let elf = Goblin::parse(bytes).unwrap();
                let page = |segment: &goblin::elf::ProgramHeader| {
                    (segment.p_vaddr, segment.p_offset % segment.p_align.max(1))
                };
                elf.program_headers.iter().map(page).collect()
            };
            assert_eq!(pages(&stripped), pages(&bytes), "{name}, {level:?}");
        }
    }
}

#[test]
fn debug_information_goes_and_symbols_go_where_asked() {
    for (name, bytes) in files() {
        for level in LEVELS {
            let stripped = stripped(&bytes, level);
            let before = section_names(&bytes);
            let after = section_names(&stripped);
            let goes = |section: &String| {
                section.starts_with(".debug_")
                    || (level == Strip::All && matches!(&**section, ".symtab" | ".strtab"))
            };
            let wanted: Vec<String> = before.into_iter().filter(|name| !goes(name)).collect();
            assert_eq!(after, wanted, "{name}, {level:?}");
        }
    }
}

#[test]
fn symbols_stay_but_those_of_source_files_and_of_what_goes() {
    for (name, bytes) in files() {
        let stripped = stripped(&bytes, Strip::Debug);
        let elf = Goblin::parse(&bytes).unwrap();
        let sections = section_names(&bytes);
        let kept = |symbol: goblin::elf::Sym| {
            let section = sections.get(symbol.st_shndx).map_or("", String::as_str);
            !matches!(symbol.st_type(), 3 | 4) && !section.starts_with(".debug_")
        };
        let kept: Vec<bool> = elf.syms.iter().map(kept).collect();
        assert!(kept.contains(&true), "{name}");
        let mut wanted = symbols(&bytes, false);
        let mut kept = kept.into_iter();
        wanted.retain(|_| kept.next().unwrap());
        assert_eq!(symbols(&stripped, false), wanted, "{name}");
        let after = Goblin::parse(&stripped).unwrap();
        let table = after.section_headers.iter().find(|s| s.sh_type == SHT_SYMTAB).unwrap();
        let locals = after.syms.iter().take_while(|symbol| symbol.st_bind() == 0).count();
        assert_eq!(table.sh_info as usize, locals, "{name}");
    }
}

#[test]
fn dynamic_symbols_keep_their_sections() {
    for (name, bytes) in files() {
        for level in LEVELS {
            let after = symbols(&stripped(&bytes, level), true);
            assert_eq!(after, symbols(&bytes, true), "{name}, {level:?}");
        }
    }
    // patchelf puts sections in memory behind the debug information, so their numbers change.
    let shndx = |bytes: &[u8]| {
        let elf = Goblin::parse(bytes).unwrap();
        let sections = section_names(bytes);
        elf.section_headers[sections.iter().position(|name| name == ".dynsym").unwrap()].sh_link
    };
    let bytes = file("debug-patchelf.so");
    assert!(shndx(&stripped(&bytes, Strip::All)) < shndx(&bytes));
}

#[test]
fn links_lead_to_the_same_sections() {
    for (name, bytes) in files() {
        for level in LEVELS {
            let links = |bytes: &[u8]| -> BTreeMap<String, (String, Option<String>)> {
                let elf = Goblin::parse(bytes).unwrap();
                let names = section_names(bytes);
                let link = |section: &goblin::elf::SectionHeader| {
                    let info = matches!(section.sh_type, 4 | 9) || section.sh_flags & 0x40 != 0;
                    let info = info.then(|| names[section.sh_info as usize].clone());
                    (names[section.sh_link as usize].clone(), info)
                };
                names.iter().cloned().zip(elf.section_headers.iter().map(link)).collect()
            };
            let before = links(&bytes);
            for (section, link) in links(&stripped(&bytes, level)) {
                assert_eq!(before[&section], link, "{name}, {level:?}, {section}");
            }
        }
    }
}

#[test]
fn sections_are_in_the_file_and_apart() {
    for (name, bytes) in files() {
        for level in LEVELS {
            let stripped = stripped(&bytes, level);
            let elf = Goblin::parse(&stripped).unwrap();
            let mut ranges: Vec<(u64, u64)> = elf
                .section_headers
                .iter()
                .filter(|section| section.sh_type != SHT_NOBITS && section.sh_size > 0)
                .map(|section| (section.sh_offset, section.sh_offset + section.sh_size))
                .collect();
            let table = elf.header.e_shoff;
            let size = u64::from(elf.header.e_shentsize) * u64::from(elf.header.e_shnum);
            ranges.push((table, table + size));
            ranges.sort_unstable();
            assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{name}: {ranges:x?}");
            assert!(ranges.last().unwrap().1 <= stripped.len() as u64, "{name}, {level:?}");
            for section in elf.section_headers.iter().filter(|s| s.sh_type != SHT_NOBITS) {
                assert_eq!(section.sh_offset % section.sh_addralign.max(1), 0, "{name}");
            }
        }
    }
}

#[test]
fn twice_is_once_and_the_levels_follow_each_other() {
    for (name, bytes) in files() {
        for level in LEVELS {
            let once = stripped(&bytes, level);
            assert_eq!(strippable(&once, level), Ok(Strippable::Nothing), "{name}");
            assert_eq!(strip(&once, level), Ok(None), "{name}");
        }
        let both = stripped(&stripped(&bytes, Strip::Debug), Strip::All);
        assert_eq!(both, stripped(&bytes, Strip::All), "{name}");
    }
}

/// Names that need room that no file here has.
fn long_names() -> Edits {
    Edits {
        soname: Some(SonameEdit::Set(format!("lib{}.so", "x".repeat(600)))),
        search_path: Some(SearchPathEdit::Rpath("$ORIGIN/".to_owned() + &"y".repeat(3000))),
        ..Edits::default()
    }
}

#[test]
fn a_stripped_file_takes_edits() {
    for (name, bytes) in files() {
        for level in LEVELS {
            let stripped = stripped(&bytes, level);
            let edited = patch(&stripped, &long_names());
            let edited = edited.unwrap_or_else(|error| panic!("{name}: {error}")).apply(&stripped);
            let elf = Elf::parse(&edited).unwrap();
            assert_eq!(elf.soname().unwrap().map(str::len), Some(606), "{name}");
        }
    }
}

#[test]
fn an_appended_segment_moves_down_in_the_file_and_not_in_memory() {
    for (name, bytes) in files() {
        let edited = patch(&bytes, &long_names()).unwrap().apply(&bytes);
        for level in LEVELS {
            let after = stripped(&edited, level);
            assert_eq!(memory(&after), memory(&edited), "{name}, {level:?}");
            let (ours, plain) = (Elf::parse(&after).unwrap(), Elf::parse(&edited).unwrap());
            assert_eq!(ours.soname(), plain.soname());
            assert_eq!(ours.rpath(), plain.rpath());
            assert_eq!(strip(&after, level), Ok(None), "{name}");
            assert!(patch(&after, &long_names()).unwrap().is_empty(), "{name}");
            // No hole: at most a page more than the same file edited when it was stripped.
            let first = stripped(&bytes, level);
            let first = patch(&first, &long_names()).unwrap().apply(&first);
            let page = usize::try_from(plain.load_alignment()).unwrap();
            assert!(after.len() <= first.len() + page, "{name}: {} {}", after.len(), first.len());
        }
    }
}

#[test]
fn a_file_without_debug_information_stays_as_it_is() {
    for name in ["gnu-ld.so", "gold.so", "s390x.so", "mips.so", "program", "no-sections.so"] {
        for level in LEVELS {
            assert_eq!(strippable(&file(name), level), Ok(Strippable::Nothing), "{name}");
            assert_eq!(strip(&file(name), level), Ok(None), "{name}");
        }
    }
}

/// Wants `bytes` to be left alone for `reason`.
fn is_left_alone(bytes: &[u8], level: Strip, reason: &str) {
    assert_eq!(strippable(bytes, level), Ok(Strippable::Unfit(reason_of(reason))));
    assert_eq!(strip(bytes, level), Ok(None));
}

fn reason_of(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[test]
fn relocations_of_the_linker_keep_their_symbols_or_go_with_them() {
    let bytes = file("emit-relocs.so");
    let reason = "it keeps the linker's relocations, which number its symbols";
    is_left_alone(&bytes, Strip::Debug, reason);
    let after = section_names(&stripped(&bytes, Strip::All));
    assert!(!after.iter().any(|name| matches!(&**name, ".rela.text" | ".symtab" | ".debug_info")));
    assert!(after.contains(&".rela.plt".to_owned()));
}

#[test]
fn objects_and_data_behind_the_sections_are_left_alone() {
    let bytes = file("debug-x86_64.so");
    let mut object = bytes.clone();
    object[16] = 1;
    let mut core = bytes.clone();
    core[16] = 4;
    let mut overlay = bytes.clone();
    overlay.extend_from_slice(b"payload");
    for level in LEVELS {
        is_left_alone(&object, level, "it is an object for the linker");
        is_left_alone(&core, level, "it is neither a program nor a library");
        is_left_alone(&overlay, level, "it has data of its own behind the last section");
    }
    let mut padded = bytes;
    padded.extend_from_slice(&[0; 100]);
    assert_eq!(stripped(&padded, Strip::All), stripped(&file("debug-x86_64.so"), Strip::All));
}

/// Writes `value` into every header of a section of `bytes`, which is 64-bit and little-endian.
fn with_header(mut bytes: Vec<u8>, section: &str, at: usize, value: &[u8]) -> Vec<u8> {
    let index = section_names(&bytes).iter().position(|name| name == section).unwrap();
    let start = usize::try_from(Goblin::parse(&bytes).unwrap().header.e_shoff).unwrap();
    bytes[start + 64 * index + at..][..value.len()].copy_from_slice(value);
    bytes
}

#[test]
fn headers_that_contradict_each_other_leave_the_file_alone() {
    const SH_TYPE: usize = 4;
    const SH_OFFSET: usize = 24;
    const SH_SIZE: usize = 32;
    const SH_ADDRALIGN: usize = 48;
    let bytes = || file("debug-x86_64.so");
    let offset = |to: u64| to.to_le_bytes();
    for (section, field, value, reason) in [
        (".text", SH_TYPE, offset(8), "it holds the debug information of another file"),
        (".debug_info", SH_OFFSET, offset(0x3020), "its sections overlap"),
        (".symtab", SH_OFFSET, offset(1 << 40), "a segment or section is not all in the file"),
        (".symtab", SH_SIZE, offset(u64::MAX - 8), "a segment or section is not all in the file"),
        (".comment", SH_ADDRALIGN, offset(3), "a section has an alignment that none has"),
        (".comment", SH_ADDRALIGN, offset(1 << 40), "a section has an alignment that none has"),
        (".shstrtab", SH_TYPE, offset(1), "its sections have no names"),
    ] {
        // sh_type has four bytes, and sh_flags behind it stay.
        let size = if field == SH_TYPE { 4 } else { 8 };
        let mut bytes = with_header(bytes(), section, field, &value[..size]);
        if section == ".text" {
            for other in [".init", ".plt", ".plt.got", ".fini"] {
                bytes = with_header(bytes, other, SH_TYPE, &value[..size]);
            }
        }
        for level in LEVELS {
            is_left_alone(&bytes, level, reason);
        }
    }
    let mut none = bytes();
    none[58] = 40;
    is_left_alone(&none, Strip::All, "its section headers are not all in the file");
}

#[test]
fn sections_of_debug_information_in_all_its_kinds_go() {
    // Other names in the place of `.comment`, whose eight letters they must fit.
    for (name, goes) in [
        (".stabstr", true),
        (".stab", true),
        (".line", true),
        (".debug", true),
        (".zdebug_", true),
        (".liner", false),
        (".gdb_inx", false),
        (".lto", false),
    ] {
        let mut bytes = file("gnu-ld.so");
        let at = bytes.windows(9).rposition(|name| name == b".comment\0").unwrap();
        let mut new = name.as_bytes().to_vec();
        new.resize(9, 0);
        bytes[at..at + 9].copy_from_slice(&new);
        let found = strippable(&bytes, Strip::Debug).unwrap();
        assert_eq!(matches!(found, Strippable::Yes { sections: 1, .. }), goes, "{name}: {found:?}");
    }
}

#[test]
fn a_damaged_file_is_left_alone_refused_or_stripped_but_never_a_panic() {
    // xorshift64: the same flips on every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 1).unwrap() % below
    };
    for (name, bytes) in files() {
        let headers = usize::try_from(Goblin::parse(&bytes).unwrap().header.e_shoff).unwrap();
        for round in 0..400 {
            let mut flipped = bytes.clone();
            for _ in 0..=random(3) {
                let at = match round % 4 {
                    0 => random(flipped.len()),
                    1 => random(1000),
                    _ => headers + random(flipped.len() - headers),
                };
                flipped[at] = [0, 0xff, 1, 0x80][random(4)];
            }
            for level in LEVELS {
                if let Ok(Some(stripped)) = strip(&flipped, level) {
                    assert_eq!(strip(&stripped, level), Ok(None), "{name}, round {round}");
                }
            }
        }
        for size in (0..bytes.len()).step_by(7) {
            let _ = strip(&bytes[..size], Strip::All);
        }
    }
}
