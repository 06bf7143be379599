//! The packages that get code: what each of them has to name, and the file of names for older Pythons.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use truewheel_wheel::{Installed, MemberPath, Scheme, relative};

use super::layout::{Arrangement, Packages, is_namespace_code};
use super::{Root, site_directory};
use crate::dll_code::{is_module, names_directory, names_dll_directories};
use crate::error::{Error, Result};
use crate::init_patch::InitPatch;
use crate::left_out::listed;
use crate::plan::{Plan, WinFindings};
use crate::provided::Given;
use crate::search::paths::{SITE_PACKAGES, environment_path, join, parent};
use crate::search::pe::Tie;
use crate::search::{NodeId, Place, Resolution};

impl Packages {
    /// The packages of the wheel; an `__init__.py` is read where it is short enough to be that of a namespace.
    pub(super) fn of_wheel(findings: &WinFindings<'_>) -> Result<Self> {
        let wheel = findings.wheel;
        let mut shared = BTreeSet::new();
        for member in wheel.members() {
            if member.path.file_name() == "__init__.py" && is_namespace_code(&wheel.read(member)?) {
                shared.insert(member.path.clone());
            }
        }
        let members = wheel.members().iter().map(|member| &member.path);
        let declared = &findings.options.windows.namespace_packages;
        Ok(Self::new(members, declared, &|path| shared.contains(path)))
    }
}

/// Gives each package its code, and the directory of DLLs its list of names.
pub(super) fn patch(
    findings: &WinFindings<'_>,
    packages: &Packages,
    arrangement: &Arrangement,
    roots: &[Root],
    names: &BTreeMap<NodeId, String>,
    plan: &mut Plan,
) -> Result<()> {
    let lowest_python = findings.windows.policy.lowest_python();
    let filename = findings.wheel.filename();
    let load_order = format!(".load-order-{}-{}", filename.distribution, filename.version);
    let code = |package: &MemberPath, wish: &Wish| {
        let mut preload: Vec<String> = wish.given_to_preload(lowest_python);
        preload.extend(in_load_order(findings, names, &|name| wish.preload.contains(name)));
        InitPatch {
            directories: wish.ordered().filter_map(|it| way(package, it)).collect(),
            lowest_python,
            load_order: load_order.clone(),
            preload,
        }
    };
    let wishes = wishes(findings, packages, arrangement, roots, names, plan)?;
    if findings.options.windows.custom_patch {
        let wish = wishes.into_values().fold(Wish::default(), Wish::and);
        patch_at_marks(findings, &wish, &code, plan)?;
    } else {
        for (package, wish) in wishes {
            patch_package(findings, &package, &code(&package, &wish), plan)?;
        }
    }
    if let Some(shared) = &arrangement.shared
        && InitPatch::needs_load_order(lowest_python)
    {
        let names = in_load_order(findings, names, &|_| true);
        let list: String = names.iter().map(|name| format!("{name}\n")).collect();
        let path = MemberPath::new(&join(shared, &load_order))?;
        plan.added.insert(path, list.into_bytes());
    }
    Ok(())
}

/// What each package has to do for the modules in it. Where the user's own code does it, the modules stand
/// for their packages.
fn wishes(
    findings: &WinFindings<'_>,
    packages: &Packages,
    arrangement: &Arrangement,
    roots: &[Root],
    names: &BTreeMap<NodeId, String>,
    plan: &mut Plan,
) -> Result<BTreeMap<MemberPath, Wish>> {
    let mut wishes: BTreeMap<MemberPath, Wish> = BTreeMap::new();
    let mut trusted: BTreeMap<MemberPath, BTreeSet<String>> = BTreeMap::new();
    for root in roots {
        let Some(directory) = &root.directory else { continue };
        let mut wish = wish(findings, arrangement, root, names, plan);
        for path in std::mem::take(&mut wish.trusted) {
            trusted.entry(path).or_default().insert(root.path.to_string());
        }
        if wish == Wish::default() {
            continue;
        }
        let named = wish.directories.iter().map(|it| in_lower_case(&join(SITE_PACKAGES, it)));
        plan.dll_directories.extend(named);
        let custom = findings.options.windows.custom_patch.then_some(&root.path);
        // A package's code only names directories of site-packages.
        let is_outside = wish.elsewhere.iter().any(|path| site_directory(path).is_none())
            || wish.given.keys().any(|given| given.site_directory().is_none());
        match packages.outermost(directory).or(custom).filter(|_| !is_outside) {
            Some(package) => {
                let all = wishes.remove(package).unwrap_or_default();
                wishes.insert(package.clone(), all.and(wish));
            }
            None if wish.is_needed() && is_module(&root.path) => {
                return Err(unreachable(root, &wish));
            }
            None => plan.notes.push(format!(
                "{}: no package on the way to it can be given code, so nothing tells Windows of {}",
                root.path,
                wish.words()
            )),
        }
    }
    trusted.retain(|path, _| !names_directory(findings.wheel, parent(path.as_str())));
    plan.notes.extend(trusted.into_iter().map(|(path, users)| {
        format!(
            "{path} lies in another directory than what needs it ({}): the wheel's own code is trusted \
             to tell Windows",
            listed(&users)
        )
    }));
    Ok(wishes)
}

