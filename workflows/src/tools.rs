//! The calls of one turn: judged, asked about, run in parallel, taken in in call order.

use longhaul_contract::approval::Verdict;
use longhaul_contract::interrupt::Judging;
use longhaul_contract::ports::CallTool;
use longhaul_contract::tool::{ToolInvocation, ToolOutcome, ToolSpec};
use temporalio_workflow::WorkflowContext;
use temporalio_workflow::workflows::join_all;

use crate::agent::{Agent, now};
use crate::express;
use crate::failure::{Trouble, tool_outcome, trouble};
use crate::gates::{self, AtGate};
use crate::options;
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
    loop {
        let verdict = ctx.state(|agent| {
            let call = agent.session.calls.get(index)?;
            // It may have been carried out before the run went on in this execution.
            call.outcome.is_none().then(|| call.verdict.clone())
        })?;
        let outcome = match verdict {
            Verdict::Settled(outcome) => return Some(outcome),
            Verdict::Run => execute(ctx, index).await,
            Verdict::Ask(ask) => match gates::wait(ctx, index, &ask).await {
                AtGate::Passed => execute(ctx, index).await,
                AtGate::Answered => answer(ctx, index).await,
                AtGate::Stopped(outcome) => return Some(outcome),
                AtGate::Waits => return None,
            },
        };
        let now = now(ctx);
        // Else it is to be asked, or asked again.
        if let Some(outcome) = ctx.state_mut(|agent| agent.session.accept(index, outcome, now)) {
            return Some(outcome);
        }
    }
}

/// What a person answered in the place of the tool: taken as it is, or checked by an activity.
async fn answer(ctx: &WorkflowContext<Agent>, index: usize) -> ToolOutcome {
    match ctx.state(|agent| agent.session.plain_answer(index)) {
        Some(outcome) => outcome,
        None => execute(ctx, index).await,
    }
}

/// Runs the call as an activity, as soon as there is room for it.
async fn execute(ctx: &WorkflowContext<Agent>, index: usize) -> ToolOutcome {
    waits::until(ctx, |agent| {
        let session = &agent.session;
        let most = session.pinned.as_ref().map_or(1, |p| p.definition.limits.parallel_tools.max(1));
        session.is_ending()
            || session.interrupting
            || (session.running < most && !session.is_held())
    })
    .await;
    let started_at = now(ctx);
    let run_id = ctx.run_id().to_owned();
    let prepared = ctx.state_mut(|agent| {
        let session = &mut agent.session;
        if session.is_ending() || session.interrupting {
            return None;
        }
        // No reply carries a policy here, so it need not be named.
        let judging = session.judging().map(|judging| Box::new(Judging { known: None, ..judging }));
        let tells_people = session.tells_people();
        let turn = session.spend.turns;
        let pinned = session.pinned.as_ref()?;
        let call = session.calls.get_mut(index)?;
        let tool: ToolSpec = pinned.definition.tool(&call.call.tool)?.clone();
        call.started_at = Some(started_at);
        call.tries = call.tries.saturating_add(1);
        session.running += 1;
        let answer = call.gate.as_ref().and_then(|gate| gate.answer.clone());
        let plan = call.gate.as_ref().and_then(|gate| gate.plan.as_ref());
        let resume = plan.and_then(|plan| plan.resume.clone()).filter(|_| answer.is_some());
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
            judging,
            grant: if tells_people { gates::grant(call) } else { None },
            response: call.gate.as_ref().and_then(|gate| gate.request.response.clone()),
            answer,
            resume,
        };
        let express =
            pinned.is_long() && invocation.answer.is_none() && express::takes(&tool, &session.pace);
        Some((tool, invocation, call.summary(), express, call.tries))
    });
    let Some((tool, invocation, summary, express, tries)) = prepared else {
        let skipped = ctx.state(|agent| agent.session.interrupting && !agent.session.is_ending());
        return if skipped { ToolOutcome::Skipped } else { ToolOutcome::Cancelled };
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
            let options = options::call_tool(&tool, turn, index, tries, summary);
            let work = ctx.execute_activity(CallTool, invocation, options);
            let result = waits::unless_interrupted(ctx, work, tool.repeatable()).await;
            match result {
                Ok(outcome) => outcome,
                Err(error) => {
                    let trouble = trouble(&error);
                    let interrupted = trouble == Trouble::Cancelled
                        && ctx.state(|agent| !agent.session.is_ending());
                    if interrupted { interrupted_call(&tool) } else { tool_outcome(trouble, &tool) }
                }
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

/// What came of a read that a message interrupted: it changed nothing, and nobody saw its end.
fn interrupted_call(tool: &ToolSpec) -> ToolOutcome {
    let name = &tool.name;
    ToolOutcome::Unknown {
        message: format!("a message interrupted `{name}` while it ran; its result was not awaited"),
    }
}
