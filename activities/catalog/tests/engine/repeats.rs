//! When a request goes out again, when it is left to later, and when nobody knows what happened.

use std::time::{Duration, SystemTime};

use axum::response::Response;
use longhaul_catalog::{AuthTrouble, Call, ErrorKind, Failure};
use serde_json::json;

use crate::mock::{Caller, Seen, Vendor, ok, settings, status, torn, with};

/// Answers the first request with `first`, and the others with `{"id": 1}`.
async fn first(first: impl Fn() -> Response + Send + Sync + 'static) -> (Vendor, Caller) {
    let vendor =
        Vendor::start(move |n, _| if n == 0 { first() } else { ok(json!({"id": 1})) }).await;
    let caller = Caller::of(&vendor);
    (vendor, caller)
}

fn charge() -> serde_json::Value {
    json!({"id": "t", "amount": 5})
}

/// After how long the same call may be made again.
fn later(failure: Failure) -> (Duration, ErrorKind) {
    match failure {
        Failure::RetryAfter { after, error } => {
            assert!(error.retryable);
            (after, error.kind)
        }
        other @ (Failure::Error(_) | Failure::Auth(_)) => panic!("not for later: {other:?}"),
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let (vendor, caller) = first(|| status(401, json!({}))).await;
    let answer = caller.call("things.create", json!({"name": "n"})).await.unwrap();
    assert_eq!((answer.value, answer.requests), (json!({"id": 1}), 2));
    let seen = vendor.seen();
    assert_eq!(seen[0].header("authorization"), Some("Bearer canary-5f3a9d-secret-0"));
    assert_eq!(seen[1].header("authorization"), Some("Bearer canary-5f3a9d-secret-1"));
    let proofs: Vec<_> = caller.connection.rejections().into_iter().map(|it| it.0).collect();
    assert_eq!(proofs, ["0"]);
}

#[tokio::test]
async fn a_token_refused_twice_needs_a_person() {
    let vendor = Vendor::start(|_, _| status(401, json!({}))).await;
    let caller = Caller::of(&vendor);
    let failure = caller.call("things.create", json!({"name": "n"})).await.unwrap_err();
    let Failure::Auth(needed) = failure else { panic!("{failure:?}") };
    assert!(matches!(needed.trouble, AuthTrouble::NeedsReauth { .. }));
    assert_eq!((needed.integration.as_str(), needed.method.as_str()), ("mock", "key"));
    assert_eq!(needed.scopes, ["things:write"]);
    assert_eq!(vendor.seen().len(), 2);
    assert_eq!(caller.connection.rejections().len(), 1);
}

#[tokio::test]
async fn what_the_vault_says_of_a_refused_token_counts() {
    let vendor = Vendor::start(|_, _| status(401, json!({}))).await;
    let mut caller = Caller::of(&vendor);
    caller.connection.renews = Ok(false);
    let failure = caller.call("things.list", json!({})).await.unwrap_err();
    assert!(matches!(failure, Failure::Auth(_)), "{failure:?}");
    let retry_after = Some(Duration::from_secs(7));
    let message = "the token server is down".to_owned();
    caller.connection.renews = Err(AuthTrouble::Upstream { message, retry_after });
    let failure = caller.call("things.list", json!({})).await.unwrap_err();
    assert_eq!(later(failure), (Duration::from_secs(7), ErrorKind::Upstream));
    assert_eq!(vendor.seen().len(), 2, "one for each call");
}

#[tokio::test]
async fn a_short_wait_is_waited_even_for_a_write() {
    let (vendor, caller) = first(|| with(status(429, json!({})), &[("retry-after", "0.01")])).await;
    caller.call("things.create", json!({"name": "n"})).await.unwrap();
    assert_eq!(vendor.seen().len(), 2);
}

#[tokio::test]
async fn a_long_wait_is_left_to_later_in_both_forms() {
    let (_vendor, caller) = first(|| with(status(429, json!({})), &[("retry-after", "40")])).await;
    let failure = caller.call("things.create", json!({"name": "n"})).await.unwrap_err();
    assert_eq!(later(failure), (Duration::from_secs(40), ErrorKind::RateLimit));

    let at = SystemTime::now() + Duration::from_secs(60);
    let at = httpdate::fmt_http_date(at);
    let (_vendor, caller) =
        first(move || with(status(503, json!({})), &[("retry-after", &at)])).await;
    let failure = caller.call("things.create", json!({"name": "n"})).await.unwrap_err();
    let (after, kind) = later(failure);
    assert!(after > Duration::from_secs(50) && after <= Duration::from_secs(60), "{after:?}");
    assert_eq!(kind, ErrorKind::Upstream);
}

#[tokio::test]
async fn a_reset_header_counts_when_nothing_is_left() {
    let soon = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        (now.as_secs() + 100).to_string()
    };
    let (_vendor, caller) =
        first(move || with(status(403, json!({})), &[("x-reset", &soon()), ("x-remaining", "0")]))
            .await;
    let (after, kind) = later(caller.call("things.get", json!({"id": "1"})).await.unwrap_err());
    assert!(after > Duration::from_secs(90) && after <= Duration::from_secs(100), "{after:?}");
    assert_eq!(kind, ErrorKind::RateLimit, "a 403 with nothing left is a limit");

    let (_vendor, caller) =
        first(move || with(status(403, json!({})), &[("x-reset", &soon()), ("x-remaining", "3")]))
            .await;
    let failure = caller.call("things.get", json!({"id": "1"})).await.unwrap_err();
    assert_eq!(failure.error().kind, ErrorKind::Permission);
}

