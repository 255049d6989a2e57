//! Continue-as-new at any point where it may happen changes nothing, whatever else happens.

use longhaul_contract::approval::{Channel, Decide, Decision, GateOutcome, Verdict};
use longhaul_contract::carry::Gate;
use longhaul_contract::definition::{Action, Definition, Price};
use longhaul_contract::digest::Digest;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::{Conversation, Item};
use longhaul_contract::model::{Compacted, Usage};
use longhaul_contract::run::Message;
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{Effect, ToolOutcome};
use longhaul_contract::trace::{TraceEntry, TraceEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::session::Session;
use crate::step::next_step;
use crate::testing::{at, call, definition, done, long, message, reply, resumed, rule, seal, tool};

/// Something that happens to a run.
#[derive(Clone, Debug)]
enum Op {
    Message {
        key: Option<u8>,
        update: bool,
    },
    /// The model answers, with a message that comes meanwhile or without.
    Reply {
        calls: Vec<u8>,
        says: bool,
        meanwhile: bool,
    },
    /// Whatever is next for one of the calls.
    Advance(usize),
    EndTurn,
    /// A decision on one of the gates that ever were, by one of four digests and arguments.
    Decide {
        gate: usize,
        approve: bool,
        how: u8,
        update: bool,
    },
    Expire(usize),
    ModelFails,
    Retry,
    Close,
    Ignore,
    Observe(u32),
    Compact,
    /// Continue-as-new, with a message that comes after the archive is written or without.
    Continue {
        meanwhile: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (proptest::option::of(0..4_u8), any::<bool>())
            .prop_map(|(key, update)| Op::Message { key, update }),
        6 => (proptest::collection::vec(0..5_u8, 0..4), any::<bool>(), any::<bool>())
            .prop_map(|(calls, says, meanwhile)| Op::Reply { calls, says, meanwhile }),
        9 => (0..4_usize).prop_map(Op::Advance),
        5 => Just(Op::EndTurn),
        5 => (0..8_usize, any::<bool>(), 0..6_u8, any::<bool>())
            .prop_map(|(gate, approve, how, update)| Op::Decide { gate, approve, how, update }),
        1 => (0..8_usize).prop_map(Op::Expire),
        1 => Just(Op::ModelFails),
        2 => Just(Op::Retry),
        1 => Just(Op::Close),
        1 => Just(Op::Ignore),
        1 => any::<u32>().prop_map(Op::Observe),
        1 => Just(Op::Compact),
        6 => any::<bool>().prop_map(|meanwhile| Op::Continue { meanwhile }),
    ]
}

fn stormy() -> Definition {
    let mut definition = definition();
    definition.tools.push(tool("remove", Effect::Delete));
    definition.approvals.push(rule(&["remove"], Action::Refuse));
    definition.limits.turns = 9;
    definition.model.price = Some(Price { input: 1.0, output: 1.0, cached: None });
    definition
}

/// One run and what its archive holds.
struct Run {
    session: Session,
    items: Vec<Item>,
    trace: Vec<TraceEntry>,
    gates: Vec<String>,
    /// What decisions were answered.
    answers: Vec<Value>,
}

impl Run {
    fn start(session: bool) -> Self {
        let (items, trace) = (Vec::new(), Vec::new());
        let session = long(session, stormy());
        Self { session, items, trace, gates: Vec::new(), answers: Vec::new() }
    }

    fn apply(&mut self, op: &Op, tick: i64) {
        let now = at(10 + 10 * tick);
        match op {
            Op::Message { key, update } => self.hear(*key, *update, now),
            Op::Reply { calls, says, meanwhile } => self.reply(calls, *says, *meanwhile, now),
            Op::Advance(index) => self.advance(*index, now),
            Op::EndTurn => self.session.end_turn(),
            Op::Decide { gate, approve, how, update } => {
                self.decide(*gate, *approve, *how, *update, now);
            }
            Op::Expire(index) => {
                if let Some(id) = self.gates.get(*index) {
                    self.session.expire_gate(id, now);
                }
            }
            Op::ModelFails if self.model_is_called() => {
                self.session.take_messages();
                self.session.activity_failed(FailureKind::ModelAuth, "key".to_owned(), now);
            }
            Op::Retry => self.session.retry(now),
            Op::Close => self.session.close(now),
            Op::Ignore => self.session.ignore("approve", "no `id`".to_owned(), now),
            Op::Observe(events) => self.session.observe(events % 3_000, false),
            // `upto` is the caller's: what a summary may cover depends on the execution.
            Op::ModelFails | Op::Compact | Op::Continue { .. } => {}
        }
    }

    fn model_is_called(&self) -> bool {
        let run = &self.session;
        run.calls.is_empty() && run.blocked.is_none() && !run.is_ending() && run.model_is_next()
    }

    fn hear(&mut self, key: Option<u8>, update: bool, now: Timestamp) {
        let message = Message {
            key: key.map(|key| format!("key-{key}")),
            ..message(format!("said at {now:?}"))
        };
        let channel = if update { Channel::Update } else { Channel::Signal };
        match self.session.refuses_message(&message.text) {
            None => {
                self.session.receive(message, channel, now);
            }
            Some(refusal) => self.session.ignore("message", refusal, now),
        }
    }

    fn reply(&mut self, calls: &[u8], says: bool, meanwhile: bool, now: Timestamp) {
        if !self.model_is_called() {
            return;
        }
        self.session.take_messages();
        if meanwhile {
            self.hear(None, false, now);
        }
        let calls = calls.iter().enumerate().map(|(index, kind)| {
            let name = ["look", "write", "remove", "nothing", "write"][usize::from(*kind)];
            call(&format!("c{index}"), name, json!({"path": format!("{now:?}")}))
        });
        let mut reply = reply(says.then_some("so be it"), calls.collect());
        reply.cost_usd = Some(0.1);
        self.session.reply(reply, now, now);
    }

    fn advance(&mut self, index: usize, now: Timestamp) {
        let run = &mut self.session;
        let Some(call) = run.calls.get(index).filter(|call| call.outcome.is_none()) else { return };
        let gate = call.gate.as_ref().map(|gate| (gate.outcome, gate.reason.clone()));
        let outcome = match (call.verdict.clone(), gate) {
            (Verdict::Settled(outcome), _) => outcome,
            (Verdict::Ask(ask), None) => {
                run.open_gate(index, &ask, now);
                let id = run.calls[index].gate.as_ref().unwrap().request.id.clone();
                return self.gates.push(id);
            }
            (Verdict::Ask(_), Some((GateOutcome::Open, _))) => return,
            (Verdict::Ask(_), Some((GateOutcome::Denied, reason))) => {
                ToolOutcome::Denied { reason }
            }
            (Verdict::Ask(_), Some((GateOutcome::Expired, _))) => ToolOutcome::Expired,
            (
                Verdict::Ask(_),
                Some((
                    GateOutcome::Cancelled
                    | GateOutcome::Answered
                    | GateOutcome::Questioned
                    | GateOutcome::Released
                    | GateOutcome::Withdrawn,
                    _,
                )),
            ) => ToolOutcome::Cancelled,
            (Verdict::Run, _) | (Verdict::Ask(_), Some((GateOutcome::Approved, _))) => {
                run.calls[index].started_at = Some(now);
                *run.pace.entry("look".to_owned()).or_default() += 1;
                done("seen ".repeat(40 + index * 60))
            }
        };
        run.settle(index, outcome, now);
    }

    fn decide(&mut self, gate: usize, approve: bool, how: u8, update: bool, now: Timestamp) {
        let unknown = "apr_99_1".to_owned();
        let id = self.gates.get(gate).unwrap_or(&unknown).clone();
        let digest = self.session.gate(&id).map(|gate| gate.request.digest.clone());
        let decide = Decide {
            digest: match how {
                0 => Some(Digest::of("other arguments")),
                1 => digest,
                _ => None,
            },
            arguments: (how == 2).then(|| json!({"path": "elsewhere"})),
            reason: (how == 3).then(|| "so I say".to_owned()),
            ..Decide::new(id, if approve { Decision::Approve } else { Decision::Deny })
        };
        let channel = if update { Channel::Update } else { Channel::Signal };
        let refusal = self.session.refuses_decision(&decide);
        let receipt = self.session.decide(&decide, channel, now);
        self.answers.push(json!([refusal, receipt]));
    }

    fn compact(&mut self, upto: u64, now: Timestamp) {
        self.session.take_messages();
        let summary = Compacted {
            v: 1,
            text: "in short".to_owned(),
            usage: Usage { input_tokens: 7, output_tokens: 1, ..Usage::default() },
            cost_usd: Some(0.3),
            model: "none".to_owned(),
        };
        self.session.compacted(summary, upto, now, now);
    }

    fn may_continue(&self) -> bool {
        self.session.may_continue() && !self.session.is_ending()
    }

    /// Goes on in a new execution, as the shell does it.
    fn continue_as_new(&mut self, takes: bool, meanwhile: impl FnOnce(&mut Self), now: Timestamp) {
        if takes {
            self.session.take_messages();
        }
        let (items, trace) = self.unsealed();
        self.items.extend(items);
        self.trace.extend(trace);
        seal(&mut self.session);
        meanwhile(self);
        self.session = resumed(&self.session, now);
    }

    fn unsealed(&self) -> (Vec<Item>, Vec<TraceEntry>) {
        let sealed = self.session.sealed.as_ref();
        let (items, trace) = sealed.map_or((0, 0), |it| (it.position.length, it.trace));
        (
            self.session.conversation.items_from(items).to_vec(),
            self.session.trace_from(trace).to_vec(),
        )
    }

    /// The whole conversation, and after it what waits to be taken in.
    fn said(&self) -> Vec<Item> {
        let waiting = self.session.inbox.iter().map(|text| Item::User { text: text.clone() });
        self.items.iter().cloned().chain(self.unsealed().0).chain(waiting).collect()
    }

    /// Everything that happened, but for the continuations themselves.
    fn happened(&self) -> Vec<TraceEntry> {
        let all = self.trace.iter().cloned().chain(self.unsealed().1);
        all.filter(|entry| !matches!(entry.event, TraceEvent::Continued { .. })).collect()
    }

    fn closed_gates(&self) -> Vec<Gate> {
        let gates = self.session.closed_gates.iter().cloned();
        gates
            .map(|mut gate| {
                gate.request.arguments = Value::Null;
                gate
            })
            .collect()
    }
}

/// Whether two runs are one and the same to everybody who looks.
fn same(plain: &Run, continued: &Run, takes: bool) -> Result<(), TestCaseError> {
    let (one, other) = (&plain.session, &continued.session);
    prop_assert_eq!(plain.said(), continued.said());
    prop_assert_eq!(plain.happened(), continued.happened());
    prop_assert_eq!(one.spend, other.spend);
    prop_assert_eq!(&one.calls, &other.calls);
    prop_assert_eq!(plain.closed_gates(), continued.closed_gates());
    prop_assert!(one.open_gates().eq(other.open_gates()));
    prop_assert_eq!(&plain.answers, &continued.answers);
    prop_assert_eq!(next_step(one), next_step(other));
    prop_assert_eq!(one.state(), other.state());
    prop_assert_eq!(one.turn(), other.turn());
    prop_assert_eq!(&one.answer, &other.answer);
    prop_assert_eq!(&one.blocked, &other.blocked);
    prop_assert_eq!(&one.failure, &other.failure);
    prop_assert_eq!(&one.pace, &other.pace);
    let counts = |it: &Session| {
        (it.repairs, it.retries, it.ignored_signals, it.closing, it.started_at, it.context_tokens)
    };
    prop_assert_eq!(counts(one), counts(other));
    if takes {
        // Messages are taken in early then, so fewer are said to wait before the next.
        let keys = |it: &Session| -> Vec<(String, u32)> {
            it.receipts.iter().map(|(key, receipt)| (key.clone(), receipt.turn)).collect()
        };
        prop_assert_eq!(keys(one), keys(other));
    } else {
        prop_assert_eq!(&one.receipts, &other.receipts);
        prop_assert_eq!(&one.inbox, &other.inbox);
        prop_assert_eq!(&one.summary, &other.summary);
        prop_assert_eq!(one.conversation.position(), other.conversation.position());
    }
    Ok(())
}

fn storm(ops: &[Op], session: bool, takes: bool) -> Result<(), TestCaseError> {
    let (mut plain, mut continued) = (Run::start(session), Run::start(session));
    for (tick, op) in (0..).zip(ops) {
        let now = at(15 + 10 * tick);
        match op {
            Op::Continue { meanwhile } => {
                let hear = |run: &mut Run| {
                    if *meanwhile {
                        run.hear(Some(9), true, now);
                    }
                };
                if continued.may_continue() {
                    hear(&mut plain);
                    continued.continue_as_new(takes, hear, now);
                }
            }
            Op::Compact => {
                // Taking in a message does not move the cut.
                if let Some(upto) = plain.session.cut().filter(|_| plain.model_is_called()) {
                    plain.compact(upto, now);
                    continued.compact(upto, now);
                }
            }
            Op::Message { .. }
            | Op::Reply { .. }
            | Op::Advance(_)
            | Op::EndTurn
            | Op::Decide { .. }
            | Op::Expire(_)
            | Op::ModelFails
            | Op::Retry
            | Op::Close
            | Op::Ignore
            | Op::Observe(_) => {
                plain.apply(op, tick);
                continued.apply(op, tick);
            }
        }
        let known = continued.session.known.length;
        let new = continued.session.conversation.items_from(known).len();
        prop_assert_eq!(continued.session.fresh.len(), new, "each new item has an origin");
        paired(&continued.said())?;
        same(&plain, &continued, takes)?;
    }
    plain.session.take_messages();
    continued.session.take_messages();
    if plain.session.inbox.is_empty() {
        let (one, other) = (&plain.session.conversation, &continued.session.conversation);
        prop_assert_eq!(one.position(), other.position());
        let whole: Conversation = continued.said().into_iter().collect();
        prop_assert_eq!(one.position(), whole.position());
    }
    Ok(())
}

/// Between a call and its result there are only results: a provider takes nothing else.
fn paired(said: &[Item]) -> Result<(), TestCaseError> {
    let mut owed = 0;
    let mut before = 0;
    for item in said {
        match item {
            Item::Assistant { calls, .. } => (owed, before) = (calls.len(), calls.len()),
            Item::ToolResult { .. } => {
                prop_assert!(owed > 0, "a result without its call right before it: {said:#?}");
                owed -= 1;
            }
            Item::User { .. } | Item::Notice { .. } | Item::Summary { .. } => {
                prop_assert!(owed == 0 || owed == before, "between results: {said:#?}");
                owed = 0;
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_run_that_continues_as_new_is_the_run_that_does_not(
        ops in proptest::collection::vec(op(), 0..90),
        session in any::<bool>(),
    ) {
        storm(&ops, session, false)?;
    }

    #[test]
    fn messages_that_are_taken_in_before_the_archive_keep_their_place(
        ops in proptest::collection::vec(op(), 0..90),
        session in any::<bool>(),
    ) {
        storm(&ops, session, true)?;
    }
}
