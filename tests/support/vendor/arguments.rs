//! Arguments made from an operation's own schema, as a model would have to make them.

use longhaul_catalog::integration::Integration;
use longhaul_catalog::operation::Operation;
use serde_json::{Map, Value, json};

/// Which arguments are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything that there is.
    All,
    /// Only what is needed.
    Needed,
}

/// Arguments that fit the operation's schema.
pub fn arguments(integration: &Integration, operation: &Operation, extent: Extent) -> Value {
    let schema = longhaul_catalog::arguments::schema(integration, operation);
    let needed = schema["required"].as_array();
    let is_needed = |name: &str| needed.is_some_and(|it| it.iter().any(|it| it == name));
    let mut arguments = Map::new();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let is_paging =
            operation.page(integration).is_some() && ["limit", "next"].contains(&name.as_str());
        if !is_paging && (extent == Extent::All || is_needed(name)) {
            arguments.insert(name.clone(), value(schema, extent));
        }
    }
    Value::Object(arguments)
}

/// A value that fits a schema.
fn value(schema: &Value, extent: Extent) -> Value {
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(first) = schema["enum"].as_array().and_then(|it| it.first()) {
        return first.clone();
    }
    if let Some(first) = schema["examples"].as_array().and_then(|it| it.first()) {
        return first.clone();
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(first) = schema[key].as_array().and_then(|it| it.first()) {
            return value(first, extent);
        }
    }
    let kind = &schema["type"];
    let kind = kind.as_array().and_then(|kinds| kinds.first()).unwrap_or(kind).as_str();
    match kind {
        Some("integer" | "number") => number(schema),
        Some("boolean") => json!(true),
        Some("array") => json!([value(&schema["items"], extent)]),
        Some("object") => object(schema, extent),
        _ => json!(text(schema)),
    }
}

fn number(schema: &Value) -> Value {
    match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(least), _) if least > 0 => json!(least),
        _ => json!(1),
    }
}

fn text(schema: &Value) -> String {
    match schema["format"].as_str() {
        Some("date-time") => "2026-01-02T03:04:05Z".to_owned(),
        Some("date") => "2026-01-02".to_owned(),
        Some("uri") => "https://example.com/".to_owned(),
        Some("uuid") => "0b7a1c1e-7f1b-4d53-9d2e-1c0b5b1f7a11".to_owned(),
        _ => schema["pattern"].as_str().map_or_else(|| "text".to_owned(), of_pattern),
    }
}

/// A text that fits a pattern such as `SM[0-9a-f]{32}` or `(SM|MM)[0-9a-f]{32}`.
fn of_pattern(pattern: &str) -> String {
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    let (start, rest) = match pattern.strip_prefix('(').and_then(|it| it.split_once(')')) {
        Some((choices, rest)) => (choices.split('|').next().unwrap_or_default(), rest),
        None => pattern.split_at(pattern.find('[').unwrap_or(pattern.len())),
    };
    let count =
        rest.split_once('{').and_then(|(_, count)| count.trim_end_matches('}').parse().ok());
    format!("{start}{}", "0".repeat(count.unwrap_or(usize::from(!rest.is_empty()))))
}

fn object(schema: &Value, extent: Extent) -> Value {
    let needed: Vec<&str> = super::supply::required_members(schema).into_iter().collect();
    let mut members = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if extent == Extent::All || needed.contains(&name.as_str()) {
            members.insert(name.clone(), value(property, extent));
        }
    }
    if members.is_empty() && schema["properties"].is_null() {
        let of = &schema["additionalProperties"];
        let member = if of.is_object() { value(of, extent) } else { json!("text") };
        members.insert("name".to_owned(), member);
    }
    Value::Object(members)
}