/// The wheel's own DLLs lie where Windows does not look for them, and nothing can tell it.
fn unreachable(root: &Root, wish: &Wish) -> Error {
    let own = wish.elsewhere.iter().map(|path| path.as_str().to_owned());
    let given = wish.given.keys().map(|given| format!("{} of {}", given.path, given.words()));
    let paths: Vec<String> = own.chain(given).collect();
    Error::refused_with(
        format!(
            "{} needs {}, which lies in another directory; no package can be given code that tells Windows \
             of that, and the wheel has none",
            root.path,
            paths.join(", ")
        ),
        "put the DLL beside the module, or call `os.add_dll_directory` in the project's own code",
    )
}

fn patch_package(
    findings: &WinFindings<'_>,
    package: &MemberPath,
    patch: &InitPatch,
    plan: &mut Plan,
) -> Result<()> {
    let member = findings.wheel.member(package.as_str()).ok_or_else(|| {
        Error::verify(package.as_str(), "the plan names a member that is not there")
    })?;
    let source = findings.wheel.read(member)?;
    let patched = patch.apply(&source).map_err(|refusal| {
        Error::refused_with(
            format!("{package} cannot be told where the DLLs are: {refusal}"),
            "put the DLLs beside the modules with `--layout beside`",
        )
    })?;
    if patched != source {
        plan.replaced.insert(package.clone(), patched);
    }
    Ok(())
}

fn in_lower_case(path: &str) -> String {
    path.trim_end_matches('/').to_ascii_lowercase()
}

/// Puts the code where comments of the user ask for it.
fn patch_at_marks(
    findings: &WinFindings<'_>,
    wish: &Wish,
    code: &dyn Fn(&MemberPath, &Wish) -> InitPatch,
    plan: &mut Plan,
) -> Result<()> {
    if *wish == Wish::default() {
        return Ok(());
    }
    let mut count = 0;
    for member in findings.wheel.members() {
        if !member.path.file_name().ends_with(".py") {
            continue;
        }
        let source = findings.wheel.read(member)?;
        let (patched, marks) = code(&member.path, wish).apply_at_marks(&source);
        if marks > 0 {
            count += marks;
            plan.replaced.insert(member.path.clone(), patched);
        }
    }
    if count == 0 {
        return Err(Error::refused_with(
            "no Python file of the wheel has the line `# delvewheel: patch`, which `--custom-patch` asks for",
            "put it where code may name the directory of DLLs, before any module is imported",
        ));
    }
    Ok(())
}

/// What one module needs its package to do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    /// Directories below site-packages.
    directories: BTreeSet<String>,
    /// DLLs to be loaded by their paths.
    preload: BTreeSet<String>,
    /// DLLs of the wheel that lie in some of the directories.
    elsewhere: BTreeSet<MemberPath>,
    /// The same where the wheel's own code is trusted.
    trusted: BTreeSet<MemberPath>,
    /// DLLs of other distributions, and whether some are for the first call.
    given: BTreeMap<Arc<Given>, bool>,
}

impl Wish {
    /// The directories, those of other distributions first: vendored DLLs may need theirs.
    fn ordered(&self) -> impl Iterator<Item = &String> {
        let given: BTreeSet<String> =
            self.given.keys().filter_map(|given| given.site_directory()).collect();
        let (first, rest): (Vec<&String>, Vec<&String>) =
            self.directories.iter().partition(|directory| given.contains(*directory));
        first.into_iter().chain(rest)
    }

