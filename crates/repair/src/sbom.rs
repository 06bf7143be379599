//! The SBOM of what is brought along: `.dist-info/sboms/truewheel.cdx.json` (PEP 770, CycloneDX 1.7).
//!
//! A wheel's metadata says nothing of the libraries inside, so whoever looks for a vulnerable zlib does
//! not find it there. The SBOM lists each vendored library: the package that it comes from, as far as
//! some database says, and always its contents. A distribution that libraries are left to is named as one outside.
//!
//! What is known is planned; the digests of the edited libraries are put in when those exist. The bytes
//! hang on the libraries and their packages alone: no path of this machine, no user name, no clock and
//! nothing of how a library was found. Two builds that vendor the same give the same document.

mod document;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;
use truewheel_wheel::{Digest, MemberPath, NewMember, Record, Wheel};

use crate::error::{Error, Result};
use crate::options::Options;
use crate::plan::Plan;
use crate::provided::{Given, ProvidedBy};
use crate::provider::{self, Provider, Question};
use crate::search::disk;

/// Who needs which vendored library, and where libraries were found.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// File of the result → other files of the result that it needs.
    pub(crate) needs: BTreeMap<MemberPath, BTreeSet<MemberPath>>,
    /// Paths that led to a vendored library, beside the file behind every link.
    pub(crate) found_at: BTreeMap<MemberPath, BTreeSet<PathBuf>>,
}

/// One vendored library, whatever its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its path in the wheel.
    pub member: MemberPath,
    /// The file's name where it was found.
    pub file_name: String,
    /// Its contents there.
    pub source: Digest,
    /// What it calls itself there, such as `soname`; the copy has another name.
    pub names: BTreeMap<&'static str, String>,
    /// What the copy keeps, such as `build-id`.
    pub identifiers: BTreeMap<&'static str, String>,
    /// Where it comes from.
    pub provider: Option<Provider>,
}

/// A document that will be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SbomPlan {
    /// Its place.
    pub member: MemberPath,
    /// The document of an earlier repair, which is brought up to date.
    pub earlier: Option<Value>,
    /// Name and version of the wheel's project.
    pub project: (String, String),
    /// The libraries that are new in the wheel.
    pub components: Vec<Component>,
    /// The libraries that are left to other distributions.
    pub given: Vec<Given>,
    /// File of the result → other files of the result that it needs.
    pub needs: BTreeMap<MemberPath, BTreeSet<MemberPath>>,
    /// Seconds since 1970 (`SOURCE_DATE_EPOCH`), if the caller said them.
    pub timestamp: Option<i64>,
}

/// The providers of all vendored libraries, in the plan's order. What could not be read becomes a note.
pub(crate) fn providers(
    plan: &mut Plan,
    uses: &Uses,
    options: &Options,
) -> BTreeMap<MemberPath, Provider> {
    if !options.sbom && !options.licenses {
        return BTreeMap::new();
    }
    let question = |member: &MemberPath, source: &PathBuf| {
        let others = uses.found_at.get(member).into_iter().flatten();
        let others = others.filter(|path| *path != source).cloned();
        Question { paths: std::iter::once(source.clone()).chain(others).collect() }
    };
    let questions: Vec<Question> =
        plan.vendored.iter().map(|library| question(&library.member, &library.source)).collect();
    let licenses = match options.licenses {
        true => provider::Licenses::Wanted,
        false => provider::Licenses::NotWanted,
    };
    let answers = provider::find(&questions, options.search.sysroot.as_deref(), licenses);
    plan.notes.extend(answers.notes.iter().map(|note| format!("package database: {note}")));
    let members = plan.vendored.iter().map(|library| library.member.clone());
    members
        .zip(answers.providers)
        .filter_map(|(member, provider)| Some((member, provider?)))
        .collect()
}

