//! What a server answered, in our words.
#![expect(clippy::wildcard_enum_match_arm, reason = "the protocol library's enums grow")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_net::http::{describe, retry_after};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResult, ContentBlock, InputRequest as Asked, InputRequiredResult, InputResponses,
    ResourceContents, TaskPayload,
};
use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::streamable_http_client::{
    HttpStatusError, InsufficientScopeError, StreamableHttpError,
};
use serde_json::{Value, json};

use super::handler::request_of;
use crate::error::{McpError, words};
use crate::outcome::{Answer, AuthRequired, Content, FailedKind, InputRequest, McpOutcome};

/// Between two looks at a task, if its server does not say.
const POLL_AFTER: Duration = Duration::from_secs(5);
/// The least time between two looks, whatever the server says.
const LEAST_POLL_AFTER: Duration = Duration::from_millis(200);

/// Bytes of a server's state, which goes into a run's history.
const MOST_STATE: usize = 64 * 1024;

pub(super) fn failed(kind: FailedKind, message: impl Into<String>) -> McpOutcome {
    McpOutcome::Failed { kind, message: message.into(), retry_after: None }
}

/// What a tool gave.
pub(super) fn result(result: CallToolResult) -> McpOutcome {
    let content: Vec<Content> = result.content.into_iter().filter_map(content).collect();
    if result.is_error == Some(true) {
        let texts: Vec<&str> = content
            .iter()
            .filter_map(|part| match part {
                Content::Text(text) => Some(text.as_str()),
                Content::Binary { .. } | Content::Link { .. } => None,
            })
            .collect();
        let said = words(&texts.join("\n"));
        let said = if said.is_empty() { "the tool says that it failed".to_owned() } else { said };
        return failed(FailedKind::Tool, said);
    }
    McpOutcome::Done { content, structured: result.structured_content }
}

fn content(block: ContentBlock) -> Option<Content> {
    let bytes = |data: &str, media_type: Option<String>, uri: Option<String>| {
        let media_type = media_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        match STANDARD.decode(data.trim()) {
            Ok(bytes) => Content::Binary { bytes, media_type, uri },
            Err(_) => Content::Text(format!("({media_type} that cannot be read)")),
        }
    };
    match block {
        ContentBlock::Text(text) => Some(Content::Text(text.text)),
        ContentBlock::Image(image) => Some(bytes(&image.data, Some(image.mime_type), None)),
        ContentBlock::Audio(audio) => Some(bytes(&audio.data, Some(audio.mime_type), None)),
        ContentBlock::Resource(resource) => match resource.resource {
            ResourceContents::TextResourceContents { text, .. } => Some(Content::Text(text)),
            ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                Some(bytes(&blob, mime_type, Some(uri)))
            }
            _ => None,
        },
        ContentBlock::ResourceLink(link) => Some(Content::Link {
            uri: link.uri.clone(),
            name: link.name.clone(),
            media_type: link.mime_type.clone(),
        }),
        _ => None,
    }
}

/// The questions of a server of 2026-07-28, or why they cannot be put to a person.
pub(super) fn questions(
    asked: impl IntoIterator<Item = (String, Asked)>,
) -> Result<BTreeMap<String, InputRequest>, String> {
    let mut questions = BTreeMap::new();
    for (id, asked) in asked {
        let question = match &asked {
            Asked::Elicitation(elicitation) => request_of(&elicitation.params),
            _ => None,
        };
        match question {
            Some(question) => questions.insert(id, question),
            None => return Err("the server asks for something that we do not offer".to_owned()),
        };
    }
    Ok(questions)
}

pub(super) fn input_required(required: InputRequiredResult) -> McpOutcome {
    if required.request_state.as_ref().is_some_and(|state| state.len() > MOST_STATE) {
        let problem = format!("the server wants more than {MOST_STATE} bytes to be kept for it");
        return failed(FailedKind::Upstream, problem);
    }
    match questions(required.input_requests.unwrap_or_default()) {
        Ok(requests) => {
            McpOutcome::InputRequired { requests, state: required.request_state, repeats: false }
        }
        Err(problem) => failed(FailedKind::Upstream, problem),
    }
}

/// Answers as they go to a server of 2026-07-28.
pub(super) fn responses(answers: &BTreeMap<String, Answer>) -> InputResponses {
    answers.iter().map(|(id, answer)| (id.clone(), json!(answer))).collect()
}

