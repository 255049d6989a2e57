//! Pages: all of them can be shown, and whatever is asked stands there as text.

use axum::body::to_bytes;
use longhaul_contract::digest::Digest;
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::Effect;
use serde_json::json;

use super::*;

const NASTY: &str = "<script>alert(1)</script>\"'&";

pub(crate) fn request() -> ApprovalRequest {
    serde_json::from_value(json!({
        "id": "apr_1_1", "tool": NASTY, "summary": NASTY, "arguments": {"x": NASTY},
        "digest": Digest::of("a"), "effect": Effect::Money, "reason": NASTY, "turn": 1,
        "asked_at": Timestamp::default(), "deadline": Timestamp::default(), "preview": NASTY,
        "because": [NASTY], "problem": NASTY, "response": {"type": "string", "title": NASTY},
        "allowed": ["approve", "deny", "answer", "question", "delegate"],
    }))
    .unwrap()
}

async fn text(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(response.headers()[header::REFERRER_POLICY], "same-origin");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn nothing_that_is_asked_is_more_than_text() {
    let shown = || gate(&request(), NASTY);
    for page in [
        Page::new("gate.html").show(context! { gate => shown(), open => true, csrf => "c" }),
        Page::new("link.html").show(context! { gate => shown(), who => NASTY, expires => "x" }),
        Page::new("inbox.html").show(context! {
            gates => vec![shown()], total => 1, who => NASTY, csrf => "c", next => "/approvals?x",
        }),
        Page::new("message.html").show(context! { title => NASTY, text => NASTY }),
        Page::new("sign_in.html").show(context! { oidc => NASTY, problem => NASTY, next => NASTY }),
    ] {
        let text = text(page).await;
        assert!(text.starts_with("<!doctype html>"), "{text}");
        assert!(text.contains("&lt;script&gt;"), "{text}");
        assert!(!text.contains("<script") && !text.contains("alert(1)</"), "{text}");
    }
}

#[tokio::test]
async fn a_page_offers_what_is_allowed_and_no_more() {
    let mut asked = request();
    asked.allowed = vec![Decision::Answer, Decision::Deny];
    let page = Page::new("gate.html")
        .show(context! { gate => gate(&asked, "run/1"), open => true, csrf => "c" });
    let text = text(page).await;
    assert!(text.contains("value=\"answer\"") && text.contains("value=\"deny\""), "{text}");
    assert!(!text.contains("value=\"approve\"") && !text.contains("value=\"delegate\""), "{text}");
    assert!(text.contains("run%2F1"), "{text}");
    let closed = Page::new("gate.html")
        .show(context! { gate => gate(&request(), "r"), open => false, csrf => "c" });
    let closed = self::text(closed).await;
    assert!(!closed.contains("<form") && closed.contains("This is closed"), "{closed}");
}
