//! Holds JSON against a schema of `schemas/`: the keywords that those use, and no other.
//!
//! A keyword that is not known here fails the test, so that no part of a schema is passed over.

use serde_json::Value;

/// Everything in `value` that the schema `schemas/{name}.json` does not allow.
pub(crate) fn faults(name: &str, value: &Value) -> Vec<String> {
    let path = super::root().join("schemas").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let root: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let mut faults = Vec::new();
    check(&root, &root, value, "$", &mut faults);
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        let is_kept = match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" => true,
            "$ref" => {
                let pointer = rule.as_str().and_then(|rule| rule.strip_prefix('#'));
                let target = root.pointer(pointer.expect("a local $ref"));
                check(root, target.expect("the target of a $ref"), value, at, faults);
                true
            }
            "oneOf" => {
                let fits = |schema: &&Value| {
                    let mut faults = Vec::new();
                    check(root, schema, value, at, &mut faults);
                    faults.is_empty()
                };
                list(rule).iter().filter(fits).count() == 1
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|name| has_type(value, name)),
                name => has_type(value, name),
            },
            "const" => value == rule,
            "enum" => list(rule).contains(value),
            "minimum" => value.as_f64() >= rule.as_f64(),
            "minLength" => {
                let least = rule.as_u64().expect("a length");
                value.as_str().is_none_or(|text| text.chars().count() as u64 >= least)
            }
            "pattern" => value.as_str().is_none_or(|text| is_match(rule, text)),
            "required" => list(rule).iter().all(|name| value.get(text(name)).is_some()),
            "additionalProperties" => {
                let known = schema["properties"].as_object().expect("properties");
                assert_eq!(*rule, Value::Bool(false), "only `false` is known");
                value.as_object().is_none_or(|it| it.keys().all(|key| known.contains_key(key)))
            }
            "properties" => {
                for (name, rule) in rule.as_object().expect("properties") {
                    if let Some(value) = value.get(name) {
                        check(root, rule, value, &format!("{at}.{name}"), faults);
                    }
                }
                true
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, value, &format!("{at}[{index}]"), faults);
                }
                true
            }
            other => panic!("{at}: the keyword `{other}` is not known to this reader of schemas"),
        };
        if !is_kept {
            faults.push(format!("{at}: {keyword} {rule} is not kept by {value}"));
        }
    }
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn has_type(value: &Value, name: &Value) -> bool {
    match text(name) {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the type `{other}` is not known to this reader of schemas"),
    }
}

/// The one pattern in use: lower-case words joined by `-`.
fn is_match(pattern: &Value, text: &str) -> bool {
    assert_eq!(pattern, "^[a-z]+(-[a-z]+)*$", "only this pattern is known");
    text.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
}
