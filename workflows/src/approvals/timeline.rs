//! What time does to a gate: reminders, others who are asked, and its end.

use longhaul_contract::approval::GateOutcome;
use longhaul_contract::carry::{Gate, bound_digest, gate_digest};
use longhaul_contract::interrupt::Stage;
use longhaul_contract::notice::NoticeEvent;
use longhaul_contract::policy::OnDeadline;
use longhaul_contract::time::Timestamp;

use crate::session::Session;

/// The next thing that time does to a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// People are reminded.
    Reminder(Timestamp),
    /// The stage ends.
    End(Timestamp),
    /// Nothing any more: it waits for a person.
    Never,
}

/// What time does next to the gate.
pub fn due(gate: &Gate) -> Due {
    let Some(plan) = &gate.plan else { return Due::End(gate.request.deadline) };
    let Some(stage) = stage(gate) else {
        return match plan.outcome {
            OnDeadline::Wait => Due::Never,
            // There is no such stage, so there is nobody left to wait for.
            OnDeadline::Escalate | OnDeadline::Deny | OnDeadline::Fail => {
                Due::End(gate.request.deadline)
            }
        };
    };
    let reminded = usize::try_from(gate.reminded).unwrap_or(usize::MAX);
    match stage.remind_at.get(reminded) {
        Some(at) if *at < stage.until => Due::Reminder(*at),
        Some(_) | None => Due::End(stage.until),
    }
}

fn stage(gate: &Gate) -> Option<&Stage> {
    let index = usize::try_from(gate.stage).ok()?;
    gate.plan.as_ref()?.stages.get(index)
}

impl Session {
    /// Carries out what was due at the gate.
    pub fn time_came(&mut self, id: &str, due: Due, now: Timestamp) {
        match due {
            Due::Reminder(_) => self.remind(id, now),
            Due::End(_) => self.end_stage(id, now),
            Due::Never => {}
        }
    }

    fn remind(&mut self, id: &str, now: Timestamp) {
        let Some(gate) = self.gate_mut(id).filter(|gate| gate.is_open()) else { return };
        gate.reminded = gate.reminded.saturating_add(1);
        let request = Box::new(gate.request.clone());
        self.moved(id, "reminded", None, now);
        self.tell(now, NoticeEvent::Reminded { request });
    }

    /// The time of a stage is over: others are asked, or the gate closes, or it waits on.
    fn end_stage(&mut self, id: &str, now: Timestamp) {
        let Some(gate) = self.gate_mut(id).filter(|gate| gate.is_open()) else { return };
        let Some(plan) = gate.plan.clone() else { return self.expire_gate(id, now) };
        let next = gate.stage.saturating_add(1);
        let following = usize::try_from(next).ok().and_then(|next| plan.stages.get(next));
        match (following, plan.outcome) {
            (Some(stage), _) => {
                gate.stage = next;
                gate.reminded = 0;
                gate.request.deadline = stage.until;
                gate.request.asked.clone_from(&stage.groups);
                let request = Box::new(gate.request.clone());
                self.moved(id, "escalated", Some(stage.groups.join(", ")), now);
                self.tell(now, NoticeEvent::Escalated { request });
            }
            (None, OnDeadline::Wait) => {
                gate.stage = next;
                self.moved(id, "overdue", None, now);
            }
            (None, OnDeadline::Escalate | OnDeadline::Deny | OnDeadline::Fail) => {
                self.expire_gate(id, now);
            }
        }
    }

    /// Opens a gate again whose answer did not fit: what was decided before counts no more.
    pub fn reopen_gate(&mut self, index: usize, problem: String, now: Timestamp) {
        let Some(definition) = self.pinned.as_ref().map(|pinned| pinned.digest.clone()) else {
            return;
        };
        let chain = self.chain.clone();
        let Some(call) = self.calls.get_mut(index) else { return };
        let plain = gate_digest(&call.call, &definition);
        let Some(gate) = call.gate.as_mut() else { return };
        gate.reopened = gate.reopened.saturating_add(1);
        gate.outcome = GateOutcome::Open;
        gate.decision = None;
        gate.reason = None;
        gate.edited = None;
        gate.answer = None;
        gate.by = None;
        gate.decided_at = None;
        gate.request.votes.clear();
        gate.request.problem = Some(problem.clone());
        gate.request.digest = bound_digest(&plain, &chain, &gate.request.id, gate.reopened);
        let (id, request) = (gate.request.id.clone(), Box::new(gate.request.clone()));
        self.moved(&id, "reopened", Some(problem), now);
        self.tell(now, NoticeEvent::Asked { request });
    }
}
