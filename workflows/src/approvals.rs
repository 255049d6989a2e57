//! Decisions on gates: which stand, which are refused, and what is said about them.

mod eligible;
mod remembering;
mod timeline;

use longhaul_contract::approval::{
    Channel, Decide, Decision, DecisionReceipt, DecisionRefusal, GateOutcome,
};
use longhaul_contract::carry::Call;
use longhaul_contract::definition::OnTimeout;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::identity::{Decider, Proof};
use longhaul_contract::interrupt::Vote;
use longhaul_contract::mask::restored;
use longhaul_contract::notice::NoticeEvent;
use longhaul_contract::policy::OnDeadline;
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::TraceEvent;
use serde_json::Value;

pub use timeline::{Due, due};

use crate::identity::{About, decider};
use crate::session::{Gate, MAX_AUDITED, Session};

/// Most bytes of arguments, or of an answer, that a person puts in place of the model's.
const MAX_ARGUMENTS: usize = 512 * 1024;

impl Session {
    /// Why a decision cannot even be looked at, if so: its gate does not exist, or what it carries
    /// would not fit into the call.
    pub fn refuses_decision(&self, decide: &Decide) -> Option<String> {
        for value in [&decide.arguments, &decide.answer].into_iter().flatten() {
            let bytes = value.to_string().len();
            if bytes > MAX_ARGUMENTS {
                return Some(format!(
                    "the arguments have {bytes} bytes, and at most {MAX_ARGUMENTS} are taken"
                ));
            }
        }
        if self.gate(&decide.id).is_some() || self.batch(&decide.id).next().is_some() {
            return None;
        }
        let open: Vec<&str> = self.open_gates().map(|gate| gate.request.id.as_str()).collect();
        let id = &decide.id;
        Some(if open.is_empty() {
            format!("no gate `{id}`: nothing waits for approval")
        } else {
            format!("no gate `{id}`: open gates are {}", open.join(", "))
        })
    }

    /// Decides a gate, or the gates of a batch.
    ///
    /// A decision that comes late, names other arguments, is by the wrong person or contradicts an
    /// earlier one is answered with a typed refusal; the same decision again is answered as the
    /// first was. `None` if there is no such gate.
    pub fn decide(
        &mut self,
        decide: &Decide,
        channel: Channel,
        now: Timestamp,
    ) -> Option<DecisionReceipt> {
        let of_batch: Vec<String> =
            self.batch(&decide.id).map(|gate| gate.request.id.clone()).collect();
        if of_batch.is_empty() {
            return self.decide_one(&decide.id, decide, channel, now);
        }
        let wanted = |id: &&String| decide.only.is_empty() || decide.only.contains(id);
        let each: Vec<DecisionReceipt> = of_batch
            .iter()
            .filter(wanted)
            .filter_map(|id| self.decide_one(id, decide, channel, now))
            .collect();
        let refused = each.iter().find_map(|receipt| receipt.refused);
        let outcome = each.iter().map(|receipt| receipt.outcome).next_back();
        Some(DecisionReceipt {
            id: decide.id.clone(),
            accepted: !each.is_empty() && refused.is_none(),
            outcome: outcome.unwrap_or(GateOutcome::Open),
            refused,
            by: each.iter().find_map(|receipt| receipt.by.clone()),
            votes: None,
            each,
        })
    }

    fn decide_one(
        &mut self,
        id: &str,
        decide: &Decide,
        channel: Channel,
        now: Timestamp,
    ) -> Option<DecisionReceipt> {
        let gate = self.gate(id)?;
        let about = About {
            chain: &self.chain,
            // An envelope for a batch names the batch.
            gate: &decide.id,
            digest: &gate.request.digest,
            decision: decide.content(),
        };
        let (by, refused) = match decider(decide, &about, &self.people.trust, channel, now) {
            Ok(by) => {
                let refused = refusal(gate, decide)
                    .or_else(|| eligible::refusal(gate, &by, &self.people))
                    .or_else(|| remembering::refusal(gate, decide, &by))
                    .or_else(|| delegating(gate, decide, &by));
                (by, refused)
            }
            Err(refusal) => (unproven(decide, channel), Some(refusal)),
        };
        match refused {
            None if gate.is_open() => self.take(id, decide, by.clone(), now),
            // The same decision again.
            None => {}
            Some(refusal) => self.refuse(id, refusal, by.clone(), now),
        }
        let gate = self.gate(id)?;
        let votes = u32::try_from(gate.request.votes.len()).unwrap_or(u32::MAX);
        Some(DecisionReceipt {
            id: id.to_owned(),
            accepted: refused.is_none(),
            outcome: gate.outcome,
            refused,
            by: gate.plan.is_some().then_some(by),
            votes: (votes > 0).then_some(votes),
            each: Vec::new(),
        })
    }

