//! Libraries of a distribution that will be installed beside the wheel (`--provided-by`): they are not brought
//! along, and each file gets a way to where that distribution has them.
//!
//! What lies where is read from the RECORD of the distribution as it is installed on this machine; it installs the same
//! below site-packages everywhere. That it will be there is the wheel's own promise, `Requires-Dist` of METADATA:
//! one that does not make it is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use truewheel_wheel::{Installed, MemberPath, Metadata, Scheme, Wheel, normalize_name, relative};

use crate::error::{Error, ErrorKind, Result};
use crate::left_out::listed;
use crate::pattern::{Rules, Unmatched};
use crate::plan::Plan;
use crate::search::paths::{SITE_PACKAGES, base_name, join_relative, parent, place_of};

/// A distribution whose libraries are left to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvidedBy {
    /// As PEP 503 normalises it.
    pub project: String,
    /// The version that is installed on this machine.
    pub version: String,
    /// The paths of its libraries as RECORD has them: from site-packages on, with `/`; `../../../lib/libfoo.so`
    /// lies in the environment around it.
    pub libraries: Vec<String>,
    /// Who says so, such as `--provided-by pyarrow`; nothing where it is the SBOM of an earlier repair.
    pub option: Option<String>,
}

/// One library of such a distribution that the wheel needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Given {
    /// Whose it is, as PEP 503 normalises it.
    pub project: String,
    /// The version on this machine.
    pub version: String,
    /// Its path from site-packages on, or `../../../lib/libfoo.so`.
    pub path: String,
    /// Its path in an environment.
    pub(crate) place: String,
}

impl Given {
    pub(crate) fn name(&self) -> &str {
        base_name(&self.path)
    }

    /// The path to it from a directory of an environment.
    pub(crate) fn way_from(&self, directory: &Installed) -> Option<String> {
        if !self.is_around() {
            let file = Installed { scheme: Scheme::Platlib, path: self.path.clone() };
            return relative(directory, &file);
        }
        let root = |path: String| Installed { scheme: Scheme::Data, path };
        relative(&root(place_of(directory)?), &root(self.place.clone()))
    }

    /// Its directory below site-packages; `None` for one that lies around it.
    pub(crate) fn site_directory(&self) -> Option<String> {
        (!self.is_around()).then(|| parent(&self.path).to_owned())
    }

    fn is_around(&self) -> bool {
        self.path.starts_with("../")
    }

    /// Whose it is, for people.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.project, self.version)
    }
}

/// What is asked of the distributions that the caller named.
#[derive(Debug)]
pub(crate) struct Provided {
    rules: Rules,
    /// By file name; DLLs in lower case as well.
    libraries: BTreeMap<String, Arc<Given>>,
}

impl Provided {
    pub(crate) fn new(by: &[ProvidedBy]) -> Result<Self> {
        let mut libraries = BTreeMap::new();
        let mut rules = Vec::new();
        for ProvidedBy { project, version, libraries: paths, option } in by {
            let mut patterns = Vec::new();
            for path in paths {
                let Some(place) = join_relative(SITE_PACKAGES, path) else { continue };
                let (project, version, path) = (project.clone(), version.clone(), path.clone());
                let given = Arc::new(Given { project, version, path, place });
                let name = given.name().to_owned();
                for key in BTreeSet::from([name.to_ascii_lowercase(), name]) {
                    patterns.push(globset::escape(&key));
                    libraries.entry(key).or_insert_with(|| Arc::clone(&given));
                }
            }
            rules.push((option.clone().unwrap_or_default(), patterns));
        }
        Ok(Self { rules: Rules::new(rules)?, libraries })
    }

    /// The library that a needed name without directories leads to.
    pub(crate) fn give(&self, base: &str) -> Option<Arc<Given>> {
        let given = self.libraries.get(base)?;
        self.rules.find(base, &[base]).map(|_| Arc::clone(given))
    }

    /// What was given, in order.
    pub(crate) fn given(&self) -> Vec<Given> {
        let matched = self.rules.matched();
        let names = matched.iter().flat_map(|(_, names)| names);
        let given: BTreeSet<&Arc<Given>> =
            names.filter_map(|name| self.libraries.get(name)).collect();
        given.into_iter().map(|given| Given::clone(given)).collect()
    }

    pub(crate) fn unmatched(&self) -> Vec<Unmatched> {
        let unmatched =
            self.rules.unmatched_among(&BTreeSet::new(), "brings nothing that is needed");
        unmatched.into_iter().filter(|it| !it.option.is_empty()).collect()
    }
}

/// Tells of what is left to other distributions, and refuses a wheel that does not require them.
pub(crate) fn plan(wheel: &Wheel, given: &[Given], plan: &mut Plan) -> Result<()> {
    let mut projects: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for one in given {
        let names = projects.entry((&one.project, &one.version)).or_default();
        names.insert(one.name().to_owned());
    }
    let mut reasons = Vec::new();
    let mut hints = Vec::new();
    for ((project, version), names) in projects {
        if let Some(reason) = lacking(wheel, project)? {
            reasons.push(format!("{} is left to `{project}`, and {reason}", listed(&names)));
            hints.push(format!(
                "add `{project}=={version}`, or the range of versions that have the library under this name, \
                 to the project's dependencies: `Requires-Dist: {project}=={version}` in METADATA"
            ));
        }
        plan.notes.push(format!("left to {project} {version}: {}", listed(&names)));
    }
    plan.given = given.to_vec();
    match reasons.is_empty() {
        true => Ok(()),
        false => {
            let what = "a distribution that libraries are left to is not required".to_owned();
            Err(Error::new(ErrorKind::Refusals { what, reasons, hints }))
        }
    }
}

/// Why METADATA does not promise that a project is installed.
fn lacking(wheel: &Wheel, project: &str) -> Result<Option<String>> {
    let path = MemberPath::new(&format!("{}/METADATA", wheel.dist_info()))?;
    let Some(member) = wheel.member(path.as_str()) else {
        return Ok(Some("the wheel has no METADATA to require it".to_owned()));
    };
    let text = wheel.read(member)?;
    let metadata = Metadata::parse(&String::from_utf8_lossy(&text))?;
    let mut extra = None;
    for requirement in metadata.requires_dist().filter(|text| required_project(text) == project) {
        if !is_extra(requirement) {
            return Ok(None);
        }
        extra = Some(requirement.to_owned());
    }
    Ok(Some(match extra {
        Some(line) => format!("METADATA requires it for an extra only: `{line}`"),
        None => "METADATA does not require it".to_owned(),
    }))
}

/// The name at the beginning of a requirement (PEP 508), normalised.
pub(crate) fn required_project(requirement: &str) -> String {
    let end = requirement
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'))
        .unwrap_or(requirement.len());
    normalize_name(requirement.get(..end).unwrap_or_default())
}

/// An extra is the user's choice, and no import may depend on it.
pub(crate) fn is_extra(requirement: &str) -> bool {
    let marker = requirement.split_once(';').map_or("", |(_, marker)| marker);
    marker.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == "extra")
}
