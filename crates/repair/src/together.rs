//! Step 8 of several wheels: their names, given together or not at all.

use std::path::PathBuf;

use crate::error::Error;
use crate::report::Report;
use crate::{Plan, Prepared};

/// A wheel that could not be named, and what is there all the same.
#[derive(Debug)]
pub struct Stopped {
    /// The wheel, counted from 0.
    pub index: usize,
    /// Why it has no name.
    pub error: Error,
    /// Repaired wheels that could not be taken back: they are there, whole.
    pub left: Vec<PathBuf>,
}

/// Gives each wheel its name, over a file that has it already. Where one cannot be named, those before it
/// are taken back, and what they replaced is there again.
///
/// # Errors
///
/// The operating system refuses a name.
pub fn persist_all(prepared: Vec<Prepared>) -> std::result::Result<Vec<Report>, Stopped> {
    let mut wheels = Vec::new();
    let mut rest: Vec<(PathBuf, PathBuf, Plan)> = Vec::new();
    for Prepared { input, output, written, plan } in prepared {
        wheels.push((written, plan.output_name.clone()));
        rest.push((input, output, plan));
    }
    match truewheel_wheel::persist_all(wheels) {
        Ok(_) => Ok(rest
            .into_iter()
            .map(|(input, output, plan)| Report::new(input, output, plan))
            .collect()),
        Err(stopped) => {
            let left = |(_, output, _): &&(PathBuf, PathBuf, Plan)| {
                let is_name = |path: &PathBuf| path.file_name() == output.file_name();
                stopped.left.iter().any(is_name)
            };
            let left = rest.iter().filter(left).map(|(_, output, _)| output.clone()).collect();
            Err(Stopped { index: stopped.index, error: stopped.error.into(), left })
        }
    }
}
