//! Whose decision counts at a gate, and when enough of them agree.

use longhaul_contract::approval::DecisionRefusal;
use longhaul_contract::carry::{Gate, People};
use longhaul_contract::identity::{Decider, Proof};
use longhaul_contract::interrupt::{Plan, Vote};
use longhaul_contract::policy::Approvers;

/// Why somebody may not decide at that gate, if so.
pub(super) fn refusal(gate: &Gate, by: &Decider, people: &People) -> Option<DecisionRefusal> {
    let plan = gate.plan.as_ref()?;
    if plan.approvers.is_empty() {
        return None;
    }
    if by.proof == Proof::None {
        return Some(DecisionRefusal::Unauthenticated);
    }
    if plan.approvers.iter().any(|approvers| approvers.no_self) {
        match &people.starter {
            Some(starter) if people.starter_proven || people.trust.temporal_access => {
                if by.name.as_ref() == Some(starter) || by.on_behalf_of.as_ref() == Some(starter) {
                    return Some(DecisionRefusal::SelfApproval);
                }
                if by.name.is_none() {
                    return Some(DecisionRefusal::Unauthenticated);
                }
            }
            Some(_) | None => return Some(DecisionRefusal::StarterUnknown),
        }
    }
    let counts = plan.approvers.iter().any(|approvers| counts_for(gate, plan, approvers, by));
    (!counts).then_some(DecisionRefusal::NotAnApprover)
}

/// Whether those who have approved are enough.
pub(super) fn is_enough(gate: &Gate) -> bool {
    let Some(plan) = &gate.plan else { return true };
    plan.approvers.iter().all(|approvers| {
        let people = gate.request.votes.iter().map(|vote| &vote.by);
        let mut names: Vec<_> =
            people.filter(|by| counts_for(gate, plan, approvers, by)).map(name).collect();
        names.sort();
        names.dedup();
        names.len() >= usize::try_from(approvers.quorum.max(1)).unwrap_or(usize::MAX)
    })
}

/// Whether they may let somebody else decide: only a member can, and not who was named.
pub(super) fn may_delegate(gate: &Gate, by: &Decider) -> bool {
    gate.plan.as_ref().is_some_and(|plan| {
        plan.approvers.iter().any(|approvers| approvers.delegation && is_member(approvers, by))
    })
}

/// Whether they have approved before.
pub(super) fn has_voted(votes: &[Vote], by: &Decider) -> bool {
    votes.iter().any(|vote| name(&vote.by) == name(by))
}

fn counts_for(gate: &Gate, plan: &Plan, approvers: &Approvers, by: &Decider) -> bool {
    let stage = usize::try_from(gate.stage).ok().and_then(|stage| plan.stages.get(stage));
    let turned_to = stage.is_some_and(|stage| shares(&stage.groups, &by.groups));
    let named = by.name.as_ref().is_some_and(|name| gate.request.delegates.contains(name));
    by.proof == Proof::TemporalAccess || is_member(approvers, by) || turned_to || named
}

fn is_member(approvers: &Approvers, by: &Decider) -> bool {
    by.proof == Proof::TemporalAccess
        || approvers.groups.is_empty()
        || shares(&approvers.groups, &by.groups)
}

fn shares(asked: &[String], has: &[String]) -> bool {
    asked.iter().any(|group| has.contains(group))
}

/// Who counts once, however often they decide. Whoever has only access to Temporal, and no name,
/// is one and the same.
fn name(by: &Decider) -> (&str, Option<&str>) {
    (by.name.as_deref().unwrap_or_default(), by.on_behalf_of.as_deref())
}
