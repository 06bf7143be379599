//! Options that only wheels for Windows have, named as delvewheel names them.

use clap::{Args, ValueEnum};

/// Where vendored DLLs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// Beside the modules where those lie in one directory, else as `libs`
    Auto,
    /// In each directory of modules that need them
    Beside,
    /// In the wheel's directory of libraries, which packages tell Windows of
    Libs,
}

#[derive(Debug, Args)]
pub(crate) struct Windows {
    /// Windows: where DLLs go
    #[arg(long, value_name = "WHERE", default_value = "auto")]
    pub(crate) layout: Layout,
    /// Windows: packages that other distributions share, separated by `;` or `,`, which get no code
    #[arg(long, value_name = "PACKAGES")]
    pub(crate) namespace_pkg: Vec<String>,
    /// Windows: code goes where a line `# delvewheel: patch` is, and nowhere else
    #[arg(long)]
    pub(crate) custom_patch: bool,
    /// Bring every library under its own name
    #[arg(long)]
    pub(crate) no_mangle_all: bool,
}
