//! The current details of a run in the Temporal Web UI: Markdown that a stranger understands.

use longhaul_contract::interrupt::InterruptKind;
use longhaul_contract::run::RunState;
use longhaul_contract::tool::one_line;

use crate::session::{Gate, Session};

/// State, turn, what the run waits for and how to answer, in Markdown.
pub fn details(session: &Session, workflow_id: &str) -> String {
    let spend = &session.spend;
    let mut text = format!(
        "**{}** — {}, turn {} · {} tool calls · {} tokens",
        headline(session.state()),
        session.agent,
        spend.turns,
        spend.tool_calls,
        spend.usage.total()
    );
    if let Some(cost) = spend.cost_usd {
        text.push_str(&format!(" · {cost:.4} USD"));
    }
    text.push_str("\n\n");
    for gate in session.open_gates() {
        text.push_str(&waiting_gate(gate, workflow_id));
    }
    if let Some(blocked) = &session.blocked {
        text.push_str(&format!(
            "Blocked by `{}` since {}: {}\n\n",
            blocked.kind.as_str(),
            blocked.since,
            one_line(&blocked.message, 400)
        ));
        if let Some(until) = blocked.until {
            text.push_str(&format!("Fails at {until} unless somebody mends it.\n\n"));
        }
        text.push_str(&format!(
            "After mending: `longhaul retry {workflow_id}`, or signal `retry`\n\n"
        ));
    }
    if let Some(since) = session.people.paused {
        text.push_str(&format!(
            "Held since {since}. To go on: `longhaul resume {workflow_id}`, or signal `resume`\n\n"
        ));
    }
    if session.state() == RunState::WaitingForMessage {
        text.push_str(&format!(
            "Waiting for a message: `longhaul send {workflow_id} \"…\"`, or signal `message`\n\n"
        ));
    }
    for call in
        session.calls.iter().filter(|call| call.outcome.is_none() && call.started_at.is_some())
    {
        text.push_str(&format!("- running `{}`\n", call.summary()));
    }
    if let Some((kind, message)) = &session.failure {
        text.push_str(&format!("Failed: `{}` {}", kind.as_str(), one_line(message, 400)));
    }
    text
}

fn headline(state: RunState) -> &'static str {
    match state {
        RunState::Starting => "Starting",
        RunState::Running => "Working",
        RunState::WaitingForApproval => "Waiting for approval",
        RunState::WaitingForMessage => "Waiting for a message",
        RunState::Paused => "Paused",
        RunState::Blocked => "Blocked",
        RunState::Completed => "Completed",
        RunState::Failed => "Failed",
        RunState::Cancelled => "Cancelled",
    }
}

fn waiting_gate(gate: &Gate, workflow_id: &str) -> String {
    let request = &gate.request;
    if request.kind != InterruptKind::Approval {
        return format!(
            "`{}` waits at `{}` ({}): {}\n\nUntil {}. Answer: `longhaul approvals answer \
             {workflow_id}/{} \"…\"`\n\n",
            request.summary,
            request.id,
            request.kind.as_str(),
            request.reason,
            request.deadline,
            request.id,
        );
    }
    format!(
        "`{}` waits at gate `{}` (effect `{}`): {}\n\n\
         Until {}. Answer: `longhaul approvals approve {workflow_id}/{}`, or signal `approve` or \
         `deny` with `{{\"id\":\"{}\"}}`\n\n",
        request.summary,
        request.id,
        request.effect.as_str(),
        request.reason,
        request.deadline,
        request.id,
        request.id,
    )
}
