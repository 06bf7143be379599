//! Reads everything of a hostile PE file, then edits it: an edit that is granted must be readable, and doing it again
//! must change nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truewheel_pe::{Edits, Pe, is_pe, patch, patch_file};

fuzz_target!(|bytes: &[u8]| {
    let Ok(pe) = Pe::parse(bytes) else { return };
    assert!(is_pe(bytes));
    for overlay in pe.overlay_parts() {
        assert!(overlay.offset + overlay.size <= bytes.len() as u64);
    }
    let _ = pe.computed_checksum();
    let _ = pe.bound_imports();
    let _ = pe.has_bound_imports();
    let _ = pe.load_config();
    let _ = pe.version_resource();

    assert!(patch(bytes, &Edits::default()).unwrap().is_empty());
    let (Ok(imports), Ok(delay_imports), Ok(exports)) =
        (pe.imports(), pe.delay_imports(), pe.exports())
    else {
        return;
    };
    let imports = imports.iter().chain(&delay_imports).map(|import| import.dll.to_owned());
    let forwarders = exports.iter().flat_map(|exports| &exports.symbols);
    let forwarders = forwarders.filter_map(|symbol| Some(symbol.forwarder?.rsplit_once('.')?.0));
    let named: Vec<String> = imports.chain(forwarders.map(str::to_owned)).collect();
    for new in ["a.dll", "vendored-0123456789abcdef0123456789abcdef.dll"] {
        let dll_names = named.iter().map(|old| (old.clone(), new.to_owned())).collect();
        let edits = Edits { dll_names, clear_dependent_load_flags: true };
        let Ok((set, changed)) = patch_file(bytes, &edits) else { continue };
        assert_eq!(set.apply(bytes), changed);
        let _ = Pe::parse(&changed).unwrap();
        assert!(patch(&changed, &edits).unwrap().is_empty());
    }
});
