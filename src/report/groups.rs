//! The named sets of libraries, for people and as JSON.

use truewheel_repair::groups::Group;

use super::Printer;
use crate::config::Verbosity;

/// The form of the JSON; it changes when a reader of the old one would be misled.
const SCHEMA: &str = "truewheel.groups/1";

impl Printer {
    /// Every group with its patterns, and with their sources when more was asked for.
    pub(crate) fn groups(&self, groups: &[&Group], json: bool) {
        if json {
            self.json_of(1, &[as_json(groups)]);
            return;
        }
        let texts: Vec<String> = groups.iter().map(|group| self.words_of_group(group)).collect();
        self.data(&texts.join("\n"));
    }

    fn words_of_group(&self, group: &Group) -> String {
        let mut text = format!("{}: {}\n", group.name, group.what);
        text.extend(lines(group.patterns).into_iter().map(|line| format!("  {line}\n")));
        if self.verbosity == Verbosity::Verbose {
            text.extend(group.sources.iter().map(|source| format!("  source: {source}\n")));
        }
        text
    }
}

fn as_json(groups: &[&Group]) -> serde_json::Value {
    let groups: Vec<serde_json::Value> = groups
        .iter()
        .map(|group| {
            serde_json::json!({
                "name": group.name,
                "what": group.what,
                "sources": group.sources,
                "patterns": group.patterns,
            })
        })
        .collect();
    serde_json::json!({ "schema": SCHEMA, "groups": groups })
}

/// The words in lines of up to 100 columns.
fn lines(words: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= 98 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push((*word).to_owned()),
        }
    }
    lines
}
