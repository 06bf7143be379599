//! truewheel: repairs Python wheels for Linux, macOS and Windows, on any machine.
//!
//! Parse, configure, run, exit. What was typed is in [`cli`], what will be done in [`config`], every
//! word that is printed in [`report`].

mod cli;
mod commands;
mod config;
mod progress;
mod report;
mod status;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::parse(config::typed()) {
        Ok(cli) => cli,
        Err(error) => return status::of_usage(&error),
    };
    match config::configure(cli) {
        Ok(config) => commands::run(&config).into(),
        Err(error) => {
            report::usage_error(&error);
            status::Status::Usage.into()
        }
    }
}
