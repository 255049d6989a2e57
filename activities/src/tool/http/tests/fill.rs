//! How arguments become a request, and what is refused before one is made.

use longhaul_contract::tool::{HttpRest, ToolBinding, ToolErrorKind};
use serde_json::{Value, json};

use super::{Case, Peer, text};
use crate::tool::check_http;

async fn uri(place: &str, arguments: Value) -> String {
    let peer = Peer::start(|_| text("ok")).await;
    Case::new("GET", peer.url(place), &[&peer]).content(arguments).await;
    peer.seen()[0].uri.to_string()
}

#[tokio::test]
async fn values_stay_in_their_place() {
    let odd = "a/b?c=d&e#f%20 ü\\";
    let encoded = "a%2Fb%3Fc%3Dd%26e%23f%2520%20%C3%BC%5C";
    assert_eq!(uri("/x/{id}/y", json!({"id": odd})).await, format!("/x/{encoded}/y"));
    assert_eq!(uri("/x?q={q}&z=1", json!({"q": odd})).await, format!("/x?q={encoded}&z=1"));
    assert_eq!(uri("/x", json!({"q": odd})).await, format!("/x?q={encoded}"));
    assert_eq!(uri("/v{major}.{minor}", json!({"major": 1, "minor": true})).await, "/v1.true");
    assert_eq!(uri("/%7Bkept%7D", json!({})).await, "/%7Bkept%7D");
}

#[tokio::test]
async fn the_rest_goes_to_the_query() {
    let given = json!({"n": 3, "tags": ["a", "b c"], "none": null, "deep": {"x": 1}, "on": false});
    assert_eq!(
        uri("/x?n={n}", given).await,
        "/x?n=3&tags=a&tags=b%20c&deep=%7B%22x%22%3A1%7D&on=false"
    );
    assert_eq!(uri("/x?n={n}&bytes={bytes}&k=v", json!({"bytes": 7})).await, "/x?bytes=7&k=v");
    assert_eq!(uri("?n={n}", json!({})).await, "/");
}

#[tokio::test]
async fn the_rest_goes_to_the_body() {
    let peer = Peer::start(|_| text("ok")).await;
    let case = Case::new("POST", peer.url("/contacts/{id}/notes?by={by}"), &[&peer])
        .header("X-Team", "{team}")
        .header("X-Absent", "{absent}");
    let given = json!({"id": "7", "by": "me", "team": "red", "text": "hi", "n": null});
    case.content(given).await;
    let seen = &peer.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.uri.to_string().as_str()),
        ("POST", "/contacts/7/notes?by=me")
    );
    assert_eq!(seen.body, r#"{"text":"hi","n":null}"#);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("idempotency-key"), Some("key-1"));
    assert_eq!(seen.header("x-team"), Some("red"));
    assert_eq!(seen.header("x-absent"), None);
}

#[tokio::test]
async fn reads_carry_no_idempotency_key() {
    let peer = Peer::start(|_| text("ok")).await;
    Case::new("GET", peer.url("/"), &[&peer]).content(json!({})).await;
    let seen = &peer.seen()[0];
    assert_eq!(seen.header("idempotency-key"), None);
    assert_eq!(seen.header("content-type"), None);
    assert!(seen.header("user-agent").unwrap().starts_with("longhaul/"));
}

#[tokio::test]
async fn applies_defaults_and_checks_arguments_first() {
    let peer = Peer::start(|_| text("ok")).await;
    let case =
        Case::new("GET", peer.url("/echo?n={n}&bytes={bytes}"), &[&peer]).parameters(json!({
            "type": "object",
            "required": ["n"],
            "properties": {"n": {"type": "integer"}, "bytes": {"type": "integer", "default": 1024}}
        }));
    case.content(json!({"n": 2})).await;
    assert_eq!(peer.seen()[0].uri.to_string(), "/echo?n=2&bytes=1024");
    let (kind, message) = case.failed(json!({"n": "2"})).await;
    assert_eq!(kind, ToolErrorKind::InvalidArguments);
    assert!(message.contains("at `/n`: must be integer, is string"), "{message}");
    assert_eq!(peer.seen().len(), 1);
}

