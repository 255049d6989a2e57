//! A vendor's schema as a JSON Schema that takes nothing but what it names.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::contract::Contract;

/// A validator of `schema`, with the schemas that it refers to.
pub fn validator(contract: &Contract, schema: &Value) -> Validator {
    let mut whole = closed(schema, false);
    if let Some(whole) = whole.as_object_mut() {
        whole.insert("schemas".to_owned(), Value::Object(reachable(contract, schema)));
    }
    let mut bare = whole.clone();
    jsonschema::validator_for(&whole).unwrap_or_else(|_| {
        // Patterns of other languages count as absent.
        without_patterns(&mut bare);
        jsonschema::validator_for(&bare).unwrap_or_else(|error| panic!("{error}: {bare}"))
    })
}

fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.get("$ref") {
                found.push(name.trim_start_matches("#/schemas/").to_owned());
            }
            members.values().for_each(|it| references(it, found));
        }
        Value::Array(elements) => elements.iter().for_each(|it| references(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn reachable(contract: &Contract, schema: &Value) -> Map<String, Value> {
    let mut waiting = Vec::new();
    references(schema, &mut waiting);
    let (mut seen, mut schemas) = (BTreeSet::new(), Map::new());
    while let Some(name) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let schema = &contract.value["schemas"][&name];
        references(schema, &mut waiting);
        schemas.insert(name, closed(schema, false));
    }
    schemas
}

/// The schema with nothing but what it names. `within` says that it is a part of another, which
/// knows more.
fn closed(schema: &Value, within: bool) -> Value {
    let Some(members) = schema.as_object() else { return schema.clone() };
    let mut closed_schema = Map::new();
    for (key, value) in members {
        let value = match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => Value::Object(
                properties.iter().map(|(name, it)| (name.clone(), closed(it, false))).collect(),
            ),
            ("items" | "additionalProperties", Value::Object(_)) => closed(value, false),
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => {
                // A choice among whole things closes itself; a part does not.
                let is_part = key == "allOf" || members.contains_key("properties");
                Value::Array(parts.iter().map(|it| closed(it, is_part || within)).collect())
            }
            // Words and formats are for people.
            ("description" | "title" | "format", _) => continue,
            _ => value.clone(),
        };
        closed_schema.insert(key.clone(), value);
    }
    let lists =
        members.get("properties").and_then(Value::as_object).is_some_and(|it| !it.is_empty());
    let open = members.contains_key("additionalProperties");
    let composed = ["allOf", "anyOf", "oneOf"].iter().any(|it| members.contains_key(*it));
    if lists && !open && !within {
        let key = if composed { "unevaluatedProperties" } else { "additionalProperties" };
        closed_schema.insert(key.to_owned(), json!(false));
    }
    Value::Object(closed_schema)
}

fn without_patterns(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("pattern").is_some_and(Value::is_string) {
                members.remove("pattern");
            }
            members.values_mut().for_each(without_patterns);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_patterns),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
