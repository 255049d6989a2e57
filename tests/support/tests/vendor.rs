//! The checker of catalogue entries, with small contracts of an imagined vendor.

use longhaul_catalog::{Integration, parse};
use longhaul_tests::vendor::mutate::{Fault, is_found, mutants};
use longhaul_tests::vendor::{Contract, Finding, Rule, check};
use serde_json::{Value, json};

/// An entry that agrees with [`contract`].
const ENTRY: &str = r#"
schema: 1
slug: tea
name: Tea
category: drinks
homepage: https://tea.example
evidence: {tier: 1, docs: "https://tea.example/docs"}
servers: [{url: "https://api.tea.example/v1"}]
auth:
  - id: oauth
    kind: oauth2
    source: https://tea.example/docs
    oauth: {authorize_url: "https://tea.example/authorize", token_url: "https://tea.example/token"}
operations:
  cups.pour:
    title: Pour a cup
    description: Pours a cup of tea.
    http: POST /pots/{pot}/cups
    effect: create
    scopes: {oauth: [pour]}
    headers: {x-kettle: hot}
    input:
      pot: {in: path, type: string}
      kind: {in: body, type: string, enum: [green, black], required: true}
      sugar: {in: body, type: integer}
      guests: {in: body, name: /for/guests, type: array, items: {type: string}}
      quickly: {in: query, type: boolean}
  cups.list:
    title: List cups
    description: Lists the cups that were poured.
    http: GET /cups
    scopes: {oauth: [look]}
    input:
      kinds: {in: query, type: array, list: repeat, items: {type: string}}
    page: {kind: cursor, param: after, next: /next, items: /cups, limit: limit}
"#;

fn entry() -> Integration {
    parse("tea.yaml", ENTRY).unwrap()
}

fn contract() -> Value {
    json!({
        "servers": ["https://api.tea.example"],
        "security_schemes": {"login": {"type": "oauth2", "flows": {"authorizationCode": {
            "authorizationUrl": "https://tea.example/authorize",
            "tokenUrl": "https://tea.example/token"
        }}}},
        "operations": [
            {
                "id": "pour", "method": "POST", "path": "/v1/pots/{pot}/cups",
                "security": [{"login": ["pour"]}, {"login": ["everything"]}],
                "parameters": [
                    {"name": "pot", "in": "path", "required": true, "schema": {"type": "string"}},
                    {"name": "X-Kettle", "in": "header", "required": true,
                     "schema": {"type": "string", "const": "hot"}},
                    {"name": "quickly", "in": "query", "schema": {"type": "boolean"}}
                ],
                "request_body": {"required": true, "content": {"application/json": {
                    "schema": {"$ref": "#/schemas/Cup"}
                }}}
            },
            {
                "id": "cups", "method": "GET", "path": "/v1/cups",
                "security": [{"login": ["look"]}],
                "parameters": [
                    {"name": "kinds", "in": "query",
                     "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "after", "in": "query", "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}}
                ]
            }
        ],
        "schemas": {"Cup": {
            "type": "object",
            "required": ["kind"],
            "properties": {
                "kind": {"enum": ["green", "black", "mint"], "type": "string"},
                "sugar": {"type": "integer"},
                "for": {"type": "object", "properties": {
                    "guests": {"type": "array", "items": {"type": "string"}}
                }}
            }
        }}
    })
}

fn found(contract: Value, entry: &Integration, name: &str) -> Vec<(Rule, String)> {
    let findings = check(&Contract::new(contract, ""), entry, name);
    findings.into_iter().map(|Finding { rule, subject, .. }| (rule, subject)).collect()
}

#[test]
fn what_agrees_has_no_findings() {
    for name in ["cups.pour", "cups.list"] {
        assert_eq!(found(contract(), &entry(), name), [], "{name}");
    }
}

