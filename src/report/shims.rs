//! What `install-shims` says.

use std::path::PathBuf;

use super::{ERROR, Printer, harmless};
use crate::shims::Fault;

impl Printer {
    /// The programs that are there now.
    pub(crate) fn shims(&self, paths: &[PathBuf]) {
        for path in paths {
            self.data(&harmless(&format!("{}\n", path.display())));
        }
    }

    pub(crate) fn shim_fault(&self, fault: &Fault) {
        let text = match fault {
            Fault::Taken(path) => format!(
                "{} is another program, and nothing was changed\n  hint: choose another directory, or \
                 say `--force`",
                path.display()
            ),
            Fault::Io(path, error) => format!("{}: {error}", path.display()),
        };
        self.say(&format!("{ERROR}error:{ERROR:#} {}\n", harmless(&text)));
    }
}
