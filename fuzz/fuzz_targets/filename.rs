//! A wheel's file name that is read and printed is the same when it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truewheel_wheel::WheelFilename;

fuzz_target!(|text: &str| {
    let Ok(name) = text.parse::<WheelFilename>() else { return };
    let _ = name.tags();
    let printed = name.to_string();
    let again: WheelFilename = printed.parse().unwrap();
    assert_eq!(again.to_string(), printed);
});
