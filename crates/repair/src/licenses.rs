//! Licences of the packages that libraries come from, on request: `.dist-info/licenses/vendored/`.
//!
//! Whoever passes a library on passes its licence on. Each package gets a directory of its name and
//! version. PEP 639 lets METADATA name them as `License-File` from version 2.4 on; in older metadata
//! the field has no meaning, and the files lie there all the same. The project's own `License` fields
//! stay as they are: what the whole distribution is under is for the project to say.

use std::collections::BTreeMap;
use std::fs;

use truewheel_wheel::{MemberPath, Metadata, Wheel, with_license_files};

use crate::error::Result;
use crate::options::Options;
use crate::plan::Plan;
use crate::provider::{LicenseFile, Provider};
use crate::search::disk;

/// The longest licence that is known has a tenth of this; what is longer is something else.
const LARGEST_LICENSE: u64 = 1 << 20;

/// Adds the licence files of `providers` to the plan. What is not found is told in notes.
pub(crate) fn plan(
    wheel: &Wheel,
    plan: &mut Plan,
    providers: &BTreeMap<MemberPath, Provider>,
    options: &Options,
) -> Result<()> {
    if !options.licenses {
        return Ok(());
    }
    let unknown = plan.vendored.iter().filter(|library| !providers.contains_key(&library.member));
    let unknown = unknown.map(|library| {
        let name = disk::file_name(&library.source);
        format!("{name}: no package is known to provide it, so no licence is brought along")
    });
    let unknown: Vec<String> = unknown.collect();
    plan.notes.extend(unknown);
    let packages: BTreeMap<&str, &Provider> =
        providers.values().map(|provider| (&*provider.purl, provider)).collect();
    let directory = MemberPath::new(&format!("{}/licenses", wheel.dist_info()))?;
    let mut files = Vec::new();
    for provider in packages.values() {
        if provider.license_files.is_empty() {
            plan.notes.push(format!("{}: no licence file was found", provider.name));
        }
        for file in &provider.license_files {
            match add(wheel, &directory, provider, file, plan) {
                Ok(Some(name)) => files.push(name),
                Ok(None) => {}
                Err(what) => {
                    plan.notes.push(format!("{}: licence {}: {what}", provider.name, file.name));
                }
            }
        }
    }
    files.sort();
    list_in_metadata(wheel, &files, plan)
}

/// Adds one file, and gives its path below `directory`; `None` if the wheel has it already.
fn add(
    wheel: &Wheel,
    directory: &MemberPath,
    provider: &Provider,
    file: &LicenseFile,
    plan: &mut Plan,
) -> std::result::Result<Option<String>, String> {
    let package = portable(&format!("{}-{}", provider.name, provider.version));
    let parts: Vec<String> = file.name.split('/').map(portable).collect();
    let name = format!("vendored/{package}/{}", parts.join("/"));
    let path = directory.join(&name).map_err(|error| error.to_string())?;
    let size = fs::metadata(&file.path).map_err(|error| error.to_string())?.len();
    if size > LARGEST_LICENSE {
        return Err(format!("{size} bytes are more than a licence has"));
    }
    let bytes = fs::read(&file.path).map_err(|error| error.to_string())?;
    match wheel.member(path.as_str()) {
        Some(member) if wheel.read(member).is_ok_and(|known| known == bytes) => Ok(None),
        Some(_) => Err(format!("the wheel has another {path}, which stays")),
        None => {
            plan.added.insert(path, bytes);
            Ok(Some(name))
        }
    }
}

/// A name that every file system takes: Windows has no `:`, which versions have.
fn portable(name: &str) -> String {
    let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '~');
    name.chars().map(|c| if is_kept(&c) { c } else { '_' }).collect()
}

fn list_in_metadata(wheel: &Wheel, files: &[String], plan: &mut Plan) -> Result<()> {
    let path = MemberPath::new(&format!("{}/METADATA", wheel.dist_info()))?;
    let Some(member) = wheel.member(path.as_str()).filter(|_| !files.is_empty()) else {
        return Ok(());
    };
    let bytes = match plan.replaced.get(&path) {
        Some(bytes) => bytes.clone(),
        None => wheel.read(member)?,
    };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let version = Metadata::parse(&text).ok().and_then(|metadata| metadata.metadata_version());
    if version.is_some_and(|version| version >= (2, 4)) {
        let changed = with_license_files(&text, files)?;
        plan.replaced.insert(path, changed.into_bytes());
    }
    Ok(())
}
