//! The part of a contract that an entry uses, as an OpenAPI description for programs that read it.

use std::collections::BTreeSet;

use longhaul_catalog::Integration;
use serde_json::{Map, Value, json};

use super::contract::Contract;
use super::target;

/// The operations of `entry` in the vendor's own words, and the names of those that are in it:
/// content that goes to an address of its own cannot be described so.
pub fn openapi(contract: &Contract, entry: &Integration) -> (Value, Vec<String>) {
    let (mut paths, mut names) = (Map::new(), Vec::new());
    for (name, operation) in &entry.operations {
        let targets = target::find(contract, entry, operation).unwrap_or_default();
        let Some(found) = targets.first().filter(|it| !it.is_upload) else { continue };
        let theirs = found.theirs;
        let base = contract.servers(theirs).into_iter().next().unwrap_or_default();
        let rest = base.trim_start_matches("https://").split_once('/');
        let base = rest.map(|(_, path)| format!("/{path}")).unwrap_or_default();
        let path = format!("{base}{}", theirs["path"].as_str().unwrap_or_default());
        let method = theirs["method"].as_str().unwrap_or_default().to_lowercase();
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method] = described(contract, theirs);
        names.push(name.clone());
    }
    let mut paths = Value::Object(paths);
    let mut waiting = BTreeSet::new();
    renamed(&mut paths, &mut waiting);
    let mut schemas = Map::new();
    while let Some(name) = waiting.pop_first() {
        if schemas.contains_key(&name) {
            continue;
        }
        let mut schema = contract.value["schemas"][&name].clone();
        renamed(&mut schema, &mut waiting);
        schemas.insert(name, schema);
    }
    let description = json!({
        "openapi": "3.1.0",
        "info": {"title": entry.name, "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": schemes(contract)},
        "security": contract.value["security"]
    });
    (description, names)
}

/// Flows need members that not every contract has.
fn schemes(contract: &Contract) -> Value {
    let mut schemes = contract.value["security_schemes"].clone();
    for scheme in schemes.as_object_mut().into_iter().flat_map(|it| it.values_mut()) {
        if scheme["type"] == "oauth2" {
            *scheme = json!({"type": "http", "scheme": "bearer"});
        }
    }
    schemes
}

fn described(contract: &Contract, theirs: &Value) -> Value {
    let mut described = json!({
        "operationId": theirs["id"],
        "parameters": theirs["parameters"],
        // Any answer will do, of whatever type the vendor's is.
        "responses": {"200": {"description": "", "content": {
            "application/json": {"schema": {"type": "object"}},
            "application/vnd.github+json": {"schema": {"type": "object"}}
        }}}
    });
    if let Some(security) = theirs["security"].as_array() {
        // Scopes belong to tokens, which this judge cannot look into.
        let plain = security.iter().map(|it| {
            let names = it.as_object().into_iter().flat_map(|it| it.keys());
            names.map(|name| (name.clone(), json!([]))).collect::<Map<_, _>>()
        });
        described["security"] = plain.map(Value::Object).collect();
    }
    // A body without members is how some descriptions say that there is none.
    let is_body = |it: &Value| {
        let content = it["content"].as_object().into_iter().flatten();
        let mut schemas = content.map(|(_, it)| &it["schema"]);
        theirs["method"] != "GET"
            && schemas.any(|it| it != &json!({"type": "object", "properties": {}}))
    };
    if let Some(body) = theirs.get("request_body").filter(|it| is_body(it)) {
        // A body that is said to be optional may have members that are not.
        let content = body["content"].as_object().into_iter().flatten();
        let mut schemas = content.map(|(_, it)| contract.resolve(&it["schema"]));
        let needs = |it: &Value| it["required"].as_array().is_some_and(|it| !it.is_empty());
        let required = body["required"] == true || schemas.any(needs);
        described["requestBody"] = json!({ "required": required, "content": body["content"] });
    }
    described
}

/// References as OpenAPI has them; what they refer to is added to `found`.
fn renamed(value: &mut Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/schemas/")
            {
                found.insert(name.to_owned());
                *reference = format!("#/components/schemas/{name}");
            }
            members.values_mut().for_each(|it| renamed(it, found));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|it| renamed(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
