//! The log of a run as it happens: a line for each step.

use longhaul_contract::approval::{Channel, GateOutcome};
use longhaul_contract::definition::Action;
use longhaul_contract::run::RunState;
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::{TraceEntry, TraceEvent};

use super::gate::refusal as refusal_words;
use super::words::{bytes, count, dollars, duration, quoted, short};
use crate::output::Paint;

/// Characters of an answer that its step shows.
pub const ANSWER_SHOWN: usize = 110;

/// Turns entries into lines; remembers when the run began.
#[derive(Clone, Debug)]
pub struct Steps {
    paint: Paint,
    width: usize,
    began: Option<Timestamp>,
}

impl Steps {
    /// Lines of at most `width` columns.
    pub fn new(paint: Paint, width: usize) -> Self {
        Self { paint, width, began: None }
    }

    /// The lines of the next entries. Verdicts that are alike share one.
    pub fn lines(&mut self, entries: &[TraceEntry]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut rest = entries;
        while let Some((entry, after)) = rest.split_first() {
            if repeats(entry) {
                rest = after;
                continue;
            }
            let alike = allowed(entry).map_or(0, |reason| {
                after.iter().take_while(|next| allowed(next) == Some(reason)).count()
            });
            let began = *self.began.get_or_insert(entry.at);
            let (label, text) = if alike > 0 {
                let reason = allowed(entry).unwrap_or_default();
                let text = format!("{} run unasked: {}", alike + 1, short(reason, 90));
                (self.paint.faint(pad("decided")), self.paint.faint(text))
            } else {
                self.step(entry)
            };
            let since = format!("{:>7}", clock(entry.at, began));
            for (index, line) in text.lines().enumerate() {
                let line = if index == 0 {
                    format!("{}  {label} {line}", self.paint.faint(&since))
                } else {
                    format!("{:>7}  {} {line}", "", pad(""))
                };
                lines.push(console::truncate_str(&line, self.width, "…").into_owned());
            }
            rest = after.get(alike..).unwrap_or_default();
        }
        lines
    }

