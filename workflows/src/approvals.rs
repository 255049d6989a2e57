//! Decisions on gates: which stand, which are refused, and what is said about them.

use longhaul_contract::approval::{
    Channel, Decide, Decision, DecisionReceipt, DecisionRefusal, GateOutcome,
};
use longhaul_contract::definition::OnTimeout;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::TraceEvent;
use serde_json::Value;

use crate::session::{Gate, MAX_AUDITED, Session};

/// Most bytes of arguments that an approver puts in place of the model's.
const MAX_ARGUMENTS: usize = 512 * 1024;

impl Session {
    /// Why a decision cannot even be looked at, if so: its gate does not exist, or its arguments
    /// would not fit into the call.
    pub fn refuses_decision(&self, id: &str, arguments: Option<&Value>) -> Option<String> {
        let bytes = arguments.map_or(0, |arguments| arguments.to_string().len());
        if bytes > MAX_ARGUMENTS {
            return Some(format!(
                "the arguments have {bytes} bytes, and at most {MAX_ARGUMENTS} are taken"
            ));
        }
        if self.gate(id).is_some() {
            return None;
        }
        let open: Vec<&str> = self.open_gates().map(|gate| gate.request.id.as_str()).collect();
        Some(if open.is_empty() {
            format!("no gate `{id}`: nothing waits for approval")
        } else {
            format!("no gate `{id}`: open gates are {}", open.join(", "))
        })
    }

    /// Decides a gate.
    ///
    /// A decision that comes late, names other arguments or contradicts an earlier one is answered
    /// with a typed refusal; the same decision again is answered as the first was. `None` if there
    /// is no such gate.
    pub fn decide(
        &mut self,
        decide: &Decide,
        channel: Channel,
        now: Timestamp,
    ) -> Option<DecisionReceipt> {
        let gate = self.gate_mut(&decide.id)?;
        let refusal = refusal(gate, decide);
        let mut log = None;
        match refusal {
            None if gate.is_open() => {
                gate.outcome = match decide.decision {
                    Decision::Approve => GateOutcome::Approved,
                    Decision::Deny => GateOutcome::Denied,
                };
                gate.decision = Some(decide.decision);
                gate.reason.clone_from(&decide.reason);
                gate.edited.clone_from(&decide.arguments);
                log = Some(closed(gate, channel));
            }
            // The same decision again.
            None => {}
            Some(refusal) => {
                gate.refused = gate.refused.saturating_add(1);
                if gate.refused <= MAX_AUDITED {
                    let id = decide.id.clone();
                    log = Some(TraceEvent::DecisionRefused { id, refusal, channel });
                }
            }
        }
        let receipt = DecisionReceipt {
            id: decide.id.clone(),
            accepted: refusal.is_none(),
            outcome: gate.outcome,
            refused: refusal,
        };
        if let Some(event) = log {
            self.log(now, event);
        }
        Some(receipt)
    }

    /// Closes a gate that nobody answered in time.
    pub fn expire_gate(&mut self, id: &str, now: Timestamp) {
        let Some(gate) = self.gate_mut(id).filter(|gate| gate.is_open()) else { return };
        gate.outcome = GateOutcome::Expired;
        let event = closed(gate, Channel::Runtime);
        let fails = gate.on_timeout == OnTimeout::Fail;
        let message = format!("nobody answered `{}` in time", gate.request.summary);
        self.log(now, event);
        if fails {
            self.fail(FailureKind::ApprovalExpired, message);
        }
    }

    /// Closes a gate because the run ends.
    pub fn cancel_gate(&mut self, id: &str, now: Timestamp) {
        let Some(gate) = self.gate_mut(id).filter(|gate| gate.is_open()) else { return };
        gate.outcome = GateOutcome::Cancelled;
        let event = closed(gate, Channel::Runtime);
        self.log(now, event);
    }

    /// The gate `id`, open or closed.
    pub fn gate(&self, id: &str) -> Option<&Gate> {
        self.calls
            .iter()
            .filter_map(|call| call.gate.as_ref())
            .chain(&self.closed_gates)
            .find(|gate| gate.request.id == id)
    }

    fn gate_mut(&mut self, id: &str) -> Option<&mut Gate> {
        self.calls
            .iter_mut()
            .filter_map(|call| call.gate.as_mut())
            .chain(&mut self.closed_gates)
            .find(|gate| gate.request.id == id)
    }
}

/// Why a decision about a known gate does not stand, if so.
fn refusal(gate: &Gate, decide: &Decide) -> Option<DecisionRefusal> {
    if decide.digest.as_ref().is_some_and(|digest| *digest != gate.request.digest) {
        return Some(DecisionRefusal::DigestMismatch);
    }
    if decide.decision == Decision::Deny && decide.arguments.is_some() {
        return Some(DecisionRefusal::ArgumentsWithDenial);
    }
    match gate.outcome {
        GateOutcome::Open => None,
        GateOutcome::Expired => Some(DecisionRefusal::AlreadyExpired),
        GateOutcome::Cancelled => Some(DecisionRefusal::AlreadyCancelled),
        GateOutcome::Approved | GateOutcome::Denied => {
            let same = gate.decision == Some(decide.decision) && gate.edited == decide.arguments;
            (!same).then_some(DecisionRefusal::AlreadyDecided)
        }
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
    }
}

#[cfg(test)]
mod tests;