/// A task that the server began.
pub(super) fn task(task: &rmcp::model::Task) -> McpOutcome {
    let poll_after = task.poll_interval_ms.map_or(POLL_AFTER, Duration::from_millis);
    McpOutcome::Task {
        id: task.task_id.clone(),
        poll_after: poll_after.max(LEAST_POLL_AFTER),
        message: task.status_message.as_deref().map(words),
    }
}

/// A task as it is now.
pub(super) fn task_state(state: rmcp::model::DetailedTask) -> McpOutcome {
    match state.payload {
        TaskPayload::Working => task(&state.task),
        TaskPayload::InputRequired { input_requests } => match questions(input_requests) {
            Ok(requests) => McpOutcome::InputRequired { requests, state: None, repeats: false },
            Err(problem) => failed(FailedKind::Upstream, problem),
        },
        TaskPayload::Completed { result: given } => {
            match serde_json::from_value::<CallToolResult>(Value::Object(given)) {
                Ok(given) => result(given),
                Err(error) => failed(
                    FailedKind::Upstream,
                    format!("the task's result is unreadable: {error}"),
                ),
            }
        }
        TaskPayload::Failed { error } => {
            let said = error.get("message").and_then(Value::as_str).unwrap_or("no reason is given");
            failed(FailedKind::Tool, words(said))
        }
        TaskPayload::Cancelled => failed(FailedKind::Tool, "the task was cancelled"),
        _ => failed(FailedKind::Upstream, "the task is in a state that is not known"),
    }
}

/// The questions of an error by which servers of 2025-11-25 ask to visit a page.
pub(super) fn pages(error: &ErrorData) -> Vec<InputRequest> {
    const URL_ELICITATION_REQUIRED: i32 = -32042;
    if error.code.0 != URL_ELICITATION_REQUIRED {
        return Vec::new();
    }
    let listed = error.data.as_ref().and_then(|data| data.get("elicitations"));
    let page = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let url = text("url")?.to_owned();
        Some(InputRequest::Url { message: words(text("message").unwrap_or_default()), url })
    };
    listed.and_then(Value::as_array).into_iter().flatten().filter_map(page).collect()
}

/// What may be known of a request that brought no answer.
pub(super) enum Trouble {
    /// The server said no.
    Said(ErrorData),
    /// It wants to know who asks.
    Auth(AuthRequired),
    /// It asks to come later; it did nothing.
    Busy { reason: String, retry_after: Option<Duration> },
    /// Nothing was sent.
    Unsent(String),
    /// It was sent, and nobody knows what came of it.
    Lost(String),
}

impl Trouble {
    pub(super) fn of(error: ServiceError) -> Self {
        let challenge = error.auth_challenge().map(str::to_owned);
        match error {
            ServiceError::McpError(said) => Self::Said(said),
            ServiceError::TransportSend(error) => Self::of_cause(&error, challenge),
            ServiceError::Timeout { timeout } => {
                Self::Lost(format!("no answer and no progress for {} s", timeout.as_secs()))
            }
            other => Self::Lost(words(&other.to_string())),
        }
    }

    fn of_cause(error: &(dyn Error + 'static), challenge: Option<String>) -> Self {
        if let Some(challenge) = challenge {
            return Self::Auth(auth_required(&challenge, find::<InsufficientScopeError>(error)));
        }
        let http = find::<StreamableHttpError<reqwest::Error>>(error);
        let text = words(&match http {
            Some(StreamableHttpError::Client(error)) => without_url(error),
            Some(error) => describe(error),
            None => describe(error),
        });
        if let Some(error) = http {
            match error {
                StreamableHttpError::HttpStatus(status) => return Self::of_status(status),
                StreamableHttpError::Auth(_) => return Self::Unsent(text),
                StreamableHttpError::Client(error) if error.is_connect() => {
                    return Self::Unsent(text);
                }
                StreamableHttpError::UnexpectedServerResponse(said)
                    if said.contains("401") || said.contains("403") =>
                {
                    return Self::Auth(AuthRequired::default());
                }
                _ => {}
            }
        }
        if find::<std::io::Error>(error).is_some() {
            // A program's input was closed before the whole message was in it.
            return Self::Unsent(text);
        }
        Self::Lost(text)
    }

    fn of_status(error: &HttpStatusError) -> Self {
        let reason = format!("HTTP {}", error.status);
        match error.status {
            429 | 503 => Self::Busy { reason, retry_after: wait(error.retry_after.as_deref()) },
            _ => Self::Lost(reason),
        }
    }

    pub(super) fn of_start(error: &ClientInitializeError) -> Self {
        let challenge = error.auth_challenge().map(str::to_owned);
        match error {
            ClientInitializeError::JsonRpcError(said) => Self::Said(said.clone()),
            ClientInitializeError::TransportError { error, .. } => Self::of_cause(error, challenge),
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
                Self::of_start(fallback)
            }
            other => Self::Lost(words(&other.to_string())),
        }
    }