    /// Takes in a decision that stands.
    fn take(&mut self, id: &str, decide: &Decide, by: Decider, now: Timestamp) {
        let edited = self.edited(id, decide);
        let Some(gate) = self.gate_mut(id) else { return };
        let closes = match decide.decision {
            Decision::Approve => {
                gate.edited = edited;
                let counted = gate.plan.as_ref().is_some_and(|plan| !plan.approvers.is_empty());
                if counted && !eligible::has_voted(&gate.request.votes, &by) {
                    gate.request.votes.push(Vote { by: by.clone(), at: now });
                }
                eligible::is_enough(gate).then_some(GateOutcome::Approved)
            }
            Decision::Deny => Some(GateOutcome::Denied),
            Decision::Answer => {
                gate.answer.clone_from(&decide.answer);
                Some(GateOutcome::Answered)
            }
            Decision::Question => Some(GateOutcome::Questioned),
            Decision::Delegate => {
                let to = decide.to.clone().unwrap_or_default();
                if !gate.request.delegates.contains(&to) {
                    gate.request.delegates.push(to.clone());
                }
                let request = Box::new(gate.request.clone());
                self.moved(id, "delegated", Some(to.clone()), now);
                return self.tell(now, NoticeEvent::Delegated { request, by, to });
            }
        };
        let Some(outcome) = closes else {
            let have = u32::try_from(gate.request.votes.len()).unwrap_or(u32::MAX);
            self.moved(id, "voted", by.name.clone(), now);
            return self.tell(now, NoticeEvent::Voted { gate: id.to_owned(), by, have });
        };
        gate.outcome = outcome;
        gate.decision = Some(decide.decision);
        gate.reason.clone_from(&decide.reason);
        gate.by = gate.plan.is_some().then(|| by.clone());
        gate.decided_at = Some(now);
        let channel = by.channel;
        self.tell_closed(id, channel, now);
        if let Some(remember) = &decide.remember {
            self.remember_decision(id, decide.decision, remember, by, now);
        }
    }

    /// The arguments to run in place of the model's, with the secrets put back that were masked.
    fn edited(&self, id: &str, decide: &Decide) -> Option<Value> {
        let edited = decide.arguments.as_ref()?;
        let of_gate = |call: &&Call| call.gate.as_ref().is_some_and(|gate| gate.request.id == id);
        let call = self.calls.iter().find(of_gate);
        Some(call.map_or_else(|| edited.clone(), |call| restored(edited, &call.call.arguments)))
    }

    fn refuse(&mut self, id: &str, refusal: DecisionRefusal, by: Decider, now: Timestamp) {
        let Some(gate) = self.gate_mut(id) else { return };
        gate.refused = gate.refused.saturating_add(1);
        if gate.refused <= MAX_AUDITED {
            let (gate, channel) = (id.to_owned(), by.channel);
            self.log(now, TraceEvent::DecisionRefused { id: gate.clone(), refusal, channel });
            self.tell(now, NoticeEvent::Refused { gate, refusal, by });
        }
    }

    /// Says that a gate has closed.
    fn tell_closed(&mut self, id: &str, channel: Channel, now: Timestamp) {
        let Some(gate) = self.gate(id) else { return };
        let event = closed(gate, channel);
        let notice = NoticeEvent::Closed {
            gate: id.to_owned(),
            summary: gate.request.summary.clone(),
            outcome: gate.outcome,
            by: gate.by.clone(),
            reason: gate.reason.clone(),
            edited: gate.edited.is_some(),
            asked_at: gate.request.asked_at,
            effect: Some(gate.request.effect),
            groups: gate.request.groups(),
        };
        self.log(now, event);
        self.tell(now, notice);
    }

    /// Closes a gate that nobody answered in time.
    pub fn expire_gate(&mut self, id: &str, now: Timestamp) {
        let Some(gate) = self.gate_mut(id).filter(|gate| gate.is_open()) else { return };
        gate.outcome = GateOutcome::Expired;
        let fails = match &gate.plan {
            Some(plan) => plan.outcome == OnDeadline::Fail,
            None => gate.on_timeout == OnTimeout::Fail,
        };
        let message = format!("nobody answered `{}` in time", gate.request.summary);
        self.tell_closed(id, Channel::Runtime, now);
        if fails {
            self.fail(FailureKind::ApprovalExpired, message);
        }
    }

    /// Closes a gate because the run ends, or a message interrupts it.
    pub fn cancel_gate(&mut self, id: &str, now: Timestamp) {
        self.close_gate(id, GateOutcome::Cancelled, None, now);
    }

