//! Paths below site-packages, and the words of a search path.
//!
//! A member is looked at where it installs: `demo-1.0.data/platlib/demo/x.so` lies beside `demo/y.so`.

use truewheel_wheel::{Installed, MemberPath, Scheme};

/// The rest of an entry after `$ORIGIN` or `${ORIGIN}`.
pub(crate) fn origin_relative(entry: &str) -> Option<&str> {
    let rest = entry.strip_prefix("$ORIGIN").or_else(|| entry.strip_prefix("${ORIGIN}"))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Path below site-packages where an installer puts a member; `None` for scripts, data and headers,
/// whose place relative to site-packages no wheel can know.
pub(crate) fn site_packages_path(path: &MemberPath) -> Option<String> {
    let installed = path.installed();
    matches!(installed.scheme, Scheme::Platlib | Scheme::Purelib).then_some(installed.path)
}

/// The rest of an install name or `LC_RPATH` after `@loader_path`.
pub(crate) fn loader_relative(entry: &str) -> Option<&str> {
    let rest = entry.strip_prefix("@loader_path")?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Site-packages in an environment, without Python's version.
pub(crate) const SITE_PACKAGES: &str = "lib/python/site-packages";

/// Path below the root of an environment where an installer puts a member: `bin`, `lib` and
/// site-packages lie to each other as in every virtual environment (sysconfig, scheme `posix_prefix`;
/// `lib64` and the `--user` directory have the same depth). `None` for headers.
pub(crate) fn environment_path(path: &MemberPath) -> Option<String> {
    place_of(&path.installed())
}

/// [`environment_path`] of what is known by its scheme.
pub(crate) fn place_of(installed: &Installed) -> Option<String> {
    match installed.scheme {
        Scheme::Platlib | Scheme::Purelib => Some(join(SITE_PACKAGES, &installed.path)),
        Scheme::Headers => None,
        Scheme::Scripts => Some(join("bin", &installed.path)),
        Scheme::Data => Some(installed.path.clone()),
    }
}

/// Where an entry with `$ORIGIN` leads from `path`, in an environment; `None` for a place that no wheel
/// fills: above the environment, or among Python's own files.
pub(crate) fn entry_in_environment(path: &MemberPath, rest: &str) -> Option<String> {
    let place = join_relative(parent(&environment_path(path)?), rest)?;
    let is_python = place == "lib/python"
        || (place.starts_with("lib/python/")
            && place != SITE_PACKAGES
            && !place.starts_with(&format!("{SITE_PACKAGES}/")));
    (!is_python).then_some(place)
}

/// The file that `rest` leads to from the directory of `path`, in an environment.
pub(crate) fn place_in_environment(path: &MemberPath, rest: &str) -> Option<String> {
    join_relative(parent(&environment_path(path)?), rest)
}

/// A directory of an environment, for people.
pub(crate) fn words(directory: &str) -> String {
    match directory.strip_prefix(SITE_PACKAGES) {
        Some(below) => format!("{}/ in the wheel", below.trim_start_matches('/')),
        None => format!("{directory}/ of the environment it is installed in"),
    }
}

/// `rest` taken from `directory`, both below one root; `None` when it leaves that.
pub(crate) fn join_relative(directory: &str, rest: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in rest.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

pub(crate) fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
