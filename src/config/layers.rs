//! Settings from several sources, laid over each other, with where each value came from.
//!
//! The command line is over a file of settings, that over the environment, that over the defaults. Of
//! what can be only one thing, the highest source that says it counts; lists add up, the highest
//! source's first, because a directory or a library to leave out that is typed is one more.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Result, UsageError, is_placeholder};
use crate::cli::Settings;

/// Settings of which only one can be: the higher source's takes the others away.
const RIVALS: [(&str, &str); 1] = [("strip", "strip-debug")];

/// What one source says.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) source: Source,
    /// By the names of the options, without what is not said.
    pub(crate) settings: Map<String, Value>,
}

/// Who says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The command line; options are named as they are typed.
    CommandLine,
    /// A table in a file of settings.
    File(String),
    /// A variable of the environment.
    Variable(&'static str),
}

impl Source {
    /// How a message names the setting `key` of this source.
    pub(crate) fn name(&self, key: &str) -> String {
        match self {
            Self::CommandLine => format!("--{key}"),
            Self::File(table) => format!("{key} of {table}"),
            Self::Variable(name) => (*name).to_owned(),
        }
    }

    /// Who says it, for people.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::CommandLine => "command line".to_owned(),
            Self::File(table) => table.clone(),
            Self::Variable(name) => (*name).to_owned(),
        }
    }

    /// How a message names the setting `key` of this source with its value.
    pub(crate) fn phrase(&self, key: &str, value: &str) -> String {
        match self {
            Self::CommandLine => format!("`--{key} {value}`"),
            Self::File(table) => format!("{table} has `{key} = {value}`"),
            Self::Variable(name) => format!("{name} has `{value}`"),
        }
    }
}

impl Layer {
    /// What `source` says.
    ///
    /// # Errors
    ///
    /// A path is no text.
    pub(crate) fn new(source: Source, settings: &Settings) -> Result<Self> {
        Ok(Self { source, settings: said(settings)? })
    }
}

/// All sources together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merged {
    pub(crate) settings: Settings,
    /// Where each value comes from: one source for each item of a list, else one.
    pub(crate) origins: BTreeMap<String, Vec<Source>>,
}

impl Merged {
    /// How a message names the setting `key`, by who said it.
    pub(crate) fn name(&self, key: &str) -> String {
        let source = self.origins.get(key).and_then(|sources| sources.first());
        source.unwrap_or(&Source::CommandLine).name(key)
    }

    /// A message that `value` of the setting `key` is wrong; `what` says how, beginning with a verb.
    pub(crate) fn wrong(&self, key: &str, value: &str, what: &str) -> UsageError {
        let source = self.origins.get(key).and_then(|sources| sources.first());
        UsageError(match source {
            None | Some(Source::CommandLine) => format!("`--{key} {value}` {what}"),
            Some(source) => format!("{}, which {what}", source.phrase(key, value)),
        })
    }

    /// Who said each item of the list `key`.
    pub(crate) fn sources(&self, key: &str) -> &[Source] {
        self.origins.get(key).map_or(&[], Vec::as_slice)
    }
}

/// Lays the sources over each other, the highest first.
///
/// # Errors
///
/// A value has the wrong form; its source should have refused it.
pub(crate) fn merge<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Result<Merged> {
    let mut all = Map::new();
    let mut origins: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for layer in layers {
        let above: Vec<String> = all.keys().cloned().collect();
        for (key, value) in &layer.settings {
            if has_rival(&above, key) {
                continue;
            }
            match (all.get_mut(key), value) {
                (Some(Value::Array(items)), Value::Array(more)) => {
                    items.extend(more.iter().cloned());
                    note(&mut origins, key, &layer.source, more.len());
                }
                (Some(_), _) => {}
                (None, value) => {
                    all.insert(key.clone(), value.clone());
                    let count = value.as_array().map_or(1, Vec::len);
                    note(&mut origins, key, &layer.source, count);
                }
            }
        }
    }
    let settings = serde_json::from_value(Value::Object(all))
        .map_err(|error| UsageError(format!("the settings do not fit together: {error}")))?;
    Ok(Merged { settings, origins })
}

fn note(origins: &mut BTreeMap<String, Vec<Source>>, key: &str, source: &Source, count: usize) {
    origins.entry(key.to_owned()).or_default().extend(std::iter::repeat_n(source.clone(), count));
}

/// Whether a higher source says something that leaves no room for `key`.
fn has_rival(above: &[String], key: &str) -> bool {
    let is_above = |name: &str| above.iter().any(|other| other == name);
    RIVALS
        .iter()
        .any(|(one, other)| (key == *one && is_above(other)) || (key == *other && is_above(one)))
}

/// What of the settings is said; a left-over placeholder of a build tool is nothing.
pub(super) fn said(settings: &Settings) -> Result<Map<String, Value>> {
    let value = serde_json::to_value(settings)
        .map_err(|error| UsageError(format!("a path that was typed is no text: {error}")))?;
    let Value::Object(mut all) = value else { return Ok(Map::new()) };
    let is_said = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !is_placeholder(text),
        _ => true,
    };
    all.retain(|_, value| match value {
        Value::Array(items) => {
            items.retain(|item| is_said(item) && item.as_str() != Some(""));
            !items.is_empty()
        }
        value => is_said(value),
    });
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(source: Source, text: &str) -> Layer {
        Layer { source, settings: serde_json::from_str(text).unwrap() }
    }

    #[test]
    fn one_value_is_the_highest_and_lists_add_up() {
        let typed = layer(Source::CommandLine, r#"{"plat": "auto", "exclude": ["a"]}"#);
        let below = layer(
            Source::Variable("BELOW"),
            r#"{"plat": "linux_x86_64", "exclude": ["b", "c"], "strip": true}"#,
        );
        let merged = merge([&typed, &below]).unwrap();
        assert_eq!(merged.settings.repairing.plat.as_deref(), Some("auto"));
        assert_eq!(merged.settings.left_out.exclude, ["a", "b", "c"]);
        assert_eq!(merged.settings.repairing.strip, Some(true));
        assert_eq!(merged.name("strip"), "BELOW");
        let [typed, below] = [typed.source, below.source];
        assert_eq!(merged.sources("exclude"), [typed, below.clone(), below]);
    }

    #[test]
    fn a_rival_of_a_higher_source_takes_the_lower_away() {
        let typed = layer(Source::CommandLine, r#"{"strip-debug": true}"#);
        let below = layer(Source::Variable("BELOW"), r#"{"strip": true}"#);
        let merged = merge([&typed, &below]).unwrap();
        assert_eq!(merged.settings.repairing.strip, None);
        assert_eq!(merged.settings.repairing.strip_debug, Some(true));
    }

    #[test]
    fn what_is_not_said_is_no_setting() {
        let mut settings = Settings::default();
        settings.search.ldpaths = Some("{ldpaths}".to_owned());
        settings.left_out.exclude = vec![String::new()];
        assert_eq!(Layer::new(Source::CommandLine, &settings).unwrap().settings, Map::new());
    }
}
