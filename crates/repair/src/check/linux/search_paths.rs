//! RPATH and RUNPATH: where they lead once the wheel is installed.
//!
//! Site-packages is the only directory whose place a wheel knows, and `$ORIGIN` the only way to it.
//! Anything else is a directory of some machine: of the one that built the wheel, or of whoever can
//! write there.

use std::collections::BTreeSet;

use truewheel_wheel::MemberPath;

use super::Linux;
use crate::binary::ElfFile;
use crate::check::finding::Finding;
use crate::check::{Check, Severity, rules};
use crate::search::paths::{
    SITE_PACKAGES, entry_in_environment, environment_path, join, origin_relative, parent,
};

/// Where one entry leads.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// To a directory that the wheel has, or that nobody can know before installation.
    Fine,
    /// To a directory of the package that is not there.
    Dangling(String),
    /// Into another package.
    Package(String),
    /// To a directory of the environment that is not site-packages, such as conda's `lib`.
    Environment,
    /// Out of site-packages.
    Outside,
    /// To a fixed directory.
    Absolute,
    /// Relative to wherever the process was started.
    WorkingDirectory,
}

pub(super) fn check(check: &mut Check<'_>, linux: &Linux<'_>) {
    for (_, path, file) in linux.graph.members() {
        let lists = [("RPATH", &file.rpath), ("RUNPATH", &file.runpath)];
        for (tag, list) in lists.into_iter().filter_map(|(tag, list)| Some((tag, list.as_ref()?))) {
            // glibc takes a wholly empty list as none (fillin_rpath in elf/dl-load.c).
            if list.is_empty() {
                continue;
            }
            let mut told = BTreeSet::new();
            for entry in list.split(':').filter(|entry| told.insert(*entry)) {
                let place = place(path, entry, &linux.directories);
                if let Some(finding) = finding(check, path, &format!("{tag} `{entry}`"), place) {
                    check.add(finding);
                }
            }
        }
    }
}

/// Every directory of an environment that has a file of the wheel.
pub(super) fn directories(check: &Check<'_>) -> BTreeSet<String> {
    let mut directories = BTreeSet::from([String::new(), SITE_PACKAGES.to_owned()]);
    for path in check.facts.digests.keys().filter_map(environment_path) {
        let mut directory = parent(&path);
        while !directory.is_empty() && directories.insert(directory.to_owned()) {
            directory = parent(directory);
        }
    }
    directories
}

fn place(path: &MemberPath, entry: &str, directories: &BTreeSet<String>) -> Place {
    let Some(rest) = origin_relative(entry) else {
        return match entry.starts_with('/') {
            true => Place::Absolute,
            false => Place::WorkingDirectory,
        };
    };
    // `$LIB` is one of these two wherever ld.so knows it.
    let rests = match rest.contains("$LIB") || rest.contains("${LIB}") {
        true => {
            ["lib", "lib64"].map(|lib| rest.replace("${LIB}", lib).replace("$LIB", lib)).to_vec()
        }
        false => vec![rest.to_owned()],
    };
    let places: Vec<Place> =
        rests.iter().map(|rest| relative_place(path, rest, directories)).collect();
    let is_fine = places.contains(&Place::Fine);
    if is_fine { Place::Fine } else { places.into_iter().next().unwrap_or(Place::Fine) }
}

fn relative_place(path: &MemberPath, rest: &str, directories: &BTreeSet<String>) -> Place {
    // Where headers lie to site-packages is known to nobody.
    let Some(own) = environment_path(path) else { return Place::Fine };
    let Some(directory) = entry_in_environment(path, rest) else { return Place::Outside };
    if directories.contains(&directory) {
        return Place::Fine;
    }
    let below = directory.strip_prefix(SITE_PACKAGES).and_then(|below| below.strip_prefix('/'));
    match below {
        Some(below) => {
            let top = below.split('/').next().unwrap_or_default();
            match directories.contains(&join(SITE_PACKAGES, top)) {
                true => Place::Dangling(below.to_owned()),
                false => Place::Package(below.to_owned()),
            }
        }
        // A program in `bin` uses the libraries of its environment, as every program there does.
        None if !own.starts_with(SITE_PACKAGES) => Place::Fine,
        None => Place::Environment,
    }
}

