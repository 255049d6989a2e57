//! OpenAI's Chat Completions, written and read here, without `genai` in between.
//!
//! The request is the one thing of a turn that grows with the conversation: this wire keeps the
//! messages that it has encoded, and a turn encodes only what is new. Messages and replies are the
//! same types as on the other wires, so the rules for them are, too.

use genai::chat::{ChatMessage, ChatRole, ContentPart, ReasoningEffort};
use genai::{Error, ModelIden, webc};
use longhaul_contract::failure::FailureKind;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::messages::{following, messages};
use super::request::system;
use crate::error::Failure;
use crate::model::{ModelCall, names};

mod answer;
pub(super) use answer::response;

/// Names whose limit has another field.
const COMPLETION_TOKENS: [&str; 5] = ["gpt-5", "gpt-6", "o1", "o3", "o4"];

/// Sends the request to `url`.
pub(super) async fn send(
    client: &reqwest::Client,
    url: Url,
    key: Option<&str>,
    body: Vec<u8>,
    model: &ModelIden,
) -> Result<Value, Error> {
    let failed = |webc_error| Error::WebModelCall { model_iden: model.clone(), webc_error };
    let unreachable = |error| failed(webc::Error::Reqwest(error));
    let mut request = client.post(url).header(CONTENT_TYPE, "application/json").body(body);
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let answer = request.send().await.map_err(unreachable)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.text().await.map_err(unreachable)?;
    if !status.is_success() {
        let headers = Box::new(headers);
        return Err(failed(webc::Error::ResponseFailedStatus { status, body, headers }));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default();
    if !content_type.starts_with("application/json") {
        let content_type = content_type.to_owned();
        return Err(failed(webc::Error::ResponseFailedNotJson { content_type, body }));
    }
    serde_json::from_str(&body).map_err(|error| {
        failed(webc::Error::ResponseFailedInvalidJson { body, cause: error.to_string() })
    })
}

/// The whole request. What was encoded for an earlier turn is copied.
pub(super) fn body(call: &ModelCall<'_>, format: &str) -> Result<Vec<u8>, Failure> {
    let add = |rest: &[&longhaul_contract::message::Item], whole: bool, text: &mut Vec<u8>| {
        let added = if whole { messages(rest, format) } else { following(rest, format) };
        added.iter().try_for_each(|message| encode(message, text))
    };
    let around = |messages: &[u8]| {
        let (mut body, tail) = (serde_json::to_vec(&head(call))?, serde_json::to_vec(&tail(call))?);
        body.reserve(messages.len() + tail.len() + call.definition.instructions.len() + 64);
        // Both are objects: the messages go in between their fields.
        body.pop();
        body.extend_from_slice(b",\"messages\":[");
        let system = system(call.definition);
        serde_json::to_writer(&mut body, &Message::plain("system", system))?;
        body.extend_from_slice(messages);
        body.push(b']');
        if let Some(fields) = tail.get(1..).filter(|fields| fields.len() > 1) {
            body.push(b',');
            body.extend_from_slice(fields);
        } else {
            body.push(b'}');
        }
        Ok(body)
    };
    call.encoded.messages(format, call.items, add, around).map_err(|error: serde_json::Error| {
        let message = format!("the request cannot be written: {error}");
        Failure::new(FailureKind::Internal, message)
    })
}

/// What stands before the messages: all that stays the same during a conversation.
fn head(call: &ModelCall<'_>) -> Map<String, Value> {
    let model = &call.definition.model;
    // On a server of one's own, the end of a name like `mistral-medium` is no effort.
    let (effort, name) = match model.base_url {
        Some(_) => (None, model.name.as_str()),
        None => ReasoningEffort::from_model_name(&model.name),
    };
    let mut head = Map::new();
    head.insert("model".to_owned(), json!(name));
    head.insert("stream".to_owned(), json!(false));
    if let Some(effort) = effort.and_then(|effort| word(&effort)) {
        head.insert("reasoning_effort".to_owned(), json!(effort));
    }
    let tools = call.definition.tools.iter().filter(|spec| !spec.deferred).map(|spec| {
        json!({"type": "function", "function": {
            "name": names::wire(&spec.name),
            "description": spec.description,
            "parameters": spec.parameters,
            "strict": false,
        }})
    });
    let tools: Vec<Value> = tools.collect();
    if !tools.is_empty() {
        head.insert("tools".to_owned(), Value::Array(tools));
    }
    head
}

fn word(effort: &ReasoningEffort) -> Option<&'static str> {
    match effort {
        ReasoningEffort::Zero => Some("none"),
        ReasoningEffort::Minimal => Some("minimal"),
        ReasoningEffort::Low => Some("low"),
        ReasoningEffort::Medium => Some("medium"),
        ReasoningEffort::High => Some("high"),
        ReasoningEffort::XHigh => Some("xhigh"),
        ReasoningEffort::Max => Some("max"),
        ReasoningEffort::Budget(_) => None,
    }
}

