//! What people see of a call: no secret, and what it would change.

use longhaul_contract::mask::{MASK, restored};
use longhaul_contract::tool::ToolBinding;
use serde_json::json;

use super::{order, spec, write};
use crate::judging::mask::masked;
use crate::judging::preview::preview;

#[test]
fn secrets_are_masked_wherever_they_are() {
    let arguments = json!({
        "user": "ada",
        "password": "pw-1",
        "nested": [{"api_key": "k-1", "api-key": 7}, {"Client_Secret": "s-1"}],
        "githubToken": "t-1",
        "token": {"kind": "bearer", "access_token": "t-2"},
    });
    let shown = masked(&arguments).unwrap();
    let expected = json!({
        "user": "ada",
        "password": MASK,
        "nested": [{"api_key": MASK, "api-key": MASK}, {"Client_Secret": MASK}],
        "githubToken": MASK,
        "token": {"kind": "bearer", "access_token": MASK},
    });
    assert_eq!(shown, expected);
    assert_eq!(restored(&shown, &arguments), arguments);
}

#[test]
fn arguments_without_secrets_are_shown_as_they_are() {
    for arguments in [
        json!({"path": "a", "tokens": 3}),
        json!({"password": null}),
        json!({"secretary": "bob"}),
        json!("password"),
    ] {
        assert_eq!(masked(&arguments), None, "{arguments}");
    }
}

#[test]
fn what_a_person_edits_keeps_the_secrets_they_could_not_see() {
    let original = json!({"to": "ada", "token": "t-1", "list": [{"token": "t-2"}]});
    let edited = json!({"to": "bob", "token": MASK, "list": [{"token": MASK}, {"token": "new"}]});
    assert_eq!(
        restored(&edited, &original),
        json!({"to": "bob", "token": "t-1", "list": [{"token": "t-2"}, {"token": "new"}]})
    );
}

#[test]
fn a_write_shows_what_would_change() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "one\ntwo\nthree\n").unwrap();
    let shown = |path, content| {
        preview(folder.path(), &write(), &json!({"path": path, "content": content})).unwrap()
    };
    let changed = shown("a.txt", "one\n2\nthree\n");
    assert!(changed.contains("\n-two\n+2\n"), "{changed}");
    assert_eq!(shown("a.txt", "one\ntwo\nthree\n"), "no change");
    assert_eq!(shown("b.txt", "x\ny\n"), "a new file of 2 lines");
}

#[test]
fn a_preview_reads_nothing_outside_of_the_folder() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.txt"), "the secret").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
    let name = outside.path().file_name().unwrap().to_string_lossy().into_owned();
    for path in [format!("../{name}/secret.txt"), "link/secret.txt".to_owned()] {
        let shown = preview(folder.path(), &write(), &json!({"path": path, "content": "x"}));
        assert!(!shown.unwrap_or_default().contains("the secret"), "{path}");
    }
}

#[test]
fn a_request_is_shown_without_its_headers_and_secrets() {
    let arguments = json!({"id": 7, "note": "two\nlines", "token": "t-1"});
    let shown = preview(std::path::Path::new("."), &order(), &arguments).unwrap();
    assert_eq!(
        shown,
        format!(
            "POST https://shop.example/orders/{{id}}\n  id: 7\n  note: two lines\n  token: {MASK}"
        )
    );
}

#[test]
fn a_long_preview_is_cut_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "before").unwrap();
    let content = "ä".repeat(4_000);
    let shown = preview(folder.path(), &write(), &json!({"path": "a", "content": content}));
    let shown = shown.unwrap();
    assert!(shown.len() < 4_200, "{} bytes", shown.len());
    assert!(shown.ends_with(" bytes more"), "{}", shown.chars().rev().take(40).collect::<String>());
}

#[test]
fn a_question_is_its_own_preview_and_an_outside_tool_has_none() {
    let here = std::path::Path::new(".");
    let person = spec("ask_person", ToolBinding::Person);
    let shown = preview(here, &person, &json!({"question": "Why?"}));
    assert_eq!(shown.as_deref(), Some("Why?"));
    let outside = spec("stock.pick", ToolBinding::External { result: None });
    assert_eq!(preview(here, &outside, &json!({"id": 1})), None);
}
