//! Whatever happens to a run, no call runs without a verdict that lets it run or a valid decision.

use std::collections::{BTreeMap, BTreeSet};

use longhaul_contract::approval::{
    Channel, Decide, Decision, GateOutcome, Remember, Span, Verdict,
};
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Trust;
use longhaul_contract::interrupt::{InterruptKind, Judged, Plan};
use longhaul_contract::policy::{Approvers, OnDeadline, Outcome, Scope};
use longhaul_contract::run::{Message, Steer};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{ToolErrorKind, ToolOutcome};
use proptest::prelude::*;
use serde_json::json;

use crate::approvals::due;
use crate::gates::{AtGate, grant, outcome};
use crate::session::{Gate, Session};
use crate::testing::{at, call, done, judged, plan, reply, resumed, seal, told};

/// Something that happens to a run.
#[derive(Clone, Debug)]
enum Op {
    /// The model makes calls, each judged as that number says.
    Reply(Vec<u8>),
    /// Whatever is next for a call; what its activity reports, should it run.
    Advance(usize, u8),
    EndTurn,
    /// A decision on a gate: of which kind, by whom, and with what besides.
    Decide {
        gate: usize,
        kind: u8,
        by: u8,
        with: u8,
    },
    /// What waits is judged again, each as that number says.
    JudgedAgain(Vec<u8>),
    /// Time does what is due at a gate.
    Time(usize),
    Message {
        interrupt: bool,
    },
    Pause(bool),
    Revoke,
    Continue,
}

fn op() -> impl Strategy<Value = Op> {
    let kinds = || proptest::collection::vec(0..8_u8, 1..4);
    prop_oneof![
        4 => kinds().prop_map(Op::Reply),
        12 => (0..3_usize, 0..8_u8).prop_map(|(index, report)| Op::Advance(index, report)),
        4 => Just(Op::EndTurn),
        10 => (0..3_usize, 0..6_u8, 0..3_u8, 0..7_u8)
            .prop_map(|(gate, kind, by, with)| Op::Decide { gate, kind, by, with }),
        2 => kinds().prop_map(Op::JudgedAgain),
        2 => (0..3_usize).prop_map(Op::Time),
        1 => any::<bool>().prop_map(|interrupt| Op::Message { interrupt }),
        1 => any::<bool>().prop_map(Op::Pause),
        1 => Just(Op::Revoke),
        3 => Just(Op::Continue),
    ]
}

/// What a policy may say of a call; `None` if it says nothing at all.
fn saying(kind: u8) -> Option<Judged> {
    let quorum = Approvers { groups: vec![], quorum: 2, no_self: false, delegation: true };
    Some(match kind {
        0 => judged(Outcome::Run, None),
        1 => judged(Outcome::Ask, Some(Plan { offers: vec![Scope::Tool], batch: true, ..plan() })),
        2 => judged(Outcome::Ask, Some(Plan { approvers: vec![quorum], ..plan() })),
        3 => judged(Outcome::Ask, None),
        4 => judged(Outcome::Refuse, None),
        5 => judged(Outcome::Run, Some(Plan { kind: InterruptKind::Question, ..plan() })),
        6 => judged(Outcome::Invalid, Some(Plan { outcome: OnDeadline::Wait, ..plan() })),
        _ => return None,
    })
}

fn lets_run(judged: Option<&Judged>) -> bool {
    judged.is_some_and(|it| it.verdict.outcome == Outcome::Run && it.plan.is_none())
}

/// What an onlooker knows of a call.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The policy lets it run, as it last spoke.
    lets_run: bool,
    /// How many people have to approve.
    quorum: usize,
    /// Who has approved since the gate was last opened.
    approved: BTreeSet<u8>,
    /// The gate was released because the policy lets it run.
    released: bool,
    /// A person has answered in its place.
    answered: bool,
    /// Somebody said no, or let it be, or time was up.
    closed: bool,
}

impl Seen {
    fn judged(&mut self, judged: Option<&Judged>) {
        self.lets_run = lets_run(judged);
        let plan = judged.and_then(|it| it.plan.as_ref());
        let quorum = plan.and_then(|plan| plan.approvers.first()).map_or(1, |it| it.quorum);
        self.quorum = usize::try_from(quorum).unwrap();
    }

    fn may_run(&self) -> bool {
        let decided = self.approved.len() >= self.quorum.max(1) && !self.closed;
        self.lets_run || self.released || decided
    }
}

struct World {
    run: Session,
    seen: BTreeMap<String, Seen>,
    /// Digests that gates had before.
    stale: Option<Digest>,
    ran: usize,
}

/// The gate of a call, or the name of the one that it would get first.
fn gate(run: &Session, index: usize) -> String {
    let gate = run.calls.get(index).and_then(|call| call.gate.as_ref());
    gate.map_or_else(|| name(run, index), |gate| gate.request.id.clone())
}

/// What an activity reports that finds the account missing.
fn must_connect() -> Judged {
    judged(Outcome::Ask, Some(Plan { kind: InterruptKind::Auth, ..plan() }))
}

