//! The file that says what a project's wheels may bring along.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use truewheel_repair::{Lock, LockEntry};

use super::{Result, UsageError};

/// Its name, beside the file of settings or in the working directory.
pub(super) const NAME: &str = "truewheel.lock";
/// The one form so far.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    wheel: Vec<LockEntry>,
}

/// Reads the file; one that is not there has no entries where it is going to be written.
pub(super) fn read(path: &Path, may_be_absent: bool) -> Result<Lock> {
    let wrong = |what: &str| UsageError(format!("{}: {what}", path.display()));
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_be_absent => {
            return Ok(Lock::new(path.to_owned(), Vec::new()));
        }
        Err(error) => return Err(wrong(&error.to_string())),
        Ok(text) => text,
    };
    let file: File = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end()))?;
    if file.version != VERSION {
        let version = file.version;
        return Err(wrong(&format!("version is {version}, this truewheel knows {VERSION}")));
    }
    Ok(Lock::new(path.to_owned(), file.wheel))
}

/// The text of the file.
pub(crate) fn text(lock: &Lock) -> std::result::Result<String, String> {
    let file = File { version: VERSION, wheel: lock.entries.clone() };
    let body = toml::to_string(&file).map_err(|error| error.to_string())?;
    Ok(format!(
        "# What the wheels of this project bring along. `truewheel repair --update-lock` writes it;\n\
         # `repair` and `check` fail where a wheel differs. `tag` is a pattern and may be made wider.\n\
         {body}"
    ))
}

/// Where the file is if nobody says.
pub(super) fn usual_path(settings_file: Option<&Path>) -> PathBuf {
    let directory = settings_file.and_then(Path::parent).unwrap_or(Path::new(""));
    directory.join(NAME)
}
