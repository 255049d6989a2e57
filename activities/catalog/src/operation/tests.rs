//! Tests of what an operation is by itself and by its integration's defaults.

use serde_json::json;

use super::*;
use crate::load::parse;

fn integration() -> Integration {
    let text = "schema: 1
slug: a
name: A
category: c
homepage: https://a.example
evidence: {tier: 3, docs: https://a.example}
servers: [{url: https://a.example}, {id: other, url: https://b.example}]
auth: [{id: none, kind: none, source: https://a.example}]
defaults:
  idempotency: {header: Key, ttl: 1h, source: https://a.example}
  page: {kind: link, items: ''}
  errors: {message: /m}
operations: {}
";
    parse("a.yaml", text).unwrap()
}

fn operation(more: Value) -> Operation {
    let mut whole = json!({"title": "t", "description": "d"});
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

#[test]
fn the_method_tells_what_nothing_else_does() {
    let effect = |more| operation(more).effect();
    assert_eq!(effect(json!({"http": "GET /a"})), Effect::Read);
    assert_eq!(effect(json!({"http": "HEAD /a"})), Effect::Read);
    assert_eq!(effect(json!({"http": "DELETE /a"})), Effect::Delete);
    assert_eq!(effect(json!({"http": "POST /a"})), Effect::Opaque);
    assert_eq!(effect(json!({"http": "DELETE /a", "effect": "money"})), Effect::Money);
    assert_eq!(effect(json!({})), Effect::Opaque);
}

#[test]
fn keys_by_default_are_for_what_writes_and_does_not_delete() {
    let integration = integration();
    let header = |more| {
        let operation = operation(more);
        operation.idempotency(&integration).and_then(|it| it.header.clone())
    };
    let key = Some("Key".to_owned());
    assert_eq!(header(json!({"http": "POST /a", "effect": "create"})), key);
    assert_eq!(header(json!({"http": "PUT /a", "effect": "update"})), key);
    assert_eq!(header(json!({"http": "POST /a", "effect": "read"})), None);
    assert_eq!(header(json!({"http": "GET /a"})), None);
    assert_eq!(header(json!({"http": "DELETE /a"})), None);
    let own = json!({"header": "Own", "ttl": "1h", "source": "https://a.example"});
    let deletes = json!({"http": "DELETE /a", "idempotency": own});
    assert_eq!(header(deletes).as_deref(), Some("Own"));
}

#[test]
fn pages_errors_and_servers_come_from_the_integration_where_none_is_said() {
    let integration = integration();
    let plain = operation(json!({"http": "GET /a"}));
    assert!(plain.page(&integration).is_none(), "not each read is a list");
    let paged = operation(json!({"http": "GET /a", "paged": true}));
    assert_eq!(paged.page(&integration), integration.defaults.page.as_ref());
    let own = json!({"kind": "page", "param": "p", "items": "/x"});
    let own = operation(json!({"http": "GET /a", "page": own}));
    assert_eq!(own.page(&integration).unwrap().kind, PageKind::Page);
    assert_eq!(plain.errors(&integration), integration.defaults.errors.as_ref());
    assert_eq!(plain.server(&integration).unwrap().url, "https://a.example");
    let elsewhere = operation(json!({"http": "GET /a", "server": "other"}));
    assert_eq!(elsewhere.server(&integration).unwrap().url, "https://b.example");
    assert!(operation(json!({"server": "none"})).server(&integration).is_none());
}

#[test]
fn of_alternative_scopes_any_will_do_and_the_first_is_asked_for() {
    let operation = operation(json!({"scopes": {"oauth": ["a|wide", "b"]}}));
    let missing = |granted: &[&str]| {
        let granted = granted.iter().map(|it| (*it).to_owned()).collect();
        operation.missing_scopes("oauth", &granted)
    };
    assert_eq!(missing(&[]), ["a", "b"]);
    assert_eq!(missing(&["wide"]), ["b"]);
    assert!(missing(&["a", "b"]).is_empty());
    assert_eq!(operation.scopes("oauth"), ["a", "b"]);
    assert!(operation.scopes("key").is_empty());
}
