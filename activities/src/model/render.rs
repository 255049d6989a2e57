//! What a model reads where a conversation holds something else than text: the outcome of a
//! call, and a word from the runtime. It is told the truth, above all about what did not run.

use longhaul_contract::tool::{ToolErrorKind, ToolOutcome};
use serde_json::{Value, json};

/// The text of a tool's outcome. `edited` are the arguments that an approver put in place of the
/// model's.
///
/// An error is a JSON object `{"error": {"kind", "message"}}`, because not every provider has a
/// flag for it.
pub fn outcome(result: &ToolOutcome, edited: Option<&Value>) -> String {
    let (kind, message) = match result {
        ToolOutcome::Done { content, truncated: _, blob: _ } => return done(content, edited),
        ToolOutcome::Failed { error, message } => (error_word(*error), message.clone()),
        ToolOutcome::Refused { reason } => (
            "refused",
            format!("The policy of this agent refused the call; it did not run. {reason}"),
        ),
        ToolOutcome::Denied { reason: Some(reason) } => {
            ("denied", format!("A person denied this call; it did not run. Their reason: {reason}"))
        }
        ToolOutcome::Denied { reason: None } => {
            ("denied", "A person denied this call; it did not run.".to_owned())
        }
        ToolOutcome::Expired => (
            "expired",
            "Nobody answered the request for approval in time; the call did not run. That is \
             not a person's denial."
                .to_owned(),
        ),
        ToolOutcome::Unknown { message } => (
            "unknown",
            format!(
                "The call was started and its end was not seen: it may or may not have taken \
                 effect. Look before you try again. {message}"
            ),
        ),
        ToolOutcome::Cancelled => {
            ("cancelled", "The run was cancelled before this call started.".to_owned())
        }
        ToolOutcome::Answered { content, blob: _ } => {
            return format!(
                "[A person answered in the place of this tool; it did not run]\n{content}"
            );
        }
        ToolOutcome::Questioned { question } => (
            "questioned",
            format!(
                "A person wants to know something before they decide; the call did not run. Answer, \
                 and make the call again if it is still right. Their question: {question}"
            ),
        ),
        ToolOutcome::Skipped => (
            "not_started",
            "A message interrupted this turn before the call started; it did not run.".to_owned(),
        ),
        ToolOutcome::MustAsk { .. } => (
            "refused",
            "A person would have to be asked first, and was not; the call did not run.".to_owned(),
        ),
    };
    let mut error = json!({"kind": kind, "message": message});
    if let (Some(edited), Some(fields)) = (edited, error.as_object_mut()) {
        fields.insert("arguments_changed_by_approver".to_owned(), edited.clone());
    }
    json!({"error": error}).to_string()
}

/// The text of a notice.
pub fn notice(text: &str) -> String {
    format!("[Notice from the runtime, not from a person] {text}")
}

/// The text of what a person said.
pub fn person(text: &str) -> String {
    // Not every provider takes an empty message.
    if text.trim().is_empty() { "(an empty message)".to_owned() } else { text.to_owned() }
}

/// The text of a summary, in place of what it sums up.
pub fn summary(text: &str) -> String {
    format!(
        "[The earlier part of this conversation was summed up by the runtime, as it had grown too \
         long. The summary follows; after it the conversation goes on word for word]\n{text}"
    )
}

/// The text for a call without a recorded outcome, which a provider would not accept.
pub fn no_outcome() -> String {
    outcome(&ToolOutcome::Unknown { message: "No outcome was recorded.".to_owned() }, None)
}

fn done(content: &str, edited: Option<&Value>) -> String {
    match edited {
        Some(edited) => format!(
            "[A person approved this call with other arguments than yours. It ran with {edited}]\n\
             {content}"
        ),
        None if content.is_empty() => "(empty)".to_owned(),
        None => content.to_owned(),
    }
}

fn error_word(kind: ToolErrorKind) -> &'static str {
    match kind {
        ToolErrorKind::InvalidArguments => "invalid_arguments",
        ToolErrorKind::NotFound => "not_found",
        ToolErrorKind::Forbidden => "forbidden",
        ToolErrorKind::Upstream => "upstream",
        ToolErrorKind::Timeout => "timeout",
        ToolErrorKind::Auth => "auth",
        ToolErrorKind::Permission => "permission",
        ToolErrorKind::Validation => "validation",
        ToolErrorKind::RateLimit => "rate_limit",
        ToolErrorKind::Conflict => "conflict",
        ToolErrorKind::Other => "other",
    }
}

#[cfg(test)]
mod tests;
