//! From a conversation to a request.

use genai::adapter::AdapterKind;
use genai::chat::{CacheControl, ChatOptions, ChatRequest, MessageOptions, ReasoningEffort, Tool};
use longhaul_contract::definition::{Definition, ModelSettings};
use serde_json::json;

use super::messages::messages;
use crate::model::window::window;
use crate::model::{ModelCall, names};

/// What a model reads of the conversation, as a request.
pub(super) fn chat(call: &ModelCall<'_>, kind: AdapterKind, format: &str) -> ChatRequest {
    let mut messages = messages(&window(call.items), format);
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
        .filter(|spec| !spec.deferred)
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
    if kind == AdapterKind::OpenAIResp {
        // Without a word about caching, `genai` turns OpenAI's own off for the newest models; this
        // one is left out on the wire, so that the provider's default holds.
        options.cache_control = Some(CacheControl::Ephemeral5m);
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

pub(super) fn system(definition: &Definition) -> String {
    match &definition.output {
        Some(schema) => format!(
            "{}\n\nYour final answer must be JSON, and nothing but JSON, that fits this JSON \
             Schema:\n{schema}",
            definition.instructions.trim_end()
        ),
        None => definition.instructions.clone(),
    }
}
