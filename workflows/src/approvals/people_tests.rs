//! Gates that only some people may decide, that several have to, and that time moves on.

use ed25519_dalek::{Signer as _, SigningKey};
use longhaul_contract::approval::{Channel, Decide, Decision, DecisionRefusal, GateOutcome};
use longhaul_contract::approval::{Remember, Span};
use longhaul_contract::identity::{Claims, Envelope, Person, Trust, TrustedKey};
use longhaul_contract::interrupt::{Plan, Stage};
use longhaul_contract::notice::NoticeEvent;
use longhaul_contract::policy::{Approvers, OnDeadline, Outcome, Scope};
use longhaul_contract::tool::{ToolErrorKind, ToolOutcome};
use serde_json::json;

use crate::approvals::{Due, due};
use crate::session::Session;
use crate::testing::{asking, at, judged, plan, resumed, seal, told};

const GATE: &str = "apr_1_1";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn edge() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn trust() -> Trust {
    let key = |id: &str, key: &SigningKey, person: Option<Person>| TrustedKey {
        id: id.to_owned(),
        public: hex(key.verifying_key().as_bytes()),
        person,
    };
    let own = Person { name: "eve".to_owned(), groups: vec!["finance".to_owned()] };
    let keys =
        vec![key("edge", &edge(), None), key("eve", &SigningKey::from_bytes(&[8; 32]), Some(own))];
    Trust { temporal_access: false, keys }
}

fn approvers(groups: &[&str]) -> Approvers {
    Approvers {
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        quorum: 1,
        no_self: false,
        delegation: false,
    }
}

fn restricted(approvers: Approvers) -> Plan {
    Plan { approvers: vec![approvers], ..plan() }
}

/// The decision with an envelope that the edge signed for `name`.
fn signed(run: &Session, decide: Decide, name: &str, groups: &[&str]) -> Decide {
    signed_by("edge", &edge(), run, decide, name, groups, |_| {})
}

fn signed_by(
    id: &str,
    key: &SigningKey,
    run: &Session,
    decide: Decide,
    name: &str,
    groups: &[&str],
    change: impl FnOnce(&mut Claims),
) -> Decide {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    let mut claims = Claims {
        v: 1,
        person: Person { name: name.to_owned(), groups },
        on_behalf_of: None,
        chain: run.chain.clone(),
        gate: decide.id.clone(),
        digest: run.gate(GATE).unwrap().request.digest.clone(),
        decision: decide.content(),
        channel: Channel::Http,
        issued_at: at(4),
        expires_at: at(30),
    };
    change(&mut claims);
    let claims = serde_json::to_string(&claims).unwrap();
    let signature = hex(&key.sign(claims.as_bytes()).to_bytes());
    let envelope = Envelope { key: id.to_owned(), claims, signature };
    Decide { envelope: Some(envelope), ..decide }
}

fn answer(run: &mut Session, decide: &Decide) -> (GateOutcome, Option<DecisionRefusal>) {
    let receipt = run.decide(decide, Channel::Update, at(5)).unwrap();
    assert_eq!(receipt.accepted, receipt.refused.is_none());
    (receipt.outcome, receipt.refused)
}

fn approve() -> Decide {
    Decide::new(GATE, Decision::Approve)
}

const OPEN: GateOutcome = GateOutcome::Open;

#[test]
fn only_a_proven_member_decides_what_is_reserved_to_a_group() {
    let mut run = asking(told(trust(), None), restricted(approvers(&["finance"])));
    let unproven = Decide { by: Some("ada".to_owned()), ..approve() };
    assert_eq!(answer(&mut run, &unproven), (OPEN, Some(DecisionRefusal::Unauthenticated)));
    let other = signed(&run, approve(), "bob", &["sales"]);
    assert_eq!(answer(&mut run, &other), (OPEN, Some(DecisionRefusal::NotAnApprover)));
    let ada = signed(&run, approve(), "ada", &["finance"]);
    assert_eq!(answer(&mut run, &ada), (GateOutcome::Approved, None));
    assert_eq!(answer(&mut run, &ada), (GateOutcome::Approved, None), "again, it is the same");
    let by = run.gate(GATE).unwrap().by.clone().unwrap();
    assert_eq!((by.name.as_deref(), by.channel), (Some("ada"), Channel::Http));
    let closed = |event: &NoticeEvent| matches!(event, NoticeEvent::Closed { .. });
    assert_eq!(run.people.outbox.iter().filter(|notice| closed(&notice.event)).count(), 1);
}

