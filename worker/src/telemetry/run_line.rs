//! What happened in a run, as one line of the log.
//!
//! Texts of people and models stay out: logs go to more places than history does.

use longhaul_contract::approval::{Channel, GateOutcome};
use longhaul_contract::definition::Action;
use longhaul_contract::trace::TraceEvent;

/// The line about `event`.
pub(super) fn run_line(event: &TraceEvent) -> String {
    match event {
        TraceEvent::RunStarted { agent, definition, carried } => {
            let carried = match carried {
                0 => String::new(),
                items => format!(", {items} items carried over"),
            };
            format!("agent {agent} ({}) started{carried}", definition.short())
        }
        TraceEvent::MessageReceived { channel, .. } => {
            format!("message received ({})", channel_word(*channel))
        }
        TraceEvent::ModelCalled { turn, model, usage, calls, .. } => {
            let calls = match calls.as_slice() {
                [] => "no calls".to_owned(),
                calls => format!("calls {}", calls.join(", ")),
            };
            let (input, output) = (usage.input_tokens, usage.output_tokens);
            format!("turn {turn}: {model} answered, {input} + {output} tokens, {calls}")
        }
        TraceEvent::ToolJudged { turn, summary, verdict, reason, .. } => {
            let verdict = match verdict {
                Action::Run => "runs",
                Action::Ask => "asks",
                Action::Refuse => "is refused",
            };
            format!("turn {turn}: {summary} {verdict}: {reason}")
        }
        TraceEvent::ApprovalAsked { id, summary, deadline } => {
            format!("{id} waits for a decision on {summary} until {deadline}")
        }
        TraceEvent::ApprovalDecided { id, summary, outcome, channel, edited, .. } => {
            let outcome = outcome_word(*outcome);
            let edited = if *edited { ", arguments edited" } else { "" };
            format!("{id} on {summary} {outcome} ({}){edited}", channel_word(*channel))
        }
        TraceEvent::ApprovalMoved { id, how, .. } => format!("{id} {how}"),
        TraceEvent::Remembered { id, tool, revoked: false } => {
            format!("decision {id} on {tool} holds for calls to come")
        }
        TraceEvent::Remembered { id, tool, revoked: true } => {
            format!("decision {id} on {tool} was revoked")
        }
        TraceEvent::PolicyChanged { digest } => format!("judged by policy {}", digest.short()),
        TraceEvent::Steered { verb, channel, .. } => {
            format!("{verb} ({})", channel_word(*channel))
        }
        TraceEvent::NotToldYet { reason } => format!("people were not told: {reason}"),
        TraceEvent::DecisionRefused { id, refusal, channel } => {
            format!("decision on {id} refused: {} ({})", word(refusal), channel_word(*channel))
        }
        TraceEvent::ToolRan { turn, summary, outcome, bytes, .. } => {
            format!("turn {turn}: {summary} {outcome}, {bytes} bytes")
        }
        TraceEvent::Blocked { kind, .. } => {
            format!("blocked by {}; signal `retry` resumes it", kind.as_str())
        }
        TraceEvent::Continued { times, from } => {
            format!("goes on from run {from}, for the {times}. time")
        }
        TraceEvent::Compacted { upto, usage, model, .. } => {
            format!("{model} summed up {upto} items with {} tokens", usage.total())
        }
        TraceEvent::Resumed { since } => format!("resumed, was blocked since {since}"),
        TraceEvent::SignalIgnored { name, reason } => format!("signal {name} ignored: {reason}"),
        TraceEvent::Answered { turn, .. } => format!("turn {turn}: answered"),
        TraceEvent::RunEnded { state, reason, .. } => match reason {
            Some(reason) => format!("{}: {reason}", state.as_str()),
            None => state.as_str().to_owned(),
        },
    }
}

/// The word for how a gate closed.
pub(super) fn outcome_word(outcome: GateOutcome) -> &'static str {
    match outcome {
        GateOutcome::Open => "open",
        GateOutcome::Approved => "approved",
        GateOutcome::Denied => "denied",
        GateOutcome::Expired => "expired",
        GateOutcome::Cancelled => "cancelled",
        GateOutcome::Answered => "answered",
        GateOutcome::Questioned => "questioned",
        GateOutcome::Released => "released",
        GateOutcome::Withdrawn => "withdrawn",
    }
}

/// The word for where something came from.
pub(super) fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Start => "start",
        Channel::Signal => "signal",
        Channel::Update => "update",
        Channel::Runtime => "runtime",
        Channel::Http => "http",
        Channel::Link => "link",
    }
}

/// The word by which a unit variant is written.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => "unknown".to_owned(),
    }
}
