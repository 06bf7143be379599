//! What `check` takes.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel check dist/*.whl
  truewheel check --strict --max-size 100M wheelhouse/*.whl
  truewheel check --require 'libscipy_openblas64_*' --forbid-symbol 'dgemm_' wheelhouse/*.whl
  truewheel check --forbid-symbol 'cblas_dgemm=*/linalg/*' --ignore driver demo-1.0-*.whl
  truewheel check --list

Nothing of this machine is looked at: any wheel is checked on any system.

Exit status: 0 every wheel passed, 1 a wheel has an error (with --strict also a warning) or
cannot be read, 2 wrong usage.")]
pub(crate) struct Check {
    /// The wheels; patterns are expanded where the shell does not
    #[arg(required_unless_present = "list", value_name = "WHEEL")]
    pub(crate) wheels: Vec<PathBuf>,
    /// Libraries that somebody else brings, by needed name; `*` matches anything
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Named sets of such libraries, such as cuda,torch; `truewheel groups` lists them
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) exclude_group: Vec<String>,
    /// Libraries that must not be in the wheel or needed by it
    #[arg(long, value_name = "GLOB")]
    pub(crate) forbid: Vec<String>,
    /// Libraries of which one must be in the wheel or needed by it
    #[arg(long, value_name = "GLOB")]
    pub(crate) require: Vec<String>,
    /// Symbols that no binary may use or define; with `=FILE` only in members that match
    #[arg(long, value_name = "GLOB[=FILE]")]
    pub(crate) forbid_symbol: Vec<String>,
    /// Symbols that some binary must use or define; with `=FILE` one of the members that match
    #[arg(long, value_name = "GLOB[=FILE]")]
    pub(crate) require_symbol: Vec<String>,
    /// Largest size of the wheel: bytes, or with K, M, G (thousands) or Ki, Mi, Gi (1024)
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<String>,
    /// Largest size of all that is in it
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_unpacked_size: Option<String>,
    /// Do not refuse binaries marked as needing x86-64-v2, -v3 or -v4
    #[arg(long)]
    pub(crate) disable_isa_ext_check: bool,
    /// Findings that do not count, by their codes
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Let warnings fail, too
    #[arg(long)]
    pub(crate) strict: bool,
    /// List everything that is looked at, with codes and sources
    #[arg(long, conflicts_with = "wheels")]
    pub(crate) list: bool,
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
