//! Notices to a program of one's own: JSON by HTTP, signed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use longhaul_contract::notice::{Notice, NotifyRequest};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use ring::hmac;
use serde_json::{Map, Value, json};

use super::send::{Undelivered, answer, unsent};

/// How long an exchange may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// The body: the same at each attempt, so that a receiver can tell them.
pub(crate) fn body(
    workflow_id: &str,
    request: &NotifyRequest,
    notice: &Notice,
    link: Option<&str>,
) -> String {
    let mut body = Map::from_iter([
        ("v".to_owned(), json!(1)),
        ("key".to_owned(), json!(key(request, notice))),
        ("workflow_id".to_owned(), json!(workflow_id)),
        ("chain".to_owned(), json!(request.chain)),
        ("agent".to_owned(), json!(request.agent)),
    ]);
    body.extend(request.starter.iter().map(|starter| ("starter".to_owned(), json!(starter))));
    body.extend(link.iter().map(|link| ("link".to_owned(), json!(link))));
    if let Ok(Value::Object(told)) = serde_json::to_value(notice) {
        // What waits has one name everywhere outside.
        let named = |name: String| if name == "request" { "interrupt".to_owned() } else { name };
        body.extend(told.into_iter().map(|(name, value)| (named(name), value)));
    }
    Value::Object(body).to_string()
}

/// The notice's own name, by which a receiver knows it again.
pub(crate) fn key(request: &NotifyRequest, notice: &Notice) -> String {
    format!("{}/{}", request.chain, notice.number)
}

/// The signature of `body` at `seconds` since 1970: HMAC-SHA256 over `SECONDS.BODY`.
pub(crate) fn signature(secret: &str, seconds: u64, body: &str) -> String {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let code = hmac::sign(&secret, format!("{seconds}.{body}").as_bytes());
    let digits: String = code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={digits}")
}

/// Sends it.
pub(super) async fn send(
    client: &Client,
    url: &str,
    secret: Option<&str>,
    key: &str,
    event: &str,
    body: String,
) -> Result<(), Undelivered> {
    let mut request = client
        .post(url)
        .timeout(TIMEOUT)
        .header(CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .header("longhaul-event", event);
    if let Some(secret) = secret {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        request = request
            .header("longhaul-timestamp", now)
            .header("longhaul-signature", signature(secret, now, &body));
    }
    let response = request.body(body).send().await.map_err(unsent)?;
    answer(&response)
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn the_body_is_the_interrupt_and_the_event() {
        let notice = testing::asked(3);
        let text = body("brief-1", &testing::notices(vec![]), &notice, Some("https://l/a/x"));
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["event"], "asked");
        assert_eq!(body["key"], "chain-1/3");
        assert_eq!(body["workflow_id"], "brief-1");
        assert_eq!(body["link"], "https://l/a/x");
        assert_eq!(body["interrupt"], serde_json::to_value(testing::request()).unwrap());
        assert_eq!(body.get("request"), None);
    }

    #[test]
    fn a_signature_is_of_time_and_body() {
        // As `printf '%s' '17.{}' | openssl dgst -sha256 -hmac secret` has it.
        let known = "v1=8af83b0673ef7fdabfca93bc1f9c0893a4de95938051a9959b16f9e2a9e16802";
        let signed = signature("secret", 17, "{}");
        assert_eq!(signed, known);
        assert_ne!(signed, signature("secret", 18, "{}"));
        assert_ne!(signed, signature("secret", 17, "{ }"));
        assert_ne!(signed, signature("other", 17, "{}"));
    }
}
