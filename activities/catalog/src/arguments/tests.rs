//! Tests of arguments.

use serde_json::json;

use super::*;
use crate::load::parse;

fn integration() -> Integration {
    parse(
        "a.yaml",
        "schema: 1
slug: a
name: A
category: c
homepage: https://a.example
evidence: {tier: 3, docs: https://a.example}
servers: [{url: https://a.example}]
auth: [{id: none, kind: none, source: https://a.example}]
operations:
  things.list:
    title: t
    description: d
    http: GET /{space}/things
    input:
      space: {in: path, type: string, default: main}
      kind: {in: query, name: thing_type, type: string, description: Which kind.}
      depth: {in: query, type: integer, required: true, minimum: 0}
      version: {in: query, fixed: 2}
      filter:
        in: query
        type: object
        properties: {a: {type: string}}
        additionalProperties: false
    page: {kind: page, param: page, items: /x, limit: per_page}
",
    )
    .unwrap()
}

fn checked(arguments: Value) -> Result<Map<String, Value>, String> {
    let integration = integration();
    let operation = &integration.operations["things.list"];
    check(&integration, operation, &arguments).map_err(|error| error.message)
}

#[test]
fn the_schema_is_what_a_model_may_say() {
    let integration = integration();
    let schema = schema(&integration, &integration.operations["things.list"]);
    let names: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["depth", "filter", "kind", "space", "limit", "next"]);
    assert_eq!(schema["required"], json!(["depth"]), "a default fills the path");
    assert_eq!(schema["additionalProperties"], json!(false));
    let kind = json!({"description": "Which kind.", "type": "string"});
    assert_eq!(schema["properties"]["kind"], kind, "nothing of the request");
}

#[test]
fn defaults_are_filled_in() {
    assert_eq!(checked(json!({"depth": 1})).unwrap()["space"], "main");
    assert_eq!(checked(json!({"depth": 1, "space": "s"})).unwrap()["space"], "s");
}

#[test]
fn what_was_meant_is_said() {
    for (name, part) in [
        ("dept", "did you mean `depth`"),
        ("Kind", "did you mean `kind`"),
        ("thing_type", "did you mean `kind`"),
        ("per_page", "did you mean `limit`"),
        ("page", "did you mean `next`"),
        ("version", "is no argument; there are"),
        ("completely_different", "is no argument; there are `depth`"),
    ] {
        let message = checked(json!({"depth": 1, name: "x"})).unwrap_err();
        assert!(message.contains(part), "{name}: {message}");
        assert!(message.starts_with(&format!("`{name}` ")), "{message}");
    }
}

#[test]
fn each_wrong_value_has_its_place() {
    let integration = integration();
    let operation = &integration.operations["things.list"];
    let arguments = json!({"depth": -1, "limit": 0, "filter": {"a": 1}, "kind": null});
    let error = check(&integration, operation, &arguments).unwrap_err();
    let mut fields: Vec<_> = error.field_errors.iter().map(|it| it.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["depth", "filter.a", "kind", "limit"]);
    assert_eq!(error.kind, crate::ErrorKind::Validation);
}

#[test]
fn what_is_missing_is_said_once() {
    let message = checked(Value::Null).unwrap_err();
    assert_eq!(message, "`depth` is missing");
    assert_eq!(checked(json!({"depth": null})).unwrap_err().matches("missing").count(), 1);
    assert!(checked(json!("text")).unwrap_err().contains("not an object"));
}

#[test]
fn slips_are_near_and_other_words_are_not() {
    let known = ["subject", "sender", "to"];
    let meant = |name| closest(known.into_iter(), name);
    assert_eq!(meant("subjct"), Some("subject"));
    assert_eq!(meant("sendr"), Some("sender"));
    assert_eq!(meant("body"), None);
    assert_eq!(meant("too"), Some("to"));
}
