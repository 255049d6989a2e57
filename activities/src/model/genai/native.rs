//! What a provider wants back verbatim: reasoning, thought signatures, blocks of its own.
//!
//! Text and calls are in the item already, so the parts only say where they stood:
//! `"text"`, `{"call": 0, "signatures": […]}`, or `{"part": …}` for what is kept as it came.

use genai::adapter::AdapterKind;
use genai::chat::{ChatResponse, ContentPart, ToolCall};
use longhaul_contract::message::Native;
use serde_json::{Value, json};

/// The name of this encoding for one provider: parts never go to another.
pub(super) fn format(kind: AdapterKind) -> String {
    format!("genai-0.7.2/{}", kind.as_lower_str())
}

/// What of `response` must be kept, if anything.
pub(super) fn keep(response: &ChatResponse, format: &str) -> Option<Native> {
    let mut parts = Vec::new();
    let mut native = false;
    let mut call = 0;
    for part in response.content.parts() {
        match part {
            ContentPart::Text(_) => {
                if !parts.contains(&json!("text")) {
                    parts.push(json!("text"));
                }
            }
            ContentPart::ToolCall(asked) => {
                native |= asked.thought_signatures.is_some();
                parts.push(json!({"call": call, "signatures": asked.thought_signatures}));
                call += 1;
            }
            ContentPart::ThoughtSignature(_) | ContentPart::ReasoningContent(_) => {
                native = true;
                parts.push(json!({"part": part}));
            }
            ContentPart::Custom(custom) => {
                // The model's name inside cannot be read back, and nothing needs it.
                let mut custom = custom.clone();
                custom.model_iden = None;
                native = true;
                parts.push(json!({"part": ContentPart::Custom(custom)}));
            }
            ContentPart::Binary(_) | ContentPart::ToolResponse(_) => {}
        }
    }
    // Some wires report reasoning beside the content; a provider that wants it back wants it with
    // the calls that it led to.
    if let Some(reasoning) = &response.reasoning_content
        && call > 0
        && !response.content.contains_reasoning_content()
    {
        native = true;
        parts.push(json!({"part": ContentPart::ReasoningContent(reasoning.clone())}));
    }
    native.then(|| Native { format: format.to_owned(), parts: Value::Array(parts) })
}

/// The content as the provider sent it; `None` if `parts` do not fit the item.
pub(super) fn restore(
    parts: &Value,
    text: Option<&str>,
    calls: &[ToolCall],
) -> Option<Vec<ContentPart>> {
    let mut content = Vec::new();
    let mut restored = 0;
    for part in parts.as_array()? {
        if part == "text" {
            content.extend(text.map(ContentPart::from_text));
        } else if let Some(index) = part.get("call").and_then(Value::as_u64) {
            let mut call = calls.get(usize::try_from(index).ok()?)?.clone();
            call.thought_signatures = part
                .get("signatures")
                .and_then(|kept| serde_json::from_value(kept.clone()).ok())?;
            content.push(ContentPart::ToolCall(call));
            restored += 1;
        } else {
            content.push(serde_json::from_value(part.get("part")?.clone()).ok()?);
        }
    }
    (restored == calls.len()).then_some(content)
}
