//! The canary: a secret that only the vendor may see.

use longhaul_catalog::Engine;
use serde_json::json;

use crate::mock::{CANARY, Caller, Seen, Vendor, ok, status, torn, with};

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

/// Calls of one engine run on many threads.
#[test]
fn an_engine_is_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Engine>();
}
