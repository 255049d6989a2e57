//! From rules as people write them to rules that judge: every check that needs no call.

use std::collections::BTreeMap;

use longhaul_contract::definition::Action;
use longhaul_contract::policy::{
    Approvers, ConnectionFacts, Deadline, OnDeadline, Rule, RunFacts, Weekday, WorkingHours,
};
use longhaul_contract::tool::{Effect, ToolSpec};
use longhaul_policy::check::{self, Example, Finding, Part};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::{ApproversEntry, ExampleEntry, RuleEntry, WorkingHoursEntry};
use crate::agent_file::compile::positive;
use crate::agent_file::{Problem, Source, tools as tool_list};
use crate::tool::arguments;

/// Most characters of a justification.
const MOST_BECAUSE: usize = 500;

/// How long a gate waits when a rule names an outcome and no time.
const DEFAULT_AFTER: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Checks the rule `number` of a file, from 1. With `tools` its conditions and names are checked
/// against them.
pub(crate) fn compile(
    entry: &RuleEntry,
    number: usize,
    tools: Option<&[ToolSpec]>,
    source: &Source<'_>,
) -> Result<Rule, Problem> {
    let rule = Rule {
        id: id(entry, number, source)?,
        tools: names(entry.tools.as_ref(), "tool", source)?,
        effects: effects(entry, source)?,
        connections: names(entry.connections.as_ref(), "connection", source)?,
        when: entry.when.as_ref().map(|when| when.value.clone()),
        action: entry.action.value,
        shadow: entry.shadow,
        because: because(entry, source)?,
        remember: entry.remember.as_ref().map(|remember| remember.value),
        approvers: entry.approvers.as_ref().map(|it| approvers(it, source)).transpose()?,
        deadline: deadline(entry, source)?,
        batch: entry.batch.as_ref().is_some_and(|batch| batch.value),
    };
    only_with_ask(entry, source)?;
    if entry.tools.is_none()
        && entry.effects.is_none()
        && entry.connections.is_none()
        && entry.when.is_none()
    {
        let message = "the rule names neither tools, effects, connections nor a condition";
        return Err(Problem::new(source, entry.action.referenced, message)
            .hint("`tools: [\"*\"]` means all of them"));
    }
    if let Some(tools) = tools {
        known_tools(entry, tools, source)?;
    }
    let examples: Vec<Example> = entry.examples.iter().map(|it| example(&it.value)).collect();
    check::rule(&rule, &examples, tools).map_err(|finding| place(entry, &finding, source))?;
    for (example, entry) in examples.iter().zip(&entry.examples) {
        fits(example, &rule, tools, entry.referenced, source)?;
    }
    Ok(rule)
}

/// What is wrong with two rules of one name.
pub(crate) fn named_twice(
    entry: &RuleEntry,
    id: &str,
    other: usize,
    source: &Source<'_>,
) -> Problem {
    let at = entry.id.as_ref().map_or(Location::UNKNOWN, |id| id.referenced);
    Problem::new(source, at, format!("rule {other} is called `{id}`, too"))
        .hint("verdicts name rules by their `id`; each needs one of its own")
}

fn id(entry: &RuleEntry, number: usize, source: &Source<'_>) -> Result<String, Problem> {
    let Some(id) = &entry.id else { return Ok(format!("rule-{number}")) };
    let first = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    // The names of rules that name tools alone.
    let is_free = !id.value.starts_with("simple-");
    let fits = id.value.len() <= 64
        && is_free
        && id.value.bytes().next().is_some_and(first)
        && id.value.bytes().all(|b| first(b) || matches!(b, b'_' | b'-' | b'.'));
    if fits {
        return Ok(id.value.clone());
    }
    let message = format!(
        "`{}` is not a rule's name; use lower-case letters, digits, `_`, `-` and `.`, at most 64, \
         not beginning with `simple-`",
        id.value
    );
    Err(Problem::new(source, id.referenced, message))
}

