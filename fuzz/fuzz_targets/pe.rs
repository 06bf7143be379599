//! Reads everything of a hostile PE file, and holds what it says about places against the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truewheel_pe::{Pe, is_pe};

fuzz_target!(|bytes: &[u8]| {
    let Ok(pe) = Pe::parse(bytes) else { return };
    assert!(is_pe(bytes));
    for overlay in pe.overlay_parts() {
        assert!(overlay.offset + overlay.size <= bytes.len() as u64);
    }
    let _ = pe.computed_checksum();
    let _ = pe.imports();
    let _ = pe.delay_imports();
    let _ = pe.has_bound_imports();
    let _ = pe.exports();
    let _ = pe.load_config();
    let _ = pe.version_resource();
});
