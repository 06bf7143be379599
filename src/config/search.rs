//! Where libraries will be looked for.

use truewheel_repair::{SearchDirectory, SearchOptions};

use super::files::{absolute, directories, existing_directory};
use super::{Merged, Result, Source, from_variable, python, split};

pub(super) fn options(merged: &Merged, warnings: &mut Vec<String>) -> Result<SearchOptions> {
    let search = &merged.settings.search;
    let mut environment = from_variable("AUDITWHEEL_LD_LIBRARY_PATH")?;
    let ldpaths = match &search.ldpaths {
        Some(value) => Some(directories(&merged.name("ldpaths"), value)?),
        None => {
            environment.extend(from_variable("LD_LIBRARY_PATH")?);
            None
        }
    };
    // cibuildwheel's own name for what macOS takes out of the environment of every /bin/sh.
    let mut dyld = from_variable("REPAIR_LIBRARY_PATH")?;
    dyld.extend(from_variable("DYLD_LIBRARY_PATH")?);
    Ok(SearchOptions {
        lib_paths: lib_paths(merged, warnings)?,
        environment,
        dyld,
        packages: python::site_packages(merged)?,
        executable_path: None,
        dyld_fallback: from_variable("DYLD_FALLBACK_LIBRARY_PATH")?,
        ldpaths,
        sysroot: search.sysroot.as_deref().map(existing_directory).transpose()?,
    })
}

/// Each directory with who named it. One that is not there may be meant, as builds put libraries into
/// `lib` or `lib64`; it may be misspelt, too.
fn lib_paths(merged: &Merged, warnings: &mut Vec<String>) -> Result<Vec<SearchDirectory>> {
    let mut found = Vec::new();
    let values = merged.settings.search.lib_path.iter();
    for (value, source) in values.zip(merged.sources("lib-path")) {
        let origin = source.name("lib-path");
        let paths = match source {
            Source::CommandLine => directories(&origin, value)?,
            // In a list of a file each item is one.
            Source::File(_) => vec![absolute(value.as_ref())?],
            // What nobody typed for this run is no reason to refuse it.
            Source::Variable(_) => split(value.as_ref()),
        };
        for path in paths {
            if !path.is_dir() {
                let words = source.phrase("lib-path", &path.display().to_string());
                warnings.push(format!("{words}: there is no such directory"));
            }
            found.push(SearchDirectory { path, origin: origin.clone() });
        }
    }
    Ok(found)
}
