//! Another reader, written by other people, sees the same in the same file.
//!
//! Besides the files of `testdata`, every PE file below the directory that `TRUEWHEEL_CORPUS` names is compared:
//! unpacked wheels, say. goblin does not read delay imports, nor the names of old bound imports.

use std::path::Path;

use goblin::pe::PE as Goblin;
use truewheel_pe::{ImportedSymbol, Pe, PeKind, is_pe};

#[test]
fn goblin_reads_the_same_from_testdata() {
    for (name, bytes) in crate::FILES {
        compare(name, bytes);
    }
}

#[test]
fn goblin_reads_the_same_from_the_corpus() {
    let Some(corpus) = std::env::var_os("TRUEWHEEL_CORPUS") else {
        eprintln!("skipped: TRUEWHEEL_CORPUS names no directory of PE files");
        return;
    };
    let mut count = 0;
    let mut directories = vec![Path::new(&corpus).to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            if is_pe(&bytes) {
                count += 1;
                compare(&path.display().to_string(), &bytes);
            }
        }
    }
    eprintln!("{count} files");
}

pub(crate) fn compare(name: &str, bytes: &[u8]) {
    let ours = Pe::parse(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let theirs = Goblin::parse(bytes).unwrap_or_else(|error| panic!("{name}: goblin: {error}"));
    compare_headers(name, &ours, &theirs);
    compare_imports(name, &ours, &theirs);
    compare_exports(name, &ours, &theirs);
    assert!(ours.delay_imports().is_ok(), "{name}");
    assert!(ours.version_resource().is_ok(), "{name}");
    assert!(ours.load_config().is_ok(), "{name}");
    if ours.checksum() != 0 {
        assert_eq!(ours.checksum(), ours.computed_checksum(), "{name}");
    }
}

fn compare_headers(name: &str, ours: &Pe<'_>, theirs: &Goblin<'_>) {
    let optional = theirs.header.optional_header.unwrap();
    let (standard, windows) = (optional.standard_fields, optional.windows_fields);
    assert_eq!(ours.machine(), theirs.header.coff_header.machine, "{name}");
    assert_eq!(ours.is_dll(), theirs.is_lib, "{name}");
    assert_eq!(ours.kind() == PeKind::Pe32Plus, theirs.is_64, "{name}");
    assert_eq!(ours.image_base(), theirs.image_base, "{name}");
    let linker = (standard.major_linker_version, standard.minor_linker_version);
    assert_eq!(ours.linker_version(), linker, "{name}");
    assert_eq!(ours.checksum(), windows.check_sum, "{name}");
    assert_eq!(ours.dll_characteristics(), windows.dll_characteristics, "{name}");
    let sections = ours.sections().iter().zip(&theirs.sections);
    assert_eq!(ours.sections().len(), theirs.sections.len(), "{name}");
    for (ours, theirs) in sections {
        assert_eq!(ours.virtual_address, theirs.virtual_address, "{name}");
        assert_eq!(ours.virtual_size, theirs.virtual_size, "{name}");
        assert_eq!(ours.pointer_to_raw_data, theirs.pointer_to_raw_data, "{name}");
        assert_eq!(ours.size_of_raw_data, theirs.size_of_raw_data, "{name}");
        assert_eq!(ours.characteristics, theirs.characteristics, "{name}");
    }
}

fn compare_imports(name: &str, ours: &Pe<'_>, theirs: &Goblin<'_>) {
    let imports = ours.imports().unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut found: Vec<(String, String)> = Vec::new();
    for import in &imports {
        for symbol in &import.symbols {
            let text = match symbol {
                ImportedSymbol::Name { name, .. } => (*name).to_owned(),
                ImportedSymbol::Ordinal(ordinal) => format!("ORDINAL {ordinal}"),
            };
            found.push((import.dll.to_owned(), text));
        }
    }
    let expected: Vec<_> =
        theirs.imports.iter().map(|found| (found.dll.to_owned(), found.name.to_string())).collect();
    assert_eq!(found, expected, "{name}");
}

fn compare_exports(name: &str, ours: &Pe<'_>, theirs: &Goblin<'_>) {
    let exports = ours.exports().unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut found: Vec<_> = exports
        .iter()
        .flat_map(|exports| &exports.symbols)
        .filter_map(|symbol| Some((symbol.name?, symbol.rva as usize, symbol.forwarder.is_some())))
        .collect();
    let mut expected: Vec<_> = theirs
        .exports
        .iter()
        .filter_map(|export| Some((export.name?, export.rva, export.reexport.is_some())))
        .collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{name}");
}
