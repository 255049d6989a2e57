//! Answers, redirects and troubles.

use std::time::Duration;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::tool::{ToolErrorKind, ToolOutcome};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{Case, Peer, answer, text};
use crate::error::Failure;
use crate::tool::RESULT_BUDGET;

#[tokio::test]
async fn text_comes_back_as_it_is() {
    let peer = Peer::start(|seen| match seen.uri.path() {
        "/json" => answer(201, &[("content-type", "application/json")], r#"{"a": 1}"#),
        "/latin" => answer(200, &[("content-type", "text/plain; charset=iso-8859-1")], b"caf\xe9"),
        "/untyped" => answer(200, &[], "plain"),
        "/image" => answer(200, &[("content-type", "image/png")], b"\x89PNG\0"),
        "/bytes" => answer(200, &[("content-type", "application/octet-stream")], b"\0\x01"),
        _ => answer(204, &[], ""),
    })
    .await;
    let content =
        async |place| Case::new("GET", peer.url(place), &[&peer]).content(json!({})).await;
    assert_eq!(content("/json").await, r#"{"a": 1}"#);
    assert_eq!(content("/latin").await, "café");
    assert_eq!(content("/untyped").await, "plain");
    assert_eq!(content("/image").await, "[not text: image/png, 5 bytes]");
    assert_eq!(content("/bytes").await, "[not text: application/octet-stream, 2 bytes]");
    assert_eq!(content("/none").await, "HTTP 204 No Content, empty body");
}

#[tokio::test]
async fn long_bodies_are_cut_and_endless_ones_are_not_read() {
    let peer = Peer::start(|seen| match seen.uri.path() {
        "/long" => text("ä".repeat(RESULT_BUDGET)),
        "/exact" => text("a".repeat(RESULT_BUDGET)),
        _ => answer(200, &[("content-type", "image/png")], vec![1; 5 * 1024 * 1024]),
    })
    .await;
    let call = async |place| Case::new("GET", peer.url(place), &[&peer]).call(json!({})).await;
    let Ok(ToolOutcome::Done { content, truncated, blob: None }) = call("/long").await else {
        panic!()
    };
    assert!(truncated && content.len() <= RESULT_BUDGET && content.len() > RESULT_BUDGET - 4);
    let (kept, closing) = content.split_once("\n[cut: ").unwrap();
    let left_out = RESULT_BUDGET * 2 - kept.len();
    assert!(closing.starts_with(&format!("{left_out} more bytes are left out; to get the rest,")));
    let Ok(ToolOutcome::Done { content, truncated, blob: None }) = call("/exact").await else {
        panic!()
    };
    assert!(!truncated && content.len() == RESULT_BUDGET);
    let Ok(ToolOutcome::Done { content, .. }) = call("/endless").await else { panic!() };
    assert!(content.starts_with("[not text: image/png, at least 4194304 bytes]"), "{content}");
}

#[tokio::test]
async fn errors_say_status_place_and_the_beginning_of_the_body() {
    let peer = Peer::start(|seen| match seen.uri.path() {
        "/gone" => {
            answer(404, &[("content-type", "application/json")], r#"{"error":"no contact 7"}"#)
        }
        "/bad" => answer(422, &[("content-type", "text/plain")], "ü".repeat(600)),
        "/broken" => answer(500, &[], ""),
        _ => answer(304, &[], ""),
    })
    .await;
    let failed = async |place| {
        Case::new("GET", peer.url(place), &[&peer]).failed(json!({"token": "x"})).await
    };
    let at = peer.address;
    assert_eq!(
        failed("/gone").await,
        (
            ToolErrorKind::NotFound,
            format!(r#"HTTP 404 Not Found from {at}/gone: {{"error":"no contact 7"}}"#)
        )
    );
    let (kind, message) = failed("/bad").await;
    assert_eq!(kind, ToolErrorKind::Upstream);
    assert!(message.ends_with(&format!("/bad: {}", "ü".repeat(250))), "{message}");
    let (kind, message) = failed("/broken").await;
    assert_eq!(kind, ToolErrorKind::Upstream);
    assert_eq!(message, format!("HTTP 500 Internal Server Error from {at}/broken"));
    assert_eq!(failed("/odd").await.0, ToolErrorKind::Upstream);
}

#[tokio::test]
async fn passing_troubles_of_reads_are_tried_again() {
    let peer = Peer::start(|seen| match seen.uri.path() {
        "/limited" => answer(429, &[("retry-after", "7")], "slow down"),
        "/overloaded" => answer(503, &[], ""),
        "/gateway" => answer(502, &[], ""),
        _ => answer(504, &[], ""),
    })
    .await;
    let case = |place| Case::new("GET", peer.url(place), &[&peer]);
    let failure = case("/limited").call(json!({})).await.unwrap_err();
    let message = format!("HTTP 429 Too Many Requests from {}/limited: slow down", peer.address);
    assert_eq!(
        failure,
        Failure::new(FailureKind::ToolUnavailable, message.clone())
            .retry_after(Some(Duration::from_secs(7)))
    );
    for place in ["/overloaded", "/gateway", "/timeout"] {
        let failure = case(place).call(json!({})).await.unwrap_err();
        assert_eq!((failure.kind, failure.retry_after), (FailureKind::ToolUnavailable, None));
    }
    assert_eq!(
        case("/limited").attempt(6, true).failed(json!({})).await,
        (ToolErrorKind::Upstream, format!("{message} (tried 6 times)"))
    );
}

#[tokio::test]
async fn calls_that_may_not_be_repeated_fail_or_are_unknown() {
    let peer = Peer::start(|seen| match seen.uri.path() {
        "/limited" => answer(429, &[("retry-after", "7")], ""),
        "/broken" => answer(500, &[], "no"),
        "/gateway" => answer(502, &[], ""),
        _ => answer(504, &[], ""),
    })
    .await;
    let case = |place| Case::new("POST", peer.url(place), &[&peer]);
    for place in ["/limited", "/broken"] {
        assert_eq!(case(place).failed(json!({})).await.0, ToolErrorKind::Upstream, "{place}");
    }
    for place in ["/gateway", "/timeout"] {
        assert!(case(place).unknown(json!({})).await.starts_with("HTTP 50"), "{place}");
    }
    // Idempotent, so a lost call is repeated.
    let mut again = case("/gateway");
    again.spec.idempotent = true;
    let failure = again.call(json!({})).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::ToolUnavailable);
}

/// A listener that reads one request and then does `then`.
async fn rude(reply: &'static str) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await;
            let written = stream.write_all(reply.as_bytes()).await;
            assert!(read.is_ok() && written.is_ok());
        }
    });
    Peer { address, seen: std::sync::Arc::default() }
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_outcome_open() {
    for reply in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"] {
        let peer = rude(reply).await;
        let message = Case::new("POST", peer.url("/x"), &[&peer]).unknown(json!({})).await;
        assert!(message.contains(&format!("{}/x", peer.address)), "{message}");
        let failure = Case::new("GET", peer.url("/x"), &[&peer]).call(json!({})).await;
        assert_eq!(failure.unwrap_err().kind, FailureKind::ToolUnavailable);
    }
}

