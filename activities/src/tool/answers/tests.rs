//! Answers in the place of a tool's result.

use longhaul_contract::digest::Digest;
use longhaul_contract::tool::{
    FilesOperation, ToolBinding, ToolErrorKind, ToolInvocation, ToolOutcome,
};
use serde_json::{Value, json};

use super::taken;

fn invocation(response: Option<Value>) -> ToolInvocation {
    ToolInvocation {
        v: 1,
        definition: Digest::of("definition"),
        call: "c1".to_owned(),
        tool: "ask_person".to_owned(),
        arguments: json!({"question": "?"}),
        key: String::new(),
        turn: 1,
        chain: "chain".to_owned(),
        index: 0,
        blob: None,
        judging: None,
        grant: None,
        answer: None,
        response,
        resume: None,
    }
}

fn done(content: &str) -> ToolOutcome {
    ToolOutcome::Done { content: content.to_owned(), truncated: false, blob: None }
}

#[test]
fn the_answer_to_a_question_is_the_tools_result() {
    let free = invocation(None);
    assert_eq!(taken(&json!("because"), &free, &ToolBinding::Person), done("because"));
    let form = invocation(Some(json!({"type": "object", "required": ["size"]})));
    assert_eq!(taken(&json!({"size": 3}), &form, &ToolBinding::Person), done(r#"{"size":3}"#));
    let outside = ToolBinding::External { result: None };
    assert_eq!(taken(&json!([1, 2]), &free, &outside), done("[1,2]"));
}

#[test]
fn an_answer_in_place_of_a_call_says_that_nothing_ran() {
    let write = ToolBinding::Files { root: ".".to_owned(), operation: FilesOperation::Write };
    let answered = ToolOutcome::Answered { content: "use b.txt".to_owned(), blob: None };
    assert_eq!(taken(&json!("use b.txt"), &invocation(None), &write), answered);
}

#[test]
fn an_answer_that_does_not_fit_says_why() {
    let cases = [
        (json!({"enum": ["a", "b"]}), json!("c")),
        (
            json!({"type": "array", "items": {"enum": ["a"]}, "uniqueItems": true}),
            json!(["a", "a"]),
        ),
        (json!({"type": "object", "required": ["size"]}), json!({})),
        // The agent wrote it: what is no schema fits nothing.
        (json!({"type": "no such type"}), json!({})),
    ];
    for (schema, answer) in cases {
        let outcome = taken(&answer, &invocation(Some(schema.clone())), &ToolBinding::Person);
        let ToolOutcome::Failed { error: ToolErrorKind::InvalidArguments, message } = outcome
        else {
            panic!("{schema} took {answer}: {outcome:?}")
        };
        assert!(message.contains("JSON Schema: "), "{message}");
    }
}