/// Plans the document, if the wheel gets new libraries or changes under the one it has.
pub(crate) fn plan(
    wheel: &Wheel,
    plan: &mut Plan,
    uses: Uses,
    mut providers: BTreeMap<MemberPath, Provider>,
    options: &Options,
) -> Result<()> {
    let member = MemberPath::new(&path(wheel))?;
    let earlier = match wheel.member(member.as_str()) {
        Some(file) => Some(earlier(&wheel.read(file)?)),
        None => None,
    };
    let is_new = !plan.vendored.is_empty() || !plan.given.is_empty();
    if !options.sbom || plan.is_nothing() || (!is_new && earlier.is_none()) {
        return Ok(());
    }
    let earlier = match earlier {
        None => None,
        Some(Ok(document)) => Some(document),
        Some(Err(what)) if !is_new => {
            plan.notes.push(format!("{member} stays as it is: {what}"));
            return Ok(());
        }
        Some(Err(what)) => {
            return Err(Error::refused_with(
                format!("{member} cannot be extended: {what}"),
                "take it out of the wheel, or leave it alone with `--no-sbom`",
            ));
        }
    };
    let components = plan.vendored.iter().map(|library| Component {
        member: library.member.clone(),
        file_name: disk::file_name(&library.source),
        source: library.digest,
        names: library.names.clone(),
        identifiers: library.identifiers.clone(),
        provider: providers.remove(&library.member),
    });
    let filename = wheel.filename();
    plan.sbom = Some(SbomPlan {
        member,
        earlier,
        project: (filename.distribution.clone(), filename.version.clone()),
        components: components.collect(),
        given: plan.given.clone(),
        needs: uses.needs,
        timestamp: options.source_date_epoch,
    });
    Ok(())
}

/// The document of an earlier repair, if it has the parts that are added to.
fn earlier(bytes: &[u8]) -> std::result::Result<Value, String> {
    let document: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let is_list = |name: &str| document.get(name).is_some_and(Value::is_array);
    let is_ours = document.get("bomFormat").and_then(Value::as_str) == Some("CycloneDX")
        && is_list("components")
        && is_list("dependencies");
    match is_ours {
        true => Ok(document),
        false => Err("not a CycloneDX document with components and dependencies".to_owned()),
    }
}

/// Makes the planned document, with the digests of what has been made for the new wheel.
pub(crate) fn member(
    plan: &Plan,
    made: &[NewMember],
    options: &Options,
) -> Result<Option<NewMember>> {
    let Some(sbom) = &plan.sbom else { return Ok(None) };
    let digests: BTreeMap<&str, Digest> =
        made.iter().map(|member| (member.path().as_str(), *member.digest())).collect();
    let bytes = document::bytes(sbom, &plan.output_name, &digests)?;
    let level = options.compression_level;
    Ok(Some(NewMember::new(sbom.member.clone(), &bytes, 0o644, plan.modified, level)?))
}

/// The distributions that an earlier repair left libraries to; none where the document cannot be read, which
/// whoever extends it says.
pub(crate) fn provided_by(wheel: &Wheel) -> Vec<ProvidedBy> {
    let document = wheel.member(&path(wheel)).and_then(|member| wheel.read(member).ok());
    let document = document.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    document.as_ref().map(document::external).unwrap_or_default()
}

/// Where the document of a wheel is.
pub(crate) fn path(wheel: &Wheel) -> String {
    format!("{}/sboms/truewheel.cdx.json", wheel.dist_info())
}

/// Step 8: each library of the plan is in the document, with the hash that RECORD has for it.
pub(crate) fn check(wheel: &Wheel, plan: &Plan, record: &Record) -> Result<()> {
    let Some(sbom) = &plan.sbom else { return Ok(()) };
    let wrong = |what: &str| Error::verify(sbom.member.as_str(), what.to_owned());
    let file = wheel.member(sbom.member.as_str()).ok_or_else(|| wrong("it is not there"))?;
    let document: Value =
        serde_json::from_slice(&wheel.read(file)?).map_err(|error| wrong(&error.to_string()))?;
    let hashes: BTreeMap<&str, &str> = record
        .rows
        .iter()
        .filter_map(|row| Some((row.path.as_str(), row.hash.as_deref()?)))
        .collect();
    let listed = document::hashes(&document);
    for component in &sbom.components {
        let member = component.member.as_str();
        if listed.get(member).is_none_or(|hash| hashes.get(member) != Some(&&**hash)) {
            return Err(wrong(&format!("it does not list {member} with the hash in RECORD")));
        }
    }
    let external = document::external(&document);
    let is_named = |given: &&Given| {
        let of_project = external.iter().find(|one| one.project == given.project);
        of_project.is_some_and(|one| one.libraries.contains(&given.path))
    };
    if let Some(given) = sbom.given.iter().find(|given| !is_named(given)) {
        return Err(wrong(&format!("it does not say that {} is {}'s", given.path, given.project)));
    }
    Ok(())
}
