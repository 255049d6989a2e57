//! A failed activity: which failure it is, and what came of a tool call that failed so.

use longhaul_contract::failure::FailureKind;
use longhaul_contract::tool::{ToolErrorKind, ToolOutcome, ToolSpec};
use temporalio_common::error::{ActivityExecutionError, IncomingError};

/// Why an activity ended without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It said so itself.
    Failed(FailureKind, String),
    /// Its attempts ran out of time, or their worker was lost.
    TimedOut(String),
    /// It was cancelled.
    Cancelled,
}

/// Reads the error of an activity.
pub fn trouble(error: &ActivityExecutionError) -> Trouble {
    if error.as_cancelled().is_some() {
        return Trouble::Cancelled;
    }
    if let Some(timeout) = error.as_timeout() {
        return Trouble::TimedOut(timeout.failure().message.clone());
    }
    match error.reason() {
        Some(IncomingError::Application(failure)) => {
            let kind = failure
                .type_name()
                .and_then(FailureKind::from_name)
                .unwrap_or(FailureKind::Internal);
            Trouble::Failed(kind, failure.source_error().to_string())
        }
        // The enum is not ours and may grow: anything else is told in the server's own words.
        Some(other) => Trouble::Failed(FailureKind::Internal, other.failure().message.clone()),
        None => Trouble::Failed(FailureKind::Internal, error.to_string()),
    }
}

/// The failure of a run's own activity (`LoadAgent`, `CallModel`) behind `trouble`.
pub fn run_failure(trouble: Trouble, timed_out: FailureKind) -> (FailureKind, String) {
    match trouble {
        Trouble::Failed(kind, message) => (kind, message),
        Trouble::TimedOut(message) => (timed_out, format!("no answer in time: {message}")),
        Trouble::Cancelled => (FailureKind::Internal, "cancelled".to_owned()),
    }
}

/// What came of a tool call whose activity ended in `trouble`.
///
/// A call that may be repeated was given up for good; of any other it is not known whether it
/// took effect, unless the activity itself said that it did not.
pub fn tool_outcome(trouble: Trouble, tool: &ToolSpec) -> ToolOutcome {
    match trouble {
        // Somebody noticed before the time-out did; of the call, no more is known than then.
        Trouble::Failed(FailureKind::WorkerLost, message) => {
            tool_outcome(Trouble::TimedOut(message), tool)
        }
        Trouble::Failed(FailureKind::ToolUnavailable, message) => {
            ToolOutcome::Failed { error: ToolErrorKind::Upstream, message }
        }
        Trouble::Failed(kind, message) => ToolOutcome::Failed {
            error: ToolErrorKind::Other,
            message: format!("{}: {message}", kind.as_str()),
        },
        Trouble::TimedOut(message) if tool.repeatable() => {
            ToolOutcome::Failed { error: ToolErrorKind::Timeout, message }
        }
        Trouble::TimedOut(message) => ToolOutcome::Unknown {
            message: format!(
                "`{}` was started and its end was not seen ({message}); it may have taken effect",
                tool.name
            ),
        },
        Trouble::Cancelled if tool.repeatable() => ToolOutcome::Cancelled,
        Trouble::Cancelled => ToolOutcome::Unknown {
            message: format!(
                "`{}` was cancelled after it had started; it may have taken effect",
                tool.name
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use longhaul_contract::tool::Effect;

    use super::*;
    use crate::testing::tool;

    #[test]
    fn a_lost_worker_leaves_of_a_call_what_a_time_out_leaves() {
        for effect in [Effect::Read, Effect::Create] {
            let tool = tool("order", effect);
            let lost = Trouble::Failed(FailureKind::WorkerLost, "died".to_owned());
            let outcome = tool_outcome(lost, &tool);
            assert_eq!(outcome, tool_outcome(Trouble::TimedOut("died".to_owned()), &tool));
            assert_eq!(matches!(outcome, ToolOutcome::Unknown { .. }), !tool.repeatable());
        }
    }
}
