//! Durable waits: for a message, for a person who mends a failure, for a decision.

use std::time::Duration;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::time::Timestamp;
use temporalio_workflow::workflows::select;
use temporalio_workflow::{
    CancellableFuture, TimerOptions, WaitConditionOptions, WorkflowCancellationToken,
    WorkflowContext,
};

use crate::agent::{Agent, now};

/// Waits until `condition` holds, however long that takes, also in a cancelled run.
///
/// Cancellation is part of the state (`session.cancelled`), so conditions look for it themselves.
pub(crate) async fn until(ctx: &WorkflowContext<Agent>, condition: impl FnMut(&Agent) -> bool) {
    let options = WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    // The token is never cancelled, so the wait ends only because the condition holds.
    let _ = ctx.wait_condition_with_options(condition, options).await;
}

/// Waits until `condition` holds or `deadline` has come; says whether it holds.
pub(crate) async fn until_or(
    ctx: &WorkflowContext<Agent>,
    deadline: Timestamp,
    summary: String,
    condition: impl FnMut(&Agent) -> bool,
) -> bool {
    let token = WorkflowCancellationToken::new();
    let options = TimerOptions::builder(deadline.since(now(ctx)))
        .cancellation_token(token.clone())
        .summary(summary)
        .build();
    let mut timer = std::pin::pin!(ctx.timer(options));
    let wait_options = WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    let mut wait = std::pin::pin!(ctx.wait_condition_with_options(condition, wait_options));
    let held = select! {
        _ = wait => true,
        _ = timer => false,
    };
    // A dropped timer stays in the server; a cancelled one does not.
    token.cancel();
    held
}

/// What `work` comes to. If a message interrupts it meanwhile and it `may_stop`, it is cancelled.
pub(crate) async fn unless_interrupted<F: CancellableFuture>(
    ctx: &WorkflowContext<Agent>,
    work: F,
    may_stop: bool,
) -> F::Output {
    let mut work = std::pin::pin!(work);
    if may_stop {
        let options = WaitConditionOptions::builder()
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        let interrupted =
            ctx.wait_condition_with_options(|agent| agent.session.interrupting, options);
        let mut interrupted = std::pin::pin!(interrupted);
        select! {
            result = work => return result,
            _ = interrupted => work.cancel(),
        }
    }
    work.await
}

/// Waits for whoever holds the run to let it go on.
pub(crate) async fn released(ctx: &WorkflowContext<Agent>) {
    until(ctx, |agent| {
        let session = &agent.session;
        !session.is_held() || session.is_ending() || session.continues()
    })
    .await;
}

/// Waits for a message, a request to close, or cancellation.
pub(crate) async fn message(ctx: &WorkflowContext<Agent>) {
    until(ctx, |agent| {
        let session = &agent.session;
        !session.inbox.is_empty() || session.closing || session.cancelled || session.continues()
    })
    .await;
}

/// Waits until a person has mended what blocks the run, or its time is up.
pub(crate) async fn mended(ctx: &WorkflowContext<Agent>) {
    let going_on = |agent: &Agent| {
        let session = &agent.session;
        session.blocked.is_none() || session.cancelled || session.continues()
    };
    let Some(blocked) = ctx.state(|agent| agent.session.blocked.clone()) else { return };
    let Some(deadline) = blocked.until else {
        return until(ctx, going_on).await;
    };
    let summary = format!("blocked by {}", blocked.kind.as_str());
    if !until_or(ctx, deadline, summary, going_on).await {
        ctx.state_mut(|agent| {
            agent.session.blocked = None;
            let message = format!("blocked since {}: {}", blocked.since, blocked.message);
            agent.session.fail(FailureKind::BlockedTooLong, message);
        });
    }
}

/// Resolves when the run's `wall_time` is used up; never if it has none.
pub(crate) async fn wall_time(ctx: &WorkflowContext<Agent>) -> Duration {
    until(ctx, |agent| agent.session.pinned.is_some()).await;
    let limit = ctx.state(|agent| {
        let limits = agent.session.pinned.as_ref().map(|pinned| &pinned.definition.limits);
        limits.and_then(|limits| limits.wall_time)
    });
    let Some(limit) = limit else {
        return std::future::pending().await;
    };
    let left = ctx.state(|agent| agent.session.started_at.plus(limit)).since(now(ctx));
    let options = TimerOptions::builder(left)
        .cancellation_token(WorkflowCancellationToken::new())
        .summary("limit: wall_time".to_owned())
        .build();
    ctx.timer(options).await;
    limit
}