fn tail(call: &ModelCall<'_>) -> Map<String, Value> {
    let model = &call.definition.model;
    let mut tail = Map::new();
    if let Some(temperature) = model.temperature {
        tail.insert("temperature".to_owned(), json!(temperature));
    }
    if let Some(most) = model.max_tokens {
        let other = COMPLETION_TOKENS.iter().any(|family| model.name.starts_with(family));
        let field = if other { "max_completion_tokens" } else { "max_tokens" };
        tail.insert(field.to_owned(), json!(most));
    }
    tail
}

/// A message as this wire has it.
#[derive(Debug, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Asked<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<&'a Value>,
}

#[derive(Debug, Serialize)]
struct Asked<'a> {
    r#type: &'static str,
    id: &'a str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: String,
}

impl Message<'_> {
    fn plain(role: &'static str, content: String) -> Self {
        Self {
            role,
            content,
            tool_call_id: None,
            tool_calls: Vec::new(),
            reasoning_content: None,
            reasoning_details: Vec::new(),
        }
    }
}

/// Adds a message, with a comma before it. Results become a message each.
fn encode(message: &ChatMessage, text: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let mut add = |message: &Message<'_>| {
        text.push(b',');
        serde_json::to_writer(&mut *text, message)
    };
    match message.role {
        ChatRole::System => add(&Message::plain("system", said(message))),
        ChatRole::User => add(&Message::plain("user", said(message))),
        ChatRole::Assistant => add(&assistant(message)),
        ChatRole::Tool => message.content.tool_responses().into_iter().try_for_each(|answer| {
            let tool_call_id = Some(answer.call_id.as_str());
            add(&Message { tool_call_id, ..Message::plain("tool", answer.content.clone()) })
        }),
    }
}

fn said(message: &ChatMessage) -> String {
    message.content.texts().join("\n\n")
}

/// What the model said, with the reasoning that some servers want back: as text (Kimi, DeepSeek)
/// or as blocks (OpenRouter).
fn assistant(message: &ChatMessage) -> Message<'_> {
    let mut wire = Message::plain("assistant", said(message));
    let mut reasoning = Vec::new();
    for part in message.content.parts() {
        match part {
            ContentPart::ToolCall(call) => wire.tool_calls.push(Asked {
                r#type: "function",
                id: &call.call_id,
                function: Function {
                    name: &call.fn_name,
                    arguments: call.fn_arguments.to_string(),
                },
            }),
            ContentPart::ReasoningContent(text) => reasoning.push(text.as_str()),
            ContentPart::Custom(custom) => {
                let kind = custom.typ().unwrap_or_default();
                wire.reasoning_details
                    .extend(kind.starts_with("reasoning.").then_some(&custom.data));
            }
            ContentPart::Text(_)
            | ContentPart::Binary(_)
            | ContentPart::ToolResponse(_)
            | ContentPart::ThoughtSignature(_) => {}
        }
    }
    wire.reasoning_content = (!reasoning.is_empty()).then(|| reasoning.join("\n"));
    wire
}
