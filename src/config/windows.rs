//! What only wheels for Windows are told.

use std::path::PathBuf;

use truewheel_repair::{Layout, WindowsOptions};

use super::{Result, from_variable, variable};
use crate::cli;

pub(super) fn options(told: &cli::Windows) -> Result<WindowsOptions> {
    let packages = told.namespace_pkg.iter().flat_map(|text| text.split([';', ',', ':']));
    let packages = packages.map(str::trim).filter(|name| !name.is_empty());
    Ok(WindowsOptions {
        layout: match told.layout {
            None | Some(cli::Layout::Auto) => Layout::Automatic,
            Some(cli::Layout::Beside) => Layout::Beside,
            Some(cli::Layout::Libs) => Layout::Libs,
        },
        namespace_packages: packages.map(str::to_owned).collect(),
        custom_patch: told.custom_patch == Some(true),
        include_symbols: told.include_symbols == Some(true),
        include_imports: told.include_imports == Some(true),
        include_only_unneeded: false,
        mark: None,
        redistributables: redistributables(),
        path: from_variable("PATH")?,
        system_root: variable("SystemRoot").map(PathBuf::from),
    })
}

/// Visual Studio's own variable, and where its installer puts it: `<edition>/VC/Redist/MSVC/<version>`. Those
/// that are not there are no directories to look in; of several versions the newest DLL is taken anyway.
fn redistributables() -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> =
        variable("VCToolsRedistDir").map(PathBuf::from).into_iter().collect();
    for name in ["ProgramFiles", "ProgramFiles(x86)"] {
        let Some(programs) = variable(name) else { continue };
        let studio = PathBuf::from(programs).join("Microsoft Visual Studio");
        for edition in below(&studio).iter().flat_map(below) {
            roots.extend(below(&edition.join("VC/Redist/MSVC")));
        }
    }
    roots
}

/// What a directory holds, sorted.
fn below(directory: &PathBuf) -> Vec<PathBuf> {
    let items = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = items.map(|item| item.path()).collect();
    paths.sort();
    paths
}
