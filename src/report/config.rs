//! What is in force, and who says so.

use serde_json::Value;

use super::{FAINT, NAME, Printer, one_line};
use crate::config::{InForce, Setting};

impl Printer {
    /// Every setting with its source, in words or as JSON.
    pub(crate) fn in_force(&self, found: &InForce, json: bool) {
        if json {
            return self.json_of(1, std::slice::from_ref(found));
        }
        let file = found.file.as_deref().unwrap_or("none");
        let mut text = format!("{NAME}file of settings{NAME:#} {}\n", one_line(file));
        match &found.wheel {
            Some(wheel) => text += &format!("{NAME}for{NAME:#} {}\n", one_line(wheel)),
            None => text += &format!("{NAME}for every wheel{NAME:#}\n"),
        }
        text += &rows(&found.settings);
        for part in &found.conditional {
            text += &format!("{NAME}for {}{NAME:#}\n", one_line(&part.words));
            text += &rows(&part.settings);
        }
        if !found.environment.is_empty() {
            text += &format!("{NAME}environment{NAME:#}\n");
            for (name, value) in &found.environment {
                text += &format!("  {name} = {}\n", one_line(value));
            }
        }
        self.styled(&text);
    }
}

fn rows(settings: &[Setting]) -> String {
    if settings.is_empty() {
        return "  nothing but the defaults\n".to_owned();
    }
    let width = settings.iter().map(|setting| setting.name.len()).max().unwrap_or_default();
    let rows = settings.iter().map(|setting| {
        let value = match &setting.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let (name, source) = (&setting.name, one_line(&setting.source));
        format!("  {name:<width$} = {}  {FAINT}{source}{FAINT:#}\n", one_line(&value))
    });
    rows.collect()
}