    /// As an error of something that changed nothing.
    pub(super) fn into_error(self, server: &str) -> McpError {
        let server = server.to_owned();
        match self {
            Self::Said(said) => McpError::Refused { server, reason: words(&said.message) },
            Self::Auth(required) => McpError::Auth { server, required },
            Self::Busy { reason, retry_after } => McpError::Busy { server, reason, retry_after },
            Self::Unsent(reason) | Self::Lost(reason) => McpError::Gone { server, reason },
        }
    }
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// What happened, without the URL, which may hold what must not be shown.
fn without_url(error: &reqwest::Error) -> String {
    let text = describe(error);
    match error.url() {
        Some(url) => text.replace(url.as_str(), "its URL"),
        None => text,
    }
}

fn wait(header: Option<&str>) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_str(header?).ok()?);
    retry_after(&headers, SystemTime::now())
}

fn auth_required(header: &str, scope: Option<&InsufficientScopeError>) -> AuthRequired {
    let parameter = |name: &str| {
        let at = header.find(&format!("{name}=\""))? + name.len() + 2;
        header.get(at..)?.split('"').next().map(str::to_owned)
    };
    let scopes = parameter("scope").unwrap_or_default();
    AuthRequired {
        www_authenticate: Some(words(header)),
        resource_metadata: parameter("resource_metadata"),
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        step_up: scope.is_some() || parameter("error").as_deref() == Some("insufficient_scope"),
    }
}

#[cfg(test)]
mod tests {
    //! Challenges and results, as servers write them.

    use serde_json::json;

    use super::{auth_required, pages, result};
    use crate::outcome::{Content, FailedKind, InputRequest, McpOutcome};

    #[test]
    fn reads_a_challenge() {
        let read = auth_required(
            "Bearer error=\"insufficient_scope\", scope=\"a b\", resource_metadata=\"https://x/y\"",
            None,
        );
        assert_eq!(read.resource_metadata.as_deref(), Some("https://x/y"));
        assert_eq!(read.scopes, ["a", "b"]);
        assert!(read.step_up);
        assert!(!auth_required("Bearer", None).step_up);
    }

    #[test]
    fn an_error_may_ask_to_visit_pages() {
        let error = |code: i32| {
            let data = json!({"elicitations": [
                {"mode": "url", "message": "Sign in.", "url": "https://x/y", "elicitationId": "1"},
                {"mode": "url", "message": "Without a page."},
            ]});
            serde_json::from_value(json!({"code": code, "message": "no", "data": data})).unwrap()
        };
        let (message, url) = ("Sign in.".to_owned(), "https://x/y".to_owned());
        assert_eq!(pages(&error(-32042)), [InputRequest::Url { message, url }]);
        assert_eq!(pages(&error(-32602)), []);
    }

    #[test]
    fn binary_results_are_bytes() {
        let given = json!({"content": [
            {"type": "text", "text": "see"},
            {"type": "image", "data": "AQID", "mimeType": "image/png"},
            {"type": "resource", "resource": {"uri": "x://1", "blob": "BAU=", "mimeType": "a/b"}},
            {"type": "resource_link", "uri": "x://2", "name": "two"},
        ], "structuredContent": {"n": 1}});
        let outcome = result(serde_json::from_value(given).unwrap());
        let binary = |bytes: &[u8], media_type: &str, uri: Option<&str>| Content::Binary {
            bytes: bytes.to_vec(),
            media_type: media_type.to_owned(),
            uri: uri.map(str::to_owned),
        };
        let content = vec![
            Content::Text("see".to_owned()),
            binary(&[1, 2, 3], "image/png", None),
            binary(&[4, 5], "a/b", Some("x://1")),
            Content::Link { uri: "x://2".to_owned(), name: "two".to_owned(), media_type: None },
        ];
        assert_eq!(outcome, McpOutcome::Done { content, structured: Some(json!({"n": 1})) });
    }

    #[test]
    fn a_tools_own_failure_is_the_tools() {
        let given = json!({"content": [{"type": "text", "text": "no such file"}], "isError": true});
        let outcome = result(serde_json::from_value(given).unwrap());
        let message = "no such file".to_owned();
        let told = McpOutcome::Failed { kind: FailedKind::Tool, message, retry_after: None };
        assert_eq!(outcome, told);
    }
}
