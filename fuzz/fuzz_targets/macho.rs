//! Reads everything of a hostile Mach-O file, and holds what it says about places against the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truewheel_macho::{MachO, is_macho};

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
    }
});
