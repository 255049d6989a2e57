//! What the client does not do by itself, and how waits are read.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

use super::{ClientSettings, client, client_with, describe, retry_after};

fn wait(value: &str) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
    retry_after(&headers, now)
}

#[test]
fn reads_seconds_and_dates() {
    assert_eq!(wait("7"), Some(Duration::from_secs(7)));
    assert_eq!(wait(" 0 "), Some(Duration::ZERO));
    assert_eq!(wait("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
    assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
    assert_eq!(wait("999999999"), Some(Duration::from_secs(3600)));
    assert_eq!(wait("later"), None);
    assert_eq!(retry_after(&HeaderMap::new(), SystemTime::UNIX_EPOCH), None);
}

#[tokio::test]
async fn follows_no_redirect() {
    let app = Router::new()
        .route("/", get(|| async { (StatusCode::FOUND, [("location", "/elsewhere")], "moved") }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let client = client(&ClientSettings::default()).unwrap();
    let response = client.get(format!("http://{address}/")).send().await.unwrap();
    assert_eq!(response.status(), 302);
}

#[tokio::test]
async fn describes_the_cause_without_the_url() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client(&ClientSettings::default()).unwrap();
    let error = client.get(format!("http://{address}/?token=hidden")).send().await.unwrap_err();
    let text = describe(&error.without_url());
    assert!(text.contains("refused"), "{text}");
    assert!(!text.contains("hidden"), "{text}");
}

#[test]
fn a_certificate_that_cannot_be_read_is_not_quoted() {
    let settings = ClientSettings::default();
    for pem in ["no certificate, canary", "-----BEGIN CERTIFICATE-----\ncanary"] {
        let error = client_with(&settings, Some(pem.as_bytes())).unwrap_err().to_string();
        assert!(error.contains("client certificate cannot be read"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}
