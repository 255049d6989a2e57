//! What remembered decisions speak of.

use longhaul_contract::definition::Action;
use serde_json::json;

use super::*;
use crate::testing::{remembered, run};

fn prefix(argument: &str, prefix: &str) -> Scope {
    Scope::Prefix { argument: argument.to_owned(), prefix: prefix.to_owned() }
}

#[test]
fn a_decision_speaks_of_its_tool_and_its_runs() {
    let mut decision = remembered("rem_1", Action::Run, "crm.update", Scope::Tool);
    let speaks = |decision: &Remembered, tool| super::speaks(decision, tool, &json!({}), &run());
    assert!(speaks(&decision, "crm.update"));
    assert!(!speaks(&decision, "crm.update_all"));
    for (reach, reaches) in [
        (Reach::Run { workflow_id: "refunds-7".to_owned() }, true),
        (Reach::Run { workflow_id: "refunds-8".to_owned() }, false),
        (Reach::Agent { agent: "refunds".to_owned() }, true),
        (Reach::Agent { agent: "brief".to_owned() }, false),
    ] {
        decision.reach = reach;
        assert_eq!(speaks(&decision, "crm.update"), reaches, "{:?}", decision.reach);
    }
}

#[test]
fn an_exact_call_is_the_same_whatever_the_order_of_its_keys() {
    let [one, same] =
        [json!({"a": 1, "b": {"c": 2, "d": [3]}}), json!({"b": {"d": [3], "c": 2}, "a": 1})];
    assert_eq!(digest("t", &one), digest("t", &same));
    assert_ne!(digest("t", &one), digest("u", &one));
    assert_ne!(digest("t", &one), digest("t", &json!({"a": 1, "b": {"c": 2, "d": [3, 3]}})));
    assert_ne!(
        digest("t", &one),
        digest("t", &json!({"a": 1, "b": {"c": 2, "d": [3]}, "e": null}))
    );
}

#[test]
fn a_prefix_covers_what_stays_within_it() {
    for (prefix_text, value, covered) in [
        ("src/", "src/lib.rs", true),
        ("src/", "src/a/b.rs", true),
        ("src", "src", true),
        ("src", "src/lib.rs", true),
        ("src", "src-other/lib.rs", false),
        ("src/", "src", false),
        ("src/", "other/src/lib.rs", false),
        ("src/", "src/../etc/passwd", false),
        ("src/", "src/a/..", false),
        ("src/", "src/a..b", true),
        ("src/", "src/..\\etc", false),
        ("src/", "src/%2e%2E/etc", false),
        ("src/", "src/a\nb", false),
        ("", "anything", false),
        ("https://api.example", "https://api.example/v1", true),
        ("https://api.example", "https://api.example?x=1", true),
        ("https://api.example", "https://api.example.evil/v1", false),
        ("https://api.example", "https://api.example@evil/v1", false),
        ("https://api.example", "https://api.example:80@evil/", false),
    ] {
        let scope = prefix("path", prefix_text);
        let arguments = json!({"path": value, "text": "x"});
        assert_eq!(covers(&scope, "t", &arguments), covered, "{prefix_text} {value}");
    }
    assert!(!covers(&prefix("path", "src/"), "t", &json!({"path": ["src/lib.rs"]})));
    assert!(!covers(&prefix("path", "src/"), "t", &json!({"other": "src/lib.rs"})));
}

#[test]
fn the_narrowest_scope_is_offered_first_and_none_that_is_too_broad() {
    let arguments = json!({"path": "src/a/lib.rs", "text": "hello", "mode": 3});
    let call = Scope::Call { arguments: digest("files.write", &arguments) };
    let offers = |most| super::offers("files.write", &arguments, most);
    assert_eq!(offers(Breadth::Tool), [call.clone(), prefix("path", "src/a/"), Scope::Tool]);
    assert_eq!(offers(Breadth::Prefix), [call.clone(), prefix("path", "src/a/")]);
    assert_eq!(offers(Breadth::Call), [call]);
    for path in ["lib.rs", "/lib.rs", "https://lib.rs", "../a/lib.rs", "a/../../lib.rs", "//x"] {
        let offers = super::offers("files.write", &json!({"path": path}), Breadth::Prefix);
        assert_eq!(offers.len(), 1, "{path}: {offers:?}");
    }
}