#[test]
fn each_fault_is_found() {
    let contract = Contract::new(contract(), "");
    let mut kinds = std::collections::BTreeSet::new();
    for name in ["cups.pour", "cups.list"] {
        for mutant in mutants(&contract, &entry(), name) {
            kinds.insert(mutant.fault);
            assert!(
                is_found(&contract, &entry(), name, &mutant),
                "{name}: {:?} {}",
                mutant.fault,
                mutant.done
            );
        }
    }
    let all = [
        Fault::RequiredGone,
        Fault::WrongHeader,
        Fault::WrongPath,
        Fault::WrongType,
        Fault::WrongValue,
        Fault::UnknownField,
        Fault::WrongMethod,
        Fault::WrongMedia,
        Fault::WrongServer,
        Fault::WrongScope,
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn the_vendor_s_changes_are_found() {
    let change = |pointer: &str, value: Value| {
        let mut contract = contract();
        *contract.pointer_mut(pointer).unwrap() = value;
        found(contract, &entry(), "cups.pour")
    };
    let schema = "/schemas/Cup";
    let needed = change(&format!("{schema}/required"), json!(["kind", "sugar"]));
    assert_eq!(needed, [(Rule::Required, "/sugar".to_owned())]);
    let text = change(&format!("{schema}/properties/sugar"), json!({"type": "string"}));
    assert_eq!(text, [(Rule::Type, "/sugar".to_owned())]);
    let fewer = change(&format!("{schema}/properties/kind/enum"), json!(["green"]));
    assert_eq!(fewer, [(Rule::Enum, "/kind".to_owned())]);
    let nobody = change(&format!("{schema}/properties/for/properties"), json!({"host": {}}));
    assert_eq!(nobody, [(Rule::Unknown, "/for/guests".to_owned())]);
    let other = change("/operations/0/parameters/0/name", json!("kettle"));
    assert_eq!(other, [], "the path is what names its holes");
    let path = change("/operations/0/path", json!("/v1/pots/{kettle}/cups"));
    assert_eq!(path, [(Rule::Path, "pot".to_owned())]);
    let moved = change("/servers", json!(["https://tea.example"]));
    assert_eq!(moved, [(Rule::Server, "https://api.tea.example/v1".to_owned())]);
    let given_up = change("/operations/0/path", json!("/v2/pots/{pot}/cups"));
    assert_eq!(given_up[0].0, Rule::Path);
    let forms = json!({"application/x-www-form-urlencoded": {"schema": {"$ref": "#/schemas/Cup"}}});
    let media = change("/operations/0/request_body/content", forms);
    assert_eq!(media, [(Rule::Media, "application/json".to_owned())]);
    let basic = json!({"login": {"type": "http", "scheme": "basic"}});
    assert_eq!(change("/security_schemes", basic), [(Rule::Auth, "oauth".to_owned())]);
    let scope = change("/operations/0/security", json!([{"login": ["brew"]}]));
    assert_eq!(scope.len(), 2, "{scope:?}");
    assert!(scope.iter().all(|(rule, _)| *rule == Rule::Scope), "{scope:?}");
}

#[test]
fn an_operation_that_is_given_up_is_found() {
    let mut contract = contract();
    contract["operations"][0]["deprecated"] = json!(true);
    assert_eq!(found(contract, &entry(), "cups.pour"), [(Rule::Deprecated, String::new())]);
}

/// A document, and what fills its variables.
const DOCUMENT: &str = r#"
schema: 1
slug: tea
name: Tea
category: drinks
homepage: https://tea.example
evidence: {tier: 1, docs: "https://tea.example/docs"}
servers: [{url: "https://api.tea.example/graphql"}]
auth: [{id: none, kind: none, source: "https://tea.example/docs"}]
operations:
  cups.pour:
    title: Pour a cup
    description: Pours a cup of tea.
    graphql:
      data: /pour
      document: |
        mutation ($pot: ID!, $cup: CupInput!) { pour(pot: $pot, cup: $cup) { id } }
    effect: create
    contract: mutation.pour
    input:
      pot: {in: variable, type: string, required: true}
      kind: {in: variable, name: /cup/kind, type: string, enum: [GREEN], required: true}
      sugar: {in: variable, name: /cup/sugar, type: integer}
"#;

fn graph() -> Contract {
    let schema = "
        type Query { cups: [Cup!]! }
        type Mutation { pour(pot: ID!, cup: CupInput!): Cup! }
        enum Kind { GREEN BLACK }
        input CupInput { kind: Kind!, sugar: Int }
        type Cup { id: ID!, old: String @deprecated(reason: \"cold\") }
    ";
    Contract::new(json!({"servers": [], "operations": [], "schema_sdl": schema}), "")
}

#[test]
fn documents_are_checked_with_their_variables() {
    let entry = parse("tea.yaml", DOCUMENT).unwrap();
    assert_eq!(check(&graph(), &entry, "cups.pour"), []);
    for mutant in mutants(&graph(), &entry, "cups.pour") {
        assert!(is_found(&graph(), &entry, "cups.pour", &mutant), "{mutant:?}");
    }
    let with = |from: &str, to: &str| {
        let entry = parse("tea.yaml", &DOCUMENT.replace(from, to)).unwrap();
        let findings = check(&graph(), &entry, "cups.pour");
        findings.into_iter().map(|it| (it.rule, it.subject)).collect::<Vec<_>>()
    };
    assert_eq!(with("{ id }", "{ old }"), [(Rule::Deprecated, "old".to_owned())]);
    assert_eq!(with("enum: [GREEN]", "enum: [MINT]"), [(Rule::Enum, "cup/kind".to_owned())]);
    let optional = with("enum: [GREEN], required: true", "enum: [GREEN]");
    assert!(optional.contains(&(Rule::Required, "cup/kind".to_owned())), "{optional:?}");
    assert_eq!(with("/cup/sugar", "/cup/milk"), [(Rule::Unknown, "cup/milk".to_owned())]);
    assert_eq!(with("type: integer", "type: boolean"), [(Rule::Type, "cup/sugar".to_owned())]);
    assert_eq!(with("contract: mutation.pour", "contract: mutation.brew")[0].0, Rule::Operation);
}
