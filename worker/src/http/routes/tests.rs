//! The description of the interface is true: every route is in it, every example fits, and what
//! the examples say is what the code takes and gives.

use std::collections::BTreeSet;

use longhaul_contract::approval::DecisionReceipt;
use longhaul_contract::run::{SendReceipt, SteerReceipt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::http::deciding::Answer;
use crate::http::runs::{Start, Told, Why};

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// Method, path and operation of each.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

fn complaints(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let described: BTreeSet<(String, String)> =
        operations(&document()).into_iter().map(|(method, path, _)| (method, path)).collect();
    let served: BTreeSet<(String, String)> =
        api().into_iter().map(|(method, path, _)| (method.to_string(), path.to_owned())).collect();
    assert_eq!(described, served);
}

#[test]
fn parameters_of_a_path_are_described() {
    for (method, path, operation) in operations(&document()) {
        let described: BTreeSet<String> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
            .collect();
        let named: BTreeSet<String> =
            path.split('/').filter(|part| part.starts_with('{')).map(str::to_owned).collect();
        assert_eq!(described, named, "{method} {path}");
    }
}

#[test]
fn examples_fit_their_schemas() {
    let document = document();
    let mut seen = 0;
    let mut check = |place: &str, content: &Value| {
        let content = &content["application/json"];
        let example = content.get("example").unwrap_or_else(|| panic!("{place} has no example"));
        let complaints = complaints(&document, &content["schema"], example);
        assert!(complaints.is_empty(), "{place}: {complaints:#?}");
        seen += 1;
    };
    for (method, path, operation) in operations(&document) {
        if let Some(body) = operation.get("requestBody") {
            check(&format!("{method} {path}"), &body["content"]);
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let Some(content) = response.get("content") else { continue };
            check(&format!("{method} {path} {status}"), content);
        }
    }
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        check(name, &response["content"]);
    }
    assert!(seen > 20, "{seen} examples");
    let nonsense = json!({"decision": "perhaps"});
    let schema = json!({"$ref": "#/components/schemas/Decision"});
    assert!(!complaints(&document, &schema, &nonsense).is_empty());
}

/// The example of an operation's body (status 0) or answer, read as `T` and written again.
fn again<T: DeserializeOwned + Serialize>(operation_id: &str, status: u16) {
    let document = document();
    let (_, _, operation) = operations(&document)
        .into_iter()
        .find(|(_, _, operation)| operation["operationId"] == operation_id)
        .unwrap();
    let content = match status {
        0 => &operation["requestBody"]["content"]["application/json"],
        status => &operation["responses"][status.to_string()]["content"]["application/json"],
    };
    let value: T = serde_json::from_value(content["example"].clone())
        .unwrap_or_else(|error| panic!("{operation_id}: {error}"));
    let written = serde_json::to_value(&value).unwrap();
    let complaints = complaints(&document, &content["schema"], &written);
    assert!(complaints.is_empty(), "{operation_id}: {complaints:#?}\n{written:#}");
}

#[test]
fn examples_are_what_the_code_takes_and_gives() {
    again::<crate::http::approvals::List>("listApprovals", 200);
    again::<crate::http::approvals::Interrupt>("showApproval", 200);
    again::<Answer>("decide", 0);
    again::<DecisionReceipt>("decide", 200);
    again::<Start>("startRun", 0);
    again::<crate::client::Started>("startRun", 201);
    again::<Why>("pauseRun", 0);
    again::<SteerReceipt>("pauseRun", 200);
    again::<Why>("resumeRun", 0);
    again::<SteerReceipt>("resumeRun", 200);
    again::<Told>("sendMessage", 0);
    again::<SendReceipt>("sendMessage", 200);
    again::<crate::http::remembered::Decisions>("listRemembered", 200);
    again::<crate::revoke::Revoked>("revokeRemembered", 200);
}

#[test]
fn schemas_have_the_fields_of_the_code() {
    // Everything that there can be, so that a field that is added here has to be described there.
    let document = document();
    let known = |name: &str| -> BTreeSet<String> {
        let properties = &document["components"]["schemas"][name]["properties"];
        properties.as_object().unwrap().keys().cloned().collect()
    };
    let unknown = |fields: &[&str], name: &str| {
        let known = known(name);
        fields.iter().filter(|field| !known.contains(**field)).count()
    };
    // What a body does not know, its error lists.
    for (name, error) in [
        ("Decision", serde_json::from_value::<Answer>(json!({"x": 1})).unwrap_err().to_string()),
        ("Start", serde_json::from_value::<Start>(json!({"x": 1})).unwrap_err().to_string()),
        ("Message", serde_json::from_value::<Told>(json!({"x": 1})).unwrap_err().to_string()),
        ("Why", serde_json::from_value::<Why>(json!({"x": 1})).unwrap_err().to_string()),
    ] {
        let fields: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert!(!fields.is_empty(), "{error}");
        assert_eq!(unknown(&fields, name), 0, "{name}: {error}");
        assert_eq!(known(name).len(), fields.len(), "{name}: {error}");
    }
}
