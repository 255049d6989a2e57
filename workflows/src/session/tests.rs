//! How the state of a run changes.

mod permission;
mod storm;
mod window;

use longhaul_contract::approval::{Channel, Verdict};
use longhaul_contract::message::Item;
use longhaul_contract::run::RunState;
use longhaul_contract::tool::ToolOutcome;
use longhaul_contract::trace::TraceEvent;
use serde_json::json;

use super::{MAX_AUDITED, Session};
use crate::testing::{at, call, definition, message, pinned, reply, started};

fn with_open_gate() -> Session {
    let mut run = pinned(false, definition());
    run.reply(reply(None, vec![call("c1", "write", json!({"path": "a"}))]), at(2), at(3));
    let Verdict::Ask(ask) = run.calls[0].verdict.clone() else { panic!("a write asks") };
    run.open_gate(0, &ask, at(4));
    run
}

#[test]
fn results_enter_the_conversation_in_call_order() {
    let mut run = pinned(false, definition());
    let calls = vec![call("c1", "look", json!({})), call("c2", "look", json!({}))];
    run.reply(reply(None, calls), at(2), at(3));
    let done =
        |text: &str| ToolOutcome::Done { content: text.to_owned(), truncated: false, blob: None };
    run.settle(1, done("second"), at(4));
    run.end_turn();
    assert_eq!(run.calls.len(), 2, "a turn does not end before its last call");
    run.settle(0, done("first"), at(5));
    run.end_turn();
    let ids: Vec<&str> = run
        .conversation
        .items()
        .iter()
        .filter_map(|item| match item {
            Item::ToolResult { call, .. } => Some(call.as_str()),
            Item::User { .. }
            | Item::Assistant { .. }
            | Item::Notice { .. }
            | Item::Summary { .. } => None,
        })
        .collect();
    assert_eq!(ids, ["c1", "c2"]);
}

#[test]
fn the_state_follows_what_the_run_waits_for() {
    assert_eq!(started(false).state(), RunState::Starting);
    assert_eq!(pinned(false, definition()).state(), RunState::Running);
    let mut run = with_open_gate();
    assert_eq!(run.state(), RunState::WaitingForApproval);
    run.expire_gate("apr_1_1", at(9));
    assert_eq!(run.state(), RunState::Running);
    run.settle(0, ToolOutcome::Expired, at(9));
    run.end_turn();
    run.reply(reply(Some("ok"), Vec::new()), at(9), at(9));
    assert_eq!(run.state(), RunState::Running, "a task with its answer completes");
    let mut parked = pinned(true, definition());
    parked.reply(reply(Some("ok"), Vec::new()), at(2), at(3));
    assert_eq!(parked.state(), RunState::WaitingForMessage);
    parked.close(at(4));
    assert_eq!(parked.state(), RunState::Running, "a closed session completes");
}

#[test]
fn a_gate_is_bound_to_tool_arguments_and_definition() {
    let request = with_open_gate().calls[0].gate.clone().unwrap().request;
    assert_eq!(request.id, "apr_1_1");
    assert_eq!(request.summary, "write a");
    assert_eq!(request.deadline, at(4 + 24 * 60 * 60));
    let mut other = pinned(false, definition());
    other.reply(reply(None, vec![call("c1", "write", json!({"path": "b"}))]), at(2), at(3));
    let Verdict::Ask(ask) = other.calls[0].verdict.clone() else { panic!("a write asks") };
    other.open_gate(0, &ask, at(4));
    assert_ne!(other.calls[0].gate.clone().unwrap().request.digest, request.digest);
}

#[test]
fn messages_queue_and_are_counted() {
    let mut run = started(true);
    let receipt = run.receive(message("two".to_owned()), Channel::Update, at(1));
    assert_eq!((receipt.turn, receipt.queued_before), (1, 1));
    assert_eq!(run.refuses_message(" \n").as_deref(), Some("the message is empty"));
    run.end(RunState::Completed, None, at(2));
    assert!(run.refuses_message("late").is_some());
}

#[test]
fn unusable_signals_are_traced_up_to_a_bound_and_then_counted() {
    let mut run = started(false);
    for _ in 0..MAX_AUDITED + 5 {
        run.ignore("approve", "expected an object".to_owned(), at(1));
    }
    assert_eq!(run.ignored_signals, MAX_AUDITED + 5);
    let traced = run
        .trace
        .iter()
        .filter(|entry| matches!(entry.event, TraceEvent::SignalIgnored { .. }))
        .count();
    assert_eq!(traced, usize::try_from(MAX_AUDITED).unwrap());
}

#[test]
fn a_retry_of_a_run_that_is_not_blocked_changes_nothing() {
    let mut run = pinned(false, definition());
    run.retry(at(2));
    assert_eq!((run.retries, run.ignored_signals), (0, 1));
}

#[test]
fn cost_is_known_only_while_every_price_is() {
    let mut priced = definition();
    priced.model.price =
        Some(longhaul_contract::definition::Price { input: 1.0, output: 1.0, cached: None });
    let mut run = pinned(true, priced);
    let mut first = reply(Some("a"), Vec::new());
    first.cost_usd = Some(0.5);
    run.reply(first, at(2), at(3));
    assert_eq!(run.spend.cost_usd, Some(0.5));
    run.reply(reply(Some("b"), Vec::new()), at(4), at(5));
    assert_eq!(run.spend.cost_usd, None);
    assert_eq!(pinned(true, definition()).spend.cost_usd, None);
}

#[test]
fn an_empty_reply_is_sent_back() {
    let mut run = pinned(false, definition());
    run.reply(reply(None, Vec::new()), at(2), at(3));
    let last = run.conversation.items().last().cloned();
    let expected = "Your reply was empty. Answer, or call a tool.".to_owned();
    assert_eq!(last, Some(Item::Notice { text: expected }));
}
