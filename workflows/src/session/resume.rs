//! Handing the state of a run on to the next execution of its chain, and taking it up there.

use longhaul_contract::archive::Sealed;
use longhaul_contract::carry::CarryOver;
use longhaul_contract::message::Conversation;
use longhaul_contract::run::{SendReceipt, StartAgent};
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::TraceEvent;
use serde_json::Value;

use super::{Pinned, Session};

/// Closed gates that are handed on, for decisions that come late.
const MAX_GATES: usize = 32;
/// Keys of messages that are remembered.
const MAX_RECEIPTS: usize = 256;

impl Session {
    /// What the next execution needs, once everything up to `sealed` is archived.
    pub fn carry_over(&self, run_id: &str, traceparent: &str) -> Option<StartAgent> {
        let pinned = self.pinned.as_ref()?;
        let sealed = self.sealed.clone()?;
        let archived = usize::try_from(sealed.trace.saturating_sub(self.trace_base)).ok()?;
        let first_gate = self.closed_gates.len().saturating_sub(MAX_GATES);
        let closed_gates = self.closed_gates.iter().skip(first_gate).cloned().map(|mut gate| {
            // Only shown while a gate is open.
            gate.request.arguments = Value::Null;
            gate
        });
        let carried = CarryOver {
            v: 1,
            chain: self.chain.clone(),
            from: run_id.to_owned(),
            times: self.continued.saturating_add(1),
            traceparent: traceparent.to_owned(),
            loaded: pinned.loaded,
            definition: pinned.definition.clone(),
            search_attributes: pinned.search_attributes.clone(),
            sealed,
            owes_reply: self.model_is_next() && self.inbox.is_empty(),
            summary: self.summary,
            trace: self.trace.iter().skip(archived).cloned().collect(),
            inbox: self.inbox.clone(),
            calls: self.calls.clone(),
            closed_gates: closed_gates.collect(),
            spend: self.spend,
            answer: self.answer.clone(),
            repairs: self.repairs,
            retries: self.retries,
            blocked: self.blocked.clone(),
            closing: self.closing,
            started_at: self.started_at,
            ignored_signals: self.ignored_signals,
            receipts: self.receipts.clone(),
            pace: self.pace.clone(),
            context_tokens: self.context_tokens,
            people: self.people.clone(),
        };
        Some(StartAgent {
            agent: self.agent.clone(),
            session: self.is_session,
            carried: Some(Box::new(carried)),
            ..StartAgent::default()
        })
    }

    /// The state of a run that goes on from `carried` at `now`.
    pub fn resume(agent: String, is_session: bool, carried: CarryOver, now: Timestamp) -> Self {
        let mut run = Self::start(
            Ok(StartAgent { agent, session: is_session, ..StartAgent::default() }),
            carried.started_at,
        );
        let Sealed { position, trace, .. } = carried.sealed.clone();
        run.failure = None;
        run.chain = carried.chain;
        run.continued = carried.times;
        run.sealed = Some(carried.sealed);
        run.pinned = Some(Pinned {
            loaded: carried.loaded,
            digest: carried.definition.digest(),
            definition: carried.definition,
            search_attributes: carried.search_attributes,
        });
        run.known = position.clone();
        run.conversation = Conversation::after(position);
        run.owes_reply = carried.owes_reply;
        run.summary = carried.summary;
        run.trace_base = trace;
        run.trace = carried.trace;
        run.inbox = carried.inbox;
        run.calls = carried.calls;
        run.closed_gates = carried.closed_gates;
        run.spend = carried.spend;
        run.answer = carried.answer;
        run.repairs = carried.repairs;
        run.retries = carried.retries;
        run.blocked = carried.blocked;
        run.closing = carried.closing;
        run.ignored_signals = carried.ignored_signals;
        run.receipts = carried.receipts;
        run.pace = carried.pace;
        run.context_tokens = carried.context_tokens;
        run.people = carried.people;
        run.log(now, TraceEvent::Continued { times: carried.times, from: carried.from });
        run
    }

    /// What was answered to the message with that key, if it was taken before.
    pub fn receipt(&self, key: &str) -> Option<SendReceipt> {
        self.receipts.iter().find(|(taken, _)| taken == key).map(|(_, receipt)| *receipt)
    }

    /// Remembers what was answered to the message with that key.
    pub(super) fn remember(&mut self, key: String, receipt: SendReceipt) {
        if self.receipts.len() >= MAX_RECEIPTS {
            self.receipts.pop_front();
        }
        self.receipts.push_back((key, receipt));
    }

    /// Entries of the trace, with those that are archived.
    pub fn trace_end(&self) -> u64 {
        self.trace_base.saturating_add(u64::try_from(self.trace.len()).unwrap_or(u64::MAX))
    }

    /// The entries of the trace from index `from` of the whole on.
    pub fn trace_from(&self, from: u64) -> &[longhaul_contract::trace::TraceEntry] {
        let from = usize::try_from(from.saturating_sub(self.trace_base)).unwrap_or(usize::MAX);
        self.trace.get(from..).unwrap_or_default()
    }
}
