//! The calls of one turn: judged, asked about, run in parallel, taken in in call order.

use longhaul_contract::approval::GateOutcome;
use longhaul_contract::ports::CallTool;
use longhaul_contract::tool::{ToolInvocation, ToolOutcome, ToolSpec};
use temporalio_workflow::WorkflowContext;
use temporalio_workflow::workflows::join_all;

use crate::agent::{Agent, now};
use crate::failure::{tool_outcome, trouble};
use crate::gate::{Ask, Verdict};
use crate::options;
use crate::publish::publish;
use crate::waits;

/// Carries out the calls of the last reply and puts their outcomes into the conversation.
pub(crate) async fn run(ctx: &WorkflowContext<Agent>) {
    let calls = ctx.state(|agent| agent.session.calls.len());
    let runs = (0..calls).map(|index| {
        let ctx = ctx.clone();
        async move {
            let outcome = carry_out(&ctx, index).await;
            let now = now(&ctx);
            ctx.state_mut(|agent| agent.session.settle(index, outcome, now));
        }
    });
    join_all(runs).await;
    ctx.state_mut(|agent| agent.session.end_turn());
}

async fn carry_out(ctx: &WorkflowContext<Agent>, index: usize) -> ToolOutcome {
    let verdict = ctx.state(|agent| agent.session.calls.get(index).map(|c| c.verdict.clone()));
    match verdict {
        None => ToolOutcome::Cancelled,
        Some(Verdict::Settled(outcome)) => outcome,
        Some(Verdict::Run) => execute(ctx, index).await,
        Some(Verdict::Ask(ask)) => match wait_at_gate(ctx, index, &ask).await {
            Some(outcome) => outcome,
            None => execute(ctx, index).await,
        },
    }
}

/// Waits for a decision; `None` if the call may run, else what came of it.
async fn wait_at_gate(
    ctx: &WorkflowContext<Agent>,
    index: usize,
    ask: &Ask,
) -> Option<ToolOutcome> {
    let asked_at = now(ctx);
    let gate = ctx.state_mut(|agent| {
        agent.session.open_gate(index, ask, asked_at);
        agent.session.calls.get(index).and_then(|call| call.gate.as_ref()).map(|gate| {
            (gate.request.id.clone(), gate.request.deadline, gate.request.summary.clone())
        })
    });
    let Some((id, deadline, summary)) = gate else { return Some(ToolOutcome::Cancelled) };
    publish(ctx);
    let watched = id.clone();
    let decided =
        waits::until_or(ctx, deadline, format!("waiting for approval: {summary}"), move |agent| {
            agent.session.is_ending()
                || agent.session.gate(&watched).is_none_or(|gate| !gate.is_open())
        })
        .await;
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
        Some((GateOutcome::Approved, _)) => None,
        Some((GateOutcome::Denied, reason)) => Some(ToolOutcome::Denied { reason }),
        Some((GateOutcome::Expired, _)) => Some(ToolOutcome::Expired),
        Some((GateOutcome::Cancelled | GateOutcome::Open, _)) | None => {
            Some(ToolOutcome::Cancelled)
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
        };
        let options = options::call_tool(&tool, turn, index, call.summary());
        Some((tool, invocation, options))
    });
    let Some((tool, invocation, options)) = prepared else { return ToolOutcome::Cancelled };
    let result = ctx.execute_activity(CallTool, invocation, options).await;
    ctx.state_mut(|agent| agent.session.running = agent.session.running.saturating_sub(1));
    match result {
        Ok(outcome) => outcome,
        Err(error) => tool_outcome(trouble(&error), &tool),
    }
}
