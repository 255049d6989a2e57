//! Decisions that hold for calls to come.

use longhaul_contract::approval::{Decide, Decision, DecisionRefusal, Remember, Span};
use longhaul_contract::carry::Gate;
use longhaul_contract::definition::Action;
use longhaul_contract::identity::{Decider, Proof};
use longhaul_contract::notice::NoticeEvent;
use longhaul_contract::policy::{Reach, Remembered};
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::TraceEvent;

use crate::session::Session;

/// Decisions that one run keeps for itself; more would not fit into its activities' inputs.
const MOST: usize = 64;

/// Why the decision cannot be remembered as it asks to, if so.
pub(super) fn refusal(gate: &Gate, decide: &Decide, by: &Decider) -> Option<DecisionRefusal> {
    let remember = decide.remember.as_ref()?;
    let plan = gate.plan.as_ref().filter(|_| {
        matches!(decide.decision, Decision::Approve | Decision::Deny) && decide.arguments.is_none()
    });
    let Some(plan) = plan else { return Some(DecisionRefusal::NotAllowed) };
    if !plan.offers.contains(&remember.scope) {
        return Some(DecisionRefusal::TooBroad);
    }
    // What reaches beyond this run is not for whoever happens to reach the server.
    (remember.reach != Span::Run && by.proof == Proof::None)
        .then_some(DecisionRefusal::Unauthenticated)
}

impl Session {
    /// Holds a decision for calls to come: of this run here, of others by telling the store.
    pub(super) fn remember_decision(
        &mut self,
        gate: &str,
        decision: Decision,
        remember: &Remember,
        by: Decider,
        now: Timestamp,
    ) {
        let Some(tool) = self.gate(gate).map(|gate| gate.request.tool.clone()) else { return };
        self.people.decisions = self.people.decisions.saturating_add(1);
        let chain: String = self.chain.chars().filter(|c| *c != '-').take(12).collect();
        let id = format!("dec-{chain}-{}", self.people.decisions);
        let decision = Remembered {
            id: id.clone(),
            action: if decision == Decision::Approve { Action::Run } else { Action::Refuse },
            tool: tool.clone(),
            scope: remember.scope.clone(),
            reach: match remember.reach {
                Span::Run => Reach::Run { workflow_id: self.workflow_id.clone() },
                Span::Agent => Reach::Agent { agent: self.agent.clone() },
                Span::Everywhere => Reach::Everywhere,
            },
            by: by.name,
            channel: by.channel,
            at: now,
        };
        self.log(now, TraceEvent::Remembered { id, tool, revoked: false });
        if remember.reach == Span::Run {
            if self.people.remembered.len() >= MOST {
                self.people.remembered.remove(0);
            }
            self.people.remembered.push(decision.clone());
        }
        self.tell(now, NoticeEvent::Remembered { decision });
        // What waits beside it may be let through by it.
        self.people.rejudge = true;
    }

    /// Forgets a decision that was remembered for this run.
    pub fn revoke(&mut self, id: &str, now: Timestamp) {
        let known = self.people.remembered.iter().position(|decision| decision.id == id);
        let Some(index) = known else {
            return self.ignore("revoke", format!("no decision `{id}` of this run"), now);
        };
        let decision = self.people.remembered.remove(index);
        let (id, tool) = (decision.id, decision.tool);
        self.log(now, TraceEvent::Remembered { id, tool, revoked: true });
        self.people.rejudge = true;
    }
}
