//! What `needed` and `replace-needed` say.

use std::path::Path;

use super::{NOTE, Printer, one_line};
use crate::frontends::Voice;

impl Printer {
    /// A name on each line.
    pub(crate) fn needed(&self, names: &[String]) {
        self.data(&names.iter().map(|name| one_line(name) + "\n").collect::<String>());
    }

    /// The file that was written, and what was given up for it.
    pub(crate) fn replaced(&self, output: &Path, notes: &[String]) {
        if self.is_talkative() {
            notes.iter().for_each(|note| self.say(&format!("{NOTE}note:{NOTE:#} {note}\n")));
        }
        // delvewheel says nothing of a file that was changed as asked.
        if self.voice == Voice::Own {
            self.data(&format!("{}\n", output.display()));
        }
    }
}
