//! The arguments of an operation: the schema that a model sees, and what is checked before a call.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use crate::error::{CallError, FieldError};
use crate::integration::Integration;
use crate::operation::{Operation, Page, Param, ParamIn};

/// Arguments that belong to a page and not to the vendor.
pub(crate) const LIMIT: &str = "limit";
pub(crate) const NEXT: &str = "next";
/// Most elements that a call asks of a list.
pub(crate) const MOST_ELEMENTS: u32 = 1000;
/// Most complaints about arguments at once.
const MOST_COMPLAINTS: usize = 10;

/// JSON Schema of an operation's arguments: an object that takes nothing else. Lists have `limit`
/// and `next` besides.
pub fn schema(integration: &Integration, operation: &Operation) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, param) in &operation.input {
        if param.fixed.is_some() {
            continue;
        }
        if is_required(param) {
            required.push(Value::String(name.clone()));
        }
        properties.insert(name.clone(), property(param));
    }
    if operation.page(integration).is_some() {
        let limit = "How many at most. Without it, as many as the vendor gives at once.";
        properties.insert(
            LIMIT.to_owned(),
            json!({"type": "integer", "minimum": 1, "maximum": MOST_ELEMENTS, "description": limit}),
        );
        let next = "Where to go on: the `next` of the answer before, with the same arguments.";
        properties.insert(NEXT.to_owned(), json!({"type": "string", "description": next}));
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if let Some(schema) = schema.as_object_mut() {
        if !required.is_empty() {
            schema.insert("required".to_owned(), Value::Array(required));
        }
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    schema
}

/// The arguments as the request needs them: checked against the schema, with defaults.
///
/// # Errors
///
/// Each argument that is wrong, with a name that may have been meant.
pub fn check(
    integration: &Integration,
    operation: &Operation,
    arguments: &Value,
) -> Result<Map<String, Value>, CallError> {
    let empty = Map::new();
    let given = match arguments.as_object() {
        Some(given) => given,
        None if arguments.is_null() => &empty,
        None => return Err(CallError::arguments("the arguments are not an object", Vec::new())),
    };
    let mut wrong = unknown(integration, operation, given);
    let mut all = given.clone();
    for (name, param) in &operation.input {
        if let (None, Some(default)) = (all.get(name), param.schema.get("default")) {
            all.insert(name.clone(), default.clone());
        }
        if is_required(param) && param.fixed.is_none() && all.get(name).is_none_or(Value::is_null) {
            wrong.push(FieldError { field: name.clone(), message: "is missing".to_owned() });
        }
    }
    let schema = schema(integration, operation);
    let validator = jsonschema::options().offline().build(&schema).map_err(|error| {
        CallError::policy(format!("the catalogue's schema of these arguments is wrong: {error}"))
    })?;
    // What is missing or unknown has been said, in better words.
    let known: Map<String, Value> = all
        .iter()
        .filter(|(name, _)| schema.pointer(&format!("/properties/{}", escaped(name))).is_some())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for error in validator.iter_errors(&Value::Object(known)) {
        let path = error.instance_path().to_string();
        let Some(field) = path.strip_prefix('/') else { continue };
        let message = crate::error::words(&error.to_string(), &[]);
        wrong.push(FieldError { field: field.replace('/', "."), message });
    }
    if wrong.is_empty() {
        return Ok(all);
    }
    wrong.truncate(MOST_COMPLAINTS);
    let said: Vec<_> = wrong.iter().map(|it| format!("`{}` {}", it.field, it.message)).collect();
    Err(CallError::arguments(said.join("; "), wrong))
}

/// Whether a call must have it.
pub(crate) fn is_required(param: &Param) -> bool {
    let path = param.place == ParamIn::Path && !param.schema.contains_key("default");
    param.required || path
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn property(param: &Param) -> Value {
    Value::Object(param.schema.clone())
}

fn unknown(
    integration: &Integration,
    operation: &Operation,
    given: &Map<String, Value>,
) -> Vec<FieldError> {
    let page = operation.page(integration);
    let known: Vec<&str> = operation
        .input
        .iter()
        .filter(|(_, param)| param.fixed.is_none())
        .map(|(name, _)| name.as_str())
        .chain(page.iter().flat_map(|_| [LIMIT, NEXT]))
        .collect();
    let mut wrong = Vec::new();
    for name in given.keys() {
        if known.contains(&name.as_str()) {
            continue;
        }
        let message = match meant(operation, page, &known, name) {
            Some(meant) => format!("is no argument; did you mean `{meant}`?"),
            None if known.is_empty() => "is no argument; there are none".to_owned(),
            None => format!("is no argument; there are {}", listed(&known)),
        };
        wrong.push(FieldError { field: name.clone(), message });
    }
    wrong
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The argument that somebody who wrote `name` had in mind.
fn meant<'a>(
    operation: &'a Operation,
    page: Option<&Page>,
    known: &[&'a str],
    name: &str,
) -> Option<&'a str> {
    // The vendor's own word for it.
    let by_vendor = operation.input.iter().find(|(_, param)| {
        let vendor = param.name.as_deref().unwrap_or_default();
        param.fixed.is_none() && vendor.rsplit('/').next() == Some(name)
    });
    if let Some((ours, _)) = by_vendor {
        return Some(ours);
    }
    if let Some(page) = page {
        let is = |param: &Option<String>| {
            param.as_deref().is_some_and(|param| param.trim_start_matches('/') == name)
        };
        if is(&page.limit) {
            return Some(LIMIT);
        }
        if is(&page.param) {
            return Some(NEXT);
        }
    }
    closest(known.iter().copied(), name)
}

/// The one of `known` that differs from `name` by no more than a slip or two.
pub(crate) fn closest<'a>(known: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let squeezed = |text: &str| -> Vec<char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = squeezed(name);
    let distances = known.map(|known| (distance(&squeezed(known), &wanted), known));
    let (distance, known) = distances.min()?;
    let most = (wanted.len() / 3).clamp(1, 3);
    (distance <= most).then_some(known)
}

/// How many letters have to be put in, taken out or replaced.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, left) in left.iter().enumerate() {
        let mut diagonal = index;
        let mut last = index + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(right) {
            let replaced = diagonal + usize::from(left != right);
            diagonal = *cell;
            last = replaced.min(last + 1).min(*cell + 1);
            *cell = last;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
