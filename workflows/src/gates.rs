//! Waiting at a gate: for a decision, for the rules to change, and for what time does meanwhile.

use longhaul_contract::approval::{Ask, GateOutcome};
use longhaul_contract::interrupt::{Grant, InterruptKind};
use longhaul_contract::tool::{ToolErrorKind, ToolOutcome};
use temporalio_workflow::WorkflowContext;

use crate::agent::{Agent, now};
use crate::approvals::{Due, due};
use crate::publish::publish;
use crate::session::Session;
use crate::waits;

/// What a wait at a gate led to.
#[derive(Debug)]
pub(crate) enum AtGate {
    /// The call may run.
    Passed,
    /// It does not run.
    Stopped(ToolOutcome),
    /// A person has answered in its place.
    Answered,
    /// The run goes on in a new execution, and the call waits on there.
    Waits,
}

/// Waits for a decision.
pub(crate) async fn wait(ctx: &WorkflowContext<Agent>, index: usize, ask: &Ask) -> AtGate {
    let asked_at = now(ctx);
    let gate = ctx.state_mut(|agent| {
        if agent.session.calls.get(index).is_some_and(|call| call.gate.is_none()) {
            agent.session.open_gate(index, ask, asked_at);
        }
        agent
            .session
            .calls
            .get(index)
            .and_then(|call| call.gate.as_ref())
            .map(|gate| (gate.request.id.clone(), gate.request.summary.clone()))
    });
    let Some((id, summary)) = gate else {
        return AtGate::Stopped(ToolOutcome::Cancelled);
    };
    publish(ctx);
    while ctx.state(|agent| goes_on(agent, &id)) {
        let due = ctx.state(|agent| agent.session.gate(&id).map_or(Due::Never, due));
        let watched = id.clone();
        let over = move |agent: &Agent| !goes_on(agent, &watched);
        let (at, summary) = match due {
            Due::End(at) => (at, format!("waiting for approval: {summary}")),
            Due::Reminder(at) => (at, format!("reminder: {summary}")),
            Due::Never => {
                waits::until(ctx, over).await;
                break;
            }
        };
        if waits::until_or(ctx, at, summary, over).await {
            break;
        }
        let now = now(ctx);
        ctx.state_mut(|agent| agent.session.time_came(&id, due, now));
        if ctx.state(|agent| goes_on(agent, &id)) {
            publish(ctx);
        }
    }
    let waits_on = |agent: &Agent| {
        let session = &agent.session;
        let open = session.gate(&id).is_some_and(longhaul_contract::carry::Gate::is_open);
        open && !session.is_ending() && !session.interrupting
    };
    if ctx.state(waits_on) {
        return AtGate::Waits;
    }
    let closed_at = now(ctx);
    let interrupted = ctx.state(|agent| !agent.session.is_ending() && agent.session.interrupting);
    // Decided, or else the run is ending or interrupted.
    ctx.state_mut(|agent| agent.session.cancel_gate(&id, closed_at));
    publish(ctx);
    ctx.state(|agent| outcome(&agent.session, &id, interrupted))
}

/// Whether the gate waits, and nothing else is to happen.
fn goes_on(agent: &Agent, id: &str) -> bool {
    let session = &agent.session;
    session.gate(id).is_some_and(longhaul_contract::carry::Gate::is_open)
        && !session.is_ending()
        && !session.continues()
        && !session.interrupting
}

/// What a gate that waits no more has led to.
pub(crate) fn outcome(session: &Session, id: &str, interrupted: bool) -> AtGate {
    let Some(gate) = session.gate(id) else {
        return AtGate::Stopped(ToolOutcome::Cancelled);
    };
    let reason = gate.reason.clone();
    AtGate::Stopped(match gate.outcome {
        GateOutcome::Approved | GateOutcome::Released => return AtGate::Passed,
        GateOutcome::Answered => return AtGate::Answered,
        GateOutcome::Denied if gate.request.kind == InterruptKind::Auth => {
            not_connected("nobody is going to connect the account", reason)
        }
        GateOutcome::Expired if gate.request.kind == InterruptKind::Auth => {
            not_connected("nobody connected the account in time", reason)
        }
        GateOutcome::Denied => ToolOutcome::Denied { reason },
        GateOutcome::Expired => ToolOutcome::Expired,
        GateOutcome::Questioned => ToolOutcome::Questioned { question: reason.unwrap_or_default() },
        GateOutcome::Withdrawn => ToolOutcome::Refused { reason: reason.unwrap_or_default() },
        GateOutcome::Cancelled | GateOutcome::Open if interrupted => ToolOutcome::Skipped,
        GateOutcome::Cancelled | GateOutcome::Open => ToolOutcome::Cancelled,
    })
}

fn not_connected(what: &str, reason: Option<String>) -> ToolOutcome {
    let message = reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}"));
    ToolOutcome::Failed { error: ToolErrorKind::Auth, message }
}

/// The leave that a decision gave to make the call. That an account was connected is none.
pub(crate) fn grant(call: &longhaul_contract::carry::Call) -> Option<Grant> {
    let approves = |gate: &&longhaul_contract::carry::Gate| {
        gate.outcome == GateOutcome::Approved && gate.request.kind == InterruptKind::Approval
    };
    let gate = call.gates().find(approves)?;
    Some(Grant {
        gate: gate.request.id.clone(),
        digest: gate.request.digest.clone(),
        at: gate.decided_at?,
    })
}
