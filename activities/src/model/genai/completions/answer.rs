//! The reply that a Chat Completions body holds.

use genai::ModelIden;
use genai::chat::{ChatResponse, ContentPart, MessageContent, StopReason, ToolCall};
use serde_json::Value;

/// The reply; an error says what the body lacks. Arguments that are no JSON stay the text that
/// they are: the model is told.
pub(in super::super) fn response(body: Value, model: &ModelIden) -> Result<ChatResponse, String> {
    let Some(choice) = body.pointer("/choices/0") else {
        let said = body.pointer("/error/message").or(body.get("error"));
        let said = said.map_or_else(|| "it has no `choices`".to_owned(), Value::to_string);
        return Err(said);
    };
    let message = choice.get("message").unwrap_or(&Value::Null);
    let (mut text, mut reasoning) = content(message.get("content").unwrap_or(&Value::Null));
    text = text.trim().to_owned();
    for field in ["reasoning", "reasoning_content"] {
        if let (None, Some(said)) = (&reasoning, message.get(field).and_then(Value::as_str)) {
            reasoning = Some(said.trim().to_owned());
        }
    }
    let mut parts = Vec::new();
    // Blocks come first, as they were made first.
    for block in list(message.get("reasoning_details")).iter().filter(|block| block.is_object()) {
        parts.push(ContentPart::from_custom(block.clone(), Some(model.clone())));
    }
    if !text.is_empty() {
        parts.push(ContentPart::Text(text));
    }
    for call in list(message.get("tool_calls")) {
        parts.push(ContentPart::ToolCall(asked(call)?));
    }
    let stop = choice.get("finish_reason").and_then(Value::as_str);
    let name = body.get("model").and_then(Value::as_str).map(str::to_owned);
    let usage = body.get("usage").cloned().unwrap_or_default();
    Ok(ChatResponse {
        content: MessageContent::from_parts(parts),
        reasoning_content: reasoning.filter(|text| !text.is_empty()),
        model_iden: model.clone(),
        provider_model_iden: name
            .map_or_else(|| model.clone(), |name| ModelIden::new(model.adapter_kind, name)),
        stop_reason: stop.map(|reason| StopReason::from(reason.to_owned())),
        // A count that cannot be read is no reason to lose the reply.
        usage: serde_json::from_value(usage).unwrap_or_default(),
        response_id: None,
        captured_raw_body: Some(body),
    })
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Text and thinking of a content that is a text or a list of blocks.
fn content(content: &Value) -> (String, Option<String>) {
    let mut texts = Vec::new();
    let mut thoughts = Vec::new();
    match content {
        Value::String(text) => texts.push(text.as_str()),
        Value::Array(blocks) => {
            for block in blocks {
                texts.extend(block.get("text").and_then(Value::as_str));
                let thinking = block.get("thinking");
                thoughts.extend(thinking.and_then(Value::as_str));
                let inner = list(thinking).iter();
                thoughts.extend(inner.filter_map(|part| part.get("text").and_then(Value::as_str)));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
    let thoughts = thoughts.concat();
    (texts.concat(), (!thoughts.is_empty()).then_some(thoughts))
}

fn asked(call: &Value) -> Result<ToolCall, String> {
    let name = call.pointer("/function/name").and_then(Value::as_str);
    let arguments = match call.pointer("/function/arguments") {
        Some(Value::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        Some(other) => other.clone(),
        None => Value::Null,
    };
    Ok(ToolCall {
        // Some servers give none; every call gets one of its own later.
        call_id: call.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        fn_name: name.ok_or("a tool call has no name")?.to_owned(),
        fn_arguments: arguments,
        thought_signatures: None,
    })
}
