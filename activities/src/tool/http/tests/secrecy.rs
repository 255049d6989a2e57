//! The values of variables reach the server and nobody else.

use longhaul_contract::tool::{ToolErrorKind, ToolOutcome};
use serde_json::json;

use super::super::secrets::Secrets;
use super::{Case, Peer, answer, text};
use crate::tool::RESULT_BUDGET;

#[tokio::test]
async fn a_variable_is_sent_and_redacted_from_what_comes_back() {
    let peer = Peer::start(|seen| {
        let echo = String::from_utf8_lossy(seen.headers["authorization"].as_bytes()).into_owned();
        text(format!("you sent {echo} and {}", json!({"header": echo})))
    })
    .await;
    let case = Case::new("GET", peer.url("/"), &[&peer]).header("Authorization", "Bearer ${TOKEN}");
    let content = case.content(json!({})).await;
    let sent = peer.seen()[0].headers["authorization"].clone();
    assert_eq!(sent.as_bytes(), "Bearer s3cr3t/\"töken\"".as_bytes());
    assert_eq!(content, r#"you sent Bearer [TOKEN] and {"header":"Bearer [TOKEN]"}"#);
}

#[tokio::test]
async fn errors_and_cuts_give_nothing_away() {
    let token = "s3cr3t/\"töken\"";
    // Each cut would go through a secret if it came before the redaction.
    let peer = Peer::start(move |seen| match seen.uri.path() {
        "/error" => {
            answer(400, &[("content-type", "text/plain")], format!("{}{token}", "x".repeat(490)))
        }
        "/type" => answer(200, &[("content-type", "image/s3cr3t")], "\0"),
        _ => text(format!("{token}.").repeat(RESULT_BUDGET / 4)),
    })
    .await;
    let case = |place: &str| {
        Case::new("GET", peer.url(place), &[&peer]).header("Authorization", "${TOKEN}")
    };
    let (_, message) = case("/error").failed(json!({})).await;
    assert!(message.ends_with("x[TOKEN]"), "{message}");
    let long = case("/long").call(json!({})).await.unwrap();
    let ToolOutcome::Done { content, truncated, blob: None } = long else { panic!("not done") };
    assert!(truncated);
    assert!(!content.contains("s3cr"), "a part of the secret is left");
}

#[tokio::test]
async fn a_variable_that_cannot_be_used_is_named() {
    let peer = Peer::start(|_| text("ok")).await;
    for (variable, problem) in [
        ("ABSENT", "is not set"),
        ("EMPTY", "is empty"),
        ("BROKEN", "holds a line break or control character"),
    ] {
        let value = format!("Bearer ${{{variable}}}");
        let case = Case::new("GET", peer.url("/"), &[&peer]).header("Authorization", &value);
        let (kind, message) = case.failed(json!({})).await;
        assert_eq!(kind, ToolErrorKind::Other);
        let expected = format!("the worker's environment variable `{variable}` {problem}");
        assert!(message.starts_with(&expected), "{message}");
        assert!(!message.contains("lines"), "{message}");
    }
    assert_eq!(peer.seen().len(), 0);
}

#[tokio::test]
async fn credentials_are_not_taken_to_another_origin() {
    let other = Peer::start(|_| text("elsewhere")).await;
    let target = other.url("/landed");
    let peer = Peer::start(move |seen| match seen.uri.path() {
        "/away" => answer(307, &[("location", &target)], ""),
        "/near" => answer(307, &[("location", "/end")], ""),
        _ => text("here"),
    })
    .await;
    let case = |place: &str| {
        Case::new("PUT", peer.url(place), &[&peer, &other])
            .header("Authorization", "Bearer ${TOKEN}")
            .header("X-Api-Key", "${TOKEN}")
    };
    assert_eq!(case("/away").content(json!({"a": 1})).await, "elsewhere");
    let seen = &other.seen()[0];
    assert_eq!(seen.body, r#"{"a":1}"#);
    for header in ["authorization", "x-api-key", "idempotency-key"] {
        assert_eq!(seen.headers.get(header), None, "{header}");
    }

    assert_eq!(case("/near").content(json!({"a": 1})).await, "here");
    let seen = peer.seen().pop().unwrap();
    assert_eq!(seen.uri.path(), "/end");
    assert!(seen.headers.contains_key("authorization"));
    assert_eq!(seen.header("idempotency-key"), Some("key-1"));
}

#[test]
fn secrets_are_found_however_they_are_written() {
    let mut secrets = Secrets::default();
    secrets.add("SHORT", "abc");
    secrets.add("A", "pass\"word");
    secrets.add("B", "pass\"word-and-more");
    assert_eq!(
        secrets.redact(r#"abc pass"word pass\"word pass%22word pass"word-and-more"#.to_owned()),
        "abc [A] [A] [A] [B]"
    );
    assert!(!format!("{secrets:?}").contains("word"));
}
