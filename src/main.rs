//! truewheel: repairs Python wheels for Linux, macOS and Windows, on any machine.
//!
//! Parse, configure, run, exit. What was typed is in [`cli`], or in [`frontends`] where an older tool is
//! asked for; what will be done is in [`config`], every word that is printed in [`report`].

mod cli;
mod commands;
mod config;
mod frontends;
mod progress;
mod report;
mod shims;
mod status;

use std::ffi::OsString;
use std::process::ExitCode;

use config::Config;
use frontends::Refusal;

fn main() -> ExitCode {
    match configure(config::typed()) {
        Ok(config) => commands::run(&config).into(),
        Err(Refusal::Parser(error)) => status::of_usage(&error),
        Err(Refusal::Usage(error)) => {
            report::usage_error(&error);
            status::Status::Usage.into()
        }
    }
}

fn configure(words: Vec<OsString>) -> Result<Config, Refusal> {
    if let Some(config) = config::migration(&words)? {
        return Ok(config);
    }
    match frontends::of(&words) {
        Some((tool, words)) => frontends::configure(tool, words),
        None => Ok(config::configure(cli::parse(words)?)?),
    }
}
