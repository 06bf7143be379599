//! Copies wheels, member by member, and reads the copies again.
//!
//! `cargo run --release -p truewheel-wheel --example copy -- WHEEL…`
//!
//! Tells, for each wheel, what its RECORD and its members disagree on, and the seconds it takes to
//! open it, to read and hash every member on one thread, and to write the copy. A wheel that is
//! refused, or whose copy is not the same, makes the program fail.
#![allow(clippy::print_stdout, reason = "a program to measure with, for a terminal")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use truewheel_wheel::{
    Digest, MemberKind, MemberPath, Metadata, Record, Timestamp, Wheel, WheelFile, WheelWriter,
    record,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut failed = 0;
    for path in std::env::args().skip(1) {
        if let Err(error) = copy(Path::new(&path)) {
            println!("{path}: {error}");
            failed += 1;
        }
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} wheels failed").into()) }
}

fn copy(path: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let wheel = Wheel::open(path)?;
    let opened = start.elapsed();
    let digests = digests(&wheel)?;
    let hashed = start.elapsed();

    let file = |name: &str| -> Result<String, Box<dyn Error>> {
        let member = wheel.member(&format!("{}/{name}", wheel.dist_info())).ok_or("is missing")?;
        Ok(String::from_utf8(wheel.read(member)?)?)
    };
    let rows = Record::parse(&file("RECORD")?)?.rows;
    let disagreements = record::compare(&rows, &digests);
    Metadata::parse(&file("METADATA")?)?;
    let text = file("WHEEL")?;
    let mut wheel_file = WheelFile::parse(&text)?;
    wheel_file.set_tags(&wheel_file.tags()?);
    if wheel_file.to_string() != text {
        return Err("WHEEL changed though nothing was changed".into());
    }

    let start = Instant::now();
    let directory = tempfile::tempdir()?;
    let record = MemberPath::new(&format!("{}/RECORD", wheel.dist_info()))?;
    let mut writer = WheelWriter::create(directory.path(), record)?;
    for member in wheel.members().iter().filter(|member| member.kind == MemberKind::File) {
        let path = member.path.as_str();
        if let Some(digest) = digests.get(path).filter(|_| !record::is_record_or_signature(path)) {
            writer.copy(&wheel, member, digest)?;
        }
    }
    let written = writer.finish(Timestamp::EPOCH_1980)?;
    let wrote = start.elapsed();
    check(&Wheel::open_as(written.path(), &wheel.filename().to_string())?, &digests)?;

    let (opened, hashed, wrote) = (opened.as_secs_f64(), hashed.as_secs_f64(), wrote.as_secs_f64());
    let (members, size) = (wheel.members().len(), wheel.total_size());
    println!(
        "{members:6} members {size:10} bytes: open {opened:.3}, hash {hashed:.3}, copy {wrote:.3} s  {}",
        wheel.filename()
    );
    disagreements.iter().for_each(|disagreement| println!("  {disagreement}"));
    Ok(())
}

fn digests(wheel: &Wheel) -> Result<BTreeMap<String, Digest>, truewheel_wheel::Error> {
    let files = wheel.members().iter().filter(|member| member.kind == MemberKind::File);
    files
        .map(|member| Ok((member.path.as_str().to_owned(), Digest::of(&wheel.read(member)?))))
        .collect()
}

fn check(copy: &Wheel, digests: &BTreeMap<String, Digest>) -> Result<(), Box<dyn Error>> {
    let mut of_copy = self::digests(copy)?;
    let record = format!("{}/RECORD", copy.dist_info());
    let member = copy.member(&record).ok_or("the copy has no RECORD")?;
    let rows = Record::parse(&String::from_utf8(copy.read(member)?)?)?.rows;
    if let Some(disagreement) = record::compare(&rows, &of_copy).first() {
        return Err(format!("in the copy, {disagreement}").into());
    }
    of_copy.retain(|path, _| *path != record);
    let mut expected = digests.clone();
    expected.retain(|path, _| !record::is_record_or_signature(path));
    if of_copy == expected { Ok(()) } else { Err("the copy has other contents".into()) }
}
