//! What only wheels for macOS are told.

use truewheel_repair::{ARCHITECTURE_NAMES, MacosOptions, MacosVersion, Rounding};

use super::{Result, UsageError, given, is_placeholder, variable};
use crate::cli::MacosRound;

pub(super) fn options(
    max_minos: Option<String>,
    require_archs: Vec<String>,
    round: MacosRound,
) -> Result<MacosOptions> {
    let max_minos = max_minos.filter(|text| !text.is_empty() && !is_placeholder(text));
    Ok(MacosOptions {
        max_minos: max_minos.map(|text| version("--max-minos", &text)).transpose()?,
        deployment_target: variable("MACOSX_DEPLOYMENT_TARGET")
            .map(|text| version("MACOSX_DEPLOYMENT_TARGET", &text))
            .transpose()?,
        require_archs: given(require_archs)
            .iter()
            .map(|name| architecture(name.trim()))
            .collect::<Result<_>>()?,
        rounding: rounding(round),
    })
}

pub(super) fn rounding(round: MacosRound) -> Rounding {
    match round {
        MacosRound::Up => Rounding::Up,
        MacosRound::Down => Rounding::Down,
    }
}

fn version(origin: &str, text: &str) -> Result<MacosVersion> {
    text.parse().map_err(|error| UsageError(format!("{origin}: {error}")))
}

fn architecture(name: &str) -> Result<String> {
    if ARCHITECTURE_NAMES.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(UsageError(format!(
        "`--require-archs {name}` is none of {}",
        ARCHITECTURE_NAMES.join(", ")
    )))
}
