//! DLL names in import libraries, of LLVM and of GNU, and damaged ones.

use std::collections::BTreeMap;

use object::read::archive::ArchiveFile;
use object::read::coff::{CoffFile, ImportFile};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use truewheel_pe::{ErrorKind, imported_dlls, rename_imported_dlls};

const LIBRARIES: [(&str, &[u8]); 5] = [
    ("arm64", include_bytes!("../../../../testdata/pe/needed.arm64.lib")),
    ("x64", include_bytes!("../../../../testdata/pe/needed.x64.lib")),
    ("x86", include_bytes!("../../../../testdata/pe/needed.x86.lib")),
    ("GNU x64", include_bytes!("../../../../testdata/pe/needed.gnu.x64.lib")),
    ("GNU x86", include_bytes!("../../../../testdata/pe/needed.gnu.x86.lib")),
];
const LONGER: &str = "needed-0123456789abcdef0123456789abcdef.dll";

fn renames(old: &str, new: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(old.to_owned(), new.to_owned())])
}

/// Every symbol with the object it leads to, as another reader sees them.
fn symbols(bytes: &[u8]) -> Vec<String> {
    let archive = ArchiveFile::parse(bytes).expect("an archive");
    let symbols = archive.symbols().expect("symbols").expect("some");
    let mut all: Vec<String> = symbols
        .map(|symbol| {
            let symbol = symbol.expect("a symbol");
            let member = archive.member(symbol.offset()).expect("its object");
            let (name, data) = (symbol.name(), member.data(bytes).expect("its bytes"));
            assert!(defines(data, name), "{}", String::from_utf8_lossy(name));
            String::from_utf8_lossy(name).into_owned()
        })
        .collect();
    all.sort();
    all
}

fn defines(object: &[u8], name: &[u8]) -> bool {
    if let Ok(import) = ImportFile::parse(object) {
        let name = name.strip_prefix(b"__imp_").unwrap_or(name);
        return import.symbol() == name;
    }
    let file: CoffFile<'_> = CoffFile::parse(object).expect("an object");
    file.symbols().any(|symbol| symbol.is_definition() && symbol.name_bytes() == Ok(name))
}

#[test]
fn an_import_library_names_the_other_dll() {
    for (kind, bytes) in LIBRARIES {
        assert_eq!(imported_dlls(bytes).expect(kind), ["needed.dll"], "{kind}");
        for new in [LONGER, "n.dll", "NEEDED.dll"] {
            let edited = rename_imported_dlls(bytes, &renames("Needed.DLL", new)).expect(kind);
            assert_eq!(imported_dlls(&edited).expect(kind), [new.to_lowercase()], "{kind}");
            let stem = new.trim_end_matches(".dll");
            let expected: Vec<String> = symbols(bytes)
                .iter()
                .map(|name| match name.as_str() {
                    "__IMPORT_DESCRIPTOR_needed" => format!("__IMPORT_DESCRIPTOR_{stem}"),
                    "\x7fneeded_NULL_THUNK_DATA" => format!("\x7f{stem}_NULL_THUNK_DATA"),
                    other => other.to_owned(),
                })
                .collect();
            let mut sorted = expected.clone();
            sorted.sort();
            assert_eq!(symbols(&edited), sorted, "{kind}");
            let back = rename_imported_dlls(&edited, &renames(new, "needed.dll")).expect(kind);
            assert_eq!(symbols(&back), symbols(bytes), "{kind}");
        }
    }
}

#[test]
fn the_names_section_of_an_object_says_its_size_again() {
    let (_, bytes) = LIBRARIES[3];
    let edited = rename_imported_dlls(bytes, &renames("needed.dll", LONGER)).expect("an edit");
    let archive = ArchiveFile::parse(&*edited).expect("an archive");
    let tails = archive.members().filter_map(|member| {
        let data = member.expect("a member").data(&*edited).expect("its bytes");
        let file: CoffFile<'_> = CoffFile::parse(data).expect("an object");
        let section = file.section_by_name(".idata$7")?;
        let text = section.data().expect("its bytes").to_vec();
        let index = file.symbol_by_name(".idata$7")?.index();
        let aux = file.coff_symbol_table().aux_section(index).expect("its size");
        text.starts_with(b"needed-").then(|| (text, aux.length.get(object::LittleEndian)))
    });
    let tails: Vec<(Vec<u8>, u32)> = tails.collect();
    let padded = [LONGER.as_bytes(), &[0]].concat();
    assert_eq!(tails, [(padded, 44)]);
}

#[test]
fn an_archive_that_names_no_such_dll_keeps_its_bytes() {
    for (kind, bytes) in LIBRARIES {
        for names in [renames("other.dll", LONGER), renames("needed.dll", "needed.dll")] {
            assert_eq!(rename_imported_dlls(bytes, &names).expect(kind), bytes, "{kind}");
        }
    }
}

#[test]
fn what_is_no_archive_and_no_name_is_refused() {
    let (_, bytes) = LIBRARIES[1];
    for (bytes, what) in [
        (&b"MZ"[..], "no import library: `!<arch>`, at offset 0x0"),
        (b"!<thin>\n", "no import library: `!<arch>`, at offset 0x0"),
        (&bytes[..40], "no import library: the header of a member, at offset 0x8"),
        (&bytes[..80], "no import library: the size of a member, at offset 0x8"),
    ] {
        let error = imported_dlls(bytes).expect_err("no archive");
        assert_eq!(error.to_string(), what);
    }
    let error = rename_imported_dlls(bytes, &renames("needed.dll", "a/b.dll")).expect_err("a path");
    assert_eq!(error.kind(), &ErrorKind::BadName("a/b.dll".to_owned()));
}

/// Whatever a byte says, there is a result that another reader reads, or an error.
#[test]
fn damage_is_no_panic() {
    for (kind, bytes) in LIBRARIES {
        for offset in 0..bytes.len() {
            for value in [0, 0x20, 0x39, 0x7f, 0xff] {
                let mut damaged = bytes.to_vec();
                damaged[offset] = value;
                if let Ok(edited) = rename_imported_dlls(&damaged, &renames("needed.dll", LONGER)) {
                    imported_dlls(&edited).expect(kind);
                }
            }
            let _ = rename_imported_dlls(&bytes[..offset], &renames("needed.dll", LONGER));
        }
    }
}