#[tokio::test]
async fn without_a_connection_nothing_happened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = Peer { address: listener.local_addr().unwrap(), seen: std::sync::Arc::default() };
    drop(listener);
    let case = |method| Case::new(method, peer.url("/x?secret=1"), &[&peer]);
    let (kind, message) = case("POST").failed(json!({})).await;
    assert_eq!(kind, ToolErrorKind::Upstream);
    let beginning = format!("{}/x cannot be reached: ", peer.address);
    assert!(message.starts_with(&beginning) && message.contains("refused"), "{message}");
    assert!(!message.contains("secret"), "{message}");
    let failure = case("GET").call(json!({})).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::ToolUnavailable);
    assert_eq!(case("GET").attempt(1, true).failed(json!({})).await.0, ToolErrorKind::Upstream);
}

#[tokio::test]
async fn a_server_that_says_nothing_runs_into_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = Peer { address: listener.local_addr().unwrap(), seen: std::sync::Arc::default() };
    let case = |method| {
        let mut case = Case::new(method, peer.url("/x"), &[&peer]);
        case.spec.timeout = Some(Duration::from_millis(100));
        case
    };
    let expected = format!("no answer from {}/x within 90ms", peer.address);
    assert_eq!(case("POST").unknown(json!({})).await, expected);
    let last = case("GET").attempt(1, true);
    assert_eq!(last.failed(json!({})).await, (ToolErrorKind::Timeout, expected));
    let failure = case("GET").call(json!({})).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::ToolUnavailable);
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed() {
    let peer = Peer::start(|_| text("inside")).await;
    let port = peer.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let case = Case::new("GET", format!("http://{host}:{port}/"), &[]);
        let (kind, message) = case.failed(json!({})).await;
        assert_eq!(kind, ToolErrorKind::Forbidden, "{host}: {message}");
        assert!(message.contains("is not a public address"), "{message}");
    }
    assert_eq!(peer.seen().len(), 0);
    let mut named = Case::new("GET", format!("http://localhost:{port}/"), &[]);
    named.allow = vec![format!("localhost:{port}")];
    assert_eq!(named.content(json!({})).await, "inside");
}

