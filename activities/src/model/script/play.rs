//! From a scenario and a conversation to the reply that is due.

use std::cell::RefCell;
use std::collections::BTreeMap;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::Item;
use longhaul_contract::tool::{ToolCall, ToolOutcome};
use minijinja::Value as Cell;
use minijinja::value::Serde;

use super::position::{Task, task};
use super::scenario::{Scenario, Turn, TurnCall, TurnError};
use super::values::{self, Values};
use super::{ModelCall, Played};
use crate::error::Failure;
use crate::model::render;

/// The most often that a turn can be repeated.
const MOST_REPEATS: usize = 1_000_000;

/// The reply that is due. Fails in words if a template does.
pub(super) fn play(scenario: &Scenario, call: &ModelCall<'_>) -> Result<Played, String> {
    let stage = Stage { scenario, call, task: task(call.items), prepared: RefCell::default() };
    let Some((turn, n)) = stage.due()? else {
        let text = stage.values(stage.task.played, 1)?.render(&scenario.then)?;
        return Ok(Played { text: Some(text), ..Played::default() });
    };
    let values = stage.values(stage.task.played, n)?;
    let mut played = Played { delay: turn.delay.map(|delay| delay.0), ..Played::default() };
    if let Some(error) = &turn.error
        && error.times.is_none_or(|times| call.attempt <= times)
    {
        played.failure = Some(failure(error));
        return Ok(played);
    }
    for asked in &turn.calls {
        played.calls.extend(calls(asked, &values)?);
    }
    played.text = match (&turn.answer, &turn.text) {
        (Some(answer), _) => Some(values.fill(answer)?.to_string()),
        (None, Some(text)) => Some(values.render(text)?.trim().to_owned()),
        (None, None) => None,
    };
    Ok(played)
}

struct Stage<'a> {
    scenario: &'a Scenario,
    call: &'a ModelCall<'a>,
    task: Task,
    /// What templates could use after so many turns: made once for each.
    prepared: RefCell<BTreeMap<usize, Values>>,
}

impl<'a> Stage<'a> {
    /// The turn that is due and which repetition of it; `None` when all are played.
    ///
    /// Whether an earlier turn took part is decided again from what was known when it was due,
    /// so the answer never changes afterwards.
    fn due(&self) -> Result<Option<(&'a Turn, usize)>, String> {
        let mut step = 0;
        for turn in &self.scenario.turns {
            if !self.takes_part(turn, step)? {
                continue;
            }
            let repeats = self.repeats(turn, step)?;
            if self.task.played < step + repeats {
                return Ok(Some((turn, self.task.played - step + 1)));
            }
            step += repeats;
        }
        Ok(None)
    }

    fn takes_part(&self, turn: &Turn, step: usize) -> Result<bool, String> {
        let conditional = turn.when.is_some()
            || (!turn.calls.is_empty() && turn.calls.iter().all(|call| call.for_each.is_some()));
        if !conditional {
            return Ok(true);
        }
        let values = self.values(step, 1)?;
        if let Some(when) = &turn.when
            && !values.evaluate(when)?.is_true()
        {
            return Ok(false);
        }
        for call in &turn.calls {
            match &call.for_each {
                Some(each) if list(each, &values)?.is_empty() => {}
                Some(_) | None => return Ok(true),
            }
        }
        Ok(turn.calls.is_empty())
    }

    fn repeats(&self, turn: &Turn, step: usize) -> Result<usize, String> {
        let Some(repeat) = &turn.repeat else { return Ok(1) };
        let filled = self.values(step, 1)?.fill(repeat)?;
        let number = filled.as_u64().and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| *number <= MOST_REPEATS)
            .ok_or_else(|| format!("`repeat` is {filled}, expected 0 to {MOST_REPEATS}"))
    }

    /// What templates can use when `step` turns are played.
    fn values(&self, step: usize, n: usize) -> Result<Values, String> {
        let kept = self.prepared.borrow().get(&step).cloned();
        let mut values = match kept {
            Some(values) => values,
            None => self.prepare(step)?,
        };
        values.set("n", n);
        Ok(values)
    }

    fn prepare(&self, step: usize) -> Result<Values, String> {
        let tools: Vec<String> =
            self.call.definition.tools.iter().map(|tool| tool.name.clone()).collect();
        let mut values = Values::default();
        values.set("message", self.task.message.as_str());
        values.set("last_message", self.task.last_message.as_str());
        values.set("agent", self.call.definition.name.as_str());
        values.set("tools", tools);
        values.set("turn", step + 1);
        values.set("attempt", self.call.attempt);
        if self.scenario.mentions("results") {
            values.set("results", self.results(step));
        }
        for (name, expression) in &self.scenario.names {
            let value = values.evaluate(expression.as_str().unwrap_or_default())?;
            values.set(name, value);
        }
        self.prepared.borrow_mut().insert(step, values.clone());
        Ok(values)
    }

    fn results(&self, step: usize) -> Vec<Cell> {
        let calls: BTreeMap<&str, &ToolCall> = self
            .call
            .items
            .iter()
            .flat_map(|item| match item {
                Item::Assistant { calls, .. } => calls.as_slice(),
                Item::User { .. }
                | Item::ToolResult { .. }
                | Item::Notice { .. }
                | Item::Summary { .. } => &[],
            })
            .map(|call| (call.id.as_str(), call))
            .collect();
        self.task
            .results
            .iter()
            .take_while(|(after, _)| *after <= step)
            .filter_map(|(_, index)| match self.call.items.get(*index) {
                Some(Item::ToolResult { call, tool, result, edited }) => {
                    let asked = calls.get(call.as_str()).map(|call| &call.arguments);
                    Some(cell(tool, result, edited.as_ref().or(asked)))
                }
                Some(
                    Item::User { .. }
                    | Item::Assistant { .. }
                    | Item::Notice { .. }
                    | Item::Summary { .. },
                )
                | None => None,
            })
            .collect()
    }
}