fn names(
    list: Option<&Spanned<Vec<Spanned<String>>>>,
    what: &str,
    source: &Source<'_>,
) -> Result<Vec<String>, Problem> {
    let Some(list) = list else { return Ok(Vec::new()) };
    if list.value.is_empty() {
        let message = format!("the rule names no {what}");
        return Err(Problem::new(source, list.referenced, message)
            .hint(format!("`{what}s: [\"*\"]` means all of them")));
    }
    Ok(list.value.iter().map(|pattern| pattern.value.clone()).collect())
}

fn effects(entry: &RuleEntry, source: &Source<'_>) -> Result<Vec<Effect>, Problem> {
    match &entry.effects {
        Some(list) if list.value.is_empty() => {
            Err(Problem::new(source, list.referenced, "the rule names no effect")
                .hint("leave the line out for all of them"))
        }
        Some(list) => Ok(list.value.clone()),
        None => Ok(Vec::new()),
    }
}

fn because(entry: &RuleEntry, source: &Source<'_>) -> Result<Option<String>, Problem> {
    let Some(because) = &entry.because else { return Ok(None) };
    let text = because.value.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = text.chars().count();
    if (1..=MOST_BECAUSE).contains(&length) {
        return Ok(Some(text));
    }
    let message = format!("`because` has {length} characters, expected 1 to {MOST_BECAUSE}");
    Err(Problem::new(source, because.referenced, message)
        .hint("it is for the person who decides; a sentence will do"))
}

fn approvers(entry: &Spanned<ApproversEntry>, source: &Source<'_>) -> Result<Approvers, Problem> {
    let it = &entry.value;
    if it.groups.iter().any(|group| group.trim().is_empty()) {
        return Err(Problem::new(source, entry.referenced, "a group has no name"));
    }
    let quorum = match &it.quorum {
        Some(quorum) => {
            positive(source, "quorum", quorum.value.into(), quorum.referenced)?;
            quorum.value
        }
        None => 1,
    };
    Ok(Approvers {
        groups: it.groups.clone(),
        quorum,
        no_self: it.no_self,
        delegation: it.delegation,
    })
}

