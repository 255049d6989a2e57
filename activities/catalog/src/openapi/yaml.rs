//! Writes a draft as YAML in block style, with a remark at each guess.

use serde_json::{Map, Value};

const MARK: &str = "\u{1}review";

/// A value that a person looks at.
pub(super) struct Reviewed;

impl Reviewed {
    /// `value` as a guess.
    pub(super) fn guess(value: Value) -> Value {
        let mut marked = Map::new();
        marked.insert(MARK.to_owned(), value);
        Value::Object(marked)
    }

    /// The text of a value, guess or not.
    pub(super) fn plain(value: &Value) -> String {
        let value = value.get(MARK).unwrap_or(value);
        value.as_str().unwrap_or_default().to_owned()
    }
}

/// The text of `value`, an object.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    if let Value::Object(members) = value {
        block(members, 0, &mut text);
    }
    text
}

fn block(members: &Map<String, Value>, indent: usize, text: &mut String) {
    for (key, value) in members {
        text.push_str(&"  ".repeat(indent));
        entry(key, value, indent, text);
    }
}

fn entry(key: &str, value: &Value, indent: usize, text: &mut String) {
    let (value, remark) = match value.get(MARK) {
        Some(value) => (value, "  # review"),
        None => (value, ""),
    };
    text.push_str(&scalar(key));
    text.push(':');
    match value {
        Value::Object(members) if indent < 4 && !members.is_empty() => {
            text.push_str(remark);
            text.push('\n');
            block(members, indent + 1, text);
        }
        Value::Array(elements) if elements.iter().any(Value::is_object) && indent < 2 => {
            text.push_str(remark);
            text.push('\n');
            for element in elements {
                text.push_str(&"  ".repeat(indent + 1));
                text.push_str("- ");
                let mut inner = String::new();
                if let Value::Object(members) = element {
                    block(members, indent + 2, &mut inner);
                }
                text.push_str(inner.trim_start());
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            text.push(' ');
            text.push_str(&flow(value));
            text.push_str(remark);
            text.push('\n');
        }
    }
}

/// In one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                let value = value.get(MARK).unwrap_or(value);
                format!("{}: {}", scalar(key), flow(value))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => scalar(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A text as it is if it can only be one, in quotes otherwise. JSON's quotes are YAML's.
fn scalar(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./ ".contains(c);
    let is_word = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
        && text.chars().all(safe)
        && !text.ends_with(' ');
    let is_other = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    if is_word && !is_other { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}
