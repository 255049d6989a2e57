//! The canary: a secret that only the vendor may see.

use longhaul_catalog::credentials::{Credentials as _, MaskedRequest, Public, Unconnected};
use longhaul_catalog::{AuthTrouble, Engine, Failure};
use serde_json::json;

use crate::mock::{CANARY, Caller, Seen, Vendor, entry, ok, status, torn, with};

/// A vendor that says everything back that it was sent.
fn echo(seen: &Seen) -> serde_json::Value {
    json!({
        "error": {"message": format!("bad {:?}", seen.header("authorization")),
                  "code": seen.header("authorization"),
                  "fields": {"token": [seen.query("access")]}},
        "echo": {"headers": format!("{:?}", seen.headers), "url": seen.target},
    })
}

#[tokio::test]
async fn no_answer_and_no_error_holds_it() {
    for code in [200, 400, 403, 404, 422, 429, 500] {
        let vendor = Vendor::start(move |_, seen| {
            let token = seen.header("authorization").unwrap().to_owned();
            with(status(code, echo(seen)), &[("x-mock-id", &token), ("retry-after", "99")])
        })
        .await;
        let caller = Caller::of(&vendor);
        let shown = match caller.call("things.get", json!({"id": "1"})).await {
            Ok(answer) => format!("{answer:?} {}", answer.for_model()),
            Err(failure) => {
                format!("{failure:?} {failure} {} {}", failure.error(), failure.error().for_model())
            }
        };
        assert!(!shown.contains(CANARY), "{code}: {shown}");
        assert!(shown.contains("•••"), "{code}: the echo is there, masked: {shown}");
        assert!(format!("{:?}", vendor.seen()).contains(CANARY), "the vendor has seen it");
    }
}

#[tokio::test]
async fn no_broken_exchange_holds_it() {
    let vendor = Vendor::start(|_, _| torn()).await;
    let caller = Caller::of(&vendor);
    let failure = caller.call("things.create", json!({"name": "n"})).await.unwrap_err();
    let shown = format!("{failure:?} {failure} {:?}", caller.engine);
    assert!(!shown.contains(CANARY), "{shown}");
}

#[tokio::test]
async fn a_dry_run_shows_the_request_and_sends_nothing() {
    let vendor = Vendor::start(|_, _| ok(json!({}))).await;
    let caller = Caller::of(&vendor);
    let arguments = json!({"id": "t", "amount": 5, "note": "x y"});
    let call = caller.ask("things.charge", &arguments);
    let preview = caller.engine.preview(&call, &caller.connection).await.unwrap();
    let url = vendor.url();
    assert_eq!(
        preview.to_string(),
        format!(
            "POST {url}/api/things/t/charge?access=•••\naccept: application/json\n\
             content-type: application/x-www-form-urlencoded\nmock-version: 2026-01-01\n\
             idempotency-key: key-1\nauthorization: Bearer •••\n\namount=5&note=x+y\n"
        )
    );
    assert!(!format!("{preview:?}").contains(CANARY));
    assert_eq!(vendor.seen().len(), 0);

    // It is what then goes out.
    caller.engine.call(&call, &caller.connection).await.unwrap();
    let seen = &vendor.seen()[0];
    assert_eq!(Some(seen.text()), preview.body.as_deref());
    for (name, value) in &preview.headers {
        let sent = seen.header(name).unwrap();
        assert!(name == "authorization" || sent == value, "{name}: {sent} and {value}");
    }
}

#[tokio::test]
async fn a_dry_run_of_bytes_says_how_many() {
    let vendor = Vendor::start(|_, _| ok(json!({}))).await;
    let caller = Caller::of(&vendor);
    let arguments = json!({"path": "p", "file": "a\u{0}b"});
    let call = caller.ask("files.put", &arguments);
    let preview = caller.engine.preview(&call, &caller.connection).await.unwrap();
    assert_eq!(preview.body.as_deref(), Some("(3 bytes of text/plain; charset=utf-8)"));
}

#[tokio::test]
async fn a_dry_run_needs_no_connection_and_a_call_does() {
    let vendor = Vendor::start(|_, _| ok(json!({}))).await;
    let caller = Caller::of(&vendor);
    let nobody = Unconnected::new(&caller.integration, None, "default", Public::default());
    let arguments = json!({"id": "1"});
    let call = caller.ask("things.get", &arguments);
    let preview = caller.engine.preview(&call, &nobody).await.unwrap();
    assert!(preview.to_string().contains("authorization: Bearer •••"), "{preview}");
    let failure = caller.engine.call(&call, &nobody).await.unwrap_err();
    let Failure::Auth(needed) = failure else { panic!("{failure:?}") };
    assert!(matches!(needed.trouble, AuthTrouble::NotConnected { .. }));
    assert_eq!(vendor.seen().len(), 0);
}

#[test]
fn each_kind_of_proof_has_its_mask() {
    for (method, header) in [
        (r#"{"kind": "basic"}"#, "authorization: Basic •••"),
        (r#"{"kind": "oauth1"}"#, "authorization: OAuth •••"),
        (r#"{"kind": "aws_sigv4"}"#, "authorization: AWS4-HMAC-SHA256 •••"),
        (r#"{"kind": "oauth2"}"#, "authorization: Bearer •••"),
        (
            r#"{"kind": "api_key", "place": {"in": "header", "name": "X-Key",
                "value": "k ${fields.api_key} ${config.shop}"}}"#,
            "x-key: k ••• main",
        ),
        (
            r#"{"kind": "api_key", "place": {"in": "query", "name": "key"}}"#,
            "https://a.example/?key=•••",
        ),
        (r#"{"kind": "none", "headers": {"x-team": "${fields.team}"}}"#, "x-team: •••"),
    ] {
        let mut integration = entry();
        let mut method: serde_json::Value = serde_json::from_str(method).unwrap();
        method["id"] = json!("it");
        method["source"] = json!("https://mock.example");
        integration.auth = vec![serde_json::from_value(method).unwrap()];
        let config = [("shop".to_owned(), "main".to_owned())].into();
        let public = Public { config, ..Public::default() };
        let nobody = Unconnected::new(&integration, Some("it"), "default", public);
        let url = "https://a.example/".to_owned();
        let mut masked = MaskedRequest { method: "GET".to_owned(), url, headers: Vec::new() };
        nobody.masked(&mut masked);
        let headers = masked.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        let shown: Vec<_> = headers.chain([masked.url.clone()]).collect();
        assert!(shown.iter().any(|it| it == header), "{header}: {shown:?}");
    }
}

/// Calls of one engine run on many threads.
#[test]
fn an_engine_is_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Engine>();
}
