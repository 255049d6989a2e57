//! Samples of conversation items.

use longhaul_contract::message::{Conversation, Item, Native, Position};
use longhaul_contract::run::{Message, SendReceipt};
use longhaul_contract::tool::{ToolCall, ToolOutcome};
use serde_json::json;

use super::{some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let items = items();
    let conversation: Conversation = items.iter().cloned().collect();
    vec![
        kind("item", items.into_iter().map(|item| (case(&item), item))),
        kind("native", [("reasoning", native())]),
        kind("position", [("start", Position::start()), ("end", conversation.position().clone())]),
        kind("conversation", [("all_items", conversation)]),
        kind("message", [("text", Message { text: text("and now?") })]),
        kind("send_receipt", [("queued", SendReceipt { turn: 4, queued_before: 2 })]),
    ]
}

/// Items of each kind; the assistant also with nothing but calls and with nothing but text.
pub(super) fn items() -> Vec<Item> {
    vec![
        Item::User { text: text("Survey this folder.\nBriefly.") },
        Item::Assistant {
            text: some("I look first."),
            calls: vec![call()],
            native: Some(native()),
        },
        Item::Assistant { text: None, calls: vec![call()], native: None },
        Item::Assistant { text: some("Done."), calls: Vec::new(), native: None },
        Item::ToolResult {
            call: text("call_1_1"),
            tool: text("files.list"),
            result: ToolOutcome::Done {
                content: text("{\"entries\":[]}"),
                truncated: false,
                blob: None,
            },
            edited: None,
        },
        Item::ToolResult {
            call: text("call_2_1"),
            tool: text("files.write"),
            result: ToolOutcome::Expired,
            edited: Some(json!({"path": "BRIEF.md"})),
        },
        Item::Notice { text: text("the answer does not fit the schema: `/title` is missing") },
    ]
}

/// A call without a problem.
pub(super) fn call() -> ToolCall {
    ToolCall {
        id: text("call_1_1"),
        tool: text("files.list"),
        arguments: json!({"path": ".", "max": 50}),
        problem: None,
        blob: None,
    }
}

/// Blocks that a provider wants back.
pub(super) fn native() -> Native {
    Native {
        format: text("genai-0.7.2"),
        parts: json!([{"type": "reasoning", "encrypted_content": "AAEC"}]),
    }
}

fn case(item: &Item) -> &'static str {
    match item {
        Item::User { .. } => "user",
        Item::Assistant { calls, .. } if calls.is_empty() => "assistant_text",
        Item::Assistant { text: None, .. } => "assistant_calls",
        Item::Assistant { .. } => "assistant",
        Item::ToolResult { edited: None, .. } => "tool_result",
        Item::ToolResult { .. } => "tool_result_edited",
        Item::Notice { .. } => "notice",
    }
}