#[test]
fn an_operator_may_trust_access_to_temporal() {
    let trusting = Trust { temporal_access: true, ..trust() };
    let mut run = asking(told(trusting, None), restricted(approvers(&["finance"])));
    assert_eq!(answer(&mut run, &approve()), (GateOutcome::Approved, None));
}

#[test]
fn envelopes_are_bound_to_run_gate_decision_and_time() {
    let mut run = asking(told(trust(), None), restricted(approvers(&["finance"])));
    type Change = fn(&mut Claims);
    let cases: [(Change, DecisionRefusal); 5] = [
        (|claims| claims.chain = "another".to_owned(), DecisionRefusal::OtherEnvelope),
        (|claims| claims.gate = "apr_1_2".to_owned(), DecisionRefusal::OtherEnvelope),
        (|claims| claims.expires_at = at(4), DecisionRefusal::EnvelopeExpired),
        (
            |claims| claims.digest = longhaul_contract::digest::Digest::of("x"),
            DecisionRefusal::DigestMismatch,
        ),
        (|claims| claims.v = 2, DecisionRefusal::OtherEnvelope),
    ];
    for (change, refusal) in cases {
        let forged = signed_by("edge", &edge(), &run, approve(), "ada", &["finance"], change);
        assert_eq!(answer(&mut run, &forged), (OPEN, Some(refusal)));
    }
    // The envelope of a denial does not approve.
    let denial = signed(&run, Decide::new(GATE, Decision::Deny), "ada", &["finance"]);
    let turned = Decide { decision: Decision::Approve, ..denial };
    assert_eq!(answer(&mut run, &turned), (OPEN, Some(DecisionRefusal::OtherEnvelope)));
    // Nor does a key that nobody trusts, or a changed claim.
    let stranger = SigningKey::from_bytes(&[9; 32]);
    let forged = signed_by("edge", &stranger, &run, approve(), "ada", &["finance"], |_| {});
    assert_eq!(answer(&mut run, &forged), (OPEN, Some(DecisionRefusal::BadSignature)));
    let mut changed = signed(&run, approve(), "bob", &["sales"]);
    let envelope = changed.envelope.as_mut().unwrap();
    envelope.claims = envelope.claims.replace("sales", "finance");
    assert_eq!(answer(&mut run, &changed), (OPEN, Some(DecisionRefusal::BadSignature)));
    assert_eq!(run.gate(GATE).unwrap().refused, 8);
}

#[test]
fn a_person_signs_for_themselves_alone() {
    let mut run = asking(told(trust(), None), restricted(approvers(&["finance"])));
    let own = SigningKey::from_bytes(&[8; 32]);
    let as_ada = signed_by("eve", &own, &run, approve(), "ada", &["finance"], |_| {});
    assert_eq!(answer(&mut run, &as_ada), (OPEN, Some(DecisionRefusal::BadSignature)));
    // Groups are those that the run was told of, whatever the envelope says.
    let eve = signed_by("eve", &own, &run, approve(), "eve", &["sales"], |_| {});
    assert_eq!(answer(&mut run, &eve), (GateOutcome::Approved, None));
}

#[test]
fn a_quorum_counts_people_and_not_decisions() {
    let quorum = Approvers { quorum: 2, ..approvers(&["finance"]) };
    let mut run = asking(told(trust(), None), restricted(quorum));
    let ada = signed(&run, approve(), "ada", &["finance"]);
    assert_eq!(answer(&mut run, &ada), (OPEN, None));
    assert_eq!(answer(&mut run, &ada), (OPEN, None), "the same person counts once");
    let edited = Decide { arguments: Some(json!({})), ..approve() };
    let edited = signed(&run, edited, "bob", &["finance"]);
    assert_eq!(answer(&mut run, &edited), (OPEN, Some(DecisionRefusal::NotAllowed)));
    let bob = signed(&run, approve(), "bob", &["finance"]);
    // It survives a new execution of the chain.
    seal(&mut run);
    let mut run = resumed(&run, at(6));
    assert_eq!(answer(&mut run, &bob), (GateOutcome::Approved, None));
}

#[test]
fn whoever_started_the_run_does_not_approve_it() {
    let no_self = || Approvers { no_self: true, ..approvers(&[]) };
    let mut run = asking(told(trust(), Some(("ada", true))), restricted(no_self()));
    let ada = signed(&run, approve(), "ada", &[]);
    assert_eq!(answer(&mut run, &ada), (OPEN, Some(DecisionRefusal::SelfApproval)));
    let bob = signed(&run, approve(), "bob", &[]);
    assert_eq!(answer(&mut run, &bob), (GateOutcome::Approved, None));
    for starter in [None, Some(("ada", false))] {
        let mut run = asking(told(trust(), starter), restricted(no_self()));
        let bob = signed(&run, approve(), "bob", &[]);
        assert_eq!(answer(&mut run, &bob), (OPEN, Some(DecisionRefusal::StarterUnknown)));
    }
}

