//! What `needed` and `replace-needed` take, which are delvewheel's.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel needed demo/_core.cp312-win_amd64.pyd

Imports and delay imports, a name on each line. `truewheel tree` says where each is found.

Exit status: 0 they were listed, 1 the file cannot be read, 2 wrong usage.")]
pub(crate) struct Needed {
    /// A .pyd, .dll or .exe file of Windows
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  truewheel replace-needed --change python3.dll libpython-native.dll demo/_core.pyd
  truewheel replace-needed demo.dll --change a.dll b.dll --change c.dll d.dll -o out/demo.dll

Delay imports and forwarded exports are renamed, too; case does not count. A signature is dropped,
since it vouches for other bytes.

Exit status: 0 the file was written, 1 it cannot be edited and nothing was written, 2 wrong usage.")]
pub(crate) struct ReplaceNeeded {
    /// A .pyd, .dll or .exe file of Windows
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A DLL that the file imports, and its new name; also as `-change`, and more than once
    #[arg(long, required = true, num_args = 2, value_names = ["OLD", "NEW"])]
    pub(crate) change: Vec<String>,
    /// The file to write [default: FILE itself]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
}
