//! How a person is asked about a call: the terms of the rules, as instants.

use std::time::Duration;

use longhaul_contract::interrupt::{InterruptKind, Plan, Stage};
use longhaul_contract::policy::{AskTerms, Deadline, OnDeadline, Outcome, Verdict};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{ToolBinding, ToolCall, ToolSpec};
use longhaul_policy::remembered::offers;
use serde_json::{Value, json};

use super::{hours, mask};

/// How long a gate waits when no rule says otherwise.
const APPROVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a question or an outside tool waits when no rule says otherwise.
const QUESTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The plan for a call that somebody is asked about; `None` for any other.
pub(super) fn plan(
    spec: &ToolSpec,
    call: &ToolCall,
    verdict: &Verdict,
    now: Timestamp,
) -> Option<Plan> {
    if verdict.outcome > Outcome::Ask {
        return None;
    }
    let (kind, response) = match &spec.binding {
        ToolBinding::Person => (InterruptKind::Question, question_schema(&call.arguments)),
        ToolBinding::External { result } => (InterruptKind::External, result.clone()),
        ToolBinding::Files { .. }
        | ToolBinding::Http { .. }
        | ToolBinding::Results
        | ToolBinding::Catalog { .. }
        | ToolBinding::Mcp { .. }
        | ToolBinding::Native
        | ToolBinding::Meta { .. } => (InterruptKind::Approval, None),
    };
    let terms = match (&verdict.ask, kind) {
        (Some(terms), _) => terms.clone(),
        (None, InterruptKind::Approval) => return None,
        (None, _) => AskTerms {
            because: Vec::new(),
            approvers: Vec::new(),
            deadline: Deadline {
                after: Some(QUESTION),
                outcome: OnDeadline::Deny,
                escalate_to: Vec::new(),
                reminders: Vec::new(),
                working_hours: None,
            },
            remember: None,
            batch: false,
        },
    };
    let usual = if kind == InterruptKind::Approval { APPROVAL } else { QUESTION };
    let masked = mask::masked(&call.arguments);
    let offers = match terms.remember.filter(|_| kind == InterruptKind::Approval) {
        // Arguments that are not here in full cannot be recognised again.
        Some(most) if call.blob.is_none() => offers(&spec.name, &call.arguments, most),
        Some(_) | None => Vec::new(),
    };
    Some(Plan {
        kind,
        stages: stages(&terms.deadline, usual, now),
        outcome: terms.deadline.outcome,
        approvers: terms.approvers,
        rules: verdict.rules.clone(),
        because: terms.because,
        preview: None,
        offers,
        response,
        batch: terms.batch,
        masked,
        connect: None,
        resume: None,
    })
}

/// The stages of a deadline that begins now: the first, and one for each group it escalates to.
fn stages(deadline: &Deadline, usual: Duration, now: Timestamp) -> Vec<Stage> {
    let later = |from: Timestamp, by: Duration| match &deadline.working_hours {
        Some(working) => hours::after(from, by, working).unwrap_or_else(|| from.plus(by)),
        None => from.plus(by),
    };
    let after = deadline.after.unwrap_or(usual);
    let mut from = now;
    let groups = std::iter::once(Vec::new())
        .chain(deadline.escalate_to.iter().map(|group| vec![group.clone()]));
    groups
        .map(|groups| {
            let until = later(from, after);
            let mut remind_at: Vec<Timestamp> = deadline
                .reminders
                .iter()
                .map(|reminder| later(from, *reminder))
                .filter(|at| *at < until || deadline.outcome == OnDeadline::Wait)
                .collect();
            remind_at.sort();
            from = until;
            Stage { groups, until, remind_at }
        })
        .collect()
}

/// What an answer to a question has to look like.
fn question_schema(arguments: &Value) -> Option<Value> {
    if let Some(choices) = arguments.get("choices").and_then(Value::as_array)
        && !choices.is_empty()
    {
        let many = arguments.get("several").and_then(Value::as_bool).unwrap_or_default();
        return Some(if many {
            json!({"type": "array", "items": {"enum": choices}, "uniqueItems": true})
        } else {
            json!({"enum": choices})
        });
    }
    arguments.get("form").filter(|form| form.is_object()).cloned()
}
