//! Is the wheel self-contained: each needed library is in it, or the tag promises it.

use std::collections::{BTreeMap, BTreeSet};

use super::Linux;
use crate::check::finding::Finding;
use crate::check::{Check, Severity, content, lack, rules};
use crate::search::paths::base_name;
use crate::search::{NodeId, Resolution};
use crate::target::Libc;

pub(super) fn check(check: &mut Check<'_>, linux: &Linux<'_>) {
    missing(check, linux);
    unreachable(check, linux);
    drivers(check, linux);
    libpython(check, linux);
}

/// Needed name → who needs it, and the tags whose systems need not have it.
#[derive(Default)]
struct Lack {
    users: BTreeSet<String>,
    tags: Vec<String>,
}

fn lacks(linux: &Linux<'_>) -> BTreeMap<String, Lack> {
    let mut lacks: BTreeMap<String, Lack> = BTreeMap::new();
    let claims = linux.standing.claims.iter();
    let claims = claims.map(|claim| (Some(claim.tag.to_string()), &claim.outcome));
    for (tag, outcome) in claims.chain([(None, &linux.standing.newest)]) {
        for library in &outcome.missing {
            let lack = lacks.entry(library.needed.clone()).or_default();
            lack.users.extend(library.users.iter().cloned());
            lack.tags.extend(tag.clone());
        }
    }
    lacks
}

fn missing(check: &mut Check<'_>, linux: &Linux<'_>) {
    let names = names_in_wheel(linux);
    let projects = projects_on_the_way(check, linux);
    for (needed, lack) in lacks(linux) {
        let users: Vec<&String> = lack.users.iter().collect();
        let users = format!("needed by {}", content::list(&users));
        if let Some(copies) = names.get(base_name(&needed)) {
            let message = format!(
                "`{needed}` is in the wheel ({}), and no RPATH leads there: {users}",
                content::list(copies)
            );
            check.add(Finding::new(rules::UNREACHABLE, message));
            continue;
        }
        let claims = linux.standing.claims.len();
        let promise = match lack.tags.len() {
            0 => "no platform tag promises it".to_owned(),
            some if some < claims => {
                format!("systems of {} need not have it", lack.tags.join(", "))
            }
            _ => "the tag does not promise it".to_owned(),
        };
        let project = lack.users.iter().find_map(|user| projects.get(user));
        let project = project.map(String::as_str);
        let finding = lack::finding(check, &needed, &users, project, &promise);
        check.add(finding);
    }
}

/// Files with a search path that leads to a required project, which may have what they need.
fn projects_on_the_way(check: &Check<'_>, linux: &Linux<'_>) -> BTreeMap<String, String> {
    let members = linux.graph.members();
    members
        .filter_map(|(_, path, file)| {
            let directories = super::search_paths::outside_directories(linux, path, file);
            let project =
                directories.iter().find_map(|directory| check.requires.of_directory(directory))?;
            Some((path.as_str().to_owned(), project.to_owned()))
        })
        .collect()
}

/// File name or SONAME → the files of the wheel that have it.
fn names_in_wheel<'a>(linux: &'a Linux<'_>) -> BTreeMap<&'a str, Vec<String>> {
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (_, path, file) in linux.graph.members() {
        let own = file.soname.as_deref().filter(|soname| *soname != path.file_name());
        for name in own.into_iter().chain([path.file_name()]) {
            names.entry(name).or_default().push(path.as_str().to_owned());
        }
    }
    names
}

/// Found by its name alone: a process that has not loaded it yet does not find it.
fn unreachable(check: &mut Check<'_>, linux: &Linux<'_>) {
    let mut users: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (id, path, _) in linux.graph.members() {
        for (needed, resolution) in linux.graph.needs_of(id) {
            if let Resolution::File(target, found) = resolution
                && found.is_guess()
            {
                let key = (needed.clone(), linux.graph.name(*target));
                users.entry(key).or_default().push(path.as_str().to_owned());
            }
        }
    }
    for ((needed, place), users) in users {
        let message = format!(
            "`{needed}` is in the wheel ({place}), and no RPATH leads there: needed by {}",
            content::list(&users)
        );
        let finding = Finding::new(rules::UNREACHABLE, message);
        check.add(finding.remedy("run `truewheel repair`, which writes the way to it"));
    }
}

/// Needed names of one kind of resolution, with who needs them.
fn users_of(
    linux: &Linux<'_>,
    is_it: &dyn Fn(&Resolution) -> bool,
) -> BTreeMap<String, Vec<NodeId>> {
    let mut users: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
    for (id, ..) in linux.graph.members() {
        for (needed, resolution) in linux.graph.needs_of(id) {
            if is_it(resolution) {
                users.entry(needed.clone()).or_default().push(id);
            }
        }
    }
    users
}

fn drivers(check: &mut Check<'_>, linux: &Linux<'_>) {
    for (needed, users) in users_of(linux, &|resolution| *resolution == Resolution::Driver) {
        let users: Vec<String> = users.iter().map(|id| linux.graph.name(*id)).collect();
        let message = format!(
            "`{needed}` is part of the machine's drivers: {} cannot be loaded without them",
            content::list(&users)
        );
        let finding = Finding::new(rules::DRIVER, message);
        check.add(finding.remedy("open it by dlopen, so that the import works without it"));
    }
}

fn libpython(check: &mut Check<'_>, linux: &Linux<'_>) {
    // Android's loader wants every symbol's library named (PEP 738).
    if linux.target.libc == Some(Libc::Bionic) {
        return;
    }
    for (needed, users) in users_of(linux, &|resolution| *resolution == Resolution::Libpython) {
        let is_module = |id: &&NodeId| {
            let file = &linux.graph.node(**id).file;
            file.is_extension && !file.is_program()
        };
        let name = |id: &NodeId| linux.graph.name(*id);
        let (modules, others): (Vec<&NodeId>, Vec<&NodeId>) = users.iter().partition(is_module);
        if !modules.is_empty() {
            let names: Vec<String> = modules.into_iter().map(name).collect();
            let message = format!(
                "{} needs `{needed}`, which interpreters without a shared libpython do not have",
                content::list(&names)
            );
            let finding = Finding::new(rules::LIBPYTHON, message);
            check.add(finding.remedy("link modules without libpython, or run `truewheel repair`"));
        }
        if !others.is_empty() {
            let names: Vec<String> = others.into_iter().map(name).collect();
            let message = format!(
                "{} needs `{needed}`: works only beside an interpreter that brings it",
                content::list(&names)
            );
            check.add(Finding::new(rules::LIBPYTHON, message).weighs(Severity::Warning));
        }
    }
}
