//! The calls of one turn: judged, asked about, run in parallel, taken in in call order.

use longhaul_contract::approval::{Ask, GateOutcome, Verdict};
use longhaul_contract::ports::CallTool;
use longhaul_contract::tool::{ToolInvocation, ToolOutcome, ToolSpec};
use temporalio_workflow::WorkflowContext;
use temporalio_workflow::workflows::join_all;

use crate::agent::{Agent, now};
use crate::express;
use crate::failure::{tool_outcome, trouble};
use crate::options;
use crate::publish::publish;
use crate::waits;

/// Carries out the calls of the last reply and puts their outcomes into the conversation.
pub(crate) async fn run(ctx: &WorkflowContext<Agent>) {
    let calls = ctx.state(|agent| agent.session.calls.len());
    let runs = (0..calls).map(|index| {
        let ctx = ctx.clone();
        async move {
            let Some(outcome) = carry_out(&ctx, index).await else { return };
            let now = now(&ctx);
            ctx.state_mut(|agent| agent.session.settle(index, outcome, now));
        }
    });
    join_all(runs).await;
    ctx.state_mut(|agent| agent.session.end_turn());
}

/// What came of the call; `None` if it waits at a gate, and goes on waiting in a new execution.
async fn carry_out(ctx: &WorkflowContext<Agent>, index: usize) -> Option<ToolOutcome> {
    let verdict = ctx.state(|agent| {
        let call = agent.session.calls.get(index)?;
        // It may have been carried out before the run went on in this execution.
        call.outcome.is_none().then(|| call.verdict.clone())
    })?;
    match verdict {
        Verdict::Settled(outcome) => Some(outcome),
        Verdict::Run => Some(execute(ctx, index).await),
        Verdict::Ask(ask) => match wait_at_gate(ctx, index, &ask).await {
            AtGate::Passed => Some(execute(ctx, index).await),
            AtGate::Stopped(outcome) => Some(outcome),
            AtGate::Waits => None,
        },
    }
}

/// What a wait at a gate led to.
enum AtGate {
    /// The call may run.
    Passed,
    /// It does not run.
    Stopped(ToolOutcome),
    /// The run goes on in a new execution, and the call waits on there.
    Waits,
}

/// Waits for a decision.
async fn wait_at_gate(ctx: &WorkflowContext<Agent>, index: usize, ask: &Ask) -> AtGate {
    let asked_at = now(ctx);
    let gate = ctx.state_mut(|agent| {
        if agent.session.calls.get(index).is_some_and(|call| call.gate.is_none()) {
            agent.session.open_gate(index, ask, asked_at);
        }
        agent.session.calls.get(index).and_then(|call| call.gate.as_ref()).map(|gate| {
            (gate.request.id.clone(), gate.request.deadline, gate.request.summary.clone())
        })
    });
    let Some((id, deadline, summary)) = gate else {
        return AtGate::Stopped(ToolOutcome::Cancelled);
    };
    publish(ctx);
    let watched = id.clone();
    let closed =
        move |agent: &Agent| agent.session.gate(&watched).is_none_or(|gate| !gate.is_open());
    let is_closed = closed.clone();
    let decided =
        waits::until_or(ctx, deadline, format!("waiting for approval: {summary}"), move |agent| {
            agent.session.is_ending() || agent.session.continues() || closed(agent)
        })
        .await;
    let waits_on = |agent: &Agent| !agent.session.is_ending() && !is_closed(agent);
    if decided && ctx.state(waits_on) {
        return AtGate::Waits;
    }
    let closed_at = now(ctx);
    let gate = ctx.state_mut(|agent| {
        if decided {
            // Decided by a person, or else the run is ending.
            agent.session.cancel_gate(&id, closed_at);
        } else {
            agent.session.expire_gate(&id, closed_at);
        }
        agent.session.gate(&id).map(|gate| (gate.outcome, gate.reason.clone()))
    });
    publish(ctx);
    match gate {
        Some((GateOutcome::Approved, _)) => AtGate::Passed,
        Some((GateOutcome::Denied, reason)) => AtGate::Stopped(ToolOutcome::Denied { reason }),
        Some((GateOutcome::Expired, _)) => AtGate::Stopped(ToolOutcome::Expired),
        Some((GateOutcome::Cancelled | GateOutcome::Open, _)) | None => {
            AtGate::Stopped(ToolOutcome::Cancelled)
        }
    }
}

/// Runs the call as an activity, as soon as there is room for it.
async fn execute(ctx: &WorkflowContext<Agent>, index: usize) -> ToolOutcome {
    waits::until(ctx, |agent| {
        let session = &agent.session;
        let most = session.pinned.as_ref().map_or(1, |p| p.definition.limits.parallel_tools.max(1));
        session.is_ending() || session.running < most
    })
    .await;
    let started_at = now(ctx);
    let run_id = ctx.run_id().to_owned();
    let prepared = ctx.state_mut(|agent| {
        let session = &mut agent.session;
        if session.is_ending() {
            return None;
        }
        let turn = session.spend.turns;
        let pinned = session.pinned.as_ref()?;
        let call = session.calls.get_mut(index)?;
        let tool: ToolSpec = pinned.definition.tool(&call.call.tool)?.clone();
        call.started_at = Some(started_at);
        session.running += 1;
        let invocation = ToolInvocation {
            v: 1,
            definition: pinned.digest.clone(),
            call: call.call.id.clone(),
            tool: tool.name.clone(),
            arguments: call.arguments().clone(),
            key: format!("{run_id}-{turn}-{}", index + 1),
            turn,
            chain: if pinned.is_long() { session.chain.clone() } else { String::new() },
            index: u32::try_from(index).unwrap_or(u32::MAX),
            // An approver's arguments stand in history as they are.
            blob: call.call.blob.clone().filter(|_| call.edited().is_none()),
        };
        let express = pinned.is_long() && express::takes(&tool, &session.pace);
        Some((tool, invocation, call.summary(), express))
    });
    let Some((tool, invocation, summary, express)) = prepared else {
        return ToolOutcome::Cancelled;
    };
    let turn = invocation.turn;
    let quick = if express {
        let options = options::call_tool_quick(turn, index, summary.clone());
        ctx.execute_local_activity(CallTool, invocation.clone(), options).await.ok()
    } else {
        None
    };
    let outcome = match quick {
        Some(outcome) => outcome,
        None => {
            // Too slow for the express lane, or a passing trouble: with all attempts and time.
            let options = options::call_tool(&tool, turn, index, summary);
            match ctx.execute_activity(CallTool, invocation, options).await {
                Ok(outcome) => outcome,
                Err(error) => tool_outcome(trouble(&error), &tool),
            }
        }
    };
    let took = now(ctx).since(started_at);
    ctx.state_mut(|agent| {
        agent.session.running = agent.session.running.saturating_sub(1);
        express::learn(&mut agent.session.pace, &tool, took);
    });
    outcome
}
