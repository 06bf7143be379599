//! The wheel's own files that change with its tags and its contents: WHEEL, and signatures of RECORD.

use truewheel_wheel::{MemberPath, PlatformTag, Tag, Wheel, WheelFile};

use super::Plan;
use crate::error::{Error, Result};
use crate::policy;

/// A signature of RECORD is false as soon as RECORD changes, and no tool of today checks one (PEP
/// 427 has them; the current specification calls them deprecated).
pub(super) fn drop_signatures(wheel: &Wheel, plan: &mut Plan) -> Result<()> {
    for name in ["RECORD.jws", "RECORD.p7s"] {
        let path = format!("{}/{name}", wheel.dist_info());
        if wheel.member(&path).is_some() {
            plan.notes.push(format!("{path} is left out: it signs the old RECORD"));
            plan.dropped.insert(MemberPath::new(&path)?, "signs the old RECORD".to_owned());
        }
    }
    Ok(())
}

/// WHEEL: a `Tag` line for each combination of the file name's tags, and `Root-Is-Purelib: false`,
/// once, because a wheel with binaries belongs into platlib. Lines that stay are in front, as they were.
pub(super) fn wheel_file(wheel: &Wheel, tags: &[PlatformTag], plan: &mut Plan) -> Result<()> {
    let path = format!("{}/WHEEL", wheel.dist_info());
    let Some(member) = wheel.member(&path) else { return Ok(()) };
    let bytes = wheel.read(member)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::refused(format!("{path}: not UTF-8, the format of WHEEL is")))?;
    let mut file =
        WheelFile::parse(&text).map_err(|error| Error::refused(format!("{path}: {error}")))?;
    let old = file.tags().unwrap_or_default();
    let platforms = policy::oldest_first(tags);
    let mut wanted: Vec<Tag> = wheel.filename().with_platforms(platforms).tags();
    wanted.sort_by_key(|tag| old.iter().position(|other| other == tag).unwrap_or(usize::MAX));
    file.set_tags(&wanted);
    let texts = |tags: Vec<Tag>| tags.iter().map(ToString::to_string).collect();
    plan.new_wheel_tags = texts(file.tags().unwrap_or_default());
    plan.old_wheel_tags = texts(old);
    if file.root_is_purelib() != Some(false) {
        plan.notes.push(format!("{path}: Root-Is-Purelib is false for a wheel with binaries"));
    } else if file.root_is_purelib_count() > 1 {
        plan.notes.push(format!("{path}: Root-Is-Purelib stood there more than once"));
    }
    file.set_root_is_purelib(false);
    let changed = file.to_string();
    if changed != text {
        plan.replaced.insert(MemberPath::new(&path)?, changed.into_bytes());
    }
    Ok(())
}

/// The file by which delvewheel knows a wheel that it has repaired.
pub(super) fn delvewheel_path(wheel: &Wheel) -> String {
    format!("{}/DELVEWHEEL", wheel.dist_info())
}

/// The version that [`delvewheel_path`] tells, if the wheel has it.
pub(crate) fn delvewheel(wheel: &Wheel) -> Result<Option<String>> {
    let Some(member) = wheel.member(&delvewheel_path(wheel)) else { return Ok(None) };
    let bytes = wheel.read(member)?;
    let text = String::from_utf8_lossy(&bytes);
    let version = text.lines().next().and_then(|line| line.strip_prefix("Version: "));
    Ok(Some(version.map_or("(unknown version)", str::trim).to_owned()))
}
