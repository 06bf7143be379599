//! Bars on long work, on a terminal only.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::Printer;

/// How far a run has come.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for `wheels` wheels; invisible where standard error is no terminal.
    pub(crate) fn new(wheels: usize, printer: &Printer) -> Self {
        let target = match printer.is_talkative() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(wheels as u64), target);
        let style = ProgressStyle::with_template("{spinner} [{pos}/{len}] {elapsed} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar }
    }

    /// The next wheel.
    pub(crate) fn at(&self, wheel: &Path) {
        let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.bar.inc(1);
        self.bar.set_message(name);
    }

    /// Does something that prints.
    pub(crate) fn suspend(&self, action: impl FnOnce()) {
        self.bar.suspend(action);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
