//! First decision wins; late, forged and second ones are answered, not obeyed.

use longhaul_contract::approval::{Channel, Decide, Decision, DecisionRefusal, GateOutcome};
use longhaul_contract::definition::{Action, OnTimeout};
use longhaul_contract::digest::Digest;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::trace::TraceEvent;
use serde_json::json;

use crate::session::{MAX_AUDITED, Session};
use crate::testing::{at, call, definition, pinned, reply, rule};
use longhaul_contract::approval::Verdict;

fn waiting(on_timeout: OnTimeout) -> Session {
    let mut definition = definition();
    let mut asks = rule(&["write"], Action::Ask);
    asks.on_timeout = on_timeout;
    definition.approvals = vec![asks];
    let mut run = pinned(false, definition);
    run.reply(reply(None, vec![call("c1", "write", json!({"path": "a"}))]), at(2), at(3));
    let Verdict::Ask(ask) = run.calls[0].verdict.clone() else { panic!("a write asks") };
    run.open_gate(0, &ask, at(4));
    run
}

fn decide(decision: Decision) -> Decide {
    Decide::new("apr_1_1", decision)
}

fn told(run: &mut Session, decide: &Decide) -> (bool, GateOutcome, Option<DecisionRefusal>) {
    let receipt = run.decide(decide, Channel::Update, at(5)).unwrap();
    (receipt.accepted, receipt.outcome, receipt.refused)
}

#[test]
fn the_first_decision_wins_and_the_same_again_is_idempotent() {
    let mut run = waiting(OnTimeout::Deny);
    let approved = (true, GateOutcome::Approved, None);
    assert_eq!(told(&mut run, &decide(Decision::Approve)), approved);
    assert_eq!(told(&mut run, &decide(Decision::Approve)), approved);
    assert_eq!(
        told(&mut run, &decide(Decision::Deny)),
        (false, GateOutcome::Approved, Some(DecisionRefusal::AlreadyDecided))
    );
}

#[test]
fn a_decision_about_other_arguments_does_not_stand() {
    let mut run = waiting(OnTimeout::Deny);
    let forged = Decide { digest: Some(Digest::of("other")), ..decide(Decision::Approve) };
    assert_eq!(
        told(&mut run, &forged),
        (false, GateOutcome::Open, Some(DecisionRefusal::DigestMismatch))
    );
    let seen = run.calls[0].gate.clone().unwrap().request.digest;
    let bound = Decide { digest: Some(seen), ..decide(Decision::Approve) };
    assert_eq!(told(&mut run, &bound), (true, GateOutcome::Approved, None));
}

#[test]
fn edited_arguments_replace_the_models() {
    let mut run = waiting(OnTimeout::Deny);
    let edit = Decide { arguments: Some(json!({"path": "b"})), ..decide(Decision::Approve) };
    assert_eq!(told(&mut run, &edit), (true, GateOutcome::Approved, None));
    assert_eq!(run.calls[0].arguments(), &json!({"path": "b"}));
    let denial = Decide { arguments: Some(json!({})), ..decide(Decision::Deny) };
    assert_eq!(
        told(&mut waiting(OnTimeout::Deny), &denial).2,
        Some(DecisionRefusal::ArgumentsWithDenial)
    );
}

#[test]
fn expiry_is_not_a_denial_and_cannot_be_overruled() {
    let mut run = waiting(OnTimeout::Deny);
    run.expire_gate("apr_1_1", at(99));
    assert_eq!(
        told(&mut run, &decide(Decision::Approve)),
        (false, GateOutcome::Expired, Some(DecisionRefusal::AlreadyExpired))
    );
    assert_eq!(run.failure, None);
}

#[test]
fn a_rule_may_fail_the_run_on_expiry() {
    let mut run = waiting(OnTimeout::Fail);
    run.expire_gate("apr_1_1", at(99));
    let expected = (FailureKind::ApprovalExpired, "nobody answered `write a` in time".to_owned());
    assert_eq!(run.failure, Some(expected));
}

#[test]
fn unknown_gates_are_named_with_those_that_wait() {
    let run = waiting(OnTimeout::Deny);
    assert_eq!(run.refuses_decision(&decide(Decision::Deny)), None);
    let other = Decide::new("apr_9_9", Decision::Deny);
    assert_eq!(
        run.refuses_decision(&other).as_deref(),
        Some("no gate `apr_9_9`: open gates are apr_1_1")
    );
}

#[test]
fn refused_decisions_are_traced_up_to_a_bound() {
    let mut run = waiting(OnTimeout::Deny);
    told(&mut run, &decide(Decision::Deny));
    for _ in 0..MAX_AUDITED + 3 {
        told(&mut run, &decide(Decision::Approve));
    }
    let traced = run
        .trace
        .iter()
        .filter(|entry| matches!(entry.event, TraceEvent::DecisionRefused { .. }))
        .count();
    assert_eq!(traced, usize::try_from(MAX_AUDITED).unwrap());
    assert_eq!(run.gate("apr_1_1").unwrap().refused, MAX_AUDITED + 3);
}
