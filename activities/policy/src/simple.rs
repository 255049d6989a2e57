//! The policy of an agent: its rules, those that name tools alone included.

use longhaul_contract::definition::{Action, ApprovalRule, Definition, OnTimeout};
use longhaul_contract::policy::{Deadline, OnDeadline, Policy, Rule};

/// The rules of an agent as its definition holds them.
pub fn policy(definition: &Definition) -> Policy {
    let mut rules = rules(&definition.approvals);
    rules.extend(definition.rules.iter().cloned());
    Policy::new(rules)
}

/// Rules that name tools alone as rules of a policy, named `simple-1`, `simple-2` and so on by their place.
pub fn rules(approvals: &[ApprovalRule]) -> Vec<Rule> {
    approvals.iter().enumerate().map(|(index, approval)| rule(index + 1, approval)).collect()
}

fn rule(number: usize, approval: &ApprovalRule) -> Rule {
    let waits = approval.timeout.is_some() || approval.on_timeout != OnTimeout::default();
    let deadline = Deadline {
        after: approval.timeout,
        outcome: match approval.on_timeout {
            OnTimeout::Deny => OnDeadline::Deny,
            OnTimeout::Fail => OnDeadline::Fail,
        },
        escalate_to: Vec::new(),
        reminders: Vec::new(),
        working_hours: None,
    };
    Rule {
        tools: approval.tools.clone(),
        deadline: (waits && approval.action == Action::Ask).then_some(deadline),
        ..Rule::new(format!("simple-{number}"), approval.action)
    }
}