    /// DLLs of other distributions that are loaded by their paths; all for Pythons that may not look into the
    /// directories.
    fn given_to_preload(&self, lowest_python: (u32, u32)) -> Vec<String> {
        let is_old = InitPatch::needs_load_order(lowest_python);
        let wanted = self.given.iter().filter(|(_, is_delayed)| is_old || **is_delayed);
        wanted.map(|(given, _)| given.name().to_owned()).collect()
    }

    /// Whether what Python loads fails without.
    fn is_needed(&self) -> bool {
        !self.elsewhere.is_empty() || !self.given.is_empty()
    }

    fn and(mut self, other: Self) -> Self {
        self.directories.extend(other.directories);
        self.preload.extend(other.preload);
        self.elsewhere.extend(other.elsewhere);
        for (given, is_delayed) in other.given {
            *self.given.entry(given).or_default() |= is_delayed;
        }
        self
    }

    fn words(&self) -> String {
        let all =
            self.directories.iter().map(|it| format!("{it}/")).chain(self.preload.iter().cloned());
        all.collect::<Vec<_>>().join(", ")
    }
}

fn wish(
    findings: &WinFindings<'_>,
    arrangement: &Arrangement,
    root: &Root,
    names: &BTreeMap<NodeId, String>,
    plan: &mut Plan,
) -> Wish {
    let graph = &findings.windows.graph;
    let mut wish = Wish::default();
    let Some(own) = &root.directory else { return wish };
    let vendor = &findings.windows.vendor;
    let is_sharing = arrangement.sharing.contains(own) && !root.closure.is_disjoint(vendor);
    if let Some(shared) = arrangement.shared.as_ref().filter(|shared| is_sharing && *shared != own)
    {
        wish.directories.insert(shared.clone());
    }
    // One that is opened by its name alone may be so by any module.
    for included in graph.included.iter().filter(|included| included.is_by_name) {
        wish.directories.insert(included.member.installed().parent().path);
    }
    let mut elsewhere = BTreeSet::new();
    for id in &root.closure {
        if let Place::Member(path) = &graph.node(*id).place
            && site_directory(path).as_ref() != Some(own)
        {
            elsewhere.insert(path.clone());
        }
        for need in graph.needs_of(*id) {
            if let Resolution::InPackage(given) = &need.resolution {
                *wish.given.entry(Arc::clone(given)).or_default() |= need.tie == Tie::Delay;
            }
        }
        let delayed = graph.targets(*id).filter(|(need, _)| need.tie == Tie::Delay);
        wish.preload.extend(delayed.filter_map(|(_, target)| names.get(&target)).cloned());
    }
    if !wish.preload.is_empty() && wish.directories.is_empty() {
        wish.directories.insert(own.clone());
    }
    wish.directories.extend(wish.given.keys().filter_map(|given| given.site_directory()));
    if !elsewhere.is_empty() {
        if names_dll_directories(findings.wheel) {
            let places = elsewhere.iter().filter_map(environment_path);
            plan.dll_directories.extend(places.map(|it| in_lower_case(parent(&it))));
            wish.trusted = elsewhere;
        } else {
            wish.directories.extend(elsewhere.iter().filter_map(site_directory));
            wish.elsewhere = elsewhere;
        }
    }
    wish
}

/// The way from a package's directory to another one below site-packages.
fn way(package: &MemberPath, directory: &str) -> Option<Vec<String>> {
    let from = package.installed().parent();
    let to = Installed { scheme: Scheme::Platlib, path: directory.to_owned() };
    let way = relative(&from, &to)?;
    Some(way.split('/').filter(|part| *part != ".").map(str::to_owned).collect())
}

/// The names of vendored DLLs, each behind those it needs.
fn in_load_order(
    findings: &WinFindings<'_>,
    names: &BTreeMap<NodeId, String>,
    is_wanted: &dyn Fn(&String) -> bool,
) -> Vec<String> {
    let graph = &findings.windows.graph;
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for first in names.keys() {
        let mut path = vec![(*first, false)];
        while let Some((id, is_done)) = path.pop() {
            if is_done {
                order.extend(names.get(&id).filter(|name| is_wanted(name)).cloned());
            } else if seen.insert(id) {
                path.push((id, true));
                path.extend(graph.targets(id).map(|(_, target)| (target, false)));
            }
        }
    }
    order
}