fn deadline(entry: &RuleEntry, source: &Source<'_>) -> Result<Option<Deadline>, Problem> {
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
        entry.working_hours.as_ref().map(|hours| self::hours(&hours.value, source)).transpose()?;
    let given = entry.timeout.is_some()
        || entry.on_timeout.is_some()
        || entry.reminders.is_some()
        || working_hours.is_some();
    Ok(given.then(|| Deadline {
        after,
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

/// Refuses what only a rule that asks can have.
fn only_with_ask(entry: &RuleEntry, source: &Source<'_>) -> Result<(), Problem> {
    if entry.action.value == Action::Ask {
        return Ok(());
    }
    let given = [
        ("timeout", entry.timeout.as_ref().map(|it| it.referenced)),
        ("on_timeout", entry.on_timeout.as_ref().map(|it| it.referenced)),
        ("reminders", entry.reminders.as_ref().map(|it| it.referenced)),
        ("working_hours", entry.working_hours.as_ref().map(|it| it.referenced)),
        ("approvers", entry.approvers.as_ref().map(|it| it.referenced)),
        ("remember", entry.remember.as_ref().map(|it| it.referenced)),
        ("batch", entry.batch.as_ref().map(|it| it.referenced)),
    ];
    match given.into_iter().find_map(|(key, at)| at.map(|at| (key, at))) {
        Some((key, at)) => {
            Err(Problem::new(source, at, format!("`{key}` is for `action: ask` only")))
        }
        None => Ok(()),
    }
}

/// Refuses names of tools that the agent does not have, and `run` for what never runs unasked.
fn known_tools(entry: &RuleEntry, tools: &[ToolSpec], source: &Source<'_>) -> Result<(), Problem> {
    for pattern in entry.tools.iter().flat_map(|list| &list.value) {
        if pattern.value.contains('*') {
            continue;
        }
        let Some(tool) = tools.iter().find(|tool| tool.name == pattern.value) else {
            let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
            let message = format!(
                "the agent has no tool `{}`, only {}",
                pattern.value,
                if names.is_empty() { "none at all".to_owned() } else { tool_list::list(&names) }
            );
            return Err(Problem::new(source, pattern.referenced, message));
        };
        if entry.action.value == Action::Run && tool.effect > Effect::Update {
            let message = format!(
                "`{}` cannot run without asking: its effect is `{}`",
                tool.name,
                tool.effect.as_str()
            );
            return Err(Problem::new(source, pattern.referenced, message)
                .hint("`action: run` is for `read`, `create` and `update`; use `ask`"));
        }
    }
    Ok(())
}

fn example(entry: &ExampleEntry) -> Example {
    let run = &entry.run;
    let connection = entry.connection.as_ref().map(|facts| {
        let mut attributes: BTreeMap<String, String> = facts.clone();
        let name = attributes.remove("name").unwrap_or_else(|| "example".to_owned());
        ConnectionFacts { name, attributes }
    });
    Example {
        tool: entry.tool.clone(),
        args: Value::Object(entry.args.clone().into_iter().collect()),
        run: RunFacts {
            id: run.id.clone().unwrap_or_else(|| "example".to_owned()),
            agent: run.agent.clone().unwrap_or_else(|| "example".to_owned()),
            turn: run.turn.unwrap_or(1),
            session: run.session,
            starter: run.starter.clone(),
            tags: run.tags.clone(),
        },
        connection,
        expect: entry.expect,
    }
}

/// Refuses an example that no model could make: its arguments do not fit the tool.
fn fits(
    example: &Example,
    rule: &Rule,
    tools: Option<&[ToolSpec]>,
    at: Location,
    source: &Source<'_>,
) -> Result<(), Problem> {
    let name = example.tool.as_ref().or(rule.tools.first());
    let tool = tools.unwrap_or_default().iter().find(|tool| Some(&tool.name) == name);
    match tool.map(|tool| arguments::check(tool, &example.args)) {
        Some(Err(why)) => Err(Problem::new(source, at, format!("the example: {why}"))),
        Some(Ok(())) | None => Ok(()),
    }
}

/// A finding where it is in the file.
fn place(entry: &RuleEntry, finding: &Finding, source: &Source<'_>) -> Problem {
    let at = match finding.part {
        Part::When => entry.when.as_ref().map(|when| when.referenced),
        Part::Example(index) => entry.examples.get(index).map(|example| example.referenced),
    };
    let at = at.unwrap_or(Location::UNKNOWN);
    let mut problem = Problem::new(source, at, finding.message.clone());
    if let Some(when) = entry.when.as_ref().filter(|_| finding.part == Part::When)
        && let Some((line, column)) = within(source.text, &when.value, at, finding)
    {
        problem = problem.moved(source, line, column);
    }
    match &finding.hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// Line and column of the file for a place in a condition that begins at `at`: if the condition's
/// line stands there as it is, which a folded one or one with escapes does not.
fn within(text: &str, condition: &str, at: Location, finding: &Finding) -> Option<(u64, u64)> {
    let index = usize::try_from(finding.line).ok()?.checked_sub(1)?;
    let wanted = condition.lines().nth(index)?;
    let first = usize::try_from(at.line()).ok()?.checked_sub(1)? + index;
    // A block's first line may be given as that of its `|`.
    for (line, content) in text.lines().enumerate().skip(first).take(2) {
        let from = if index == 0 && line == first { at.column().saturating_sub(1) } else { 0 };
        let skipped = usize::try_from(from).ok()?;
        let rest: String = content.chars().skip(skipped).collect();
        if let Some(found) = rest.find(wanted) {
            let before = rest.get(..found)?.chars().count() + skipped;
            let column = u64::try_from(before).ok()? + u64::from(finding.column);
            return Some((u64::try_from(line).ok()? + 1, column));
        }
    }
    None
}
