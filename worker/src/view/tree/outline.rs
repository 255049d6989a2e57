//! The flat log of a run, put in order: which call belongs to which turn, which gate to which call.

use std::time::Duration;

use longhaul_contract::approval::{Channel, GateOutcome};
use longhaul_contract::definition::Action;
use longhaul_contract::model::Usage;
use longhaul_contract::run::RunState;
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::{TraceEntry, TraceEvent};

use crate::view::gate::refusal as refusal_words;
use crate::view::words::{quoted, short};

/// Characters of a call's summary that the tree shows.
const SUMMARY: usize = 48;

/// A run in parts.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) agent: Option<String>,
    pub(super) ended: Option<RunState>,
    pub(super) parts: Vec<Part>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// What stands directly under the run.
#[derive(Debug)]
pub(super) enum Part {
    Turn(Turn),
    Note { text: String, tone: Tone },
}

/// How a note is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Faint,
    Good,
    Bad,
    Attention,
}

/// A model call and what it asked for.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) number: u32,
    pub(super) model: String,
    pub(super) took: Duration,
    pub(super) usage: Usage,
    pub(super) cost_usd: Option<f64>,
    pub(super) preview: Option<String>,
    pub(super) calls: Vec<Call>,
}

/// A tool call from verdict to result.
#[derive(Debug, Default)]
pub(super) struct Call {
    id: Option<String>,
    pub(super) summary: String,
    pub(super) verdict: Option<(Action, String)>,
    pub(super) gate: Option<Gate>,
    pub(super) result: Option<CallResult>,
}

/// What came of a call.
#[derive(Debug)]
pub(super) struct CallResult {
    pub(super) outcome: String,
    pub(super) error: Option<String>,
    pub(super) bytes: u64,
    pub(super) took: Option<Duration>,
}

/// A wait for a person.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) id: String,
    pub(super) asked_at: Timestamp,
    pub(super) deadline: Timestamp,
    pub(super) decided: Option<Decided>,
}

/// How a wait ended.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) at: Timestamp,
    pub(super) outcome: GateOutcome,
    pub(super) through: &'static str,
    pub(super) reason: Option<String>,
    pub(super) edited: bool,
}

impl Outline {
    /// Puts the log in order.
    pub(super) fn of(entries: &[TraceEntry]) -> Self {
        let mut outline = Self::default();
        for entry in entries {
            outline.take(entry);
        }
        outline
    }

    /// From the first entry to the end, or to `now` while the run goes on.
    pub(super) fn elapsed(&self, now: Timestamp) -> Option<Duration> {
        let first = self.first?;
        let end = if self.ended.is_some() { self.last? } else { now };
        Some(end.since(first))
    }

    pub(super) fn turns(&self) -> u64 {
        self.turn_parts().count() as u64
    }

