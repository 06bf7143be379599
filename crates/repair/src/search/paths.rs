//! Paths below site-packages, and the words of a search path.
//!
//! A member is looked at where it installs: `demo-1.0.data/platlib/demo/x.so` lies beside `demo/y.so`.

use truewheel_wheel::{MemberPath, Scheme};

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

/// `rest` taken from `directory`, both below site-packages; `None` when it leaves site-packages.
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
