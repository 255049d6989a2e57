//! Outcomes as the model reads them.

use super::*;

fn error_of(result: &ToolOutcome) -> Value {
    let text = outcome(result, None);
    serde_json::from_str::<Value>(&text).unwrap().get("error").unwrap().clone()
}

#[test]
fn a_result_is_passed_on_as_it_is() {
    let result = ToolOutcome::Done { content: "{\"a\":1}".to_owned(), truncated: true, blob: None };
    assert_eq!(outcome(&result, None), "{\"a\":1}");
}

#[test]
fn edited_arguments_are_shown() {
    let result = ToolOutcome::Done { content: "ok".to_owned(), truncated: false, blob: None };
    let text = outcome(&result, Some(&json!({"path": "b"})));
    assert!(text.contains("{\"path\":\"b\"}"), "{text}");
    assert!(text.ends_with("\nok"), "{text}");
    let failed = ToolOutcome::Failed { error: ToolErrorKind::NotFound, message: "no".to_owned() };
    let text = outcome(&failed, Some(&json!({"path": "b"})));
    let error: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(error["error"]["arguments_changed_by_approver"], json!({"path": "b"}));
}

#[test]
fn what_did_not_run_is_told_as_such() {
    let denied = error_of(&ToolOutcome::Denied { reason: Some("wrong file".to_owned()) });
    assert_eq!(denied["kind"], "denied");
    assert!(denied["message"].as_str().unwrap().ends_with("Their reason: wrong file"));
    let expired = error_of(&ToolOutcome::Expired);
    assert_eq!(expired["kind"], "expired");
    assert!(expired["message"].as_str().unwrap().contains("not a person's denial"));
    let unknown = error_of(&ToolOutcome::Unknown { message: "Connection lost.".to_owned() });
    assert_eq!(unknown["kind"], "unknown");
    assert!(unknown["message"].as_str().unwrap().contains("may or may not"));
    let refused = error_of(&ToolOutcome::Refused { reason: "no such tool".to_owned() });
    assert_eq!(refused["kind"], "refused");
    assert_eq!(error_of(&ToolOutcome::Cancelled)["kind"], "cancelled");
}

#[test]
fn errors_keep_their_kind_and_message() {
    let failed =
        ToolOutcome::Failed { error: ToolErrorKind::Upstream, message: "HTTP 500".to_owned() };
    assert_eq!(error_of(&failed), json!({"kind": "upstream", "message": "HTTP 500"}));
}
