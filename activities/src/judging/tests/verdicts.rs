//! Verdicts of all sources together, as they enter history.

use longhaul_contract::approval::Channel;
use longhaul_contract::definition::{Action, Definition};
use longhaul_contract::policy::{Outcome, Reach, Remembered, Rule, Scope};
use longhaul_contract::tool::{Effect, ToolBinding, ToolCall};
use serde_json::json;

use super::{call, judges, judging, noon, order, rule, spec, write};
use crate::judging::Judges;

fn definition() -> Definition {
    let text = "name: tester\nmodel: {provider: ollama, name: m}\ninstructions: Help.\n";
    let path = std::path::Path::new("agents/tester.yaml");
    let source = crate::agent_file::Source { path, text };
    let mut results = spec("results.read", ToolBinding::Results);
    results.effect = Effect::Read;
    let tools = vec![write(), order(), results];
    Definition { tools, ..crate::agent_file::load(&source).unwrap() }
}

fn outcome(judges: &Judges, remembered: &[Remembered], call: &ToolCall) -> Outcome {
    let (judged, _) = judges.judge(
        &definition(),
        &definition().digest(),
        &judging(),
        remembered,
        std::slice::from_ref(call),
        noon(),
    );
    let judged = judged.into_iter().next().unwrap();
    assert_eq!(judged.plan.is_some(), judged.verdict.outcome == Outcome::Ask, "{judged:?}");
    judged.verdict.outcome
}

fn remembered(action: Action) -> Remembered {
    Remembered {
        id: "dec-1".to_owned(),
        action,
        tool: "files.write".to_owned(),
        scope: Scope::Tool,
        reach: Reach::Agent { agent: "tester".to_owned() },
        by: None,
        channel: Channel::Update,
        at: noon(),
    }
}

#[test]
fn the_policy_enters_history_once() {
    let judges = judges(vec![rule("no", &["files.*"], Action::Refuse)]);
    let calls = [call("files.write", json!({"path": "a"}))];
    let (judged, policy) =
        judges.judge(&definition(), &definition().digest(), &judging(), &[], &calls, noon());
    let policy = policy.unwrap();
    assert_eq!(judged[0].verdict.policy, None, "it is said once");
    let known = longhaul_contract::interrupt::Judging {
        known: Some(policy.digest.short().to_owned()),
        ..judging()
    };
    assert_eq!(
        judges.judge(&definition(), &definition().digest(), &known, &[], &calls, noon()).1,
        None
    );
    // What was remembered meanwhile is a new policy.
    let remembered = [remembered(Action::Run)];
    let (_, changed) =
        judges.judge(&definition(), &definition().digest(), &known, &remembered, &calls, noon());
    assert_ne!(changed.unwrap().digest, policy.digest);
}

#[test]
fn an_update_asks_and_a_tool_that_is_not_there_is_refused() {
    let judges = judges(Vec::new());
    assert_eq!(outcome(&judges, &[], &call("files.write", json!({}))), Outcome::Ask);
    assert_eq!(outcome(&judges, &[], &call("files.wipe", json!({}))), Outcome::Refuse);
    let broken = ToolCall { problem: Some("no".to_owned()), ..call("files.write", json!({})) };
    assert_eq!(outcome(&judges, &[], &broken), Outcome::Invalid);
}

#[test]
fn the_strictest_source_wins() {
    let write = call("files.write", json!({"path": "a"}));
    let asking = judges(vec![rule("ask", &["files.write"], Action::Ask)]);
    assert_eq!(outcome(&asking, &[remembered(Action::Run)], &write), Outcome::Ask, "not offered");
    let offered = Rule {
        remember: Some(longhaul_contract::policy::Breadth::Tool),
        ..rule("ask", &["files.write"], Action::Ask)
    };
    let offering = judges(vec![offered.clone()]);
    assert_eq!(outcome(&offering, &[remembered(Action::Run)], &write), Outcome::Run);
    assert_eq!(outcome(&offering, &[remembered(Action::Refuse)], &write), Outcome::Refuse);
    let strict = judges(vec![offered, rule("no", &["files.*"], Action::Refuse)]);
    assert_eq!(outcome(&strict, &[remembered(Action::Run)], &write), Outcome::Refuse);
}

#[test]
fn a_rule_that_cannot_be_evaluated_asks_or_refuses() {
    let broken = |action| Rule {
        when: Some("args.amount > 100".to_owned()),
        ..rule("big", &["shop.order"], action)
    };
    let call = call("shop.order", json!({"id": 1}));
    assert_eq!(outcome(&judges(vec![broken(Action::Run)]), &[], &call), Outcome::Ask);
    assert_eq!(outcome(&judges(vec![broken(Action::Ask)]), &[], &call), Outcome::Ask);
    assert_eq!(outcome(&judges(vec![broken(Action::Refuse)]), &[], &call), Outcome::Refuse);
}

#[test]
fn what_the_agent_was_given_it_may_read_on_whatever_the_rules() {
    let strict = judges(vec![rule("no", &[], Action::Refuse)]);
    assert_eq!(outcome(&strict, &[], &call("results.read", json!({"id": "x"}))), Outcome::Run);
    assert_eq!(outcome(&strict, &[], &call("files.write", json!({}))), Outcome::Refuse);
}
