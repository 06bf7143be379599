//! What `config` takes: every setting, to see what it does to the others.

use std::path::PathBuf;

use clap::Args;

use super::Settings;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel config
  truewheel config demo-1.0-cp312-cp312-win_amd64.whl
  truewheel config --strip --exclude 'libcuda*' demo-1.0-cp312-cp312-linux_x86_64.whl

Exit status: 0 it was printed, 2 wrong usage or a wrong file of settings.")]
pub(crate) struct ConfigCommand {
    /// The wheel that is meant; it need not be there. Without it, what counts for every wheel
    #[arg(value_name = "WHEEL")]
    pub(crate) wheel: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: Box<Settings>,
    /// Print it as JSON (schemas/config.json)
    #[arg(long)]
    pub(crate) json: bool,
}