#[tokio::test]
async fn each_redirect_is_checked() {
    let inner = Peer::start(|_| text("inside")).await;
    let target = inner.url("/admin");
    let peer = Peer::start(move |seen| {
        let location = match seen.uri.path() {
            "/address" => target.clone(),
            "/name" => target.replace("127.0.0.1", "localhost"),
            "/file" => "file:///etc/passwd".to_owned(),
            "/user" => target.replace("127", "me:pw@127"),
            "/metadata" => "http://169.254.169.254/latest/meta-data/".to_owned(),
            _ => "http://[".to_owned(),
        };
        answer(302, &[("location", &location)], "")
    })
    .await;
    for place in ["/address", "/name", "/file", "/user", "/metadata"] {
        let case = Case::new("GET", peer.url(place), &[&peer]);
        let (kind, message) = case.failed(json!({})).await;
        assert_eq!(kind, ToolErrorKind::Forbidden, "{place}: {message}");
        assert!(!message.contains("pw"), "{message}");
    }
    let (kind, _) = Case::new("GET", peer.url("/odd"), &[&peer]).failed(json!({})).await;
    assert_eq!(kind, ToolErrorKind::Upstream);
    // The first request of a call with an effect was sent.
    let post = Case::new("POST", peer.url("/address"), &[&peer]);
    assert!(post.unknown(json!({})).await.contains("is not a public address"));
    assert_eq!(inner.seen().len(), 0);
    let both = Case::new("GET", peer.url("/address"), &[&peer, &inner]);
    assert_eq!(both.content(json!({})).await, "inside");
}

#[tokio::test]
async fn redirects_keep_or_change_the_method() {
    let peer = Peer::start(|seen| match seen.uri.path() {
        "/end" => text(format!("{} {}", seen.method, seen.body)),
        path => {
            let status = path.trim_start_matches('/').parse().unwrap();
            answer(status, &[("location", "/end")], "")
        }
    })
    .await;
    for (method, status, expected) in [
        ("POST", 301, "GET "),
        ("POST", 302, "GET "),
        ("POST", 303, "GET "),
        ("POST", 307, r#"POST {"a":1}"#),
        ("POST", 308, r#"POST {"a":1}"#),
        ("PUT", 302, r#"PUT {"a":1}"#),
        ("PUT", 303, "GET "),
        ("GET", 303, "GET "),
    ] {
        let case = Case::new(method, peer.url(&format!("/{status}")), &[&peer]);
        assert_eq!(case.content(json!({"a": 1})).await, expected, "{method} {status}");
    }
}

#[tokio::test]
async fn redirects_end_after_five() {
    let peer = Peer::start(|seen| {
        let left: u32 = seen.uri.path().trim_start_matches('/').parse().unwrap();
        match left {
            0 => text("there"),
            _ => answer(302, &[("location", &format!("/{}", left - 1))], ""),
        }
    })
    .await;
    let case = |place| Case::new("GET", peer.url(place), &[&peer]);
    assert_eq!(case("/5").content(json!({})).await, "there");
    let (kind, message) = case("/6").failed(json!({})).await;
    assert_eq!(kind, ToolErrorKind::Upstream);
    assert!(message.contains("redirected more than 5 times"), "{message}");
    assert_eq!(peer.seen().len(), 12);
}
