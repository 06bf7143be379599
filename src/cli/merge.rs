//! What `merge` takes.

use std::path::PathBuf;

use clap::Args;

use super::MacosRound;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel merge x86_64/demo-1.0-cp312-*.whl arm64/demo-1.0-cp312-*.whl
  truewheel merge -w wheelhouse --take-first '*/__config__.py' x86_64/demo-*.whl arm64/demo-*.whl

Both wheels are repaired first: each brings the libraries for its own CPU.

Exit status: 0 the wheel was written, 1 the wheels cannot be merged and nothing was written,
2 wrong usage.")]
pub(crate) struct Merge {
    /// A wheel for one kind of Mac, and the same wheel for the other
    #[arg(num_args = 2, required = true, value_names = ["WHEEL", "OTHER"])]
    pub(crate) wheels: Vec<PathBuf>,
    /// Directory for the new wheel
    #[arg(short = 'w', long, value_name = "DIR", default_value = "wheelhouse")]
    pub(crate) wheel_dir: PathBuf,
    /// Where files that match differ, take that of the first wheel; `*` matches anything
    #[arg(long, value_name = "GLOB")]
    pub(crate) take_first: Vec<String>,
    /// The same for the second wheel
    #[arg(long, value_name = "GLOB")]
    pub(crate) take_second: Vec<String>,
    /// What a tag says where a file needs a version that installers do not know, such as 12.3
    /// [default: up]
    #[arg(long, value_name = "WAY")]
    pub(crate) macos_round: Option<MacosRound>,
    /// Deflate level of new members, 0 to 12
    #[arg(short = 'z', long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=12))]
    pub(crate) zip_compression_level: Option<u32>,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
