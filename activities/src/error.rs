//! How a failure of an activity reaches Temporal: who may retry, and after how long.

use std::time::Duration;

use longhaul_contract::failure::{FailureKind, Remedy};
use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;

/// A failure of an activity. Its text is shown to people and kept in history: never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Which failure; decides who may retry.
    pub kind: FailureKind,
    /// What, where, and what to do.
    pub message: String,
    /// How long the other side asked to wait.
    pub retry_after: Option<Duration>,
}

impl From<longhaul_net::http::ClientError> for Failure {
    fn from(error: longhaul_net::http::ClientError) -> Self {
        Self::new(FailureKind::Internal, error.to_string())
    }
}

impl Failure {
    /// A failure of that kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The same, to be retried no sooner than after `delay`.
    #[must_use]
    pub fn retry_after(mut self, delay: Option<Duration>) -> Self {
        self.retry_after = delay;
        self
    }

    /// The application failure that Temporal keeps: its type is the kind's name.
    pub fn into_activity_error(self) -> ActivityError {
        let retryable = self.kind.remedy() == Remedy::Retry;
        // To the server a delay of zero means that there is no next attempt.
        let delay = self.retry_after.filter(|delay| retryable && !delay.is_zero());
        ActivityError::application(
            ApplicationFailure::builder(self.message)
                .type_name(self.kind.as_str().to_owned())
                .non_retryable(!retryable)
                .maybe_next_retry_delay(delay)
                .build(),
        )
    }
}