    fn step(&self, entry: &TraceEntry) -> (String, String) {
        let paint = self.paint;
        let at = entry.at;
        match &entry.event {
            TraceEvent::RunStarted { agent, definition, carried } => {
                let mut text =
                    format!("agent {}, definition {}", paint.strong(agent), definition.short());
                if *carried > 0 {
                    text.push_str(&format!(
                        ", with {} of the earlier run",
                        count(*carried, "item")
                    ));
                }
                (paint.good(pad("started")), text)
            }
            TraceEvent::MessageReceived { channel: _, preview } => {
                (paint.strong(pad("message")), quoted(preview, 100))
            }
            TraceEvent::ModelCalled {
                turn,
                model,
                started_at,
                usage,
                cost_usd,
                calls,
                preview,
            } => {
                let mut facts = vec![
                    short(model, 40),
                    count(usage.total(), "token"),
                    duration(at.since(*started_at)),
                ];
                facts.extend(cost_usd.map(dollars));
                let mut text = paint.faint(facts.join(" · "));
                // Without calls it is the answer, which comes as a step of its own.
                let said =
                    preview.as_ref().filter(|said| !calls.is_empty() && !said.trim().is_empty());
                if let Some(said) = said {
                    text.push_str(&format!("\n{}", short(said, 110)));
                }
                for call in calls {
                    text.push_str(&format!(
                        "\n{} {}",
                        paint.faint("→"),
                        paint.accent(short(call, 90))
                    ));
                }
                (paint.strong(pad(&format!("turn {turn}"))), text)
            }
            TraceEvent::ToolJudged { summary, verdict, reason, .. } => {
                let (label, word) = match verdict {
                    Action::Run => (paint.faint(pad("decided")), "runs unasked"),
                    Action::Ask => (paint.attention(pad("decided")), "needs a person"),
                    Action::Refuse => (paint.bad(pad("decided")), "is refused"),
                };
                let text = format!("{} {word}: {}", short(summary, 70), short(reason, 90));
                (label, if *verdict == Action::Run { paint.faint(text) } else { text })
            }
            TraceEvent::ApprovalAsked { id, summary, deadline } => (
                paint.attention(pad("waits")),
                format!(
                    "{} for a person {}",
                    paint.strong(short(summary, 70)),
                    paint.faint(format_args!("(gate {id}, {} left)", duration(deadline.since(at))))
                ),
            ),
            TraceEvent::ApprovalDecided {
                id,
                summary,
                outcome,
                channel,
                reason,
                edited,
                asked_at,
                by,
            } => {
                let label = match outcome {
                    GateOutcome::Open => paint.attention(pad("open")),
                    GateOutcome::Approved => paint.good(pad("approved")),
                    GateOutcome::Denied => paint.bad(pad("denied")),
                    GateOutcome::Expired => paint.bad(pad("expired")),
                    GateOutcome::Cancelled => paint.bad(pad("closed")),
                    GateOutcome::Answered => paint.good(pad("answered")),
                    GateOutcome::Questioned => paint.attention(pad("asked back")),
                    GateOutcome::Released => paint.good(pad("released")),
                    GateOutcome::Withdrawn => paint.bad(pad("withdrawn")),
                };
                let mut text = short(summary, 70);
                if let Some(reason) = reason {
                    text.push_str(&format!(", {}", quoted(reason, 80)));
                }
                if *edited {
                    text.push_str(", with edited arguments");
                }
                let waited = duration(at.since(*asked_at));
                let name = by.as_ref().and_then(|by| by.name.as_deref());
                let name = name.map(|name| format!("{}, ", short(name, 40))).unwrap_or_default();
                let facts = format!(" (gate {id}, {name}{}, after {waited})", through(*channel));
                text.push_str(&paint.faint(facts));
                (label, text)
            }
            TraceEvent::ApprovalMoved { id, how, detail } => {
                let detail = detail.as_deref().map(|text| format!(": {}", short(text, 90)));
                (paint.attention(pad(how)), format!("gate {id}{}", detail.unwrap_or_default()))
            }
            TraceEvent::Remembered { id, tool, revoked } => {
                let word = if *revoked { "holds no longer" } else { "holds for calls to come" };
                (paint.faint(pad("decision")), format!("{id} on {tool} {word}"))
            }
            TraceEvent::PolicyChanged { digest } => {
                (paint.faint(pad("policy")), format!("calls are judged by {}", digest.short()))
            }
            TraceEvent::Steered { verb, reason, channel } => {
                let reason = reason.as_deref().map(|text| format!(": {}", short(text, 90)));
                let text = format!("{}{}", through(*channel), reason.unwrap_or_default());
                (paint.attention(pad(verb)), text)
            }
            TraceEvent::NotToldYet { reason } => (
                paint.bad(pad("not told")),
                format!("people were not told: {}", short(reason, 120)),
            ),
            TraceEvent::DecisionRefused { id, refusal, channel } => (
                paint.attention(pad("refused")),
                format!(
                    "a decision on {id} ({}) was not accepted: {}",
                    through(*channel),
                    refusal_words(*refusal)
                ),
            ),
            TraceEvent::ToolRan {
                turn: _,
                call: _,
                summary,
                outcome,
                error,
                bytes: size,
                started_at,
            } => {
                let done = outcome == "done";
                let label = if done { paint.good(pad("done")) } else { paint.bad(pad(outcome)) };
                let mut facts = Vec::new();
                facts.extend(started_at.map(|started_at| duration(at.since(started_at))));
                facts.extend((*size > 0).then(|| bytes(*size)));
                let mut text = paint.accent(short(summary, 70));
                if !facts.is_empty() {
                    text.push_str(&paint.faint(format_args!("  {}", facts.join(" · "))));
                }
                if let Some(error) = error {
                    text.push_str(&format!("  {}", short(error, 120)));
                }
                (label, text)
            }
            TraceEvent::Blocked { kind, message } => (
                paint.attention(pad("blocked")),
                format!("{}: {}", kind.as_str(), short(message, 200)),
            ),
            TraceEvent::Continued { times, from: _ } => {
                (paint.faint(pad("continued")), format!("in a new execution, number {}", times + 1))
            }
            TraceEvent::Compacted { upto, usage, model, .. } => {
                let facts = format!("{} · {}", short(model, 40), count(usage.total(), "token"));
                let text = format!("{} summed up  {}", count(*upto, "item"), paint.faint(facts));
                (paint.strong(pad("compacted")), text)
            }
            TraceEvent::Resumed { since } => {
                (paint.good(pad("resumed")), format!("after {}", duration(at.since(*since))))
            }
            TraceEvent::SignalIgnored { name, reason } => (
                paint.attention(pad("ignored")),
                format!("signal {}: {}", quoted(name, 40), short(reason, 120)),
            ),
            TraceEvent::Answered { turn: _, preview } => {
                (paint.good(pad("answered")), short(preview, ANSWER_SHOWN))
            }
            TraceEvent::RunEnded { state, reason, started_at } => {
                let words = state.as_str();
                let label = match state {
                    RunState::Completed => paint.good(pad(words)),
                    RunState::Starting
                    | RunState::Running
                    | RunState::WaitingForApproval
                    | RunState::WaitingForMessage
                    | RunState::Paused
                    | RunState::Blocked
                    | RunState::Failed
                    | RunState::Cancelled => paint.bad(pad(words)),
                };
                let reason = reason.as_ref().map(|reason| format!(": {}", short(reason, 200)));
                let took = duration(at.since(*started_at));
                (label, format!("in {took}{}", reason.unwrap_or_default()))
            }
        }
    }
}

