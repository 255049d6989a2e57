//! Tests of what answers say about waiting, and of what requests were proved with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{secrets, wait};
use crate::integration::Retry;

fn retry() -> Retry {
    serde_json::from_value(json!({
        "after_header": ["x-wait"],
        "reset_header": [
            {"name": "x-epoch", "unit": "epoch_seconds"},
            {"name": "x-epoch-millis", "unit": "epoch_millis"},
            {"name": "x-seconds", "unit": "seconds"},
            {"name": "x-millis", "unit": "millis"},
            {"name": "x-date", "unit": "date"},
        ],
        "remaining_header": "x-left",
        "after_body": "/wait",
    }))
    .unwrap()
}

/// What an answer with these headers and this body asks for, at 2026-01-01T00:00:00Z.
fn after(headers: &[(&'static str, &str)], body: Value) -> Option<Duration> {
    let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    wait::after(Some(&retry()), &map, &body, now)
}

#[test]
fn every_way_to_say_a_wait_is_understood() {
    let seconds = Duration::from_secs;
    for (headers, expected) in [
        (vec![("retry-after", "7")], Some(seconds(7))),
        (vec![("retry-after", " 1.5 ")], Some(Duration::from_millis(1500))),
        (vec![("retry-after", "Thu, 01 Jan 2026 00:01:00 GMT")], Some(seconds(60))),
        (vec![("retry-after", "Wed, 31 Dec 2025 00:00:00 GMT")], Some(seconds(0))),
        (vec![("retry-after", "soon")], None),
        (vec![("retry-after", "-3")], None),
        (vec![("x-wait", "3"), ("retry-after", "7")], Some(seconds(3))),
        (vec![("x-epoch", "1767225630")], Some(seconds(30))),
        (vec![("x-epoch-millis", "1767225630500")], Some(Duration::from_millis(30_500))),
        (vec![("x-seconds", "9")], Some(seconds(9))),
        (vec![("x-millis", "250")], Some(Duration::from_millis(250))),
        (vec![("x-date", "2026-01-01T00:00:05Z")], Some(seconds(5))),
        (vec![("x-seconds", "9"), ("x-left", "4")], None),
        (vec![("x-seconds", "9"), ("x-left", "0")], Some(seconds(9))),
        (vec![("retry-after", "99999999")], Some(seconds(24 * 60 * 60))),
        (vec![], None),
    ] {
        assert_eq!(after(&headers, Value::Null), expected, "{headers:?}");
    }
    assert_eq!(after(&[], json!({"wait": 2})), Some(seconds(2)));
    assert_eq!(after(&[], json!({"wait": "2"})), Some(seconds(2)));
    assert_eq!(after(&[("x-seconds", "9")], json!({"wait": 2})), Some(seconds(2)));
}

#[test]
fn without_a_word_of_the_entry_retry_after_counts() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static("4"));
    let after = wait::after(None, &headers, &Value::Null, SystemTime::now());
    assert_eq!(after, Some(Duration::from_secs(4)));
}

#[test]
fn what_the_credentials_added_is_known() {
    let url: url::Url = "https://a.example/x?q=visible-value".parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("x-version", HeaderValue::from_static("2026-01-01"));
    let mut request = reqwest::Request::new(reqwest::Method::GET, url.clone());
    *request.headers_mut() = headers.clone();
    // user:pass-word
    let basic = HeaderValue::from_static("Basic dXNlcjpwYXNzLXdvcmQ=");
    request.headers_mut().insert(AUTHORIZATION, basic);
    request.headers_mut().insert("x-amz-date", HeaderValue::from_static("20260101T000000Z"));
    request.url_mut().query_pairs_mut().append_pair("key", "query-secret");
    let found = secrets::of(&request, &url, &headers);
    assert_eq!(
        found,
        [
            "Basic dXNlcjpwYXNzLXdvcmQ=",
            "dXNlcjpwYXNzLXdvcmQ=",
            "user:pass-word",
            "query-secret",
            "pass-word",
        ]
    );
}
