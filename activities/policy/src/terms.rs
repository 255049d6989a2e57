//! The terms on which several rules ask together: of each, the strictest.

use std::time::Duration;

use longhaul_contract::policy::{AskTerms, Breadth, Deadline, OnDeadline, Rule};

/// How long a gate waits when no rule says otherwise.
pub(crate) const DEFAULT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The terms of the rules that ask, which come in an order of their own: by source and id.
pub(crate) fn strictest(rules: &[&Rule], remember: Option<Breadth>) -> AskTerms {
    let mut because: Vec<String> = Vec::new();
    let mut approvers = Vec::new();
    for rule in rules {
        if let Some(text) = rule.because.as_ref().filter(|text| !because.contains(text)) {
            because.push(text.clone());
        }
        if let Some(wanted) = rule.approvers.as_ref().filter(|it| !approvers.contains(*it)) {
            approvers.push(wanted.clone());
        }
    }
    let deadlines: Vec<&Deadline> =
        rules.iter().filter_map(|rule| rule.deadline.as_ref()).collect();
    let batch = !rules.is_empty() && rules.iter().all(|rule| rule.batch);
    AskTerms { because, approvers, deadline: deadline(&deadlines), remember, batch }
}

/// The shortest time, with the strictest outcome and every reminder that comes before it.
fn deadline(deadlines: &[&Deadline]) -> Deadline {
    let after = deadlines.iter().filter_map(|it| it.after).min().unwrap_or(DEFAULT_AFTER);
    let outcome = deadlines.iter().map(|it| it.outcome).max().unwrap_or(OnDeadline::Deny);
    let escalate_to = match outcome {
        OnDeadline::Escalate => deadlines
            .iter()
            .find(|it| it.outcome == OnDeadline::Escalate)
            .map(|it| it.escalate_to.clone())
            .unwrap_or_default(),
        OnDeadline::Wait | OnDeadline::Deny | OnDeadline::Fail => Vec::new(),
    };
    let mut reminders: Vec<Duration> =
        deadlines.iter().flat_map(|it| it.reminders.iter().copied()).collect();
    if outcome != OnDeadline::Wait {
        reminders.retain(|reminder| *reminder < after);
    }
    reminders.sort_unstable();
    reminders.dedup();
    // Hours that not all of them leave out do count.
    let working_hours = match deadlines {
        [first, rest @ ..] if rest.iter().all(|it| it.working_hours == first.working_hours) => {
            first.working_hours.clone()
        }
        _ => None,
    };
    Deadline { after: Some(after), outcome, escalate_to, reminders, working_hours }
}