/// Name of a call, as its first gate is named.
fn name(run: &Session, index: usize) -> String {
    format!("apr_{}_{}", run.spend.turns, index + 1)
}

impl World {
    fn start() -> Self {
        let trust = Trust { temporal_access: true, keys: Vec::new() };
        let run = told(trust, None);
        Self { run, seen: BTreeMap::new(), stale: None, ran: 0 }
    }

    fn apply(&mut self, op: &Op, tick: i64) {
        let now = at(10 + tick);
        match op {
            Op::Reply(kinds) if self.run.calls.is_empty() => self.reply(kinds, now),
            Op::Advance(index, report) if *index < self.run.calls.len() => {
                self.advance(*index, *report, now);
            }
            Op::EndTurn => self.run.end_turn(),
            Op::Decide { gate, kind, by, with } => self.decide(*gate, *kind, *by, *with, now),
            Op::JudgedAgain(kinds) => self.judged_again(kinds, now),
            Op::Time(index) => self.time(*index, now),
            Op::Message { interrupt } => {
                let message = Message { text: "and?".to_owned(), key: None, interrupt: *interrupt };
                self.run.receive(message, Channel::Signal, now);
            }
            Op::Pause(pause) => {
                self.run.steer(*pause, Steer::default(), Channel::Signal, now);
            }
            Op::Revoke => {
                if let Some(decision) = self.run.people.remembered.first().cloned() {
                    self.run.revoke(&decision.id, now);
                }
            }
            Op::Continue => {
                seal(&mut self.run);
                let id = self.run.workflow_id.clone();
                self.run = resumed(&self.run, now);
                self.run.workflow_id = id;
            }
            Op::Reply(_) | Op::Advance(..) => {}
        }
    }

    fn reply(&mut self, kinds: &[u8], now: Timestamp) {
        self.run.take_messages();
        let calls = (0..kinds.len()).map(|it| call(&format!("c{it}"), "write", json!({"n": it})));
        let mut reply = reply(None, calls.collect());
        // A reply may be without the verdicts of its last calls.
        let said: Vec<Option<Judged>> = kinds.iter().map(|kind| saying(*kind)).collect();
        reply.judged = said.iter().map_while(Clone::clone).collect();
        let judged = reply.judged.clone();
        self.run.reply(reply, now, now);
        for index in 0..kinds.len() {
            let mut seen = Seen::default();
            seen.judged(judged.get(index));
            self.seen.insert(name(&self.run, index), seen);
        }
    }

    fn advance(&mut self, index: usize, report: u8, now: Timestamp) {
        if self.run.calls[index].outcome.is_some() {
            return;
        }
        let interrupted = self.run.interrupting;
        let came = match self.run.calls[index].verdict.clone() {
            Verdict::Settled(settled) => Some(settled),
            Verdict::Run => self.runs(index, report, now),
            Verdict::Ask(ask) if self.run.calls[index].gate.is_none() => {
                self.run.open_gate(index, &ask, now);
                return;
            }
            Verdict::Ask(_) => {
                let id = gate(&self.run, index);
                if self.run.gate(&id).unwrap().is_open() {
                    if !interrupted {
                        return;
                    }
                    self.run.cancel_gate(&id, now);
                }
                match outcome(&self.run, &id, interrupted) {
                    AtGate::Passed => self.runs(index, report, now),
                    AtGate::Answered => self.answered(index, report, now),
                    AtGate::Stopped(stopped) => Some(stopped),
                    AtGate::Waits => return,
                }
            }
        };
        if let Some(came) = came {
            assert!(!matches!(came, ToolOutcome::MustAsk { .. }), "the model never reads it");
            self.run.settle(index, came, now);
        }
    }

    /// The activity of the call starts.
    fn runs(&mut self, index: usize, report: u8, now: Timestamp) -> Option<ToolOutcome> {
        if self.run.interrupting {
            return Some(ToolOutcome::Skipped);
        }
        if self.run.is_held() {
            return None;
        }
        let id = name(&self.run, index);
        let seen = self.seen.get_mut(&id).unwrap();
        assert!(seen.may_run(), "{id} runs: {seen:?}");
        let granted = grant(&self.run.calls[index]).is_some();
        let decided = seen.approved.len() >= seen.quorum.max(1);
        assert!(!granted || decided, "{id} has a grant that nobody gave: {seen:?}");
        assert!(granted || seen.lets_run || seen.released, "{id} runs without a grant: {seen:?}");
        self.ran += 1;
        self.run.calls[index].started_at = Some(now);
        let reported = match report {
            // The policy is stricter by now.
            kind @ 1..=4 => {
                let judged = saying(kind).unwrap();
                seen.judged(Some(&judged));
                seen.approved.clear();
                seen.released = false;
                ToolOutcome::MustAsk { judged: Box::new(judged) }
            }
            5 => invalid(),
            7 => ToolOutcome::MustAsk { judged: Box::new(must_connect()) },
            _ => done("done"),
        };
        self.take(index, reported, now)
    }

