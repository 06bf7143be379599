//! Settings that a project keeps in a file: `[tool.truewheel]` of its pyproject.toml, or a file of its own.
//!
//! The nearest pyproject.toml that has the table counts, from the working directory upwards; one without it,
//! as of a package of several in one repository, is passed over. The table has the options under their
//! names, tables `linux`, `android`, `macos` and `windows` for wheels of one system, and `overrides` for
//! wheels whose tags `select` matches. Paths are taken from the directory of the file, and their parts may be
//! separated by `/` or `\` on every system.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use truewheel_repair::{WheelName, nearest_name};

use super::layers::{Layer, Source};
use super::{Result, UsageError, from_home, variable, wrong};
use crate::cli::keys::{self, Kind};

/// Tables for wheels of one system.
pub(crate) const SYSTEMS: [&str; 4] = ["linux", "android", "macos", "windows"];
/// The variable that names a file of settings.
const VARIABLE: &str = "TRUEWHEEL_CONFIG";

/// Which file counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// A file.
    pub(crate) file: Option<PathBuf>,
    /// A directory to begin the search in instead of the working directory.
    pub(crate) directory: Option<PathBuf>,
    /// None.
    pub(crate) none: bool,
}

/// A file of settings.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) path: PathBuf,
    /// The layer of each table, the strongest first, with the wheels that it is for.
    tables: Vec<(Applies, Layer)>,
}

/// The wheels that a table is for.
#[derive(Clone, Debug)]
enum Applies {
    Always,
    System(&'static str),
    Tags(Vec<String>),
}

impl Project {
    /// The file that counts, if there is one.
    ///
    /// # Errors
    ///
    /// It cannot be read, or says something that no option is.
    pub(crate) fn find(choice: &Choice) -> Result<Option<Self>> {
        if choice.none {
            return Ok(None);
        }
        let named = choice.file.clone().or_else(|| variable(VARIABLE).map(PathBuf::from));
        if let Some(path) = named {
            let path = absolute(&from_home(path))?;
            let text = read(&path)?;
            let table = table_of(&path, &text)?;
            // A file that was named has settings, also where it says nothing.
            return Self::new(path, table.unwrap_or_default()).map(Some);
        }
        let start = absolute(choice.directory.as_deref().unwrap_or(Path::new(".")))?;
        if choice.directory.is_some() && !start.is_dir() {
            return Err(UsageError(format!("there is no directory `{}`", start.display())));
        }
        for directory in start.ancestors() {
            let path = directory.join("pyproject.toml");
            let Ok(text) = fs::read_to_string(&path) else { continue };
            // A file that is none of ours need not be right.
            if !text.contains("truewheel") {
                continue;
            }
            if let Some(table) = table_of(&path, &text)? {
                return Self::new(path, table).map(Some);
            }
        }
        Ok(None)
    }

    fn new(path: PathBuf, table: Map<String, Value>) -> Result<Self> {
        let reader = Reader { path: &path, prefix: prefix(&path) };
        let tables = reader.tables(table)?;
        Ok(Self { path, tables })
    }

    /// The layers that count for `wheel`, the strongest first; for no wheel those that count for all.
    pub(crate) fn layers(&self, wheel: Option<&Path>) -> Result<Vec<Layer>> {
        let name = wheel.and_then(WheelName::of);
        let mut layers = Vec::new();
        for (applies, layer) in &self.tables {
            let counts = match (applies, &name) {
                (Applies::Always, _) => true,
                (Applies::System(system), Some(name)) => name.system == Some(system),
                (Applies::Tags(patterns), Some(name)) => {
                    name.is_selected(patterns).map_err(wrong)?
                }
                (_, None) => false,
            };
            if counts {
                layers.push(layer.clone());
            }
        }
        Ok(layers)
    }

    /// Every layer with the wheels that it is for, in words.
    pub(crate) fn conditional(&self) -> impl Iterator<Item = (String, &Layer)> {
        self.tables.iter().filter_map(|(applies, layer)| match applies {
            Applies::Always => None,
            Applies::System(system) => Some((format!("wheels for {system}"), layer)),
            Applies::Tags(patterns) => {
                Some((format!("wheels that {} matches", patterns.join(" or ")), layer))
            }
        })
    }
}

/// What stands before the tables' names.
fn prefix(path: &Path) -> &'static str {
    if is_pyproject(path) { "tool.truewheel" } else { "" }
}

fn is_pyproject(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "pyproject.toml")
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| UsageError(format!("`{}` is no path: {error}", path.display())))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| UsageError(format!("{}: {error}", path.display())))
}

/// `[tool.truewheel]`, or the whole of a file of another name.
fn table_of(path: &Path, text: &str) -> Result<Option<Map<String, Value>>> {
    let parsed: Value = toml::from_str(text).map_err(|error| {
        UsageError(format!("{}: {}", path.display(), error.to_string().trim_end()))
    })?;
    let table = match is_pyproject(path) {
        true => parsed.get("tool").and_then(|tool| tool.get("truewheel")).cloned(),
        false => Some(parsed),
    };
    match table {
        None => Ok(None),
        Some(Value::Object(table)) => Ok(Some(table)),
        Some(_) => Err(UsageError(format!("{}: tool.truewheel is no table", path.display()))),
    }
}

/// Reads the tables of one file.
struct Reader<'a> {
    path: &'a Path,
    prefix: &'static str,
}

