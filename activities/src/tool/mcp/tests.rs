//! Tools of MCP servers: what is asked of people, and how an answer gets back.

use std::collections::BTreeMap;

use longhaul_contract::definition::{McpServer, McpTransport};
use longhaul_contract::interrupt::InterruptKind;
use longhaul_contract::tool::ToolErrorKind;
use longhaul_mcp::{Answer, FailedKind, InputRequest, McpOutcome};
use serde_json::json;

use super::{Back, Called, called, resumed};
use crate::tool::trouble::{Course, EffectSeen};

fn server() -> McpServer {
    let transport =
        McpTransport::Http { url: "https://m.example/".to_owned(), headers: Vec::new() };
    McpServer { name: "notes".to_owned(), transport, tools: Vec::new(), trusted: false }
}

fn form(message: &str, schema: serde_json::Value) -> InputRequest {
    InputRequest::Form { message: message.to_owned(), schema }
}

fn came(outcome: McpOutcome) -> Called {
    called(&server(), "save", "hash-1", outcome)
}

fn plan(called: Called) -> longhaul_contract::interrupt::Plan {
    match called {
        Called::Ask(judged) => judged.plan.unwrap(),
        Called::Done(text) => panic!("done: {text}"),
        Called::Trouble(trouble) => panic!("{trouble:?}"),
    }
}

#[test]
fn what_a_server_asks_becomes_a_question_that_remembers_its_state() {
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let outcome = McpOutcome::InputRequired {
        requests: BTreeMap::from([("q1".to_owned(), form("Which title?", schema.clone()))]),
        state: Some("opaque".to_owned()),
        repeats: false,
    };
    let plan = plan(came(outcome));
    assert_eq!(plan.kind, InterruptKind::Elicitation);
    assert_eq!(plan.response, Some(schema));
    let Back::Asked { ids, state, pinned } = serde_json::from_value(plan.resume.unwrap()).unwrap()
    else {
        panic!("not a question")
    };
    assert_eq!((pinned.as_str(), state.as_deref()), ("hash-1", Some("opaque")));
    let resume = resumed(ids, state, Some(&json!({"title": "a"})));
    let accepted = Answer::Accept { content: Some(json!({"title": "a"})) };
    assert_eq!(resume.answers, BTreeMap::from([("q1".to_owned(), accepted)]));
}

#[test]
fn several_questions_are_answered_together() {
    let outcome = McpOutcome::InputRequired {
        requests: BTreeMap::from([
            ("a".to_owned(), form("A?", json!({"type": "object"}))),
            ("b".to_owned(), form("B?", json!({"type": "object"}))),
        ]),
        state: None,
        repeats: true,
    };
    let plan = plan(came(outcome));
    assert_eq!(plan.response.unwrap()["required"], json!(["a", "b"]));
    let ids = vec!["a".to_owned(), "b".to_owned()];
    let resume = resumed(ids, None, Some(&json!({"a": {"x": 1}, "b": {}})));
    assert_eq!(resume.answers["a"], Answer::Accept { content: Some(json!({"x": 1})) });
}

#[test]
fn a_tool_that_changed_asks_and_one_that_is_gone_fails() {
    let gone = McpOutcome::Changed { pinned: "hash-1".to_owned(), now: None };
    let Called::Trouble(trouble) = came(gone) else { panic!("asked") };
    assert_eq!(trouble.kind, ToolErrorKind::NotFound);
}

#[test]
fn only_what_certainly_did_not_run_is_without_effect() {
    let failed = McpOutcome::Failed {
        kind: FailedKind::Upstream,
        message: "503".to_owned(),
        retry_after: None,
    };
    let Called::Trouble(trouble) = came(failed) else { panic!("asked") };
    assert_eq!((trouble.course, trouble.effect), (Course::Passing(None), EffectSeen::None));
    let Called::Trouble(trouble) = came(McpOutcome::Unknown { message: "gone".to_owned() }) else {
        panic!("asked")
    };
    assert_eq!(trouble.effect, EffectSeen::Perhaps);
}
