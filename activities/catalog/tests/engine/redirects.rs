//! Redirects: how far, to whom, and what they see.

use std::sync::Arc;

use axum::response::Response;
use longhaul_catalog::ErrorKind;
use longhaul_net::egress::Egress;
use serde_json::json;

use crate::mock::{CANARY, Caller, Vendor, ok, settings, status, with};

fn moved(code: u16, to: &str) -> Response {
    with(status(code, json!({})), &[("location", to)])
}

#[tokio::test]
async fn the_same_host_sees_the_proof_again() {
    let vendor = Vendor::start(|n, _| match n {
        0 => moved(302, "/api/elsewhere?x=1"),
        _ => ok(json!({"id": 1})),
    })
    .await;
    let caller = Caller::of(&vendor);
    caller.call("things.get", json!({"id": "1"})).await.unwrap();
    let seen = vendor.seen();
    assert!(seen[1].target.starts_with("/api/elsewhere?x=1"), "{}", seen[1].target);
    assert!(seen[1].header("authorization").is_some());
}

#[tokio::test]
async fn another_host_sees_no_proof() {
    let other = Vendor::start(|_, _| ok(json!({"id": 2}))).await;
    let target = format!("{}/file?signed=1", other.url());
    let vendor = Vendor::start(move |_, _| moved(307, &target)).await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("things.get", json!({"id": "1", "trace": "t"})).await.unwrap();
    assert_eq!(answer.value, json!({"id": 2}));
    let seen = &other.seen()[0];
    assert_eq!(seen.target, "/file?signed=1");
    for name in ["authorization", "mock-version", "x-trace"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert!(!format!("{seen:?}").contains(CANARY));
}

#[tokio::test]
async fn a_host_that_may_not_be_reached_is_not() {
    let other = Vendor::start(|_, _| ok(json!({}))).await;
    let port = other.address.port();
    let inside = format!("http://localhost:{port}/");
    let literal = format!("http://[::1]:{port}/");
    let scheme = "file:///etc/passwd".to_owned();
    for target in [inside, literal, scheme] {
        let vendor = Vendor::start({
            let target = target.clone();
            move |_, _| moved(302, &target)
        })
        .await;
        let caller = Caller::of(&vendor);
        let failure = caller.call("things.get", json!({"id": "1"})).await.unwrap_err();
        assert_eq!(failure.error().kind, ErrorKind::Policy, "{target}: {failure}");
    }
    assert_eq!(other.seen().len(), 0);
}

#[tokio::test]
async fn a_write_goes_nowhere_else() {
    let other = Vendor::start(|_, _| ok(json!({}))).await;
    let elsewhere = other.url();
    for (code, target) in [(301, "/api/x"), (302, "/api/x"), (307, elsewhere.as_str())] {
        let vendor = Vendor::start({
            let target = target.to_owned();
            move |_, _| moved(code, &target)
        })
        .await;
        let caller = Caller::of(&vendor);
        let failure = caller.call("things.create", json!({"name": "n"})).await.unwrap_err();
        assert_eq!(failure.error().kind, ErrorKind::Policy, "{code}");
        assert_eq!(vendor.seen().len(), 1, "{code}");
    }
    assert_eq!(other.seen().len(), 0);
}

#[tokio::test]
async fn a_write_keeps_its_method_and_body_on_the_same_host() {
    let vendor = Vendor::start(|n, _| match n {
        0 => moved(308, "/api/moved"),
        _ => ok(json!({})),
    })
    .await;
    let caller = Caller::of(&vendor);
    caller.call("things.create", json!({"name": "n"})).await.unwrap();
    let seen = vendor.seen();
    assert_eq!(seen[1].method, "POST");
    assert_eq!(seen[0].body, seen[1].body);
}

#[tokio::test]
async fn see_other_is_read() {
    let vendor = Vendor::start(|n, _| match n {
        0 => moved(303, "/api/result"),
        _ => ok(json!({"id": 3})),
    })
    .await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("things.create", json!({"name": "n"})).await.unwrap();
    assert_eq!(answer.value, json!({"id": 3}));
    let seen = &vendor.seen()[1];
    assert_eq!(seen.method, "GET");
    assert!(seen.body.is_empty() && seen.header("content-type").is_none());
}

#[tokio::test]
async fn redirects_end() {
    let vendor = Vendor::start(|_, _| moved(302, "/api/again")).await;
    let caller = Caller::of(&vendor);
    let failure = caller.call("things.get", json!({"id": "1"})).await.unwrap_err();
    assert!(failure.error().message.contains("without end"), "{failure}");
    assert_eq!(vendor.seen().len(), 6);
}

#[tokio::test]
async fn a_vendor_at_an_address_that_is_not_public_is_not_reached() {
    let vendor = Arc::new(Vendor::start(|_, _| ok(json!({}))).await);
    let mut settings = settings(&vendor);
    settings.egress = Egress::default();
    let caller = Caller::with(settings);
    let failure = caller.call("things.get", json!({"id": "1"})).await.unwrap_err();
    assert_eq!(failure.error().kind, ErrorKind::Policy);
    assert_eq!(vendor.seen().len(), 0);
}
