//! Reads everything of a hostile ELF file, then edits it: an edit that is granted must be readable, and doing
//! it again must change nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truewheel_elf::{Edits, Elf, SearchPathEdit, SonameEdit, is_elf, patch};

fuzz_target!(|bytes: &[u8]| {
    let _ = is_elf(bytes);
    let Ok(elf) = Elf::parse(bytes) else { return };
    let _ = elf.interpreter();
    let _ = elf.soname();
    let _ = elf.needed();
    let _ = elf.rpath();
    let _ = elf.runpath();
    let _ = elf.dynamic_flags();
    let _ = elf.version_needs();
    let _ = elf.version_definitions();
    let _ = elf.symbols();
    let _ = elf.build_id();
    let _ = elf.x86_isa_needed();
    let _ = elf.executable_stack();

    if let Ok(same) = patch(bytes, &Edits::default()) {
        assert!(same.is_empty());
    }
    let edits = Edits {
        soname: Some(SonameEdit::Set("libfuzzed-0123abcd.so.1".to_owned())),
        search_path: Some(SearchPathEdit::Rpath("$ORIGIN/../demo.libs".to_owned())),
        ..Edits::default()
    };
    let Ok(done) = patch(bytes, &edits) else { return };
    let changed = done.apply(bytes);
    let elf = Elf::parse(&changed).unwrap();
    assert_eq!(elf.soname().unwrap(), Some("libfuzzed-0123abcd.so.1"));
    assert_eq!(elf.rpath().unwrap(), Some("$ORIGIN/../demo.libs"));
    assert!(patch(&changed, &edits).unwrap().is_empty());
});