#[test]
fn a_member_may_name_somebody_else_where_the_rule_lets_them() {
    let delegate =
        |to: &str| Decide { to: Some(to.to_owned()), ..Decide::new(GATE, Decision::Delegate) };
    let mut run = asking(told(trust(), None), restricted(approvers(&["finance"])));
    let ada = signed(&run, delegate("carl"), "ada", &["finance"]);
    assert_eq!(answer(&mut run, &ada), (OPEN, Some(DecisionRefusal::NotAllowed)));

    let delegation = Approvers { delegation: true, ..approvers(&["finance"]) };
    let mut run = asking(told(trust(), None), restricted(delegation));
    let ada = signed(&run, delegate("carl"), "ada", &["finance"]);
    assert_eq!(answer(&mut run, &ada), (OPEN, None));
    let further = signed(&run, delegate("dora"), "carl", &[]);
    assert_eq!(answer(&mut run, &further), (OPEN, Some(DecisionRefusal::NotAnApprover)));
    let carl = signed(&run, approve(), "carl", &[]);
    assert_eq!(answer(&mut run, &carl), (GateOutcome::Approved, None));
}

#[test]
fn time_reminds_escalates_and_closes() {
    let stage = |groups: &[&str], until, remind_at: &[i64]| Stage {
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        until: at(until),
        remind_at: remind_at.iter().map(|second| at(*second)).collect(),
    };
    let stages = vec![stage(&[], 60, &[20, 40]), stage(&["board"], 120, &[])];
    let plan =
        Plan { stages, outcome: OnDeadline::Escalate, ..restricted(approvers(&["finance"])) };
    let mut run = asking(told(trust(), None), plan);
    let next = |run: &Session| due(run.gate(GATE).unwrap());
    for second in [20, 40] {
        assert_eq!(next(&run), Due::Reminder(at(second)));
        let what = next(&run);
        run.time_came(GATE, what, at(second));
    }
    assert_eq!(next(&run), Due::End(at(60)));
    let board = |run: &Session| signed(run, approve(), "zoe", &["board"]);
    let early = board(&run);
    assert_eq!(answer(&mut run, &early), (OPEN, Some(DecisionRefusal::NotAnApprover)));
    run.time_came(GATE, Due::End(at(60)), at(60));
    assert_eq!(next(&run), Due::End(at(120)));
    assert_eq!(run.gate(GATE).unwrap().request.asked, ["board"]);
    let mut decided = run.clone();
    assert_eq!(answer(&mut decided, &early), (GateOutcome::Approved, None));
    run.time_came(GATE, Due::End(at(120)), at(120));
    assert_eq!(run.gate(GATE).unwrap().outcome, GateOutcome::Expired);
    assert_eq!(
        answer(&mut run, &early),
        (GateOutcome::Expired, Some(DecisionRefusal::AlreadyExpired))
    );
}

#[test]
fn a_gate_may_wait_beyond_its_deadline_or_fail_the_run() {
    let mut run = asking(told(trust(), None), Plan { outcome: OnDeadline::Wait, ..plan() });
    run.time_came(GATE, Due::End(at(60)), at(60));
    assert_eq!(due(run.gate(GATE).unwrap()), Due::Never);
    assert_eq!(answer(&mut run, &approve()), (GateOutcome::Approved, None));
    let mut run = asking(told(trust(), None), Plan { outcome: OnDeadline::Fail, ..plan() });
    run.time_came(GATE, Due::End(at(60)), at(60));
    assert!(run.failure.is_some());
}

#[test]
fn a_person_may_answer_in_place_of_the_tool_or_ask_back() {
    let mut run = asking(told(trust(), None), plan());
    let empty = Decide::new(GATE, Decision::Answer);
    assert_eq!(answer(&mut run, &empty), (OPEN, Some(DecisionRefusal::Malformed)));
    let said = Decide { answer: Some(json!("42")), ..Decide::new(GATE, Decision::Answer) };
    assert_eq!(answer(&mut run, &said), (GateOutcome::Answered, None));
    let outcome = ToolOutcome::Answered { content: "42".to_owned(), blob: None };
    assert_eq!(run.plain_answer(0), Some(outcome));
    let mut run = asking(told(trust(), None), plan());
    let asks = Decide { reason: Some("Why?".to_owned()), ..Decide::new(GATE, Decision::Question) };
    assert_eq!(answer(&mut run, &asks), (GateOutcome::Questioned, None));
}

