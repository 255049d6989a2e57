//! From the items that a model reads to messages that every provider takes.
//!
//! Providers insist on more than a conversation promises: each call is answered exactly once,
//! right after the message that asked; nothing else is answered; a person begins; nothing is
//! empty. A message never depends on a later turn, so that what a provider has cached, and what was
//! encoded for it, stays a prefix of what it is sent next.

use std::collections::BTreeMap;

use genai::chat::{ChatMessage, ChatRole, ContentPart, MessageContent, ToolCall, ToolResponse};
use longhaul_contract::message::{Item, Native};
use longhaul_contract::tool;
use serde_json::{Value, json};

use super::native;
use crate::model::{names, render};

/// The items as messages. A result may stand later than right after its call, as people may say
/// something while a gate is open; a call or a result may have lost the other to a cut.
pub(super) fn messages(items: &[&Item], format: &str) -> Vec<ChatMessage> {
    let mut messages = following(items, format);
    if messages.first().is_some_and(|first| first.role != ChatRole::User) {
        let text = render::notice("The beginning of the conversation is not shown.");
        messages.insert(0, ChatMessage::user(text));
    }
    messages
}

/// The messages that items add which come after others that were sent.
pub(super) fn following(items: &[&Item], format: &str) -> Vec<ChatMessage> {
    let answers = answers(items);
    let mut messages = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match *item {
            Item::User { text } => messages.push(ChatMessage::user(render::person(text))),
            Item::Notice { text } => messages.push(ChatMessage::user(render::notice(text))),
            Item::Summary { text, upto: _ } => {
                messages.push(ChatMessage::user(render::summary(text)));
            }
            // Where its call is.
            Item::ToolResult { .. } => {}
            Item::Assistant { text, calls, native, blob: _ } => {
                let content = assistant(text.as_deref(), calls, native.as_ref(), format);
                if !content.is_empty() {
                    messages.push(ChatMessage::assistant(content));
                }
                let responses: Vec<ToolResponse> = calls
                    .iter()
                    .map(|call| {
                        let text = answers.get(&(index, call.id.as_str())).cloned();
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

/// What came of each call, by the index of the item that asked and the call's id. The first
/// result counts: a later one would change what was sent already.
fn answers<'a>(items: &[&'a Item]) -> BTreeMap<(usize, &'a str), String> {
    let mut open = BTreeMap::new();
    let mut answers = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        match *item {
            Item::Assistant { calls, .. } => {
                open.extend(calls.iter().map(|call| (call.id.as_str(), index)));
            }
            Item::ToolResult { call, result, edited, tool: _ } => {
                if let Some(asked) = open.remove(call.as_str()) {
                    let text = render::outcome(result, edited.as_ref());
                    answers.insert((asked, call.as_str()), text);
                }
            }
            Item::User { .. } | Item::Notice { .. } | Item::Summary { .. } => {}
        }
    }
    answers
}

fn assistant(
    text: Option<&str>,
    calls: &[tool::ToolCall],
    native: Option<&Native>,
    format: &str,
) -> MessageContent {
    let text = text.filter(|text| !text.trim().is_empty());
    if text.is_none() && calls.is_empty() {
        // Thinking that came to nothing: no provider takes it without what follows it.
        return MessageContent::default();
    }
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

#[cfg(test)]
mod tests;
