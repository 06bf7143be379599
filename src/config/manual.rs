//! Which page of the manual is printed, or where all of them go.

use super::{Result, Task, UsageError};
use crate::cli::{self, Manual};

pub(super) fn manual(typed: Manual) -> Result<Task> {
    if let Some(directory) = typed.dir {
        return Ok(Task::Manual(directory));
    }
    let pages = cli::manual();
    match pages.iter().find(|page| page.command == typed.command) {
        Some(page) => Ok(Task::Text(page.text.clone())),
        None => {
            let wanted = typed.command.unwrap_or_default();
            let names: Vec<&str> =
                pages.iter().filter_map(|page| page.command.as_deref()).collect();
            let all = names.join(", ");
            Err(UsageError(format!("there is no command `{wanted}`\n  hint: there are {all}")))
        }
    }
}
