//! What only wheels for macOS are told.

use truewheel_repair::{ARCHITECTURE_NAMES, MacosOptions, MacosVersion, Rounding};

use super::{Merged, Result, UsageError, variable};
use crate::cli::MacosRound;

pub(super) fn options(merged: &Merged) -> Result<MacosOptions> {
    let told = &merged.settings.repairing;
    let max_minos = told.max_minos.as_deref().filter(|text| !text.is_empty());
    Ok(MacosOptions {
        max_minos: max_minos.map(|text| version(&merged.name("max-minos"), text)).transpose()?,
        deployment_target: variable("MACOSX_DEPLOYMENT_TARGET")
            .map(|text| version("MACOSX_DEPLOYMENT_TARGET", &text))
            .transpose()?,
        require_archs: told
            .require_archs
            .iter()
            .zip(merged.sources("require-archs"))
            .map(|(name, source)| architecture(&source.name("require-archs"), name.trim()))
            .collect::<Result<_>>()?,
        rounding: rounding(told.macos_round),
        keep_rpaths: false,
        first_package: false,
        beside_package: false,
        only: false,
    })
}

pub(super) fn rounding(round: Option<MacosRound>) -> Rounding {
    match round {
        None | Some(MacosRound::Up) => Rounding::Up,
        Some(MacosRound::Down) => Rounding::Down,
    }
}

pub(super) fn version(origin: &str, text: &str) -> Result<MacosVersion> {
    text.parse().map_err(|error| UsageError(format!("{origin}: {error}")))
}

fn architecture(option: &str, name: &str) -> Result<String> {
    if ARCHITECTURE_NAMES.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(UsageError(format!("`{option} {name}` is none of {}", ARCHITECTURE_NAMES.join(", "))))
}
