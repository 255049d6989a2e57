//! No more bytes than are allowed, and no more requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use longhaul_catalog::{ErrorKind, Failure};
use serde_json::json;

use crate::mock::{Caller, Vendor, ok};

#[tokio::test]
async fn an_answer_with_a_length_beyond_the_limit_is_not_read() {
    let vendor = Vendor::start(|_, _| "x".repeat(100_001).into_response()).await;
    let failure = Caller::of(&vendor).call("things.get", json!({"id": "1"})).await.unwrap_err();
    let error = failure.error();
    assert_eq!(error.kind, ErrorKind::Upstream);
    assert!(error.message.contains("larger than 100000 bytes"), "{error}");
    let vendor = Vendor::start(|_, _| format!("\"{}\"", "x".repeat(99_998)).into_response()).await;
    Caller::of(&vendor).call("things.get", json!({"id": "1"})).await.unwrap();
}

#[tokio::test]
async fn an_answer_without_end_is_left() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let vendor = Vendor::start(move |_, _| {
        let counted = Arc::clone(&counted);
        let chunk = Bytes::from(vec![b'x'; 10_000]);
        let stream = futures::stream::repeat(chunk).map(move |chunk| {
            counted.fetch_add(chunk.len(), Ordering::Relaxed);
            Ok::<_, std::io::Error>(chunk)
        });
        Response::new(Body::from_stream(stream))
    })
    .await;
    let failure = Caller::of(&vendor).call("things.get", json!({"id": "1"})).await.unwrap_err();
    assert!(failure.error().message.contains("larger than 100000 bytes"), "{failure}");
    // What was on the way in buffers comes on top.
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent < 20_000_000, "{sent}");
}

#[tokio::test]
async fn requests_a_second_are_counted_for_each_connection() {
    let vendor = Vendor::start(|_, _| ok(json!({}))).await;
    let mut caller = Caller::of(&vendor);
    let limits = json!({"rps": 0.01, "source": "https://mock.example/limits"});
    caller.integration.defaults.limits = Some(serde_json::from_value(limits).unwrap());
    caller.call("things.get", json!({"id": "1"})).await.unwrap();
    let failure = caller.call("things.get", json!({"id": "2"})).await.unwrap_err();
    let Failure::RetryAfter { after, error } = failure else { panic!("{failure:?}") };
    assert_eq!(error.kind, ErrorKind::RateLimit);
    assert!(after.as_secs() > 90 && after.as_secs() <= 100, "{after:?}");
    assert_eq!(vendor.seen().len(), 1);
}

#[tokio::test]
async fn a_call_that_is_dropped_makes_room_for_another() {
    let vendor = Vendor::start(|n, _| match n {
        0 => Response::new(Body::from_stream(futures::stream::pending::<
            Result<Bytes, std::io::Error>,
        >())),
        _ => ok(json!({"id": 1})),
    })
    .await;
    let mut caller = Caller::of(&vendor);
    let limits = json!({"concurrent": 1, "source": "https://mock.example/limits"});
    caller.integration.defaults.limits = Some(serde_json::from_value(limits).unwrap());
    let arguments = json!({"id": "1"});
    let call = caller.ask("things.get", &arguments);
    let mut first = Box::pin(caller.engine.call(&call, &caller.connection));
    while vendor.seen().is_empty() {
        // It is under way, and will not end by itself.
        assert!(futures::poll!(&mut first).is_pending());
        tokio::task::yield_now().await;
    }
    let failure = caller.engine.call(&call, &caller.connection).await.unwrap_err();
    assert_eq!(failure.error().kind, ErrorKind::RateLimit, "one at a time");
    drop(first);
    let answer = caller.engine.call(&call, &caller.connection).await.unwrap();
    assert_eq!(answer.value, json!({"id": 1}));
}
