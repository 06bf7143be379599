//! The Python environment whose packages bring libraries, found without running anything.
//!
//! `--python` names it by an interpreter or its directory; else it is the active virtual or conda environment,
//! else that of the first `python3` or `python` along PATH. An interpreter in `bin` or `Scripts` belongs to
//! the environment around it, also where it is a link, as in virtual environments (`pyvenv.cfg`); where
//! nothing is installed around the link, its target's directory counts.

use std::fs;
use std::path::{Path, PathBuf};

use truewheel_repair::{ProvidedBy, SitePackages, nearest_name};

use super::{Merged, Result, UsageError, from_variable, variable};

/// What packages of which environment may bring.
pub(super) fn site_packages(merged: &Merged) -> Result<SitePackages> {
    let told = &merged.settings.search;
    if told.no_site_packages == Some(true) {
        return Ok(SitePackages::default());
    }
    let sites = match &told.python {
        Some(path) => {
            let sites = of_path(path);
            if sites.is_empty() {
                let text = path.display().to_string();
                return Err(merged.wrong("python", &text, "leads to no site-packages"));
            }
            sites
        }
        None => active()?,
    };
    let found = SitePackages::new(sites, &told.from_package);
    for name in &found.only {
        if !found.projects().contains(name) {
            return Err(not_installed(merged, "from-package", name, &found));
        }
    }
    Ok(found)
}

/// The distributions that libraries are left to, as they are installed in the environment.
pub(super) fn provided_by(merged: &Merged) -> Result<Vec<ProvidedBy>> {
    let told = &merged.settings.search;
    if told.provided_by.is_empty() {
        return Ok(Vec::new());
    }
    let sites = match &told.python {
        Some(path) => of_path(path),
        None => active()?,
    };
    let environment = SitePackages::new(sites, &[]);
    let find = |name: &String| {
        let Some(found) = environment.provided_by(name) else {
            return Err(not_installed(merged, "provided-by", name, &environment));
        };
        if found.libraries.is_empty() {
            let what = format!("has no libraries, as {} {} says", found.project, found.version);
            return Err(merged.wrong("provided-by", name, &what));
        }
        Ok(found)
    };
    told.provided_by.iter().map(find).collect()
}

fn not_installed(merged: &Merged, option: &str, name: &str, sites: &SitePackages) -> UsageError {
    let projects = sites.projects();
    let near = nearest_name(name, projects.iter().map(String::as_str));
    let near = near.map(|near| format!("; the nearest is `{near}`")).unwrap_or_default();
    merged.wrong(option, name, &format!("is not installed in {}{near}", shown(&sites.sites)))
}

fn shown(sites: &[PathBuf]) -> String {
    match sites {
        [] => "any Python environment: none was found".to_owned(),
        sites => {
            let texts: Vec<String> = sites.iter().map(|site| site.display().to_string()).collect();
            texts.join(", ")
        }
    }
}

/// The environment of this run.
fn active() -> Result<Vec<PathBuf>> {
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        let sites = variable(name).map(|prefix| of_prefix(Path::new(&prefix))).unwrap_or_default();
        if !sites.is_empty() {
            return Ok(sites);
        }
    }
    for directory in from_variable("PATH")? {
        for name in ["python3", "python", "python.exe"] {
            let path = directory.path.join(name);
            if path.is_file() && !is_script(&path) {
                return Ok(of_path(&path));
            }
        }
    }
    Ok(Vec::new())
}

/// A launcher such as pyenv's, which asks other files for the interpreter that it starts.
fn is_script(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 2];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start == b"#!"
}

/// Of an interpreter, a directory with one, or the root of an environment.
fn of_path(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let sites = of_prefix(path);
        let is_bin = sites.is_empty();
        return if is_bin { path.parent().map(of_prefix).unwrap_or_default() } else { sites };
    }
    // The link first, because a virtual environment is around it, then each file behind it.
    let mut interpreter = Some(path.to_owned());
    for _ in 0..8 {
        let Some(path) = interpreter else { break };
        let around = path.parent();
        let places = [around.and_then(Path::parent), around];
        for prefix in places.into_iter().flatten() {
            let sites = of_prefix(prefix);
            if !sites.is_empty() {
                return sites;
            }
        }
        let target = fs::read_link(&path).ok();
        interpreter = target.map(|target| around.unwrap_or(Path::new("")).join(target));
    }
    Vec::new()
}

/// The site-packages of the environment at `prefix`, and of what it is based on where it says so.
fn of_prefix(prefix: &Path) -> Vec<PathBuf> {
    let mut sites = own_sites(prefix);
    let text = fs::read_to_string(prefix.join("pyvenv.cfg")).unwrap_or_default();
    let value = |wanted: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == wanted).then(|| value.trim().to_owned())
        })
    };
    if value("include-system-site-packages").is_some_and(|it| it.eq_ignore_ascii_case("true"))
        && let Some(base) = value("home").as_deref().and_then(|home| Path::new(home).parent())
    {
        sites.extend(own_sites(base));
    }
    sites
}

/// The newest Python first.
fn own_sites(prefix: &Path) -> Vec<PathBuf> {
    let mut sites = vec![prefix.join("Lib/site-packages")];
    for lib in ["lib", "lib64", "local/lib"] {
        let lib = prefix.join(lib);
        let items = fs::read_dir(&lib).into_iter().flatten().flatten();
        let mut pythons: Vec<String> =
            items.filter_map(|item| item.file_name().into_string().ok()).collect();
        pythons.retain(|name| ["python", "pypy", "graalpy"].iter().any(|it| name.starts_with(it)));
        pythons.sort_by_key(|name| std::cmp::Reverse(minor(name)));
        for python in pythons {
            sites.extend(["site-packages", "dist-packages"].map(|it| lib.join(&python).join(it)));
        }
    }
    sites.retain(|site| site.is_dir());
    // `lib64` is often a link to `lib`.
    let mut seen = std::collections::BTreeSet::new();
    sites.retain(|site| seen.insert(fs::canonicalize(site).unwrap_or_else(|_| site.clone())));
    sites
}

/// 12 in `python3.12t`.
fn minor(name: &str) -> u32 {
    let behind = name.rsplit('.').next().unwrap_or_default();
    let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}
