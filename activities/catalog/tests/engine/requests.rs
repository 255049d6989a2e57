//! What arrives at the vendor, to the byte.

use serde_json::json;

use crate::mock::{Caller, Vendor, ok};

#[tokio::test]
async fn a_read_has_its_query_headers_and_proof() {
    let vendor = Vendor::start(|_, _| ok(json!({"data": []}))).await;
    let caller = Caller::of(&vendor);
    let arguments = json!({"kind": "a b&c=ü", "tags": ["x", "y z"], "limit": 2});
    let answer = caller.call("things.list", arguments).await.unwrap();
    assert_eq!(answer.value, json!([]));
    let seen = &vendor.seen()[0];
    assert_eq!(seen.method, "GET");
    assert_eq!(
        seen.target,
        "/api/things?kind=a%20b%26c%3D%C3%BC&tag=x&tag=y%20z&size=2&access=canary-5f3a9d-secret"
    );
    assert_eq!(seen.header("authorization"), Some("Bearer canary-5f3a9d-secret-0"));
    assert_eq!(seen.header("mock-version"), Some("2026-01-01"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("content-type"), None);
    assert!(seen.body.is_empty());
}

#[tokio::test]
async fn json_has_defaults_fixed_values_and_nested_members() {
    let vendor = Vendor::start(|_, _| ok(json!({"id": "t1"}))).await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("things.create", json!({"name": "n", "owner": "o"})).await.unwrap();
    assert_eq!(answer.value, json!({"id": "t1"}));
    let seen = &vendor.seen()[0];
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let expected =
        json!({"source": "longhaul", "colour": "red", "name": "n", "meta": {"owner": {"id": "o"}}});
    assert_eq!(seen.json(), expected);
    assert_eq!(seen.header("idempotency-key"), None, "the vendor knows no keys here");
}

#[tokio::test]
async fn a_form_nests_with_brackets() {
    let vendor = Vendor::start(|_, _| ok(json!({}))).await;
    let caller = Caller::of(&vendor);
    let arguments = json!({
        "id": "a/b", "amount": 5, "note": "ä +&", "tags": ["x", "y"], "meta": {"k": "v"},
        "lines": [{"p": 1}, {"p": 2, "q": {"r": true}}],
    });
    caller.call("things.charge", arguments).await.unwrap();
    let seen = &vendor.seen()[0];
    assert!(seen.target.starts_with("/api/things/a%2Fb/charge?"), "{}", seen.target);
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen.header("idempotency-key"), Some("key-1"));
    assert_eq!(
        seen.text(),
        "amount=5&lines%5B0%5D%5Bp%5D=1&lines%5B1%5D%5Bp%5D=2&lines%5B1%5D%5Bq%5D%5Br%5D=true\
         &meta%5Bk%5D=v&note=%C3%A4+%2B%26&tags%5B%5D=x&tags%5B%5D=y"
    );
}

#[tokio::test]
async fn a_whole_body_is_the_body() {
    let vendor = Vendor::start(|_, _| ok(json!({}))).await;
    let caller = Caller::of(&vendor);
    let arguments = json!({"id": "1", "thing": {"any": [1, null]}});
    caller.call("things.replace", arguments).await.unwrap();
    let seen = &vendor.seen()[0];
    assert_eq!((seen.method.as_str(), seen.text()), ("PUT", r#"{"any":[1,null]}"#));
}

#[tokio::test]
async fn graphql_sends_the_document_and_its_variables() {
    let reply = json!({"data": {"issueCreate": {"issue": {"id": "i"}, "userErrors": []}}});
    let vendor = Vendor::start(move |_, _| ok(reply.clone())).await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("issues.create", json!({"title": "t"})).await.unwrap();
    assert_eq!(answer.value, json!({"id": "i"}));
    let seen = &vendor.seen()[0];
    assert!(seen.target.starts_with("/api/graphql?"), "{}", seen.target);
    let body = seen.json();
    assert_eq!(body["variables"], json!({"input": {"title": "t"}}));
    assert!(body["query"].as_str().unwrap().starts_with("mutation("), "{body}");
}

#[tokio::test]
async fn xml_becomes_json_and_is_cut() {
    let body = "<?xml version=\"1.0\"?><Report xmlns=\"x\"><Lines><Line><Name>a &amp; b</Name>\
                <Cost>1</Cost></Line><Line><Name>c</Name></Line></Lines></Report>";
    let vendor = Vendor::start(move |_, _| {
        axum::response::IntoResponse::into_response(([("content-type", "text/xml")], body))
    })
    .await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("reports.get", json!({})).await.unwrap();
    assert_eq!(answer.value, json!({"Line": [{"Name": "a & b"}, {"Name": "c"}]}));
    let seen = &vendor.seen()[0];
    assert!(seen.target.starts_with("/api/report?full&access="), "{}", seen.target);
    assert_eq!(seen.header("accept"), Some("application/xml"));
}

#[tokio::test]
async fn headers_of_the_answer_join_the_value() {
    let reply = || crate::mock::with(ok(json!({"id": 1})), &[("etag", "\"v1\"")]);
    let vendor = Vendor::start(move |_, _| reply()).await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("things.get", json!({"id": "x", "trace": "t"})).await.unwrap();
    assert_eq!(answer.value, json!({"id": 1, "etag": "\"v1\""}));
    assert_eq!(vendor.seen()[0].header("x-trace"), Some("t"));
}

#[tokio::test]
async fn nothing_goes_out_with_wrong_arguments() {
    let vendor = Vendor::start(|_, _| ok(json!({}))).await;
    let caller = Caller::of(&vendor);
    for (operation, arguments, part) in [
        ("things.create", json!({"nam": "n"}), "did you mean `name`"),
        ("things.create", json!({"name": ""}), "`name`"),
        ("things.create", json!({"name": "n", "colour": "blue"}), "`colour`"),
        ("things.create", json!({"name": "n", "api": "x"}), "`api` is no argument"),
        ("things.create", json!({}), "`name` is missing"),
        ("things.get", json!({"id": ".."}), "`..`"),
        ("things.get", json!({"id": "a\nb"}), "control characters"),
        ("things.get", json!({"id": ""}), "`id` is empty"),
        ("things.get", json!({"id": "x", "trace": "a\r\nb: c"}), "no header takes"),
        ("files.download", json!({"path": "a/../b"}), "`..`"),
        ("things.list", json!({"size": 2}), "did you mean `limit`"),
        ("things.list", json!({"next": "made-up"}), "not from an answer"),
        ("things.list", json!([1]), "not an object"),
        ("things.lst", json!({}), "no operation"),
    ] {
        let failure = caller.call(operation, arguments.clone()).await.unwrap_err();
        let said = failure.error().for_model().to_string();
        assert!(said.contains(part), "{operation} {arguments}: {said}");
    }
    assert_eq!(vendor.seen().len(), 0);
}
