//! What `install-shims` takes.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel install-shims /usr/local/bin
  truewheel install-shims --copy tools

A shim is truewheel under another name: `auditwheel repair W.whl` is then `truewheel auditwheel repair
W.whl`. Put DIR in front of PATH. `python -m auditwheel` is Python's own and not changed.

Exit status: 0 every name is there, 1 one could not be put there, 2 wrong usage.")]
pub(crate) struct InstallShims {
    /// Directory that gets `auditwheel`, `delocate-wheel`, `delvewheel` and the rest
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Copies instead of symbolic links
    #[arg(long)]
    pub(crate) copy: bool,
    /// Take the place of other programs of these names
    #[arg(long)]
    pub(crate) force: bool,
}
