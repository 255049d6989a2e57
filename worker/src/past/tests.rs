//! Which calls of the past change, by which rules.

use longhaul_activities::agent_file::{self, Source};
use longhaul_contract::policy::{Policy, Rule};
use longhaul_contract::time::Timestamp;
use serde_json::{Value, json};

use super::*;

const AGENT: &str = "name: brief
model: {provider: openai, name: m}
instructions: Look around.
tools:
  - files: {root: ., write: true}
";

fn call(id: &str, tool: &str, arguments: Value) -> ToolCall {
    ToolCall { id: id.into(), tool: tool.into(), arguments, problem: None, blob: None }
}

fn judged(turn: u32, call: &str, verdict: Action) -> TraceEntry {
    let event = TraceEvent::ToolJudged {
        turn,
        call: call.into(),
        summary: format!("call {turn}"),
        verdict,
        reason: String::new(),
        rules: Vec::new(),
        shadow: Vec::new(),
    };
    TraceEntry { at: Timestamp::default(), event }
}

/// Two turns whose calls have the same id, as some providers give them.
fn recorded() -> Recorded {
    let source = Source { path: Path::new("agents/brief.yaml"), text: AGENT };
    let says = |calls| Item::Assistant { text: None, calls, native: None, blob: None };
    let write = |path: &str| call("a", "files.write", json!({"path": path, "content": "x"}));
    let facts = RunFacts { id: "brief-1".into(), agent: "brief".into(), ..RunFacts::default() };
    Recorded {
        facts,
        definition: agent_file::load(&source).unwrap(),
        items: vec![says(vec![write("one.txt")]), says(vec![write("two.txt")])],
        trace: vec![judged(1, "a", Action::Ask), judged(2, "a", Action::Ask)],
    }
}

fn tried(rules: Vec<Rule>) -> Vec<PastCall> {
    judge(&TimeMachine::new(Policy::new(rules), Vec::new()), &recorded())
}

fn rule(action: Action, when: &str) -> Rule {
    let tools = vec!["files.write".to_owned()];
    Rule { tools, when: Some(when.to_owned()), ..Rule::new("tried", action) }
}

#[test]
fn without_a_rule_nothing_changes() {
    let calls = tried(Vec::new());
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| !call.changes), "{calls:?}");
}

#[test]
fn a_rule_changes_the_calls_that_it_speaks_of() {
    let calls = tried(vec![rule(Action::Refuse, "args.path == 'two.txt' && run.turn == 2")]);
    let changed: Vec<_> = calls.iter().map(|call| (call.turn, call.changes)).collect();
    assert_eq!(changed, [(1, false), (2, true)]);
    assert_eq!((calls[1].was, calls[1].would_be), (Action::Ask, Action::Refuse));
    assert_eq!(calls[1].rules, ["worker:tried"]);
}

#[test]
fn a_rule_in_shadow_mode_changes_nothing_and_is_told() {
    let calls = tried(vec![Rule { shadow: true, ..rule(Action::Refuse, "true") }]);
    assert!(calls.iter().all(|call| !call.changes && call.shadow.len() == 1), "{calls:?}");
}
