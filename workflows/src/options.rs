//! The one table of timeouts, retries and heartbeats.
//!
//! | activity | one attempt | heartbeat | attempts | in all |
//! | --- | --- | --- | --- | --- |
//! | `LoadAgent` | 30 s | 2.5 s | until the time is up | 5 min |
//! | `CallModel` | 10 min, or the agent's `timeout` | 2.5 s | until the time is up | 30 min, at least 3 attempts' time |
//! | `CallTool`, may be repeated | 60 s, or the tool's `timeout`, and 5 s | 2.5 s | 6 | – |
//! | `CallTool`, may not | the same | 2.5 s | 1 | – |
//! | `CallTool`, express lane | 1 s | – | 1, then as a normal activity | 1.5 s |
//! | `Judge` | 30 s | – | until the time is up | 5 min |
//! | `Notify` | 60 s | 2.5 s | until the time is up | 1 h; 30 s as a run ends |
//! | `Compact` | as `CallModel` | 2.5 s | as `CallModel` | as `CallModel` |
//! | `Archive`, at once | 1 s | – | 1, then as an activity | 1.5 s |
//! | `Archive` | 60 s | 2.5 s | until it succeeds | – |
//!
//! Retries wait 200 ms, doubling to 30 s, or as long as the other side asked. Nothing below Temporal
//! retries. The heartbeat is what notices a lost worker, unless the next one on its host was told by
//! its journal: activities beat every second.

use std::time::Duration;

use longhaul_contract::definition::Definition;
use longhaul_contract::tool::ToolSpec;
use temporalio_common::RetryPolicy;
use temporalio_workflow::{
    ActivityCancellationType, ActivityCloseTimeouts, ActivityOptions, LocalActivityOptions,
    WorkflowCancellationToken,
};

/// Without a beat for this long, an attempt counts as lost.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(2_500);
/// Attempts at a tool call that may be repeated.
pub const TOOL_ATTEMPTS: u32 = 6;

const LOAD_ATTEMPT: Duration = Duration::from_secs(30);
const LOAD_TOTAL: Duration = Duration::from_secs(5 * 60);
const MODEL_ATTEMPT: Duration = Duration::from_secs(10 * 60);
const MODEL_TOTAL: Duration = Duration::from_secs(30 * 60);
const ARCHIVE_ATTEMPT: Duration = Duration::from_secs(60);
/// Far below the time-out of a workflow task, whose worker is busy meanwhile.
const NOTIFY_ATTEMPT: Duration = Duration::from_secs(60);
const NOTIFY_TOTAL: Duration = Duration::from_secs(60 * 60);
const NOTIFY_AT_END: Duration = Duration::from_secs(30);
const EXPRESS_ATTEMPT: Duration = Duration::from_secs(1);
const EXPRESS_TOTAL: Duration = Duration::from_millis(1_500);
const TOOL_ATTEMPT: Duration = Duration::from_secs(60);
/// What an attempt may take beside the tool's own work, which ends by itself at its timeout.
const TOOL_MARGIN: Duration = Duration::from_secs(5);

fn retries(attempts: u32) -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(Duration::from_millis(200))
        .backoff_coefficient(2.0)
        .maximum_interval(Duration::from_secs(30))
        .maximum_attempts(attempts)
        .build()
}

/// Options of `LoadAgent`.
pub fn load_agent(agent: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        start_to_close: LOAD_ATTEMPT,
        schedule_to_close: LOAD_TOTAL,
    })
    .activity_id("load")
    .heartbeat_timeout(HEARTBEAT_TIMEOUT)
    .retry_policy(retries(0))
    .summary(agent)
    .build()
}

/// Options of `Compact`.
pub fn compact(definition: &Definition, turn: u32, retries_by_hand: u32) -> ActivityOptions {
    let model = definition
        .context
        .as_ref()
        .and_then(|context| context.model.as_ref())
        .unwrap_or(&definition.model);
    let (start_to_close, schedule_to_close) = model_times(model.timeout);
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        start_to_close,
        schedule_to_close,
    })
    .activity_id(by_hand(format!("compact-{turn}"), retries_by_hand))
    .heartbeat_timeout(HEARTBEAT_TIMEOUT)
    .retry_policy(retries(0))
    .summary(format!("sum up before turn {turn} · {}/{}", model.provider, model.name))
    .build()
}