    /// What a person answered is taken as it is, or checked.
    fn answered(&mut self, index: usize, report: u8, now: Timestamp) -> Option<ToolOutcome> {
        let id = name(&self.run, index);
        assert!(self.seen[&id].answered, "{id} has no answer");
        match self.run.plain_answer(index) {
            Some(plain) if report != 5 => Some(plain),
            Some(_) | None => self.take(index, invalid(), now),
        }
    }

    fn take(&mut self, index: usize, reported: ToolOutcome, now: Timestamp) -> Option<ToolOutcome> {
        let id = name(&self.run, index);
        let gate = gate(&self.run, index);
        let before = self.run.gate(&gate).map(|gate| gate.request.digest.clone());
        let came = self.run.accept(index, reported, now);
        let after = self.run.gate(&gate).map(|gate| gate.request.digest.clone());
        if before != after {
            // It has been opened again: what was decided counts no more.
            self.stale = before;
            let seen = self.seen.get_mut(&id).unwrap();
            (seen.released, seen.answered) = (false, false);
            seen.approved.clear();
        }
        came
    }

    fn decide(&mut self, index: usize, kind: u8, by: u8, with: u8, now: Timestamp) {
        let (id, gate) = (name(&self.run, index), gate(&self.run, index));
        let Some(gate) = self.run.gate(&gate) else { return };
        let (digest, was_open) = (gate.request.digest.clone(), gate.is_open());
        let consents = gate.request.kind == InterruptKind::Auth;
        let gate = gate.request.id.clone();
        let kinds = [
            Decision::Approve,
            Decision::Approve,
            Decision::Deny,
            Decision::Answer,
            Decision::Question,
            Decision::Delegate,
        ];
        let decision = kinds[usize::from(kind)];
        let mut decide = Decide::new(&gate, decision);
        decide.by = Some(format!("person {by}"));
        decide.digest = Some(digest);
        match with {
            0 => decide.digest = self.stale.clone().or_else(|| Some(Digest::of("other"))),
            1 => decide.arguments = Some(json!({"n": "edited"})),
            2 => decide.answer = Some(json!("an answer")),
            3 => decide.reason = Some("why?".to_owned()),
            4 => decide.to = Some("person 2".to_owned()),
            5 => decide.remember = Some(Remember { scope: Scope::Tool, reach: Span::Run }),
            _ => {}
        }
        let receipt = self.run.decide(&decide, Channel::Update, now).unwrap();
        if !receipt.accepted || !was_open {
            return;
        }
        assert_ne!(with, 0, "a decision about something else is not accepted");
        let seen = self.seen.get_mut(&id).unwrap();
        match decision {
            // That somebody connected the account lets nothing run that did not before.
            Decision::Approve if consents => {}
            Decision::Approve => {
                seen.approved.insert(by);
                let enough = seen.approved.len() >= seen.quorum;
                assert_eq!(receipt.outcome == GateOutcome::Approved, enough, "{id}: {seen:?}");
            }
            Decision::Answer => seen.answered = true,
            Decision::Deny | Decision::Question => seen.closed = true,
            Decision::Delegate => {}
        }
    }

    fn judged_again(&mut self, kinds: &[u8], now: Timestamp) {
        let asks = |gate: &&Gate| gate.request.kind != InterruptKind::Auth;
        let open = self.run.open_gates().filter(asks);
        let open: Vec<String> = open.map(|gate| gate.request.id.clone()).collect();
        let judged: Vec<Judged> = kinds.iter().filter_map(|kind| saying(*kind)).collect();
        self.run.judged_again(&open, judged.clone(), now);
        for (id, judged) in open.iter().zip(&judged) {
            // A gate after others has a number more than its call.
            let call: String = id.split('_').take(3).collect::<Vec<_>>().join("_");
            let seen = self.seen.get_mut(&call).unwrap();
            seen.released |= lets_run(Some(judged));
            seen.closed |= judged.verdict.outcome > Outcome::Ask;
        }
    }

    fn time(&mut self, index: usize, now: Timestamp) {
        let id = gate(&self.run, index);
        if let Some(what) = self.run.gate(&id).map(due) {
            self.run.time_came(&id, what, now);
        }
    }
}

fn invalid() -> ToolOutcome {
    ToolOutcome::Failed { error: ToolErrorKind::InvalidArguments, message: "no".to_owned() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_runs_without_a_verdict_or_a_decision(
        ops in proptest::collection::vec(op(), 1..60),
    ) {
        let mut world = World::start();
        for (tick, op) in (0..).zip(&ops) {
            world.apply(op, tick);
        }
    }
}

#[test]
fn calls_that_may_run_do() {
    let mut world = World::start();
    let approve = Op::Decide { gate: 1, kind: 0, by: 1, with: 6 };
    let ops = [
        Op::Reply(vec![0, 1, 4]),
        Op::Advance(0, 0),
        Op::Advance(1, 0),
        approve,
        Op::Continue,
        Op::Advance(1, 0),
        Op::Advance(2, 0),
    ];
    for (tick, op) in (0..).zip(&ops) {
        world.apply(op, tick);
    }
    assert_eq!(world.ran, 2);
}
