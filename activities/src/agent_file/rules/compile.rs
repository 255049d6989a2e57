//! From rules as people write them to rules that judge: every check that needs no call.

use std::collections::BTreeMap;

use longhaul_contract::definition::{Action, ApprovalRule, OnTimeout};
use longhaul_contract::policy::{Approvers, ConnectionFacts, OnDeadline, Rule, RunFacts};
use longhaul_contract::tool::{Effect, ToolSpec};
use longhaul_policy::check::{self, Example, Finding, Part};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::{ApproversEntry, ExampleEntry, RuleEntry, deadline};
use crate::agent_file::compile::positive;
use crate::agent_file::{Problem, Source, tools as tool_list};
use crate::tool::arguments;

/// Most characters of a justification.
const MOST_BECAUSE: usize = 500;

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
        deadline: deadline::compile(entry, source)?,
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

/// Checks the rules of a file, each by itself and that no two have one name.
pub(crate) fn compile_all(
    entries: &[RuleEntry],
    tools: Option<&[ToolSpec]>,
    source: &Source<'_>,
) -> Result<Vec<Rule>, Problem> {
    let mut rules = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let rule = compile(entry, index + 1, tools, source)?;
        if let Some(other) = numbers.insert(rule.id.clone(), index + 1) {
            return Err(named_twice(entry, &rule.id, other, source));
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// Parts rules from those that name tools alone.
pub(crate) fn part(entries: &[RuleEntry], rules: Vec<Rule>) -> (Vec<ApprovalRule>, Vec<Rule>) {
    let (mut alone, mut others) = (Vec::new(), Vec::new());
    for (entry, rule) in entries.iter().zip(rules) {
        match simple(entry) {
            Some(simple) => alone.push(simple),
            None => others.push(rule),
        }
    }
    (alone, others)
}

/// The rule in the shape that rules had before there were conditions, if it says nothing else:
/// the definition of an agent that has none is the same to the byte.
fn simple(entry: &RuleEntry) -> Option<ApprovalRule> {
    let RuleEntry {
        id: None,
        tools: Some(tools),
        effects: None,
        connections: None,
        when: None,
        action,
        shadow: false,
        because: None,
        remember: None,
        approvers: None,
        timeout,
        on_timeout,
        escalate_to: None,
        reminders: None,
        working_hours: None,
        batch: None,
        examples,
    } = entry
    else {
        return None;
    };
    let on_timeout = match on_timeout.as_ref().map(|on| on.value) {
        None => OnTimeout::default(),
        Some(OnDeadline::Deny) => OnTimeout::Deny,
        Some(OnDeadline::Fail) => OnTimeout::Fail,
        Some(OnDeadline::Escalate | OnDeadline::Wait) => return None,
    };
    examples.is_empty().then(|| ApprovalRule {
        tools: tools.value.iter().map(|pattern| pattern.value.clone()).collect(),
        action: action.value,
        timeout: timeout.as_ref().map(|timeout| timeout.value.0),
        on_timeout,
    })
}

/// What is wrong with two rules of one name.
fn named_twice(entry: &RuleEntry, id: &str, other: usize, source: &Source<'_>) -> Problem {
    // Of two, at least one says its name.
    let at = entry.id.as_ref().map_or(entry.action.referenced, |id| id.referenced);
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
            starter_proven: false,
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
