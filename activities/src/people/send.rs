//! How sending ends: what fails in passing, and what fails once and for all.

use std::time::{Duration, SystemTime};

use reqwest::{Response, StatusCode};

use crate::http;

/// Why something was not delivered. The words hold no secret: they are logged and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undelivered {
    /// It may be another time.
    Later {
        /// What happened.
        problem: String,
        /// How long the other side asks to wait.
        after: Option<Duration>,
    },
    /// It will not be.
    Never {
        /// What happened.
        problem: String,
    },
}

impl Undelivered {
    pub(super) fn later(problem: impl Into<String>) -> Self {
        Self::Later { problem: problem.into(), after: None }
    }

    pub(super) fn never(problem: impl Into<String>) -> Self {
        Self::Never { problem: problem.into() }
    }
}

/// A request that got no answer. The URL, which may hold a key, is left out.
pub(super) fn unsent(error: reqwest::Error) -> Undelivered {
    Undelivered::later(http::describe(&error.without_url()))
}

/// What the status of an answer means. Its body may repeat what it was sent, and is not looked at.
pub(super) fn answer(response: &Response) -> Result<(), Undelivered> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let problem = format!("it answered {}", status.as_u16());
    let passing = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    Err(if passing {
        let after = http::retry_after(response.headers(), SystemTime::now());
        Undelivered::Later { problem, after }
    } else {
        Undelivered::Never { problem }
    })
}
