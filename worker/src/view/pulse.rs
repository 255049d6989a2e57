//! What a run is busy with between two steps.

use longhaul_contract::approval::GateOutcome;
use longhaul_contract::definition::Action;
use longhaul_contract::trace::{TraceEntry, TraceEvent};

use super::words::short;

/// The calls that have begun and not ended, as far as the log tells.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    begun: bool,
    calls: Vec<String>,
}

impl Pulse {
    /// Takes the next entries.
    pub fn take(&mut self, entries: &[TraceEntry]) {
        for entry in entries {
            match &entry.event {
                TraceEvent::RunStarted { .. } => self.begun = true,
                TraceEvent::ToolJudged { summary, verdict: Action::Run, .. }
                | TraceEvent::ApprovalDecided { summary, outcome: GateOutcome::Approved, .. } => {
                    self.calls.push(summary.clone());
                }
                TraceEvent::ToolRan { summary, .. } => {
                    if let Some(index) = self.calls.iter().position(|call| call == summary) {
                        self.calls.remove(index);
                    }
                }
                TraceEvent::ToolJudged { verdict: Action::Ask | Action::Refuse, .. }
                | TraceEvent::ApprovalDecided {
                    outcome:
                        GateOutcome::Open
                        | GateOutcome::Denied
                        | GateOutcome::Expired
                        | GateOutcome::Cancelled
                        | GateOutcome::Answered
                        | GateOutcome::Questioned
                        | GateOutcome::Released
                        | GateOutcome::Withdrawn,
                    ..
                }
                | TraceEvent::MessageReceived { .. }
                | TraceEvent::ModelCalled { .. }
                | TraceEvent::ApprovalAsked { .. }
                | TraceEvent::ApprovalMoved { .. }
                | TraceEvent::Remembered { .. }
                | TraceEvent::PolicyChanged { .. }
                | TraceEvent::Steered { .. }
                | TraceEvent::NotToldYet { .. }
                | TraceEvent::DecisionRefused { .. }
                | TraceEvent::Blocked { .. }
                | TraceEvent::Continued { .. }
                | TraceEvent::Compacted { .. }
                | TraceEvent::Resumed { .. }
                | TraceEvent::SignalIgnored { .. }
                | TraceEvent::Answered { .. }
                | TraceEvent::RunEnded { .. } => {}
            }
        }
    }

    /// What goes on, in words.
    pub fn words(&self) -> String {
        match self.calls.as_slice() {
            [] if self.begun => "the model thinks".to_owned(),
            [] => "waiting for a worker".to_owned(),
            [call] => format!("{} runs", short(call, 60)),
            [call, more @ ..] => format!("{} and {} more run", short(call, 50), more.len()),
        }
    }
}

#[cfg(test)]
mod tests;