#[tokio::test]
async fn the_body_can_say_how_long() {
    let (_vendor, caller) = first(|| status(429, json!({"wait": 12.5}))).await;
    let failure = caller.call("things.get", json!({"id": "1"})).await.unwrap_err();
    assert_eq!(later(failure), (Duration::from_millis(12_500), ErrorKind::RateLimit));
}

#[tokio::test]
async fn a_limit_holds_the_other_calls_of_the_connection_back() {
    let (vendor, caller) = first(|| with(status(429, json!({})), &[("retry-after", "40")])).await;
    later(caller.call("things.get", json!({"id": "1"})).await.unwrap_err());
    let (after, kind) = later(caller.call("things.get", json!({"id": "2"})).await.unwrap_err());
    assert!(after > Duration::from_secs(35) && after <= Duration::from_secs(40), "{after:?}");
    assert_eq!(kind, ErrorKind::RateLimit);
    assert_eq!(vendor.seen().len(), 1, "the second did not go out");
}

#[tokio::test]
async fn a_failed_read_goes_out_again() {
    for response in [|| status(500, json!({})), || status(502, json!({})), torn] {
        let (vendor, caller) = first(response).await;
        let answer = caller.call("things.get", json!({"id": "1"})).await.unwrap();
        assert_eq!(answer.value, json!({"id": 1}));
        assert_eq!(vendor.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_read_that_goes_on_failing_is_left_to_later() {
    let vendor = Vendor::start(|_, _| status(500, json!({}))).await;
    let caller = Caller::of(&vendor);
    let failure = caller.call("things.get", json!({"id": "1"})).await.unwrap_err();
    assert_eq!(later(failure).1, ErrorKind::Upstream);
    let tries = vendor.seen().len();
    assert!((2..=6).contains(&tries), "{tries}");
}

#[tokio::test]
async fn a_write_that_may_have_happened_is_not_repeated() {
    for response in [|| status(500, json!({})), || status(503, json!({})), torn] {
        let (vendor, caller) = first(response).await;
        let failure = caller.call("things.create", json!({"name": "n"})).await.unwrap_err();
        let Failure::Error(error) = failure else { panic!("{failure:?}") };
        assert_eq!(error.kind, ErrorKind::OutcomeUnknown);
        assert_eq!(error.reconcile.as_deref(), Some("mock.things.list"));
        assert!(!error.retryable);
        assert_eq!(vendor.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_write_that_the_vendor_can_tell_is_repeated_with_the_same_key() {
    for response in [|| status(500, json!({})), torn] {
        let (vendor, caller) = first(response).await;
        caller.call("things.charge", charge()).await.unwrap();
        let seen = vendor.seen();
        let key = |seen: &Seen| seen.header("idempotency-key").map(str::to_owned);
        assert_eq!(key(&seen[0]).as_deref(), Some("key-1"));
        assert_eq!(key(&seen[0]), key(&seen[1]));
        assert_eq!(seen[0].body, seen[1].body);
    }
}

#[tokio::test]
async fn a_write_that_changes_nothing_more_is_repeated() {
    let (vendor, caller) = first(|| status(500, json!({}))).await;
    caller.call("things.replace", json!({"id": "1", "thing": {}})).await.unwrap();
    assert_eq!(vendor.seen().len(), 2);
}

#[tokio::test]
async fn after_its_lifetime_a_key_protects_nothing() {
    let hours = |hours: u64| Some(SystemTime::now() - Duration::from_secs(hours * 60 * 60));
    let vendor = Vendor::start(|_, _| ok(json!({"id": 1}))).await;
    let caller = Caller::of(&vendor);
    let arguments = charge();
    let young = Call { first_attempt: hours(23), ..caller.ask("things.charge", &arguments) };
    caller.engine.call(&young, &caller.connection).await.unwrap();
    let old = Call { first_attempt: hours(25), ..young };
    let failure = caller.engine.call(&old, &caller.connection).await.unwrap_err();
    assert_eq!(failure.error().kind, ErrorKind::OutcomeUnknown);
    let keyless = Call { key: None, ..young };
    let failure = caller.engine.call(&keyless, &caller.connection).await.unwrap_err();
    assert_eq!(failure.error().kind, ErrorKind::OutcomeUnknown);
    assert_eq!(vendor.seen().len(), 1, "only the first went out");
}

#[tokio::test]
async fn what_never_left_can_be_made_again() {
    let vendor = Vendor::start(|_, _| ok(json!({}))).await;
    let mut settings = settings(&vendor);
    // Nobody listens there any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    settings.servers.insert("mock".to_owned(), nobody.parse().unwrap());
    let caller = Caller::with(settings);
    let failure = caller.call("things.create", json!({"name": "n"})).await.unwrap_err();
    assert_eq!(later(failure).1, ErrorKind::Upstream);
}

#[tokio::test]
async fn an_exchange_has_a_time_limit() {
    let vendor = Vendor::start(|_, _| {
        axum::response::Response::new(axum::body::Body::from_stream(futures::stream::pending::<
            Result<axum::body::Bytes, std::io::Error>,
        >()))
    })
    .await;
    let mut settings = settings(&vendor);
    settings.timeout = Duration::from_millis(50);
    let caller = Caller::with(settings);
    let failure = caller.call("things.create", json!({"name": "n"})).await.unwrap_err();
    assert_eq!(failure.error().kind, ErrorKind::OutcomeUnknown);
    assert_eq!(vendor.seen().len(), 1);
}
