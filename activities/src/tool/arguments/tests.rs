//! What a model is told about arguments that do not fit.

use longhaul_contract::tool::{Effect, HttpRest, ToolBinding, ToolSpec};
use serde_json::{Value, json};

use super::{check, check_schema, violations, with_defaults};

fn spec(parameters: Value) -> ToolSpec {
    ToolSpec {
        name: "crm.find".to_owned(),
        description: String::new(),
        parameters,
        effect: Effect::Read,
        idempotent: false,
        timeout: None,
        lane: longhaul_contract::tool::Lane::Learnt,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Http {
            method: "GET".to_owned(),
            url: "https://example.com".to_owned(),
            headers: Vec::new(),
            rest: HttpRest::Query,
        },
    }
}

fn contact() -> ToolSpec {
    spec(json!({
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "integer", "minimum": 1},
            "stage": {"enum": ["lead", "won", "lost"], "default": "lead"},
            "name": {"type": ["string", "null"], "maxLength": 5},
            "filter": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "additionalProperties": false
            }
        },
        "additionalProperties": false
    }))
}

fn lines(arguments: Value) -> Vec<String> {
    let message = check(&contact(), &arguments).unwrap_err();
    message.lines().map(str::to_owned).collect()
}

const TITLE: &str = "the arguments do not fit the schema of `crm.find`:";

#[test]
fn takes_what_fits() {
    let arguments = json!({"id": 5, "stage": "won", "name": null, "filter": {"city": "Graz"}});
    assert_eq!(check(&contact(), &arguments), Ok(()));
}

#[test]
fn names_the_place_and_what_is_allowed() {
    let arguments = json!({"stage": "open", "name": "too long", "filter": {"town": 1}, "extra": 1});
    let mut found = lines(arguments);
    assert_eq!(found.remove(0), TITLE);
    found.sort();
    assert_eq!(
        found,
        [
            "- at `/filter`: has unknown properties: `town`; allowed are `city`",
            "- at `/name`: value is longer than 5 characters",
            "- at `/stage`: must be one of \"lead\", \"won\", \"lost\"",
            "- at the top: `id` is required",
            "- at the top: has unknown properties: `extra`; allowed are `id`, `stage`, `name`, `filter`",
        ]
    );
}

#[test]
fn reports_strings_that_hold_json_and_coerces_nothing() {
    let hint = "write the JSON itself, not a string that holds it";
    assert_eq!(
        lines(json!({"id": "5"})),
        [TITLE, &format!("- at `/id`: must be integer, is string; {hint}")]
    );
    assert_eq!(
        lines(json!({"id": 1, "filter": "{\"city\": \"Graz\"}"})),
        [TITLE, &format!("- at `/filter`: must be object, is string; {hint}")]
    );
    assert_eq!(
        check(&contact(), &json!("{\"id\": 5}")).unwrap_err(),
        format!("the arguments of `crm.find` must be a JSON object; {hint}")
    );
    let anything = spec(json!({}));
    assert!(check(&anything, &json!([1])).unwrap_err().ends_with("must be a JSON object"));
}

#[test]
fn says_the_type_that_it_got() {
    assert_eq!(lines(json!({"id": 1.5})), [TITLE, "- at `/id`: must be integer, is number"]);
    assert_eq!(lines(json!({"id": null})), [TITLE, "- at `/id`: must be integer, is null"]);
    assert_eq!(lines(json!({"id": 0})), [TITLE, "- at `/id`: value is less than the minimum of 1"]);
}

#[test]
fn tells_of_five_violations() {
    let list = spec(json!({"properties": {"ids": {"items": {"type": "integer"}}}}));
    let message = check(&list, &json!({"ids": [null, null, null, null, null, null, null]}));
    let message = message.unwrap_err();
    assert_eq!(message.matches("must be integer").count(), 5);
    assert!(message.ends_with("\n- and 2 more"), "{message}");
}

#[test]
fn shows_no_endless_list() {
    let choices: Vec<_> = (0..1000).map(|n| format!("choice {n}")).collect();
    let many = spec(json!({"properties": {"a": {"enum": choices}}}));
    let message = check(&many, &json!({"a": "x".repeat(10_000)})).unwrap_err();
    assert!(message.len() < 600, "{message}");
    assert!(message.ends_with('…'), "{message}");
}

#[test]
fn a_schema_that_cannot_be_used_is_told() {
    let problem = check_schema(&json!({"type": "objekt"})).unwrap_err();
    assert!(problem.starts_with("at `/type`: "), "{problem}");
    assert!(check_schema(&json!({"$ref": "https://example.com/schema.json"})).is_err());
    assert!(check_schema(&json!({"$ref": "file:///etc/hostname"})).is_err());
    assert!(check_schema(&json!({"properties": {"a": {"pattern": "("}}})).is_err());
    assert!(check_schema(&json!("object")).is_err());
    assert_eq!(check_schema(&json!({"$defs": {"a": {}}, "$ref": "#/$defs/a"})), Ok(()));
    let message = check(&spec(json!({"type": "objekt"})), &json!({})).unwrap_err();
    assert!(message.starts_with("the schema of `crm.find` cannot be used: "), "{message}");
}

#[test]
fn applies_defaults_of_absent_properties_only() {
    let given = json!({"id": 1});
    assert_eq!(with_defaults(&contact(), &given), json!({"id": 1, "stage": "lead"}));
    let given = json!({"stage": null, "id": 1});
    assert_eq!(with_defaults(&contact(), &given), given);
    assert_eq!(with_defaults(&spec(json!({})), &given), given);
}

#[test]
fn lists_violations_of_any_schema() {
    let schema = json!({"type": "array", "items": {"type": "integer"}});
    assert_eq!(violations(&schema, &json!([1, 2])), Ok(vec![]));
    assert_eq!(
        violations(&schema, &json!([1, true])),
        Ok(vec!["at `/1`: must be integer, is boolean".to_owned()])
    );
}
