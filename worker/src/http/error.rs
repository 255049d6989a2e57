//! Errors as the HTTP interface tells them: what is wrong, in words and as a code, and what to do.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use longhaul_contract::approval::{DecisionReceipt, DecisionRefusal};
use longhaul_store::StoreError;
use serde_json::json;

use crate::client::RunError;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Of a decision that was looked at and refused.
    pub(crate) receipt: Option<Box<DecisionReceipt>>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, receipt: None }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// Something that may be there in a moment.
    pub(crate) fn away(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
            .hint("try again in a moment")
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A decision that the run looked at and did not accept.
    pub(crate) fn refused(receipt: DecisionReceipt) -> Self {
        let refusal = receipt.refused.unwrap_or(DecisionRefusal::NotAllowed);
        let (status, message, hint) = words(refusal);
        Self {
            status,
            code: code(refusal),
            message: format!("`{}`: {message}", receipt.id),
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
            receipt: Some(Box::new(receipt)),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({"error": {"code": self.code, "message": self.message}});
        if let (Some(hint), Some(error)) = (self.hint, body.pointer_mut("/error")) {
            error["hint"] = json!(hint);
        }
        if let (Some(receipt), Some(body)) = (self.receipt, body.as_object_mut()) {
            body.insert("receipt".to_owned(), json!(receipt));
        }
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"longhaul\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<RunError> for ApiError {
    fn from(error: RunError) -> Self {
        let (status, code) = match &error {
            RunError::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found"),
            RunError::Closed { .. } => (StatusCode::CONFLICT, "run_closed"),
            RunError::AlreadyRunning { .. } => (StatusCode::CONFLICT, "already_running"),
            RunError::Refused { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            RunError::NoWorker { .. }
            | RunError::TaskFails { .. }
            | RunError::Busy { .. }
            | RunError::Unreachable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            RunError::Forbidden { .. }
            | RunError::Unreadable { .. }
            | RunError::Archive(_)
            | RunError::Other(_) => (StatusCode::BAD_GATEWAY, "temporal"),
        };
        let text = error.to_string();
        match text.split_once("\nhint: ") {
            Some((message, hint)) => Self::new(status, code, message).hint(hint),
            None => Self::new(status, code, text),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Request(problem) = error {
            return Self::bad(problem);
        }
        // The store's own words may say where it is, which is not the caller's business.
        tracing::warn!(%error, "the store did not answer an HTTP request");
        Self::away("the store does not answer")
    }
}

/// The refusal's word, as receipts write it.
fn code(refusal: DecisionRefusal) -> &'static str {
    match refusal {
        DecisionRefusal::AlreadyDecided => "already_decided",
        DecisionRefusal::AlreadyExpired => "already_expired",
        DecisionRefusal::AlreadyCancelled => "already_cancelled",
        DecisionRefusal::DigestMismatch => "digest_mismatch",
        DecisionRefusal::ArgumentsWithDenial => "arguments_with_denial",
        DecisionRefusal::AlreadyAnswered => "already_answered",
        DecisionRefusal::AlreadyReleased => "already_released",
        DecisionRefusal::Unauthenticated => "unauthenticated",
        DecisionRefusal::BadSignature => "bad_signature",
        DecisionRefusal::OtherEnvelope => "other_envelope",
        DecisionRefusal::EnvelopeExpired => "envelope_expired",
        DecisionRefusal::NotAnApprover => "not_an_approver",
        DecisionRefusal::SelfApproval => "self_approval",
        DecisionRefusal::StarterUnknown => "starter_unknown",
        DecisionRefusal::NotAllowed => "not_allowed",
        DecisionRefusal::Malformed => "malformed",
        DecisionRefusal::TooBroad => "too_broad",
    }
}

/// Status, what is wrong, and what to do; nothing to do is an empty text.
fn words(refusal: DecisionRefusal) -> (StatusCode, &'static str, &'static str) {
    const GONE: StatusCode = StatusCode::CONFLICT;
    const WHO: StatusCode = StatusCode::FORBIDDEN;
    const WHAT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
    match refusal {
        DecisionRefusal::AlreadyDecided => (GONE, "it was decided before, another way", ""),
        DecisionRefusal::AlreadyExpired => (GONE, "nobody answered in time, and it is closed", ""),
        DecisionRefusal::AlreadyCancelled => (GONE, "the run was cancelled or interrupted", ""),
        DecisionRefusal::AlreadyAnswered => (GONE, "it was answered before", ""),
        DecisionRefusal::AlreadyReleased => (GONE, "the rules changed, and closed it", ""),
        DecisionRefusal::DigestMismatch => {
            (GONE, "the decision is about another call than what is asked now", "look at it again")
        }
        DecisionRefusal::Unauthenticated => (
            WHO,
            "only people who are known may decide this",
            "sign in, or send an API key: `Authorization: Bearer lhk_…`",
        ),
        DecisionRefusal::BadSignature => (
            WHO,
            "the run does not believe this signature",
            "the run was started by a worker with another signing key: give all workers of a task \
             queue the same one",
        ),
        DecisionRefusal::OtherEnvelope => {
            (WHO, "the envelope is of another run, gate or decision", "")
        }
        DecisionRefusal::EnvelopeExpired => {
            (WHO, "the envelope's time is over", "do the clocks of worker and server agree?")
        }
        DecisionRefusal::NotAnApprover => {
            (WHO, "you are in none of the groups that may decide this", "")
        }
        DecisionRefusal::SelfApproval => {
            (WHO, "you started the run, and somebody else has to decide this", "")
        }
        DecisionRefusal::StarterUnknown => (
            WHO,
            "nobody may decide who started the run, and who did is not proven",
            "start runs over HTTP: `POST /v1/runs`",
        ),
        DecisionRefusal::NotAllowed => {
            (WHAT, "there is no such decision for it", "`allowed` lists those that there are")
        }
        DecisionRefusal::ArgumentsWithDenial => {
            (WHAT, "a denial cannot carry arguments", "deny with a reason, or approve the edit")
        }
        DecisionRefusal::Malformed => (
            WHAT,
            "the decision lacks what it needs, or carries what it cannot",
            "`answer` goes with an `answer`, `question` with a `reason`, `delegate` with `to`, \
             `arguments` with `approve`",
        ),
        DecisionRefusal::TooBroad => {
            (WHAT, "it cannot be remembered so broadly", "`offers` lists what can be remembered")
        }
    }
}
