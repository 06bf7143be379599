//! The names and kinds of settings, taken from the options of the command line: a setting is an option.

use clap::{Arg, ArgAction, Args, Command};

use super::{SWITCH, Settings};

/// What a setting can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    List,
    Switch,
    Number,
    Text,
    /// One of these.
    Choice(Vec<String>),
}

/// Where in a value a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathIn {
    /// It is one.
    Whole,
    /// `LIB=DIR`, of which LIB may be one.
    BeforeEquals,
}

fn options() -> Vec<Arg> {
    Settings::augment_args(Command::default()).get_arguments().cloned().collect()
}

/// Every name, in the order of the help.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    // An option's name is part of the program; clap hands it out with the lifetime of its parser.
    NAMES.iter().map(String::as_str)
}

static NAMES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
    options().iter().filter_map(Arg::get_long).map(str::to_owned).collect()
});

/// What the setting `name` can be; nothing where there is none.
pub(crate) fn kind(name: &str) -> Option<Kind> {
    let option = options().into_iter().find(|option| option.get_long() == Some(name))?;
    let values: Vec<String> =
        option.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let is_switch =
        option.get_value_names().is_some_and(|names| names.iter().any(|it| it == SWITCH));
    Some(match option.get_action() {
        ArgAction::Append => Kind::List,
        _ if is_switch => Kind::Switch,
        _ if name == "zip-compression-level" => Kind::Number,
        _ if !values.is_empty() => Kind::Choice(values),
        _ => Kind::Text,
    })
}

/// Where in the values of the setting `name` a path is.
pub(crate) fn path_in(name: &str) -> Option<PathIn> {
    match name {
        "lib-path" | "sysroot" | "wheel-dir" | "ldpaths" | "lock" | "python" => Some(PathIn::Whole),
        "include" => Some(PathIn::BeforeEquals),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::config::SYSTEMS;

    fn form(kind: &Kind) -> Value {
        match kind {
            Kind::List => json!({ "anyOf": [
                { "type": "string" }, { "type": "array", "items": { "type": "string" } }
            ] }),
            Kind::Switch => json!({ "type": "boolean" }),
            Kind::Number => json!({ "type": "integer", "minimum": 0, "maximum": 12 }),
            Kind::Text => json!({ "type": ["string", "integer"] }),
            Kind::Choice(words) => json!({ "enum": words }),
        }
    }

    /// The schema for editors, as the options have it.
    fn schema() -> Value {
        let mut settings = Map::new();
        for option in options() {
            let Some(name) = option.get_long() else { continue };
            let mut value = form(&kind(name).unwrap());
            value["description"] = json!(option.get_help().unwrap().to_string());
            settings.insert(name.to_owned(), value);
        }
        let mut root = settings.clone();
        for system in SYSTEMS {
            root.insert(system.to_owned(), json!({ "$ref": "#/$defs/settings" }));
        }
        let mut selected = settings.clone();
        let list = form(&Kind::List);
        selected.insert("select".to_owned(), list);
        root.insert(
            "overrides".to_owned(),
            json!({ "type": "array", "items": { "$ref": "#/$defs/override" } }),
        );
        let table = |properties: Map<String, Value>| json!({ "type": "object", "additionalProperties": false, "properties": properties });
        let mut schema = table(root);
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        schema["title"] = json!("[tool.truewheel] of pyproject.toml");
        let mut over = table(selected);
        over["required"] = json!(["select"]);
        schema["$defs"] = json!({ "settings": table(settings), "override": over });
        schema
    }

    #[test]
    fn the_schema_for_editors_has_every_setting() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/tool-truewheel.json");
        let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("TRUEWHEEL_UPDATE").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let there = std::fs::read_to_string(path).unwrap();
        assert_eq!(there, text, "TRUEWHEEL_UPDATE=1 rewrites it");
    }

    #[test]
    fn a_setting_is_what_its_option_is() {
        assert_eq!(kind("exclude"), Some(Kind::List));
        assert_eq!(kind("strip"), Some(Kind::Switch));
        assert_eq!(kind("plat"), Some(Kind::Text));
        assert_eq!(kind("zip-compression-level"), Some(Kind::Number));
        let layouts = ["auto", "beside", "libs"].map(str::to_owned).to_vec();
        assert_eq!(kind("layout"), Some(Kind::Choice(layouts)));
        assert_eq!(kind("strp"), None);
    }
}
