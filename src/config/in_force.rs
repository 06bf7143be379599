//! What is in force for one wheel or for all, and who says each part of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::layers::{self, Layer, Merged, said};
use super::{Result, Surroundings, Task, options, sources, variable};
use crate::cli::ConfigCommand;

/// Variables that have no setting of their own and count all the same.
const VARIABLES: [&str; 9] = [
    "AUDITWHEEL_PLAT",
    "AUDITWHEEL_LD_LIBRARY_PATH",
    "LD_LIBRARY_PATH",
    "REPAIR_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "MACOSX_DEPLOYMENT_TARGET",
    "SOURCE_DATE_EPOCH",
    "TRUEWHEEL_THREADS",
];

/// One value and who says it.
#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) source: String,
}

/// All that is in force.
#[derive(Debug, Serialize)]
pub(crate) struct InForce {
    /// `truewheel.config/1`.
    schema: &'static str,
    /// The file of settings.
    pub(crate) file: Option<String>,
    /// The wheel that was asked about.
    pub(crate) wheel: Option<String>,
    /// Without what is as usual; each item of a list has a row of its own.
    pub(crate) settings: Vec<Setting>,
    /// Where no wheel was named: what counts for some, with the words for which.
    pub(crate) conditional: Vec<Conditional>,
    pub(crate) environment: BTreeMap<&'static str, String>,
}

/// What counts for some wheels.
#[derive(Debug, Serialize)]
pub(crate) struct Conditional {
    /// For which, in words.
    #[serde(rename = "for")]
    pub(crate) words: String,
    pub(crate) settings: Vec<Setting>,
}

/// Values that are wrong are told here, too: what is in force must be possible.
pub(super) fn in_force(typed: ConfigCommand, here: &Surroundings) -> Result<Task> {
    let ConfigCommand { wheel, settings, json } = typed;
    let project = here.project.as_ref();
    let merged = layers::merge(&sources(&settings, project, wheel.as_deref())?)?;
    options::repair(&merged, &mut Vec::new())?;
    let conditional = project.into_iter().flat_map(|project| project.conditional());
    let conditional = conditional.filter(|_| wheel.is_none());
    let found = InForce {
        schema: "truewheel.config/1",
        file: project.map(|project| project.path.display().to_string()),
        wheel: wheel.as_deref().map(Path::display).map(|path| path.to_string()),
        settings: of_merged(&merged)?,
        conditional: conditional
            .map(|(words, layer)| Conditional { words, settings: of_layer(layer) })
            .collect(),
        environment: VARIABLES
            .into_iter()
            .filter_map(|name| Some((name, variable(name)?)))
            .collect(),
    };
    Ok(Task::InForce { found: Box::new(found), json })
}

fn of_merged(merged: &Merged) -> Result<Vec<Setting>> {
    let mut settings = Vec::new();
    for (name, value) in said(&merged.settings)? {
        let sources = merged.sources(&name).iter().map(|source| source.words());
        let values = match value {
            Value::Array(items) => items,
            one => vec![one],
        };
        settings.extend(values.into_iter().zip(sources).map(|(value, source)| Setting {
            name: name.clone(),
            value,
            source,
        }));
    }
    Ok(settings)
}

fn of_layer(layer: &Layer) -> Vec<Setting> {
    let source = layer.source.words();
    let rows = layer.settings.iter().map(|(name, value)| Setting {
        name: name.clone(),
        value: value.clone(),
        source: source.clone(),
    });
    rows.collect()
}
