//! A RECORD that is read and printed is the same when it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truewheel_wheel::Record;

fuzz_target!(|text: &str| {
    let Ok(record) = Record::parse(text) else { return };
    let printed = record.print();
    let again = Record::parse(&printed).unwrap();
    assert_eq!(again.print(), printed);
});
