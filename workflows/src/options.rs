//! The one table of timeouts, retries and heartbeats.
//!
//! | activity | one attempt | heartbeat | attempts | in all |
//! | --- | --- | --- | --- | --- |
//! | `LoadAgent` | 30 s | – | until the time is up | 5 min |
//! | `CallModel` | 10 min, or the agent's `timeout` | 2 s | until the time is up | 30 min, at least 3 attempts' time |
//! | `CallTool`, may be repeated | 60 s, or the tool's `timeout`, and 5 s | 2 s | 6 | – |
//! | `CallTool`, may not | the same | 2 s | 1 | – |
//!
//! Retries wait 200 ms, doubling to 30 s, or as long as the other side asked. Nothing below Temporal
//! retries. The heartbeat is what notices a lost worker, unless the next one on its host was told by
//! its journal: activities beat every 500 ms.

use std::time::Duration;

use longhaul_contract::definition::Definition;
use longhaul_contract::tool::ToolSpec;
use temporalio_common::RetryPolicy;
use temporalio_workflow::{ActivityCancellationType, ActivityCloseTimeouts, ActivityOptions};

/// Without a beat for this long, an attempt counts as lost.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(2);
/// Attempts at a tool call that may be repeated.
pub const TOOL_ATTEMPTS: u32 = 6;

const LOAD_ATTEMPT: Duration = Duration::from_secs(30);
const LOAD_TOTAL: Duration = Duration::from_secs(5 * 60);
const MODEL_ATTEMPT: Duration = Duration::from_secs(10 * 60);
const MODEL_TOTAL: Duration = Duration::from_secs(30 * 60);
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
    .retry_policy(retries(0))
    .summary(agent)
    .build()
}

/// Options of `CallModel`; `retries_by_hand` counts the times that a person tried it again.
pub fn call_model(definition: &Definition, turn: u32, retries_by_hand: u32) -> ActivityOptions {
    let attempt = definition.model.timeout.unwrap_or(MODEL_ATTEMPT);
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        start_to_close: attempt,
        schedule_to_close: MODEL_TOTAL.max(attempt.saturating_mul(3)),
    })
    .activity_id(match retries_by_hand {
        0 => format!("model-{turn}"),
        again => format!("model-{turn}-retry-{again}"),
    })
    .heartbeat_timeout(HEARTBEAT_TIMEOUT)
    .retry_policy(retries(0))
    .summary(format!("turn {turn} · {}/{}", definition.model.provider, definition.model.name))
    .build()
}

/// Options of `CallTool` for call `index` (from 0) of `turn`.
pub fn call_tool(tool: &ToolSpec, turn: u32, index: usize, summary: String) -> ActivityOptions {
    let attempt = tool.timeout.unwrap_or(TOOL_ATTEMPT).saturating_add(TOOL_MARGIN);
    // A call with an effect is waited for even when the run is cancelled: its outcome matters.
    let cancellation = if tool.repeatable() {
        ActivityCancellationType::TryCancel
    } else {
        ActivityCancellationType::WaitCancellationCompleted
    };
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(attempt))
        .activity_id(format!("tool-{turn}-{}", index + 1))
        .heartbeat_timeout(HEARTBEAT_TIMEOUT)
        .cancellation_type(cancellation)
        .retry_policy(retries(if tool.repeatable() { TOOL_ATTEMPTS } else { 1 }))
        .summary(summary)
        .build()
}
