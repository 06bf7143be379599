//! Step 7: the new wheel, from raw copies and new members, as a temporary file.
//!
//! Members keep the order of the input; new ones come in front of `.dist-info`, which stays last, as
//! the wheel format recommends, with RECORD at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use truewheel_wheel::{MemberKind, MemberPath, NewMember, Wheel, WheelWriter, Written};

use crate::error::Result;
use crate::plan::Plan;
use crate::scan::Scan;

/// Writes the planned wheel into `directory`, without giving it its name.
pub(crate) fn write(
    wheel: &Wheel,
    scan: &Scan,
    plan: &Plan,
    members: Vec<NewMember>,
    directory: &Path,
) -> Result<Written> {
    let dist_info = format!("{}/", wheel.dist_info());
    let record = MemberPath::new(&format!("{dist_info}RECORD"))?;
    let mut writer = WheelWriter::create(directory, record.clone())?;
    let mut new: BTreeMap<MemberPath, NewMember> =
        members.into_iter().map(|member| (member.path().clone(), member)).collect();
    // Another member gets their names, such as the file behind a chain of links.
    let taken: BTreeSet<&MemberPath> = plan.renamed.values().collect();
    let is_metadata = |path: &MemberPath| path.as_str().starts_with(&dist_info);
    for last in [false, true] {
        for member in wheel.members() {
            let path = plan.renamed.get(&member.path).unwrap_or(&member.path);
            let is_out = member.kind == MemberKind::Directory
                || *path == record
                || is_metadata(path) != last
                || (plan.dropped.contains_key(&member.path) && path == &member.path)
                || taken.contains(&member.path);
            if is_out {
                continue;
            }
            match (new.remove(path), scan.digests.get(&member.path)) {
                (Some(made), _) => writer.add(made)?,
                (None, Some(digest)) => writer.copy(wheel, member, digest)?,
                (None, None) => {}
            }
        }
        let added: Vec<MemberPath> =
            new.keys().filter(|path| is_metadata(path) == last).cloned().collect();
        for path in added {
            if let Some(made) = new.remove(&path) {
                writer.add(made)?;
            }
        }
    }
    let modified = wheel.member(record.as_str()).map_or(plan.modified, |member| member.modified);
    Ok(writer.finish(modified)?)
}
