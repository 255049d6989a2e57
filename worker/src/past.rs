//! Calls of recorded runs, judged by rules that were not there: what would change?

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use longhaul_activities::agents::AgentStore;
use longhaul_activities::time_machine::TimeMachine;
use longhaul_contract::definition::{Action, Definition};
use longhaul_contract::digest::Digest;
use longhaul_contract::message::Item;
use longhaul_contract::policy::{Outcome, RunFacts, ShadowHit, Verdict};
use longhaul_contract::tool::ToolCall;
use longhaul_contract::trace::{TraceEntry, TraceEvent};
use serde::Serialize;

use crate::client::{Run, RunError};

/// A recorded run.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What conditions can know of it; the turn is each call's own.
    pub facts: RunFacts,
    /// The definition that it was pinned to.
    pub definition: Definition,
    /// Its conversation, with what is long in full.
    pub items: Vec<Item>,
    /// Its log.
    pub trace: Vec<TraceEntry>,
}

/// A call of the past, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PastCall {
    /// The run's workflow id.
    pub run: String,
    /// The agent's name.
    pub agent: String,
    /// The turn, from 1.
    pub turn: u32,
    /// Tool and object.
    pub summary: String,
    /// What happened to it: `run`, `ask` or `refuse`.
    pub was: Action,
    /// What would happen to it.
    pub would_be: Action,
    /// Whether that is something else.
    pub changes: bool,
    /// Why, by the rules that are tried.
    pub reason: String,
    /// The rules that decide, as `worker:big-refunds`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// What rules in shadow mode would have said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<ShadowHit>,
}

/// Judges every call of a run that got a verdict.
pub fn judge(machine: &TimeMachine, recorded: &Recorded) -> Vec<PastCall> {
    // Ids are the provider's, and need not be unique in a run: the log has them in order.
    let mut asked: BTreeMap<&str, VecDeque<&ToolCall>> = BTreeMap::new();
    for item in &recorded.items {
        if let Item::Assistant { calls, .. } = item {
            for call in calls {
                asked.entry(&call.id).or_default().push_back(call);
            }
        }
    }
    let mut judged = Vec::new();
    for entry in &recorded.trace {
        let TraceEvent::ToolJudged { turn, call, summary, verdict: was, .. } = &entry.event else {
            continue;
        };
        let Some(call) = asked.get_mut(call.as_str()).and_then(VecDeque::pop_front) else {
            continue;
        };
        let facts = RunFacts { turn: *turn, ..recorded.facts.clone() };
        let verdicts = machine.judge(&recorded.definition, &facts, std::slice::from_ref(call));
        let Some(verdict) = verdicts.into_iter().next() else { continue };
        judged.push(past(&facts, summary, *was, verdict));
    }
    judged
}

fn past(facts: &RunFacts, summary: &str, was: Action, verdict: Verdict) -> PastCall {
    let would_be = match verdict.outcome {
        Outcome::Run => Action::Run,
        Outcome::Ask => Action::Ask,
        // The log has both in one word.
        Outcome::Refuse | Outcome::Invalid => Action::Refuse,
    };
    PastCall {
        run: facts.id.clone(),
        agent: facts.agent.clone(),
        turn: facts.turn,
        summary: summary.to_owned(),
        was,
        would_be,
        changes: was != would_be,
        reason: verdict.reason,
        rules: verdict.rules.iter().map(ToString::to_string).collect(),
        shadow: verdict.shadow,
    }
}

impl Recorded {
    /// Reads a run: from Temporal, or from the archive where Temporal has forgotten it. The
    /// definition is the run's own, or that of an agent file in `agents` that is still the same.
    ///
    /// # Errors
    ///
    /// What cannot be read of it, in words.
    pub async fn read(run: &Run, agents: &Path) -> Result<Self, RunError> {
        let trace = run.trace().await?;
        let items = run.transcript().await?;
        let (items, problems) = run.whole(items).await?;
        if let Some(problem) = problems.into_iter().next() {
            return Err(RunError::Archive(problem));
        }
        let (agent, digest) = pinned(&trace).ok_or_else(|| unknown("it never began"))?;
        let definition = match run.definition().await {
            Ok(definition) => definition,
            Err(error) => AgentStore::new(agents)
                .load(&agent)
                .ok()
                .filter(|definition| Digest::of(definition) == digest)
                .ok_or(error)?,
        };
        // Known as long as Temporal has the run; the archive does not keep it.
        let input = run.input().await.unwrap_or_default();
        let facts = RunFacts {
            id: run.id().to_owned(),
            agent,
            turn: 0,
            session: input.session,
            starter: input.starter,
            starter_proven: false,
            tags: input.tags,
        };
        Ok(Self { facts, definition, items, trace })
    }
}

/// The agent and the definition that the log begins with.
fn pinned(trace: &[TraceEntry]) -> Option<(String, Digest)> {
    trace.iter().find_map(|entry| {
        let TraceEvent::RunStarted { agent, definition, .. } = &entry.event else { return None };
        Some((agent.clone(), definition.clone()))
    })
}

fn unknown(what: &str) -> RunError {
    RunError::Archive(what.to_owned())
}

#[cfg(test)]
mod tests;
