//! From a conversation to a request.

use std::collections::BTreeMap;

use genai::adapter::AdapterKind;
use genai::chat::{
    CacheControl, ChatMessage, ChatOptions, ChatRequest, ContentPart, MessageContent,
    MessageOptions, ReasoningEffort, Tool, ToolCall, ToolResponse,
};
use longhaul_contract::definition::{Definition, ModelSettings};
use longhaul_contract::message::{Item, Native};
use longhaul_contract::tool;
use serde_json::{Value, json};

use super::native;
use crate::model::{ModelCall, names, render};

/// The whole conversation as a request.
pub(super) fn chat(call: &ModelCall<'_>, kind: AdapterKind, format: &str) -> ChatRequest {
    let mut messages = messages(call.items, format);
    if kind == AdapterKind::Anthropic
        && let Some(last) = messages.last_mut()
    {
        // Caches all that stands before it: tools, instructions and the conversation so far.
        last.options = Some(MessageOptions::from(CacheControl::Ephemeral));
    }
    let mut request = ChatRequest::new(messages).with_system(system(call.definition));
    let tools: Vec<Tool> = call
        .definition
        .tools
        .iter()
        .map(|spec| {
            Tool::new(names::wire(&spec.name))
                .with_description(&spec.description)
                .with_schema(spec.parameters.clone())
        })
        .collect();
    if !tools.is_empty() {
        request = request.with_tools(tools);
    }
    request
}

pub(super) fn options(model: &ModelSettings, kind: AdapterKind) -> ChatOptions {
    // The raw body has the response's id, which the typed reply has not.
    let mut options = ChatOptions::default().with_capture_raw_body(true);
    options.temperature = model.temperature;
    options.max_tokens = model.max_tokens;
    let own_server = openai(kind) && model.base_url.is_some();
    if own_server || kind == AdapterKind::Mistral {
        // Keeps the end of a name like `mistral-medium` from being read as a reasoning effort; on
        // these wires the budget itself is not sent.
        options.reasoning_effort = Some(ReasoningEffort::Budget(0));
    }
    if kind == AdapterKind::OpenAIResp && reasons(&model.name) {
        // Nothing is stored at the provider, so its reasoning has to travel with us. Other models
        // refuse the field.
        options = options.with_extra_body(json!({"include": ["reasoning.encrypted_content"]}));
    }
    options
}

fn openai(kind: AdapterKind) -> bool {
    kind == AdapterKind::OpenAI || kind == AdapterKind::OpenAIResp
}

fn reasons(model: &str) -> bool {
    ["o1", "o3", "o4", "gpt-5", "gpt-6"].iter().any(|family| model.starts_with(family))
}

fn system(definition: &Definition) -> String {
    match &definition.output {
        Some(schema) => format!(
            "{}\n\nYour final answer must be JSON, and nothing but JSON, that fits this JSON \
             Schema:\n{schema}",
            definition.instructions.trim_end()
        ),
        None => definition.instructions.clone(),
    }
}

/// The items as messages. Each call gets exactly one result right after it, which is what
/// providers insist on: a conversation that was carried over may have been cut between the two.
fn messages(items: &[Item], format: &str) -> Vec<ChatMessage> {
    let mut messages = Vec::new();
    let mut rest = items.iter().peekable();
    while let Some(item) = rest.next() {
        match item {
            Item::User { text } => messages.push(ChatMessage::user(text)),
            Item::Notice { text } => messages.push(ChatMessage::user(render::notice(text))),
            // Its call is answered below, where the call is met.
            Item::ToolResult { .. } => {}
            Item::Summary { .. } => {}
            Item::Assistant { text, calls, native, blob: _ } => {
                let content = assistant(text.as_deref(), calls, native.as_ref(), format);
                if !content.is_empty() {
                    messages.push(ChatMessage::assistant(content));
                }
                let mut results = BTreeMap::new();
                while let Some(Item::ToolResult { call, result, edited, .. }) =
                    rest.next_if(|item| matches!(item, Item::ToolResult { .. }))
                {
                    results.insert(call.as_str(), render::outcome(result, edited.as_ref()));
                }
                let responses: Vec<ToolResponse> = calls
                    .iter()
                    .map(|call| {
                        let text = results.remove(call.id.as_str());
                        ToolResponse::new(&call.id, text.unwrap_or_else(render::no_outcome))
                            .with_fn_name(names::wire(&call.tool))
                    })
                    .collect();
                if !responses.is_empty() {
                    messages.push(ChatMessage::from(responses));
                }
            }
        }
    }
    messages
}

fn assistant(
    text: Option<&str>,
    calls: &[tool::ToolCall],
    native: Option<&Native>,
    format: &str,
) -> MessageContent {
    let text = text.filter(|text| !text.trim().is_empty());
    let calls: Vec<ToolCall> = calls.iter().map(wire_call).collect();
    let restored = native
        .filter(|native| native.format == format)
        .and_then(|native| native::restore(&native.parts, text, &calls));
    if let Some(parts) = restored {
        return MessageContent::from_parts(parts);
    }
    let text = text.map(ContentPart::from_text);
    let calls = calls.into_iter().map(ContentPart::ToolCall);
    MessageContent::from_parts(text.into_iter().chain(calls).collect::<Vec<_>>())
}

fn wire_call(call: &tool::ToolCall) -> ToolCall {
    ToolCall {
        call_id: call.id.clone(),
        fn_name: names::wire(&call.tool),
        fn_arguments: match &call.arguments {
            Value::Object(_) => call.arguments.clone(),
            // Providers take objects only, and the model is told what it wrote.
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => json!({"unreadable_arguments": call.arguments}),
        },
        thought_signatures: None,
    }
}
