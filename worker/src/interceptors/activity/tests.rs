//! Spans of activity attempts.

use std::time::Duration;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::model::Usage;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

use super::*;
use crate::telemetry::tests::{Kept, attribute};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn facts() -> RunFacts {
    RunFacts { agent: "brief".into(), provider: "openai".into(), model: "gpt-x".into() }
}

fn attempt(number: u32, request: Request) -> Attempt {
    Attempt {
        activity_type: "CallTool".into(),
        activity_id: "tool-3-1".into(),
        number,
        workflow_id: "brief-1".into(),
        run_id: "run-1".into(),
        traceparent: Some(RunTrace::new("run-1", Some(CALLER)).traceparent()),
        request,
    }
}

fn tool() -> Request {
    Request::Tool { turn: 3, tool: "files.read".into(), call: "call_3_1".into() }
}

fn emitted(attempt: &Attempt, ending: &Ending<'_>, facts: Option<&RunFacts>) -> SpanData {
    let kept = Kept::default();
    let (start, trace) = (SystemTime::UNIX_EPOCH + Duration::from_secs(9), attempt.trace());
    let end = start + Duration::from_secs(2);
    Spans::to(kept.clone()).emit(&trace, attempt.span(&trace, ending, facts, (start, end)));
    kept.spans().remove(0)
}

#[test]
fn an_attempt_of_a_tool_call() {
    let outcome = ToolOutcome::Done { content: "the content".into(), truncated: false, blob: None };
    let span = emitted(&attempt(2, tool()), &Ending::Ran(&outcome), Some(&facts()));
    let run = RunTrace::new("run-1", Some(CALLER));
    assert_eq!(span.name, "execute_tool files.read");
    assert_eq!(span.span_kind, SpanKind::Internal);
    assert_eq!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent_span_id.to_string(), run.root_span);
    assert_eq!(span.span_context.span_id().to_string(), run.span_id("CallTool/tool-3-1/2"));
    assert_eq!(span.end_time.duration_since(span.start_time).unwrap(), Duration::from_secs(2));
    assert_eq!(span.status, Status::Unset);
    for (name, value) in [
        (genai::OPERATION_NAME, "execute_tool"),
        (genai::TOOL_NAME, "files.read"),
        (genai::TOOL_CALL_ID, "call_3_1"),
        (genai::TOOL_OUTCOME, "done"),
        (genai::AGENT_NAME, "brief"),
        (genai::CONVERSATION_ID, "brief-1"),
        (genai::RUN_ID, "run-1"),
        (genai::ATTEMPT, "2"),
    ] {
        assert_eq!(attribute(&span, name).as_deref(), Some(value), "{name}");
    }
    assert!(!format!("{span:?}").contains("the content"));
}

#[test]
fn each_attempt_has_its_own_id() {
    let ending = Ending::Cancelled;
    let first = emitted(&attempt(1, tool()), &ending, None);
    let second = emitted(&attempt(2, tool()), &ending, None);
    assert_ne!(first.span_context.span_id(), second.span_context.span_id());
    assert_eq!(attribute(&first, genai::ERROR_TYPE).as_deref(), Some("cancelled"));
}

#[test]
fn a_model_call_tells_tokens_and_models() {
    let reply = ModelReply {
        v: 1,
        text: Some("an answer".into()),
        calls: Vec::new(),
        native: None,
        stop: StopReason::EndTurn,
        usage: Usage {
            input_tokens: 100,
            output_tokens: 20,
            cached_tokens: 60,
            reasoning_tokens: 5,
        },
        cost_usd: None,
        model: "gpt-x-2026".into(),
        request_id: Some("req_1".into()),
        answer: None,
        blob: None,
        judged: Vec::new(),
        policy: None,
    };
    let span =
        emitted(&attempt(1, Request::Model { turn: 4 }), &Ending::Replied(&reply), Some(&facts()));
    assert_eq!(span.name, "chat gpt-x");
    assert_eq!(span.span_kind, SpanKind::Client);
    for (name, value) in [
        (genai::OPERATION_NAME, "chat"),
        (genai::PROVIDER_NAME, "openai"),
        (genai::REQUEST_MODEL, "gpt-x"),
        (genai::RESPONSE_MODEL, "gpt-x-2026"),
        (genai::RESPONSE_ID, "req_1"),
        (genai::INPUT_TOKENS, "100"),
        (genai::OUTPUT_TOKENS, "20"),
        (genai::CACHED_TOKENS, "60"),
        (genai::REASONING_TOKENS, "5"),
        (genai::TURN, "4"),
    ] {
        assert_eq!(attribute(&span, name).as_deref(), Some(value), "{name}");
    }
    assert!(!format!("{span:?}").contains("an answer"));
}

#[test]
fn failures_are_named_by_their_kind_alone() {
    let failure = longhaul_activities::error::Failure::new(
        FailureKind::ModelRateLimited,
        "a text that says too much",
    );
    let result: ExecuteActivityResult = Err(failure.into_activity_error());
    let ending = Ending::of(&result);
    assert_eq!(ending.label(), "model_rate_limited");
    let span = emitted(&attempt(1, Request::Model { turn: 1 }), &ending, None);
    assert_eq!(span.name, "chat");
    assert_eq!(span.status, Status::error(""));
    assert_eq!(attribute(&span, genai::ERROR_TYPE).as_deref(), Some("model_rate_limited"));
    assert!(!format!("{span:?}").contains("too much"));

    let outcome = ToolOutcome::Failed {
        error: ToolErrorKind::NotFound,
        message: "no file `secret.txt`".into(),
    };
    let span = emitted(&attempt(1, tool()), &Ending::Ran(&outcome), None);
    assert_eq!(attribute(&span, genai::ERROR_TYPE).as_deref(), Some("not_found"));
    assert!(!format!("{span:?}").contains("secret.txt"));
}
