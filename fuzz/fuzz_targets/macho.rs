//! Reads everything of a hostile Mach-O file, then edits it: an edit that is granted must be readable, and doing
//! it again must change nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truewheel_macho::{Edits, MachO, SliceEdits, is_macho, merge, patch, sign};

fuzz_target!(|bytes: &[u8]| {
    let Ok(macho) = MachO::parse(bytes) else { return };
    assert!(is_macho(bytes));
    for slice in macho.slices() {
        assert!(slice.offset + slice.size <= bytes.len() as u64);
        assert!(slice.header_pad() <= slice.size);
        if let Some(range) = slice.code_signature() {
            assert!(range.end <= slice.size);
        }
        let _ = slice.undefined_symbols();
        let _ = slice.exported_symbols();
        let _ = slice.signature().map(|found| found.map(|found| found.faults(slice)));
    }
    let _ = merge(&[bytes]);

    assert!(patch(bytes, &Edits::default()).unwrap().is_empty());
    if let Ok(signed) = sign(bytes, "libfuzzed.dylib") {
        let _ = MachO::parse(&signed.apply(bytes)).unwrap();
    }
    let rpaths = Some(vec!["@loader_path/../demo.dylibs".to_owned()]);
    let edits = Edits {
        slices: [(0, SliceEdits { rpaths, ..SliceEdits::default() })].into(),
        file_name: "libfuzzed.dylib".to_owned(),
        ..Edits::default()
    };
    let Ok(done) = patch(bytes, &edits) else { return };
    let changed = done.apply(bytes);
    let macho = MachO::parse(&changed).unwrap();
    assert_eq!(macho.slices()[0].rpaths(), ["@loader_path/../demo.dylibs"]);
    assert!(patch(&changed, &edits).unwrap().is_empty());
});