#[tokio::test]
async fn refuses_arguments_that_would_change_the_place() {
    let peer = Peer::start(|_| text("ok")).await;
    let case = Case::new("DELETE", peer.url("/contacts/{id}"), &[&peer]);
    for id in [json!(".."), json!("."), json!(""), json!(null), json!(["a"]), json!({"a": 1})] {
        let (kind, message) = case.failed(json!({"id": id})).await;
        assert_eq!(kind, ToolErrorKind::InvalidArguments, "{id}: {message}");
    }
    let (kind, _) = case.failed(json!({})).await;
    assert_eq!(kind, ToolErrorKind::InvalidArguments);
    let dotted = Case::new("GET", peer.url("/x/%2e{dot}/y"), &[&peer]);
    assert_eq!(dotted.failed(json!({"dot": "."})).await.0, ToolErrorKind::InvalidArguments);
    assert_eq!(peer.seen().len(), 0);
}

#[tokio::test]
async fn refuses_line_breaks_in_headers() {
    let peer = Peer::start(|_| text("ok")).await;
    let case = Case::new("GET", peer.url("/"), &[&peer]).header("X-Note", "note: {note}");
    for note in ["a\r\nX-Admin: 1", "a\nb", "a\0b"] {
        let (kind, message) = case.failed(json!({"note": note})).await;
        assert_eq!(kind, ToolErrorKind::InvalidArguments);
        assert!(message.contains("`note` holds a line break"), "{message}");
    }
    assert_eq!(peer.seen().len(), 0);
    case.content(json!({"note": "grüß\tdich"})).await;
    let seen = &peer.seen()[0];
    assert_eq!(seen.headers["x-note"].as_bytes(), "note: grüß\tdich".as_bytes());
}

fn check(method: &str, url: &str, headers: &[(&str, &str)], rest: HttpRest) -> Result<(), String> {
    let mut case = Case::new("GET", url, &[]).parameters(json!({
        "type": "object",
        "properties": {"id": {"type": "string"}, "q": {"type": "string"}}
    }));
    case.spec.binding = ToolBinding::Http {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        rest,
    };
    check_http(&case.spec)
}

#[test]
fn passes_tools_that_can_work() {
    let headers = [("Authorization", "Bearer ${TOKEN}"), ("X-Id", "{id}")];
    assert_eq!(
        check("POST", "https://api.example.com/x/{id}?q={q}", &headers, HttpRest::Body),
        Ok(())
    );
    assert_eq!(check("GET", "http://127.0.0.1:18080", &[], HttpRest::Query), Ok(()));
}

#[test]
fn says_what_is_wrong_with_a_tool() {
    let url = |url: &str| check("GET", url, &[], HttpRest::Query).unwrap_err();
    let header =
        |name, value| check("GET", "https://example.com", &[(name, value)], HttpRest::Query);
    for (message, part) in [
        (
            check("get", "https://example.com", &[], HttpRest::Query).unwrap_err(),
            "the method `get` is not known",
        ),
        (check("GET", "https://example.com", &[], HttpRest::Body).unwrap_err(), "has no body"),
        (url("example.com/x"), "does not start with `http://` or `https://`"),
        (url("file:///etc/passwd"), "file:///etc/passwd"),
        (url("ftp://example.com/"), "neither `http` nor `https`"),
        (url("https://{id}.example.com/"), "has a hole before its path"),
        (url("https://example.com:{id}/"), "has a hole before its path"),
        (url("{id}://example.com/"), "has a hole before its path"),
        (url("https://example.com{id}"), "has a hole before its path"),
        (url("https://user:pass@example.com/"), "has a user name or password"),
        (url("https://example.com/#{id}"), "has a `#`"),
        (url("https://example.com/?key=${TOKEN}"), "put it in a header"),
        (
            url("https://example.com/{unknown}"),
            "`{unknown}` in the URL `https://example.com/{unknown}` is no parameter",
        ),
        (url("https://example.com/{id"), "has a `{` without a `}`"),
        (url("https://example.com/id}"), "has a `}` without a `{`"),
        (url("https://example.com/{}"), "`{}` in `{}` is not a hole"),
        (url("https://"), "empty host"),
        (header("Bad Name", "x").unwrap_err(), "`Bad Name` is not a header name"),
        (header("Host", "x").unwrap_err(), "belongs to the connection"),
        (header("X-A", "{other}").unwrap_err(), "`{other}` in the header `X-A` is no parameter"),
        (header("X-A", "a\r\nb").unwrap_err(), "holds a control character"),
        (header("X-A", "${A B}").unwrap_err(), "is not a hole"),
    ] {
        assert!(message.contains(part), "`{part}` in: {message}");
    }
    assert!(!url("https://user:pass@example.com/").contains("pass@"));
}
