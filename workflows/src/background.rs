//! What goes on beside the steps of a run: people are told, and what waits is judged again when the
//! rules have changed.

use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::interrupt::{InterruptKind, JudgeRequest};
use longhaul_contract::notice::{Notice, NoticeEvent, NotifyRequest};
use longhaul_contract::ports::{Judge, Notify};
use longhaul_contract::tool::ToolCall;
use longhaul_contract::trace::TraceEvent;
use temporalio_workflow::{ActivityOptions, WorkflowContext};

use crate::agent::{Agent, now};
use crate::failure::{run_failure, trouble};
use crate::options;
use crate::session::Session;
use crate::waits;

/// Most notices that one activity tells.
const MOST: usize = 100;
/// Activities that tell people at once.
const LANES: usize = 8;

/// Judges again whenever it is due, for as long as the run goes on in this execution.
pub(crate) async fn judge(ctx: &WorkflowContext<Agent>) {
    loop {
        waits::until(ctx, |agent| agent.session.people.rejudge).await;
        judge_again(ctx).await;
    }
}

/// Tells people, for as long as the run goes on in this execution.
///
/// Several at a time: a channel that is down keeps its notice for up to an hour, and what comes
/// later is not to wait for it.
pub(crate) async fn notify(ctx: &WorkflowContext<Agent>) {
    waits::until(ctx, |agent| is_due(&agent.session)).await;
    let side_by_side = ctx.state(|agent| agent.session.tells_side_by_side());
    let lanes = if side_by_side { LANES } else { 1 };
    futures::future::join_all((0..lanes).map(|_| lane(ctx))).await;
}

/// Tells people of one thing after the other.
async fn lane(ctx: &WorkflowContext<Agent>) {
    loop {
        waits::until(ctx, |agent| is_due(&agent.session)).await;
        if let Some(request) = ctx.state_mut(|agent| take(&mut agent.session)) {
            let options = options::notify(request.notices.len());
            tell(ctx, request, options).await;
        }
    }
}

/// Whether there is something to tell. That rules spoke of a call can wait for something else, or
/// until there is much of it: an activity for each turn would be too many.
fn is_due(session: &Session) -> bool {
    let urgent = |notice: &Notice| !matches!(notice.event, NoticeEvent::Judged { .. });
    session.untold().count() >= MOST || session.untold().any(urgent)
}

/// Tells the last of it as the run ends. What cannot be told by then, the store learns from
/// Temporal later.
pub(crate) async fn finish(ctx: &WorkflowContext<Agent>) {
    // What was under way ended with the steps of the run.
    ctx.state_mut(|agent| agent.session.telling.clear());
    while let Some(request) = ctx.state_mut(|agent| take(&mut agent.session)) {
        let options = options::notify_at_end(request.notices.len());
        tell(ctx, request, options).await;
    }
}

async fn tell(ctx: &WorkflowContext<Agent>, request: NotifyRequest, options: ActivityOptions) {
    let numbers: Vec<u64> = request.notices.iter().map(|notice| notice.number).collect();
    let result = ctx.execute_activity(Notify, request, options).await;
    let now = now(ctx);
    ctx.state_mut(|agent| {
        if let Err(error) = result {
            let kind = longhaul_contract::failure::FailureKind::StoreUnavailable;
            let (_, reason) = run_failure(trouble(&error), kind);
            agent.session.log(now, TraceEvent::NotToldYet { reason });
        }
        // Given up, if it failed: what waits is found by its search attributes as well.
        agent.session.told(&numbers);
    });
}

/// The next notices to tell, which from now on are being told.
fn take(session: &mut Session) -> Option<NotifyRequest> {
    let notices: Vec<_> = session.untold().take(MOST).cloned().collect();
    if notices.is_empty() {
        return None;
    }
    session.telling.extend(notices.iter().map(|notice| notice.number));
    Some(NotifyRequest {
        v: 1,
        chain: session.chain.clone(),
        agent: session.agent.clone(),
        starter: session.people.starter.clone(),
        notices,
    })
}

/// Judges the calls that wait by the rules as they are now.
async fn judge_again(ctx: &WorkflowContext<Agent>) {
    let prepared = ctx.state_mut(|agent| {
        agent.session.people.rejudge = false;
        waiting(&agent.session)
    });
    let Some((ids, request)) = prepared else { return };
    let result = ctx.execute_activity(Judge, request, options::judge()).await;
    let now = now(ctx);
    ctx.state_mut(|agent| match result {
        Ok(reply) => {
            agent.session.adopt(reply.policy, now);
            agent.session.judged_again(&ids, reply.judged, now);
        }
        Err(error) => {
            // They go on waiting for people.
            let kind = longhaul_contract::failure::FailureKind::Internal;
            let (_, reason) = run_failure(trouble(&error), kind);
            agent.session.ignore("policy_changed", reason, now);
        }
    });
}

fn waiting(session: &Session) -> Option<(Vec<String>, JudgeRequest)> {
    let mut judging = session.judging()?;
    judging.run.turn = session.turn();
    let pinned = session.pinned.as_ref()?;
    let asks = |request: &ApprovalRequest| request.kind == InterruptKind::Approval;
    let (ids, calls): (Vec<String>, Vec<ToolCall>) = session
        .calls
        .iter()
        .filter(|call| call.waits())
        .filter_map(|call| Some((&call.gate.as_ref()?.request, &call.call)))
        .filter(|(request, _)| asks(request))
        .map(|(request, call)| (request.id.clone(), call.clone()))
        .unzip();
    if ids.is_empty() {
        return None;
    }
    let request = JudgeRequest {
        v: 1,
        definition: pinned.digest.clone(),
        chain: session.chain.clone(),
        judging,
        calls,
    };
    Some((ids, request))
}
