//! From what a provider, or the way to it, answered to the kind of failure that says who may
//! retry.

use std::time::{Duration, SystemTime};

use genai::{Error, webc};
use longhaul_contract::definition::ModelSettings;
use longhaul_contract::failure::FailureKind;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::Key;
use crate::error::Failure;
use crate::http;

/// Characters of a provider's own words that a message shows.
const MOST_SHOWN: usize = 500;

/// The attempt took longer than `limit`.
pub(super) fn timed_out(model: &ModelSettings, limit: Duration) -> Failure {
    let limit = humantime::format_duration(Duration::from_secs(limit.as_secs().max(1)));
    let message = format!("`{}` did not answer within {limit}", model.provider);
    Failure::new(FailureKind::ModelUnreachable, message)
}

/// The reply cannot be read.
pub(super) fn unreadable(model: &ModelSettings, why: &str, key: &Key) -> Failure {
    let why = cut(&key.redact(why));
    let message = format!("the reply of `{}` cannot be read: {why}", model.provider);
    Failure::new(FailureKind::ModelReply, message)
}

/// The failure that `error` is. Its text holds no key.
#[expect(clippy::wildcard_enum_match_arm, reason = "their enum; the rest is about the request")]
pub(super) fn from_error(error: Error, model: &ModelSettings, key: &Key) -> Failure {
    let provider = &model.provider;
    let unreadable = |why: &str| unreadable(model, why, key);
    match error {
        Error::WebModelCall { webc_error, .. } | Error::WebAdapterCall { webc_error, .. } => {
            match webc_error {
                webc::Error::ResponseFailedStatus { status, body, headers } => {
                    refused(status, &body, &headers, model, key)
                }
                webc::Error::ResponseFailedNotJson { content_type, body: _ } => {
                    unreadable(&format!("it is `{content_type}` and not JSON"))
                }
                webc::Error::ResponseFailedInvalidJson { cause, body: _ } => unreadable(&cause),
                webc::Error::JsonValueExt(why) => unreadable(&why.to_string()),
                webc::Error::Reqwest(error) => {
                    let why = key.redact(&http::describe(&error.without_url()));
                    let message = format!("`{provider}` cannot be reached: {why}");
                    Failure::new(FailureKind::ModelUnreachable, message)
                }
            }
        }
        Error::HttpError { status, body, headers, .. } => {
            refused(status, &body, &headers, model, key)
        }
        // The request, with the whole conversation, is in the error too: only its cause is shown.
        Error::ChatResponseGeneration { cause, .. } => unreadable(&cause),
        Error::ChatResponse { body, .. } => unreadable(&provider_message(&body.to_string())),
        Error::NoChatResponse { .. } => unreadable("it is empty"),
        Error::InvalidJsonResponseElement { info } => unreadable(info),
        Error::RequiresApiKey { .. }
        | Error::NoAuthResolver { .. }
        | Error::NoAuthData { .. }
        | Error::Resolver { .. } => Failure::new(
            FailureKind::ModelAuth,
            format!("`{provider}` needs a key\nhint: name its variable in `api_key_env`"),
        ),
        other => {
            let why = cut(&key.redact(&other.to_string()));
            let message = format!("the request to `{provider}` cannot be made: {why}");
            Failure::new(FailureKind::ModelRequest, message)
        }
    }
}

fn refused(
    status: StatusCode,
    body: &str,
    headers: &HeaderMap,
    model: &ModelSettings,
    key: &Key,
) -> Failure {
    let kind = kind(status, body);
    let said = cut(&key.redact(&provider_message(body)));
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let status = match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    let mut message = format!("`{}` answered {status} for `{}`{said}", model.provider, model.name);
    if let Some(hint) = hint(kind, key) {
        message.push_str("\nhint: ");
        message.push_str(&hint);
    }
    let wait = http::retry_after(headers, SystemTime::now()).or_else(|| retry_delay(body));
    Failure::new(kind, message).retry_after(wait)
}

/// Statuses decide, except where providers are known to put another trouble under one: the texts
/// are codes or fixed sentences of theirs, in lower case.
fn kind(status: StatusCode, body: &str) -> FailureKind {
    let body = body.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| body.contains(word));
    let credit = [
        "insufficient_quota",
        "billing_hard_limit",
        "credit balance is too low",
        "insufficient credit",
        "insufficient_credit",
        "insufficient balance",
    ];
    let unknown = ["model_not_found", "unknown_model", "model_not_supported"];
    let full = [
        "context_length_exceeded",
        "context_window_exceeded",
        "exceed_context_size",
        "maximum context length",
        "maximum prompt length",
        "prompt is too long",
        "prompt too long",
        "input is too long",
        "exceed context limit",
        "exceeds the context window",
        "exceeds the available context size",
        "exceeds context length",
        "exceeds the context length",
        "exceeds the maximum number of tokens",
        "longer than the maximum model length",
        "request_too_large",
    ];
    match status.as_u16() {
        // Some servers of one's own answer 500 here.
        400 | 413 | 422 | 500 if says(&full) => FailureKind::ContextFull,
        402 => FailureKind::ModelCredit,
        400 | 401 | 403 | 429 if says(&credit) => FailureKind::ModelCredit,
        403 if says(&["billing"]) => FailureKind::ModelCredit,
        400 | 403 | 422 if says(&unknown) => FailureKind::ModelUnknown,
        400 if says(&["api_key_invalid", "api key not valid", "invalid_api_key"]) => {
            FailureKind::ModelAuth
        }
        401 | 403 => FailureKind::ModelAuth,
        404 => FailureKind::ModelUnknown,
        408 => FailureKind::ModelUnreachable,
        429 => FailureKind::ModelRateLimited,
        409 | 425 | 500..=599 => FailureKind::ModelOverloaded,
        _ => FailureKind::ModelRequest,
    }
}

fn hint(kind: FailureKind, key: &Key) -> Option<String> {
    let retry = "then `longhaul retry` the run";
    match (kind, &key.variable, &key.value) {
        (FailureKind::ModelAuth, Some(variable), Some(_)) => {
            Some(format!("put a valid key into `{variable}`, restart the worker, {retry}"))
        }
        (FailureKind::ModelAuth, Some(variable), None) => Some(format!(
            "the worker's environment has no `{variable}`; set it, restart the worker, {retry}"
        )),
        (FailureKind::ModelAuth, None, _) => {
            Some("no key was sent; name its variable in `api_key_env`".to_owned())
        }
        (FailureKind::ContextFull, _, _) => {
            Some("lower `window` or `compact_at` in the agent's `context`".to_owned())
        }
        (FailureKind::ModelCredit, _, _) => Some(format!("add credit to the account, {retry}")),
        _ => None,
    }
}

/// What the provider says, without the JSON around it.
fn provider_message(body: &str) -> String {
    let Ok(json) = serde_json::from_str::<Value>(body) else { return body.trim().to_owned() };
    // Gemini's compatible wire answers with a list of one.
    let json = json.get(0).unwrap_or(&json);
    ["/error/message", "/error", "/message", "/detail"]
        .iter()
        .find_map(|path| json.pointer(path).and_then(Value::as_str))
        .map_or_else(|| body.trim().to_owned(), str::to_owned)
}

/// Gemini says in the body how long to wait: `"retryDelay": "17s"`.
fn retry_delay(body: &str) -> Option<Duration> {
    let (_, rest) = body.split_once("\"retryDelay\"")?;
    let text = rest.split('"').nth(1)?;
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(Duration::from_secs(60 * 60)))
}

fn cut(text: &str) -> String {
    longhaul_contract::tool::one_line(text, MOST_SHOWN)
}
