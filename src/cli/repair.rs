//! The flags of `truewheel repair`.

use std::path::PathBuf;

use clap::Args;

use super::{Expected, LeftOut, Processors, Repairing, Search, Windows};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel repair dist/*.whl
  truewheel repair -w wheelhouse --lib-path build/lib demo-1.0-cp312-cp312-linux_x86_64.whl
  truewheel repair --plat manylinux_2_28_x86_64 --exclude 'libcuda.so*' demo-1.0-*.whl
  truewheel repair --dry-run demo-1.0-cp312-cp312-linux_x86_64.whl

Environment: libraries are looked for in TRUEWHEEL_LIBRARY_PATH, then for Linux in
AUDITWHEEL_LD_LIBRARY_PATH and LD_LIBRARY_PATH, for macOS in REPAIR_LIBRARY_PATH,
DYLD_LIBRARY_PATH and DYLD_FALLBACK_LIBRARY_PATH, for Windows in VCToolsRedistDir and PATH.
AUDITWHEEL_PLAT, MACOSX_DEPLOYMENT_TARGET,
SOURCE_DATE_EPOCH, AUDITWHEEL_ZIP_COMPRESSION_LEVEL and TRUEWHEEL_THREADS are understood.

Exit status: 0 every wheel was written, 1 a wheel cannot be repaired and nothing was written,
2 wrong usage.")]
pub(crate) struct Repair {
    /// The wheels; patterns are expanded where the shell does not
    #[arg(required = true, value_name = "WHEEL")]
    pub(crate) wheels: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) repairing: Repairing,
    #[command(flatten)]
    pub(crate) search: Search,
    #[command(flatten)]
    pub(crate) left_out: LeftOut,
    #[command(flatten)]
    pub(crate) windows: Windows,
    #[command(flatten)]
    pub(crate) processors: Processors,
    #[command(flatten)]
    pub(crate) expected: Expected,
    /// Write what the wheels bring along into the lock, instead of holding them against it
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) update_lock: bool,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
