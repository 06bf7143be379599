//! What a wheel needs and does not get, and what it gets only by force: one line for each decision.
//!
//! A library that is left out must come from somewhere else, and nobody but the packager knows whether
//! it will. So each is named with the option that left it out, and an option that did nothing is named
//! as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::groups::Group;
use crate::options::Options;
use crate::pattern::{Rules, Unmatched};
use crate::policy;
use crate::provided::Provided;
use crate::search::paths::base_name;
use crate::search::{Graph, Resolution};
use crate::target;
use crate::wheel_target::WheelTarget;

/// So many names are told of one option.
const MOST_NAMES: usize = 12;

/// The rules of the caller about what is vendored.
#[derive(Debug)]
pub(crate) struct Choices {
    /// `--exclude` and `--exclude-group`: never.
    pub(crate) excluded: Rules,
    /// `--force-vendor`: also what targets provide and what belongs to a driver.
    pub(crate) forced: Rules,
    /// `--provided-by`: what other distributions bring.
    pub(crate) provided: Provided,
}

impl Choices {
    /// Compiles what `options` say.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            excluded: excluded(&options.exclude, &options.exclude_groups)?,
            forced: Rules::of_patterns("--force-vendor", &options.force_vendor)?,
            provided: Provided::new(&options.provided_by)?,
        })
    }

    /// Whether `needed` is vendored although the target has it. The C library never is: its parts work
    /// with the one loader that the kernel has mapped, and with no other release of it.
    pub(crate) fn forces(&self, needed: &str) -> bool {
        let base = base_name(needed);
        !target::is_c_library(base) && self.forced.find(needed, &[needed, base]).is_some()
    }

    /// What the caller should know of them, when `graph` is complete.
    pub(crate) fn notes(&self, graph: &Graph, target: &WheelTarget) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        for (option, names) in self.excluded.matched() {
            notes.push(left_out_by(&option, &names));
        }
        notes.extend(drivers(graph));
        notes.extend(forced(graph, target));
        notes
    }

    /// The same of a wheel for macOS or Windows.
    pub(crate) fn plain_notes(&self) -> Vec<String> {
        let matched = self.excluded.matched().into_iter();
        matched.map(|(option, names)| left_out_by(&option, &names)).collect()
    }

    /// Every needed name that the caller left out.
    pub(crate) fn left_out(&self) -> BTreeSet<String> {
        self.excluded.matched().into_iter().flat_map(|(_, names)| names).collect()
    }

    /// The options that did nothing, when every needed name was looked for.
    pub(crate) fn unmatched(&self) -> Vec<Unmatched> {
        let mut unmatched = self.excluded.unmatched("matches nothing that is needed");
        for mut force in self.forced.unmatched("matches nothing that can be vendored") {
            for (option, names) in self.excluded.matched() {
                let names = self.forced.would_match(&force.option, &names);
                if !names.is_empty() {
                    force.nearest = None;
                    force.message = format!(
                        "`{}` brings nothing: `{option}` leaves out {}",
                        force.option,
                        listed(&names)
                    );
                }
            }
            unmatched.push(force);
        }
        unmatched.extend(self.provided.unmatched());
        unmatched
    }
}

/// `--exclude` and `--exclude-group`, each as one rule.
pub(crate) fn excluded(globs: &[String], groups: &[&'static Group]) -> Result<Rules> {
    let typed = globs.iter().map(|glob| (format!("--exclude {glob}"), vec![glob.clone()]));
    let groups = groups.iter().map(|group| {
        let patterns = group.patterns.iter().map(|glob| (*glob).to_owned());
        (format!("--exclude-group {}", group.name), patterns.collect())
    });
    Rules::new(typed.chain(groups))
}

/// What is to be vendored under its own name.
pub(crate) fn keeps_name(options: &Options) -> Result<Rules> {
    Rules::of_patterns("--no-mangle", &options.no_mangle)
}

/// The options that did nothing for a wheel without binaries: all of them.
pub(crate) fn nothing_matched(options: &Options) -> Result<Vec<Unmatched>> {
    let mut unmatched = Choices::new(options)?.unmatched();
    unmatched.extend(keeps_name(options)?.unmatched(NOT_VENDORED));
    Ok(unmatched)
}

/// What is said of `--no-mangle`.
pub(crate) const NOT_VENDORED: &str = "matches nothing that is vendored";

fn left_out_by(option: &str, names: &BTreeSet<String>) -> String {
    format!("left out by `{option}`: {}", listed(names))
}

fn drivers(graph: &Graph) -> impl Iterator<Item = String> {
    let is_driver = |resolution: &Resolution| *resolution == Resolution::Driver;
    users(graph, &is_driver).into_iter().map(|(needed, users)| {
        format!(
            "`{needed}` belongs to a driver of the machine and is left to it (needed by {}); \
             `--force-vendor {needed}` vendors it all the same",
            listed(&users)
        )
    })
}

fn forced(graph: &Graph, wheel: &WheelTarget) -> Vec<String> {
    let told = |name: &String| {
        if target::is_driver(name) {
            return Some(format!(
                "`{name}` is vendored by force: it belongs to a driver, and fails on a machine whose \
                 driver is of another release"
            ));
        }
        policy::is_ever_provided(wheel, name).then(|| {
            format!(
                "`{name}` is vendored by force: a process that has the system's own too holds two"
            )
        })
    };
    graph.forced.iter().filter_map(told).collect()
}

/// Each needed name that leads to such a thing, with the files that need it.
fn users(graph: &Graph, is_it: &dyn Fn(&Resolution) -> bool) -> BTreeMap<String, BTreeSet<String>> {
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, needs) in &graph.needs {
        for (needed, _) in needs.iter().filter(|(_, resolution)| is_it(resolution)) {
            users.entry(needed.clone()).or_default().insert(graph.name(*id));
        }
    }
    users
}

/// `a, b, c and 4 more`.
pub(crate) fn listed(names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