impl Reader<'_> {
    /// Overrides first, of which later ones are over earlier ones; then systems; then what is always so.
    fn tables(&self, mut table: Map<String, Value>) -> Result<Vec<(Applies, Layer)>> {
        let mut tables = Vec::new();
        if let Some(overrides) = table.remove("overrides") {
            let Value::Array(items) = overrides else {
                let shown = self.table("overrides");
                return Err(self.error(&format!("{shown} is no list of tables, as [[…]] makes it")));
            };
            for item in items.into_iter().rev() {
                tables.push(self.overriding(item)?);
            }
        }
        for system in SYSTEMS {
            let Some(value) = table.remove(system) else { continue };
            let label = self.table(system);
            let Value::Object(inner) = value else {
                return Err(self.error(&format!("{label} is no table")));
            };
            tables.push((Applies::System(system), self.layer(label, inner)?));
        }
        let label = self.table("");
        tables.push((Applies::Always, self.layer(label, table)?));
        Ok(tables)
    }

    fn overriding(&self, item: Value) -> Result<(Applies, Layer)> {
        let label = self.table("overrides");
        let Value::Object(mut inner) = item else {
            return Err(self.error(&format!("{label} is no table")));
        };
        let patterns = match inner.remove("select") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => {
                many.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        if patterns.is_empty() {
            return Err(self.error(&format!(
                "{label} needs `select`, such as \"*-musllinux*\": a pattern of tags or file names"
            )));
        }
        truewheel_repair::matches_any(&patterns, &[]).map_err(wrong)?;
        let label = format!("{label} select = {}", patterns.join(", "));
        Ok((Applies::Tags(patterns), self.layer(label, inner)?))
    }

    fn layer(&self, label: String, table: Map<String, Value>) -> Result<Layer> {
        let mut settings = Map::new();
        for (key, value) in table {
            let Some(kind) = keys::kind(&key) else {
                return Err(self.unknown(&key, &label));
            };
            let value = kind.read(value).map_err(|(is, should)| {
                self.error(&format!("{label}: `{key}` is {is}, it should be {should}"))
            })?;
            settings.insert(key.clone(), self.placed(&key, value));
        }
        let shown = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = if label.is_empty() { shown } else { format!("{shown} {label}") };
        Ok(Layer { source: Source::File(name), settings })
    }

    fn unknown(&self, key: &str, label: &str) -> UsageError {
        let others = SYSTEMS.into_iter().chain(["overrides"]);
        let names: Vec<&str> = keys::names().chain(others).collect();
        let near = nearest_name(key, names.iter().copied());
        let near = near.map(|name| format!("; the nearest is `{name}`")).unwrap_or_default();
        let place = if label.is_empty() { "here" } else { label };
        self.error(&format!(
            "`{key}` is no setting of {place}{near}\n  hint: `truewheel help repair` and `truewheel help \
             check` have every name"
        ))
    }

    /// Paths as absolute ones.
    fn placed(&self, key: &str, value: Value) -> Value {
        let Some(at) = keys::path_in(key) else { return value };
        let place = |value: Value| match value {
            Value::String(text) => Value::String(self.path_of(&text, at)),
            other => other,
        };
        match value {
            Value::Array(items) => Value::Array(items.into_iter().map(place).collect()),
            one => place(one),
        }
    }

    fn path_of(&self, text: &str, at: keys::PathIn) -> String {
        let (path, rest) = match (at, text.rsplit_once('=')) {
            (keys::PathIn::BeforeEquals, Some((path, rest))) => (path, format!("={rest}")),
            _ => (text, String::new()),
        };
        // A library that is named and lies nowhere yet is looked for.
        if at == keys::PathIn::BeforeEquals && !path.contains(['/', '\\']) {
            return text.to_owned();
        }
        let path = from_home(PathBuf::from(path.replace('\\', "/")));
        let directory = self.path.parent().unwrap_or(Path::new(""));
        format!("{}{rest}", directory.join(path).display())
    }

    /// How a table is named.
    fn table(&self, name: &str) -> String {
        let parts: Vec<&str> =
            [self.prefix, name].into_iter().filter(|it| !it.is_empty()).collect();
        if parts.is_empty() { String::new() } else { format!("[{}]", parts.join(".")) }
    }

    fn error(&self, what: &str) -> UsageError {
        UsageError(format!("{}: {what}", self.path.display()))
    }
}

impl Kind {
    /// The value in the form that options have; else what it is and what it should be.
    fn read(self, value: Value) -> std::result::Result<Value, (String, String)> {
        let is = shown(&value);
        match (self, value) {
            (Self::List, Value::String(one)) => Ok(Value::Array(vec![Value::String(one)])),
            (Self::List, Value::Array(items)) if items.iter().all(Value::is_string) => {
                Ok(Value::Array(items))
            }
            (Self::List, _) => Err((is, "a text or a list of texts".to_owned())),
            (Self::Switch, value @ Value::Bool(_)) => Ok(value),
            (Self::Switch, _) => Err((is, "true or false".to_owned())),
            (Self::Number, Value::Number(number)) if number.as_u64().is_some_and(|n| n <= 12) => {
                Ok(Value::Number(number))
            }
            (Self::Number, _) => Err((is, "a whole number from 0 to 12".to_owned())),
            (Self::Text, value @ Value::String(_)) => Ok(value),
            // `max-size = 50000000` and `max-minos = 11` are as clear as texts.
            (Self::Text, Value::Number(number)) => Ok(Value::String(number.to_string())),
            (Self::Text, _) => Err((is, "a text".to_owned())),
            (Self::Choice(words), Value::String(text)) if words.contains(&text) => {
                Ok(Value::String(text))
            }
            (Self::Choice(words), _) => Err((is, format!("one of {}", words.join(", ")))),
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "a table".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        value => format!("`{value}`"),
    }
}
