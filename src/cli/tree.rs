//! The flags of `truewheel tree`.

use std::path::PathBuf;

use clap::Args;

use super::{LeftOut, Search};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel tree demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
  truewheel tree build/demo/_core.cpython-312-x86_64-linux-gnu.so --lib-path build/lib
  truewheel tree --sysroot /opt/aarch64-root /opt/aarch64-root/usr/bin/python3
  truewheel tree --json libdemo.dylib

A file that was shown further up is marked and not shown again; -v shows it again below each
root, and where a missing library was looked for. Environment: as for `truewheel repair`.

Exit status: 0 every file was read, 1 one could not be read, 2 wrong usage.")]
pub(crate) struct Tree {
    /// Wheels, or ELF, Mach-O or PE files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) search: Search,
    #[command(flatten)]
    pub(crate) left_out: LeftOut,
    /// Print the trees as JSON (schemas/tree.json)
    #[arg(long)]
    pub(crate) json: bool,
}
