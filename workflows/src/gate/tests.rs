//! The strictest rule wins, and what nobody decided asks.

use longhaul_contract::definition::{Action, OnTimeout};
use longhaul_contract::tool::{Effect, ToolErrorKind, ToolOutcome};
use serde_json::json;

use super::{DEFAULT_TIMEOUT, Duration, Verdict, glob, judge};
use crate::testing::{call, definition, rule, tool};

const EFFECTS: [Effect; 9] = [
    Effect::Read,
    Effect::Create,
    Effect::Update,
    Effect::Delete,
    Effect::Send,
    Effect::Money,
    Effect::Permission,
    Effect::Execute,
    Effect::Opaque,
];

/// The verdict on a call of a tool with `effect`, under the given rules for it.
fn action(effect: Effect, actions: &[Action]) -> Action {
    let mut definition = definition();
    definition.tools = vec![tool("t", effect)];
    definition.approvals = actions.iter().map(|&action| rule(&["t"], action)).collect();
    judge(&call("1", "t", json!({})), &definition).1
}

#[test]
fn without_a_rule_only_reads_run() {
    for effect in EFFECTS {
        let expected = if effect == Effect::Read { Action::Run } else { Action::Ask };
        assert_eq!(action(effect, &[]), expected, "{effect:?}");
    }
}

#[test]
fn a_rule_lets_creates_and_updates_run_and_nothing_worse() {
    for effect in EFFECTS {
        let expected = if effect <= Effect::Update { Action::Run } else { Action::Ask };
        assert_eq!(action(effect, &[Action::Run]), expected, "{effect:?}");
    }
}

#[test]
fn the_strictest_rule_wins_in_any_order() {
    assert_eq!(action(Effect::Read, &[Action::Run, Action::Ask]), Action::Ask);
    assert_eq!(action(Effect::Read, &[Action::Ask, Action::Refuse, Action::Run]), Action::Refuse);
    assert_eq!(action(Effect::Update, &[Action::Ask, Action::Run]), Action::Ask);
}

#[test]
fn an_unknown_tool_is_refused_and_nobody_is_asked() {
    let (verdict, action, reason) = judge(&call("1", "no.such", json!({})), &definition());
    assert_eq!(action, Action::Refuse);
    assert_eq!(reason, "the agent has no tool `no.such`");
    assert_eq!(verdict, Verdict::Settled(ToolOutcome::Refused { reason }));
}

#[test]
fn arguments_against_the_schema_go_back_to_the_model() {
    let mut bad = call("1", "write", json!({"n": "x"}));
    bad.problem = Some("/n must be a number".to_owned());
    let expected = ToolOutcome::Failed {
        error: ToolErrorKind::InvalidArguments,
        message: "/n must be a number".to_owned(),
    };
    assert_eq!(judge(&bad, &definition()).0, Verdict::Settled(expected));
}

#[test]
fn a_gate_takes_the_shortest_time_and_the_strictest_outcome() {
    let mut definition = definition();
    let mut first = rule(&["w*"], Action::Ask);
    first.timeout = Some(Duration::from_secs(90));
    let mut second = rule(&["*"], Action::Ask);
    second.timeout = Some(Duration::from_secs(60));
    second.on_timeout = OnTimeout::Fail;
    definition.approvals = vec![first, second];
    let (Verdict::Ask(ask), ..) = judge(&call("1", "write", json!({})), &definition) else {
        panic!("a person is asked");
    };
    assert_eq!((ask.timeout, ask.on_timeout), (Duration::from_secs(60), OnTimeout::Fail));
    definition.approvals.clear();
    let (Verdict::Ask(ask), ..) = judge(&call("1", "write", json!({})), &definition) else {
        panic!("a person is asked");
    };
    assert_eq!((ask.timeout, ask.on_timeout), (DEFAULT_TIMEOUT, OnTimeout::Deny));
}

#[test]
fn globs() {
    for (pattern, text, expected) in [
        ("files.write", "files.write", true),
        ("files.*", "files.write", true),
        ("*.write", "files.write", true),
        ("*", "", true),
        ("f*l*s.w*e", "files.write", true),
        ("files", "files.write", false),
        ("*.read", "files.write", false),
        ("", "files", false),
        ("a*b*c", "aXbXbX", false),
    ] {
        assert_eq!(glob::matches(pattern, text), expected, "{pattern} {text}");
    }
}
