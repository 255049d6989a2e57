//! One model call, and the resolution of the agent's name before the first.

use longhaul_contract::definition::LoadAgent;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::ports::{CallModel, Compact, Load};
use temporalio_workflow::WorkflowContext;

use crate::agent::{Agent, now};
use crate::failure::{Trouble, run_failure, trouble};
use crate::options;
use crate::step::{compact_request, model_request};
use crate::waits;

/// Resolves the agent's name and pins the run to what it finds.
pub(crate) async fn load(ctx: &WorkflowContext<Agent>) {
    let input = ctx.state(|agent| LoadAgent {
        v: 1,
        agent: agent.session.agent.clone(),
        continues: agent.session.continues.clone(),
        // A reset run belongs to the chain of the run that it was made from.
        chain: if agent.session.chain == ctx.run_id() {
            String::new()
        } else {
            agent.session.chain.clone()
        },
    });
    let options = options::load_agent(&input.agent);
    let result = ctx.execute_activity(Load, input, options).await;
    let now = now(ctx);
    ctx.state_mut(|agent| match result {
        Ok(loaded) => agent.session.pin(loaded, now),
        Err(error) => fail(agent, trouble(&error), FailureKind::AgentNotFound, now),
    });
}

/// Takes in waiting messages, calls the model and takes in its reply.
pub(crate) async fn call_model(ctx: &WorkflowContext<Agent>) {
    let prepared = ctx.state_mut(|agent| {
        agent.session.take_messages();
        let request = model_request(&agent.session)?;
        let pinned = agent.session.pinned.as_ref()?;
        let again = agent.session.retries.saturating_add(agent.session.people.interrupts);
        let options = options::call_model(&pinned.definition, request.turn, again);
        agent.session.in_model_call = true;
        Some((request, options))
    });
    // Without a definition there is no such step; `next_step` resolves the name first.
    let Some((request, options)) = prepared else { return };
    let started_at = now(ctx);
    let work = ctx.execute_activity(CallModel, request, options);
    let result = waits::unless_interrupted(ctx, work, true).await;
    let now = now(ctx);
    ctx.state_mut(|agent| agent.session.in_model_call = false);
    ctx.state_mut(|agent| match result {
        Ok(reply) => agent.session.reply(reply, started_at, now),
        // A message broke in: the model is asked anew, with the message.
        Err(error) if agent.session.interrupting && trouble(&error) == Trouble::Cancelled => {
            agent.session.people.interrupts = agent.session.people.interrupts.saturating_add(1);
        }
        Err(error) => fail(agent, trouble(&error), FailureKind::ModelUnreachable, now),
    });
}

/// Sums up the conversation before item `upto`, so that the next model call fits.
pub(crate) async fn compact(ctx: &WorkflowContext<Agent>, upto: u64) {
    let prepared = ctx.state_mut(|agent| {
        agent.session.take_messages();
        let request = compact_request(&agent.session, upto)?;
        let pinned = agent.session.pinned.as_ref()?;
        let options = options::compact(&pinned.definition, request.turn, agent.session.retries);
        Some((request, options))
    });
    let Some((request, options)) = prepared else { return };
    let started_at = now(ctx);
    let result = ctx.execute_activity(Compact, request, options).await;
    let now = now(ctx);
    ctx.state_mut(|agent| match result {
        Ok(done) => agent.session.compacted(done, upto, started_at, now),
        Err(error) => fail(agent, trouble(&error), FailureKind::ModelUnreachable, now),
    });
}

fn fail(
    agent: &mut Agent,
    trouble: Trouble,
    timed_out: FailureKind,
    now: longhaul_contract::time::Timestamp,
) {
    if trouble == Trouble::Cancelled {
        agent.session.cancel();
        return;
    }
    let (kind, message) = run_failure(trouble, timed_out);
    agent.session.activity_failed(kind, message, now);
}
