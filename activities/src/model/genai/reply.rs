//! From a provider's response to a reply.

use genai::chat::{self, ChatResponse, ContentPart};
use longhaul_contract::model::{ModelReply, StopReason, Usage};
use longhaul_contract::tool::ToolCall;
use serde_json::Value;

use super::native;

pub(super) fn from_response(response: ChatResponse, format: &str) -> ModelReply {
    let native = native::keep(&response, format);
    let mut texts = Vec::new();
    let mut calls = Vec::new();
    for part in response.content.parts() {
        match part {
            ContentPart::Text(text) => texts.push(text.as_str()),
            ContentPart::ToolCall(call) => calls.push(ToolCall {
                id: call.call_id.clone(),
                tool: call.fn_name.clone(),
                arguments: call.fn_arguments.clone(),
                problem: None,
                blob: None,
            }),
            ContentPart::Binary(_)
            | ContentPart::ToolResponse(_)
            | ContentPart::ThoughtSignature(_)
            | ContentPart::ReasoningContent(_)
            | ContentPart::Custom(_) => {}
        }
    }
    let text = texts.join("\n\n");
    ModelReply {
        v: 1,
        text: (!text.trim().is_empty()).then_some(text),
        stop: stop(response.stop_reason.as_ref(), !calls.is_empty()),
        calls,
        native,
        usage: usage(&response.usage),
        cost_usd: None,
        model: response.provider_model_iden.model_name.to_string(),
        request_id: response.captured_raw_body.as_ref().and_then(response_id),
        answer: None,
        blob: None,
        judged: Vec::new(),
        policy: None,
    }
}

/// The response's id, under the names that providers have for it.
pub(super) fn response_id(body: &Value) -> Option<String> {
    ["id", "responseId", "response_id"]
        .iter()
        .find_map(|name| body.get(name).and_then(Value::as_str))
        .map(str::to_owned)
}

pub(super) fn usage(usage: &chat::Usage) -> Usage {
    let count = |tokens: Option<i32>| u64::try_from(tokens.unwrap_or(0)).unwrap_or(0);
    let input = usage.prompt_tokens_details.as_ref();
    let output = usage.completion_tokens_details.as_ref();
    Usage {
        input_tokens: count(usage.prompt_tokens),
        output_tokens: count(usage.completion_tokens),
        cached_tokens: count(input.and_then(|details| details.cached_tokens)),
        reasoning_tokens: count(output.and_then(|details| details.reasoning_tokens)),
    }
}

pub(super) fn stop(reason: Option<&chat::StopReason>, calls: bool) -> StopReason {
    match reason {
        Some(chat::StopReason::MaxTokens(_)) => StopReason::MaxTokens,
        Some(chat::StopReason::ContentFilter(_)) => StopReason::Filtered,
        // Providers differ in the word for a turn that calls tools; the calls themselves do not.
        Some(
            chat::StopReason::ToolCall(_)
            | chat::StopReason::Completed(_)
            | chat::StopReason::StopSequence(_)
            | chat::StopReason::Other(_),
        )
        | None
            if calls =>
        {
            StopReason::ToolCalls
        }
        Some(chat::StopReason::Completed(_) | chat::StopReason::StopSequence(_)) | None => {
            StopReason::EndTurn
        }
        Some(chat::StopReason::ToolCall(_) | chat::StopReason::Other(_)) => StopReason::Other,
    }
}