/// One result as templates see it.
fn cell(tool: &str, result: &ToolOutcome, arguments: Option<&serde_json::Value>) -> Cell {
    let text = match result {
        ToolOutcome::Done { content, .. } | ToolOutcome::Answered { content, .. } => {
            content.clone()
        }
        ToolOutcome::Failed { .. }
        | ToolOutcome::Refused { .. }
        | ToolOutcome::Denied { .. }
        | ToolOutcome::Expired
        | ToolOutcome::Unknown { .. }
        | ToolOutcome::Questioned { .. }
        | ToolOutcome::Skipped
        | ToolOutcome::MustAsk { .. }
        | ToolOutcome::Cancelled => render::outcome(result, None),
    };
    let parsed: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let error = parsed.as_ref().filter(|_| result.is_error()).map(|value| {
        let message = value.pointer("/error/message").and_then(serde_json::Value::as_str);
        Cell::from(message.unwrap_or_default())
    });
    [
        ("tool", Cell::from(tool)),
        ("arguments", arguments.map_or(Cell::UNDEFINED, |value| Cell::from(Serde(value)))),
        ("outcome", Cell::from(result.label())),
        ("error", error.unwrap_or(Cell::UNDEFINED)),
        ("content", parsed.map_or_else(|| Cell::from(&text), |value| Cell::from(Serde(value)))),
        ("text", Cell::from(text)),
    ]
    .into_iter()
    .collect::<BTreeMap<&str, Cell>>()
    .into()
}

fn calls(asked: &TurnCall, values: &Values) -> Result<Vec<(String, serde_json::Value)>, String> {
    let Some(each) = &asked.for_each else {
        return Ok(vec![(values.render(&asked.tool)?, values.fill(&asked.arguments)?)]);
    };
    let mut calls = Vec::new();
    for entry in list(each, values)? {
        let mut values = values.clone();
        values.set(&asked.name, entry);
        calls.push((values.render(&asked.tool)?, values.fill(&asked.arguments)?));
    }
    Ok(calls)
}

fn list(expression: &str, values: &Values) -> Result<Vec<Cell>, String> {
    let value = values.evaluate(expression)?;
    if value.is_undefined() || value.is_none() {
        return Ok(Vec::new());
    }
    match value.try_iter() {
        Ok(entries) => Ok(entries.collect()),
        Err(_) => Err(format!("`for_each: {expression}` is not a list")),
    }
}

fn failure(error: &TurnError) -> Failure {
    let status = error.status.map(|status| format!(" with status {status}")).unwrap_or_default();
    let message = format!("the scenario answers `{}`{status}", error.kind.as_str());
    // A scenario can only fail as a model does.
    let of_model =
        error.kind == FailureKind::ContextFull || error.kind.as_str().starts_with("model_");
    let kind = if of_model { error.kind } else { FailureKind::ModelRequest };
    Failure::new(kind, message).retry_after(error.retry_after.map(|wait| wait.0))
}

impl Scenario {
    /// Whether any text of the scenario holds `word`: what is not used is not prepared.
    fn mentions(&self, word: &str) -> bool {
        let names = self.names.values().chain(self.turns.iter().flat_map(|turn| {
            let arguments = turn.calls.iter().map(|call| &call.arguments);
            arguments.chain(&turn.repeat).chain(&turn.answer)
        }));
        let texts = self.turns.iter().flat_map(|turn| {
            let calls = turn
                .calls
                .iter()
                .flat_map(|call| Some(&call.tool).into_iter().chain(&call.for_each));
            calls.chain(&turn.when).chain(&turn.text)
        });
        self.then.contains(word)
            || texts.into_iter().any(|text| text.contains(word))
            || names.into_iter().any(|value| values::holds(value, word))
    }
}
