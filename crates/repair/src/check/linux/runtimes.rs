//! Two copies of a runtime in one process.
//!
//! A Fortran runtime has one table of units, an OpenMP runtime one pool of threads, a C++ runtime one
//! set of type names. With two of them each works for the code that was linked with it, until one
//! hands something to the other.

use std::collections::{BTreeMap, BTreeSet};

use super::Linux;
use crate::check::finding::Finding;
use crate::check::{Check, content, libraries, rules};
use crate::search::paths::base_name;
use crate::search::{NodeId, Resolution};

/// Runtimes with state of their own, by the stems of their names.
const RUNTIMES: [(&str, &[&str]); 6] = [
    ("Fortran", &["libgfortran", "libflang", "libFortranRuntime"]),
    ("OpenMP", &["libgomp", "libomp", "libiomp5"]),
    ("C++", &["libstdc++", "libc++", "libc++_shared"]),
    ("quadmath", &["libquadmath"]),
    ("TBB", &["libtbb"]),
    ("OpenBLAS", &["libopenblas", "libopenblasp", "libscipy_openblas", "libscipy_openblas64_"]),
];

pub(super) fn check(check: &mut Check<'_>, linux: &Linux<'_>) {
    let mut told: BTreeMap<(&str, Vec<String>), Vec<String>> = BTreeMap::new();
    for (root, closure) in &linux.closures {
        let mut loaded: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for id in closure {
            for name in libraries_of(linux, *id) {
                if let Some(runtime) = runtime(&name) {
                    loaded.entry(runtime).or_default().insert(name);
                }
            }
        }
        for (runtime, names) in loaded.into_iter().filter(|(_, names)| names.len() > 1) {
            let names = names.into_iter().collect();
            told.entry((runtime, names)).or_default().push(linux.graph.name(*root));
        }
    }
    for ((runtime, names), users) in told {
        let message = format!(
            "{} loads {} runtimes for {runtime}: {}",
            content::list(&users),
            names.len(),
            names.join(", ")
        );
        let finding = Finding::new(rules::TWO_RUNTIMES, message);
        check.add(finding.remedy("build everything in the wheel with one compiler's runtime"));
    }
}

/// What the file is, and what it needs that is not in the wheel, by place or name.
fn libraries_of(linux: &Linux<'_>, id: NodeId) -> Vec<String> {
    let needs = linux.graph.needs_of(id).iter();
    let outside = needs.filter(|(_, resolution)| !matches!(resolution, Resolution::File(..)));
    let outside = outside.map(|(needed, _)| base_name(needed).to_owned());
    std::iter::once(linux.graph.name(id)).chain(outside).collect()
}

fn runtime(name: &str) -> Option<&'static str> {
    let base = libraries::base(name);
    let is_it = |stems: &&[&str]| stems.contains(&&*base);
    RUNTIMES.iter().find(|(_, stems)| is_it(stems)).map(|(runtime, _)| *runtime)
}
