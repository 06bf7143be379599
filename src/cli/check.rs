//! What `check` takes.

use std::path::PathBuf;

use clap::Args;

use super::{Expected, Judging, LeftOut, Processors};

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
    #[command(flatten)]
    pub(crate) left_out: LeftOut,
    #[command(flatten)]
    pub(crate) expected: Expected,
    #[command(flatten)]
    pub(crate) processors: Processors,
    #[command(flatten)]
    pub(crate) judging: Judging,
    /// List everything that is looked at, with codes and sources
    #[arg(long, conflicts_with = "wheels")]
    pub(crate) list: bool,
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