    pub(super) fn tool_calls(&self) -> u64 {
        self.calls().filter(|call| call.result.as_ref().is_some_and(|r| r.took.is_some())).count()
            as u64
    }

    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for turn in self.turn_parts() {
            usage.add(&turn.usage);
        }
        usage
    }

    /// The sum of all costs, if each is known and there is one.
    pub(super) fn cost(&self) -> Option<f64> {
        let mut turns = self.turn_parts().peekable();
        turns.peek()?;
        turns.map(|turn| turn.cost_usd).sum()
    }

    /// Time spent at gates that are decided.
    pub(super) fn waited(&self) -> Duration {
        let gates = self.calls().filter_map(|call| call.gate.as_ref());
        gates.filter_map(|gate| Some(gate.decided.as_ref()?.at.since(gate.asked_at))).sum()
    }

    fn turn_parts(&self) -> impl Iterator<Item = &Turn> {
        self.parts.iter().filter_map(|part| match part {
            Part::Turn(turn) => Some(turn),
            Part::Note { .. } => None,
        })
    }

    fn calls(&self) -> impl Iterator<Item = &Call> {
        self.turn_parts().flat_map(|turn| &turn.calls)
    }

    fn note(&mut self, tone: Tone, text: String) {
        self.parts.push(Part::Note { text, tone });
    }

    /// The call that `matches`, from the newest on; a new one of the last turn if there is none.
    fn call(&mut self, summary: &str, matches: impl Fn(&Call) -> bool) -> Option<&mut Call> {
        let mut turns: Vec<&mut Turn> = self
            .parts
            .iter_mut()
            .filter_map(|part| match part {
                Part::Turn(turn) => Some(turn),
                Part::Note { .. } => None,
            })
            .collect();
        let found = turns.iter().rposition(|turn| turn.calls.iter().any(&matches));
        let place = found.or_else(|| turns.len().checked_sub(1))?;
        let turn = turns.swap_remove(place);
        if found.is_none() {
            turn.calls.push(Call { summary: short(summary, SUMMARY), ..Call::default() });
            return turn.calls.last_mut();
        }
        turn.calls.iter_mut().find(|call| matches(call))
    }

    fn take(&mut self, entry: &TraceEntry) {
        let at = entry.at;
        self.first.get_or_insert(at);
        self.last = Some(at);
        match &entry.event {
            TraceEvent::RunStarted { agent, definition, carried } => {
                self.agent = Some(agent.clone());
                let mut text = format!("pinned to definition {}", definition.short());
                if *carried > 0 {
                    text.push_str(&format!(", carries {carried} items of an earlier run"));
                }
                self.note(Tone::Faint, text);
            }
            TraceEvent::MessageReceived { channel, preview } => {
                let through = if *channel == Channel::Start { "" } else { through(*channel) };
                let text = format!("message {} {}", quoted(preview, 80), through);
                self.note(Tone::Plain, text.trim_end().to_owned());
            }
            TraceEvent::ModelCalled {
                turn,
                model,
                started_at,
                usage,
                cost_usd,
                calls: _,
                preview,
            } => {
                self.parts.push(Part::Turn(Turn {
                    number: *turn,
                    model: model.clone(),
                    took: at.since(*started_at),
                    usage: *usage,
                    cost_usd: *cost_usd,
                    preview: preview.clone().filter(|text| !text.trim().is_empty()),
                    calls: Vec::new(),
                }));
            }
            TraceEvent::ToolJudged { call, summary, verdict, reason, .. } => {
                let known = Some(call.clone());
                if let Some(slot) =
                    self.call(summary, |slot| slot.id == known && slot.result.is_none())
                {
                    slot.id = known;
                    slot.verdict = Some((*verdict, reason.clone()));
                }
            }
            TraceEvent::ApprovalAsked { id, summary, deadline } => {
                let gate =
                    Gate { id: id.clone(), asked_at: at, deadline: *deadline, decided: None };
                let line = short(summary, SUMMARY);
                let free = |slot: &Call| {
                    slot.summary == line && slot.gate.is_none() && slot.result.is_none()
                };
                if let Some(slot) = self.call(summary, free) {
                    slot.gate = Some(gate);
                }
            }
            TraceEvent::ApprovalDecided {
                id,
                summary,
                outcome,
                channel,
                reason,
                edited,
                asked_at,
                by: _,
            } => {
                let decided = Decided {
                    at,
                    outcome: *outcome,
                    through: through(*channel),
                    reason: reason.clone(),
                    edited: *edited,
                };
                let same = |slot: &Call| slot.gate.as_ref().is_some_and(|gate| gate.id == *id);
                if let Some(slot) = self.call(summary, same) {
                    let gate = slot.gate.get_or_insert_with(|| Gate {
                        id: id.clone(),
                        asked_at: *asked_at,
                        deadline: at,
                        decided: None,
                    });
                    gate.decided = Some(decided);
                }
            }
            TraceEvent::ApprovalMoved { id, how, detail } => {
                let detail = detail.as_deref().map(|text| format!(": {}", short(text, 90)));
                let text = format!("gate {id} {how}{}", detail.unwrap_or_default());
                self.note(Tone::Attention, text);
            }
            TraceEvent::Remembered { id, tool, revoked } => {
                let word = if *revoked { "holds no longer" } else { "holds for calls to come" };
                self.note(Tone::Plain, format!("decision {id} on {tool} {word}"));
            }
            TraceEvent::PolicyChanged { digest } => {
                self.note(Tone::Plain, format!("calls are judged by policy {}", digest.short()));
            }
            TraceEvent::Steered { verb, reason, channel } => {
                let reason = reason.as_deref().map(|text| format!(": {}", short(text, 90)));
                let text = format!("{verb} {}{}", through(*channel), reason.unwrap_or_default());
                self.note(Tone::Attention, text);
            }
            TraceEvent::NotToldYet { reason } => {
                self.note(Tone::Attention, format!("people were not told: {}", short(reason, 120)));
            }
            TraceEvent::DecisionRefused { id, refusal, channel } => self.note(
                Tone::Attention,
                format!(
                    "a decision on {id} {} was not accepted: {}",
                    through(*channel),
                    refusal_words(*refusal)
                ),
            ),
            TraceEvent::ToolRan { turn: _, call, summary, outcome, error, bytes, started_at } => {
                let known = Some(call.clone());
                let result = CallResult {
                    outcome: outcome.clone(),
                    error: error.clone(),
                    bytes: *bytes,
                    took: started_at.map(|started_at| at.since(started_at)),
                };
                if let Some(slot) =
                    self.call(summary, |slot| slot.id == known && slot.result.is_none())
                {
                    slot.id = known;
                    slot.result = Some(result);
                }
            }
            TraceEvent::Blocked { kind, message } => self.note(
                Tone::Attention,
                format!("blocked by {}: {}", kind.as_str(), short(message, 120)),
            ),
            TraceEvent::Continued { times, from: _ } => {
                self.note(Tone::Plain, format!("goes on in execution {}", times + 1));
            }
            TraceEvent::Compacted { upto, usage, model, .. } => self.note(
                Tone::Plain,
                format!(
                    "{} summed up by {}, {}",
                    crate::view::words::count(*upto, "item"),
                    short(model, 40),
                    crate::view::words::count(usage.total(), "token")
                ),
            ),
            TraceEvent::Resumed { since } => self.note(
                Tone::Plain,
                format!("resumed after {}", crate::view::words::duration(at.since(*since))),
            ),
            TraceEvent::SignalIgnored { name, reason } => self.note(
                Tone::Attention,
                format!("signal {} ignored: {}", quoted(name, 40), short(reason, 100)),
            ),
            TraceEvent::Answered { turn: _, preview } => {
                self.note(Tone::Plain, format!("answer {}", quoted(preview, 90)));
            }
            TraceEvent::RunEnded { state, reason, started_at } => {
                self.first = Some(*started_at);
                self.ended = Some(*state);
                let tone = if *state == RunState::Completed { Tone::Good } else { Tone::Bad };
                let reason = reason.as_ref().map(|reason| format!(": {}", short(reason, 120)));
                self.note(tone, format!("{}{}", state.as_str(), reason.unwrap_or_default()));
            }
        }
    }
}

fn through(channel: Channel) -> &'static str {
    match channel {
        Channel::Start => "at the start",
        Channel::Signal => "by signal",
        Channel::Update => "by update",
        Channel::Runtime => "by the runtime",
        Channel::Http => "over HTTP",
        Channel::Link => "by a link",
    }
}
