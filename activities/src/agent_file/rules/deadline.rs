//! The keys of a rule that are about time: deadline, reminders, working hours.

use std::time::Duration;

use longhaul_contract::policy::{Deadline, OnDeadline, Weekday, WorkingHours};
use serde_saphyr::{Location, Spanned};

use super::{RuleEntry, WorkingHoursEntry};
use crate::agent_file::compile::positive;
use crate::agent_file::{Problem, Source};

/// How long a gate waits when a rule names an outcome and no time.
const DEFAULT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a rule's gates wait, if it says so.
pub(super) fn compile(entry: &RuleEntry, source: &Source<'_>) -> Result<Option<Deadline>, Problem> {
    if let Some(timeout) = &entry.timeout {
        positive(source, "timeout", timeout.value.0.as_millis(), timeout.referenced)?;
    }
    let after = entry.timeout.as_ref().map_or(DEFAULT_AFTER, |timeout| timeout.value.0);
    let outcome = entry.on_timeout.as_ref().map_or(OnDeadline::Deny, |on| on.value);
    let groups = entry.escalate_to.as_ref();
    match (outcome, groups) {
        (OnDeadline::Escalate, None) => {
            let at = entry.on_timeout.as_ref().map_or(Location::UNKNOWN, |on| on.referenced);
            return Err(Problem::new(source, at, "`escalate` has nobody to turn to")
                .hint("write `escalate_to: [a-group]`"));
        }
        (OnDeadline::Escalate, Some(groups)) => {
            if groups.value.is_empty() || groups.value.iter().any(|it| it.trim().is_empty()) {
                let message = "`escalate_to` names no group";
                return Err(Problem::new(source, groups.referenced, message));
            }
        }
        (_, Some(groups)) => {
            let message = "`escalate_to` is for `on_timeout: escalate` only";
            return Err(Problem::new(source, groups.referenced, message));
        }
        (_, None) => {}
    }
    let mut reminders = Vec::new();
    if let Some(list) = &entry.reminders {
        for reminder in &list.value {
            positive(source, "reminders", reminder.0.as_millis(), list.referenced)?;
            if outcome != OnDeadline::Wait && reminder.0 >= after {
                let message = format!("a reminder after {reminder} comes when nobody can answer");
                return Err(Problem::new(source, list.referenced, message)
                    .hint("reminders come before `timeout`"));
            }
            reminders.push(reminder.0);
        }
        reminders.sort_unstable();
        reminders.dedup();
    }
    let working_hours =
        entry.working_hours.as_ref().map(|it| hours(&it.value, source)).transpose()?;
    let given = entry.timeout.is_some()
        || entry.on_timeout.is_some()
        || entry.reminders.is_some()
        || working_hours.is_some();
    Ok(given.then(|| Deadline {
        after: entry.timeout.as_ref().map(|timeout| timeout.value.0),
        outcome,
        escalate_to: groups.map(|groups| groups.value.clone()).unwrap_or_default(),
        reminders,
        working_hours,
    }))
}

fn hours(entry: &WorkingHoursEntry, source: &Source<'_>) -> Result<WorkingHours, Problem> {
    if jiff::tz::TimeZone::get(&entry.zone.value).is_err() {
        let message = format!("`{}` is no time zone", entry.zone.value);
        return Err(Problem::new(source, entry.zone.referenced, message)
            .hint("write an IANA name, such as `Europe/Berlin`"));
    }
    let (from, to) = (minutes(&entry.from, source)?, minutes(&entry.to, source)?);
    if from >= to {
        return Err(Problem::new(source, entry.to.referenced, "`to` is not after `from`")
            .hint("hours over midnight are two rules"));
    }
    let mut days = match &entry.days {
        Some(days) if days.is_empty() => {
            return Err(Problem::new(source, entry.zone.referenced, "`days` is empty")
                .hint("leave the line out for Monday to Friday"));
        }
        Some(days) => days.clone(),
        None => vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
    };
    days.sort_unstable();
    days.dedup();
    Ok(WorkingHours { zone: entry.zone.value.clone(), days, from, to })
}

/// `09:30` in minutes after midnight; `24:00` is the end of the day.
fn minutes(text: &Spanned<String>, source: &Source<'_>) -> Result<u16, Problem> {
    let read = || {
        let (hours, minutes) = text.value.split_once(':')?;
        if hours.len() != 2 || minutes.len() != 2 {
            return None;
        }
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        let total = hours * 60 + minutes;
        (minutes < 60 && total <= 24 * 60).then_some(total)
    };
    read().ok_or_else(|| {
        let message = format!("`{}` is no time of day", text.value.escape_debug());
        Problem::new(source, text.referenced, message).hint("write it such as `\"09:30\"`")
    })
}