    /// Closes a gate without a person.
    pub fn close_gate(
        &mut self,
        id: &str,
        outcome: GateOutcome,
        reason: Option<String>,
        now: Timestamp,
    ) {
        let Some(gate) = self.gate_mut(id).filter(|gate| gate.is_open()) else { return };
        gate.outcome = outcome;
        gate.reason = reason;
        gate.decided_at = Some(now);
        self.tell_closed(id, Channel::Runtime, now);
    }

    /// The gate `id`, open or closed.
    pub fn gate(&self, id: &str) -> Option<&Gate> {
        self.calls
            .iter()
            .flat_map(Call::gates)
            .chain(&self.closed_gates)
            .find(|gate| gate.request.id == id)
    }

    pub(crate) fn gate_mut(&mut self, id: &str) -> Option<&mut Gate> {
        self.calls
            .iter_mut()
            .flat_map(|call| call.gate.iter_mut().chain(&mut call.passed))
            .chain(&mut self.closed_gates)
            .find(|gate| gate.request.id == id)
    }

    /// The gates that wait in the batch `id`.
    fn batch<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Gate> {
        self.open_gates().filter(move |gate| gate.request.batch.as_deref() == Some(id))
    }

    fn moved(&mut self, id: &str, how: &str, detail: Option<String>, now: Timestamp) {
        let (id, how) = (id.to_owned(), how.to_owned());
        self.log(now, TraceEvent::ApprovalMoved { id, how, detail });
    }
}

/// Why a decision about a known gate does not stand, whoever made it.
fn refusal(gate: &Gate, decide: &Decide) -> Option<DecisionRefusal> {
    if decide.digest.as_ref().is_some_and(|digest| *digest != gate.request.digest) {
        return Some(DecisionRefusal::DigestMismatch);
    }
    if decide.decision == Decision::Deny && decide.arguments.is_some() {
        return Some(DecisionRefusal::ArgumentsWithDenial);
    }
    if let Some(refusal) = misfit(gate, decide) {
        return Some(refusal);
    }
    match gate.outcome {
        GateOutcome::Open => None,
        GateOutcome::Expired => Some(DecisionRefusal::AlreadyExpired),
        GateOutcome::Cancelled => Some(DecisionRefusal::AlreadyCancelled),
        GateOutcome::Released | GateOutcome::Withdrawn => Some(DecisionRefusal::AlreadyReleased),
        GateOutcome::Approved | GateOutcome::Denied => {
            let same = gate.decision == Some(decide.decision) && gate.edited == decide.arguments;
            (!same).then_some(DecisionRefusal::AlreadyDecided)
        }
        GateOutcome::Answered | GateOutcome::Questioned => {
            let same = gate.decision == Some(decide.decision)
                && gate.answer == decide.answer
                && gate.reason == decide.reason;
            (!same).then_some(DecisionRefusal::AlreadyAnswered)
        }
    }
}

/// Whether the decision is one that the gate has, and carries what it needs and no more.
fn misfit(gate: &Gate, decide: &Decide) -> Option<DecisionRefusal> {
    let Some(plan) = &gate.plan else {
        let old = matches!(decide.decision, Decision::Approve | Decision::Deny);
        return (!old).then_some(DecisionRefusal::NotAllowed);
    };
    if !plan.allowed().contains(&decide.decision) {
        return Some(DecisionRefusal::NotAllowed);
    }
    let several = plan.approvers.iter().any(|approvers| approvers.quorum > 1);
    if decide.arguments.is_some() && several {
        // The others would have approved something else.
        return Some(DecisionRefusal::NotAllowed);
    }
    let fits = decide.answer.is_some() == (decide.decision == Decision::Answer)
        && decide.to.is_some() == (decide.decision == Decision::Delegate)
        && (decide.arguments.is_none() || decide.decision == Decision::Approve)
        && (decide.reason.is_some() || decide.decision != Decision::Question);
    (!fits).then_some(DecisionRefusal::Malformed)
}

fn delegating(gate: &Gate, decide: &Decide, by: &Decider) -> Option<DecisionRefusal> {
    let refused = decide.decision == Decision::Delegate && !eligible::may_delegate(gate, by);
    refused.then_some(DecisionRefusal::NotAnApprover)
}

/// Whoever it was whose envelope does not hold.
fn unproven(decide: &Decide, channel: Channel) -> Decider {
    Decider {
        name: decide.by.clone(),
        groups: Vec::new(),
        on_behalf_of: None,
        proof: Proof::None,
        channel,
    }
}

fn closed(gate: &Gate, channel: Channel) -> TraceEvent {
    TraceEvent::ApprovalDecided {
        id: gate.request.id.clone(),
        summary: gate.request.summary.clone(),
        outcome: gate.outcome,
        channel,
        reason: gate.reason.clone(),
        edited: gate.edited.is_some(),
        asked_at: gate.request.asked_at,
        by: gate.by.clone(),
    }
}

#[cfg(test)]
mod people_tests;
#[cfg(test)]
mod tests;