/// Options of `Archive` as a local activity.
pub fn archive_quick() -> LocalActivityOptions {
    LocalActivityOptions::builder()
        .start_to_close_timeout(EXPRESS_ATTEMPT)
        .schedule_to_close_timeout(EXPRESS_TOTAL)
        .retry_policy(retries(1))
        .cancellation_token(WorkflowCancellationToken::new())
        .summary("archive".to_owned())
        .build()
}

/// Options of `Archive` as an activity: the store is waited for.
pub fn archive() -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(ARCHIVE_ATTEMPT))
        .heartbeat_timeout(HEARTBEAT_TIMEOUT)
        .retry_policy(retries(0))
        .cancellation_token(WorkflowCancellationToken::new())
        .summary("archive · waits for the store")
        .build()
}

/// Options of `Judge`.
pub fn judge() -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        start_to_close: LOAD_ATTEMPT,
        schedule_to_close: LOAD_TOTAL,
    })
    .retry_policy(retries(0))
    .summary("judge what waits by the policy as it is now")
    .build()
}

/// Options of `Notify`: people are told as soon as they can be, and nothing waits for it.
pub fn notify(count: usize) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        start_to_close: NOTIFY_ATTEMPT,
        schedule_to_close: NOTIFY_TOTAL,
    })
    .heartbeat_timeout(HEARTBEAT_TIMEOUT)
    .retry_policy(retries(0))
    .cancellation_token(WorkflowCancellationToken::new())
    .summary(format!("tell people: {count}"))
    .build()
}

/// Options of `Notify` as a run ends, which waits for it.
pub fn notify_at_end(count: usize) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        start_to_close: NOTIFY_AT_END,
        schedule_to_close: NOTIFY_AT_END,
    })
    .heartbeat_timeout(HEARTBEAT_TIMEOUT)
    .retry_policy(retries(0))
    .cancellation_token(WorkflowCancellationToken::new())
    .summary(format!("tell people: {count}"))
    .build()
}

/// Options of `CallTool` by the express lane.
pub fn call_tool_quick(turn: u32, index: usize, summary: String) -> LocalActivityOptions {
    LocalActivityOptions::builder()
        .activity_id(format!("tool-{turn}-{}-express", index + 1))
        .start_to_close_timeout(EXPRESS_ATTEMPT)
        .schedule_to_close_timeout(EXPRESS_TOTAL)
        .retry_policy(retries(1))
        .include_arguments_in_marker(true)
        .summary(summary)
        .build()
}

/// Options of `CallModel`; `retries_by_hand` counts the times that a person tried it again.
pub fn call_model(definition: &Definition, turn: u32, retries_by_hand: u32) -> ActivityOptions {
    let (start_to_close, schedule_to_close) = model_times(definition.model.timeout);
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        start_to_close,
        schedule_to_close,
    })
    .activity_id(by_hand(format!("model-{turn}"), retries_by_hand))
    .heartbeat_timeout(HEARTBEAT_TIMEOUT)
    .retry_policy(retries(0))
    .summary(format!("turn {turn} · {}/{}", definition.model.provider, definition.model.name))
    .build()
}

fn model_times(timeout: Option<Duration>) -> (Duration, Duration) {
    let attempt = timeout.unwrap_or(MODEL_ATTEMPT);
    (attempt, MODEL_TOTAL.max(attempt.saturating_mul(3)))
}

/// Activity ids are unique in a run, also when a person tries again.
fn by_hand(id: String, retries_by_hand: u32) -> String {
    match retries_by_hand {
        0 => id,
        again => format!("{id}-retry-{again}"),
    }
}

/// Options of `CallTool` for call `index` (from 0) of `turn`.
///
/// `tries` counts how often the call was given to an activity: it is again where the policy has
/// become stricter, or an answer did not fit.
pub fn call_tool(
    tool: &ToolSpec,
    turn: u32,
    index: usize,
    tries: u32,
    summary: String,
) -> ActivityOptions {
    let attempt = tool.timeout.unwrap_or(TOOL_ATTEMPT).saturating_add(TOOL_MARGIN);
    // A call with an effect is waited for even when the run is cancelled: its outcome matters.
    let cancellation = if tool.repeatable() {
        ActivityCancellationType::TryCancel
    } else {
        ActivityCancellationType::WaitCancellationCompleted
    };
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(attempt))
        .activity_id(by_hand(format!("tool-{turn}-{}", index + 1), tries.saturating_sub(1)))
        .heartbeat_timeout(HEARTBEAT_TIMEOUT)
        .cancellation_type(cancellation)
        .retry_policy(retries(if tool.repeatable() { TOOL_ATTEMPTS } else { 1 }))
        .summary(summary)
        .build()
}
