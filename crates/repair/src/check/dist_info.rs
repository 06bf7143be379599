//! WHEEL and METADATA against the file name.

use std::collections::BTreeSet;

use truewheel_wheel::{
    MemberKind, Metadata, PlatformTag, Tag, WheelFile, normalize_name, normalize_version,
};

use super::finding::Finding;
use super::requires::Requires;
use super::{Check, rules};
use crate::policy;

pub(super) fn check(check: &mut Check<'_>) {
    wheel_file(check);
    metadata(check);
}

/// The text of a file in `.dist-info`, or what is wrong with it.
fn text(check: &Check<'_>, name: &str) -> Result<String, String> {
    let path = format!("{}/{name}", check.wheel.dist_info());
    let member = check.wheel.member(&path).filter(|member| member.kind == MemberKind::File);
    let member = member.ok_or_else(|| format!("there is no {path}"))?;
    let bytes = check.wheel.read(member).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8"))
}

fn wheel_file(check: &mut Check<'_>) {
    let path = format!("{}/WHEEL", check.wheel.dist_info());
    let parsed = text(check, "WHEEL")
        .and_then(|text| WheelFile::parse(&text).map_err(|error| format!("{path}: {error}")));
    let file = match parsed {
        Ok(file) => file,
        Err(what) => {
            check.add(Finding::new(rules::WHEEL_FILE, what));
            return;
        }
    };
    if let Some((major, minor)) = file.wheel_version()
        && major != 1
    {
        let message = format!("Wheel-Version is {major}.{minor}, installers know 1.x");
        check.add(Finding::of(rules::WHEEL_VERSION, &path, message));
    }
    root_is_purelib(check, &path, &file);
    match file.tags() {
        Ok(tags) => compare_tags(check, &path, &tags.into_iter().collect()),
        Err(error) => check.add(Finding::of(rules::WHEEL_TAGS, &path, error.to_string())),
    }
}

fn compare_tags(check: &mut Check<'_>, path: &str, written: &BTreeSet<Tag>) {
    let named: BTreeSet<Tag> = check.wheel.filename().tags().into_iter().collect();
    if named == *written {
        return;
    }
    // Some builders write the alias in one place and its number in the other: the same promise.
    let plain = |tags: &BTreeSet<Tag>| -> BTreeSet<String> {
        let words = tags.iter().map(|tag| {
            let platform = match (policy::promise_of(&tag.platform), &tag.platform) {
                (Some(promise), PlatformTag::ManylinuxAlias { arch, .. }) => {
                    format!("{promise:?} {arch}")
                }
                (Some(promise), PlatformTag::Manylinux { arch, .. }) => {
                    format!("{promise:?} {arch}")
                }
                _ => tag.platform.to_string(),
            };
            format!("{}-{}-{platform}", tag.python, tag.abi)
        });
        words.collect()
    };
    let list = |tags: Vec<&Tag>| match tags.as_slice() {
        [] => "none".to_owned(),
        tags => tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let message = format!(
        "only in the file name: {}; only in WHEEL: {}",
        list(named.difference(written).take(8).collect()),
        list(written.difference(&named).take(8).collect())
    );
    let finding = Finding::of(rules::WHEEL_TAGS, path, message).remedy(match check.is_repaired() {
        true => "rename wheels with `wheel tags` or `truewheel repair`, which write both",
        false => "rename wheels with `wheel tags`, which writes both",
    });
    check.add(match plain(&named) == plain(written) {
        true => finding.weighs(super::Severity::Warning),
        false => finding,
    });
}

fn root_is_purelib(check: &mut Check<'_>, path: &str, file: &WheelFile) {
    let message = match (file.root_is_purelib_count(), file.root_is_purelib()) {
        (1, Some(true)) => {
            purelib_with_binaries(check, path);
            return;
        }
        (1, Some(false)) => return,
        (0, _) => "there is no Root-Is-Purelib".to_owned(),
        (1, None) => "Root-Is-Purelib is neither true nor false".to_owned(),
        (count, _) => format!("Root-Is-Purelib is there {count} times, installers take the first"),
    };
    check.add(Finding::of(rules::ROOT_IS_PURELIB, path, message));
}

fn purelib_with_binaries(check: &mut Check<'_>, path: &str) {
    // Of a wheel for any platform its tag tells.
    if check.tags().contains(&PlatformTag::Any) {
        return;
    }
    // Below .data/ a member says itself where it belongs.
    let mut at_root = check.facts.binaries.iter().filter(|(member, _)| {
        !member.as_str().split('/').next().is_some_and(|top| top.ends_with(".data"))
    });
    let Some((first, _)) = at_root.next() else { return };
    let more = match at_root.count() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let message = format!("Root-Is-Purelib is true, and the wheel has binaries: {first}{more}");
    let finding = Finding::of(rules::PURELIB_BINARY, path, message);
    check.add(finding.remedy("write `Root-Is-Purelib: false`"));
}

fn metadata(check: &mut Check<'_>) {
    let path = format!("{}/METADATA", check.wheel.dist_info());
    let parsed = text(check, "METADATA")
        .and_then(|text| Metadata::parse(&text).map_err(|error| format!("{path}: {error}")));
    let metadata = match parsed {
        Ok(metadata) => metadata,
        Err(what) => {
            check.add(Finding::new(rules::METADATA, what));
            return;
        }
    };
    let (name, version) = {
        let filename = check.wheel.filename();
        (filename.distribution.clone(), filename.version.clone())
    };
    if normalize_name(metadata.name()) != normalize_name(&name) {
        let message = format!("Name is `{}`, the file name says `{name}`", metadata.name());
        check.add(Finding::of(rules::METADATA_NAME, &path, message));
    }
    if normalize_version(metadata.version()) != normalize_version(&version) {
        let message =
            format!("Version is `{}`, the file name says `{version}`", metadata.version());
        check.add(Finding::of(rules::METADATA_VERSION, &path, message));
    }
    check.requires = Requires::of(&metadata);
    check.requires.add_sbom(check.wheel);
}