fn finding(check: &Check<'_>, path: &MemberPath, entry: &str, place: Place) -> Option<Finding> {
    let repair = "`truewheel repair` removes it";
    let of = |rule, what: String| Finding::of(rule, path, format!("{entry} {what}"));
    Some(match place {
        Place::Fine => return None,
        Place::Dangling(directory) => {
            let what = format!("leads to `{directory}`, which the wheel does not have");
            of(rules::RPATH_DANGLING, what).remedy(repair)
        }
        Place::Package(directory) => match check.requires.of_directory(&directory) {
            Some(project) => {
                let what = format!("leads to `{directory}`, as `{project}` may have it");
                of(rules::RPATH_PACKAGE, what).weighs(Severity::Note)
            }
            None => {
                let what = format!("leads to `{directory}`, of a package that is not required");
                of(rules::RPATH_PACKAGE, what)
                    .remedy("name the package in Requires-Dist, or take the entry out")
            }
        },
        Place::Environment => {
            let what = "leads to the environment's own libraries".to_owned();
            of(rules::RPATH_OUTSIDE, what).weighs(Severity::Warning)
        }
        Place::Outside => {
            of(rules::RPATH_OUTSIDE, "leads out of site-packages".to_owned()).remedy(repair)
        }
        Place::Absolute => {
            let what = "is a directory of the machine that built it".to_owned();
            of(rules::RPATH_ABSOLUTE, what).remedy(repair)
        }
        Place::WorkingDirectory => {
            let what = "is taken relative to the working directory".to_owned();
            of(rules::RPATH_WORKING_DIRECTORY, what).remedy(repair)
        }
    })
}

/// Directories of other packages that the search paths of a file lead to.
pub(super) fn outside_directories(
    linux: &Linux<'_>,
    path: &MemberPath,
    file: &ElfFile,
) -> Vec<String> {
    let lists = [&file.rpath, &file.runpath].into_iter().flatten();
    lists
        .flat_map(|list| list.split(':'))
        .filter_map(|entry| match place(path, entry, &linux.directories) {
            Place::Package(directory) => Some(directory),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(member: &str, entry: &str) -> Place {
        let directories =
            ["", "/demo", "/demo/sub", "/demo.libs"].map(|below| format!("{SITE_PACKAGES}{below}"));
        let directories = directories.into_iter().collect();
        place(&MemberPath::new(member).expect("a path"), entry, &directories)
    }

    #[test]
    fn an_entry_is_judged_by_where_it_leads_after_installation() {
        let package = |directory: &str| Place::Package(directory.to_owned());
        for (member, entry, expected) in [
            ("demo/x.so", "$ORIGIN", Place::Fine),
            ("demo/x.so", "${ORIGIN}/../demo.libs", Place::Fine),
            ("demo-1.data/platlib/demo/x.so", "$ORIGIN/../demo.libs", Place::Fine),
            ("demo/x.so", "$ORIGIN/lib", Place::Dangling("demo/lib".to_owned())),
            ("demo/x.so", "$ORIGIN/../nvidia/cublas/lib", package("nvidia/cublas/lib")),
            ("demo/x.so", "$ORIGIN/../../../../lib", Place::Environment),
            ("demo/x.so", "$ORIGIN/../../../../../lib", Place::Outside),
            ("demo/x.so", "/home/me/build", Place::Absolute),
            ("demo/x.so", "build/lib", Place::WorkingDirectory),
            ("demo/x.so", "", Place::WorkingDirectory),
            ("demo/x.so", "$ORIGINAL", Place::WorkingDirectory),
            ("demo-1.data/scripts/x", "$ORIGIN/../lib", Place::Fine),
        ] {
            assert_eq!(of(member, entry), expected, "{member} {entry}");
        }
    }
}