/// The reason of a verdict that lets a call run without asking.
fn allowed(entry: &TraceEntry) -> Option<&str> {
    match &entry.event {
        TraceEvent::ToolJudged { verdict: Action::Run, reason, .. } => Some(reason),
        TraceEvent::ToolJudged { verdict: Action::Ask | Action::Refuse, .. }
        | TraceEvent::RunStarted { .. }
        | TraceEvent::MessageReceived { .. }
        | TraceEvent::ModelCalled { .. }
        | TraceEvent::ApprovalAsked { .. }
        | TraceEvent::ApprovalDecided { .. }
        | TraceEvent::ApprovalMoved { .. }
        | TraceEvent::Remembered { .. }
        | TraceEvent::PolicyChanged { .. }
        | TraceEvent::Steered { .. }
        | TraceEvent::NotToldYet { .. }
        | TraceEvent::DecisionRefused { .. }
        | TraceEvent::ToolRan { .. }
        | TraceEvent::Blocked { .. }
        | TraceEvent::Continued { .. }
        | TraceEvent::Compacted { .. }
        | TraceEvent::Resumed { .. }
        | TraceEvent::SignalIgnored { .. }
        | TraceEvent::Answered { .. }
        | TraceEvent::RunEnded { .. } => None,
    }
}

/// Whether the entry only says again what the gate or the policy said.
fn repeats(entry: &TraceEntry) -> bool {
    matches!(&entry.event, TraceEvent::ToolRan { outcome, started_at: None, .. }
        if ["denied", "expired", "refused"].contains(&outcome.as_str()))
}

/// Labels share a column.
fn pad(label: &str) -> String {
    format!("{label:<9}")
}

/// Time since the run began: `+0.3s`, `+2m05s`, `+3h10m`.
fn clock(at: Timestamp, began: Timestamp) -> String {
    let elapsed = at.since(began);
    let seconds = elapsed.as_secs();
    match seconds {
        0..60 => format!("+{:.1}s", elapsed.as_millis() as f64 / 1000.0),
        60..3_600 => format!("+{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("+{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
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

#[cfg(test)]
mod tests;
