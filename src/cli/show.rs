//! The flags of `truewheel show`.

use std::path::PathBuf;

use clap::Args;

use super::{LeftOut, Processors, Search};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel show dist/*.whl
  truewheel show -v --lib-path build/lib demo-1.0-cp312-cp312-linux_x86_64.whl
  truewheel show --json demo-1.0-cp312-cp312-macosx_11_0_arm64.whl

Works for wheels of every system on every system; libraries that a wheel still needs are
looked for here. Environment: as for `truewheel repair`.

Exit status: 0 every wheel was read, whatever was found in it, 1 one could not be read,
2 wrong usage.")]
pub(crate) struct Show {
    /// The wheels; patterns are expanded where the shell does not
    #[arg(required = true, value_name = "WHEEL")]
    pub(crate) wheels: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) search: Search,
    #[command(flatten)]
    pub(crate) left_out: LeftOut,
    #[command(flatten)]
    pub(crate) processors: Processors,
    /// Print what was found as JSON (schemas/show.json)
    #[arg(long)]
    pub(crate) json: bool,
}
