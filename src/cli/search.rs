//! Where libraries are looked for and which are left out.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Directory to look for libraries in, before LD_LIBRARY_PATH; more than one is allowed
    #[arg(long, value_name = "DIR", visible_alias = "add-path")]
    pub(crate) lib_path: Vec<String>,
    /// Directories instead of ld.so.conf and the system's own, separated by `:`
    #[arg(long, value_name = "DIRS")]
    pub(crate) ldpaths: Option<String>,
    /// Root of the target's file system
    #[arg(long, value_name = "DIR")]
    pub(crate) sysroot: Option<PathBuf>,
    /// Leave out libraries whose needed name, SONAME or path matches; `*` matches anything
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Leave out named sets of libraries, such as cuda,torch; `truewheel groups` lists them
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) exclude_group: Vec<String>,
}
