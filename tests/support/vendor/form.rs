//! Text as the values that it stands for: forms, and what a schema says that a word is.

use serde_json::{Map, Value, json};

use super::contract::Contract;
use super::shape::choices;

/// `a[b][0]=1&c=2` as a value, all words being text.
pub fn parse(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut root = Value::Object(Map::new());
    for (name, value) in pairs {
        let (first, rest) = name.split_once('[').unwrap_or((&name, ""));
        let mut parts = vec![first.to_owned()];
        parts.extend(
            rest.split('[')
                .filter(|_| !rest.is_empty())
                .map(|it| it.trim_end_matches(']').to_owned()),
        );
        put(&mut root, &parts, value);
    }
    lists(root)
}

fn put(at: &mut Value, parts: &[String], value: String) {
    let Some((part, rest)) = parts.split_first() else { return };
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    let Some(members) = at.as_object_mut() else { return };
    // `a[]` counts itself.
    let key = if part.is_empty() { members.len().to_string() } else { part.clone() };
    if !rest.is_empty() {
        return put(members.entry(key).or_insert(Value::Null), rest, value);
    }
    match members.get_mut(&key) {
        Some(Value::Array(all)) => all.push(json!(value)),
        Some(one) => *one = json!([one.take(), value]),
        None => {
            members.insert(key, json!(value));
        }
    }
}

/// Objects whose members are numbered from 0 are lists.
fn lists(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let numbered = !members.is_empty()
        && members.keys().enumerate().all(|(index, key)| *key == index.to_string());
    let values = members.into_iter().map(|(key, value)| (key, lists(value)));
    if numbered {
        values.map(|(_, value)| value).collect()
    } else {
        Value::Object(values.collect())
    }
}

/// `value` with each word as what `schema` says that it is.
pub fn coerced(contract: &Contract, value: &Value, schema: &Value) -> Value {
    let choices = choices(contract, schema);
    let takes = |kind: &str| choices.iter().any(|it| it.is_of(kind));
    match value {
        Value::String(word) => {
            let integer = word.parse::<i64>().ok().filter(|_| takes("integer"));
            let number = word.parse::<f64>().ok().filter(|_| takes("number"));
            match word.as_str() {
                _ if integer.is_some() => json!(integer),
                _ if number.is_some() => json!(number),
                "true" | "false" if takes("boolean") => json!(word == "true"),
                _ if takes("array") && !takes("string") => {
                    let items = choices.iter().find_map(|it| it.items).unwrap_or(&Value::Null);
                    json!([coerced(contract, value, items)])
                }
                _ => value.clone(),
            }
        }
        Value::Array(elements) => {
            let items = choices.iter().find_map(|it| it.items).unwrap_or(&Value::Null);
            elements.iter().map(|it| coerced(contract, it, items)).collect()
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let known = choices.iter().find_map(|it| it.property(name));
                let value = known.map_or_else(|| value.clone(), |it| coerced(contract, value, it));
                (name.clone(), value)
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
