//! Checks the arguments of a call against the tool's JSON Schema.

#[cfg(test)]
mod tests;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use longhaul_contract::tool::ToolSpec;
use serde_json::{Map, Value};

/// Violations that one message tells of.
const MOST_VIOLATIONS: usize = 5;

/// Characters of an allowed value, or list of values, that a message shows.
const MOST_SHOWN: usize = 400;

/// Whether `arguments` fit the tool's schema; if not, which violations there are, for the model.
pub fn check(spec: &ToolSpec, arguments: &Value) -> Result<(), String> {
    let tool = &spec.name;
    let validator = compile(&spec.parameters)
        .map_err(|problem| format!("the schema of `{tool}` cannot be used: {problem}"))?;
    if !arguments.is_object() {
        let hint = string_hint(arguments);
        return Err(format!("the arguments of `{tool}` must be a JSON object{hint}"));
    }
    let mut violations = Vec::new();
    let mut more = 0;
    for error in validator.iter_errors(arguments) {
        if violations.len() < MOST_VIOLATIONS {
            violations.push(violation(&error, &spec.parameters));
        } else {
            more += 1;
        }
    }
    if violations.is_empty() {
        return Ok(());
    }
    let mut message = format!("the arguments do not fit the schema of `{tool}`:");
    for violation in violations {
        message.push_str("\n- ");
        message.push_str(&violation);
    }
    if more > 0 {
        message.push_str(&format!("\n- and {more} more"));
    }
    Err(message)
}

/// Whether `schema` is a JSON Schema that refers to nothing outside of itself.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    compile(schema).map(|_| ())
}

/// The first violations of `schema` by `value`, one a line, or nothing.
pub fn violations(schema: &Value, value: &Value) -> Result<Vec<String>, String> {
    let validator = compile(schema)?;
    let errors = validator.iter_errors(value).take(MOST_VIOLATIONS);
    Ok(errors.map(|error| violation(&error, schema)).collect())
}

/// `arguments` with the `default` of each property that is absent from them.
pub fn with_defaults(spec: &ToolSpec, arguments: &Value) -> Value {
    let mut arguments = arguments.clone();
    let properties = spec.parameters.get("properties").and_then(Value::as_object);
    if let (Some(given), Some(properties)) = (arguments.as_object_mut(), properties) {
        for (name, property) in properties {
            if let Some(default) = property.get("default")
                && !given.contains_key(name)
            {
                given.insert(name.clone(), default.clone());
            }
        }
    }
    arguments
}

fn compile(schema: &Value) -> Result<Validator, String> {
    if !(schema.is_object() || schema.is_boolean()) {
        return Err("a JSON Schema is an object".to_owned());
    }
    jsonschema::options().offline().build(schema).map_err(|error| {
        let at = error.instance_path().as_str();
        if at.is_empty() { error.to_string() } else { format!("at `{at}`: {error}") }
    })
}

fn violation(error: &ValidationError<'_>, schema: &Value) -> String {
    let at = match error.instance_path().as_str() {
        "" => "at the top",
        pointer => &format!("at `{pointer}`"),
    };
    format!("{at}: {}", explain(error, schema))
}

fn explain(error: &ValidationError<'_>, schema: &Value) -> String {
    let instance = error.instance();
    if let ValidationErrorKind::Required { property } = error.kind() {
        let name = property.as_str().unwrap_or_default();
        return format!("`{name}` is required");
    }
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        let known = enclosing(error, schema).and_then(|schema| schema.get("properties"));
        return unknown_properties(unexpected, known.and_then(Value::as_object));
    }
    if let ValidationErrorKind::Type { kind } = error.kind() {
        let expected = match kind {
            TypeKind::Single(one) => one.to_string(),
            TypeKind::Multiple(several) => {
                several.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or ")
            }
        };
        return format!("must be {expected}, is {}{}", type_name(instance), string_hint(instance));
    }
    if let ValidationErrorKind::Enum { options } = error.kind() {
        let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
        let options: Vec<_> = options.iter().map(Value::to_string).collect();
        return format!("must be one of {}", shown(&options.join(", ")));
    }
    if let ValidationErrorKind::Constant { expected_value } = error.kind() {
        return format!("must be {}", shown(&expected_value.to_string()));
    }
    // The rest name the rule; the value itself may be long, and the model knows it.
    shown(&error.masked().to_string())
}

/// The schema object that holds the keyword which was violated.
fn enclosing<'s>(error: &ValidationError<'_>, schema: &'s Value) -> Option<&'s Value> {
    let (holder, _) = error.schema_path().as_str().rsplit_once('/')?;
    schema.pointer(holder)
}

fn unknown_properties(unexpected: &[String], known: Option<&Map<String, Value>>) -> String {
    let quoted = |names: &mut dyn Iterator<Item = &String>| {
        names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let unexpected = shown(&quoted(&mut unexpected.iter()));
    match known {
        Some(known) if !known.is_empty() => {
            let known = shown(&quoted(&mut known.keys()));
            format!("has unknown properties: {unexpected}; allowed are {known}")
        }
        Some(_) | None => format!("has unknown properties: {unexpected}; none are allowed"),
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Models like to write a string that holds the JSON that is asked for.
fn string_hint(value: &Value) -> &'static str {
    if value.is_string() { "; write the JSON itself, not a string that holds it" } else { "" }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