#[test]
fn what_does_not_fit_opens_the_gate_again_for_new_decisions_alone() {
    let mut run = asking(told(trust(), None), plan());
    let seen = run.gate(GATE).unwrap().request.digest.clone();
    let edited =
        Decide { arguments: Some(json!({"path": 7, "token": "••••••"})), ..approve() };
    assert_eq!(answer(&mut run, &edited), (GateOutcome::Approved, None));
    // The secret that was masked is what runs.
    assert_eq!(run.calls[0].arguments(), &json!({"path": 7, "token": "t-1"}));
    let error = ToolErrorKind::InvalidArguments;
    let refused = ToolOutcome::Failed { error, message: "path is a number".to_owned() };
    assert_eq!(run.accept(0, refused, at(6)), None);
    let gate = run.gate(GATE).unwrap();
    assert_eq!((gate.outcome, gate.request.problem.as_deref()), (OPEN, Some("path is a number")));
    let late = Decide { digest: Some(seen), ..approve() };
    assert_eq!(answer(&mut run, &late), (OPEN, Some(DecisionRefusal::DigestMismatch)));
    assert_eq!(answer(&mut run, &approve()), (GateOutcome::Approved, None));
}

#[test]
fn a_decision_is_remembered_no_further_than_it_is_offered() {
    let offered = Plan { offers: vec![Scope::Tool], ..plan() };
    let remember = |scope: Scope, reach: Span| Decide {
        remember: Some(Remember { scope, reach }),
        ..approve()
    };
    let prefix = Scope::Prefix { argument: "path".to_owned(), prefix: "a".to_owned() };
    let mut run = asking(told(trust(), None), offered);
    let broad = remember(prefix, Span::Run);
    assert_eq!(answer(&mut run, &broad), (OPEN, Some(DecisionRefusal::TooBroad)));
    let far = remember(Scope::Tool, Span::Everywhere);
    assert_eq!(answer(&mut run, &far), (OPEN, Some(DecisionRefusal::Unauthenticated)));
    assert_eq!(answer(&mut run, &remember(Scope::Tool, Span::Run)), (GateOutcome::Approved, None));
    let judging = run.judging().unwrap();
    assert_eq!(judging.remembered.len(), 1);
    let id = judging.remembered[0].id.clone();
    run.revoke(&id, at(9));
    assert!(run.judging().unwrap().remembered.is_empty());
    assert!(run.people.rejudge);
}

#[test]
fn changed_rules_release_or_withdraw_what_waits_and_stop_what_would_run() {
    let ids = [GATE.to_owned()];
    let mut run = asking(told(trust(), None), plan());
    run.judged_again(&ids, vec![judged(Outcome::Ask, Some(plan()))], at(7));
    assert_eq!(run.gate(GATE).unwrap().outcome, OPEN);
    run.judged_again(&ids, vec![judged(Outcome::Run, None)], at(8));
    assert_eq!(run.gate(GATE).unwrap().outcome, GateOutcome::Released);
    let mut run = asking(told(trust(), None), plan());
    run.judged_again(&ids, vec![judged(Outcome::Refuse, None)], at(8));
    assert_eq!(run.gate(GATE).unwrap().outcome, GateOutcome::Withdrawn);
    assert_eq!(
        answer(&mut run, &approve()),
        (GateOutcome::Withdrawn, Some(DecisionRefusal::AlreadyReleased))
    );
}

#[test]
fn nothing_runs_without_a_verdict() {
    let mut run = told(trust(), None);
    let call = crate::testing::call("c1", "look", json!({}));
    run.reply(crate::testing::reply(None, vec![call.clone()]), at(2), at(3));
    let refused = |run: &Session| {
        matches!(
            run.calls[0].verdict,
            longhaul_contract::approval::Verdict::Settled(ToolOutcome::Refused { .. })
        )
    };
    assert!(refused(&run), "nobody judged it");
    for unfit in
        [judged(Outcome::Ask, None), judged(Outcome::Ask, Some(Plan { stages: vec![], ..plan() }))]
    {
        let mut run = told(trust(), None);
        let mut reply = crate::testing::reply(None, vec![call.clone()]);
        reply.judged = vec![unfit];
        run.reply(reply, at(2), at(3));
        assert!(refused(&run), "nobody could be asked");
    }
}
